// Transposes that others take back: which of them are left, that values are those of an independent computation, and that nothing is transposed
// that was not before.
import test, { type ExecutionContext } from 'ava';
import type { CompileOptions } from '../../lib/compile/stage.js';
import * as tf from '../../lib/index.js';
import { Random } from '../ops/generate.js';

type Feeds = readonly (readonly [tf.Tensor, tf.NDArray])[];
const CPU = { device: '/cpu:0' } as const;

const kernelsOf = (fetches: readonly tf.Tensor[], feeds: Feeds, compile: CompileOptions = {}): string[] => {
  using session = new tf.Session({ ...CPU, compile });
  return Array.from(
    session.explain(fetches, feeds).matchAll(/^ {2}\d+ {2}(\w+(?:\([^)]*\))?)/gm),
    ([, kernel]) => kernel!,
  );
};
const isTranspose = (kernel: string): boolean => kernel === 'Transpose';
const run = (fetches: readonly tf.Tensor[], feeds: Feeds, compile: CompileOptions = {}, threads = 1): tf.NDArray[] => {
  using session = new tf.Session({ ...CPU, compile, threads });
  return session.runSync(fetches, feeds) as unknown as tf.NDArray[];
};
const sizeOf = (shape: readonly number[]): number => shape.reduce((size, dim) => size * dim, 1);
const array = (dtype: 'float32' | 'float64', shape: readonly number[], at: (i: number) => number): tf.NDArray => {
  const values = Array.from({ length: sizeOf(shape) }, (_, i) => at(i));
  return tf.ndarray(dtype === 'float32' ? Float32Array.from(values) : Float64Array.from(values), shape);
};
const wave = (i: number): number => 3 * Math.sin(i * 12.9898) - 0.5;

/** Gives visit(positions of one column's elements) for each column along an axis. */
const columns = (shape: readonly number[], axis: number, visit: (at: readonly number[]) => void): void => {
  const inner = sizeOf(shape.slice(axis + 1));
  const n = shape[axis]!;
  for (let outer = 0; outer < sizeOf(shape.slice(0, axis)); outer++)
    for (let j = 0; j < inner; j++) visit(Array.from({ length: n }, (_, r) => (outer * n + r) * inner + j));
};
/** Softmax, its logarithm and the gradients of both, in float64. */
const reference = (x: readonly number[], dy: readonly number[], shape: readonly number[], axis: number) => {
  const made = {
    softmax: [] as number[],
    logSoftmax: [] as number[],
    dSoftmax: [] as number[],
    dLogSoftmax: [] as number[],
  };
  columns(shape, axis, (at) => {
    const most = Math.max(...at.map((i) => x[i]!));
    const sum = at.reduce((total, i) => total + Math.exp(x[i]! - most), 0);
    for (const i of at) {
      made.softmax[i] = Math.exp(x[i]! - most) / sum;
      made.logSoftmax[i] = x[i]! - most - Math.log(sum);
    }
    const total = at.reduce((all, i) => all + dy[i]!, 0);
    const product = at.reduce((all, i) => all + dy[i]! * made.softmax[i]!, 0);
    for (const i of at) {
      made.dSoftmax[i] = (dy[i]! - product) * made.softmax[i]!;
      made.dLogSoftmax[i] = dy[i]! - total * made.softmax[i]!;
    }
  });
  return made;
};
const near = (t: ExecutionContext, got: tf.NDArray, want: readonly number[], what: string): void => {
  const unit = got.dtype === tf.float32 ? 2 ** -23 : 2 ** -52;
  const most = Math.max(1, ...want.map(Math.abs));
  const worst = want.findIndex((one, i) => !(Math.abs((got.data as Float64Array)[i]! - one) <= 64 * unit * most));
  t.is(worst, -1, `${what}: ${(got.data as Float64Array)[worst]} for ${want[worst]} at ${worst}`);
};

const SHAPES: readonly (readonly number[])[] = [
  [7],
  [9, 5],
  [3, 4, 5],
  [2, 3, 4, 5],
  [2, 3, 2, 2, 3],
  [3, 130, 70],
  [120, 66],
  [5, 1, 6],
  [20, 30, 9],
];

