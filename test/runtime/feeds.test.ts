// What may be fed, and what is said where it may not: no engine needed.
import test from 'ava';
import { constOp } from '../../lib/core/constOp.js';
import { type DTypeName, float32 } from '../../lib/core/dtype.js';
import { GrafoError } from '../../lib/core/errors.js';
import { Graph, type Tensor } from '../../lib/core/graph.js';
import { NDArray, ndarray } from '../../lib/core/ndarray.js';
import type { Dim } from '../../lib/core/shape.js';
import { placeholder } from '../../lib/ops/array.js';
import { FeedSlots, readFeeds } from '../../lib/runtime/feeds.js';

const graph = new Graph();
const make = (dtype: DTypeName, shape: readonly Dim[] | null | undefined, name: string): Tensor =>
  graph.asDefault(() => placeholder(dtype, shape, { name }));
const x = make('float32', [null, 2], 'x');
const scalar = make('float32', [], 'scalar');
const fixed = make('float32', [2, 3], 'fixed');
const free = make('float32', null, 'free');
const bytes = make('uint8', null, 'bytes');
const ints = make('int32', null, 'ints');
const longs = make('int64', null, 'longs');
const flag = make('bool', null, 'flag');
const text = make('string', null, 'text');
const constant = constOp(graph, ndarray(1), 'one/');
const other = new Graph().asDefault(() => placeholder('float32', [], { name: 'elsewhere' }));

const feed = (key: unknown, value: unknown, own = false) => {
  const pairs = readFeeds([[key, value]]);
  const fed = new FeedSlots(graph, pairs.keys).convert(pairs.values, own);
  return { data: fed.datas[0]!, shape: fed.shapes[0]! };
};

const refused: [string, unknown, unknown, string, string][] = [
  [
    'a vector for a matrix',
    x,
    [1, 2, 3],
    'ValueError',
    "Cannot feed value of shape (3,) for Tensor 'x:0', which has shape '(?, 2)'",
  ],
  [
    'a scalar for a matrix',
    x,
    1,
    'ValueError',
    "Cannot feed value of shape () for Tensor 'x:0', which has shape '(?, 2)'",
  ],
  [
    'a matrix too wide',
    x,
    [[1, 2, 3]],
    'ValueError',
    "Cannot feed value of shape (1, 3) for Tensor 'x:0', which has shape '(?, 2)'",
  ],
  [
    'a typed array of the wrong length',
    fixed,
    new Float32Array(5),
    'ValueError',
    "Cannot feed value of shape (5,) for Tensor 'fixed:0', which has shape '(2, 3)'",
  ],
  [
    'a typed array where the shape is not known',
    x,
    new Float32Array(4),
    'ValueError',
    "Cannot feed value of shape (4,) for Tensor 'x:0', which has shape '(?, 2)'",
  ],
  [
    'an int too large',
    bytes,
    300,
    'TypeError',
    "Type of feed value 300 with type <class 'int'> is not compatible with Tensor type <class 'numpy.uint8'>. Try explicitly setting the type of the feed tensor to a larger type (e.g. int64).",
  ],
  [
    'a negative int for an unsigned dtype',
    bytes,
    -1,
    'TypeError',
    "Type of feed value -1 with type <class 'int'> is not compatible with Tensor type <class 'numpy.uint8'>. Try explicitly setting the type of the feed tensor to a larger type (e.g. int64).",
  ],
  [
    'a fraction for an integer',
    ints,
    1.5,
    'TypeError',
    "Type of feed value 1.5 with type <class 'float'> is not compatible with Tensor type <class 'numpy.int32'>. Try explicitly setting the type of the feed tensor to a larger type (e.g. int64).",
  ],
  ['a fraction among integers', ints, [1, 1.5], 'TypeError', "Expected int32, got 1.5 of type 'float' instead."],
  [
    'NaN for an integer',
    ints,
    Number.NaN,
    'TypeError',
    "Type of feed value NaN with type <class 'float'> is not compatible with Tensor type <class 'numpy.int32'>. Try explicitly setting the type of the feed tensor to a larger type (e.g. int64).",
  ],
  [
    '2 for a bool',
    flag,
    2,
    'TypeError',
    "Type of feed value 2 with type <class 'int'> is not compatible with Tensor type <class 'numpy.bool_'>. Try explicitly setting the type of the feed tensor to a larger type (e.g. int64).",
  ],
  ['a string for a number', scalar, 'one', 'TypeError', "Expected float32, got 'one' of type 'str' instead."],
  ['a number for a string', text, 1, 'TypeError', "Expected string, got 1 of type 'int' instead."],
  [
    'a ragged array',
    x,
    [[1, 2], [3]],
    'ValueError',
    'Argument must be a dense tensor: [[1, 2], [3]] - got shape [2], but wanted [2, 2].',
  ],
  ['a hole', free, new Array(1), 'TypeError', "Expected float32, got undefined of type 'undefined' instead."],
  ['null', scalar, null, 'TypeError', "Expected float32, got null of type 'null' instead."],
  [
    'a tensor',
    scalar,
    constant,
    'TypeError',
    'The value of a feed cannot be a tf.Tensor object. Acceptable feed values include Python scalars, strings, lists, numpy ndarrays, or TensorHandles. For reference, the tensor object was Tensor("one:0", shape=(), dtype=float32) which was passed to the feed with key Tensor("scalar:0", shape=(), dtype=float32).',
  ],
  [
    'an unknown name',
    'y:0',
    1,
    'TypeError',
    "Cannot interpret feed_dict key as Tensor: The name 'y:0' refers to a Tensor which does not exist. The operation, 'y', does not exist in the graph.",
  ],
  [
    'the name of an operation',
    'scalar',
    1,
    'TypeError',
    'Cannot interpret feed_dict key as Tensor: The name \'scalar\' refers to an Operation, not a Tensor. Tensor names must be of the form "<op_name>:<output_index>".',
  ],
  [
    'an operation',
    scalar.op,
    1,
    'TypeError',
    'Cannot interpret feed_dict key as Tensor: Can not convert a Operation into a Tensor.',
  ],
  [
    'a number as key',
    3,
    1,
    'TypeError',
    'Cannot interpret feed_dict key as Tensor: Can not convert a int into a Tensor.',
  ],
  [
    'a tensor of another graph',
    other,
    1,
    'TypeError',
    'Cannot interpret feed_dict key as Tensor: Tensor Tensor("elsewhere:0", shape=(), dtype=float32) is not an element of this graph.',
  ],
];
for (const [title, key, value, name, message] of refused) {
  test(`feeding ${title} -> ${name}`, (t) => {
    const error = t.throws(() => feed(key, value), { instanceOf: GrafoError });
    t.is(error.name, name);
    t.is(error.text, message);
    t.is(error.code, 'INVALID_ARGUMENT');
  });
}

