// Ops by index and by value: gather, oneHot, unique, booleanMask, unsortedSegmentSum. Also how IndexedSlices become dense.
import { constantValue } from '../core/constantValue.js';
import { convertToTensor, type TensorLike, tensorOf } from '../core/convert.js';
import { defineOp, type Named } from '../core/defineOp.js';
import { asDtype, type DType, type DTypeLike, float32, int32, int64, NUMERIC, uint8 } from '../core/dtype.js';
import { GraphTypeError, InvalidArgumentError, ValueError } from '../core/errors.js';
import type { Tensor } from '../core/graph.js';
import { installDensify } from '../core/indexedSlices.js';
import { nameIn, type OptionNames, optionsOf } from '../core/options.js';
import { type Dim, sizeOf, TensorShape, UNKNOWN } from '../core/shape.js';
import { gatherGrad, unsortedSegmentSumGrad } from './arrayGrad.js';
import { reshape, shape, squeeze } from './arrayShape.js';
import { where } from './compare.js';
import { MAX_HOST_SIZE, numbersOf, picked } from './hostValue.js';
import { get } from './indexing.js';
import { concat } from './join.js';
import { reduceProd } from './reduce.js';
import { opScope } from './scopes.js';
import { mergeShapes, needRank, needRankAtLeast, unknownDims } from './shapeRules.js';

const T = { type: 'type' } as const;
const INDEX = { type: 'type', allowed: [int32, int64] } as const;

const gatherOp = defineOp('GatherV2', {
  inputs: { params: 'Tparams', indices: 'Tindices', axis: 'Taxis' },
  outputs: { output: 'Tparams' },
  attrs: { batch_dims: { type: 'int', default: 0 }, Tparams: T, Tindices: INDEX, Taxis: INDEX },
  shape: (c) => {
    const params = needRankAtLeast(c.shape('params'), 1);
    const indices = c.shape('indices');
    needRank(c.shape('axis'), 0);
    const value = c.value('axis');
    const batch = c.attr<number>('batch_dims');
    if (value === null) {
      return [params.rank === null || indices.rank === null ? UNKNOWN : unknownDims(params.rank + indices.rank - 1)];
    }
    const axis = Number(value.data[0]);
    needRankAtLeast(params, axis < 0 ? -axis : axis + 1);
    needRankAtLeast(params, batch < 0 ? -batch : batch + 1);
    if (params.dims === null || indices.dims === null) return [UNKNOWN];
    const at = axis < 0 ? axis + params.dims.length : axis;
    const skip = batch < 0 ? batch + indices.dims.length : batch;
    return [new TensorShape([...params.dims.slice(0, at), ...indices.dims.slice(skip), ...params.dims.slice(at + 1)])];
  },
  grad: ([dy], view) => ({
    params: gatherGrad(dy!, view.inputs, view.attr<number>('batch_dims')),
    indices: null,
    axis: null,
  }),
  lower: (c) => {
    const params = c.input('params');
    const given = c.hostNumbers('axis')[0]!;
    const axis = given < 0 ? given + params.shape.length : given;
    const indices = c.input('indices');
    const batch = batchOf(c.attr<number>('batch_dims'), axis, params.shape, indices.shape);
    c.kernel('Gather', [params, indices], c.outputs, (words) =>
      batch === 0 ? words.i32(axis) : words.i32(axis, batch),
    );
  },
  hostInputs: ['axis'],
  host: (c) => {
    const [params, indices, axis] = c.values;
    if (!params || !indices || !axis || c.attr<number>('batch_dims') !== 0) return null;
    // Shapes and indices are integers and few; rows of data that a former stage left here are the engine's.
    if (!params.dtype.isInteger || Math.max(params.size, indices.size) > MAX_HOST_SIZE) return null;
    const at = Number(axis.data[0]) + (Number(axis.data[0]) < 0 ? params.rank : 0);
    const rows = numbersOf(indices);
    if (rows.some((row) => row < 0 || row >= params.shape[at]!)) return null;
    const inner = sizeOf(params.shape.slice(at + 1));
    const made = picked(
      params,
      [...params.shape.slice(0, at), ...indices.shape, ...params.shape.slice(at + 1)],
      (i) => {
        const outer = Math.floor(i / inner / rows.length);
        return (outer * params.shape[at]! + rows[Math.floor(i / inner) % rows.length]!) * inner + (i % inner);
      },
    );
    return made === null ? null : [made];
  },
  partial: (op, of) => {
    const params = op.inputs[0]!.shape.rank === 1 ? of(op.inputs[0]!) : null;
    const indices = of(op.inputs[1]!);
    if (params === null || indices === null) return null;
    return indices.map((i) => (i === null ? null : (params[i] ?? null)));
  },
});

