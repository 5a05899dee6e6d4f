// The memory of feeds: of which classes it may be, and what async runs copy of it.
import { runInNewContext } from 'node:vm';
import test from 'ava';
import * as tf from '../../lib/index.js';

const { GraphTypeError, InvalidArgumentError } = tf.errors;
const graph = new tf.Graph();
const of = (dtype: tf.DType): tf.Tensor => graph.asDefault(() => tf.placeholder(dtype, [null]));
const session = new tf.Session({ graph });
const fedTo = (x: tf.Tensor, value: unknown): unknown =>
  (
    session.runSync(
      graph.asDefault(() => tf.identity(x)),
      [[x, value as never]],
    ) as tf.NDArray
  ).toArray();

class Ours extends Int32Array {}

test('a Buffer, clamped bytes, a subclass and an array of another realm feed what they are of', (t) => {
  const bytes = of(tf.uint8);
  const ints = of(tf.int32);
  const longs = of(tf.int64);
  t.deepEqual(fedTo(bytes, Buffer.from([1, 2, 255])), [1, 2, 255]);
  t.deepEqual(fedTo(bytes, new Uint8ClampedArray([1, 300])), [1, 255]);
  t.deepEqual(fedTo(bytes, new tf.NDArray(tf.uint8, [2], Buffer.from([3, 4]))), [3, 4]);
  t.deepEqual(fedTo(ints, Ours.of(5, -6)), [5, -6]);
  t.deepEqual(fedTo(ints, runInNewContext('Int32Array.of(7, 8)')), [7, 8]);
  t.deepEqual(fedTo(longs, runInNewContext('BigInt64Array.of(9n)')), [9n]);
  t.deepEqual(fedTo(of(tf.float32), runInNewContext('BigInt64Array.of(9n)')), [9]);
  t.deepEqual(fedTo(of(tf.bool), Buffer.from([0, 7])), [false, true]);
});

test('a variable is loaded from a Buffer, and a loop steps through one', (t) => {
  const own = new tf.Graph();
  using sess = new tf.Session({ graph: own });
  const { v, x, y } = own.asDefault(() => {
    const x = tf.placeholder(tf.uint8, []);
    return { v: new tf.Variable(tf.constant([0, 0], 'uint8')), x, y: tf.identity(x) };
  });
  sess.loadVariable(v, Buffer.from([1, 2]));
  t.deepEqual((sess.runSync(v) as tf.NDArray).toArray(), [1, 2]);
  t.deepEqual((sess.runLoopSync(y, 2, [[x, tf.stepped(Buffer.from([5, 6]))]]) as tf.NDArray).toArray(), [5, 6]);
});

test('an async run has what was fed when it was called: Buffers, views of other classes and texts as bytes too', async (t) => {
  const [bytes, ints, texts] = [of(tf.uint8), of(tf.int32), of(tf.string)];
  const fetched = graph.asDefault(() => [tf.identity(bytes), tf.identity(ints), tf.identity(texts)] as const);
  const [buffer, own, text] = [Buffer.from([1, 2]), Ours.of(3, 4), new TextEncoder().encode('ab')];
  // It waits behind another one.
  const first = session.run(fetched[0], [[bytes, [0]]], { timeoutMs: 60_000 });
  const run = session.run(
    fetched,
    [
      [bytes, buffer],
      [ints, own],
      [texts, [text, 'c']],
    ],
    { timeoutMs: 60_000 },
  );
  buffer.fill(9);
  own.fill(9);
  text.fill(0x78);
  await first;
  t.deepEqual(
    (await run).map((value) => value.toArray()),
    [
      [1, 2],
      [3, 4],
      ['ab', 'c'],
    ],
  );
});

test('texts that are none, memory that was cut off and shapes beyond all numbers are typed errors', (t) => {
  const texts = of(tf.string);
  for (const wrong of [42, true, {}, [1, 2], null, undefined, new Date()]) {
    t.throws(() => fedTo(texts, new tf.NDArray(tf.string, [1], [wrong as never])), {
      instanceOf: InvalidArgumentError,
    });
  }
  const Resizable = ArrayBuffer as unknown as new (
    bytes: number,
    options: object,
  ) => ArrayBuffer & { resize(to: number): void };
  const memory = new Resizable(16, { maxByteLength: 16 });
  const view = new Float32Array(memory, 8);
  const cut = new Float32Array(memory, 8, 2);
  memory.resize(4);
  for (const gone of [view, cut]) {
    t.throws(() => fedTo(of(tf.float32), gone), { instanceOf: InvalidArgumentError, message: /detached/ });
  }
  const any = graph.asDefault(() => tf.placeholder(tf.float32, null));
  const beyond = new tf.NDArray(tf.float32, [2 ** 32, 2 ** 40, 0], new Float32Array(0));
  const error = t.throws(() => fedTo(any, beyond), { instanceOf: InvalidArgumentError });
  t.regex((error as tf.GrafoError).message, /is too large\n {2}fed for '/);
  t.throws(() => session.loadVariable(tf.constant(1) as never, 1), { instanceOf: GraphTypeError });
});

test('integers beyond a double and beyond the dtype are told apart', (t) => {
  const big = 2n ** 53n + 1n;
  t.deepEqual(fedTo(of(tf.int64), [big]), [big]);
  t.deepEqual(fedTo(of(tf.uint64), [2n ** 64n - 1n]), [2n ** 64n - 1n]);
  t.deepEqual(fedTo(of(tf.int32), [-(2 ** 31), 2n ** 31n - 1n, -0]), [-(2 ** 31), 2 ** 31 - 1, 0]);
  for (const [dtype, value] of [
    [tf.int32, 2 ** 31],
    [tf.int32, 2n ** 31n],
    [tf.int64, 2 ** 63],
    [tf.int64, 2n ** 63n],
    [tf.uint64, -1n],
    [tf.uint8, 256],
    [tf.int32, 0.5],
    [tf.int32, Number.NaN],
    [tf.int32, Number.POSITIVE_INFINITY],
  ] as const) {
    t.throws(() => fedTo(of(dtype), [value]), { instanceOf: GraphTypeError });
  }
  for (const value of [128, -129, 0.5, Number.NaN]) {
    t.throws(() => tf.ndarray(new tf.NDArray(tf.float64, [1], Float64Array.of(value)), undefined, 'int8'), {
      instanceOf: GraphTypeError,
    });
  }
});

test('a message shows a part of what was given, and is made in no time', (t) => {
  const x = of(tf.float32);
  const large = Array.from({ length: 1_000_000 }, (_, i) => [i]);
  large[999_999] = [1, 2];
  const wrong: (() => unknown)[] = [
    () => fedTo(x, 'x'.repeat(5e7)),
    () => session.runSync(x, new Float32Array(1e7) as never),
    () => session.runSync(x, [large] as never),
    () => fedTo(x, large),
    () => session.runSync(new Float32Array(1e7) as never),
    () => session.runSync('y'.repeat(1e6)),
  ];
  for (const [i, run] of wrong.entries()) {
    const started = performance.now();
    const error = t.throws(run, { any: true }) as Error;
    t.true(error instanceof tf.GrafoError, `${i}: ${error}`);
    t.true(error.message.length < 2000, `${i}: ${error.message.length}`);
    if (i !== 3) t.true(performance.now() - started < 200, `${i}`);
  }
});
