// A read of a variable belongs to its consumer: before all updates of the run, or after those it depends on.
import test from 'ava';
import * as tf from '../../lib/index.js';

/** Builds in a fresh graph, initialises, and hands over a session. */
const withSession = <R>(build: () => R, body: (session: tf.Session, built: R) => void) => {
  new tf.Graph().asDefault(() => {
    const built = build();
    using session = new tf.Session();
    session.runSync(tf.globalVariablesInitializer());
    body(session, built);
  });
};
const number = (value: unknown): number => Number((value as tf.NDArray).item());

test('a consumer that waits for an update sees the new value', (t) =>
  withSession(
    () => {
      const x = new tf.Variable(1);
      const increment = tf.assignAdd(x, 1);
      return tf.withControl([increment], () => tf.identity(x));
    },
    (session, y) => {
      t.is(number(session.runSync(y)), 2);
      t.is(number(session.runSync(y)), 3);
    },
  ));

test('a consumer without such a dependency sees the value from before, whatever was created first', (t) =>
  withSession(
    () => {
      const x = new tf.Variable(1);
      const before = x.mul(10);
      const increment = tf.assignAdd(x, 1);
      const late = x.mul(100);
      return { before, increment, late };
    },
    (session, { before, increment, late }) => {
      const [a, b, c] = session.runSync([before, increment, late]);
      t.deepEqual([number(a), number(b), number(c)], [10, 2, 100]);
    },
  ));

test('a variable that is fetched beside its update is copied out first', (t) =>
  withSession(
    () => {
      const x = new tf.Variable([1, 2]);
      return { x, update: tf.assign(x, [5, 6]) };
    },
    (session, { x, update }) => {
      const [old, made] = session.runSync([x, update]);
      t.deepEqual((old as tf.NDArray).toArray(), [1, 2]);
      t.deepEqual((made as tf.NDArray).toArray(), [5, 6]);
    },
  ));

test('unordered updates run in creation order', (t) =>
  withSession(
    () => {
      const x = new tf.Variable(3);
      const doubled = tf.assign(x, tf.multiply(x, 2));
      const increased = tf.assignAdd(x, 1);
      return { x, doubled, increased };
    },
    (session, { x, doubled, increased }) => {
      session.runSync([increased.op, doubled.op]);
      t.is(number(session.runSync(x)), 7);
    },
  ));

test('the plan names the version that an update reads and the one that it makes', (t) =>
  withSession(
    () => {
      const first = tf.assignAdd(new tf.Variable(1, { name: 'v' }), 1);
      return tf.assignAdd(first, 2);
    },
    (session, second) => {
      const updates = session.explain(second).match(/v@\d .*<- v@\d/g);
      t.deepEqual(
        updates?.map((text) => text.match(/@\d/g)!.join()),
        ['@1,@0', '@2,@1'],
      );
    },
  ));

test('two variables that trade places do so at once', (t) =>
  withSession(
    () => {
      const a = new tf.Variable(1);
      const b = new tf.Variable(2);
      return { a, b, swap: [tf.assign(a, b).op, tf.assign(b, a).op] };
    },
    (session, { a, b, swap }) => {
      session.runSync(swap);
      t.deepEqual(session.runSync([a, b]).map(number), [2, 1]);
    },
  ));

test('a variable can be assigned, added and scattered to itself', (t) =>
  withSession(
    () => {
      const x = new tf.Variable([1, 2, 3]);
      return { assigned: tf.assign(x, x), added: tf.assignAdd(x, x), scattered: tf.scatterUpdate(x, [2, 1, 0], x) };
    },
    (session, { assigned, added, scattered }) => {
      t.deepEqual((session.runSync(assigned) as tf.NDArray).toArray(), [1, 2, 3]);
      t.deepEqual((session.runSync(added) as tf.NDArray).toArray(), [2, 4, 6]);
      t.deepEqual((session.runSync(scattered) as tf.NDArray).toArray(), [6, 4, 2]);
    },
  ));

test('the value of an update is a read like any other: another update of the run is not in it', (t) =>
  withSession(
    () => {
      const x = new tf.Variable(1);
      const increased = tf.assignAdd(x, 10);
      // Its value is what `increased` made, as it depends on that; `later`, which runs between them, is not in it.
      const later = tf.assignAdd(x, 100);
      return [tf.assign(x, increased), later];
    },
    (session, [assigned, later]) => t.deepEqual(session.runSync([assigned!, later!]).map(number), [11, 111]),
  ));

test('a consumer between two updates reads the value between them', (t) =>
  withSession(
    () => {
      const x = new tf.Variable(1);
      const first = tf.assignAdd(x, 10);
      const between = tf.withControl([first], () => tf.multiply(x, 2));
      const second = tf.withControl([first], () => tf.assignAdd(x, 100));
      return { between, second, x };
    },
    (session, { between, second, x }) => {
      const [b, s] = session.runSync([between, second]);
      t.deepEqual([number(b), number(s)], [22, 111]);
      t.is(number(session.runSync(x)), 111);
    },
  ));

