// transposes: what is computed between transposes and those that take them back is computed of the arrays as they were. Tapes go over elements
// in any order, reductions and softmax are told the axis where it lies. So `softmax(x, axis)`, which TensorFlow writes as a transpose, softmax
// over the last axis and a transpose, is one step, and nothing is moved for its gradient.
import {
  arenaValue,
  type PlanValue,
  padded,
  type Step,
  type StepProgram,
  type Storage,
  sameShape,
  sizeOfShape,
} from './steps.js';

type Axes = readonly number[];

/** A value that is another one with its axes in another order: its axis i is that one's axis perm[i]. */
interface Turned {
  readonly shape: readonly number[];
  readonly region: Region;
}
/** Steps that work on turned values and can only be turned back together. */
class Region {
  readonly perm: Axes;
  /** The transposes that it begins with, and those that it ends in, which take the first ones back. */
  begins: Step[] = [];
  ends: Step[] = [];
  members: Step[] = [];
  #into: Region | undefined;

  constructor(perm: Axes) {
    this.perm = perm;
  }
  root(): Region {
    let root: Region = this;
    while (root.#into !== undefined) root = root.#into;
    return root;
  }
  /** Takes in another one of the same permutation. */
  join(other: Region): void {
    if (other === this) return;
    other.#into = this;
    this.begins.push(...other.begins);
    this.ends.push(...other.ends);
    this.members.push(...other.members);
  }
}

const isPlain = ({ storage, dynamic }: PlanValue): boolean => storage.kind === 'arena' && !dynamic;
const isTranspose = ({ kernel, acts, inputs }: Step): boolean => kernel === 'Transpose' && !acts && !inputs[0]!.dynamic;
const permOf = (step: Step): Axes => step.attrs as number[];
const takesBack = (outer: Axes, inner: Axes): boolean =>
  outer.length === inner.length && outer.every((axis, i) => inner[axis] === i);
/** Whether elements lie in the same order for any order of the axes: those of one may be anywhere. */
const keepsOrder = (shape: readonly number[], perm: Axes): boolean => {
  const moved = perm.filter((_, i) => shape[i] !== 1);
  return moved.every((axis, i) => i === 0 || axis > moved[i - 1]!);
};
/** A turned shape as it was. */
const turnedBack = (shape: readonly number[], perm: Axes): readonly number[] => {
  const made = new Array<number>(perm.length);
  perm.forEach((axis, i) => {
    made[axis] = shape[i]!;
  });
  return made;
};

/** The axes that a kernel goes along; undefined for one that is not known to go along any. */
const axesOf = ({ kernel, inputs, attrs }: Step): Axes | undefined => {
  if (kernel === 'Reduce') return attrs.slice(2) as number[];
  return kernel === 'Softmax' || kernel === 'LogSoftmax' ? [inputs[0]!.shape.length - 1] : undefined;
};
/** Whether a kernel gives the same elements along the axes of the array as it was, in the same order or in that of its axes. */
const isAlongAxes = (step: Step, perm: Axes): boolean => {
  const axes = axesOf(step);
  if (axes === undefined) return false;
  const [{ shape }, output] = [step.inputs[0]!, step.outputs[0]!];
  return (
    output.shape.length === shape.length ||
    keepsOrder(
      shape.map((dim, axis) => (axes.includes(axis) ? 1 : dim)),
      perm,
    )
  );
};
/** What a kernel is told to go along them. */
const attrsAlong = (step: Step, perm: Axes): Step['attrs'] => {
  const axes = axesOf(step)!
    .map((axis) => perm[axis]!)
    .sort((a, b) => a - b);
  return step.kernel === 'Reduce' ? [step.attrs[0]!, axes.length, ...axes] : axes;
};

/** The same program without transposes that others take back. */
export const transposes = (program: StepProgram): StepProgram =>
  program.steps.some(isTranspose) ? new Turning(program).program() : program;

class Turning {
  readonly #program: StepProgram;
  readonly #turned = new Map<Storage, Turned>();
  readonly #regions = new Map<Step, Region>();