/** The number of leading dimensions that params and indices share, with the kernel's checks. */
const batchOf = (given: number, axis: number, params: readonly number[], indices: readonly number[]): number => {
  if (given === 0) return 0;
  const rank = indices.length;
  const batch = given < 0 ? given + rank : given;
  if (batch < 0 || batch >= rank)
    throw new InvalidArgumentError(`Expected batch_dims in the range [${-rank}, ${rank}), but got ${batch}`);
  if (batch >= params.length)
    throw new InvalidArgumentError(`batch_dims (${batch}) must be less than rank(params) (${params.length}).`);
  if (axis < batch)
    throw new InvalidArgumentError(`batch_dims (${batch}) must be less than or equal to axis (${axis}).`);
  for (let i = 0; i < batch; i++) {
    // 1.15 reads past the end here; the text is of the versions after it.
    if (params[i] !== indices[i])
      throw new InvalidArgumentError(
        `params.shape[${i}]: ${params[i]} should be equal to indices.shape[${i}]: ${indices[i]}`,
      );
  }
  return batch;
};

const unsortedSegmentSumOp = defineOp('UnsortedSegmentSum', {
  inputs: { data: 'T', segment_ids: 'Tindices', num_segments: 'Tnumsegments' },
  outputs: { output: 'T' },
  attrs: {
    T: { type: 'type', allowed: NUMERIC },
    Tindices: INDEX,
    Tnumsegments: { type: 'type', allowed: [int32, int64], default: int32 },
  },
  shape: (c) => {
    needRank(c.shape('num_segments'), 0);
    const [data, ids] = [c.shape('data'), c.shape('segment_ids')];
    const value = c.value('num_segments');
    const count = value === null ? null : Number(value.data[0]);
    if (count !== null && count < 0)
      throw new ValueError(`Dimension size, given by scalar input 2, must be non-negative but is ${count}`);
    if (ids.rank === null) return [UNKNOWN];
    needRankAtLeast(data, ids.rank);
    if (data.dims === null) return [UNKNOWN];
    mergeShapes(new TensorShape(data.dims.slice(0, ids.rank)), ids);
    return [new TensorShape([count, ...data.dims.slice(ids.rank)])];
  },
  grad: ([dy], { inputs }) => ({
    data: unsortedSegmentSumGrad(dy!, inputs.segment_ids),
    segment_ids: null,
    num_segments: null,
  }),
  lower: (c) => c.kernel('SegmentSum', [c.input('data'), c.input('segment_ids')], c.outputs),
  hostInputs: ['num_segments'],
});

const oneHotOp = defineOp('OneHot', {
  inputs: { indices: 'TI', depth: 'int32', on_value: 'T', off_value: 'T' },
  outputs: { output: 'T' },
  attrs: {
    axis: { type: 'int', default: -1 },
    T,
    TI: { type: 'type', allowed: [uint8, int32, int64], default: int64 },
  },
  shape: (c) => {
    const axis = c.attr<number>('axis');
    if (axis < -1) throw new ValueError('axis must be >= -1');
    const value = c.value('depth');
    const { rank } = c.shape('depth');
    if (rank !== null && rank !== 0) {
      throw new ValueError(
        c.planning === true
          ? `depth must be a scalar, but got: ${c.shape('depth').toBrackets()}`
          : `Input must be scalar but has rank ${rank}`,
      );
    }
    const depth = value === null ? null : Number(value.data[0]);
    if (depth !== null && depth < 0)
      throw new ValueError(`Dimension size, given by scalar input 1, must be non-negative but is ${depth}`);
    const { dims } = c.shape('indices');
    if (dims === null) return [UNKNOWN];
    return [new TensorShape(dims.toSpliced(hotAxis(axis, dims.length), 0, depth))];
  },
  grad: 'none',
  lower: (c) => {
    const indices = c.input('indices');
    const axis = c.attr<number>('axis');
    if (axis > indices.shape.length) {
      throw new InvalidArgumentError(
        `Expected axis to be -1 or between [0, ${indices.shape.length + 1}).  But received: ${axis}`,
      );
    }
    c.kernel('OneHot', [indices, c.input('on_value'), c.input('off_value')], c.outputs, (words) =>
      words.i32(hotAxis(axis, indices.shape.length)),
    );
  },
  hostInputs: ['depth'],
});
const hotAxis = (axis: number, rank: number): number => (axis + rank + 1) % (rank + 1);

