// Parts of layers: dropout, moments, normalisation.
import { convertToTensor, type TensorLike, tensorOf } from '../core/convert.js';
import type { Named } from '../core/defineOp.js';
import { GraphTypeError, ValueError } from '../core/errors.js';
import type { Tensor } from '../core/graph.js';
import { nameIn, type OptionNames, optionsOf } from '../core/options.js';
import { type Dim, TensorShape } from '../core/shape.js';
import { stopGradient } from './array.js';
import { type ShapeArgument, shape, squeeze } from './arrayShape.js';
import { cast } from './cast.js';
import { greaterEqual } from './compare.js';
import { maximum, multiply, rsqrt, square, squaredDifference } from './elementwise.js';
import * as py from './operators.js';
import { pythonConstant } from './pythonConstant.js';
import { randomUniform } from './random.js';
import { type Axis, oneOf, reduceMean, reduceSum } from './reduce.js';
import { opScope } from './scopes.js';

/** Options of `dropout`. */
export interface DropoutOptions extends Named {
  /** The probability that an element is kept: the older way to say 1 - rate. */
  readonly keepProb?: number | Tensor | undefined;
  /** The probability that an element becomes 0. */
  readonly rate?: number | Tensor | undefined;
  /** Shape of the random choices; 1 in a dimension makes one choice for all of it. */
  readonly noiseShape?: ShapeArgument | readonly Dim[] | undefined;
  readonly seed?: number | undefined;
}
const DROPOUT: OptionNames<DropoutOptions> = { name: true, keepProb: true, rate: true, noiseShape: true, seed: true };

const noiseShapeOf = (x: Tensor, given: DropoutOptions['noiseShape']): ShapeArgument => {
  if (given === undefined) return shape(x);
  if (!Array.isArray(given) || !given.every((dim) => dim === null || typeof dim === 'number'))
    return given as ShapeArgument;
  const dims = (given as readonly Dim[]).map((dim) => (dim === -1 ? null : dim));
  const own = x.shape.dims;
  return new TensorShape(own?.length === dims.length ? dims.map((dim, i) => dim ?? own[i]!) : dims);
};

/**
 * Sets elements to 0 at random and scales the others by `1 / (1 - rate)`, so that sums stay the same on average. With a rate of 0 it
 * returns x itself. ValueError "rate must be a scalar tensor or a float in the range [0, 1), got 1", "x has to be a floating point
 * tensor since it's going to be scaled. Got a int32 tensor instead.".
 *
 * @param keepProb the probability to keep an element, or the options.
 * @example tf.nn.dropout([1, 2], { rate: 0 }) // [1, 2]
 */
export const dropout = (
  x: TensorLike,
  keepProb?: number | Tensor | DropoutOptions | null,
  options: DropoutOptions = {},
): Tensor => {
  const all = optionsOf('dropout', DROPOUT, options, { keepProb });
  const keep = all.keepProb;
  const dropped = keep === undefined ? undefined : typeof keep === 'number' ? 1 - keep : py.rsub(1, keep);
  const rate = oneOf<number | Tensor>('rate', all.rate, 'keep_prob', dropped);
  if (rate === undefined) throw new ValueError('You must provide a rate to dropout.');
  return opScope(all.name, 'dropout', [x], () => {
    const value = tensorOf(x) ?? convertToTensor(x, { name: 'x' });
    if (!value.dtype.isFloating) {
      throw new ValueError(
        `x has to be a floating point tensor since it's going to be scaled. Got a ${value.dtype} tensor instead.`,
      );
    }
    if (typeof rate === 'number' && !(rate >= 0 && rate < 1))
      throw new ValueError(`rate must be a scalar tensor or a float in the range [0, 1), got ${rate}`);
    if (rate === 0) return value;
    const probability = convertToTensor(rate, { dtype: value.dtype, name: 'rate' });
    if (probability.shape.rank !== null && probability.shape.rank !== 0)
      throw new ValueError(`Shape ${probability.shape} must have rank 0`);
    if (Number(pythonConstant(probability)?.data[0] ?? 1) === 0) return value;
    const random = randomUniform(noiseShapeOf(value, all.noiseShape), { seed: all.seed, dtype: value.dtype });
    const scale = py.rtruediv(1, py.rsub(1, probability));
    const mask = greaterEqual(random, probability);
    const scaled = py.mul(value, scale);
    const result = py.mul(scaled, cast(mask, value.dtype));
    result.setShape(value.shape);
    return result;
  });
};

/** Options of `moments`. */
export interface MomentsOptions extends Named {
  readonly keepDims?: boolean | undefined;
  readonly keepdims?: boolean | undefined;
}
const MOMENTS: OptionNames<MomentsOptions> = { name: true, keepDims: true, keepdims: true };

/**
 * The mean and the variance over axes.
 *
 * @example tf.nn.moments([1, 3], [0]) // { mean: 2, variance: 1 }
 */
export const moments = (
  x: TensorLike,
  axes: number | readonly number[],
  options: MomentsOptions = {},
): { readonly mean: Tensor; readonly variance: Tensor } => {
  if (typeof axes !== 'number' && !Array.isArray(axes)) throw new GraphTypeError('tf.nn.moments needs axes');
  const list = typeof axes === 'number' ? [axes] : [...axes];
  return opScope(nameIn(options, 'moments', MOMENTS), 'moments', [x], () => {
    const value = tensorOf(x) ?? convertToTensor(x);
    const mean = reduceMean(value, list, { keepDims: true, name: 'mean' });
    const variance = reduceMean(squaredDifference(value, stopGradient(mean)), list, {
      keepDims: true,
      name: 'variance',
    });
    if (options.keepdims ?? options.keepDims ?? false) return { mean, variance };
    const flat = squeeze(mean, list);
    return { mean: flat, variance: squeeze(variance, list) };
  });
};

/** Options of `l2Normalize`. */
export interface L2NormalizeOptions extends Named {
  readonly axis?: Axis | undefined;
  /** The older name of `axis`. */
  readonly dim?: Axis | undefined;
  /** The smallest sum of squares that is divided by; 1e-12 by default. */
  readonly epsilon?: number | undefined;
}
const L2_NORMALIZE: OptionNames<L2NormalizeOptions> = { name: true, axis: true, dim: true, epsilon: true };

/**
 * x divided by its Euclidean length over an axis.
 *
 * @example tf.nn.l2Normalize([3, 4], 0) // [0.6, 0.8]
 */
export const l2Normalize = (
  x: TensorLike,
  axis?: Axis | L2NormalizeOptions | null,
  options: L2NormalizeOptions = {},
): Tensor => {
  const all = optionsOf('l2Normalize', L2_NORMALIZE, options, { axis });
  const over = oneOf<Axis>('axis', all.axis, 'dim', all.dim);
  return opScope(all.name, 'l2_normalize', [x], (scope) => {
    const value = tensorOf(x) ?? convertToTensor(x, { name: 'x' });
    const sum = reduceSum(square(value), over ?? null, { keepDims: true });
    const inverse = rsqrt(maximum(sum, all.epsilon ?? 1e-12));
    return multiply(value, inverse, { name: scope });
  });
};
