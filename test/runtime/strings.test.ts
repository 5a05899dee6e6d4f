// dtype string: bytes that live on the host, moved by the same kernels as numbers.
import test from 'ava';
import * as tf from '../../lib/index.js';

const run = (build: () => tf.Tensor | tf.Variable): unknown =>
  new tf.Graph().asDefault(() => {
    const fetch = build();
    using session = new tf.Session();
    session.runSync(tf.globalVariablesInitializer());
    return session.runSync(fetch as tf.Tensor).toArray();
  });
const words = () =>
  tf.constant([
    ['a', 'bc'],
    ['', 'ñandú'],
  ]);

const CASES: readonly [string, () => tf.Tensor | tf.Variable, unknown][] = [
  [
    'constant',
    words,
    [
      ['a', 'bc'],
      ['', 'ñandú'],
    ],
  ],
  ['scalar', () => tf.constant('one'), 'one'],
  ['a leading U+FEFF', () => tf.constant(['\uFEFFabc', '\uFEFF']), ['\uFEFFabc', '\uFEFF']],
  ['empty tensor', () => tf.constant([], { dtype: tf.string }), []],
  ['Variable', () => new tf.Variable(['x', 'y']), ['x', 'y']],
  [
    'identity',
    () => tf.identity(words()),
    [
      ['a', 'bc'],
      ['', 'ñandú'],
    ],
  ],
  ['reshape', () => tf.reshape(words(), [4]), ['a', 'bc', '', 'ñandú']],
  [
    'transpose',
    () => tf.transpose(words()),
    [
      ['a', ''],
      ['bc', 'ñandú'],
    ],
  ],
  [
    'concat',
    () => tf.concat([words(), words()], 1),
    [
      ['a', 'bc', 'a', 'bc'],
      ['', 'ñandú', '', 'ñandú'],
    ],
  ],
  ['stack', () => tf.stack([tf.constant('a'), tf.constant('b')]), ['a', 'b']],
  ['slice', () => tf.slice(words(), [1, 1], [1, 1]), [['ñandú']]],
  [
    'gather',
    () => tf.gather(words(), [1, 0, 1]),
    [
      ['', 'ñandú'],
      ['a', 'bc'],
      ['', 'ñandú'],
    ],
  ],
  ['tile', () => tf.tile(tf.constant(['a', 'b']), [2]), ['a', 'b', 'a', 'b']],
  ['fill', () => tf.fill([2], 'z'), ['z', 'z']],
  [
    'equal, broadcast',
    () => tf.equal(words(), 'bc'),
    [
      [false, true],
      [false, false],
    ],
  ],
  [
    'notEqual',
    () => tf.notEqual(words(), [['a'], ['x']]),
    [
      [false, true],
      [true, true],
    ],
  ],
  [
    'where',
    () =>
      tf.where(
        [
          [true, false],
          [false, true],
        ],
        words(),
        tf.transpose(words()),
      ),
    [
      ['a', ''],
      ['bc', 'ñandú'],
    ],
  ],
  ['add joins', () => tf.add(tf.constant(['a', 'b']), 'x'), ['ax', 'bx']],
  ['the operator joins too', () => tf.constant(['a', 'b']).add('x'), ['ax', 'bx']],
  ['add in the other order', () => tf.add('x', tf.constant(['a', 'b'])), ['xa', 'xb']],
  ['two chained joins', () => tf.add(tf.add('x', tf.constant(['a', 'b'])), '!'), ['xa!', 'xb!']],
];

for (const [title, build, expected] of CASES) {
  test(`string: ${title}`, (t) => t.deepEqual(run(build), expected));
}

test('string: bytes are read with what marks their order', (t) => {
  const bytes = new TextEncoder().encode('\uFEFFabc');
  t.is(new tf.NDArray(tf.string, [1], [bytes]).at(0), '\uFEFFabc');
});

test('string: feeds of texts and bytes, sync and async', async (t) => {
  const graph = new tf.Graph();
  const { x, y } = graph.asDefault(() => {
    const input = tf.placeholder(tf.string, [null]);
    return { x: input, y: tf.concat([input, ['end']], 0) };
  });
  using session = new tf.Session(graph);
  t.deepEqual(session.runSync(y, new Map([[x, ['a', 'b']]])).toArray(), ['a', 'b', 'end']);
  t.deepEqual((await session.run(y, new Map([[x, ['c']]]))).toArray(), ['c', 'end']);
  t.throws(() => session.runSync(y, new Map([[x, [1] as never]])), { instanceOf: tf.GrafoError });
});

test('string: tapes on numbers before and behind them stay tapes of their own', (t) => {
  new tf.Graph().asDefault(() => {
    const x = tf.placeholder(tf.float32, [3]);
    const word = tf.where(tf.greater(tf.square(x), 2), tf.fill([3], 'big'), tf.fill([3], 'small'));
    const isBig = tf.multiply(tf.cast(tf.equal(word, 'big'), tf.float32), x);
    using session = new tf.Session();
    const [words, numbers] = session.runSync([word, isBig], [[x, [1, 2, 3]]]);
    t.deepEqual(words.toArray(), ['small', 'big', 'big']);
    t.deepEqual(numbers.toArray(), [0, 2, 3]);
  });
});
