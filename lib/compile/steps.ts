// Steps: the concrete half of the compiler. What lowering makes and fuse, schedule, memory and encode rewrite.
import type { DType } from '../core/dtype.js';
import type { Operation } from '../core/graph.js';
import type { Value } from '../core/lowering.js';
import type { NDArray } from '../core/ndarray.js';
import { isSameShape, sizeOf } from '../core/shape.js';

/** Where bytes live. */
export type Storage =
  | { readonly kind: 'arena'; bytes: number; offset: number }
  | { readonly kind: 'constant'; readonly bytes: number; readonly array: NDArray }
  | { readonly kind: 'feed'; readonly bytes: number; readonly index: number; readonly node: number }
  | { readonly kind: 'variable'; readonly bytes: number; readonly variable: VariableSlot };

/** A variable as a plan uses it. */
export interface VariableSlot {
  readonly op: Operation;
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** A typed, shaped view of a storage. A variable's values carry the version they read or make. */
export interface PlanValue extends Value {
  readonly dtype: DType;
  readonly shape: readonly number[];
  /** In-place reuse points it at another storage. */
  storage: Storage;
  readonly version: number;
  /** The first dimension is a bound; the engine tells the real one. */
  readonly dynamic: boolean;
}

/** An attribute word, or what becomes one when the plan is encoded. */
export type Word = number | { readonly symbol: string } | { readonly stateOf: number };

/** One instruction of a tape: operands below the number of inputs are inputs, else earlier instructions. */
export interface Instruction {
  readonly functor: string;
  readonly operand: DType;
  readonly result: DType;
  readonly args: readonly number[];
  /** Graph operation to blame. */
  readonly node: number;
}

/** What is done to an operand that is reduced instead of stored. */
export interface Reduction {
  /** The operation's number, a position in REDUCERS. */
  readonly op: number;
  /** Whether an output's elements follow each other in the space; else they are a column of it. */
  readonly byRows: boolean;
  /** How many of them there are. */
  readonly length: number;
}

const CHECKED = new Set(['Div', 'FloorDiv', 'FloorMod', 'Mod', 'TruncateDiv', 'TruncateMod', 'Pow']);
/** Whether an instruction checks its operands: a divisor of zero, a negative power. */
export const mayRefuse = ({ functor, operand }: Instruction): boolean => operand.isInteger && CHECKED.has(functor);

/** The program of a `Fused` step. Without instructions it copies. */
export interface TapeCode {
  readonly space: readonly number[];
  readonly instructions: readonly Instruction[];
  /** For each output of the step: the operand it stores. */
  readonly outputs: readonly number[];
  /** For each output: undefined where it is stored as it is. All reductions of a tape have one form and length. */
  readonly reductions: readonly (Reduction | undefined)[];
}

/**
 * The program of a `FusedBatch` step: one tape's code, run over several segments. Of the step's inputs the first are scalars that all segments
 * read; then come each segment's own.
 */
export interface BatchCode {
  readonly shared: number;
  /** For each of a segment's own inputs: whether it is one element for all of the segment's. */
  readonly scalars: readonly boolean[];
  /** The number of elements of each segment. */
  readonly sizes: readonly number[];
  /** Operands: shared inputs, own inputs, results. */
  readonly instructions: readonly Instruction[];
  /** For each output of a segment: the operand it stores. */
  readonly outputs: readonly number[];
}

/** An operand of a part: dimensions of one row, or of what all rows see. */
export interface RowsOperand {
  /** A position among the step's inputs, outputs and locals. */
  readonly at: number;
  readonly byRows: boolean;
  readonly dims: readonly number[];
}

/** A tape of a `FusedRows` step. Its space is a block of rows. */
export interface RowsPart {
  /** Graph operation to blame. */
  readonly node: number;
  readonly tape: TapeCode;
  readonly inputs: readonly RowsOperand[];
  readonly outputs: readonly RowsOperand[];
}

/** The program of a `FusedRows` step: its parts run for a block of rows, then for the next. */
export interface RowsCode {
  readonly rows: number;
  /** Rows of a block. */
  readonly block: number;
  /** What only the parts see: so many elements a row. */
  readonly locals: readonly { readonly dtype: DType; readonly items: number }[];
  readonly parts: readonly RowsPart[];
}

/** One kernel call. */
export interface Step {
  readonly kernel: string;
  readonly inputs: PlanValue[];
  readonly outputs: readonly PlanValue[];
  readonly attrs: readonly Word[];
  /** Of a `Fused` step its program; of a Copy what it would be in one. */
  readonly tape: TapeCode | undefined;
  readonly batch?: BatchCode;
  readonly rows?: RowsCode;
  /** Variables that it overwrites whole, whatever they were. */
  readonly fills?: ReadonlySet<Operation>;
  /** The graph operation an error is blamed on. */
  readonly op: Operation;
  /** Steps that must run before this one though no value says so. */
  readonly after: Set<Step>;
  /** Whether the step acts (prints, draws, asserts, updates) or was itself asked for: it is never dropped. */
  readonly acts: boolean;
}

/** Steps of one stage, in an order that respects their dependencies. */
export interface StepProgram {
  readonly steps: readonly Step[];
  readonly fetches: readonly PlanValue[];
  readonly feeds: readonly PlanValue[];
}

export const sizeOfShape = sizeOf;
export const bytesOf = (dtype: DType, shape: readonly number[]): number => dtype.size * sizeOfShape(shape);

export const sameShape = isSameShape;

/** Whether two reductions may end one tape. */
export const sameForm = (a: Reduction, b: Reduction): boolean => a.byRows === b.byRows && a.length === b.length;

/** What is in any of the sets; none where all are empty. */
export const unionOf = <T>(sets: readonly (ReadonlySet<T> | undefined)[]): ReadonlySet<T> =>
  new Set(sets.flatMap((set) => (set === undefined ? [] : [...set])));

/** A fresh arena value. */
export const arenaValue = (dtype: DType, shape: readonly number[], dynamic = false): PlanValue => ({
  dtype,
  shape,
  storage: { kind: 'arena', bytes: bytesOf(dtype, shape), offset: -1 },
  version: 0,
  dynamic,
});

/** Which steps write each storage (a variable's by version): the producer of a value. */
export class Producers {
  readonly #arena = new Map<Storage, Step>();
  readonly #variable = new Map<string, Step>();

