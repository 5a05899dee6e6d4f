// Ops about shapes: Shape and its kin, and the ones that only give a tensor another shape. Their values are known on the host.
import { constOp } from '../core/constOp.js';
import { convertToTensor, type TensorLike } from '../core/convert.js';
import { defineOp, type Named } from '../core/defineOp.js';
import { asDtype, type DTypeLike, int32, int64 } from '../core/dtype.js';
import { InvalidArgumentError, ValueError } from '../core/errors.js';
import type { Tensor } from '../core/graph.js';
import { nameIn, type OptionNames, optionsOf } from '../core/options.js';
import { type Dim, sizeOf, TensorShape, UNKNOWN } from '../core/shape.js';
import { fromNumbers, isKnown, numbersOf, picked, reshaped } from './hostValue.js';
import { reduceSum } from './reduce.js';
import { fillWords, worded } from './runText.js';
import { opScope } from './scopes.js';
import { divideDim, needRank, scalarShape } from './shapeRules.js';

/** What builders take for a shape: a list, a tensor, a list that holds tensors, or a static shape. */
export type ShapeArgument = TensorLike | TensorShape;

/** A shape argument as an input; ValueError for a static shape that is not fully known. */
export const shapeInput = (shape: ShapeArgument): TensorLike => {
  if (!(shape instanceof TensorShape)) return shape;
  if (!shape.isFullyDefined) throw new ValueError(`Cannot convert a partially known TensorShape to a Tensor: ${shape}`);
  return Int32Array.from(shape.concrete());
};

const T = { type: 'type' } as const;
const INDEX = { type: 'type', allowed: [int32, int64], default: int32 } as const;

const vectorOfRank = (shape: TensorShape): TensorShape => new TensorShape([shape.rank]);

const shapeOp = defineOp('Shape', {
  inputs: { input: 'T' },
  outputs: { output: 'out_type' },
  attrs: { T, out_type: INDEX },
  shape: (c) => [vectorOfRank(c.inputs[0]!)],
  grad: 'none',
  lower: 'host',
  hostFromShapes: true,
  host: (c) => {
    const shape = c.shapes[0];
    return isKnown(shape) ? [fromNumbers(c.outputs[0]!, [shape.dims.length], shape.dims)] : null;
  },
  partial: (op) => op.inputs[0]!.shape.dims,
});

const shapeNOp = defineOp('ShapeN', {
  inputs: { input: 'N*T' },
  outputs: { output: 'N*out_type' },
  attrs: { N: { type: 'int', minimum: 1 }, T, out_type: INDEX },
  shape: (c) => c.inputs.map(vectorOfRank),
  grad: 'none',
  lower: 'host',
  hostFromShapes: true,
  host: (c) =>
    c.shapes.every(isKnown)
      ? c.shapes.map((shape, i) => fromNumbers(c.outputs[i]!, [shape.dims!.length], shape.dims as number[]))
      : null,
});

const sizeOp = defineOp('Size', {
  inputs: { input: 'T' },
  outputs: { output: 'out_type' },
  attrs: { T, out_type: INDEX },
  shape: scalarShape,
  grad: 'none',
  lower: 'host',
  hostFromShapes: true,
  host: (c) => {
    const size = c.shapes[0]!.numElements;
    return size === null ? null : [fromNumbers(c.outputs[0]!, [], [size])];
  },
});

const rankOp = defineOp('Rank', {
  inputs: { input: 'T' },
  outputs: { output: 'int32' },
  attrs: { T },
  shape: scalarShape,
  grad: 'none',
  lower: 'host',
  hostFromShapes: true,
  host: (c) => {
    const { rank: ndims } = c.shapes[0]!;
    return ndims === null ? null : [fromNumbers(int32, [], [ndims])];
  },
});

