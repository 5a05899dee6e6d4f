// The process of a rival that runs in Node: says what rows it has, then makes, checks and times them as it is told, a line at a time.
// bench/rivals/worker.py and bench/rivals/native/worker.h speak the same: `make ROW everyCall|everyRound ROUND_MS`, `round`, `drop`, `quit`.
import { createInterface } from 'node:readline';
import { checksum } from './inputs.js';
import type { Case, Cases } from './trial.js';

/** What marks a line of the protocol among whatever libraries print. */
export const MARK = '@bench ';

// Compilers in the background (V8's, XLA's) take from a round what they still have to do: so many calls, or so long.
const WARM_NS = 100e6;
const WARM_CALLS = 2000;
const WARM_MOST_NS = 400e6;

const say = (message: object): void => {
  process.stdout.write(`${MARK}${JSON.stringify(message)}\n`);
};

/** Calls and times one case. */
class Runner {
  readonly #case: Case;
  readonly #everyCall: boolean;
  readonly #roundNs: number;
  #next = 0;
  #calls = 1;

  constructor(made: Case, everyCall: boolean, roundNs: number) {
    this.#case = made;
    this.#everyCall = everyCall;
    this.#roundNs = roundNs;
  }

  /** Nanoseconds of `calls` calls. */
  async #time(calls: number): Promise<number> {
    const made = this.#case;
    const step = this.#everyCall ? 1 : 0;
    let i = this.#next;
    const started = process.hrtime.bigint();
    if (made.async) for (let n = 0; n < calls; n++, i += step) await made.call(i);
    else for (let n = 0; n < calls; n++, i += step) made.call(i);
    const elapsed = Number(process.hrtime.bigint() - started);
    this.#next = i;
    return elapsed;
  }

  /** Calls until warm, and finds how many calls make a round. */
  async warm(): Promise<number> {
    this.#case.reset?.();
    let spent = 0;
    let called = 0;
    let fastest = Number.POSITIVE_INFINITY;
    do {
      const elapsed = await this.#time(this.#calls);
      spent += elapsed;
      called += this.#calls;
      fastest = Math.min(fastest, elapsed / this.#calls);
      // Never much more than before: the first calls may be slower than any other, or look faster than the clock can tell.
      this.#calls = Math.min(100 * this.#calls, Math.max(1, Math.ceil(this.#roundNs / Math.max(fastest, 1))));
    } while (spent < WARM_NS || (called < WARM_CALLS && spent < WARM_MOST_NS));
    return this.#calls;
  }

  /** Nanoseconds a call, over one round. What it waits for and what it needs in the caches is there: a few calls come before. */
  async round(): Promise<number> {
    this.#case.reset?.();
    if (!this.#everyCall) this.#next++;
    await this.#time(Math.max(1, Math.ceil(this.#calls / 20)));
    return (await this.#time(this.#calls)) / this.#calls;
  }
}

/** The results of both sets of inputs; each is summed before the next one is computed, perhaps into the same memory. */
const check = async (made: Case) => {
  const first = await made.check(0);
  const { dtype } = first;
  const checks = [checksum(first.values)];
  checks.push(checksum((await made.check(1)).values));
  return { dtype, checks };
};

/** Says hello, then answers each line with what `handle` makes of its first word and the rest, or with the error, until told to quit. */
export const answerLines = async (
  hello: object,
  handle: (command: string, rest: string) => object | Promise<object>,
): Promise<never> => {
  say(hello);
  for await (const text of createInterface({ input: process.stdin })) {
    const [, command, rest] = /^\s*(\S*)\s*(.*?)\s*$/.exec(text)!;
    if (command === 'quit') break;
    try {
      say(await handle(command!, rest!));
    } catch (error) {
      say({ error: String((error as Error).stack ?? error).slice(0, 600) });
    }
  }
  process.exit(0);
};

/** Serves the rows until told to quit. */
export const serve = (version: string, cases: Cases): Promise<never> => {
  let runner: Runner | undefined;
  return answerLines({ version, rows: Object.keys(cases) }, async (command, rest) => {
    if (command === 'make') {
      const [row, inputs, roundMs] = rest.split(' ');
      const made = await cases[row!]!();
      runner = new Runner(made, inputs === 'everyCall', Number(roundMs) * 1e6);
      const checked = await check(made);
      return { ...checked, calls: await runner.warm() };
    }
    if (command === 'round') return { ns: await runner!.round() };
    runner = undefined;
    globalThis.gc?.();
    return {};
  });
};
