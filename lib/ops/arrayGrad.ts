// Gradients of array ops that are more than one call, operation by operation as TensorFlow's array_grad builds them.
import { constantValue } from '../core/constantValue.js';
import type { Gradient } from '../core/defineOp.js';
import { bool, int32, int64 } from '../core/dtype.js';
import { ValueError } from '../core/errors.js';
import type { Tensor } from '../core/graph.js';
import { IndexedSlices } from '../core/indexedSlices.js';
import { maximum } from './arithmetic.js';
import { ones, onesLike, zeros, zerosLike } from './array.js';
import { concatOffset, expandDims, rank, reshape, shape, shapeN, size, squeeze } from './arrayShape.js';
import { cast } from './cast.js';
import { greaterEqual, where } from './compare.js';
import { gather, unsortedSegmentSum } from './gather.js';
import { get } from './indexing.js';
import { concat, split, stack } from './join.js';
import { pad, transpose } from './move.js';
import * as py from './operators.js';
import { reduceProd, reduceSum } from './reduce.js';
import { colocateWith } from './scopes.js';
import { range } from './sequence.js';
import { slice } from './slicing.js';

/** Beyond this many inputs one Split replaces the slices. */
const MANY = 16;

/** Each input of a concat gets its part of the gradient. */
export const concatGrad = (
  dy: Tensor,
  values: readonly Tensor[],
  axis: Tensor,
): { values: readonly Gradient[]; axis: Gradient } => {
  const at = py.mod(axis, rank(values[0]!));
  const sizes = inputShapes(values);
  if (sizes.length > MANY) {
    const lengths = squeeze(slice(stack(sizes, 1), [at, 0], [1, -1]));
    return { values: split(dy, lengths, at), axis: null };
  }
  const offsets = concatOffset(at, sizes);
  return { values: offsets.map((begin, i) => slice(dy, begin, sizes[i]!)), axis: null };
};

/** The shapes of tensors: constants while they are known, one ShapeN as soon as one is not. */
const inputShapes = (values: readonly Tensor[]): readonly Tensor[] => {
  const sizes: Tensor[] = [];
  for (const value of values) {
    const made = shape(value);
    if (made.op.type !== 'Const') return shapeN(values);
    sizes.push(made);
  }
  return sizes;
};

/** The gradient of a slice is padded back to the input's shape. */
export const sliceGrad = (
  dy: Tensor,
  input: Tensor,
  begin: Tensor,
  output: Tensor,
): { input: Gradient; begin: Gradient; size: Gradient } => {
  const ndims = rank(input);
  const sizes = shape(output, { outType: begin.dtype });
  const column = stack([ndims, 1]);
  const before = reshape(begin, column);
  const after = reshape(py.sub(py.sub(shape(input, { outType: begin.dtype }), sizes), begin), column);
  return { input: pad(dy, concat([before, after], 1)), begin: null, size: null };
};

/** The gradient of a tile is summed over the repetitions. */
export const tileGrad = (dy: Tensor, input: Tensor, multiples: Tensor): Gradient => {
  const inputShape = shape(input, { outType: multiples.dtype });
  const splitShape = reshape(transpose(stack([multiples, inputShape])), [-1]);
  const axes = range(0, size(splitShape), 2);
  const made = reduceSum(reshape(dy, splitShape), axes);
  made.setShape(input.shape);
  return made;
};

/** The gradient of a pad is what lies inside. */
export const padGrad = (dy: Tensor, input: Tensor, paddings: Tensor): Gradient => {
  const before = slice(paddings, [0, 0], stack([rank(input), 1]));
  const begin = reshape(before, [-1]);
  return slice(dy, begin, shape(input, { outType: paddings.dtype }));
};

/** The gradient of rows taken along the first axis: the same rows, added up where one was taken twice. */
const rowsOf = (dy: Tensor, paramsShape: Tensor, indices: Tensor, count: Tensor): IndexedSlices => {
  const values = reshape(dy, concat([count, get(paramsShape, [1, null])], 0));
  return new IndexedSlices(values, reshape(indices, count), paramsShape);
};

