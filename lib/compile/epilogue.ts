// epilogue: a tape over what a matrix product makes becomes the product's end, where nothing else reads the product, so that it need
// not reach memory.
import { Detours, dependencies, type Span } from './order.js';
import {
  bytesOf,
  type PlanValue,
  Producers,
  readersOf,
  replaceWaits,
  type Step,
  type StepProgram,
  type Storage,
  sameShape,
  unionOf,
} from './steps.js';

/** The kernel of a product that ends in a tape. Operand 0 of the tape is the product, the others are the step's inputs from the third on. */
export const EPILOGUE = 'MatMulFused';

/**
 * A tape that stores an array of the product's element size lends the product that array's memory. Where only reductions remain the product
 * takes memory of the step's own, of so many bytes at most.
 */
export const LIMITS = { ownBytes: 64 * 1024 } as const;

/** Joins products with tapes. The result is in no particular order: it is to be scheduled. */
export const epilogues = (program: StepProgram): StepProgram => {
  const { steps } = program;
  if (!steps.some(({ kernel }) => kernel === 'MatMul')) return program;
  const producers = new Producers(steps);
  const readers = readersOf(steps);
  const fetched = new Set(program.fetches.map(({ storage }) => storage));
  waitForNoProduct(steps, producers);
  const units = new Map<Step, Span>();
  steps.forEach((step, i) => {
    units.set(step, { members: [step], first: i, last: i });
  });

  /** Units that one waits for; some of them twice, and itself. */
  const dependenciesOf = ({ members }: Span): Span[] =>
    members.flatMap((member) => dependencies(member, producers)).flatMap((step) => units.get(step) ?? []);

  const detours = new Detours(steps, producers, dependenciesOf);
  const made = new Map<Step, Step>();
  // Of the products that a tape reads the last one is its own: it is made right before.
  for (let i = steps.length - 1; i >= 0; i--) {
    const product = steps[i]!;
    if (product.kernel !== 'MatMul') continue;
    const { storage } = product.outputs[0]!;
    const [tape, ...others] = readers.get(storage) ?? [];
    if (tape === undefined || others.length > 0 || fetched.has(storage)) continue;
    const [from, to] = [units.get(product)!, units.get(tape)!];
    if (to.members.length > 1 || !canEnd(product, tape) || detours.lead(from, to)) continue;
    const unit: Span = { members: [product, tape], first: from.first, last: to.last };
    for (const member of unit.members) units.set(member, unit);
    detours.joined(unit);
    const joined = join(product, tape);
    for (const member of unit.members) made.set(member, joined);
  }
  if (made.size === 0) return program;
  // Where the product is, so that what it reads need not live until the tape.
  const joined = steps
    .filter((step) => step.kernel === 'MatMul' || !made.has(step))
    .map((step) => made.get(step) ?? step);
  replaceWaits(joined, made);
  return { ...program, steps: joined };
};

/**
 * Nobody can see when a product is made. What waits for one though it does not read it (a gradient that is given out together with another)
 * waits for what the product waits for: else products would be made in another order than they are read in, and live for longer. But what
 * overwrites a variable that the product reads is seen by it, and waits.
 */
const waitForNoProduct = (steps: readonly Step[], producers: Producers): void => {
  const known = new Map<Step, ReadonlySet<Step>>();
  const waitsOf = (product: Step): ReadonlySet<Step> => {
    let found = known.get(product);
    if (found === undefined) {
      const all = new Set<Step>();
      for (const step of dependencies(product, producers)) {
        if (isUnseen(step)) for (const earlier of waitsOf(step)) all.add(earlier);
        else all.add(step);
      }
      known.set(product, (found = all));
    }
    return found;
  };
  for (const { after, outputs } of steps) {
    for (const step of [...after]) {
      if (!isUnseen(step) || readsAny(step, outputs)) continue;
      after.delete(step);
      for (const earlier of waitsOf(step)) after.add(earlier);
    }
  }
};

/** Whether a step reads where others write: the variable that an update waits to overwrite. */
const readsAny = ({ inputs }: Step, outputs: readonly PlanValue[]): boolean =>
  inputs.some(({ storage }) => outputs.some((output) => output.storage === storage));

const isUnseen = ({ kernel, acts }: Step): boolean => kernel === 'MatMul' && !acts;

const canEnd = (product: Step, step: Step): boolean => {
  const { tape } = step;
  const value = product.outputs[0]!;
  if (tape === undefined || step.kernel !== 'Fused' || !sameShape(value.shape, tape.space)) return false;
  if (value.storage.kind !== 'arena' || step.op.row.takesUninitialized === true) return false;
  const reads = (storage: Storage): boolean => step.inputs.some((input) => input.storage === storage);
  for (const input of step.inputs)
    if (input.storage === value.storage && !sameShape(input.shape, value.shape)) return false;
  // A factor is read again and again while parts of the result are written.
  for (const { storage } of step.outputs) if (product.inputs.some((factor) => factor.storage === storage)) return false;
  const lends = ({ storage, dtype }: PlanValue, i: number): boolean =>
    tape.reductions[i] === undefined && dtype.size === value.dtype.size && !reads(storage);
  if (step.outputs.some(lends)) return true;
  const isReduced = tape.reductions.every((reduction) => reduction !== undefined);
  return isReduced && bytesOf(value.dtype, value.shape) <= LIMITS.ownBytes;
};

const join = (product: Step, step: Step): Step => {
  const value = product.outputs[0]!;
  const tape = step.tape!;
  const others = step.inputs.filter(({ storage }) => storage !== value.storage);
  let next = 1;
  // Where each input of the tape is among the operands of the epilogue.
  const place = step.inputs.map(({ storage }) => (storage === value.storage ? 0 : next++));
  const operand = (arg: number): number => (arg < place.length ? place[arg]! : arg - place.length + others.length + 1);
  const after = new Set([...product.after, ...step.after]);
  after.delete(product);
  after.delete(step);
  return {
    kernel: EPILOGUE,
    inputs: [...product.inputs, ...others],
    outputs: step.outputs,
    attrs: product.attrs,
    tape: {
      ...tape,
      instructions: tape.instructions.map((one) => ({ ...one, args: one.args.map(operand) })),
      outputs: tape.outputs.map(operand),
    },
    op: step.op,
    after,
    acts: product.acts || step.acts,
    fills: unionOf([product.fills, step.fills]),
  };
};

/** What the operands of a step's tape are: its inputs, or the product and then the others. */
export const tapeInputs = ({ kernel, inputs, tape }: Step): readonly Pick<PlanValue, 'dtype' | 'shape'>[] =>
  kernel === EPILOGUE ? [{ dtype: inputs[0]!.dtype, shape: tape!.space }, ...inputs.slice(2)] : inputs;
