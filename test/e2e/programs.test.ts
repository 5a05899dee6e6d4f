// The examples as processes: what a user sees of `npm start`, also with a file of their own, good or malformed.
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { gaussianClasses } from '../../examples/lib/gaussian.js';
import { RandomState } from '../../examples/lib/mt19937.js';
import { runExample } from '../helpers/example.js';
import { testWithData } from '../helpers/require.js';

const folderOf = (t: ExecutionContext): string => {
  const folder = mkdtempSync(path.join(tmpdir(), 'grafo-example-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  return folder;
};

/** Marks of one kind in Vega's SVG. */
const paths = (svg: string, group: string): string[] => {
  const from = svg.indexOf(`class="${group}`);
  return from < 0 ? [] : [...svg.slice(from, svg.indexOf('</g>', from)).matchAll(/<path /g)].map(([found]) => found);
};

const checkPicture = (t: ExecutionContext, file: string, points: number): void => {
  const svg = readFileSync(file, 'utf8');
  t.regex(svg, /^<svg [\s\S]*<\/svg>\s*$/);
  t.is(paths(svg, 'mark-symbol role-mark points').length, points);
  t.is(paths(svg, 'mark-line role-mark decision').length, 1);
  t.true(paths(svg, 'mark-path role-mark contours').length >= 5, 'contours of the probability');
  t.notRegex(svg, /NaN|undefined/);
};

test('npm start trains, draws the picture and ends with its accuracy', (t) => {
  const folder = folderOf(t);
  const { status, out, err } = runExample('deck', [], folder);
  t.is(err, '');
  t.is(status, 0);
  const lines = out.trimEnd().split('\n');
  for (let epoch = 1; epoch <= 10; epoch++) {
    const line = new RegExp(
      `^ +epoch +${epoch}: cost \\d+\\.\\d+, W \\[-?\\d.+, -?\\d.+\\], b -?\\d.+, accuracy 0\\.\\d+$`,
    );
    t.true(
      lines.some((text) => line.test(text)),
      `epoch ${epoch}`,
    );
  }
  const [, accuracy] = /^accuracy (0\.\d\d)$/.exec(lines.at(-1)!) ?? [];
  t.true(Number(accuracy) >= 0.83 && Number(accuracy) <= 0.96, lines.at(-1));
  checkPicture(t, path.join(folder, 'out', 'classifier.svg'), 200);
});

test("npm start -- --data takes the user's own points", (t) => {
  const folder = folderOf(t);
  const { x, labels, count } = gaussianClasses(60, new RandomState(3));
  const rows = Array.from({ length: count }, (_, i) => `${1000 + 30 * x[2 * i]!},${x[2 * i + 1]! / 100},${labels[i]}`);
  writeFileSync(path.join(folder, 'points.csv'), `x1,x2,label\n${rows.join('\n')}\n`);
  const { status, out, err } = runExample('deck', ['--data', 'points.csv', '--out', 'own.svg'], folder);
  t.is(err, '');
  t.is(status, 0);
  t.regex(out, /^120 points of two classes/);
  const [, accuracy] = /\naccuracy (0\.\d\d)\n$/.exec(out) ?? [];
  t.true(Number(accuracy) > 0.8, accuracy);
  checkPicture(t, path.join(folder, 'own.svg'), 120);
});

test('npm start -- --data: a malformed file is one line that names the file and the line', (t) => {
  const folder = folderOf(t);
  writeFileSync(path.join(folder, 'points.csv'), 'x1,x2,label\n1,2,0\n1,two,1\n');
  const { status, out, err } = runExample('deck', ['--data', 'points.csv'], folder);
  t.is(status, 1);
  t.is(out, '');
  t.is(err, 'points.csv:3: x2 is no number: "two"\n');
  t.false(existsSync(path.join(folder, 'out')));
});

test('an option that is none, or without its number, is one line', (t) => {
  const folder = folderOf(t);
  const unknown = runExample('deck', ['--dat', 'x'], folder);
  t.is(unknown.status, 1);
  t.regex(unknown.err, /^Unknown option '--dat'.*\n$/);
  t.is(runExample('mnist', ['--epochs', 'many'], folder).err, "--epochs takes a whole number from 1 on, not 'many'\n");
});

test('npm run example -- intro, linear, xor print and end well', (t) => {
  const folder = folderOf(t);
  for (const [name, last] of [
    ['intro', /node \{ name: "add" op: "AddV2" input: \[mul, Const_2\] \}\n$/],
    ['linear', /\n2000 1\.20\d+e-5 \[1\.0040\d+\] \[-0\.0091\d+\]\n$/],
    ['xor', /Accuracy:\n1\n$/],
  ] as const) {
    const { status, out, err } = runExample(name, [], folder);
    t.is(err, '', name);
    t.is(status, 0, name);
    t.regex(out, last, name);
  }
});

test('npm run example -- mnist prints the cost of an epoch and the accuracy', (t) => {
  const { status, out, err } = runExample('mnist', ['--epochs', '1'], folderOf(t));
  t.is(err, '');
  t.is(status, 0);
  t.regex(out, /^Epoch: 0001 cost = 5\.7451\d{5}\n[\s\S]*\nAccuracy: 0\.567\d\n$/);
});

test('npm run example -- diabetes without its file says what to type', (t) => {
  const { status, err } = runExample('diabetes', [], folderOf(t));
  t.is(status, 1);
  t.is(err, 'usage: npm run example -- diabetes --data diabetes.csv [--steps 10001]\n');
});

testWithData('diabetes.csv', 'npm run example -- diabetes prints costs and the accuracy', (t, file) => {
  const { status, out, err } = runExample('diabetes', ['--data', file, '--steps', '401'], folderOf(t));
  t.is(err, '');
  t.is(status, 0);
  t.regex(out, /^0 0\.8279\d+\n200 0\.7551\d+\n400 0\.7263\d+\nAccuracy: 0\.\d+\n$/);
});
