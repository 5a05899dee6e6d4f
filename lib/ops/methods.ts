// Python's operators as methods of tensors: x.add(y) makes what `x + y` makes in TensorFlow.
import type { TensorLike } from '../core/convert.js';
import type { Named } from '../core/defineOp.js';
import { Tensor } from '../core/graph.js';
import { equal, greater, greaterEqual, less, lessEqual, logicalNot, notEqual } from './compare.js';
import { abs, neg } from './elementwise.js';
import type { MatMulOptions } from './linalg.js';
import * as py from './operators.js';

/** The operators of Python, as methods of tensors and variables. A literal takes the dtype of `this`. */
export interface OperatorMethods {
  /** `this + y`, an `AddV2` named `add`. */
  add(y: TensorLike, options?: Named): Tensor;
  /** `this - y` */
  sub(y: TensorLike, options?: Named): Tensor;
  /** `this * y` */
  mul(y: TensorLike, options?: Named): Tensor;
  /** Python 2's `this / y`: integers round down. */
  div(y: TensorLike, options?: Named): Tensor;
  /** Python 3's `this / y`: integers are cast to floats. */
  truediv(y: TensorLike, options?: Named): Tensor;
  /** `this // y` */
  floordiv(y: TensorLike, options?: Named): Tensor;
  /** `this % y`, with the sign of y. */
  mod(y: TensorLike, options?: Named): Tensor;
  /** `this ** y` */
  pow(y: TensorLike, options?: Named): Tensor;
  /** `this @ y` */
  matmul(y: TensorLike, options?: MatMulOptions): Tensor;
  /** `this & y`, of bools. */
  and(y: TensorLike, options?: Named): Tensor;
  /** `this | y`, of bools. */
  or(y: TensorLike, options?: Named): Tensor;
  /** `this ^ y`, of bools. */
  xor(y: TensorLike, options?: Named): Tensor;
  /** `x + this` */
  radd(x: TensorLike, options?: Named): Tensor;
  /** `x - this` */
  rsub(x: TensorLike, options?: Named): Tensor;
  /** `x * this` */
  rmul(x: TensorLike, options?: Named): Tensor;
  /** Python 2's `x / this`. */
  rdiv(x: TensorLike, options?: Named): Tensor;
  /** `x / this` */
  rtruediv(x: TensorLike, options?: Named): Tensor;
  /** `x // this` */
  rfloordiv(x: TensorLike, options?: Named): Tensor;
  /** `x % this` */
  rmod(x: TensorLike, options?: Named): Tensor;
  /** `x ** this` */
  rpow(x: TensorLike, options?: Named): Tensor;
  /** `x @ this` */
  rmatmul(x: TensorLike, options?: MatMulOptions): Tensor;
  /** `x & this`, of bools. */
  rand(x: TensorLike, options?: Named): Tensor;
  /** `x | this`, of bools. */
  ror(x: TensorLike, options?: Named): Tensor;
  /** `x ^ this`, of bools. */
  rxor(x: TensorLike, options?: Named): Tensor;
  /** `-this` */
  neg(options?: Named): Tensor;
  /** The absolute value. */
  abs(options?: Named): Tensor;
  /** `~this`, of bools. */
  invert(options?: Named): Tensor;
  /** `this < y` */
  less(y: TensorLike, options?: Named): Tensor;
  /** `this <= y` */
  lessEqual(y: TensorLike, options?: Named): Tensor;
  /** `this > y` */
  greater(y: TensorLike, options?: Named): Tensor;
  /** `this >= y` */
  greaterEqual(y: TensorLike, options?: Named): Tensor;
  /** Whether the elements are equal. */
  equal(y: TensorLike, options?: Named): Tensor;
  /** Whether the elements differ. */
  notEqual(y: TensorLike, options?: Named): Tensor;
}

declare module '../core/graph.js' {
  interface Tensor extends OperatorMethods {}
}

const BINARY: Readonly<Record<string, py.Operator>> = {
  add: py.add,
  sub: py.sub,
  mul: py.mul,
  div: py.div,
  truediv: py.truediv,
  floordiv: py.floordiv,
  mod: py.mod,
  pow: py.pow,
  matmul: py.matmul,
  and: py.and,
  or: py.or,
  xor: py.xor,
  less,
  lessEqual,
  greater,
  greaterEqual,
  equal,
  notEqual,
};
const REVERSED: Readonly<Record<string, py.Operator>> = {
  radd: py.radd,
  rsub: py.rsub,
  rmul: py.rmul,
  rdiv: py.rdiv,
  rtruediv: py.rtruediv,
  rfloordiv: py.rfloordiv,
  rmod: py.rmod,
  rpow: py.rpow,
  rmatmul: py.rmatmul,
  rand: py.rand,
  ror: py.ror,
  rxor: py.rxor,
};
const UNARY = { neg, abs, invert: logicalNot } as const;

/** Gives a class Python's operators; `this` is the left operand, or for `r...` the right one. */
export const installOperators = (prototype: object): void => {
  const method = (name: string, value: unknown): void => {
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
  };
  for (const [name, build] of Object.entries(BINARY)) {
    method(name, function (this: TensorLike, y: TensorLike, options?: Named) {
      return build(this, y, options);
    });
  }
  for (const [name, build] of Object.entries(REVERSED)) {
    method(name, function (this: TensorLike, x: TensorLike, options?: Named) {
      return build(x, this, options);
    });
  }
  for (const [name, build] of Object.entries(UNARY)) {
    method(name, function (this: TensorLike, options?: Named) {
      return build(this, options);
    });
  }
};

installOperators(Tensor.prototype);
