// recompute: what a tape stores only for later steps that could make it again, with little arithmetic, from what the tape read, they make
// again. A large array that is written and read again costs more time than that: the gradient of a layer norm stored four of the size of
// its input, since sums over rows and over columns do not end one tape. fuse.ts makes tapes of the copies and their readers.
import { FAR_BYTES, LIMITS } from './fuse.js';
import { rootOf } from './roots.js';
import {
  arenaValue,
  bytesOf,
  type Instruction,
  mayRefuse,
  type PlanValue,
  type Reduction,
  readersOf,
  type Step,
  type StepProgram,
  type Storage,
  sameForm,
  sameShape,
  sizeOfShape,
} from './steps.js';
import { functorCost, type Part, partOf } from './tape.js';

/** What an instruction costs of the time that its result's bytes cost on their way from memory. */
const INSTRUCTION = 0.5;

/** Steps that read a value: a tape, or reductions of one form, which end one tape. */
interface Readers {
  readonly steps: Step[];
  readonly form: Reduction | undefined;
}

/** The same program with copies of the code for the readers; undefined where nothing changes. Steps come after what they read. */
export const recompute = (program: StepProgram, farBytes = FAR_BYTES): StepProgram | undefined => {
  const readers = readersOf(program.steps);
  const fetched = new Set(program.fetches.map(({ storage }) => storage));
  /** Steps whose inputs have been replaced: what is said of them here is no longer so. */
  const changed = new Set<Step>();
  const steps: Step[] = [];
  for (const step of program.steps) {
    steps.push(step);
    if (step.kernel !== 'Fused' || step.tape === undefined || changed.has(step)) continue;
    const values = step.outputs.filter(
      (value, i) =>
        step.tape!.reductions[i] === undefined &&
        isRemakable(value, step.tape!.space) &&
        bytesOf(value.dtype, value.shape) >= farBytes &&
        !fetched.has(value.storage) &&
        readers.get(value.storage)?.every((reader) => !changed.has(reader) && canRemake(value, reader, step)) === true,
    );
    const chosen = [values, ...values.map((value) => [value])]
      .filter((list) => list.length > 0 && !(step.acts && list.length === step.outputs.length))
      .map((list) => new Remaking(step, list, readers))
      .reduce<Remaking | undefined>((best, one) => (one.gain > (best?.gain ?? 0) ? one : best), undefined);
    if (chosen === undefined) continue;
    for (const value of chosen.values) for (const reader of readers.get(value.storage)!) changed.add(reader);
    steps.push(...chosen.apply());
  }
  return changed.size === 0 ? undefined : { ...program, steps: withoutEmptyTapes(steps) };
};

/** The steps but tapes that store nothing any more; who waited for one waits for what it waited for. */
const withoutEmptyTapes = (steps: readonly Step[]): Step[] => {
  const kept: Step[] = [];
  const empty = new Set<Step>();
  for (const step of steps) {
    for (const earlier of [...step.after])
      if (empty.has(earlier)) {
        step.after.delete(earlier);
        for (const before of earlier.after) step.after.add(before);
      }
    if (step.tape?.outputs.length === 0) empty.add(step);
    else kept.push(step);
  }
  return kept;
};

/** An array that only this run sees. */
const isRemakable = ({ storage, dtype, shape, dynamic }: PlanValue, space: readonly number[]): boolean =>
  storage.kind === 'arena' && !dynamic && dtype.kind !== 'string' && sameShape(shape, space);

/** Whether a reader can be one tape with the code that makes a value. */
const canRemake = (value: PlanValue, reader: Step, maker: Step): boolean => {
  const reads = reader.inputs.filter(({ storage }) => storage === value.storage);
  if (reader.tape === undefined) return rootOf(reader) !== undefined;
  return (
    reader.kernel === 'Fused' &&
    sameShape(reader.tape.space, maker.tape!.space) &&
    reads.every(({ shape, dtype }) => sameShape(shape, value.shape) && dtype === value.dtype)
  );
};

/** One tape, some of the values it stores, and what it would cost to make them again. */
class Remaking {
  /** Bytes that need not move, less what is read anew and the time of the arithmetic in bytes. */
  readonly gain: number;
  readonly values: readonly PlanValue[];
  readonly #step: Step;
  readonly #groups: readonly Readers[];

