// TensorFlow's random kernels in BigInt and float64: Philox 4x32-10 and the distributions of random_distributions.h.
import { arr, type Element, numbers, one, type Reference, refuse, sizeOf, wrap } from './array.js';

const MASK = 0xffffffffn;
/** One Philox block: four 32-bit words of a 128-bit counter under a 64-bit key. */
export const philox = (counter: readonly bigint[], key: readonly bigint[]): bigint[] => {
  let [c0, c1, c2, c3] = counter as [bigint, bigint, bigint, bigint];
  let [k0, k1] = key as [bigint, bigint];
  for (let round = 0; round < 10; round++) {
    const p0 = 0xd2511f53n * c0;
    const p1 = 0xcd9e8d57n * c2;
    [c0, c1, c2, c3] = [(p1 >> 32n) ^ c1 ^ k0, p1 & MASK, (p0 >> 32n) ^ c3 ^ k1, p0 & MASK];
    [k0, k1] = [(k0 + 0x9e3779b9n) & MASK, (k1 + 0xbb67ae85n) & MASK];
  }
  return [c0, c1, c2, c3];
};

/** The generator of an op: seed is the key, seed2 the high half of the counter. Blocks are taken one after the other. */
class Blocks {
  readonly #key: bigint[];
  readonly #high: bigint;
  #low: bigint;
  constructor(seed: bigint, seed2: bigint, start: bigint) {
    this.#key = [seed & MASK, (seed >> 32n) & MASK];
    this.#high = seed2;
    this.#low = start;
  }
  next(): bigint[] {
    const at = this.#low + (this.#high << 64n);
    this.#low += 1n;
    return philox([at & MASK, (at >> 32n) & MASK, (at >> 64n) & MASK, (at >> 96n) & MASK], this.#key);
  }
}

const view = new DataView(new ArrayBuffer(8));
/** 23 random bits as the mantissa of a float32 in [1, 2), minus 1. */
const uniform32 = (x: bigint): number => {
  view.setUint32(0, Number((127n << 23n) | (x & 0x7fffffn)));
  return view.getFloat32(0) - 1;
};
const uniform64 = (x0: bigint, x1: bigint): number => {
  view.setBigUint64(0, (1023n << 52n) | ((x0 & 0xfffffn) << 32n) | x1);
  return view.getFloat64(0) - 1;
};
const fround = Math.fround;
/** Box-Muller in float32 as TensorFlow writes it: u1 at least 1e-7, sine first. */
const boxMuller32 = (x0: bigint, x1: bigint): number[] => {
  let u1 = uniform32(x0);
  if (u1 < fround(1e-7)) u1 = fround(1e-7);
  const v1 = fround(2 * Math.PI * uniform32(x1));
  const u2 = fround(Math.sqrt(fround(-2 * fround(Math.log(u1)))));
  return [fround(fround(Math.sin(v1)) * u2), fround(fround(Math.cos(v1)) * u2)];
};
const boxMuller64 = (x: readonly bigint[]): number[] => {
  const u1 = Math.max(uniform64(x[0]!, x[1]!), 1e-7);
  const v1 = 2 * Math.PI * uniform64(x[2]!, x[3]!);
  const u2 = Math.sqrt(-2 * Math.log(u1));
  return [Math.sin(v1) * u2, Math.cos(v1) * u2];
};

/** Elements that one group of blocks gives; `next` takes more where a sample is redrawn. */
type Draw = (next: () => bigint[]) => number[];
const uniform = (dtype: string): Draw =>
  dtype === 'float32'
    ? (next) => next().map(uniform32)
    : (next) => {
        const x = next();
        return [uniform64(x[0]!, x[1]!), uniform64(x[2]!, x[3]!)];
      };
const normal = (dtype: string): Draw =>
  dtype === 'float32'
    ? (next) => {
        const x = next();
        return [...boxMuller32(x[0]!, x[1]!), ...boxMuller32(x[2]!, x[3]!)];
      }
    : (next) => boxMuller64(next());
/** Redraws what is 2 or more from 0, reading single words from the same stream of blocks. */
const truncated =
  (dtype: string): Draw =>
  (next) => {
    let words: bigint[] = [];
    const word = (): bigint => {
      if (words.length === 0) words = next();
      return words.shift()!;
    };
    const results: number[] = [];
    const wanted = dtype === 'float32' ? 4 : 2;
    while (results.length < wanted) {
      const pair = dtype === 'float32' ? boxMuller32(word(), word()) : boxMuller64([word(), word(), word(), word()]);
      for (const value of pair) if (Math.abs(value) < 2 && results.length < wanted) results.push(value);
    }
    return results;
  };

/** Values of an op that has drawn `drawn` elements before: each element reserves 256 blocks of the op's own generator. */
const sample = (
  draw: Draw,
  shape: readonly number[],
  seeds: readonly [bigint, bigint],
  drawn: number,
  skip: bigint,
): number[] => {
  const n = sizeOf(shape);
  const data: number[] = [];
  for (let group = 0n; data.length < n; group++) {
    const blocks = new Blocks(seeds[0], seeds[1], BigInt(drawn) * 256n + group * skip);
    data.push(...draw(() => blocks.next()));
  }
  return data.slice(0, n);
};

const seedsOf = (attrs: Readonly<Record<string, unknown>>): [bigint, bigint] => [
  BigInt.asUintN(64, BigInt(attrs.seed as number)),
  BigInt.asUintN(64, BigInt(attrs.seed2 as number)),
];
const drawnBefore = (attrs: Readonly<Record<string, unknown>>): number => (attrs.drawn as number | undefined) ?? 0;
/** A random op; attribute `drawn` (of the tests, not of TensorFlow) is the number of elements that the op gave in earlier runs. */
export const random =
  (kind: 'uniform' | 'normal' | 'truncated'): Reference =>
  ([dims], attrs) => {
    const shape = numbers(one(dims));
    const { type } = attrs.dtype as { type: string };
    const draw = { uniform, normal, truncated }[kind](type);
    // One block makes 4 float32 or 2 float64. A group that redraws owns 256 samples of a 128-bit block's 4 words per element.
    const skip = kind !== 'truncated' ? 1n : type === 'float32' ? 256n : 128n;
    return [arr(type, shape, sample(draw, shape, seedsOf(attrs), drawnBefore(attrs), skip))];
  };
/** lo + bits mod (hi - lo). */
export const randomUniformInt: Reference = ([dims, low, high], attrs) => {
  const shape = numbers(one(dims));
  const { dtype } = one(low);
  const [lo, hi] = [BigInt(one(low).data[0]!), BigInt(one(high).data[0]!)];
  const n = sizeOf(shape);
  if (n > 0 && lo >= hi) refuse(`Need minval < maxval, got ${lo} >= ${hi}`);
  const blocks = new Blocks(...seedsOf(attrs), BigInt(drawnBefore(attrs)) * 256n);
  const data: Element[] = [];
  while (data.length < n) {
    const x = blocks.next();
    const bits = dtype === 'int32' ? x : [x[0]! | (x[1]! << 32n), x[2]! | (x[3]! << 32n)];
    for (const b of bits) data.push(wrap(dtype, lo + (b % (hi - lo))));
  }
  return [arr(dtype, shape, data.slice(0, n))];
};
