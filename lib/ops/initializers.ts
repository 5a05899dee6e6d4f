// Initializers: functions from a shape to the initial value of a variable.
import { asDtype, type DType, type DTypeLike, float32 } from '../core/dtype.js';
import { ValueError } from '../core/errors.js';
import type { Tensor } from '../core/graph.js';
import type { ArrayLike } from '../core/ndarray.js';
import { type OptionNames, optionsOf } from '../core/options.js';
import { constant, ones, zeros } from './array.js';
import { randomNormal, randomUniform, truncatedNormal } from './random.js';

/** Makes an initial value of a shape; `dtype` is the variable's. */
export type Initializer = (shape: readonly number[], dtype?: DTypeLike) => Tensor;

/** Options of initializers that draw numbers. */
export interface InitializerOptions {
  readonly seed?: number | undefined;
  /** The dtype where the variable does not say one. */
  readonly dtype?: DTypeLike | undefined;
}
/** Options of `zerosInitializer` and `onesInitializer`. */
export interface FillInitializerOptions {
  readonly dtype?: DTypeLike | undefined;
}
const FILL: OptionNames<FillInitializerOptions> = { dtype: true };
/** Options of `constantInitializer`. */
export interface ConstantInitializerOptions extends FillInitializerOptions {
  readonly verifyShape?: boolean | undefined;
}
const CONSTANT: OptionNames<ConstantInitializerOptions> = { dtype: true, verifyShape: true };
const DRAWN: OptionNames<InitializerOptions> = { seed: true, dtype: true };

const typeOf = (dtype: DTypeLike | undefined, options: { readonly dtype?: DTypeLike | undefined }): DType =>
  asDtype(dtype ?? options.dtype ?? float32);

/** Zeros: `tf.zerosInitializer()([2]) // [0, 0]`. */
export const zerosInitializer = (options: FillInitializerOptions = {}): Initializer => {
  const all = optionsOf('zerosInitializer', FILL, options);
  return (shape, dtype) => zeros(shape, typeOf(dtype, all));
};

/** Ones: `tf.onesInitializer()([2]) // [1, 1]`. */
export const onesInitializer = (options: FillInitializerOptions = {}): Initializer => {
  const all = optionsOf('onesInitializer', FILL, options);
  return (shape, dtype) => ones(shape, typeOf(dtype, all));
};

/** A value, its last element repeated to fill the shape: `tf.constantInitializer(7)([2]) // [7, 7]`. */
export const constantInitializer = (value: ArrayLike = 0, options: ConstantInitializerOptions = {}): Initializer => {
  const all = optionsOf('constantInitializer', CONSTANT, options);
  return (shape, dtype) => constant(value, { dtype: typeOf(dtype, all), shape, verifyShape: all.verifyShape });
};

/** Options of `randomUniformInitializer`. */
export interface UniformInitializerOptions extends InitializerOptions {
  readonly minval?: number | undefined;
  readonly maxval?: number | undefined;
}
const UNIFORM: OptionNames<UniformInitializerOptions> = { ...DRAWN, minval: true, maxval: true };

/** Options of `randomNormalInitializer` and `truncatedNormalInitializer`. */
export interface NormalInitializerOptions extends InitializerOptions {
  readonly mean?: number | undefined;
  readonly stddev?: number | undefined;
}
const NORMAL: OptionNames<NormalInitializerOptions> = { ...DRAWN, mean: true, stddev: true };

/** Numbers from [minval, maxval): `tf.randomUniformInitializer(-1, 1)([2]).shape.asList() // [2]`. */
export const randomUniformInitializer = (
  minval?: number | UniformInitializerOptions | null,
  maxval?: number | null,
  options: UniformInitializerOptions = {},
): Initializer => {
  const all = optionsOf('randomUniformInitializer', UNIFORM, options, { minval, maxval });
  return (shape, dtype) => randomUniform(shape, { ...all, minval: all.minval ?? 0, dtype: typeOf(dtype, all) });
};

/** Normal numbers: `tf.randomNormalInitializer({ stddev: 0.1 })([2]).shape.asList() // [2]`. */
export const randomNormalInitializer = (
  mean?: number | NormalInitializerOptions | null,
  stddev?: number | null,
  options: NormalInitializerOptions = {},
): Initializer => {
  const all = optionsOf('randomNormalInitializer', NORMAL, options, { mean, stddev });
  return (shape, dtype) => randomNormal(shape, { ...all, dtype: typeOf(dtype, all) });
};

/** Normal numbers within two standard deviations: `tf.truncatedNormalInitializer(0, 0.1)([2]).shape.asList() // [2]`. */
export const truncatedNormalInitializer = (
  mean?: number | NormalInitializerOptions | null,
  stddev?: number | null,
  options: NormalInitializerOptions = {},
): Initializer => {
  const all = optionsOf('truncatedNormalInitializer', NORMAL, options, { mean, stddev });
  return (shape, dtype) => truncatedNormal(shape, { ...all, dtype: typeOf(dtype, all) });
};

