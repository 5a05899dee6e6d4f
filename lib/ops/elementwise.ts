// Elementwise math of one operand: rows with TensorFlow's gradients, and builders. Arithmetic of two operands is passed on from here.
import { convertToTensor, needValue, type TensorLike, tensorOf } from '../core/convert.js';
import type { Named, OpRow } from '../core/defineOp.js';
import { float32, float64, int8, int16, int32, int64 } from '../core/dtype.js';
import type { Tensor } from '../core/graph.js';
import { nameIn } from '../core/options.js';
import { softplus } from './activations.js';
import { add, multiply, subtract } from './arithmetic.js';
import { zeros } from './array.js';
import { shape } from './arrayShape.js';
import { after, reciprocalGrad, rsqrtGrad, sigmoidGrad, sqrtGrad, tanhGrad } from './elementwiseGrad.js';
import { hostUnary } from './hostMath.js';
import { defineUnary, REAL, unary, WIDE } from './kinds.js';
import * as py from './operators.js';
import { opScope } from './scopes.js';

export * from './arithmetic.js';

const ABSOLUTE = [float32, float64, int8, int16, int32, int64];

/** A constant named `Const` of x's dtype. */
const constantLike = (value: number, x: Tensor): Tensor => convertToTensor(value, { dtype: x.dtype });
const none = (): null => null;

export const negOp = defineUnary('Neg', WIDE, (dy) => neg(dy), { host: hostUnary((x) => -x) });
export const absOp = defineUnary('Abs', ABSOLUTE, (dy, x) => py.mul(dy, sign(x)), {
  host: hostUnary((x) => (x < 0n ? -x : x)),
});
export const signOp = defineUnary('Sign', WIDE, (_, x) => zeros(shape(x), x.dtype), {
  host: hostUnary((x) => (x > 0n ? 1n : x < 0n ? -1n : 0n)),
});
export const squareOp = defineUnary(
  'Square',
  WIDE,
  (dy, x) =>
    after(dy, () => {
      const two = constantLike(2, x);
      return multiply(dy, multiply(x, two));
    }),
  { host: hostUnary((x) => x * x) },
);
export const sqrtOp = defineUnary('Sqrt', REAL, (dy, _, y) => sqrtGrad(y, dy));
export const rsqrtOp = defineUnary('Rsqrt', REAL, (dy, _, y) => rsqrtGrad(y, dy));
export const reciprocalOp = defineUnary('Reciprocal', REAL, (dy, _, y) => reciprocalGrad(y, dy));
export const invOp = defineUnary('Inv', REAL, (dy, _, y) => reciprocalGrad(y, dy));
export const roundOp = defineUnary('Round', WIDE, none, { host: hostUnary((x) => x) });
export const rintOp = defineUnary('Rint', REAL, none);
export const floorOp = defineUnary('Floor', REAL, none);
export const ceilOp = defineUnary('Ceil', REAL, none);

