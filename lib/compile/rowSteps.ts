// rowSteps: steps as parts of one that takes a block of rows at a time: which of their dimensions are the rows, and where a part's operands
// lie once it is one of several.

import { rootOf } from './roots.js';
import {
  bytesOf,
  mayRefuse,
  type PlanValue,
  padded,
  type RowsCode,
  type RowsOperand,
  type RowsPart,
  type Step,
  type Storage,
  sameShape,
  sizeOfShape,
  type TapeCode,
} from './steps.js';

/** What one step may hold (native/cpu/fused_rows.h), and the bytes of a row's operands of which a block has several rows. */
export const LIMITS = { parts: 32, locals: 64, rowBytes: 128 << 10 } as const;

/** What a block's operands may take: a quarter of a small second cache, into which the next block's come, too. */
const BLOCK_BYTES = 128 << 10;

/** An operand of a step over rows: its dimensions for one row, or for all. */
export interface RowView {
  readonly byRows: boolean;
  readonly dims: readonly number[];
}

/** A step that goes over rows. */
export interface RowStep {
  readonly step: Step;
  readonly tape: TapeCode;
  /** How many dimensions of the space are the rows. */
  readonly leading: number;
  readonly inputs: readonly RowView[];
  readonly outputs: readonly RowView[];
}

/** A step as one over `rows` rows; undefined where it is none, or where it does more than to compute. */
export const rowStepOf = (step: Step, rows: number): RowStep | undefined => {
  const tape = step.kernel === 'Fused' ? step.tape : rootOf(step);
  if (tape === undefined || step.acts || rows < 2 || tape.instructions.some(mayRefuse)) return undefined;
  if (!step.inputs.every(isPlain) || !step.outputs.every((value) => isPlain(value) && value.storage.kind === 'arena'))
    return undefined;
  const { space } = tape;
  const leading = leadingDims(space, rows);
  if (leading === undefined) return undefined;
  const inputs = step.inputs.map(({ shape }) => viewOf(shape, space, leading));
  const row = space.slice(leading);
  const outputs = step.outputs.map((_, i): RowView | undefined => {
    const reduction = tape.reductions[i];
    if (reduction === undefined) return { byRows: true, dims: row };
    const items = sizeOfShape(row);
    if (reduction.byRows)
      return items % reduction.length === 0 ? { byRows: true, dims: [items / reduction.length] } : undefined;
    return reduction.length === rows && items > 1 ? { byRows: false, dims: [items] } : undefined;
  });
  const isSome = (view: RowView | undefined): view is RowView => view !== undefined;
  return inputs.every(isSome) && outputs.every(isSome) ? { step, tape, leading, inputs, outputs } : undefined;
};

const isPlain = ({ dtype, shape, dynamic }: PlanValue): boolean =>
  dtype.kind !== 'string' && !dynamic && sizeOfShape(shape) > 0;

/** How many of a space's first dimensions have so many elements together. */
const leadingDims = (space: readonly number[], rows: number): number | undefined => {
  let [count, dims] = [1, 0];
  while (count < rows && dims < space.length) count *= space[dims++]!;
  return count === rows ? dims : undefined;
};

const viewOf = (shape: readonly number[], space: readonly number[], leading: number): RowView | undefined => {
  const all = padded(shape, space.length);
  const lead = all.slice(0, leading);
  const dims = all.slice(leading);
  if (sameShape(lead, space.slice(0, leading))) return { byRows: true, dims };
  return lead.every((dim) => dim === 1) ? { byRows: false, dims } : undefined;
};

