// The command line of `npm run bench:sweep`.
import { UsageError, whole } from '../lib/options.js';

/** What to sweep. */
export interface SweepOptions {
  /** Groups, operations, dtypes and text of names; everything where there is none. */
  readonly words: readonly string[];
  readonly list: boolean;
  readonly values: boolean;
  readonly confirm: boolean;
  readonly threads: number;
  readonly against: string | undefined;
  readonly json: string | undefined;
}

export const USAGE = `usage: npm run bench:sweep [-- WORD... --list --values --confirm --threads N --against FOLDER --json FILE]
  WORD       a group, an operation, or text of a case's name; a dtype narrows what the others choose. Everything without
  --list     only names the cases
  --values   only compares what is computed with what numpy and torch compute, and times nothing
  --confirm  measures again, with 7 rounds in turn, what looks slow
  --threads  threads of everyone (1)
  --against  beside the grafo of another checkout, built, in place of numpy and torch: what became slower or faster
  --json     also writes every case to this file
  numpy and torch are those of npm run bench:rivals`;

/** Reads the command line; UsageError where it makes no sense. */
export const readSweepOptions = (args: readonly string[]): SweepOptions => {
  const words: string[] = [];
  const flags = new Set<string>();
  let threads = 1;
  const texts: Record<string, string | undefined> = {};
  for (let i = 0; i < args.length; i++) {
    const [option, given] = args[i]!.split('=', 2) as [string, string | undefined];
    const value = (): string => {
      const next = given ?? args[++i];
      if (next === undefined || next.startsWith('--')) throw new UsageError(`${option} takes a value`);
      return next;
    };
    if (option === '--threads') threads = whole(option, value());
    else if (option === '--against' || option === '--json') texts[option] = value();
    else if (['--list', '--values', '--confirm'].includes(option)) flags.add(option);
    else if (option.startsWith('--')) throw new UsageError(`there is no option ${option}`);
    else words.push(args[i]!);
  }
  return {
    words,
    list: flags.has('--list'),
    values: flags.has('--values'),
    confirm: flags.has('--confirm'),
    threads,
    against: texts['--against'],
    json: texts['--json'],
  };
};
