// memory: lifetimes of arena storages, in-place reuse, and best-fit offsets in one arena.
import { EPILOGUE } from './epilogue.js';
import type { PlanValue, Step, StepProgram, Storage } from './steps.js';

/** Cache lines, and what SIMD loads like. */
export const ALIGNMENT = 64;
const align = (bytes: number): number => Math.ceil(bytes / ALIGNMENT) * ALIGNMENT;

type ArenaStorage = Extract<Storage, { kind: 'arena' }>;

/** The plan's memory: bytes of the arena, and what it would be without reuse. */
export interface MemoryPlan {
  readonly arenaBytes: number;
  readonly unsharedBytes: number;
}

/** Free ranges of the arena, by offset. */
class FreeList {
  readonly #free: { offset: number; bytes: number }[] = [];
  end = 0;

  take(bytes: number): number {
    let best = -1;
    for (let i = 0; i < this.#free.length; i++) {
      const range = this.#free[i]!;
      if (range.bytes >= bytes && (best < 0 || range.bytes < this.#free[best]!.bytes)) best = i;
    }
    if (best >= 0) {
      const range = this.#free[best]!;
      const { offset } = range;
      range.offset += bytes;
      range.bytes -= bytes;
      if (range.bytes === 0) this.#free.splice(best, 1);
      return offset;
    }
    // Grow the arena, from a free range at its end where there is one.
    const last = this.#free.at(-1);
    if (last !== undefined && last.offset + last.bytes === this.end) {
      this.#free.pop();
      this.end = last.offset + bytes;
      return last.offset;
    }
    const offset = this.end;
    this.end += bytes;
    return offset;
  }
  give(offset: number, bytes: number): void {
    if (bytes === 0) return;
    let i = this.#free.findIndex((range) => range.offset > offset);
    if (i < 0) i = this.#free.length;
    this.#free.splice(i, 0, { offset, bytes });
    for (const at of [i, i - 1]) {
      const [range, next] = [this.#free[at], this.#free[at + 1]];
      if (range !== undefined && next !== undefined && range.offset + range.bytes === next.offset) {
        range.bytes += next.bytes;
        this.#free.splice(at + 1, 1);
      }
    }
  }
}

/** Gives every arena storage its offset; steps are in their final order. */
export const planMemory = (
  program: StepProgram,
  options: { readonly inPlace: boolean; readonly reuse?: boolean },
): MemoryPlan => {
  const { steps } = program;
  const lastUse = new Map<Storage, number>();
  steps.forEach((step, i) => {
    for (const value of [...step.inputs, ...step.outputs]) lastUse.set(value.storage, i);
  });
  for (const fetch of program.fetches) lastUse.set(fetch.storage, steps.length);

  const free = new FreeList();
  const placed = new Set<Storage>();
  const views = valuesByStorage(program);
  let unsharedBytes = 0;
  const dying: ArenaStorage[][] = steps.map(() => []);
  const place = (storage: Storage): void => {
    if (storage.kind !== 'arena' || placed.has(storage)) return;
    placed.add(storage);
    unsharedBytes += align(storage.bytes);
    storage.offset = storage.bytes === 0 ? 0 : free.take(align(storage.bytes));
    const last = lastUse.get(storage)!;
    if (last < steps.length) dying[last]!.push(storage);
  };
  steps.forEach((step, i) => {
    // A product is made in the memory of what it ends in, whose other inputs are read after that.
    if (options.inPlace && step.tape !== undefined && step.kernel !== EPILOGUE) {
      for (const [o, output] of step.outputs.entries()) {
        // A reduction writes while other elements of the space are still to be read.
        if (step.tape.reductions[o] !== undefined) continue;
        const heir = inheritance(step, output, i, lastUse, placed);
        if (heir === undefined) continue;
        unsharedBytes += align(heir.bytes);
        const own = output.storage;
        const last = lastUse.get(own)!;
        // Everything that looks at the output's memory looks at the input's from now on.
        const moved = views.get(own)!;
        for (const view of moved) view.storage = heir;
        const kept = views.get(heir)!;
        for (const view of moved) kept.push(view);
        lastUse.set(heir, last);
        dying[i] = dying[i]!.filter((storage) => storage !== heir);
        if (last < steps.length) dying[last]!.push(heir);
      }
    }
    for (const output of step.outputs) place(output.storage);
    if (options.reuse !== false) for (const storage of dying[i]!) free.give(storage.offset, align(storage.bytes));
  });
  return { arenaBytes: free.end, unsharedBytes };
};

/** The input whose memory an output may take: it dies here, and has as many elements as the space, so that each is read where it is written. */
const inheritance = (
  step: Step,
  output: PlanValue,
  at: number,
  lastUse: ReadonlyMap<Storage, number>,
  placed: ReadonlySet<Storage>,
): ArenaStorage | undefined => {
  if (output.storage.kind !== 'arena' || placed.has(output.storage) || output.storage.bytes === 0) return undefined;
  for (const { storage, dtype } of step.inputs) {
    if (
      storage.kind === 'arena' &&
      lastUse.get(storage) === at &&
      storage.bytes === output.storage.bytes &&
      dtype.size === output.dtype.size &&
      !step.outputs.some((other) => other.storage === storage)
    )
      return storage;
  }
  return undefined;
};

const valuesByStorage = (program: StepProgram): Map<Storage, PlanValue[]> => {
  const found = new Map<Storage, Set<PlanValue>>();
  const add = (value: PlanValue): void => {
    const set = found.get(value.storage);
    if (set === undefined) found.set(value.storage, new Set([value]));
    else set.add(value);
  };
  for (const step of program.steps) for (const value of [...step.inputs, ...step.outputs]) add(value);
  for (const fetch of program.fetches) add(fetch);
  return new Map(Array.from(found, ([storage, values]) => [storage, [...values]] as const));
};
