// Plans of a session: compiled once per request, specialised and loaded once per shapes, thrown away by least recent use.
import { prepare } from '../compile/pipeline.js';
import type { CompileOptions, Prepared, Request, Stage } from '../compile/stage.js';
import type { DataArray, NumericArray } from '../core/dtype.js';
import type { Graph, Operation } from '../core/graph.js';
import { NDArray } from '../core/ndarray.js';
import { isSameShape, sizeOf } from '../core/shape.js';
import { copyOfData } from '../core/typedArrays.js';
import { DirectRun } from './directRun.js';
import { informed } from './errors.js';
import type { Fed } from './feeds.js';
import type { NativeSession as Engine, NativeFeed, NativeResults } from './native.js';
import { copyOf, packStrings, ResultReader } from './results.js';

const MAX_REQUESTS = 256;
const MAX_PLANS = 512;
/** Below these a thread costs more than it saves. */
const SMALL_NS = 50_000;
const SMALL_BYTES = 1 << 17;

/** Hears of the operations of every new plan, and which of them the session's device leaves to the CPU. */
export type PlacementLog = (operations: readonly Operation[], leftToCpu: ReadonlySet<Operation>) => void;

/** The caller's own memory for some fetches of a plan. */
export type Outs = readonly (NumericArray | undefined)[];

/** A stage in the engine, and how its feeds and results are found. */
export class LoadedPlan {
  readonly stage: Stage;
  readonly id: number;
  /** Whether an async run of it is worth no thread. */
  readonly small: boolean;
  readonly readers: readonly ResultReader[];
  /** Whether the plan's fetches are the request's, one for one. */
  readonly plain: boolean;
  /** Whether the request's feeds are the plan's, in order and without strings. */
  readonly isDirect: boolean;

  constructor(engine: Engine, stage: Stage) {
    const { words, constants, strings, stateKeys } = stage.plan;
    this.stage = stage;
    this.id = engine.loadPlan(words, constants, strings, stateKeys);
    const bytes = stage.fetches.reduce((sum, { dtype, shape }) => sum + sizeOf(shape) * dtype.size, 0);
    this.small = stage.cost < SMALL_NS && bytes < SMALL_BYTES && stage.next === undefined;
    this.readers = stage.fetches.map((info, i) => new ResultReader(info, i, engine));
    this.plain =
      stage.results.length === stage.fetches.length &&
      stage.results.every((result, i) => 'fetch' in result && result.fetch === i);
    this.isDirect = stage.feeds.every(
      ({ source, dtype }, i) => 'feed' in source && source.feed === i && dtype.array !== undefined,
    );
  }

  /** What the engine is fed. */
  feeds(datas: readonly DataArray[]): readonly NativeFeed[] {
    if (this.isDirect && datas.length === this.stage.feeds.length) return datas as readonly NativeFeed[];
    return this.stage.feeds.map(({ source }) => {
      const data = 'feed' in source ? datas[source.feed]! : source.value.data;
      return Array.isArray(data) ? packStrings(data) : data;
    });
  }

  /** Runs now, with results in the caller's memory where `outs` has some. */
  runSync(engine: Engine, datas: readonly DataArray[], outs?: Outs, traced?: boolean): NativeResults {
    const feeds = this.feeds(datas);
    try {
      return engine.runSync(this.id, feeds, outs, traced);
    } catch (error) {
      throw informed(this.stage, error);
    }
  }

  /** Every fetched value of the plan; where `outs` has memory, that. */
  values(raw: NativeResults, outs?: Outs): NDArray[] {
    const readers = this.readers;
    const values = new Array<NDArray>(readers.length);
    for (let i = 0; i < values.length; i++) {
      const out = outs?.[i];
      values[i] = out === undefined ? readers[i]!.read(raw?.[i]) : readers[i]!.wrap(out);
    }
    return values;
  }

  /** The request's results, from the plan's values. */
  results(values: NDArray[]): NDArray[] {
    if (this.plain) return values;
    // Each result is memory of its own: two may be the same value of an earlier stage, but never the same fetch of this one.
    return this.stage.results.map((result) => ('value' in result ? copyOf(result.value) : values[result.fetch]!));
  }
}

/** The key of a specialisation: what the plan's shapes depend on. */
interface Specialised {
  readonly plan: LoadedPlan;
  readonly key: string;
  readonly shapes: readonly (readonly number[])[];
  readonly valued: readonly (DataArray | undefined)[];
  /** The cache's `#learnt` when the plan was last found to fit. */
  learnt: number;
  /** The short way to run it again: looked for at its second run. */
  direct: DirectRun | 'unknown' | undefined;
}

/** A request of a session with its plans. */
export class CachedRequest {
  readonly request: Request;
  readonly prepared: Prepared;
  readonly plans = new Map<string, Specialised>();
  last: Specialised | undefined;

  constructor(request: Request, prepared: Prepared) {
    this.request = request;
    this.prepared = prepared;
  }
}

const sameNumbers = (a: ArrayLike<unknown>, b: ArrayLike<unknown>): boolean => {
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (!Object.is(a[i], b[i])) return false;
  return true;
};

/** All plans of one session. Not used while a run is in flight: the engine would make the caller wait. */
export class PlanCache {
  /** Shapes of variables that assignments decided, by operation id. */
  readonly #variableShapes = new Map<number, readonly number[]>();
  /** How often those changed. */
  #learnt = 0;
  readonly #graph: Graph;
  readonly #engine: Engine;
  readonly #options: CompileOptions;
  readonly #requests = new Map<string, CachedRequest>();
  /** Plans by last use, oldest first. */
  readonly #used = new Map<Specialised, CachedRequest>();

  readonly #onPlaced: PlacementLog | undefined;

