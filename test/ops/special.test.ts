// Ops that have no values of their own to compare: control, checks and what feeds graphs.
import test from 'ava';
import { findOp } from '../../lib/core/defineOp.js';
import * as tf from '../../lib/index.js';

const inGraph = (run: () => void): void => new tf.Graph().asDefault(run);

test('PlaceholderWithDefault gives its default unless it is fed', (t) => {
  inGraph(() => {
    const x = tf.placeholderWithDefault(tf.constant([1, 2]), [null]);
    using session = new tf.Session();
    t.deepEqual(session.runSync(x).toArray(), [1, 2]);
    t.deepEqual(session.runSync(x, [[x, [5, 6, 7]]]).toArray(), [5, 6, 7]);
  });
});

test('a reduction over dimensions of one gives the elements themselves, as in TensorFlow: -0 stays -0', (t) => {
  inGraph(() => {
    const x = tf.placeholder('float32', [null, null, 1]);
    const reduced = [tf.reduceSum(x, 2), tf.reduceMean(x, [0, 2], { keepDims: true }), tf.reduceProd(x, [-1, 0])];
    using session = new tf.Session();
    const one = session.runSync(reduced, [[x, tf.ndarray(Float32Array.of(-0, 3), [1, 2, 1])]]);
    t.deepEqual(
      one.map(({ data, shape }) => [[...data], shape]),
      [
        [
          [-0, 3],
          [1, 2],
        ],
        [
          [-0, 3],
          [1, 2, 1],
        ],
        [[-0, 3], [2]],
      ],
    );
    const two = session.runSync(reduced, [[x, tf.ndarray(Float32Array.of(-0, 3, -0, 5), [2, 2, 1])]]);
    t.deepEqual(
      two.map(({ data }) => [...data]),
      [
        [-0, 3, -0, 5],
        [0, 4],
        [0, 15],
      ],
    );
  });
});

test('IdentityN gives every input', (t) => {
  inGraph(() => {
    const outputs = findOp('IdentityN')!({ input: [tf.constant([1, 2]), tf.constant('a'), tf.constant(3n)] }).outputs;
    using session = new tf.Session();
    t.deepEqual(
      session.runSync([...outputs]).map((value) => (value as tf.NDArray).toArray()),
      [[1, 2], 'a', 3n],
    );
  });
});

test('NoOp runs what it waits for and gives null', (t) => {
  inGraph(() => {
    const ref = findOp('VariableV2')!({}, { shape: new tf.TensorShape([]), dtype: tf.float32 }).output;
    const assign = findOp('Assign')!({ ref, value: tf.constant(7) });
    const done = tf.withControl([assign], () => findOp('NoOp')!({}));
    using session = new tf.Session();
    t.is(session.runSync(done), null);
    t.is(session.runSync(tf.identity(ref)).item(), 7);
  });
});

test('IsVariableInitialized follows the first assignment, for each session on its own', (t) => {
  inGraph(() => {
    const ref = findOp('VariableV2')!({}, { shape: new tf.TensorShape([2]), dtype: tf.float32 }).output;
    const known = findOp('IsVariableInitialized')!({ ref }).output;
    const assign = findOp('Assign')!({ ref, value: tf.constant([1, 2]) });
    using first = new tf.Session();
    using second = new tf.Session();
    t.is(first.runSync(known).item(), false);
    first.runSync(assign);
    t.is(first.runSync(known).item(), true);
    t.is(second.runSync(known).item(), false);
  });
});

test('Assert lets true pass and names the values where it is false', (t) => {
  inGraph(() => {
    const condition = tf.placeholder('bool', []);
    const check = findOp('Assert')!(
      { condition, data: [tf.constant('x is'), tf.constant([1, 2, 3, 4])] },
      { summarize: 3 },
    );
    using session = new tf.Session();
    t.is(session.runSync(check, [[condition, true]]), null);
    t.throws(() => session.runSync(check, [[condition, false]]), {
      code: 'INVALID_ARGUMENT',
      message: /assertion failed: \[x is\] \[1 2 3\.\.\.\]/,
    });
    t.is(session.runSync(check, [[condition, true]]), null);
  });
});

test('Print gives its input, and its line goes where the session says, at most firstN times', (t) => {
  inGraph(() => {
    const lines: string[] = [];
    const x = tf.placeholder('float', [null]);
    const shown = findOp('Print')!(
      { input: x, data: [x, tf.constant(true)] },
      { message: 'x: ', first_n: 2, summarize: 2 },
    ).output;
    using session = new tf.Session({ onLog: (line) => lines.push(line.trim()) });
    for (let run = 0; run < 3; run++) t.deepEqual(session.runSync(shown, [[x, [1, 2, 3]]]).toArray(), [1, 2, 3]);
    t.deepEqual(lines, ['x: [1 2...][1]', 'x: [1 2...][1]']);
  });
});

test('Print and Assert show strings among numbers, constant or fed', (t) => {
  inGraph(() => {
    const lines: string[] = [];
    using session = new tf.Session({ onLog: (line) => lines.push(line.trim()) });
    const words = tf.placeholder('string', [null]);
    const data = [tf.constant('hi'), tf.constant([1.5]), words, tf.constant(true), tf.constant(7n)];
    const feed = [[words, ['a', 'b', 'c', 'd']]] as const;
    session.runSync(tf.Print(tf.constant([1, 2]), data, { message: 'm: ' }), feed);
    session.runSync(tf.Print(tf.constant([1, 2]), [tf.constant('hi'), tf.constant([1.5])], { message: 'm: ' }));
    t.deepEqual(lines, ['m: [hi][1.5][a b c...][1][7]', 'm: [hi][1.5]']);
    t.throws(() => session.runSync(tf.Assert(false, [tf.constant('x'), tf.constant(1.5), words]), feed), {
      code: 'INVALID_ARGUMENT',
      message: /assertion failed: \[x\] \[1\.5\] \[a b c\.\.\.\]/,
    });
  });
});
