// What the passes must leave alone: each test is a rewrite that would be wrong, seen in the plan or in the numbers.
import test, { type ExecutionContext } from 'ava';
import type { CompileOptions } from '../../lib/compile/stage.js';
import * as tf from '../../lib/index.js';
import type { FeedValueLike } from '../../lib/runtime/feeds.js';

type Feeds = readonly (readonly [tf.Tensor, FeedValueLike])[];

const inSession = (body: (t: ExecutionContext, session: tf.Session) => void) => (t: ExecutionContext) =>
  new tf.Graph().asDefault(() => {
    using session = new tf.Session();
    body(t, session);
  });
/** The kernels of a plan in order: `Fused(Add Mul)`, `MatMul`. */
const kernels = (session: tf.Session, fetches: Parameters<tf.Session['explain']>[0], feeds: Feeds = []): string[] =>
  session
    .explain(fetches, feeds)
    .split('\n')
    .flatMap((line) => /^ *\d+ {2}(.*?) {2}/.exec(line)?.[1] ?? []);
const values = (session: tf.Session, fetches: readonly tf.Tensor[], feeds: Feeds = []): unknown[] =>
  session.runSync([...fetches], feeds).map((value) => (value as tf.NDArray).toArray());

test(
  'cse: operations of other attributes or outputs and constants of another dtype or shape stay two',
  inSession((t, session) => {
    const x = tf.placeholder('float', [3]);
    t.deepEqual(values(session, [tf.cumsum(x), tf.cumsum(x, 0, { exclusive: true })], [[x, [1, 2, 3]]]), [
      [1, 3, 6],
      [0, 1, 3],
    ]);
    const [a, b] = tf.unstack(x, { num: 3 });
    t.deepEqual(values(session, [tf.neg(a!), tf.neg(b!)], [[x, [1, 2, 3]]]), [-1, -2]);
    const n = tf.placeholder('int32', [2]);
    const zeros = [tf.sub(n, tf.constant([0, 0], 'int32')), tf.add(tf.toFloat(n), tf.constant([0, 0]))];
    t.deepEqual(values(session, zeros, [[n, [4, 5]]]), [
      [4, 5],
      [4, 5],
    ]);
    const [column, row] = [tf.constant([[1], [2]], 'int32'), tf.constant([[1, 2]], 'int32')];
    t.deepEqual(values(session, [tf.sub(n, column), tf.sub(n, row)], [[n, [4, 5]]]), [
      [
        [3, 4],
        [2, 3],
      ],
      [[3, 3]],
    ]);
  }),
);

test(
  'cse: what waits for something else stays apart from what does not',
  inSession((t, session) => {
    const v = new tf.Variable(1);
    const x = tf.placeholder('float', []);
    const plain = tf.exp(x);
    const waiting = tf.withControl([tf.assignAdd(v, 1)], () => tf.exp(x));
    session.runSync(tf.globalVariablesInitializer());
    values(session, [plain, waiting], [[x, 0]]);
    t.deepEqual(values(session, [v.value()]), [2]);
  }),
);

test(
  'share: Adam works out its step size once for all variables, and constants of equal bytes only are one',
  inSession((t, session) => {
    const variables = [1, 2, 3].map((n) => new tf.Variable(tf.zeros([n])));
    const train = new tf.train.AdamOptimizer(0.01).applyGradients(variables.map((v) => [tf.multiply(v, 2), v]));
    const alphas = (of: tf.Session): number =>
      kernels(of, train).filter((kernel) => kernel.includes('Sub Sqrt Mul Sub RealDiv')).length;
    t.is(alphas(session), 1);
    using without = new tf.Session({ compile: { share: false, batch: false } });
    t.is(alphas(without), 3);
    const [x, n] = [tf.placeholder('float', []), tf.placeholder('int32', [])];
    const zeros = [
      tf.add(x, tf.constant(0)),
      tf.reciprocal(tf.multiply(x, tf.constant(-0))),
      tf.add(n, tf.constant(0, 'int32')),
    ];
    t.deepEqual(
      values(session, zeros, [
        [x, 1],
        [n, 3],
      ]),
      [1, Number.NEGATIVE_INFINITY, 3],
    );
  }),
);

