// rows: tapes over the same rows become one step that runs them all for a block of rows, then for the next. A layer norm needs the mean of
// a row before its variance, and that before what it gives: one tape cannot be all of it. Block by block the row is in the cache for all of
// them, what they hand to each other never reaches memory, and sums of columns grow on the way.
import { FAR_BYTES } from './fuse.js';
import { idioms } from './idioms.js';
import { Detours, dependencies, type Span } from './order.js';
import { rootOf } from './roots.js';
import { joinRows, LIMITS, type RowStep, rowStepOf } from './rowSteps.js';
import {
  bytesOf,
  type PlanValue,
  Producers,
  readersOf,
  replaceWaits,
  type Step,
  type StepProgram,
  type Storage,
  sizeOfShape,
} from './steps.js';

/**
 * What stays in the last cache comes back from there almost as fast: only where much moves often is a block at a time faster. In units of what
 * is far: an array that does not stay (16 MB), and what is much (64 MB).
 */
const [PAST_CACHES, MUCH] = [8, 32];

/** Readers of an array that a step is tried to be joined with. */
const MOST_TRIED = 64;

/** Steps that become one. */
interface Cluster extends Span {
  /** In the order of the program. */
  members: Step[];
  first: number;
  last: number;
}

/** The same program with such steps; undefined where nothing changes. The program is in a topological order. */
export const rows = (program: StepProgram, farBytes = FAR_BYTES): StepProgram | undefined => {
  const counts = rowCounts(program, farBytes);
  let steps: StepProgram | undefined;
  for (const count of counts) steps = new Grouping(steps ?? program, count).program(farBytes) ?? steps;
  return steps;
};

/** How many rows those have that are reduced and far from the processor. */
const rowCounts = (program: StepProgram, farBytes: number): ReadonlySet<number> => {
  const counts = new Set<number>();
  for (const step of program.steps)
    (step.tape ?? rootOf(step))?.reductions.forEach((reduction, i) => {
      const { dtype, shape } = step.outputs[i]!;
      if (reduction?.byRows && bytesOf(dtype, shape) * reduction.length >= farBytes) counts.add(sizeOfShape(shape));
    });
  return counts;
};

class Grouping {
  readonly #program: StepProgram;
  readonly #count: number;
  readonly #producers: Producers;
  readonly #readers: ReadonlyMap<Storage, readonly Step[]>;
  readonly #fetched: ReadonlySet<Storage>;
  readonly #clusterOf = new Map<Step, Cluster>();
  readonly #rowSteps = new Map<Step, RowStep>();
  readonly #position: ReadonlyMap<Step, number>;
  readonly #detours: Detours<Cluster>;

