// Slice, StridedSlice and its gradient: parts of a tensor by index.
import type { TensorLike } from '../core/convert.js';
import { defineOp, type Named } from '../core/defineOp.js';
import { int32, int64 } from '../core/dtype.js';
import { InvalidArgumentError, ValueError } from '../core/errors.js';
import type { Tensor } from '../core/graph.js';
import type { Words } from '../core/lowering.js';
import type { NDArray } from '../core/ndarray.js';
import { type OptionNames, optionsOf } from '../core/options.js';
import { type Dim, sizeOf, TensorShape, UNKNOWN } from '../core/shape.js';
import { onesLike } from './array.js';
import { sliceGrad } from './arrayGrad.js';
import { type ShapeArgument, shapeInput, shape as shapeTensor } from './arrayShape.js';
import { numbersOf, picked } from './hostValue.js';
import { mergeShapes, needRank, unknownDims } from './shapeRules.js';
import { type DenseSlice, denseSlice, type StridedMasks } from './stridedSpec.js';

const T = { type: 'type' } as const;
const INDEX = { type: 'type', allowed: [int32, int64] } as const;
const MASK = { type: 'int', default: 0 } as const;
const MASKS = {
  begin_mask: MASK,
  end_mask: MASK,
  ellipsis_mask: MASK,
  new_axis_mask: MASK,
  shrink_axis_mask: MASK,
} as const;

type AttrReader = { attr(name: string): unknown };
const masksOf = (c: AttrReader): StridedMasks => ({
  begin: c.attr('begin_mask') as number,
  end: c.attr('end_mask') as number,
  ellipsis: c.attr('ellipsis_mask') as number,
  newAxis: c.attr('new_axis_mask') as number,
  shrinkAxis: c.attr('shrink_axis_mask') as number,
});

/** Attribute words of `Slice` and `SliceGrad`. An empty slice begins anywhere. */
const sliceWords =
  (begin: readonly number[], stride: readonly number[], sizes: readonly number[]) =>
  (words: Words): void => {
    const empty = sizes.includes(0);
    words
      .i32(begin.length)
      .i64(...begin.map((at) => (empty ? 0 : at)))
      .i64(...stride);
  };

/** The elements of a slice of a small value. */
const slicedValue = (value: NDArray, slice: DenseSlice, shape: readonly number[]): NDArray | null =>
  picked(value, shape, (flat) => {
    let index = 0;
    let step = 1;
    let rest = flat;
    for (let axis = value.rank - 1; axis >= 0; axis--) {
      const size = slice.sizes[axis]!;
      index += (slice.begin[axis]! + (rest % size) * slice.stride[axis]!) * step;
      rest = Math.floor(rest / size);
      step *= value.shape[axis]!;
    }
    return index;
  });

const sliceOp = defineOp('Slice', {
  inputs: { input: 'T', begin: 'Index', size: 'Index' },
  outputs: { output: 'T' },
  attrs: { T, Index: INDEX },
  shape: (c) => {
    const lengths = mergeShapes(needRank(c.shape('begin'), 1), needRank(c.shape('size'), 1));
    const rank = lengths.dim(0);
    const input = rank === null ? c.shape('input') : needRank(c.shape('input'), rank);
    const sizes = c.value('size');
    const begin = c.valueAsShape('begin');
    if (sizes === null) {
      const partial = c.valueAsShape('size');
      if (partial.dims !== null) return [partial];
      return [input.rank === null ? UNKNOWN : unknownDims(input.rank)];
    }
    return [new TensorShape(numbersOf(sizes).map((size, i) => sliceDim(input.dim(i), begin.dim(i), size, i)))];
  },
  grad: ([dy], view) => sliceGrad(dy!, view.inputs.input, view.inputs.begin, view.outputs[0]!),
  lower: (c) => {
    const from = c.input('input');
    const to = c.outputs[0]!;
    const begin = c.hostNumbers('begin');
    begin.forEach((at, i) => {
      const dim = from.shape[i]!;
      if (at < 0 || at > dim) throw new InvalidArgumentError(`Expected begin[${i}] in [0, ${dim}], but got ${at}`);
    });
    if (from.shape.every((dim, i) => dim === to.shape[i])) c.alias(0, from);
    else
      c.kernel(
        'Slice',
        [from],
        [to],
        sliceWords(
          begin,
          begin.map(() => 1),
          to.shape,
        ),
      );
  },
  hostInputs: ['begin', 'size'],
  host: (c) => {
    const [value, begin, size] = c.values;
    if (!value || !begin || !size) return null;
    const from = numbersOf(begin);
    const sizes = numbersOf(size).map((n, i) => (n === -1 ? value.shape[i]! - from[i]! : n));
    if (sizes.some((n, i) => n < 0 || from[i]! < 0 || from[i]! + n > value.shape[i]!)) return null;
    const made = slicedValue(value, { begin: from, stride: from.map(() => 1), sizes, shape: sizes }, sizes);
    return made === null ? null : [made];
  },
  partial: (op, of) => {
    const [from, size] = [of(op.inputs[1]!), of(op.inputs[2]!)];
    const all = op.inputs[0]!.shape.rank === 1 ? of(op.inputs[0]!) : null;
    if (all === null || from?.[0] == null || size?.[0] == null) return null;
    return all.slice(from[0], size[0] === -1 ? all.length : from[0] + size[0]);
  },
});

