// Values that are used as what they are not: refused with a typed error, in TensorFlow's words where it has them.
import test from 'ava';
import * as tf from '../../lib/index.js';
import { refused } from '../helpers/refused.js';

test('a tensor in a JavaScript expression: an addition may be a text that goes on', (t) => {
  const x = new tf.Graph().asDefault(() => tf.constant(1));
  const value = x as unknown as number;
  const text = 'x is ' as unknown as number;
  t.regex(
    refused(() => text + value),
    /^Using a `tf\.Tensor` with JavaScript's \+ or == is not allowed .* In a text, write String\(x\)\.$/,
  );
  t.regex(
    refused(() => value * 2),
    /^Using a `tf\.Tensor` as a JavaScript number is not allowed .* a session's value\.$/,
  );
  t.is(`${x}`, 'Tensor("Const:0", shape=(), dtype=float32)');
});

test('a size below 0 that is fed to broadcastTo is an InvalidArgumentError', (t) => {
  new tf.Graph().asDefault(() => {
    const to = tf.placeholder('int32', [null]);
    using session = new tf.Session();
    t.throws(() => session.runSync(tf.broadcastTo([1, 2], to), [[to, [-1]]]), {
      instanceOf: tf.errors.InvalidArgumentError,
      message: /^Dimension -1 must be >= 0/,
    });
  });
});

test('a constraint is a function', (t) => {
  const text = 'The `constraint` argument must be a callable.';
  const constraint = 3 as never;
  t.is(
    refused(() => new tf.Variable(1, { constraint })),
    text,
  );
  t.is(
    refused(() => tf.getVariable('w', [1], { constraint })),
    text,
  );
});

test('an enumerable property of Object.prototype is no option', (t) => {
  const prototype = Object.prototype as unknown as Record<string, unknown>;
  prototype.extend = () => undefined;
  try {
    new tf.Graph().asDefault(() => {
      using session = new tf.Session({ threads: 1 });
      t.is((session.runSync(tf.add(1, 2, { name: 'sum' })) as tf.NDArray).item(), 3);
    });
  } finally {
    delete prototype.extend;
  }
});

test('a budget of no bytes is refused, one without end is the largest', (t) => {
  t.throws(() => new tf.Session({ memoryBytes: 0 }), { instanceOf: tf.errors.ValueError });
  using session = new tf.Session({ graph: new tf.Graph(), memoryBytes: Number.POSITIVE_INFINITY });
  t.is(session.listDevices()[0]!.memoryLimitBytes, Number.MAX_SAFE_INTEGER);
});

test('graph elements are their names in JSON', (t) => {
  new tf.Graph().asDefault(() => {
    const v = new tf.Variable(1, { name: 'v' });
    t.is(JSON.stringify({ v, x: v.add(1), op: v.initializer }), '{"v":"v:0","x":"add:0","op":"v/Assign"}');
  });
});