test(
  'share: values before and after an update stay two',
  inSession((t, session) => {
    const v = new tf.Variable([1, 2]);
    session.runSync(tf.globalVariablesInitializer());
    const before = tf.exp(v.value());
    const update = tf.assignAdd(v, [1, 1]);
    const after = tf.withControl([update], () => tf.exp(tf.identity(v)));
    const [old, now] = values(session, [before, after]) as [number[], number[]];
    t.deepEqual([Math.log(old[1]!), Math.log(now[1]!)].map(Math.round), [2, 3]);
  }),
);

test(
  'share: who reads a step that is gone waits for what that one waited for',
  inSession((t, session) => {
    const [x, bad] = [tf.placeholder('float', [4]), tf.placeholder('float', [4])];
    const v = new tf.Variable([0, 0, 0, 0]);
    session.runSync(tf.globalVariablesInitializer());
    const plain = tf.exp(x);
    const check = tf.checkNumerics(bad, 'bad');
    const waiting = tf.withControl([check], () => tf.exp(x));
    const update = tf.assignAdd(v, waiting);
    const feeds: Feeds = [
      [x, [0, 0, 0, 0]],
      [bad, [1, Number.NaN, 1, 1]],
    ];
    t.is(kernels(session, [plain, update], feeds).filter((kernel) => kernel.includes('Exp')).length, 1);
    t.throws(() => session.runSync([plain, update], feeds), { message: /bad : Tensor had NaN values/ });
    t.deepEqual(values(session, [v.value()]), [[0, 0, 0, 0]]);
  }),
);

test(
  'simplify: x - (-0) is not x; 0 - 0 would be 0',
  inSession((t, session) => {
    const x = tf.placeholder('float', [1]);
    const [bits] = values(session, [tf.reciprocal(tf.sub(x, tf.constant([-0])))], [[x, [-0]]]) as [number[]];
    t.deepEqual(bits, [Number.POSITIVE_INFINITY]);
    const scalar = tf.placeholder('float', []);
    t.deepEqual(values(session, [tf.reciprocal(tf.sub(scalar, tf.constant(-0)))], [[scalar, -0]]), [
      Number.POSITIVE_INFINITY,
    ]);
  }),
);

test(
  'simplify: only a transpose by the inverse permutation vanishes',
  inSession((t, session) => {
    const x = tf.placeholder('float', [2, 3, 4]);
    const feeds: Feeds = [
      [
        x,
        new tf.NDArray(
          tf.float32,
          [2, 3, 4],
          Float32Array.from({ length: 24 }, (_, i) => i),
        ),
      ],
    ];
    const twice = (first: number[], second: number[]) => tf.transpose(tf.transpose(x, first), second);
    t.deepEqual(kernels(session, [tf.exp(twice([1, 2, 0], [2, 0, 1]))], feeds), ['Fused(Exp)']);
    t.deepEqual(kernels(session, [tf.exp(twice([1, 2, 0], [1, 2, 0]))], feeds), [
      'Transpose',
      'Transpose',
      'Fused(Exp)',
    ]);
  }),
);

test(
  'simplify: a product of transposes has the right flags, and a transpose of the batch is none',
  inSession((t, session) => {
    const x = tf.placeholder('float', [2, 2]);
    const feeds: Feeds = [
      [
        x,
        [
          [1, 2],
          [3, 4],
        ],
      ],
    ];
    const turned = tf.transpose(x, [1, 0]);
    // The transpose and the flag cancel out: x x.
    t.deepEqual(values(session, [tf.matmul(turned, x, { transposeA: true })], feeds), [
      [
        [7, 10],
        [15, 22],
      ],
    ]);
    const batch = tf.placeholder('float', [2, 2, 1, 1]);
    const data = new tf.NDArray(tf.float32, [2, 2, 1, 1], Float32Array.of(1, 2, 3, 4));
    const product = tf.matmul(tf.transpose(batch, [1, 0, 3, 2]), tf.constant(1, 'float', [1, 1, 1, 1]));
    t.deepEqual(values(session, [tf.reshape(product, [-1])], [[batch, data]]), [[1, 3, 2, 4]]);
  }),
);

