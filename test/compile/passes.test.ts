// The passes one by one: what each leaves of a small program, as the plan's own printer shows it.
import test from 'ava';
import { prepare } from '../../lib/compile/pipeline.js';
import type { CompileOptions, Stage } from '../../lib/compile/stage.js';
import * as tf from '../../lib/index.js';

type Shape = readonly number[];

/** The first stage of a program with feeds of zeros. */
const compile = (
  fetches: readonly tf.Tensor[],
  feeds: readonly (readonly [tf.Tensor, Shape])[] = [],
  options: CompileOptions = {},
  targets: readonly tf.Operation[] = [],
): Stage => {
  const prepared = prepare(
    { graph: tf.getDefaultGraph(), fetches, targets, feeds: feeds.map(([tensor]) => tensor) },
    options,
  );
  const values = feeds.map(([tensor, shape], i) => {
    if (!prepared.valueFeeds.includes(i)) return { shape, array: null };
    const array = new tf.NDArray(
      tensor.dtype,
      shape,
      new tensor.dtype.array!(shape.reduce((size, dim) => size * dim, 1)),
    );
    return { shape, array };
  });
  return prepared.specialize(values, new Map());
};
/** `Fused(Add Mul)`, `MatMul`: the kernels of a stage in order. */
const kernels = (stage: Stage): string[] =>
  stage
    .explain()
    .split('\n')
    .flatMap((line) => /^ *\d+ {2}(.*?) {2}/.exec(line)?.[1] ?? []);
const inGraph = (body: () => void) => () => new tf.Graph().asDefault(body);

test('prune: what no fetch needs is not in the plan', (t) =>
  inGraph(() => {
    const x = tf.placeholder('float', [2]);
    const y = tf.exp(x);
    tf.log(x);
    t.deepEqual(kernels(compile([y], [[x, [2]]])), ['Fused(Exp)']);
  })());

test('prune: a fed intermediate cuts its ancestors', (t) =>
  inGraph(() => {
    const x = tf.placeholder('float', [2]);
    const y = tf.exp(x);
    const z = tf.log(y);
    t.deepEqual(kernels(compile([z], [[y, [2]]])), ['Fused(Log)']);
    t.throws(() => compile([z]), {
      message: /^You must feed a value for placeholder tensor 'Placeholder' with dtype float and shape \[2\]/,
    });
  })());

test('cse: equal stateless operations are computed once, random ones never', (t) =>
  inGraph(() => {
    const x = tf.placeholder('float', [2]);
    const y = tf.add(tf.exp(x), tf.exp(x));
    t.deepEqual(kernels(compile([y], [[x, [2]]])), ['Fused(Exp Add)']);
    const noise = tf.add(tf.randomUniform([2]), tf.randomUniform([2]));
    t.is(kernels(compile([noise])).filter((kernel) => kernel === 'RandomUniform').length, 2);
  })());

test('cse: a commutative operation is the same with its inputs exchanged, a subtraction is not', (t) =>
  inGraph(() => {
    const x = tf.placeholder('float', [2]);
    const y = tf.placeholder('float', [2]);
    const same = tf.sub(tf.multiply(x, y), tf.multiply(y, x));
    t.deepEqual(
      kernels(
        compile(
          [same],
          [
            [x, [2]],
            [y, [2]],
          ],
        ),
      ),
      ['Fused(Mul Sub)'],
    );
    const other = tf.multiply(tf.sub(x, y), tf.sub(y, x));
    t.deepEqual(
      kernels(
        compile(
          [other],
          [
            [x, [2]],
            [y, [2]],
          ],
        ),
      ),
      ['Fused(Sub Sub Mul)'],
    );
  })());