/** Along the first axis slices; along another the rows are transposed to the front, summed and transposed back. */
export const gatherGrad = (
  dy: Tensor,
  inputs: { readonly params: Tensor; readonly indices: Tensor; readonly axis: Tensor },
  batch: number,
): Gradient => {
  const { params, axis } = inputs;
  const paramsShape = colocateWith(params, () => cast(shape(params, { outType: int64 }), int32));
  const count = expandDims(size(inputs.indices), 0);
  const at = constantValue(axis);
  if (at !== null && Number(at.data[0]) === 0) return rowsOf(dy, paramsShape, inputs.indices, count);
  const { rank: ndimsOfIndices } = inputs.indices.shape;
  if (batch < 0 && ndimsOfIndices === null)
    throw new ValueError('The gradient of a gather with batch_dims < 0 needs the rank of its indices');
  const batchDims = batch < 0 ? batch + ndimsOfIndices! : batch;
  const outer = get(paramsShape, [null, axis]);
  const inner = get(get(paramsShape, [axis, null]), [1, null]);
  const valuesShape = concat([outer, [-1], inner], 0);
  const ndims = size(valuesShape);
  const axisDims = size(outer);
  const outerBatches = range(batchDims);
  const batchAxes = range(batchDims, axisDims);
  const innerAxes = range(py.add(axisDims, 1), ndims);
  const values = reshape(dy, valuesShape);
  const toFront = concat([outerBatches, [axisDims], batchAxes, innerAxes], 0);
  const moved = transpose(values, toFront);
  // Where other dimensions lie before the axis, 1.15 takes the first of them for it, and fails; the versions after it do this.
  const inPlace = batchDims === 0 || Number(at?.data[0]) === batchDims;
  const shapeMoved = inPlace ? paramsShape : gather(paramsShape, toFront);
  const rows = batchRows(shapeMoved, moved, inputs.indices, batchDims, get(paramsShape, axis));
  const back = concat([outerBatches, py.add(batchAxes, 1), [batchDims], innerAxes], 0);
  return transpose(rows, back);
};

/** The rows of the first dimension after the batches, summed where one was taken twice. */
const batchRows = (paramsShape: Tensor, values: Tensor, indices: Tensor, batch: number, segments: Tensor): Tensor => {
  const count = expandDims(size(indices), 0);
  if (batch === 0) return unsortedSegmentSum(values, reshape(indices, count), segments);
  const valuesShape = shape(values);
  const outer = get(valuesShape, [null, batch]);
  const flatShape = concat([[-1], get(get(valuesShape, [batch, null]), [1, null])], 0);
  const all = py.mul(segments, reduceProd(outer, [0]));
  const ids = reshape(withOffsets(paramsShape, indices, batch), count);
  const sums = unsortedSegmentSum(reshape(values, flatShape), ids, all);
  return reshape(sums, concat([outer, flatShape], 0));
};

/** Indices as they are once the batches are one dimension with the rows. */
const withOffsets = (paramsShape: Tensor, indices: Tensor, batch: number): Tensor => {
  const sizes = cast(paramsShape, indices.dtype);
  const ndims = indices.shape.rank;
  let sum = indices;
  let step: Tensor = ones([], indices.dtype);
  for (let dim = batch; dim > 0; dim--) {
    const own = get(sizes, dim - 1);
    step = py.mul(step, get(sizes, dim));
    const offsets = py.mul(range(zeros([], indices.dtype), own, ones([], indices.dtype)), step);
    const before = new Array<number>(dim - 1).fill(1);
    // TensorFlow 1.15 needs the rank when the graph is built; here dimensions of 1 follow when it is known.
    const at =
      ndims === null
        ? concat([before, [own], onesLike(range(py.sub(rank(indices), dim)))], 0)
        : stack([...before, own, ...new Array<number>(ndims - dim).fill(1)], 0);
    sum = py.add(sum, reshape(offsets, at));
  }
  return sum;
};

/** Each row gets the gradient of its sum; a row with a negative id, which was dropped, zeros. */
export const unsortedSegmentSumGrad = (dy: Tensor, ids: Tensor): Gradient => {
  const clipped = maximum(ids, zerosLike(ids));
  const gathered = gather(dy, clipped);
  let counted: Tensor = greaterEqual(ids, 0);
  if (gathered.shape.rank === null || counted.shape.rank === null) {
    // TensorFlow 1.15 needs both ranks when the graph is built; here dimensions of 1 follow when they are known.
    const missing = onesLike(range(py.sub(rank(gathered), rank(ids))));
    counted = reshape(counted, concat([shape(ids), missing], 0));
  } else {
    for (let i = counted.shape.rank; i < gathered.shape.rank; i++) counted = expandDims(counted, -1);
  }
  counted = py.and(counted, onesLike(gathered, bool));
  return where(counted, gathered, zerosLike(gathered));
};
