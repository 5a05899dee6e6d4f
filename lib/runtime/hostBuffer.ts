// Memory that is cheap to feed from, made from a dtype and a shape as a caller gives them.
import { asDtype, type DType, type DTypeLike, type NumericArray } from '../core/dtype.js';
import { GraphTypeError, ResourceExhaustedError, ValueError } from '../core/errors.js';
import { NDArray } from '../core/ndarray.js';
import { isSameShape, sizeOf } from '../core/shape.js';
import { repr } from './fetches.js';
import { native } from './native.js';

const isDim = (dim: unknown): dim is number => Number.isSafeInteger(dim) && Number(dim) >= 0;

/** What a feed or a result is like. */
export interface Form {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

const MADE_HERE = Symbol();
let found: (value: unknown, form: Form) => number;

/**
 * An NDArray whose memory the engine knows by a number. Frozen, and made by `hostBuffer` alone: what is seen of it runs no one's code, and
 * stays so.
 */
class HostArray extends NDArray {
  readonly #number: number;
  readonly #view: NumericArray;
  readonly #own: Form;
  /** The form that it was last found to have, by identity: all that a repeated run has to look at. */
  #form: Form;

  static {
    found = (value, form) => {
      if (typeof value !== 'object' || value === null || !(#number in value)) return -1;
      // An element, as `length` could be a property of the array's own.
      if (value.#view[0] === undefined) return -1;
      if (value.#form !== form) {
        if (value.#own.dtype !== form.dtype || !isSameShape(value.#own.shape, form.shape)) return -1;
        value.#form = form;
      }
      return value.#number;
    };
  }

  constructor(key: symbol, dtype: DType, shape: readonly number[], view: NumericArray, number: number) {
    if (key !== MADE_HERE) throw new GraphTypeError('Host buffers are made by session.hostBuffer');
    super(dtype, Object.freeze([...shape]), view);
    this.#number = number;
    this.#view = view;
    this.#own = { dtype, shape: this.shape };
    this.#form = this.#own;
    Object.freeze(this);
  }
}

/**
 * The number of a value that is a host buffer of this form, with elements that are there still; else -1. It holds while no code of the
 * caller's runs and the value is held.
 */
export const hostNumberOf = (value: unknown, form: Form): number => found(value, form);

/** The host buffer that a result of this shape lies in, where it has that shape, too. */
export const resultIn = (host: NDArray | undefined, shape: readonly number[]): NDArray | undefined =>
  host !== undefined && isSameShape(host.shape, shape) ? host : undefined;

/** An NDArray of zeros in the engine's own memory; `pinned`: by the GPU, where there is one. */
export const hostBuffer = (dtype: DTypeLike, shape: readonly number[], pinned: boolean): NDArray => {
  const type = asDtype(dtype);
  if (type.array === undefined) throw new ValueError('A host buffer holds numbers, not strings');
  if (!Array.isArray(shape)) throw new GraphTypeError(`hostBuffer takes its shape as an array, not ${repr(shape)}`);
  const bytes = shape.every(isDim) ? sizeOf(shape) * type.size : Number.NaN;
  if (!Number.isSafeInteger(bytes)) throw new ValueError(`No buffer has the shape (${shape.map(repr).join(', ')})`);
  try {
    const { buffer, byteOffset, number } = native().hostBuffer(bytes, pinned);
    return new HostArray(MADE_HERE, type, shape, new type.array(buffer, byteOffset, sizeOf(shape)), number);
  } catch (error) {
    const { code, message } = error as { code?: unknown; message: string };
    if (code !== 'RESOURCE_EXHAUSTED' && !(error instanceof RangeError)) throw error;
    throw new ResourceExhaustedError(
      `OOM when allocating a host buffer with shape[${shape.join(',')}] and type ${type.cName}: ${message}`,
    );
  }
};