/** Options of `varianceScalingInitializer`. */
export interface VarianceScalingOptions extends InitializerOptions {
  /** Factor of the variance, 1 by default. */
  readonly scale?: number | undefined;
  /** What the variance is divided by: the inputs, the outputs, or their average. */
  readonly mode?: 'fan_in' | 'fan_out' | 'fan_avg' | undefined;
  readonly distribution?: 'normal' | 'truncated_normal' | 'untruncated_normal' | 'uniform' | undefined;
}
const SCALING: OptionNames<VarianceScalingOptions> = { ...DRAWN, scale: true, mode: true, distribution: true };

/** Standard deviation of a normal distribution cut off at two standard deviations. */
const TRUNCATED_STDDEV = 0.87962566103423978;

/** Inputs and outputs of a weight: the last two dimensions, times the field in front of them. */
const fans = (shape: readonly number[]): [number, number] => {
  if (shape.length < 1) return [1, 1];
  if (shape.length === 1) return [shape[0]!, shape[0]!];
  const field = shape.slice(0, -2).reduce((size, dim) => size * dim, 1);
  return [shape.at(-2)! * field, shape.at(-1)! * field];
};

/**
 * Numbers whose variance is `scale` over the number of inputs, outputs or their average.
 *
 * @example tf.varianceScalingInitializer({ scale: 2 })([3, 4]).shape.asList() // [3, 4]
 */
export const varianceScalingInitializer = (given: VarianceScalingOptions = {}): Initializer => {
  const options = optionsOf('varianceScalingInitializer', SCALING, given);
  const { scale: factor = 1, mode = 'fan_in', seed } = options;
  const distribution = (options.distribution ?? 'truncated_normal').toLowerCase();
  if (!(factor > 0)) throw new ValueError('`scale` must be positive float.');
  if (!['fan_in', 'fan_out', 'fan_avg'].includes(mode)) throw new ValueError(`Invalid \`mode\` argument: ${mode}`);
  if (!['normal', 'uniform', 'truncated_normal', 'untruncated_normal'].includes(distribution))
    throw new ValueError(`Invalid \`distribution\` argument: ${distribution}`);
  return (shape, dtype) => {
    const type = typeOf(dtype, options);
    const [fanIn, fanOut] = fans(shape);
    const scale = factor / Math.max(1, mode === 'fan_in' ? fanIn : mode === 'fan_out' ? fanOut : (fanIn + fanOut) / 2);
    if (distribution === 'uniform') {
      const limit = Math.sqrt(3 * scale);
      return randomUniform(shape, { minval: -limit, maxval: limit, dtype: type, seed });
    }
    if (distribution === 'untruncated_normal')
      return randomNormal(shape, { stddev: Math.sqrt(scale), dtype: type, seed });
    return truncatedNormal(shape, { stddev: Math.sqrt(scale) / TRUNCATED_STDDEV, dtype: type, seed });
  };
};

/** Glorot's (Xavier's) uniform numbers, the default of `getVariable`: `tf.glorotUniformInitializer()([3, 4]).shape.asList() // [3, 4]`. */
export const glorotUniformInitializer = (options: InitializerOptions = {}): Initializer =>
  varianceScalingInitializer({
    ...optionsOf('glorotUniformInitializer', DRAWN, options),
    scale: 1,
    mode: 'fan_avg',
    distribution: 'uniform',
  });
/** Glorot's (Xavier's) normal numbers: `tf.glorotNormalInitializer()([3, 4]).shape.asList() // [3, 4]`. */
export const glorotNormalInitializer = (options: InitializerOptions = {}): Initializer =>
  varianceScalingInitializer({
    ...optionsOf('glorotNormalInitializer', DRAWN, options),
    scale: 1,
    mode: 'fan_avg',
    distribution: 'truncated_normal',
  });
/** He's uniform numbers, for relu: `tf.heUniform()([3, 4]).shape.asList() // [3, 4]`. */
export const heUniform = (options: InitializerOptions = {}): Initializer =>
  varianceScalingInitializer({
    ...optionsOf('heUniform', DRAWN, options),
    scale: 2,
    mode: 'fan_in',
    distribution: 'uniform',
  });
/** He's normal numbers, for relu: `tf.heNormal()([3, 4]).shape.asList() // [3, 4]`. */
export const heNormal = (options: InitializerOptions = {}): Initializer =>
  varianceScalingInitializer({
    ...optionsOf('heNormal', DRAWN, options),
    scale: 2,
    mode: 'fan_in',
    distribution: 'truncated_normal',
  });
/** LeCun's uniform numbers: `tf.lecunUniform()([3, 4]).shape.asList() // [3, 4]`. */
export const lecunUniform = (options: InitializerOptions = {}): Initializer =>
  varianceScalingInitializer({
    ...optionsOf('lecunUniform', DRAWN, options),
    scale: 1,
    mode: 'fan_in',
    distribution: 'uniform',
  });
/** LeCun's normal numbers: `tf.lecunNormal()([3, 4]).shape.asList() // [3, 4]`. */
export const lecunNormal = (options: InitializerOptions = {}): Initializer =>
  varianceScalingInitializer({
    ...optionsOf('lecunNormal', DRAWN, options),
    scale: 1,
    mode: 'fan_in',
    distribution: 'truncated_normal',
  });
