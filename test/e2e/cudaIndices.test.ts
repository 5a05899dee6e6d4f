// Kernels that follow indices, on the emulated device against the CPU's: the same bits and texts, in every kind of run; a bad index leaves variables alone.
import * as tf from '../../lib/index.js';
import { agree, bits, emulated, fed } from '../helpers/cuda.js';

/** Indices in [0, limit) that meet each other often and in no order. */
const indices = (dtype: 'int32' | 'int64', n: number, limit: number, shape = [n]): [tf.Tensor, tf.NDArray] => {
  const type = tf.asDtype(dtype);
  const data = new type.array!(n);
  for (let i = 0; i < n; i++) {
    const index = (i * i * 31 + i * 17) % limit;
    data[i] = dtype === 'int64' ? BigInt(index) : index;
  }
  return [tf.placeholder(dtype, shape), new tf.NDArray(type, shape, data)];
};

emulated('gathers along any axis, with batches, of rows of any width', (t) => {
  for (const dtype of ['float32', 'int16', 'uint8'] as const) {
    agree(t, () => {
      const x = fed(dtype, [9, 40, 24]);
      const some = indices('int32', 300, 9);
      const many = indices('int64', 60, 40, [6, 10]);
      const batched = indices('int32', 9 * 7, 40, [9, 7]);
      return {
        fetches: [
          tf.gather(x[0], some[0]),
          tf.gather(x[0], many[0], 1),
          tf.gather(x[0], tf.mod(some[0], 3), 2),
          tf.gather(x[0], batched[0], { axis: 1, batchDims: 1 }),
        ],
        feeds: [x, some, many, batched],
      };
    });
  }
});

emulated('a gather of more indices than one block checks', (t) => {
  agree(t, () => {
    const x = fed('int16', [50]);
    const at = indices('int32', 17000, 50);
    return { fetches: [tf.gather(x[0], at[0])], feeds: [x, at] };
  });
});

emulated('sums by segment are in order: one column, a few, more than a block has threads', (t) => {
  for (const dtype of ['float32', 'float64', 'int16'] as const) {
    agree(t, () => {
      const feeds = [];
      const fetches = [];
      for (const inner of [1, 5, 300]) {
        const data = fed(dtype, [520, inner]);
        const tenths = tf.asDtype(dtype).isFloating ? tf.mul(data[0], 0.1) : data[0];
        for (const segments of [3, 100]) {
          const ids = indices(segments === 3 ? 'int32' : 'int64', 520, segments);
          feeds.push(data, ids);
          fetches.push(tf.unsortedSegmentSum(tenths, tf.sub(ids[0], segments === 3 ? 1 : 0), segments));
        }
      }
      return { fetches, feeds };
    });
  }
});

emulated('updates of rows are made in order, in every way', (t) => {
  const ways = [
    tf.scatterUpdate,
    tf.scatterAdd,
    tf.scatterSub,
    tf.scatterMul,
    tf.scatterDiv,
    tf.scatterMin,
    tf.scatterMax,
  ];
  for (const dtype of ['float32', 'int32'] as const) {
    const graph = new tf.Graph();
    graph.asDefault(() => {
      const at = tf.placeholder('int32', [400]);
      const by = tf.placeholder(dtype, [400, 6]);
      const start = tf.ndarray(Array.from({ length: 120 }, (_, i) => i * 3 - 100) as never, [20, 6], dtype);
      const variables = ways.map(() => new tf.Variable(start));
      const updates = ways.map((way, i) => way(variables[i]!, at, by));
      const slots = new tf.Variable(tf.ndarray(Array.from({ length: 6 }, (_, i) => i) as never, [6, 1], dtype));
      const scalar = tf.scatterAdd(slots, tf.mod(at, 6), tf.constant(3, dtype));
      const data = tf.ndarray(Array.from({ length: 2400 }, (_, i) => ((i * 7) % 11) + 1) as never, [400, 6], dtype);
      const places = tf.ndarray(
        Int32Array.from({ length: 400 }, (_, i) => (i * 13) % 20),
        [400],
      );
      const [cpu, gpu] = ['/cpu:0', '/gpu:0'].map((device) => {
        using sess = new tf.Session({ graph, device });
        sess.runSync(tf.globalVariablesInitializer());
        const all = [];
        for (let i = 0; i < 3; i++) {
          sess.runSync(
            [...updates.map(({ op }) => op), scalar.op],
            [
              [at, places],
              [by, data],
            ],
          );
          all.push(...[...variables, slots].map((variable) => bits(sess.runSync(variable))));
        }
        return all;
      });
      t.deepEqual(gpu, cpu);
    });
  }
});

emulated('a bad index, a divisor of zero and bounds the wrong way round write nothing', (t) => {
  const graph = new tf.Graph();
  graph.asDefault(() => {
    const v = new tf.Variable(tf.ndarray(Int32Array.of(1, 2, 3, 4), [4]));
    const at = tf.placeholder('int64', [2, 2]);
    const by = tf.placeholder('int32', [2, 2]);
    const added = tf.scatterAdd(v, at, by).op;
    const divided = tf.scatterDiv(v, at, by).op;
    const sum = tf.unsortedSegmentSum(by, at, 4);
    const high = tf.placeholder('int32', []);
    const drawn = tf.randomUniform([5], 2, high, 'int32');
    const indices = (...list: number[]) => tf.ndarray(BigInt64Array.from(list, BigInt), [2, 2]);
    const numbers = (...list: number[]) => tf.ndarray(Int32Array.from(list), [2, 2]);
    for (const device of ['/cpu:0', '/gpu:0']) {
      using sess = new tf.Session({ graph, device });
      sess.runSync(v.initializer);
      for (let i = 0; i < 3; i++) {
        const fails = (fetch: tf.Tensor | tf.Operation, message: RegExp, ...feeds: [tf.Tensor, tf.NDArray][]) => {
          t.throws(() => sess.runSync(fetch, feeds), { instanceOf: tf.errors.InvalidArgumentError, message });
          t.deepEqual(sess.runSync(v).toArray(), [1, 2, 3, 4]);
        };
        fails(added, /indices\[1,0\] = 4 is not in \[0, 4\)/, [at, indices(0, 1, 4, -1)], [by, numbers(5, 5, 5, 5)]);
        fails(divided, /Integer division by zero/, [at, indices(0, 1, 2, 3)], [by, numbers(5, 0, 5, 5)]);
        fails(divided, /indices\[1,1\] = -7 is not in/, [at, indices(0, 1, 2, -7)], [by, numbers(0, 0, 5, 5)]);
        fails(
          sum,
          /segment_ids\[0,1\] = 9 is out of range \[0, 4\)/,
          [at, indices(-1, 9, 4, 3)],
          [by, numbers(5, 0, 5, 5)],
        );
        fails(drawn, /Need minval < maxval, got 2 >= -3/, [high, tf.ndarray(-3 as never, [], 'int32')]);
      }
      sess.runSync(added, [
        [at, indices(0, 1, 3, 0)],
        [by, numbers(5, 5, 5, 5)],
      ]);
      t.deepEqual(sess.runSync(v).toArray(), [11, 7, 3, 9]);
    }
  });
});
