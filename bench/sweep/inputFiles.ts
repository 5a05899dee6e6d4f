// The inputs of cases as files that every process reads: made when a case first asks, kept while there is room.
import { rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { uniform } from '../lib/inputs.js';
import type { DType, Input } from './case.js';

const ROOM = 600e6;

type Bytes = Float32Array | Float64Array | Int8Array | Int16Array | Int32Array | Uint8Array;

/** Whose elements are numbers; int64 is BigInt's. */
export const ARRAYS = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  uint8: Uint8Array,
  bool: Uint8Array,
};

/** Integers as int64 has them: low halves, and the sign in the high ones. */
const wide = (values: Float64Array): Int32Array => {
  const halves = new Int32Array(2 * values.length);
  for (let i = 0; i < values.length; i++) {
    halves[2 * i] = values[i]!;
    halves[2 * i + 1] = values[i]! < 0 ? -1 : 0;
  }
  return halves;
};

const asBytes = (dtype: DType, values: Float64Array): Bytes =>
  dtype === 'int64' ? wide(values) : ARRAYS[dtype].from(values);

/** Numbers of [-2, 2) changed one by one. */
const mapped = (values: Float64Array, change: (value: number) => number): Float64Array => {
  for (let i = 0; i < values.length; i++) values[i] = change(values[i]!);
  return values;
};

/** 1 or -1, and one in 2^15 each twice and half of it: products are exact in any order, and of millions still finite. */
const unit = (value: number): number => {
  const size = Math.abs(value);
  return (value < 0 ? -1 : 1) * (size < 2 ** -14 ? 2 : size < 2 ** -13 ? 0.5 : 1);
};

/** Rows that sum to 1. */
const shares = (values: Float64Array, width: number): Float64Array => {
  mapped(values, (value) => (value + 2) / 4 + 0.1);
  for (let row = 0; row < values.length; row += width) {
    let sum = 0;
    for (let i = row; i < row + width; i++) sum += values[i]!;
    for (let i = row; i < row + width; i++) values[i]! /= sum;
  }
  return values;
};

/** The numbers of input `nth` of a case, before they are of a dtype. */
const numbersOf = ({ dtype, values: kind }: Input, n: number, nth: number): Float64Array => {
  const floating = dtype.startsWith('float');
  const values = uniform(0, nth, n, 'float64') as Float64Array;
  const [name, bound] = kind.split(':');
  const below = Number(bound);
  switch (name) {
    case 'any':
      if (floating) return values;
      if (dtype === 'bool') return mapped(values, (value) => (value > 0 ? 1 : 0));
      return mapped(values, (value) => Math.floor((dtype.startsWith('u') ? Math.abs(value) : value) * 25));
    case 'positive':
      return mapped(values, floating ? (value) => 1 + value / 4 : (value) => 1 + Math.floor(((value + 2) / 4) * 7));
    case 'inside':
      return mapped(values, (value) => value * 0.495);
    case 'one':
      return dtype.startsWith('u')
        ? values.fill(1)
        : mapped(values, floating ? unit : (value) => Math.sign(value) || 1);
    case 'zeros':
      return values.fill(0);
    case 'ones':
      return values.fill(1);
    case 'index':
      return mapped(values, (value) => Math.floor(((value + 2) / 4) * below));
    case 'sorted':
      return mapped(values, (value) => Math.floor(((value + 2) / 4) * below)).sort();
    case 'distinct':
      for (let i = 0; i < n; i++) values[i] = Math.floor((i * below) / n);
      return values;
    default:
      return shares(values, below);
  }
};

/** Inputs of more than so many are the same ones. */
const MANY = 12;

/** The files of inputs in a folder. */
export class InputFiles {
  readonly #folder: string;
  /** File and bytes by what is in them, the one used last at the end. */
  readonly #kept = new Map<string, number>();

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** The file of each input of a case: two that are alike hold other values. */
  of(inputs: readonly Input[]): string[] {
    return inputs.map((input, i) => {
      const like = ({ dtype, shape, values }: Input) =>
        dtype === input.dtype && values === input.values && shape.join() === input.shape.join();
      return this.#file(input, inputs.length < MANY ? inputs.slice(0, i).filter(like).length : 0);
    });
  }

  #file(input: Input, nth: number): string {
    const n = input.shape.reduce((a, b) => a * b, 1);
    const name = [input.dtype, input.values.replace(':', '-'), n, nth].join('-');
    const file = path.join(this.#folder, name);
    const bytes = this.#kept.get(name);
    this.#kept.delete(name);
    if (bytes !== undefined) this.#kept.set(name, bytes);
    else {
      const data = asBytes(input.dtype, numbersOf(input, n, nth));
      this.#makeRoom(data.byteLength);
      writeFileSync(file, data);
      this.#kept.set(name, data.byteLength);
    }
    return file;
  }

  #makeRoom(bytes: number): void {
    let used = [...this.#kept.values()].reduce((a, b) => a + b, bytes);
    for (const [name, freed] of this.#kept) {
      if (used <= ROOM) return;
      this.#kept.delete(name);
      rmSync(path.join(this.#folder, name));
      used -= freed;
    }
  }
}
