// Loops that are fed from sources: batches of a generator or a stream are gathered into chunks, and each chunk is one native loop.
import { setImmediate } from 'node:timers/promises';
import type { NumericArray } from '../core/dtype.js';
import { GraphTypeError, ValueError } from '../core/errors.js';
import type { Tensor } from '../core/graph.js';
import { NDArray } from '../core/ndarray.js';
import { isSameShape, sizeOf } from '../core/shape.js';
import { type FeedKey, FeedSlots, type FeedValueLike, fedFor } from './feeds.js';
import { type Fetch, FetchStructure, typeName } from './fetches.js';
import { type RunLimits, SharedLimits } from './limits.js';
import {
  type LoopContext,
  type LoopFeed,
  type LoopPair,
  runLoop,
  runLoopSync,
  Stepped,
  type StepSource,
  steppedData,
} from './runLoop.js';

/** What a chunk may hold, unless a single step is larger; and its most steps. */
const CHUNK_BYTES = 8 << 20;
const CHUNK_STEPS = 1024;
/** How long sources may keep the event loop to themselves. */
const SLICE_MS = 2;
/** How long steps wait for more of their chunk while nothing is computed. */
const PATIENCE_MS = 10;

/** Whether a value gives its steps one by one; arrays are all there from the start. */
const isSource = (value: FeedValueLike | StepSource): value is StepSource =>
  typeof value === 'object' &&
  value !== null &&
  !Array.isArray(value) &&
  !ArrayBuffer.isView(value) &&
  !(value instanceof NDArray) &&
  (Symbol.asyncIterator in value || Symbol.iterator in value);

/** One source with the tensors that an item of it feeds. */
interface Lane {
  readonly key: FeedKey | readonly FeedKey[];
  readonly tensors: readonly Tensor[];
  readonly iterator: Iterator<unknown> | AsyncIterator<unknown>;
}

type Plain = readonly (readonly [FeedKey, LoopFeed])[];

/** Values of some steps, for each tensor of all lanes. */
type Steps = readonly Column[];

/** Splits a loop's feeds; undefined where none is a source. */
const sourcesOf = (context: LoopContext, pairs: readonly LoopPair[], sync: boolean): LoopSources | undefined => {
  const found: (Omit<Lane, 'iterator'> & { readonly source: StepSource })[] = [];
  const rest: (readonly [FeedKey, LoopFeed])[] = [];
  for (const [key, value] of pairs) {
    if (value instanceof Stepped && isSource(value.value)) {
      const keys = Array.isArray(key) ? (key as readonly FeedKey[]) : [key as FeedKey];
      const slots = new FeedSlots(context.graph, keys);
      const tensors = keys.map((_, i) => slots.tensors[slots.slotOf(i)]!);
      const source = value.value as StepSource;
      if (sync && !(Symbol.iterator in source))
        throw new GraphTypeError('runLoopSync cannot wait for an async source: use runLoop');
      found.push({ key, tensors, source });
    } else if (Array.isArray(key)) {
      throw new GraphTypeError('Several tensors are fed together by a source only: tf.stepped(iterable)');
    } else rest.push([key as FeedKey, value]);
  }
  if (found.length === 0) return undefined;
  // Nothing is opened before all is known to be in order.
  const lanes = found.map(({ key, tensors, source }): Lane => ({ key, tensors, iterator: iteratorOf(source) }));
  return new LoopSources(context, lanes, rest);
};

/** A loop on this thread, from arrays or sources. */
export const loopNow = (context: LoopContext, fetches: Fetch, n: number, pairs: readonly LoopPair[]): unknown => {
  const sources = sourcesOf(context, pairs, true);
  return sources === undefined ? runLoopSync(context, fetches, n, pairs as Plain) : sources.runSync(fetches, n);
};

/** The same on the session's thread. */
export const loopLater = (
  context: LoopContext,
  fetches: Fetch,
  n: number,
  pairs: readonly LoopPair[],
  limits: RunLimits,
): Promise<unknown> => {
  const sources = sourcesOf(context, pairs, false);
  return sources === undefined ? runLoop(context, fetches, n, pairs as Plain, limits) : sources.run(fetches, n, limits);
};