/** The static shape of a reshape: what `wanted` says, its one unknown dimension inferred where the sizes allow. */
const reshapeShape = (from: TensorShape, wanted: TensorShape): TensorShape => {
  if (wanted.dims === null || from.dims === null) return wanted;
  const unknown = (dims: readonly Dim[]): number[] => dims.flatMap((dim, i) => (dim === null ? [i] : []));
  const known = (dims: readonly Dim[]): number => sizeOf(dims.filter((dim) => dim !== null));
  const [inUnknown, outUnknown] = [unknown(from.dims), unknown(wanted.dims)];
  // A known zero makes the whole product zero, known or not.
  const inSize = known(from.dims);
  const outSize = known(wanted.dims);
  if (inUnknown.length > 1 || outUnknown.length > 1) return wanted;
  const filled = (dim: Dim): TensorShape =>
    new TensorShape(wanted.dims!.map((old, i) => (i === outUnknown[0] ? dim : old)));
  if (inUnknown.length === 0 && outUnknown.length === 0) {
    if (inSize !== outSize) {
      throw new ValueError(
        `Cannot reshape a tensor with ${inSize} elements to shape ${wanted.toBrackets()} (${outSize} elements)`,
      );
    }
    return wanted;
  }
  if (inUnknown.length === 0) return outSize > 0 ? filled(divideDim(inSize, outSize)) : wanted;
  if (outUnknown.length === 0) {
    if (inSize !== 0) divideDim(outSize, inSize);
    return wanted;
  }
  return inSize === outSize ? filled(from.dims[inUnknown[0]!]!) : wanted;
};

/** What the kernel makes of a concrete shape (reshape_op.h): zeros count for nothing where -1 is inferred. */
const reshapeNow = (from: readonly number[], wanted: readonly number[]): number[] => {
  const to = [...wanted];
  const at = to.indexOf(-1);
  if (at >= 0) {
    const zero = to.includes(0);
    const known = sizeOf(to.filter((dim) => dim > 0));
    const elements = sizeOf(zero ? from.filter((dim) => dim > 0) : from);
    if (!(zero && from.includes(0)) && elements % known !== 0) {
      throw new ValueError(
        `Input to reshape is a tensor with ${elements} values, but the requested shape requires a multiple of ${known}`,
      );
    }
    to[at] = Math.floor(elements / known);
  }
  if (sizeOf(to) !== sizeOf(from)) {
    throw new ValueError(
      `Input to reshape is a tensor with ${sizeOf(from)} values, but the requested shape has ${BigInt(sizeOf(to))}`,
    );
  }
  return to;
};

const reshapeOp = defineOp('Reshape', {
  inputs: { tensor: 'T', shape: 'Tshape' },
  outputs: { output: 'T' },
  attrs: { T, Tshape: INDEX },
  shape: (c) => {
    needRank(c.shape('shape'), 1);
    const value = c.value('shape');
    if (value !== null) {
      const dims = numbersOf(value);
      const negative = dims.flatMap((dim, i) => (dim === -1 ? [i] : []));
      if (negative.length > 1)
        throw new ValueError(`Only one input size may be -1, not both ${negative[0]} and ${negative[1]}`);
      const bad = dims.findIndex((dim) => dim < -1);
      if (bad >= 0) throw new ValueError(`Size ${bad} must be non-negative, not ${dims[bad]}`);
    }
    const { dims } = c.shape('tensor');
    if (c.planning === true && value !== null && dims?.every((dim) => dim !== null) === true)
      return [new TensorShape(reshapeNow(dims, numbersOf(value)))];
    return [reshapeShape(c.shape('tensor'), c.valueAsShape('shape'))];
  },
  grad: ([dy], { inputs }) => ({ tensor: reshape(dy!, shape(inputs.tensor)), shape: null }),
  lower: 'alias',
  hostInputs: ['shape'],
  host: (c) => {
    const [value, wanted] = c.values;
    if (!value || !wanted) return null;
    try {
      return [reshaped(value, reshapeNow(value.shape, numbersOf(wanted)))];
    } catch {
      return null;
    }
  },
  partial: (op, of) => of(op.inputs[0]!),
});

const reshapeToInput = (dy: Tensor, input: Tensor): Tensor => reshape(dy, shape(input));

