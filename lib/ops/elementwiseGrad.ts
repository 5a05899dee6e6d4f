// What gradients of elementwise ops are made of: gradient-only ops, and summing a gradient back over broadcast dimensions.

import { constantValue } from '../core/constantValue.js';
import type { Gradient } from '../core/defineOp.js';
import type { Graph, Tensor } from '../core/graph.js';
import type { TensorShape } from '../core/shape.js';
import { broadcastGradientArgs, rawShape, reshape, shape } from './arrayShape.js';
import { neg, square } from './elementwise.js';
import { numbersOf } from './hostValue.js';
import { defineOutputGrad } from './kinds.js';
import * as py from './operators.js';
import { reduceSum } from './reduce.js';
import { controlDependencies } from './scopes.js';

/** Runs `fn` so that what it makes waits for the gradient: TensorFlow keeps backward work from starting early. */
export const after = <R>(dy: Tensor, fn: () => R): R => controlDependencies([dy], fn);

// Second gradients are written as math_grad.py of TensorFlow 1.15 does, in its order of operations.

export const sigmoidGradOp = defineOutputGrad('SigmoidGrad', (grad, a, b) =>
  after(grad, () => {
    const gb = py.mul(grad, b);
    return [py.sub(gb, py.mul(py.rmul(2, gb), a)), sigmoidGrad(a, grad)];
  }),
);
export const tanhGradOp = defineOutputGrad('TanhGrad', (grad, a, b) =>
  after(grad, () => [py.mul(py.mul(py.mul(grad, -2), b), a), tanhGrad(a, grad)]),
);
const reciprocalSecond = (grad: Tensor, a: Tensor, b: Tensor): [Gradient, Gradient] =>
  after(grad, () => [py.mul(py.mul(py.mul(grad, -2), b), a), reciprocalGrad(a, grad)]);
export const reciprocalGradOp = defineOutputGrad('ReciprocalGrad', reciprocalSecond);
export const invGradOp = defineOutputGrad('InvGrad', reciprocalSecond);
export const sqrtGradOp = defineOutputGrad('SqrtGrad', (grad, a, _, y) =>
  after(grad, () => {
    const ga = py.truediv(grad, a);
    return [py.mul(neg(ga), y), py.rmul(0.5, ga)];
  }),
);
export const rsqrtGradOp = defineOutputGrad('RsqrtGrad', (grad, a, b) =>
  after(grad, () => [py.mul(py.mul(py.rmul(-1.5, grad), b), square(a)), rsqrtGrad(a, grad)]),
);

/** dy * y * (1 - y), where y is the sigmoid. */
export const sigmoidGrad = (y: Tensor, dy: Tensor): Tensor => sigmoidGradOp({ y, dy }).output;
/** dy * (1 - y * y), where y is the tanh. */
export const tanhGrad = (y: Tensor, dy: Tensor): Tensor => tanhGradOp({ y, dy }).output;
/** -dy * y * y, where y is the reciprocal. */
export const reciprocalGrad = (y: Tensor, dy: Tensor): Tensor => reciprocalGradOp({ y, dy }).output;
/** dy * 0.5 / y, where y is the square root. */
export const sqrtGrad = (y: Tensor, dy: Tensor): Tensor => sqrtGradOp({ y, dy }).output;
/** dy * -0.5 * y^3, where y is the reciprocal square root. */
export const rsqrtGrad = (y: Tensor, dy: Tensor): Tensor => rsqrtGradOp({ y, dy }).output;

/** How the gradient of one operand is brought back to its shape. */
export interface Broadcast {
  /** The operand's shape: a list where it is static. */
  readonly shape: Tensor | readonly number[];
  /** The axes to sum over. */
  readonly axes: Tensor | readonly number[];
  /** Whether the gradient has another shape than the operand. */
  readonly differs: boolean;
}

/** The axes of static shape pairs, once a graph: TensorFlow adds the operations that find them at the first use only. */
const CACHE = new WeakMap<Graph, Map<string, readonly [readonly number[], readonly number[]]>>();

/**
 * How gradients of a broadcasting op go back to its operands. Static shapes give lists (and cost operations only once a graph);
 * otherwise `Shape` and `BroadcastGradientArgs` find them in each run.
 */
export const smartBroadcastArgs = (x: Tensor, y: Tensor, dy: Tensor): readonly [Broadcast, Broadcast] => {
  if (!x.shape.isFullyDefined || !y.shape.isFullyDefined) {
    const sx = rawShape(x);
    const sy = rawShape(y);
    const [rx, ry] = broadcastGradientArgs(sx, sy);
    return [
      { shape: sx, axes: rx, differs: true },
      { shape: sy, axes: ry, differs: true },
    ];
  }
  const sx = x.shape.concrete();
  const sy = y.shape.concrete();
  const cache = CACHE.get(x.graph) ?? new Map<string, readonly [readonly number[], readonly number[]]>();
  CACHE.set(x.graph, cache);
  const key = `${sx}|${sy}`;
  let axes = cache.get(key);
  if (axes === undefined) {
    const [rx, ry] = broadcastGradientArgs(int32List(sx), int32List(sy));
    axes = [numbersOf(constantValue(rx)!), numbersOf(constantValue(ry)!)];
    cache.set(key, axes);
  }
  return [
    { shape: sx, axes: axes[0], differs: !dy.shape.equals(x.shape) },
    { shape: sy, axes: axes[1], differs: !dy.shape.equals(y.shape) },
  ];
};

/** A list of sizes as an int32 literal (an empty one included). */
export const int32List = (values: readonly number[]): Int32Array => Int32Array.from(values);

const literal = (value: Tensor | readonly number[]): Tensor | Int32Array =>
  Array.isArray(value) ? int32List(value) : (value as Tensor);

/** Sums a gradient over the axes and gives it the operand's shape. */
export const sumTo = (gradient: Tensor, axes: Tensor | readonly number[], to: Tensor | readonly number[]): Tensor =>
  reshape(reduceSum(gradient, literal(axes)), literal(to));

/** The gradient brought back to the operand's shape where it differs; `compute` is called in any case, first. */
export const unbroadcast = (target: Broadcast, compute: () => Tensor): Tensor => {
  const gradient = compute();
  return target.differs ? sumTo(gradient, target.axes, target.shape) : gradient;
};

/** Shapes of both operands and the axes to sum over, always as operations (or constants). */
export const broadcastArgs = (x: Tensor, y: Tensor): { sx: Tensor; sy: Tensor; rx: Tensor; ry: Tensor } => {
  const sx = shape(x);
  const sy = shape(y);
  const [rx, ry] = broadcastGradientArgs(sx, sy);
  return { sx, sy, rx, ry };
};

const equalAndKnown = (a: TensorShape, b: TensorShape): boolean => a.isFullyDefined && a.equals(b);

/** Whether x, y and the gradient have one fully known shape: then nothing is summed. */
export const sameKnownShape = (x: Tensor, y: Tensor, dy: Tensor): boolean =>
  equalAndKnown(x.shape, y.shape) && equalAndKnown(x.shape, dy.shape);
