// The same bits, however a graph is run: any number of threads, any way to run, any pass of the compiler on or off.
import test, { type ExecutionContext } from 'ava';
import type { CompileOptions } from '../../lib/compile/stage.js';
import * as tf from '../../lib/index.js';
import { native } from '../../lib/runtime/native.js';

const full = process.env.GRAFO_FULL === '1';

/** mulberry32: small, and the same everywhere. */
const generator = (seed: number) => {
  let state = seed;
  const next = (): number => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };
  return { next, below: (n: number): number => Math.floor(next() * n) };
};
type Random = ReturnType<typeof generator>;

interface Program {
  readonly graph: tf.Graph;
  readonly feeds: readonly [tf.Tensor, tf.NDArray][];
  readonly fetches: readonly tf.Tensor[];
}

const values = (random: Random, dtype: 'float32' | 'float64', shape: readonly number[]): tf.NDArray => {
  const size = shape.reduce((a, b) => a * b, 1);
  const data = dtype === 'float32' ? new Float32Array(size) : new Float64Array(size);
  const special = [0, -0, Number.NaN, Infinity, -Infinity, 1e-40, 1];
  for (let i = 0; i < size; i++)
    data[i] = random.below(200) === 0 ? special[random.below(special.length)]! : random.next() * 4 - 2;
  return tf.ndarray(data, shape);
};

const UNARY = [tf.tanh, tf.exp, tf.square, tf.abs, tf.negative, tf.sigmoid, tf.nn.relu, tf.sin, tf.floor, tf.sign];
const BINARY = [tf.add, tf.subtract, tf.multiply, tf.maximum, tf.minimum, tf.truediv, tf.squaredDifference];
const REDUCE = [tf.reduceSum, tf.reduceMean, tf.reduceMax, tf.reduceMin];

/** A random graph over matrices of about n x m: elementwise ops with broadcasting, reductions, products, movement, constants. */
const randomProgram = (seed: number, n: number, m: number, ops: number): Program => {
  const random = generator(seed);
  const dtype = random.below(2) === 0 ? 'float32' : 'float64';
  const graph = new tf.Graph();
  return graph.asDefault(() => {
    const shapes = [[n, m], [n, m], [m], [n, 1], [], [m, m]];
    const feeds = shapes
      .slice(0, 3 + random.below(4))
      .map((shape): [tf.Tensor, tf.NDArray] => [tf.placeholder(dtype, shape), values(random, dtype, shape)]);
    const pool: tf.Tensor[] = feeds.map(([tensor]) => tensor);
    pool.push(tf.constant(values(random, dtype, [n, m])), tf.constant(0, dtype), tf.constant(1, dtype));
    const pick = (): tf.Tensor =>
      pool[random.below(3) === 0 ? random.below(pool.length) : pool.length - 1 - random.below(4)]!;
    const dims = (tensor: tf.Tensor): readonly number[] => tensor.shape.concrete();
    for (let i = 0; i < ops; i++) {
      const a = pick();
      const shape = dims(a);
      const kind = random.below(12);
      if (kind < 4) pool.push(UNARY[random.below(UNARY.length)]!(a));
      else if (kind < 8) {
        const fits = pool.filter((b) => {
          const other = dims(b);
          return Array.from({ length: Math.min(shape.length, other.length) }, (_, k) => k + 1).every((k) => {
            const [p, q] = [shape.at(-k)!, other.at(-k)!];
            return p === q || p === 1 || q === 1;
          });
        });
        const b = fits[random.below(fits.length)]!;
        const op = BINARY[random.below(BINARY.length)]!;
        pool.push(random.below(2) === 0 ? op(a, b) : op(b, a));
      } else if (kind === 8 && shape.length > 0) {
        const axis = random.below(shape.length);
        pool.push(REDUCE[random.below(REDUCE.length)]!(a, { axis, keepDims: random.below(2) === 0 }));
      } else if (kind === 9 && shape.length === 2) pool.push(tf.transpose(tf.transpose(a)), tf.concat([a, a], 0));
      else if (kind === 10 && shape.length === 2) pool.push(tf.matmul(a, a, { transposeB: true }));
      else if (kind === 11) pool.push(tf.where(tf.greater(a, tf.zerosLike(a)), a, tf.negative(a)));
      if (dims(pool.at(-1)!).reduce((x, y) => x * y, 1) > 40 * n * m) pool.pop();
    }
    const fetches = Array.from({ length: 3 }, () => pool[pool.length - 1 - random.below(Math.min(6, ops))]!);
    return { graph, feeds, fetches: [pool.at(-1)!, ...fetches] };
  });
};

