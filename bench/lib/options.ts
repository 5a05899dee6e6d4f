// The command line of `npm run bench`.

/** What to run. */
export interface Options {
  /** Trials and rows whose names hold one of these; all where there is none. */
  readonly words: readonly string[];
  /** Rivals to run: none, all, or the named ones. */
  readonly rivals: 'none' | 'all' | readonly string[];
  readonly threads: readonly number[];
  readonly rounds: number;
  readonly roundMs: number;
  readonly json: string | undefined;
}

export const USAGE = `usage: npm run bench [-- WORD... --rivals[=NAME,...] --threads 1,2 --rounds N --round-ms N --json FILE]
  WORD       trials and rows whose name holds one of the words; all of them without
  --rivals   beside everything else that is installed (npm run bench:rivals), or beside the named ones
  --threads  numbers of threads; 1 without, 1,2 with --rivals
  --rounds   rounds of each row (15; 30 where a rival is within a tenth of us), each of --round-ms milliseconds (20)
  --json     also writes everything to this file`;

/** Rounds of a row, without --rounds. */
export const ROUNDS = 15;

/** A mistake on the command line. */
export class UsageError extends Error {}

/** Runs a command line; a mistake on it is told with its usage, and is exit code 2. */
export const runMain = async (main: (args: readonly string[]) => Promise<number>, usage: string): Promise<void> => {
  try {
    process.exitCode = await main(process.argv.slice(2));
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    console.error(`${error.message}\n${usage}`);
    process.exitCode = 2;
  }
};

/** A whole number above 0 of an option. */
export const whole = (option: string, text: string | undefined): number => {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new UsageError(`${option} takes a whole number above 0, not ${text}`);
  return value;
};

/** Reads the command line; UsageError where it makes no sense. */
export const readOptions = (args: readonly string[]): Options => {
  const words: string[] = [];
  let rivals: Options['rivals'] = 'none';
  let threads: readonly number[] | undefined;
  let rounds = ROUNDS;
  let roundMs = 20;
  let json: string | undefined;
  for (let i = 0; i < args.length; i++) {
    const [option, given] = args[i]!.split('=', 2) as [string, string | undefined];
    const value = (): string | undefined => given ?? args[++i];
    if (option === '--rivals') rivals = given === undefined ? 'all' : given.split(',');
    else if (option === '--threads') threads = (value() ?? '').split(',').map((count) => whole(option, count));
    else if (option === '--rounds') rounds = whole(option, value());
    else if (option === '--round-ms') roundMs = whole(option, value());
    else if (option === '--json') json = value();
    else if (option.startsWith('--')) throw new UsageError(`there is no option ${option}`);
    else words.push(args[i]!);
  }
  return { words, rivals, threads: threads ?? (rivals === 'none' ? [1] : [1, 2]), rounds, roundMs, json };
};
