// Measures a trial: every rival in a fresh process of its own, row by row, and of a row the rounds in turn: A B C, B C A, C A B ...
// A machine that is busy for a while so hits all alike. Whoever is not being measured is stopped.
import { disagreements } from './agree.js';
import { ROUNDS } from './options.js';
import { type Answer, type Command, RivalProcess } from './process.js';
import { summarise } from './stats.js';
import type { RowSpec, Trial } from './trial.js';
import { type Figure, type MeasuredRow, OURS, REFERENCE } from './verdict.js';

/** A rival that takes part: its name and how its process is started. */
export interface Entrant {
  readonly rival: string;
  readonly command: Command;
}

/** How long to measure. */
export interface Effort {
  readonly rounds: number;
  readonly roundMs: number;
}

const START_MS = 120_000;
const MAKE_MS = 180_000;
const ROUND_MS = 120_000;
/** After so many rounds, a rival several times slower than the best has been seen enough. */
const ENOUGH_ROUNDS = 3;
const HOPELESS = 3;
/** Who differs by less takes part in more rounds, up to so many. */
const CLOSE = 0.1;
const CLOSE_ROUNDS = 30;

interface Runner {
  readonly rival: string;
  readonly process: RivalProcess;
  version: string;
  rows: readonly string[];
  failed?: string;
}

interface Lane {
  readonly runner: Runner;
  readonly made: Answer;
  readonly times: number[];
  error?: string;
}

const medianOf = (lane: Lane): number => summarise(lane.times).median;

/** Whether a lane has nothing more to tell: it failed, or is far behind. */
const done = (lane: Lane, lanes: readonly Lane[]): boolean => {
  if (lane.error !== undefined) return true;
  if (lane.times.length < ENOUGH_ROUNDS || [OURS, REFERENCE].includes(lane.runner.rival)) return false;
  const others = lanes.filter(({ runner, error, times }) => runner.rival !== REFERENCE && !error && times.length > 0);
  return medianOf(lane) > HOPELESS * Math.min(...others.map(medianOf));
};

/** Those who have to be told apart: ourselves and whoever is within a tenth of us. None where nobody is. */
export const close = <L extends { readonly rival: string; readonly median: number }>(lanes: readonly L[]): L[] => {
  const ours = lanes.find(({ rival }) => rival === OURS);
  if (ours === undefined) return [];
  const near = lanes.filter(({ rival, median }) => rival !== OURS && Math.abs(median / ours.median - 1) < CLOSE);
  return near.length === 0 ? [] : [ours, ...near];
};

/** One round of each lane that is not done, beginning with another one every time. */
const round = async (lanes: readonly Lane[], number: number, all: readonly Lane[]): Promise<void> => {
  for (const [i] of lanes.entries()) {
    const lane = lanes[(i + number) % lanes.length]!;
    if (done(lane, all)) continue;
    const answer = await lane.runner.process.ask('round', ROUND_MS);
    if (answer.ns === undefined) lane.error = answer.error ?? 'no time';
    else lane.times.push(answer.ns);
  }
};

const measureRow = async (spec: RowSpec, runners: readonly Runner[], effort: Effort): Promise<Figure[]> => {
  const inputs = spec.inputs === 'every call' ? 'everyCall' : 'everyRound';
  const lanes: Lane[] = [];
  for (const runner of runners.filter(({ rows, failed }) => failed === undefined && rows.includes(spec.name))) {
    const made = await runner.process.ask(`make ${spec.name} ${inputs} ${effort.roundMs}`, MAKE_MS);
    lanes.push({ runner, made, times: [], ...(made.error === undefined ? {} : { error: made.error }) });
  }
  for (let n = 0; n < effort.rounds; n++) await round(lanes, n, lanes);
  const measured = lanes.filter(({ error, times }) => error === undefined && times.length > 0);
  const contest = close(measured.map((lane) => ({ rival: lane.runner.rival, median: medianOf(lane), lane })));
  // A look with few rounds stays a look.
  const most = effort.rounds < ROUNDS ? effort.rounds : CLOSE_ROUNDS;
  for (let n = effort.rounds; n < most; n++) {
    await round(
      contest.map(({ lane }) => lane),
      n,
      lanes,
    );
  }
  for (const { runner } of lanes) await runner.process.ask('drop', ROUND_MS);
  const wrong = disagreements(
    spec,
    lanes
      .filter(({ error }) => error === undefined)
      .map(({ runner, made }) => ({ rival: runner.rival, dtype: made.dtype!, checks: made.checks! })),
  );
  return lanes.map(({ runner, made, times, error }) => {
    const why = error ?? wrong.get(runner.rival);
    return {
      rival: runner.rival,
      version: runner.version,
      ...(made.dtype === undefined ? {} : { dtype: made.dtype }),
      ...(made.checks === undefined ? {} : { checks: made.checks }),
      ...(times.length === 0 ? {} : { timing: summarise(times) }),
      ...(why === undefined ? {} : { error: why }),
    };
  });
};

const start = async ({ rival, command }: Entrant): Promise<Runner> => {
  const process = new RivalProcess(command);
  const { version = '', rows = [], error } = await process.ask(undefined, START_MS);
  return { rival, process, version, rows, ...(error === undefined ? {} : { failed: error }) };
};

/** Measures the rows of a trial with one number of threads, and tells each as it is done. */
export const measureTrial = async (
  trial: Trial,
  rows: readonly RowSpec[],
  threads: number,
  entrants: readonly Entrant[],
  effort: Effort,
  tell: (row: MeasuredRow) => void,
  warn: (text: string) => void,
): Promise<void> => {
  const runners: Runner[] = [];
  try {
    for (const entrant of entrants) {
      const runner = await start(entrant);
      runners.push(runner);
      if (runner.failed !== undefined) warn(`${trial.name}: ${runner.rival} does not start: ${runner.failed}`);
    }
    for (const spec of rows) {
      const figures = await measureRow(spec, runners, effort);
      tell({ trial: trial.name, row: spec.name, threads, figures });
    }
  } finally {
    for (const { process } of runners) await process.quit();
  }
};
