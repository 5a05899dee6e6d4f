// Element types: TensorFlow's dtypes, their numbers, their typed arrays and what can be asked of them.
import { GraphTypeError } from './errors.js';

/** Every typed array a tensor's bytes can live in. Bool is a `Uint8Array` of 0 and 1. */
export type NumericArray =
  | Float32Array
  | Float64Array
  | Int8Array
  | Int16Array
  | Int32Array
  | Uint8Array
  | Uint16Array
  | Uint32Array
  | BigInt64Array
  | BigUint64Array;
/** What holds a tensor's elements: a typed array, or an array of strings (bytes as `Uint8Array`) for dtype string. */
export type DataArray = NumericArray | (string | Uint8Array)[];

interface ArrayConstructor {
  new (length: number): NumericArray;
  new (buffer: ArrayBufferLike, byteOffset?: number, length?: number): NumericArray;
  readonly BYTES_PER_ELEMENT: number;
}

/** The dtypes grafo holds, by TensorFlow's names. */
export type DTypeName =
  | 'float32'
  | 'float64'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint8'
  | 'uint16'
  | 'uint32'
  | 'uint64'
  | 'bool'
  | 'string';

type Kind = 'float' | 'int' | 'uint' | 'bool' | 'string';

/**
 * A dtype, as TensorFlow's `tf.DType`.
 *
 * `tf.float32.isFloating // true`
 */
export class DType {
  readonly name: DTypeName;
  /** The number in `types.proto`, used in graphs and plans. */
  readonly asDatatypeEnum: number;
  /** The enumerator's name in `types.proto`, e.g. `DT_FLOAT`. */
  readonly enumName: string;
  /** Bytes of an element; 0 for string. */
  readonly size: number;
  readonly kind: Kind;
  /** The typed array of this dtype; undefined for string. */
  declare readonly array: ArrayConstructor | undefined;
  readonly min: number | bigint | undefined;
  readonly max: number | bigint | undefined;

  constructor(
    name: DTypeName,
    asDatatypeEnum: number,
    enumName: string,
    kind: Kind,
    array: ArrayConstructor | undefined,
    limits: readonly [number | bigint, number | bigint] | undefined,
  ) {
    this.name = name;
    this.asDatatypeEnum = asDatatypeEnum;
    this.enumName = enumName;
    this.kind = kind;
    // Not enumerable: a clone leaves it out, and a function that it could not leave out would keep every NDArray from workers.
    Object.defineProperty(this, 'array', { value: array });
    this.size = array?.BYTES_PER_ELEMENT ?? 0;
    this.min = limits?.[0];
    this.max = limits?.[1];
  }

  get isFloating(): boolean {
    return this.kind === 'float';
  }
  get isInteger(): boolean {
    return this.kind === 'int' || this.kind === 'uint';
  }
  get isBool(): boolean {
    return this.kind === 'bool';
  }
  get isUnsigned(): boolean {
    return this.kind === 'uint';
  }
  /** Whether the elements are BigInts in JavaScript: int64 and uint64. */
  get isBigInt(): boolean {
    return this.size === 8 && this.isInteger;
  }
  /** TensorFlow's C++ spelling in error texts: `float`, `double`, else the name. */
  get cName(): string {
    return this.name === 'float32' ? 'float' : this.name === 'float64' ? 'double' : this.name;
  }
  toString(): string {
    return this.name;
  }
  toJSON(): string {
    return this.enumName;
  }
}

const F32_MAX = 3.4028234663852886e38;
const F64_MAX = Number.MAX_VALUE;
const dtype = (
  name: DTypeName,
  number: number,
  enumName: string,
  kind: Kind,
  array?: unknown,
  limits?: readonly [number | bigint, number | bigint],
): DType => Object.freeze(new DType(name, number, enumName, kind, array as ArrayConstructor | undefined, limits));