const taken: [string, Tensor, unknown, readonly number[], readonly unknown[]][] = [
  [
    'nested arrays',
    x,
    [
      [1, 2],
      [3, 4],
    ],
    [2, 2],
    [1, 2, 3, 4],
  ],
  ['no rows', x, ndarray(new Float32Array(0), [0, 2]), [0, 2], []],
  ['a number', scalar, 2.5, [], [2.5]],
  ['true as a number', scalar, true, [], [1]],
  ['a BigInt as a float', scalar, 3n, [], [3]],
  ['a flat typed array for a fully known shape', fixed, Float32Array.of(1, 2, 3, 4, 5, 6), [2, 3], [1, 2, 3, 4, 5, 6]],
  ['a typed array for an unknown rank', free, Float32Array.of(1, 2), [2], [1, 2]],
  ['float64 for float32', free, Float64Array.of(0.1), [1], [Math.fround(0.1)]],
  ['integers for floats', free, Int32Array.of(-1, 2), [2], [-1, 2]],
  ['a float64 NDArray for float32', free, ndarray([0.1], undefined, 'float64'), [1], [Math.fround(0.1)]],
  ['numbers as int64', longs, [1, 2], [2], [1n, 2n]],
  ['a number as int64', longs, 2 ** 40, [], [1099511627776n]],
  ['a BigInt', longs, -5n, [], [-5n]],
  ['booleans', flag, [true, false], [2], [1, 0]],
  ['1 as a bool', flag, 1, [], [1]],
  ['a string', text, 'grün', [], ['grün']],
  ['strings', text, [['a'], ['b']], [2, 1], ['a', 'b']],
];
for (const [title, key, value, shape, elements] of taken) {
  test(`feeding ${title} gives its bytes and shape`, (t) => {
    const fed = feed(key, value);
    t.deepEqual([...fed.shape], [...shape]);
    t.deepEqual(Array.from<unknown>(fed.data), [...elements]);
    t.is(key.dtype.array === undefined ? Array : key.dtype.array, fed.data.constructor as never);
  });
}

