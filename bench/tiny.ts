// tiny: one training step of 2-8-8-1 with tanh over ten points: arithmetic of a microsecond, so what shows is the way to it.
import * as tf from '../lib/index.js';
import { trainingCase } from './lib/grafoTraining.js';
import { BATCHES, CHECKED_STEPS, pairs, TINY, tinyBatch, tinyWeights } from './lib/layers.js';
import type { Maker, Trial } from './lib/trial.js';

export const trial: Trial = {
  name: 'tiny',
  about: 'a training step of 2-8-8-1, batch 10',
  rows: [
    {
      name: 'train.tiny',
      dtypes: ['float32'],
      tolerance: 1e-3,
      inputs: 'every call',
      best: { 1: ['plain-js', 'jax'], 2: ['jax'] },
    },
  ],
};

export const grafo: Maker = (threads) => ({
  'train.tiny': () =>
    trainingCase(threads, () => {
      const { sizes, batch, rate } = TINY;
      const x = tf.placeholder('float32', [batch, sizes[0]!]);
      const y = tf.placeholder('float32', [batch, 1]);
      let h: tf.Tensor = x;
      for (const [i, [from, to]] of pairs(sizes).entries()) {
        const W = new tf.Variable(tf.ndarray(tinyWeights(i), [from, to]));
        h = tf.tanh(tf.matmul(h, W).add(new tf.Variable(tf.zeros([to]))));
      }
      const loss = tf.reduceMean(tf.square(h.sub(y))).mul(0.5);
      return {
        feeds: [x, y],
        batch: (b) => {
          const made = tinyBatch(b);
          return [tf.ndarray(made.x, [batch, sizes[0]!]), tf.ndarray(made.y, [batch, 1])];
        },
        loss,
        train: new tf.train.GradientDescentOptimizer(rate).minimize(loss),
      };
    }),
});

interface Layer {
  readonly from: number;
  readonly to: number;
  readonly W: Float32Array;
  readonly b: Float32Array;
  /** The layer's outputs, and the loss's gradient for what goes into tanh. */
  readonly out: Float32Array;
  readonly grad: Float32Array;
}

const forward = ({ from, to, W, b, out }: Layer, input: Float32Array): void => {
  for (let r = 0; r < TINY.batch; r++) {
    for (let j = 0; j < to; j++) {
      let sum = b[j]!;
      for (let k = 0; k < from; k++) sum += input[r * from + k]! * W[k * to + j]!;
      out[r * to + j] = Math.tanh(sum);
    }
  }
};

/** The gradient for the layer below, with its tanh. */
const backward = (layer: Layer, below: Layer): void => {
  const { from, to, W, grad } = layer;
  for (let r = 0; r < TINY.batch; r++) {
    for (let k = 0; k < from; k++) {
      let sum = 0;
      for (let j = 0; j < to; j++) sum += grad[r * to + j]! * W[k * to + j]!;
      const h = below.out[r * from + k]!;
      below.grad[r * from + k] = sum * (1 - h * h);
    }
  }
};

const update = ({ from, to, W, b, grad }: Layer, input: Float32Array): void => {
  for (let j = 0; j < to; j++) {
    for (let k = 0; k < from; k++) {
      let sum = 0;
      for (let r = 0; r < TINY.batch; r++) sum += input[r * from + k]! * grad[r * to + j]!;
      W[k * to + j]! -= TINY.rate * sum;
    }
    let sum = 0;
    for (let r = 0; r < TINY.batch; r++) sum += grad[r * to + j]!;
    b[j]! -= TINY.rate * sum;
  }
};

/** By hand, over flat typed arrays made once: the fastest that JavaScript does on its own. */
export const plain: Maker = () => ({
  'train.tiny': () => {
    const first = pairs(TINY.sizes).map((_, i) => tinyWeights(i));
    const layers: Layer[] = pairs(TINY.sizes).map(([from, to]) => ({
      from,
      to,
      W: new Float32Array(from * to),
      b: new Float32Array(to),
      out: new Float32Array(TINY.batch * to),
      grad: new Float32Array(TINY.batch * to),
    }));
    const batches = Array.from({ length: BATCHES }, (_, b) => tinyBatch(b));
    const last = layers.at(-1)!;
    const step = (i: number): number => {
      const { x, y } = batches[i % BATCHES]!;
      for (let l = 0; l < layers.length; l++) forward(layers[l]!, l === 0 ? x : layers[l - 1]!.out);
      let loss = 0;
      for (let r = 0; r < TINY.batch; r++) {
        const h = last.out[r]!;
        const error = h - y[r]!;
        loss += (0.5 * error * error) / TINY.batch;
        last.grad[r] = (error / TINY.batch) * (1 - h * h);
      }
      for (let l = layers.length - 1; l > 0; l--) backward(layers[l]!, layers[l - 1]!);
      for (let l = 0; l < layers.length; l++) update(layers[l]!, l === 0 ? x : layers[l - 1]!.out);
      return loss;
    };
    const reset = (): void => {
      for (const [l, { W, b }] of layers.entries()) {
        W.set(first[l]!);
        b.fill(0);
      }
    };
    return {
      call: step,
      reset,
      check: (set) => {
        reset();
        return { dtype: 'float32', values: [Array.from({ length: CHECKED_STEPS }, (_, i) => step(i + set))] };
      },
    };
  },
});
