// Ops that join tensors and take them apart: concat, stack, unstack, split. Also how a list with tensors in it becomes one tensor.
import { convertToTensor, installPacker, needValue, type TensorLike, tensorOf } from '../core/convert.js';
import { defineOp, type Named } from '../core/defineOp.js';
import { type DType, int32, int64 } from '../core/dtype.js';
import { GraphTypeError, ValueError } from '../core/errors.js';
import { getDefaultGraph, type Tensor } from '../core/graph.js';
import type { LowerContext, Value } from '../core/lowering.js';
import type { NDArray } from '../core/ndarray.js';
import { nameIn, type OptionNames, optionsOf } from '../core/options.js';
import { type Dim, sizeOf, TensorShape, UNKNOWN } from '../core/shape.js';
import { identity } from './array.js';
import { concatGrad } from './arrayGrad.js';
import { cast } from './cast.js';
import { MAX_HOST_SIZE, numbersOf, picked } from './hostValue.js';
import { concatWords, packWords, splitVWords, splitWords, unpackWords, worded } from './runText.js';
import { opScope } from './scopes.js';
import { divideDim, mergeShapes, needRank, needRankAtLeast, unknownDims } from './shapeRules.js';

const T = { type: 'type' } as const;
const INDEX = { type: 'type', allowed: [int32, int64], default: int32 } as const;

/** One array out of several, side by side along an axis; null where it would be large. */
const joined = (parts: readonly NDArray[], axis: number, shape: readonly number[]): NDArray | null => {
  const sizes = parts.map((part) => sizeOf(part.shape.slice(axis)));
  const row = sizes.reduce((sum, size) => sum + size, 0);
  const size = sizeOf(shape);
  if (size > MAX_HOST_SIZE) return null;
  const all: (number | bigint | string | Uint8Array)[] = [];
  for (let outer = 0; row > 0 && outer < size / row; outer++) {
    parts.forEach((part, i) => {
      for (let k = 0; k < sizes[i]!; k++) all.push(part.data[outer * sizes[i]! + k]!);
    });
  }
  // An array of the right dtype to put them in.
  const made = parts.length === 0 ? null : picked(parts.find((part) => part.size > 0) ?? parts[0]!, shape, () => 0);
  all.forEach((value, i) => {
    (made!.data as (number | bigint | string | Uint8Array)[])[i] = value;
  });
  return made;
};

const known = (values: readonly (NDArray | null)[]): readonly NDArray[] | null =>
  values.every((value) => value !== null) ? (values as NDArray[]) : null;

/** The axis of a Pack or Unpack: "Invalid axis: 3; must be in [-2,2)". */
const packAxis = (axis: number, ndims: number): number => {
  if (axis < -ndims || axis >= ndims) throw new ValueError(`Invalid axis: ${axis}; must be in [${-ndims},${ndims})`);
  return axis < 0 ? axis + ndims : axis;
};

const packOp = defineOp('Pack', {
  inputs: { values: 'N*T' },
  outputs: { output: 'T' },
  attrs: { N: { type: 'int', minimum: 1 }, T, axis: { type: 'int', default: 0 } },
  shape: worded(packWords, (c) => {
    let all = c.inputs.at(-1)!;
    for (let i = c.inputs.length - 2; i >= 0; i--) {
      try {
        all = mergeShapes(c.inputs[i]!, all);
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
        throw new ValueError(`${error.text}\n\tFrom merging shape ${i} with other shapes.`);
      }
    }
    if (all.dims === null) return [UNKNOWN];
    const axis = packAxis(c.attr<number>('axis'), all.dims.length + 1);
    return [new TensorShape(all.dims.toSpliced(axis, 0, c.inputs.length))];
  }),
  grad: ([dy], { attr }) => ({ values: unstack(dy!, { num: attr<number>('N'), axis: attr<number>('axis') }) }),
  lower: (c) => {
    const to = c.outputs[0]!;
    const axis = packAxis(c.attr<number>('axis'), to.shape.length);
    const parts = c.inputs.map((input) => c.view(input, input.shape.toSpliced(axis, 0, 1)));
    if (parts.length === 1) c.alias(0, parts[0]!);
    else c.kernel('Concat', parts, [to], (words) => words.i32(axis));
  },
  host: (c) => {
    const values = known(c.values);
    if (values === null || values.length === 0) return null;
    const axis = packAxis(c.attr<number>('axis'), values[0]!.rank + 1);
    const made = joined(values, axis, values[0]!.shape.toSpliced(axis, 0, values.length));
    return made === null ? null : [made];
  },
  partial: (op, of) => {
    const parts = op.inputs.map((input) => (input.shape.rank === 0 ? of(input) : null));
    return parts.every((part) => part !== null) ? parts.flat() : null;
  },
});

