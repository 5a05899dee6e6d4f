// Whether two processes computed the same: every number, as near as its dtype lets it be.
import { readFileSync } from 'node:fs';
import type { SweepCase } from './case.js';
import { ARRAYS } from './inputFiles.js';

/** A result of a case in a file, as a process tells it. */
export interface Result {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly file: string;
}

/**
 * How much of it has to be the same: the numbers and their places, the numbers in any order (numpy and torch sort what is unique), or how many
 * there are (random ones).
 */
export type Sameness = 'places' | 'numbers' | 'count';

export const samenessOf = ({ group, op }: SweepCase): Sameness =>
  group === 'random' ? 'count' : op === 'unique' ? 'numbers' : 'places';

type Numbers = ArrayLike<number> | ArrayLike<bigint>;

const VIEWS: Readonly<Record<string, new (buffer: ArrayBuffer) => Numbers>> = { ...ARRAYS, int64: BigInt64Array };

/** Relative error, and error relative to the largest magnitude: sums in another order, functions by another formula. */
const TOLERANCES: Readonly<Record<string, readonly [number, number]>> = {
  float32: [3e-4, 2e-5],
  float64: [1e-9, 1e-11],
};

/** The numbers of a result. */
export const numbersIn = ({ dtype, file }: Result): Numbers => {
  const array = VIEWS[dtype];
  if (array === undefined) throw new Error(`the sweep knows no ${dtype}`);
  const bytes = readFileSync(file);
  return new array(bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer);
};

const largest = (numbers: Numbers): number => {
  let most = 0;
  for (let i = 0; i < numbers.length; i++) {
    const size = Math.abs(Number(numbers[i]));
    if (size > most && size < Number.POSITIVE_INFINITY) most = size;
  }
  return most;
};

/** How two lists of numbers differ, of which the first is of `dtype`; undefined where they are the same. */
export const differenceOf = (dtype: string, ours: Numbers, theirs: Numbers): string | undefined => {
  if (ours.length !== theirs.length) return `${ours.length} numbers, not ${theirs.length}`;
  const [relative, absolute] = TOLERANCES[dtype] ?? [0, 0];
  const slack = absolute === 0 ? 0 : absolute * largest(theirs);
  let wrong = 0;
  let first = -1;
  for (let i = 0; i < ours.length; i++) {
    const [a, b] = [ours[i]!, theirs[i]!];
    // Loose: a number and a BigInt of the same value are the same.
    // biome-ignore lint/suspicious/noDoubleEquals: see above
    if (a == b) continue;
    const [x, y] = [Number(a), Number(b)];
    const near = Number.isFinite(y) && Math.abs(x - y) <= relative * Math.abs(y) + slack;
    if (relative > 0 && (near || (Number.isNaN(x) && Number.isNaN(y)))) continue;
    wrong++;
    if (first < 0) first = i;
  }
  return wrong === 0
    ? undefined
    : `${wrong} of ${ours.length} differ, number ${first} is ${ours[first]}, not ${theirs[first]}`;
};

const sorted = (numbers: Numbers): Numbers =>
  (Array.from(numbers as ArrayLike<number>) as number[]).sort((a, b) => (a < b ? -1 : Number(a > b)));

/** How the results of two processes differ; undefined where they are the same. */
export const resultsDiffer = (
  ours: readonly Result[],
  theirs: readonly Result[],
  sameness: Sameness,
): string | undefined => {
  if (ours.length !== theirs.length) return `${ours.length} results, not ${theirs.length}`;
  for (const [i, mine] of ours.entries()) {
    const [a, b] = [numbersIn(mine), numbersIn(theirs[i]!)];
    const found =
      sameness === 'count'
        ? differenceOf(mine.dtype, [a.length], [b.length])
        : sameness === 'numbers'
          ? differenceOf(mine.dtype, sorted(a), sorted(b))
          : differenceOf(mine.dtype, a, b);
    if (found !== undefined) return ours.length === 1 ? found : `result ${i}: ${found}`;
  }
  return undefined;
};
