// Softmax regression on MNIST's handwritten digits with Adam. `npm run example -- mnist [--epochs 50]`
// Ported from lab-10-1 of hunkim/DeepLearningZeroToAll; its printed costs come out digit by digit.
import * as tf from '../lib/index.js';
import { main, wholeNumber } from './lib/main.js';
import { type Batch, readMnist } from './lib/mnist.js';
import { progress } from './lib/progress.js';

const SEED = 777;
const BATCH = 100;

/** Trains for `epochs` passes and returns the share of right answers on the test set; `onEpoch` hears the mean cost of each pass. */
export const mnist = (epochs: number, onEpoch: (epoch: number, cost: number) => void, data = readMnist(SEED)): number =>
  new tf.Graph().asDefault(() => {
    tf.setRandomSeed(SEED);
    const X = tf.placeholder(tf.float32, [null, 784]);
    const Y = tf.placeholder(tf.float32, [null, 10]);
    const W = new tf.Variable(tf.randomNormal([784, 10]));
    const b = new tf.Variable(tf.randomNormal([10]));

    const logits = tf.matmul(X, W).add(b);
    const labels = tf.stopGradient(Y);
    const cost = tf.reduceMean(tf.nn.softmaxCrossEntropyWithLogitsV2({ logits, labels }));
    const train = new tf.train.AdamOptimizer({ learningRate: 0.001 }).minimize(cost);
    const right = tf.equal(tf.argmax(logits, { axis: 1 }), tf.argmax(Y, { axis: 1 }));
    const accuracy = tf.reduceMean(tf.cast(right, tf.float32));

    using sess = new tf.Session();
    sess.runSync(tf.globalVariablesInitializer());
    const feedsOf = ({ images, labels: oneHot }: Batch) =>
      new Map([
        [X, tf.ndarray(images, [images.length / 784, 784])],
        [Y, tf.ndarray(oneHot, [oneHot.length / 10, 10])],
      ]);
    const batches = Math.floor(data.train.count / BATCH);
    const bar = progress(epochs * batches);
    for (let epoch = 0; epoch < epochs; epoch++) {
      let mean = 0;
      for (let i = 0; i < batches; i++) {
        const [, costNow] = sess.runSync([train, cost], feedsOf(data.train.nextBatch(BATCH)));
        mean += Number(costNow) / batches;
        bar.update(epoch * batches + i + 1, `epoch ${epoch + 1} of ${epochs}`);
      }
      bar.stop();
      onEpoch(epoch + 1, mean);
    }
    return Number(sess.runSync(accuracy, feedsOf(data.test)));
  });

void main(import.meta.url, { epochs: { type: 'string', default: '50' } }, ({ epochs }) => {
  const started = performance.now();
  const accuracy = mnist(wholeNumber('epochs', epochs), (epoch, cost) =>
    console.log(`Epoch: ${String(epoch).padStart(4, '0')} cost = ${cost.toFixed(9)}`),
  );
  console.log(`Learning finished in ${((performance.now() - started) / 1000).toFixed(1)} s`);
  console.log(`Accuracy: ${accuracy.toFixed(4)}`);
});
