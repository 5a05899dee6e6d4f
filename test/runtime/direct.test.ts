// The short way of repeated runs: the third run of a request must give what the first gave, and refuse what the first refused.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import { GrafoError } from '../../lib/core/errors.js';
import * as tf from '../../lib/index.js';
import type { FeedKey, FeedValueLike } from '../../lib/runtime/feeds.js';
import { type NativeMemoryArgument, native } from '../../lib/runtime/native.js';
import { dense, loadStage } from '../native/plans.js';

setFlagsFromString('--expose_gc');
const collect = runInNewContext('gc') as () => void;

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

test('a closed session and numbers of no session are refused', (t) => {
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
  const { runPlan } = native();
  const any = { any: true } as never;
  for (const plan of [0, -1, 2 ** 31, Number.NaN]) t.throws(() => runPlan(engine.number, plan), any);
  for (const number of [-1, 1e6, 'x', undefined, {}]) t.throws(() => runPlan(number as never, 0), any);
  engine.close();
  t.throws(() => runPlan(engine.number, 0), any);
  t.throws(() => (runPlan as () => unknown)(), any);
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

test('runPlan takes no byte outside of the buffer it is given, whatever the class of the array', (t) => {
  const { NativeSession: Native } = native();
  const session = new Native();
  const stage = dense(16);
  const plan = loadStage(session, stage);
  const run = (...memory: NativeMemoryArgument[]) => native().runPlan(session.number, plan, ...memory);
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

const doubled = () => {
  const graph = new tf.Graph();
  return graph.asDefault(() => {
    const x = tf.placeholder(tf.float32, [300]);
    const z = tf.placeholder(tf.float32, [300]);
    const sess = new tf.Session({ graph });
    const host = (value: number): tf.NDArray => {
      const array = sess.hostBuffer('float32', [300]);
      (array.data as Float32Array).fill(value);
      return array;
    };
    return { x, z, y: tf.add(tf.multiply(x, 2), z), sess, host };
  });
};

const takeAway = ({ data }: tf.NDArray): void => {
  structuredClone(data, { transfer: [(data as Float32Array<ArrayBuffer>).buffer] });
};

test('host buffers cross by number, beside arrays and into each other', (t) => {
  const { x, z, y, sess, host } = doubled();
  const into = host(0);
  const step = sess.makeCallable(y, [x, z], { into });
  const plain = sess.makeCallable(y, [x, z]);
  const [one, two] = [host(1), host(2)];
  const array = tf.ndarray(new Float32Array(300).fill(5), [300]);
  for (let i = 0; i < 3; i++) {
    t.is(step(one, two).at(299), 4);
    t.is(into.at(299), 4);
    t.is(step(two, array).at(7), 9);
    t.is(step(array, one).at(7), 11);
    t.is(plain(two, one).at(299), 5);
    t.is(step(into, one).at(0), 23);
    (one.data as Float32Array)[299] = 1;
  }
  sess.close();
});

test('host buffers of other forms are taken as arrays of them are, and those of several plans are what they are', (t) => {
  const { x, z, y, sess, host } = doubled();
  const step = sess.makeCallable(y, [x, z]);
  for (let i = 0; i < 3; i++) step(host(1), host(2));
  for (const [dtype, shape] of [
    ['float32', [3, 100]],
    ['float32', [299]],
    ['float64', [150]],
  ] as const) {
    const other = sess.hostBuffer(dtype, shape);
    for (let i = 0; i < 3; i++) {
      t.throws(() => step(other, host(2)), { instanceOf: GrafoError }, `${dtype} [${shape}]`);
      t.throws(() => step(host(2), other), { instanceOf: GrafoError }, `${dtype} [${shape}]`);
    }
  }
  // One of another dtype is converted, as an array would be.
  const ints = sess.hostBuffer('int32', [300]);
  (ints.data as Int32Array).fill(7);
  for (let i = 0; i < 3; i++) t.is(step(ints, host(2)).at(299), 16);
  // The same arrays in two callables: each remembers what the other one asked of it.
  const both = sess.makeCallable(tf.multiply(x, z), [z, x]);
  const [a, b] = [host(3), host(4)];
  for (let i = 0; i < 4; i++) {
    t.is(step(a, b).at(5), 10);
    t.is(both(a, b).at(5), 12);
  }
  sess.close();
});

test('a host buffer cannot be changed, and one that has lost its memory is refused', (t) => {
  const { x, z, y, sess, host } = doubled();
  const step = sess.makeCallable(y, [x, z]);
  const [one, two] = [host(1), host(2)];
  for (let i = 0; i < 3; i++) step(one, two);
  for (const change of [
    () => Object.assign(one, { data: new Float32Array(300).fill(7) }),
    () => Object.assign(one.shape, [3]),
    () => Object.defineProperty(one, 'data', { get: () => new Float32Array(1) }),
  ]) {
    t.throws(change, { instanceOf: TypeError });
  }
  Object.defineProperty(one.data, 'length', { value: 3 });
  t.is(step(one, two).at(0), 4);
  takeAway(two);
  for (let i = 0; i < 3; i++)
    t.throws(() => step(host(1), two), {
      instanceOf: tf.errors.InvalidArgumentError,
      message: /0 bytes|taken away|detached|0 elements/,
    });
  t.is(step(host(1), host(2)).at(0), 4);

  // Taken away by a getter of a later value, after it was looked at.
  const victim = host(3);
  const hostile = tf.ndarray(new Float32Array(300), [300]);
  const { data } = hostile;
  let armed = false;
  Object.defineProperty(hostile, 'data', {
    get() {
      if (armed) takeAway(victim);
      armed = false;
      return data;
    },
  });
  for (let i = 0; i < 3; i++) t.is(step(victim, hostile).at(0), 6);
  armed = true;
  t.throws(() => step(victim, hostile), { instanceOf: tf.errors.InvalidArgumentError });

  const into = host(0);
  const filling = sess.makeCallable(y, [x, z], { into });
  for (let i = 0; i < 3; i++) filling(host(1), host(2));
  takeAway(into);
  t.throws(() => filling(host(1), host(2)), { instanceOf: tf.errors.ValueError, message: /into holds 0 elements/ });
  sess.close();
});

test('runPlan takes only numbers of memory that is there and has the planned bytes', (t) => {
  const { NativeSession: Native, hostBuffer, runPlan } = native();
  const session = new Native();
  const plan = loadStage(session, dense(16));
  const x = hostBuffer(1024);
  const out = hostBuffer(1024);
  new Float32Array(x.buffer, x.byteOffset, 256).fill(1);
  runPlan(session.number, plan, x.number, out.number);
  t.true(new Float32Array(out.buffer, out.byteOffset, 256).every((value) => value > -0.6 && value < 1.6));
  const refused = { code: 'INVALID_ARGUMENT' } as never;
  const small = hostBuffer(1020);
  for (const number of [small.number, -1, 1e6, 2 ** 31, -(2 ** 40)]) {
    t.throws(() => runPlan(session.number, plan, number), refused, `feed ${number}`);
    t.throws(() => runPlan(session.number, plan, x.number, number), refused, `into ${number}`);
  }
  t.throws(() => runPlan(session.number, plan), refused);
  for (const count of [3, 40, 400])
    t.throws(() => runPlan(session.number, plan, ...new Array<number>(count).fill(x.number)), refused, `${count}`);
  session.close();
});

test('numbers of sessions and of host buffers are used again, and never confused', async (t) => {
  const graph = new tf.Graph();
  const [x, y] = graph.asDefault(() => {
    const x = tf.placeholder(tf.float32, [100]);
    return [x, tf.add(x, 1)] as const;
  });
  for (let round = 0; round < 30; round++) {
    const sessions = Array.from({ length: 5 }, () => new tf.Session({ graph }));
    const steps = sessions.map((sess) => sess.makeCallable(y, [x]));
    for (let i = 0; i < 3; i++) {
      steps.forEach((step, k) => {
        const array = sessions[k]!.hostBuffer('float32', [100]);
        (array.data as Float32Array).fill(round * 10 + k);
        t.is(step(array).at(99), round * 10 + k + 1);
      });
    }
    for (const sess of sessions) sess.close();
    if (round % 10 === 9) await new Promise((resolve) => setTimeout(resolve, 5));
  }
});

test('a getter that runs the same callable changes neither arrays nor scalars of the run that asked it', (t) => {
  const graph = new tf.Graph();
  const [x, k, n, y] = graph.asDefault(() => {
    const x = tf.placeholder(tf.float32, [100]);
    const k = tf.placeholder(tf.float32, []);
    const n = tf.placeholder(tf.float32, []);
    return [x, k, n, tf.add(tf.multiply(tf.reduceSum(x), k), n)] as const;
  });
  const sess = new tf.Session({ graph });
  const step = sess.makeCallable(y, [x, k, n]);
  const other = sess.hostBuffer('float32', [100]);
  (other.data as Float32Array).fill(50);
  const array = tf.ndarray(new Float32Array(100).fill(1), [100]);
  for (let i = 0; i < 3; i++) t.is(step(other, 1, 1).item(), 5001);
  const asking = tf.ndarray(3, [], 'float32');
  const { data } = asking;
  let left = 0;
  Object.defineProperty(asking, 'data', {
    get() {
      if (left-- > 0) step(other, 9, 9);
      return data;
    },
  });
  for (const times of [0, 1, 2]) {
    left = times;
    t.is(step(array, 2, asking).item(), 203);
  }
  left = 1;
  t.is(step(array, asking, 4).item(), 304);
  sess.close();
});

test('changed builtins see no host buffer between the look at it and the run', (t) => {
  const graph = new tf.Graph();
  const [xs, y] = graph.asDefault(() => {
    const xs = Array.from({ length: 5 }, () => tf.placeholder(tf.float32, [100]));
    return [xs, tf.addN(xs)] as const;
  });
  const sess = new tf.Session({ graph });
  const step = sess.makeCallable(y, xs);
  const hosts = xs.map((_, i) => {
    const host = sess.hostBuffer('float32', [100]);
    (host.data as Float32Array).fill(i);
    return host;
  });
  for (let i = 0; i < 3; i++) t.is(step(...hosts).at(0), 10);
  const { [Symbol.iterator]: iterate } = Array.prototype;
  let seen = 0;
  const call = () => Reflect.apply(step, undefined, hosts) as tf.NDArray;
  Object.defineProperty(Array.prototype, Symbol.iterator, {
    configurable: true,
    writable: true,
    value(this: unknown[]) {
      if (this.length >= 5 && this.every((item) => typeof item === 'number')) seen++;
      return iterate.call(this);
    },
  });
  try {
    t.is(call().at(0), 10);
  } finally {
    Object.defineProperty(Array.prototype, Symbol.iterator, { configurable: true, writable: true, value: iterate });
  }
  t.is(seen, 0);
  const made = hosts[0]!.constructor as new (...args: unknown[]) => unknown;
  for (const key of [[], [Symbol()]])
    t.throws(() => new made(...key, tf.float32, [100], new Float32Array(100), 0), {
      message: /made by session.hostBuffer/,
    });
  sess.close();
});

test('a session keeps neither the memory of a callable that is gone nor what was fed', async (t) => {
  const { x, z, y, sess, host } = doubled();
  const kept: WeakRef<object>[] = [];
  const use = (into: unknown) => {
    const step = sess.makeCallable(y, [x, z], { into });
    const fed = [host(1), tf.ndarray(new Float32Array(300), [300])] as const;
    for (let i = 0; i < 3; i++) {
      step(host(1), host(2));
      step(...fed);
      step(fed[1], fed[0]);
    }
    kept.push(new WeakRef(into as object), ...fed.map((array) => new WeakRef(array)));
  };
  use(host(0));
  use(new Float32Array(300));
  for (let i = 0; i < 10; i++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
    collect();
  }
  t.deepEqual(
    kept.map((ref) => ref.deref()),
    kept.map(() => undefined),
  );
  t.is(sess.makeCallable(y, [x, z])(host(1), host(1)).at(0), 3);
  sess.close();
});
