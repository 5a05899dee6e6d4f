// Anything tensor-like into a tensor: tensors and variables stay, literals become Const operations.

import { constOp } from './constOp.js';
import type { TensorSource } from './defineOp.js';
import { asDtype, bool, type DType, type DTypeLike, type NumericArray, string } from './dtype.js';
import { GraphTypeError, ValueError } from './errors.js';
import { getDefaultGraph, Tensor } from './graph.js';
import type { NestedValue } from './literal.js';
import { NDArray, toNDArray } from './ndarray.js';
import { nameIn, type OptionNames } from './options.js';
import { copyOfData } from './typedArrays.js';

/** What every op takes for an input: a tensor, a variable, or a literal that becomes a constant. */
export type TensorLike = Tensor | TensorSource | NDArray | NumericArray | NestedValue | readonly TensorLike[];

const isSource = (value: unknown): value is TensorSource =>
  typeof value === 'object' && value !== null && typeof (value as Partial<TensorSource>).asTensor === 'function';

/** The tensor of a tensor or variable; undefined for a literal. With `asRef` a variable gives its own memory. */
export const tensorOf = (value: unknown, asRef = false): Tensor | undefined =>
  Tensor.is(value) ? value : isSource(value) ? value.asTensor(asRef) : undefined;

/** Options of `convertToTensor`. */
export interface ConvertOptions {
  readonly dtype?: DTypeLike | undefined;
  /** The dtype numbers take where `dtype` is not given. */
  readonly preferredDtype?: DType | undefined;
  readonly name?: string | undefined;
}

const CONVERT: OptionNames<ConvertOptions> = { dtype: true, preferredDtype: true, name: true };

type Packer = (
  values: readonly TensorLike[],
  options: { readonly dtype?: DType | undefined; readonly name?: string | undefined },
) => Tensor;
const hooks: { pack?: Packer } = {};
/** Installed once by ops/: how a nested array that holds tensors is packed. */
export const installPacker = (pack: Packer): void => {
  hooks.pack = pack;
};

const holdsTensor = (value: unknown, depth = 0): boolean =>
  depth < 8 &&
  Array.isArray(value) &&
  value.some((item) => tensorOf(item) !== undefined || holdsTensor(item, depth + 1));

/**
 * Converts a value to a tensor of the default graph; TypeError or ValueError with TensorFlow's words where it cannot be.
 *
 * @param value a tensor or variable (returned as it is, its dtype checked), or a literal (a new `Const`).
 * @example tf.convertToTensor([1, 2]) // [1, 2]
 */
export const convertToTensor = (value: TensorLike, options: ConvertOptions = {}): Tensor => {
  nameIn(options, 'convertToTensor', CONVERT);
  const existing = tensorOf(value);
  const dtype = options.dtype === undefined ? undefined : asDtype(options.dtype);
  if (existing !== undefined) {
    if (dtype !== undefined && existing.dtype !== dtype) {
      throw new ValueError(
        `Tensor conversion requested dtype ${dtype.name} for Tensor with dtype ${existing.dtype.name}: '${existing}'`,
      );
    }
    return existing;
  }
  if (holdsTensor(value) && hooks.pack !== undefined)
    return hooks.pack(value as readonly TensorLike[], { ...options, dtype });
  if (value === null || value === undefined) throw missing(`${getDefaultGraph().getNameScope()}${options.name ?? ''}`);
  if (typeof value === 'function' || typeof value === 'symbol') {
    throw new GraphTypeError(`Failed to convert object of type ${typeof value} to Tensor.`);
  }
  const array = literal(value, dtype, options.preferredDtype);
  return constOp(getDefaultGraph(), array, options.name ?? 'Const');
};

/** Ops convert their arguments in a scope of their own, under TensorFlow's names for them: together they say which one is missing. */
const missing = (where: string): ValueError => {
  const told = where === '' ? '' : ` (No value for ${where.replace(/\/$/, '')}.)`;
  return new ValueError(`None values not supported.${told}`);
};
/** ValueError where a builder's argument was left out, for one that is looked at before there is a scope. */
export const needValue = (what: string, argument: string, value: unknown): void => {
  if (value === null || value === undefined) throw missing(`${what}/${argument}`);
};

const literal = (value: TensorLike, dtype: DType | undefined, preferred: DType | undefined): NDArray => {
  if (dtype === undefined) return ownArray(value, undefined, preferred);
  const numeric = dtype !== string && dtype !== bool;
  return ownArray(value, dtype, numeric ? dtype : undefined);
};

/**
 * What `toNDArray` gives, in memory of its own: a graph keeps the value, and plans are made of it later, so what the caller does to the
 * array afterwards must not reach it.
 */
export const ownArray = (value: unknown, dtype?: DType, preferred?: DType): NDArray => {
  const made = toNDArray(value, dtype, preferred);
  return made === value || made.dtype === string
    ? new NDArray(made.dtype, [...made.shape], copyOfData(made.data))
    : made;
};
