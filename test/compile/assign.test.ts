// Assignments end tapes: a variable is written by what computes its value, and only once that cannot fail any more.
import test from 'ava';
import * as tf from '../../lib/index.js';

const inGraph = <T>(build: () => T): T => new tf.Graph().asDefault(build);
const ones = (n: number) => new Float32Array(n).fill(1);

test('what is assigned goes straight to the variable, with what else the tape computes', (t) => {
  inGraph(() => {
    const x = tf.placeholder(tf.float32, [6]);
    const v = new tf.Variable(tf.zeros([6]));
    const w = new tf.Variable(tf.zeros([6]));
    const twice = tf.multiply(x, 2);
    const first = v.assign(tf.add(twice, v));
    const second = w.assign(tf.subtract(twice, 1));
    using sess = new tf.Session();
    sess.runSync(tf.globalVariablesInitializer());
    const request = [first.op, second.op] as const;
    t.regex(
      sess.explain(request, [[x, ones(6)]]).toString(),
      /plan: 1 steps.*\n {2}0 {2}Fused\(Mul Add Sub\) {2}Variable@1 \S+, Variable_1@1/,
    );
    for (let i = 0; i < 2; i++) sess.runSync(request, [[x, ones(6)]]);
    t.deepEqual([...sess.runSync(v).data], new Array(6).fill(4));
    t.deepEqual([...sess.runSync(w).data], new Array(6).fill(1));
    // What reads the assignment sees the new value, what read the variable before it the old one.
    const after = tf.add(first, 10);
    const [old, now] = sess.runSync([tf.identity(v.value()), after], [[x, ones(6)]]);
    t.is(now.data[0], 16);
    t.true([4, 6].includes(Number(old.data[0])));
  });
});

test('a copy between variables stays one, and one onto itself changes nothing', (t) => {
  inGraph(() => {
    const v = new tf.Variable([1, 2, 3]);
    const w = new tf.Variable([4, 5, 6]);
    using sess = new tf.Session();
    sess.runSync(tf.globalVariablesInitializer());
    const copied = w.assign(v);
    t.regex(sess.explain(copied.op).toString(), /plan: 1 steps.*\n {2}0 {2}Copy {2}Variable_1@1/);
    sess.runSync([copied.op, v.assign(v).op]);
    t.deepEqual(
      [sess.runSync(v).toArray(), sess.runSync(w).toArray()],
      [
        [1, 2, 3],
        [1, 2, 3],
      ],
    );
    const text = new tf.Variable(['a', 'b']);
    sess.runSync(text.initializer);
    sess.runSync(text.assign(tf.constant(['c', 'd'])).op);
    t.deepEqual(sess.runSync(text).toArray(), ['c', 'd']);
  });
});

test('a variable may be uninitialized where a tape overwrites it, not where it reads it', (t) => {
  inGraph(() => {
    const read = new tf.Variable(tf.zeros([4]), { name: 'read' });
    const written = new tf.Variable(tf.zeros([4]), { name: 'written' });
    const bumped = new tf.Variable(tf.zeros([4]), { name: 'bumped' });
    const value = tf.add(read, 1);
    const both = tf.group(written.assign(value), bumped.assignAdd(value));
    using sess = new tf.Session();
    t.regex(sess.explain(both).toString(), /plan: 1 steps/);
    const uninitialized = (name: string) => ({
      instanceOf: tf.errors.FailedPreconditionError,
      message: new RegExp(`uninitialized value ${name}`),
    });
    t.throws(() => sess.runSync(both), uninitialized('(read|bumped)'));
    sess.runSync(read.initializer);
    t.throws(() => sess.runSync(both), uninitialized('bumped'));
    t.throws(() => sess.runSync(written), uninitialized('written'));
    sess.runSync(bumped.initializer);
    sess.runSync(both);
    t.deepEqual(
      [sess.runSync(written).toArray(), sess.runSync(bumped).toArray()],
      [
        [1, 1, 1, 1],
        [1, 1, 1, 1],
      ],
    );
  });
});

test('a division by zero leaves variables as they were, as TensorFlow', (t) => {
  inGraph(() => {
    const n = 20_000;
    const by = tf.placeholder(tf.int32, [n]);
    const v = new tf.Variable(tf.fill([n], tf.constant(5, { dtype: tf.int32 })));
    const quotient = tf.floordiv(tf.constant(6, { dtype: tf.int32 }), by);
    using sess = new tf.Session();
    sess.runSync(tf.globalVariablesInitializer());
    const divisors = new Int32Array(n).fill(2);
    divisors[n - 1] = 0;
    for (const update of [v.assign(quotient), v.assignAdd(quotient)]) {
      t.throws(() => sess.runSync(update.op, [[by, divisors]]), { message: /Integer division by zero/ });
      t.true(sess.runSync(v).data.every((value) => value === 5));
    }
    divisors[n - 1] = 2;
    sess.runSync(v.assignAdd(quotient).op, [[by, divisors]]);
    t.true(sess.runSync(v).data.every((value) => value === 8));
  });
});
