// Matrix products on the emulated device beside the CPU's: tiles of every size, edges, transposes, batches that broadcast, vectors.
import * as tf from '../../lib/index.js';
import { bits, emulated } from '../helpers/cuda.js';

// [a, b, transposeA, transposeB]
const SHAPES: [number[], number[], boolean, boolean][] = [
  [[70, 35], [35, 67], false, false],
  [[35, 70], [67, 35], true, true],
  [[200, 20], [20, 260], false, false],
  [[20, 200], [260, 20], true, true],
  [[33, 9], [33, 10], true, false],
  [[300, 70], [70, 1], false, false],
  [[70, 300], [70, 1], true, false],
  [[1, 70], [70, 300], false, false],
  [[1, 70], [300, 70], false, true],
  [[3, 1, 20, 34], [2, 34, 40], false, false],
  [[5, 1, 34], [34, 40], false, false],
  [[4, 34, 20], [34, 9], true, false],
  [[2, 5, 0], [0, 7], false, false],
  // Long k: in pieces, the last of which is shorter.
  [[5, 1100], [1100, 7], false, false],
  [[1100, 10], [20, 1100], true, true],
  [[2, 3, 1500], [2, 1500, 9], false, false],
  [[3, 2100], [2100, 1], false, false],
  [[3000, 3], [3000, 1], true, false],
  [[1, 700], [700, 16], false, false],
  [[600, 40], [600, 1], true, false],
  [[2, 1, 4200], [2, 4200, 2], false, false],
  [[1, 9001], [9001, 1], false, false],
];

/** All of them in float32, and every third in another dtype, not the same in the next; all in each where all are asked for. */
const shapesOf = (place: number): typeof SHAPES =>
  process.env.GRAFO_FULL || place === 0 ? SHAPES : SHAPES.filter((_, i) => i % 3 === place % 3);

emulated('products of floats agree with the CPU’s, of integers in every bit; every run gives the same', (t) => {
  const graph = new tf.Graph();
  graph.asDefault(() => {
    for (const [place, dtype] of (['float32', 'float64', 'int32', 'int64'] as const).entries()) {
      const type = tf.asDtype(dtype);
      const feeds: [tf.Tensor, tf.NDArray][] = [];
      const fed = (shape: number[]): tf.Tensor => {
        const size = shape.reduce((n, dim) => n * dim, 1);
        const data = new type.array!(size);
        for (let i = 0; i < size; i++) {
          const value = ((i * i * 7 + i * 3) % 101) - 50;
          data[i] = dtype === 'int64' ? BigInt(value) * 2n ** 40n : dtype === 'int32' ? value * 2 ** 20 : value / 50;
        }
        const x = tf.placeholder(dtype, shape);
        feeds.push([x, new tf.NDArray(type, shape, data)]);
        return x;
      };
      const products = shapesOf(place).map(([a, b, transposeA, transposeB]) =>
        tf.matmul(fed(a), fed(b), { transposeA, transposeB }),
      );
      using cpu = new tf.Session({ device: '/cpu:0' });
      using gpu = new tf.Session({ device: '/gpu:0' });
      const want = cpu.runSync(products, feeds) as tf.NDArray[];
      const runs = [0, 1, 2].map(() => gpu.runSync(products, feeds) as tf.NDArray[]);
      for (const [i, value] of want.entries()) {
        const [first, ...others] = runs.map((run) => run[i]!);
        t.true(
          others.every((other) => bits(other) === bits(first)),
          `${dtype} ${i}: the runs differ`,
        );
        if (!type.isFloating) {
          t.true(bits(first) === bits(value), `${dtype} ${i}`);
          continue;
        }
        // Of long sums that are large, a part.
        const most = dtype === 'float32' ? 2e-5 : 1e-13;
        const got = first!.data as Float32Array;
        (value.data as Float32Array).forEach((x, e) => {
          if (!(Math.abs(x - got[e]!) <= most * Math.max(1, Math.abs(x) / 4)))
            t.fail(`${dtype} ${i}: ${x} and ${got[e]} at ${e}`);
        });
      }
    }
  });
});

emulated('products that end in a tape agree with a product and a tape after it; every run gives the same', (t) => {
  const graph = new tf.Graph();
  const { fetches, feeds } = graph.asDefault(() => {
    const feeds: [tf.Tensor, tf.NDArray][] = [];
    const fed = (shape: number[], dtype: 'float32' | 'int32' = 'float32'): tf.Tensor => {
      const type = tf.asDtype(dtype);
      const data = new type.array!(shape.reduce((n, dim) => n * dim, 1));
      for (let i = 0; i < data.length; i++) data[i] = (((i * i * 5 + i * 11) % 97) - 48) / (dtype === 'int32' ? 1 : 64);
      const x = tf.placeholder(dtype, shape);
      feeds.push([x, new tf.NDArray(type, shape, data)]);
      return x;
    };
    const layer = tf.nn.relu(tf.matmul(fed([40, 30]), fed([30, 70])).add(fed([70])));
    const dz = tf.multiply(tf.matmul(layer, fed([35, 70]), { transposeB: true }), fed([40, 35]));
    const loss = tf.reduceMean(tf.square(tf.matmul(fed([20, 30]), fed([30, 20]))));
    const batch = tf.tanh(tf.matmul(fed([3, 5, 6]), fed([6, 7])));
    const whole = tf.floordiv(
      fed([9, 8], 'int32'),
      tf.add(tf.square(tf.matmul(fed([9, 4], 'int32'), fed([4, 8], 'int32'))), 1),
    );
    const row = tf.sigmoid(tf.matmul(fed([1, 30]), fed([30, 8])));
    return { feeds, fetches: [layer, dz, tf.reduceSum(dz, { axis: 0 }), loss, batch, whole, row] };
  });
  const run = (device: string, epilogues: boolean) => {
    using session = new tf.Session({ graph, device, compile: { epilogues } });
    const runs = [0, 1, 2].map(() => session.runSync(fetches, feeds).map(bits));
    t.deepEqual(runs[1], runs[0]);
    t.deepEqual(runs[2], runs[0]);
    const plan = session.explain(fetches, feeds);
    t.is(plan.split('MatMulFused').length - 1, epilogues ? 6 : 0, plan);
    t.false(plan.includes('on the CPU'), plan);
    return runs[0]!;
  };
  t.deepEqual(run('/gpu:0', true), run('/gpu:0', false));
});

emulated('a division by zero in the end of a product is told, and the next run goes on', (t) => {
  const graph = new tf.Graph();
  const [a, y] = graph.asDefault(() => {
    const a = tf.placeholder(tf.int32, [3, 3]);
    return [a, tf.floordiv(tf.constant(7, tf.int32), tf.matmul(a, a))] as const;
  });
  using session = new tf.Session({ graph, device: '/gpu:0' });
  const value = (x: number): tf.NDArray => tf.ndarray(new Int32Array(9).fill(x), [3, 3]);
  t.true(session.explain(y, [[a, value(1)]]).includes('MatMulFused(FloorDiv)'));
  for (let i = 0; i < 3; i++) {
    t.throws(() => session.runSync(y, [[a, value(0)]]), { message: /Integer division by zero/ });
    t.is(Number((session.runSync(y, [[a, value(1)]]) as tf.NDArray).data[0]), 2);
  }
});
