// Activations: relu and its kin, elu, selu, softplus, softsign, with gradient ops that can be differentiated again.
import { convertToTensor, type TensorLike, tensorOf } from '../core/convert.js';
import { defineOp, type Named, type OpDefinition, type OpRow } from '../core/defineOp.js';
import { bool, type DType, float32 } from '../core/dtype.js';
import type { Tensor } from '../core/graph.js';
import { nameIn, type OptionNames, optionsOf } from '../core/options.js';
import { zeros, zerosLike } from './array.js';
import { shape } from './arrayShape.js';
import { cast } from './cast.js';
import { less, select } from './compare.js';
import { exp, neg, sigmoid } from './elementwise.js';
import { after } from './elementwiseGrad.js';
import { NUMBERS, REAL } from './kinds.js';
import * as py from './operators.js';
import { opScope } from './scopes.js';
import { mergeShapes, sameShape } from './shapeRules.js';

type Features = { readonly features: 'T' };
type GradFeatures = { readonly gradients: 'T'; readonly features: 'T' };
type GradOutputs = { readonly gradients: 'T'; readonly outputs: 'T' };

const defineActivation = (
  type: string,
  allowed: readonly DType[],
  grad: (dy: Tensor, x: Tensor, y: Tensor) => Tensor,
): OpRow<Features> =>
  defineOp(type, {
    inputs: { features: 'T' },
    outputs: { activations: 'T' },
    attrs: { T: { type: 'type', allowed } },
    shape: sameShape,
    grad: ([dy], { inputs, outputs }) => ({ features: grad(dy!, inputs.features, outputs[0]!) }),
    lower: { functor: type },
  });

const mergedInputs: OpDefinition['shape'] = (c) => [mergeShapes(c.inputs[0]!, c.inputs[1]!)];

/** A gradient op of the op's input; `second` gives the gradients of its two inputs. */
const defineFeaturesGrad = (
  type: string,
  allowed: readonly DType[],
  second: (dz: Tensor, dy: Tensor, x: Tensor) => readonly [Tensor, Tensor],
): OpRow<GradFeatures> =>
  defineOp(type, {
    inputs: { gradients: 'T', features: 'T' },
    outputs: { backprops: 'T' },
    attrs: { T: { type: 'type', allowed } },
    shape: mergedInputs,
    grad: ([dz], { inputs }) => {
      const [gradients, features] = second(dz!, inputs.gradients, inputs.features);
      return { gradients, features };
    },
    lower: { functor: type },
  });

/** A gradient op of the op's output. */
const defineOutputsGrad = (
  type: string,
  second: (dz: Tensor, dy: Tensor, y: Tensor) => readonly [Tensor, Tensor],
): OpRow<GradOutputs> =>
  defineOp(type, {
    inputs: { gradients: 'T', outputs: 'T' },
    outputs: { backprops: 'T' },
    attrs: { T: { type: 'type', allowed: REAL } },
    shape: mergedInputs,
    grad: ([dz], { inputs }) => {
      const [gradients, outputs] = second(dz!, inputs.gradients, inputs.outputs);
      return { gradients, outputs };
    },
    lower: { functor: type },
  });

const gradOf = (row: OpRow<GradFeatures>, gradients: Tensor, features: Tensor): Tensor =>
  row({ gradients, features }).output;
const gradOfOutput = (row: OpRow<GradOutputs>, gradients: Tensor, outputs: Tensor): Tensor =>
  row({ gradients, outputs }).output;
const nothing = (x: Tensor): Tensor => zeros(shape(x), x.dtype);

export const reluGradOp = defineFeaturesGrad('ReluGrad', NUMBERS, (dz, _, x) => {
  const first = gradOf(reluGradOp, dz, x);
  return [first, nothing(x)];
});
export const reluOp = defineActivation('Relu', NUMBERS, (dy, _, y) => gradOf(reluGradOp, dy, y));
export const relu6GradOp = defineFeaturesGrad('Relu6Grad', NUMBERS, (dz, _, x) => {
  const first = gradOf(relu6GradOp, dz, x);
  return [first, nothing(x)];
});
export const relu6Op = defineActivation('Relu6', NUMBERS, (dy, _, y) => gradOf(relu6GradOp, dy, y));

/** Where the output is below 0 the slope itself has a slope. */
const belowZero =
  (row: () => OpRow<GradOutputs>) =>
  (dz: Tensor, dy: Tensor, y: Tensor): readonly [Tensor, Tensor] => {
    const first = gradOfOutput(row(), dz, y);
    const negative = less(y, 0);
    const slope = py.mul(dz, dy);
    return [first, select(negative, slope, zerosLike(y))];
  };
export const eluGradOp = defineOutputsGrad(
  'EluGrad',
  belowZero(() => eluGradOp),
);
export const eluOp = defineActivation('Elu', REAL, (dy, _, y) => gradOfOutput(eluGradOp, dy, y));
export const seluGradOp = defineOutputsGrad(
  'SeluGrad',
  belowZero(() => seluGradOp),
);
export const seluOp = defineActivation('Selu', REAL, (dy, _, y) => gradOfOutput(seluGradOp, dy, y));

