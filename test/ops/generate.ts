// Generated inputs: shapes and values, the odd ones often, from a seeded generator, so that a failure names the seed that makes it again.
import {
  type Arr,
  type Attrs,
  arr,
  type Element,
  highest,
  type Input,
  isBig,
  isFloat,
  lowest,
  sizeOf,
  wrap,
} from '../reference/array.js';

/** The seed of this run: GRAFO_SEED, else a fixed one. */
export const SEED = Number(process.env.GRAFO_SEED ?? 20151109);
/** Cases per op and dtype: GRAFO_CASES, or 1000 in the full run, or 200. */
export const CASES = Number(process.env.GRAFO_CASES ?? (process.env.GRAFO_FULL ? 1000 : 200));

const DIMS = [0, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33, 64, 257];
/** Elements of one generated tensor at most. */
const BUDGET = 300;

/** What a generated case is. `axes` and the like are ordinary inputs. */
export interface Generated {
  readonly inputs: readonly Input[];
  readonly attrs?: Attrs;
}

export interface ValueOptions {
  /** Where ordinary floats lie; [-4, 4] by default. */
  readonly domain?: readonly [number, number];
  /** Share of special values among floats and extremes among integers. */
  readonly special?: number;
  /** Whether NaN may occur. */
  readonly nan?: boolean;
  /** Whether infinities may occur. */
  readonly inf?: boolean;
  /** Largest magnitude of specials (sin and cos are bounded up to 1e5). */
  readonly limit?: number;
  /** No specials near the ends of the range: between two steps of such a function they would overflow or underflow. */
  readonly tame?: boolean;
  /** Few different values, so that there are ties. */
  readonly ties?: boolean;
}

const FLOAT_SPECIALS = [
  0,
  -0,
  1,
  -1,
  0.5,
  -0.5,
  1.5,
  2.5,
  -2.5,
  3,
  6,
  Number.POSITIVE_INFINITY,
  Number.NEGATIVE_INFINITY,
  Number.NaN,
];
const specials = (dtype: string): number[] => {
  const [max, tiny, denormal, epsilon] =
    dtype === 'float32'
      ? [3.4028234663852886e38, 2 ** -126, 2 ** -149, 2 ** -23]
      : [Number.MAX_VALUE, 2 ** -1022, 2 ** -1074, 2 ** -52];
  const more = [
    max!,
    tiny!,
    denormal!,
    3 * denormal!,
    tiny! - denormal!,
    1 + epsilon!,
    1 - epsilon! / 2,
    1e-10,
    1e5,
    88.72284,
    104,
    709.78,
    20,
  ];
  return [
    ...FLOAT_SPECIALS,
    ...more.map((x) => (dtype === 'float32' ? Math.fround(x) : x)),
    ...more.map((x) => (dtype === 'float32' ? Math.fround(-x) : -x)),
  ];
};

/** A small generator (splitmix32) with the draws that tests need. With `smooth`, values are ordinary and shapes small: for gradients. */
export class Random {
  readonly smooth: boolean;
  #state: number;

