// What goes wrong while a graph runs: TensorFlow's kernels' words, the operation, the shapes of the run, the user's line; and the session goes on.
import test from 'ava';
import * as tf from '../../lib/index.js';

type Fed = readonly ['float32' | 'int32' | 'int64' | 'bool', tf.ArrayLike];
type Case = readonly [title: string, feeds: readonly Fed[], build: (...x: tf.Tensor[]) => tf.Tensor, text: string];

const f = (value: tf.ArrayLike): Fed => ['float32', value];
const i = (value: tf.ArrayLike): Fed => ['int32', value];
const empty = tf.ndarray([], [0, 3]);
const pieces =
  'Determined shape must either match input shape along split_dim exactly if fully specified, or be less than the size of the input along split_dim if not fully specified.  Got: ';

const CASES: readonly Case[] = [
  ['shapes that do not broadcast', [f([1, 2]), f([1, 2, 3])], (x, y) => x.add(y), 'Incompatible shapes: [2] vs. [3]'],
  ['an integer over 0', [i([1]), i(0)], (x, y) => tf.div(x, y), 'Integer division by zero'],
  ['an integer rounded down over 0', [i([1, 2]), i([1, 0])], (x, y) => x.floordiv(y), 'Integer division by zero'],
  ['an integer modulo 0', [i(1), i(0)], (x, y) => tf.mod(x, y), 'Integer division by zero'],
  ['a truncated integer over 0', [i(1), i(0)], (x, y) => tf.truncatediv(x, y), 'Integer division by zero'],
  [
    'a shape divided by 0',
    [f([1, 2]), i(0)],
    (x, n) => tf.reshape(x, tf.stack([tf.floordiv(tf.size(x), n)])),
    'Integer division by zero',
  ],
  [
    'an integer to a negative power',
    [i([2, 3]), i([1, -1])],
    (x, y) => tf.pow(x, y),
    'Integers to negative integer powers are not allowed',
  ],
  [
    'a product whose inner sizes differ',
    [f([[1, 2]]), f([[1, 2]])],
    (x, y) => tf.matmul(x, y),
    'In[0] mismatch In[1] shape: 2 vs. 1: [1,2] [1,2] 0 0',
  ],
  ['a product of vectors', [f([1]), f([1])], (x, y) => tf.matmul(x, y), 'In[0] ndims must be >= 2: 1'],
  [
    'a reduction over an axis that is not there',
    [f([[1, 2]]), i(5)],
    (x, axis) => tf.reduceSum(x, axis),
    'Invalid reduction dimension (5 for input with 2 dimension(s)',
  ],
  ['argmax over an empty axis', [f(empty)], (x) => tf.argmax(x, 0), 'Reduction axis 0 is empty in shape [0,3]'],
  [
    'argmax over an axis that is not there',
    [f([[1, 2]]), i(5)],
    (x, axis) => tf.argmax(x, axis),
    'Expected dimension in the range [-2, 2), but got 5',
  ],
  [
    'cumsum over an axis that is not there',
    [f([1, 2]), i(3)],
    (x, axis) => tf.cumsum(x, axis),
    'ScanOp: Expected scan axis in the range [-1, 1), but got 3',
  ],
  ['indices past the end', [f([1, 2, 3]), i([0, 5])], (x, k) => tf.gather(x, k), 'indices[1] = 5 is not in [0, 3)'],
  ['a negative index', [f([1, 2, 3]), i(-1)], (x, k) => tf.gather(x, k), 'indices = -1 is not in [0, 3)'],
  [
    'an index past the end of a slice',
    [f([1, 2, 3]), i(5)],
    (x, k) => x.get(k),
    'slice index 5 of dimension 0 out of bounds.',
  ],
  [
    'a slice that begins before the start',
    [f([1, 2, 3]), i([-1])],
    (x, b) => tf.slice(x, b, [2]),
    'Expected begin[0] in [0, 3], but got -1',
  ],
  [
    'a slice that ends past the end',
    [f([1, 2, 3]), i([2147483647])],
    (x, s) => tf.slice(x, [2], s),
    'Expected size[0] in [0, 1], but got 2147483647',
  ],
  [
    'a reshape to more elements',
    [f([1, 2, 3]), i([2, 2])],
    (x, s) => tf.reshape(x, s),
    'Input to reshape is a tensor with 3 values, but the requested shape has 4',
  ],
  [
    'a reshape that does not divide',
    [f([1, 2, 3]), i([-1, 2])],
    (x, s) => tf.reshape(x, s),
    'Input to reshape is a tensor with 3 values, but the requested shape requires a multiple of 2',
  ],
  [
    'a reshape to nothing',
    [f([1, 2, 3]), i([-1, 0])],
    (x, s) => tf.reshape(x, s),
    'Input to reshape is a tensor with 3 values, but the requested shape has 0',
  ],
  [
    'a reshape to a size that overflows',
    [f([1]), ['int64', [2 ** 40, 2 ** 40]]],
    (x, s) => tf.reshape(x, s),
    'Input to reshape is a tensor with 1 values, but the requested shape has 1208925819614629174706176',
  ],
  [
    'a reshape with two unknown sizes',
    [f([1, 2, 3]), i([-1, -1])],
    (x, s) => tf.reshape(x, s),
    'Only one input size may be -1, not both 0 and 1',
  ],
  [
    'a reshape to a negative size',
    [f([1, 2, 3]), i([-3])],
    (x, s) => tf.reshape(x, s),
    'Size 0 must be non-negative, not -3',
  ],
  [
    'parts of different sizes',
    [f([[1, 2]]), f([[1]])],
    (x, y) => tf.concat([x, y], 0),
    'ConcatOp : Dimensions of inputs should match: shape[0] = [1,2] vs. shape[1] = [1,1]',
  ],
  [
    'parts of different ranks',
    [f([[1, 2]]), f([1])],
    (x, y) => tf.concat([x, y], 0),
    'ConcatOp : Ranks of all input tensors should match: shape[0] = [1,2] vs. shape[1] = [1]',
  ],
  [
    'parts along an axis that is not there',
    [f([[1]]), f([[1]])],
    (x, y) => tf.concat([x, y], 3),
    'ConcatOp : Expected concatenating dimensions in the range [-2, 2), but got 3',
  ],
  [
    'a stack of different shapes',
    [f([[1, 2]]), f([1])],
    (x, y) => tf.stack([x, y]),
    'Shapes of all inputs must match: values[0].shape = [1,2] != values[1].shape = [1]',
  ],
  [
    'a sum of different shapes',
    [f([[1, 2]]), f([1])],
    (x, y) => tf.addN([x, y], { name: 'total' }),
    'Inputs to operation total of type AddN must have the same size and shape.  Input 0: [1,2] != input 1: [1]',
  ],
  [
    'fewer parts than asked for',
    [f([1, 2])],
    (x) => tf.unstack(x, 3)[0]!,
    'Input shape axis 0 must equal 3, got shape [2]',
  ],
  [
    'a split that is not even',
    [f([1, 2, 3])],
    (x) => tf.split(x, 2)[0]!,
    'Number of ways to split should evenly divide the split dimension, but got split_dim 0 (size = 3) and num_split 2',
  ],
  ['a split that leaves a rest', [f([1, 2, 3])], (x) => tf.split(x, [1, 1])[0]!, `${pieces}2`],
  ['a permutation that repeats', [f([[1]]), i([0, 0])], (x, p) => tf.transpose(x, p), '1 is missing from {0,0}.'],
  ['a permutation out of range', [f([[1]]), i([0, 5])], (x, p) => tf.transpose(x, p), '5 is out of range [0 .. 2)'],
  [
    'a permutation of another rank',
    [f([[1]]), i([0])],
    (x, p) => tf.transpose(x, p),
    'transpose expects a vector of size 2. But input(1) is a vector of size 1',
  ],
  [
    'too many multiples',
    [f([1]), i([1, 1])],
    (x, n) => tf.tile(x, n),
    'Expected multiples argument to be a vector of length 1 but got length 2',
  ],
  ['a negative multiple', [f([1]), i([-1])], (x, n) => tf.tile(x, n), 'Expected multiples[0] >= 0, but got -1'],
  ['a negative size to fill', [i([-1])], (n) => tf.fill(n, 1), 'Dimension -1 must be >= 0'],
  ['a negative size of random numbers', [i([-5])], (n) => tf.randomUniform(n), 'Dimension -5 must be >= 0'],
  [
    'rows chosen by too few conditions',
    [['bool', [true]], f([1, 2])],
    (c, x) => tf.where(c, x, x),
    "Number of batches of 'then' must match size of 'cond', but saw: 2 vs. 1",
  ],
  [
    'choices of different shapes',
    [f([1, 2]), f([1, 2, 3])],
    (x, y) => tf.where([true, false], x, y),
    "'then' and 'else' must have the same size.  but received: [2] vs. [3]",
  ],
  ['a negative padding', [f([1]), i([[-1, 1]])], (x, p) => tf.pad(x, p), 'Paddings must be non-negative: -1 1'],
  ['a range without a step', [i(0)], (d) => tf.range(0, 5, d), 'Requires delta != 0'],
  ['a range to a vector', [i([1, 2])], (n) => tf.range(n), 'limit must be a scalar, not shape [2]'],
  [
    'too few biases',
    [f([[1, 2]]), f([1, 2, 3])],
    (x, b) => tf.nn.biasAdd(x, b),
    'Must provide as many biases as the last dimension of the input tensor: [3] vs. [1,2]',
  ],
  [
    'labels of another size than logits',
    [f([[1, 2]]), f([[1, 2, 3]])],
    (labels, logits) => tf.nn.softmaxCrossEntropyWithLogitsV2({ labels, logits }),
    'logits and labels must be broadcastable: logits_size=[1,3] labels_size=[1,2]',
  ],
  [
    'a label outside of the classes',
    [i([10])],
    (labels) => tf.nn.sparseSoftmaxCrossEntropyWithLogits({ labels, logits: tf.zeros([1, 10]) }),
    'Received a label value of 10 which is outside the valid range of [0, 10).  Label values: 10',
  ],
  [
    'numbers that are none',
    [f([Number.NaN, Number.POSITIVE_INFINITY])],
    (x) => tf.checkNumerics(x, 'cost'),
    'cost : Tensor had Inf and NaN values',
  ],
  [
    'an update of another size',
    [f([1, 2, 3])],
    (x) => {
      const variable = new tf.Variable([1, 2]);
      return tf.withControl([variable.initializer], () => variable.assignAdd(x));
    },
    'Parameters and update must be the same size',
  ],
  [
    'a value of another shape',
    [f([1, 2, 3])],
    (x) => new tf.Variable([1, 2]).assign(x),
    'Assign requires shapes of both tensors to match. lhs shape= [2] rhs shape= [3]',
  ],
];

