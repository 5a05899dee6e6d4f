// `npm run bench:sweep`: every case beside numpy and torch, or beside another checkout of grafo, and what is slow of it.
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { greeting, machine, resultsFile } from '../lib/machine.js';
import type { Entrant } from '../lib/measure.js';
import { runMain, UsageError } from '../lib/options.js';
import { type Command, pinned } from '../lib/process.js';
import { placesHere, sweepRivals } from '../lib/rivals.js';
import { plainTable } from '../lib/table.js';
import { OURS } from '../lib/verdict.js';
import { chosen, nameOf, type SweepCase } from './case.js';
import { InputFiles } from './inputFiles.js';
import { CASES } from './list.js';
import { Contestant, type Effort, type Measured, measureCase } from './measure.js';
import { readSweepOptions, type SweepOptions, USAGE } from './options.js';
import { Progress } from './progress.js';
import {
  CHANGED,
  casesTable,
  cliffsOf,
  cliffsTitle,
  failureLines,
  faster,
  fewOfEachKind,
  groupsTable,
  noteLines,
  SLOW,
  type Sweep,
  slower,
  sweepMarkdown,
} from './report.js';

const places = placesHere();
const VALUES: Effort = { rounds: 0, roundMs: 0, more: 0, settled: [0, 0] };
/** What is at most so much slower than a rival is not looked at more closely; how much faster does not matter. */
const FIRST: Effort = { rounds: 2, roundMs: 4, more: 6, settled: [0, 1.12] };
const FIRST_AGAINST: Effort = { ...FIRST, settled: [0.93, 1.07] };
const AGAIN: Effort = { rounds: 7, roundMs: 9, more: 0, settled: [0, 0] };
/** Of one kind at most so many are measured again, the worst ones. */
const AGAIN_OF_A_KIND = 7;
const BEFORE = 'before';

const grafoOf = (checkout: string, threads: number): Command => {
  const library = path.resolve(checkout, 'build-ts', 'lib', 'index.js');
  if (!existsSync(library))
    throw new UsageError(`${library} is not there: is ${checkout} a checkout of grafo that is built?`);
  return {
    file: process.execPath,
    args: ['--expose-gc', path.join(places.compiled, 'sweep', 'worker.js'), String(threads), library],
  };
};

/** Who is measured beside grafo; says who is not there. */
const others = ({ against, threads }: SweepOptions): Entrant[] => {
  if (against !== undefined) return [{ rival: BEFORE, command: grafoOf(against, threads) }];
  const found = sweepRivals(places).flatMap((rival) => {
    const command = rival.command('sweep', threads);
    if (!('missing' in command)) return [{ rival: rival.name, command }];
    console.log(`without ${rival.name}: ${command.missing}`);
    return [];
  });
  if (found.length === 0)
    console.log(
      'NO RIVAL IS THERE: nothing is compared, neither values nor times (npm run bench:rivals installs them)',
    );
  return found;
};

const shared = (): string => (existsSync('/dev/shm') ? '/dev/shm' : tmpdir());

/** What takes part, for as long as `body` runs. */
const withContestants = async <T>(
  options: SweepOptions,
  body: (measure: (one: SweepCase, effort: Effort) => Promise<Measured>, everyone: readonly Contestant[]) => Promise<T>,
): Promise<T> => {
  const entrants = [{ rival: OURS, command: grafoOf(places.root, options.threads) }, ...others(options)];
  const everyone = entrants.map(
    ({ rival, command }) => new Contestant({ rival, command: pinned(command, options.threads) }),
  );
  const [ours, ...rivals] = everyone;
  const folder = mkdtempSync(path.join(shared(), 'grafo-sweep-'));
  // Also where it is ended by a signal, whose listener makes it an ordinary end: processes that are held still would stay.
  process.once('exit', () => {
    for (const contestant of everyone) void contestant.quit();
    rmSync(folder, { recursive: true, force: true });
  });
  for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => process.exit(1));
  const files = new InputFiles(folder);
  try {
    return await body((one, effort) => measureCase(one, ours!, rivals, files, folder, effort), everyone);
  } finally {
    for (const contestant of everyone) await contestant.quit();
  }
};