const sliceDim = (dim: Dim, begin: Dim, size: number, i: number): Dim => {
  if (size === -1) {
    if (dim === null || begin === null) return null;
    if (begin > dim) throw new ValueError(`Negative dimension size caused by subtracting ${begin} from ${dim}`);
    return dim - begin;
  }
  if (size < 0) throw new ValueError(`size[${i}] must be >= -1, but is ${size}`);
  if (dim !== null && begin !== null && begin + size > dim)
    throw new ValueError(`Expected size[${i}] in [0, ${Math.max(dim - begin, 0)}], but got ${size}`);
  return size;
};

const stridedSliceOp = defineOp('StridedSlice', {
  inputs: { input: 'T', begin: 'Index', end: 'Index', strides: 'Index' },
  outputs: { output: 'T' },
  attrs: { T, Index: INDEX, ...MASKS },
  shape: (c) => {
    const lengths = mergeShapes(needRank(c.shape('begin'), 1), needRank(c.shape('end'), 1));
    mergeShapes(lengths, needRank(c.shape('strides'), 1));
    const { dims } = c.shape('input');
    const [begin, end, strides] = [c.value('begin'), c.value('end'), c.value('strides')];
    if (dims === null || strides === null) return [UNKNOWN];
    const slice = denseSlice(
      dims,
      begin === null ? null : numbersOf(begin),
      end === null ? null : numbersOf(end),
      numbersOf(strides),
      masksOf(c),
    );
    return [new TensorShape(slice.shape)];
  },
  grad: ([dy], { inputs, attr }) => {
    const x = shapeTensor(inputs.input, { outType: inputs.begin.dtype });
    return { input: unsliced(x, inputs, dy!, masksOf({ attr })), begin: null, end: null, strides: null };
  },
  lower: (c) => {
    const from = c.input('input');
    const to = c.outputs[0]!;
    const slice = denseSlice(
      from.shape,
      c.hostNumbers('begin'),
      c.hostNumbers('end'),
      c.hostNumbers('strides'),
      masksOf(c),
    );
    const sizes = slice.sizes as number[];
    if (slice.stride.every((stride) => stride === 1) && sizes.every((size, i) => size === from.shape[i])) {
      c.alias(0, from);
    } else c.kernel('Slice', [from], [c.view(to, sizes)], sliceWords(slice.begin, slice.stride, sizes));
  },
  hostInputs: ['begin', 'end', 'strides'],
  host: (c) => {
    const [value, begin, end, strides] = c.values;
    if (!value || !begin || !end || !strides) return null;
    const slice = denseSlice(value.shape, numbersOf(begin), numbersOf(end), numbersOf(strides), masksOf(c));
    const made = slicedValue(value, slice, slice.shape as number[]);
    return made === null ? null : [made];
  },
  partial: (op, of) => {
    const all = op.inputs[0]!.shape.rank === 1 ? of(op.inputs[0]!) : null;
    const [begin, end, strides] = op.inputs.slice(1).map(of);
    const exact = (dims: readonly Dim[] | null | undefined): dims is readonly number[] =>
      dims?.every((dim) => dim !== null) ?? false;
    if (all === null || !exact(begin) || !exact(end) || !exact(strides)) return null;
    const masks = masksOf(op);
    if (masks.newAxis !== 0) return null;
    const slice = denseSlice([all.length], begin, end, strides, masks);
    return Array.from({ length: slice.sizes[0]! }, (_, i) => all[slice.begin[0]! + i * slice.stride[0]!]!);
  },
});

