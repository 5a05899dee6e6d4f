// share: steps that compute the same from the same values become one, such as the step size that every variable's Adam update works out.
// cse.ts does this for operations; what lowering makes of different ones is only seen to be equal here.
import { type PlanValue, Producers, type Step, type StepProgram, type Storage } from './steps.js';

/** Constants above this are not compared: a number, or a shape's worth of them, is what rows make again and again. */
const MAX_CONSTANT_BYTES = 64;

/** The same program with equal steps and equal small constants once. Steps come after what they read, before and after. */
export const share = (program: StepProgram): StepProgram => {
  const same = new Map<Storage, Storage>();
  const constants = new Map<string, Storage>();
  const numbers = new Map<Storage, number>();
  /** One number for each storage. */
  const number = (storage: Storage): number => {
    let found = numbers.get(storage);
    if (found === undefined) numbers.set(storage, (found = numbers.size));
    return found;
  };
  const moved = (value: PlanValue): PlanValue => {
    const { storage } = value;
    if (storage.kind === 'constant' && !same.has(storage)) {
      const key = constantKey(value, storage);
      if (key !== undefined) {
        const first = constants.get(key);
        if (first === undefined) constants.set(key, storage);
        else if (first !== storage) same.set(storage, first);
      }
    }
    const now = same.get(storage);
    return now === undefined ? value : { ...value, storage: now };
  };

  const first = new Map<string, Step>();
  const equal = new Map<Step, Step>();
  const producers = new Producers(program.steps);
  const steps: Step[] = [];
  for (const step of program.steps) {
    // What waited for a step that is gone waits for what that one waited for: its twin may run before that.
    for (const earlier of new Set([...step.after, ...step.inputs.flatMap((input) => producers.of(input) ?? [])])) {
      const twin = equal.get(earlier);
      if (twin === undefined) continue;
      if (step.after.delete(earlier)) step.after.add(twin);
      for (const before of earlier.after) if (before !== step) step.after.add(before);
    }
    step.inputs.forEach((input, i) => {
      step.inputs[i] = moved(input);
    });
    const key = isPure(step) ? stepKey(step, number) : undefined;
    const twin = key === undefined ? undefined : first.get(key);
    if (twin === undefined) {
      if (key !== undefined) first.set(key, step);
      steps.push(step);
      continue;
    }
    equal.set(step, twin);
    step.outputs.forEach((output, i) => {
      same.set(output.storage, twin.outputs[i]!.storage);
    });
  }
  return { ...program, steps, fetches: program.fetches.map(moved) };
};

/** Whether all a step does is to write memory of its own: so does a tape, whoever it is of. */
const isPure = (step: Step): boolean =>
  (!step.acts || step.tape !== undefined) &&
  step.outputs.length > 0 &&
  step.outputs.every(({ storage }) => storage.kind === 'arena');

const constantKey = (value: PlanValue, storage: Extract<Storage, { kind: 'constant' }>): string | undefined => {
  const { data } = storage.array;
  if (!ArrayBuffer.isView(data) || data.byteLength > MAX_CONSTANT_BYTES) return undefined;
  return `${value.dtype.name} ${new Uint8Array(data.buffer, data.byteOffset, data.byteLength).join()}`;
};

/** All that decides what a step computes: not whose it is, nor whom its instructions blame. */
const stepKey = (step: Step, number: (storage: Storage) => number): string => {
  const values = (list: readonly PlanValue[], name: (value: PlanValue) => string): string =>
    list.map((value) => `${name(value)}:${value.dtype.name}[${value.shape.join()}]${value.dynamic}`).join(' ');
  const parts = [
    step.kernel,
    values(step.inputs, ({ storage, version }) => `${number(storage)}@${version}`),
    values(step.outputs, () => ''),
    JSON.stringify(step.attrs),
  ];
  if (step.tape !== undefined) {
    const { space, instructions, outputs } = step.tape;
    parts.push(space.join(), outputs.join());
    for (const { functor, operand, result, args } of instructions)
      parts.push(`${functor} ${operand.name} ${result.name} ${args.join()}`);
  }
  return parts.join('\n');
};
