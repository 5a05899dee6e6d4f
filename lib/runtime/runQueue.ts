// The runs of one session, first in first out: one in flight on the session's thread, the others waiting here.
import { CancelledError, ResourceExhaustedError } from '../core/errors.js';
import { type RunLimits, watchLimits } from './limits.js';
import type { NativeResults } from './native.js';

export type { RunLimits };

/** One step of a run: hands itself to the engine's thread, or runs now. */
export interface Attempt {
  /** Starts it on the session's thread. */
  start(done: (error: unknown, results: NativeResults) => void): void;
  /** Runs it on this thread. */
  sync(): NativeResults;
  /** What follows its results: another attempt, or undefined where the run is complete. */
  next(results: NativeResults): Attempt | undefined;
}

interface Job {
  /** Makes the first attempt: called when the run has its turn, because shapes may depend on the runs before it. */
  readonly begin: () => Attempt;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
  /** Why it was told to stop while in flight. */
  stopped: unknown;
  /** What its listener threw. */
  blamed: { readonly error: unknown } | undefined;
  settled: boolean;
  release: (() => void) | undefined;
}

/** The queue of one session. */
export class RunQueue {
  readonly #limit: number;
  readonly #cancel: () => void;
  readonly #finish: () => void;
  readonly #waiting: Job[] = [];
  #active: Job | undefined;
  /** The run that came back from the session's thread, until its promise is heard. */
  #landed: Job | undefined;
  /** Whether a run is on the session's thread now. */
  #inFlight = false;
  #pumping = false;
  #onIdle: (() => void) | undefined;
  /** Who else is told when the session closes: loops that wait for a source. */
  readonly #closers = new Set<(why: CancelledError) => void>();

  /**
   * @param limit most runs waiting.
   * @param cancel ends the run in flight soon.
   * @param finish waits for the run in flight and delivers it within the call.
   */
  constructor(limit: number, cancel: () => void, finish: () => void) {
    this.#limit = limit;
    this.#cancel = cancel;
    this.#finish = finish;
  }

  get idle(): boolean {
    return this.#active === undefined && this.#waiting.length === 0;
  }

  /** Adds a run; the promise settles when it is complete. */
  add(begin: () => Attempt, limits: RunLimits): Promise<void> {
    if (this.#active !== undefined && this.#waiting.length >= this.#limit) {
      return Promise.reject(
        new ResourceExhaustedError(
          `${this.#waiting.length} runs are waiting in this session; maxInFlight is ${this.#limit}`,
        ),
      );
    }
    let job!: Job;
    const done = new Promise<void>((resolve, reject) => {
      job = { begin, resolve, reject, stopped: undefined, blamed: undefined, settled: false, release: undefined };
      this.#limited(job, limits);
      if (job.settled) return;
      this.#waiting.push(job);
      this.#startNext();
    });
    const heard = (): void => {
      if (this.#landed === job) this.#landed = undefined;
      if (job.blamed !== undefined) throw job.blamed.error;
    };
    return done.then(heard, (error) => {
      job.blamed = undefined;
      heard();
      throw error;
    });
  }

  /**
   * Runs what listens to a run, which the engine calls when it has delivered the run. What it throws in one of the session's thread is the
   * error of that run; elsewhere it goes to who runs now.
   */
  hear(listen: () => void): void {
    const job = this.#landed;
    // A run that the listener makes is its own.
    this.#landed = undefined;
    try {
      listen();
    } catch (error) {
      if (job === undefined) throw error;
      job.blamed ??= { error };
    } finally {
      this.#landed = job;
    }
  }

  /** Completes every run that was added, on this thread. */
  pump(): void {
    if (this.idle) return;
    if (this.#inFlight) {
      this.#pumping = true;
      try {
        while (this.#inFlight) this.#finish();
      } finally {
        this.#pumping = false;
        this.#landed = undefined;
      }
    }
    while (this.#waiting.length > 0) this.#runNow(this.#waiting.shift()!);
  }

  /** Calls `stop` when the session is closed; returns what forgets it. */
  onClose(stop: (why: CancelledError) => void): () => void {
    this.#closers.add(stop);
    return () => this.#closers.delete(stop);
  }

  /** Rejects what waits; calls `then` when the run in flight, if any, is complete. */
  close(then: () => void): void {
    const why = (): CancelledError => new CancelledError('Session has been closed.');
    for (const job of this.#waiting.splice(0)) this.#settle(job, why());
    for (const stop of [...this.#closers]) stop(why());
    if (this.#active === undefined) then();
    else this.#onIdle = then;
  }

  #limited(job: Job, limits: RunLimits): void {
    job.release = watchLimits(limits, 'run', (why) => {
      if (job.settled) return;
      if (this.#active === job) {
        job.stopped = why;
        this.#cancel();
        return;
      }
      const at = this.#waiting.indexOf(job);
      if (at >= 0) this.#waiting.splice(at, 1);
      this.#settle(job, why);
    });
  }

  #settle(job: Job, error: unknown): void {
    if (job.settled) return;
    job.settled = true;
    job.release?.();
    if (error === undefined) job.resolve();
    else job.reject(job.stopped ?? error);
  }

  #startNext(): void {
    while (this.#active === undefined && this.#waiting.length > 0 && !this.#pumping) {
      const job = this.#waiting.shift()!;
      this.#active = job;
      try {
        this.#launch(job, job.begin());
      } catch (error) {
        this.#complete(job, error);
      }
    }
  }

  #launch(job: Job, attempt: Attempt): void {
    this.#inFlight = true;
    // Not within the engine's delivery: it gives a listener the lines of this run next, and would add those of a run that began.
    const follow = (): void => queueMicrotask(() => this.#startNext());
    try {
      attempt.start((error, results) => {
        this.#inFlight = false;
        this.#landed = job;
        if (error !== undefined && error !== null) {
          this.#complete(job, error);
          follow();
          return;
        }
        try {
          const next = attempt.next(results);
          if (next === undefined) this.#complete(job, undefined);
          else if (job.stopped !== undefined) this.#complete(job, job.stopped);
          else if (this.#pumping) this.#finishNow(job, next);
          else this.#launch(job, next);
        } catch (failure) {
          this.#complete(job, failure);
        }
        follow();
      });
    } catch (error) {
      this.#inFlight = false;
      throw error;
    }
  }

  #runNow(job: Job): void {
    this.#active = job;
    try {
      this.#finishNow(job, job.begin());
    } catch (error) {
      this.#complete(job, error);
    }
  }

  #finishNow(job: Job, first: Attempt): void {
    for (let attempt: Attempt | undefined = first; attempt !== undefined; ) {
      const results: NativeResults = attempt.sync();
      attempt = attempt.next(results);
    }
    this.#complete(job, undefined);
  }

  #complete(job: Job, error: unknown): void {
    if (this.#active === job) this.#active = undefined;
    this.#settle(job, error);
    const then = this.#onIdle;
    if (then !== undefined && this.#active === undefined) {
      this.#onIdle = undefined;
      then();
    }
  }
}
