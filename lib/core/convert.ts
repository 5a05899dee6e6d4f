// Anything tensor-like into a tensor: tensors and variables stay, literals become Const operations.

import { constOp } from './constOp.js';
import type { TensorSource } from './defineOp.js';
import type { NumericArray } from './dtype.js';
import { bool, type DType, string } from './dtype.js';
import { GraphTypeError, ValueError } from './errors.js';
import { getDefaultGraph, Tensor } from './graph.js';
import type { NestedValue } from './literal.js';
import { type NDArray, toNDArray } from './ndarray.js';

/** What every op takes for an input: a tensor, a variable, or a literal that becomes a constant. */
export type TensorLike = Tensor | TensorSource | NDArray | NumericArray | NestedValue | readonly TensorLike[];

const isSource = (value: unknown): value is TensorSource =>
  typeof value === 'object' && value !== null && typeof (value as Partial<TensorSource>).asTensor === 'function';

/** The tensor of a tensor or variable; undefined for a literal. With `asRef` a variable gives its own memory. */
export const tensorOf = (value: unknown, asRef = false): Tensor | undefined =>
  value instanceof Tensor ? value : isSource(value) ? value.asTensor(asRef) : undefined;

/** Options of `convertToTensor`. */
export interface ConvertOptions {
  readonly dtype?: DType | undefined;
  /** The dtype numbers take where `dtype` is not given. */
  readonly preferredDtype?: DType | undefined;
  readonly name?: string | undefined;
}

type Packer = (values: readonly TensorLike[], options: ConvertOptions) => Tensor;
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
 */
export const convertToTensor = (value: TensorLike, options: ConvertOptions = {}): Tensor => {
  const existing = tensorOf(value);
  if (existing !== undefined) {
    if (options.dtype !== undefined && existing.dtype !== options.dtype) {
      throw new ValueError(
        `Tensor conversion requested dtype ${options.dtype.name} for Tensor with dtype ${existing.dtype.name}: '${existing}'`,
      );
    }
    return existing;
  }
  if (holdsTensor(value) && hooks.pack !== undefined) return hooks.pack(value as readonly TensorLike[], options);
  if (value === null || value === undefined) throw new ValueError('None values not supported.');
  if (typeof value === 'function' || typeof value === 'symbol') {
    throw new GraphTypeError(`Failed to convert object of type ${typeof value} to Tensor.`);
  }
  const array = literal(value, options);
  return constOp(getDefaultGraph(), array, options.name ?? 'Const');
};

const literal = (value: TensorLike, options: ConvertOptions): NDArray => {
  if (options.dtype === undefined) return toNDArray(value, undefined, options.preferredDtype);
  const numeric = options.dtype !== string && options.dtype !== bool;
  return toNDArray(value, options.dtype, numeric ? options.dtype : undefined);
};
