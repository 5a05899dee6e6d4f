// fuse: tapes over one space that feed each other become one tape, so that what is between them never reaches memory.
import { dependencies } from './order.js';
import {
  type Instruction,
  type PlanValue,
  Producers,
  type Step,
  type StepProgram,
  type Storage,
  sameShape,
} from './steps.js';

/** What one tape may hold (docs/inside/plan.md). */
export const LIMITS = { inputs: 24, outputs: 8, instructions: 64 } as const;

/** Steps that become one. */
interface Cluster {
  members: Step[];
  /** First position of a member: a bound for the search for circles. */
  first: number;
}

/** Merges tapes. The program is in a topological order, and so is the result's list of members. */
export const fuse = (program: StepProgram): StepProgram => {
  const producers = new Producers(program.steps);
  const position = new Map(program.steps.map((step, i) => [step, i] as const));
  const clusterOf = new Map<Step, Cluster>(
    program.steps.map((step, i) => [step, { members: [step], first: i }] as const),
  );
  const readers = new Map<Storage, Step[]>();
  for (const step of program.steps) {
    for (const input of step.inputs) {
      const list = readers.get(input.storage);
      if (list === undefined) readers.set(input.storage, [step]);
      else list.push(step);
    }
  }
  const fetched = new Set(program.fetches.map((fetch) => fetch.storage));
  const dependenciesOf = (cluster: Cluster): Set<Cluster> => {
    const found = new Set<Cluster>();
    for (const member of cluster.members)
      for (const earlier of dependencies(member, producers)) found.add(clusterOf.get(earlier)!);
    found.delete(cluster);
    return found;
  };
  /** Whether `from` is reached from `to` by a way that leaves both. */
  const hasDetour = (from: Cluster, to: Cluster): boolean => {
    const seen = new Set<Cluster>([to]);
    const stack = [...dependenciesOf(to)].filter((cluster) => cluster !== from);
    while (stack.length > 0) {
      const cluster = stack.pop()!;
      if (seen.has(cluster)) continue;
      seen.add(cluster);
      // Everything after `from` has a member after from's first one; what lies before cannot lead back to it.
      if (cluster.members.every((member) => position.get(member)! < from.first)) continue;
      for (const earlier of dependenciesOf(cluster)) {
        if (earlier === from) return true;
        stack.push(earlier);
      }
    }
    return false;
  };

  for (const step of program.steps) {
    if (step.tape === undefined) continue;
    for (const input of step.inputs) {
      const producer = producers.of(input);
      if (producer?.tape === undefined || !sameShape(input.shape, step.tape.space)) continue;
      const [from, to] = [clusterOf.get(producer)!, clusterOf.get(step)!];
      if (from === to || !sameShape(producer.tape.space, step.tape.space)) continue;
      const members = [...from.members, ...to.members].sort((a, b) => position.get(a)! - position.get(b)!);
      if (!fits(members, readers, fetched) || hasDetour(from, to)) continue;
      from.members = members;
      from.first = Math.min(from.first, to.first);
      for (const member of to.members) clusterOf.set(member, from);
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
  for (const step of steps) {
    for (const earlier of [...step.after]) {
      const now = replacement.get(earlier);
      if (now === undefined) continue;
      step.after.delete(earlier);
      if (now !== step) step.after.add(now);
    }
  }
  return { ...program, steps };
};

interface Joined {
  readonly inputs: PlanValue[];
  readonly outputs: PlanValue[];
  readonly stored: number[];
  readonly instructions: Instruction[];
}

/** The values of one storage are the same only at the same version, shape and dtype. */
const isSame = (a: PlanValue, b: PlanValue): boolean =>
  a.storage === b.storage && a.version === b.version && a.dtype === b.dtype && sameShape(a.shape, b.shape);

const fits = (
  members: readonly Step[],
  readers: ReadonlyMap<Storage, Step[]>,
  fetched: ReadonlySet<Storage>,
): boolean => {
  let count = 0;
  for (const member of members) count += member.tape!.instructions.length;
  if (count > LIMITS.instructions) return false;
  const { inputs, outputs, instructions } = join(members, readers, fetched);
  if (inputs.length > LIMITS.inputs || outputs.length > LIMITS.outputs || instructions.length > LIMITS.instructions)
    return false;
  // In place only element by element: an updated variable is not also read broadcast in the same tape.
  const space = members[0]!.tape!.space;
  return outputs.every((output) =>
    inputs.every((input) => input.storage !== output.storage || sameShape(input.shape, space)),
  );
};

/** The code of several tapes as one: what one member stores and another loads is a register. */
const join = (
  members: readonly Step[],
  readers: ReadonlyMap<Storage, Step[]>,
  fetched: ReadonlySet<Storage>,
): Joined => {
  const inside = new Set(members);
  const inputs: PlanValue[] = [];
  const outputs: PlanValue[] = [];
  const results: { value: PlanValue; from: { input: number } | { instruction: number } }[] = [];
  const code: { instruction: Instruction; args: ({ input: number } | { instruction: number })[] }[] = [];
  const stored: ({ input: number } | { instruction: number })[] = [];
  for (const member of members) {
    const tape = member.tape!;
    const base = code.length;
    const load = (i: number): { input: number } | { instruction: number } => {
      const value = member.inputs[i]!;
      const made = results.find((result) => isSame(result.value, value));
      if (made !== undefined) return made.from;
      let at = inputs.findIndex((input) => isSame(input, value));
      if (at < 0) at = inputs.push(value) - 1;
      return { input: at };
    };
    const operand = (arg: number): { input: number } | { instruction: number } =>
      arg < member.inputs.length ? load(arg) : { instruction: base + arg - member.inputs.length };
    for (const instruction of tape.instructions) code.push({ instruction, args: instruction.args.map(operand) });
    member.outputs.forEach((value, i) => {
      const from = operand(tape.outputs[i]!);
      results.push({ value, from });
      const kept =
        value.storage.kind !== 'arena' ||
        fetched.has(value.storage) ||
        (readers.get(value.storage) ?? []).some((reader) => !inside.has(reader));
      if (kept) {
        outputs.push(value);
        stored.push(from);
      }
    });
  }
  const index = (from: { input: number } | { instruction: number }): number =>
    'input' in from ? from.input : inputs.length + from.instruction;
  return {
    inputs,
    outputs,
    stored: stored.map(index),
    instructions: code.map(({ instruction, args }) => ({ ...instruction, args: args.map(index) })),
  };
};

const assemble = (
  members: readonly Step[],
  readers: ReadonlyMap<Storage, Step[]>,
  fetched: ReadonlySet<Storage>,
): Step => {
  const { inputs, outputs, stored, instructions } = join(members, readers, fetched);
  const after = new Set(members.flatMap((member) => [...member.after]));
  for (const member of members) after.delete(member);
  return {
    kernel: 'Fused',
    inputs,
    outputs,
    attrs: [],
    tape: { space: members[0]!.tape!.space, instructions, outputs: stored },
    op: members.at(-1)!.op,
    after,
    acts: members.some((member) => member.acts),
  };
};
