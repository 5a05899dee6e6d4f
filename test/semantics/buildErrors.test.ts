// What is refused while a graph is built: TensorFlow's words, from its Python or from its shape functions.
import test from 'ava';
import * as tf from '../../lib/index.js';

type Case = readonly [title: string, build: () => unknown, name: string, text: string];

const int = (value: tf.ArrayLike): tf.Tensor => tf.constant(value, 'int32');
const elsewhere = (): tf.Tensor => new tf.Graph().asDefault(() => tf.constant(1, { name: 'far' }));
const variable = (): tf.Variable => new tf.Variable([1, 2]);
const descent = (): tf.train.GradientDescentOptimizer => new tf.train.GradientDescentOptimizer(0.1);
const given = "for 'Sum' (op: 'Sum') with input shapes: [1,2], [1] and with computed input tensors: input[1] = <5>.";

const CASES: readonly Case[] = [
  [
    'a tensor has no elements to iterate over',
    () => [...(tf.constant([1, 2]) as unknown as Iterable<unknown>)],
    'TypeError',
    'Tensor objects are only iterable when eager execution is enabled. To iterate over this tensor use tf.unstack.',
  ],
  [
    'tensors of two graphs',
    () => tf.add(elsewhere(), tf.constant(1)),
    'ValueError',
    'Tensor("Const:0", shape=(), dtype=float32) must be from the same graph as Tensor("far:0", shape=(), dtype=float32).',
  ],
  [
    'an operation in a finalized graph',
    () => {
      tf.getDefaultGraph().finalize();
      tf.constant(1);
    },
    'RuntimeError',
    'Graph is finalized and cannot be modified.',
  ],
  ['a scope name with a space', () => tf.nameScope('a b', () => 1), 'ValueError', "'a b' is not a valid scope name"],
  ['a name with a space', () => tf.constant(1, { name: 'a b' }), 'ValueError', "'a b' is not a valid node name"],
  ['a device that is none', () => tf.device('bla', () => 1), 'ValueError', "Unknown attribute: 'bla' in 'bla'"],
  [
    'a tensor of no name',
    () => tf.getDefaultGraph().getTensorByName('a:0'),
    'LookupError',
    "The name 'a:0' refers to a Tensor which does not exist. The operation, 'a', does not exist in the graph.",
  ],
  [
    'other dtypes do not mix',
    () => tf.multiply(tf.constant(1), int(1)),
    'TypeError',
    "Input 'y' of 'Mul' Op has type int32 that does not match type float32 of argument 'x'.",
  ],
  [
    'a tensor is not converted',
    () => tf.convertToTensor(tf.constant(1), { dtype: 'int32' }),
    'ValueError',
    'Tensor conversion requested dtype int32 for Tensor with dtype float32: \'Tensor("Const:0", shape=(), dtype=float32)\'',
  ],
  [
    'the logarithm of an integer',
    () => tf.log(int(1)),
    'TypeError',
    "Value passed to parameter 'x' has DataType int32 not in list of allowed values: float32, float64",
  ],
  [
    'the mean of bools',
    () => tf.reduceMean(tf.constant([true])),
    'TypeError',
    "Value passed to parameter 'input' has DataType bool not in list of allowed values: float32, float64, int32, uint8, int16, int8, int64, uint16",
  ],
  [
    'shapes that do not broadcast',
    () => tf.constant([1, 2]).add([1, 2, 3]),
    'ValueError',
    "Dimensions must be equal, but are 2 and 3 for 'add' (op: 'AddV2') with input shapes: [2], [3].",
  ],
  [
    'matrices that do not fit',
    () => tf.matmul(tf.ones([2, 3]), tf.ones([2, 3])),
    'ValueError',
    "Dimensions must be equal, but are 3 and 2 for 'MatMul' (op: 'MatMul') with input shapes: [2,3], [2,3].",
  ],
  [
    'a vector in place of a matrix',
    () => tf.matmul(tf.ones([3]), tf.ones([3])),
    'ValueError',
    "Shape must be rank 2 but is rank 1 for 'MatMul' (op: 'MatMul') with input shapes: [3], [3].",
  ],
  [
    'an axis that is not there',
    () => tf.reduceSum([[1, 2]], [5]),
    'ValueError',
    `Invalid reduction dimension 5 for input with 2 dimensions. ${given}`,
  ],
  [
    'no parts to put together',
    () => tf.concat([], 0),
    'ValueError',
    "List argument 'values' to 'ConcatV2' Op with length 0 shorter than minimum length 2.",
  ],
  [
    'a number of parts that is not the size',
    () => tf.unstack([1, 2], 3),
    'ValueError',
    "Dimension must be 3 but is 2 for 'unstack' (op: 'Unpack') with input shapes: [2].",
  ],
  [
    'parts of unknown number',
    () => tf.unstack(tf.placeholder('float32')),
    'ValueError',
    'Cannot infer num from shape <unknown>',
  ],
  [
    'a depth that is no scalar',
    () => tf.oneHot([1], [3]),
    'ValueError',
    "Input must be scalar but has rank 1 for 'one_hot' (op: 'OneHot') with input shapes: [1], [1], [], [] and with computed input tensors: input[1] = <3>.",
  ],
  [
    'conflicting static shapes',
    () => tf.constant([1, 2]).setShape([3]),
    'ValueError',
    'Shapes (2,) and (3,) are not compatible',
  ],
  [
    'the dimensions of an unknown rank',
    () => tf.placeholder('float32').shape.asList(),
    'ValueError',
    'as_list() is not defined on an unknown TensorShape.',
  ],
  ['a negative dimension', () => tf.placeholder('float32', [-2]), 'ValueError', 'Dimension -2 must be >= 0'],
  ['a variable of nothing', () => new tf.Variable(null as never), 'ValueError', 'initial_value must be specified.'],
  [
    'a variable of unknown shape',
    () => new tf.Variable(tf.placeholder('float32')),
    'ValueError',
    'initial_value must have a shape specified: Tensor("Placeholder:0", dtype=float32)',
  ],
  [
    'a value of another shape',
    () => variable().assign([1, 2, 3]),
    'ValueError',
    "Dimension 0 in both shapes must be equal, but are 2 and 3. Shapes are [2] and [3]. for 'Assign' (op: 'Assign') with input shapes: [2], [3].",
  ],
  [
    'a value for what is no variable',
    () => tf.assign(tf.constant(1) as never, 2),
    'TypeError',
    "'Assign' Op requires that input 'ref' be a mutable tensor (e.g.: a tf.Variable)",
  ],
  [
    'sharing a variable of another dtype',
    () => {
      tf.getVariable('v', [1]);
      tf.variableScope('', { reuse: true }, () => tf.getVariable('v', [1], 'int32'));
    },
    'ValueError',
    'Trying to share variable v, but specified dtype int32 and found dtype float32_ref.',
  ],
  [
    'sharing a variable of another shape',
    () => {
      tf.getVariable('v', [1]);
      tf.variableScope('', { reuse: true }, () => tf.getVariable('v', [2]));
    },
    'ValueError',
    'Trying to share variable v, but specified shape (2,) and found shape (1,).',
  ],
  [
    'cross entropy by position',
    () => tf.nn.softmaxCrossEntropyWithLogits([1] as never),
    'ValueError',
    'Only call `softmax_cross_entropy_with_logits` with named arguments (labels=..., logits=..., ...)',
  ],
  [
    'a constant with too many elements',
    () => tf.constant([1, 2, 3], { shape: [2] }),
    'ValueError',
    'Too many elements provided. Needed at most 2, but received 3',
  ],
  ['a fraction among integers', () => int(1.5), 'TypeError', "Expected int32, got 1.5 of type 'float' instead."],
  [
    'a ragged constant',
    () => tf.constant([[1], [1, 2]]),
    'ValueError',
    'Argument must be a dense tensor: [[1], [1, 2]] - got shape [2], but wanted [2, 1].',
  ],
  ['training without variables', () => descent().minimize(tf.constant(1)), 'ValueError', 'No variables to optimize.'],
  [
    'training what depends on no variable',
    () => {
      variable();
      descent().minimize(tf.constant(1));
    },
    'ValueError',
    'No gradients provided for any variable, check your graph for ops that do not support gradients, between variables ["<tf.Variable \'Variable:0\' shape=(2,) dtype=float32_ref>"] and loss Tensor("Const:0", shape=(), dtype=float32).',
  ],
  [
    'training an integer',
    () => descent().minimize(tf.square(new tf.Variable(int([1])))),
    'ValueError',
    'Invalid type tf.int32 for Square:0, expected: [tf.float32, tf.float64].',
  ],
  ['applying nothing', () => descent().applyGradients([]), 'ValueError', 'No variables provided.'],
  [
    'a step counter of floats',
    () => descent().minimize(tf.square(variable()), new tf.Variable(0)),
    'TypeError',
    'Existing "global_step" does not have integer type: float32',
  ],
  [
    'a gradient that is not defined',
    () => {
      const x = tf.constant([1, 2]);
      tf.gradients(tf.unique(x).y, [x]);
    },
    'LookupError',
    "No gradient defined for operation 'Unique' (op type: Unique)",
  ],
  [
    'too many gradients of the ys',
    () => tf.gradients(variable().value(), [variable()], [tf.ones([2]), tf.ones([2])]),
    'ValueError',
    'Passed 2 grad_ys for 1 ys',
  ],
];

