// A run that is the same plan as the last one: values go straight to the engine, with nothing looked up and nothing made but results.
import type { NumericArray } from '../core/dtype.js';
import type { Tensor } from '../core/graph.js';
import { NDArray } from '../core/ndarray.js';
import { isTyped } from '../core/typedArrays.js';
import { informed } from './errors.js';
import type { NativeArray, NativeResults, NativeRunner, NativeSession } from './native.js';
import type { LoadedPlan } from './planCache.js';
import { scalarMemory } from './results.js';

/** How one feed crosses. */
interface Lane {
  readonly tensor: Tensor;
  readonly shape: readonly number[];
  readonly size: number;
  /** Memory of the mailbox, for a scalar. */
  readonly scalar: NumericArray | undefined;
  /** Whether a bare typed array has the planned shape. */
  readonly takesTyped: boolean;
  /** What `tagOf` says of the typed arrays that hold the dtype. */
  readonly tag: string;
}

const isScalarValue = (value: unknown): value is number => typeof value === 'number';

/** The short way of one loaded plan whose feeds are the request's, one for one. */
export class DirectRun {
  readonly #plan: LoadedPlan;
  readonly #run: NativeRunner;
  readonly #lanes: readonly Lane[];
  /** What crosses as arguments, filled anew by every run: feeds beside the mailbox, then memory for results beside it. */
  readonly #memory: (NativeArray | undefined)[] = [];

  private constructor(plan: LoadedPlan, run: NativeRunner, lanes: readonly Lane[]) {
    this.#plan = plan;
    this.#run = run;
    this.#lanes = lanes;
  }

  /** The short way of a plan, undefined where it has none. `shapes` are those it was made for. */
  static of(
    engine: NativeSession,
    plan: LoadedPlan,
    tensors: readonly Tensor[],
    shapes: readonly (readonly number[])[],
  ): DirectRun | undefined {
    const { stage } = plan;
    // A feed that nothing reads is not the plan's.
    if (!plan.isDirect || !plan.plain || stage.feeds.length !== tensors.length) return undefined;
    if (stage.fetches.some(({ dynamic }) => dynamic)) return undefined;
    const lanes = tensors.map((tensor, i): Lane => {
      // A copy that is not frozen: V8 reads elements of frozen arrays slowly.
      const shape = [...shapes[i]!];
      const size = shape.reduce((product, dim) => product * dim, 1);
      const scalar = shape.length === 0 ? scalarMemory(tensor.dtype, i, engine) : undefined;
      const tag = tensor.dtype.array?.name ?? '';
      return { tensor, shape, size, scalar, takesTyped: tensor.shape.isFullyDefined, tag };
    });
    const run = engine.runner(plan.id);
    return run === undefined ? undefined : new DirectRun(plan, run, lanes);
  }

  /** The plan's results; undefined, and nothing has run, where a value must be converted or has another shape. */
  run(values: readonly unknown[]): NDArray[] | undefined {
    const count = this.#load(values);
    return count < 0 ? undefined : this.#plan.values(this.#call(count));
  }

  /** The same with results in the caller's memory, for each fetch that has some. */
  runInto(values: readonly unknown[], outs: readonly (NumericArray | undefined)[]): NDArray[] | undefined {
    const { readers } = this.#plan;
    // Memory that does not fit is refused by the long way.
    for (let i = 0; i < readers.length; i++) if (outs[i] !== undefined && !readers[i]!.fits(outs[i]!)) return undefined;
    let count = this.#load(values);
    if (count < 0) return undefined;
    for (let i = 0; i < readers.length; i++) {
      if (!readers[i]!.isMailed) this.#memory[count++] = outs[i] as NativeArray | undefined;
    }
    const raw = this.#call(count);
    const results = new Array<NDArray>(readers.length);
    for (let i = 0; i < results.length; i++) {
      const reader = readers[i]!;
      const out = outs[i];
      if (out === undefined) results[i] = reader.read(raw?.[i]);
      else results[i] = reader.isMailed ? reader.readInto(out) : reader.wrap(out);
    }
    return results;
  }

  /** Puts the values where the engine finds them, and says how many cross as arguments; -1 where one must be converted. */
  #load(values: readonly unknown[]): number {
    const lanes = this.#lanes;
    let count = 0;
    for (let i = 0; i < lanes.length; i++) {
      const lane = lanes[i]!;
      const value = values[i];
      if (lane.scalar !== undefined) {
        if (!writeScalar(lane, lane.scalar, value)) return this.#forget();
        continue;
      }
      const memory = memoryOf(lane, value);
      if (memory === undefined) return this.#forget();
      this.#memory[count++] = memory;
    }
    return count;
  }

  #call(count: number): NativeResults {
    const memory = this.#memory;
    try {
      switch (count) {
        case 0:
          return this.#run();
        case 1:
          return this.#run(memory[0]);
        case 2:
          return this.#run(memory[0], memory[1]);
        case 3:
          return this.#run(memory[0], memory[1], memory[2]);
        default:
          return this.#run(...memory.slice(0, count));
      }
    } catch (error) {
      throw informed(this.#plan.stage, error);
    } finally {
      this.#forget();
    }
  }

  /** What was fed is the caller's to free. */
  #forget(): number {
    for (let i = 0; i < this.#memory.length; i++) this.#memory[i] = undefined;
    return -1;
  }
}

/** Writes an element; false where that takes a conversion. */
const writeScalar = ({ tensor }: Lane, memory: NumericArray, value: unknown): boolean => {
  const { dtype } = tensor;
  if (isScalarValue(value)) {
    if (!dtype.isFloating && !(dtype.isInteger && !dtype.isBigInt && isWhole(value, dtype.min!, dtype.max!)))
      return false;
    memory[0] = value;
    return true;
  }
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
const memoryOf = ({ tensor, shape, size, takesTyped, tag }: Lane, value: unknown): NativeArray | undefined => {
  // An empty array may be one whose memory was taken away: the long way says so.
  if (size === 0) return undefined;
  let data: unknown = value;
  if (value instanceof NDArray) {
    if (value.dtype !== tensor.dtype || !isSameShape(value.shape, shape)) return undefined;
    data = value.data;
  } else if (!takesTyped) return undefined;
  return isTyped(data, tag, size) ? (data as NativeArray) : undefined;
};

const isSameShape = (a: readonly number[], b: readonly number[]): boolean => {
  if (a.length !== b.length) return false;
  for (let axis = 0; axis < b.length; axis++) if (a[axis] !== b[axis]) return false;
  return true;
};
