// Session: runs parts of a graph on the native engine and keeps the variables' values.
/// <reference lib="esnext.disposable" preserve="true" />
import type { CompileOptions } from '../compile/stage.js';
import type { TensorSource } from '../core/defineOp.js';
import type { DTypeLike } from '../core/dtype.js';
import { GraphTypeError, RuntimeError } from '../core/errors.js';
import { type Graph, getDefaultGraph, Operation, type Tensor } from '../core/graph.js';
import type { NDArray } from '../core/ndarray.js';
import { checkOptions, type OptionNames } from '../core/options.js';
import { UserPlace } from '../core/place.js';
import { type Callable, type CallableOptions, makeCallable } from './callable.js';
import { type DefaultHolder, withDefaultSession } from './defaultSession.js';
import { choosesGpu, type DeviceInfo, deviceNames, findGpu, gpuKernels, gpuOptions, placementLog } from './devices.js';
import { typedError } from './errors.js';
import { runStages, StagedRun } from './execution.js';
import { type FeedKey, type Feeds, type FeedValueLike, ownFed, readFeeds } from './feeds.js';
import { type Fetch, type Fetched, typeName } from './fetches.js';
import { hostBuffer } from './hostBuffer.js';
import { checkLimits, type RunLimits } from './limits.js';
import { loopLater, loopNow } from './loopSources.js';
import { type NativeMemory, type NativeSession, native } from './native.js';
import { PlanCache } from './planCache.js';
import { RecentRequests, type RunRequest } from './request.js';
import { type LoopFeeds, loopPairs } from './runLoop.js';
import { RunQueue } from './runQueue.js';
import { type SessionOptions, sessionOptions } from './sessionOptions.js';
import { Trace } from './trace.js';

/** Options of a run on this thread. */
export interface SyncRunOptions {
  /** Measures every step of the run into a `Trace`; true: into the session's own, `sess.trace`. */
  readonly trace?: Trace | boolean | undefined;
}
/** Options of one run. */
export interface RunOptions extends RunLimits, SyncRunOptions {}

const RUN_SYNC: OptionNames<SyncRunOptions> = { trace: true };
const LIMITS: OptionNames<RunLimits> = { signal: true, timeoutMs: true };
const RUN: OptionNames<RunOptions> = { ...RUN_SYNC, ...LIMITS };

/** Time that inline runs may take of one turn of the event loop. */
const INLINE_MS = 1;

/**
 * Runs operations of a graph and holds its variables. Sessions of one graph have separate variables. `using` closes one where its block ends
 * (TypeScript 5.2, Node 24); elsewhere call `close()`.
 *
 * @example
 * const x = tf.placeholder('float', []);
 * using sess = new tf.Session();
 * sess.runSync(tf.square(x), [[x, 3]]).item(); // 9
 */
export class Session {
  readonly graph: Graph;
  readonly #engine: NativeSession;
  readonly #onGpu: boolean;
  readonly #cache: PlanCache;
  readonly #queue: RunQueue;
  readonly #recent: RecentRequests;
  #closed = false;
  #trace: Trace | undefined;
  /** When the first inline run of this turn of the event loop began. */
  #turn: number | undefined;

