// runLoop: n runs of one plan in one native call, each with its own part of the stepped feeds.
import { type DataArray, string } from '../core/dtype.js';
import { InvalidArgumentError, UnimplementedError, ValueError } from '../core/errors.js';
import type { Graph, Tensor } from '../core/graph.js';
import { castData, NDArray, toNDArray } from '../core/ndarray.js';
import { sizeOf } from '../core/shape.js';
import { copyOfData } from '../core/typedArrays.js';
import { informed, typedError } from './errors.js';
import { type FeedKey, type FeedValueLike, fedFor, isDetached, readFeeds } from './feeds.js';
import type { Fetch } from './fetches.js';
import type { RunLimits } from './limits.js';
import type { NativeFeed, NativeResults, NativeSession } from './native.js';
import type { LoadedPlan, PlanCache } from './planCache.js';
import { RunRequest } from './request.js';
import type { RunQueue } from './runQueue.js';

/** What gives a value for each step in turn: a generator, a stream, a data set. */
export type StepSource = Iterable<unknown> | AsyncIterable<unknown>;

/** A feed of a loop that has a value of its own for every step. Made by `stepped`. */
export class Stepped {
  readonly value: FeedValueLike | StepSource;

  constructor(value: FeedValueLike | StepSource) {
    this.value = value;
  }
}

/**
 * Marks a feed of `runLoop` that changes from step to step. Of an array, run i takes part i of its first dimension, and begins again at
 * its end. Any other iterable, or an async one in `runLoop`, gives the value of each step in turn; the loop is over when it ends. What
 * comes is gathered into chunks of about 8 MB, so a source is asked for values ahead of the step that takes them. Where an async source
 * lets a loop wait that has nothing else to do, the steps that are there are run after about 10 ms; results do not depend on it.
 *
 * @example sess.runLoopSync(tf.identity(x), 3, [[x, tf.stepped([[1, 2, 3], [4, 5, 6]])]]) // [[1, 2, 3], [4, 5, 6], [1, 2, 3]]
 * @example sess.runLoopSync(tf.reduceSum(x), Infinity, [[x, tf.stepped(new Set([[1, 2, 3], [4, 5, 6]]))]]) // [6, 15]
 */
export const stepped = (value: FeedValueLike | StepSource): Stepped => new Stepped(value);

/** What a loop is fed: the same value every time, or a part of one. */
export type LoopFeed = FeedValueLike | Stepped;

/** A loop's feed: a tensor and its value, or several tensors and a source of arrays with a value for each. */
export type LoopPair = readonly [FeedKey, LoopFeed] | readonly [readonly FeedKey[], Stepped];

/** Feeds of a loop: pairs, a Map, or an object keyed by tensor name. */
export type LoopFeeds = Iterable<LoopPair> | { readonly [name: string]: LoopFeed };

/** A loop's feeds as pairs. */
export const loopPairs = (feeds: LoopFeeds): readonly LoopPair[] => {
  const { keys, values } = readFeeds(feeds);
  return keys.map((key, i) => [key, values[i]] as unknown as LoopPair);
};

/** What a loop needs of its session. */
export interface LoopContext {
  readonly graph: Graph;
  readonly engine: NativeSession;
  readonly cache: PlanCache;
  readonly queue: RunQueue;
  checkOpen(): void;
}

/** A loop with its feeds converted. */
class Loop {
  readonly #context: LoopContext;
  readonly #request: RunRequest;
  readonly #n: number;
  readonly #datas: DataArray[];
  readonly #shapes: (readonly number[])[];
  /** For each slot its whole array where it is stepped. */
  readonly #whole: (DataArray | undefined)[];

