// overhead: what a run costs beside its arithmetic: a scalar run, a callable, a native loop, and the deck's training step.
import { classifier } from '../examples/deck.js';
import { gaussianClasses } from '../examples/lib/gaussian.js';
import { RandomState } from '../examples/lib/mt19937.js';
import * as tf from '../lib/index.js';
import type { Row, Trial } from './harness.js';

const POINTS_PER_CLASS = 100;
const LOOP = 100;

const scalarRows = (): Row[] =>
  new tf.Graph().asDefault(() => {
    const x = tf.placeholder('float', []);
    const w = new tf.Variable(3);
    const b = new tf.Variable(4);
    const y = x.mul(w).add(b);
    const session = new tf.Session();
    session.runSync(tf.globalVariablesInitializer());
    const step = session.makeCallable(y, [x]);
    let value = 0;
    const next = (): number => (value = (value + 1) % 1000);
    return [
      {
        name: 'scalar x*w+b, runSync',
        limit: 3,
        call: () => Number(session.runSync(y, new Map([[x, next()]]))),
      },
      { name: 'scalar x*w+b, callable', call: () => Number(step(next())) },
    ];
  });

/** The deck's step: sigmoid and cross-entropy in float64 over 200 points, gradient descent on W and b. */
const deckRows = (): Row[] =>
  new tf.Graph().asDefault(() => {
    const { X, labels, cost } = classifier(() => ({
      W: new tf.Variable(tf.zeros([2, 1], 'float')),
      b: new tf.Variable(tf.zeros([1], 'float')),
    }));
    const train = new tf.train.GradientDescentOptimizer(0.001).minimize(cost);
    const session = new tf.Session();
    session.runSync(tf.globalVariablesInitializer());
    const points = gaussianClasses(POINTS_PER_CLASS, new RandomState(1));
    const x = tf.ndarray(Float32Array.from(points.x), [points.count, 2]);
    const y = tf.ndarray(Float32Array.from(points.labels));
    const feeds = new Map([
      [X, x],
      [labels, y],
    ]);
    const step = session.makeCallable([train, cost], [X, labels]);
    return [
      {
        name: `deck step N=${points.count}, runSync([train, cost])`,
        limit: 25,
        call: () => Number(session.runSync([train, cost], feeds)[1]),
      },
      { name: `deck step N=${points.count}, callable`, limit: 25, call: () => Number(step(x, y)[1]) },
      {
        name: `deck step N=${points.count}, runLoop of ${LOOP} steps`,
        call: () => {
          const [, costs] = session.runLoopSync([train, cost], LOOP, feeds);
          return Number(costs!.data.at(-1));
        },
      },
    ];
  });

export const trial: Trial = {
  name: 'overhead',
  about: 'what a run costs beside its arithmetic',
  make: () => [...scalarRows(), ...deckRows()],
};