const uniqueRow = (type: 'Unique' | 'UniqueWithCounts') =>
  defineOp(type, {
    inputs: { x: 'T' },
    outputs: type === 'Unique' ? { y: 'T', idx: 'out_idx' } : { y: 'T', idx: 'out_idx', count: 'out_idx' },
    attrs: { T, out_idx: { type: 'type', allowed: [int32, int64], default: int32 } },
    shape: (c) => {
      const found = new TensorShape([null]);
      if (c.planning === true) needVector(c.inputs[0]!);
      return type === 'Unique' ? [found, c.inputs[0]!] : [found, c.inputs[0]!, found];
    },
    grad: 'missing',
    lower: (c) => c.kernel('Unique', c.inputs, c.outputs),
    dynamic: true,
  });
const needVector = (shape: TensorShape): void => {
  if (shape.rank !== 1) throw new ValueError('unique expects a 1D vector.');
};
const uniqueOp = uniqueRow('Unique');
const uniqueWithCountsOp = uniqueRow('UniqueWithCounts');

/** Options of `gather`. */
export interface GatherOptions extends Named {
  readonly axis?: TensorLike | undefined;
  readonly batchDims?: number | undefined;
}
const GATHER: OptionNames<GatherOptions> = { name: true, axis: true, batchDims: true };

/**
 * The slices of `params` at `indices` along an axis (0 by default).
 * Index out of range: INVALID_ARGUMENT "indices[0] = 5 is not in [0, 3)".
 *
 * @param indices int32 or int64 of any shape, which takes the place of the axis. With `batchDims` its first dimensions are those of
 *   `params`, each with indices of its own: `tf.gather([[1, 2], [3, 4]], [[1], [0]], { batchDims: 1 }) // [[2], [3]]`.
 * @example tf.gather([10, 20, 30], [2, 0]) // [30, 10]
 */
export const gather = (
  params: TensorLike,
  indices: TensorLike,
  axis?: TensorLike | GatherOptions,
  options: GatherOptions = {},
): Tensor => {
  const all = optionsOf('gather', GATHER, options, { axis });
  const batchDims = all.batchDims ?? 0;
  const at = all.axis ?? batchDims;
  // Along the first axis TensorFlow leaves batch_dims out.
  const tensor = tensorOf(at);
  const zero = tensor === undefined ? at === 0 : Number(constantValue(tensor)?.data[0] ?? 1) === 0;
  return gatherOp({ params, indices, axis: at }, { batch_dims: zero ? 0 : batchDims }, { name: all.name }).output;
};

/**
 * Sums the rows of `data` that have one segment id; row i of the result is the sum for id i. A negative id is dropped.
 *
 * @param segmentIds a shape that `data`'s begins with.
 * @example tf.unsortedSegmentSum([1, 2, 3], [0, 1, 0], 2) // [4, 2]
 */
export const unsortedSegmentSum = (
  data: TensorLike,
  segmentIds: TensorLike,
  numSegments: TensorLike,
  options: Named = {},
): Tensor => unsortedSegmentSumOp({ data, segment_ids: segmentIds, num_segments: numSegments }, {}, options).output;

installDensify((slices) => unsortedSegmentSum(slices.values, slices.indices, get(slices.denseShape!, 0)));

/** Options of `oneHot`. */
export interface OneHotOptions extends Named {
  readonly onValue?: TensorLike | undefined;
  readonly offValue?: TensorLike | undefined;
  /** Where the new axis is; -1, the default, is the last. */
  readonly axis?: number | undefined;
  readonly dtype?: DTypeLike | undefined;
}
const ONE_HOT: OptionNames<OneHotOptions> = { name: true, onValue: true, offValue: true, axis: true, dtype: true };

/**
 * One-hot vectors: `onValue` (1) at each index, `offValue` (0) elsewhere; an index out of range gives only `offValue`.
 *
 * @param depth length of the new axis.
 * @example tf.oneHot([0, 2], 3) // [[1, 0, 0], [0, 0, 1]]
 */