  constructor(steps: readonly Step[]) {
    for (const step of steps) this.add(step);
  }
  add(step: Step): void {
    for (const output of step.outputs) {
      if (output.storage.kind === 'variable') this.#variable.set(key(output), step);
      else this.#arena.set(output.storage, step);
    }
  }
  of(value: PlanValue): Step | undefined {
    return value.storage.kind === 'variable' ? this.#variable.get(key(value)) : this.#arena.get(value.storage);
  }
}

/** The steps that read each storage, each of them once, in their order. */
export const readersOf = (steps: readonly Step[]): ReadonlyMap<Storage, readonly Step[]> => {
  const readers = new Map<Storage, Step[]>();
  for (const step of steps)
    for (const { storage } of step.inputs) {
      const list = readers.get(storage);
      if (list === undefined) readers.set(storage, [step]);
      else if (list.at(-1) !== step) list.push(step);
    }
  return readers;
};

/** Has what waits for steps that have become one wait for that. */
export const replaceWaits = (steps: readonly Step[], made: ReadonlyMap<Step, Step>): void => {
  for (const step of steps)
    for (const earlier of [...step.after]) {
      const now = made.get(earlier);
      if (now === undefined) continue;
      step.after.delete(earlier);
      if (now !== step) step.after.add(now);
    }
};

/** A shape with dimensions of one before it, as many as a rank asks for. */
export const padded = (shape: readonly number[], rank: number): readonly number[] =>
  shape.length === rank ? shape : [...new Array<number>(rank - shape.length).fill(1), ...shape];

/** What the parts of a step cost over all of its rows, by what each costs over a block. */
export const overAllRows = ({ rows, block, parts }: RowsCode, ofBlock: (tape: TapeCode) => number): number =>
  parts.reduce((sum, { tape }) => sum + (ofBlock(tape) / block) * rows, 0);

const key = (value: PlanValue): string =>
  value.storage.kind === 'variable' ? `${value.storage.variable.op.id}:${value.version}` : '';
