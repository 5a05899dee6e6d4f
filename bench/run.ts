// `npm run bench`: trials in turn, each rival in a process of its own; prints ours, the best rival, the ratio and the share of the limit.
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { GATES, outcomes } from './lib/gates.js';
import { measureHandover, measureLimits } from './lib/limits.js';
import { greeting, machine, resultsFile } from './lib/machine.js';
import { type Entrant, measureTrial } from './lib/measure.js';
import { nativeTools } from './lib/native.js';
import { type Options, readOptions, runMain, USAGE, UsageError } from './lib/options.js';
import { pinned } from './lib/process.js';
import {
  errorLines,
  failed,
  gatesTable,
  type Handover,
  json,
  markdown,
  type ReportedRow,
  ROW_HEAD,
  ROW_WIDTHS,
  type Run,
  reported,
  rowCells,
  seenOf,
} from './lib/report.js';
import { entrants, placesHere, type Rival } from './lib/rivals.js';
import { line, plainTable } from './lib/table.js';
import type { RowSpec, Trial, TrialModule } from './lib/trial.js';
import { type MachineLimits, OURS } from './lib/verdict.js';
import { measureStartup, startupOutcomes, startupTable } from './startup.js';

const places = placesHere();
const NOT_TRIALS = new Set(['run.js', 'worker.js', 'startup.js']);
const STARTUP = 'startup';

const tools = nativeTools(path.join(places.root, 'bench', 'rivals', 'native'), path.join(places.rivals, 'native'));

const trials = async (): Promise<Trial[]> => {
  const files = readdirSync(places.compiled).filter((file) => file.endsWith('.js') && !NOT_TRIALS.has(file));
  const modules = await Promise.all(
    files.map((file) => import(path.join(places.compiled, file)) as Promise<TrialModule>),
  );
  return modules.map(({ trial }) => trial);
};

/** The rows of a trial that the words ask for. */
const chosen = ({ name, rows }: Trial, words: readonly string[]): readonly RowSpec[] =>
  words.length === 0 || words.some((word) => name.includes(word))
    ? rows
    : rows.filter(({ name: row }) => words.some((word) => row.includes(word)));

/** Who takes part in a trial; notes who is not installed. */
const takingPart = (
  rivals: readonly Rival[],
  trial: string,
  threads: number,
  missing: Record<string, string>,
): Entrant[] =>
  rivals
    .filter((rival) => rival.trials.includes(trial) && rival.threads.includes(threads))
    .flatMap((rival) => {
      const command = rival.command(trial, threads);
      if (!('missing' in command)) return [{ rival: rival.name, command: pinned(command, threads) }];
      if (missing[rival.name] === undefined) console.log(`without ${rival.name}: ${command.missing}`);
      missing[rival.name] = command.missing;
      return [];
    });

const limitsOf = (options: Options): Record<number, MachineLimits> => {
  const found: Record<number, MachineLimits> = {};
  if (options.rivals === 'none') return found;
  for (const threads of options.threads) {
    const limits = measureLimits(tools, threads);
    if ('missing' in limits) console.log(`without limits: ${limits.missing}`);
    else found[threads] = limits;
  }
  return found;
};

const bench = async (options: Options, args: readonly string[]): Promise<Run | undefined> => {
  const asked = (await trials())
    .map((trial) => ({ trial, rows: chosen(trial, options.words) }))
    .filter(({ rows }) => rows.length > 0);
  const startupAsked = options.words.length === 0 || options.words.some((word) => STARTUP.includes(word));
  if (asked.length === 0 && !startupAsked) return undefined;
  const here = machine('bench', args);
  console.log(greeting(here));
  const everyone = entrants(places, tools);
  const rivals = everyone.filter(
    ({ name }) => name === OURS || options.rivals === 'all' || options.rivals.includes(name),
  );
  const missing: Record<string, string> = {};
  const versions: Record<string, string> = {};
  const limits = limitsOf(options);
  const rows: ReportedRow[] = [];
  const handovers: Handover[] = [];
  const handover = (threads: number) => (options.rivals === 'none' ? undefined : measureHandover(tools, threads));
  for (const threads of options.threads) {
    for (const { trial, rows: specs } of asked) {
      console.log(`\n${trial.name}, ${threads} thread${threads === 1 ? '' : 's'}: ${trial.about}`);
      console.log(line(ROW_HEAD, ROW_WIDTHS));
      const before = handover(threads);
      const parts = takingPart(rivals, trial.name, threads, missing);
      await measureTrial(
        trial,
        specs,
        threads,
        parts,
        options,
        (row) => {
          const spec = specs.find(({ name }) => name === row.row)!;
          const told = reported(spec, row, limits[threads]);
          for (const { rival, version } of row.figures) versions[rival] = version;
          rows.push(told);
          console.log(line(rowCells(told), ROW_WIDTHS).trimEnd());
        },
        console.log,
      );
      const after = handover(threads);
      if (before === undefined || after === undefined) continue;
      handovers.push({ trial: trial.name, threads, before, after });
      console.log(`a line from one thread to the other and back: ${before} ns before, ${after} ns after`);
    }
  }
  const startup = startupAsked ? measureStartup(places, options.rivals !== 'none', Math.min(options.rounds, 7)) : [];
  return {
    machine: here,
    versions,
    missing,
    limits,
    handovers,
    rows,
    outcomes: [...outcomes(GATES, rows.map(seenOf)), ...(startupAsked ? startupOutcomes(startup) : [])],
    startup: startupAsked ? startupTable(startup) : undefined,
  };
};

const tell = (run: Run): void => {
  if (run.startup !== undefined) console.log(`\n${plainTable(run.startup)}`);
  const errors = errorLines(run.rows);
  if (errors.length > 0) console.log(`\nfigures that do not count:\n  ${errors.join('\n  ')}`);
  if (run.outcomes.length > 0) console.log(`\n${plainTable(gatesTable(run.outcomes))}`);
};

const main = async (args: readonly string[]): Promise<number> => {
  const options = readOptions(args);
  // Now, so that a folder that cannot be made is not found out after half an hour.
  if (options.json !== undefined) mkdirSync(path.dirname(path.resolve(options.json)), { recursive: true });
  const run = await bench(options, args);
  if (run === undefined) throw new UsageError('no trial and no row has a name with such a word');
  tell(run);
  if (options.json !== undefined) writeFileSync(options.json, json(run));
  if (options.words.length === 0 && options.rivals === 'all') {
    const file = resultsFile(places, run.machine);
    writeFileSync(`${file}.md`, markdown(run));
    writeFileSync(`${file}.json`, json(run));
    console.log(`\nwritten: ${path.relative(process.cwd(), file)}.md and .json`);
  }
  return run.rows.some(failed) ? 1 : 0;
};

await runMain(main, USAGE);
