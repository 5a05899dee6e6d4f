// The deck's main job, `npm start`: two classes of points, a line drawn by hand, and the same line learned by gradient descent.
// Ported from the course notebook TSA_IntroTF_2 (MUIT-DeepAudio); `--data points.csv` does it on points of your own.
import * as tf from '../lib/index.js';
import { readPoints } from './lib/csv.js';
import { gaussianClasses, type Points } from './lib/gaussian.js';
import { main, UsageError, wholeNumber } from './lib/main.js';
import { RandomState } from './lib/mt19937.js';
import { frameOf, gridOf, lineIn, writeClassifier } from './lib/plot.js';
import { progress } from './lib/progress.js';
import { lineBack, type Pair, type Scale, scaled, scaleOf, UNSCALED } from './lib/scale.js';

const RATE = 0.001;
const EPOCHS = 10;
const MINIBATCHES = 1000;
const BATCH = 40;
/** Cells of the picture's grid of probabilities. */
const COLUMNS = 128;
const ROWS = 112;
/** The line drawn by hand: x2 + 1.23 x1 - 0.55 = 0. */
const HAND = { W: [[1.23], [1]], b: -0.55 };

/** What training came to: the cost and the weights, and the share of the points on their side of the line. */
export interface Fit {
  readonly cost: number;
  readonly W: Pair;
  readonly b: number;
  readonly accuracy: number;
}

/** What the program found, for its tests. */
export interface DeckResult {
  readonly plain: { readonly cost: number; readonly probability: Float64Array };
  readonly graph: { readonly cost: number; readonly probability: Float64Array };
  /** After each epoch of full batches. */
  readonly epochs: readonly Fit[];
  /** After the minibatches. */
  readonly fit: Fit;
}

/** Options of `runDeck`. */
export interface DeckOptions {
  /** The points; by default two Gaussian classes of 100 each. */
  readonly points?: Points | undefined;
  /** What the artificial points and the minibatches are drawn from. */
  readonly seed?: number | undefined;
  /** Where the picture goes; none is drawn without it. */
  readonly out?: string | undefined;
  readonly print?: ((line: string) => void) | undefined;
}

/** The model of the notebook: a line's side as a probability, and the cross-entropy of the labels. */
export const classifier = (parameters: () => { W: tf.Tensor | tf.Variable; b: tf.Tensor | tf.Variable }) => {
  const X = tf.placeholder('float', [null, 2]);
  const labels = tf.placeholder('float', [null]);
  const { W, b } = parameters();
  const pred = tf.sigmoid(tf.toDouble(tf.reduceSum(tf.matmul(X, W), [1]).add(b)));
  const hit = tf.toDouble(labels).mul(tf.log(pred));
  const miss = tf
    .toDouble(labels)
    .rsub(1)
    .mul(tf.log(pred.rsub(1)));
  const cost = tf.reduceSum(hit.add(miss)).neg();
  return { X, labels, W, b, pred, cost };
};

const feedsOf = (X: tf.Tensor, labels: tf.Tensor, points: Points) =>
  new Map<tf.Tensor, tf.ArrayLike>([
    [X, tf.ndarray(points.x, [points.count, 2])],
    [labels, points.labels],
  ]);

/** The same by plain arrays: a probability a point, and their cross-entropy. */
const byPlainArrays = ({ x, labels, count }: Points) => {
  const probability = new Float64Array(count);
  let cost = 0;
  for (let i = 0; i < count; i++) {
    const side = x[2 * i + 1]! + 1.23 * x[2 * i]! - 0.55;
    const p = 1 / (1 + Math.exp(-side));
    probability[i] = p;
    cost -= labels[i]! * Math.log(p) + (1 - labels[i]!) * Math.log(1 - p);
  }
  return { cost, probability };
};

const accuracyOf = (probability: ArrayLike<number>, { labels, count }: Points): number => {
  let right = 0;
  for (let i = 0; i < count; i++) if (Number(probability[i]! > 0.5) === labels[i]) right++;
  return right / count;
};

const rowsOf = ({ x, labels }: Points, picked: Uint32Array) => ({
  x: Float64Array.from({ length: 2 * picked.length }, (_, i) => x[2 * picked[i >> 1]! + (i & 1)]!),
  labels: Float64Array.from(picked, (row) => labels[row]!),
  count: picked.length,
});

/** The hand-made line: what plain arrays say and what the graph says. */
const byHand = (points: Points) =>
  new tf.Graph().asDefault(() => {
    const { X, labels, pred, cost } = classifier(() => ({
      W: tf.constant(HAND.W, { name: 'weights' }),
      b: tf.constant(HAND.b, { name: 'bias' }),
    }));
    using sess = new tf.Session();
    // A graph without variables needs no initialisation, but the recipe's line works all the same.
    sess.runSync(tf.globalVariablesInitializer());
    const [p, c] = sess.runSync([pred, cost], feedsOf(X, labels, points));
    return { plain: byPlainArrays(points), graph: { cost: Number(c), probability: p.data as Float64Array } };
  });

