// Learning rates that change with the step, as tensors. `globalStep` is an integer variable or tensor; a step given as a number is fixed.
import { convertToTensor, needValue, type TensorLike, tensorOf } from '../core/convert.js';
import type { Named } from '../core/defineOp.js';
import { int32, int64 } from '../core/dtype.js';
import { ValueError } from '../core/errors.js';
import type { Tensor } from '../core/graph.js';
import { NDArray } from '../core/ndarray.js';
import { nameIn, type OptionNames, optionsOf } from '../core/options.js';
import { add, divide, minimum, multiply, pow } from '../ops/arithmetic.js';
import { constant } from '../ops/array.js';
import { cast } from '../ops/cast.js';
import { equal, lessEqual, select } from '../ops/compare.js';
import { ceil, cos, exp, floor, negative, sqrt } from '../ops/elementwise.js';
import * as py from '../ops/operators.js';
import { nameScope, opScope } from '../ops/scopes.js';

/** A whole number counts steps: it is an int32 constant until it is cast, as Python's int is. */
const steps = (value: TensorLike): TensorLike =>
  typeof value === 'number' && Number.isInteger(value) ? new NDArray(int32, [], Int32Array.of(value)) : value;

/** Options of decays that go in steps or smoothly. */
export interface DecayOptions extends Named {
  /** Decays only at whole multiples of `decaySteps`. */
  readonly staircase?: boolean | undefined;
}
const DECAY: OptionNames<DecayOptions> = { name: true, staircase: true };
type Staircase = boolean | DecayOptions | undefined;

/**
 * `learningRate * decayRate ** (globalStep / decaySteps)`.
 *
 * @param staircase rounds the exponent down; here or in the options.
 * @example tf.train.exponentialDecay(0.1, 10, 10, 0.5) // 0.05
 */
export const exponentialDecay = (
  learningRate: TensorLike,
  globalStep: TensorLike,
  decaySteps: TensorLike,
  decayRate: TensorLike,
  staircase?: Staircase,
  options: DecayOptions = {},
): Tensor => {
  const all = optionsOf('exponentialDecay', DECAY, options, { staircase });
  return nameScope(all.name ?? 'ExponentialDecay', (scope) => {
    const initial = convertToTensor(learningRate, { name: 'initial_learning_rate' });
    const { dtype } = initial;
    const every = cast(steps(decaySteps), dtype);
    const rate = cast(decayRate, dtype);
    let p = py.truediv(cast(steps(globalStep), dtype), every);
    if (all.staircase === true) p = floor(p);
    return multiply(initial, pow(rate, p), { name: scope });
  });
};

/** `learningRate * exp(-decayRate * globalStep / decaySteps)`: `tf.train.naturalExpDecay(1, 0, 10, 0.5) // 1`. */
export const naturalExpDecay = (
  learningRate: TensorLike,
  globalStep: TensorLike,
  decaySteps: TensorLike,
  decayRate: TensorLike,
  staircase?: Staircase,
  options: DecayOptions = {},
): Tensor => {
  const all = optionsOf('naturalExpDecay', DECAY, options, { staircase });
  return exponentialDecay(learningRate, globalStep, decaySteps, exp(negative(decayRate)), all);
};

/**
 * `learningRate / (1 + decayRate * globalStep / decaySteps)`.
 *
 * @example tf.train.inverseTimeDecay(1, 10, 10, 1) // 0.5
 */
export const inverseTimeDecay = (
  learningRate: TensorLike,
  globalStep: TensorLike,
  decaySteps: TensorLike,
  decayRate: TensorLike,
  staircase?: Staircase,
  options: DecayOptions = {},
): Tensor => {
  const all = optionsOf('inverseTimeDecay', DECAY, options, { staircase });
  return nameScope(all.name ?? 'InverseTimeDecay', (scope) => {
    const initial = convertToTensor(learningRate, { name: 'initial_learning_rate' });
    const { dtype } = initial;
    const every = cast(steps(decaySteps), dtype);
    const rate = cast(decayRate, dtype);
    let p = py.truediv(cast(steps(globalStep), dtype), every);
    if (all.staircase === true) p = floor(p);
    const one = cast(constant(1, int32), dtype);
    return divide(initial, add(one, multiply(rate, p)), { name: scope });
  });
};

/** Options of `polynomialDecay`. */
export interface PolynomialDecayOptions extends Named {
  /** 0.0001 by default. */
  readonly endLearningRate?: TensorLike | undefined;
  /** 1 by default: a straight line. */
  readonly power?: TensorLike | undefined;
  /** Begins again, over a longer stretch, instead of staying at the end. */
  readonly cycle?: boolean | undefined;
}
const POLYNOMIAL: OptionNames<PolynomialDecayOptions> = { name: true, endLearningRate: true, power: true, cycle: true };

/**
 * `(learningRate - end) * (1 - globalStep / decaySteps) ** power + end`.
 *
 * @example tf.train.polynomialDecay(1, 5, 10, { endLearningRate: 0 }) // 0.5
 */
