// chain: the eight operations of the sigmoid cross-entropy, max(x, 0) - x * z + log(1 + exp(-|x|)): what fusion is worth.
import * as tf from '../lib/index.js';
import { opCase } from './lib/grafoCase.js';
import { labels, uniform } from './lib/inputs.js';
import { always, type Maker, type Trial } from './lib/trial.js';

const SIZES = { '1e3': 1000, '1e5': 100_000, '1e7': 10_000_000 };

export const trial: Trial = {
  name: 'chain',
  about: 'the 8-operation cross-entropy chain over 1e3, 1e5 and 1e7 numbers',
  rows: Object.keys(SIZES).map((label) => ({
    name: `elem.sce8.${label}`,
    dtypes: ['float32'],
    tolerance: 2e-6,
    inputs: label === '1e3' ? 'every call' : 'every round',
    best: label === '1e3' ? always('numpy') : label === '1e5' ? always('jax', 'torch') : always('jax', 'tf'),
    limit: { kind: 'ref' },
  })),
};

export const grafo: Maker = (threads) =>
  Object.fromEntries(
    Object.entries(SIZES).map(([label, n]) => [
      `elem.sce8.${label}`,
      () =>
        opCase(
          threads,
          [
            { shape: [n], values: (set) => uniform(set, 0, n) },
            { shape: [n], values: (set) => labels(set, 1, n) },
          ],
          (x, z) =>
            tf.nn
              .relu(x!)
              .sub(x!.mul(z!))
              .add(tf.log(tf.exp(tf.neg(tf.abs(x!))).add(1))),
        ),
    ]),
  );

export const plain: Maker = () =>
  Object.fromEntries(
    Object.entries(SIZES).map(([label, n]) => [
      `elem.sce8.${label}`,
      () => {
        const sets = [0, 1].map((set) => ({ x: uniform(set, 0, n), z: labels(set, 1, n) }));
        const y = new Float32Array(n);
        const run = (set: number): void => {
          const { x, z } = sets[set]!;
          for (let i = 0; i < n; i++) {
            const v = x[i]!;
            y[i] = Math.max(v, 0) - v * z[i]! + Math.log(1 + Math.exp(-Math.abs(v)));
          }
        };
        return {
          call: (i) => run(i & 1),
          check: (set) => {
            run(set);
            return { dtype: 'float32', values: [y] };
          },
        };
      },
    ]),
  );