const sweep = (cases: readonly SweepCase[], options: SweepOptions, args: readonly string[]): Promise<Sweep> => {
  const here = machine('bench:sweep', args);
  console.log(greeting(here));
  const { against } = options;
  const first = options.values ? VALUES : against === undefined ? FIRST : FIRST_AGAINST;
  return withContestants(options, async (measure, everyone) => {
    const each = async (these: readonly SweepCase[], effort: Effort, what: string): Promise<Measured[]> => {
      const progress = new Progress(what, these.length, process.stdout);
      const found: Measured[] = [];
      for (const one of these) {
        progress.at(found.length, nameOf(one));
        found.push(await measure(one, effort));
      }
      progress.done();
      return found;
    };
    const all = await each(cases, first, 'case');
    const looksSlow = slower(all, against === undefined ? SLOW : CHANGED);
    const looks = against === undefined ? looksSlow : [...looksSlow, ...faster(all, CHANGED)];
    // Other processes: where memory happened to lie in the first ones may have been all of it.
    for (const contestant of everyone) await contestant.quit();
    const again =
      options.confirm && looks.length > 0
        ? await each(
            fewOfEachKind(looks, AGAIN_OF_A_KIND).map((one) => one.case),
            AGAIN,
            'again',
          )
        : undefined;
    const versions = everyone
      .filter(({ version }) => version !== '')
      .map(({ name, version }) => (version.startsWith(name) ? version : `${name}: ${version}`));
    return { machine: here, versions, threads: options.threads, all, again };
  });
};

const tellCases = (title: string, all: readonly Measured[]): void => {
  console.log(`\n${title}`);
  if (all.length > 0) console.log(plainTable(casesTable(all)));
};

const tell = (found: Sweep, { against, values }: SweepOptions): void => {
  const { all, again } = found;
  console.log(`\n${found.versions.join('\n')}`);
  if (against !== undefined) {
    const last = again ?? all;
    const how = again === undefined ? 'not measured again: --confirm' : 'measured again';
    tellCases(
      `slower than ${against} by more than 10 % (${how}): ${slower(last, CHANGED).length}`,
      slower(last, CHANGED),
    );
    tellCases(`faster by more than 10 %: ${faster(last, CHANGED).length}`, faster(last, CHANGED));
  } else {
    console.log(`\n${plainTable(groupsTable(all))}`);
    if (!values) tellCases(cliffsTitle(found), fewOfEachKind(cliffsOf(found)));
  }
  const notes = noteLines(all);
  if (notes.length > 0)
    console.log(`\nwhat ${against === undefined ? 'rivals' : BEFORE} could not do:\n  ${notes.join('\n  ')}`);
  const failures = failureLines([...all, ...(again ?? [])]);
  if (failures.length > 0) console.log(`\nFAILED, ${failures.length}:\n  ${failures.join('\n  ')}`);
};

const main = async (args: readonly string[]): Promise<number> => {
  const options = readSweepOptions(args);
  const cases = chosen(CASES, options.words);
  if (cases.length === 0) throw new UsageError('no group, no operation and no name has such a word');
  if (options.list) {
    for (const one of cases) console.log(`${one.group}: ${nameOf(one)}`);
    console.log(`${cases.length} cases`);
    return 0;
  }
  // Now, so that a folder that cannot be made is not found out after half an hour.
  if (options.json !== undefined) mkdirSync(path.dirname(path.resolve(options.json)), { recursive: true });
  const found = await sweep(cases, options, args);
  tell(found, options);
  if (options.json !== undefined) writeFileSync(options.json, `${JSON.stringify(found)}\n`);
  const compared = found.all.some((one) => one.best !== undefined);
  if (options.words.length === 0 && options.against === undefined && compared) {
    const file = `${resultsFile(places, found.machine)}.sweep.md`;
    writeFileSync(file, sweepMarkdown(found));
    console.log(`\nwritten: ${path.relative(process.cwd(), file)}`);
  }
  return [...found.all, ...(found.again ?? [])].some(({ failures }) => failures.length > 0) ? 1 : 0;
};

await runMain(main, USAGE);
