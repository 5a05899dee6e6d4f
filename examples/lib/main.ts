// What every example does when it is run by hand: reads its options, runs, and says errors of the user's in one line.
import { realpathSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { type ParseArgsConfig, parseArgs } from 'node:util';
import { CsvError } from './csv.js';

type Options = NonNullable<ParseArgsConfig['options']>;
type Values<O extends Options> = ReturnType<typeof parseArgs<{ options: O }>>['values'];

/** What the user typed is wrong: said without a stack. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** A whole number of an option, at least `least`; UsageError where the text is none. */
export const wholeNumber = (name: string, text: string, least = 1): number => {
  const value = Number(text);
  if (text.trim() === '' || !Number.isSafeInteger(value) || value < least) {
    throw new UsageError(`--${name} takes a whole number from ${least} on, not '${text}'`);
  }
  return value;
};

/**
 * Runs `body` where the module at `url` is the program itself, and does nothing where it was imported.
 *
 * @param options the command line's options, as `parseArgs` of node:util takes them.
 */
export const main = async <const O extends Options>(
  url: string,
  options: O,
  body: (values: Values<O>) => void | Promise<void>,
): Promise<void> => {
  if (process.argv[1] === undefined || realpathSync(process.argv[1]) !== fileURLToPath(url)) return;
  try {
    await body(parseArgs({ options }).values as Values<O>);
  } catch (error) {
    const code = (error as NodeJS.ErrnoException).code ?? '';
    const expected = error instanceof CsvError || error instanceof UsageError || code.startsWith('ERR_PARSE_ARGS');
    console.error(expected ? (error as Error).message : error);
    process.exitCode = 1;
  }
};