const SIMPLIFIED: readonly [string, (x: tf.Tensor) => tf.Tensor, string[]][] = [
  ['x * 1 is x', (x) => tf.exp(tf.multiply(x, 1)), ['Fused(Exp)']],
  ['1 * x is x', (x) => tf.exp(tf.multiply(1, x)), ['Fused(Exp)']],
  ['x / 1 is x', (x) => tf.exp(tf.truediv(x, 1)), ['Fused(Exp)']],
  ['x - 0 is x', (x) => tf.exp(tf.subtract(x, 0)), ['Fused(Exp)']],
  ['x + 0 is not x: -0 + 0 is 0', (x) => tf.exp(tf.add(x, 0)), ['Fused(Add Exp)']],
  ['a transpose of its inverse is x', (x) => tf.exp(tf.transpose(tf.transpose(x, [1, 0]), [1, 0])), ['Fused(Exp)']],
  ['a transpose feeding a product becomes its flag', (x) => tf.matmul(tf.transpose(x, [1, 0]), x), ['MatMul']],
  ['x ** 2 is a square', (x) => tf.pow(x, 2), ['Fused(Square)']],
  ['x ** 0.5 is a root', (x) => tf.pow(x, 0.5), ['Fused(Sqrt)']],
  ['x ** -0.5 is the reciprocal of one', (x) => tf.pow(x, -0.5), ['Fused(Rsqrt)']],
  ['1 / x by a power', (x) => tf.pow(x, -1), ['Fused(Reciprocal)']],
  ['x ** 1 is x', (x) => tf.exp(tf.pow(x, 1)), ['Fused(Exp)']],
  ['x ** 3 is x times its square', (x) => tf.pow(x, 3), ['Fused(Square Mul)']],
  ['x ** 4 and powers of several exponents stay', (x) => tf.pow(tf.pow(x, 4), [3, 3]), ['Fused(Pow Pow)']],
  ['xor is one comparison', (x) => tf.logicalXor(tf.less(x, 1), tf.less(2, x)), ['Fused(Less Less NotEqual)']],
  [
    'or without both, of other operands, is no xor',
    (x) => {
      const [a, b, c] = [tf.less(x, 1), tf.less(2, x), tf.less(x, 3)];
      return tf.logicalAnd(tf.logicalOr(a, b), tf.logicalNot(tf.logicalAnd(a, c)));
    },
    ['Fused(Less Less Less LogicalOr LogicalAnd LogicalNot LogicalAnd)'],
  ],
  ['reshape of reshape is one view', (x) => tf.exp(tf.reshape(tf.reshape(x, [4]), [2, 2])), ['Fused(Exp)']],
];
for (const [title, build, expected] of SIMPLIFIED) {
  test(`simplify: ${title}`, (t) =>
    inGraph(() => {
      const x = tf.placeholder('float', [2, 2]);
      t.deepEqual(kernels(compile([build(x)], [[x, [2, 2]]])), expected);
    })());
}

test('simplify: powers by simple exponents have the bits of what they are replaced by, and integers no roots', (t) =>
  inGraph(() => {
    const values = [0, -0, 1, -1.5, 3.3, 1e-40, 1e30, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, Number.NaN];
    for (const dtype of ['float32', 'float64'] as const) {
      const x = tf.placeholder(dtype, [values.length]);
      using session = new tf.Session();
      const pairs = [
        [tf.pow(x, 2), tf.square(x)],
        [tf.pow(x, 0.5), tf.sqrt(x)],
        [tf.pow(x, -0.5), tf.rsqrt(x)],
        [tf.pow(x, -1), tf.reciprocal(x)],
        [tf.pow(x, 1), tf.identity(x)],
        [tf.pow(x, 3), tf.multiply(x, tf.square(x))],
      ] as const;
      for (const [power, simple] of pairs) {
        t.deepEqual(session.runSync(power, [[x, values]]).data, session.runSync(simple, [[x, values]]).data);
      }
    }
    const n = tf.placeholder('int32', [3]);
    const x = tf.placeholder('float', [3]);
    using session = new tf.Session();
    const slope = tf.gradients(tf.pow(x, 2), x)[0]!;
    t.notRegex(session.explain(slope, [[x, [1, 2, 3]]]), /Fused\([^)]*Pow/);
    t.deepEqual(session.runSync(slope as tf.Tensor, [[x, [1, 2, 3]]]).toArray(), [2, 4, 6]);
    t.deepEqual(session.runSync(tf.pow(n, 2), [[n, [3, -4, 65536]]]).toArray(), [9, 16, 0]);
    t.deepEqual(session.runSync(tf.pow(n, 3), [[n, [3, -4, 65536]]]).toArray(), [27, -64, 0]);
    t.throws(() => session.runSync(tf.pow(n, -1), [[n, [1, 2, 3]]]), { instanceOf: tf.errors.InvalidArgumentError });
  })());

test('fuse: the 8-op cross-entropy chain is one step', (t) =>
  inGraph(() => {
    const [p, y] = [tf.placeholder('float', [100]), tf.placeholder('float', [100])];
    const chain = tf.neg(tf.add(tf.multiply(y, tf.log(p)), tf.multiply(tf.subtract(1, y), tf.log(tf.subtract(1, p)))));
    t.deepEqual(
      kernels(
        compile(
          [chain],
          [
            [p, [100]],
            [y, [100]],
          ],
        ),
      ),
      ['Fused(Log Mul Sub Sub Log Mul Add Neg)'],
    );
  })());