export const softplusGradOp = defineFeaturesGrad('SoftplusGrad', REAL, (dz, dy, x) =>
  after(dz, () => {
    const ddy = gradOf(softplusGradOp, dz, x);
    const scaled = py.mul(dz, dy);
    return [ddy, py.truediv(scaled, py.add(py.add(exp(neg(x)), 2), exp(x)))];
  }),
);
export const softplusOp = defineActivation('Softplus', REAL, (dy, x) => py.mul(dy, sigmoid(x)));
export const softsignGradOp = defineOp('SoftsignGrad', {
  inputs: { gradients: 'T', features: 'T' },
  outputs: { backprops: 'T' },
  attrs: { T: { type: 'type', allowed: REAL } },
  shape: mergedInputs,
  grad: 'missing',
  lower: { functor: 'SoftsignGrad' },
});
export const softsignOp = defineActivation(
  'Softsign',
  REAL,
  (dy, x) => softsignGradOp({ gradients: dy, features: x }).output,
);

const LEAKY = {
  alpha: { type: 'float', default: 0.2 },
  T: { type: 'type', allowed: REAL, default: float32 },
} as const;
export const leakyReluGradOp: OpRow<GradFeatures> = defineOp('LeakyReluGrad', {
  inputs: { gradients: 'T', features: 'T' },
  outputs: { backprops: 'T' },
  attrs: LEAKY,
  shape: mergedInputs,
  grad: ([dz], { inputs: { features }, attr }) => {
    const gradients = leakyReluGradOp({ gradients: dz!, features }, { alpha: attr<number>('alpha') }).output;
    return { gradients, features: nothing(features) };
  },
  lower: (c) => {
    const out = c.outputs[0]!;
    c.tape(out.shape, (tape) => {
      const dy = tape.input(c.input('gradients'));
      const x = tape.input(c.input('features'));
      const positive = tape.apply('Greater', [x, tape.number(0, out.dtype)], bool);
      const scaled = tape.apply('Mul', [dy, tape.number(Math.fround(c.attr<number>('alpha')), out.dtype)]);
      tape.output(out, tape.apply('Select', [positive, dy, scaled], out.dtype));
    });
  },
});
export const leakyReluOp = defineOp('LeakyRelu', {
  inputs: { features: 'T' },
  outputs: { activations: 'T' },
  attrs: LEAKY,
  shape: sameShape,
  grad: ([dy], { inputs: { features }, attr }) => ({
    features: leakyReluGradOp({ gradients: dy!, features }, { alpha: attr<number>('alpha') }).output,
  }),
  lower: (c) => {
    const out = c.outputs[0]!;
    c.tape(out.shape, (tape) => {
      const x = tape.input(c.input('features'));
      const positive = tape.apply('Greater', [x, tape.number(0, out.dtype)], bool);
      const scaled = tape.apply('Mul', [x, tape.number(Math.fround(c.attr<number>('alpha')), out.dtype)]);
      tape.output(out, tape.apply('Select', [positive, x, scaled], out.dtype));
    });
  },
});

type Build = (features: TensorLike, options?: Named) => Tensor;
const builder =
  (row: () => OpRow<Features>): Build =>
  (features, options = {}) =>
    row()({ features }, {}, options).output;

/**
 * `max(x, 0)`; NaN stays.
 *
 * @example tf.nn.relu([-1, 2]) // [0, 2]
 */
export const relu: Build = builder(() => reluOp);
/**
 * `min(max(x, 0), 6)`
 *
 * @example tf.nn.relu6([-1, 2, 9]) // [0, 2, 6]
 */
export const relu6 = (features: TensorLike, options: Named = {}): Tensor =>
  opScope(nameIn(options, 'Relu6'), 'Relu6', [features], (scope) => {
    const x = tensorOf(features) ?? convertToTensor(features, { name: 'features' });
    return relu6Op({ features: x }, {}, { name: scope }).output;
  });
/** x where positive, else `exp(x) - 1`: `tf.nn.elu([0, 2]) // [0, 2]`. */
export const elu: Build = builder(() => eluOp);
/** Scaled `elu`, which keeps mean 0 and variance 1: `tf.nn.selu([0, 1]) // [0, 1.050701]`. */
export const selu: Build = builder(() => seluOp);
/** `log(1 + exp(x))` without overflow: `tf.nn.softplus([0]) // [0.6931472]`. */
export const softplus: Build = builder(() => softplusOp);
/** `x / (1 + |x|)`: `tf.nn.softsign([1, -3]) // [0.5, -0.75]`. */
export const softsign: Build = builder(() => softsignOp);

/** Options of `leakyRelu`. */
export interface LeakyReluOptions extends Named {
  /** The slope below 0; 0.2 by default. */
  readonly alpha?: number | undefined;
}
const LEAKY_RELU: OptionNames<LeakyReluOptions> = { name: true, alpha: true };
/**
 * x where positive, else `alpha * x`. Integers become float32.
 *
 * @example tf.nn.leakyRelu([-10, 2], 0.1) // [-1, 2]
 */
export const leakyRelu = (
  features: TensorLike,
  alpha?: number | LeakyReluOptions | null,
  options: LeakyReluOptions = {},
): Tensor => {
  const all = optionsOf('leakyRelu', LEAKY_RELU, options, { alpha });
  return opScope(all.name, 'LeakyRelu', [features], (scope) => {
    let x = tensorOf(features) ?? convertToTensor(features, { name: 'features' });
    if (x.dtype.isInteger) x = cast(x, float32);
    return leakyReluOp({ features: x }, { alpha: all.alpha ?? 0.2 }, { name: scope }).output;
  });
};