for (const dtype of ['float32', 'float64'] as const) {
  test(`softmax and logSoftmax ${dtype}: every axis and its gradient without a transpose, values as in float64`, (t) => {
    for (const shape of SHAPES) {
      for (let axis = -shape.length; axis < shape.length; axis++) {
        new tf.Graph().asDefault(() => {
          const [x, dy] = [tf.placeholder(dtype, shape), tf.placeholder(dtype, shape)];
          const feeds: Feeds = [
            [x, array(dtype, shape, wave)],
            [dy, array(dtype, shape, (i) => Math.cos(i * 7.7))],
          ];
          const [softmax, logSoftmax] = [tf.nn.softmax(x, axis), tf.nn.logSoftmax(x, axis)];
          const gradient = (y: tf.Tensor): tf.Tensor => tf.gradients(y, [x], { gradYs: [dy] })[0] as tf.Tensor;
          const fetches = [softmax, logSoftmax, gradient(softmax), gradient(logSoftmax)];
          const what = `[${shape}] axis ${axis}`;
          t.deepEqual(kernelsOf(fetches, feeds).filter(isTranspose), [], what);
          const [xs, dys] = feeds.map(([, { data }]) => Array.from(data as Float64Array));
          const want = reference(xs!, dys!, shape, axis < 0 ? axis + shape.length : axis);
          const got = run(fetches, feeds);
          Object.entries(want).forEach(([name, values], i) => {
            near(t, got[i]!, values, `${name} ${what}`);
          });
          const again = run(fetches, feeds, {}, 4);
          t.deepEqual(
            again.map(({ data }) => data),
            got.map(({ data }) => data),
            `${what}: the same for 4 threads`,
          );
          const plain = run(fetches.slice(0, 2), feeds, { transposes: false });
          t.deepEqual(
            plain.map(({ data }) => data),
            got.slice(0, 2).map(({ data }) => data),
            `${what}: the bits that it has with transposes`,
          );
        });
      }
    }
  });
}

test('softmax along an axis: NaN and infinities stay in their columns, no elements are none', (t) => {
  const x = tf.placeholder('float32', [null, null, null]);
  const [y, log] = [tf.nn.softmax(x, 1), tf.nn.logSoftmax(x, 1)];
  const [a, b, c] = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY];
  // Columns: plain, with NaN, with +Inf, with -Inf, of -Inf only.
  const given = array('float32', [1, 2, 5], (i) => [0, a, b, c, c, 0, 1, 1, 1, c][i]!);
  const [got, logs] = run([y, log], [[x, given]]);
  t.deepEqual(Array.from(got!.data as Float32Array), [0.5, a, a, 0, a, 0.5, a, a, 1, a]);
  t.deepEqual(
    Array.from(logs!.data as Float32Array, (value) => Math.fround(value)),
    [Math.fround(-Math.LN2), a, a, c, a, Math.fround(-Math.LN2), a, a, 0, a],
  );
  for (const shape of [
    [0, 3, 4],
    [3, 0, 4],
    [3, 4, 0],
  ]) {
    const empty = array('float32', shape, () => 0);
    for (const one of run([y, log], [[x, empty]])) t.deepEqual([one.shape, one.size], [shape, 0]);
  }
});

test('gradients through softmax along an axis are those of finite differences', (t) => {
  const shape = [3, 4, 5];
  for (const axis of [0, 1]) {
    for (const of of [tf.nn.softmax, tf.nn.logSoftmax]) {
      new tf.Graph().asDefault(() => {
        const x = tf.placeholder('float64', shape);
        const weights = tf.constant(array('float64', shape, (i) => Math.cos(i * 3.1)));
        const loss = tf.reduceSum(tf.square(tf.multiply(of(x, axis), weights)));
        const gradient = tf.gradients(loss, [x])[0] as tf.Tensor;
        const at = array('float64', shape, wave);
        using session = new tf.Session(CPU);
        const found = session.runSync(gradient, [[x, at]]).data as Float64Array;
        const step = 1e-5;
        for (let i = 0; i < at.size; i++) {
          const [up, down] = [step, -step].map((by) => {
            const moved = array('float64', shape, (k) => wave(k) + (k === i ? by : 0));
            return (session.runSync(loss, [[x, moved]]).data as Float64Array)[0]!;
          });
          t.true(Math.abs(found[i]! - (up! - down!) / (2 * step)) < 1e-7, `axis ${axis}, element ${i}`);
        }
      });
    }
  }
});

