// Which products end in a tape, and which do not; and that either way gives the same bits.
import test, { type ExecutionContext } from 'ava';
import * as tf from '../../lib/index.js';
import { Random } from '../ops/generate.js';

type Feeds = [tf.Tensor, tf.NDArray][];
interface Program {
  readonly fetches: readonly tf.Tensor[];
  readonly targets?: readonly tf.Operation[];
  readonly init?: tf.Operation;
}

const random = new Random('epilogue');
const numbers = (dtype: tf.DType, shape: readonly number[]): tf.NDArray => {
  const data = new dtype.array!(shape.reduce((size, dim) => size * dim, 1));
  for (let i = 0; i < data.length; i++) {
    const value = random.int(-1000, 1000);
    data[i] = dtype.isBigInt ? BigInt(value) : dtype.isFloating ? value / 700 : value;
  }
  return new tf.NDArray(dtype, shape, data);
};
const bits = ({ data }: tf.NDArray): string => {
  const { buffer, byteOffset, byteLength } = data as Float32Array;
  return Buffer.from(buffer, byteOffset, byteLength).toString('hex');
};

/** Runs a graph with and without epilogues, for 1, 2 and 4 threads, three times each; gives the labels of the plan's steps with them. */
const labels = (t: ExecutionContext, build: (feeds: Feeds) => Program): string[] => {
  const feeds: Feeds = [];
  const graph = new tf.Graph();
  const { fetches, targets = [], init } = graph.asDefault(() => build(feeds));
  const asked = [...fetches, ...targets];
  const run = (epilogues: boolean, threads: number): { values: string[]; plan: string } => {
    using session = new tf.Session({ graph, threads, compile: { epilogues }, device: '/cpu:0' });
    if (init !== undefined) session.runSync(init);
    const values: string[] = [];
    for (let i = 0; i < 3; i++)
      for (const value of session.runSync(asked, feeds))
        if (value !== null && value !== undefined) values.push(bits(value as tf.NDArray));
    return { values, plan: session.explain(asked, feeds) };
  };
  const apart = run(false, 1);
  t.false(apart.plan.includes('MatMulFused'));
  let plan = '';
  for (const threads of [1, 2, 4]) {
    const joined = run(true, threads);
    plan = joined.plan;
    t.deepEqual(joined.values, apart.values, `${threads} threads`);
  }
  const moved = (text: string): string => /, ([^,]*) moved/.exec(text)![1]!;
  if (plan.includes('MatMulFused')) t.not(moved(plan), moved(apart.plan), 'fewer bytes move');
  return [...plan.matchAll(/^ *\d+ {2}(.*?) {2}/gm)].map((match) => match[1]!);
};

const fed = (feeds: Feeds, shape: readonly number[], dtype: tf.DType = tf.float32): tf.Tensor => {
  const x = tf.placeholder(dtype, shape);
  feeds.push([x, numbers(dtype, shape)]);
  return x;
};

for (const dtype of [tf.float32, tf.float64, tf.int32, tf.int64]) {
  test(`${dtype}: a bias and an activation are the product's end`, (t) => {
    const build = (feeds: Feeds): Program => {
      const z = tf.add(tf.matmul(fed(feeds, [40, 30], dtype), fed(feeds, [30, 50], dtype)), fed(feeds, [50], dtype));
      return { fetches: [tf.nn.relu(z)] };
    };
    t.deepEqual(labels(t, build), ['MatMulFused(Add Relu)']);
  });
}

test('a batch of products takes an end, too', (t) => {
  const build = (feeds: Feeds): Program => {
    const x = fed(feeds, [3, 20, 30]);
    return { fetches: [tf.tanh(tf.matmul(x, fed(feeds, [2, 3, 30, 10])))] };
  };
  t.deepEqual(labels(t, build), ['MatMulFused(Tanh)']);
});

test('a product that is fetched, or read by a second step, stays a step', (t) => {
  t.deepEqual(
    labels(t, (feeds) => {
      const p = tf.matmul(fed(feeds, [20, 30]), fed(feeds, [30, 10]));
      return { fetches: [tf.nn.relu(p), p] };
    }),
    ['MatMul', 'Fused(Relu)'],
  );
  t.deepEqual(
    labels(t, (feeds) => {
      const p = tf.matmul(fed(feeds, [20, 30]), fed(feeds, [30, 10]));
      return { fetches: [tf.nn.relu(p), tf.nn.softmax(p)] };
    }),
    ['MatMul', 'Fused(Relu)', 'Softmax'],
  );
});

test('of two products that a tape reads one is its own, and none where one waits for the other through the tape', (t) => {
  t.deepEqual(
    labels(t, (feeds) => {
      const [x, h] = [fed(feeds, [20, 30]), fed(feeds, [20, 40])];
      return { fetches: [tf.tanh(tf.add(tf.matmul(x, fed(feeds, [30, 10])), tf.matmul(h, fed(feeds, [40, 10]))))] };
    }),
    ['MatMul', 'MatMulFused(Add Tanh)'],
  );
  t.deepEqual(
    labels(t, (feeds) => {
      const p = tf.matmul(fed(feeds, [20, 20]), fed(feeds, [20, 20]));
      return { fetches: [tf.add(p, tf.matmul(p, p))] };
    }),
    ['MatMul', 'MatMulFused(Add)'],
  );
});

