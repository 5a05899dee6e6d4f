// Variables and training through sessions: initialising, updating, reading, and each session's own state.
import test from 'ava';
import { FailedPreconditionError, InvalidArgumentError } from '../../lib/core/errors.js';
import { Graph, type Tensor } from '../../lib/core/graph.js';
import { gradients } from '../../lib/grad/gradients.js';
import { add, multiply, subtract } from '../../lib/ops/arithmetic.js';
import { identity, placeholder } from '../../lib/ops/array.js';
import { group } from '../../lib/ops/control.js';
import { square } from '../../lib/ops/elementwise.js';
import { unique } from '../../lib/ops/gather.js';
import { matmul } from '../../lib/ops/linalg.js';
import { reduceMean, reduceSum } from '../../lib/ops/reduce.js';
import { withControl } from '../../lib/ops/scopes.js';
import { Variable } from '../../lib/ops/variable.js';
import { globalVariablesInitializer } from '../../lib/ops/variables.js';
import '../../lib/runtime/eval.js';
import { stepped } from '../../lib/runtime/runLoop.js';
import { Session } from '../../lib/runtime/session.js';

/** Linear regression with its own gradient step. */
const regression = () => {
  const graph = new Graph();
  return graph.asDefault(() => {
    const x = placeholder('float32', [null, 2], { name: 'x' });
    const y = placeholder('float32', [null, 1], { name: 'y' });
    const w = new Variable([[0], [0]], { name: 'w' });
    const b = new Variable(0, { name: 'b' });
    const loss = reduceMean(square(subtract(add(matmul(x, w), b), y)));
    const [dw, db] = gradients(loss, [w, b]) as [Tensor, Tensor];
    const train = group(w.assignSub(multiply(dw, 0.1)), b.assignSub(multiply(db, 0.1)));
    return { graph, x, y, w, b, loss, train, init: globalVariablesInitializer() };
  });
};
const X = [
  [1, 2],
  [-1, 1],
  [2, -1],
  [0, 3],
];
const Y = X.map(([a, c]) => [2 * a! - 3 * c! + 1]);

/** The same regression in plain numbers, in float32 at every step. */
const reference = (steps: number): { w: number[]; b: number; losses: number[] } => {
  const w = [0, 0];
  let b = 0;
  const losses: number[] = [];
  for (let step = 0; step < steps; step++) {
    const errors = X.map((row, i) => row[0]! * w[0]! + row[1]! * w[1]! + b - Y[i]![0]!);
    losses.push(errors.reduce((sum, error) => sum + error * error, 0) / X.length);
    for (const k of [0, 1]) w[k]! -= (0.1 * errors.reduce((sum, e, i) => sum + 2 * e * X[i]![k]!, 0)) / X.length;
    b -= (0.1 * errors.reduce((sum, e) => sum + 2 * e, 0)) / X.length;
  }
  return { w, b, losses };
};

test('a variable that was not initialised is a FailedPreconditionError with its name', async (t) => {
  const { graph, w, init } = regression();
  using sess = new Session(graph);
  const error = t.throws(() => sess.runSync(w), { instanceOf: FailedPreconditionError });
  t.is(error.text, 'Attempting to use uninitialized value w');
  await t.throwsAsync(sess.run(w), { instanceOf: FailedPreconditionError });
  sess.runSync(init);
  t.deepEqual(sess.runSync(w).toArray(), [[0], [0]]);
});

test('gradient descent by runSync, run, a callable and a loop gives the same bits, near the reference', async (t) => {
  const { graph, x, y, w, b, loss, train, init } = regression();
  const feeds = [
    [x, X],
    [y, Y],
  ] as const;
  const results: unknown[] = [];
  for (const way of ['runSync', 'run', 'callable', 'async callable', 'loop', 'async loop']) {
    using sess = new Session(graph);
    sess.runSync(init);
    const losses: number[] = [];
    const step = sess.makeCallable([loss, train], [x, y]);
    if (way.endsWith('loop')) {
      const all =
        way === 'loop' ? sess.runLoopSync([loss, train], 30, feeds) : await sess.runLoop([loss, train], 30, feeds);
      losses.push(...(all[0].toArray() as number[]));
    } else {
      for (let i = 0; i < 30; i++) {
        const [value] =
          way === 'runSync'
            ? sess.runSync([loss, train], feeds)
            : way === 'run'
              ? await sess.run([loss, train], feeds)
              : way === 'callable'
                ? step(X, Y)
                : await step.async(X, Y);
        losses.push(value.item() as number);
      }
    }
    results.push({ losses, w: sess.runSync(w).toArray(), b: sess.readVariable(b).item() });
  }
  for (const result of results) t.deepEqual(result, results[0]);
  const expected = reference(30);
  const first = results[0] as { losses: number[]; w: number[][]; b: number };
  first.losses.forEach((value, i) => {
    t.true(Math.abs(value - expected.losses[i]!) <= 1e-4 * Math.max(1, expected.losses[i]!), `step ${i}: ${value}`);
  });
  t.true(Math.abs(first.w[0]![0]! - expected.w[0]!) < 1e-4);
});