  constructor(name: string, smooth = false) {
    this.smooth = smooth;
    this.#state = SEED >>> 0;
    for (const char of name) this.#state = (Math.imul(this.#state ^ char.charCodeAt(0), 0x9e3779b1) + 0x7f4a7c15) >>> 0;
  }
  /** In [0, 1). */
  next(): number {
    this.#state = (this.#state + 0x9e3779b9) >>> 0;
    let x = this.#state;
    x = Math.imul(x ^ (x >>> 16), 0x21f0aaad);
    x = Math.imul(x ^ (x >>> 15), 0x735a2d97);
    return ((x ^ (x >>> 15)) >>> 0) / 2 ** 32;
  }
  /** A whole number in [low, high). */
  int(low: number, high: number): number {
    return low + Math.floor(this.next() * (high - low));
  }
  chance(share: number): boolean {
    return this.next() < share;
  }
  pick<T>(items: readonly T[]): T {
    return items[this.int(0, items.length)]!;
  }
  shuffle<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let i = result.length - 1; i > 0; i--) {
      const j = this.int(0, i + 1);
      [result[i], result[j]] = [result[j]!, result[i]!];
    }
    return result;
  }

  /** A dimension of the list above that leaves `room` elements at most. */
  dim(room: number, zero = true): number {
    const dims = (this.smooth ? [1, 2, 3] : DIMS).filter((dim) => dim <= room && (zero || dim > 0));
    return dims.length === 0 ? 1 : this.pick(dims);
  }
  /** A shape of a rank within bounds, its elements within the budget; zeros are kept rare enough that most cases have elements. */
  shape(minRank = 0, maxRank = 6, budget = this.smooth ? 12 : BUDGET): number[] {
    const rank = this.int(minRank, (this.smooth ? Math.max(minRank, Math.min(maxRank, 3)) : maxRank) + 1);
    const zero = !this.smooth && this.chance(0.12);
    let room = budget;
    const shape: number[] = [];
    for (let axis = 0; axis < rank; axis++) {
      const dim = this.dim(rank - axis > 2 ? Math.min(room, 17) : room, zero);
      shape.push(dim);
      room = Math.floor(room / Math.max(dim, 1));
    }
    return this.shuffle(shape);
  }
  /** Two shapes that broadcast: dimensions set to 1 on either side, leading ones dropped. */
  pair(): [number[], number[]] {
    const full = this.shape();
    if (this.chance(0.3)) return [full, [...full]];
    const thin = (): number[] =>
      full.map((dim) => (this.chance(0.35) ? 1 : dim)).slice(this.chance(0.3) ? this.int(0, full.length + 1) : 0);
    return [thin(), thin()];
  }

  element(dtype: string, options: ValueOptions = {}): Element {
    if (dtype === 'string')
      return this.pick([
        '',
        'a',
        'abc',
        'ab',
        '\xc3\xa9',
        'abc\0',
        '\xff\xfe',
        'a longer string that does not fit in place',
      ]);
    if (dtype === 'bool') return this.int(0, 2);
    if (isFloat(dtype)) {
      const round = dtype === 'float32' ? Math.fround : (x: number): number => x;
      const [low, high] = options.domain ?? [-4, 4];
      if (this.smooth) return low + (high - low) * this.next();
      if (options.ties === true && this.chance(0.7)) return this.int(-2, 3);
      if (this.chance(options.special ?? 0.2)) {
        for (;;) {
          const x = this.pick(specials(dtype));
          if (
            Number.isNaN(x)
              ? options.nan === false
              : !Number.isFinite(x)
                ? options.inf === false
                : Math.abs(x) > (options.limit ?? Infinity) ||
                  (options.tame === true && x !== 0 && !(Math.abs(x) > 1e-5 && Math.abs(x) <= 1e5))
          )
            continue;
          return x;
        }
      }
      if (this.chance(0.1)) return round(Math.max(Math.min((this.next() - 0.5) * 10 ** this.int(-8, 5), high), low));
      return round(low + (high - low) * this.next());
    }
    if (this.smooth || options.ties === true) return wrap(dtype, BigInt(this.int(0, 4)));
    const [min, max] = [lowest(dtype), highest(dtype)];
    if (this.chance(options.special ?? 0.15))
      return wrap(dtype, this.pick([min, min + 1n, max, max - 1n, 0n, 1n, -1n]));
    if (this.chance(0.2))
      return wrap(dtype, BigInt(Math.floor(this.next() * 2 ** 32)) * BigInt(Math.floor(this.next() * 2 ** 32)));
    return wrap(dtype, BigInt(this.int(min < 0n ? -20 : 0, 21)));
  }
  /** An array of generated values. */
  values(dtype: string, shape: readonly number[], options: ValueOptions = {}): Arr {
    return arr(
      dtype,
      shape,
      Array.from({ length: sizeOf(shape) }, () => this.element(dtype, options)),
    );
  }
  /** int32 or int64 numbers as an input: axes, shapes, indices. */
  ints(values: readonly number[] | number, dtype = this.pick(['int32', 'int64'])): Arr {
    const list = typeof values === 'number' ? [values] : values;
    return arr(
      dtype,
      typeof values === 'number' ? [] : [list.length],
      list.map((x) => (isBig(dtype) ? BigInt(x) : x)),
    );
  }
  /** An axis of a rank, sometimes counted from the end. */
  axis(rank: number): number {
    return this.int(-rank, rank);
  }
}