export const oneHot = (indices: TensorLike, depth: TensorLike, options: OneHotOptions = {}): Tensor =>
  opScope(
    nameIn(options, 'oneHot', ONE_HOT),
    'one_hot',
    [indices, depth, options.onValue, options.offValue],
    (scope) => {
      const { onValue, offValue } = options;
      const onType = onValue === undefined ? undefined : convertToTensor(onValue).dtype;
      const offType = offValue === undefined ? undefined : convertToTensor(offValue).dtype;
      let dtype: DType | undefined = options.dtype === undefined ? undefined : asDtype(options.dtype);
      for (const [name, type] of [
        ['on_value', onType],
        ['off_value', offType],
      ] as const) {
        if (dtype !== undefined && type !== undefined && type !== dtype)
          throw new GraphTypeError(`dtype ${type} of ${name} does not match dtype parameter ${dtype}`);
      }
      dtype ??= onType ?? offType ?? float32;
      const on = onValue ?? convertToTensor(...plain(1, dtype, 'on_value'));
      const off = offValue ?? convertToTensor(...plain(0, dtype, 'off_value'));
      if ((onType ?? dtype) !== (offType ?? dtype))
        throw new GraphTypeError(
          `dtype ${onType ?? dtype} of on_value does not match dtype ${offType ?? dtype} of off_value`,
        );
      return oneHotOp({ indices, depth, on_value: on, off_value: off }, { axis: options.axis }, { name: scope }).output;
    },
  );

const plain = (value: number, dtype: DType, name: string): [TensorLike, { dtype: DType; name: string }] => [
  dtype.isBool ? value === 1 : value,
  { dtype, name },
];

/** Options of `unique`. */
export interface UniqueOptions extends Named {
  /** dtype of the indices, int32 by default. */
  readonly outIdx?: DTypeLike | undefined;
}
const UNIQUE: OptionNames<UniqueOptions> = { name: true, outIdx: true };

/**
 * The different elements of a vector in the order they first occur, and where each element is among them.
 *
 * @example tf.unique([1, 1, 2, 4]) // { y: [1, 2, 4], idx: [0, 0, 1, 2] }
 */
export const unique = (x: TensorLike, options: UniqueOptions = {}): { readonly y: Tensor; readonly idx: Tensor } => {
  const { name, outIdx } = optionsOf('unique', UNIQUE, options);
  const op = uniqueOp({ x }, { out_idx: asDtype(outIdx ?? int32) }, { name });
  return { y: op.outputs[0]!, idx: op.outputs[1]! };
};

/**
 * `unique` with how often each element occurs.
 *
 * @example tf.uniqueWithCounts([1, 1, 2]) // { y: [1, 2], idx: [0, 0, 1], count: [2, 1] }
 */
export const uniqueWithCounts = (
  x: TensorLike,
  options: UniqueOptions = {},
): { readonly y: Tensor; readonly idx: Tensor; readonly count: Tensor } => {
  const { name, outIdx } = optionsOf('uniqueWithCounts', UNIQUE, options);
  const op = uniqueWithCountsOp({ x }, { out_idx: asDtype(outIdx ?? int32) }, { name });
  return { y: op.outputs[0]!, idx: op.outputs[1]!, count: op.outputs[2]! };
};

/** Options of `booleanMask`. */
export interface BooleanMaskOptions extends Named {
  readonly axis?: number | undefined;
}
const MASK: OptionNames<BooleanMaskOptions> = { name: true, axis: true };

/**
 * The slices of a tensor where a bool mask of known rank is true; they share one new axis.
 *
 * @example tf.booleanMask([1, 2, 3], [true, false, true]) // [1, 3]
 */
export const booleanMask = (tensor: TensorLike, mask: TensorLike, options: BooleanMaskOptions = {}): Tensor =>
  opScope(nameIn(options, 'booleanMask', MASK) ?? 'boolean_mask', 'boolean_mask', [tensor, mask], () => {
    const source = convertToTensor(tensor, { name: 'tensor' });
    const chosen = convertToTensor(mask, { name: 'mask' });
    const ndims = chosen.shape.rank;
    if (ndims === 0) throw new ValueError('mask cannot be scalar.');
    if (ndims === null) {
      throw new ValueError(
        'Number of mask dimensions must be specified, even if some dimensions are None.  E.g. shape=[None] is ok, but shape=None is not.',
      );
    }
    const axis = options.axis ?? 0;
    const masked = (dims: readonly Dim[] | null): TensorShape =>
      dims === null ? UNKNOWN : new TensorShape(dims.slice(axis, axis + ndims));
    const over = masked(source.shape.dims);
    if (!over.isCompatibleWith(chosen.shape))
      throw new ValueError(`Shapes ${over} and ${chosen.shape} are incompatible`);
    const leading = reduceProd(get(shape(source), [axis, axis + ndims]), { axis: [0] });
    const flat = reshape(
      source,
      concat([get(shape(source), [null, axis]), [leading], get(shape(source), [axis + ndims, null])], 0),
    );
    if (source.shape.dims !== null) {
      flat.setShape([...source.shape.dims.slice(0, axis), over.numElements, ...source.shape.dims.slice(axis + ndims)]);
    }
    const picks = squeeze(where(reshape(chosen, [-1])), [1]);
    return gather(flat, picks, axis);
  });