test('two sessions of a graph have their own variables', (t) => {
  const { graph, x, y, w, train, init } = regression();
  using one = new Session(graph);
  using two = new Session(graph);
  one.runSync(init);
  two.runSync(init);
  one.runSync(train, [
    [x, X],
    [y, Y],
  ]);
  t.notDeepEqual(one.runSync(w).toArray(), [[0], [0]]);
  t.deepEqual(two.runSync(w).toArray(), [[0], [0]]);
});

test('a read belongs to its consumer: before the updates of a run, or after those it waits for', (t) => {
  const graph = new Graph();
  graph.asDefault(() => {
    const v = new Variable(1, { name: 'v' });
    const inc = v.assignAdd(10);
    const plain = multiply(v, 2);
    const after = withControl([inc], () => identity(v.asTensor(true)));
    using sess = new Session(graph);
    sess.runSync(globalVariablesInitializer());
    t.deepEqual(
      sess.runSync([plain, after, inc]).map((value) => value.item()),
      [2, 11, 11],
    );
    t.is(sess.runSync(plain).item(), 22);
  });
});

test('a variable can be loaded, by the session and by its own method', (t) => {
  const { graph, w } = regression();
  using sess = new Session(graph);
  sess.loadVariable(w, [[5], [6]]);
  t.deepEqual(sess.readVariable(w).toArray(), [[5], [6]]);
  w.load([[7], [8]], sess);
  t.deepEqual(w.eval(undefined, sess).toArray(), [[7], [8]]);
  sess.asDefault(() => w.load([[1], [2]]));
  t.deepEqual(
    sess.asDefault(() => w.eval().toArray()),
    [[1], [2]],
  );
  t.throws(() => w.load([[1], [2]]), { message: /Either session argument should be provided/ });
  t.throws(() => sess.loadVariable(w, [1]), { message: /Cannot feed value of shape/ });
});

test('a failed run leaves the session usable and the variables as they were', (t) => {
  const { graph, x, y, w, train, init } = regression();
  using sess = new Session(graph);
  sess.runSync(init);
  t.throws(
    () =>
      sess.runSync(train, [
        [x, X],
        [y, [[1], [2]]],
      ]),
    { instanceOf: InvalidArgumentError },
  );
  t.deepEqual(sess.runSync(w).toArray(), [[0], [0]]);
  sess.runSync(train, [
    [x, X],
    [y, Y],
  ]);
  t.notDeepEqual(sess.runSync(w).toArray(), [[0], [0]]);
});

test('a shape that depends on data ends a stage: sync, async, queued and pumped', async (t) => {
  const graph = new Graph();
  const [x, total] = graph.asDefault(() => {
    const input = placeholder('float32', [null], { name: 'x' });
    return [input, reduceSum(multiply(unique(input).y, 2))] as const;
  });
  using sess = new Session(graph);
  t.is(sess.runSync(total, [[x, [1, 1, 2, 2, 3]]]).item(), 12);
  t.is(sess.runSync(total, [[x, [1, 1, 1, 1, 1]]]).item(), 2);
  const runs = [
    [1, 2, 2],
    [4, 4, 4],
    [1, 2, 3],
  ].map((values) => sess.run(total, [[x, values]]));
  t.is(sess.runSync(total, [[x, [5]]]).item(), 10);
  t.deepEqual(
    (await Promise.all(runs)).map((value) => value.item()),
    [6, 8, 12],
  );
  const more = await Promise.all([sess.run(total, [[x, [1, 2, 2]]]), sess.run(total, [[x, [7]]])]);
  t.deepEqual(
    more.map((value) => value.item()),
    [6, 14],
  );
  t.throws(() => sess.runLoopSync(total, 2, [[x, stepped([[1], [2]])]]), { message: /shapes that do not depend/ });
});
