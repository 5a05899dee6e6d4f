// encode: steps and memory as the int32 words of docs/inside/plan.md.
import type { DType } from '../core/dtype.js';
import type { Operation } from '../core/graph.js';
import type { NDArray } from '../core/ndarray.js';
import { ALIGNMENT, type MemoryPlan } from './memory.js';
import type { EncodedPlan } from './stage.js';
import type {
  BatchCode,
  Instruction,
  PlanValue,
  RowsCode,
  Step,
  StepProgram,
  Storage,
  TapeCode,
  Word,
} from './steps.js';

const MAGIC = 0x6f667267;
const VERSION = 1;
const HEADER_WORDS = 20;
/** The kinds of storage, by their number in the plan. */
const KIND = { arena: 0, constant: 1, feed: 2, variable: 3, strings: 4 } as const;

/** Grows as words come. Lists are appended one by one: a call takes some 100,000 arguments at most. */
class WordBuffer {
  words: number[] = [];
  i32(...values: number[]): void {
    for (const value of values) this.words.push(value | 0);
  }
  list(values: readonly number[]): void {
    this.words.push(values.length);
    for (const value of values) this.words.push(value | 0);
  }
  append(words: Iterable<number>): void {
    for (const word of words) this.words.push(word);
  }
  i64(value: number): void {
    this.words.push(value | 0, Math.floor(value / 2 ** 32) | 0);
  }
  text(value: string): void {
    const bytes = new TextEncoder().encode(value);
    this.words.push(bytes.length);
    const padded = new Uint8Array(Math.ceil(bytes.length / 4) * 4);
    padded.set(bytes);
    this.append(new Int32Array(padded.buffer));
  }
}

/** Numbers things in the order they are first asked for. */
class Table<T> {
  readonly items: T[] = [];
  readonly #index = new Map<unknown, number>();
  readonly #key: (item: T) => unknown;
  constructor(key: (item: T) => unknown = (item) => item) {
    this.#key = key;
  }
  at(item: T): number {
    const key = this.#key(item);
    let i = this.#index.get(key);
    if (i === undefined) {
      i = this.items.push(item) - 1;
      this.#index.set(key, i);
    }
    return i;
  }
}

/** Writes the plan of one stage (one block). */
export const encode = (program: StepProgram, memory: MemoryPlan): EncodedPlan => {
  const symbols = new Table<string>();
  const storages = new Table<Storage>();
  const states = new Table<number>();
  const variables = new Table<Operation>();
  const values = new Table<PlanValue>(
    (value) => `${storages.at(value.storage)}:${value.dtype.asDatatypeEnum}:${value.shape.join()}`,
  );
  const word = (item: Word): number =>
    typeof item === 'number' ? item : 'symbol' in item ? symbols.at(item.symbol) : states.at(item.stateOf);

  const steps = new WordBuffer();
  const unread = new Map<Operation, boolean>();
  for (const step of program.steps) noteFirstUse(step, unread);
  for (const { storage } of program.fetches) {
    if (storage.kind === 'variable' && !unread.has(storage.variable.op)) unread.set(storage.variable.op, true);
  }
  for (const step of program.steps) {
    const attrs =
      step.tape !== undefined && step.kernel !== 'Copy'
        ? [...step.attrs.map(word), ...tapeWords(step.tape, symbols)]
        : step.batch !== undefined
          ? batchWords(step.batch, symbols)
          : step.rows !== undefined
            ? rowsWords(step.rows, symbols)
            : step.attrs.map(word);
    const inputs = step.inputs.map((input) => values.at(input));
    const outputs = step.outputs.map((output) => values.at(output));
    const length = 8 + inputs.length + outputs.length + attrs.length;
    steps.i32(length, 0, symbols.at(step.kernel), step.op.id, 0);
    for (const words of [inputs, outputs, attrs]) steps.list(words);
  }
  const feeds = program.feeds.map((feed) => values.at(feed));
  const fetches = program.fetches.map((fetch) => values.at(fetch));
  const variableValues: number[] = [];
  // Asking for a variable's own value may not add a storage: the list is complete here.
  for (const storage of [...storages.items]) {
    if (storage.kind !== 'variable') continue;
    const { op, dtype, shape } = storage.variable;
    variableValues[variables.at(op)] = values.at({ dtype, shape, storage, version: 0, dynamic: false });
  }

  const constants = packConstants(storages.items, values.items);
  const body = new WordBuffer();
  for (const symbol of symbols.items) body.text(symbol);
  for (const storage of storages.items) {
    const strings = constants.stringIndex.get(storage);
    const kind = strings !== undefined ? KIND.strings : KIND[storage.kind];
    const index =
      strings ??
      (storage.kind === 'feed' ? storage.index : storage.kind === 'variable' ? variables.at(storage.variable.op) : 0);
    const offset =
      strings !== undefined ? 0 : storage.kind === 'arena' ? storage.offset : (constants.offsets.get(storage) ?? 0);
    body.i32(kind, index);
    body.i64(storage.bytes);
    body.i64(offset);
  }
  for (const value of values.items) {
    body.i32(storages.at(value.storage), value.dtype.asDatatypeEnum, value.shape.length);
    for (const dim of value.shape) body.i64(dim);
  }
  variables.items.forEach((op, i) => {
    body.i32(op.id, variableValues[i]!, unread.get(op) === true ? 1 : 0, op.id);
  });
  program.feeds.forEach(({ storage }, i) => {
    body.i32(feeds[i]!, storage.kind === 'feed' ? storage.node : -1);
  });
  for (const fetch of fetches) body.i32(fetch, -1);
  body.i32(program.steps.length);
  const words = new WordBuffer();
  const total = HEADER_WORDS + body.words.length + steps.words.length;
  words.i32(
    MAGIC,
    VERSION,
    total,
    symbols.items.length,
    storages.items.length,
    values.items.length,
    variables.items.length,
  );
  words.i32(program.feeds.length, program.fetches.length, 1, states.items.length, constants.strings.offsets.length - 1);
  words.i64(memory.arenaBytes);
  words.i64(constants.data.byteLength);
  words.i32(0, 0, 0, 0);
  const result = new Int32Array(total);
  result.set(words.words, 0);
  result.set(body.words, HEADER_WORDS);
  result.set(steps.words, HEADER_WORDS + body.words.length);
  return {
    words: result,
    constants: constants.data,
    strings: constants.strings,
    stateKeys: Int32Array.from(states.items),
  };
};