const unpackOp = defineOp('Unpack', {
  inputs: { value: 'T' },
  outputs: { output: 'num*T' },
  attrs: { num: { type: 'int', minimum: 0 }, T, axis: { type: 'int', default: 0 } },
  shape: worded(unpackWords, (c) => {
    const { dims } = c.inputs[0]!;
    const num = c.attr<number>('num');
    if (dims === null) return new Array<TensorShape>(num).fill(UNKNOWN);
    const axis = packAxis(c.attr<number>('axis'), dims.length);
    const size = dims[axis]!;
    if (size !== null && size !== num) throw new ValueError(`Dimension must be ${num} but is ${size}`);
    return new Array<TensorShape>(num).fill(new TensorShape(dims.toSpliced(axis, 1)));
  }),
  grad: (dys, { attr }) => ({ value: stack(dys, { axis: attr<number>('axis') }) }),
  lower: (c) => {
    const from = c.inputs[0]!;
    const axis = packAxis(c.attr<number>('axis'), from.shape.length);
    takeApart(
      c,
      from,
      axis,
      c.outputs.map(() => 1),
    );
  },
  host: (c) => {
    const value = c.values[0];
    if (!value || value.size > MAX_HOST_SIZE) return null;
    const axis = packAxis(c.attr<number>('axis'), value.rank);
    const inner = sizeOf(value.shape.slice(axis + 1));
    const shape = value.shape.toSpliced(axis, 1);
    return Array.from(
      { length: c.attr<number>('num') },
      (_, k) => picked(value, shape, (i) => (Math.floor(i / inner) * value.shape[axis]! + k) * inner + (i % inner))!,
    );
  },
});

/** Slices of a tensor along an axis, one for each output; an output may lack the axis. */
const takeApart = (c: LowerContext, from: Value, axis: number, sizes: readonly number[]): void => {
  let begin = 0;
  c.outputs.forEach((to, i) => {
    const shape = from.shape.with(axis, sizes[i]!);
    const offsets = new Array<number>(shape.length).fill(0).with(axis, sizes[i] === 0 ? 0 : begin);
    begin += sizes[i]!;
    if (c.outputs.length === 1) c.alias(0, from);
    else {
      c.kernel('Slice', [from], [c.view(to, shape)], (words) =>
        words
          .i32(shape.length)
          .i64(...offsets)
          .i64(...offsets.map(() => 1)),
      );
    }
  });
};

const concatOp = defineOp('ConcatV2', {
  inputs: { values: 'N*T', axis: 'Tidx' },
  outputs: { output: 'T' },
  attrs: { N: { type: 'int', minimum: 2 }, T, Tidx: INDEX },
  shape: worded(concatWords, (c) => {
    needRank(c.shape('axis'), 0);
    const shapes = c.shapes('values');
    const value = c.value('axis');
    if (value === null) {
      const rank = shapes.find((shape) => shape.rank !== null)?.rank ?? null;
      if (rank === null) return [UNKNOWN];
      if (rank === 0) throw new ValueError("Can't concatenate scalars (use tf.stack instead)");
      for (const shape of shapes) needRank(shape, rank);
      return [unknownDims(rank)];
    }
    return [concatShape(shapes, Number(value.data[0]))];
  }),
  grad: ([dy], view) => concatGrad(dy!, view.inputs.values, view.inputs.axis),
  lower: (c) => {
    const to = c.outputs[0]!;
    const given = c.hostNumbers('axis')[0]!;
    const axis = given < 0 ? given + to.shape.length : given;
    const parts = c.list('values').filter((part) => part.shape[axis] !== 0);
    if (parts.length === 1) c.alias(0, parts[0]!);
    else c.kernel('Concat', parts.length === 0 ? c.list('values') : parts, [to], (words) => words.i32(axis));
  },
  hostInputs: ['axis'],
  host: (c) => {
    const values = known(c.values.slice(0, -1));
    const given = c.values.at(-1);
    if (values === null || !given || values.length === 0) return null;
    const at = Number(given.data[0]);
    const axis = at < 0 ? at + values[0]!.rank : at;
    const length = values.reduce((sum, value) => sum + value.shape[axis]!, 0);
    const made = joined(values, axis, values[0]!.shape.with(axis, length));
    return made === null ? null : [made];
  },
  partial: (op, of) => {
    const parts = op.inputs.slice(0, -1).map((input) => (input.shape.rank === 1 ? of(input) : null));
    return parts.every((part) => part !== null) ? parts.flat() : null;
  },
});