for (const [title, feeds, build, text] of CASES) {
  test(`${title} -> InvalidArgumentError "${text.slice(0, 60)}"`, (t) => {
    const graph = new tf.Graph();
    graph.asDefault(() => {
      const given = feeds.map(([dtype]) => tf.placeholder(dtype));
      const made = build(...given);
      const sess = new tf.Session();
      const error = t.throws(
        () =>
          sess.runSync(
            made,
            given.map((x, k) => [x, feeds[k]![1]] as const),
          ),
        { instanceOf: tf.errors.InvalidArgumentError },
      );
      t.is(error?.text, text);
      t.not(error?.node, undefined);
      t.regex(error?.createdAt ?? '', /runErrors\.test/);
      t.regex(error?.runFrom ?? '', /runErrors\.test/);
      t.regex(error?.shapes ?? '', /\[/);
      t.false(error?.shapes?.includes('unknown'));
      t.is(sess.runSync(tf.constant(7)).item(), 7, 'the session goes on');
      sess.close();
    });
  });
}

test('a tensor too large for memory names its operation and shape', (t) => {
  new tf.Graph().asDefault(() => {
    const sess = new tf.Session();
    const error = t.throws(() => sess.runSync(tf.zeros([2 ** 30, 2 ** 20], { name: 'huge' })), {
      instanceOf: tf.errors.ResourceExhaustedError,
    });
    t.regex(error?.text ?? '', /^OOM when allocating tensor with shape\[1073741824,1048576\] and type float/);
    t.is(error?.node, 'huge');
    t.is(sess.runSync(tf.constant(7)).item(), 7);
    sess.close();
  });
});

for (const dims of [
  [2 ** 31, 2 ** 31, 4],
  [2 ** 31 - 1, 2 ** 31 - 1],
]) {
  test(`${dims.join(' x ')} elements are more than a shape can have`, (t) => {
    new tf.Graph().asDefault(() => {
      const sess = new tf.Session();
      const error = t.throws(() => sess.runSync(tf.zeros(dims)), { instanceOf: tf.errors.InvalidArgumentError });
      t.is(error?.text, `Shape [${dims.join(',')}] would have more than 2**53 - 1 elements`);
      t.is(error?.node, 'zeros');
      sess.close();
    });
  });
}

test('a rank above 8 is Unimplemented, with the operation', (t) => {
  new tf.Graph().asDefault(() => {
    const sess = new tf.Session();
    const x = tf.placeholder('float32', null, { name: 'x' });
    const nine = [1, 1, 1, 1, 1, 1, 1, 1, 2];
    for (const [node, run] of [
      ['x', () => sess.runSync(x.add(1), [[x, tf.ndarray([1, 2], nine)]])],
      ['ones', () => sess.runSync(tf.ones(nine))],
    ] as const) {
      const error = t.throws(run, { instanceOf: tf.errors.UnimplementedError });
      t.is(error?.node, node);
      t.is(error?.text, 'Tensors of more than 8 dimensions are not supported: shape [1,1,1,1,1,1,1,1,2]');
    }
    sess.close();
  });
});

test('INT_MIN over -1 is INT_MIN and leaves nothing, and no trap', (t) => {
  new tf.Graph().asDefault(() => {
    const sess = new tf.Session();
    const [x, y] = [tf.placeholder('int32'), tf.placeholder('int32')];
    const all = sess.runSync(
      [tf.truncatediv(x, y), tf.floordiv(x, y), tf.div(x, y), tf.mod(x, y), tf.truncatemod(x, y)],
      [
        [x, -(2 ** 31)],
        [y, -1],
      ],
    );
    t.deepEqual(
      all.map((value) => value.item()),
      [-(2 ** 31), -(2 ** 31), -(2 ** 31), 0, 0],
    );
    sess.close();
  });
});

test('an empty tensor is reshaped as the kernel infers it', (t) => {
  new tf.Graph().asDefault(() => {
    const sess = new tf.Session();
    const x = tf.placeholder('float32');
    for (const [wanted, made] of [
      [
        [-1, 0],
        [4, 0],
      ],
      [
        [0, -1],
        [0, 4],
      ],
      [
        [-1, 2],
        [0, 2],
      ],
    ] as const) {
      t.deepEqual(sess.runSync(tf.reshape(x, wanted), [[x, tf.ndarray([], [0, 4])]]).shape, made);
    }
    sess.close();
  });
});