test('feeds are read from a Map, pairs, an object and IndexedSlices-free iterables alike', (t) => {
  const expected = { keys: ['scalar:0', 'ints:0'], values: [1, 2] };
  t.deepEqual(
    readFeeds(
      new Map([
        ['scalar:0', 1],
        ['ints:0', 2],
      ]),
    ),
    expected,
  );
  t.deepEqual(
    readFeeds([
      ['scalar:0', 1],
      ['ints:0', 2],
    ]),
    expected,
  );
  t.deepEqual(readFeeds({ 'scalar:0': 1, 'ints:0': 2 }), expected);
  t.deepEqual(readFeeds(undefined), { keys: [], values: [] });
});

test('what is no feeds argument is refused', (t) => {
  for (const feeds of [1, 'x', scalar, new Float32Array(1), [1], [[scalar]]]) {
    t.throws(() => readFeeds(feeds), { instanceOf: GrafoError }, String(feeds));
  }
});

test('a tensor fed twice takes the last value', (t) => {
  const slots = new FeedSlots(graph, [scalar, 'scalar:0']);
  t.is(slots.tensors.length, 1);
  t.deepEqual(Array.from(slots.convert([1, 2], false).datas[0] as Float32Array), [2]);
});

test('an async run owns its feeds: a changed array does not change them', (t) => {
  const data = Float32Array.of(1, 2);
  const array = ndarray(data.slice());
  const [own, inPlace] = [feed(free, data, true), feed(free, data, false)];
  const ownArray = feed(free, array, true);
  data[0] = 9;
  (array.data as Float32Array)[0] = 9;
  t.is(own.data[0], 1);
  t.is(ownArray.data[0], 1);
  t.is(inPlace.data[0], 9);
  const slots = new FeedSlots(graph, [scalar]);
  const [first] = slots.convert([5], true).datas;
  slots.convert([6], true);
  t.is(first![0], 5);
});

test('memory that became smaller than the shape it is fed with is an InvalidArgumentError', (t) => {
  const buffer = new (ArrayBuffer as new (bytes: number, options: object) => ArrayBuffer)(16, { maxByteLength: 16 });
  const array = new NDArray(float32, [4], new Float32Array(buffer));
  (buffer as ArrayBuffer & { resize(bytes: number): void }).resize(8);
  const error = t.throws(() => feed(free, array), { instanceOf: GrafoError });
  t.is(error.name, 'InvalidArgumentError');
  t.regex(error.text, /holds 2 elements, its shape \(4,\) needs 4/);
});

test('a detached array is an InvalidArgumentError', (t) => {
  const data = new Float32Array(4);
  structuredClone(data.buffer, { transfer: [data.buffer] });
  t.throws(() => feed(free, data), { message: /detached/ });
  const array = ndarray(new Float32Array(4));
  structuredClone((array.data as Float32Array).buffer, {
    transfer: [(array.data as Float32Array).buffer as ArrayBuffer],
  });
  t.throws(() => feed(free, array), { message: /detached/ });
});

test('shared memory is copied', (t) => {
  const shared = new Float32Array(new SharedArrayBuffer(8));
  const fed = feed(free, shared);
  t.not(fed.data, shared);
  t.false((fed.data as Float32Array).buffer instanceof SharedArrayBuffer);
});

test('a value that runs code while it is read cannot change a scalar that was read before it', (t) => {
  const slots = new FeedSlots(graph, [scalar, free]);
  const nasty = new Proxy([1, 2], {
    get(target, key, receiver) {
      if (key === '0') slots.convert([77, [0]], false);
      return Reflect.get(target, key, receiver) as unknown;
    },
  });
  const fed = slots.convert([5, nasty], false);
  t.is(fed.datas[0]![0], 5);
});

test('the same keys are recognised, others are not', (t) => {
  const slots = new FeedSlots(graph, [scalar, free]);
  t.true(slots.matches([scalar, free]));
  t.false(slots.matches([free, scalar]));
  t.false(slots.matches([scalar]));
});
