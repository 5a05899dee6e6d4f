// The rows of docs/missing.md about control flow, sparse tensors, networks, training and names.
import * as tf from '../../../lib/index.js';
import { isSame, plain } from '../../helpers/values.js';
import { between, by, f, i, LITTLE, pair, picture, sequences, slotted, updated, variable, type Ways } from './ways.js';

export const CONTROL: Ways = {
  cond: { given: () => ({ ...pair(), condition: tf.constant([true, false]) }), gives: [[1, 5]] },
  whileLoop: {
    given: () => {
      const x = tf.placeholder('float32', []);
      return { f: tf.square(x), n: 2, feeds: [[x, tf.stepped([2, 3])]] };
    },
    gives: [[4, 9]],
  },
  TensorArray: { given: () => ({ list: [f(1), f(2)] }), gives: [[1, 2]] },
  makeTemplate: { given: () => ({}), gives: [by((made: tf.Variable) => made.name, 'layer/w:0')] },
  customGradient: {
    given: () => {
      const x = f([1.2, 2.7]);
      return { x, f: tf.round(x), y: tf.square(x), g: f([7, 8]) };
    },
    gives: [
      by(
        (made: tf.Tensor, { x }) => [made, tf.gradients(made, [x!])[0]],
        [
          [1, 3],
          [2.4, 5.4],
        ],
      ),
      by(
        (made: tf.Tensor, { x }) => [made, tf.gradients(made, [x!])[0]],
        [
          [1, 3],
          [7, 8],
        ],
      ),
    ],
  },
  hessians: {
    given: () => {
      const x = f([1, 2]);
      return { x, y: tf.reduceProd(tf.square(x)) };
    },
    gives: [
      [
        [8, 8],
        [8, 2],
      ],
    ],
  },
  GradientTape: {
    given: () => {
      const x = f(3);
      return { x, y: tf.square(x) };
    },
    gives: [[6]],
  },
  AggregationMethod: { given: () => ({ y: f(1), z: f([1, 2]) }), gives: [[[0, 0]]] },
  assertEqual: { given: pair, gives: [[1, 2]] },
  ensureShape: {
    given: () => ({ x: tf.placeholderWithDefault([[1, 2]], [null, null]), n: 1, k: 2 }),
    gives: [[[1, 2]], by((_made, { x }) => x!.shape.asList(), [1, 2])],
  },
  addCheckNumericsOps: { given: pair, gives: [[1, 2]] },
  print: { given: pair, gives: [[1, 2]] },
  data: {
    given: () => {
      const x = tf.placeholder('float32', [2]);
      const batches = (function* () {
        yield [1, 2];
        yield [3, 4];
      })();
      return { x, f: tf.reduceSum(x), n: 2, batches };
    },
    gives: [[3, 7]],
  },
  ConfigProto: {
    given: () => ({}),
    gives: [
      (made) => {
        const opened = made as tf.Session;
        opened.close();
        return opened instanceof tf.Session;
      },
    ],
  },
  RunOptions: {
    given: pair,
    gives: [[1, 2], (made) => Object.keys(made as object).length > 0, [1, 2]],
  },
  createPartitionedVariables: { given: pair, gives: [[[1], [2]]] },
};

export const SPARSE: Ways = {
  SparseTensor: {
    given: () => ({ x: f(LITTLE), rows: i([0, 1]), columns: i([1, 0]), values: f([5, 6]), n: 2, k: 2 }),
    gives: [
      [
        [15, 20],
        [6, 12],
      ],
      [
        [0, 5],
        [6, 0],
      ],
    ],
  },
  RaggedTensor: { given: sequences, gives: [[3, 15]] },
  lookup: { given: () => ({ x: f([1, 2]), ids: i([1]) }), gives: [[2]] },
  stringJoin: { given: () => ({ x: tf.constant('a'), y: tf.constant('b') }), gives: ['ab'] },
};

