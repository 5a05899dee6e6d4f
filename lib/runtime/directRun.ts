// A run that is the same plan as the last one: values go straight to the engine, with nothing looked up and nothing made but results.
import type { DType, NumericArray } from '../core/dtype.js';
import type { Tensor } from '../core/graph.js';
import { NDArray } from '../core/ndarray.js';
import { isSameShape } from '../core/shape.js';
import { isTyped } from '../core/typedArrays.js';
import { informed } from './errors.js';
import { type Form, hostNumberOf, resultIn } from './hostBuffer.js';
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
  /** Its place among the values. */
  readonly place: number;
  readonly form: Form;
  readonly size: number;
  /** Memory of the mailbox, for a scalar. */
  readonly scalar: NumericArray | undefined;
  /** Whether a bare typed array has the planned shape. */
  readonly takesTyped: boolean;
  /** What `tagOf` says of the typed arrays that hold the dtype. */
  readonly tag: string;
}

/** The caller's memory for the fetches of a plan. */
export interface Targets {
  readonly datas: readonly (NumericArray | undefined)[];
  /** The host buffers among it, and their numbers. */
  readonly hosts: readonly (NDArray | undefined)[];
  readonly numbers: readonly (number | undefined)[];
  /** Whether that is all there are. */
  readonly byNumber: boolean;
  /** The run that they were last found to fit. */
  fitted: DirectRun | undefined;
  /** Its results that are the host buffers themselves; `whole` where all are. */
  results: readonly (NDArray | undefined)[];
  whole: readonly NDArray[] | undefined;
}

type Arguments = NativeMemoryArgument[];

const { apply, defineProperty } = Reflect;

/** A list with elements of its own: no setter that someone has given Array.prototype sees what is written to it. */
const ownList = (length: number): Arguments => {
  const list: Arguments = [];
  for (let i = 0; i < length; i++) {
    defineProperty(list, i, { value: undefined, writable: true, enumerable: true, configurable: true });
  }
  return list;
};

/** The numbers of a session and a plan, which come before the rest. */
const NAMED = 2;

/**
 * The short way of one loaded plan whose feeds are the request's, one for one. The caller holds the values until it returns: the engine is
 * told of host buffers by number alone.
 */
export class DirectRun {
  readonly #plan: LoadedPlan;
  /** Held, so that its number is no other session's. */
  readonly engine: NativeSession;
  readonly #scalars: readonly Lane[];
  readonly #arrays: readonly Lane[];
  readonly #runPlan: Native['runPlan'];
  /**
   * Arguments, filled anew by every run: the session, the plan, feeds beside the mailbox, and then memory for results beside it. Apart for values
   * that are numbers and for all others, whose getters may run this again.
   */
  readonly #numbers: Arguments;
  readonly #numbersInto: Arguments;
  readonly #others: Arguments;
  readonly #othersInto: Arguments;
  /** Scalars, until all values are read: a getter may run what uses the mailbox. */
  readonly #read: (number | bigint | undefined)[];
  #isReading = false;

