// Reads tables of numbers from CSV files; what is wrong in a file is said with the file's name and the line.
import { readFileSync } from 'node:fs';
import type { Points } from './gaussian.js';

/** Rows of numbers: row i is `data[i * columns .. (i + 1) * columns]`, read on line `lines[i]` of the file. */
export interface Table {
  readonly data: Float64Array;
  readonly lines: readonly number[];
  readonly rows: number;
  readonly columns: number;
}

/** A file that is not what it should be; the message starts with `file:line:`. */
export class CsvError extends Error {
  override readonly name = 'CsvError';
  readonly file: string;
  /** The line, from 1; null where the whole file is meant. */
  readonly line: number | null;

  constructor(file: string, line: number | null, problem: string) {
    super(`${file}:${line === null ? '' : `${line}:`} ${problem}`);
    this.file = file;
    this.line = line;
  }
}

const NUMBER = /^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$/;
const unquoted = (field: string): string =>
  field
    .trim()
    .replace(/^"(.*)"$/, '$1')
    .trim();
const shown = (field: string): string => JSON.stringify(field.length > 40 ? `${field.slice(0, 40)}...` : field);

const readText = (file: string): string => {
  try {
    // A byte order mark, as spreadsheets write it, is no part of the first field.
    return readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
  } catch (error) {
    throw new CsvError(file, null, `cannot be read (${(error as NodeJS.ErrnoException).code ?? String(error)})`);
  }
};

/**
 * Reads a file of numbers separated by commas. The first line may be a header (a line without any number); empty lines are skipped.
 *
 * @param names the columns' names, for messages; their number is the number of columns every line must have.
 * @throws CsvError with the line where one is short, long, or holds something that is no finite number.
 */
export const readTable = (file: string, names: readonly string[]): Table => {
  const values: number[] = [];
  const lines: number[] = [];
  let first = true;
  for (const [index, text] of readText(file)
    .split(/\r\n|\n|\r/)
    .entries()) {
    if (text.trim() === '') continue;
    const fields = text.split(',').map(unquoted);
    const header = first && fields.every((field) => !NUMBER.test(field));
    first = false;
    if (fields.length !== names.length) {
      const expected = `${names.length} values (${names.join(',')})`;
      throw new CsvError(file, index + 1, `expected ${expected}, got ${fields.length}`);
    }
    if (header) continue;
    for (const [column, field] of fields.entries()) {
      const value = NUMBER.test(field) ? Number(field) : Number.NaN;
      if (!Number.isFinite(value))
        throw new CsvError(file, index + 1, `${names[column]} is no number: ${shown(field)}`);
      values.push(value);
    }
    lines.push(index + 1);
  }
  if (lines.length === 0) throw new CsvError(file, null, 'holds no rows');
  return { data: Float64Array.from(values), lines, rows: lines.length, columns: names.length };
};

/**
 * Reads points of two classes: `x1,x2,label` on every line, the label 0 or 1, with a header or without.
 *
 * @throws CsvError as `readTable` does, with the line of a label that is neither 0 nor 1, or where only one class is there.
 */
export const readPoints = (file: string): Points => {
  const { data, lines, rows } = readTable(file, ['x1', 'x2', 'label']);
  const x = new Float64Array(2 * rows);
  const labels = new Float64Array(rows);
  for (let i = 0; i < rows; i++) {
    x.set(data.subarray(3 * i, 3 * i + 2), 2 * i);
    const label = data[3 * i + 2]!;
    if (label !== 0 && label !== 1) throw new CsvError(file, lines[i]!, `label must be 0 or 1, got ${label}`);
    labels[i] = label;
  }
  if (labels.every((label) => label === labels[0])) {
    throw new CsvError(file, null, `two classes are needed, but every label is ${labels[0]}`);
  }
  return { x, labels, count: rows };
};
