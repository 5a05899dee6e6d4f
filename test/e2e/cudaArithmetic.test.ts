// Kernels that compute, on the emulated device against the CPU's: sizes over several blocks and stages, every path that the op tables' small tensors
// do not take, faults in the middle; the first run (step by step), the second (recorded) and the third (a graph) have the same bits.
import { existsSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import * as tf from '../../lib/index.js';
import { ROOT } from '../helpers/root.js';

const library = path.join(ROOT, 'build', 'Release', 'grafo_cuda_emulated.so');
process.env.GRAFO_CUDA_LIBRARY = library;
const emulated = existsSync(library) ? test : test.skip;

type Feed = readonly [tf.Tensor, tf.NDArray];
type Name = 'float32' | 'float64' | 'int32' | 'int64' | 'int8' | 'uint8' | 'bool';

/** A placeholder and values between `low` and 9 (0 and 9 without a sign) in no order. */
const fed = (dtype: Name, shape: number[], seed = 1, low = -9): Feed => {
  const type = tf.asDtype(dtype);
  const size = shape.reduce((n, dim) => n * dim, 1);
  const data = new type.array!(size);
  let state = seed;
  for (let i = 0; i < size; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const unit = state / 2 ** 32;
    if (dtype.startsWith('float')) data[i] = unit * (9 - low) + low;
    else if (dtype === 'bool') data[i] = unit < 0.5 ? 1 : 0;
    else
      data[i] =
        dtype === 'int64'
          ? BigInt(Math.floor(unit * 19) - 9)
          : Math.floor(unit * (dtype === 'uint8' ? 10 : 19)) - (dtype === 'uint8' ? 0 : 9);
  }
  return [tf.placeholder(dtype, shape), new tf.NDArray(type, shape, data)];
};

const bytes = (value: tf.NDArray): string => {
  const data = value.data as Float32Array;
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex');
};
const close = (a: number, b: number, bound: number): boolean =>
  Object.is(a, b) || Math.abs(a - b) <= bound * Math.max(1, Math.abs(a));

/** Three runs on both devices: the device's have the same bits, and the CPU's numbers (integers exactly). */
const agree = (t: ExecutionContext, build: () => { fetches: tf.Tensor[]; feeds: readonly Feed[] }): void => {
  const graph = new tf.Graph();
  const { fetches, feeds } = graph.asDefault(build);
  using cpu = new tf.Session({ graph, device: '/cpu:0' });
  using gpu = new tf.Session({ graph, device: '/gpu:0' });
  const expected = cpu.runSync(fetches, feeds) as tf.NDArray[];
  const runs = [0, 1, 2].map(() => gpu.runSync(fetches, feeds) as tf.NDArray[]);
  fetches.forEach((fetch, f) => {
    const [first, second, third] = runs.map((run) => bytes(run[f]!));
    t.true(first === second && second === third, `${fetch.name}: runs differ`);
    const a = Array.from(expected[f]!.data as Float32Array, Number);
    const b = Array.from(runs[0]![f]!.data as Float32Array, Number);
    const bound = fetch.dtype.name === 'float32' ? 4e-6 : fetch.dtype.name === 'float64' ? 1e-13 : 0;
    const at = a.findIndex((value, i) => !close(value, b[i]!, bound));
    t.is(a.length, b.length);
    t.is(at, -1, `${fetch.name}: element ${at} is ${b[at]}, not ${a[at]}`);
  });
};

emulated('tapes: broadcasts, every width of an item, several tiles', (t) => {
  agree(t, () => {
    const x = fed('float32', [300, 17]);
    const row = fed('float32', [17], 2);
    const column = fed('float32', [300, 1], 3);
    const cube = fed('float32', [5, 16, 24], 4);
    const middle = fed('float32', [16, 1], 5);
    const both = fed('float32', [5, 1, 24], 6);
    const a = tf.add(tf.mul(x[0], row[0]), column[0]);
    const b = tf.sub(tf.tanh(tf.mul(cube[0], middle[0])), tf.exp(tf.mul(both[0], 0.1)));
    return {
      fetches: [a, tf.nn.relu(a), tf.sigmoid(b), tf.greater(b, 0)],
      feeds: [x, row, column, cube, middle, both],
    };
  });
  agree(t, () => {
    const x = fed('float64', [4097]);
    const y = fed('float64', [4097], 2);
    const i = fed('int32', [4097], 3);
    const k = fed('int64', [4097], 4);
    const s = fed('int8', [4097], 5);
    const u = fed('uint8', [4097], 6);
    const c = fed('bool', [4097], 7);
    const wide = tf.cast(tf.add(tf.cast(s[0], 'int64'), tf.mul(k[0], tf.cast(u[0], 'int64'))), 'float64');
    return {
      fetches: [
        tf.add(tf.sin(tf.mul(x[0], y[0])), tf.where(c[0], wide, x[0])),
        tf.floorDiv(i[0], tf.add(tf.abs(i[0]), 1)),
        tf.mul(s[0], s[0]),
        tf.cast(tf.add(u[0], u[0]), 'float32'),
        tf.logicalAnd(c[0], tf.less(tf.cast(x[0], 'float32'), tf.cast(i[0], 'float32'))),
      ],
      feeds: [x, y, i, k, s, u, c],
    };
  });
});

// Values above 0 in sums: their errors are small beside the result.
emulated('reductions: all, rows and columns, short and over several stages, axes apart', (t) => {
  agree(t, () => {
    const flat = fed('float32', [20_000], 1, 1);
    const rows = fed('float32', [3, 9000], 2, 1);
    const many = fed('float32', [2100, 40], 3, 1);
    const tall = fed('float32', [1200, 5], 4, 1);
    const apart = fed('float32', [4, 50, 6, 7], 5, 1);
    const double = fed('float64', [9001], 6, 1);
    return {
      fetches: [
        tf.reduceMean(flat[0]),
        tf.reduceMax(flat[0]),
        tf.reduceSum(rows[0], [1]),
        tf.reduceSum(many[0], [1]),
        tf.reduceSum(many[0], [0]),
        tf.reduceMin(tall[0], [0]),
        tf.reduceSum(apart[0], [0, 2]),
        tf.reduceSum(apart[0], [1, 3]),
        tf.reduceSum(double[0]),
        tf.reduceSum(tf.square(tf.sub(flat[0], 1))),
        tf.reduceMean(tf.mul(many[0], many[0]), [0]),
      ],
      feeds: [flat, rows, many, tall, apart, double],
    };
  });
  agree(t, () => {
    const small = fed('int8', [300, 33]);
    const large = fed('int64', [9000], 2);
    const truth = fed('bool', [70, 9], 3);
    return {
      fetches: [
        tf.reduceMean(small[0]),
        tf.reduceSum(small[0], [0]),
        tf.reduceMax(small[0], [1]),
        tf.reduceProd(large[0]),
        tf.reduceAll(truth[0], [0]),
        tf.reduceAny(truth[0], [1]),
      ],
      feeds: [small, large, truth],
    };
  });
});

emulated('positions of the largest, and cumulative sums, along long and short axes', (t) => {
  agree(t, () => {
    const rows = fed('float32', [3, 1300], 1, 1);
    const columns = fed('int32', [90, 45], 2);
    const x = tf.argmax(columns[0], 0);
    return {
      fetches: [
        tf.argmax(rows[0], 1),
        tf.argmin(rows[0], 0),
        x,
        tf.argmin(columns[0], 1),
        tf.cumsum(columns[0], 1),
        tf.cumsum(columns[0], 0, { reverse: true }),
        tf.cumsum(rows[0], 1, { exclusive: true, reverse: true }),
        tf.cumsum(rows[0], 1),
      ],
      feeds: [rows, columns],
    };
  });
});

emulated('softmax and cross entropies: rows of part of a warp, of a warp and of a block', (t) => {
  for (const [rows, columns] of [
    [40, 1],
    [70, 10],
    [9, 33],
    [5, 200],
    [3, 700],
  ] as const) {
    agree(t, () => {
      const x = fed('float32', [rows, columns]);
      const d = fed('float64', [rows, columns], 2);
      const labels: Feed = [
        tf.placeholder('int32', [rows]),
        tf.ndarray(Int32Array.from({ length: rows }, (_, i) => (i * 7) % columns)),
      ];
      const target = tf.nn.softmax(tf.mul(x[0], 0.5));
      return {
        fetches: [
          tf.nn.softmax(x[0]),
          tf.nn.logSoftmax(d[0]),
          tf.nn.sparseSoftmaxCrossEntropyWithLogits({ labels: labels[0], logits: x[0] }),
          tf.nn.softmaxCrossEntropyWithLogits({ labels: target, logits: x[0] }),
        ],
        feeds: [x, d, labels],
      };
    });
  }
});

emulated('an optimizer updates more variables at once than a launch has room for', (t) => {
  const graph = new tf.Graph();
  const { train, variables } = graph.asDefault(() => {
    const variables = Array.from({ length: 70 }, (_, i) => new tf.Variable(tf.fill([1 + i * 31], 0.5 + i)));
    const loss = tf.addN(variables.map((v) => tf.reduceSum(tf.square(v))));
    return { variables, train: new tf.train.AdamOptimizer(0.1).minimize(loss) };
  });
  const [cpu, gpu] = ['/cpu:0', '/gpu:0'].map((device) => {
    using sess = new tf.Session({ graph, device });
    sess.runSync(graph.asDefault(() => tf.globalVariablesInitializer()));
    for (let i = 0; i < 3; i++) sess.runSync(train);
    return variables.map((v) => Array.from(sess.runSync(v).data as Float32Array));
  }) as [number[][], number[][]];
  cpu.forEach((values, v) => {
    t.true(
      values.every((value, i) => close(value, gpu[v]![i]!, 1e-6)),
      `variable ${v}`,
    );
  });
});

emulated('faults: the first operation that refuses is told, no variable is written, and the session goes on', (t) => {
  const graph = new tf.Graph();
  graph.asDefault(() => {
    const x = tf.placeholder('int32', [5000]);
    const v = new tf.Variable(tf.fill([5000], tf.constant(7, 'int32')));
    const quotient = tf.floorDiv(tf.constant(100, 'int32'), x, { name: 'bad' });
    const updates = [v.assign(tf.add(quotient, 1)).op, v.assignAdd(quotient).op];
    const logits = tf.placeholder('float32', [300, 4]);
    const labels = tf.placeholder('int64', [300]);
    const loss = tf.nn.sparseSoftmaxCrossEntropyWithLogits({ labels, logits });
    const checked = tf.checkNumerics(logits, 'seen');
    const losses = new tf.Variable(tf.fill([300], -1));
    const seen = new tf.Variable(tf.fill([300, 4], -1));
    const writes = [losses.assign(loss).op, seen.assign(checked).op];
    using sess = new tf.Session({ device: '/gpu:0' });
    for (const { initializer } of [v, losses, seen]) sess.runSync(initializer);
    const good = Int32Array.from({ length: 5000 }, (_, i) => (i % 9) + 1);
    const bad = Int32Array.from(good);
    bad[3500] = 0;
    const zeros = new Float32Array(1200);
    const classes = BigInt64Array.from({ length: 300 }, (_, i) => BigInt(i % 4));
    const wrong = BigInt64Array.from(classes);
    wrong[200] = 4n;
    wrong[250] = -1n;
    const infinite = Float32Array.from(zeros);
    infinite[700] = Infinity;
    const both = Float32Array.from(infinite);
    both[900] = NaN;
    const ofLogits = (data: Float32Array): Feed => [logits, tf.ndarray(data, [300, 4])];
    for (let i = 0; i < 3; i++) {
      for (const update of updates) {
        t.throws(() => sess.runSync(update, [[x, bad]]), { message: /Integer division by zero.*'bad'/s });
        t.true((sess.runSync(v).data as Int32Array).every((value) => value === 7));
      }
      t.throws(() => sess.runSync(loss, [ofLogits(zeros), [labels, wrong]]), {
        message:
          /Received a label value of 4 which is outside the valid range of \[0, 4\)\. {2}Label values: 0 1 2 3 0/,
      });
      t.throws(() => sess.runSync(checked, [ofLogits(infinite)]), { message: /seen : Tensor had Inf values/ });
      t.throws(() => sess.runSync(checked, [ofLogits(both)]), { message: /seen : Tensor had Inf and NaN values/ });
      t.throws(() => sess.runSync(writes[0]!, [ofLogits(zeros), [labels, wrong]]), { message: /a label value of 4/ });
      t.throws(() => sess.runSync(writes[1]!, [ofLogits(both)]), { message: /Inf and NaN/ });
      for (const variable of [losses, seen])
        t.true((sess.runSync(variable).data as Float32Array).every((value) => value === -1));
      t.is(sess.runSync(checked, [ofLogits(zeros)]).data.length, 1200);
      t.true(
        Math.abs(
          Number((sess.runSync(loss, [ofLogits(zeros), [labels, classes]]).data as Float32Array)[299]) - Math.log(4),
        ) < 1e-6,
      );
    }
    sess.runSync(updates[0]!, [[x, good]]);
    t.deepEqual(Array.from((sess.runSync(v).data as Int32Array).slice(0, 3)), [101, 51, 34]);
  });
});
