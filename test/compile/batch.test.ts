// batch: which tapes become one step, that it changes no bit, and what must stay apart.
import test, { type ExecutionContext } from 'ava';
import type { CompileOptions } from '../../lib/compile/stage.js';
import * as tf from '../../lib/index.js';

type Shape = readonly number[];
const inGraph = (body: (t: ExecutionContext) => void) => (t: ExecutionContext) =>
  new tf.Graph().asDefault(() => body(t));
/** The kernels of a plan in order. */
const kernels = (session: tf.Session, fetches: Parameters<tf.Session['explain']>[0]): string[] =>
  session
    .explain(fetches)
    .split('\n')
    .flatMap((line) => /^ *\d+ {2}(.*?) {2}/.exec(line)?.[1] ?? []);
const numbers = (size: number, seed: number): Float32Array =>
  Float32Array.from({ length: size }, (_, i) => Math.sin(i * 1.37 + seed));
const filled = (shape: Shape, seed: number): tf.NDArray =>
  tf.ndarray(
    numbers(
      shape.reduce((a, b) => a * b, 1),
      seed,
    ),
    shape,
  );

/** A perceptron with weights below and above what is batched; one training step, and everything that it changes. */
const perceptron = (widths: Shape, make: () => tf.train.Optimizer) => {
  const rows = 5;
  let y: tf.Tensor = tf.constant(filled([rows, widths[0]!], 0.5));
  for (let layer = 1; layer < widths.length; layer++) {
    const weights = new tf.Variable(filled([widths[layer - 1]!, widths[layer]!], layer));
    y = tf.tanh(tf.add(tf.matmul(y, weights), new tf.Variable(filled([widths[layer]!], -layer))));
  }
  const loss = tf.reduceMean(tf.square(y));
  return { loss, train: make().minimize(loss), state: tf.globalVariables() };
};

const OPTIMIZERS: readonly [string, () => tf.train.Optimizer][] = [
  ['gradient descent', () => new tf.train.GradientDescentOptimizer(0.1)],
  ['momentum', () => new tf.train.MomentumOptimizer(0.1, 0.9)],
  ['momentum of Nesterov', () => new tf.train.MomentumOptimizer(0.1, 0.9, { useNesterov: true })],
  ['Adam', () => new tf.train.AdamOptimizer(0.01)],
];
const WAYS: readonly CompileOptions[] = [{ batch: false, share: false }, { batch: false }, { share: false }, {}];
for (const [title, make] of OPTIMIZERS) {
  test(
    `${title} learns the same bits with batches and without, by 1, 2 and 4 threads`,
    inGraph((t) => {
      const { loss, train, state } = perceptron([40, 130, 64, 16, 1], make);
      const results: string[] = [];
      for (const compile of WAYS) {
        for (const threads of [1, 2, 4]) {
          using session = new tf.Session({ compile, threads });
          session.runSync(tf.globalVariablesInitializer());
          for (let i = 0; i < 4; i++) session.runSync([loss, train]);
          const all = session.runSync(state) as unknown as tf.NDArray[];
          results.push(all.map(({ data }) => Buffer.from((data as Float32Array).buffer).toString('hex')).join());
          const batched = kernels(session, [train]).filter((kernel) => kernel.startsWith('FusedBatch'));
          if (compile.batch === false) t.is(batched.length, 0);
          // 40 x 130 and 130 x 64 are large; the other six are one step.
          else
            t.true(
              batched.some((kernel) => kernel.startsWith('FusedBatch x6')),
              batched.join(),
            );
        }
      }
      t.is(new Set(results).size, 1);
    }),
  );
  test(
    `the updates of a small network by ${title} are one step`,
    inGraph((t) => {
      const { train } = perceptron([2, 8, 8, 1], make);
      using session = new tf.Session();
      const plan = kernels(session, [train]);
      const updates = plan.filter((kernel) => /^FusedBatch x6 \(.*Sub\)$/.test(kernel));
      t.is(updates.length, 1, plan.join('\n'));
      t.is(plan.filter((kernel) => kernel.startsWith('Fused(') && kernel.endsWith('Sub)')).length, 0);
    }),
  );
}

/** Runs fetches with batches and without: the same numbers, and the kernels with. */
const both = (t: ExecutionContext, fetches: readonly tf.Tensor[]): string[] => {
  using session = new tf.Session();
  using plain = new tf.Session({ compile: { batch: false } });
  const results = [session, plain].map((one) => {
    one.runSync(tf.globalVariablesInitializer());
    const made = one.runSync([...fetches]).map((value) => (value as tf.NDArray).toArray());
    return [
      made,
      one.runSync(tf.globalVariables().map((variable) => variable.value())).map((v) => (v as tf.NDArray).toArray()),
    ];
  });
  t.deepEqual(results[0], results[1]);
  return kernels(session, fetches);
};
const variable = (shape: Shape, seed: number): tf.Variable => new tf.Variable(filled(shape, seed));