/** A variable must be initialised before the run unless its first use here overwrites it whole. */
const noteFirstUse = (step: Step, unread: Map<Operation, boolean>): void => {
  if (step.op.row.takesUninitialized !== true) {
    for (const input of step.inputs) {
      if (input.storage.kind === 'variable' && !unread.has(input.storage.variable.op))
        unread.set(input.storage.variable.op, true);
    }
  }
  for (const output of step.outputs) {
    if (output.storage.kind !== 'variable') continue;
    const { op } = output.storage.variable;
    if (!unread.has(op)) unread.set(op, step.fills?.has(op) !== true);
  }
};

const tapeWords = ({ space, instructions, outputs, reductions }: TapeCode, symbols: Table<string>): number[] => {
  const buffer = new WordBuffer();
  buffer.i32(space.length);
  for (const dim of space) buffer.i64(dim);
  codeWords(instructions, outputs, symbols, buffer);
  reductions.forEach((reduction, i) => {
    if (reduction === undefined) return;
    buffer.i32(i, reduction.op, reduction.byRows ? 0 : 1);
    buffer.i64(reduction.length);
  });
  return buffer.words;
};

const batchWords = (batch: BatchCode, symbols: Table<string>): number[] => {
  const buffer = new WordBuffer();
  buffer.i32(batch.sizes.length, batch.shared);
  buffer.list(batch.scalars.map(Number));
  for (const size of batch.sizes) buffer.i64(size);
  codeWords(batch.instructions, batch.outputs, symbols, buffer);
  return buffer.words;
};

const rowsWords = ({ rows, block, locals, parts }: RowsCode, symbols: Table<string>): number[] => {
  const buffer = new WordBuffer();
  buffer.i64(rows);
  buffer.i64(block);
  buffer.i32(locals.length);
  for (const { dtype, items } of locals) {
    buffer.i32(dtype.asDatatypeEnum);
    buffer.i64(items);
  }
  buffer.i32(parts.length);
  for (const { node, tape, inputs, outputs } of parts) {
    buffer.i32(node, inputs.length, outputs.length);
    for (const { at, byRows, dims } of [...inputs, ...outputs]) {
      buffer.i32(at, byRows ? 1 : 0, dims.length);
      for (const dim of dims) buffer.i64(dim);
    }
    buffer.list(tapeWords(tape, symbols));
  }
  return buffer.words;
};

const codeWords = (
  instructions: readonly Instruction[],
  outputs: readonly number[],
  symbols: Table<string>,
  buffer: WordBuffer,
): void => {
  buffer.i32(instructions.length);
  for (const { functor, operand, result, args, node } of instructions) {
    buffer.i32(
      symbols.at(functor),
      operand.asDatatypeEnum,
      result.asDatatypeEnum,
      args[0]!,
      args[1] ?? -1,
      args[2] ?? -1,
      node,
      0,
    );
  }
  buffer.i32(...outputs);
};

interface PackedConstants {
  readonly data: Uint8Array;
  readonly offsets: ReadonlyMap<Storage, number>;
  readonly strings: { readonly data: Uint8Array; readonly offsets: Int32Array };
  /** For a storage of strings: -1, or where its first element is among the string constants. */
  readonly stringIndex: ReadonlyMap<Storage, number>;
}

const packConstants = (storages: readonly Storage[], values: readonly PlanValue[]): PackedConstants => {
  const dtypes = new Map<Storage, DType>(values.map((value) => [value.storage, value.dtype]));
  const offsets = new Map<Storage, number>();
  const stringIndex = new Map<Storage, number>();
  const texts: Uint8Array[] = [];
  const arrays: [number, NDArray][] = [];
  let bytes = 0;
  for (const storage of storages) {
    const isString = dtypes.get(storage)?.kind === 'string';
    if (storage.kind === 'arena' && isString) stringIndex.set(storage, -1);
    if (storage.kind !== 'constant') continue;
    if (isString) {
      stringIndex.set(storage, texts.length);
      for (const text of storage.array.data as (string | Uint8Array)[]) {
        texts.push(typeof text === 'string' ? new TextEncoder().encode(text) : text);
      }
      continue;
    }
    offsets.set(storage, bytes);
    arrays.push([bytes, storage.array]);
    bytes = Math.ceil((bytes + storage.bytes) / ALIGNMENT) * ALIGNMENT;
  }
  const data = new Uint8Array(bytes);
  for (const [offset, array] of arrays) {
    const { buffer, byteOffset, byteLength } = array.data as Float32Array;
    data.set(new Uint8Array(buffer, byteOffset, byteLength), offset);
  }
  const ends = new Int32Array(texts.length + 1);
  for (const [i, text] of texts.entries()) ends[i + 1] = ends[i]! + text.length;
  const joined = new Uint8Array(ends.at(-1)!);
  for (const [i, text] of texts.entries()) joined.set(text, ends[i]!);
  return { data, offsets, strings: { data: joined, offsets: ends }, stringIndex };
};
