// Gradients of reductions: the gradient of each result is given back to every element it came from.
import { constantValue } from '../core/constantValue.js';
import { convertToTensor, type TensorLike } from '../core/convert.js';
import { float32, int32 } from '../core/dtype.js';
import type { Graph, Tensor } from '../core/graph.js';
import { NDArray } from '../core/ndarray.js';
import { sizeOf } from '../core/shape.js';
import { fill, invertPermutation, rank as rankTensor, reshape, shape, size } from './arrayShape.js';
import { cast } from './cast.js';
import { equal } from './compare.js';
import { divide, maximum, truediv } from './elementwise.js';
import { int32List } from './elementwiseGrad.js';
import { gather } from './gather.js';
import { numbersOf } from './hostValue.js';
import { concat } from './join.js';
import { tile, transpose } from './move.js';
import * as py from './operators.js';
import { pythonConstant } from './pythonConstant.js';
import { reduceProd, reduceSum } from './reduce.js';
import { cumprod } from './scan.js';
import { colocateWith, device } from './scopes.js';
import { range } from './sequence.js';
import { dynamicStitch, setdiff1d } from './stitch.js';

const one = (): NDArray => new NDArray(int32, [], Int32Array.of(1));

/** The shape of a reduction's result as if the axes had been kept: `[2, 3, 5]` over axis 1 gives `[2, 1, 5]`. */
export const reducedShape = (inputShape: TensorLike, axes: TensorLike): Tensor => {
  const sizes = cast(inputShape, int32);
  const given = cast(axes, int32);
  const rank = size(sizes);
  const positive = py.mod(py.add(given, rank), rank);
  const axesShape = shape(positive);
  return dynamicStitch([range(rank), positive], [sizes, fill(axesShape, one())]);
};

/** `x // y` of sizes, with 0 // 0 = 0. */
const safeDivide = (x: TensorLike, y: TensorLike): Tensor => {
  const bounded = maximum(y, 1);
  return isTensor(x) ? py.floordiv(x, bounded) : py.rfloordiv(x, bounded);
};
const isTensor = (x: TensorLike): x is Tensor => !(x instanceof Int32Array);

/** Kept shapes and tilings of static reductions, once a graph: TensorFlow adds the operations that find them at the first use only. */
const CACHE = new WeakMap<Graph, Map<string, readonly [readonly number[], readonly number[]]>>();

const staticTiling = (
  graph: Graph,
  sizes: readonly number[],
  axes: NDArray,
): readonly [readonly number[], readonly number[]] => {
  const cache = CACHE.get(graph) ?? new Map<string, readonly [readonly number[], readonly number[]]>();
  CACHE.set(graph, cache);
  const key = `${sizes}|${numbersOf(axes)}`;
  let found = cache.get(key);
  if (found === undefined) {
    // Python's empty tuple becomes a float32 tensor, which TensorFlow then casts.
    const flat =
      axes.size === 0
        ? new NDArray(float32, [0], new Float32Array(0))
        : new NDArray(axes.dtype, [axes.size], axes.data);
    const kept = numbersOf(constantValue(reducedShape(int32List(sizes), flat))!);
    found = [kept, numbersOf(constantValue(safeDivide(int32List(sizes), int32List(kept)))!)];
    cache.set(key, found);
  }
  return found;
};

/** Gradient of Sum: reshaped to the kept axes, then repeated. */
export const sumGrad = (dy: Tensor, input: Tensor, indices: Tensor): Tensor => {
  const { dims } = input.shape;
  const axes = dims === null ? null : pythonConstant(indices);
  if (dims !== null && axes !== null) {
    const all = axes.rank === 1 && axes.size === dims.length && numbersOf(axes).every((axis, i) => axis === i);
    if (all) {
      const scalar = reshape(dy, int32List(dims.map(() => 1)));
      const multiples = input.shape.isFullyDefined ? convertToTensor(int32List(input.shape.concrete())) : shape(input);
      return tile(scalar, multiples);
    }
    if (input.shape.isFullyDefined) {
      const [kept, multiples] = staticTiling(input.graph, input.shape.concrete(), axes);
      return tile(reshape(dy, int32List(kept)), int32List(multiples));
    }
  }
  const inputShape = shape(input);
  const [kept, multiples] = colocateWith(inputShape, () => {
    const keptShape = reducedShape(inputShape, indices);
    return [keptShape, safeDivide(inputShape, keptShape)] as const;
  });
  return tile(reshape(dy, kept), multiples);
};

/** Gradient of Mean: that of Sum divided by how many elements each mean has. */
export const meanGrad = (dy: Tensor, input: Tensor, indices: Tensor, output: Tensor): Tensor => {
  const summed = sumGrad(dy, input, indices);
  let factor: Tensor;
  if (input.shape.isFullyDefined && output.shape.isFullyDefined) {
    const count = Math.floor(sizeOf(input.shape.concrete()) / Math.max(sizeOf(output.shape.concrete()), 1));
    factor = convertToTensor(count, { dtype: summed.dtype });
  } else {
    const inputShape = shape(input);
    const outputShape = shape(output);
    const inputSize = reduceProd(inputShape);
    factor = safeDivide(inputSize, reduceProd(outputShape));
  }
  return truediv(summed, cast(factor, summed.dtype));
};

/** Gradient of Max and Min: shared evenly among the elements that are the extreme. */
export const maxGrad = (dy: Tensor, input: Tensor, indices: Tensor, output: Tensor): Tensor => {
  const kept = reducedShape(shape(input), indices);
  const y = reshape(output, kept);
  const grad = reshape(dy, kept);
  const chosen = cast(equal(y, input), grad.dtype);
  const count = reshape(reduceSum(chosen, indices), kept);
  return py.mul(divide(chosen, count), grad);
};

/** Gradient of Prod: the product of all other elements, from cumulative products on both sides, so that zeros do no harm. */
export const prodGrad = (dy: Tensor, input: Tensor, indices: Tensor): Tensor => {
  const inputShape = shape(input);
  // TensorFlow 1.15 refuses int64 axes here; a cast that does nothing to int32 takes them.
  const flat = cast(reshape(indices, int32List([-1])), int32);
  const kept = reducedShape(inputShape, indices);
  const multiples = safeDivide(inputShape, kept);
  const grad = tile(reshape(dy, kept), multiples);
  const { perm, reducedNum, otherNum } = device('/cpu:0', () => {
    const rank = rankTensor(input);
    const reduced = py.mod(py.add(flat, rank), rank);
    const other = setdiff1d(range(0, rank), reduced).out;
    const order = concat([reduced, other], 0);
    const reducedCount = reduceProd(gather(inputShape, reduced));
    return { perm: order, reducedNum: reducedCount, otherNum: reduceProd(gather(inputShape, other)) };
  });
  const permuted = transpose(input, perm);
  const permutedShape = shape(permuted);
  const reshaped = reshape(permuted, [reducedNum, otherNum]);
  const left = cumprod(reshaped, 0, { exclusive: true });
  const right = cumprod(reshaped, 0, { exclusive: true, reverse: true });
  const y = reshape(py.mul(left, right), permutedShape);
  const out = py.mul(grad, transpose(y, invertPermutation(perm)));
  return reshape(out, inputShape);
};