export const polynomialDecay = (
  learningRate: TensorLike,
  globalStep: TensorLike,
  decaySteps: TensorLike,
  options: PolynomialDecayOptions = {},
): Tensor =>
  nameScope(nameIn(options, 'polynomialDecay', POLYNOMIAL) ?? 'PolynomialDecay', (scope) => {
    const initial = convertToTensor(learningRate, { name: 'initial_learning_rate' });
    const { dtype } = initial;
    const end = cast(options.endLearningRate ?? 0.0001, dtype);
    const power = cast(options.power ?? 1, dtype);
    let step = cast(steps(globalStep), dtype);
    let every = cast(steps(decaySteps), dtype);
    if (options.cycle === true) {
      const rounds = ceil(py.truediv(step, tensorOf(decaySteps) ?? decaySteps));
      every = multiply(every, select(equal(step, 0), constant(1, dtype), rounds));
    } else step = minimum(step, every);
    const p = divide(step, every);
    return add(multiply(py.sub(initial, end), pow(py.rsub(1, p), power)), end, { name: scope });
  });

/** Options of `cosineDecay`. */
export interface CosineDecayOptions extends Named {
  /** The smallest rate as a part of the first; 0 by default. */
  readonly alpha?: number | undefined;
}
const COSINE: OptionNames<CosineDecayOptions> = { name: true, alpha: true };

/**
 * From the learning rate to `alpha` of it along half a cosine.
 *
 * @example tf.train.cosineDecay(1, 0, 10) // 1
 */
export const cosineDecay = (
  learningRate: TensorLike,
  globalStep: TensorLike,
  decaySteps: TensorLike,
  options: CosineDecayOptions = {},
): Tensor =>
  nameScope(nameIn(options, 'cosineDecay', COSINE) ?? 'CosineDecay', () => {
    const alpha = options.alpha ?? 0;
    const initial = convertToTensor(learningRate, { name: 'initial_learning_rate' });
    const { dtype } = initial;
    const every = cast(steps(decaySteps), dtype);
    const step = minimum(cast(steps(globalStep), dtype), every);
    const fraction = py.truediv(step, every);
    const wave = py.rmul(0.5, py.radd(1, cos(py.mul(constant(Math.PI, dtype), fraction))));
    return multiply(initial, py.add(py.rmul(1 - alpha, wave), alpha));
  });

/**
 * `values[0]` up to and with `boundaries[0]`, then `values[1]` up to `boundaries[1]`, and so on.
 *
 * @param x the step; the boundaries are of its dtype.
 * @example tf.train.piecewiseConstant(5, [3, 6], [1, 0.5, 0.1]) // 0.5
 */
export const piecewiseConstant = (
  x: TensorLike,
  boundaries: readonly TensorLike[],
  values: readonly TensorLike[],
  options: Named = {},
): Tensor => {
  needValue('piecewiseConstant', 'boundaries', boundaries);
  needValue('piecewiseConstant', 'values', values);
  if (boundaries.length !== values.length - 1)
    throw new ValueError('The length of boundaries should be 1 less than the length of values');
  const given = tensorOf(x) ?? convertToTensor(steps(x));
  const limits = boundaries.map((boundary) => {
    const limit = convertToTensor(steps(boundary));
    if (limit.dtype === given.dtype) return limit;
    if (limit.dtype === int32 && given.dtype === int64) return cast(limit, int64);
    if (typeof boundary === 'number') return cast(limit, given.dtype);
    throw new ValueError(`Boundaries (${limit.dtype}) must have the same dtype as x (${given.dtype}).`);
  });
  const rates = values.map((value) => convertToTensor(value));
  for (const rate of rates) {
    if (rate.dtype !== rates[0]!.dtype)
      throw new ValueError(`Values must have elements all with the same dtype (${rates[0]!.dtype} vs ${rate.dtype}).`);
  }
  return opScope(nameIn(options, 'PiecewiseConstant'), 'PiecewiseConstant', [given], () =>
    limits.reduceRight((after, limit, i) => select(lessEqual(given, limit), rates[i]!, after), rates.at(-1)!),
  );
};
/** TensorFlow's newer name of `piecewiseConstant`: `tf.train.piecewiseConstantDecay(3, [2], [0.1, 0.01]) // 0.01`. */
export const piecewiseConstantDecay = piecewiseConstant;

/**
 * `alpha / (n * sqrt(step))`, the step size that makes stochastic gradient descent converge.
 *
 * @param n the number of examples.
 * @param step counts from 1.
 * @example tf.train.inverseSqrtDecay(1, 10, 4) // 0.05
 */
export const inverseSqrtDecay = (alpha: TensorLike, n: TensorLike, step: TensorLike, options: Named = {}): Tensor =>
  opScope(nameIn(options, 'InverseSqrtDecay'), 'InverseSqrtDecay', [alpha, n, step], (scope) => {
    const initial = convertToTensor(alpha, { name: 'alpha' });
    const { dtype } = initial;
    return divide(initial, multiply(cast(n, dtype), sqrt(cast(steps(step), dtype))), { name: scope });
  });
