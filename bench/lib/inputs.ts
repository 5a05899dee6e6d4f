// Inputs and checksums that are the same in every language: bench/rivals/worker.py and bench/rivals/native/worker.h hold the same arithmetic.
import type { Numbers } from './trial.js';

/** Element `i` of stream `seed`: a multiple of 2^-22 in [-2, 2), exact in float32. */
const uniformAt = (seed: number, i: number): number => {
  let h = (i + Math.imul(seed, 0x9e3779b9)) | 0;
  h = Math.imul(h ^ (h >>> 16), 0x85ebca6b);
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35);
  h ^= h >>> 16;
  return ((h >>> 8) / 2 ** 24 - 0.5) * 4;
};

export type FloatArray = Float32Array<ArrayBuffer> | Float64Array<ArrayBuffer>;
export type FloatName = 'float32' | 'float64';

const floats = (dtype: FloatName, n: number): FloatArray =>
  dtype === 'float32' ? new Float32Array(n) : new Float64Array(n);

/** Input number `k` of set `set`: `n` values in [-2, 2). */
export const uniform = (set: number, k: number, n: number, dtype: FloatName = 'float32'): FloatArray => {
  const seed = 10 * set + k + 1;
  const out = floats(dtype, n);
  for (let i = 0; i < n; i++) out[i] = uniformAt(seed, i);
  return out;
};

/** The same, scaled in float32: first weights. */
export const weights = (k: number, n: number, scale: number): Float32Array<ArrayBuffer> => {
  const factor = Math.fround(scale);
  return Float32Array.from(uniform(0, k, n), (value) => Math.fround(value) * factor);
};

/** |x| + 0.1 of the same input: what a logarithm and a power take. */
export const positive = (set: number, k: number, n: number, dtype: FloatName = 'float32'): FloatArray => {
  const out = uniform(set, k, n, dtype);
  const tenth = dtype === 'float32' ? Math.fround(0.1) : 0.1;
  for (let i = 0; i < n; i++) out[i] = Math.abs(out[i]!) + tenth;
  return out;
};

/** 1 where the input is above 0, else 0. */
export const labels = (set: number, k: number, n: number): Float32Array<ArrayBuffer> =>
  Float32Array.from(uniform(set, k, n), (value) => (value > 0 ? 1 : 0));

/** Classes 0 to `count` - 1. */
export const classes = (set: number, k: number, n: number, count: number): Int32Array<ArrayBuffer> =>
  Int32Array.from(uniform(set, k, n), (value) => Math.floor(((value + 2) / 4) * count));

/** A checksum: the sum of the elements, each times 1 + (i mod 13) so that their order counts, and that of their magnitudes. */
export interface Checksum {
  readonly sum: number;
  readonly scale: number;
}

/** The checksum of all the numbers of a result. Something that is not finite makes it so. */
export const checksum = (values: readonly Numbers[]): Checksum => {
  let sum = 0;
  let scale = 0;
  for (const numbers of values) {
    for (let i = 0; i < numbers.length; i++) {
      const term = Number(numbers[i]) * (1 + (i % 13));
      sum += term;
      scale += Math.abs(term);
    }
  }
  return { sum, scale };
};
