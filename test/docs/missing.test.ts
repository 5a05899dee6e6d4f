// docs/missing.md: what it says is not here is not, and what it says to use instead is.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import * as tf from '../../lib/index.js';
import { ROOT } from '../helpers/root.js';

const rows = readFileSync(path.join(ROOT, 'docs/missing.md'), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| `tf.'))
  .map((line) => line.split('|').slice(1, 3) as [string, string]);

const namesIn = (text: string): string[] => [...text.matchAll(/\btf((?:\.\w+)+)/g)].map(([, name]) => name!.slice(1));
const find = (name: string): unknown =>
  name.split('.').reduce<unknown>((found, part) => (found as Record<string, unknown> | undefined)?.[part], tf);

test('docs/missing.md has the table', (t) => t.true(rows.length > 20));
for (const [gone, instead] of rows) {
  test(`${gone.trim()}: not here, and what stands instead is`, (t) => {
    for (const name of namesIn(gone)) t.is(find(name), undefined, name);
    for (const name of namesIn(instead)) t.not(find(name), undefined, name);
  });
}

test('the ways of docs/missing.md give what is asked for', (t) => {
  new tf.Graph().asDefault(() => {
    using sess = new tf.Session();
    const run = (fetch: tf.Tensor): unknown => sess.runSync(fetch).toArray();
    t.deepEqual(run(tf.oneHot(tf.range(2), 2)), [
      [1, 0],
      [0, 1],
    ]);
    t.deepEqual(run(tf.less(tf.range(3), tf.expandDims(tf.constant([1, 3], 'int32'), 1))), [
      [true, false, false],
      [true, true, true],
    ]);
    t.is(run(tf.sqrt(tf.reduceSum(tf.square([3, 4]), 0))), 5);
    const v = new tf.Variable([1, 2], { name: 'v' });
    const mean = new tf.Variable([0, 0], { name: 'mean' });
    sess.runSync(tf.globalVariablesInitializer());
    sess.runSync(mean.assignSub(mean.sub(v).mul(1 - 0.5)));
    t.deepEqual(run(mean.asTensor()), [0.5, 1]);
    const saved = sess.runSync(tf.globalVariables()).map(({ data, shape }) => ({ data: [...data], shape }));
    sess.runSync(mean.assign([9, 9]));
    mean.load(tf.ndarray(saved[1]!.data as number[], saved[1]!.shape), sess);
    t.deepEqual(run(mean.asTensor()), [0.5, 1]);
    const x = tf.constant([[1], [3]]);
    const { mean: m, variance } = tf.nn.moments(x, [0]);
    t.deepEqual(run(tf.round(x.sub(m).mul(tf.rsqrt(variance.add(1e-3))))), [[-1], [1]]);
    const table = new tf.Variable([[1], [2]]);
    t.true(tf.gradients(tf.reduceSum(tf.gather(table, [0])), [table])[0] instanceof tf.IndexedSlices);
    t.is(run(tf.constant('a').add('b')), 'ab');
  });
});
