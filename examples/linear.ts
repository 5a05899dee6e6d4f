// Linear regression of three points by gradient descent. `npm run example -- linear`
// Ported from lab-02-1 of hunkim/DeepLearningZeroToAll.
import * as tf from '../lib/index.js';
import { main } from './lib/main.js';

/** Cost and parameters after a step. */
export interface LinearStep {
  readonly step: number;
  readonly cost: number;
  readonly W: number;
  readonly b: number;
}

/** Fits y = W x + b to (1, 1), (2, 2), (3, 3); `onStep` hears of every 20th step. */
export const linear = (steps: number, onStep: (at: LinearStep) => void): void =>
  new tf.Graph().asDefault(() => {
    tf.setRandomSeed(777);
    const xTrain = [1, 2, 3];
    const yTrain = [1, 2, 3];

    const W = new tf.Variable(tf.randomNormal([1]), { name: 'weight' });
    const b = new tf.Variable(tf.randomNormal([1]), { name: 'bias' });
    const hypothesis = W.rmul(xTrain).add(b);
    const cost = tf.reduceMean(tf.square(hypothesis.sub(yTrain)));
    const train = new tf.train.GradientDescentOptimizer(0.01).minimize(cost);

    using sess = new tf.Session();
    sess.runSync(tf.globalVariablesInitializer());
    for (let step = 0; step < steps; step++) {
      sess.runSync(train);
      if (step % 20 !== 0) continue;
      // A run of its own: fetched together with `train`, these would be the values before the step.
      const [costNow, WNow, bNow] = sess.runSync([cost, W, b]);
      onStep({ step, cost: Number(costNow), W: Number(WNow), b: Number(bNow) });
    }
  });

void main(import.meta.url, {}, () =>
  linear(2001, ({ step, cost, W, b }) =>
    console.log(
      step,
      cost < 1e-4 ? cost.toExponential(5) : cost.toPrecision(6),
      `[${W.toFixed(8)}]`,
      `[${b.toFixed(8)}]`,
    ),
  ),
);
