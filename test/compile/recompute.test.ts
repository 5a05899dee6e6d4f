// What is made again instead of stored, and what is read once for several reductions: seen in the plan, and the numbers are the same bits.
import { createHash } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import type { CompileOptions } from '../../lib/compile/stage.js';
import * as tf from '../../lib/index.js';

const inGraph = (body: (t: ExecutionContext) => void) => (t: ExecutionContext) =>
  new tf.Graph().asDefault(() => body(t));

type Feeds = readonly (readonly [tf.Tensor, tf.NDArray])[];
const wave = (dtype: 'float32' | 'float64', shape: readonly number[], step: number): tf.NDArray => {
  const n = shape.reduce((a, b) => a * b, 1);
  const data = dtype === 'float64' ? new Float64Array(n) : new Float32Array(n);
  for (let i = 0; i < n; i++) data[i] = Math.sin(i * step + 1) * 3;
  return tf.ndarray(data, shape);
};
const plan = (fetches: tf.Tensor | readonly tf.Tensor[], feeds: Feeds, compile: CompileOptions = {}): string => {
  using session = new tf.Session({ device: '/cpu:0', compile });
  return session.explain(fetches, feeds);
};
const bits = (values: readonly tf.NDArray[]): string[] =>
  values.map(({ data }) =>
    createHash('sha256')
      .update(data as Float32Array)
      .digest('hex'),
  );
/** The fetches' bits are those without the passes, for 1, 2 and 4 threads. */
const same = (t: ExecutionContext, fetches: readonly tf.Tensor[], feeds: Feeds): void => {
  const run = (threads: number, compile: CompileOptions): string[] => {
    using session = new tf.Session({ device: '/cpu:0', threads, compile });
    return bits(session.runSync(fetches as tf.Tensor[], feeds) as unknown as tf.NDArray[]);
  };
  const wanted = run(1, { fuse: false, recompute: false, repeat: false });
  for (const threads of [1, 2, 4]) {
    t.deepEqual(run(threads, {}), wanted, `${threads} threads`);
    t.deepEqual(run(threads, { recompute: false }), wanted, `${threads} threads, without`);
  }
};
/** Lines of a plan whose step stores an array of this shape. */
const stores = (text: string, dtype: string, shape: readonly number[]): number =>
  text.split('\n').filter((line) => /^ +\d+ /.test(line) && line.split(' <- ')[0]!.includes(`${dtype}[${shape}]`))
    .length;

const layerNorm = (x: tf.Tensor, gamma: tf.Tensor, beta: tf.Tensor): tf.Tensor => {
  const { mean, variance } = tf.nn.moments(x, [1], { keepDims: true });
  return x
    .sub(mean)
    .mul(tf.rsqrt(variance.add(1e-5)))
    .mul(gamma)
    .add(beta);
};

for (const [dtype, shape] of [
  ['float32', [1024, 768]],
  ['float64', [600, 500]],
] as const)
  test(
    `the gradient of a layer norm over ${shape.join(' by ')} ${dtype} stores nothing of that size but itself`,
    inGraph((t) => {
      const columns = [shape[1]];
      const [x, dy] = [tf.placeholder(dtype, shape), tf.placeholder(dtype, shape)];
      const [gamma, beta] = [tf.placeholder(dtype, columns), tf.placeholder(dtype, columns)];
      const gradients = tf.gradients(layerNorm(x, gamma, beta), [x, gamma, beta], { gradYs: [dy] }) as tf.Tensor[];
      const feeds: Feeds = [
        [x, wave(dtype, shape, 0.7)],
        [dy, wave(dtype, shape, 0.3)],
        [gamma, wave(dtype, columns, 0.11)],
        [beta, wave(dtype, columns, 0.13)],
      ];
      const text = plan(gradients, feeds);
      t.is(stores(text, dtype, shape), 1, text);
      t.is(stores(plan(gradients, feeds, { recompute: false }), dtype, shape), 2);
      // Both parameters' gradients in one pass, and so both sums of rows.
      t.is(text.match(/\| Sum Sum\)/g)?.length, 2, text);
      // What is of rows alone is computed once a row.
      t.regex(text, new RegExp(`Fused\\(RsqrtGrad RealDiv Mul\\) +\\S+ ${dtype}\\[${shape[0]},1\\]`));
      same(t, gradients, feeds);
    }),
  );

test(
  'a layer norm that is trained reads its variables before they are updated',
  inGraph((t) => {
    const shape = [1024, 600];
    const x = tf.placeholder('float32', shape);
    const w = new tf.Variable(wave('float32', shape, 0.2), { name: 'w' });
    const gamma = new tf.Variable(wave('float32', [600], 0.5), { name: 'gamma' });
    const beta = new tf.Variable(wave('float32', [600], 0.6), { name: 'beta' });
    const loss = tf.reduceMean(tf.square(layerNorm(x.mul(w), gamma.value(), beta.value()).sub(x)));
    const train = new tf.train.GradientDescentOptimizer(0.5).minimize(loss);
    const feeds: Feeds = [[x, wave('float32', shape, 0.9)]];
    const steps = (compile: CompileOptions): string[] => {
      using session = new tf.Session({ device: '/cpu:0', compile });
      session.runSync(tf.globalVariablesInitializer());
      for (let i = 0; i < 3; i++) session.runSync([train, loss], feeds);
      return bits(session.runSync([w.value(), gamma.value(), beta.value(), loss], feeds) as unknown as tf.NDArray[]);
    };
    t.deepEqual(steps({}), steps({ recompute: false, fuse: false, batch: false }));
  }),
);

