// The short way of repeated runs: the third run of a request must give what the first gave, and refuse what the first refused.
import test from 'ava';
import * as tf from '../../lib/index.js';
import type { FeedKey, FeedValueLike } from '../../lib/runtime/feeds.js';
import { native } from '../../lib/runtime/native.js';
import { dense, loadStage } from '../native/plans.js';

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

test('an array that lies about its class or length is refused by the short way as by the long one', (t) => {
  const graph = new tf.Graph();
  const [x, y] = graph.asDefault(() => {
    const x = tf.placeholder(tf.float32, [4]);
    return [x, tf.multiply(x, 2)] as const;
  });
  using sess = new tf.Session({ graph });
  const double = sess.makeCallable(y, [x]);
  const lying = <A extends object>(array: A, length = 4): A =>
    Object.defineProperties(array, { constructor: { value: Float32Array }, length: { value: length } });
  const lies = (): [string, FeedValueLike, RegExp][] => [
    ['doubles', lying(new Float64Array([1, 2, 3, 4])), /elements are not float/],
    ['bytes', lying(new Uint8Array([1, 2, 3, 4])), /elements are not float/],
    ['bytes before others', lying(new Uint8Array(new ArrayBuffer(64), 0, 4)), /elements are not float/],
    ['too few', lying(new Float32Array(2)), /8 bytes, 16 are expected/],
    ['too many', lying(new Float32Array(8)), /32 bytes, 16 are expected/],
    [
      'an NDArray of doubles',
      new tf.NDArray(tf.float32, [4], new Float64Array(4)),
      /is <class 'Float64Array'>, not float32/,
    ],
  ];
  for (let i = 0; i < 3; i++) {
    for (const [what, value, message] of lies()) {
      t.throws(() => double(value), { instanceOf: tf.errors.InvalidArgumentError, message }, `${what}, time ${i}`);
    }
    t.deepEqual(double(new Float32Array([1, 2, 3, 4])).toArray(), [2, 4, 6, 8]);
  }
});

test('a runner takes no byte outside of the buffer it is given, whatever the class of the array', (t) => {
  const { NativeSession: Native } = native();
  const session = new Native();
  const stage = dense(16);
  const run = session.runner(loadStage(session, stage))!;
  const x = new Float32Array(256).fill(1);
  const out = new Float32Array(256);
  run(x, out);
  t.true(out.every((value) => value > -0.6 && value < 1.6));
  const refused = { code: 'INVALID_ARGUMENT' } as never;
  t.throws(() => run(new Uint8Array(256)), refused);
  t.throws(() => run(new Uint8Array(new ArrayBuffer(1024), 1, 256)), refused);
  t.throws(() => run(new Float32Array(255)), refused);
  t.throws(() => run(x, new Uint8Array(256)), refused);
  t.throws(() => run(x, new Float64Array(128)), refused);
  t.throws(() => run('text' as never), refused);
  session.close();
});