test(
  'simplify: an operation that waits for something does not vanish',
  inSession((t, session) => {
    const v = new tf.Variable(0);
    const x = tf.placeholder('float', [2, 2]);
    const flat = tf.constant([4], 'int32');
    // In the first the constant waits as well, in the second the operation alone does.
    const inner = [() => tf.reshape(x, [4]), () => tf.reshape(x, flat)].map((make) =>
      tf.withControl([tf.assignAdd(v, 1)], make),
    );
    session.runSync(tf.globalVariablesInitializer());
    const zeros = [
      [0, 0],
      [0, 0],
    ];
    for (const [i, one] of inner.entries()) {
      values(session, [tf.reshape(one, [2, 2])], [[x, zeros]]);
      t.deepEqual(values(session, [v.value()]), [i + 1]);
    }
  }),
);

test(
  'fold: constants are computed once, but neither what waits for something nor what would make a large plan',
  inSession((t, session) => {
    const x = tf.placeholder('float', [2]);
    const folded = tf.mul(x, tf.exp(tf.constant([1, 2])));
    t.deepEqual(kernels(session, [folded], [[x, [0, 0]]]), ['Fused(Mul)']);
    const v = new tf.Variable(1);
    session.runSync(tf.globalVariablesInitializer());
    const update = tf.assignAdd(v, 1);
    const waiting = tf.withControl([update], () => tf.exp(tf.constant([1, 2])));
    // One that may not be folded does not keep another from it.
    const both = tf.add(tf.mul(x, waiting), tf.exp(tf.constant([3, 4])));
    const plan = kernels(session, [both], [[x, [0, 0]]]).join();
    t.is(plan.split('Exp').length, 2, plan);
    values(session, [both], [[x, [0, 0]]]);
    t.deepEqual(values(session, [v.value()]), [2]);
    const large = tf.reduceSum(tf.exp(tf.transpose(tf.tile(tf.constant([[1, 2]]), [1000, 300]))));
    const scaled = kernels(session, [tf.mul(x, large)], [[x, [0, 0]]]);
    t.true(scaled.includes('Tile'), scaled.join());
  }),
);

test(
  'fuse: no tape stores more than 8 values',
  inSession((t, session) => {
    const x = tf.placeholder('float', [4]);
    const chain: tf.Tensor[] = [x];
    for (let i = 0; i < 20; i++) chain.push(tf.add(chain.at(-1)!, 1));
    const results = values(session, chain, [[x, [0, 0, 0, 0]]]);
    t.deepEqual(
      results.map((value) => (value as number[])[3]),
      Array.from({ length: 21 }, (_, i) => i),
    );
  }),
);

test(
  'fuse: two views of one memory are two inputs',
  inSession((t, session) => {
    const x = tf.placeholder('float', [3]);
    const outer = tf.sub(tf.reshape(x, [3, 1]), tf.reshape(x, [1, 3]));
    t.deepEqual(values(session, [tf.square(outer)], [[x, [1, 2, 4]]]), [
      [
        [0, 1, 9],
        [1, 0, 4],
        [9, 4, 0],
      ],
    ]);
  }),
);

test(
  'fuse: a variable is not updated in the tape that reads it broadcast',
  inSession((t, session) => {
    const v = new tf.Variable([[1], [2]]);
    session.runSync(tf.globalVariablesInitializer());
    const rows = tf.tile(v.value(), [1, 1]);
    const x = tf.placeholder('float', [2, 1]);
    const scalar = new tf.Variable(3);
    session.runSync(scalar.initializer);
    // [2, 1] by scalar: the scalar is read for both rows, and then grows by a tape of its own space.
    const scaled = tf.mul(x, scalar);
    const grown = tf.assignAdd(scalar, 4);
    const column = [[1], [2]];
    t.deepEqual(values(session, [scaled, grown, rows], [[x, column]]), [[[3], [6]], 7, column]);
  }),
);

