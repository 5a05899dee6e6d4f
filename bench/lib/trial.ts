// What a trial is: rows with what they promise, and a maker of the calls for each rival that is written in TypeScript.

/** The arithmetic a row cannot do without, by which its share of what the machine can do is told. */
export type Limit =
  /** Multiply-adds count as two; measured against the FMA peak of the dtype. */
  | { readonly kind: 'fma'; readonly flops: number; readonly dtype: 'float32' | 'float64' }
  /** Bytes read and written once; measured against the copy bandwidth of a working set of that size. */
  | { readonly kind: 'copy'; readonly bytes: number }
  /** The same row of bench/rivals/native/ref.cpp: the arithmetic alone over static buffers. */
  | { readonly kind: 'ref' };

/** What a row is and what its figures are held against. */
export interface RowSpec {
  readonly name: string;
  /** The dtypes a result may have; anything else is an error, not a figure. */
  readonly dtypes: readonly string[];
  /** How far checksums may differ, relative to the sum of the magnitudes. */
  readonly tolerance: number;
  /** Whether every call sees other input values than the one before, or every round: for rows whose inputs are to stay in a cache. */
  readonly inputs: 'every call' | 'every round';
  /** The rivals that were best when the goals were set, by number of threads: without them there is no verdict. */
  readonly best: Readonly<Record<number, readonly string[]>>;
  readonly limit?: Limit;
  /** Microseconds a call may take; above them `npm run bench` fails. */
  readonly limitUs?: number;
}

/** Numbers of a result, for the checksum. */
export type Numbers = ArrayLike<number> | ArrayLike<bigint>;

/** What a case computed: the numbers of all its results, and their dtype. */
export interface Output {
  readonly dtype: string;
  readonly values: readonly Numbers[];
}

/** One row of one rival, ready to be called. */
export interface Case {
  /** One call. `i` says which inputs: it grows by one a call where the row's inputs change every call, else a round. */
  call(i: number): unknown;
  /** Before each round, untimed: weights back to where they began. */
  reset?(): void;
  /** Computes with the inputs of set 0 or 1 and gives the results. */
  check(set: number): Output | Promise<Output>;
  /** Whether `call` gives a promise to wait for. */
  readonly async?: boolean;
}

/** The rows of one rival in one trial, each made when it is asked for. */
export type Cases = Readonly<Record<string, () => Case | Promise<Case>>>;

/** Makes a rival's rows for a number of threads. */
export type Maker = (threads: number) => Cases;

/** A trial: a file of bench/ that exports `trial`, and `grafo` and `plain` (hand-written JavaScript) where it has them. */
export interface Trial {
  readonly name: string;
  readonly about: string;
  readonly rows: readonly RowSpec[];
}

/** The module of a trial. */
export interface TrialModule {
  readonly trial: Trial;
  readonly grafo?: Maker;
  readonly plain?: Maker;
}

/** The same rivals whatever the number of threads. */
export const always = (...rivals: string[]): RowSpec['best'] => ({ 1: rivals, 2: rivals });
