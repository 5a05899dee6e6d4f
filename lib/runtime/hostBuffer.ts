// Memory that is cheap to feed from, made from a dtype and a shape as a caller gives them.
import { asDtype, type DTypeLike } from '../core/dtype.js';
import { GraphTypeError, ResourceExhaustedError, ValueError } from '../core/errors.js';
import { NDArray } from '../core/ndarray.js';
import { sizeOf } from '../core/shape.js';
import { repr } from './fetches.js';
import { native } from './native.js';

const isDim = (dim: unknown): dim is number => Number.isSafeInteger(dim) && Number(dim) >= 0;

/** An NDArray of zeros in the engine's own memory; `pinned`: by the GPU, where there is one. */
export const hostBuffer = (dtype: DTypeLike, shape: readonly number[], pinned: boolean): NDArray => {
  const type = asDtype(dtype);
  if (type.array === undefined) throw new ValueError('A host buffer holds numbers, not strings');
  if (!Array.isArray(shape)) throw new GraphTypeError(`hostBuffer takes its shape as an array, not ${repr(shape)}`);
  const bytes = shape.every(isDim) ? sizeOf(shape) * type.size : Number.NaN;
  if (!Number.isSafeInteger(bytes)) throw new ValueError(`No buffer has the shape (${shape.map(repr).join(', ')})`);
  try {
    const { buffer, byteOffset } = native().hostBuffer(bytes, pinned);
    return new NDArray(type, [...shape], new type.array(buffer, byteOffset, sizeOf(shape)));
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    if (code !== 'RESOURCE_EXHAUSTED' && !(error instanceof RangeError)) throw error;
    throw new ResourceExhaustedError(
      `OOM when allocating a host buffer with shape[${shape.join(',')}] and type ${type.cName}: ${message}`,
    );
  }
};