for (const [title, build, name, text] of CASES) {
  test(`${title} -> ${name}`, (t) => {
    const error = t.throws(() => new tf.Graph().asDefault(build), { instanceOf: tf.GrafoError });
    t.is(error?.name, name);
    t.is(error?.text, text);
  });
}

const promise = async (): Promise<number> => 1;
const notOnes = 'takes a synchronous function: the scope ends when the function returns.';
for (const [title, build, text] of [
  ['asDefault', () => new tf.Graph().asDefault(promise), `asDefault ${notOnes}`],
  ['nameScope', () => tf.nameScope('a', promise), `nameScope ${notOnes}`],
  ['withControl', () => tf.withControl([], promise), `controlDependencies ${notOnes}`],
  ['device', () => tf.device('/cpu:0', promise), `device ${notOnes}`],
  ['asDefault of no function', () => new tf.Graph().asDefault(5 as never), 'asDefault takes a function, not number'],
  [
    'nameScope of no function',
    () => tf.nameScope('a', undefined as never),
    'nameScope takes a function, not undefined',
  ],
  ['nameScope of no name', () => tf.nameScope(5 as never, () => 1), "A scope's name must be a string, not number"],
  ['device of a number', () => tf.device(5 as never, () => 1), 'A device must be a string or null, not number'],
  ['a name that is a number', () => tf.constant(1, { name: 5 as never }), 'A name must be a string, not number'],
  [
    'control inputs that are none',
    () => tf.withControl([5 as never], () => 1),
    'Control input must be Operation or Tensor, not 5',
  ],
  [
    'a shape that is a tensor',
    () => tf.placeholder('float32', tf.constant([2]) as never),
    'A shape must be a list of numbers, not object',
  ],
  [
    'a dimension that is a fraction',
    () => tf.placeholder('float32', [1.5]),
    'A dimension must be a whole number or null, got 1.5',
  ],
  ['a session of a number', () => new tf.Session(5 as never), "target must be a string, but got <class 'int'>"],
  ['a Proxy of a tensor', () => tf.add(new Proxy(tf.constant(1), {}), 1), undefined],
  [
    'pairs that are none',
    () => descent().applyGradients([5 as never]),
    'Expected a pair of a gradient and a variable, not 5',
  ],
] as const) {
  test(`${title} is a TypeError, and the scopes are as before`, (t) => {
    const graph = new tf.Graph();
    graph.asDefault(() => {
      const error = t.throws(build as () => unknown, { instanceOf: tf.GrafoError });
      t.is(error?.name, 'TypeError');
      if (text !== undefined) t.is(error?.text, text);
      t.is(tf.getDefaultGraph(), graph);
      t.is(tf.constant(1, { name: 'after' }).name, 'after:0');
    });
  });
}

test('a random seed is a whole number or null, and anything else is a TypeError at once', (t) => {
  const g = new tf.Graph();
  g.asDefault(() => {
    for (const seed of [7, -1, 2 ** 60, null]) {
      tf.setRandomSeed(seed as number);
      t.is(g.seed, seed);
    }
    for (const [seed, text] of [
      [undefined, 'undefined'],
      ['a', "'a'"],
      [5n, '5n'],
      [1.5, '1.5'],
      [Number.NaN, 'NaN'],
    ] as const) {
      t.throws(() => tf.setRandomSeed(seed as number), {
        instanceOf: tf.errors.GraphTypeError,
        message: `The random seed of a graph is a whole number or null, not ${text}`,
      });
    }
    t.is(g.seed, null);
  });
});
