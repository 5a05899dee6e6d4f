// TensorFlow says the same mistake in other words when it is found while running: its kernels' words.
import type { ShapeContext } from '../core/defineOp.js';
import { ValueError } from '../core/errors.js';
import type { TensorShape } from '../core/shape.js';
import { numbersOf } from './hostValue.js';

/** The kernel's words for shapes it refuses; undefined where the shape rule's own text says it. */
type Words = (c: ShapeContext) => string | undefined;

/** Applies a shape rule; where a plan is made and it fails, the error has the kernel's text. */
export const orInRun = <R>(c: ShapeContext, text: () => string | undefined, rule: () => R): R => {
  try {
    return rule();
  } catch (error) {
    const words = c.planning === true && error instanceof ValueError ? text() : undefined;
    throw words === undefined ? error : new ValueError(words);
  }
};

/** A shape rule with its kernel's words. */
export const worded =
  (words: Words, rule: (c: ShapeContext) => readonly TensorShape[]) =>
  (c: ShapeContext): readonly TensorShape[] =>
    orInRun(
      c,
      () => words(c),
      () => rule(c),
    );

const same = (a: TensorShape, b: TensorShape): boolean => a.toBrackets() === b.toBrackets();
const numbers = (c: ShapeContext, input: string): number[] | undefined => {
  const value = c.value(input);
  return value === null ? undefined : numbersOf(value);
};

/** pack_op.cc */
export const packWords: Words = (c) => {
  const first = c.inputs[0]!;
  const i = c.inputs.findIndex((shape) => !same(shape, first));
  return i < 0
    ? undefined
    : `Shapes of all inputs must match: values[0].shape = ${first.toBrackets()} != values[${i}].shape = ${c.inputs[i]!.toBrackets()}`;
};

/** op_kernel.cc, ValidateInputsAreSameShape */
export const addNWords: Words = (c) => {
  const first = c.inputs[0]!;
  const i = c.inputs.findIndex((shape) => !same(shape, first));
  return i < 0
    ? undefined
    : `Inputs to operation ${c.node} of type AddN must have the same size and shape.  Input 0: ${first.toBrackets()} != input ${i}: ${c.inputs[i]!.toBrackets()}`;
};

/** concat_op.cc */
export const concatWords: Words = (c) => {
  const shapes = c.shapes('values');
  const axis = numbers(c, 'axis')?.[0];
  const first = shapes[0]!;
  const rank = first.rank ?? 0;
  if (axis === undefined) return undefined;
  if (axis < -rank || axis >= rank) {
    return `ConcatOp : Expected concatenating dimensions in the range [${-rank}, ${rank}), but got ${axis}`;
  }
  const at = axis < 0 ? axis + rank : axis;
  for (const [i, shape] of shapes.entries()) {
    const pair = `shape[0] = ${first.toBrackets()} vs. shape[${i}] = ${shape.toBrackets()}`;
    if (shape.rank !== rank) return `ConcatOp : Ranks of all input tensors should match: ${pair}`;
    if (shape.dims!.some((dim, k) => k !== at && dim !== first.dims![k])) {
      return `ConcatOp : Dimensions of inputs should match: ${pair}`;
    }
  }
  return undefined;
};

/** unpack_op.cc */
export const unpackWords: Words = (c) => {
  const shape = c.inputs[0]!;
  const given = c.attr<number>('axis');
  return `Input shape axis ${given < 0 ? given + shape.rank! : given} must equal ${c.attr<number>('num')}, got shape ${shape.toBrackets()}`;
};

/** split_op.cc, split_v_op.cc */
const axisOutside = (axis: number, rank: number): string | undefined =>
  axis < -rank || axis >= rank
    ? `-input rank(-${rank}) <= split_dim < input rank (${rank}), but got ${axis}`
    : undefined;
