// Where tensors begin (constants, placeholders, zeros, ones) and ops that hand a tensor on as it is.
import { constOp } from '../core/constOp.js';
import { convertToTensor, needValue, ownArray, type TensorLike, tensorOf } from '../core/convert.js';
import { defineOp, type Named } from '../core/defineOp.js';
import { asDtype, type DataArray, type DType, type DTypeLike, int32, int64, string } from '../core/dtype.js';
import { GraphTypeError, LookupError, ValueError } from '../core/errors.js';
import { getDefaultGraph, type Tensor } from '../core/graph.js';
import { type ArrayLike, NDArray, toNDArray } from '../core/ndarray.js';
import { type OptionNames, optionsOf } from '../core/options.js';
import { type ShapeLike, sizeOf, TensorShape } from '../core/shape.js';
import { fill, reshape, type ShapeArgument, shape as shapeTensor } from './arrayShape.js';
import { less } from './compare.js';
import { picked } from './hostValue.js';
import * as py from './operators.js';
import { opScope } from './scopes.js';
import { mergeShapes, sameShape } from './shapeRules.js';

const T = { type: 'type' } as const;

/** The value of the only input, shared. */
const same = (c: { readonly values: readonly (NDArray | null)[] }): readonly NDArray[] | null =>
  c.values[0] ? [c.values[0]] : null;

const identityOp = defineOp('Identity', {
  inputs: { input: 'T' },
  outputs: { output: 'T' },
  attrs: { T },
  shape: sameShape,
  grad: ([dy]) => ({ input: dy! }),
  lower: 'alias',
  host: same,
  partial: (op, of) => of(op.inputs[0]!),
});

const identityNOp = defineOp('IdentityN', {
  inputs: { input: '...T' },
  outputs: { output: '...T' },
  attrs: { T: { type: 'list(type)', minimum: 1 } },
  shape: (c) => c.inputs,
  grad: (dys) => ({ input: dys }),
  lower: (c) => {
    c.inputs.forEach((input, i) => {
      c.alias(i, input);
    });
  },
});

const stopGradientOp = defineOp('StopGradient', {
  inputs: { input: 'T' },
  outputs: { output: 'T' },
  attrs: { T },
  shape: sameShape,
  grad: 'none',
  lower: 'alias',
  host: same,
  partial: (op, of) => of(op.inputs[0]!),
});

const preventGradientOp = defineOp('PreventGradient', {
  inputs: { input: 'T' },
  outputs: { output: 'T' },
  attrs: { T, message: { type: 'string', default: '' } },
  shape: sameShape,
  grad: (_, view) => {
    throw new LookupError(`Gradient explicitly disabled. Reason: ${view.attr<string>('message')}`);
  },
  lower: 'alias',
  host: same,
});

const placeholderOp = defineOp('Placeholder', {
  inputs: {},
  outputs: { output: 'dtype' },
  attrs: { dtype: T, shape: { type: 'shape', default: new TensorShape(null) } },
  shape: (c) => [c.attr<TensorShape>('shape')],
  grad: 'none',
  lower: 'source',
});

const placeholderWithDefaultOp = defineOp('PlaceholderWithDefault', {
  inputs: { input: 'dtype' },
  outputs: { output: 'dtype' },
  attrs: { dtype: T, shape: { type: 'shape' } },
  shape: (c) => {
    const declared = c.attr<TensorShape>('shape');
    mergeShapes(c.inputs[0]!, declared);
    // A plan that comes here runs with the default; a value that is fed instead cuts it off.
    return [c.planning === true ? c.inputs[0]! : declared];
  },
  grad: ([dy]) => ({ input: dy! }),
  lower: 'alias',
});

const likeRow = (type: 'ZerosLike' | 'OnesLike', element: number) =>
  defineOp(type, {
    inputs: { x: 'T' },
    outputs: { y: 'T' },
    attrs: { T },
    shape: sameShape,
    grad: 'none',
    lower: (c) => c.kernel('Fill', [c.constant(scalar(element, c.outputs[0]!.dtype))], c.outputs),
    hostFromShapes: true,
    host: (c) => {
      const made = c.shapes[0]!.isFullyDefined
        ? picked(scalar(element, c.outputs[0]!), c.shapes[0]!.concrete(), () => 0)
        : null;
      return made === null ? null : [made];
    },
  });