test(
  'tapes that are no updates are batched too, each with a scalar of its own',
  inGraph((t) => {
    const made = [3, 4, 1].map((n) => tf.multiply(tf.sin(variable([n], n)), variable([], n + 10)));
    t.deepEqual(both(t, made), ['FusedBatch x3 (Sin Mul)']);
    const scalars = [1, 2].map((n) => tf.multiply(variable([], n), variable([], n + 10)));
    t.deepEqual(both(t, scalars), ['FusedBatch x2 (Mul)']);
  }),
);

test(
  'updates wait for tapes that make the gradients of more of them, though more updates are ready',
  inGraph((t) => {
    const weights = [1, 2, 3, 4].map((n) => variable([6, 6], n));
    // Two gradients are there from the start; the others are two tapes of one code further.
    const near = tf.constant(filled([6, 6], 7));
    let far: tf.Tensor = tf.constant(filled([6, 6], 5));
    for (let i = 0; i < 2; i++) far = tf.reverse(tf.sin(far), [0]);
    const train = new tf.train.GradientDescentOptimizer(0.1).applyGradients(
      weights.map((weight, i) => [i < 2 ? near : far, weight] as const),
    );
    using session = new tf.Session({ compile: { fold: false } });
    const plan = kernels(session, [train]).filter((kernel) => kernel.includes('Sub'));
    t.deepEqual(plan, ['FusedBatch x4 (Mul Sub)']);
  }),
);

test(
  'tapes that wait for each other, broadcast rows, or may refuse a divisor stay apart',
  inGraph((t) => {
    const x = variable([4, 4], 1);
    const y = tf.sin(x);
    t.deepEqual(
      both(t, [tf.sin(tf.reverse(y, [0]))]).filter((kernel) => kernel.startsWith('FusedBatch')),
      [],
    );
    const rows = [1, 2].map((n) => tf.add(variable([3, n + 1], n), variable([n + 1], n)));
    t.deepEqual(both(t, rows), ['Fused(Add)', 'Fused(Add)']);
    const whole = [3, 4].map(
      (n) =>
        new tf.Variable(
          Array.from({ length: n }, (_, i) => i + 1),
          { dtype: 'int32' },
        ),
    );
    t.deepEqual(
      both(
        t,
        whole.map((v) => tf.floordiv(v, v)),
      ),
      ['Fused(FloorDiv)', 'Fused(FloorDiv)'],
    );
    t.deepEqual(
      both(
        t,
        whole.map((v) => tf.add(v, v)),
      ),
      ['FusedBatch x2 (Add)'],
    );
  }),
);

test(
  'updates of one variable, and an update of what another reads, keep their order',
  inGraph((t) => {
    const [v, w] = [variable([4], 1), variable([5], 2)];
    const first = v.assignAdd(tf.ones([4]));
    const second = tf.withControl([first], () => v.assignAdd(tf.ones([4])));
    const reader = tf.withControl([second], () => w.assignAdd(tf.concat([v.value(), [1]], 0)));
    const plan = both(
      t,
      [reader, second, first].map((op) => tf.identity(op)),
    );
    t.false(plan.includes('FusedBatch x3 (Add)'));
  }),
);

test(
  'one in place and one not, and two codes that differ in a functor, are not one batch',
  inGraph((t) => {
    const [v, w] = [variable([4], 1), variable([5], 2)];
    t.deepEqual(
      both(
        t,
        [v.assignAdd(tf.ones([4])), tf.add(w, tf.ones([5]))].map((op) => tf.identity(op)),
      ).filter((kernel) => kernel.startsWith('FusedBatch')),
      [],
    );
    t.deepEqual(
      both(t, [tf.sin(v.value()), tf.cos(w.value())]).filter((kernel) => kernel.startsWith('FusedBatch')),
      [],
    );
  }),
);

test(
  'more than 64 of a kind are several batches',
  inGraph((t) => {
    const made = Array.from({ length: 70 }, (_, i) => tf.sin(variable([1 + (i % 7)], i)));
    t.deepEqual(both(t, made).sort(), ['FusedBatch x6 (Sin)', 'FusedBatch x64 (Sin)']);
  }),
);

test(
  'waiting for others of a kind may not make the arena much larger',
  inGraph((t) => {
    // While the small tapes wait for each other, every large matrix would wait for its own.
    const towers = Array.from({ length: 20 }, (_, i) => {
      const factor = tf.sin(variable([1, 200], i));
      return tf.reduceMax(tf.multiply(tf.cumsum(tf.tile(variable([1, 200], i), [500, 1])), factor));
    });
    const arena = (compile: CompileOptions): number => {
      using session = new tf.Session({ compile });
      const text = session.explain(towers);
      const [, size, unit] = /arena ([\d.]+) (\w+)/.exec(text)!;
      return Number(size) * 1024 ** ['B', 'KB', 'MB'].indexOf(unit!);
    };
    t.true(arena({}) <= arena({ batch: false }) * 1.1 + 32 * 1024, `${arena({})} and ${arena({ batch: false })}`);
  }),
);
