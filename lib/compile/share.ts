// share: steps that compute the same from the same values become one, such as the step size that every variable's Adam update works out.
// cse.ts does this for operations; what lowering makes of different ones is only seen to be equal here.
import { dependencies } from './order.js';
import { mayRefuse, type PlanValue, Producers, type Step, type StepProgram, type Storage } from './steps.js';

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

  const first = new Map<string, Step | Map<string, Step>>();
  const equal = new Map<Step, Step>();
  let producers: Producers | undefined;
  const dependenciesOf = (step: Step): readonly Step[] =>
    dependencies(step, (producers ??= new Producers(program.steps)));
  /** What steps waited for whose inputs may have been replaced since. */
  const before = new Map<Step, readonly Step[]>();
  for (const step of program.steps) {
    if (same.size > 0) before.set(step, dependenciesOf(step));
    step.inputs.forEach((input, i) => {
      step.inputs[i] = moved(input);
    });
    const twin = isPure(step) ? twinOf(step, first, number) : undefined;
    if (twin === undefined) continue;
    equal.set(step, twin);
    step.outputs.forEach((output, i) => {
      same.set(output.storage, twin.outputs[i]!.storage);
    });
  }
  const fetches = program.fetches.map(moved);
  if (same.size === 0) return program;
  if (equal.size > 0) waitAnew(program.steps, (step) => before.get(step) ?? dependenciesOf(step), equal);
  return { ...program, steps: program.steps.filter((step) => !equal.has(step)), fetches };
};

/**
 * A shared step belongs to no one operation: what the first one's waited for (Adam's step size for the gradient of one variable), only its own
 * readers wait for, and the readers of a step that is gone for what that one waited for. A step that may refuse its operands keeps waiting: for
 * the check, perhaps, that is there to prevent it.
 */
const waitAnew = (
  steps: readonly Step[],
  dependenciesOf: (step: Step) => readonly Step[],
  equal: ReadonlyMap<Step, Step>,
): void => {
  const shared = new Set([...equal.values()].filter(({ tape }) => tape?.instructions.some(mayRefuse) === false));
  const waits = new Map<Step, ReadonlySet<Step>>();
  for (const step of steps) {
    const after = new Set<Step>();
    for (const earlier of step.after) after.add(equal.get(earlier) ?? earlier);
    for (const earlier of dependenciesOf(step)) for (const one of waits.get(earlier) ?? []) after.add(one);
    if (equal.has(step) || shared.has(step)) waits.set(step, new Set(after));
    step.after.clear();
    if (!shared.has(step)) for (const one of after) step.after.add(one);
  }
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

/** The step before that computes the same, else undefined; then this one is remembered. Most differ in what they read already. */
const twinOf = (
  step: Step,
  seen: Map<string, Step | Map<string, Step>>,
  number: (storage: Storage) => number,
): Step | undefined => {
  const reads = step.inputs.map(({ storage }) => number(storage)).join();
  let alike = seen.get(reads);
  if (alike === undefined) {
    seen.set(reads, step);
    return undefined;
  }
  if (!(alike instanceof Map)) {
    alike = new Map([[stepKey(alike, number), alike]]);
    seen.set(reads, alike);
  }
  const key = stepKey(step, number);
  const twin = alike.get(key);
  if (twin === undefined) alike.set(key, step);
  return twin;
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
    const { space, instructions, outputs, reductions } = step.tape;
    parts.push(space.join(), outputs.join(), JSON.stringify(reductions));
    for (const { functor, operand, result, args } of instructions)
      parts.push(`${functor} ${operand.name} ${result.name} ${args.join()}`);
  }
  return parts.join('\n');
};
