// mlp: one training step of 784-512-256-10 with relu over a batch of 128, by momentum and by Adam: what engines are chosen for.
import * as tf from '../lib/index.js';
import { type Model, trainingCase } from './lib/grafoTraining.js';
import { MLP, mlpBatch, mlpWeights, pairs } from './lib/layers.js';
import type { Maker, Trial } from './lib/trial.js';

/** Products of the step: forward, gradients of the weights, and of all inputs but the first. */
const FLOPS = 2 * MLP.batch * pairs(MLP.sizes).reduce((sum, [from, to], i) => sum + (i === 0 ? 2 : 3) * from * to, 0);

export const trial: Trial = {
  name: 'mlp',
  about: 'a training step of 784-512-256-10, batch 128',
  rows: ['train.mlp.sgdm', 'train.mlp.adam'].map((name) => ({
    name,
    dtypes: ['float32'],
    tolerance: 1e-3,
    inputs: 'every call',
    best: { 1: ['tf'], 2: ['jax'] },
    limit: { kind: 'fma', flops: FLOPS, dtype: 'float32' },
  })),
};

const model = (optimizer: () => tf.train.Optimizer) => (): Model => {
  const { sizes, batch } = MLP;
  const x = tf.placeholder('float32', [batch, sizes[0]!]);
  const y = tf.placeholder('int32', [batch]);
  let h: tf.Tensor = x;
  for (const [i, [from, to]] of pairs(sizes).entries()) {
    const W = new tf.Variable(tf.ndarray(mlpWeights(i), [from, to]));
    const z = tf.matmul(h, W).add(new tf.Variable(tf.zeros([to])));
    h = i + 2 < sizes.length ? tf.nn.relu(z) : z;
  }
  const loss = tf.reduceMean(tf.nn.sparseSoftmaxCrossEntropyWithLogits({ labels: y, logits: h }));
  return {
    feeds: [x, y],
    batch: (b) => {
      const made = mlpBatch(b);
      return [tf.ndarray(made.x, [batch, sizes[0]!]), tf.ndarray(made.y)];
    },
    loss,
    train: optimizer().minimize(loss),
  };
};

export const grafo: Maker = (threads) => ({
  'train.mlp.sgdm': () =>
    trainingCase(
      threads,
      model(() => new tf.train.MomentumOptimizer(MLP.momentum.rate, MLP.momentum.momentum)),
    ),
  'train.mlp.adam': () =>
    trainingCase(
      threads,
      model(() => new tf.train.AdamOptimizer(MLP.adam)),
    ),
});