/** Trains on all points at once; then, from new, on minibatches. Asks the trained graph for the probabilities of `cells`. */
const train = (points: Points, scale: Scale, cells: Float64Array, random: RandomState, print: (line: string) => void) =>
  new tf.Graph().asDefault(() => {
    const { X, labels, W, b, pred, cost } = classifier(() => ({
      W: new tf.Variable(tf.zeros([2, 1], 'float'), { name: 'weight' }),
      b: new tf.Variable(tf.zeros([1], 'float'), { name: 'bias' }),
    }));
    const rate = tf.placeholderWithDefault(RATE, []);
    const optimizer = new tf.train.GradientDescentOptimizer(rate).minimize(cost);
    const init = tf.globalVariablesInitializer();
    using sess = new tf.Session();

    const all = feedsOf(X, labels, points);
    const measure = (): Fit => {
      const [c, w, bias, p] = sess.runSync([cost, W, b, pred], all);
      if (!Number.isFinite(Number(c))) {
        throw new UsageError(`the cost became ${c}: a point lies so far out that its probability is exactly 0 or 1`);
      }
      const [w1, w2] = w.data as Float32Array;
      const line = lineBack([w1!, w2!], Number(bias), scale);
      return { cost: Number(c), ...line, accuracy: accuracyOf(p.data as Float64Array, points) };
    };

    // The cost is a sum over the points, so a full batch's step has to shrink with their number; the deck has 200.
    const fullBatch = new Map([...all, [rate, (RATE * 200) / points.count]]);
    print(`Training, ${EPOCHS} epochs of all ${points.count} points:`);
    sess.runSync(init);
    const epochs = Array.from({ length: EPOCHS }, (_, epoch) => {
      sess.runSync(optimizer, fullBatch);
      const now = measure();
      print(`  epoch ${String(epoch + 1).padStart(2)}: ${describe(now)}`);
      return now;
    });

    print(`Training anew, ${MINIBATCHES} minibatches of ${BATCH}:`);
    sess.runSync(init);
    const bar = progress(MINIBATCHES);
    for (let i = 0; i < MINIBATCHES; i++) {
      const batch = rowsOf(points, random.choice(points.count, BATCH));
      sess.runSync(optimizer, feedsOf(X, labels, batch));
      bar.update(i + 1);
    }
    bar.stop();
    const last = measure();
    print(`  ${describe(last)}`);
    const probability = sess.runSync(pred, new Map([[X, tf.ndarray(cells, [cells.length / 2, 2])]]));
    return { epochs, fit: last, probability: probability.data as Float64Array };
  });

const describe = ({ cost, W, b, accuracy }: Fit): string =>
  `cost ${cost.toFixed(4)}, W [${W[0].toFixed(5)}, ${W[1].toFixed(5)}], b ${b.toFixed(5)}, accuracy ${accuracy.toFixed(3)}`;

/**
 * Runs the deck's program.
 *
 * @example const { fit } = await runDeck({ seed: 1 }); // fit.accuracy is about 0.9
 */
export const runDeck = async (options: DeckOptions = {}): Promise<DeckResult> => {
  const { seed = 1, out, print = () => {} } = options;
  const random = new RandomState(seed);
  const own = options.points ?? gaussianClasses(100, random);
  const scale = options.points === undefined ? UNSCALED : scaleOf(own);
  const points = { ...own, x: scaled(own.x, scale) };
  print(`${own.count} points of two classes`);
  if (scale !== UNSCALED)
    print(`  brought to mean 0 and spread 6 for the computation; W and b are in the file's own units`);

  const { plain, graph } = byHand(points);
  print('The line drawn by hand, x2 + 1.23 x1 - 0.55 = 0:');
  for (const [who, { cost, probability }] of [
    ['plain arrays', plain],
    ['the graph', graph],
  ] as const) {
    print(`  ${who.padEnd(12)} cross-entropy ${cost.toFixed(6)}, accuracy ${accuracyOf(probability, own).toFixed(3)}`);
  }
  const apart = plain.probability.reduce((most, p, i) => Math.max(most, Math.abs(p - graph.probability[i]!)), 0);
  print(`  the two differ by ${apart.toExponential(1)} at most in a probability`);

  const frame = frameOf(own);
  const cells = scaled(gridOf(frame, COLUMNS, ROWS), scale);
  const { epochs, fit, probability } = train(points, scale, cells, random, print);
  if (out !== undefined) {
    const line = lineIn(frame, ...fit.W, fit.b);
    const title = 'Probability of class 1';
    await writeClassifier(out, { points: own, frame, line, probability, columns: COLUMNS, rows: ROWS, title });
    print(`${out} shows the points, the line and its probabilities`);
  }
  return { plain, graph, epochs, fit };
};

const OPTIONS = {
  data: { type: 'string' },
  out: { type: 'string', default: 'out/classifier.svg' },
  seed: { type: 'string', default: '1' },
} as const;

void main(import.meta.url, OPTIONS, async ({ data, out, seed }) => {
  const points = data === undefined ? undefined : readPoints(data);
  const { fit } = await runDeck({ points, out, seed: wholeNumber('seed', seed, 0), print: console.log });
  console.log(`accuracy ${fit.accuracy.toFixed(2)}`);
});
