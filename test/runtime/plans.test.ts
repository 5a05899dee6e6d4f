// Plans are kept and used again: only for what they were made for.
import test from 'ava';
import * as tf from '../../lib/index.js';

const inSession = (body: (session: tf.Session) => void) =>
  new tf.Graph().asDefault(() => {
    using session = new tf.Session();
    body(session);
  });
const array = (value: unknown): unknown => (value as tf.NDArray).toArray();

test('feeds of another shape get another plan, in any dimension', (t) =>
  inSession((session) => {
    const x = tf.placeholder('int32', [null, null]);
    const y = [tf.shape(x), tf.reduceSum(x, 0)];
    const ones = (rows: number, columns: number) =>
      new tf.NDArray(tf.int32, [rows, columns], new Int32Array(rows * columns).fill(1));
    for (const [rows, columns] of [
      [2, 3],
      [4, 3],
      [4, 2],
      [2, 3],
      [1, 3],
    ] as const) {
      const results = session.runSync(y, [[x, ones(rows, columns)]]).map(array);
      t.deepEqual(results, [[rows, columns], new Array(columns).fill(rows)]);
    }
  }));

test('a fed shape counts by its values, also where the caller changes them in place', (t) =>
  inSession((session) => {
    const size = tf.placeholder('int32', [1]);
    const filled = tf.fill(size, 7);
    const memory = Int32Array.of(2);
    for (const n of [2, 3, 0, 2, 1]) {
      memory[0] = n;
      t.deepEqual(array(session.runSync(filled, [[size, memory]])), new Array(n).fill(7));
    }
  }));

test('a fed number is no constant of the plan, though it could be computed on the host', (t) =>
  inSession((session) => {
    const n = tf.placeholder('int32', []);
    const pair = tf.stack([tf.add(n, 1), tf.multiply(n, n)]);
    for (const value of [1, 2, 5, 1])
      t.deepEqual(array(session.runSync(pair, [[n, value]])), [value + 1, value * value]);
  }));

test('two fetches of one value are two results', (t) =>
  inSession((session) => {
    const x = tf.placeholder('float', [2]);
    const y = tf.add(x, 1);
    const [a, b] = session.runSync([y, tf.identity(y)], [[x, [1, 2]]]) as [tf.NDArray, tf.NDArray];
    (a.data as Float32Array)[0] = 100;
    t.deepEqual(array(b), [2, 3]);
  }));

test('two fetches of one value that an earlier stage made are two results', (t) =>
  inSession((session) => {
    const x = tf.placeholder('float', [4]);
    const { y } = tf.unique(x);
    const fetches = [y, tf.multiply(y, 1), tf.fill(tf.shape(y), 7)];
    const [a, b, c] = session.runSync(fetches, [[x, [1, 2, 1, 3]]]) as [tf.NDArray, tf.NDArray, tf.NDArray];
    (a.data as Float32Array)[0] = 100;
    t.deepEqual([a, b, c].map(array), [
      [100, 2, 3],
      [1, 2, 3],
      [7, 7, 7],
    ]);
  }));

test('async runs with scalars that are called at once each take their own', async (t) => {
  const graph = new tf.Graph();
  const [x, y] = graph.asDefault(() => {
    const fed = tf.placeholder('float', []);
    return [fed, tf.multiply(fed, 2)] as const;
  });
  using session = new tf.Session({ graph });
  const results = await Promise.all([1, 2, 3, 4].map((value) => session.run(y, [[x, value]])));
  t.deepEqual(results.map(array), [2, 4, 6, 8]);
});
