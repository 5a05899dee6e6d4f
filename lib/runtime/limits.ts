// What ends a run before it is done: a caller's signal, or the time that it may take.
import { CancelledError, DeadlineExceededError, type GrafoError, GraphTypeError, ValueError } from '../core/errors.js';
import { repr, typeName } from './fetches.js';

/** What a run needs of an `AbortSignal`; written out, so that programs without Node's or the browser's types compile. */
export interface StopSignal {
  readonly aborted: boolean;
  readonly reason: unknown;
  addEventListener(type: 'abort', listener: () => void, options?: { once?: boolean }): void;
  removeEventListener(type: 'abort', listener: () => void): void;
}

/** How a run is limited. */
export interface RunLimits {
  /** Cancels the run, waiting or in flight. */
  readonly signal?: StopSignal | undefined;
  /** Cancels the run after so many milliseconds with DEADLINE_EXCEEDED; Infinity: never. */
  readonly timeoutMs?: number | undefined;
}

/** Throws a TypeError or ValueError for limits that are none. */
export const checkLimits = (what: string, limits: RunLimits): void => {
  if (typeof limits !== 'object' || limits === null) {
    throw new GraphTypeError(`${what}() takes its options in an object, not ${repr(limits)}`);
  }
  const { signal, timeoutMs } = limits;
  if (signal !== undefined && !isSignal(signal)) {
    throw new GraphTypeError(`${what}: signal takes an AbortSignal, not ${typeName(signal)}`);
  }
  if (timeoutMs === undefined) return;
  if (typeof timeoutMs !== 'number') {
    throw new GraphTypeError(`${what}: timeoutMs takes a number, not ${typeName(timeoutMs)}`);
  }
  if (!(timeoutMs >= 0)) throw new ValueError(`${what}: timeoutMs must be 0 or more, not ${timeoutMs}`);
};

const isSignal = (value: unknown): value is StopSignal => {
  if (typeof value !== 'object' || value === null) return false;
  const { aborted, addEventListener, removeEventListener } = value as Partial<StopSignal>;
  return (
    typeof aborted === 'boolean' && typeof addEventListener === 'function' && typeof removeEventListener === 'function'
  );
};

/**
 * Calls `stop` with the reason when a limit is reached, within this call where it is already.
 *
 * @param what what is limited, for the reason: 'run' or 'loop'.
 * @returns what ends the watch; undefined where there is nothing to watch.
 */
export const watchLimits = (
  { signal, timeoutMs }: RunLimits,
  what: string,
  stop: (why: GrafoError) => void,
): (() => void) | undefined => {
  const releases: (() => void)[] = [];
  if (signal !== undefined) {
    const abort = (): void => {
      const why = new CancelledError(`The ${what} was cancelled by its AbortSignal`);
      why.cause = signal.reason;
      stop(why);
    };
    if (signal.aborted) {
      abort();
      return undefined;
    }
    releases.push(onAbort(signal, abort));
  }
  if (timeoutMs !== undefined && timeoutMs !== Number.POSITIVE_INFINITY) {
    releases.push(
      after(timeoutMs, () => stop(new DeadlineExceededError(`The ${what} took longer than ${timeoutMs} ms`))),
    );
  }
  if (releases.length === 0) return undefined;
  return () => {
    for (const release of releases) release();
  };
};

/** The one listener of a signal, and whom it tells: Node takes more than ten of one signal for a leak. */
interface Listening {
  readonly waiting: Set<() => void>;
  readonly tell: () => void;
}
const listeners = new WeakMap<StopSignal, Listening>();

const listenTo = (signal: StopSignal): Listening => {
  const waiting = new Set<() => void>();
  const tell = (): void => {
    listeners.delete(signal);
    for (const one of waiting) one();
  };
  const made = { waiting, tell };
  listeners.set(signal, made);
  signal.addEventListener('abort', tell, { once: true });
  return made;
};

/** Calls a function when a signal is aborted; returns what forgets it. */
const onAbort = (signal: StopSignal, then: () => void): (() => void) => {
  const listening = listeners.get(signal) ?? listenTo(signal);
  listening.waiting.add(then);
  return () => {
    listening.waiting.delete(then);
    if (listening.waiting.size > 0 || listeners.get(signal) !== listening) return;
    listeners.delete(signal);
    signal.removeEventListener('abort', listening.tell);
  };
};

/** The longest that a timer waits; it takes more for 1 ms. */
const LONGEST_MS = 2 ** 31 - 1;

/** Calls a function after any time; returns what stops that. */
const after = (ms: number, then: () => void): (() => void) => {
  const end = performance.now() + ms;
  let timer: ReturnType<typeof setTimeout>;
  const arm = (left: number): void => {
    timer = left > LONGEST_MS ? setTimeout(() => arm(end - performance.now()), LONGEST_MS) : setTimeout(then, left);
  };
  arm(ms);
  return () => clearTimeout(timer);
};

/** The limits that several runs and waits share. */
export class SharedLimits {
  /** Why all of it is over, once it is. */
  why: GrafoError | undefined;
  readonly #control = new AbortController();
  readonly #release: (() => void) | undefined;
  #waiting: ((why: GrafoError) => void) | undefined;

  constructor(limits: RunLimits, what: string) {
    this.#release = watchLimits(limits, what, (why) => this.stop(why));
  }

  /** Ends all of it. */
  stop(why: GrafoError): void {
    this.why ??= why;
    this.#control.abort(this.why);
    this.#waiting?.(this.why);
  }

  /** The limits of one of the runs; what it rejects with is not the reason, `why` is. */
  get ofRun(): RunLimits {
    return this.#release === undefined ? {} : { signal: this.#control.signal };
  }

  /** What a promise gives, unless a limit is reached before. One at a time. */
  until<T>(promise: Promise<T>): Promise<T> {
    return new Promise((resolve, reject) => {
      this.#waiting = reject;
      if (this.why !== undefined) reject(this.why);
      promise.then(resolve, reject);
    });
  }

  release(): void {
    this.#release?.();
  }
}