  private constructor(
    plan: LoadedPlan,
    engine: NativeSession,
    scalars: readonly Lane[],
    arrays: readonly Lane[],
    outs: number,
  ) {
    this.#plan = plan;
    this.engine = engine;
    this.#scalars = scalars;
    this.#arrays = arrays;
    this.#runPlan = native().runPlan;
    const length = NAMED + arrays.length;
    const list = (size: number): Arguments => {
      const made = ownList(size);
      made[0] = engine.number;
      made[1] = plan.id;
      return made;
    };
    this.#numbers = list(length);
    this.#numbersInto = list(length + outs);
    this.#others = list(length);
    this.#othersInto = list(length + outs);
    this.#read = scalars.map(() => undefined);
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
      return {
        place: i,
        form: { dtype: tensor.dtype, shape },
        size,
        scalar,
        takesTyped: tensor.shape.isFullyDefined,
        tag,
      };
    });
    const outs = readers.filter((reader) => !reader.isMailed).length;
    const scalars = lanes.filter(({ scalar }) => scalar !== undefined);
    const arrays = lanes.filter(({ scalar }) => scalar === undefined);
    if (arrays.length + outs > native().runPlanMemory) return undefined;
    return new DirectRun(plan, engine, scalars, arrays, outs);
  }

  /** The plan's results; undefined, and nothing has run, where a value must be converted or has another shape. */
  run(values: readonly unknown[]): readonly NDArray[] | undefined {
    if (!this.#loadNumbers(values, this.#numbers)) return this.#runOthers(values, undefined);
    return this.#plan.values(this.#call(this.#numbers));
  }

  /** The same with results in the caller's memory, for each fetch that has some. */
  runInto(values: readonly unknown[], outs: Targets): readonly NDArray[] | undefined {
    if (!outs.byNumber || !this.#loadNumbers(values, this.#numbersInto)) return this.#runOthers(values, outs);
    return this.#callInto(this.#numbersInto, outs, true);
  }

  /**
   * Loads values that take no more than numbers: those of scalars and of host buffers. False where there is another. After the scalars no code of
   * the caller's runs, here and until the engine has read the arguments: what was seen of a buffer holds.
   */
  #loadNumbers(values: readonly unknown[], list: Arguments): boolean {
    const scalars = this.#scalars;
    for (let i = 0; i < scalars.length; i++) {
      const { form, scalar, place } = scalars[i]!;
      const value = values[place];
      if (typeof value !== 'number' || !holdsNumber(form.dtype, value)) return false;
      scalar![0] = value;
    }
    const arrays = this.#arrays;
    for (let i = 0; i < arrays.length; i++) {
      const { form, place } = arrays[i]!;
      const number = hostNumberOf(values[place], form);
      if (number < 0) return false;
      list[NAMED + i] = number;
    }
    return true;
  }

  /** Runs with values of all kinds, as arrays that the engine looks at itself. */
  #runOthers(values: readonly unknown[], outs: Targets | undefined): readonly NDArray[] | undefined {
    if (this.#isReading) return undefined;
    const list = outs === undefined ? this.#others : this.#othersInto;
    this.#isReading = true;
    try {
      if (!this.#loadOthers(values, list)) return undefined;
      return outs === undefined ? this.#plan.values(this.#call(list)) : this.#callInto(list, outs, false);
    } finally {
      this.#isReading = false;
      // What was fed is the caller's to free.
      for (let i = NAMED; i < list.length; i++) list[i] = undefined;
    }
  }

  #loadOthers(values: readonly unknown[], list: Arguments): boolean {
    const scalars = this.#scalars;
    const read = this.#read;
    const arrays = this.#arrays;
    for (let i = 0; i < scalars.length; i++) {
      read[i] = scalarOf(scalars[i]!.form.dtype, values[scalars[i]!.place]);
      if (read[i] === undefined) return false;
    }
    for (let i = 0; i < arrays.length; i++) {
      const memory = memoryOf(arrays[i]!, values[arrays[i]!.place]);
      if (memory === undefined) return false;
      list[NAMED + i] = memory;
    }
    for (let i = 0; i < scalars.length; i++) scalars[i]!.scalar![0] = read[i]!;
    return true;
  }

  #callInto(list: Arguments, outs: Targets, byNumber: boolean): readonly NDArray[] | undefined {
    const { readers } = this.#plan;
    const { datas, numbers } = outs;
    const isFitted = byNumber && outs.fitted === this;
    let next = NAMED + this.#arrays.length;
    for (let i = 0; i < readers.length; i++) {
      const reader = readers[i]!;
      const data = datas[i];
      // Memory that does not fit is refused by the long way. A host buffer that did fit does so while it has elements.
      const fits = data === undefined || (isFitted ? data[0] !== undefined : reader.fits(data));
      if (!fits) return undefined;
      if (!reader.isMailed) list[next++] = byNumber ? numbers[i] : (data as NativeArray | undefined);
    }
    if (!isFitted) {
      const found = readers.map(({ shape }, i) => resultIn(outs.hosts[i], shape));
      outs.fitted = byNumber ? this : undefined;
      outs.results = found;
      outs.whole = found.every((result) => result !== undefined) ? found : undefined;
    }
    const raw = this.#call(list);
    for (let i = 0; i < readers.length; i++) if (readers[i]!.isMailed) readers[i]!.leaveIn(datas[i]);
    // Nothing made: what is written anew in every run takes the place of what the next one works with in the first cache.
    if (outs.whole !== undefined) return outs.whole;
    const results = new Array<NDArray>(readers.length);
    for (let i = 0; i < results.length; i++) {
      const data = datas[i];
      results[i] = outs.results[i] ?? (data === undefined ? readers[i]!.read(raw?.[i]) : readers[i]!.wrap(data));
    }
    return results;
  }

  #call(list: Arguments): NativeResults {
    const run = this.#runPlan;
    const session = list[0] as number;
    const plan = list[1] as number;
    try {
      switch (list.length) {
        case 2:
          return run(session, plan);
        case 3:
          return run(session, plan, list[2]);
        case 4:
          return run(session, plan, list[2], list[3]);
        case 5:
          return run(session, plan, list[2], list[3], list[4]);
        default:
          // Not by a spread, which asks an iterator that anyone can have changed.
          return apply(run, undefined, list) as NativeResults;
      }
    } catch (error) {
      throw informed(this.#plan.stage, error);
    }
  }
}

/** Whether a number is one of the dtype's without a conversion. */
const holdsNumber = (dtype: DType, value: number): boolean =>
  dtype.isFloating || (dtype.isInteger && !dtype.isBigInt && isWhole(value, dtype.min!, dtype.max!));

/** The element of a scalar value; undefined where it takes a conversion. */
const scalarOf = (dtype: DType, value: unknown): number | bigint | undefined => {
  if (typeof value === 'number') return holdsNumber(dtype, value) ? value : undefined;
  if (!(value instanceof NDArray) || value.dtype !== dtype || value.shape.length !== 0) return undefined;
  const { data } = value;
  if (data.length !== 1 || data.constructor !== dtype.array) return undefined;
  const element: unknown = data[0];
  return typeof element === 'number' || typeof element === 'bigint' ? element : undefined;
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
