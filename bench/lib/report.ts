// What is printed and kept of a run: a line for each row, the gates, and the files in bench/results.
import type { Outcome, Seen } from './gates.js';
import type { Machine } from './machine.js';
import { duration, markdownTable, percent, ratio, type Table } from './table.js';
import type { RowSpec } from './trial.js';
import { type MachineLimits, type MeasuredRow, OURS, type Verdict, verdict } from './verdict.js';

/** A row with what it came to. */
export interface ReportedRow extends MeasuredRow {
  readonly spec: RowSpec;
  readonly verdict: Verdict;
}

/** How far apart two threads were before and after a trial: nanoseconds for a line of the caches there and back. */
export interface Handover {
  readonly trial: string;
  readonly threads: number;
  readonly before: number;
  readonly after: number;
}

/** Everything a run found. */
export interface Run {
  readonly machine: Machine;
  readonly versions: Readonly<Record<string, string>>;
  readonly missing: Readonly<Record<string, string>>;
  readonly limits: Readonly<Record<number, MachineLimits>>;
  readonly handovers: readonly Handover[];
  readonly rows: readonly ReportedRow[];
  readonly outcomes: readonly Outcome[];
  readonly startup: Table | undefined;
}

/** The row with its verdict. */
export const reported = (spec: RowSpec, row: MeasuredRow, limits: MachineLimits | undefined): ReportedRow => ({
  ...row,
  spec,
  verdict: verdict(spec, row, limits),
});

export const ROW_HEAD = ['row', 'grafo', 'best rival', 'its time', 'ratio', 'spread', 'of limit', 'note'];
/** Widths of a line on the terminal, where rows come one by one. */
export const ROW_WIDTHS = [28, 8, 13, 8, 6, 6, 10, 0];

const spreadOf = (row: MeasuredRow): string => {
  const timing = row.figures.find(({ rival }) => rival === OURS)?.timing;
  return timing === undefined ? '' : `±${percent(timing.spread)}`;
};

const noteOf = ({ spec, verdict: { ours, note } }: ReportedRow): string => {
  const limit = spec.limitUs;
  if (note !== undefined || limit === undefined || ours === undefined) return note?.split('\n')[0] ?? '';
  return ours / 1000 <= limit ? `within ${limit} us` : `OVER ${limit} us`;
};

/** Whether a row makes the run fail: no figure of ours, or over its limit. */
export const failed = ({ spec, verdict: { ours } }: ReportedRow): boolean =>
  ours === undefined || (spec.limitUs !== undefined && ours / 1000 > spec.limitUs);

/** The cells of a row, under ROW_HEAD. */
export const rowCells = (row: ReportedRow): string[] => {
  const { ours, best, ratio: against, share } = row.verdict;
  return [
    row.row,
    ours === undefined ? 'ERROR' : duration(ours),
    best?.rival ?? '',
    best === undefined ? '' : duration(best.ns),
    against === undefined ? '' : ratio(against),
    spreadOf(row),
    share === undefined ? '' : `${percent(share.value)} ${share.of}`,
    noteOf(row),
  ];
};

/** What gates look at. */
export const seenOf = ({ row, threads, verdict: { ours, ratio: against, note }, figures }: ReportedRow): Seen => ({
  row,
  threads,
  ...(ours === undefined ? {} : { ours }),
  ...(against === undefined ? {} : { ratio: against }),
  ...(note === undefined ? {} : { note }),
  times: Object.fromEntries(
    figures
      .filter(({ error, timing }) => error === undefined && timing !== undefined)
      .map(({ rival, timing }) => [rival, timing!.median]),
  ),
});

/** The gates with what was seen. */
export const gatesTable = (outcomes: readonly Outcome[]): Table => ({
  head: ['gate', 'row', 'threads', 'at most', 'seen', ''],
  rows: outcomes.map(({ gate, row, threads, most, seen, verdict: is }) => [
    gate,
    row,
    String(threads),
    ratio(most),
    seen === undefined ? '' : ratio(seen),
    is,
  ]),
});