test(
  'what is dear, fetched, small, or made of a large variable is stored',
  inGraph((t) => {
    const shape = [1024, 640];
    const [x, y] = [tf.placeholder('float32', shape), tf.placeholder('float32', shape)];
    const c = tf.placeholder('float32', [640]);
    const feeds: Feeds = [
      [x, wave('float32', shape, 0.7)],
      [c, wave('float32', [640], 0.2)],
      [y, wave('float32', shape, 0.3)],
    ];
    // Sums over columns end the tape, those over rows need its value, and what reads these as well.
    const ends = (value: tf.Tensor): tf.Tensor[] => {
      const rows = tf.reduceSum(value, { axis: 1, keepDims: true });
      return [tf.reduceSum(value, { axis: 0 }), value.mul(rows)];
    };
    t.is(stores(plan(ends(x.mul(c)), feeds), 'float32', shape), 1);
    t.is(stores(plan(ends(tf.exp(x)), feeds), 'float32', shape), 2);
    // Two arrays would be read for one.
    t.is(stores(plan(ends(x.mul(y)), feeds), 'float32', shape), 2);
    const product = x.mul(c);
    t.is(stores(plan([...ends(product), product], feeds), 'float32', shape), 2);
    same(t, [...ends(product), product], feeds);
    same(t, ends(x.mul(c)), feeds);
    const v = new tf.Variable(wave('float32', shape, 0.2));
    t.is(stores(plan(ends(c.mul(v)), feeds), 'float32', shape), 2);
    const few = [shape[0]! / 2, shape[1]!];
    const a = tf.placeholder('float32', few);
    const small: Feeds = [feeds[1]!, [a, wave('float32', few, 0.7)]];
    t.is(stores(plan(ends(a.mul(c)), small), 'float32', few), 2);
    t.is(stores(plan(ends(a.mul(c)), small, { farBytes: 1 }), 'float32', few), 1);
  }),
);

test(
  'what waits for a check waits for it still where it is made again',
  inGraph((t) => {
    const shape = [1024, 640];
    const [x, y] = [tf.placeholder('float32', shape), tf.placeholder('float32', [640])];
    const ok = tf.placeholder('bool', []);
    const value = tf.controlDependencies([tf.Assert(ok, ['refused'])], () => x.mul(y));
    const rows = tf.reduceSum(value, { axis: 1, keepDims: true });
    const fetches = [tf.reduceSum(value, { axis: 0 }), value.mul(rows)];
    const feeds: Feeds = [
      [x, wave('float32', shape, 0.7)],
      [y, wave('float32', [640], 0.3)],
    ];
    using session = new tf.Session({ device: '/cpu:0' });
    const text = session.explain(fetches, [...feeds, [ok, true]]);
    t.is(stores(text, 'float32', shape), 1, text);
    const order = [...text.matchAll(/^ +\d+ {2}(\w+)/gm)].map(([, name]) => name);
    t.is(order.indexOf('Assert'), 0, text);
    t.throws(() => session.runSync(fetches, [...feeds, [ok, false]]), { message: /refused/ });
  }),
);

test(
  'reductions of what another tape reads from far end that tape, unless it waits for them',
  inGraph((t) => {
    const shape = [1024, 600];
    const [x, y] = [tf.placeholder('float32', shape), tf.placeholder('float32', shape)];
    const feeds: Feeds = [
      [x, wave('float32', shape, 0.7)],
      [y, wave('float32', shape, 0.3)],
    ];
    for (const axis of [0, 1]) {
      const fetches = [tf.reduceMax(x, { axis }), tf.reduceSum(x.mul(y), { axis }), tf.reduceSum(y, { axis })];
      t.regex(plan(fetches, feeds), /^plan: 1 steps.*\n.*Fused\(Mul \| \w+ \w+ \w+\)/);
      same(t, fetches, feeds);
      // Another axis is another form.
      const both = [tf.reduceMax(x, { axis: 1 - axis }), fetches[1]!];
      t.regex(plan(both, feeds), /^plan: 2 steps/);
    }
    const mean = tf.reduceMean(x, { axis: 1, keepDims: true });
    const variance = tf.reduceMean(tf.square(x.sub(mean)), { axis: 1 });
    t.regex(plan([mean, variance], feeds), /^plan: 2 steps/);
    same(t, [mean, variance], feeds);
  }),
);

test(
  'what is computed of rows or columns alone is computed once for each',
  inGraph((t) => {
    const shape = [300, 200];
    const x = tf.placeholder('float32', shape);
    const [rows, columns] = [tf.placeholder('float32', [300, 1]), tf.placeholder('float32', [200])];
    const feeds: Feeds = [
      [x, wave('float32', shape, 0.7)],
      [rows, wave('float32', [300, 1], 0.3)],
      [columns, wave('float32', [200], 0.2)],
    ];
    const tall = tf.tile(rows, [1, 200]).div(tf.constant(7)).add(2);
    const wide = tf.broadcastTo(columns, shape).mul(3);
    const text = plan([x.mul(tall)], feeds);
    t.regex(text, /Fused\(RealDiv Add\w*\) +\S+ float32\[300,1\]/);
    same(t, [x.mul(tall), x.sub(wide)], feeds);
    // Fetched, or read by what is no tape, it has all its elements.
    same(t, [tall, x.mul(tall)], feeds);
    same(t, [tf.matmul(tall, x, { transposeA: true })], feeds);
    same(t, [tf.reduceSum(tall), tf.reduceSum(tall, { axis: 1 }), x.mul(tf.reshape(tall, shape))], feeds);
    same(t, [tf.reshape(tall, [60_000]).mul(tf.reshape(x, [60_000])), x.mul(tall)], feeds);
  }),
);
