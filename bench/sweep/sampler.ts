// How long a call takes, quickly: samples of many calls for a few milliseconds, of which a quarter were faster. As bench/rivals/sweep_worker.py.
import { quantile } from '../lib/stats.js';

/** A sample is as many calls as take so long: the clock's own time is then nothing. */
const SAMPLE_NS = 60e3;
const MOST_CALLS = 2000;
const MOST_SAMPLES = 400;
const FEWEST_SAMPLES = 3;
const ESTIMATE_NS = 6e6;
const ESTIMATE_CALLS = 3000;

const timeOf = (call: () => unknown, calls: number): number => {
  const started = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) call();
  return Number(process.hrtime.bigint() - started);
};

/** Times one call, made once. */
export class Sampler {
  readonly #call: () => unknown;
  /** What it took while it was warmed. */
  readonly estimate: number;
  readonly #calls: number;

  constructor(call: () => unknown) {
    this.#call = call;
    let spent = 0;
    let called = 0;
    let calls = 1;
    let fastest = Number.POSITIVE_INFINITY;
    do {
      const elapsed = timeOf(call, calls);
      fastest = Math.min(fastest, elapsed / calls);
      spent += elapsed;
      called += calls;
      calls = Math.min(2 * calls, MOST_CALLS, Math.ceil(SAMPLE_NS / fastest));
    } while (spent < ESTIMATE_NS && called < ESTIMATE_CALLS);
    this.estimate = fastest;
    this.#calls = Math.max(1, Math.min(MOST_CALLS, Math.ceil(SAMPLE_NS / fastest)));
  }

  /** Nanoseconds a call that a quarter of the samples of a round stayed below: others' work on the machine only adds. */
  round(ms: number): number {
    this.#call();
    const samples: number[] = [];
    let spent = 0;
    while (samples.length < FEWEST_SAMPLES || (spent < ms * 1e6 && samples.length < MOST_SAMPLES)) {
      const elapsed = timeOf(this.#call, this.#calls);
      spent += elapsed;
      samples.push(elapsed / this.#calls);
    }
    return quantile(
      samples.sort((a, b) => a - b),
      0.25,
    );
  }
}