const stridedSliceGradOp = defineOp('StridedSliceGrad', {
  inputs: { shape: 'Index', begin: 'Index', end: 'Index', strides: 'Index', dy: 'T' },
  outputs: { output: 'T' },
  attrs: { T, Index: INDEX, ...MASKS },
  shape: (c) => [c.valueAsShape('shape')],
  grad: ([dy], { inputs, attr }) => ({
    shape: null,
    begin: null,
    end: null,
    strides: null,
    dy: sliced(dy!, inputs, masksOf({ attr })),
  }),
  lower: (c) => {
    const dy = c.input('dy');
    const to = c.outputs[0]!;
    const slice = denseSlice(
      to.shape,
      c.hostNumbers('begin'),
      c.hostNumbers('end'),
      c.hostNumbers('strides'),
      masksOf(c),
    );
    const sizes = slice.sizes as number[];
    if (sizeOf(sizes) !== sizeOf(dy.shape)) {
      throw new ValueError(`shape of dy was [${dy.shape.join(',')}] instead of [${slice.shape.join(',')}]`);
    }
    if (slice.stride.every((stride) => stride === 1) && sizes.every((size, i) => size === to.shape[i])) c.alias(0, dy);
    else c.kernel('SliceGrad', [c.view(dy, sizes)], [to], sliceWords(slice.begin, slice.stride, sizes));
  },
  hostInputs: ['shape', 'begin', 'end', 'strides'],
});

type Bounds = { readonly begin: Tensor; readonly end: Tensor; readonly strides: Tensor };
const sliced = (input: Tensor, { begin, end, strides }: Bounds, masks: StridedMasks): Tensor =>
  stridedSliceOp({ input, begin, end, strides }, maskAttrs(masks)).output;
const unsliced = (shape: Tensor, { begin, end, strides }: Bounds, dy: Tensor, masks: StridedMasks): Tensor =>
  stridedSliceGradOp({ shape, begin, end, strides, dy }, maskAttrs(masks)).output;

const maskAttrs = (masks: StridedMasks): Record<string, number> => ({
  begin_mask: masks.begin,
  end_mask: masks.end,
  ellipsis_mask: masks.ellipsis,
  new_axis_mask: masks.newAxis,
  shrink_axis_mask: masks.shrinkAxis,
});

/**
 * The part of a tensor that begins at `begin` and has `size`; -1 in `size` is everything that is left.
 *
 * @example tf.slice([[1, 2, 3], [4, 5, 6]], [0, 1], [2, 2]) // [[2, 3], [5, 6]]
 */
export const slice = (input: TensorLike, begin: TensorLike, size: ShapeArgument, options: Named = {}): Tensor =>
  sliceOp({ input, begin, size: shapeInput(size) }, {}, options).output;

/** Options of `stridedSlice`: masks with one bit for each entry of begin, end and strides. */
export interface StridedSliceOptions extends Named {
  readonly beginMask?: number | undefined;
  readonly endMask?: number | undefined;
  readonly ellipsisMask?: number | undefined;
  readonly newAxisMask?: number | undefined;
  readonly shrinkAxisMask?: number | undefined;
}
const STRIDED_SLICE: OptionNames<StridedSliceOptions> = {
  name: true,
  beginMask: true,
  endMask: true,
  ellipsisMask: true,
  newAxisMask: true,
  shrinkAxisMask: true,
};

/**
 * Every `strides`-th element from `begin` up to `end` of each dimension; what `x.get(...)` makes.
 * ValueError "slice index 5 of dimension 0 out of bounds.".
 *
 * @example tf.stridedSlice([1, 2, 3, 4, 5], [0], [5], [2]) // [1, 3, 5]
 */
export const stridedSlice = (
  input: TensorLike,
  begin: TensorLike,
  end: TensorLike,
  strides?: TensorLike | null,
  options: StridedSliceOptions = {},
): Tensor => {
  const all = optionsOf('stridedSlice', STRIDED_SLICE, options);
  const masks = maskAttrs({
    begin: all.beginMask ?? 0,
    end: all.endMask ?? 0,
    ellipsis: all.ellipsisMask ?? 0,
    newAxis: all.newAxisMask ?? 0,
    shrinkAxis: all.shrinkAxisMask ?? 0,
  });
  const steps = strides ?? onesLike(begin, int32);
  return stridedSliceOp({ input, begin, end, strides: steps }, masks, { name: all.name }).output;
};
