// The option `gpu` of a session: what it takes, and what it says of the rest.
import test from 'ava';
import * as tf from '../../lib/index.js';

const open = (gpu: unknown): void => new tf.Session(new tf.Graph(), { device: '/cpu:0', gpu: gpu as never }).close();

test('a session on the CPU takes every right gpu option and ignores it', (t) => {
  for (const gpu of [undefined, {}, { memory: 1 }, { memory: 2 ** 40, precision: 'tf32' }, { precision: 'float32' }])
    t.notThrows(() => open(gpu));
  const one = tf.constant(1);
  using sess = new tf.Session({ device: '/cpu:0', gpu: { memory: 1, precision: 'bf16' } });
  t.is(sess.runSync(one).item(), 1);
});

for (const [gpu, error, message] of [
  [{ memori: 1 }, tf.errors.GraphTypeError, /unexpected keyword argument 'memori'.*'memory'/],
  [{ memory: '1' }, tf.errors.GraphTypeError, /gpu\.memory takes a number of bytes, not str/],
  [{ memory: 0 }, tf.errors.ValueError, /gpu\.memory takes a whole number of bytes above 0, not 0/],
  [{ memory: -5 }, tf.errors.ValueError, /above 0, not -5/],
  [{ memory: 1.5 }, tf.errors.ValueError, /above 0, not 1\.5/],
  [{ memory: Number.NaN }, tf.errors.ValueError, /above 0, not NaN/],
  [{ precision: 'float16' }, tf.errors.ValueError, /gpu\.precision is 'float32', 'tf32' or 'bf16', not 'float16'/],
  [{ precision: 1 }, tf.errors.GraphTypeError, /gpu\.precision takes a string/],
  ['tf32', tf.errors.GraphTypeError, /gpu takes an object of options/],
  [null, tf.errors.GraphTypeError, /gpu takes an object of options/],
  [[1], tf.errors.GraphTypeError, /gpu takes an object of options/],
] as const) {
  test(`gpu: ${JSON.stringify(gpu) ?? gpu} -> ${error.name}`, (t) => {
    t.throws(() => open(gpu), { instanceOf: error, message });
  });
}
