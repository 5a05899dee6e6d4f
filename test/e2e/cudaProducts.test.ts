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

emulated('products of floats agree with the CPU’s, of integers in every bit; every run gives the same', (t) => {
  const graph = new tf.Graph();
  graph.asDefault(() => {
    for (const dtype of ['float32', 'float64', 'int32', 'int64'] as const) {
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
      const products = SHAPES.map(([a, b, transposeA, transposeB]) =>
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