/** What a graph over x [3,4,5] is planned as, of [3,5,4] after the transpose. */
interface Case {
  readonly what: string;
  readonly build: (x: tf.Tensor, z: tf.Tensor) => readonly tf.Tensor[];
  readonly transposes: number;
}
const SWAP = [0, 2, 1];
const swap = (x: tf.Tensor): tf.Tensor => tf.transpose(x, SWAP);
const bias = (shape: readonly number[]): tf.Tensor => tf.constant(array('float32', shape, (i) => i));
const CASES: readonly Case[] = [
  { what: 'two that are added and not taken back are one', build: (x, z) => [tf.add(swap(x), swap(z))], transposes: 1 },
  { what: 'one that is not taken back stays', build: (x) => [tf.tanh(swap(x))], transposes: 1 },
  {
    what: 'what is read on both sides is transposed once',
    build: (x) => [swap(tf.tanh(swap(x))), tf.neg(tf.tanh(swap(x)))],
    transposes: 1,
  },
  {
    what: 'another order is not taken back',
    build: (x) => [tf.transpose(tf.tanh(tf.transpose(x, [1, 2, 0])), [1, 2, 0])],
    transposes: 2,
  },
  {
    what: 'a cycle of three is',
    build: (x) => [tf.transpose(tf.tanh(tf.transpose(x, [1, 2, 0])), [2, 0, 1])],
    transposes: 0,
  },
  {
    what: 'a bias along the last axis becomes one along another',
    build: (x) => [swap(tf.add(swap(x), bias([4])))],
    transposes: 0,
  },
  { what: 'a matrix would have to be transposed', build: (x) => [swap(tf.add(swap(x), bias([5, 4])))], transposes: 2 },
  { what: 'a scalar is one either way', build: (x) => [swap(tf.multiply(swap(x), 2))], transposes: 0 },
  { what: 'a sum over all', build: (x) => [tf.reduceSum(tf.square(swap(x)))], transposes: 0 },
  {
    what: 'a sum whose axes keep their order',
    build: (x) => [tf.reduceSum(swap(x), 2), tf.reduceMax(swap(x), 1)],
    transposes: 0,
  },
  {
    what: 'a sum whose axes do not',
    build: (x) => [tf.reduceSum(tf.transpose(x, [2, 1, 0]), 0)],
    transposes: 1,
  },
  {
    what: 'a sum with its dims, read again',
    build: (x) => {
      const turned = tf.transpose(x, [2, 1, 0]);
      return [tf.transpose(tf.subtract(turned, tf.reduceSum(turned, 2, { keepDims: true })), [2, 1, 0])];
    },
    transposes: 0,
  },
  {
    what: 'an argmax reads it transposed',
    build: (x) => [tf.argmax(tf.tanh(swap(x)), 2), swap(tf.tanh(swap(x)))],
    transposes: 1,
  },
  {
    what: 'as another shape of its rank it is another',
    build: (x) => [swap(tf.neg(tf.reshape(swap(x), [5, 3, 4])))],
    transposes: 2,
  },
  { what: 'as another shape it is another', build: (x) => [tf.neg(tf.reshape(tf.tanh(swap(x)), [60]))], transposes: 1 },
  {
    what: 'what ends one begins the next',
    build: (x) => [swap(tf.exp(swap(tf.tanh(swap(tf.neg(swap(x)))))))],
    transposes: 0,
  },
  {
    what: 'an assertion of order is kept',
    build: (x) => [tf.withControl([swap(x).op], () => swap(tf.tanh(swap(x))))],
    transposes: 0,
  },
];
for (const { what, build, transposes } of CASES) {
  test(`transposes: ${what}`, (t) => {
    new tf.Graph().asDefault(() => {
      const [x, z] = [tf.placeholder('float32', [3, 4, 5]), tf.placeholder('float32', [3, 4, 5])];
      const fetches = build(x, z);
      const feeds: Feeds = [
        [x, array('float32', [3, 4, 5], (i) => (i % 7) - 3)],
        [z, array('float32', [3, 4, 5], (i) => i % 5)],
      ];
      t.is(kernelsOf(fetches, feeds).filter(isTranspose).length, transposes);
      const [got, want] = [run(fetches, feeds), run(fetches, feeds, { transposes: false, simplify: false })];
      t.deepEqual(
        got.map(({ data, shape }) => [data, shape]),
        want.map(({ data, shape }) => [data, shape]),
      );
    });
  });
}

