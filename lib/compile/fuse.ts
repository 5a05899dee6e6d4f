// fuse: tapes over one space that feed each other become one tape, and reductions of what it makes its ends, so that what is between
// them never reaches memory.
import { Detours, dependencies, type Span } from './order.js';
import { rootOf } from './roots.js';
import {
  bytesOf,
  type Instruction,
  mayRefuse,
  type PlanValue,
  Producers,
  type Reduction,
  readersOf,
  replaceWaits,
  type Step,
  type StepProgram,
  type Storage,
  sameForm,
  sameShape,
  sizeOfShape,
  unionOf,
} from './steps.js';

/** What one tape may hold (docs/inside/plan.md). */
export const LIMITS = { inputs: 24, outputs: 8, instructions: 64 } as const;

/** Arrays from this on are so far from the processor that arithmetic costs less than to read or to store one once more. */
export const FAR_BYTES = 2 << 20;

/** Readers of an array that a reduction of it is tried to be joined with: an unrolled loop has thousands. */
const MOST_TRIED = 64;

/** Steps that become one. */
interface Cluster extends Span {
  /** In the order of the program. */
  members: Step[];
  /** Positions of the first and the last member. */
  first: number;
  last: number;
  instructions: number;
  /** Tapes on strings are run by another interpreter, one by one. */
  hasStrings: boolean;
  /** Whether an instruction may refuse its operands. */
  refuses: boolean;
  /** Distinct values the members read that none of them makes. */
  inputs: readonly PlanValue[];
  /** Values of the members that must reach memory: variables, fetches, and what a step outside reads. */
  outputs: readonly PlanValue[];
  /** One of the reductions it ends in: all have its form. */
  reduction: Reduction | undefined;
  /** Where those leave their results, which none of its instructions can read. */
  readonly reduced: Set<Storage>;
}

