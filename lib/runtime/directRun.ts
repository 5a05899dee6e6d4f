// A run that is the same plan as the last one: values go straight to the engine, with nothing looked up and nothing made but results.
import type { DType, NumericArray } from '../core/dtype.js';
import type { Tensor } from '../core/graph.js';
import { NDArray } from '../core/ndarray.js';
import { isSameShape } from '../core/shape.js';
import { isTyped } from '../core/typedArrays.js';
import { informed } from './errors.js';
import { type Form, HostArray } from './hostBuffer.js';
import {
  type Native,
  type NativeArray,
  type NativeMemoryArgument,
  type NativeResults,
  type NativeSession,
  native,
} from './native.js';
import type { LoadedPlan } from './planCache.js';
import { scalarMemory } from './results.js';

/** How one feed crosses. */
interface Lane {
  readonly form: Form;
  readonly size: number;
  /** Memory of the mailbox, for a scalar. */
  readonly scalar: NumericArray | undefined;
  /** Whether a bare typed array has the planned shape. */
  readonly takesTyped: boolean;
  /** What `tagOf` says of the typed arrays that hold the dtype. */
  readonly tag: string;
}

/** The caller's memory for a result: its elements, and what crosses for it. */
export interface Target {
  readonly data: NumericArray;
  readonly argument: NativeMemoryArgument;
}

/** The memory for the fetches of a plan. */
export type Targets = readonly (Target | undefined)[];

/** The short way of one loaded plan whose feeds are the request's, one for one. */
export class DirectRun {
  readonly #plan: LoadedPlan;
  /** Held, so that its number is no other session's. */
  readonly engine: NativeSession;
  readonly #session: number;
  readonly #id: number;
  readonly #lanes: readonly Lane[];
  readonly #runPlan: Native['runPlan'];
  /** What crosses as arguments, filled anew by every run: feeds beside the mailbox, then memory for results beside it. */
  readonly #memory: NativeMemoryArgument[] = [];
  /** The caller's memory that was last found to fit. */
  #fitted: Targets | undefined;

  private constructor(plan: LoadedPlan, engine: NativeSession, lanes: readonly Lane[]) {
    this.#plan = plan;
    this.engine = engine;
    this.#session = engine.number;
    this.#id = plan.id;
    this.#lanes = lanes;
    this.#runPlan = native().runPlan;
  }

  /** The short way of a plan, undefined where it has none. `shapes` are those it was made for. */
  static of(
    engine: NativeSession,
    plan: LoadedPlan,
    tensors: readonly Tensor[],
    shapes: readonly (readonly number[])[],
  ): DirectRun | undefined {
    const { stage, readers } = plan;
    // A feed that nothing reads is not the plan's.
    if (!plan.isDirect || !plan.plain || stage.feeds.length !== tensors.length) return undefined;
    if (stage.fetches.some(({ dynamic }) => dynamic)) return undefined;
    const lanes = tensors.map((tensor, i): Lane => {
      // A copy that is not frozen: V8 reads elements of frozen arrays slowly.
      const shape = [...shapes[i]!];
      const size = shape.reduce((product, dim) => product * dim, 1);
      const scalar = shape.length === 0 ? scalarMemory(tensor.dtype, i, engine) : undefined;
      const tag = tensor.dtype.array?.name ?? '';
      return { form: { dtype: tensor.dtype, shape }, size, scalar, takesTyped: tensor.shape.isFullyDefined, tag };
    });
    const beside =
      lanes.filter(({ scalar }) => scalar === undefined).length + readers.filter((reader) => !reader.isMailed).length;
    return beside > native().runPlanMemory ? undefined : new DirectRun(plan, engine, lanes);
  }

  /** The plan's results; undefined, and nothing has run, where a value must be converted or has another shape. */
  run(values: readonly unknown[]): NDArray[] | undefined {
    const count = this.#loadNumbers(values);
    return count < 0 ? this.#runWithArrays(values, undefined) : this.#plan.values(this.#call(count));
  }

  /** The same with results in the caller's memory, for each fetch that has some. */
  runInto(values: readonly unknown[], outs: Targets): NDArray[] | undefined {
    const count = this.#loadNumbers(values);
    return count < 0 ? this.#runWithArrays(values, outs) : this.#callInto(count, outs);
  }

