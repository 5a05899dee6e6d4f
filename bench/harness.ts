// How bench measures: calls in batches long enough for the clock, several rounds, the median and the spread of the rounds.

/** What a row measured, nanoseconds a call. */
export interface Timing {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  readonly rounds: number;
  readonly callsPerRound: number;
}

/** One thing to measure: a name, what it is allowed to cost if there is a limit, and the call. */
export interface Row {
  readonly name: string;
  /** Limit in microseconds; the row fails above it. */
  readonly limit?: number;
  /** One call. Its result is added to a checksum, so that nothing is optimised away and rivals can be compared. */
  readonly call: () => number;
}

/** A trial: a file of bench/ that exports `trial`. `make` builds its rows, each fresh in its own process. */
export interface Trial {
  readonly name: string;
  readonly about: string;
  readonly make: () => readonly Row[];
}

const ROUND_NS = 25e6;
const WARM_NS = 150e6;

const timeCalls = (call: () => number, calls: number): { elapsed: number; sum: number } => {
  let sum = 0;
  const started = process.hrtime.bigint();
  for (let i = 0; i < calls; i++) sum += call();
  return { elapsed: Number(process.hrtime.bigint() - started), sum };
};

/** Measures one call, warm: batches of at least 25 ms, the median of `rounds` of them. */
export const measure = (call: () => number, rounds = 15): Timing & { readonly checksum: number } => {
  let calls = 1;
  let warm = 0;
  let last = timeCalls(call, calls);
  while (warm < WARM_NS) {
    warm += last.elapsed;
    if (last.elapsed < ROUND_NS)
      calls = Math.max(calls + 1, Math.ceil((calls * ROUND_NS) / Math.max(last.elapsed, 1000)));
    last = timeCalls(call, calls);
  }
  const checksum = call();
  const times = Array.from({ length: rounds }, () => timeCalls(call, calls).elapsed / calls).sort((a, b) => a - b);
  return { median: times[rounds >> 1]!, min: times[0]!, max: times.at(-1)!, rounds, callsPerRound: calls, checksum };
};
