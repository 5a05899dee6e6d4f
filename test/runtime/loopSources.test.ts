// Loops over sources: the numbers of single runs, whatever the chunks; sources are closed, and their errors are the loop's.
import { setTimeout as wait } from 'node:timers/promises';
import test from 'ava';
import * as tf from '../../lib/index.js';

const setup = (rows = 2) => {
  const graph = new tf.Graph();
  return graph.asDefault(() => {
    const x = tf.placeholder(tf.float32, [rows, 3]);
    const y = tf.placeholder(tf.int32, [rows]);
    const total = new tf.Variable(0);
    const add = total.assignAdd(tf.reduceSum(x));
    const rowSums = tf.add(tf.reduceSum(x, { axis: 1 }), tf.cast(y, tf.float32));
    const sess = new tf.Session({ graph });
    sess.runSync(total.initializer);
    return { x, y, total, add, rowSums, sess };
  });
};
const batch = (i: number, rows = 2): [Float32Array, Int32Array] => [
  Float32Array.from({ length: rows * 3 }, (_, e) => i + e),
  Int32Array.from({ length: rows }, (_, e) => 10 * i + e),
];
const expected = (n: number): number[][] =>
  Array.from({ length: n }, (_, i) => {
    const [x, y] = batch(i);
    return [0, 1].map((r) => x[3 * r]! + x[3 * r + 1]! + x[3 * r + 2]! + y[r]!);
  });

test('a generator feeds a loop until it ends, or until n runs are done', async (t) => {
  const closed: number[] = [];
  function* batches(n: number) {
    try {
      for (let i = 0; i < n; i++) yield batch(i);
    } finally {
      closed.push(n);
    }
  }
  async function* later(n: number) {
    for (const one of batches(n)) {
      await wait(1);
      yield one;
    }
  }
  for (const [length, n, runs] of [
    [5, Number.POSITIVE_INFINITY, 5],
    [5, 9, 5],
    [5, 3, 3],
    [2500, 2400, 2400],
  ] as const) {
    const { x, y, total, add, rowSums, sess } = setup();
    const all = () => [[[x, y], tf.stepped(batches(length))]] as const;
    const [, sums] = sess.runLoopSync([add.op, rowSums], n, all());
    t.deepEqual(sums.toArray(), expected(runs));
    const once = sess.runSync(total).item();
    const [none, other] = await sess.runLoop([add.op, rowSums], n, all());
    t.is(none, null);
    t.deepEqual(other.toArray(), expected(runs));
    t.is(sess.runSync(total).item(), 2 * Number(once));
    t.is(sess.runLoopSync(add.op, n, all()), null);
    if (length < 10) {
      const { rowSums: values } = await sess.runLoop({ rowSums }, n, [[[x, y], tf.stepped(later(length))]]);
      t.deepEqual(values.toArray(), expected(runs));
    }
    sess.close();
  }
  t.is(closed.length, 4 * 3 + 3);
});

test('sources beside arrays and values, each with its tensor, of several chunks', (t) => {
  const rows = 400_000;
  const { x, y, add, sess } = setup(rows);
  function* ones() {
    for (let i = 1; ; i++) yield tf.ndarray(new Float32Array(rows * 3).fill(i), [rows, 3]);
  }
  const ys = tf.ndarray(new Int32Array(2 * rows), [2, rows]);
  const sums = sess.runLoopSync(tf.reduceMax(x), 5, [
    [x, tf.stepped(ones())],
    [y, tf.stepped(ys)],
  ]);
  t.deepEqual(sums.toArray(), [1, 2, 3, 4, 5]);
  t.is(sess.runLoopSync(add, 2, [[x, tf.stepped(ones())]]).shape[0], 2);
  sess.close();
});

