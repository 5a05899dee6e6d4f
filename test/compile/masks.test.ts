// Rows that a mask chooses: one kernel in place of a gather by indices, with the same values, errors and gradients.
import test from 'ava';
import * as tf from '../../lib/index.js';

const kernelsOf = (
  session: tf.Session,
  fetch: tf.Tensor,
  feeds: Iterable<readonly [tf.Tensor, tf.FeedValueLike]>,
): string[] =>
  [...session.explain(fetch, feeds).matchAll(/^ {2}\d+ {2}(\w+(?:\([^)]*\))?)/gm)].map(([, kernel]) => kernel!);

test('booleanMask along the first axis is one kernel, and the values of every dtype and shape are those of the gather', (t) => {
  const graph = new tf.Graph();
  graph.asDefault(() => {
    using whole = new tf.Session({ graph });
    using plain = new tf.Session({ graph, compile: { simplify: false } });
    const dtypes = ['float32', 'float64', 'int32', 'int64', 'uint8', 'bool'] as const;
    for (const dtype of dtypes) {
      for (const [shape, masked] of [
        [[7], 1],
        [[7, 3], 1],
        [[7, 3], 2],
        [[2, 7, 5], 2],
        [[1, 4], 1],
      ] as const) {
        const x = tf.placeholder('float64', shape);
        const mask = tf.placeholder('bool', shape.slice(0, masked));
        const y = tf.booleanMask(tf.cast(x, dtype), mask);
        const size = shape.reduce((product: number, dim) => product * dim, 1);
        const rows = shape.slice(0, masked).reduce((product: number, dim) => product * dim, 1);
        for (const of of [1, 2, 3, 100]) {
          const feeds = [
            [
              x,
              new tf.NDArray(
                tf.float64,
                [...shape],
                Float64Array.from({ length: size }, (_, i) => i % 120),
              ),
            ],
            [
              mask,
              new tf.NDArray(
                tf.bool,
                shape.slice(0, masked),
                Uint8Array.from({ length: rows }, (_, i) => +(i % of === of - 1)),
              ),
            ],
          ] as const;
          const [found, expected] = [whole.runSync(y, feeds), plain.runSync(y, feeds)];
          t.deepEqual(
            [found.shape, found.data, found.dtype],
            [expected.shape, expected.data, expected.dtype],
            `${dtype} [${shape}] ${of}`,
          );
          t.is(kernelsOf(whole, y, feeds).at(-1), 'BooleanMask');
        }
      }
    }
  });
});

test('booleanMask: what follows it, its gradient and what is no mask of rows', (t) => {
  const graph = new tf.Graph();
  graph.asDefault(() => {
    const x = tf.placeholder('float64', [4, 2]);
    const mask = tf.placeholder('bool', [4]);
    using session = new tf.Session({ graph });
    const feeds = [
      [
        x,
        [
          [1, 2],
          [3, 4],
          [5, 6],
          [7, 8],
        ],
      ],
      [mask, [true, false, false, true]],
    ] as const;
    const rows = tf.booleanMask(x, mask);
    t.is(session.runSync(tf.reduceSum(tf.square(rows)), feeds).item(), 1 + 4 + 49 + 64);
    t.deepEqual(session.runSync(tf.gradients(tf.reduceSum(tf.square(rows)), x)[0] as tf.Tensor, feeds).toArray(), [
      [2, 4],
      [0, 0],
      [0, 0],
      [14, 16],
    ]);
    // Rows and their places together.
    t.deepEqual(
      session.runSync([rows, tf.where(mask)], feeds).map((value) => value.toArray()),
      [
        [
          [1, 2],
          [7, 8],
        ],
        [[0n], [3n]],
      ],
    );
    const flags = tf.booleanMask(x, [true, false], { axis: 1 });
    t.deepEqual(session.runSync(flags, feeds).toArray(), [[1], [3], [5], [7]]);
    t.deepEqual(
      session.runSync(tf.gather(x, tf.squeeze(tf.where(tf.greater([0, 2, 0, 1], 0)), [1])), feeds).toArray(),
      [
        [3, 4],
        [7, 8],
      ],
    );
    // Numbers that are not zero are no bools; two coordinates are no places; without dims one place is a scalar.
    t.deepEqual(session.runSync(tf.gather(x, tf.squeeze(tf.where([0, -2, 0, 1]), [1])), feeds).toArray(), [
      [3, 4],
      [7, 8],
    ]);
    t.deepEqual(
      session.runSync(tf.gather(x, tf.squeeze(tf.where(tf.greater([0, 2, 0, 0], 0)))), feeds).toArray(),
      [3, 4],
    );
    t.deepEqual(
      session.runSync(tf.gather(tf.constant(['a', 'b', 'c', 'd']), tf.squeeze(tf.where(mask), [1])), feeds).toArray(),
      ['a', 'd'],
    );
  });
});

test('a gather by a mask that is longer than the rows fails as the gather does', (t) => {
  const graph = new tf.Graph();
  graph.asDefault(() => {
    const x = tf.placeholder('float32', [3]);
    const mask = tf.placeholder('bool', [5]);
    const y = tf.gather(x, tf.squeeze(tf.where(mask), [1]), { name: 'rows' });
    for (const simplify of [true, false]) {
      using session = new tf.Session({ graph, compile: { simplify } });
      t.deepEqual(
        session
          .runSync(y, [
            [x, [1, 2, 3]],
            [mask, [false, true, true, false, false]],
          ])
          .toArray(),
        [2, 3],
      );
      const error = t.throws(
        () =>
          session.runSync(y, [
            [x, [1, 2, 3]],
            [mask, [true, false, false, false, true]],
          ]),
        {
          instanceOf: tf.errors.InvalidArgumentError,
          message: /^indices\[1\] = 4 is not in \[0, 3\)/,
        },
      );
      t.is(error?.node, 'rows');
    }
  });
});
