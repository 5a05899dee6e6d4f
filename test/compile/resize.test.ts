// Variables that change their shape from run to run, or within one (validateShape: false).
import test from 'ava';
import * as tf from '../../lib/index.js';

/** Builds in a fresh graph, initialises, and hands over a session. */
const inSession = async <R>(build: () => R, body: (session: tf.Session, built: R) => void | Promise<void>) => {
  const graph = new tf.Graph();
  const built = graph.asDefault(build);
  const init = graph.asDefault(() => tf.globalVariablesInitializer());
  using session = new tf.Session(graph);
  session.runSync(init);
  await body(session, built);
};
const lists = (values: readonly unknown[]): unknown[] => values.map((value) => (value as tf.NDArray).toArray());

const SHAPES: readonly [unknown, number[], unknown][] = [
  [[3, 4, 5], [3], [6, 8, 10]],
  [[6], [1], [12]],
  [
    [
      [1, 2],
      [3, 4],
    ],
    [2, 2],
    [
      [2, 4],
      [6, 8],
    ],
  ],
  [7, [], 14],
  [[], [0], []],
  [[8, 9], [2], [16, 18]],
];
for (const validateShape of [true, false]) {
  test(`a variable ${validateShape ? 'declared with a shape' : 'of unknown shape'} takes every assigned one, and later runs read it`, (t) =>
    inSession(
      () => {
        const value = tf.placeholder('float');
        const v = new tf.Variable([1, 2], { dtype: 'float', validateShape });
        const set = tf.assign(v, value, { validateShape: false });
        return { value, v, set, doubled: tf.multiply(v, 2), size: tf.identity(tf.size(tf.identity(set))) };
      },
      async (session, { value, v, set, doubled, size }) => {
        const call = session.makeCallable([v, doubled]);
        for (const [given, shape, twice] of [...SHAPES, ...SHAPES]) {
          session.runSync(set.op, [[value, given as number]]);
          const [now, both] = session.runSync([v, doubled]);
          t.deepEqual(now!.shape, shape);
          t.deepEqual(lists([now, both]), [given, twice]);
          t.deepEqual(lists(call()), [given, twice]);
          t.deepEqual(lists(await session.run([v, doubled])), [given, twice]);
        }
        t.is(session.runSync(size, [[value, [1, 2, 3]]]).item(), 3);
      },
    ));
}

test('within one run, what comes before a change of shape reads the old value, what waits for it the new one', (t) =>
  inSession(
    () => {
      const v = new tf.Variable([1, 2], { dtype: 'float', validateShape: false });
      const before = tf.reduceSum(v);
      const longer = tf.concat([v, tf.multiply(v, 10)], 0);
      const set = tf.assign(v, longer, { validateShape: false });
      const after = tf.withControl([set], () => tf.multiply(v.readValue(), 1));
      // Its shape waits for data, so it runs after the change, but nothing says that it has to.
      const late = tf.concat([v, tf.unique([7, 7]).y], 0);
      const oldSize = tf.add(tf.size(tf.multiply(v, 1)), tf.size(tf.unique([7, 7]).y));
      return { v, before, set, after, late, oldSize };
    },
    async (session, { v, before, set, after, late, oldSize }) => {
      const fetches = [v, before, set, after, late, oldSize] as const;
      t.deepEqual(lists(session.runSync(fetches)), [[1, 2], 3, [1, 2, 10, 20], [1, 2, 10, 20], [1, 2, 7], 3]);
      const longer = [1, 2, 10, 20, 10, 20, 100, 200];
      t.deepEqual(lists(await session.run(fetches)), [[1, 2, 10, 20], 33, longer, longer, [1, 2, 10, 20, 7], 5]);
      t.deepEqual(lists([session.runSync(v)]), [longer]);
    },
  ));

test('two changes of shape in one run, with updates of either shape between them', (t) =>
  inSession(
    () => {
      const v = new tf.Variable([1, 2], { validateShape: false });
      const grown = tf.assignAdd(v, [10, 10]);
      const three = tf.withControl([grown], () => tf.assign(v, [1, 2, 3], { validateShape: false }));
      const more = tf.withControl([three], () => tf.assignAdd(v, [1, 1, 1]));
      const copied = tf.withControl([more], () => tf.add(v, 0));
      const one = tf.withControl([copied], () => tf.assign(v, [5], { validateShape: false }));
      return { v, fetches: [v, copied, one] };
    },
    (session, { v, fetches }) => {
      t.deepEqual(lists(session.runSync(fetches)), [[1, 2], [2, 3, 4], [5]]);
      t.deepEqual(lists([session.runSync(v)]), [[5]]);
      t.throws(() => session.runSync(fetches), { message: /Parameters and update must be the same size/ });
    },
  ));

