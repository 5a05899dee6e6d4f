// A network of two layers learns XOR, which no line can. `npm run example -- xor`
// Ported from lab-09-2 of hunkim/DeepLearningZeroToAll.
import * as tf from '../lib/index.js';
import { main } from './lib/main.js';

/** What the trained network answers to (0,0), (0,1), (1,0), (1,1), and the share of right ones. */
export interface XorResult {
  readonly hypothesis: tf.NDArray;
  readonly predicted: tf.NDArray;
  readonly accuracy: number;
}

/** Trains for `steps` steps; `onCost` hears the cost of every 100th. */
export const xor = (steps: number, onCost: (step: number, cost: number) => void = () => {}): XorResult =>
  new tf.Graph().asDefault(() => {
    tf.setRandomSeed(777);
    const X = tf.placeholder(tf.float32, [null, 2]);
    const Y = tf.placeholder(tf.float32, [null, 1]);

    const W1 = new tf.Variable(tf.randomNormal([2, 2]), { name: 'weight1' });
    const b1 = new tf.Variable(tf.randomNormal([2]), { name: 'bias1' });
    const layer1 = tf.sigmoid(tf.matmul(X, W1).add(b1));
    const W2 = new tf.Variable(tf.randomNormal([2, 1]), { name: 'weight2' });
    const b2 = new tf.Variable(tf.randomNormal([1]), { name: 'bias2' });
    const hypothesis = tf.sigmoid(tf.matmul(layer1, W2).add(b2));

    const hit = Y.mul(tf.log(hypothesis));
    const miss = Y.rsub(1).mul(tf.log(hypothesis.rsub(1)));
    const cost = tf.reduceMean(hit.add(miss)).neg();
    const train = new tf.train.GradientDescentOptimizer(0.1).minimize(cost);
    const predicted = tf.cast(tf.greater(hypothesis, 0.5), tf.float32);
    const accuracy = tf.reduceMean(tf.cast(tf.equal(predicted, Y), tf.float32));

    using sess = new tf.Session();
    sess.runSync(tf.globalVariablesInitializer());
    const feeds = new Map([
      [
        X,
        [
          [0, 0],
          [0, 1],
          [1, 0],
          [1, 1],
        ],
      ],
      [Y, [[0], [1], [1], [0]]],
    ]);
    for (let step = 0; step < steps; step++) {
      const [, costNow] = sess.runSync([train, cost], feeds);
      if (step % 100 === 0) onCost(step, Number(costNow));
    }
    const [h, p, a] = sess.runSync([hypothesis, predicted, accuracy], feeds);
    return { hypothesis: h, predicted: p, accuracy: Number(a) };
  });

void main(import.meta.url, {}, () => {
  const { hypothesis, predicted, accuracy } = xor(10001, (step, cost) => console.log(step, cost.toPrecision(8)));
  console.log(`\nHypothesis:\n${hypothesis}\nPredicted:\n${predicted}\nAccuracy:\n${accuracy}`);
});