test('what a source does wrong is the error of the loop, and it is closed', async (t) => {
  const { x, y, rowSums, add, total, sess } = setup();
  let closed = 0;
  function* bad(items: readonly unknown[]) {
    try {
      yield* items;
      throw new RangeError('out of data');
    } finally {
      closed++;
    }
  }
  const loop = (items: readonly unknown[], n = 10) => sess.runLoop(rowSums, n, [[[x, y], tf.stepped(bad(items))]]);
  await t.throwsAsync(loop([batch(0), batch(1)]), { instanceOf: RangeError, message: 'out of data' });
  t.deepEqual((await loop([batch(0), batch(1)], 2)).toArray(), expected(2));
  await t.throwsAsync(loop([batch(0), [batch(1)[0]]]), {
    message: /gives an array of as many values each time, not 1 values/,
  });
  await t.throwsAsync(loop([batch(0), 7]), { message: /gives an array of as many values each time/ });
  await t.throwsAsync(loop([[new Float32Array(6), [1]]], 1), { message: /Cannot feed value of shape \(1,\)/ });
  t.is(closed, 5);

  const shapes = [tf.ndarray([[1, 2, 3]]), tf.ndarray([1, 2])];
  const any = sess.graph.asDefault(() => tf.placeholder(tf.float32));
  t.throws(() => sess.runLoopSync(tf.reduceSum(any), 2, [[any, tf.stepped(new Set(shapes))]]), {
    instanceOf: tf.errors.ValueError,
    message: /gave shape \(2\) after \(1, 3\)/,
  });
  t.throws(() => sess.runLoopSync(rowSums, 2, [[[x, y], tf.stepped(new Set())]]), {
    message: /gave no step to fetch from/,
  });
  t.is(sess.runLoopSync(add.op, 2, [[x, tf.stepped(new Set())]]), null);
  t.is(sess.runSync(total).item(), 0);
  t.throws(() => sess.runLoopSync(add, Number.NaN, [[x, tf.stepped(new Set())]]), { instanceOf: tf.errors.ValueError });
  t.throws(() => sess.runLoopSync(add, Number.POSITIVE_INFINITY, [[x, batch(0)[0]]]), {
    instanceOf: tf.errors.ValueError,
  });
  t.throws(() => sess.runLoopSync(rowSums, 1, [[[x, y], tf.stepped([1])]]), { message: /by a source only/ });
  async function* asynchronous() {
    yield batch(0);
  }
  t.throws(() => sess.runLoopSync(rowSums, 1, [[[x, y], tf.stepped(asynchronous())]]), { message: /use runLoop/ });

  function* endless() {
    for (;;) yield batch(0)[0];
  }
  const slow = sess.runLoop(add, Number.POSITIVE_INFINITY, [[x, tf.stepped(endless())]], { timeoutMs: 30 });
  await t.throwsAsync(slow, { instanceOf: tf.errors.DeadlineExceededError });
  function* thinking() {
    for (let i = 0; i < 100; i++) {
      const until = performance.now() + 1;
      while (performance.now() < until);
      yield batch(i)[0];
    }
  }
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  await sess.runLoop(add, 100, [[x, tf.stepped(thinking())]]);
  clearInterval(timer);
  t.true(ticks >= 10, `${ticks} ticks while a generator computed for 100 ms`);
  const stop = new AbortController();
  const aborted = sess.runLoop(add, Number.POSITIVE_INFINITY, [[x, tf.stepped(endless())]], { signal: stop.signal });
  setTimeout(() => stop.abort(), 10);
  await t.throwsAsync(aborted, { instanceOf: tf.errors.CancelledError });
  sess.close();
});