const concatShape = (shapes: readonly TensorShape[], axis: number): TensorShape => {
  const least = axis < 0 ? -axis : axis + 1;
  for (const shape of shapes.toReversed()) needRankAtLeast(shape, least);
  if (shapes.some((shape) => shape.dims === null)) return UNKNOWN;
  const before = (shape: TensorShape): TensorShape => new TensorShape(shape.dims!.slice(0, axis));
  const after = (shape: TensorShape): TensorShape => new TensorShape(axis === -1 ? [] : shape.dims!.slice(axis + 1));
  let [head, tail, sum] = [before(shapes.at(-1)!), after(shapes.at(-1)!), shapes.at(-1)!.dim(axis)];
  for (let i = shapes.length - 2; i >= 0; i--) {
    head = mergeShapes(before(shapes[i]!), head);
    const size = shapes[i]!.dim(axis);
    sum = sum === null || size === null ? null : sum + size;
    tail = mergeShapes(after(shapes[i]!), tail);
  }
  return new TensorShape([...head.dims!, sum, ...tail.dims!]);
};

/** The axis of a split, from the front; null where it is not known yet. */
const splitAxis = (value: NDArray | null, ndims: number | null): number | null => {
  if (value === null) return null;
  const axis = Number(value.data[0]);
  if (axis >= 0) {
    if (ndims !== null && axis >= ndims) {
      throw new ValueError(`Dimension size, given by scalar input ${axis}, must be in range [-${ndims}, ${ndims})`);
    }
    return axis;
  }
  if (ndims === null) return null;
  if (axis < -ndims)
    throw new ValueError(`Dimension size, given by scalar input ${axis} must be in range [-${ndims}, ${ndims})`);
  return axis + ndims;
};

const splitOp = defineOp('Split', {
  inputs: { split_dim: 'int32', value: 'T' },
  outputs: { output: 'num_split*T' },
  attrs: { num_split: { type: 'int', minimum: 1 }, T },
  shape: worded(splitWords, (c) => {
    const input = c.shape('value');
    const num = c.attr<number>('num_split');
    const axis = splitAxis(c.value('split_dim'), input.rank);
    let one: TensorShape;
    if (axis === null) one = input.rank === null ? UNKNOWN : unknownDims(input.rank);
    else if (needRankAtLeast(input, axis + 1).dims === null) one = UNKNOWN;
    else {
      try {
        one = new TensorShape(input.dims!.with(axis, divideDim(input.dims![axis]!, num)));
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
        throw new ValueError(`${error.text}\n\tNumber of ways to split should evenly divide the split dimension`);
      }
    }
    return new Array<TensorShape>(num).fill(one);
  }),
  grad: (dys, { inputs }) => ({ split_dim: null, value: concat(dys, inputs.split_dim) }),
  lower: (c) => {
    const from = c.input('value');
    const given = c.hostNumbers('split_dim')[0]!;
    const axis = given < 0 ? given + from.shape.length : given;
    takeApart(
      c,
      from,
      axis,
      c.outputs.map((to) => to.shape[axis]!),
    );
  },
  hostInputs: ['split_dim'],
});

const splitVOp = defineOp('SplitV', {
  inputs: { value: 'T', size_splits: 'Tlen', split_dim: 'int32' },
  outputs: { output: 'num_split*T' },
  attrs: { num_split: { type: 'int', minimum: 1 }, T, Tlen: { type: 'type', allowed: [int32, int64], default: int64 } },
  shape: worded(splitVWords, (c) => {
    const input = c.shape('value');
    const num = c.attr<number>('num_split');
    if (input.rank === 0) throw new ValueError("Can't split scalars");
    const axis = splitAxis(c.value('split_dim'), input.rank);
    const sizes = c.value('size_splits');
    if (input.dims === null) return new Array<TensorShape>(num).fill(UNKNOWN);
    if (axis === null) return new Array<TensorShape>(num).fill(unknownDims(input.dims.length));
    if (sizes === null) return new Array<TensorShape>(num).fill(new TensorShape(input.dims.with(axis, null)));
    return splitSizes(numbersOf(sizes), input.dims[axis]!, num).map(
      (size) => new TensorShape(input.dims!.with(axis, size)),
    );
  }),
  grad: (dys, { inputs }) => ({ value: concat(dys, inputs.split_dim), size_splits: null, split_dim: null }),
  lower: (c) => {
    const from = c.input('value');
    const given = c.hostNumbers('split_dim')[0]!;
    const axis = given < 0 ? given + from.shape.length : given;
    takeApart(
      c,
      from,
      axis,
      c.outputs.map((to) => to.shape[axis]!),
    );
  },
  hostInputs: ['size_splits', 'split_dim'],
});

