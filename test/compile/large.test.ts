// Plans of large programs are made in time that grows with the program. The bounds are generous: what was quadratic took minutes.
import test from 'ava';
import * as tf from '../../lib/index.js';

const seconds = (run: () => void): number => {
  const start = performance.now();
  run();
  return (performance.now() - start) / 1000;
};

test('a constant of 300,000 strings is planned at once', (t) => {
  new tf.Graph().asDefault(() => {
    const words = tf.constant(Array.from({ length: 300_000 }, (_, i) => `w${i}`));
    using session = new tf.Session();
    const taken = seconds(() => t.is(session.runSync(tf.reverse(words, [0])).at(0), 'w299999'));
    t.true(taken < 20, `${taken} s`);
  });
});

test('the gradient of an unrolled loop of 8000 rounds is planned in seconds', (t) => {
  new tf.Graph().asDefault(() => {
    const start = tf.placeholder('float', [1, 2]);
    const weights = tf.constant([
      [1, 0],
      [0, 1],
    ]);
    let state: tf.Tensor = start;
    for (let i = 0; i < 8000; i++) state = tf.tanh(tf.matmul(state, weights));
    const grads = tf.gradients(state, [start]) as tf.Tensor[];
    using session = new tf.Session();
    const taken = seconds(() => void session.runSync(grads[0]!, [[start, [[0, 0]]]]));
    t.true(taken < 25, `${taken} s`);
  });
});

test('a step of 130,000 inputs and a message of 1 MB have plans', (t) => {
  new tf.Graph().asDefault(() => {
    const one = tf.constant([1]);
    using session = new tf.Session({ compile: { simplify: false, fold: false, cse: false } });
    const x = tf.placeholder('float', [1]);
    const many = tf.concat(new Array<tf.Tensor>(130_000).fill(x), 0);
    t.is(session.runSync(many, [[x, [3]]]).size, 130_000);
    t.is(session.runSync(tf.checkNumerics(one, 'x'.repeat(1e6))).item(), 1);
  });
});