test('after a change of shape, assignments that validate compare with the shape it has', (t) =>
  inSession(
    () => {
      const v = new tf.Variable([1, 2], { dtype: 'float' });
      const value = tf.placeholder('float');
      return { v, value, any: tf.assign(v, value, { validateShape: false }), same: tf.assign(v, value) };
    },
    (session, { v, value, any, same }) => {
      session.runSync(any.op, [[value, [1, 2, 3]]]);
      t.throws(() => session.runSync(same, [[value, [4, 5]]]), {
        instanceOf: tf.errors.InvalidArgumentError,
        message: /Assign requires shapes of both tensors to match\. lhs shape= \[3\] rhs shape= \[2\]/,
      });
      session.runSync(same, [[value, [4, 5, 6]]]);
      t.deepEqual(lists([session.runSync(v)]), [[4, 5, 6]]);
    },
  ));

test('a run that fails before the assignment leaves the variable as it was, one that fails after it does not', (t) =>
  inSession(
    () => {
      const v = new tf.Variable([1, 2], { dtype: 'float', validateShape: false });
      const value = tf.placeholder('float');
      const set = tf.assign(v, tf.checkNumerics(value, 'bad'), { validateShape: false });
      const late = tf.withControl([set], () => tf.checkNumerics(tf.divide(value, 0), 'late'));
      return { v, value, set, late };
    },
    async (session, { v, value, set, late }) => {
      t.throws(() => session.runSync(set.op, [[value, [1, 2, Number.NaN]]]), { message: /bad : Tensor had NaN/ });
      t.deepEqual(lists([session.runSync(v)]), [[1, 2]]);
      t.throws(() => session.runSync(late, [[value, [1, 2, 3]]]), { message: /late : Tensor had Inf/ });
      t.deepEqual(lists([session.runSync(v)]), [[1, 2, 3]]);
      const { limit } = session.memory();
      t.true(limit > 0);
      await t.throwsAsync(session.run(late, [[value, [1, 2, 3, 4]]]), { message: /late : Tensor had Inf/ });
      t.deepEqual(lists([session.runSync(v)]), [[1, 2, 3, 4]]);
    },
  ));

test('strings change their shape as numbers do, and a loop leaves the shape it assigned', (t) =>
  inSession(
    () => {
      const words = new tf.Variable(['a', 'b'], { validateShape: false });
      const more = tf.assign(words, ['c', 'd', 'e'], { validateShape: false });
      const v = new tf.Variable([1, 2], { dtype: 'float', validateShape: false });
      const value = tf.placeholder('float');
      return { words, more, v, value, set: tf.assign(v, value, { validateShape: false }) };
    },
    (session, { words, more, v, value, set }) => {
      t.deepEqual(lists(session.runSync([words, more])), [
        ['a', 'b'],
        ['c', 'd', 'e'],
      ]);
      t.deepEqual(lists([session.runSync(words)]), [['c', 'd', 'e']]);
      session.runLoopSync(set.op, 2, [
        [
          value,
          tf.stepped([
            [1, 2, 3],
            [4, 5, 6],
          ]),
        ],
      ]);
      t.deepEqual(lists([session.runSync(v)]), [[4, 5, 6]]);
    },
  ));

test('a variable of unknown shape that has no value says so', (t) => {
  const graph = new tf.Graph();
  const [v, copied] = graph.asDefault(() => {
    const empty = new tf.Variable([1, 2], { validateShape: false });
    return [empty, tf.assign(new tf.Variable([0, 0]), empty)] as const;
  });
  using session = new tf.Session(graph);
  for (const fetch of [v, copied, graph.asDefault(() => tf.exp(tf.toFloat(v)))]) {
    t.throws(() => session.runSync(fetch), {
      instanceOf: tf.errors.FailedPreconditionError,
      message: /Attempting to use uninitialized value Variable/,
    });
  }
  const known = graph.asDefault(() => tf.isVariableInitialized(v));
  t.is(session.runSync(known).item(), false);
  session.runSync(v.initializer);
  t.is(session.runSync(known).item(), true);
});

test('memory of a former shape is given back', (t) =>
  inSession(
    () => {
      const v = new tf.Variable([1], { dtype: 'float', validateShape: false });
      const value = tf.placeholder('float');
      return { v, value, set: tf.assign(v, value, { validateShape: false }) };
    },
    (session, { value, set }) => {
      const big = new tf.NDArray(tf.float32, [1 << 16], new Float32Array(1 << 16));
      session.runSync(set.op, [[value, big]]);
      t.is(session.memory().variables, 4 << 16);
      session.runSync(set.op, [[value, [1]]]);
      t.is(session.memory().variables, 4);
    },
  ));
