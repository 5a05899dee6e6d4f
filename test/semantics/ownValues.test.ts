// A graph keeps the values it is given: what the caller does to an array afterwards does not reach it.
import test from 'ava';
import * as tf from '../../lib/index.js';

const fresh = (build: (array: tf.NDArray) => tf.Tensor, array: tf.NDArray, change: () => void): string =>
  new tf.Graph().asDefault(() => {
    const made = build(array);
    change();
    const session = new tf.Session();
    session.runSync(tf.globalVariablesInitializer());
    const text = String(session.runSync(made));
    session.close();
    return text;
  });

const BUILDS: readonly [string, (array: tf.NDArray) => tf.Tensor, string][] = [
  ['constant', (array) => tf.constant(array), '[1. 2.]'],
  ['constant of a dtype', (array) => tf.constant(array, 'float'), '[1. 2.]'],
  ['constant of a shape', (array) => tf.constant(array, { shape: [2, 1] }), '[[1.]\n [2.]]'],
  ['convertToTensor', (array) => tf.convertToTensor(array), '[1. 2.]'],
  ['a literal operand', (array) => tf.constant([0, 0]).add(array), '[1. 2.]'],
  ['an argument', (array) => tf.square(array), '[1. 4.]'],
  ['a variable', (array) => new tf.Variable(array).asTensor(), '[1. 2.]'],
];
for (const [title, build, expected] of BUILDS) {
  test(`${title}: an NDArray is copied`, (t) => {
    const array = tf.ndarray([1, 2]);
    const change = (): void => {
      (array.data as Float32Array)[0] = 9;
    };
    t.is(fresh(build, array, change), expected);
  });
}

test('a Buffer and a subclass are copied too, whose own slice is the same memory', (t) => {
  class Shared extends Int32Array {
    override slice(): this {
      return this;
    }
  }
  const buffer = Buffer.from([1, 2]);
  const shared = Shared.of(1, 2) as Shared;
  const text = Buffer.from('ab');
  const builds = [() => tf.constant(buffer, 'uint8'), () => tf.constant(tf.ndarray(buffer)), () => tf.constant(shared)];
  for (const build of builds) {
    buffer.set([1, 2]);
    shared.set([1, 2]);
    const change = (): void => {
      buffer.fill(9);
      shared.fill(9);
    };
    t.is(fresh(build, tf.ndarray(0), change), '[1 2]');
  }
  const array = tf.ndarray(buffer);
  buffer.fill(7);
  t.deepEqual([...(array.data as Uint8Array)], [9, 9]);
  t.is(
    fresh(
      () => tf.constant(text, 'string'),
      tf.ndarray(0),
      () => text.fill('x'),
    ),
    'ab',
  );
});

test('a constant of strings copies the array and its bytes', (t) => {
  const bytes = new TextEncoder().encode('ab');
  const array = new tf.NDArray(tf.string, [2], ['x', bytes]);
  const change = (): void => {
    array.data[0] = 'z' as never;
    bytes[0] = 0x7a;
  };
  t.is(
    fresh((given) => tf.constant(given), array, change),
    String(new tf.NDArray(tf.string, [2], ['x', 'ab'])),
  );
});