export const splitWords: Words = (c) => {
  const { dims } = c.shape('value');
  const given = numbers(c, 'split_dim')?.[0];
  if (given === undefined || dims === null) return undefined;
  const axis = given < 0 ? given + dims.length : given;
  return (
    axisOutside(given, dims.length) ??
    `Number of ways to split should evenly divide the split dimension, but got split_dim ${axis} (size = ${dims[axis]}) and num_split ${c.attr<number>('num_split')}`
  );
};
export const splitVWords: Words = (c) => {
  const { dims } = c.shape('value');
  const [given, sizes] = [numbers(c, 'split_dim')?.[0], numbers(c, 'size_splits')];
  if (given === undefined || sizes === undefined || dims === null) return undefined;
  const outside = axisOutside(given, dims.length);
  if (outside !== undefined) return outside;
  if (sizes.length === 1)
    return `If there is only one output, it must have the same size as the input. Input size: ${dims.at(given)} output size: ${sizes[0]}`;
  if (sizes.filter((size) => size === -1).length > 1) return 'There can only be one -1 in the input.';
  const sum = sizes.filter((size) => size !== -1).reduce((a, b) => a + b, 0);
  return `Determined shape must either match input shape along split_dim exactly if fully specified, or be less than the size of the input along split_dim if not fully specified.  Got: ${sum}`;
};

/** transpose_op.cc */
export const transposeWords: Words = (c) => {
  const [rank, perm] = [c.shape('x').rank, numbers(c, 'perm')];
  if (rank === null || perm === undefined) return undefined;
  if (perm.length !== rank) {
    return `transpose expects a vector of size ${rank}. But input(1) is a vector of size ${perm.length}`;
  }
  const outside = perm.find((axis) => axis < 0 || axis >= rank);
  return outside === undefined ? undefined : `${outside} is out of range [0 .. ${rank})`;
};

/** tile_ops.cc */
export const tileWords: Words = (c) => {
  const [input, multiples] = [c.shape('input'), c.shape('multiples')];
  if (multiples.rank !== 1) return `Expected multiples to be 1-D, but got shape ${multiples.toBrackets()}`;
  return multiples.dim(0) === input.rank
    ? undefined
    : `Expected multiples argument to be a vector of length ${input.rank} but got length ${multiples.dim(0)}`;
};

/** constant_op.cc; sizes are TensorShape's */
export const fillWords: Words = (c) => {
  const [dims, value] = [c.shape('dims'), c.shape('value')];
  if (dims.rank !== 1) return `dims must be a vector, got shape ${dims.toBrackets()}`;
  if (value.rank !== 0) return `value must be a scalar, got shape ${value.toBrackets()}`;
  const bad = numbers(c, 'dims')?.find((dim) => dim < 0);
  return bad === undefined ? undefined : `Dimension ${bad} must be >= 0`;
};

/** cwise_op_select.cc */
export const selectWords: Words = (c) => {
  const [condition, t, e] = [c.shape('condition'), c.shape('t'), c.shape('e')];
  if (condition.rank === 1 && t.rank !== 0 && t.dim(0) !== condition.dim(0))
    return `Number of batches of 'then' must match size of 'cond', but saw: ${t.dim(0)} vs. ${condition.dim(0)}`;
  return same(t, e)
    ? undefined
    : `'then' and 'else' must have the same size.  but received: ${t.toBrackets()} vs. ${e.toBrackets()}`;
};

/** pad_op.cc */
export const padWords: Words = (c) => {
  const [input, paddings] = [c.shape('input'), c.shape('paddings')];
  if (paddings.rank !== 2 || paddings.dim(1) !== 2)
    return `paddings must be a matrix with 2 columns: ${paddings.toBrackets()}`;
  if (paddings.dim(0) !== input.rank)
    return `The first dimension of paddings must be the rank of inputs${paddings.toBrackets()} ${input.toBrackets()}`;
  const given = numbers(c, 'paddings') ?? [];
  const bad = given.findIndex((pad) => pad < 0);
  const row = bad - (bad % 2);
  return bad < 0 ? undefined : `Paddings must be non-negative: ${given[row]} ${given[row + 1]}`;
};

/** batch_matmul_op_impl.h */
export const batchWords: Words = (c) => {
  const [x, y] = [c.shape('x'), c.shape('y')];
  if (x.rank !== null && x.rank < 2) return `In[0] ndims must be >= 2: ${x.rank}`;
  if (y.rank !== null && y.rank < 2) return `In[1] ndims must be >= 2: ${y.rank}`;
  return undefined;
};

/** sequence_ops.cc */
export const rangeWords: Words = (c) => {
  for (const input of ['start', 'limit', 'delta']) {
    if (c.shape(input).rank !== 0) return `${input} must be a scalar, not shape ${c.shape(input).toBrackets()}`;
  }
  return undefined;
};