  /**
   * @param graphOrTarget the graph, the options, or TensorFlow's target (only '' exists here: this process).
   * @param options the options.
   */
  constructor(graphOrTarget?: Graph | SessionOptions | string, options?: SessionOptions) {
    const given = sessionOptions(graphOrTarget, options);
    const gpu = gpuOptions(given.gpu);
    this.graph = given.graph ?? getDefaultGraph();
    const { NativeSession: Native } = native();
    this.#onGpu = choosesGpu(this.graph, given.device, given.allowSoftPlacement ?? false);
    const onLog = given.onLog ?? ((line) => process.stderr.write(line.endsWith('\n') ? line : `${line}\n`));
    try {
      this.#engine = new Native({
        gpu: this.#onGpu,
        ...gpu,
        threads: given.threads,
        memoryBytes: given.memoryBytes,
        // What is no function is the engine's to refuse.
        onLog: typeof onLog === 'function' ? (line) => this.#queue.hear(() => onLog(line)) : onLog,
      });
    } catch (error) {
      throw typedError(this.graph, error);
    }
    const engine = this.#engine;
    const compile: CompileOptions = {
      ...(given.allowSoftPlacement === undefined ? {} : { allowSoftPlacement: given.allowSoftPlacement }),
      devices: deviceNames(this.#onGpu),
      deviceKernels: this.#onGpu ? gpuKernels() : undefined,
      ...given.compile,
      evaluate:
        given.compile?.evaluate ??
        ((stage) => {
          const plan = this.#cache.load(stage);
          try {
            return plan.results(plan.values(engine.runSync(plan.id, plan.feeds([]))));
          } finally {
            this.#cache.unload(plan);
          }
        }),
    };
    const placed = given.logDevicePlacement === true ? placementLog(this.#onGpu, onLog) : undefined;
    this.#cache = new PlanCache(this.graph, engine, compile, placed);
    this.#queue = new RunQueue(
      given.maxInFlight,
      () => engine.cancel(),
      () => engine.finish(),
    );
    this.#recent = new RecentRequests(this.graph);
  }

  /** What runs with `{ trace: true }` measured: `console.log(String(sess.trace))`. */
  get trace(): Trace {
    this.#trace ??= new Trace();
    return this.#trace;
  }
  #traceOf(asked: unknown): Trace | undefined {
    if (asked === undefined || asked === false) return undefined;
    if (asked === true) return this.trace;
    if (asked instanceof Trace) return asked;
    throw new GraphTypeError(`trace takes a tf.Trace or a boolean, not ${typeName(asked)}`);
  }

  /** Whether `close` was called. */
  get closed(): boolean {
    return this.#closed;
  }

  #checkOpen(): void {
    if (this.#closed) throw new RuntimeError('Attempted to use a closed Session.');
    if (this.graph.version === 0) {
      throw new RuntimeError('The Session graph is empty.  Add operations to the graph before calling run().');
    }
  }

  /**
   * Runs now and gives the results in the structure of `fetches`: an NDArray for a tensor or variable, null for an operation.
   * Async runs that were started before come first.
   *
   * @param fetches a tensor, variable, operation or name, or arrays, maps and objects of them.
   * @param feeds values of placeholders (or of any tensor): a Map, pairs, or an object keyed by tensor name. A typed array is a vector,
   *   or takes its tensor's shape where that is fully known and as large. In TypeScript a Map whose values are of several kinds needs its
   *   type, `new Map<tf.FeedKey, tf.FeedValueLike>(...)`; pairs need none.
   * @param options `trace` measures the run's steps.
   * @example sess.runSync({ loss, step: train }, new Map([[x, [1, 2]]])).loss.item()
   */
  runSync<const F extends Fetch>(fetches: F, feeds?: Feeds, options?: SyncRunOptions): Fetched<F> {
    this.#checkOpen();
    if (options !== undefined) checkOptions('runSync', options, RUN_SYNC);
    const trace = this.#traceOf(options?.trace);
    const { keys, values } = readFeeds(feeds);
    const request = this.#recent.find(fetches, keys);
    return this.#now(request, values, trace) as Fetched<F>;
  }

  /** Runs a request on this thread. */
  #now(request: RunRequest, values: readonly unknown[], trace: Trace | undefined): unknown {
    if (trace === undefined && this.#queue.idle) {
      try {
        const results = request.directRun(this.#cache)?.run(values);
        if (results !== undefined) return request.structure.build(results);
      } catch (error) {
        throw typedError(this.graph, error);
      }
    }
    const fed = request.slots.convert(values, false);
    this.#checkOpen();
    if (!this.#queue.idle) this.#queue.pump();
    try {
      const results = request.runs ? runStages(this.#engine, this.#cache, request.cached(this.#cache), fed, trace) : [];
      return request.build(results, fed);
    } catch (error) {
      throw typedError(this.graph, error);
    }
  }

  /**
   * Runs on the session's own thread: the promise of what `runSync` returns. Runs of a session happen in the order of their calls. The plan is made
   * on the calling thread, at the first run with its shapes, and feeds are copied before this returns. A run that takes about as long as handing it
   * over is done at once.
   *
   * @param options `signal` and `timeoutMs` cancel the run: CANCELLED, DEADLINE_EXCEEDED. `trace` measures its steps.
   * @example await sess.run(train, [[x, batch]], { timeoutMs: 1000 })
   */
  run<const F extends Fetch>(fetches: F, feeds?: Feeds, options: RunOptions = {}): Promise<Fetched<F>> {
    try {
      this.#checkOpen();
      checkOptions('run', options, RUN);
      checkLimits('run', options);
      const { keys, values } = readFeeds(feeds);
      const request = this.#recent.find(fetches, keys);
      return this.#later(request, values, options) as Promise<Fetched<F>>;
    } catch (error) {
      return Promise.reject(typedError(this.graph, error));
    }
  }

  async #later(request: RunRequest, values: readonly unknown[], limits: RunOptions): Promise<unknown> {
    const { signal, timeoutMs } = limits;
    const trace = this.#traceOf(limits.trace);
    // Until the first await the user's line is on the stack, and asked for by an error only: it costs more than a short run.
    let from: UserPlace | undefined;
    const alone = this.#queue.idle && signal === undefined && timeoutMs === undefined;
    let fed = request.slots.convert(values, !alone);
    this.#checkOpen();
    if (!request.runs) return request.build([], fed);
    try {
      if (alone) {
        const cached = request.cached(this.#cache);
        const plan = this.#cache.plan(cached, fed);
        if (plan.small && this.#mayBlock())
          return request.build(runStages(this.#engine, this.#cache, cached, fed, trace), fed);
        // The engine copies what it is fed at once; what comes after the first stage needs its own memory.
        if (plan.stage.next !== undefined || !request.direct) fed = ownFed(fed);
      }
      let found: unknown;
      const staged = new StagedRun(
        this.#engine,
        this.#cache,
        fed,
        (results) => {
          found = request.build(results, fed);
        },
        trace,
      );
      from = new UserPlace();
      await this.#queue.add(() => staged.begin(request.cached(this.#cache)), limits);
      return found;
    } catch (error) {
      throw typedError(this.graph, error, from);
    }
  }

  /** Whether a short run may still happen inline: runs of one turn of the event loop take a millisecond of it, not more. */
  #mayBlock(): boolean {
    const now = performance.now();
    if (this.#turn === undefined) {
      this.#turn = now;
      setImmediate(() => {
        this.#turn = undefined;
      });
    }
    return now - this.#turn < INLINE_MS;
  }

  /**
   * A function that runs the same fetches again and again, with one argument per element of `feedList`. It looks nothing up.
   *
   * @param options `into`: typed arrays or NDArrays, in the structure of `fetches`, that take the results.
   * @returns `step(...values)` runs now; `step.async(...values)` gives a promise.
   * @example
   * const step = sess.makeCallable([loss, train], [x, y]);
   * for (const [xs, ys] of batches) step(xs, ys);
   */
  makeCallable<const F extends Fetch>(
    fetches: F,
    feedList: readonly FeedKey[] = [],
    options: CallableOptions = {},
  ): Callable<Fetched<F>> {
    this.#checkOpen();
    return makeCallable<Fetched<F>>(fetches, feedList, options, {
      graph: this.graph,
      engine: this.#engine,
      cache: this.#cache,
      ready: () => {
        if (this.#closed) this.#checkOpen();
        if (!this.#queue.idle) this.#queue.pump();
      },
      later: (request, values, limits) => this.#later(request, values, limits),
    });
  }

  /**
   * Runs the same request `n` times in one native call, or in one for each chunk of what sources give. InvalidArgumentError where a shape
   * depends on computed values: of `tf.unique`, of `tf.where` with a condition alone, and where Momentum or Adam updates a table that is gathered
   * from, as they first add up rows that occur twice. Such runs are made one by one.
   *
   * @param n how many times; with a source it may be Infinity, and the loop ends where a source does.
   * @param feeds pairs of a tensor and its value, or a Map or object as `run` takes it. `tf.stepped(array)` gives run i the i-th part of an array (and begins again at its end),
   *   `tf.stepped(iterable)` what the iterable gives next; a list of tensors takes an iterable of lists: `[[x, y], tf.stepped(batches)]`.
   * @returns the results in the structure of `fetches`, each with a first dimension of the number of runs; null for operations.
   * @example sess.runLoopSync(tf.reduceSum(x), 2, [[x, tf.stepped([[1, 2, 3], [4, 5, 6]])]]) // [6, 15]
   */
  runLoopSync<const F extends Fetch>(fetches: F, n: number, feeds: LoopFeeds = []): Fetched<F> {
    this.#checkOpen();
    return loopNow(this.#loopContext(), fetches, n, loopPairs(feeds)) as Fetched<F>;
  }

  /** `runLoopSync` on the session's own thread: the promise of what it returns. */
  runLoop<const F extends Fetch>(
    fetches: F,
    n: number,
    feeds: LoopFeeds = [],
    options: RunLimits = {},
  ): Promise<Fetched<F>> {
    return this.#loopLater(fetches, n, feeds, options) as Promise<Fetched<F>>;
  }

  async #loopLater(fetches: Fetch, n: number, feeds: LoopFeeds, options: RunLimits): Promise<unknown> {
    this.#checkOpen();
    checkOptions('runLoop', options, LIMITS);
    checkLimits('runLoop', options);
    const from = new UserPlace();
    try {
      return await loopLater(this.#loopContext(), fetches, n, loopPairs(feeds), options);
    } catch (error) {
      throw typedError(this.graph, error, from);
    }
  }

  #loopContext() {
    return {
      graph: this.graph,
      engine: this.#engine,
      cache: this.#cache,
      queue: this.#queue,
      checkOpen: () => this.#checkOpen(),
    };
  }

  /**
   * The plan of a run, as text: steps, fusions, buffers and bytes.
   *
   * @example console.log(sess.explain(loss, [[x, batch]]))
   */
  explain(fetches: Fetch, feeds?: Feeds): string {
    this.#checkOpen();
    const { keys, values } = readFeeds(feeds);
    const request = this.#recent.find(fetches, keys);
    const fed = request.slots.convert(values, false);
    this.#checkOpen();
    if (!request.runs) return 'nothing to run: every fetch is fed';
    this.#queue.pump();
    return this.#cache.plan(request.cached(this.#cache), fed).stage.explain();
  }

  /** Bytes the session uses: `sess.memory().variables`. */
  memory(): NativeMemory {
    this.#checkOpen();
    return this.#engine.memory();
  }

  /** The devices a run may use: `sess.listDevices()[0].deviceType // 'CPU'`. */
  listDevices(): readonly DeviceInfo[] {
    if (this.#closed) throw new RuntimeError('Attempted to use a closed Session.');
    const [cpu, gpu] = deviceNames(this.#onGpu);
    const host: DeviceInfo = { name: cpu!, deviceType: 'CPU', memoryLimitBytes: this.#engine.memory().limit };
    if (gpu === undefined) return [host];
    const found = findGpu();
    return [host, { name: gpu, deviceType: 'GPU', memoryLimitBytes: 'reason' in found ? 0 : found.memoryBytes }];
  }

  /**
   * Memory that is cheap to feed from and to write results `into`, as an NDArray of zeros: fill its `data`, then feed it. Its first element is
   * aligned to 64 bytes (`data.buffer` may be larger than `data`). The NDArray itself is frozen, so that callables and repeated `runSync`s hand it
   * over as a number, with nothing to look up: some 30 ns less an array. In a session on the GPU it is pinned: `runSync`, `runLoopSync` and callables copy
   * it to the device straight, without a copy on the host; `run` and `runLoop` take a copy first, as it may change before they run. It
   * outlives the session.
   *
   * @example const batch = sess.hostBuffer('float32', [100, 784]);
   */
  hostBuffer(dtype: DTypeLike, shape: readonly number[]): NDArray {
    return hostBuffer(dtype, shape, this.#onGpu);
  }

  /** The current value of a variable; FailedPreconditionError where it is not initialised: `sess.readVariable(w).toArray()`. */
  readVariable(variable: TensorSource | Tensor): NDArray {
    return this.runSync(variable as TensorSource);
  }

  /**
   * Sets a variable, through its own initialiser.
   *
   * @example sess.loadVariable(w, [[1], [2]])
   */
  loadVariable(variable: { readonly initializer: Operation }, value: FeedValueLike): void {
    const initializer = (variable as Partial<typeof variable> | null | undefined)?.initializer;
    if (!(initializer instanceof Operation)) {
      throw new GraphTypeError(`loadVariable takes a tf.Variable, not ${typeName(variable)}`);
    }
    this.runSync(initializer, [[initializer.inputs[1]!, value]]);
  }

  /** Runs a synchronous function with this session as the default one, for `eval()` and `run()`. */
  asDefault<R>(fn: (session: Session) => R): R {
    return withDefaultSession(this as DefaultHolder as Session, fn);
  }

  /** Ends the session: rejects the runs that wait, lets the one in flight finish, frees its memory. Again: nothing. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#queue.close(() => this.#engine.close());
  }
  [Symbol.dispose](): void {
    this.close();
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return `<tf.Session${this.#closed ? ' closed' : ''}>`;
  }
}
