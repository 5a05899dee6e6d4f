// batch: tapes of one code over different buffers become one step, such as an optimizer's updates of all variables.
import { isSame } from './fuse.js';
import { dependencies } from './order.js';
import { Heap } from './schedule.js';
import {
  mayRefuse,
  type PlanValue,
  Producers,
  replaceWaits,
  type Step,
  type StepProgram,
  type Storage,
  sizeOfShape,
  unionOf,
} from './steps.js';

/**
 * A step costs 15 to 30 ns beside its elements (its call, its scalars), which is all that a batch saves: as much as a dozen cache lines from
 * further away. A tape that waits for others of its kind finds its inputs there, so only small ones wait. What an update reads and writes
 * beside its gradient is far away in any case, and nothing waits for it: larger ones may.
 */
export const LIMITS = { elements: 256, updateElements: 4096, segments: 64 } as const;

/** Merges tapes. The program is in a topological order, and so is the result, with large updates as early as they can be. */
export const batch = (program: StepProgram): StepProgram => {
  const before = peakBytes(
    program.steps.map((step) => [step]),
    program,
  );
  // Waiting makes values live longer. Updates make nothing that others wait for: they may still gain where the rest costs too much.
  for (const wanted of [() => true, isUpdate]) {
    const groups = arrange(program, keysOf(program.steps.filter(wanted)));
    if (peakBytes(groups, program) <= before + Math.max(before / 16, 16 * 1024)) return merge(program, groups);
  }
  return program;
};

/** Whether all that a step writes is variables. */
const isUpdate = (step: Step): boolean =>
  step.kernel === 'Fused' && step.outputs.every(({ storage }) => storage.kind === 'variable');