  constructor(graph: Graph, engine: Engine, options: CompileOptions, onPlaced?: PlacementLog) {
    this.#graph = graph;
    this.#engine = engine;
    this.#options = options;
    this.#onPlaced = onPlaced;
  }

  /** The compiled request of these tensors and operations. */
  request(fetches: Request['fetches'], targets: Request['targets'], feeds: Request['feeds']): CachedRequest {
    const names = (tensors: Request['fetches']) =>
      tensors.map((tensor) => `${tensor.op.id}:${tensor.valueIndex}`).join();
    const key = `${names(fetches)};${targets.map((op) => op.id).join()};${names(feeds)}`;
    let found = this.#requests.get(key);
    if (found === undefined) {
      const request = { graph: this.#graph, fetches, targets, feeds };
      found = new CachedRequest(request, prepare(request, this.#options));
      if (this.#requests.size >= MAX_REQUESTS) this.#forget(this.#requests.keys().next().value!);
    } else this.#requests.delete(key);
    this.#requests.set(key, found);
    return found;
  }

  /** The plan for concrete feeds. */
  plan(cached: CachedRequest, fed: Fed): LoadedPlan {
    const last = cached.last;
    if (last !== undefined && this.#fits(cached.prepared, last, fed)) return last.plan;
    return this.#other(cached, fed);
  }

  /** The short way to run a request's last plan again, where it has one. */
  direct(cached: CachedRequest): DirectRun | undefined {
    const { last } = cached;
    if (last === undefined || last.learnt !== this.#learnt) return undefined;
    if (last.direct === 'unknown') {
      const { next, variableShapes } = last.plan.stage;
      const repeats = cached.prepared.valueFeeds.length === 0 && next === undefined && variableShapes.size === 0;
      last.direct = repeats ? DirectRun.of(this.#engine, last.plan, cached.request.feeds, last.shapes) : undefined;
    }
    return last.direct;
  }

  #fits({ valueFeeds }: Prepared, plan: Specialised, { datas, shapes }: Fed): boolean {
    if (plan.learnt !== this.#learnt) return false;
    for (let i = 0; i < shapes.length; i++) if (!isSameShape(plan.shapes[i]!, shapes[i]!)) return false;
    for (const i of valueFeeds) if (!sameNumbers(plan.valued[i]!, datas[i]!)) return false;
    return true;
  }

  #other(cached: CachedRequest, { datas, shapes }: Fed): LoadedPlan {
    const { prepared, request } = cached;
    const values = prepared.valueFeeds.map((i) => JSON.stringify(Array.from(datas[i] as ArrayLike<unknown>, String)));
    const known = this.#variableShapes;
    const variables = prepared.variables.flatMap((id) => (known.has(id) ? [`${id}=${known.get(id)!.join('x')}`] : []));
    const key = [shapes.map((shape) => shape.join('x')).join(), ...values, ...variables].join(';');
    let found = cached.plans.get(key);
    if (found === undefined) {
      const own = shapes.map((shape) => Object.freeze([...shape]));
      const arrays = own.map((shape, i) => {
        // What shapes depend on is kept; the rest of what is fed is the caller's, and may be large.
        const isKept = prepared.valueFeeds.includes(i);
        return { shape, array: isKept ? new NDArray(request.feeds[i]!.dtype, shape, copyOfData(datas[i]!)) : null };
      });
      const stage = prepared.specialize(arrays, known);
      this.#onPlaced?.(prepared.operations, stage.leftToCpu());
      const valued = arrays.map(({ array }) => array?.data);
      found = { plan: this.load(stage), key, shapes: own, valued, learnt: 0, direct: 'unknown' };
      cached.plans.set(key, found);
    } else this.#used.delete(found);
    this.#used.set(found, cached);
    found.learnt = this.#learnt;
    cached.last = found;
    if (this.#used.size > MAX_PLANS) this.#evict();
    return found.plan;
  }

  /** Takes over what a stage that ran did to shapes of variables. */
  learn({ variableShapes }: Pick<Stage, 'variableShapes'>): void {
    for (const [id, shape] of variableShapes) {
      const known = this.#variableShapes.get(id);
      if (known !== undefined && sameNumbers(known, shape)) continue;
      this.#variableShapes.set(id, shape);
      this.#learnt++;
    }
  }
  /** The same for one that failed: only the engine knows how far it came. */
  learnFailed({ variableShapes }: Stage): void {
    if (variableShapes.size === 0) return;
    const reached = new Map<number, readonly number[]>();
    try {
      for (const id of variableShapes.keys()) {
        const variable = this.#engine.variableInfo(id);
        if (variable?.initialized === true) reached.set(id, variable.shape);
      }
    } catch {
      return; // The session was closed.
    }
    this.learn({ variableShapes: reached });
  }

  /** Loads a stage; the caller unloads it where the cache does not keep it. */
  load(stage: Stage): LoadedPlan {
    try {
      return new LoadedPlan(this.#engine, stage);
    } catch (error) {
      throw informed(stage, error);
    }
  }
  unload(plan: LoadedPlan): void {
    this.#engine.unloadPlan(plan.id);
  }

  #evict(): void {
    const [oldest, owner] = this.#used.entries().next().value!;
    this.#drop(owner, oldest);
  }
  #drop(owner: CachedRequest, plan: Specialised): void {
    this.#used.delete(plan);
    owner.plans.delete(plan.key);
    if (owner.last === plan) owner.last = undefined;
    this.unload(plan.plan);
  }
  #forget(key: string): void {
    const request = this.#requests.get(key)!;
    this.#requests.delete(key);
    for (const plan of [...request.plans.values()]) this.#drop(request, plan);
  }
}