/** Merges tapes. The program is in a topological order, and so is the result's list of members. */
export const fuse = (program: StepProgram, farBytes = FAR_BYTES): StepProgram => {
  const producers = new Producers(program.steps);
  const clusterOf = new Map<Step, Cluster>();
  program.steps.forEach((step, i) => {
    const { inputs, outputs } = step;
    const reductions = (step.tape ?? rootOf(step))?.reductions ?? [];
    clusterOf.set(step, {
      members: [step],
      first: i,
      last: i,
      instructions: step.tape?.instructions.length ?? 0,
      hasStrings: inputs.some(isString) || outputs.some(isString),
      refuses: step.tape?.instructions.some(mayRefuse) ?? false,
      inputs,
      outputs,
      reduction: reductions.find((one) => one !== undefined),
      reduced: new Set(outputs.flatMap(({ storage }, i) => (reductions[i] === undefined ? [] : [storage]))),
    });
  });
  const readers = readersOf(program.steps);
  // What is stored though no step reads it: fetches, and the results of what was asked to run.
  const fetched = new Set(program.fetches.map((fetch) => fetch.storage));
  for (const step of program.steps)
    if (step.acts) for (const { storage } of step.outputs) if (!readers.has(storage)) fetched.add(storage);
  /** Clusters that one waits for; some of them twice, and itself. */
  const dependenciesOf = (cluster: Cluster): Cluster[] => {
    const found: Cluster[] = [];
    for (const member of cluster.members)
      for (const earlier of dependencies(member, producers)) found.push(clusterOf.get(earlier)!);
    return found;
  };

  const detours = new Detours(program.steps, producers, dependenciesOf);

  let position: Map<Step, number> | undefined;
  /** Makes one of two clusters where a tape can hold both and neither waits for the other through something else. */
  const merge = (from: Cluster, to: Cluster, inputs: readonly PlanValue[]): boolean => {
    const isOutside = (reader: Step): boolean => {
      const cluster = clusterOf.get(reader);
      return cluster !== from && cluster !== to;
    };
    const outputs: PlanValue[] = [];
    for (const value of from.outputs) if (isKept(value, isOutside, readers, fetched)) outputs.push(value);
    for (const value of to.outputs) if (isKept(value, isOutside, readers, fetched)) outputs.push(value);
    if (from.hasStrings || to.hasStrings || !fits(outputs) || detours.lead(from, to)) return false;
    if (from.reduction && to.reduction && !sameForm(from.reduction, to.reduction)) return false;
    // A tape that stops at a division by zero has stored what comes before it, which a variable must not see.
    if ((from.refuses || to.refuses) && outputs.some(({ storage }) => storage.kind === 'variable')) return false;
    from.members.push(...to.members);
    if (from.last > to.first) {
      position ??= new Map(program.steps.map((member, i) => [member, i] as const));
      from.members.sort((a, b) => position!.get(a)! - position!.get(b)!);
    }
    from.first = Math.min(from.first, to.first);
    from.last = Math.max(from.last, to.last);
    detours.joined(from);
    from.instructions += to.instructions;
    from.refuses ||= to.refuses;
    from.reduction ??= to.reduction;
    for (const storage of to.reduced) from.reduced.add(storage);
    from.inputs = inputs;
    from.outputs = outputs;
    for (const member of to.members) clusterOf.set(member, from);
    return true;
  };

  /** Whether a cluster is a tape that ends in reductions of the form of `reduce`, reads what that reads, and does not wait for it. */
  const canStandBeside = (cluster: Cluster, reduce: Cluster, input: PlanValue): boolean =>
    cluster !== reduce &&
    cluster.members.some(({ tape }) => tape !== undefined && sizeOfShape(tape.space) === sizeOfShape(input.shape)) &&
    cluster.reduction !== undefined &&
    sameForm(cluster.reduction, reduce.reduction!) &&
    cluster.inputs.some((other) => isSame(other, input)) &&
    !dependenciesOf(cluster).includes(reduce) &&
    !detours.lead(reduce, cluster);

  /** Joins a tape with one of the tapes it reads; false where it can be joined with none. */
  const joinOne = (step: Step): boolean => {
    const { space } = step.tape!;
    for (const input of step.inputs) {
      const producer = producers.of(input);
      if (producer?.tape === undefined || !sameShape(input.shape, space)) continue;
      const from = clusterOf.get(producer)!;
      const to = clusterOf.get(step)!;
      if (from === to || !sameShape(producer.tape.space, space)) continue;
      const inputs = joinedInputs(from, to);
      if (inputs !== undefined && merge(from, to, inputs)) return true;
    }
    return false;
  };
  for (const step of program.steps) {
    // What led around a tape may be part of it once another is joined: every one is tried again.
    while (step.tape !== undefined && joinOne(step));
  }
  // Reductions come last: none keeps two tapes apart.
  const alone: Step[] = [];
  for (const step of program.steps) {
    const cluster = clusterOf.get(step)!;
    if (step.tape !== undefined || cluster.reduction === undefined) continue;
    const input = step.inputs[0]!;
    const producer = producers.of(input);
    // A view under another shape has the same elements in the same order.
    const made = producer?.tape !== undefined && sizeOfShape(input.shape) === sizeOfShape(producer.tape.space);
    const from = made ? clusterOf.get(producer)! : undefined;
    if (from === undefined || !merge(from, cluster, from.inputs)) alone.push(step);
  }
  // What is far from the processor is read once for all reductions of it.
  for (const step of alone) {
    const input = step.inputs[0]!;
    if (bytesOf(input.dtype, input.shape) < farBytes || input.dynamic) continue;
    const cluster = clusterOf.get(step)!;
    for (const reader of readers.get(input.storage)!.slice(0, MOST_TRIED)) {
      const beside = clusterOf.get(reader)!;
      if (canStandBeside(beside, cluster, input) && merge(beside, cluster, beside.inputs)) break;
    }
  }

  const merged = new Map<Cluster, Step>();
  const steps: Step[] = [];
  const replacement = new Map<Step, Step>();
  for (const step of program.steps) {
    const cluster = clusterOf.get(step)!;
    if (cluster.members.length > 1 && !merged.has(cluster)) {
      const made = assemble(cluster.members, readers, fetched);
      merged.set(cluster, made);
      steps.push(made);
    } else if (cluster.members.length === 1) steps.push(step);
    const made = merged.get(cluster);
    if (made !== undefined) replacement.set(step, made);
  }
  replaceWaits(steps, replacement);
  return { ...program, steps };
};

interface Joined {
  readonly inputs: PlanValue[];
  readonly outputs: PlanValue[];
  readonly stored: number[];
  readonly reductions: (Reduction | undefined)[];
  readonly instructions: Instruction[];
}

const isString = ({ dtype }: PlanValue): boolean => dtype.kind === 'string';

/** The values of one storage are the same only at the same version, shape and dtype. */
export const isSame = (a: PlanValue, b: PlanValue): boolean =>
  a.storage === b.storage && a.version === b.version && a.dtype === b.dtype && sameShape(a.shape, b.shape);