const zerosLikeOp = likeRow('ZerosLike', 0);
const onesLikeOp = likeRow('OnesLike', 1);

/** Zero or one of a dtype: false, '' for strings. */
const scalar = (value: number, dtype: DType): NDArray => {
  if (dtype === string) return new NDArray(string, [], [value === 0 ? '' : String(value)]);
  const data = new dtype.array!(1);
  data[0] = dtype.isBigInt ? BigInt(value) : value;
  return new NDArray(dtype, [], data);
};

/**
 * The same value as another tensor: a name for it, and the usual way to make a read wait for `withControl`.
 *
 * @example tf.identity([1, 2]) // [1, 2]
 */
export const identity = (input: TensorLike, options: Named = {}): Tensor => identityOp({ input }, {}, options).output;

/**
 * Several tensors as they are, all of them ready before any is used.
 *
 * @example tf.identityN([[1], [2, 3]]) // [[1], [2, 3]]
 */
export const identityN = (input: readonly TensorLike[], options: Named = {}): readonly Tensor[] =>
  identityNOp({ input }, {}, options).outputs;

/**
 * The same value, a constant to gradients.
 *
 * @example tf.stopGradient([1, 2]) // [1, 2]
 */
export const stopGradient = (input: TensorLike, options: Named = {}): Tensor =>
  stopGradientOp({ input }, {}, options).output;

/** Options of `preventGradient`. */
export interface PreventGradientOptions extends Named {
  readonly message?: string | undefined;
}
const PREVENT_GRADIENT: OptionNames<PreventGradientOptions> = { name: true, message: true };

/**
 * The same value; asking for a gradient through it is a LookupError with `message`.
 *
 * @example tf.preventGradient([1, 2], { message: 'not here' }) // [1, 2]
 */
export const preventGradient = (input: TensorLike, options: PreventGradientOptions = {}): Tensor => {
  const { name, message } = optionsOf('preventGradient', PREVENT_GRADIENT, options);
  return preventGradientOp({ input }, { message }, { name }).output;
};

/** Options of `constant`. */
export interface ConstantOptions extends Named {
  readonly dtype?: DTypeLike | undefined;
  /** The shape; missing elements repeat the last one. */
  readonly shape?: readonly number[] | TensorShape | undefined;
  /** Makes a shape other than `shape` an error instead. */
  readonly verifyShape?: boolean | undefined;
}
const CONSTANT: OptionNames<ConstantOptions> = { name: true, dtype: true, shape: true, verifyShape: true };

/**
 * A constant. Numbers are float32 unless `dtype` says otherwise, BigInts int64, typed arrays keep theirs.
 *
 * @param value a number, boolean, string, nested arrays, a typed array or an NDArray.
 * @param dtype the dtype (or the options): a fraction into an integer dtype is a TypeError.
 * @example tf.constant([1, 2, 3], { shape: [2, 2], dtype: 'int32' }) // [[1, 2], [3, 3]]
 */
export const constant = (
  value: ArrayLike,
  dtype?: DTypeLike | ConstantOptions,
  shape?: readonly number[] | TensorShape,
  options: ConstantOptions = {},
): Tensor => {
  const all = optionsOf('constant', CONSTANT, options, { dtype, shape });
  if (tensorOf(value) !== undefined) {
    throw new GraphTypeError(
      `Expected a number, string or array, got ${String(value)}: tf.constant takes values, tf.identity takes tensors.`,
    );
  }
  const made = ownArray(value, all.dtype === undefined ? undefined : asDtype(all.dtype));
  const to = all.shape === undefined ? made.shape : TensorShape.of(all.shape).concrete();
  return constOp(getDefaultGraph(), shaped(made, to, all.verifyShape ?? false), all.name ?? 'Const');
};