const expandDimsOp = defineOp('ExpandDims', {
  inputs: { input: 'T', dim: 'Tdim' },
  outputs: { output: 'T' },
  attrs: { T, Tdim: INDEX },
  shape: (c) => {
    const value = c.value('dim');
    if (value !== null && value.size !== 1) throw new ValueError("'dim' input must be a tensor with a single value");
    const { dims } = c.shape('input');
    if (value === null || dims === null) return [UNKNOWN];
    return [new TensorShape(dims.toSpliced(expandAt(Number(value.data[0]), dims.length), 0, 1))];
  },
  grad: ([dy], { inputs }) => ({ input: reshapeToInput(dy!, inputs.input), dim: null }),
  lower: 'alias',
  hostInputs: ['dim'],
  host: (c) => {
    const [value, dim] = c.values;
    return value && dim
      ? [reshaped(value, value.shape.toSpliced(expandAt(Number(dim.data[0]), value.rank), 0, 1))]
      : null;
  },
  partial: (op, of) => of(op.inputs[0]!),
});

const expandAt = (dim: number, ndims: number): number => {
  if (dim < -1 - ndims || dim > ndims)
    throw new ValueError(`dim ${dim} not in the interval [${-1 - ndims}, ${ndims}].`);
  return dim < 0 ? dim + ndims + 1 : dim;
};

const squeezeShape = (input: TensorShape, axes: readonly number[]): TensorShape => {
  if (input.dims === null) return UNKNOWN;
  const ndims = input.dims.length;
  const chosen = axes.map((axis, i) => {
    if (axis < -ndims || axis >= ndims) throw new ValueError(`squeeze_dims[${i}] not in [${-ndims},${ndims}).`);
    return axis < 0 ? axis + ndims : axis;
  });
  if (chosen.length === 0 && input.dims.includes(null)) return UNKNOWN;
  return new TensorShape(
    input.dims.filter((dim, i) => {
      if (chosen.length === 0) return dim !== 1;
      if (!chosen.includes(i)) return true;
      if (dim !== null && dim !== 1)
        throw new ValueError(`Can not squeeze dim[${i}], expected a dimension of 1, got ${dim}`);
      return false;
    }),
  );
};

const squeezeOp = defineOp('Squeeze', {
  inputs: { input: 'T' },
  outputs: { output: 'T' },
  attrs: { T, squeeze_dims: { type: 'list(int)', default: [] } },
  shape: (c) => [squeezeShape(c.inputs[0]!, c.attr<readonly number[]>('squeeze_dims'))],
  grad: ([dy], { inputs }) => ({ input: reshapeToInput(dy!, inputs.input) }),
  lower: 'alias',
  host: (c) => {
    const value = c.values[0];
    if (!value) return null;
    const to = squeezeShape(new TensorShape([...value.shape]), c.attr<readonly number[]>('squeeze_dims'));
    return [reshaped(value, to.concrete())];
  },
  partial: (op, of) => of(op.inputs[0]!),
});

const fillOp = defineOp('Fill', {
  inputs: { dims: 'index_type', value: 'T' },
  outputs: { output: 'T' },
  attrs: { T, index_type: INDEX },
  shape: worded(fillWords, (c) => {
    needRank(c.shape('dims'), 1);
    needRank(c.shape('value'), 0);
    const dims = c.value('dims');
    if (dims !== null && numbersOf(dims).some((dim) => dim < 0)) throw new ValueError('Fill dimensions must be >= 0');
    return [c.valueAsShape('dims')];
  }),
  grad: ([dy]) => ({ dims: null, value: reduceSum(dy!) }),
  lower: (c) => c.kernel('Fill', [c.input('value')], c.outputs),
  hostInputs: ['dims'],
  host: (c) => {
    const [dims, value] = c.values;
    if (!dims || !value) return null;
    const filled = picked(value, numbersOf(dims), () => 0);
    return filled === null ? null : [filled];
  },
});

