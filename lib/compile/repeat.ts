// repeat: what is one element again and again (zeros_like, the gradient of a mean) is read by tapes as that element, and what is tiled along
// dimensions of one (the gradient of a mean over rows) as what was tiled: they broadcast. That costs no memory and no traffic, and the larger
// array is often read by nobody any more. What is computed of such values alone repeats as they do, and is computed once.
import { NDArray } from '../core/ndarray.js';
import {
  arenaValue,
  bytesOf,
  type PlanValue,
  Producers,
  readersOf,
  type Step,
  type StepProgram,
  type Storage,
  sameShape,
  sizeOfShape,
} from './steps.js';

/** Kernels that write their first input again and again. */
const REPEATING = new Set(['Fill', 'Tile']);

/** The same program with tapes that read scalars in place of repeated elements. */
export const repeat = (program: StepProgram): StepProgram => {
  const producers = new Producers(program.steps);
  const scalars = new Map<Storage, Storage | undefined>();
  const scalarOf = (storage: Storage): Storage | undefined => {
    if (storage.kind !== 'constant') return undefined;
    if (!scalars.has(storage)) scalars.set(storage, firstElement(storage.array));
    return scalars.get(storage);
  };
  const repeated = (value: PlanValue): PlanValue | undefined => {
    if (value.dynamic || sizeOfShape(value.shape) < 2) return undefined;
    const step = producers.of(value);
    const source = step !== undefined && REPEATING.has(step.kernel) ? step.inputs[0]! : undefined;
    if (source !== undefined && !source.dynamic) {
      if (sizeOfShape(source.shape) === 1) return { ...source, shape: [] };
      const made = step!.outputs[0]!.shape;
      if (sameShape(value.shape, made) && isBroadcast(source.shape, made)) return source;
    }
    const storage = scalarOf((source ?? value).storage);
    return storage === undefined ? undefined : { ...value, storage, shape: [] };
  };
  const isReadByTapesAlone = tapesAlone(program);
  const shrunk = new Map<Storage, PlanValue>();
  for (const step of program.steps) {
    if (step.kernel !== 'Fused') continue;
    for (let i = 0; i < step.inputs.length; i++) {
      const input = step.inputs[i]!;
      step.inputs[i] = shrunk.get(input.storage) ?? repeated(input) ?? input;
    }
    const space = step.acts ? undefined : smallerSpace(step);
    if (space === undefined || !step.outputs.every(isReadByTapesAlone)) continue;
    const outputs = step.outputs.map(({ dtype }) => arenaValue(dtype, space));
    step.outputs.forEach(({ storage }, i) => {
      shrunk.set(storage, outputs[i]!);
    });
    // Other steps know this one: it stays the same object.
    Object.assign(step, { outputs, tape: { ...step.tape!, space } });
  }
  return program;
};

/** Tells the values that nothing but tapes read, and those as they are. */
const tapesAlone = ({ steps, fetches }: StepProgram): ((value: PlanValue) => boolean) => {
  const readers = readersOf(steps);
  const fetched = new Set(fetches.map(({ storage }) => storage));
  return ({ storage, shape, dynamic }) =>
    storage.kind === 'arena' &&
    !dynamic &&
    !fetched.has(storage) &&
    (readers.get(storage) ?? []).every(
      ({ kernel, inputs }) =>
        kernel === 'Fused' && inputs.every((input) => input.storage !== storage || sameShape(input.shape, shape)),
    );
};

/** Where a tape of its own costs less than one instruction more in another: what that takes for so many elements. */
const MANY_ELEMENTS = 1 << 14;
/** How many times smaller it must be. */
const TIMES_SMALLER = 8;

/** A tape's space without the dimensions along which all its inputs repeat; undefined where that gains nothing (scalars are read once as it is). */
const smallerSpace = ({ inputs, tape }: Step): readonly number[] | undefined => {
  const { space } = tape!;
  if (sizeOfShape(space) < MANY_ELEMENTS || inputs.some(({ dynamic }) => dynamic)) return undefined;
  const repeats = (axis: number): boolean =>
    inputs.every(({ shape }) => (shape[axis - space.length + shape.length] ?? 1) === 1);
  const small = space.map((dim, axis) => (repeats(axis) ? 1 : dim));
  const size = sizeOfShape(small);
  return size > 1 && size * TIMES_SMALLER <= sizeOfShape(space) ? small : undefined;
};

/** Whether a tile repeats dimensions of one only, as broadcasting does. */
const isBroadcast = (from: readonly number[], to: readonly number[]): boolean =>
  from.length === to.length && from.every((dim, axis) => dim === 1 || dim === to[axis]);

/** The element that an array repeats, as a constant; undefined where two differ. */
const firstElement = ({ dtype, data }: NDArray): Storage | undefined => {
  if (!ArrayBuffer.isView(data) || data.length < 2 || !isPeriodic(data)) return undefined;
  const array = new NDArray(dtype, [], data.slice(0, 1));
  return { kind: 'constant', bytes: bytesOf(dtype, []), array };
};

/** Whether all elements have the same bits: -0 is not 0. */
const isPeriodic = (data: ArrayBufferView & { readonly BYTES_PER_ELEMENT: number }): boolean => {
  const { buffer, byteOffset, byteLength, BYTES_PER_ELEMENT: item } = data;
  const words =
    item < 4 ? new Uint8Array(buffer, byteOffset, byteLength) : new Uint32Array(buffer, byteOffset, byteLength / 4);
  const period = item < 4 ? item : item / 4;
  for (let i = period; i < words.length; i++) if (words[i] !== words[i - period]) return false;
  return true;
};
