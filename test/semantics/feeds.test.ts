// Feeds and fetches of a careless caller: numpy's conversions where TensorFlow has them, typed errors where it has none.
import test from 'ava';
import * as tf from '../../lib/index.js';

const session = (): tf.Session => new tf.Session(new tf.Graph());

test('a list of arrays is one array, as numpy stacks it', (t) => {
  const sess = session();
  sess.graph.asDefault(() => {
    const x = tf.placeholder('float32');
    const rows = [tf.ndarray([1, 2], undefined, 'float64'), tf.ndarray([3, 4], undefined, 'float64')];
    t.deepEqual(sess.runSync(tf.identity(x), [[x, rows as never]]).toArray(), [
      [1, 2],
      [3, 4],
    ]);
    t.is(tf.constant([new Float64Array(2)] as never).dtype, tf.float64);
    t.is(tf.constant([new Int32Array(2), new Int32Array(2)] as never).dtype, tf.int32);
  });
  sess.close();
});

test('bytes fed as bools: one that is neither 0 nor 1 is found wherever it lies', (t) => {
  const sess = session();
  sess.graph.asDefault(() => {
    const x = tf.placeholder('bool', [197], { name: 'x' });
    const y = tf.logicalNot(x);
    // Off by one from what a vector likes, and with some bytes after the last block.
    const bytes = new Uint8Array(198).subarray(1);
    for (let i = 0; i < bytes.length; i++) bytes[i] = i % 2;
    t.is(sess.runSync(tf.reduceSum(tf.cast(y, 'int32')), [[x, bytes]]).item(), 99);
    for (let i = 0; i < bytes.length; i++) {
      const before = bytes[i]!;
      bytes[i] = i % 3 === 0 ? 2 : 129;
      const message = /^A feed of bools has a byte that is not 0 or 1/;
      t.throws(() => sess.runSync(y, [[x, bytes]]), { message }, `${i}`);
      bytes[i] = before;
    }
  });
  sess.close();
});

test('numbers in an array feed bools: what is not 0 is true; a single 2 does not fit', (t) => {
  const sess = session();
  sess.graph.asDefault(() => {
    const x = tf.placeholder('bool', null, { name: 'x' });
    t.deepEqual(sess.runSync(tf.identity(x), [[x, [0, 1, 3]]]).toArray(), [false, true, true]);
    const error = t.throws(() => sess.runSync(tf.identity(x), [[x, 2]]), { instanceOf: tf.GrafoError });
    t.regex(error?.text ?? '', /^Type of feed value 2 with type <class 'int'> is not compatible with Tensor type/);
  });
  sess.close();
});

test('what is wrong with a feed is said of its placeholder, with the line that made it', (t) => {
  const sess = session();
  sess.graph.asDefault(() => {
    const x = tf.placeholder('float32', null, { name: 'x' });
    for (const value of ['a', null, {}, [1, 'a'], [[1], [1, 2]], new Date(), () => 1]) {
      const error = t.throws(() => sess.runSync(tf.identity(x), [[x, value as never]]), { instanceOf: tf.GrafoError });
      t.is(error?.node, 'x');
      t.regex(error?.createdAt ?? '', /feeds\.test/);
    }
    t.is(sess.runSync(x.add(1), [[x, 1]]).item(), 2);
  });
  sess.close();
});

test('a Proxy of a tensor is no key of a feed', (t) => {
  const sess = session();
  sess.graph.asDefault(() => {
    const x = tf.placeholder('float32');
    const error = t.throws(() => sess.runSync(x, [[new Proxy(x, {}), 1]]), { instanceOf: tf.GrafoError });
    t.is(error?.text, 'Cannot interpret feed_dict key as Tensor: Can not convert a Tensor into a Tensor.');
  });
  sess.close();
});

