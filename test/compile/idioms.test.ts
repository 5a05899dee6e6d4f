// Tapes in other words: the sigmoid cross-entropy of logits and its gradient, with the bits of its functions one after the other.
import test, { type ExecutionContext } from 'ava';
import * as tf from '../../lib/index.js';
import type { FeedValueLike } from '../../lib/runtime/feeds.js';

type Feeds = readonly (readonly [tf.Tensor, FeedValueLike])[];

const SPECIAL = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0, 0, 1e-45, -1e-45, 3e38, 104, -104];
const numbers = (dtype: 'float32' | 'float64', n: number, phase: number): Float32Array | Float64Array => {
  const data = dtype === 'float32' ? new Float32Array(n) : new Float64Array(n);
  return data.map((_, i) => (i % 3 === 0 ? SPECIAL[(i / 3 + phase) % SPECIAL.length]! : Math.sin(i * 7 + phase) * 20));
};
const named = (text: string): string[] =>
  text.split('\n').flatMap((line) => /^ *\d+ {2}(.*?) {2}/.exec(line)?.[1] ?? []);
const plan = (fetches: readonly tf.Tensor[], feeds: Feeds): string[] => {
  using session = new tf.Session({ device: '/cpu:0' });
  return named(session.explain([...fetches], feeds));
};
/** The results fused and one by one: the same bits, but for the sign of NaN. */
const same = (t: ExecutionContext, fetches: readonly tf.Tensor[], feeds: Feeds): void => {
  const [fused, single] = [true, false].map((fuse) => {
    using session = new tf.Session({ device: '/cpu:0', compile: { fuse } });
    return session.runSync([...fetches], feeds).map(({ data }) => Array.from(data as Float64Array));
  });
  t.deepEqual(fused, single);
};

for (const dtype of ['float32', 'float64'] as const) {
  test(`the cross-entropy of logits is written with |x| and relu, with and without its gradient: ${dtype}`, (t) =>
    new tf.Graph().asDefault(() => {
      for (const n of [1, 1003, 40_000]) {
        const x = tf.placeholder(dtype, [n]);
        const z = tf.placeholder(dtype, [n]);
        const loss = tf.nn.sigmoidCrossEntropyWithLogits({ logits: x, labels: z });
        const mean = tf.reduceMean(loss);
        const gradient = tf.gradients(mean, [x])[0] as tf.Tensor;
        const feeds: Feeds = [
          [x, numbers(dtype, n, 0)],
          [z, numbers(dtype, n, 5)],
        ];
        if (n > 1) {
          t.deepEqual(plan([loss], feeds), ['Fused(Mul Abs Neg Exp Log1p Relu Sub Add)']);
          t.regex(plan([mean, gradient], feeds).join(), /^Fused\(GreaterEqual Mul Abs Neg Exp Log1p Relu Sub Add /);
        }
        same(t, [loss], feeds);
        same(t, [mean, gradient], feeds);
        same(t, [loss, gradient, tf.transpose(loss)], feeds);
      }
    }));
}

test('what only looks like it keeps its words', (t) =>
  new tf.Graph().asDefault(() => {
    const x = tf.placeholder('float32', [1003]);
    const z = tf.placeholder('float32', [1003]);
    const feeds: Feeds = [
      [x, numbers('float32', 1003, 0)],
      [z, numbers('float32', 1003, 5)],
    ];
    const zero = tf.zerosLike(x);
    const isUp = tf.greaterEqual(x, zero);
    const less = tf.where(isUp, tf.neg(x), x);
    const keeps = (fetches: readonly tf.Tensor[], words: RegExp): void => {
      t.regex(plan(fetches, feeds).join(), words);
      same(t, fetches, feeds);
    };
    keeps([less], /^Fused\(GreaterEqual Neg Select\)$/); // -0 has another sign
    keeps([tf.exp(tf.where(isUp, x, tf.neg(x)))], /Neg Select Exp/); // |x|
    keeps([tf.exp(tf.where(tf.greaterEqual(x, tf.onesLike(x)), tf.neg(x), x))], /Neg Select Exp/);
    keeps([tf.exp(tf.where(tf.greater(x, zero), tf.neg(x), x))], /Neg Select Exp/);
    keeps([tf.exp(tf.where(isUp, tf.neg(z), x))], /Neg Select Exp/);
    // Of the exponential alone the magnitude is enough, and the selection is still there for who reads it.
    keeps([tf.exp(less), less], /Abs Neg Exp/);
    const up = tf.where(isUp, x, zero);
    const difference = up.sub(x.mul(z));
    const log = tf.log1p(tf.exp(less));
    keeps([difference], /Select Mul Sub/);
    keeps([difference.add(log), difference], /Select Mul Sub Abs Neg Exp Log1p Add/); // -0 would be seen
    keeps([up.sub(z.mul(z)).add(log)], /Select .*Sub/);
    keeps([log.add(difference)], /Relu Sub Add/);
  }));
