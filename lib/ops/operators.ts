// Python's operators on tensors: `x + y` is an AddV2 named "add", as TensorFlow's operator overloads make it.
// Gradients are written with these, so that the graphs they make have TensorFlow's names.
import { convertToTensor, type TensorLike, tensorOf } from '../core/convert.js';
import type { Named } from '../core/defineOp.js';
import { string } from '../core/dtype.js';
import type { Tensor } from '../core/graph.js';
import { nameIn, type OptionNames } from '../core/options.js';
import {
  addOp,
  addV2Op,
  divPython2,
  floordiv as floordivOf,
  floorModOp,
  mulOp,
  pow as powOf,
  subOp,
  truediv as truedivOf,
} from './arithmetic.js';
import { logicalAndOp, logicalOrOp, logicalXor } from './compare.js';
import { MATMUL, type MatMulOptions, matmul as matmulOf } from './linalg.js';
import { opScope } from './scopes.js';

type Build<O extends Named = Named> = (x: Tensor, y: Tensor, options: O) => Tensor;
/** An operator as a function; as Python's operators take none, the options are a method's. */
export type Operator<O extends Named = Named> = (x: TensorLike, y: TensorLike, options?: O) => Tensor;

/** `x OP y`: a literal y takes the dtype of x where it fits, and is named `y` in the operation's scope. */
const operator =
  <O extends Named>(name: string, build: Build<O>, names?: () => OptionNames<O>): Operator<O> =>
  (x, y, options) =>
    opScope(nameIn(options, name, names?.()), name, [x, y], (scope) => {
      const a = tensorOf(x) ?? convertToTensor(x, { name: 'x', preferredDtype: tensorOf(y)?.dtype });
      return build(a, tensorOf(y) ?? convertToTensor(y, { name: 'y', preferredDtype: a.dtype }), {
        ...options,
        name: scope,
      } as O);
    });

/** `x OP y` for a literal x: it has to be of the dtype of y, and is named `x`. */
const reversed =
  <O extends Named>(name: string, build: Build<O>, names?: () => OptionNames<O>): Operator<O> =>
  (x, y, options) =>
    opScope(nameIn(options, name, names?.()), name, [x, y], (scope) => {
      const b = convertToTensor(y);
      return build(convertToTensor(x, { name: 'x', dtype: b.dtype }), b, { ...options, name: scope } as O);
    });

const BUILD = {
  // TensorFlow's own dispatch: AddV2 commutes, joining strings does not.
  add: (x, y, options) => (tensorOf(x)?.dtype === string ? addOp : addV2Op)({ x, y }, {}, options).output,
  sub: (x, y, options) => subOp({ x, y }, {}, options).output,
  mul: (x, y, options) => mulOp({ x, y }, {}, options).output,
  div: (x, y, options) => divPython2(x, y, options),
  truediv: (x, y, options) => truedivOf(x, y, options),
  floordiv: (x, y, options) => floordivOf(x, y, options),
  mod: (x, y, options) => floorModOp({ x, y }, {}, options).output,
  pow: (x, y, options) => powOf(x, y, options),
  matmul: (x, y, options: MatMulOptions) => matmulOf(x, y, options),
  and: (x, y, options) => logicalAndOp({ x, y }, {}, options).output,
  or: (x, y, options) => logicalOrOp({ x, y }, {}, options).output,
  xor: (x, y, options) => logicalXor(x, y, options),
} as const satisfies Record<string, Build<MatMulOptions>>;

/** `x + y` */
export const add = operator('add', BUILD.add);
/** `x - y` */
export const sub = operator('sub', BUILD.sub);
/** `x * y` */
export const mul = operator('mul', BUILD.mul);
/** Python 2's `x / y` */
export const div = operator('div', BUILD.div);
/** `x / y` */
export const truediv = operator('truediv', BUILD.truediv);
/** `x // y` */
export const floordiv = operator('floordiv', BUILD.floordiv);
/** `x % y` */
export const mod = operator('mod', BUILD.mod);
/** `x ** y` */
export const pow = operator('pow', BUILD.pow);
/** `x @ y` */
export const matmul = operator('matmul', BUILD.matmul, () => MATMUL);
/** `x & y` */
export const and = operator('and', BUILD.and);
/** `x | y` */
export const or = operator('or', BUILD.or);
/** `x ^ y` */
export const xor = operator('xor', BUILD.xor);

/** `x + y` with a literal x */
export const radd = reversed('add', BUILD.add);
/** `x - y` with a literal x */
export const rsub = reversed('sub', BUILD.sub);
/** `x * y` with a literal x */
export const rmul = reversed('mul', BUILD.mul);
/** Python 2's `x / y` with a literal x */
export const rdiv = reversed('div', BUILD.div);
/** `x / y` with a literal x */
export const rtruediv = reversed('truediv', BUILD.truediv);
/** `x // y` with a literal x */
export const rfloordiv = reversed('floordiv', BUILD.floordiv);
/** `x % y` with a literal x */
export const rmod = reversed('mod', BUILD.mod);
/** `x ** y` with a literal x */
export const rpow = reversed('pow', BUILD.pow);
/** `x @ y` with a literal x */
export const rmatmul = reversed('matmul', BUILD.matmul, () => MATMUL);
/** `x & y` with a literal x */
export const rand = reversed('and', BUILD.and);
/** `x | y` with a literal x */
export const ror = reversed('or', BUILD.or);
/** `x ^ y` with a literal x */
export const rxor = reversed('xor', BUILD.xor);