/** An error without its stack, which has the folders of a machine. */
const firstLine = (text: string): string => text.split('\n')[0]!;

/** A run as the file beside the Markdown has it. */
export const json = (run: object): string =>
  `${JSON.stringify(run, (key, value) => (key === 'error' ? firstLine(value as string) : value), 1)}\n`;

/** The figures of rivals that do not count, each with the reason. */
export const errorLines = (rows: readonly ReportedRow[]): string[] =>
  rows.flatMap(({ row, threads, figures }) =>
    figures
      .filter(({ error }) => error !== undefined)
      .map(({ rival, error }) => `${row}, ${threads} threads, ${rival}: ${firstLine(error!)}`),
  );

const everyFigure = (rows: readonly ReportedRow[]): Table => {
  const rivals = [...new Set(rows.flatMap(({ figures }) => figures.map(({ rival }) => rival)))];
  return {
    head: ['row', ...rivals],
    rows: rows.map(({ row, figures }) => [
      row,
      ...rivals.map((name) => {
        const figure = figures.find(({ rival }) => rival === name);
        if (figure === undefined) return '';
        return figure.error !== undefined || figure.timing === undefined ? 'error' : duration(figure.timing.median);
      }),
    ]),
  };
};

const limitsTable = (limits: Run['limits']): Table => ({
  head: ['limit', ...Object.keys(limits).map((threads) => `${threads} threads`)],
  rows: [
    ...(['float32', 'float64'] as const).map((dtype) => [
      `FMA ${dtype}, GFLOP/s`,
      ...Object.values(limits).map(({ fma }) => fma[dtype].toFixed(0)),
    ]),
    ...(Object.values(limits)[0]?.copy ?? []).map(({ bytes }) => [
      `copy of ${(bytes / 1e6).toFixed(1)} MB, GB/s`,
      ...Object.values(limits).map(({ copy }) => copy.find((one) => one.bytes === bytes)?.rate.toFixed(0) ?? ''),
    ]),
  ],
});

const handoversTable = (handovers: Run['handovers']): Table => ({
  head: ['hand-over and back, ns', 'threads', 'before', 'after'],
  rows: handovers.map(({ trial, threads, before, after }) => [
    trial,
    String(threads),
    before.toFixed(0),
    after.toFixed(0),
  ]),
});

const list = (named: Readonly<Record<string, string>>): string =>
  Object.entries(named)
    .map(([name, text]) => `- ${name}: ${text}`)
    .join('\n');

/** The results file. */
export const markdown = (run: Run): string => {
  const { machine, rows } = run;
  const threads = [...new Set(rows.map((row) => row.threads))];
  const parts = [
    `# ${machine.cpu}`,
    `${machine.text}, ${machine.date}, load ${machine.load} when it began. Made by \`${machine.command}\`; how to read it: docs/inside/benchmarks.md.`,
    list(run.versions),
    Object.keys(run.missing).length === 0 ? '' : `Not there:\n${list(run.missing)}`,
    Object.keys(run.limits).length === 0 ? '' : `## What the machine can do\n${markdownTable(limitsTable(run.limits))}`,
    run.handovers.length === 0 ? '' : markdownTable(handoversTable(run.handovers)),
    `## Gates and goals\n${markdownTable(gatesTable(run.outcomes))}`,
    ...threads.map((count) => {
      const these = rows.filter((row) => row.threads === count);
      return [
        `## ${count} thread${count === 1 ? '' : 's'}\n${markdownTable({ head: ROW_HEAD, rows: these.map(rowCells) })}`,
        `### Every figure\n${markdownTable(everyFigure(these))}`,
      ].join('\n\n');
    }),
    run.startup === undefined ? '' : `## Startup\n${markdownTable(run.startup)}`,
    errorLines(rows).length === 0
      ? ''
      : `## Figures that do not count\n${errorLines(rows)
          .map((text) => `- ${text}`)
          .join('\n')}`,
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
};