  /** Apart from either, so that V8 has the space to make one function of what is usual. */
  #runWithArrays(values: readonly unknown[], outs: Targets | undefined): NDArray[] | undefined {
    try {
      const count = this.#loadArrays(values);
      if (count < 0) return undefined;
      return outs === undefined ? this.#plan.values(this.#call(count)) : this.#callInto(count, outs);
    } finally {
      this.#forget();
    }
  }

  /**
   * Puts values where the engine finds them, where that takes no more than numbers: host arrays' own and those of scalars. No getter of a
   * value runs here, so what was seen of an array holds when the engine uses it. How many cross as arguments, or -1.
   */
  #loadNumbers(values: readonly unknown[]): number {
    const lanes = this.#lanes;
    let count = 0;
    for (let i = 0; i < lanes.length; i++) {
      const lane = lanes[i]!;
      if (lane.scalar === undefined) {
        const number = HostArray.numberOf(values[i], lane.form);
        if (number < 0) return -1;
        this.#memory[count++] = number;
      } else if (!writeNumber(lane.form.dtype, lane.scalar, values[i])) return -1;
    }
    return count;
  }

  /** The same with arrays of all kinds; -1 where a value must be converted. */
  #loadArrays(values: readonly unknown[]): number {
    const lanes = this.#lanes;
    let count = 0;
    for (let i = 0; i < lanes.length; i++) {
      const lane = lanes[i]!;
      if (lane.scalar !== undefined) {
        if (!writeScalar(lane.form.dtype, lane.scalar, values[i])) return -1;
        continue;
      }
      const memory = memoryOf(lane, values[i]);
      if (memory === undefined) return -1;
      this.#memory[count++] = memory;
    }
    return count;
  }

  #callInto(count: number, outs: Targets): NDArray[] | undefined {
    const { readers } = this.#plan;
    const isFitted = this.#fitted === outs;
    let all = count;
    for (let i = 0; i < readers.length; i++) {
      const out = outs[i];
      // Memory that does not fit is refused by the long way. A host array that did fit does so while it has elements.
      const fits =
        out === undefined ||
        (isFitted && typeof out.argument === 'number' ? out.data[0] !== undefined : readers[i]!.fits(out.data));
      if (!fits) return undefined;
      if (!readers[i]!.isMailed) this.#memory[all++] = out?.argument;
    }
    this.#fitted = outs;
    const raw = this.#call(all);
    const results = new Array<NDArray>(readers.length);
    for (let i = 0; i < results.length; i++) {
      const reader = readers[i]!;
      const out = outs[i];
      if (out === undefined) results[i] = reader.read(raw?.[i]);
      else results[i] = reader.isMailed ? reader.readInto(out.data) : reader.wrap(out.data);
    }
    return results;
  }

  #call(count: number): NativeResults {
    const run = this.#runPlan;
    const session = this.#session;
    const plan = this.#id;
    const memory = this.#memory;
    try {
      switch (count) {
        case 0:
          return run(session, plan);
        case 1:
          return run(session, plan, memory[0]);
        case 2:
          return run(session, plan, memory[0], memory[1]);
        case 3:
          return run(session, plan, memory[0], memory[1], memory[2]);
        default:
          return this.#callWithMany(count);
      }
    } catch (error) {
      throw informed(this.#plan.stage, error);
    }
  }

  /** Apart as well: a spread is much code. */
  #callWithMany(count: number): NativeResults {
    return this.#runPlan(this.#session, this.#id, ...this.#memory.slice(0, count));
  }

  /** What was fed is the caller's to free. */
  #forget(): void {
    for (let i = 0; i < this.#memory.length; i++) this.#memory[i] = undefined;
  }
}

/** Writes an element; false where that takes a conversion. */
const writeNumber = (dtype: DType, memory: NumericArray, value: unknown): boolean => {
  if (typeof value !== 'number') return false;
  if (!dtype.isFloating && !(dtype.isInteger && !dtype.isBigInt && isWhole(value, dtype.min!, dtype.max!)))
    return false;
  memory[0] = value;
  return true;
};
const writeScalar = (dtype: DType, memory: NumericArray, value: unknown): boolean => {
  if (writeNumber(dtype, memory, value)) return true;
  if (!(value instanceof NDArray) || value.dtype !== dtype || value.shape.length !== 0) return false;
  const { data } = value;
  if (data.length !== 1 || data.constructor !== dtype.array) return false;
  memory[0] = data[0] as number;
  return true;
};

const isWhole = (value: number, min: number | bigint, max: number | bigint): boolean =>
  Number.isInteger(value) && value >= min && value <= max;

/**
 * The memory of a value that can be read in place; undefined where it is of another dtype or shape. The engine checks its bytes again, and
 * copies what other threads can write.
 */
const memoryOf = ({ form, size, takesTyped, tag }: Lane, value: unknown): NativeArray | undefined => {
  // An empty array may be one whose memory was taken away: the long way says so.
  if (size === 0) return undefined;
  let data: unknown = value;
  if (value instanceof NDArray) {
    if (value.dtype !== form.dtype || !isSameShape(value.shape, form.shape)) return undefined;
    data = value.data;
  } else if (!takesTyped) return undefined;
  return isTyped(data, tag, size) ? (data as NativeArray) : undefined;
};