  constructor(program: StepProgram) {
    this.#program = program;
    for (const step of program.steps) {
      if (isTranspose(step)) this.#transpose(step);
      else if (this.#turned.size > 0) this.#member(step);
    }
  }

  program(): StepProgram {
    let program = this.#program;
    const spent = new Set<Step>();
    for (const region of new Set(Array.from(this.#turned.values(), (one) => one.region.root()))) {
      if (region.members.length + region.ends.length === 0) continue;
      const ends = [...region.begins, ...region.ends];
      // Where regions follow each other, what ends one begins the next.
      if (ends.some((step) => spent.has(step))) continue;
      const turned = this.#turnedBack(program, region);
      if (turned === undefined) continue;
      program = turned;
      for (const step of ends) spent.add(step);
    }
    return program;
  }

  #transpose(step: Step): void {
    const perm = permOf(step);
    const before = this.#as(step.inputs[0]!);
    if (before !== undefined && takesBack(perm, before.region.perm)) before.region.root().ends.push(step);
    const region = new Region(perm);
    region.begins.push(step);
    const { storage, shape } = step.outputs[0]!;
    this.#turned.set(storage, { shape, region });
  }

  /** What a value is that is read as it was made. */
  #as({ storage, shape }: PlanValue): Turned | undefined {
    const turned = this.#turned.get(storage);
    return turned !== undefined && sameShape(turned.shape, shape) ? turned : undefined;
  }

  /** Puts a step among those that work on turned values, where it may as well work on them as they were. */
  #member(step: Step): void {
    if (step.acts || !step.outputs.every(isPlain)) return;
    const regions = step.inputs.flatMap((input) => this.#as(input)?.region.root() ?? []);
    const [region] = regions;
    if (region === undefined || !regions.every(({ perm }) => sameShape(perm, region.perm))) return;
    if (step.kernel === 'Fused' ? !this.#isTape(step, region.perm) : !isAlongAxes(step, region.perm)) return;
    for (const other of regions) region.join(other.root());
    region.members.push(step);
    this.#regions.set(step, region);
    for (const { storage, shape } of step.outputs)
      if (shape.length === region.perm.length && !keepsOrder(shape, region.perm))
        this.#turned.set(storage, { shape, region });
  }
  /** Whether all else that a tape reads lies in one order, turned or not. */
  #isTape({ inputs, outputs, tape }: Step, perm: Axes): boolean {
    const rank = perm.length;
    const fits = (input: PlanValue): boolean =>
      !input.dynamic &&
      input.shape.length <= rank &&
      (this.#as(input) !== undefined || keepsOrder(padded(input.shape, rank), perm));
    return tape!.space.length === rank && inputs.every(fits) && outputs.every(({ shape }) => shape.length === rank);
  }

  /** The program with a region's steps on what was there before its transposes; undefined where that takes no fewer of them. */
  #turnedBack(program: StepProgram, region: Region): StepProgram | undefined {
    const ends = new Set(region.ends);
    // Where a permutation takes itself back, one may be both.
    if (region.begins.some((step) => ends.has(step))) return undefined;
    const outside = new Set<Storage>();
    for (const step of program.steps)
      for (const input of step.inputs)
        if (!this.#isInside(step, input, region) && !ends.has(step)) outside.add(input.storage);
    for (const { storage } of program.fetches) outside.add(storage);
    const isOutside = ({ storage }: PlanValue): boolean => outside.has(storage);
    const made = region.members.flatMap(({ outputs }) => outputs.filter(({ storage }) => this.#turned.has(storage)));
    const kept = made.filter(isOutside);
    const lost = [...region.begins.flatMap(({ outputs }) => outputs.filter((one) => !isOutside(one))), ...ends];
    return lost.length > kept.length ? this.#rewritten(program, region, kept) : undefined;
  }
  /** Whether a region's step reads a turned value there. */
  #isInside(step: Step, input: PlanValue, region: Region): boolean {
    return this.#regions.get(step)?.root() === region && this.#as(input) !== undefined;
  }

  /** `kept`: what is still read turned, and so is turned for that. */
  #rewritten(program: StepProgram, region: Region, kept: readonly PlanValue[]): StepProgram {
    const { perm, begins, ends, members } = region;
    const back = (value: PlanValue): PlanValue => ({
      ...value,
      shape: turnedBack(padded(value.shape, perm.length), perm),
    });
    const begun = new Map(begins.map((step) => [step.outputs[0]!.storage, step] as const));
    const ended = new Map(ends.map((step) => [step.outputs[0]!.storage, step] as const));
    const turnedAgain = new Map(kept.map(({ dtype, shape, storage }) => [storage, arenaValue(dtype, shape)] as const));
    /** What others read now. A transpose has been moved itself where what follows it is. */
    const moved = (value: PlanValue): PlanValue => {
      const end = ended.get(value.storage)?.inputs[0];
      const now = end === undefined ? turnedAgain.get(value.storage) : (begun.get(end.storage)?.inputs[0] ?? end);
      return now === undefined ? value : { ...value, storage: now.storage, version: now.version };
    };
    const isMember = new Set(members);
    const isEnd = new Set(ends);
    const steps: Step[] = [];
    for (const step of program.steps) {
      steps.push(step);
      if (isEnd.has(step)) continue;
      if (!isMember.has(step)) {
        step.inputs.forEach((input, i) => {
          step.inputs[i] = moved(input);
        });
        continue;
      }
      const inputs = step.inputs.map((input) => {
        if (this.#isInside(step, input, region)) return begun.get(input.storage)?.inputs[0] ?? back(input);
        return sizeOfShape(input.shape) === 1 ? moved(input) : back(moved(input));
      });
      for (const output of step.outputs) {
        const turned = turnedAgain.get(output.storage);
        if (turned !== undefined)
          steps.push({
            ...step,
            kernel: 'Transpose',
            inputs: [back(output)],
            outputs: [turned],
            attrs: [...perm],
            tape: undefined,
            after: new Set(),
          });
      }
      // Other steps know this one: it stays the same object.
      const outputs = step.outputs.map((output) => (output.shape.length === perm.length ? back(output) : output));
      const tape = step.tape === undefined ? undefined : { ...step.tape, space: turnedBack(step.tape.space, perm) };
      Object.assign(step, { inputs, outputs, tape, attrs: tape === undefined ? attrsAlong(step, perm) : step.attrs });
    }
    return { ...program, steps, fetches: program.fetches.map(moved) };
  }
}
