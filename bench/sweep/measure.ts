// One case in everyone's hands: computed once and compared, then timed in rounds in turn, with more rounds where it looks slow.
import type { Entrant } from '../lib/measure.js';
import { type Answer, RivalProcess } from '../lib/process.js';
import { quantile } from '../lib/stats.js';
import type { Args, DType, SweepCase } from './case.js';
import { resultsDiffer, samenessOf } from './compare.js';
import type { InputFiles } from './inputFiles.js';

/** What a process is told to make. */
export interface MakeLine {
  readonly op: string;
  readonly args: Args;
  readonly inputs: readonly { readonly dtype: DType; readonly shape: readonly number[]; readonly file: string }[];
  /** Files of results begin so. */
  readonly results: string;
}

/** How long a case is measured. */
export interface Effort {
  /** Rounds; none: values are compared, and nothing is timed. */
  readonly rounds: number;
  readonly roundMs: number;
  /** More rounds where the ratio is not between these: what is neither slow nor fast needs no second look. */
  readonly more: number;
  readonly settled: readonly [number, number];
}

/** What a case came to; times in nanoseconds. */
export interface Measured {
  readonly case: SweepCase;
  readonly ours?: number;
  readonly best?: { readonly rival: string; readonly ns: number };
  /** Our fastest round over that of the fastest rival. */
  readonly ratio?: number;
  /** The median of the ratios of single rounds. */
  readonly typical?: number;
  readonly rounds: number;
  /** Rivals that computed it too. */
  readonly compared: readonly string[];
  /** Why grafo has no figure, or who has other values. */
  readonly failures: readonly string[];
  /** What rivals could not do though they should. */
  readonly notes: readonly string[];
}

const START_MS = 120_000;
const STEP_MS = 120_000;
/** A rival so many times slower than the best one is not timed. */
const HOPELESS = 3;

/** A process that is started when it is first asked, and again where it has ended. */
export class Contestant {
  readonly name: string;
  version = '';
  readonly #command: Entrant['command'];
  #process: RivalProcess | undefined;

  constructor({ rival, command }: Entrant) {
    this.name = rival;
    this.#command = command;
  }

  async ask(line: string): Promise<Answer> {
    if (this.#process === undefined || this.#process.ended) {
      this.#process = new RivalProcess(this.#command);
      const { version = '', error } = await this.#process.ask(undefined, START_MS);
      if (error !== undefined) return { error: `does not start: ${error}` };
      this.version = version;
    }
    return this.#process.ask(line, STEP_MS);
  }

  /** Ends the process; another one is started where it is asked again. */
  async quit(): Promise<void> {
    await this.#process?.quit();
  }
}

interface Lane {
  readonly contestant: Contestant;
  readonly estimate: number;
  readonly times: number[];
}

const firstLine = (text: string): string => text.split('\n')[0]!;

/** Everyone's results beside ours: who takes part, and what is wrong. */
const compareAll = async (
  one: SweepCase,
  rivals: readonly Contestant[],
  files: InputFiles,
  ours: Contestant,
  folder: string,
) => {
  const paths = files.of(one.inputs);
  const line = (name: string): string => {
    const inputs = one.inputs.map(({ dtype, shape }, i) => ({ dtype, shape, file: paths[i]! }));
    return `make ${JSON.stringify({ op: one.op, args: one.args, inputs, results: `${folder}/results-${name}` } satisfies MakeLine)}`;
  };
  const failures: string[] = [];
  const notes: string[] = [];
  const taking: Contestant[] = [];
  const mine = await ours.ask(line(ours.name));
  if (mine.results === undefined) failures.push(`${ours.name}: ${firstLine(mine.error ?? 'no results')}`);
  for (const rival of mine.results === undefined ? [] : rivals) {
    const made = await rival.ask(line(rival.name));
    if (made.none) continue;
    if (made.results === undefined) {
      notes.push(`${rival.name}: ${firstLine(made.error ?? 'no results')}`);
      continue;
    }
    const different = resultsDiffer(mine.results!, made.results, samenessOf(one));
    if (different !== undefined) failures.push(`other values than ${rival.name}: ${different}`);
    taking.push(rival);
  }
  return { failures, notes, taking, made: mine.results !== undefined };
};

const fastest = ({ times }: Lane): number => Math.min(...times);

/** Our lane's fastest round over the fastest of the others, and whose that was. */
const standing = (ours: Lane, others: readonly Lane[]) => {
  const best = others.reduce((a, b) => (fastest(b) < fastest(a) ? b : a));
  return { best, ratio: fastest(ours) / fastest(best) };
};

/** Measures a case. Rivals that are far behind when they are warmed are not timed. */
export const measureCase = async (
  one: SweepCase,
  ours: Contestant,
  rivals: readonly Contestant[],
  files: InputFiles,
  folder: string,
  effort: Effort,
): Promise<Measured> => {
  const { failures, notes, taking, made } = await compareAll(one, rivals, files, ours, folder);
  const found = { case: one, compared: taking.map(({ name }) => name), failures, notes, rounds: 0 };
  if (!made || effort.rounds === 0) return found;

  const lanes: Lane[] = [];
  for (const contestant of [ours, ...taking]) {
    const { ns, error } = await contestant.ask('warm');
    if (ns !== undefined) lanes.push({ contestant, estimate: ns, times: [] });
    else if (contestant === ours) failures.push(`${ours.name}: ${firstLine(error ?? 'no time')}`);
    else notes.push(`${contestant.name}: ${firstLine(error ?? 'no time')}`);
  }
  const mine = lanes.find(({ contestant }) => contestant === ours);
  if (mine === undefined) return found;
  const least = Math.min(...lanes.filter((lane) => lane !== mine).map(({ estimate }) => estimate));
  const others = lanes.filter((lane) => lane !== mine && lane.estimate <= HOPELESS * least);
  const turn = [mine, ...others];

  let rounds = 0;
  const settled = (): boolean => {
    if (rounds < effort.rounds) return false;
    if (others.length === 0 || rounds >= effort.rounds + effort.more) return true;
    const { ratio } = standing(mine, others);
    return ratio > effort.settled[0] && ratio < effort.settled[1];
  };
  while (!settled()) {
    for (const i of turn.keys()) {
      const lane = turn[(i + rounds) % turn.length]!;
      const { ns, error } = await lane.contestant.ask(`round ${effort.roundMs}`);
      if (ns !== undefined) lane.times.push(ns);
      else if (lane === mine)
        return { ...found, failures: [...failures, `${ours.name}: ${firstLine(error ?? 'no time')}`] };
      else {
        notes.push(`${lane.contestant.name}: ${firstLine(error ?? 'no time')}`);
        return found;
      }
    }
    rounds++;
  }
  if (others.length === 0) return { ...found, ours: fastest(mine), rounds };
  const { best, ratio } = standing(mine, others);
  const single = mine.times.map((ns, i) => ns / best.times[i]!).sort((a, b) => a - b);
  return {
    ...found,
    ours: fastest(mine),
    best: { rival: best.contestant.name, ns: fastest(best) },
    ratio,
    typical: quantile(single, 0.5),
    rounds,
  };
};
