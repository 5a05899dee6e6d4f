// Results of a plan: from the mailbox or fresh memory to NDArrays, each with memory of its own.

import type { FetchInfo } from '../compile/stage.js';
import { type DataArray, type DType, type NumericArray, string } from '../core/dtype.js';
import { NDArray } from '../core/ndarray.js';
import { sizeOf } from '../core/shape.js';
import { copyOfData, isTyped } from '../core/typedArrays.js';
import type { NativeSession as Engine, NativeStrings as PackedStrings } from './native.js';

type RawResult = ArrayBuffer | PackedStrings | undefined;

// The mailbox (native.ts): results, first dims, fed scalars.
const SLOT_BYTES = 64;
const SLOTS = 64;
const FEEDS_AT = SLOTS * (SLOT_BYTES + 8);

/** Memory of the mailbox for a scalar that is fed at a position; undefined where it has none. */
export const scalarMemory = (dtype: DType, position: number, engine: Engine): NumericArray | undefined =>
  dtype.array === undefined || position >= SLOTS
    ? undefined
    : new dtype.array(engine.mailbox, FEEDS_AT + position * 8, 1);

const DECODER = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
const ENCODER = new TextEncoder();

/** Strings as one buffer and offsets. */
export const packStrings = (items: readonly (string | Uint8Array)[]): PackedStrings => {
  const parts = items.map((item) => (typeof item === 'string' ? ENCODER.encode(item) : item));
  const offsets = new Int32Array(parts.length + 1);
  parts.forEach((part, i) => {
    offsets[i + 1] = offsets[i]! + part.length;
  });
  const data = new Uint8Array(offsets[parts.length]!);
  parts.forEach((part, i) => {
    data.set(part, offsets[i]);
  });
  return { data, offsets };
};

/** UTF-8 becomes a string; other bytes stay bytes. */
const unpackStrings = ({ data, offsets }: PackedStrings): (string | Uint8Array)[] =>
  Array.from({ length: offsets.length - 1 }, (_, i) => {
    const bytes = data.subarray(offsets[i], offsets[i + 1]);
    try {
      return DECODER.decode(bytes);
    } catch {
      return bytes.slice();
    }
  });

/** Reads one fetch of one plan. Everything that does not change from run to run is decided here once. */
export class ResultReader {
  readonly #dtype: DType;
  readonly #shape: readonly number[];
  readonly #size: number;
  readonly #tag: string | undefined;
  readonly #dynamic: boolean;
  /** Elements of one row of a dynamic result. */
  readonly #row: number;
  readonly #mail: NumericArray | undefined;
  readonly #start: number;
  readonly #firstDim: Float64Array | undefined;

  constructor(info: FetchInfo, position: number, engine: Engine) {
    const { dtype, shape } = info;
    this.#dtype = dtype;
    this.#shape = Object.freeze([...shape]);
    this.#size = sizeOf(shape);
    this.#tag = dtype.array?.name;
    this.#dynamic = info.dynamic;
    this.#row = sizeOf(shape.slice(1));
    const small = dtype.array !== undefined && this.#size * dtype.size <= SLOT_BYTES && position < SLOTS;
    this.#mail = small ? new dtype.array!(engine.mailbox, 0, (SLOTS * SLOT_BYTES) / dtype.size) : undefined;
    this.#start = small ? (position * SLOT_BYTES) / dtype.size : 0;
    this.#firstDim = info.dynamic ? new Float64Array(engine.mailbox, SLOTS * SLOT_BYTES + position * 8, 1) : undefined;
  }

  /** The value, from what the engine returned for it. */
  read(raw: RawResult): NDArray {
    if (this.#dynamic) return this.#readDynamic(raw);
    const mail = this.#mail;
    if (mail !== undefined) {
      if (this.#size !== 1)
        return new NDArray(this.#dtype, this.#shape, mail.slice(this.#start, this.#start + this.#size));
      const data = new this.#dtype.array!(1);
      data[0] = mail[this.#start]!;
      return new NDArray(this.#dtype, this.#shape, data, true);
    }
    return new NDArray(this.#dtype, this.#shape, this.#data(raw));
  }

  /** Whether the engine leaves the value in the mailbox. */
  get isMailed(): boolean {
    return this.#mail !== undefined;
  }

  /** Whether the caller's memory has the result's dtype and size. */
  fits(data: NumericArray): boolean {
    return isTyped(data, this.#tag, this.#size);
  }

  /** The shape of the value; of a dynamic one, the most it can be. */
  get shape(): readonly number[] {
    return this.#shape;
  }

  /** Moves the value of the mailbox to memory of the caller's, where there is some; it is as large. */
  leaveIn(data: NumericArray | undefined): void {
    if (data === undefined) return;
    const mail = this.#mail!;
    const start = this.#start;
    for (let i = 0; i < this.#size; i++) data[i] = mail[start + i]!;
  }

  /** The value in memory of the caller's, where the engine has left it. */
  wrap(data: NumericArray): NDArray {
    return new NDArray(this.#dtype, this.#shape, data, true);
  }

  /** The values of `n` runs, one after the other. */
  readMany(raw: RawResult, n: number): NDArray {
    return new NDArray(this.#dtype, [n, ...this.#shape], new this.#dtype.array!(raw as ArrayBuffer));
  }

  #data(raw: RawResult): DataArray {
    return this.#dtype === string ? unpackStrings(raw as PackedStrings) : new this.#dtype.array!(raw as ArrayBuffer);
  }

  #readDynamic(raw: RawResult): NDArray {
    if (this.#mail !== undefined) {
      const rows = this.#firstDim![0]!;
      const data = this.#mail.slice(this.#start, this.#start + rows * this.#row);
      return new NDArray(this.#dtype, [rows, ...this.#shape.slice(1)], data);
    }
    const data = this.#data(raw);
    const rows = this.#row === 0 ? 0 : data.length / this.#row;
    return new NDArray(this.#dtype, [rows, ...this.#shape.slice(1)], data);
  }
}

/** A copy with memory of its own. */
export const copyOf = (array: NDArray): NDArray => new NDArray(array.dtype, array.shape, copyOfData(array.data));