  constructor(step: Step, values: readonly PlanValue[], readers: ReadonlyMap<Storage, readonly Step[]>) {
    this.#step = step;
    this.values = values;
    this.#groups = groupsOf(new Set(values.flatMap(({ storage }) => readers.get(storage)!)));
    this.gain = this.#gain();
  }

  #gain(): number {
    let gain = 0;
    for (const { dtype, shape } of this.values) gain += 2 * bytesOf(dtype, shape); // a line is fetched before it is written
    for (const group of this.#groups) {
      const values = this.#readBy(group);
      const { inputs, instructions } = this.#codeOf(values);
      if (!instructions.every(isCheap) || inputs.some((input) => isUnfit(input, values[0]!))) return 0;
      const tape = group.steps[0]!.tape;
      if (inputs.length + group.steps[0]!.inputs.length > LIMITS.inputs) return 0;
      if (instructions.length + (tape?.instructions.length ?? 0) > LIMITS.instructions) return 0;
      const known = tape === undefined ? [] : group.steps[0]!.inputs;
      for (const input of inputs)
        if (isLarge(input, values[0]!) && !known.some(({ storage }) => storage === input.storage))
          gain -= bytesOf(input.dtype, input.shape);
      for (const step of group.steps)
        for (const { dtype, shape, storage } of step.inputs)
          if (values.some((value) => value.storage === storage)) gain += bytesOf(dtype, shape);
      for (const { result } of instructions) gain -= INSTRUCTION * bytesOf(result, values[0]!.shape);
    }
    return gain;
  }

  #readBy({ steps }: Readers): readonly PlanValue[] {
    return this.values.filter(({ storage }) =>
      steps.some(({ inputs }) => inputs.some((input) => input.storage === storage)),
    );
  }
  #codeOf(values: readonly PlanValue[]): Part {
    const { inputs, tape } = this.#step;
    return partOf(
      inputs,
      tape!.instructions,
      values.map((value) => tape!.outputs[this.#step.outputs.indexOf(value)]!),
    );
  }

  /** Takes the values from their tape and gives each group of readers a tape that makes them. */
  apply(): Step[] {
    const step = this.#step;
    const { space } = step.tape!;
    const copies = this.#groups.map((group): Step => {
      const values = this.#readBy(group);
      const { inputs, instructions, outputs } = this.#codeOf(values);
      const made = values.map(({ dtype, shape }) => arenaValue(dtype, shape));
      for (const reader of group.steps)
        reader.inputs.forEach((input, i) => {
          const at = values.findIndex(({ storage }) => storage === input.storage);
          if (at >= 0) reader.inputs[i] = { ...input, storage: made[at]!.storage };
        });
      return {
        kernel: 'Fused',
        inputs,
        outputs: made,
        attrs: [],
        tape: { space, instructions, outputs, reductions: made.map(() => undefined) },
        op: step.op,
        after: new Set(step.after),
        acts: false,
      };
    });
    const kept = step.outputs.flatMap((value, i) => (this.values.includes(value) ? [] : [i]));
    const code = partOf(
      step.inputs,
      step.tape!.instructions,
      kept.map((i) => step.tape!.outputs[i]!),
    );
    // Other steps know this one: it stays the same object.
    Object.assign(step, {
      inputs: code.inputs,
      outputs: kept.map((i) => step.outputs[i]!),
      tape: { ...code, space, reductions: kept.map((i) => step.tape!.reductions[i]) },
    });
    return copies;
  }
}

/** Tapes by themselves, reductions of one form together. */
const groupsOf = (readers: ReadonlySet<Step>): readonly Readers[] => {
  const groups: Readers[] = [];
  for (const step of readers) {
    const form = rootOf(step)?.reductions[0];
    const group = form && groups.find((one) => one.form !== undefined && sameForm(one.form, form));
    if (group === undefined) groups.push({ steps: [step], form });
    else group.steps.push(step);
  }
  return groups;
};

const isCheap = (instruction: Instruction): boolean =>
  !mayRefuse(instruction) && functorCost(instruction.functor, instruction.operand) < 1;

const isLarge = ({ shape }: PlanValue, value: PlanValue): boolean => sizeOfShape(shape) === sizeOfShape(value.shape);

/** A large variable may have to be copied for a later reader; of what is dynamic the shape is only a bound. */
const isUnfit = (input: PlanValue, value: PlanValue): boolean =>
  input.dynamic || (input.storage.kind === 'variable' && isLarge(input, value));