const invertPermutationOp = defineOp('InvertPermutation', {
  inputs: { x: 'T' },
  outputs: { y: 'T' },
  attrs: { T: INDEX },
  shape: (c) => [needRank(c.inputs[0]!, 1)],
  grad: 'none',
  lower: 'host',
  hostInputs: ['x'],
  host: (c) => {
    const x = c.values[0];
    if (!x) return null;
    const inverse = new Array<number>(x.size).fill(-1);
    numbersOf(x).forEach((to, i) => {
      if (to < 0 || to >= x.size) throw new InvalidArgumentError(`${to} is not between 0 and ${x.size}`);
      if (inverse[to] !== -1) throw new InvalidArgumentError(`${to} is duplicated in the input.`);
      inverse[to] = i;
    });
    return [fromNumbers(x.dtype, x.shape, inverse)];
  },
});

const concatOffsetOp = defineOp('ConcatOffset', {
  inputs: { concat_dim: 'int32', shape: 'N*int32' },
  outputs: { offset: 'N*int32' },
  attrs: { N: { type: 'int', minimum: 2 } },
  shape: (c) => c.inputs.slice(1),
  grad: 'none',
  lower: 'host',
  hostInputs: ['concat_dim', 'shape'],
  host: (c) => {
    const [dim, ...shapes] = c.values;
    if (!dim || shapes.some((one) => one === null)) return null;
    const ndims = shapes[0]!.size;
    const given = Number(dim.data[0]);
    const axis = given < 0 ? given + ndims : given;
    if (axis < 0 || axis >= ndims) throw new InvalidArgumentError(`Concat dim is out of range: ${given} vs. ${ndims}`);
    let sum = 0;
    return shapes.map((one) => {
      const offset = new Array<number>(ndims).fill(0);
      offset[axis] = sum;
      sum += Number(one!.data[axis]);
      return fromNumbers(int32, [ndims], offset);
    });
  },
});

/** Options of ops that give a shape or a size. */
export interface OutTypeOptions extends Named {
  /** int32 (the default) or int64. */
  readonly outType?: DTypeLike | undefined;
}
const OUT_TYPE: OptionNames<OutTypeOptions> = { name: true, outType: true };

const outType = (options: OutTypeOptions, what = 'shape') =>
  asDtype(optionsOf(what, OUT_TYPE, options).outType ?? int32);

/**
 * The shape of a tensor as an int32 (or int64) vector. A constant where the static shape is fully known.
 *
 * @example tf.shape([[1, 2, 3]]) // [1, 3]
 */
export const shape = (input: TensorLike, options: OutTypeOptions = {}): Tensor =>
  opScope(nameIn(options, 'shape', OUT_TYPE), 'Shape', [input], (scope) => {
    const tensor = convertToTensor(input);
    const type = outType(options);
    if (!isKnown(tensor.shape)) return rawShape(tensor, { outType: type, name: scope });
    const { dims } = tensor.shape;
    return constOp(tensor.graph, fromNumbers(type, [dims.length], dims), scope);
  });

/** A `Shape` operation even where the static shape is known: what reads the shape of a run. */
export const rawShape = (input: TensorLike, options: OutTypeOptions = {}): Tensor =>
  shapeOp({ input }, { out_type: outType(options) }, options).output;

/**
 * The shapes of several tensors of one dtype.
 *
 * @example tf.shapeN([[1], [[2]]]) // [[1], [1, 1]]
 */
export const shapeN = (input: readonly TensorLike[], options: OutTypeOptions = {}): readonly Tensor[] =>
  shapeNOp({ input }, { out_type: outType(options, 'shapeN') }, options).outputs;

/**
 * The number of elements as a scalar. A constant where it is known.
 *
 * @example tf.size([[1, 2, 3]]) // 3
 */
export const size = (input: TensorLike, options: OutTypeOptions = {}): Tensor =>
  opScope(nameIn(options, 'size', OUT_TYPE), 'Size', [input], (scope) => {
    const tensor = convertToTensor(input);
    const type = outType(options);
    const count = tensor.shape.numElements ?? (tensor.shape.dims?.includes(0) ? 0 : null);
    return count === null
      ? sizeOp({ input: tensor }, { out_type: type }, { name: scope }).output
      : constOp(tensor.graph, fromNumbers(type, [], [count]), scope);
  });