const shaped = (array: NDArray, shape: readonly number[], verify: boolean): NDArray => {
  if (verify && (shape.length !== array.rank || shape.some((dim, i) => dim !== array.shape[i]))) {
    throw new GraphTypeError(
      `Expected Tensor's shape: ${new TensorShape([...shape])}, got ${new TensorShape([...array.shape])}.`,
    );
  }
  const size = sizeOf(shape);
  if (size === array.size) return new NDArray(array.dtype, [...shape], array.data);
  if (size < array.size) {
    throw new ValueError(`Too many elements provided. Needed at most ${size}, but received ${array.size}`);
  }
  if (array.size === 0) throw new ValueError(`No element to fill shape ${new TensorShape([...shape])} with.`);
  if (Array.isArray(array.data)) {
    const { data } = array;
    return new NDArray(
      array.dtype,
      [...shape],
      Array.from({ length: size }, (_, i) => data[Math.min(i, data.length - 1)]!),
    );
  }
  const data = new array.dtype.array!(size);
  (data as Float32Array).set(array.data as Float32Array);
  (data as Float32Array).fill(array.data.at(-1) as number, array.size);
  return new NDArray(array.dtype, [...shape], data);
};

/** One element everywhere; none of it in an empty shape. */
const repeated = (element: NDArray, shape: readonly number[]): NDArray =>
  sizeOf(shape) === 0
    ? new NDArray(element.dtype, [...shape], element.data.slice(0, 0) as DataArray)
    : shaped(element, shape, false);

/** Options of `placeholder`. */
export interface PlaceholderOptions extends Named {
  readonly shape?: ShapeLike | undefined;
}
const PLACEHOLDER: OptionNames<PlaceholderOptions> = { name: true, shape: true };

/**
 * A value that every run has to be given: "You must feed a value for placeholder tensor 'x' with dtype float and shape [?,2]".
 *
 * @param dtype the dtype, required.
 * @param shape the static shape, null for what is unknown; by default nothing is known.
 * @example String(tf.placeholder('float', [null, 2], { name: 'x' })) // 'Tensor("x:0", shape=(?, 2), dtype=float32)'
 */
export const placeholder = (
  dtype: DTypeLike,
  shape?: ShapeLike | PlaceholderOptions,
  options: PlaceholderOptions = {},
): Tensor => {
  const all = optionsOf('placeholder', PLACEHOLDER, options, { shape });
  return placeholderOp({}, { dtype: asDtype(dtype), shape: TensorShape.of(all.shape) }, { name: all.name }).output;
};

/**
 * A value that a run may be given; `input` where it is not.
 *
 * @param shape the static shape of what may be fed; `input` must fit it.
 * @example tf.placeholderWithDefault([1, 2], [null]) // [1, 2]
 */
export const placeholderWithDefault = (input: TensorLike, shape: ShapeLike, options: Named = {}): Tensor =>
  placeholderWithDefaultOp({ input }, { shape: TensorShape.of(shape) }, options).output;

/** Smaller tensors of zeros and ones are constants. */
const SMALL = 1000;

const filled = (
  value: number,
  fallback: string,
  shape: ShapeArgument,
  dtype: DType,
  name: string | null | undefined,
): Tensor =>
  opScope(name, fallback, [shape instanceof TensorShape ? undefined : shape], (scope) => {
    needValue(fallback, 'shape', shape);
    const graph = getDefaultGraph();
    const make = (dims: Tensor): Tensor =>
      fill(
        dims.shape.rank === 0 || dims.shape.rank === null ? reshape(dims, [-1]) : dims,
        constOp(graph, scalar(value, dtype), 'Const'),
        { name: scope },
      );
    const tensor = shape instanceof TensorShape ? undefined : tensorOf(shape);
    if (tensor !== undefined) return make(tensor);
    const dims = staticDims(shape);
    if (dims === null) {
      smallProduct(shape as readonly TensorLike[]);
      return make(convertToTensor(shape as TensorLike, { dtype: int32 }));
    }
    if (typeof shape !== 'number' && sizeOf(dims) < SMALL) {
      return constOp(graph, repeated(scalar(value, dtype), new TensorShape(dims).concrete()), scope);
    }
    const wide = dims.some((dim) => dim > 2 ** 31 - 1);
    return make(
      constOp(graph, toNDArray(dims.length === 0 ? new Int32Array(0) : dims, wide ? int64 : int32), 'shape_as_tensor'),
    );
  });

/** The dimensions of a shape argument without tensors; null for one with tensors among them. */
const staticDims = (shape: ShapeArgument): number[] | null => {
  if (shape instanceof TensorShape) return shape.concrete();
  if (typeof shape === 'number') return [shape];
  if (shape instanceof NDArray) return Array.from(shape.data as Float64Array, Number);
  const list = Array.from(shape as ArrayLike & Iterable<unknown>);
  return list.every((dim) => typeof dim === 'number' || typeof dim === 'bigint')
    ? new TensorShape(list.map(Number)).concrete()
    : null;
};