export const NETWORKS: Ways = {
  layers: { given: () => ({ x: f([[1, 2]]), W: f([[3], [4]]), b: f([5]) }), gives: [[[16]]] },
  'nn.conv2d': {
    given: () => ({ x: f([[[1], [2], [3], [4]]]), filters: f([[[1, 2]], [[10, 20]]]), n: 4, k: 2 }),
    gives: [
      [
        [
          [21, 42],
          [32, 64],
          [43, 86],
        ],
      ],
    ],
  },
  'nn.depthwiseConv2d': {
    given: () => ({ x: f([[[1], [2], [3]]]), filters: f([[1], [10]]), n: 3, k: 2 }),
    gives: [[[[21], [32]]]],
  },
  'nn.maxPool': {
    given: picture,
    gives: [
      by(
        (made: tf.Tensor) => made.get(0, '...', 0),
        [
          [5, 7],
          [13, 15],
        ],
      ),
    ],
  },
  'nn.dilation2d': {
    given: () => ({ x: f([LITTLE.map((row) => row.map((value) => [value]))]) }),
    gives: [
      [
        [
          [[2], [1]],
          [[4], [3]],
        ],
      ],
    ],
  },
  'nn.batchNormalization': {
    given: () => {
      const x = f([[1], [3]]);
      return { x, ...tf.nn.moments(x, [0]) };
    },
    gives: [
      { mean: [2], variance: [1] },
      (made, _given, sess) => isSame(plain(tf.round(made as tf.Tensor), sess), [[-1], [1]]),
    ],
  },
  'nn.lrn': { given: () => ({ x: f([[2, 2]]) }), gives: [[[2 / 3, 2 / 3]]] },
  'nn.swish': {
    given: () => ({ x: f([[0, 2]]), W: f([[1], [-1]]), b: f([1]) }),
    gives: [[[0, 2 / (1 + Math.exp(-2))]], [[0, 2, 0, 0]], [[0]]],
  },
  'nn.zeroFraction': { given: () => ({ x: f([0, 1]), y: f([1, 2]) }), gives: [0.5, [1, Math.E - 2]] },
  'nn.rnnCell': {
    given: () => ({ x: f([[1]]), state: f([[2]]), W: f([[0.1], [0.2]]), b: f([0.5]) }),
    gives: [[[Math.tanh(1)]]],
  },
  'nn.embeddingLookup': {
    given: () => ({ table: new tf.Variable(LITTLE, { name: 'table' }), ids: i([1]) }),
    gives: [
      (made, given, sess) => {
        const table = given.table as tf.Variable;
        const loss = tf.reduceSum(made as tf.Tensor);
        if (!(tf.gradients(loss, [table])[0] instanceof tf.IndexedSlices)) return 'no IndexedSlices';
        // Two steps: at the second one Adam moves the row that only the first one used.
        const moved = (optimizer: tf.train.Optimizer): boolean => {
          const ids = tf.placeholder('int32', [1]);
          const step = optimizer.minimize(tf.reduceSum(tf.gather(table, ids)), { varList: [table] });
          sess.runSync(tf.globalVariablesInitializer());
          sess.runSync(step, [[ids, [0]]]);
          const before = sess.runSync(table).toArray() as number[][];
          sess.runSync(step, [[ids, [1]]]);
          return !isSame((sess.runSync(table).toArray() as number[][])[0], before[0]);
        };
        const seen = [
          new tf.train.GradientDescentOptimizer(0.1),
          new tf.train.MomentumOptimizer(0.1, 0.9),
          new tf.train.AdamOptimizer(0.1),
        ].map(moved);
        return isSame(seen, [false, false, true]) || seen;
      },
    ],
  },
  'nn.embeddingLookupSparse': {
    given: () => ({ table: f(LITTLE), ids: i([0, 1, 1]), rows: i([0, 0, 1]), n: 2 }),
    gives: [
      [
        [4, 6],
        [3, 4],
      ],
    ],
  },
  'nn.nceLoss': {
    given: () => ({ labels: i([0]), logits: f([[0, 0]]) }),
    gives: [[Math.LN2]],
  },
  'nn.topK': { given: () => ({ x: f([[1, 3, 2]]) }), gives: [[1]] },
};

