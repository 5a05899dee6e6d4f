// numpy's RandomState: the Mersenne Twister MT19937 with numpy's legacy rules for seeds, shuffles, doubles and normals,
// so that a program ported from Python sees its data in the same order.

const N = 624;
const M = 397;
const UPPER = 0x80000000;
const LOWER = 0x7fffffff;
const twist = (word: number): number => (word >>> 1) ^ (word & 1 ? 0x9908b0df : 0);

/** The first state, as `init_genrand` of the Mersenne Twister's authors makes it (Matsumoto and Nishimura, 2002). */
const initGenrand = (seed: number): Uint32Array => {
  const key = new Uint32Array(N);
  key[0] = seed;
  for (let i = 1; i < N; i++) {
    const last = key[i - 1]! ^ (key[i - 1]! >>> 30);
    key[i] = Math.imul(1812433253, last) + i;
  }
  return key;
};

/** The first state from a list of words, as `init_by_array` of the same authors makes it. */
const initByArray = (words: readonly number[]): Uint32Array => {
  const key = initGenrand(19650218);
  let i = 1;
  let j = 0;
  const step = (factor: number, plus: number): void => {
    const last = key[i - 1]! ^ (key[i - 1]! >>> 30);
    key[i] = (key[i]! ^ Math.imul(last, factor)) + plus;
    if (++i === N) {
      key[0] = key[N - 1]!;
      i = 1;
    }
  };
  for (let k = Math.max(N, words.length); k > 0; k--) {
    step(1664525, words[j]! + j);
    if (++j === words.length) j = 0;
  }
  for (let k = N - 1; k > 0; k--) step(1566083941, -i);
  key[0] = UPPER;
  return key;
};

const isWord = (value: number): boolean => Number.isInteger(value) && value >= 0 && value <= 0xffffffff;

/**
 * numpy's legacy generator, `numpy.random.RandomState(seed)`, draw for draw.
 *
 * @example new RandomState(777).permutation(10) // [2, 0, 8, 3, 4, 5, 1, 9, 6, 7]
 */
export class RandomState {
  readonly #key: Uint32Array;
  #next = N;
  #normal: number | null = null;

  /** RangeError where a seed is no whole number in 0..2^32-1. */
  constructor(seed: number | readonly number[]) {
    const words = typeof seed === 'number' ? [seed] : seed;
    if (words.length === 0) throw new RangeError('Seed must be non-empty');
    if (!words.every(isWord)) throw new RangeError('Seed must be between 0 and 2**32 - 1');
    this.#key = typeof seed === 'number' ? initGenrand(seed) : initByArray(seed);
  }

  /** The next 32 random bits. */
  uint32(): number {
    if (this.#next === N) this.#generate();
    let y = this.#key[this.#next++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    return (y ^ (y >>> 18)) >>> 0;
  }

  /** A double in [0, 1) with 53 random bits: numpy's `random_sample()`. */
  random(): number {
    const high = this.uint32() >>> 5;
    const low = this.uint32() >>> 6;
    return (high * 67108864 + low) / 9007199254740992;
  }

  /** A double in [low, high): numpy's `uniform(low, high)`. */
  uniform(low: number, high: number): number {
    return low + (high - low) * this.random();
  }

  /** A standard normal by Marsaglia's polar method, two at a time: numpy's `standard_normal()`. */
  normal(): number {
    if (this.#normal !== null) {
      const kept = this.#normal;
      this.#normal = null;
      return kept;
    }
    let x1: number;
    let x2: number;
    let square: number;
    do {
      x1 = 2 * this.random() - 1;
      x2 = 2 * this.random() - 1;
      square = x1 * x1 + x2 * x2;
    } while (square >= 1 || square === 0);
    const factor = Math.sqrt((-2 * Math.log(square)) / square);
    this.#normal = factor * x1;
    return factor * x2;
  }

  /** A whole number in 0..max, both included, by masking and rejecting: numpy's `rk_interval(max)`. */
  interval(max: number): number {
    if (!isWord(max)) throw new RangeError('the largest value must be a whole number below 2**32');
    const mask = max === 0 ? 0 : 0xffffffff >>> Math.clz32(max);
    if (mask === 0) return 0;
    for (;;) {
      const value = (this.uint32() & mask) >>> 0;
      if (value <= max) return value;
    }
  }

  /** `count` whole numbers in 0..n-1, drawn with replacement: numpy's `choice(n, count)` and `randint(0, n, count)`. */
  choice(n: number, count: number): Uint32Array {
    return Uint32Array.from({ length: count }, () => this.interval(n - 1));
  }

  /** Shuffles in place, the last element first: numpy's `shuffle(items)`. */
  shuffle<T extends { length: number; [index: number]: unknown }>(items: T): T {
    for (let i = items.length - 1; i > 0; i--) {
      const j = this.interval(i);
      const kept = items[i];
      items[i] = items[j];
      items[j] = kept;
    }
    return items;
  }

  /** The numbers 0..n-1 in random order: numpy's `permutation(n)`. */
  permutation(n: number): Uint32Array {
    return this.shuffle(Uint32Array.from({ length: n }, (_, i) => i));
  }

  #generate(): void {
    const key = this.#key;
    for (let i = 0; i < N; i++) {
      const word = (key[i]! & UPPER) | (key[(i + 1) % N]! & LOWER);
      key[i] = key[(i + M) % N]! ^ twist(word);
    }
    this.#next = 0;
  }
}
