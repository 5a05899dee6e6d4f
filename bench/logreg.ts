// logreg: logistic regression, 1000 points, 100 full-batch epochs from zero: the main job of small programs, all overhead.
import * as tf from '../lib/index.js';
import { labels, uniform } from './lib/inputs.js';
import { always, type Maker, type RowSpec, type Trial } from './lib/trial.js';

const POINTS = 1000;
const EPOCHS = 100;
const RATE = 1e-3;

const row = (name: string, best: readonly string[]): RowSpec => ({
  name,
  dtypes: ['float32'],
  tolerance: 1e-4,
  inputs: 'every call',
  best: always(...best),
  limit: { kind: 'ref' },
});

export const trial: Trial = {
  name: 'logreg',
  about: 'logistic regression, N=1000, 100 full-batch epochs',
  rows: [row('train.logreg', ['numpy', 'jax']), row('train.logreg.wholeloop', ['jax'])],
};

/** The points of set 0 or 1, and which side of a line they are on. */
const points = (set: number) => ({
  x: uniform(set, 0, 2 * POINTS) as Float32Array<ArrayBuffer>,
  l: labels(set, 1, POINTS),
});

const model = (threads: number) =>
  new tf.Graph().asDefault(() => {
    const x = tf.placeholder('float32', [POINTS, 2]);
    const l = tf.placeholder('float32', [POINTS, 1]);
    const W = new tf.Variable(tf.zeros([2, 1]));
    const b = new tf.Variable(tf.zeros([1]));
    const p = tf.sigmoid(tf.matmul(x, W).add(b));
    const likelihood = l.mul(tf.log(p)).add(l.rsub(1).mul(tf.log(p.rsub(1))));
    const cost = tf.neg(tf.reduceSum(likelihood));
    const train = new tf.train.GradientDescentOptimizer(RATE).minimize(cost);
    const session = new tf.Session({ threads });
    const start = tf.globalVariablesInitializer();
    const feeds = [0, 1].map((set) => {
      const { x: xs, l: ls } = points(set);
      return new Map([
        [x, tf.ndarray(xs, [POINTS, 2])],
        [l, tf.ndarray(ls, [POINTS, 1])],
      ]);
    });
    const weights = (): Float32Array[] => [W, b].map((v) => session.readVariable(v).data as Float32Array);
    return { session, start, feeds, train, cost, weights };
  });

export const grafo: Maker = (threads) => ({
  'train.logreg': () => {
    const { session, start, feeds, train, cost, weights } = model(threads);
    const epochs = (set: number): tf.NDArray => {
      session.runSync(start);
      let last: tf.NDArray | undefined;
      for (let i = 0; i < EPOCHS; i++) [, last] = session.runSync([train, cost], feeds[set]!);
      return last!;
    };
    return {
      call: (i) => epochs(i & 1),
      check: (set) => {
        const { dtype, data } = epochs(set);
        return { dtype: dtype.name, values: [data as Float32Array, ...weights()] };
      },
    };
  },
  'train.logreg.wholeloop': () => {
    const { session, start, feeds, train, cost } = model(threads);
    const epochs = (set: number): tf.NDArray => {
      session.runSync(start);
      return session.runLoopSync([train, cost], EPOCHS, feeds[set]!)[1];
    };
    return {
      call: (i) => epochs(i & 1),
      check: (set) => {
        const { dtype, data } = epochs(set);
        return { dtype: dtype.name, values: [data as Float32Array] };
      },
    };
  },
});

export const plain: Maker = () => {
  const sets = [0, 1].map(points);
  const epochs = (set: number) => {
    const { x, l } = sets[set]!;
    const costs = new Float32Array(EPOCHS);
    let w0 = 0;
    let w1 = 0;
    let b = 0;
    for (let epoch = 0; epoch < EPOCHS; epoch++) {
      let g0 = 0;
      let g1 = 0;
      let gb = 0;
      let cost = 0;
      for (let i = 0; i < POINTS; i++) {
        const x0 = x[2 * i]!;
        const x1 = x[2 * i + 1]!;
        const p = 1 / (1 + Math.exp(-(x0 * w0 + x1 * w1 + b)));
        cost -= l[i]! * Math.log(p) + (1 - l[i]!) * Math.log(1 - p);
        const g = p - l[i]!;
        g0 += g * x0;
        g1 += g * x1;
        gb += g;
      }
      w0 -= RATE * g0;
      w1 -= RATE * g1;
      b -= RATE * gb;
      costs[epoch] = cost;
    }
    return { costs, weights: Float32Array.of(w0, w1), bias: Float32Array.of(b) };
  };
  return {
    'train.logreg': () => ({
      call: (i) => epochs(i & 1),
      check: (set) => {
        const { costs, weights, bias } = epochs(set);
        return { dtype: 'float32', values: [costs.subarray(-1), weights, bias] };
      },
    }),
    'train.logreg.wholeloop': () => ({
      call: (i) => epochs(i & 1),
      check: (set) => ({ dtype: 'float32', values: [epochs(set).costs] }),
    }),
  };
};
