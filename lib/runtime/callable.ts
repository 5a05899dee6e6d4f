// Callables: the same fetches again and again, with nothing looked up on the way.
import type { NumericArray } from '../core/dtype.js';
import { GraphTypeError, ValueError } from '../core/errors.js';
import type { Graph, Tensor } from '../core/graph.js';
import { NDArray } from '../core/ndarray.js';
import { checkOptions, type OptionNames } from '../core/options.js';
import { sizeOf } from '../core/shape.js';
import { copyOfData, isTyped, lengthOf, tagOf } from '../core/typedArrays.js';
import type { Targets as Crossing } from './directRun.js';
import { typedError } from './errors.js';
import { runStages } from './execution.js';
import type { Fed, FeedKey, FeedValueLike } from './feeds.js';
import type { Fetch } from './fetches.js';
import { hostNumberOf, resultIn } from './hostBuffer.js';
import type { NativeSession } from './native.js';
import type { LoadedPlan, Outs, PlanCache } from './planCache.js';
import { RunRequest } from './request.js';
import type { RunLimits } from './runQueue.js';

/** What `makeCallable` returns. */
export interface Callable<R> {
  /** Runs now. */
  (...values: readonly FeedValueLike[]): R;
  /** Runs without blocking. */
  async(...values: readonly FeedValueLike[]): Promise<R>;
}

/** Options of `makeCallable`. */
export interface CallableOptions {
  /**
   * Memory for the results, in the structure of the fetches: typed arrays or NDArrays. What it has no place for is made anew. Results
   * are computed in it where they can be, so what a failed run leaves there is unspecified. A result in a host buffer of its shape is that
   * host buffer, and so as quick to feed on.
   */
  readonly into?: unknown;
}

const CALLABLE: OptionNames<CallableOptions> = { into: true };

/** What a callable needs of its session. */
export interface CallableContext {
  readonly graph: Graph;
  readonly engine: NativeSession;
  readonly cache: PlanCache;
  /** Throws where the session is closed; completes the async runs before. */
  ready(): void;
  later(request: RunRequest, values: readonly unknown[], limits: RunLimits): Promise<unknown>;
}

/** Makes a callable; the session's method calls this. */
export const makeCallable = <R>(
  fetches: Fetch,
  feedList: readonly FeedKey[],
  options: CallableOptions,
  context: CallableContext,
): Callable<R> => {
  if (!Array.isArray(feedList)) throw new GraphTypeError('`feed_list` must be a list or tuple.');
  checkOptions('makeCallable', options, CALLABLE);
  const { graph, engine, cache } = context;
  const request = new RunRequest(graph, fetches, feedList);
  const count = feedList.length;
  const check = (given: number): void => {
    if (given !== count) throw new ValueError(`The callable takes ${count} values, ${given} given`);
  };
  const into = options.into === undefined ? undefined : new Targets(request, options.into);
  const step = (...values: readonly FeedValueLike[]): unknown => {
    if (values.length !== count) check(values.length);
    context.ready();
    try {
      const direct = request.directRun(cache);
      if (direct !== undefined) {
        const results = into === undefined ? direct.run(values) : direct.runInto(values, into.targets);
        if (results !== undefined) return request.structure.build(results);
      }
    } catch (error) {
      throw typedError(graph, error);
    }
    const given = request.slots.convert(values, false);
    // What is fetched as it is fed may lie where results are written.
    const isKept = into !== undefined && !request.direct;
    const fed = isKept ? { ...given, datas: given.datas.map(copyOfData) } : given;
    context.ready();
    try {
      if (!request.runs) return request.build([], fed);
      const cached = request.cached(cache);
      const results =
        into === undefined
          ? runStages(engine, cache, cached, fed)
          : into.run(engine, cache, cache.plan(cached, fed), fed);
      return request.build(results, fed);
    } catch (error) {
      throw typedError(graph, error);
    }
  };
  const later = async (...values: readonly FeedValueLike[]): Promise<unknown> => {
    check(values.length);
    const result = await context.later(request, values, {});
    return into === undefined ? result : into.fill(result);
  };
  return Object.assign(step, { async: later }) as unknown as Callable<R>;
};

/** The caller's memory for results. */
class Targets {
  readonly #request: RunRequest;
  /** For each distinct fetch: its memory, and the host buffer that this is of. */
  readonly #targets: readonly (NumericArray | undefined)[];
  readonly #hosts: readonly (NDArray | undefined)[];
  /** For each asked tensor, as they cross the short way. */
  readonly targets: Crossing;
  #plan: LoadedPlan | undefined;
  #outs: Outs | undefined;

