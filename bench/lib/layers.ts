// The networks of the training rows: sizes, first weights and batches, the same in every rival.
import { classes, labels, uniform, weights } from './inputs.js';

/** Batches that the steps take in turn: no two steps in a row see the same values. */
export const BATCHES = 8;
/** Steps whose losses are compared. */
export const CHECKED_STEPS = 10;

export const MLP = { sizes: [784, 512, 256, 10], batch: 128, momentum: { rate: 0.01, momentum: 0.9 }, adam: 0.001 };
export const TINY = { sizes: [2, 8, 8, 1], batch: 10, rate: 0.03 };

/** Pairs of layer widths. */
export const pairs = (sizes: readonly number[]): readonly (readonly [number, number])[] =>
  sizes.slice(1).map((to, i) => [sizes[i]!, to]);

const FIRST_STREAM = 2;

/** The first weights of layer `i`. */
export const mlpWeights = (i: number): Float32Array<ArrayBuffer> => {
  const [from, to] = pairs(MLP.sizes)[i]!;
  return weights(FIRST_STREAM + i, from * to, Math.sqrt(2 / from) * 0.866);
};
export const tinyWeights = (i: number): Float32Array<ArrayBuffer> => {
  const [from, to] = pairs(TINY.sizes)[i]!;
  return weights(FIRST_STREAM + i, from * to, 0.5);
};

/** Batch `b`: 128 images and their classes. */
export const mlpBatch = (b: number) => ({
  x: uniform(b, 0, MLP.batch * MLP.sizes[0]!) as Float32Array<ArrayBuffer>,
  y: classes(b, 1, MLP.batch, MLP.sizes.at(-1)!),
});
/** Batch `b`: 10 points and -1 or 1. */
export const tinyBatch = (b: number) => ({
  x: uniform(b, 0, TINY.batch * TINY.sizes[0]!) as Float32Array<ArrayBuffer>,
  y: labels(b, 1, TINY.batch).map((value) => 2 * value - 1),
});
