// A session's budget bounds its buffers and the results of a run together; the session goes on after a refusal.
import test from 'ava';
import * as tf from '../../lib/index.js';

const MIB = 2 ** 20;

const tiled = (session: tf.Session, multiples: tf.Tensor, y: tf.Tensor, n: number): number =>
  session.runSync(y, [[multiples, [n]]]).size;

test('a run whose result would not fit the budget is ResourceExhausted, whatever was fed; smaller ones go on', (t) => {
  const multiples = tf.placeholder('int32', [1]);
  const y = tf.tile(tf.constant([1, 2]), multiples);
  using session = new tf.Session(undefined, { memoryBytes: 64 * MIB });
  t.is(tiled(session, multiples, y, 1000), 2000);
  // 40 MiB of arena fit, the copy of the result beside it does not.
  for (const n of [5 * MIB, 2 ** 31 - 1]) {
    t.throws(() => tiled(session, multiples, y, n), {
      name: 'ResourceExhaustedError',
      message: /^OOM when allocating tensor/,
    });
  }
  t.is(tiled(session, multiples, y, 3 * MIB), 6 * MIB);
});

test('without a budget of its own a session leaves the host a part of the machine', (t) => {
  const multiples = tf.placeholder('int32', [1]);
  const y = tf.tile(tf.constant([1, 2]), multiples);
  using session = new tf.Session();
  const report = tf.doctor();
  t.true(session.memory().limit > 0);
  t.true(session.memory().limit <= report.memoryBytes!, `${session.memory().limit} of ${report.memoryBytes}`);
  t.throws(() => tiled(session, multiples, y, 2 ** 31 - 1), { name: 'ResourceExhaustedError' });
});