/** What two tapes of a batch have in common, for each tape that has it in common with another. */
const keysOf = (steps: readonly Step[]): Map<Step, string> => {
  const bases = new Map<Step, string>();
  /** For a base: how the inputs of those are that have more than one element, where one element is not the whole. */
  const patterns = new Map<string, string>();
  for (const step of steps) {
    const base = baseKey(step);
    if (base === undefined) continue;
    bases.set(step, base);
    const pattern = patternOf(step);
    if (pattern !== undefined && !patterns.has(base)) patterns.set(base, pattern);
  }
  const counts = new Map<string, number>();
  const keys = new Map<Step, string>();
  for (const [step, base] of bases) {
    const key = `${base}\n${patternOf(step) ?? patterns.get(base) ?? ''}`;
    keys.set(step, key);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  for (const [step, key] of keys) if (counts.get(key) === 1) keys.delete(step);
  return keys;
};

/** The code of a tape that may be in a batch, and which of its outputs lie over which inputs; undefined for any other step. */
const baseKey = (step: Step): string | undefined => {
  const { tape, inputs, outputs, op } = step;
  if (tape === undefined || step.kernel !== 'Fused' || op.row.takesUninitialized === true) return undefined;
  const size = sizeOfShape(tape.space);
  if (
    size === 0 ||
    size > (isUpdate(step) ? LIMITS.updateElements : LIMITS.elements) ||
    outputs.length === 0 ||
    tape.instructions.some(mayRefuse) ||
    tape.reductions.some((reduction) => reduction !== undefined)
  )
    return undefined;
  for (const { shape, dtype } of [...inputs, ...outputs]) {
    const own = sizeOfShape(shape);
    if ((own !== size && own !== 1) || dtype.kind === 'string') return undefined;
  }
  const parts = [
    inputs.map(({ dtype }) => dtype.name).join(),
    tape.outputs.join(),
    outputs.map((output) => inputs.map((input) => (input.storage === output.storage ? 1 : 0)).join('')).join(),
  ];
  for (const { functor, operand, result, args } of tape.instructions)
    parts.push(`${functor} ${operand.name} ${result.name} ${args.join()}`);
  return parts.join('\n');
};

/** A letter an input: s for one element, v for all; undefined where that is the same. */
const patternOf = (step: Step): string | undefined =>
  sizeOfShape(step.tape!.space) === 1
    ? undefined
    : step.inputs.map(({ shape }) => (sizeOfShape(shape) === 1 ? 's' : 'v')).join('');

/**
 * An order of the steps in which tapes with a key wait until nothing else can run, and then run with all that are ready and have the same key:
 * so none of a group depends on another. Large updates come first: their gradient is in the cache then, and in memory no longer than needed.
 */
const arrange = (program: StepProgram, keys: ReadonlyMap<Step, string>): Step[][] => {
  const { steps } = program;
  const producers = new Producers(steps);
  const index = new Map(steps.map((step, i) => [step, i] as const));
  const missing = new Array<number>(steps.length).fill(0);
  const users: number[][] = steps.map(() => []);
  const left = new Map<string, number>();
  steps.forEach((step, i) => {
    for (const earlier of dependencies(step, producers)) {
      const at = index.get(earlier);
      if (at === undefined) continue;
      users[at]!.push(i);
      missing[i]!++;
    }
    const key = keys.get(step);
    if (key !== undefined) left.set(key, (left.get(key) ?? 0) + 1);
  });
  // Large updates, and the few numbers that they wait for.
  const early = new Set<number>();
  for (let i = steps.length - 1; i >= 0; i--) {
    const step = steps[i]!;
    if (isUpdate(step) ? isLarge(step) : makesNumbers(step) && users[i]!.some((user) => early.has(user))) early.add(i);
  }
  const ready = new Heap();
  const held = new Map<string, Step[]>();
  const enter = (i: number): void => {
    const step = steps[i]!;
    const key = keys.get(step);
    if (early.has(i)) ready.push(i - steps.length);
    else if (key === undefined) ready.push(i);
    else if (held.has(key)) held.get(key)!.push(step);
    else held.set(key, [step]);
  };
  missing.forEach((count, i) => {
    if (count === 0) enter(i);
  });
  const groups: Step[][] = [];
  const run = (group: Step[]): void => {
    groups.push(group);
    for (const step of group) for (const user of users[index.get(step)!]!) if (--missing[user]! === 0) enter(user);
  };
  for (;;) {
    if (ready.size > 0) {
      const i = ready.pop();
      run([steps[i < 0 ? i + steps.length : i]!]);
      continue;
    }
    if (held.size === 0) return groups;
    const best = nextOf(held, left);
    const group = held.get(best)!;
    held.delete(best);
    left.set(best, left.get(best)! - group.length);
    for (let i = 0; i < group.length; i += LIMITS.segments) run(group.slice(i, i + LIMITS.segments));
  }
};

/** Which of the waiting groups to run: one that waits for no more of its kind, else the most; updates last, for which nothing waits. */
const nextOf = (held: ReadonlyMap<string, readonly Step[]>, left: ReadonlyMap<string, number>): string => {
  let best = '';
  let most = Number.NEGATIVE_INFINITY;
  for (const [key, list] of held) {
    if (list.length === left.get(key)) return key;
    const rank = isUpdate(list[0]!) ? 1 - 1 / list.length : list.length;
    if (rank > most) [best, most] = [key, rank];
  }
  return best;
};

/** Whether a tape makes but a few numbers. */
const makesNumbers = ({ tape, outputs }: Step): boolean =>
  tape !== undefined && outputs.every(({ storage }) => storage.kind === 'arena' && storage.bytes <= 64);

const isLarge = ({ tape }: Step): boolean => sizeOfShape(tape!.space) > LIMITS.updateElements;

/** The most bytes of the arena that are live at once, where the steps of a group run at once and none works in place. */
const peakBytes = (groups: readonly (readonly Step[])[], program: StepProgram): number => {
  const lastUse = new Map<Storage, number>();
  groups.forEach((group, i) => {
    for (const { inputs, outputs } of group) for (const { storage } of [...inputs, ...outputs]) lastUse.set(storage, i);
  });
  for (const { storage } of program.fetches) lastUse.set(storage, groups.length);
  const dying = groups.map(() => 0);
  const born = new Set<Storage>();
  let [live, peak] = [0, 0];
  groups.forEach((group, i) => {
    for (const { storage } of group.flatMap(({ outputs }) => outputs)) {
      if (storage.kind !== 'arena' || born.has(storage)) continue;
      born.add(storage);
      live += storage.bytes;
      const last = lastUse.get(storage)!;
      if (last < groups.length) dying[last]! += storage.bytes;
    }
    peak = Math.max(peak, live);
    live -= dying[i]!;
  });
  return peak;
};

/** One step for each group. */
const merge = (program: StepProgram, groups: readonly (readonly Step[])[]): StepProgram => {
  const replacement = new Map<Step, Step>();
  const steps = groups.map((group) => {
    if (group.length === 1) return group[0]!;
    const made = join(group);
    for (const step of group) replacement.set(step, made);
    return made;
  });
  replaceWaits(steps, replacement);
  return { ...program, steps };
};

const join = (group: readonly Step[]): Step => {
  const first = group[0]!;
  const { instructions, outputs } = first.tape!;
  const pattern = group.map(patternOf).find((letters) => letters !== undefined);
  const inputs = first.inputs.map((input, i) => {
    const isScalar = pattern === undefined || pattern[i] === 's';
    const isWritten = first.outputs.some(({ storage }) => storage === input.storage);
    const isShared = isScalar && !isWritten && group.every((step) => isSame(step.inputs[i]!, input));
    return { i, isShared, isScalar: isScalar && pattern !== undefined };
  });
  const shared = inputs.filter(({ isShared }) => isShared);
  const own = inputs.filter(({ isShared }) => !isShared);
  const place = new Map([...shared, ...own].map(({ i }, at) => [i, at] as const));
  const operand = (arg: number): number => place.get(arg) ?? arg;
  return {
    kernel: 'FusedBatch',
    inputs: [
      ...shared.map(({ i }) => first.inputs[i]!),
      ...group.flatMap((step) => own.map(({ i }): PlanValue => step.inputs[i]!)),
    ],
    outputs: group.flatMap((step) => step.outputs),
    attrs: [],
    tape: undefined,
    batch: {
      shared: shared.length,
      scalars: own.map(({ isScalar }) => isScalar),
      sizes: group.map((step) => sizeOfShape(step.tape!.space)),
      instructions: instructions.map((instruction) => ({ ...instruction, args: instruction.args.map(operand) })),
      outputs: outputs.map(operand),
    },
    op: group.at(-1)!.op,
    after: new Set(group.flatMap((step) => [...step.after])),
    acts: group.some((step) => step.acts),
    fills: unionOf(group.map((step) => step.fills)),
  };
};
