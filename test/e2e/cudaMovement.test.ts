// Kernels that move memory, on the emulated device against the CPU's, bit by bit: sizes over several blocks and tiles, every path that the op tables'
// small tensors do not take; the first run (step by step), the second (recorded) and the third (a graph).
import * as tf from '../../lib/index.js';
import { agree, emulated, fed } from '../helpers/cuda.js';

const permutations = (items: number[]): number[][] =>
  items.length < 2
    ? [items]
    : items.flatMap((item, i) => permutations(items.filter((_, other) => other !== i)).map((rest) => [item, ...rest]));

const full = process.env.GRAFO_FULL === '1';

emulated('transposes: every permutation of four dimensions, every size of an item', (t) => {
  for (const [place, dtype] of (['float32', 'int64', 'int16', 'uint8'] as const).entries()) {
    agree(t, () => {
      const x = fed(dtype, [2, 9, 35, 10]);
      // A part of them for each dtype, another for the next: together all of them.
      const some = permutations([0, 1, 2, 3]).filter((_, i) => full || i % 4 === place);
      return { fetches: some.map((perm) => tf.transpose(x[0], perm)), feeds: [x] };
    });
  }
  agree(t, () => {
    const square = fed('float32', [130, 97]);
    const narrow = fed('float32', [3, 1000]);
    const bytes = fed('uint8', [67, 129]);
    return {
      fetches: [square, narrow, bytes].map(([x]) => tf.transpose(x)),
      feeds: [square, narrow, bytes],
    };
  });
});

emulated('slices, pads and tiles: in wide and narrow units, with strides, backwards', (t) => {
  for (const dtype of ['float32', 'float64', 'int16', 'uint8'] as const) {
    agree(t, () => {
      const x = fed(dtype, [6, 40, 48]);
      const floats = dtype === 'float32' || dtype === 'float64';
      const parts = [
        tf.slice(x[0], [1, 0, 0], [4, 40, 48]),
        tf.slice(x[0], [1, 3, 16], [4, 30, 32]),
        tf.slice(x[0], [1, 3, 1], [4, 30, 7]),
        tf.stridedSlice(x[0], [5, 39, 47], [0, 0, 0], [-1, -3, -2]),
        tf.stridedSlice(x[0], [0, 1, 0], [6, 40, 48], [2, 5, 1]),
      ];
      const made = [
        ...parts,
        tf.pad(
          x[0],
          tf.constant(
            [
              [1, 2],
              [0, 0],
              [16, 32],
            ],
            'int32',
          ),
        ),
        tf.pad(
          x[0],
          tf.constant(
            [
              [0, 0],
              [3, 1],
              [0, 5],
            ],
            'int32',
          ),
          { constantValues: 7 },
        ),
        tf.pad(
          x[0],
          tf.constant(
            [
              [2, 1],
              [5, 6],
              [0, 0],
            ],
            'int32',
          ),
          { mode: 'REFLECT' },
        ),
        tf.pad(
          x[0],
          tf.constant(
            [
              [0, 0],
              [0, 0],
              [48, 3],
            ],
            'int32',
          ),
          { mode: 'SYMMETRIC' },
        ),
        tf.tile(x[0], tf.constant([2, 1, 3], 'int32')),
        tf.tile(tf.slice(x[0], [0, 0, 0], [6, 40, 1]), tf.constant([1, 2, 5], 'int32')),
      ];
      // Of one dtype those that the other has not, or all.
      const gradients = floats
        ? made
            .filter((_, i) => full || i % 2 === Number(dtype === 'float64'))
            .map((y) => tf.gradients(tf.reduceSum(tf.multiply(y, y)), [x[0]])[0] as tf.Tensor)
        : [];
      return { fetches: [...made, ...gradients], feeds: [x] };
    });
  }
});

emulated('concatenations: many inputs, empty ones, every unit', (t) => {
  for (const dtype of ['float64', 'int16', 'uint8'] as const) {
    agree(t, () => {
      const wide = fed(dtype, [30, 32]);
      const odd = fed(dtype, [30, 5]);
      const none = fed(dtype, [30, 0]);
      const many = Array.from({ length: 70 }, (_, i) => (i % 3 === 0 ? odd[0] : i % 7 === 0 ? none[0] : wide[0]));
      return {
        fetches: [
          tf.concat([wide[0], wide[0], wide[0]], 0),
          tf.concat([wide[0], odd[0], none[0]], 1),
          tf.concat(many, 1),
        ],
        feeds: [wide, odd, none],
      };
    });
  }
});

emulated('one-hot, ranges and linspaces have the CPU’s bits', (t) => {
  agree(t, () => {
    const indices = fed('int64', [70, 9]);
    const scalar = (dtype: 'float32' | 'float64', value: number): [tf.Tensor, tf.NDArray] => [
      tf.placeholder(dtype, []),
      tf.ndarray(value as never, [], dtype),
    ];
    const feeds: [tf.Tensor, tf.NDArray][] = [indices];
    const fetches = [tf.oneHot(indices[0], 50), tf.oneHot(indices[0], 11, { axis: 1, onValue: 5, offValue: -1 })];
    // Chains through zero, through many powers of two, with ties, stuck, past the largest number.
    const chains: [number, number, number][] = [
      [0, 0.1, 20000],
      [-3.7, 0.001, 8000],
      [1e-3, 3.3e-5, 9000],
      [16777210, 0.5, 300],
      [4194304.5, 0.75, 3000],
      [8388609, 1.5, 3000],
      [-8388609, 2.5, 9000],
      [1e8, 1, 50],
      [1e38, 1e36, 200],
      [5, -0.3, 3000],
      [1e-40, 1e-42, 400],
    ];
    for (const dtype of ['float32', 'float64'] as const) {
      for (const [start, delta, n] of chains) {
        const from = scalar(dtype, start);
        const by = scalar(dtype, delta);
        feeds.push(from, by);
        fetches.push(tf.range(from[0], scalarLimit(from[0], by[0], n, dtype), by[0]));
      }
      const start = scalar(dtype, -1.7);
      const stop = scalar(dtype, 3.3);
      feeds.push(start, stop);
      for (const n of [1, 2, 3000]) fetches.push(tf.linspace(start[0], stop[0], n));
    }
    return { fetches, feeds };
  });
});

/** start + n delta. */
const scalarLimit = (start: tf.Tensor, delta: tf.Tensor, n: number, dtype: 'float32' | 'float64'): tf.Tensor =>
  tf.add(start, tf.multiply(delta, tf.constant(n, dtype)));
