// overhead: what grafo's runs cost beside their arithmetic, held under limits: a scalar run, a callable, a native loop, the deck's training step.
import { classifier } from '../examples/deck.js';
import { gaussianClasses } from '../examples/lib/gaussian.js';
import { RandomState } from '../examples/lib/mt19937.js';
import * as tf from '../lib/index.js';
import type { Case, Maker, RowSpec, Trial } from './lib/trial.js';

const POINTS_PER_CLASS = 100;
const LOOP = 100;
const SCALAR_US = 3;
const STEP_US = 25;

const row = (name: string, dtype: string, limitUs?: number): RowSpec => ({
  name,
  dtypes: [dtype],
  tolerance: 1e-6,
  inputs: 'every call',
  best: {},
  ...(limitUs === undefined ? {} : { limitUs }),
});

export const trial: Trial = {
  name: 'overhead',
  about: `what a run costs beside its arithmetic (the deck's step: ${2 * POINTS_PER_CLASS} points)`,
  rows: [
    row('overhead.affine.runSync', 'float32', SCALAR_US),
    row('overhead.affine.callable', 'float32'),
    row('overhead.deck.runSync', 'float64', STEP_US),
    row('overhead.deck.callable', 'float64', STEP_US),
    row(`overhead.deck.runLoop${LOOP}`, 'float64'),
  ],
};

/** x * w + b with variables w and b. */
const affine = (threads: number) =>
  new tf.Graph().asDefault(() => {
    const x = tf.placeholder('float', []);
    const y = x.mul(new tf.Variable(3)).add(new tf.Variable(4));
    const session = new tf.Session({ threads });
    session.runSync(tf.globalVariablesInitializer());
    return { x, y, session };
  });

const affineCase = (run: (x: number) => tf.NDArray): Case => ({
  call: (i) => run(i % 1000),
  check: (set) => ({ dtype: 'float32', values: [[Number(run(set + 1).item())]] }),
});

/** The deck's step: sigmoid and cross-entropy in float64, gradient descent on W and b. */
const deck = (threads: number) =>
  new tf.Graph().asDefault(() => {
    const { X, labels, cost } = classifier(() => ({
      W: new tf.Variable(tf.zeros([2, 1], 'float')),
      b: new tf.Variable(tf.zeros([1], 'float')),
    }));
    const train = new tf.train.GradientDescentOptimizer(0.001).minimize(cost);
    const session = new tf.Session({ threads });
    const start = tf.globalVariablesInitializer();
    session.runSync(start);
    const feeds = [1, 2].map((seed) => {
      const points = gaussianClasses(POINTS_PER_CLASS, new RandomState(seed));
      return [
        [X, tf.ndarray(Float32Array.from(points.x), [points.count, 2])],
        [labels, tf.ndarray(Float32Array.from(points.labels))],
      ] as const;
    });
    return { X, labels, cost, train, session, start, feeds };
  });

const deckCase = ({ session, start }: ReturnType<typeof deck>, run: (set: number) => tf.NDArray): Case => {
  const reset = (): void => void session.runSync(start);
  return {
    call: (i) => run(i & 1),
    reset,
    check: (set) => {
      reset();
      // From zero weights the first cost is that of any points.
      run(set);
      const { dtype, data } = run(set);
      return { dtype: dtype.name, values: [data as Float64Array] };
    },
  };
};

export const grafo: Maker = (threads) => ({
  'overhead.affine.runSync': () => {
    const { x, y, session } = affine(threads);
    return affineCase((value) => session.runSync(y, new Map([[x, value]])));
  },
  'overhead.affine.callable': () => {
    const { x, y, session } = affine(threads);
    const step = session.makeCallable(y, [x]);
    return affineCase((value) => step(value));
  },
  'overhead.deck.runSync': () => {
    const model = deck(threads);
    const feeds = model.feeds.map((pairs) => new Map(pairs));
    return deckCase(model, (set) => model.session.runSync([model.train, model.cost], feeds[set]!)[1]);
  },
  'overhead.deck.callable': () => {
    const model = deck(threads);
    const step = model.session.makeCallable([model.train, model.cost], [model.X, model.labels]);
    return deckCase(model, (set) => step(...model.feeds[set]!.map(([, value]) => value))[1]);
  },
  [`overhead.deck.runLoop${LOOP}`]: () => {
    const model = deck(threads);
    return deckCase(model, (set) => model.session.runLoopSync([model.train, model.cost], LOOP, model.feeds[set]!)[1]);
  },
});