/** The bits of the results. IEEE 754 leaves a NaN's sign and payload open, and the compiler swaps operands by that: every NaN is one here. */
const bits = (arrays: readonly tf.NDArray[]): Uint8Array[] =>
  arrays.map(({ data }) => {
    const copy: unknown = (data as Float32Array).slice();
    if (copy instanceof Float32Array || copy instanceof Float64Array) {
      const words = new Uint32Array(copy.buffer);
      const each = copy.BYTES_PER_ELEMENT / 4;
      copy.forEach((value, i) => {
        if (Number.isNaN(value)) words.fill(0xffffffff, i * each, (i + 1) * each);
      });
    }
    return new Uint8Array((copy as Float32Array).buffer);
  });

const same = (t: ExecutionContext, a: readonly Uint8Array[], b: readonly Uint8Array[], what: string): void => {
  for (let i = 0; i < a.length; i++) {
    if (Buffer.compare(a[i]!, b[i]!) !== 0) {
      const at = a[i]!.findIndex((byte, k) => byte !== b[i]![k]);
      t.fail(`${what}: result ${i} of ${a.length} differs at byte ${at} of ${a[i]!.length}`);
      return;
    }
  }
};

const PASSES: readonly (keyof CompileOptions)[] = [
  'transposes',
  'fuse',
  'rows',
  'recompute',
  'epilogues',
  'share',
  'batch',
  'cse',
  'simplify',
  'fold',
  'inPlace',
  'reuse',
];
const off = (...names: (keyof CompileOptions)[]): CompileOptions =>
  Object.fromEntries(names.map((name) => [name, false]));

const once = (
  { graph, feeds, fetches }: Program,
  options: { threads?: number; compile?: CompileOptions },
): Uint8Array[] => {
  using sess = new tf.Session({ graph, ...options });
  return bits(sess.runSync(fetches, feeds) as unknown as tf.NDArray[]);
};

const graphs = full ? 2000 : 300;
test(`${graphs} random graphs: every pass of the compiler on and off gives the same bits`, (t) => {
  for (let seed = 1; seed <= graphs; seed++) {
    const random = generator(seed * 7919);
    const program = randomProgram(seed, 1 + random.below(9), 1 + random.below(40), 4 + random.below(24));
    const expected = once(program, { compile: off(...PASSES) });
    same(t, once(program, {}), expected, `graph ${seed}, every pass`);
    same(t, once(program, { compile: { farBytes: 1 } }), expected, `graph ${seed}, every array far away`);
    const one = PASSES[seed % PASSES.length]!;
    same(t, once(program, { compile: off(one) }), expected, `graph ${seed} without ${one}`);
    const only = PASSES[(seed >> 3) % PASSES.length]!;
    same(
      t,
      once(program, { compile: off(...PASSES.filter((name) => name !== only)) }),
      expected,
      `graph ${seed}, only ${only}`,
    );
  }
  t.pass();
});

test.serial(
  'threads 1, 2 and 4, run, runSync, callable and runLoop give the same bits, and threads did work',
  async (t) => {
    const helped: number[] = [];
    for (let seed = 1; seed <= (full ? 40 : 8); seed++) {
      const program = randomProgram(1000 + seed, 300 + 7 * seed, 129, 16);
      const { graph, feeds, fetches } = program;
      const expected = once(program, { threads: 1 });
      const twice = expected.map((one) => Buffer.concat([one, one]));
      for (const threads of [1, 2, 4]) {
        const before = native().info().helpedJobs;
        for (const compile of [{}, { farBytes: 1 }, off('fuse'), off('epilogues'), off('reuse', 'inPlace')]) {
          using sess = new tf.Session({ graph, threads, compile });
          const what = `graph ${seed}, ${threads} threads, ${JSON.stringify(compile)}`;
          same(t, bits(sess.runSync(fetches, feeds) as unknown as tf.NDArray[]), expected, `${what}, runSync`);
          const later = await sess.run(fetches, feeds, { timeoutMs: 60_000 });
          same(t, bits(later as unknown as tf.NDArray[]), expected, `${what}, run`);
          const step = sess.makeCallable(
            fetches,
            feeds.map(([tensor]) => tensor),
          );
          same(
            t,
            bits(step(...feeds.map(([, value]) => value)) as unknown as tf.NDArray[]),
            expected,
            `${what}, callable`,
          );
          const loops = sess.runLoopSync(fetches, 2, feeds) as unknown as tf.NDArray[];
          same(t, bits(loops), twice, `${what}, runLoop`);
        }
        if (threads > 1) helped.push(native().info().helpedJobs - before);
        else t.is(native().info().helpedJobs, before, 'one thread is one thread');
      }
    }
    t.log(`ranges done by other threads, by graph and number of threads: ${helped.join(' ')}`);
    t.true(helped.filter((n) => n > 0).length > helped.length / 4, 'two threads worked in many of them');
  },
);