const iteratorOf = (source: StepSource): Lane['iterator'] =>
  Symbol.iterator in source ? source[Symbol.iterator]() : source[Symbol.asyncIterator]();

/** The sources of one loop. */
class LoopSources {
  readonly #context: LoopContext;
  readonly #lanes: readonly Lane[];
  readonly #rest: readonly (readonly [FeedKey, LoopFeed])[];
  /** Steps of a chunk, known once the first step is. */
  #chunk = 1;
  /** Lanes that have not said that they have ended. */
  readonly #open: Set<Lane>;
  #ended = false;
  /** Whether nothing is computed, for want of steps. */
  #idle = false;
  /** The items that were asked for and have not come. */
  #asked: Promise<readonly IteratorResult<unknown>[]> | undefined;
  /** Lanes that owe one of them. */
  readonly #owing = new Set<Lane>();
  /** Ends the wait for them. */
  #hurry: (() => void) | undefined;

  constructor(context: LoopContext, lanes: readonly Lane[], rest: readonly (readonly [FeedKey, LoopFeed])[]) {
    this.#context = context;
    this.#lanes = lanes;
    this.#open = new Set(lanes);
    this.#rest = rest;
  }

  /** At most `n` steps, now. */
  runSync(fetches: Fetch, n: number): unknown {
    return this.#closing(() => {
      const all = new Results(this.#context, fetches);
      let left = counted(n);
      while (left > 0 && !this.#ended) {
        const steps = this.#steps();
        while (steps[0]!.count < Math.min(this.#chunk, left) && this.#take(steps, this.#items()));
        const count = steps[0]!.count;
        if (count > 0) all.add(runLoopSync(this.#context, all.fetches, count, this.#feeds(steps)));
        left -= count;
      }
      return () => all.build(this.#lanes);
    })();
  }

  /** Runs, then closes the sources: what the run threw is worth more than what they throw then. */
  #closing<R>(run: () => R): R {
    let result: R;
    try {
      result = run();
    } catch (error) {
      try {
        this.#close();
      } catch {}
      throw error;
    }
    this.#close();
    return result;
  }

  /** At most `n` steps on the session's thread; the next chunk is gathered meanwhile. */
  async run(fetches: Fetch, n: number, given: RunLimits): Promise<unknown> {
    const limits = new SharedLimits(given, 'loop');
    const forget = this.#context.queue.onClose((why) => limits.stop(why));
    const hurry = setInterval(() => this.#hurry?.(), PATIENCE_MS).unref();
    let all: Results;
    try {
      all = new Results(this.#context, fetches);
      const left = counted(n);
      if (limits.why === undefined) await this.#runAll(all, left, limits);
      await limits.until(Promise.all(this.#close()));
    } catch (error) {
      const closed = (async () => Promise.all(this.#close()))();
      closed.catch(() => undefined);
      // A source that owes an item ends when it has given it, which may be never.
      if (this.#owing.size === 0) await limits.until(closed).catch(() => undefined);
      throw limits.why ?? error;
    } finally {
      clearInterval(hurry);
      limits.release();
      forget();
    }
    return all.build(this.#lanes);
  }

  async #runAll(all: Results, n: number, limits: SharedLimits): Promise<void> {
    let next = this.#gather(n);
    for (let left = n; left > 0; ) {
      this.#idle = true;
      const steps = await limits.until(next);
      this.#idle = false;
      const count = steps[0]!.count;
      if (count === 0) break;
      left -= count;
      next = left > 0 ? this.#gather(left) : Promise.resolve(this.#steps());
      // Its error is that of the wait for it, which does not come where this chunk fails.
      next.catch(() => undefined);
      all.add(await runLoop(this.#context, all.fetches, count, this.#feeds(steps), limits.ofRun));
    }
  }

  async #gather(most: number): Promise<Steps> {
    const steps = this.#steps();
    let since = performance.now();
    while (!this.#ended && steps[0]!.count < Math.min(this.#chunk, most)) {
      const items = await this.#nextItems(steps[0]!.count > 0);
      if (items === undefined) break;
      this.#take(steps, items);
      // A generator that computes its values would keep timers and sockets waiting for a whole chunk.
      if (performance.now() - since > SLICE_MS) {
        await setImmediate();
        since = performance.now();
      }
    }
    return steps;
  }

  /** The next item of each lane; undefined where they take long, and steps that are there can be run without. */
  async #nextItems(some: boolean): Promise<readonly IteratorResult<unknown>[] | undefined> {
    this.#asked ??= Promise.all(this.#lanes.map((lane) => this.#ask(lane)));
    const asked = this.#asked;
    const items = await new Promise<readonly IteratorResult<unknown>[] | undefined>((resolve, reject) => {
      if (some) {
        this.#hurry = () => {
          if (this.#idle) resolve(undefined);
        };
      }
      asked.then(resolve, reject);
    });
    this.#hurry = undefined;
    if (items !== undefined) this.#asked = undefined;
    return items;
  }

  async #ask(lane: Lane): Promise<IteratorResult<unknown>> {
    this.#owing.add(lane);
    try {
      return await this.#nextOf(lane);
    } catch (error) {
      this.#open.delete(lane);
      throw error;
    } finally {
      this.#owing.delete(lane);
    }
  }

  /** An item, or its promise. An iterator that throws has ended. */
  #nextOf(lane: Lane): ReturnType<Lane['iterator']['next']> {
    try {
      return lane.iterator.next();
    } catch (error) {
      this.#open.delete(lane);
      throw error;
    }
  }

  #items(): IteratorResult<unknown>[] {
    return this.#ended ? [] : this.#lanes.map((lane) => this.#nextOf(lane) as IteratorResult<unknown>);
  }

  /** No steps yet, for each tensor of all lanes. */
  #steps(): Steps {
    return this.#lanes.flatMap(({ tensors }) => tensors.map((tensor) => new Column(tensor)));
  }

  /** Adds one item of each lane; false where one has ended. */
  #take(steps: Steps, items: readonly IteratorResult<unknown>[]): boolean {
    items.forEach(({ done }, i) => {
      if (done === true) this.#open.delete(this.#lanes[i]!);
    });
    this.#ended ||= items.length === 0 || items.some(({ done }) => done === true);
    if (this.#ended) return false;
    let at = 0;
    let bytes = 0;
    this.#lanes.forEach(({ tensors, key }, lane) => {
      const item = items[lane]!.value;
      const values = Array.isArray(key) ? partsOf(item, tensors) : [item];
      for (const value of values) bytes += steps[at++]!.add(value, this.#chunk);
    });
    this.#chunk = Math.max(1, Math.min(CHUNK_STEPS, Math.floor(CHUNK_BYTES / Math.max(bytes, 1))));
    return true;
  }

  #feeds(steps: Steps): (readonly [FeedKey, LoopFeed])[] {
    return [...this.#rest, ...steps.map((column) => [column.tensor, new Stepped(column.whole())] as const)];
  }

  /** Tells the sources that no more is asked for, and gives what they answer. Throws what one of them throws, when all are told. */
  #close(): unknown[] {
    this.#ended = true;
    const failed: unknown[] = [];
    const answers = [...this.#open].map(({ iterator }) => {
      try {
        return iterator.return?.();
      } catch (error) {
        return failed.push(error);
      }
    });
    this.#open.clear();
    if (failed.length > 0) throw failed[0];
    return answers;
  }
}

/** The results of a loop's chunks. */
class Results {
  /** Every distinct tensor that is fetched, and what else is run. */
  readonly fetches: Fetch[];
  readonly #structure: FetchStructure;
  readonly #parts: NDArray[][] = [];

  constructor({ graph }: LoopContext, fetches: Fetch) {
    this.#structure = new FetchStructure(graph, fetches);
    this.fetches = [...this.#structure.tensors, ...this.#structure.targets];
  }

  add(results: unknown): void {
    this.#parts.push((results as NDArray[]).slice(0, this.#structure.tensors.length));
  }

  build(lanes: readonly Lane[]): unknown {
    const { tensors } = this.#structure;
    if (this.#parts.length === 0 && tensors.length > 0) {
      throw new ValueError(
        `The sources of ${lanes.flatMap((lane) => lane.tensors).join(', ')} gave no step to fetch from`,
      );
    }
    return this.#structure.build(tensors.map((_, i) => join(this.#parts.map((part) => part[i]!))));
  }
}

const counted = (n: number): number => {
  if (n === Number.POSITIVE_INFINITY || (Number.isSafeInteger(n) && n >= 0)) return n;
  throw new ValueError(`A loop runs a whole number of times, or Infinity until a source ends, not ${String(n)}`);
};

const partsOf = (item: unknown, tensors: readonly Tensor[]): readonly unknown[] => {
  if (Array.isArray(item) && item.length === tensors.length) return item;
  const given = Array.isArray(item) ? `${item.length} values` : typeName(item);
  throw new GraphTypeError(
    `A source of ${tensors.length} tensors gives an array of as many values each time, not ${given}`,
  );
};

/** The values of one tensor for some steps, one after the other: a source may fill the memory it gave again for its next step. */
class Column {
  readonly tensor: Tensor;
  count = 0;
  /** Of the first step, and so of all. */
  #shape: readonly number[] = [];
  #size = 0;
  #data: NumericArray | undefined;

  constructor(tensor: Tensor) {
    this.tensor = tensor;
  }

  /** Adds a step, of at most `room` expected, and gives its bytes. */
  add(item: unknown, room: number): number {
    const { tensor, count } = this;
    const { data, shape } = fedFor(tensor, item, () => valueOf(tensor, item));
    if (count === 0) {
      this.#shape = [...shape];
      this.#size = data.length;
    } else if (data.length !== this.#size || !isSameShape(shape, this.#shape)) {
      throw new ValueError(
        `A source of '${tensor.name}' gave shape (${shape.join(', ')}) after (${this.#shape.join(', ')}): the steps of a loop have one shape`,
      );
    }
    const at = count * this.#size;
    if (this.#data === undefined || at + this.#size > this.#data.length)
      this.#grow(Math.max(count + 1, Math.min(2 * count, room)));
    this.#data!.set(data as never, at);
    this.count++;
    return data.length * tensor.dtype.size;
  }

  #grow(steps: number): void {
    const larger = new this.tensor.dtype.array!(steps * this.#size);
    if (this.#data !== undefined) larger.set(this.#data as never);
    this.#data = larger;
  }

  /** All of them as one array. */
  whole(): NDArray {
    const { count, tensor } = this;
    return new NDArray(tensor.dtype, [count, ...this.#shape], this.#data!.subarray(0, count * this.#size));
  }
}

/** One step's value. What has the tensor's dtype and shape is the caller's own memory. */
const valueOf = (tensor: Tensor, item: unknown): { readonly data: NumericArray; readonly shape: readonly number[] } => {
  const { dtype, shape } = tensor;
  if (ArrayBuffer.isView(item)) {
    const memory = item as NumericArray;
    const isWhole = memory.length > 0 && shape.rank !== 0 && shape.numElements === memory.length;
    if (isWhole && memory.constructor === dtype.array) return { data: memory, shape: shape.concrete() };
  } else if (
    item instanceof NDArray &&
    item.dtype === dtype &&
    item.size > 0 &&
    item.data.constructor === dtype.array
  ) {
    return { data: item.data as NumericArray, shape: item.shape };
  }
  const { data, given } = steppedData(tensor, item);
  const flat = ArrayBuffer.isView(item) && shape.rank !== 0 && shape.numElements === given.size;
  return { data: data as NumericArray, shape: flat ? shape.concrete() : given.shape };
};

/** Arrays one after the other along their first dimension. */
const join = (parts: readonly NDArray[]): NDArray => {
  if (parts.length === 1) return parts[0]!;
  const rows = parts.reduce((sum, { shape }) => sum + shape[0]!, 0);
  return joined(parts, [rows, ...parts[0]!.shape.slice(1)]);
};

const joined = (parts: readonly NDArray[], shape: readonly number[]): NDArray => {
  const { dtype } = parts[0]!;
  if (dtype.array === undefined)
    return new NDArray(
      dtype,
      shape,
      parts.flatMap(({ data }) => data as string[]),
    );
  const all = new dtype.array(sizeOf(shape));
  let at = 0;
  for (const { data, size } of parts) {
    all.set(data as never, at);
    at += size;
  }
  return new NDArray(dtype, shape, all);
};