for (const [what, fetch] of [
  ['a date', () => new Date()],
  ['a set', () => new Set()],
  ['a graph', () => tf.getDefaultGraph()],
  ['a number', () => 1],
  ['null', () => null],
  ['a typed array', () => new Float32Array(1)],
] as const) {
  test(`${what} is nothing to fetch`, (t) => {
    const sess = session();
    sess.graph.asDefault(() => {
      tf.constant(1);
      const error = t.throws(() => sess.runSync(fetch() as never), { instanceOf: tf.GrafoError });
      t.is(error?.name, 'TypeError');
      t.regex(error?.text ?? '', /^Fetch argument .* has invalid type <class '/);
    });
    sess.close();
  });
}

test('a structure that holds itself is refused', (t) => {
  const sess = session();
  sess.graph.asDefault(() => {
    const list: unknown[] = [tf.constant(1)];
    list.push(list);
    t.throws(() => sess.runSync(list as never), { instanceOf: tf.GrafoError, message: /holds itself/ });
  });
  sess.close();
});

test('what is wrong with a feed names the tensor, beside TensorFlow’s words', async (t) => {
  const sess = session();
  const { x, flags, count, words } = sess.graph.asDefault(() => ({
    x: tf.placeholder('float32', [4], { name: 'x' }),
    flags: tf.placeholder('bool', [null], { name: 'flags' }),
    count: tf.placeholder('int32', [], { name: 'count' }),
    words: tf.placeholder('string', [1], { name: 'words' }),
  }));
  const detached = new Float32Array(4);
  structuredClone(detached.buffer, { transfer: [detached.buffer] });
  const revoked = Proxy.revocable([1, 2, 3, 4], {});
  revoked.revoke();
  const wrong: readonly (readonly [tf.Tensor, unknown, RegExp])[] = [
    [
      x,
      'hello',
      /^Expected float32, got 'hello' of type 'str' instead\.\n {2}fed for 'x:0' {3}created at feeds\.test\.ts/,
    ],
    [x, [[1], [1, 2]], /^Argument must be a dense tensor: .*\n {2}fed for 'x:0'/],
    [count, 1.5, /^Type of feed value 1\.5 with type .*\n {2}fed for 'count:0'/],
    [x, revoked.proxy, /^A revoked Proxy holds no value\n {2}fed for 'x:0'/],
    [
      x,
      new tf.NDArray(tf.float32, [4], new Float64Array(4)),
      /fed for Tensor 'x:0' is <class 'Float64Array'>, not float32/,
    ],
    [x, new tf.NDArray(tf.float32, [4], ['1', '2', '3', '4']), /fed for Tensor 'x:0' is <class 'list'>, not float32/],
    [words, new tf.NDArray(tf.string, [1], new Float32Array(1)), /'words:0' is .*, not an array of strings/],
    [
      flags,
      new Uint8Array([1, 2]),
      /^A feed of bools has a byte that is not 0 or 1\n {2}fed for 'flags' {3}created at feeds/,
    ],
  ];
  const loops: typeof wrong = [
    [x, tf.stepped('hello'), /^Cannot convert elements of type string to float32\n {2}fed for 'x:0'/],
    [x, tf.stepped(detached), /^The memory of a stepped feed is detached\n {2}fed for 'x:0'/],
    [x, tf.stepped(new Set([detached])), /^The memory of a stepped feed is detached\n {2}fed for 'x:0'/],
    [x, tf.stepped(new Set([revoked.proxy])), /^A revoked Proxy holds no value\n {2}fed for 'x:0'/],
    [words, tf.stepped([['a']]), /^A loop cannot step through strings\n {2}fed for 'words:0'/],
  ];
  for (const [tensor, value, message] of wrong) {
    const fetch = sess.graph.asDefault(() => tf.identity(tensor));
    const feeds = [[tensor, value as tf.FeedValueLike]] as const;
    const expected = { instanceOf: tf.GrafoError, message };
    // Again: what is known of the last run changes nothing.
    for (let i = 0; i < 2; i++) t.throws(() => sess.runSync(fetch, feeds), expected);
    await t.throwsAsync(sess.run(fetch, feeds, { timeoutMs: 60_000 }), expected);
  }
  for (const [tensor, value, message] of loops) {
    const op = sess.graph.asDefault(() => tf.identity(tensor).op);
    const feeds = [[tensor, value as tf.LoopFeed]] as const;
    t.throws(() => sess.runLoopSync(op, 1, feeds), { instanceOf: tf.GrafoError, message });
    await t.throwsAsync(sess.runLoop(op, 1, feeds), { instanceOf: tf.GrafoError, message });
  }
  sess.close();
});

test('a loop takes its feeds as a run does: pairs, a Map, or an object keyed by name', async (t) => {
  const sess = session();
  const [x, sum] = sess.graph.asDefault(() => {
    const given = tf.placeholder('float32', [2], { name: 'x' });
    return [given, tf.reduceSum(given)] as const;
  });
  const value = tf.stepped([
    [1, 2],
    [3, 4],
  ]);
  for (const feeds of [[[x, value]], new Map([[x, value]]), { 'x:0': value }] as const) {
    t.deepEqual(sess.runLoopSync(sum, 2, feeds).toArray(), [3, 7]);
    t.deepEqual((await sess.runLoop(sum, 2, feeds)).toArray(), [3, 7]);
  }
  for (const feeds of [3, 'x:0', x, [x], [[x]]]) {
    const expected = { instanceOf: tf.errors.GraphTypeError, message: /^(Feeds|A feed) must be/ };
    t.throws(() => sess.runLoopSync(sum, 2, feeds as never), expected);
    await t.throwsAsync(sess.runLoop(sum, 2, feeds as never), expected);
  }
  sess.close();
});

test('a host buffer that cannot be is a typed error', (t) => {
  const sess = session();
  const buffer = (shape: unknown) => () => sess.hostBuffer('float32', shape as number[]);
  const { ValueError, GraphTypeError, ResourceExhaustedError } = tf.errors;
  for (const shape of [[1e15], [2 ** 20, 2 ** 20]]) {
    t.throws(buffer(shape), {
      instanceOf: ResourceExhaustedError,
      message: /^OOM when allocating a host buffer with shape\[/,
    });
  }
  for (const shape of ['a', undefined, null, 3, { length: 1 }]) {
    t.throws(buffer(shape), { instanceOf: GraphTypeError, message: /^hostBuffer takes its shape as an array, not/ });
  }
  for (const shape of [[-1], [1.5], [null], ['2'], [[2]], [2n], [2 ** 31, 2 ** 31]]) {
    t.throws(buffer(shape), { instanceOf: ValueError, message: /^No buffer has the shape \(/ });
  }
  sess.close();
});

const UPDATES: readonly [string, (v: tf.Variable) => tf.Tensor | tf.Operation, string][] = [
  ['Assign', (v) => v.assign([1, 1]), 'Assign'],
  ['AssignAdd', (v) => v.assignAdd([1, 1]), 'AssignAdd'],
  ['a scatter', (v) => tf.scatterAdd(v, [0], [1]), 'ScatterAdd'],
  ['the initializer', (v) => v.initializer, 'W/Assign'],
  ['isInitialized', (v) => v.isInitialized(), 'IsVariableInitialized'],
  [
    'an optimizer',
    (v) => new tf.train.GradientDescentOptimizer(0.1).minimize(tf.reduceSum(v)),
    'GradientDescent/update_W/ApplyGradientDescent',
  ],
];
for (const [title, build, node] of UPDATES) {
  test(`a variable that is fed is read as the feed; ${title} wants its memory`, (t) => {
    const sess = session();
    sess.graph.asDefault(() => {
      const v = new tf.Variable([0, 0], { name: 'W' });
      const update = build(v);
      sess.runSync(v.initializer);
      t.deepEqual(sess.runSync(v.mul(2), [[v, [5, 5]]]).toArray(), [10, 10]);
      const error = t.throws(() => sess.runSync(update as tf.Tensor, [[v, [5, 5]]]), {
        instanceOf: tf.errors.InvalidArgumentError,
      });
      t.is(
        error?.text.split(' (')[0],
        `Input 0 of node ${node} was passed float from _arg_W_0_0:0 incompatible with expected float_ref.`,
      );
      t.is(error?.node, node);
      t.regex(error?.createdAt ?? '', /feeds\.test/);
      t.deepEqual(sess.runSync(v).toArray(), [0, 0]);
    });
    sess.close();
  });
}
