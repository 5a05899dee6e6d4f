// Options objects: a key that nobody reads is a slip, and says so.
import { GraphTypeError } from './errors.js';

/** Options every builder takes. */
export interface Named {
  /** Name of the operation; by default its type, made unique. */
  readonly name?: string | undefined;
}

/** All option names of an interface; one that is forgotten here does not compile. */
export type OptionNames<O> = Readonly<Record<keyof O & string, true>>;

/** Letters to insert, drop, exchange or swap to get from one word to another. */
const distance = (a: string, b: string): number => {
  let before: number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const swapped = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      next[j] = Math.min(
        row[j]! + 1,
        next[j - 1]! + 1,
        row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
        swapped ? before[j - 2]! + 1 : Number.POSITIVE_INFINITY,
      );
    }
    before = row;
    row = next;
  }
  return row[b.length]!;
};

/** The name that was most likely meant: Python's spelling of it, or at most a third of its letters away. */
const nearest = (key: string, names: readonly string[]): string | undefined => {
  const plain = (name: string): string => name.replaceAll('_', '').toLowerCase();
  let best: string | undefined;
  let least = Math.floor(key.length / 3) + 1;
  for (const name of names) {
    const far = distance(plain(key), plain(name));
    if (far < least) [best, least] = [name, far];
  }
  return best;
};

/** TypeError for an option that does not exist: Python's words, the nearest name, and those there are. */
const unknownOption = (
  what: string,
  key: string,
  names: readonly string[],
  takes?: readonly string[],
): GraphTypeError => {
  const meant = nearest(key, names);
  const hint = meant === undefined ? '' : ` Did you mean '${meant}'?`;
  const list = takes === undefined ? '' : ` It takes: ${takes.join(', ')}`;
  return new GraphTypeError(`${what}() got an unexpected keyword argument '${key}'.${hint}${list}`);
};

/** Throws a TypeError for the first key of `given` that is none of `names`. */
export const checkOptions = <O>(what: string, given: object | null | undefined, names: OptionNames<O>): void => {
  for (const key of Object.keys(given ?? {}))
    if (!Object.hasOwn(names, key)) throw unknownOption(what, key, Object.keys(names), Object.keys(names));
};

const isPlain = (value: unknown): value is object => {
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  // An object literal, of whichever realm: dtypes, shapes, arrays and tensors are of a class.
  return prototype === null || Object.getPrototypeOf(prototype) === null;
};

/** Whether an argument is an options object, and not a tensor, an array, a dtype or a number. */
export const isOptions = <O extends object>(value: unknown): value is O =>
  isPlain(value) && typeof (value as { readonly asTensor?: unknown }).asTensor !== 'function';

/** TypeError where what stands in the place of the options is none: so ends a positional argument that there is no place for. */
const needOptions = (what: string, options: unknown): void => {
  if (options === undefined || isOptions(options)) return;
  const given = typeof options === 'function' ? 'a function' : String(options);
  throw new GraphTypeError(`${what}() takes its options in an object, not ${given}`);
};

const NAMED: OptionNames<Named> = { name: true };

/**
 * The name among a builder's options. TypeError where they are no object, or have a key that the builder does not know.
 *
 * @param names what the builder takes: a name and nothing else, if nothing is said.
 */
export const nameIn = <O extends Named>(
  options: O | undefined,
  what: string,
  names: OptionNames<O> | OptionNames<Named> = NAMED,
): string | undefined => {
  needOptions(what, options);
  checkOptions<Named>(what, options, names);
  return options?.name;
};

/**
 * A builder's options, with arguments that may be positional among them: an options object in the place of one gives its own entries.
 * TypeError for what is no options object, for a key that the builder does not know, and for an argument that is given twice.
 *
 * @param names what the builder takes.
 * @param options what stands last in the call.
 * @param positional the positional arguments by name, in order; null is Python's None, the default.
 */
export const optionsOf = <O extends object>(
  what: string,
  names: OptionNames<O>,
  options: O | undefined,
  positional: Readonly<Record<string, unknown>> = {},
): Readonly<O> => {
  needOptions(what, options);
  const all: Record<string, unknown> = Object.create(null);
  const put = (key: string, value: unknown): void => {
    if (all[key] !== undefined && value !== undefined)
      throw new GraphTypeError(`${what}() got multiple values for argument '${key}'`);
    if (value !== undefined) all[key] = value;
  };
  for (const [name, value] of Object.entries(positional)) {
    if (isOptions(value)) for (const [key, own] of Object.entries(value)) put(key, own);
    else if (value !== null) put(name, value);
  }
  for (const [key, value] of Object.entries(options ?? {})) put(key, value);
  checkOptions(what, all, names);
  return all as O;
};
