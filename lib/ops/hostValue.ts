// Small values on the host: what `host` and `partial` of a row read and give.
import type { DType } from '../core/dtype.js';
import { NDArray } from '../core/ndarray.js';
import type { Dim, TensorShape } from '../core/shape.js';
import { sizeOf } from '../core/shape.js';

/** Values larger than this are left to the engine. */
export const MAX_HOST_SIZE = 4096;

/** Elements as plain numbers (int64 included; shapes and indices are below 2^53). */
export const numbersOf = (array: NDArray): number[] => Array.from(array.data as Float64Array, Number);

/** Numbers as an array of an integer or float dtype. */
export const fromNumbers = (dtype: DType, shape: readonly number[], values: readonly number[]): NDArray => {
  const data = new dtype.array!(values.length);
  values.forEach((value, i) => {
    data[i] = dtype.isBigInt ? BigInt(value) : value;
  });
  return new NDArray(dtype, shape, data);
};

/** The same elements under another shape. */
export const reshaped = (array: NDArray, shape: readonly number[]): NDArray =>
  new NDArray(array.dtype, shape, array.data);

/** A new array whose element i is element `indices[i]` of the source; null where it would be large. */
export const picked = (source: NDArray, shape: readonly number[], index: (i: number) => number): NDArray | null => {
  const size = sizeOf(shape);
  if (size > MAX_HOST_SIZE) return null;
  if (Array.isArray(source.data)) {
    const { data } = source;
    return new NDArray(
      source.dtype,
      shape,
      Array.from({ length: size }, (_, i) => data[index(i)]!),
    );
  }
  const data = new source.dtype.array!(size);
  for (let i = 0; i < size; i++) data[i] = source.data[index(i)]!;
  return new NDArray(source.dtype, shape, data);
};

/** The dimensions of a shape as a partly known value; null where the rank is unknown. */
export const dimsOf = (shape: TensorShape): readonly Dim[] | null => shape.dims;
/** Whether every dimension is known. */
export const isKnown = (shape: TensorShape | undefined): shape is TensorShape & { dims: readonly number[] } =>
  shape?.isFullyDefined ?? false;