  constructor(program: StepProgram, count: number) {
    this.#program = program;
    this.#count = count;
    this.#producers = new Producers(program.steps);
    this.#readers = readersOf(program.steps);
    this.#fetched = new Set(program.fetches.map(({ storage }) => storage));
    this.#position = new Map(program.steps.map((step, i) => [step, i] as const));
    program.steps.forEach((step, i) => {
      const rowStep = rowStepOf(step, count);
      if (rowStep !== undefined) this.#rowSteps.set(step, rowStep);
      this.#clusterOf.set(step, { members: [step], first: i, last: i });
    });
    this.#detours = new Detours<Cluster>(program.steps, this.#producers, ({ members }) =>
      members.flatMap((step) => dependencies(step, this.#producers).map((earlier) => this.#clusterOf.get(earlier)!)),
    );
  }

  program(farBytes: number): StepProgram | undefined {
    for (const step of this.#program.steps) this.#joinOnes(step);
    const made = new Map<Step, Step>();
    const steps: Step[] = [];
    const done = new Set<Cluster>();
    for (const step of this.#program.steps) {
      const cluster = this.#clusterOf.get(step)!;
      if (done.has(cluster)) continue;
      const joined = this.#pays(cluster, farBytes) ? this.#joined(cluster) : undefined;
      if (joined === undefined) {
        steps.push(step);
        continue;
      }
      done.add(cluster);
      steps.push(joined);
      for (const member of cluster.members) made.set(member, joined);
    }
    if (made.size === 0) return undefined;
    replaceWaits(steps, made);
    return { ...this.#program, steps };
  }

  /** Joins a step with those that make what it reads, and with those that read the same rows. */
  #joinOnes(step: Step): void {
    if (!this.#rowSteps.has(step)) return;
    for (const input of step.inputs) {
      const producer = this.#producers.of(input);
      const others = producer === undefined ? [] : [producer];
      if (sizeOfShape(input.shape) > this.#count)
        others.push(...this.#readers.get(input.storage)!.slice(0, MOST_TRIED));
      for (const other of others)
        if (this.#rowSteps.has(other)) this.#merge(this.#clusterOf.get(other)!, this.#clusterOf.get(step)!);
    }
  }

  #merge(from: Cluster, to: Cluster): void {
    if (from === to || from.members.length + to.members.length > LIMITS.parts) return;
    const members = [...from.members, ...to.members].sort((a, b) => this.#position.get(a)! - this.#position.get(b)!);
    const rowSteps = members.map((step) => this.#rowSteps.get(step)!);
    if (!agree(rowSteps) || rowBytes(rowSteps) > LIMITS.rowBytes) return;
    if (this.#detours.lead(from, to) || this.#detours.lead(to, from)) return;
    from.members = members;
    from.first = Math.min(from.first, to.first);
    from.last = Math.max(from.last, to.last);
    for (const step of to.members) this.#clusterOf.set(step, from);
    this.#detours.joined(from);
  }

  /** Whether so many bytes less move, and from so far, that it is worth fetching all that does move block by block. */
  #pays({ members }: Cluster, farBytes: number): boolean {
    if (members.length < 2) return false;
    let [before, after, largest] = [0, 0, 0];
    const inputs = new Set<Storage>();
    const made = new Set(members.flatMap(({ outputs }) => outputs.map(({ storage }) => storage)));
    const moves = (value: PlanValue, isStill: boolean): void => {
      const bytes = bytesOf(value.dtype, value.shape);
      before += bytes;
      if (!isStill) return;
      after += bytes;
      largest = Math.max(largest, bytes);
    };
    for (const step of members) {
      for (const input of step.inputs) {
        moves(input, !made.has(input.storage) && !inputs.has(input.storage));
        inputs.add(input.storage);
      }
      for (const output of step.outputs) moves(output, this.#isKept(output, members));
    }
    if (largest > PAST_CACHES * farBytes) return after <= before * 0.75;
    return before >= MUCH * farBytes && after <= before * 0.3;
  }

  /** Whether a value must reach memory. */
  #isKept({ storage }: PlanValue, members: readonly Step[]): boolean {
    return (
      this.#fetched.has(storage) || this.#readers.get(storage)?.every((reader) => members.includes(reader)) !== true
    );
  }

  #joined({ members }: Cluster): Step | undefined {
    idioms({ ...this.#program, steps: members });
    const rowSteps = members.map((step) => rowStepOf(step, this.#count)!);
    return joinRows(rowSteps, this.#count, (value) => this.#isKept(value, members));
  }
}

/** Whether what steps hand to each other goes by rows, and everything is one thing to all. */
const agree = (members: readonly RowStep[]): boolean => {
  const made = new Map<Storage, boolean>();
  const read = new Map<Storage, PlanValue>();
  for (const { step, inputs, outputs } of members) {
    for (const [i, value] of step.inputs.entries()) {
      const byRows = made.get(value.storage);
      if (byRows !== undefined && !(byRows && inputs[i]!.byRows)) return false;
      const other = read.get(value.storage);
      if (other !== undefined && (other.version !== value.version || other.dtype !== value.dtype)) return false;
      read.set(value.storage, value);
    }
    step.outputs.forEach(({ storage }, i) => {
      made.set(storage, outputs[i]!.byRows);
    });
  }
  return true;
};

/** Bytes of all that goes by rows, for each of them. */
const rowBytes = (members: readonly RowStep[]): number => {
  const seen = new Set<Storage>();
  let bytes = 0;
  for (const { step, inputs, outputs } of members)
    for (const [values, operands] of [
      [step.inputs, inputs],
      [step.outputs, outputs],
    ] as const)
      values.forEach(({ storage, dtype }, i) => {
        if (!operands[i]!.byRows || seen.has(storage)) return;
        seen.add(storage);
        bytes += bytesOf(dtype, operands[i]!.dims);
      });
  return bytes;
};