/**
 * The rank as an int32 scalar. A constant where it is known.
 *
 * @example tf.rank([[1, 2, 3]]) // 2
 */
export const rank = (input: TensorLike, options: Named = {}): Tensor =>
  opScope(nameIn(options, 'Rank'), 'Rank', [input], (scope) => {
    const tensor = convertToTensor(input);
    const ndims = tensor.shape.rank;
    return ndims === null
      ? rawRank(tensor, { name: scope })
      : constOp(tensor.graph, fromNumbers(int32, [], [ndims]), scope);
  });

/** A `Rank` operation even where the rank is known. */
export const rawRank = (input: TensorLike, options: Named = {}): Tensor => rankOp({ input }, {}, options).output;

/**
 * The same elements under another shape; one dimension may be -1 (what is left).
 * ValueError "Cannot reshape a tensor with 6 elements to shape [4] (4 elements)".
 *
 * @example tf.reshape([1, 2, 3, 4], [2, -1]) // [[1, 2], [3, 4]]
 */
export const reshape = (tensor: TensorLike, shape: ShapeArgument, options: Named = {}): Tensor =>
  reshapeOp({ tensor, shape: shapeInput(shape) }, {}, options).output;

/** Options of `expandDims`, `squeeze` and their like. */
export interface AxisOptions extends Named {
  /** The axis, or axes where the op takes several; negative from the end. */
  readonly axis?: number | readonly number[] | TensorLike | undefined;
}
const AXIS: OptionNames<AxisOptions> = { name: true, axis: true };

/**
 * Inserts a dimension of 1 before `axis`; negative axes count from the end (-1: after the last).
 *
 * @example tf.expandDims([1, 2], 0) // [[1, 2]]
 */
export const expandDims = (input: TensorLike, axis: TensorLike | AxisOptions, options: AxisOptions = {}): Tensor => {
  const named = optionsOf<AxisOptions>('expandDims', AXIS, options, { axis });
  if (named.axis === undefined) throw new ValueError('Must specify an axis argument to tf.expand_dims()');
  return expandDimsOp({ input, dim: named.axis }, {}, { name: named.name }).output;
};

/**
 * Removes dimensions of 1: all of them, or those of `axis`.
 * ValueError "Can not squeeze dim[0], expected a dimension of 1, got 3".
 *
 * @example tf.squeeze([[[1], [2]]]) // [1, 2]
 */
export const squeeze = (
  input: TensorLike,
  axis?: number | readonly number[] | (Named & { axis?: number | readonly number[] }) | null,
  options: AxisOptions = {},
): Tensor => {
  const named = optionsOf<AxisOptions>('squeeze', AXIS, options, { axis });
  const axes = named.axis as number | readonly number[] | null | undefined;
  const dims = axes === null || axes === undefined ? [] : typeof axes === 'number' ? [axes] : [...axes];
  return squeezeOp({ input }, { squeeze_dims: dims }, { name: named.name }).output;
};

/**
 * A tensor of shape `dims` whose elements are all `value`, a scalar.
 *
 * @example tf.fill([2, 2], 9) // [[9, 9], [9, 9]]
 */
export const fill = (dims: ShapeArgument, value: TensorLike, options: Named = {}): Tensor =>
  fillOp({ dims: shapeInput(dims), value }, {}, options).output;

/**
 * The inverse of a permutation.
 *
 * @example tf.invertPermutation([2, 0, 1]) // [1, 2, 0]
 */
export const invertPermutation = (x: TensorLike, options: Named = {}): Tensor =>
  invertPermutationOp({ x }, {}, options).output;

/** Where each of the concatenated tensors begins in the result, one vector a tensor. */
export const concatOffset = (
  concatDim: TensorLike,
  shapes: readonly TensorLike[],
  options: Named = {},
): readonly Tensor[] => concatOffsetOp({ concat_dim: concatDim, shape: shapes }, {}, options).outputs;

export { broadcastGradientArgs, broadcastTo } from './broadcast.js';
