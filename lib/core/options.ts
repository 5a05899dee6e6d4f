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
  for (const key in given)
    if (!Object.hasOwn(names, key)) throw unknownOption(what, key, Object.keys(names), Object.keys(names));
};

/**
 * Options of builders that are no attribute of the op they make. A builder hands its options to the row, which so knows a slip; a test reads
 * the interfaces and finds what is missing here.
 */
const BUILDER_OPTIONS: ReadonlySet<string> = new Set(
  `adjointA adjointB alpha axes axis batchDims beginMask colocateGradientsWithOps colocated constantValues controlInputs cycle dataFormat
  defaultName dim dimension dtype ellipsisMask endLearningRate endMask epsilon exclusive firstN globalStep keepDims keepProb keepdims labels
  learningRate logits maxval mean message minval mode momentum name newAxisMask noiseShape num offValue onValue optimize outIdx outType
  outputType perm power rate reductionIndices reverse seed shape shrinkAxisMask staircase stddev summarize transposeA transposeB useLocking
  useNesterov useNorm posWeight targets validateShape verifyShape reduction_indices keep_dims`.split(/\s+/),
);

/**
 * The name among a builder's options. TypeError where they have a key that no builder knows.
 *
 * @param takes what this one takes, where it is known.
 */
export const nameIn = (
  options: Named,
  what: string,
  takes?: readonly string[] | (() => readonly string[]),
): string | undefined => {
  if (typeof options !== 'object')
    throw new GraphTypeError(`${what}() takes its options in an object, not ${String(options)}`);
  for (const key in options) {
    if (!BUILDER_OPTIONS.has(key)) {
      const own = typeof takes === 'function' ? takes() : takes;
      throw unknownOption(what, key, [...(own ?? []), ...BUILDER_OPTIONS], own);
    }
  }
  return options?.name;
};