export const TRAINING: Ways = {
  'train.RMSPropOptimizer': {
    given: slotted,
    // The slot becomes 0.9 + 0.1 * g * g.
    gives: [[[4, 8]], updated('v', [1 - 0.4 / Math.sqrt(2.5), 2 - 0.8 / Math.sqrt(7.3)])],
  },
  'train.AdagradOptimizer': {
    given: slotted,
    gives: [updated('v', [1 - 0.4 / Math.sqrt(17), 2 - 0.8 / Math.sqrt(65)])],
  },
  'train.ProximalGradientDescentOptimizer': {
    given: () => ({ v: variable([0.05, -2], 'v'), l1: 1, rate: 0.1 }),
    gives: [updated('v', [0, -1.9])],
  },
  'train.ExponentialMovingAverage': {
    given: () => ({ v: variable([1, 2], 'v'), mean: variable([0, 0], 'mean'), decay: 0.5 }),
    gives: [updated('mean', [0.5, 1])],
  },
  'train.cosineDecayRestarts': { given: () => ({ rate: 1, step: i(15), k: 10 }), gives: [0.5] },
  'train.Saver': {
    given: (sess) => {
      const v = variable([1, 2], 'v');
      sess.runSync(tf.globalVariablesInitializer());
      const [saved] = sess.runSync(tf.globalVariables()).map(({ data, shape }) => ({ data: [...data], shape }));
      sess.runSync(v.assign([9, 9]));
      return { v, value: tf.ndarray(saved!.data as number[], saved!.shape) };
    },
    gives: [
      (made) =>
        isSame(
          (made as tf.NDArray[]).map((value) => value.toArray()),
          [[9, 9]],
        ),
      (_made, { v }, sess) => isSame(sess.runSync(v as tf.Tensor).toArray(), [1, 2]),
    ],
  },
  'train.MonitoredTrainingSession': {
    given: (sess) => {
      const { v, loss } = slotted();
      sess.runSync(tf.globalVariablesInitializer());
      return { loss, train: new tf.train.GradientDescentOptimizer(0.1).minimize(loss, { varList: [v] }) };
    },
    gives: [(made) => (made as [null, tf.NDArray])[1].item() === 10],
  },
  'train.Server': { given: pair, gives: [by((made: tf.Tensor) => made.device, '/device:GPU:0')] },
  summary: { given: () => ({ loss: f(1).add(1) }), gives: [(made) => /plan: /.test(String(made)) || made] },
  importGraphDef: {
    given: pair,
    gives: [(made) => ((made as { node: { op: string }[] }).node[0]?.op === 'Const' ? true : made)],
  },
  'train.writeGraph': { given: pair, gives: [(made) => JSON.parse(made as string).node.length === 2] },
};

export const NAMESPACES: Ways = {
  math: {
    given: () => ({ x: f([-1, 2]) }),
    gives: [
      [1, 2],
      [-1, 2],
      [-1, 2],
    ],
  },
  random: {
    given: () => ({ n: 3 }),
    gives: [between(-6, 6), between(0, 1), between(-2, 2), undefined],
  },
  initializers: {
    given: () => ({}),
    gives: Array.from({ length: 4 }, () =>
      by((made: (shape: number[]) => tf.Tensor) => made([2, 3]).shape.asList(), [2, 3]),
    ),
  },
  linalg: {
    given: () => ({ x: f([[1, 2]]), y: f([[3], [4]]) }),
    gives: [[[11]], [[1], [2]], [[11]]],
  },
  logging: { given: () => ({}), gives: [(made) => (made as tf.Report).ok] },
  allVariables: {
    given: () => ({ v: variable([1], 'v') }),
    gives: [
      by((made: tf.Variable[]) => made.map(({ name }) => name), ['v:0']),
      by((made: tf.Operation, _given, sess) => sess.runSync(made), null),
      by((made: tf.Operation, _given, sess) => sess.runSync(made), null),
      [],
    ],
  },
  getLocalVariable: { given: () => ({}), gives: [() => tf.localVariables().length === 1] },
  variableOpScope: {
    given: pair,
    gives: [
      by((made: tf.Variable) => made.name, 'layer/w:0'),
      by((made: tf.Tensor) => /^layer\w*\/Square:0$/.test(made.name), true),
    ],
  },
  linSpace: { given: pair, gives: [[0, 0.5, 1], [2, 1], [[1, 2]]] },
};
