// One run from its feeds to its results: every stage of it, on this thread or on the session's.
import type { DataArray } from '../core/dtype.js';
import type { NDArray } from '../core/ndarray.js';
import { informed } from './errors.js';
import type { Fed } from './feeds.js';
import type { NativeError, NativeResults, NativeSession } from './native.js';
import type { CachedRequest, LoadedPlan, PlanCache } from './planCache.js';
import type { Attempt } from './runQueue.js';
import type { Trace } from './trace.js';

/** Runs every stage now and gives the request's results. */
export const runStages = (
  engine: NativeSession,
  cache: PlanCache,
  cached: CachedRequest,
  fed: Fed,
  trace?: Trace,
): readonly NDArray[] => {
  const plan = cache.plan(cached, fed);
  const raw = runNow(engine, cache, plan, fed.datas, trace);
  return plan.stage.next === undefined && plan.stage.variableShapes.size === 0
    ? plan.results(plan.values(raw))
    : runRest(engine, cache, plan, plan.values(raw), fed.datas, trace);
};

const runNow = (
  engine: NativeSession,
  cache: PlanCache,
  plan: LoadedPlan,
  datas: readonly DataArray[],
  trace: Trace | undefined,
): NativeResults => {
  try {
    return plan.runSync(engine, datas, undefined, trace !== undefined);
  } catch (error) {
    cache.learnFailed(plan.stage);
    throw error;
  } finally {
    // What failed has run up to there.
    trace?.add(plan.stage.steps(), engine.takeTimes());
  }
};

const runRest = (
  engine: NativeSession,
  cache: PlanCache,
  first: LoadedPlan,
  firstValues: NDArray[],
  datas: readonly DataArray[],
  trace: Trace | undefined,
): readonly NDArray[] => {
  let values = firstValues;
  cache.learn(first.stage);
  let plan = first;
  while (plan.stage.next !== undefined) {
    const next = cache.load(plan.stage.next(values));
    try {
      values = next.values(runNow(engine, cache, next, datas, trace));
    } finally {
      cache.unload(next);
    }
    cache.learn(next.stage);
    plan = next;
  }
  return plan.results(values);
};

/** The stages of one async run, as attempts for the queue. `finish` gets the request's results. */
export class StagedRun {
  readonly #engine: NativeSession;
  readonly #cache: PlanCache;
  readonly #fed: Fed;
  readonly #finish: (results: readonly NDArray[]) => void;
  readonly #trace: Trace | undefined;

  constructor(
    engine: NativeSession,
    cache: PlanCache,
    fed: Fed,
    finish: (results: readonly NDArray[]) => void,
    trace?: Trace,
  ) {
    this.#engine = engine;
    this.#cache = cache;
    this.#fed = fed;
    this.#finish = finish;
    this.#trace = trace;
  }

  begin(cached: CachedRequest): Attempt {
    return this.#attempt(this.#cache.plan(cached, this.#fed), false);
  }

  #attempt(plan: LoadedPlan, temporary: boolean): Attempt {
    const feeds = plan.feeds(this.#fed.datas);
    const drop = (): void => {
      if (temporary) this.#cache.unload(plan);
    };
    const fail = (): void => {
      this.#cache.learnFailed(plan.stage);
      drop();
    };
    const trace = this.#trace;
    const measured = (): void => trace?.add(plan.stage.steps(), this.#engine.takeTimes());
    return {
      start: (done) => {
        const ended = (error: NativeError | undefined, results: NativeResults): void => {
          measured();
          // The engine unloads at once here: nothing of this session is in flight.
          if (error !== undefined && error !== null) fail();
          done(informed(plan.stage, error), results);
        };
        if (trace === undefined) this.#engine.run(plan.id, feeds, ended);
        else this.#engine.run(plan.id, feeds, ended, true);
      },
      sync: () => {
        try {
          return this.#engine.runSync(plan.id, feeds, undefined, trace !== undefined);
        } catch (error) {
          fail();
          throw informed(plan.stage, error);
        } finally {
          measured();
        }
      },
      next: (raw: NativeResults) => {
        const values = plan.values(raw);
        drop();
        this.#cache.learn(plan.stage);
        if (plan.stage.next !== undefined) return this.#attempt(this.#cache.load(plan.stage.next(values)), true);
        this.#finish(plan.results(values));
        return undefined;
      },
    };
  }
}