test('a read that waits for one update has the value after it, though its consumer waits for another', (t) =>
  withSession(
    () => {
      const x = new tf.Variable(1);
      const first = tf.assignAdd(x, 10);
      const read = tf.withControl([first], () => x.readValue());
      const second = tf.withControl([first], () => tf.assignAdd(x, 100));
      return { late: tf.withControl([second], () => tf.multiply(read, 2)), x };
    },
    (session, { late, x }) => {
      t.is(number(session.runSync(late)), 22);
      t.is(number(session.runSync(x)), 111);
    },
  ));

test('an old value survives in a copy where order cannot keep it', (t) =>
  withSession(
    () => {
      // c reads a before its update and b after its update; d the other way round: one of them needs a copy.
      const a = new tf.Variable(1);
      const b = new tf.Variable(2);
      const updateA = tf.assignAdd(a, 10);
      const updateB = tf.assignAdd(b, 20);
      const [oldA, oldB] = [tf.identity(a), tf.identity(b)];
      const c = tf.withControl([updateB], () => tf.add(oldA, tf.identity(b)));
      const d = tf.withControl([updateA], () => tf.add(oldB, tf.identity(a)));
      return { c, d };
    },
    (session, { c, d }) => t.deepEqual(session.runSync([c, d]).map(number), [23, 13]),
  ));

test('a shape that data decides: unique, its shape, and what depends on both', (t) =>
  withSession(
    () => {
      const { y, idx } = tf.unique([1, 1, 2, 4, 4, 4, 7, 8, 8]);
      return { y, idx, count: tf.shape(y), filled: tf.fill(tf.shape(y), 5), sum: tf.reduceSum(tf.multiply(y, 2)) };
    },
    (session, { y, idx, count, filled, sum }) => {
      t.is(String(y.shape), '(?,)');
      const results = session.runSync([y, idx, count, filled, sum]).map((value) => (value as tf.NDArray).toArray());
      t.deepEqual(results, [[1, 2, 4, 7, 8], [0, 0, 1, 2, 2, 2, 3, 4, 4], [5], [5, 5, 5, 5, 5], 44]);
    },
  ));

test('a stage that ends on data does not run an update twice, and later stages see the right version', (t) =>
  withSession(
    () => {
      const x = new tf.Variable([1, 1, 2]);
      const increment = tf.assignAdd(x, [1, 1, 1]);
      const old = tf.unique(x).y;
      const late = tf.withControl([increment], () => tf.reduceSum(tf.fill(tf.shape(old), 1).mul(tf.reduceSum(x))));
      const untouched = tf.reduceSum(tf.fill(tf.shape(old), 1).mul(tf.reduceSum(x)));
      return { x, late, untouched };
    },
    (session, { x, late, untouched }) => {
      t.deepEqual(session.runSync([late, untouched]).map(number), [14, 8]);
      t.deepEqual((session.runSync(x) as tf.NDArray).toArray(), [2, 2, 3]);
    },
  ));

test('a later stage reads a variable as it was, though a stage before has updated it', (t) =>
  withSession(
    () => {
      const x = new tf.Variable(3);
      const distinct = tf.fill(tf.shape(tf.unique(tf.constant([7, 7, 8])).y), 1);
      return { x, increment: tf.assignAdd(x, 10), scaled: tf.reduceSum(tf.mul(distinct, x)) };
    },
    (session, { x, increment, scaled }) => {
      t.deepEqual(session.runSync([scaled, increment]).map(number), [6, 13]);
      t.is(number(session.runSync(x)), 13);
    },
  ));

test('reading what was never initialised names the variable', (t) => {
  new tf.Graph().asDefault(() => {
    const x = new tf.Variable(1, { name: 'weights' });
    using session = new tf.Session();
    t.throws(() => session.runSync(x), {
      name: 'FailedPreconditionError',
      message: /^Attempting to use uninitialized value weights/,
    });
    session.runSync(tf.globalVariablesInitializer());
    t.is(number(session.runSync(x)), 1);
  });
});

test('what only writes some rows of a variable needs it initialised, too', (t) => {
  new tf.Graph().asDefault(() => {
    const x = new tf.Variable([1, 2], { name: 'weights' });
    using session = new tf.Session();
    t.throws(() => session.runSync(tf.scatterUpdate(x, [0], [5])), {
      name: 'FailedPreconditionError',
      message: /^Attempting to use uninitialized value weights/,
    });
  });
});

test('x * 1 is a consumer of x, which does not see what its own consumer waits for', (t) =>
  withSession(
    () => {
      const x = new tf.Variable(1);
      const before = tf.multiply(x, 1);
      return tf.withControl([tf.assignAdd(x, 10)], () => tf.add(before, 100));
    },
    (session, sum) => t.is(number(session.runSync(sum)), 101),
  ));

test('the same expression is computed twice where one of them waits for an update', (t) =>
  withSession(
    () => {
      const x = new tf.Variable([1, 2]);
      const increment = tf.assignAdd(x, [10, 10]);
      const before = tf.reduceSum(tf.square(x));
      const after = tf.withControl([increment], () => tf.reduceSum(tf.square(x)));
      return { before, after };
    },
    (session, { before, after }) => t.deepEqual(session.runSync([before, after]).map(number), [5, 265]),
  ));