test(
  'control: an update runs after the check it waits for, though a tape could take it along',
  inSession((t, session) => {
    const x = tf.placeholder('float', [4]);
    const bad = tf.placeholder('float', [4]);
    const v = new tf.Variable([0, 0, 0, 0]);
    session.runSync(tf.globalVariablesInitializer());
    const made = tf.exp(x);
    const check = tf.checkNumerics(bad, 'bad');
    const update = tf.withControl([check], () => tf.assignAdd(v, made));
    const feeds: Feeds = [
      [x, [1, 1, 1, 1]],
      [bad, [1, Number.NaN, 1, 1]],
    ];
    t.deepEqual(kernels(session, [update], feeds), ['CheckNumerics', 'Fused(Exp Add)']);
    t.throws(() => session.runSync(update, feeds), { name: 'InvalidArgumentError' });
    t.deepEqual(values(session, [v.value()]), [[0, 0, 0, 0]]);
    // The same through a step that nothing reads, and that is dropped.
    const idle = tf.withControl([check], () => tf.reduceSum(x));
    const later = tf.withControl([idle], () => tf.assignAdd(v, made));
    t.deepEqual(kernels(session, [later], feeds), ['CheckNumerics', 'Fused(Exp Add)']);
    t.throws(() => session.runSync(later, feeds), { name: 'InvalidArgumentError' });
    t.deepEqual(values(session, [v.value()]), [[0, 0, 0, 0]]);
    // And through a tape that has been taken along: the second update waits for the first, which waits for the check.
    const w = new tf.Variable(0);
    session.runSync(w.initializer);
    const second = tf.withControl([update], () => tf.assignAdd(w, 1));
    t.throws(() => session.runSync([second, update], feeds), { name: 'InvalidArgumentError' });
    t.deepEqual(values(session, [w.value()]), [0]);
  }),
);

test(
  'memory: an input that is read again later, or broadcast, is not overwritten',
  inSession((t, session) => {
    const x = tf.placeholder('float', [4]);
    const sums = tf.cumsum(x);
    const scan = tf.cumsum(tf.exp(sums));
    const feeds: Feeds = [[x, [0, 0, 0, 1]]];
    t.deepEqual(values(session, [tf.add(tf.reduceMax(scan), tf.mul(sums, 0)), sums], feeds), [
      Array(4).fill(Math.fround(3 + Math.E)),
      [0, 0, 0, 1],
    ]);
    // [4, 1] and [1, 4] of the same memory, as large as the result of [4, 1] alone.
    const made = tf.cumsum(x);
    const outer = tf.sub(tf.reshape(made, [4, 1]), tf.reshape(made, [1, 4]));
    t.deepEqual(values(session, [outer], feeds), [
      [
        [0, 0, 0, -1],
        [0, 0, 0, -1],
        [0, 0, 0, -1],
        [1, 1, 1, 0],
      ],
    ]);
    // As many bytes as the result, but half its elements.
    const wide = tf.placeholder('double', [2, 1]);
    const row = tf.placeholder('double', [1, 2]);
    const narrow = tf.toFloat(tf.add(tf.cumsum(wide), row));
    const numbers: Feeds = [
      [wide, [[1], [2]]],
      [row, [[10, 20]]],
    ];
    t.deepEqual(values(session, [narrow], numbers), [
      [
        [11, 21],
        [13, 23],
      ],
    ]);
  }),
);

test(
  'memory: of two results of one tape only one takes the memory of what dies in it',
  inSession((t, session) => {
    const x = tf.placeholder('float', [4]);
    const sums = tf.cumsum(x);
    const both = [tf.add(sums, 1), tf.multiply(sums, 2)] as const;
    const last = tf.add(tf.cumsum(both[0]), tf.multiply(tf.add(both[1], both[0]), 10));
    const feeds: Feeds = [[x, [1, 1, 1, 1]]];
    t.deepEqual(values(session, [last], feeds), [[42, 75, 109, 144]]);
    // One is a target, which is computed though nothing reads it.
    const squares = tf.square(sums);
    const [, doubled] = session.runSync([tf.neg(squares).op, tf.multiply(squares, 2)], feeds);
    t.deepEqual((doubled as tf.NDArray).toArray(), [2, 8, 18, 32]);
  }),
);

test(
  'stages: an update does not overtake the one before it that waits for data',
  inSession((t, session) => {
    const v = new tf.Variable(0);
    session.runSync(tf.globalVariablesInitializer());
    const x = tf.placeholder('int32', [3]);
    const found = tf.unique(x).y;
    const first = tf.assign(v, tf.reduceSum(tf.fill(tf.shape(found), 5)));
    const second = tf.assignAdd(v, 1);
    session.runSync([first.op, second.op], [[x, [7, 8, 7]]]);
    t.deepEqual(values(session, [v.value()]), [11]);
  }),
);