const splitSizes = (sizes: readonly number[], total: Dim, num: number): Dim[] => {
  if (sizes.length !== num) throw new ValueError('Length of size_splits should be equal to num_outputs');
  const given = sizes.filter((size) => size !== -1);
  if (given.length < sizes.length - 1) throw new ValueError('size_splits can only have one -1');
  const sum = given.reduce((all, size) => all + size, 0);
  if (total !== null && (given.length < sizes.length ? sum > total : sum !== total)) {
    throw new ValueError(`can't split axis of size ${total} into pieces of size [${sizes.join(',')}]`);
  }
  return sizes.map((size) => (size !== -1 ? size : total === null ? null : total - sum));
};

/** Options with an axis. */
export interface StackOptions extends Named {
  readonly axis?: number | undefined;
}
const STACK: OptionNames<StackOptions> = { name: true, axis: true };

/**
 * Tensors of one shape along a new axis.
 *
 * @param values at least one; ValueError where their shapes differ.
 * @param axis where the new axis is, 0 by default; negative from the end.
 * @example tf.stack([[1, 2], [3, 4]], 1) // [[1, 3], [2, 4]]
 */
export const stack = (
  values: readonly TensorLike[] | TensorLike,
  axis?: number | StackOptions | null,
  options: StackOptions = {},
): Tensor => {
  const all = optionsOf('stack', STACK, options, { axis });
  const at = all.axis ?? 0;
  const name = all.name ?? 'stack';
  if (!Array.isArray(values)) {
    if (at === 0) return convertToTensor(values, { name });
    throw new GraphTypeError('tf.stack along another axis than 0 takes a list of tensors');
  }
  if (at === 0) {
    try {
      return convertToTensor(values as readonly TensorLike[], { name });
    } catch (error) {
      // Tensors that cannot become one list: Pack says why.
      if (!(error instanceof ValueError || error instanceof GraphTypeError)) throw error;
    }
  }
  const first = (values as readonly TensorLike[])[0];
  if (first === undefined) throw new ValueError('tf.stack needs at least one tensor');
  const ndims = convertToTensor(first, { name }).shape.rank;
  if (ndims !== null && (at < -ndims - 1 || at > ndims))
    throw new ValueError(`axis = ${at} not in [${-ndims - 1}, ${ndims + 1})`);
  return pack(values as readonly TensorLike[], { axis: at, name });
};

/** A `Pack` operation. */
const pack = (values: readonly TensorLike[], options: StackOptions): Tensor =>
  packOp({ values }, { axis: options.axis }, { name: options.name }).output;

/** Options of `unstack`. */
export interface UnstackOptions extends StackOptions {
  /** How many parts; by default the static size of the axis. */
  readonly num?: number | undefined;
}
const UNSTACK: OptionNames<UnstackOptions> = { name: true, axis: true, num: true };

/**
 * The parts of a tensor along an axis, without it.
 *
 * @param numOrOptions how many parts (by default the static size of the axis), or the options: num and axis (0 by default). ValueError "Cannot infer num from shape (?, 2)" where neither tells how many.
 * @example tf.unstack([[1, 2], [3, 4]]) // [[1, 2], [3, 4]]
 */
export const unstack = (
  value: TensorLike,
  numOrOptions?: number | UnstackOptions,
  more: UnstackOptions = {},
): readonly Tensor[] => {
  const options = optionsOf('unstack', UNSTACK, more, { num: numOrOptions });
  needValue('unstack', 'value', value);
  const axis = options.axis ?? 0;
  let source = value;
  let { num } = options;
  if (num === undefined) {
    const tensor = convertToTensor(value);
    source = tensor;
    const ndims = tensor.shape.rank;
    if (ndims !== null && (axis < -ndims || axis >= ndims))
      throw new ValueError(`axis = ${axis} not in [${-ndims}, ${ndims})`);
    const size = tensor.shape.dim(axis);
    if (size === null) throw new ValueError(`Cannot infer num from shape ${tensor.shape}`);
    num = size;
  }
  return unpackOp({ value: source }, { num, axis }, { name: options.name ?? 'unstack' }).outputs;
};

/**
 * Tensors side by side along an existing axis.
 *
 * @param axis counted from the end where negative.
 * @example tf.concat([[[1, 2]], [[3, 4]]], 0) // [[1, 2], [3, 4]]
 */
