// NDArray: a dense tensor's value in JavaScript memory, what a fetch gives and what a feed takes.
import { asDtype, bool, type DataArray, type DType, type DTypeLike, type NumericArray } from './dtype.js';
import { GraphTypeError, ValueError } from './errors.js';
import { formatArray } from './format.js';
import { flatten, type NestedValue } from './literal.js';
import { sizeOf, TensorShape } from './shape.js';

/** One element in JavaScript: bool gives boolean, int64 and uint64 BigInt, string its text. */
export type Scalar = number | bigint | boolean | string;
/** Elements nested as the shape says. */
export type NestedArray = Scalar | NestedArray[];

const isSafe = (value: bigint): boolean => Number.isSafeInteger(Number(value));

/**
 * A value: dtype, shape and the elements in row-major order. `structuredClone` and `postMessage` make a plain object of it, which is one
 * again by `tf.ndarray(copy.data, copy.shape, copy.dtype.name)`.
 *
 * `tf.ndarray([[1, 2], [3, 4]]).shape // [2, 2]`
 */
export class NDArray {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** The elements: a typed array (`Uint8Array` of 0 and 1 for bool), or strings. */
  readonly data: DataArray;

  /** ValueError where `data` has another number of elements than `shape`. */
  constructor(dtype: DType, shape: readonly number[], data: DataArray);
  /** @internal Without looking at `data` again: results of every run come by here. */
  constructor(dtype: DType, shape: readonly number[], data: DataArray, fits: true);
  constructor(dtype: DType, shape: readonly number[], data: DataArray, fits = false) {
    if (!fits && data.length !== sizeOf(shape)) {
      throw new ValueError(`cannot reshape array of size ${data.length} into shape (${shape.join(',')})`);
    }
    this.dtype = dtype;
    this.shape = shape;
    this.data = data;
  }

  get rank(): number {
    return this.shape.length;
  }
  get size(): number {
    return this.data.length;
  }
  /** Bytes of the elements; 0 for strings. */
  get byteLength(): number {
    return this.size * this.dtype.size;
  }
  /** Element i of the flat order. */
  at(i: number): Scalar {
    const value = this.data[i < 0 ? i + this.data.length : i];
    if (value === undefined) throw new ValueError(`index ${i} is out of bounds for size ${this.size}`);
    if (this.dtype === bool) return value !== 0;
    return value instanceof Uint8Array ? new TextDecoder('utf-8', { ignoreBOM: true }).decode(value) : value;
  }
  /** The only element; ValueError where there is not exactly one. */
  item(): Scalar {
    if (this.size !== 1) throw new ValueError('can only convert an array of size 1 to a scalar');
    return this.at(0);
  }
  /** The elements as nested arrays (a scalar for rank 0). */
  toArray(): NestedArray {
    let next = 0;
    const build = (axis: number): NestedArray =>
      axis === this.rank ? this.at(next++) : Array.from({ length: this.shape[axis]! }, () => build(axis + 1));
    return build(0);
  }
  /** `toArray()` for `JSON.stringify`, which knows no BigInt: a number where that is exact, else a string of digits. */
  toJSON(): NestedArray {
    const plain = (value: NestedArray): NestedArray => {
      if (Array.isArray(value)) return value.map(plain);
      return typeof value !== 'bigint' ? value : isSafe(value) ? Number(value) : String(value);
    };
    return this.dtype.isBigInt ? plain(this.toArray()) : this.toArray();
  }
  /** numpy's text: `[[1. 2.]\n [3. 4.]]`. */
  toString(): string {
    return formatArray(this);
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `NDArray(${this.dtype.name}, (${this.shape.join(', ')}${this.rank === 1 ? ',' : ''}), ${formatArray(this)})`;
  }
  /** A size-1 value works in arithmetic: `value + 1`. */
  [Symbol.toPrimitive](hint: string): Scalar {
    return hint === 'string' || this.size !== 1 ? this.toString() : this.at(0);
  }
}

/** What can become an NDArray: an element, nested arrays of elements, a typed array or an NDArray. */
export type ArrayLike = NDArray | NumericArray | NestedValue;

/**
 * Makes an NDArray from numbers, nested arrays or a typed array.
 *
 * @param value the elements. Numbers are float32 unless `dtype` says otherwise, BigInts int64, typed arrays keep theirs.
 * @param shape the shape; by default the nesting's.
 * @param dtype the dtype the elements are turned into; a fraction into an integer dtype is a TypeError.
 * @example tf.ndarray([1, 2, 3, 4], [2, 2]).toString() // '[[1. 2.]\n [3. 4.]]'
 */
export const ndarray = (value: ArrayLike, shape?: readonly number[], dtype?: DTypeLike): NDArray => {
  const made = toNDArray(value, dtype === undefined ? undefined : asDtype(dtype));
  return shape === undefined ? made : new NDArray(made.dtype, new TensorShape(shape).concrete(), made.data);
};

/**
 * The NDArray of any array-like. `dtype` fixes the dtype; otherwise numbers take the first of `preferred` that holds them
 * (float32 by default).
 */
export const toNDArray = (value: unknown, dtype?: DType, preferred?: DType): NDArray => {
  if (value instanceof NDArray) {
    if (dtype === undefined || dtype === value.dtype) return value;
    return new NDArray(dtype, value.shape, castData(value.data, value.dtype, dtype));
  }
  const inner = Array.isArray(value) ? (value.find((item) => item instanceof NDArray) ?? firstLeaf(value)) : value;
  if (inner instanceof NDArray) return toNDArray(unwrapped(value), dtype ?? inner.dtype);
  const flat = flatten(value, dtype, preferred);
  return new NDArray(flat.dtype, flat.shape, flat.data);
};

/** What the first element of the first of nested arrays is. */
const firstLeaf = (value: readonly unknown[]): unknown => {
  let leaf: unknown = value;
  for (let depth = 0; depth < 32 && Array.isArray(leaf); depth++) leaf = leaf[0];
  return leaf;
};
/** Nested arrays of NDArrays as nested arrays of elements, so that a list of arrays is one array as in numpy. */
const unwrapped = (value: unknown): unknown =>
  value instanceof NDArray ? value.toArray() : Array.isArray(value) ? value.map(unwrapped) : value;

/**
 * Elements of one dtype as another, as numpy's `astype` does for numbers that fit. TypeError for a fraction, NaN or a number out of
 * range into an integer dtype, and between strings and numbers.
 */
export const castData = (data: DataArray, from: DType, to: DType): DataArray => {
  if (from === to) return data;
  if (from.kind === 'string' || to.kind === 'string' || Array.isArray(data)) {
    throw new GraphTypeError(`Cannot convert elements of type ${from} to ${to}`);
  }
  const result = new to.array!(data.length);
  for (let i = 0; i < data.length; i++) {
    const element = data[i]!;
    if (to.isFloating) result[i] = Number(element);
    else if (to === bool) result[i] = Number(element) === 0 ? 0 : 1;
    else {
      // Numbers and BigInts compare by value.
      const fits =
        (typeof element === 'bigint' || Number.isInteger(element)) && element >= to.min! && element <= to.max!;
      if (!fits) {
        throw new GraphTypeError(`Expected ${to}, got ${element} of type '${from}' instead.`);
      }
      result[i] = to.isBigInt ? BigInt(element) : Number(element);
    }
  }
  return result;
};
