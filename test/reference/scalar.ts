// Functions of one element that JavaScript has not: TensorFlow 1.15's definitions in float64 (cwise_ops.h, relu_op_functor.h, softplus_op.h).
import { refuse } from './array.js';

/** Half to even. */
export const rint = (x: number): number => {
  if (!Number.isFinite(x) || Math.abs(x) >= 2 ** 52) return x;
  const down = Math.floor(x);
  const rest = x - down;
  const result = rest < 0.5 || (rest === 0.5 && down % 2 === 0) ? down : down + 1;
  return result === 0 ? (x < 0 || Object.is(x, -0) ? -0 : 0) : result;
};
/** Round of TensorFlow 1.15: floor plus 1 where more than half is left, so that what rounds up to 0 is +0. */
export const round = (x: number): number => {
  const down = Math.floor(x);
  if (!(Math.abs(x) < 2 ** 52)) return x;
  const rest = x - down;
  return rest > 0.5 || (rest === 0.5 && down % 2 !== 0) ? down + 1 : down;
};
/** NaN and -0 give 0. */
export const sign = (x: number): number => (x > 0 ? 1 : x < 0 ? -1 : 0);
export const sigmoid = (x: number): number => (x < 0 ? Math.exp(x) / (1 + Math.exp(x)) : 1 / (1 + Math.exp(-x)));
export const softplus = (x: number): number => (x > 0 ? x + Math.log1p(Math.exp(-x)) : Math.log1p(Math.exp(x)));
export const softsign = (x: number): number => x / (1 + Math.abs(x));
export const elu = (x: number): number => (x < 0 ? Math.expm1(x) : x);
export const SELU_SCALE = 1.0507009873554805;
export const SELU_SCALE_ALPHA = 1.7580993408473768;
export const selu = (x: number): number => (x < 0 ? SELU_SCALE_ALPHA * Math.expm1(x) : SELU_SCALE * x);
/** std::max and std::min: the first operand unless the second is strictly beyond it (so a NaN stays only in front). */
export const maximum = (x: number, y: number): number => (x < y ? y : x);
export const minimum = (x: number, y: number): number => (y < x ? y : x);
export const relu = (x: number): number => maximum(x, 0);
export const relu6 = (x: number): number => minimum(maximum(x, 0), 6);

/** The sign of the divisor; C's fmod plus the divisor unless it is 0 or has that sign. */
export const floorMod = (x: number, y: number): number => {
  const rest = x % y;
  return rest !== 0 && y < 0 !== rest < 0 ? rest + y : rest;
};
const absBig = (x: bigint): bigint => (x < 0n ? -x : x);
export const floorDivInt = (x: bigint, y: bigint): bigint =>
  x < 0n === y < 0n ? x / y : -((absBig(x) + absBig(y) - 1n) / absBig(y));
export const floorModInt = (x: bigint, y: bigint): bigint => x - floorDivInt(x, y) * y;
/** C's pow: 1 to any power and anything to the power 0 are 1, also with NaN. */
export const pow = (x: number, y: number): number =>
  x === 1 || (x === -1 && !Number.isFinite(y) && !Number.isNaN(y)) ? 1 : x ** y;
/** A power modulo 2^64, by squaring; negative exponents are refused. */
export const powInt = (x: bigint, y: bigint): bigint => {
  if (y < 0n) refuse('Integers to negative integer powers are not allowed');
  let result = 1n;
  for (let base = x, rest = y; rest > 0n; rest >>= 1n, base = BigInt.asIntN(64, base * base)) {
    if (rest % 2n === 1n) result = BigInt.asIntN(64, result * base);
  }
  return result;
};
export const mulNoNan = (x: number, y: number): number => (y === 0 ? 0 : x * y);

/** exp(-x x) with the square's rounding error put back. */
const gauss = (x: number): number => {
  const high = Math.fround(x);
  return Math.exp(-high * high) * Math.exp(-(x - high) * (x + high));
};
/** erf by its series of positive terms, exp(-x x) sum 2^n x^(2n+1) / (2n+1)!!. */
export const erf = (x: number): number => {
  if (Number.isNaN(x) || x === 0) return x;
  if (Math.abs(x) > 1) return x > 0 ? 1 - erfc(x) : erfc(-x) - 1;
  let term = x;
  let sum = x;
  for (let n = 1; n < 400 && Math.abs(term) > Math.abs(sum) * 1e-18; n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * gauss(x) * sum;
};
/** 1 - erf near 0 and below, its continued fraction above. */
export const erfc = (x: number): number => {
  if (Number.isNaN(x)) return x;
  if (x < 0.5) return 1 - erf(x);
  if (x > 27.5) return 0;
  let fraction = 0;
  for (let n = x < 2 ? 3000 : 300; n > 0; n--) fraction = n / 2 / (x + fraction);
  return gauss(x) / Math.sqrt(Math.PI) / (x + fraction);
};