export const concat = (values: readonly TensorLike[] | Tensor, axis: TensorLike, options: Named = {}): Tensor => {
  const list = Array.isArray(values) ? (values as readonly TensorLike[]) : [values as Tensor];
  const name = nameIn(options, 'concat') ?? 'concat';
  if (list.length !== 1) return concatOp({ values: list, axis }, {}, { name }).output;
  return getDefaultGraph().nameScope(name, () => {
    needRank(convertToTensor(axis, { name: 'concat_dim', dtype: int32 }).shape, 0);
    return identity(list[0]!, { name });
  });
};

/** Options of `split`. */
export interface SplitOptions extends Named {
  readonly axis?: TensorLike | undefined;
  /** The number of parts, where the sizes are a tensor of unknown length. */
  readonly num?: number | undefined;
}
const SPLIT: OptionNames<SplitOptions> = { name: true, axis: true, num: true };

/**
 * A tensor cut along an axis into equal parts, or into parts of given sizes (one of them may be -1: what is left).
 *
 * @param numOrSizeSplits a number of equal parts, or the sizes.
 * @param axis 0 by default, or the options.
 * @example tf.split([1, 2, 3, 4], 2) // [[1, 2], [3, 4]]
 */
export const split = (
  value: TensorLike,
  numOrSizeSplits: number | TensorLike,
  axis?: TensorLike | SplitOptions,
  options: SplitOptions = {},
): readonly Tensor[] => {
  const all = optionsOf('split', SPLIT, options, { axis });
  needValue('split', 'value', value);
  needValue('split', 'numOrSizeSplits', numOrSizeSplits);
  const at = all.axis ?? 0;
  const name = all.name ?? 'split';
  // TensorFlow converts the argument even where it is a plain count, which leaves a constant behind.
  const sizes = convertToTensor(numOrSizeSplits, { preferredDtype: int32 });
  if (typeof numOrSizeSplits === 'number') {
    return splitOp({ split_dim: at, value }, { num_split: numOrSizeSplits }, { name }).outputs;
  }
  if (sizes.shape.rank === 0) {
    throw new ValueError(
      `Rank-0 tensors are not supported as the num_or_size_splits argument to split. Argument provided: ${String(numOrSizeSplits)}`,
    );
  }
  const num = all.num ?? sizes.shape.dim(0);
  if (num === null || num === undefined) throw new ValueError(`Cannot infer num from shape ${sizes}`);
  return splitVOp({ value, size_splits: sizes, split_dim: at }, { num_split: num }, { name }).outputs;
};

/** The dtype of the first tensor among nested lists. */
const dtypeWithin = (value: unknown): DType | undefined => {
  const tensor = tensorOf(value);
  if (tensor !== undefined || !Array.isArray(value)) return tensor?.dtype;
  for (const item of value) {
    const found = dtypeWithin(item);
    if (found !== undefined) return found;
  }
  return undefined;
};

const castWithin = (value: TensorLike, dtype: DType): TensorLike => {
  const tensor = tensorOf(value);
  if (tensor !== undefined) return tensor.dtype === dtype ? tensor : cast(tensor, dtype);
  return Array.isArray(value) ? (value as TensorLike[]).map((item) => castWithin(item, dtype)) : value;
};

/** A list with tensors in it as one Pack; a list without any stays what it is. */
const packWithin = (list: readonly TensorLike[], dtype: DType, name: string): TensorLike =>
  opScope(name, name, [], (scope) => {
    const items = list.map((item, i): TensorLike => {
      const tensor = tensorOf(item);
      if (tensor === undefined) return Array.isArray(item) ? packWithin(item, dtype, String(i)) : item;
      if (tensor.dtype !== dtype) {
        throw new GraphTypeError(
          `Cannot convert a list containing a tensor of dtype ${tensor.dtype} to ${dtype} (Tensor is: ${tensor})`,
        );
      }
      return tensor;
    });
    if (!items.some((item) => tensorOf(item) !== undefined)) return items;
    const tensors = items.map((item, i) => tensorOf(item) ?? convertToTensor(item, { dtype, name: String(i) }));
    return packOp({ values: tensors }, {}, { name: scope }).output;
  });

installPacker((values, options) => {
  const found = dtypeWithin(values)!;
  const dtype = options.dtype ?? found;
  const items = dtype === found ? values : (castWithin(values, dtype) as readonly TensorLike[]);
  return packWithin(items, dtype, options.name ?? 'packed') as Tensor;
});
