// Tables of text: columns of the same width on a terminal, pipes in Markdown.

/** A table: its head, and rows of as many cells. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

const widths = ({ head, rows }: Table): number[] =>
  head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));

/** One line of a table as wide as `columns`; the first column to the left, the others to the right. */
export const line = (cells: readonly string[], columns: readonly number[]): string =>
  cells.map((cell, i) => (i === 0 ? cell.padEnd(columns[i]!) : cell.padStart(columns[i]!))).join('  ');

/** The table for a terminal. */
export const plainTable = (table: Table): string => {
  const columns = widths(table);
  return [table.head, ...table.rows].map((row) => line(row, columns).trimEnd()).join('\n');
};

/** The table in Markdown. */
export const markdownTable = ({ head, rows }: Table): string => {
  const cells = (row: readonly string[]): string => `| ${row.map((cell) => cell.replaceAll('|', '\\|')).join(' | ')} |`;
  return [cells(head), cells(head.map((_, i) => (i === 0 ? '---' : '---:'))), ...rows.map(cells)].join('\n');
};

/** Nanoseconds as a person reads them: `812 ns`, `3.42 us`, `17.3 ms`. */
export const duration = (ns: number): string => {
  const [value, unit] =
    ns < 1000 ? [ns, 'ns'] : ns < 1e6 ? [ns / 1e3, 'us'] : ns < 1e9 ? [ns / 1e6, 'ms'] : [ns / 1e9, 's'];
  return `${value.toPrecision(value >= 100 ? 3 : value >= 10 ? 3 : 3)} ${unit}`;
};
export const percent = (share: number): string => `${Math.round(100 * share)} %`;
export const ratio = (value: number): string => value.toFixed(value < 0.1 ? 3 : 2);