test('transposes: one that ends what another begins, read beside that, is not taken for both', (t) => {
  const x = tf.placeholder('float64', [3, 3]);
  const feeds: Feeds = [[x, array('float64', [3, 3], (i) => i * i - 20)]];
  const turned = tf.transpose(x);
  const fetch = tf.transpose(tf.add(tf.transpose(tf.abs(turned)), turned));
  const want = Array.from({ length: 9 }, (_, i) => Math.abs(((i % 3) * 3 + Math.floor(i / 3)) ** 2 - 20) + i * i - 20);
  t.deepEqual(Array.from(run([fetch], feeds)[0]!.data as Float64Array), want);
});

test('a transpose of a variable reads it before what is assigned after', (t) => {
  const w = new tf.Variable(array('float32', [4, 4], (i) => i));
  const y = tf.transpose(tf.neg(tf.transpose(w.value())));
  const after = tf.withControl([y.op], () => tf.assign(w, tf.add(tf.transpose(tf.exp(tf.transpose(y))), 1)));
  using session = new tf.Session(CPU);
  session.runSync(tf.globalVariablesInitializer());
  const [first] = session.runSync([y, after]) as unknown as tf.NDArray[];
  t.deepEqual(
    Array.from(first!.data as Float32Array),
    Array.from({ length: 16 }, (_, i) => (i === 0 ? -0 : -i)),
  );
});

/** Graphs of few shapes, so that much is transposed and taken back; numbers are integers, so that no order of a sum rounds. */
const randomGraph = (random: Random): { fetches: tf.Tensor[]; feeds: Feeds } => {
  const shape = random.pick([
    [2, 2, 2],
    [2, 3, 4],
    [3, 3],
    [2, 1, 3, 2],
  ]);
  const rank = shape.length;
  const perms = [random.shuffle(shape.map((_, i) => i)), random.shuffle(shape.map((_, i) => i))];
  const feeds = [0, 1].map(
    (k) => [tf.placeholder('float64', shape), array('float64', shape, (i) => ((i * 7 + k) % 11) - 5)] as const,
  );
  const pool: tf.Tensor[] = feeds.map(([tensor]) => tensor);
  const count = random.int(3, 20);
  for (let i = 0; i < count; i++) {
    const x = random.chance(0.7) ? pool.at(-1 - random.int(0, Math.min(3, pool.length)))! : random.pick(pool);
    const dims = x.shape.concrete();
    const kind = random.int(0, 8);
    if (kind < 3 && dims.length === rank) {
      const perm = random.pick(perms);
      pool.push(tf.transpose(x, random.chance(0.5) ? perm : perm.map((_, axis) => perm.indexOf(axis))));
    } else if (kind < 6) {
      const fits = pool.filter((y) => {
        const other = y.shape.concrete();
        return dims.every(
          (dim, k) => (other.at(k - dims.length) ?? 1) === 1 || dim === 1 || other.at(k - dims.length) === dim,
        );
      });
      pool.push(random.pick([tf.add, tf.subtract, tf.maximum])(x, random.pick(fits)));
    } else if (kind === 6 && dims.length > 0)
      pool.push(
        random.pick([tf.reduceSum, tf.reduceMax])(x, random.int(0, dims.length), { keepDims: random.chance(0.7) }),
      );
    else pool.push(random.pick([tf.neg, tf.abs, tf.sign])(x));
  }
  return { fetches: random.shuffle(pool.slice(2)).slice(0, random.int(1, 4)), feeds };
};

test('random graphs: fewer transposes or as many, and the same numbers', (t) => {
  let [before, after] = [0, 0];
  for (let number = 0; number < (process.env.GRAFO_FULL ? 3000 : 400); number++) {
    new tf.Graph().asDefault(() => {
      const { fetches, feeds } = randomGraph(new Random(`transposes ${number}`));
      const [with_, without] = [{}, { transposes: false }].map(
        (compile) => kernelsOf(fetches, feeds, compile).filter(isTranspose).length,
      );
      before += without!;
      after += with_!;
      if (with_! > without!) t.fail(`graph ${number}: ${with_} transposes for ${without}`);
      const want = run(fetches, feeds, { transposes: false, simplify: false, fuse: false });
      for (const compile of [{}, { simplify: false }, { fuse: false, cse: false }])
        run(fetches, feeds, compile).forEach(({ data, shape }, i) => {
          const same = [...(data as Float64Array)].every((value, k) => value === (want[i]!.data as Float64Array)[k]!);
          if (!same || shape.join() !== want[i]!.shape.join())
            t.fail(`graph ${number}, ${JSON.stringify(compile)}: result ${i} differs`);
        });
    });
  }
  t.true(after < before, `${after} for ${before}`);
  t.log(`${after} transposes for ${before}`);
});
