// What a typed array is, whatever properties of its own it has been given, and copies that share nothing with it.
import type { DataArray, NumericArray } from './dtype.js';

/** A getter of all typed arrays as a function. */
const getter = <R>(name: PropertyKey): ((array: unknown) => R) => {
  const { get } = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(Uint8Array.prototype) as object, name)!;
  return Function.prototype.call.bind(get!) as (array: unknown) => R;
};

/** The name of a typed array's class; undefined of everything else. One call, where `constructor` is looked up anew for every class. */
export const tagOf = getter<string | undefined>(Symbol.toStringTag);

/** The elements of a typed array, 0 where its memory was taken away; TypeError of everything else. */
export const lengthOf = getter<number>('length');

const bufferOf = getter<ArrayBuffer>('buffer');
const offsetOf = getter<number>('byteOffset');

/** Whether a value is a typed array of the class of this name, with so many elements. */
export const isTyped = (value: unknown, tag: string | undefined, length: number): boolean =>
  tagOf(value) === tag && lengthOf(value) === length;

type Kind = new (buffer: ArrayBufferLike | ArrayLike<never>, byteOffset?: number, length?: number) => NumericArray;

/** The classes that hold the elements of each class of typed arrays: bytes that are clamped when written are bytes. */
const KINDS: Readonly<Record<string, Kind>> = Object.fromEntries(
  [
    Int8Array,
    Uint8Array,
    Int16Array,
    Uint16Array,
    Int32Array,
    Uint32Array,
    Float32Array,
    Float64Array,
    BigInt64Array,
    BigUint64Array,
  ].map((kind) => [kind.name, kind as unknown as Kind]),
);
const kindOf = (array: unknown): Kind | undefined => {
  const tag = tagOf(array);
  return tag === undefined ? undefined : tag === 'Uint8ClampedArray' ? KINDS.Uint8Array : KINDS[tag];
};

/**
 * The same memory as a typed array of this realm's own classes: of a Buffer a Uint8Array, of a subclass or another realm's array what it
 * is of. Undefined of what no dtype holds.
 */
export const plainView = (array: ArrayBufferView): NumericArray | undefined => {
  const kind = kindOf(array);
  if (kind === undefined || Object.getPrototypeOf(array) === kind.prototype) return kind && (array as NumericArray);
  return new kind(bufferOf(array), offsetOf(array), lengthOf(array));
};

/** A copy in memory of its own. (`slice` of a Buffer is the same memory, and that of a subclass whatever it makes of it.) */
export const copyOfArray = <A extends NumericArray>(array: A): A => new (kindOf(array)!)(array as never) as A;

/** The same of a tensor's elements; texts given as bytes are copied too. */
export const copyOfData = (data: DataArray): DataArray =>
  Array.isArray(data)
    ? data.map((text) => (typeof text === 'string' ? text : (copyOfArray(text as Uint8Array) as Uint8Array)))
    : copyOfArray(data);

/** Whether two values are, or look into, the same memory. */
export const isSameMemory = (a: unknown, b: unknown): boolean =>
  a === b || (ArrayBuffer.isView(a) && ArrayBuffer.isView(b) && a.buffer === b.buffer);