test('fuse: the 8-op cross-entropy chain and its mean are one step that stores a number', (t) =>
  inGraph(() => {
    const [x, z] = [tf.placeholder('float', [100]), tf.placeholder('float', [100])];
    const log = tf.log1p(tf.exp(tf.negative(tf.abs(x))));
    const mean = tf.reduceMean(tf.add(tf.subtract(tf.nn.relu(x), tf.multiply(x, z)), log));
    const stage = compile(
      [mean],
      [
        [x, [100]],
        [z, [100]],
      ],
    );
    t.regex(stage.explain(), /^ {2}0 {2}Fused\(([A-Z]\w+ ){8}\| Mean\) {2}t0\+0 float32\[\] <- feed0/m);
    t.is(stage.plan.words[12], 64, 'bytes of the arena');
  })());

test('fuse: reductions end a tape where their elements are one run or one column of its space', (t) =>
  inGraph(() => {
    const x = tf.placeholder('float', [4, 3, 5]);
    const y = tf.exp(x);
    const ends = (...sums: tf.Tensor[]): string[] => kernels(compile(sums, [[x, [4, 3, 5]]]));
    for (const axis of [[0, 1, 2], [2], [1, 2], [0], [0, 1]])
      t.deepEqual(ends(tf.reduceSum(y, axis)), ['Fused(Exp | Sum)']);
    for (const axis of [[1], [0, 2]]) t.deepEqual(ends(tf.reduceSum(y, axis)), ['Fused(Exp)', 'Reduce']);
    // A view has the same elements in the same order.
    t.deepEqual(ends(tf.reduceMax(tf.reshape(y, [6, 10]), 1)), ['Fused(Exp | Max)']);
    t.deepEqual(ends(tf.reduceSum(y), tf.reduceMax(y), y), ['Fused(Exp | Sum Max)']);
    t.deepEqual(ends(tf.reduceSum(y), tf.reduceMax(y, 0)), ['Fused(Exp | Sum)', 'Reduce']);
    t.deepEqual(ends(tf.reduceSum(y, 0), tf.reduceMax(y, [0, 1])), ['Fused(Exp | Sum)', 'Reduce']);
    // One element to each: nothing is reduced.
    t.deepEqual(ends(tf.reduceSum(tf.exp(tf.reshape(x, [60, 1])), 1)), ['Fused(Exp)']);
  })());

test('fuse: a reduction that waits for what waits for the tape stays apart', (t) =>
  inGraph(() => {
    const x = tf.placeholder('float', [4]);
    const y = tf.exp(x);
    const checked = tf.checkNumerics(y, 'bad');
    const sum = tf.withControl([checked], () => tf.reduceSum(y));
    t.deepEqual(kernels(compile([sum], [[x, [4]]])), ['Fused(Exp)', 'CheckNumerics', 'Reduce']);
  })());

test('fuse: a value that leaves the region is stored, and the region stays one', (t) =>
  inGraph(() => {
    const x = tf.placeholder('float', [8]);
    const inner = tf.exp(x);
    const stage = compile([tf.log(inner), inner], [[x, [8]]]);
    t.deepEqual(kernels(stage), ['Fused(Exp Log)']);
    t.is(stage.fetches.length, 2);
  })());

test('fuse: a value and a view of it under another shape are not taken for the same', (t) =>
  inGraph(() => {
    const x = tf.placeholder('float', [1, 4]);
    const value = tf.exp(x);
    const y = tf.add(value, tf.reshape(value, [4]));
    using session = new tf.Session();
    const [sum] = session.runSync([y], [[x, [[0, 0, 0, 0]]]]);
    t.deepEqual(sum!.toArray(), [[2, 2, 2, 2]]);
  })());

test('fuse: what would wait for itself through another kernel stays apart', (t) =>
  inGraph(() => {
    const x = tf.placeholder('float', [4]);
    const a = tf.exp(x);
    // a -> scan -> b, and a -> b: merging a and b would make the scan wait for a step that waits for the scan.
    const b = tf.multiply(a, tf.cumsum(a));
    t.deepEqual(kernels(compile([b], [[x, [4]]])), ['Fused(Exp)', 'Cumulative', 'Fused(Mul)']);
    // The same through a reduction, which is complete only when the tape that makes it has run.
    const c = tf.multiply(a, tf.reduceSum(a));
    t.deepEqual(kernels(compile([c], [[x, [4]]])), ['Fused(Exp | Sum)', 'Fused(Mul)']);
  })());

