// order: a read of a variable runs before the update after it; where it cannot, it reads a copy.
import type { PlanValue, Step, StepProgram } from './steps.js';
import { arenaValue, Producers } from './steps.js';

/** Everything a step must come after; some of it twice. */
export const dependencies = (step: Step, producers: Producers): Step[] => {
  const found = [...step.after];
  for (const input of step.inputs) {
    const producer = producers.of(input);
    if (producer !== undefined && producer !== step) found.push(producer);
  }
  return found;
};

/** Steps that are one, or one step: the positions of the first and the last in the program. */
export interface Span {
  readonly members: readonly Step[];
  readonly first: number;
  readonly last: number;
}

/**
 * A tree of a program's dependencies: every step below the latest one it waits for. What stands above a step in it is surely waited for, which
 * two comparisons tell; what does not may be all the same. Of an unrolled loop and its gradients it holds the long ways from the end to the
 * beginning, which to search for every step would take the square of their length.
 */
export class LatestTree {
  readonly #entered = new Map<Step, number>();
  readonly #left = new Map<Step, number>();

  constructor(steps: readonly Step[], producers: Producers) {
    const position = new Map(steps.map((step, i) => [step, i] as const));
    const below = new Map<Step | undefined, Step[]>();
    for (const step of steps) {
      let latest: Step | undefined;
      for (const earlier of dependencies(step, producers))
        if (earlier !== step && (latest === undefined || position.get(earlier)! > position.get(latest)!))
          latest = earlier;
      const list = below.get(latest);
      if (list === undefined) below.set(latest, [step]);
      else list.push(step);
    }
    let now = 0;
    const stack = [...(below.get(undefined) ?? [])];
    while (stack.length > 0) {
      const step = stack.at(-1)!;
      if (this.#entered.has(step)) {
        this.#left.set(step, now);
        stack.pop();
        continue;
      }
      this.#entered.set(step, now++);
      for (const later of below.get(step) ?? []) stack.push(later);
    }
  }
  /** Whether `step` stands below one of `above`. */
  isBelow(step: Step, above: readonly Step[]): boolean {
    const at = this.#entered.get(step) ?? -1;
    return above.some((one) => this.#entered.get(one)! <= at && at < this.#left.get(one)!);
  }
}

/** Ways that one search goes before it takes a detour for granted: what is so far apart gains little by being one. */
const FAR = 20_000;

/** Positions in blocks: those that one unit spans are in one, so that what lies in a block waits for nothing in a later one. */
class Blocks {
  /** Towards the last position of the block. */
  readonly #later: Int32Array;
  constructor(count: number) {
    this.#later = Int32Array.from({ length: count }, (_, i) => i);
  }
  lastOf(position: number): number {
    const later = this.#later;
    let at = position;
    while (later[at] !== at) at = later[at] = later[later[at]!]!;
    return at;
  }
  join({ first, last }: Span): void {
    for (let at = this.lastOf(first); at < last; at = this.lastOf(at)) this.#later[at] = at + 1;
  }
}

/** Looks for detours between units that are made of the steps of one program, which is in a topological order. */
export class Detours<T extends Span> {
  readonly #steps: readonly Step[];
  readonly #producers: Producers;
  readonly #dependenciesOf: (unit: T) => readonly T[];
  readonly #blocks: Blocks;
  #tree: LatestTree | undefined;

  /** `dependenciesOf`: what a unit waits for; some twice, and itself. */
  constructor(steps: readonly Step[], producers: Producers, dependenciesOf: (unit: T) => readonly T[]) {
    this.#steps = steps;
    this.#producers = producers;
    this.#dependenciesOf = dependenciesOf;
    this.#blocks = new Blocks(steps.length);
  }

  /** Is told of every unit of several steps. */
  joined(unit: T): void {
    this.#blocks.join(unit);
  }

  /** Whether `from` is reached from `to` by a way that leaves both. */
  lead(from: T, to: T): boolean {
    const mayLead = (unit: T): boolean => this.#blocks.lastOf(unit.last) >= from.first;
    const stack = this.#dependenciesOf(to).filter((unit) => unit !== from && unit !== to && mayLead(unit));
    if (stack.length === 0) return false;
    this.#tree ??= new LatestTree(this.#steps, this.#producers);
    const seen = new Set<T>([to]);
    let left = FAR;
    while (stack.length > 0) {
      const unit = stack.pop()!;
      if (seen.has(unit) || !mayLead(unit)) continue;
      if (left < 0 || this.#tree.isBelow(unit.members.at(-1)!, from.members)) return true;
      seen.add(unit);
      const before = this.#dependenciesOf(unit);
      left -= before.length;
      for (const earlier of before) {
        if (earlier === from) return true;
        if (!seen.has(earlier)) stack.push(earlier);
      }
    }
    return false;
  }
}

const updatesVariable = (step: Step): boolean => step.outputs.some(({ storage }) => storage.kind === 'variable');

/** Adds the order that variables need; copies what is read after its variable moved on. */
export const order = (program: StepProgram): StepProgram => {
  if (!program.steps.some(updatesVariable)) return program;
  const producers = new Producers(program.steps);
  const nextUpdate = (value: PlanValue): Step | undefined =>
    value.storage.kind === 'variable' ? producers.of({ ...value, version: value.version + 1 }) : undefined;
  const steps: Step[] = [];
  const position = new Map(program.steps.map((step, i) => [step, i] as const));

  /** Whether `target` must run after `start`. */
  const reaches = (start: Step, target: Step): boolean => {
    // Steps are made in creation order, and what is added below waits only for steps up to the one that is looked at.
    if (position.get(target)! < position.get(start)!) return false;
    const seen = new Set<Step>();
    const stack = [target];
    while (stack.length > 0) {
      const step = stack.pop()!;
      if (step === start) return true;
      if (seen.has(step)) continue;
      seen.add(step);
      for (const earlier of dependencies(step, producers)) stack.push(earlier);
    }
    return false;
  };
  const copy = (value: PlanValue, reader: Step | undefined, before: Step): PlanValue => {
    const result = arenaValue(value.dtype, value.shape);
    const step: Step = {
      kernel: 'Copy',
      inputs: [value],
      outputs: [result],
      attrs: [],
      tape: undefined,
      op: (reader ?? before).op,
      after: new Set(),
      acts: false,
    };
    before.after.add(step);
    position.set(step, -1);
    producers.add(step);
    steps.push(step);
    return result;
  };

  for (const step of program.steps) {
    // Updates of one variable run one after the other, in version order.
    for (const output of step.outputs) {
      if (output.storage.kind !== 'variable') continue;
      const previous = producers.of({ ...output, version: output.version - 1 });
      if (previous !== undefined && previous !== step) step.after.add(previous);
    }
  }
  for (const step of program.steps) {
    step.inputs.forEach((input, i) => {
      const update = nextUpdate(input);
      if (update === undefined) return;
      if (update === step) {
        // A tape works element by element; a kernel (assign(x, x), a scatter of x into x) may not read what it writes.
        if (step.kernel !== 'Fused') step.inputs[i] = copy(input, step, step);
        return;
      }
      if (reaches(update, step)) step.inputs[i] = copy(input, step, update);
      else update.after.add(step);
    });
    steps.push(step);
  }
  const fetches = program.fetches.map((fetch) => {
    const update = nextUpdate(fetch);
    return update === undefined ? fetch : copy(fetch, undefined, update);
  });
  return { ...program, steps, fetches };
};