/** The main ops at a size where threads share them. */
const MAIN: Record<string, (x: tf.Tensor, y: tf.Tensor) => tf.Tensor> = {
  elementwise: (x, y) => tf.tanh(tf.add(tf.multiply(x, y), x)),
  sumAll: (x) => tf.reduceSum(x),
  sumRows: (x) => tf.reduceSum(x, { axis: 1 }),
  sumColumns: (x) => tf.reduceSum(x, { axis: 0 }),
  mean: (x) => tf.reduceMean(x),
  max: (x) => tf.reduceMax(x, { axis: 0 }),
  matmul: (x, y) => tf.matmul(x, y, { transposeB: true }),
  matmulA: (x, y) => tf.matmul(x, y, { transposeA: true }),
  softmax: (x) => tf.nn.softmax(x),
  softmaxColumns: (x) => tf.nn.softmax(x, 0),
  softmaxBlocks: (x) => tf.nn.logSoftmax(tf.reshape(x, [800, 20, 160]), 1),
  softmaxColumnsGradient: (x, y) => tf.gradients(tf.nn.softmax(x, 0), [x], { gradYs: [y] })[0] as tf.Tensor,
  xent: (x, y) => tf.nn.softmaxCrossEntropyWithLogits({ logits: x, labels: y }),
  transpose: (x) => tf.transpose(x),
  argmax: (x) => tf.argmax(x, { axis: 1 }),
  cumsum: (x) => tf.cumsum(x, { axis: 0 }),
  concat: (x, y) => tf.concat([x, y], 1),
  gradient: (x, y) => tf.gradients(tf.reduceSum(tf.tanh(tf.matmul(x, y, { transposeB: true }))), [x])[0] as tf.Tensor,
};

for (const [name, build] of Object.entries(MAIN)) {
  test.serial(`${name}: the same bits for 1, 2 and 4 threads`, (t) => {
    const graph = new tf.Graph();
    const random = generator(name.length);
    // Long enough that a thread which sleeps is there before it is over.
    const shape = /^(matmul|gradient)/.test(name) ? [640, 500] : [4000, 640];
    const size = shape[0]! * shape[1]!;
    const program = graph.asDefault((): Program => {
      const x = tf.placeholder(tf.float32, shape);
      const y = tf.placeholder(tf.float32, shape);
      const plain = (): tf.NDArray =>
        tf.ndarray(
          Float32Array.from({ length: size }, () => random.next() - 0.4),
          shape,
        );
      return {
        graph,
        feeds: [
          [x, plain()],
          [y, plain()],
        ],
        fetches: [build(x, y)],
      };
    });
    const expected = once(program, { threads: 1 });
    let helped = 0;
    for (const threads of [2, 4]) {
      using sess = new tf.Session({ graph: program.graph, threads });
      const before = native().info().helpedJobs;
      const until = performance.now() + 20_000;
      // A machine that is busy with other things may have no second processor for us at once.
      for (let round = 0; round < 3 || (helped === 0 && performance.now() < until); round++) {
        same(
          t,
          bits(sess.runSync(program.fetches, program.feeds) as unknown as tf.NDArray[]),
          expected,
          `${name}, ${threads}`,
        );
        helped += native().info().helpedJobs - before;
      }
    }
    t.true(helped > 0, 'another thread did a part of it');
  });
}