test('fuse: a tape that another waits for by control joins once nothing leads around it', (t) =>
  inGraph(() => {
    const x = tf.placeholder('float', [4]);
    const scaled = tf.multiply(x, 3);
    // log's gradient does so: the reciprocal waits for what it will be multiplied with.
    const inverse = tf.withControl([scaled], () => tf.reciprocal(x));
    t.deepEqual(kernels(compile([tf.multiply(scaled, inverse)], [[x, [4]]])), ['Fused(Mul Reciprocal Mul)']);
  })());

test('fuse: 64 instructions and 24 inputs are the limits of a tape', (t) =>
  inGraph(() => {
    const x = tf.placeholder('float', [4]);
    let y: tf.Tensor = x;
    for (let i = 0; i < 100; i++) y = tf.tanh(y);
    t.deepEqual(
      kernels(compile([y], [[x, [4]]])).map((kernel) => kernel.split(' ').length),
      [64, 36],
    );
    const many = Array.from({ length: 40 }, () => tf.placeholder('float', [4]));
    const sum = many.reduce<tf.Tensor>((total, item) => tf.add(total, item), x);
    const stage = compile([sum], [[x, [4]], ...many.map((item) => [item, [4]] as const)]);
    t.true(kernels(stage).length >= 2);
  })());

test('drop: what only a control dependency asks for runs if it acts, else not', (t) =>
  inGraph(() => {
    const x = tf.placeholder('float', [4]);
    const pure = tf.reduceSum(tf.exp(x));
    const checked = tf.checkNumerics(tf.log(x), 'bad');
    const y = tf.withControl([pure, checked], () => tf.tanh(x));
    t.deepEqual(kernels(compile([y], [[x, [4]]])), ['Fused(Log)', 'CheckNumerics', 'Fused(Tanh)']);
  })());

test('drop: what the run is asked for by name runs though nothing reads it', (t) =>
  inGraph(() => {
    const x = tf.placeholder('int32', [2]);
    const quotient = tf.floordiv(x, x);
    const y = tf.add(quotient, 1);
    using sess = new tf.Session();
    t.throws(() => sess.runSync(quotient.op, [[x, [1, 0]]]), { message: /Integer division by zero/ });
    t.throws(() => sess.runSync([quotient.op, y.op], [[x, [1, 0]]]), { message: /Integer division by zero/ });
    // A group only orders what it waits for.
    t.notThrows(() => sess.runSync(tf.group(quotient), [[x, [1, 0]]]));
  })());

test('memory: buffers whose lifetimes do not meet share bytes, and a dying input is overwritten', (t) =>
  inGraph(() => {
    const x = tf.placeholder('float', [1000]);
    let y: tf.Tensor = x;
    for (let i = 0; i < 5; i++) y = tf.cumsum(tf.exp(y));
    const shared = compile([y], [[x, [1000]]]);
    const alone = compile([y], [[x, [1000]]], { inPlace: false });
    const arena = (stage: Stage): number => stage.plan.words[12]!;
    t.is(arena(shared), 2 * 4032);
    t.true(arena(alone) >= arena(shared));
  })());

test('memory: what was overwritten is overwritten again by the next step', (t) =>
  inGraph(() => {
    const x = tf.placeholder('float', [1000]);
    const y = tf.tanh(tf.log(tf.exp(tf.cumsum(x))));
    const stage = compile([y], [[x, [1000]]], { fuse: false });
    t.deepEqual(kernels(stage), ['Cumulative', 'Fused(Exp)', 'Fused(Log)', 'Fused(Tanh)']);
    t.is(stage.plan.words[12], 4032);
  })());

test('a 10,000-node graph compiles in time that grows with its size only', (t) =>
  inGraph(() => {
    const x = tf.placeholder('float', [4]);
    let y: tf.Tensor = x;
    for (let i = 0; i < 5000; i++) y = tf.add(tf.tanh(y), x);
    // Processor time, so that a busy machine does not fail it; the collector's threads are in it.
    const started = process.cpuUsage();
    const stage = compile([y], [[x, [4]]]);
    const { user, system } = process.cpuUsage(started);
    const elapsed = (user + system) / 1000;
    t.log(`${elapsed.toFixed(0)} ms, ${kernels(stage).length} steps`);
    t.true(elapsed < 2000, `${elapsed.toFixed(0)} ms`);
  })());