test('a source may yield the same memory again and again, filled anew', async (t) => {
  const graph = new tf.Graph();
  const x = graph.asDefault(() => tf.placeholder(tf.float32, [2]));
  const same = graph.asDefault(() => tf.identity(x));
  const sess = new tf.Session({ graph });
  function* refilled(memory: Float32Array, value: unknown) {
    for (let i = 1; i <= 3; i++) {
      memory.fill(i);
      yield value;
    }
  }
  for (const array of [sess.hostBuffer('float32', [2]), tf.ndarray([0, 0], [2], 'int32')]) {
    const memory = array.data as Float32Array;
    for (const value of [array, memory]) {
      const feeds = () => [[x, tf.stepped(refilled(memory, value))]] as const;
      const rows = [1, 2, 3].map((i) => [i, i]);
      t.deepEqual(sess.runLoopSync(same, 3, feeds()).toArray(), rows);
      t.deepEqual((await sess.runLoop(same, 3, feeds())).toArray(), rows);
    }
  }
  sess.close();
});

test('a source that gives nothing keeps neither timeoutMs nor signal from ending the loop', async (t) => {
  const { x, y, add, total, sess } = setup();
  const value = batch(0)[0];
  let asked = 0;
  async function* stuck(n: number) {
    for (; ; asked++) {
      if (asked >= n) await new Promise(() => {});
      yield value;
    }
  }
  const never = { [Symbol.asyncIterator]: () => ({ next: () => new Promise<never>(() => {}) }) };
  const endless = Number.POSITIVE_INFINITY;
  for (const source of [stuck(0), stuck(3), never]) {
    asked = 0;
    await t.throwsAsync(sess.runLoop(add, endless, [[x, tf.stepped(source)]], { timeoutMs: 400 }), {
      instanceOf: tf.errors.DeadlineExceededError,
      message: /^The loop took longer than 400 ms/,
    });
  }
  t.is(sess.runSync(total).item(), 3 * 15, 'the steps that came were run');
  const control = new AbortController();
  setTimeout(() => control.abort('enough'), 10);
  const both = [
    [x, tf.stepped(stuck(0))],
    [y, tf.stepped(never)],
  ] as const;
  const error = await t.throwsAsync(sess.runLoop(add, endless, both, { signal: control.signal }), {
    instanceOf: tf.errors.CancelledError,
  });
  t.is(error.cause, 'enough');
  asked = -1;
  await t.throwsAsync(sess.runLoop(add, 1, [[x, tf.stepped(stuck(9))]], { signal: AbortSignal.abort() }));
  t.is(asked, -1, 'nothing is asked for where the loop is over already');
  sess.close();
});

test('steps are run while an async source waits, with the results of one chunk', async (t) => {
  const { x, total, add, sess } = setup();
  async function* after() {
    for (let i = 1; i <= 4; i++) {
      yield new Float32Array(6).fill(i);
      // The source gives no more until the loop has run what it gave.
      while (sess.runSync(total).item() !== 3 * i * (i + 1)) await wait(1);
    }
  }
  const sums = await sess.runLoop(add, Number.POSITIVE_INFINITY, [[x, tf.stepped(after())]], { timeoutMs: 20_000 });
  t.deepEqual(sums.toArray(), [6, 18, 36, 60]);
  sess.close();
});