// TensorFlow 1.15 was released with the forms below: its newer ones (Xdivy, MulNoNan) were still behind their compatibility date.
export const expOp = defineUnary('Exp', REAL, (dy, _, y) => after(dy, () => py.mul(dy, y)));
export const expm1Op = defineUnary('Expm1', REAL, (dy, x) => after(dy, () => py.mul(dy, exp(x))));
export const logOp = defineUnary('Log', REAL, (dy, x) => after(dy, () => py.mul(dy, reciprocal(x))));
export const log1pOp = defineUnary('Log1p', REAL, (dy, x) => after(dy, () => py.mul(dy, reciprocal(py.radd(1, x)))));
export const sigmoidOp = defineUnary('Sigmoid', REAL, (dy, _, y) => after(dy, () => sigmoidGrad(y, dy)));
export const tanhOp = defineUnary('Tanh', REAL, (dy, _, y) => after(dy, () => tanhGrad(y, dy)));
export const sinOp = defineUnary('Sin', REAL, (dy, x) => after(dy, () => py.mul(dy, cos(x))));
export const cosOp = defineUnary('Cos', REAL, (dy, x) => after(dy, () => py.mul(neg(dy), sin(x))));
export const tanOp = defineUnary('Tan', REAL, (dy, x) => after(dy, () => py.mul(square(reciprocal(cos(x))), dy)));
/** sqrt(1 - x^2) reciprocal: the derivative of asin. */
const arcSlope = (dy: Tensor, x: Tensor): Tensor => {
  const x2 = square(x);
  return reciprocal(sqrt(subtract(constantLike(1, dy), x2)));
};
export const asinOp = defineUnary('Asin', REAL, (dy, x) => after(dy, () => py.mul(dy, arcSlope(dy, x))));
export const acosOp = defineUnary('Acos', REAL, (dy, x) =>
  after(dy, () => {
    const slope = arcSlope(dy, x);
    return py.mul(neg(dy), slope);
  }),
);
export const atanOp = defineUnary('Atan', REAL, (dy, x) =>
  after(dy, () => {
    const x2 = square(x);
    return py.mul(dy, reciprocal(add(constantLike(1, dy), x2)));
  }),
);
export const sinhOp = defineUnary('Sinh', REAL, (dy, x) => after(dy, () => py.mul(dy, cosh(x))));
export const coshOp = defineUnary('Cosh', REAL, (dy, x) => after(dy, () => py.mul(dy, sinh(x))));
export const asinhOp = defineUnary('Asinh', REAL, (dy, _, y) => after(dy, () => py.truediv(dy, cosh(y))));
export const acoshOp = defineUnary('Acosh', REAL, (dy, _, y) => after(dy, () => py.truediv(dy, sinh(y))));
export const atanhOp = defineUnary('Atanh', REAL, (dy, x) =>
  after(dy, () => {
    const x2 = square(x);
    return py.mul(dy, reciprocal(subtract(constantLike(1, dy), x2)));
  }),
);
/** The gradient of erf and erfc: dy * scale * exp(-x^2). */
const gaussian = (dy: Tensor, x: Tensor, scale: number): Tensor => {
  const factor = constantLike(scale, dy);
  return after(dy, () => py.mul(py.mul(dy, factor), exp(neg(square(x)))));
};
export const erfOp = defineUnary('Erf', REAL, (dy, x) => gaussian(dy, x, 2 / Math.sqrt(Math.PI)));
export const erfcOp = defineUnary('Erfc', REAL, (dy, x) => gaussian(dy, x, -2 / Math.sqrt(Math.PI)));

type Build = (x: TensorLike, options?: Named) => Tensor;
const builder =
  (row: () => OpRow<{ readonly x: 'T' }>): Build =>
  (x, options) =>
    unary(row(), x, options);
/** A builder that converts its input in a scope of its own, as TensorFlow's Python does for some. */
const scoped =
  (name: string, row: () => OpRow<{ readonly x: 'T' }>): Build =>
  (x, options) =>
    opScope(nameIn(options, name), name, [x], (scope) => {
      const value = convertToTensor(x, { name: 'x' });
      return unary(row(), value, { name: scope });
    });

/**
 * `-x`
 *
 * @example tf.negative([1, -2]) // [-1, 2]
 */
export const negative: Build = builder(() => negOp);
/** The older name of `negative`: `tf.neg(1) // -1`. */
export const neg = negative;
/**
 * The absolute value.
 *
 * @example tf.abs([1, -2]) // [1, 2]
 */
export const abs: Build = scoped('Abs', () => absOp);
/**
 * -1, 0 or 1; 0 for NaN.
 *
 * @example tf.sign([3, -2, 0]) // [1, -1, 0]
 */
export const sign: Build = builder(() => signOp);
/**
 * `x * x`
 *
 * @example tf.square([3, -2]) // [9, 4]
 */
export const square: Build = builder(() => squareOp);
/**
 * The square root; NaN below 0.
 *
 * @example tf.sqrt([4, 9]) // [2, 3]
 */
export const sqrt: Build = builder(() => sqrtOp);
/**
 * `1 / sqrt(x)`
 *
 * @example tf.rsqrt([4]) // [0.5]
 */
export const rsqrt: Build = builder(() => rsqrtOp);
/**
 * `1 / x` of floats.
 *
 * @example tf.reciprocal([4]) // [0.25]
 */
export const reciprocal: Build = builder(() => reciprocalOp);
/** The older name of `reciprocal`, an `Inv`: `tf.inv([4]) // [0.25]`. */
export const inv: Build = builder(() => invOp);
/**
 * e to the power of x.
 *
 * @example tf.exp([0, -Infinity]) // [1, 0]
 */
