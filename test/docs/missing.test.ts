// docs/missing.md: what it says is not here is not, what it says to use instead is, and every call in it runs, as it stands there.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import * as tf from '../../lib/index.js';
import { ROOT } from '../helpers/root.js';
import { isSame, plain, shown } from '../helpers/values.js';
import { ARRAYS, RANDOM } from './missing/arrays.js';
import { CONTROL, NAMESPACES, NETWORKS, SPARSE, TRAINING } from './missing/programs.js';
import type { Made, Ways } from './missing/ways.js';

const WAYS: Ways = { ...CONTROL, ...ARRAYS, ...RANDOM, ...SPARSE, ...NETWORKS, ...TRAINING, ...NAMESPACES };

const rows = readFileSync(path.join(ROOT, 'docs/missing.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `tf.'))
  .map((line) => line.split(' | ') as [string, string]);

const namesIn = (text: string): string[] => [...text.matchAll(/\btf((?:\.\w+)+)/g)].map(([, name]) => name!.slice(1));
const find = (name: string): unknown =>
  name.split('.').reduce<unknown>((found, part) => (found as Record<string, unknown> | undefined)?.[part], tf);
/** What a row is known by: the first name in it. */
const keyOf = (gone: string): string => namesIn(gone)[0]!;
/** The pieces of code that call something. */
const callsIn = (instead: string): string[] =>
  [...instead.matchAll(/`([^`]+)`/g)].map(([, code]) => code!).filter((code) => code.includes('('));

/** What the calls of a row give. `name = ...` gives a name to those that read it, also where they stand before it. */
const evaluated = (calls: readonly string[], given: Record<string, unknown>) => {
  const run = (code: string): unknown =>
    new Function(...Object.keys(given), `return (${code});`)(...Object.values(given));
  const values: unknown[] = [];
  const nameOf = (code: string): string | undefined => /^(\w+) = /.exec(code)?.[1];
  for (const [i, code] of calls.entries()) {
    const name = nameOf(code);
    if (name !== undefined) values[i] = given[name] = run(code.slice(name.length + 3));
  }
  for (const [i, code] of calls.entries()) if (nameOf(code) === undefined) values[i] = run(code);
  return { given, values };
};

test('docs/missing.md has its rows, each with another first name', (t) => {
  t.true(rows.length > 100, `${rows.length}`);
  t.is(new Set(rows.map(([gone]) => keyOf(gone))).size, rows.length);
});
test('each row of docs/missing.md that calls something is tried here, and nothing else is', (t) => {
  const calling = rows.filter(([, instead]) => callsIn(instead).length > 0).map(([gone]) => keyOf(gone));
  t.deepEqual(Object.keys(WAYS).sort(), calling.sort());
});

for (const [gone, instead] of rows) {
  test(`${keyOf(gone)}: not here, and what stands instead is`, async (t) => {
    for (const name of namesIn(gone)) t.is(find(name), undefined, name);
    for (const name of namesIn(instead)) t.not(find(name), undefined, name);
    const way = WAYS[keyOf(gone)];
    if (way === undefined) return;
    const calls = callsIn(instead);
    t.is(calls.length, way.gives.length, 'calls in the row, and expected values');
    const graph = new tf.Graph();
    using sess = new tf.Session({ graph, onLog: () => {} });
    const { given, values } = graph.asDefault(() => evaluated(calls, { tf, sess, graph, ...way.given(sess) }));
    const settled = await Promise.all(values);
    graph.asDefault(() => {
      for (const [i, wanted] of way.gives.entries()) {
        const own = typeof wanted === 'function';
        const seen = own ? (wanted as Made)(settled[i], given, sess) : plain(settled[i], sess);
        t.true(own ? seen === true : isSame(seen, wanted), `${calls[i]} gives ${shown(seen)}, not ${shown(wanted)}`);
      }
    });
  });
}