  constructor(
    context: LoopContext,
    fetches: Fetch,
    n: number,
    feeds: readonly (readonly [FeedKey, LoopFeed])[],
    own: boolean,
  ) {
    if (!Number.isSafeInteger(n) || n < 0)
      throw new ValueError(`A loop runs a whole number of times, not ${String(n)}`);
    this.#context = context;
    this.#n = n;
    const keys = feeds.map(([key]) => key);
    const values = feeds.map(([, value]) => value);
    this.#request = new RunRequest(context.graph, fetches, keys);
    if (!this.#request.direct) throw new ValueError('A loop cannot fetch what it is fed');
    if (!this.#request.runs) throw new ValueError('A loop needs something to run');
    const { slots } = this.#request;
    this.#whole = new Array<DataArray | undefined>(slots.tensors.length).fill(undefined);
    const first = values.map((value, i) => {
      if (!(value instanceof Stepped)) return value;
      const slot = slots.slotOf(i);
      const { whole, part } = split(slots.tensors[slot]!, value.value as FeedValueLike);
      this.#whole[slot] = own ? copyOfData(whole) : whole;
      return part;
    });
    const fed = slots.convert(first, own);
    this.#datas = fed.datas;
    this.#shapes = fed.shapes;
    context.checkOpen();
  }

  plan(): LoadedPlan {
    const { cache } = this.#context;
    const cached = this.#request.cached(cache);
    for (const slot of cached.prepared.valueFeeds) {
      if (this.#whole[slot] !== undefined) {
        throw new InvalidArgumentError(
          `Shapes depend on the value of '${this.#request.slots.tensors[slot]!.name}': it cannot change within a loop`,
        );
      }
    }
    const plan = cache.plan(cached, { datas: this.#datas, shapes: this.#shapes });
    if (plan.stage.next !== undefined || plan.stage.fetches.some(({ dynamic }) => dynamic)) {
      throw new InvalidArgumentError('A loop needs shapes that do not depend on computed values');
    }
    return plan;
  }

  /** The whole loop, now. */
  runSync(plan: LoadedPlan, native: { feeds: NativeFeed[]; marks: boolean[] }): NativeResults {
    try {
      return this.#context.engine.runLoopSync(plan.id, this.#n, native.feeds, native.marks);
    } catch (error) {
      this.#context.cache.learnFailed(plan.stage);
      throw informed(plan.stage, error);
    }
  }

  /** Native feeds with their marks. */
  feeds(plan: LoadedPlan): { feeds: NativeFeed[]; marks: boolean[] } {
    const feeds = [...plan.feeds(this.#datas)];
    const marks = plan.stage.feeds.map(({ source }, i) => {
      const whole = 'feed' in source ? this.#whole[source.feed] : undefined;
      if (whole !== undefined) feeds[i] = whole as NativeFeed;
      return whole !== undefined;
    });
    return { feeds, marks };
  }

  build(plan: LoadedPlan, raw: NativeResults): unknown {
    const n = this.#n;
    if (n > 0) this.#context.cache.learn(plan.stage);
    const results = plan.stage.results.map((result) => {
      if ('fetch' in result) return plan.readers[result.fetch]!.readMany(raw?.[result.fetch], n);
      return repeat(result.value, n);
    });
    return this.#request.build(results, { datas: [], shapes: [] });
  }
}

/** What a stepped feed or an item of a source holds, in the tensor's dtype. */
export const steppedData = (tensor: Tensor, value: unknown): { readonly data: DataArray; readonly given: NDArray } =>
  fedFor(tensor, value, () => {
    const { dtype } = tensor;
    const memory = value instanceof NDArray ? value.data : value;
    if (isDetached(memory)) throw new InvalidArgumentError('The memory of a stepped feed is detached');
    if (dtype === string) throw new UnimplementedError('A loop cannot step through strings');
    const given = toNDArray(value, undefined, dtype);
    return { data: castData(given.data, given.dtype, dtype), given };
  });

/** A stepped feed and its first part. */
const split = (tensor: Tensor, value: FeedValueLike): { whole: DataArray; part: NDArray } => {
  const { data, given } = steppedData(tensor, value);
  const size = tensor.shape.numElements;
  const flat = ArrayBuffer.isView(value) && size !== null && size > 0 && tensor.shape.rank !== 0;
  const shape = flat ? tensor.shape.concrete() : given.shape.slice(1);
  const elements = sizeOf(shape);
  if (given.rank === 0 || given.size === 0 || given.size % elements !== 0) {
    throw new ValueError(`A stepped feed of '${tensor.name}' holds no whole part of shape (${shape.join(', ')})`);
  }
  return { whole: data, part: new NDArray(tensor.dtype, shape, data.slice(0, elements) as DataArray) };
};

const repeat = (value: NDArray, n: number): NDArray => {
  const { data, dtype, shape, size } = value;
  if (Array.isArray(data)) return new NDArray(dtype, [n, ...shape], Array.from({ length: n }, () => data).flat());
  const all = new dtype.array!(n * size);
  for (let i = 0; i < n; i++) all.set(data as never, i * size);
  return new NDArray(dtype, [n, ...shape], all);
};

/** The loop on this thread. */
export const runLoopSync = (
  context: LoopContext,
  fetches: Fetch,
  n: number,
  feeds: readonly (readonly [FeedKey, LoopFeed])[],
): unknown => {
  const loop = new Loop(context, fetches, n, feeds, false);
  context.queue.pump();
  try {
    const plan = loop.plan();
    const native = loop.feeds(plan);
    return loop.build(plan, loop.runSync(plan, native));
  } catch (error) {
    throw typedError(context.graph, error);
  }
};

/** The loop on the session's thread. */
export const runLoop = async (
  context: LoopContext,
  fetches: Fetch,
  n: number,
  feeds: readonly (readonly [FeedKey, LoopFeed])[],
  limits: RunLimits,
): Promise<unknown> => {
  const loop = new Loop(context, fetches, n, feeds, true);
  let result: unknown;
  await context.queue.add(() => {
    const plan = loop.plan();
    const native = loop.feeds(plan);
    return {
      start: (done) =>
        context.engine.runLoop(plan.id, n, native.feeds, native.marks, (error, results) => {
          if (error !== undefined && error !== null) context.cache.learnFailed(plan.stage);
          done(informed(plan.stage, error), results);
        }),
      sync: () => loop.runSync(plan, native),
      next: (raw) => {
        result = loop.build(plan, raw);
        return undefined;
      },
    };
  }, limits);
  return result;
};
