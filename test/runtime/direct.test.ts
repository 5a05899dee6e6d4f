// The short way of repeated runs: the third run of a request must give what the first gave, and refuse what the first refused.
import test from 'ava';
import * as tf from '../../lib/index.js';
import type { FeedKey, FeedValueLike } from '../../lib/runtime/feeds.js';
import { native } from '../../lib/runtime/native.js';

const setup = () => {
  const graph = new tf.Graph();
  return graph.asDefault(() => {
    const x = tf.placeholder(tf.float32, [null, 2]);
    const k = tf.placeholder(tf.float32, []);
    const n = tf.placeholder(tf.int32, []);
    const y = tf.add(tf.multiply(x, k), tf.cast(n, tf.float32));
    return { graph, x, k, n, y, sum: tf.reduceSum(y), sess: new tf.Session({ graph }) };
  });
};
const rows = (...values: number[]) => tf.ndarray(new Float32Array(values), [values.length / 2, 2]);

test('repeated runs see new values, other shapes and other kinds of values', (t) => {
  const { x, k, n, y, sess } = setup();
  const run = (a: tf.NDArray, b: FeedValueLike, c: FeedValueLike) =>
    sess
      .runSync(
        y,
        new Map<FeedKey, FeedValueLike>([
          [x, a],
          [k, b],
          [n, c],
        ]),
      )
      .toArray();
  for (let i = 0; i < 4; i++) t.deepEqual(run(rows(1, 2), i, 1), [[1 + i, 1 + 2 * i]]);
  t.deepEqual(run(rows(1, 2, 3, 4), 2, 0), [
    [2, 4],
    [6, 8],
  ]);
  t.deepEqual(run(rows(1, 2), tf.ndarray(3), tf.ndarray(1, [], 'int32')), [[4, 7]]);
  t.deepEqual(run(rows(1, 2), true, 2n), [[3, 4]]);
  t.deepEqual(run(tf.ndarray([[1, 2]], undefined, 'float64'), 1, 0), [[1, 2]]);
  sess.close();
});

test('what the first run refuses, later ones refuse with the same words, and go on', (t) => {
  const { x, k, n, y, sess } = setup();
  const step = sess.makeCallable(y, [x, k, n]);
  const refused = (...values: unknown[]): string =>
    t.throws(() => step(...(values as FeedValueLike[])), { instanceOf: Error })!.message.replace(/\n.*/s, '');
  const detached = rows(1, 2);
  const odd: unknown[][] = [
    [rows(1, 2), 1, 1.5],
    [rows(1, 2), 1, 2 ** 31],
    [rows(1, 2), 1, Number.NaN],
    [rows(1, 2), [1], 1],
    [tf.ndarray([1, 2]), 1, 1],
    [new Float32Array(2), 1, 1],
    [detached, 1, 1],
    [rows(1, 2), 'a', 1],
    [undefined, 1, 1],
  ];
  structuredClone((detached.data as Float32Array).buffer, {
    transfer: [(detached.data as Float32Array).buffer as ArrayBuffer],
  });
  const first = odd.map((values) => refused(...values));
  for (let i = 0; i < 3; i++) t.deepEqual(step(rows(1, 2), 2, 1).toArray(), [[3, 5]]);
  t.deepEqual(
    odd.map((values) => refused(...values)),
    first,
  );
  t.deepEqual(step(rows(1, 2), 2, 1).toArray(), [[3, 5]]);
  sess.close();
  t.throws(() => step(rows(1, 2), 2, 1), { message: /closed Session/ });
});

test('results are their own memory, and memory that is given takes them', (t) => {
  const { x, k, n, y, sum, sess } = setup();
  const step = sess.makeCallable([y, sum], [x, k, n]);
  const results = [1, 2, 3].map((value) => step(rows(1, 2), value, 0));
  t.deepEqual(
    results.map(([a]) => a!.toArray()),
    [[[1, 2]], [[2, 4]], [[3, 6]]],
  );
  t.deepEqual(
    results.map(([, b]) => b!.item()),
    [3, 6, 9],
  );

  const big = rows(...Array.from({ length: 40 }, (_, i) => i));
  const into = [new Float32Array(40), new Float32Array(1)] as const;
  const filled = sess.makeCallable([y, sum], [x, k, n], { into });
  for (const scale of [1, 2, 3]) {
    const [a, b] = filled(big, scale, 0);
    t.is(a!.data, into[0]);
    t.is(b!.data, into[1]);
    t.is(into[0][39], 39 * scale);
    t.is(into[1][0], 780 * scale);
  }
  t.throws(() => filled(rows(1, 2), 1, 0), { message: /160 bytes|40 elements/ });
  t.is(filled(big, 1, 0)[1]!.item(), 780);
  sess.close();
});

test('shared memory and a part of a larger buffer are read as they are', (t) => {
  const { x, k, n, sum, sess } = setup();
  const shared = new Float32Array(new SharedArrayBuffer(16), 8, 2);
  const part = new Float32Array(new ArrayBuffer(32), 8, 2);
  for (let i = 0; i < 4; i++) {
    shared.set([i, 1]);
    part.set([i, 2]);
    for (const [data, one] of [
      [shared, 1],
      [part, 2],
    ] as const)
      t.is(
        sess
          .runSync(sum, [
            [x, tf.ndarray(data, [1, 2])],
            [k, 1],
            [n, 0],
          ])
          .item(),
        i + one,
      );
  }
  sess.close();
});

test('errors of the engine name the operation and the line of the run, also the short way', (t) => {
  const graph = new tf.Graph();
  graph.asDefault(() => {
    const a = tf.placeholder(tf.int32, [], { name: 'a' });
    const q = tf.floordiv(10, a, { name: 'q' });
    const sess = new tf.Session({ graph });
    const step = sess.makeCallable(q, [a]);
    t.deepEqual(
      [5, 2, 1].map((value) => step(value).item()),
      [2, 5, 10],
    );
    const error = t.throws(() => step(0), { instanceOf: tf.errors.InvalidArgumentError });
    t.is(error!.node, 'q');
    t.regex(error!.runFrom ?? '', /direct\.test/);
    t.is(step(4).item(), 2);
    sess.close();
  });
});

test('a runner outlives its session and its plan, and then says so', (t) => {
  const { NativeSession } = native();
  const { graph, y, x, k, n } = setup();
  const own = new tf.Session({ graph });
  for (let i = 0; i < 3; i++)
    own.runSync(y, [
      [x, rows(1, 2)],
      [k, 1],
      [n, 1],
    ]);
  own.close();
  t.throws(
    () =>
      own.runSync(y, [
        [x, rows(1, 2)],
        [k, 1],
        [n, 1],
      ]),
    { message: /closed/ },
  );
  const engine = new NativeSession();
  t.throws(() => engine.runner(0));
  t.throws(() => engine.runner(Number.NaN));
  engine.close();
  t.throws(() => engine.runner(0));
});