  constructor(request: RunRequest, into: unknown) {
    this.#request = request;
    const leaves = request.structure.leavesOf(into);
    this.#targets = leaves.map((leaf) => {
      if (leaf === undefined) return undefined;
      const data = leaf instanceof NDArray ? leaf.data : leaf;
      if (!ArrayBuffer.isView(data) || data instanceof DataView) {
        throw new GraphTypeError('into takes typed arrays and NDArrays of numbers');
      }
      return data as NumericArray;
    });
    this.#targets.forEach((target, i) => {
      const twin = this.#targets.findIndex((other, j) => j < i && overlap(target, other));
      if (twin < 0) return;
      const [one, other] = [request.structure.tensors[twin], request.structure.tensors[i]];
      throw new ValueError(`into has ${one} and ${other} in the same memory`);
    });
    const found = request.asked.map((_, place) => leaves.findIndex((_, i) => request.placeOf(i) === place));
    const datas = found.map((at) => this.#targets[at]);
    this.#hosts = leaves.map((leaf) => (leaf instanceof NDArray && hostNumberOf(leaf, leaf) >= 0 ? leaf : undefined));
    const hosts = found.map((at) => this.#hosts[at]);
    const numbers = hosts.map((host) => (host === undefined ? undefined : hostNumberOf(host, host)));
    const byNumber = datas.every((data, i) => data === undefined || hosts[i] !== undefined);
    this.targets = { datas, hosts, numbers, byNumber, fitted: undefined, results: [], whole: undefined };
  }

  run(engine: NativeSession, cache: PlanCache, plan: LoadedPlan, fed: Fed): readonly NDArray[] {
    const outs = this.#outsOf(plan);
    if (outs === undefined) {
      return runStages(engine, cache, this.#request.cached(cache), fed).map((result, i) => this.#moved(result, i));
    }
    plan.readers.forEach((reader, i) => {
      const target = outs[i];
      if (target !== undefined && !reader.fits(target))
        throw misfit(this.#request.asked[i]!, target, plan.stage.fetches[i]!);
    });
    const results = plan.results(plan.values(plan.runSync(engine, fed.datas, outs), outs));
    return results.map((result, i) => resultIn(this.targets.hosts[i], result.shape) ?? result);
  }

  /** What the engine writes itself; undefined where results have to be moved afterwards. */
  #outsOf(plan: LoadedPlan): Outs | undefined {
    if (this.#plan === plan) return this.#outs;
    const { stage } = plan;
    const direct = plan.plain && stage.next === undefined && stage.variableShapes.size === 0;
    this.#plan = plan;
    this.#outs = direct && stage.fetches.every(({ dynamic }) => !dynamic) ? this.targets.datas : undefined;
    return this.#outs;
  }

  #moved(result: NDArray, place: number): NDArray {
    const target = this.targets.datas[place];
    if (target === undefined) return result;
    return moveInto(this.#request.asked[place]!, result, target, this.targets.hosts[place]);
  }

  /** The results of an async run, moved into the caller's memory. */
  fill(results: unknown): unknown {
    const { structure } = this.#request;
    const values = structure.leavesOf(results).map((leaf, i) => {
      const target = this.#targets[i];
      if (target === undefined || !(leaf instanceof NDArray)) return leaf as NDArray;
      return moveInto(structure.tensors[i]!, leaf, target, this.#hosts[i]);
    });
    return structure.build(values);
  }
}

/** Whether two arrays have a byte in common. */
const overlap = (a: NumericArray | undefined, b: NumericArray | undefined): boolean =>
  a !== undefined &&
  b !== undefined &&
  a.buffer === b.buffer &&
  Math.min(a.byteLength, b.byteLength) > 0 &&
  a.byteOffset < b.byteOffset + b.byteLength &&
  b.byteOffset < a.byteOffset + a.byteLength;

const moveInto = (tensor: Tensor, result: NDArray, target: NumericArray, host: NDArray | undefined): NDArray => {
  if (!isTyped(target, result.dtype.array?.name, result.size)) throw misfit(tensor, target, result);
  (target as Float32Array).set(result.data as Float32Array);
  return resultIn(host, result.shape) ?? new NDArray(result.dtype, result.shape, target);
};

const misfit = (tensor: Tensor, target: NumericArray, result: Pick<NDArray, 'dtype' | 'shape'>): ValueError => {
  const [held, wanted] = [lengthOf(target), sizeOf(result.shape)];
  return new ValueError(
    `into holds ${held} elements in a ${tagOf(target)} for ${tensor}, the result is ${result.dtype} of ${wanted}`,
  );
};