/** IEEE floats of 32 bits in a `Float32Array`: what numbers are where nothing says otherwise. */
export const float32 = dtype('float32', 1, 'DT_FLOAT', 'float', Float32Array, [-F32_MAX, F32_MAX]);
/** IEEE floats of 64 bits in a `Float64Array`; `tf.float64` is TensorFlow's `DT_DOUBLE`. */
export const float64 = dtype('float64', 2, 'DT_DOUBLE', 'float', Float64Array, [-F64_MAX, F64_MAX]);
/** Signed integers of 32 bits in an `Int32Array`; results that do not fit wrap around. */
export const int32 = dtype('int32', 3, 'DT_INT32', 'int', Int32Array, [-(2 ** 31), 2 ** 31 - 1]);
/** Unsigned integers of 8 bits in a `Uint8Array`. */
export const uint8 = dtype('uint8', 4, 'DT_UINT8', 'uint', Uint8Array, [0, 255]);
/** Signed integers of 16 bits in an `Int16Array`. */
export const int16 = dtype('int16', 5, 'DT_INT16', 'int', Int16Array, [-32768, 32767]);
/** Signed integers of 8 bits in an `Int8Array`. */
export const int8 = dtype('int8', 6, 'DT_INT8', 'int', Int8Array, [-128, 127]);
/** Byte strings of any length, each a JavaScript string (as UTF-8) or a `Uint8Array`. */
export const string = dtype('string', 7, 'DT_STRING', 'string');
/** Signed integers of 64 bits in a `BigInt64Array`. */
export const int64 = dtype('int64', 9, 'DT_INT64', 'int', BigInt64Array, [-(2n ** 63n), 2n ** 63n - 1n]);
/** true and false, as 1 and 0 in a `Uint8Array`. */
export const bool = dtype('bool', 10, 'DT_BOOL', 'bool', Uint8Array, [0, 1]);
/** Unsigned integers of 16 bits in a `Uint16Array`. */
export const uint16 = dtype('uint16', 17, 'DT_UINT16', 'uint', Uint16Array, [0, 65535]);
/** Unsigned integers of 32 bits in a `Uint32Array`. */
export const uint32 = dtype('uint32', 22, 'DT_UINT32', 'uint', Uint32Array, [0, 2 ** 32 - 1]);
/** Unsigned integers of 64 bits in a `BigUint64Array`. */
export const uint64 = dtype('uint64', 23, 'DT_UINT64', 'uint', BigUint64Array, [0n, 2n ** 64n - 1n]);

/** Every dtype, in the order of TensorFlow's numbers. */
export const DTYPES: readonly DType[] = Object.freeze([
  float32,
  float64,
  int32,
  uint8,
  int16,
  int8,
  string,
  int64,
  bool,
  uint16,
  uint32,
  uint64,
]);
/** float32 and float64. */
export const FLOATS: readonly DType[] = Object.freeze([float32, float64]);
/** Every signed and unsigned integer dtype. */
export const INTEGERS: readonly DType[] = Object.freeze([int32, uint8, int16, int8, int64, uint16, uint32, uint64]);
/** Every dtype that numbers live in (not bool, not string). */
export const NUMERIC: readonly DType[] = Object.freeze([...FLOATS, ...INTEGERS]);

/** A dtype or its name; `float` is float32, `double` float64, as in TensorFlow. */
export type DTypeLike = DType | DTypeName | 'float' | 'double';

const BY_NAME: ReadonlyMap<string, DType> = new Map([
  ...DTYPES.map((type) => [type.name, type] as const),
  ['float', float32] as const,
  ['double', float64] as const,
]);
const BY_NUMBER: ReadonlyMap<number, DType> = new Map(DTYPES.map((type) => [type.asDatatypeEnum, type]));

/** The dtype of a name, number or dtype. Throws TypeError for anything else: `tf.asDtype('float').name // 'float32'`. */
export const asDtype = (like: DTypeLike | number): DType => {
  if (like instanceof DType) return like;
  const found = typeof like === 'number' ? BY_NUMBER.get(like) : BY_NAME.get(like);
  if (found === undefined) throw new GraphTypeError(`Cannot convert value ${String(like)} to a TensorFlow DType.`);
  return found;
};