/** What the union of two clusters reads from outside; undefined where that, or its code, is too much for a tape. */
const joinedInputs = (from: Cluster, to: Cluster): PlanValue[] | undefined => {
  if (from.instructions + to.instructions > LIMITS.instructions) return undefined;
  const inputs = [...from.inputs];
  for (const input of to.inputs) {
    // What `from` makes and `to` reads is among the outputs of `from`.
    const made = from.outputs.find((output) => output.storage === input.storage && output.version === input.version);
    if (made !== undefined) {
      // Under another shape, or reduced, it cannot come from a register, and memory is written only when the tape has run.
      if (!isSame(made, input) || from.reduced.has(made.storage)) return undefined;
      continue;
    }
    if (!inputs.some((other) => isSame(other, input))) inputs.push(input);
  }
  return inputs.length > LIMITS.inputs ? undefined : inputs;
};

/** Whether a value must reach memory: it is a variable, it is fetched, or a step outside reads it. */
const isKept = (
  value: PlanValue,
  isOutside: (step: Step) => boolean,
  readers: ReadonlyMap<Storage, readonly Step[]>,
  fetched: ReadonlySet<Storage>,
): boolean =>
  value.storage.kind !== 'arena' ||
  fetched.has(value.storage) ||
  (readers.get(value.storage)?.some(isOutside) ?? false);

/** A variable that is updated may also be read: it has as many elements as the space, so no view of it is broadcast. */
const fits = (outputs: readonly PlanValue[]): boolean =>
  // A tape stores a variable once: two updates of it stay two steps.
  outputs.length <= LIMITS.outputs && new Set(outputs.map(({ storage }) => storage)).size === outputs.length;

/** The code of several tapes as one: what one member stores and another loads is a register. */
const join = (
  members: readonly Step[],
  readers: ReadonlyMap<Storage, readonly Step[]>,
  fetched: ReadonlySet<Storage>,
): Joined => {
  const inside = new Set(members);
  const isOutside = (reader: Step): boolean => !inside.has(reader);
  const inputs: PlanValue[] = [];
  const outputs: PlanValue[] = [];
  const reductions: (Reduction | undefined)[] = [];
  const instructions: Instruction[] = [];
  // Where a value is: input i as ~i while not all inputs are known, else an instruction's position.
  const stored: number[] = [];
  // By storage: almost every storage has one value in a tape.
  const results = new Map<Storage, { value: PlanValue; from: number }[]>();
  const loaded = new Map<Storage, number[]>();
  const load = (member: Step, value: PlanValue): number => {
    // A reduction's input is what its producer stores, under whatever shape.
    const made = results.get(value.storage)?.find((one) => member.tape === undefined || isSame(one.value, value));
    if (made !== undefined) return made.from;
    let places = loaded.get(value.storage);
    if (places === undefined) loaded.set(value.storage, (places = []));
    let at = places.find((place) => isSame(inputs[place]!, value));
    if (at === undefined) places.push((at = inputs.push(value) - 1));
    return ~at;
  };
  for (const member of members) {
    const tape = member.tape ?? rootOf(member)!;
    const base = instructions.length - member.inputs.length;
    const operand = (arg: number): number =>
      arg < member.inputs.length ? load(member, member.inputs[arg]!) : base + arg;
    for (const { functor, operand: type, result, args, node } of tape.instructions)
      instructions.push({ functor, operand: type, result, args: args.map(operand), node });
    for (let i = 0; i < member.outputs.length; i++) {
      const value = member.outputs[i]!;
      const from = operand(tape.outputs[i]!);
      const reduction = tape.reductions[i];
      if (reduction === undefined) {
        const list = results.get(value.storage);
        if (list === undefined) results.set(value.storage, [{ value, from }]);
        else list.push({ value, from });
        if (!isKept(value, isOutside, readers, fetched)) continue;
      }
      outputs.push(value);
      stored.push(from);
      reductions.push(reduction);
    }
  }
  const index = (from: number): number => (from < 0 ? ~from : inputs.length + from);
  for (let i = 0; i < instructions.length; i++) {
    const { functor, operand, result, args, node } = instructions[i]!;
    instructions[i] = { functor, operand, result, args: args.map(index), node };
  }
  return { inputs, outputs, stored: stored.map(index), reductions, instructions };
};

const assemble = (
  members: readonly Step[],
  readers: ReadonlyMap<Storage, readonly Step[]>,
  fetched: ReadonlySet<Storage>,
): Step => {
  const { inputs, outputs, stored, reductions, instructions } = join(members, readers, fetched);
  const after = new Set<Step>();
  for (const member of members) for (const earlier of member.after) after.add(earlier);
  for (const member of members) after.delete(member);
  return {
    kernel: 'Fused',
    inputs,
    outputs,
    attrs: [],
    tape: {
      space: members.find(({ tape }) => tape !== undefined)!.tape!.space,
      instructions,
      outputs: stored,
      reductions,
    },
    op: members.at(-1)!.op,
    after,
    acts: members.some((member) => member.acts),
    fills: unionOf(members.map((member) => member.fills)),
  };
};
