// Files of the user's own: what is read, and what is said about what cannot be.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import { CsvError, readPoints } from '../../examples/lib/csv.js';

const folder = mkdtempSync(path.join(tmpdir(), 'grafo-csv-'));
test.after.always(() => rmSync(folder, { recursive: true }));
let files = 0;
const write = (text: string | Uint8Array): string => {
  const file = path.join(folder, `points${files++}.csv`);
  writeFileSync(file, text);
  return file;
};

const GOOD = [
  ['with a header', 'x1,x2,label\n1,2,0\n-3,4e1,1\n'],
  ['without a header', '1,2,0\n-3,40,1'],
  ['with Windows line ends, spaces and empty lines', '\r\nx1, x2, label\r\n 1 , 2.0, 0\r\n\r\n-3,+40,1\r\n\r\n'],
  ['with a byte order mark and quotes', '\uFEFF"x1","x2","label"\n"1","2","0"\n-3,40,1.0\n'],
] as const;
for (const [what, text] of GOOD) {
  test(`readPoints: a file ${what}`, (t) => {
    const { x, labels, count } = readPoints(write(text));
    t.deepEqual([[...x], [...labels], count], [[1, 2, -3, 40], [0, 1], 2]);
  });
}

const BAD = [
  ['a word where a number belongs', 'x1,x2,label\n1,2,0\n1,abc,1\n', 3, 'x2 is no number: "abc"'],
  ['an empty field', '1,2,0\n1,,1\n', 2, 'x2 is no number: ""'],
  ['a number too large', '1,2,0\n1e999,2,1\n', 2, 'x1 is no number: "1e999"'],
  ['a number in hexadecimal', '0x10,2,0\n1,2,1', 1, 'x1 is no number: "0x10"'],
  ['nan', '1,2,0\nnan,2,1\n', 2, 'x1 is no number: "nan"'],
  ['too few values', '1,2,0\n\n1,2\n', 3, 'expected 3 values (x1,x2,label), got 2'],
  ['too many values', '1,2,0,9\n', 1, 'expected 3 values (x1,x2,label), got 4'],
  ['a second header', 'x1,x2,label\nx1,x2,label\n', 2, 'x1 is no number: "x1"'],
  ['another label', '1,2,0\n1,2,2\n', 2, 'label must be 0 or 1, got 2'],
  ['one class only', '1,2,1\n3,4,1\n', null, 'two classes are needed, but every label is 1'],
  ['a header alone', 'x1,x2,label\n', null, 'holds no rows'],
  ['nothing', '', null, 'holds no rows'],
  ['bytes that are no text', Uint8Array.of(0xff, 0xfe, 0, 1, 2), 1, 'expected 3 values (x1,x2,label), got 1'],
] as const;
for (const [what, text, line, problem] of BAD) {
  test(`readPoints: ${what} -> the file, the line and the problem`, (t) => {
    const file = write(text);
    const error = t.throws(() => readPoints(file), { instanceOf: CsvError });
    t.is(error.message, `${file}:${line === null ? '' : `${line}:`} ${problem}`);
  });
}

test('readPoints: a file that is not there', (t) => {
  const file = path.join(folder, 'none.csv');
  t.throws(() => readPoints(file), { instanceOf: CsvError, message: `${file}: cannot be read (ENOENT)` });
});