/**
 * TensorFlow multiplies the dimensions to see whether the result is small; with a tensor among them that leaves two operations behind.
 * They never run, but they count in the names and seeds of what follows.
 */
const smallProduct = (dims: readonly TensorLike[]): void => {
  const product = dims.reduce((a, b) =>
    tensorOf(a) !== undefined ? py.mul(a, b) : tensorOf(b) !== undefined ? py.rmul(a, b) : Number(a) * Number(b),
  );
  less(product, SMALL);
};

/** Options of `zeros` and `ones`. */
export interface FilledOptions extends Named {
  readonly dtype?: DTypeLike | undefined;
}
const FILLED: OptionNames<FilledOptions> = { name: true, dtype: true };

/**
 * A tensor of zeros (false, '' for those dtypes).
 *
 * @param shape a list, a static shape or an integer tensor.
 * @param dtype float32 by default.
 * @example tf.zeros([2, 1]) // [[0], [0]]
 */
export const zeros = (shape: ShapeArgument, dtype?: DTypeLike | FilledOptions, options: FilledOptions = {}): Tensor => {
  const all = optionsOf('zeros', FILLED, options, { dtype });
  return filled(0, 'zeros', shape, asDtype(all.dtype ?? 'float32'), all.name);
};

/**
 * A tensor of ones (true for bool).
 *
 * @param shape a list, a static shape or an integer tensor.
 * @param dtype float32 by default.
 * @example tf.ones([1, 2]) // [[1, 1]]
 */
export const ones = (shape: ShapeArgument, dtype?: DTypeLike | FilledOptions, options: FilledOptions = {}): Tensor => {
  const all = optionsOf('ones', FILLED, options, { dtype });
  return filled(1, 'ones', shape, asDtype(all.dtype ?? 'float32'), all.name);
};

/** Options of `zerosLike` and `onesLike`. */
export interface LikeOptions extends FilledOptions {
  /** false: an operation that reads the shape of the run even where it is known. */
  readonly optimize?: boolean | undefined;
}
const LIKE: OptionNames<LikeOptions> = { name: true, dtype: true, optimize: true };

/**
 * Zeros in the shape of another tensor, in its dtype or in `dtype`.
 *
 * @example tf.zerosLike([[1, 2]]) // [[0, 0]]
 */
export const zerosLike = (tensor: TensorLike, dtype?: DTypeLike | LikeOptions, options: LikeOptions = {}): Tensor => {
  const all = optionsOf('zerosLike', LIKE, options, { dtype });
  const optimize = all.optimize ?? true;
  return opScope(all.name, 'zeros_like', [tensor], (scope) => {
    const like = convertToTensor(tensor, { name: 'tensor' });
    const type = all.dtype === undefined ? like.dtype : asDtype(all.dtype);
    if (optimize && like.shape.isFullyDefined) return zeros(like.shape, type, { name: scope });
    if (type === like.dtype) return zerosLikeOp({ x: like }, {}, { name: scope }).output;
    return zeros(shapeTensor(like), type, { name: scope });
  });
};

/**
 * Ones in the shape of another tensor, in its dtype or in `dtype`.
 *
 * @example tf.onesLike([[1, 2]]) // [[1, 1]]
 */
export const onesLike = (tensor: TensorLike, dtype?: DTypeLike | LikeOptions, options: LikeOptions = {}): Tensor => {
  const all = optionsOf('onesLike', LIKE, options, { dtype });
  return opScope(all.name, 'ones_like', [tensor], (scope) => {
    const like = convertToTensor(tensor, { name: 'tensor' });
    const made = ones(shapeTensor(like), all.dtype === undefined ? like.dtype : asDtype(all.dtype), { name: scope });
    made.setShape(like.shape);
    return made;
  });
};

/** A `ZerosLike` operation, which reads the shape of the run. */
export const rawZerosLike = (x: TensorLike, options: Named = {}): Tensor => zerosLikeOp({ x }, {}, options).output;
/** A `OnesLike` operation, which reads the shape of the run. */
export const rawOnesLike = (x: TensorLike, options: Named = {}): Tensor => onesLikeOp({ x }, {}, options).output;