test('every source is closed, also beside one that ended or will not', async (t) => {
  const { x, y, add, rowSums, sess } = setup();
  const log: string[] = [];
  function* closing(name: string, values: readonly unknown[], fails = false) {
    try {
      for (;;) yield* values;
    } finally {
      log.push(name);
      // biome-ignore lint/correctness/noUnsafeFinally: what a careless source does
      if (fails) throw new RangeError(`${name} cannot close`);
    }
  }
  async function* slowly(name: string, values: readonly unknown[]) {
    try {
      yield* closing(name, values);
    } finally {
      await wait(5);
      log.push(`${name} later`);
    }
  }
  const [xs, ys] = batch(0);
  const pairs = (first: Iterable<unknown> | AsyncIterable<unknown>, second: Iterable<unknown>) =>
    [
      [x, tf.stepped(first)],
      [y, tf.stepped(second)],
    ] as const;
  const logged = (): string[] => log.splice(0);
  t.is(sess.runLoopSync(rowSums, 9, pairs(closing('a', [xs]), new Set([ys]))).shape[0], 1);
  t.deepEqual(logged(), ['a']);
  t.is((await sess.runLoop(rowSums, 9, pairs(slowly('b', [xs]), new Set([ys])))).shape[0], 1);
  t.deepEqual(logged(), ['b', 'b later']);
  const careless = () => pairs(closing('c', [xs], true), closing('d', [ys]));
  t.throws(() => sess.runLoopSync(rowSums, 2, careless()), { instanceOf: RangeError, message: 'c cannot close' });
  await t.throwsAsync(sess.runLoop(rowSums, 2, careless()), { instanceOf: RangeError, message: 'c cannot close' });
  t.deepEqual(logged(), ['c', 'd', 'c', 'd']);
  const worse = () => [[x, tf.stepped(closing('e', [xs, 7], true))]] as const;
  t.throws(() => sess.runLoopSync(add, 2, worse()), { message: /Cannot feed|gave shape/ });
  await t.throwsAsync(sess.runLoop(add, 2, worse()), { message: /Cannot feed|gave shape/ });
  sess.close();
});

test('a source that throws has ended, the others are closed; none is opened for a loop that is refused', async (t) => {
  const graph = new tf.Graph();
  const [x, y, sum] = graph.asDefault(() => {
    const [x, y] = [tf.placeholder('float32', [2]), tf.placeholder('float32', [2])];
    return [x, y, tf.add(x, y)] as const;
  });
  using sess = new tf.Session({ graph });
  const heard: string[] = [];
  const source = (name: string, steps: number) => {
    let given = 0;
    const next = () => {
      if (given++ === steps) throw new Error(`${name} threw`);
      return { done: false, value: [1, 2] };
    };
    return {
      now: () => {
        heard.push(`${name} opened`);
        return { next, return: () => ({ done: true, value: heard.push(`${name} closed`) }) };
      },
      later: () => {
        heard.push(`${name} opened`);
        const close = async () => {
          await new Promise((resolve) => setTimeout(resolve, 20));
          return { done: true, value: heard.push(`${name} closed`) };
        };
        return { next: async () => next(), return: close };
      },
    };
  };
  const sync = (name: string, steps = Infinity): Iterable<unknown> => ({
    [Symbol.iterator]: source(name, steps).now as () => Iterator<unknown>,
  });
  const async = (name: string, steps = Infinity): AsyncIterable<unknown> => ({
    [Symbol.asyncIterator]: source(name, steps).later as () => AsyncIterator<unknown>,
  });
  const feeds = (a: tf.StepSource, b: tf.StepSource) =>
    [
      [x, tf.stepped(a)],
      [y, tf.stepped(b)],
    ] as const;
  const expected = { message: 'bad threw' };
  t.throws(() => sess.runLoopSync(sum, Infinity, feeds(sync('bad', 3), sync('good'))), expected);
  t.deepEqual(heard.splice(0), ['bad opened', 'good opened', 'good closed']);
  await t.throwsAsync(sess.runLoop(sum, Infinity, feeds(async('bad', 3), async('good'))), expected);
  t.deepEqual(heard.splice(0), ['bad opened', 'good opened', 'good closed']);
  t.throws(() => sess.runLoopSync(sum, 3, feeds(sync('first'), async('second'))), { message: /cannot wait/ });
  t.deepEqual(heard.splice(0), []);
  t.throws(() => sess.runLoopSync(sum, -1, feeds(sync('a'), sync('b'))), { message: /whole number of times/ });
  await t.throwsAsync(sess.runLoop('nope:0', 3, feeds(async('c'), async('d'))), { instanceOf: Error });
  t.deepEqual(heard.splice(0), [
    'a opened',
    'b opened',
    'a closed',
    'b closed',
    'c opened',
    'd opened',
    'c closed',
    'd closed',
  ]);
});