test('epilogues: a variable that a product reads is updated after it, however large it is and whatever else the product ends in', (t) => {
  // W on the left: the gradient of W2 is made before the product that brings the error back through W2.
  const step = (n: number, optimizer: () => tf.train.Optimizer, compile: CompileOptions): number[] =>
    new tf.Graph().asDefault(() => {
      const fill = (shape: [number, number], k: number): tf.NDArray =>
        tf.ndarray(
          Float32Array.from({ length: shape[0] * shape[1] }, (_, i) => Math.sin(i * k) / Math.sqrt(shape[1])),
          shape,
        );
      const [W1, W2] = [new tf.Variable(fill([n, n], 1)), new tf.Variable(fill([n, n], 2))];
      const x = tf.placeholder('float32', [n, 8]);
      const loss = tf.reduceSum(tf.square(tf.matmul(W2, tf.tanh(tf.matmul(W1, x))).sub(1)));
      const train = optimizer().minimize(loss);
      using session = new tf.Session({ compile });
      session.runSync(tf.globalVariablesInitializer());
      for (let i = 0; i < 2; i++) session.runSync(train, [[x, fill([n, 8], 3)]]);
      return session.runSync([W1, W2]).flatMap((value) => Array.from((value as tf.NDArray).data as Float32Array));
    });
  for (const n of [8, 200])
    for (const optimizer of [
      () => new tf.train.GradientDescentOptimizer(0.01),
      () => new tf.train.MomentumOptimizer(0.01, 0.9),
      () => new tf.train.AdamOptimizer(0.01),
    ])
      t.deepEqual(step(n, optimizer, {}), step(n, optimizer, { epilogues: false, batch: false }), `${n}`);
  for (const n of [3, 300])
    new tf.Graph().asDefault(() => {
      const W = new tf.Variable(tf.fill([n, n], 2));
      const h = tf.placeholder('float32', [n, 1]);
      const product = tf.matmul(W, tf.reverse(h, [0]));
      using session = new tf.Session();
      session.runSync(W.initializer);
      const feeds: Feeds = [[h, new Float32Array(n).fill(1)]];
      const update = tf.withControl([product.op], () => tf.assignSub(W, tf.matmul(h, tf.transpose(h))));
      t.is((session.runSync([update, product], feeds)[1] as tf.NDArray).at(0), 2 * n);
      t.is((session.runSync([update, product], feeds)[1] as tf.NDArray).at(0), n);
    });
});

test(
  'fuse: a way that leads through tapes that were joined before is seen',
  inSession((t, session) => {
    const one = tf.placeholder('float32', []);
    const x = tf.placeholder('float32', [17, 5]);
    const a = tf.exp(x);
    const sum = tf.reduceSum(a);
    const c = tf.exp(one);
    // sum and a * c are one tape, which waits for c; so c cannot be one with c / sum.
    const feeds: Feeds = [
      [one, 0],
      [x, new Float32Array(85)],
    ];
    const [product, quotient] = session.runSync([a.mul(c), tf.truediv(c, sum)], feeds) as [tf.NDArray, tf.NDArray];
    t.true((product.data as Float32Array).every((value) => value === 1));
    t.is(quotient.at(0), Math.fround(1 / 85));
  }),
);

test('what waits for a reader of a part of a split waits for what the split waits for, whether the reader has a step or not', (t) => {
  const readers: Readonly<Record<string, (part: tf.Tensor) => tf.Tensor>> = {
    alias: (part) => tf.identity(part),
    view: (part) => tf.reshape(part, [2, 1]),
    dropped: (part) => tf.exp(part),
  };
  for (const [name, read] of Object.entries(readers))
    new tf.Graph().asDefault(() => {
      const w = new tf.Variable([0, 0]);
      const p = tf.placeholder('float32', [4]);
      const q = tf.placeholder('float32', [2]);
      const made = tf.exp(tf.neg(q)); // before the assertion in the order of creation
      const assertion = tf.Assert(tf.less(tf.reduceMax(p), 0), ['bad']);
      const parts = tf.withControl([assertion], () => tf.split(p, 2));
      const update = tf.withControl([read(parts[0]!).op], () => tf.assignAdd(w, made));
      using session = new tf.Session();
      session.runSync(w.initializer);
      const feeds: Feeds = [
        [p, [1, 2, 3, 4]],
        [q, [0, 0]],
      ];
      for (const fetches of [[update], [update, parts[1]!]])
        t.throws(() => session.runSync(fetches, feeds), { message: /assertion failed: \[bad\]/ }, name);
      t.deepEqual(session.runSync(w).toArray(), [0, 0], name);
    });
});
