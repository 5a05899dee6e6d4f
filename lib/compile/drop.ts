// drop: steps that nothing reads and that do not act. What only a control dependency asked for is such a step, as in TensorFlow's own optimizer.
import type { Step, StepProgram, Storage } from './steps.js';

/** The same program without dead steps. Runs on a scheduled program: readers come after what they read. */
export const drop = (program: StepProgram): StepProgram => {
  const read = new Set<Storage>(program.fetches.map((fetch) => fetch.storage));
  const kept: Step[] = [];
  const dropped = new Set<Step>();
  for (const step of [...program.steps].reverse()) {
    const isNeeded =
      step.acts || step.outputs.some((output) => output.storage.kind === 'variable' || read.has(output.storage));
    if (!isNeeded) {
      dropped.add(step);
      continue;
    }
    for (const input of step.inputs) read.add(input.storage);
    kept.push(step);
  }
  if (dropped.size === 0) return program;
  for (const step of kept) {
    for (const earlier of [...step.after]) {
      if (!dropped.has(earlier)) continue;
      // What the dropped step waited for, this one still waits for.
      step.after.delete(earlier);
      for (const before of transitive(earlier, dropped)) step.after.add(before);
    }
  }
  return { ...program, steps: kept.reverse() };
};

/** The kept steps that a dropped one was ordered after. */
const transitive = (start: Step, dropped: ReadonlySet<Step>): Set<Step> => {
  const found = new Set<Step>();
  const seen = new Set<Step>();
  const stack = [start];
  while (stack.length > 0) {
    const step = stack.pop()!;
    if (seen.has(step)) continue;
    seen.add(step);
    for (const before of step.after) {
      if (dropped.has(before)) stack.push(before);
      else found.add(before);
    }
  }
  return found;
};