test('a product under another shape, or as a row of the space, stays a step', (t) => {
  t.deepEqual(
    labels(t, (feeds) => {
      const p = tf.matmul(fed(feeds, [20, 30]), fed(feeds, [30, 10]));
      return { fetches: [tf.nn.relu(tf.reshape(p, [10, 20]))] };
    }),
    ['MatMul', 'Fused(Relu)'],
  );
  t.deepEqual(
    labels(t, (feeds) => {
      const p = tf.matmul(fed(feeds, [1, 30]), fed(feeds, [30, 10]));
      return { fetches: [tf.add(p, fed(feeds, [20, 10]))] };
    }),
    ['MatMul', 'Fused(Add)'],
  );
});

test('sums of rows and columns of what a product ends in', (t) => {
  const build = (feeds: Feeds): Program => {
    const p = tf.matmul(fed(feeds, [130, 30]), fed(feeds, [30, 70]));
    const dz = tf.multiply(p, fed(feeds, [130, 70]));
    return { fetches: [dz, tf.reduceSum(dz, { axis: 0 })] };
  };
  t.deepEqual(labels(t, build), ['MatMulFused(Mul | Sum)']);
  const mean = (feeds: Feeds): Program => {
    const p = tf.matmul(fed(feeds, [130, 30]), fed(feeds, [30, 70]));
    return { fetches: [tf.reduceMean(tf.square(tf.subtract(p, fed(feeds, [130, 70]))))] };
  };
  t.deepEqual(labels(t, mean), ['MatMulFused(Sub Square | Mean)']);
});

test('a large product of which only sums remain has no place: it stays a step', (t) => {
  const build = (feeds: Feeds): Program => {
    const p = tf.matmul(fed(feeds, [300, 3]), fed(feeds, [3, 70]));
    return { fetches: [tf.reduceMean(tf.square(p))] };
  };
  t.deepEqual(labels(t, build), ['MatMul', 'Fused(Square | Mean)']);
});

test('an update of variables, which reads what it writes, has no place for a product', (t) => {
  const build = (feeds: Feeds): Program => {
    const W = new tf.Variable(numbers(tf.float32, [130, 70]), { name: 'W' });
    const loss = tf.reduceSum(tf.square(tf.tanh(tf.matmul(fed(feeds, [48, 130]), W))));
    const train = new tf.train.MomentumOptimizer(0.001, 0.9).minimize(loss);
    return { fetches: [loss], targets: [train], init: tf.globalVariablesInitializer() };
  };
  t.deepEqual(labels(t, build), [
    'MatMulFused(Tanh Square Mul Mul TanhGrad | Sum)',
    'MatMul',
    'Fused(Mul Add Mul Sub)',
  ]);
});

test('a variable that is only written lends its memory', (t) => {
  const build = (feeds: Feeds): Program => {
    const v = new tf.Variable(tf.zeros([20, 10]), { name: 'v' });
    const set = tf.assign(v, tf.tanh(tf.matmul(fed(feeds, [20, 30]), fed(feeds, [30, 10]))));
    return { fetches: [set], init: tf.globalVariablesInitializer() };
  };
  t.deepEqual(labels(t, build), ['MatMulFused(Tanh)']);
});

test('a variable that is a factor and is assigned what comes of the product', (t) => {
  const build = (feeds: Feeds): Program => {
    const W = new tf.Variable(numbers(tf.float32, [80, 80]), { name: 'W' });
    const set = tf.assign(W, tf.tanh(tf.matmul(fed(feeds, [80, 80]), W)));
    return { fetches: [set], init: tf.globalVariablesInitializer() };
  };
  t.true(labels(t, build).includes('MatMul'));
});

const ACTIVATIONS = { relu: tf.nn.relu, sigmoid: tf.sigmoid, tanh: tf.tanh, softplus: tf.nn.softplus, elu: tf.nn.elu };
for (const [name, activation] of Object.entries(ACTIVATIONS)) {
  for (const dtype of [tf.float32, tf.float64]) {
    test(`${name}, ${dtype}: training a network of two hidden layers`, (t) => {
      const found = labels(t, (feeds) => {
        let h = fed(feeds, [50, 90], dtype);
        const sizes = [90, 70, 80, 3];
        for (let i = 0; i + 1 < sizes.length; i++) {
          const W = new tf.Variable(numbers(dtype, [sizes[i]!, sizes[i + 1]!]));
          const z = tf.matmul(h, W).add(new tf.Variable(numbers(dtype, [sizes[i + 1]!])));
          h = i < 2 ? activation(z) : z;
        }
        const loss = tf.reduceMean(tf.square(tf.subtract(h, fed(feeds, [50, 3], dtype))));
        const train = new tf.train.GradientDescentOptimizer(1e-7).minimize(loss);
        return { fetches: [loss], targets: [train], init: tf.globalVariablesInitializer() };
      });
      t.true(found.filter((label) => label.startsWith('MatMulFused')).length >= 4, found.join('; '));
    });
  }
}
