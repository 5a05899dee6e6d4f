// schedule: a topological order of the steps, creation order where nothing forbids it.
import { InternalError } from '../core/errors.js';
import { dependencies } from './order.js';
import { Producers, type Step, type StepProgram } from './steps.js';

/** A binary heap of numbers, smallest first. */
export class Heap {
  readonly #items: number[] = [];
  get size(): number {
    return this.#items.length;
  }
  push(value: number): void {
    const items = this.#items;
    let i = items.push(value) - 1;
    while (i > 0) {
      const parent = (i - 1) >> 1;
      if (items[parent]! <= value) break;
      items[i] = items[parent]!;
      i = parent;
    }
    items[i] = value;
  }
  pop(): number {
    const items = this.#items;
    const top = items[0]!;
    const last = items.pop()!;
    if (items.length > 0) {
      let i = 0;
      for (;;) {
        let child = 2 * i + 1;
        if (child >= items.length) break;
        if (child + 1 < items.length && items[child + 1]! < items[child]!) child++;
        if (items[child]! >= last) break;
        items[i] = items[child]!;
        i = child;
      }
      items[i] = last;
    }
    return top;
  }
}

/** Orders the steps. InternalError if they wait for each other in a circle, which no pass may cause. */
export const schedule = (program: StepProgram): StepProgram => {
  const producers = new Producers(program.steps);
  const index = new Map(program.steps.map((step, i) => [step, i] as const));
  const isLater = (earlier: Step | undefined, i: number): boolean =>
    earlier !== undefined && (index.get(earlier) ?? -1) > i;
  const isEarly = (step: Step, i: number): boolean => {
    for (const earlier of step.after) if (isLater(earlier, i)) return true;
    return step.inputs.some((input) => isLater(producers.of(input), i));
  };
  if (!program.steps.some(isEarly)) return program;
  const waiting = new Array<number>(program.steps.length).fill(0);
  const users: number[][] = program.steps.map(() => []);
  program.steps.forEach((step, i) => {
    for (const earlier of dependencies(step, producers)) {
      const at = index.get(earlier);
      // A step that a pass dropped has nothing to wait for.
      if (at === undefined) continue;
      users[at]!.push(i);
      waiting[i]!++;
    }
  });
  const ready = new Heap();
  waiting.forEach((count, i) => {
    if (count === 0) ready.push(i);
  });
  const steps: Step[] = [];
  while (ready.size > 0) {
    const i = ready.pop();
    steps.push(program.steps[i]!);
    for (const user of users[i]!) if (--waiting[user]! === 0) ready.push(user);
  }
  if (steps.length !== program.steps.length)
    throw new InternalError('the steps of a plan wait for each other in a circle');
  return { ...program, steps };
};