export const exp: Build = builder(() => expOp);
/**
 * `exp(x) - 1`, exact near 0.
 *
 * @example tf.expm1([0]) // [0]
 */
export const expm1: Build = builder(() => expm1Op);
/**
 * The natural logarithm: -Infinity at 0, NaN below.
 *
 * @example tf.log([1, 0]) // [0, -Infinity]
 */
export const log: Build = builder(() => logOp);
/**
 * `log(1 + x)`, exact near 0.
 *
 * @example tf.log1p([0]) // [0]
 */
export const log1p: Build = builder(() => log1pOp);
/**
 * `1 / (1 + exp(-x))`
 *
 * @example tf.sigmoid([0]) // [0.5]
 */
export const sigmoid: Build = scoped('Sigmoid', () => sigmoidOp);
/**
 * `log(sigmoid(x))`, without overflow.
 *
 * @example tf.logSigmoid([0]) // [-0.6931472]
 */
export const logSigmoid = (x: TensorLike, options: Named = {}): Tensor =>
  opScope(nameIn(options, 'LogSigmoid'), 'LogSigmoid', [x], (scope) => {
    const value = tensorOf(x) ?? convertToTensor(x, { name: 'x' });
    return neg(softplus(neg(value)), { name: scope });
  });
/**
 * The hyperbolic tangent.
 *
 * @example tf.tanh([0]) // [0]
 */
export const tanh: Build = builder(() => tanhOp);
/** Sine of radians: `tf.sin([0]) // [0]`. */
export const sin: Build = builder(() => sinOp);
/** Cosine of radians: `tf.cos([0]) // [1]`. */
export const cos: Build = builder(() => cosOp);
/** Tangent of radians: `tf.tan([0]) // [0]`. */
export const tan: Build = builder(() => tanOp);
/** Arcsine in radians; NaN outside [-1, 1]: `tf.asin([0]) // [0]`. */
export const asin: Build = builder(() => asinOp);
/** Arccosine in radians; NaN outside [-1, 1]: `tf.acos([1]) // [0]`. */
export const acos: Build = builder(() => acosOp);
/** Arctangent in radians: `tf.atan([0]) // [0]`. */
export const atan: Build = builder(() => atanOp);
/** Hyperbolic sine: `tf.sinh([0]) // [0]`. */
export const sinh: Build = builder(() => sinhOp);
/** Hyperbolic cosine: `tf.cosh([0]) // [1]`. */
export const cosh: Build = builder(() => coshOp);
/** Inverse hyperbolic sine: `tf.asinh([0]) // [0]`. */
export const asinh: Build = builder(() => asinhOp);
/** Inverse hyperbolic cosine; NaN below 1: `tf.acosh([1]) // [0]`. */
export const acosh: Build = builder(() => acoshOp);
/** Inverse hyperbolic tangent; NaN outside [-1, 1]: `tf.atanh([0]) // [0]`. */
export const atanh: Build = builder(() => atanhOp);
/** The error function: `tf.erf([0]) // [0]`. */
export const erf: Build = builder(() => erfOp);
/** 1 - erf(x), exact for large x: `tf.erfc([0]) // [1]`. */
export const erfc: Build = builder(() => erfcOp);
/**
 * The nearest integer, halves to the even one; integers are returned as they are (no operation is made).
 *
 * @example tf.round([0.9, 2.5, 1.5, -4.5]) // [1, 2, 2, -4]
 */
export const round = (x: TensorLike, options: Named = {}): Tensor => {
  const name = nameIn(options, 'round');
  needValue('round', 'x', x);
  const value = convertToTensor(x, { name: 'x' });
  return value.dtype.isInteger ? value : unary(roundOp, value, { name });
};
/** The nearest integer as a float, halves to the even one: `tf.rint([0.5, 1.5]) // [0, 2]`. */
export const rint: Build = builder(() => rintOp);
/** The largest integer not above x: `tf.floor([1.5, -1.5]) // [1, -2]`. */
export const floor: Build = builder(() => floorOp);
/** The smallest integer not below x: `tf.ceil([1.5, -1.5]) // [2, -1]`. */
export const ceil: Build = builder(() => ceilOp);
