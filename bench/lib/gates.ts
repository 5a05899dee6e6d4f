// The ratios that issue "the CPU engine at the machine's limit" asks for, and whether a run met them.

/** What a row came to, as far as gates look at it. */
export interface Seen {
  readonly row: string;
  readonly threads: number;
  readonly ours?: number;
  readonly ratio?: number;
  readonly note?: string;
  /** Medians of all that counted, nanoseconds, by name. */
  readonly times: Readonly<Record<string, number>>;
}

/** A gate over every row that its pattern matches. */
export interface Gate {
  readonly gate: string;
  readonly rows: RegExp;
  readonly threads: readonly number[];
  /** The best rival, the best of some, ourselves with one thread, or the clock (microseconds). */
  readonly against: 'best' | 'one thread' | 'clock' | readonly string[];
  readonly most: number;
}

const BOTH = [1, 2];
const GEMM = `(64|128|256|512|1024|2048|128x784x512|128x512x256)`;

const BLAS = ['openblas', 'blis', 'onednn'];

export const GATES: readonly Gate[] = [
  { gate: '1 logreg, 100 runSync', rows: /^train\.logreg$/, threads: BOTH, against: 'best', most: 0.2 },
  {
    gate: '1 logreg, one runLoop',
    rows: /^train\.logreg\.wholeloop$/,
    threads: BOTH,
    against: ['jax'],
    most: 0.4,
  },
  { gate: '1 tiny MLP', rows: /^train\.tiny$/, threads: [1], against: ['plain-js'], most: 0.4 },
  { gate: '1 scalar runSync, us', rows: /^overhead\.add$/, threads: BOTH, against: 'clock', most: 1 },
  { gate: '1 scalar callable, us', rows: /^overhead\.add\.callable$/, threads: BOTH, against: 'clock', most: 0.3 },
  { gate: '2 MLP', rows: /^train\.mlp\./, threads: [1], against: 'best', most: 0.88 },
  { gate: '2 MLP', rows: /^train\.mlp\./, threads: [2], against: 'best', most: 0.82 },
  { gate: '3 chain 1e7', rows: /^elem\.sce8\.1e7$/, threads: BOTH, against: 'best', most: 0.3 },
  { gate: '3 chain 1e5', rows: /^elem\.sce8\.1e5$/, threads: BOTH, against: 'best', most: 0.55 },
  { gate: '3 chain 1e3', rows: /^elem\.sce8\.1e3$/, threads: BOTH, against: 'best', most: 0.3 },
  {
    gate: '4 gemm, 0.93 of the best BLAS',
    rows: new RegExp(`^gemm\\.f(32|64)\\.${GEMM}$`),
    threads: [1],
    against: BLAS,
    most: 1 / 0.93,
  },
  {
    gate: '4 gemm, thin: ahead of all',
    rows: /^gemm\.f32\.(128x256x10|1x1024x1024|4096x2x1)$/,
    threads: [1],
    against: 'best',
    most: 1,
  },
  {
    gate: '4 gemm, 1.85 x one thread',
    rows: /^gemm\.f(32|64)\.(512|1024|2048)$/,
    threads: [2],
    against: 'one thread',
    most: 1 / 1.85,
  },
  {
    gate: 'goal gemm 0.97',
    rows: new RegExp(`^gemm\\.f(32|64)\\.${GEMM}$`),
    threads: BOTH,
    against: 'best',
    most: 1 / 0.97,
  },
  { gate: 'goal single ops 1e7', rows: /^elem\.(?!sce8)(f64\.)?\w+\.1e7$/, threads: BOTH, against: 'best', most: 0.95 },
  {
    gate: 'goal single ops 1e7, of the reference',
    rows: /^elem\.(?!sce8)(f64\.)?\w+\.1e7$/,
    threads: BOTH,
    against: ['cpp-ref'],
    most: 1.15,
  },
  {
    gate: 'goal reductions, transposes',
    rows: /^(red|softmax|transpose)\./,
    threads: BOTH,
    against: 'best',
    most: 0.9,
  },
  { gate: 'goal broadcast', rows: /^bcast\./, threads: BOTH, against: 'best', most: 1.05 },
];

/** One gate's outcome in one row. */
export interface Outcome {
  readonly gate: string;
  readonly row: string;
  readonly threads: number;
  readonly most: number;
  /** Missing where the row, or what it is held against, was not measured. */
  readonly seen?: number;
  readonly verdict: 'ok' | 'miss' | 'not measured';
}

const seenOf = ({ against }: Gate, row: Seen, all: readonly Seen[]): number | undefined => {
  if (row.ours === undefined) return undefined;
  if (against === 'clock') return row.ours / 1000;
  if (against === 'best') return row.ratio;
  if (against === 'one thread') {
    const alone = all.find(({ row: name, threads }) => name === row.row && threads === 1)?.ours;
    return alone === undefined ? undefined : row.ours / alone;
  }
  const times = against.map((rival) => row.times[rival]).filter((time) => time !== undefined);
  // Without those that were best before, the best of the others is no measure.
  return times.length === 0 || row.note !== undefined ? undefined : row.ours / Math.min(...times);
};

/** The outcome of every gate in every row it is about, in the order of the gates. */
export const outcomes = (gates: readonly Gate[], rows: readonly Seen[]): Outcome[] =>
  gates.flatMap((gate) =>
    rows
      .filter(({ row, threads }) => gate.rows.test(row) && gate.threads.includes(threads))
      .map((row) => {
        const seen = seenOf(gate, row, rows);
        const verdict = seen === undefined ? 'not measured' : seen <= gate.most ? 'ok' : 'miss';
        return {
          gate: gate.gate,
          row: row.row,
          threads: row.threads,
          most: gate.most,
          verdict,
          ...(seen === undefined ? {} : { seen }),
        };
      }),
  );