/** One step of several; undefined where they have more to hand to each other than one may. */
export const joinRows = (
  members: readonly RowStep[],
  rows: number,
  isKept: (value: PlanValue) => boolean,
): Step | undefined => {
  const made = new Set(members.flatMap(({ step }) => step.outputs.map(({ storage }) => storage)));
  const inputs: PlanValue[] = [];
  const outputs: PlanValue[] = [];
  for (const { step } of members) {
    for (const input of step.inputs)
      if (!made.has(input.storage) && !inputs.some(({ storage }) => storage === input.storage)) inputs.push(input);
    for (const output of step.outputs) if (isKept(output)) outputs.push(output);
  }
  const locals = new Locals(members, new Set(outputs.map(({ storage }) => storage)));
  const places = new Map<Storage, number>();
  for (const { storage } of [...inputs, ...outputs]) places.set(storage, places.size);
  for (const [storage, at] of locals.places) places.set(storage, inputs.length + outputs.length + at);
  if (locals.all.length > LIMITS.locals) return undefined;

  const rowBytes =
    locals.all.reduce((bytes, { dtype, items }) => bytes + items * dtype.size, 0) +
    [...inputs, ...outputs].reduce((bytes, { dtype, shape }) => bytes + bytesOf(dtype, shape) / rows, 0);
  const block = Math.min(rows, blockOf(BLOCK_BYTES / rowBytes));
  const operands = (values: readonly PlanValue[], views: readonly RowView[]): RowsOperand[] =>
    values.map(({ storage }, i) => ({ ...views[i]!, at: places.get(storage)! }));
  const parts = members.map(({ step, tape, leading, inputs, outputs }): RowsPart => {
    const reductions = tape.reductions.map((one) => one && { ...one, length: one.byRows ? one.length : block });
    return {
      node: step.op.id,
      tape: { ...tape, space: [block, ...tape.space.slice(leading)], reductions },
      inputs: operands(step.inputs, inputs),
      outputs: operands(step.outputs, outputs),
    };
  });
  const after = new Set(members.flatMap(({ step }) => [...step.after]));
  for (const { step } of members) after.delete(step);
  const code: RowsCode = { rows, block, locals: locals.all, parts };
  return {
    kernel: 'FusedRows',
    inputs,
    outputs,
    attrs: [],
    tape: undefined,
    rows: code,
    op: members.at(-1)!.step.op,
    after,
    acts: false,
  };
};

/** A power of two, as pieces of work are. */
const blockOf = (most: number): number => 2 ** Math.floor(Math.log2(Math.max(most, 1)));

/** Where a thread has what only the parts of one step see: values that are done with leave their place to others. */
class Locals {
  readonly all: { dtype: PlanValue['dtype']; items: number }[] = [];
  readonly places = new Map<Storage, number>();
  readonly #free: number[] = [];

  constructor(members: readonly RowStep[], kept: ReadonlySet<Storage>) {
    const lastUse = new Map<Storage, number>();
    members.forEach(({ step }, i) => {
      for (const { storage } of [...step.inputs, ...step.outputs]) lastUse.set(storage, i);
    });
    members.forEach(({ step, tape, inputs, outputs }, i) => {
      const dying = new Set(
        step.inputs.flatMap(({ storage }) => (this.places.has(storage) && lastUse.get(storage) === i ? [storage] : [])),
      );
      step.outputs.forEach(({ storage, dtype }, o) => {
        if (kept.has(storage)) return;
        const items = sizeOfShape(outputs[o]!.dims);
        // Element by element an output may take the place of an input that is read for the last time.
        const heir =
          tape.reductions[o] === undefined
            ? step.inputs.findIndex(
                (input, k) =>
                  dying.has(input.storage) &&
                  input.dtype === dtype &&
                  sizeOfShape(inputs[k]!.dims) === items &&
                  step.inputs.every(
                    (other, l) => other.storage !== input.storage || sizeOfShape(inputs[l]!.dims) === items,
                  ),
              )
            : -1;
        if (heir >= 0) {
          const { storage: old } = step.inputs[heir]!;
          dying.delete(old);
          this.places.set(storage, this.places.get(old)!);
        } else this.places.set(storage, this.#take(dtype, items));
        if (lastUse.get(storage) === i) dying.add(storage);
      });
      for (const storage of dying) this.#free.push(this.places.get(storage)!);
    });
  }
  #take(dtype: PlanValue['dtype'], items: number): number {
    const at = this.#free.findIndex((place) => this.all[place]!.dtype === dtype && this.all[place]!.items === items);
    return at >= 0 ? this.#free.splice(at, 1)[0]! : this.all.push({ dtype, items }) - 1;
  }
}
