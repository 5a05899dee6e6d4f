// Tapes while they are built: inputs deduplicated, instructions appended, outputs named.
import { type DType, float64 } from '../core/dtype.js';
import { InternalError } from '../core/errors.js';
import type { Tape, TapeRef, Value } from '../core/lowering.js';
import { NDArray } from '../core/ndarray.js';
import type { Instruction, PlanValue, TapeCode } from './steps.js';

interface Operand extends TapeRef {
  readonly dtype: DType;
  /** Input position, or instruction position. */
  readonly input: number;
  readonly instruction: number;
}

/** The operand whose dtype a functor computes in. Select's first one is its condition. */
export const operandOf = <T extends { readonly dtype: DType }>(functor: string, args: readonly T[]): T =>
  args[functor === 'Select' ? 1 : 0]!;

/** The Tape that rows write to. */
export class TapeBuilder implements Tape {
  readonly inputs: PlanValue[] = [];
  readonly outputs: PlanValue[] = [];
  readonly #space: readonly number[];
  readonly #node: number;
  readonly #constant: (array: NDArray) => PlanValue;
  readonly #code: { functor: string; operand: DType; result: DType; args: Operand[] }[] = [];
  readonly #stored: Operand[] = [];

  constructor(space: readonly number[], node: number, constant: (array: NDArray) => PlanValue) {
    this.#space = space;
    this.#node = node;
    this.#constant = constant;
  }
  input(value: Value): TapeRef {
    let at = this.inputs.indexOf(value as PlanValue);
    if (at < 0) at = this.inputs.push(value as PlanValue) - 1;
    return { dtype: value.dtype, input: at, instruction: -1 } as Operand;
  }
  number(value: number, dtype: DType): TapeRef {
    const data = new dtype.array!(1);
    data[0] = dtype.isBigInt ? BigInt(value) : value;
    return this.input(this.#constant(new NDArray(dtype, [], data)));
  }
  apply(functor: string, operands: readonly TapeRef[], dtype?: DType): TapeRef {
    const args = operands as Operand[];
    const operand = operandOf(functor, args).dtype;
    const result = dtype ?? operand;
    this.#code.push({ functor, operand, result, args });
    return { dtype: result, input: -1, instruction: this.#code.length - 1 } as Operand;
  }
  output(value: Value, ref: TapeRef): void {
    if (value.dtype !== ref.dtype) throw new InternalError(`tape output is ${value.dtype}, its value ${ref.dtype}`);
    this.outputs.push(value as PlanValue);
    this.#stored.push(ref as Operand);
  }
  finish(): TapeCode {
    const place = (operand: Operand): number =>
      operand.input >= 0 ? operand.input : this.inputs.length + operand.instruction;
    const instructions = this.#code.map(
      ({ functor, operand, result, args }): Instruction => ({
        functor,
        operand,
        result,
        args: args.map(place),
        node: this.#node,
      }),
    );
    const outputs = this.#stored.map(place);
    return { space: this.#space, instructions, outputs, reductions: outputs.map(() => undefined) };
  }
}

/** A part of a tape's code. */
export interface Part {
  readonly inputs: PlanValue[];
  readonly instructions: readonly Instruction[];
  readonly outputs: readonly number[];
}

/** The part of a tape that makes some of its operands, which become its outputs. */
export const partOf = (
  inputs: readonly PlanValue[],
  instructions: readonly Instruction[],
  operands: readonly number[],
): Part => {
  const needed = new Set(operands);
  for (let i = instructions.length - 1; i >= 0; i--)
    if (needed.has(inputs.length + i)) for (const arg of instructions[i]!.args) needed.add(arg);
  const place = new Map<number, number>();
  for (let operand = 0; operand < inputs.length + instructions.length; operand++)
    if (needed.has(operand)) place.set(operand, place.size);
  const moved = (operand: number): number => place.get(operand)!;
  return {
    inputs: inputs.filter((_, i) => needed.has(i)),
    instructions: instructions
      .filter((_, i) => needed.has(inputs.length + i))
      .map((one) => ({ ...one, args: one.args.map(moved) })),
    outputs: operands.map(moved),
  };
};

/** Nanoseconds an element of a functor costs, coarse: for the decision to run inline. */
export const functorCost = (functor: string, operand: DType): number => {
  const cheap =
    /^(Add|AddV2|Sub|Mul|Neg|Abs|Maximum|Minimum|Square|Relu|ReluGrad|Select|Cast|Less|Greater|Equal|Identity)/.test(
      functor,
    );
  return (cheap ? 0.15 : 2) * (operand === float64 ? 2 : 1);
};
