// Repeated elements are read as one: seen in the plan, and the numbers are those of the whole array to the bit.
import test, { type ExecutionContext } from 'ava';
import * as tf from '../../lib/index.js';
import type { FeedValueLike } from '../../lib/runtime/feeds.js';

type Feeds = readonly (readonly [tf.Tensor, FeedValueLike])[];

const inGraph = (body: (t: ExecutionContext) => void) => (t: ExecutionContext) =>
  new tf.Graph().asDefault(() => body(t));
const plan = (fetch: tf.Tensor, feeds: Feeds): string => {
  using session = new tf.Session({ device: '/cpu:0' });
  return session.explain(fetch, feeds);
};
/** What a fetch is, the same with the pass and without but for the sign of NaN. */
const same = (t: ExecutionContext, fetch: tf.Tensor, feeds: Feeds): tf.NDArray => {
  const [value, other] = [true, false].map((repeat) => {
    using session = new tf.Session({ device: '/cpu:0', compile: { repeat } });
    session.runSync(tf.globalVariablesInitializer());
    return session.runSync(fetch, feeds);
  });
  t.deepEqual(Array.from(value!.data as Float64Array), Array.from(other!.data as Float64Array));
  return value!;
};
const SPECIAL = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0, 1e-45, 3e38, -2.5];
const many = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => SPECIAL[i % 8]!);

test(
  'a constant of one element again and again is a scalar to a tape, one of -0 and 0 is not',
  inGraph((t) => {
    const x = tf.placeholder('float32', [1000]);
    const relu = tf.where(tf.greaterEqual(x, tf.zerosLike(x)), x, tf.zerosLike(x));
    const feeds: Feeds = [[x, many(1000)]];
    t.regex(plan(relu, feeds), /<- feed0 float32\[1000\], const\d+ float32\[\] /);
    same(t, relu, feeds);
    const mixed = new Float32Array(1000);
    mixed[999] = -0;
    t.regex(plan(x.sub(tf.constant(mixed)), feeds), /const\d+ float32\[1000\]/);
    same(t, x.sub(tf.constant(mixed)), feeds);
    same(t, x.sub(tf.constant(mixed.fill(-0))), feeds);
  }),
);

test(
  'bytes, 16 bits, 64 bits and bools: all bits count',
  inGraph((t) => {
    for (const dtype of ['uint8', 'int16', 'int64', 'float64', 'int32'] as const) {
      const x = tf.placeholder(dtype, [7]);
      const { array: Typed, isBigInt } = tf.asDtype(dtype);
      const filled = (last: number) => {
        const data = new Typed!(7) as Float64Array;
        for (let i = 0; i < 7; i++) data[i] = (isBigInt ? BigInt(i < 6 ? 3 : last) : i < 6 ? 3 : last) as number;
        return data;
      };
      const feeds: Feeds = [[x, filled(9)]];
      t.regex(plan(x.add(tf.constant(filled(3))), feeds), /const\d+ \w+\[\]/, dtype);
      t.notRegex(plan(x.add(tf.constant(filled(3 + 2 ** 6))), feeds), /const\d+ \w+\[\]/, dtype);
      same(t, x.add(tf.constant(filled(3))), feeds);
    }
    const flag = tf.placeholder('bool', [5]);
    const always = tf.constant([true, true, true, true, true]);
    const feeds: Feeds = [[flag, [true, false, true, true, false]]];
    t.regex(plan(tf.logicalAnd(flag, always), feeds), /const\d+ bool\[\]/);
    t.deepEqual(same(t, tf.logicalAnd(flag, always), feeds).toArray(), [true, false, true, true, false]);
  }),
);

test(
  'what Fill and Tile would write again and again is not written: a mean and its gradient over a million numbers are one step',
  inGraph((t) => {
    const n = 300_000; // more than is folded
    const x = tf.placeholder('float32', [n]);
    const loss = tf.reduceMean(tf.nn.relu(x));
    const gradient = tf.gradients(loss, [x])[0] as tf.Tensor;
    const feeds: Feeds = [[x, many(n)]];
    const text = plan(gradient, feeds);
    t.notRegex(text, /Fill|Tile/);
    t.regex(text, /^plan: 1 steps/);
    same(t, gradient, feeds);
    const level = tf.placeholder('float32', []);
    const filled = x.mul(tf.fill([n], level));
    t.regex(plan(filled, [...feeds, [level, 3]]), /^plan: 1 steps/);
    same(t, filled, [...feeds, [level, 3]]);
  }),
);

test(
  'what is tiled along dimensions of one is broadcast instead, what is tiled along others is not',
  inGraph((t) => {
    const rows = tf.placeholder('float32', [2, 1]);
    const tiled = tf.tile(rows, [1, 3]).mul(2);
    const feeds: Feeds = [[rows, [[1], [2]]]];
    t.regex(plan(tiled, feeds), /^plan: 1 steps/);
    t.deepEqual(same(t, tiled, feeds).toArray(), [
      [2, 2, 2],
      [4, 4, 4],
    ]);
    // Under another shape it is another array.
    t.regex(plan(tf.reshape(tf.tile(rows, [1, 3]), [3, 2]).mul(2), feeds), / Tile /);
    t.deepEqual(same(t, tf.reshape(tf.tile(rows, [1, 3]), [3, 2]).mul(2), feeds).toArray(), [
      [2, 2],
      [2, 4],
      [4, 4],
    ]);
    t.regex(plan(tf.tile(rows, [2, 3]).mul(2), feeds), / Tile /);
    t.deepEqual(same(t, tf.tile(rows, [2, 1]).mul(2), feeds).toArray(), [[2], [4], [2], [4]]);
    const cube = tf.placeholder('float32', [3, 1, 5]);
    const other = tf.placeholder('float32', [2, 1, 4, 5]);
    const spread = tf.tile(cube, [1, 4, 1]).sub(other);
    const both: Feeds = [
      [cube, many(15)],
      [other, many(40)],
    ];
    t.regex(plan(spread, both), /^plan: 1 steps/);
    same(t, spread, both);
    // The gradients of means over rows and over columns.
    const x = tf.placeholder('float32', [64, 300]);
    const centred = x.sub(tf.reduceMean(x, 1, { keepdims: true })).sub(tf.reduceMean(x, 0));
    const gradient = tf.gradients(tf.reduceSum(tf.square(centred)), [x])[0] as tf.Tensor;
    t.notRegex(plan(gradient, [[x, many(64 * 300)]]), / Tile /);
    same(t, gradient, [[x, many(64 * 300)]]);
  }),
);

test(
  'a variable that is filled from is read before an update after the fill, as the fill would',
  inGraph((t) => {
    const v = new tf.Variable(2, { name: 'v' });
    const x = tf.placeholder('float32', [300_000]);
    const filled = tf.fill([300_000], v.value());
    const update = tf.withControl([filled], () => tf.assignAdd(v, 10));
    const product = tf.withControl([update], () => x.mul(filled));
    const feeds: Feeds = [[x, new Float32Array(300_000).fill(1)]];
    const values = [true, false].map((repeat) => {
      using session = new tf.Session({ device: '/cpu:0', compile: { repeat } });
      session.runSync(tf.globalVariablesInitializer());
      const [first, second] = [session.runSync(product, feeds), session.runSync(product, feeds)];
      return [first.at(0), second.at(299_999)];
    });
    t.deepEqual(values[0], values[1]);
    t.deepEqual(values[0], [2, 12]);
  }),
);
