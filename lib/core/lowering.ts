// What an op's row may say to the compiler: the vocabulary of `lower`. compile/ implements it, ops/ use it, neither imports the other.

import type { AttrValue } from './attrs.js';
import type { DType } from './dtype.js';
import type { Operation } from './graph.js';
import type { NDArray } from './ndarray.js';

/** A typed, concretely shaped, contiguous value of the plan that is being made. */
export interface Value {
  readonly dtype: DType;
  readonly shape: readonly number[];
}

/** The operations of the `Reduce` kernel, by their number. */
export const REDUCERS = ['Sum', 'Mean', 'Prod', 'Max', 'Min', 'All', 'Any'] as const;

/** The attribute words of a kernel step, in the order docs/inside/plan.md gives. */
export interface Words {
  i32(...values: number[]): Words;
  i64(...values: (number | bigint)[]): Words;
  /** The symbol of a text (a message, a name). */
  symbol(text: string): Words;
  /** The step's random state, one per graph operation. */
  state(): Words;
}

/** The result of a tape instruction or a tape input. */
export interface TapeRef {
  readonly dtype: DType;
}

/** Builds the tape of one `Fused` step. */
export interface Tape {
  /** An input, broadcast from the right against the tape's space. */
  input(value: Value): TapeRef;
  /** One instruction: a functor of native/math/functors.h over operands of one dtype. `dtype` is the result's where it differs (Cast). */
  apply(functor: string, operands: readonly TapeRef[], dtype?: DType): TapeRef;
  /** A number as a scalar constant of a dtype. */
  number(value: number, dtype: DType): TapeRef;
  /** Stores a result; the value has as many elements as the space. A variable is updated in place. */
  output(value: Value, ref: TapeRef): void;
}

/** One operation at concrete shapes, being turned into steps. */
export interface LowerContext {
  /** The graph operation. */
  readonly op: Operation;
  /** Data inputs in order, list inputs spread. A ref input is the variable's own memory. */
  readonly inputs: readonly Value[];
  /** Outputs in order; each must be written by a step or aliased. A ref output is aliased to the ref input already. */
  readonly outputs: readonly Value[];
  /** Values of a named input (one element unless it is a list). */
  list(input: string): readonly Value[];
  /** The value of a named single input. */
  input(input: string): Value;
  attr<T extends AttrValue>(name: string): T;
  /** The host value of an input that the row names in `hostInputs`. */
  host(input: string): NDArray;
  /** Host value as plain numbers (int64 included; sizes are below 2^53). */
  hostNumbers(input: string): number[];
  /** Adds a kernel step. */
  kernel(name: string, inputs: readonly Value[], outputs: readonly Value[], attrs?: (words: Words) => void): void;
  /** Adds a tape over `space`. */
  tape(space: readonly number[], build: (tape: Tape) => void): void;
  /** Adds a copy of all elements, which a tape may take in. */
  copy(value: Value, output: Value): void;
  /** The same elements under another shape of equal size. */
  view(value: Value, shape: readonly number[]): Value;
  /** Scratch memory. */
  temp(dtype: DType, shape: readonly number[]): Value;
  constant(array: NDArray): Value;
  /** Makes output i another view of `value`: no step, no bytes. */
  alias(output: number, value: Value): void;
}
