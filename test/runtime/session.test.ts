// Sessions on the real engine: running, queueing, closing, errors and default sessions.
import test from 'ava';
import { CancelledError, GrafoError, InvalidArgumentError, RuntimeError } from '../../lib/core/errors.js';
import { Graph, type Tensor } from '../../lib/core/graph.js';
import { type NDArray, ndarray } from '../../lib/core/ndarray.js';
import { add, multiply } from '../../lib/ops/arithmetic.js';
import { constant, identity, placeholder } from '../../lib/ops/array.js';
import { getDefaultSession, InteractiveSession } from '../../lib/runtime/eval.js';
import { stepped } from '../../lib/runtime/runLoop.js';
import { Session } from '../../lib/runtime/session.js';

const setup = () => {
  const graph = new Graph();
  return graph.asDefault(() => {
    const x = placeholder('float32', null, { name: 'x' });
    const y = placeholder('float32', null, { name: 'y' });
    const sum = add(multiply(x, y), 1, { name: 'sum' });
    const sess = new Session(graph);
    return { graph, x, y, sum, sess };
  });
};

test('a run computes its fetches from its feeds', async (t) => {
  const { sess, x, y, sum } = setup();
  t.is(
    sess
      .runSync(sum, [
        [x, 2],
        [y, 3],
      ])
      .item(),
    7,
  );
  t.is(
    (
      await sess.run(sum, [
        [x, 2],
        [y, 4],
      ])
    ).item(),
    9,
  );
  const both = sess.runSync({ sum, op: sum.op, list: [x, 'sum:0'] }, { 'x:0': [1, 2], 'y:0': 2 });
  t.deepEqual(both.sum.toArray(), [3, 5]);
  t.is(both.op, null);
  t.deepEqual((both.list[0] as NDArray).toArray(), [1, 2]);
  t.deepEqual((both.list[1] as NDArray).toArray(), [3, 5]);
});

test('results are their own memory: a later run does not change them', (t) => {
  const { sess, x, y, sum } = setup();
  const first = sess.runSync(sum, [
    [x, [1, 2, 3]],
    [y, 2],
  ]);
  const twice = sess.runSync(
    [sum, identity(sum)],
    [
      [x, [1, 2, 3]],
      [y, 2],
    ],
  );
  sess.runSync(sum, [
    [x, [9, 9, 9]],
    [y, 2],
  ]);
  t.deepEqual(first.toArray(), [3, 5, 7]);
  (twice[0].data as Float32Array)[0] = 100;
  t.deepEqual(twice[1].toArray(), [3, 5, 7]);
});

test('any tensor can be fed, and a fed fetch is its feed without a run', (t) => {
  const { sess, x, y, sum, graph } = setup();
  const twice = graph.asDefault(() => multiply(sum, 2));
  t.is(sess.runSync(twice, [[sum, 21]]).item(), 42);
  const given = new Float32Array([1, 2]);
  const fetched = sess.runSync(x, [[x, given]]);
  t.deepEqual(fetched.toArray(), [1, 2]);
  t.not(fetched.data, given);
  t.notThrows(() => sess.runSync([], [[y, 1]]));
});

test('every size of a fetch comes back whole, small through the mailbox and large in memory of its own', (t) => {
  const { sess, x, y, sum } = setup();
  for (const n of [0, 1, 2, 15, 16, 17, 64, 1000]) {
    const values = Float32Array.from({ length: n }, (_, i) => i);
    t.deepEqual(
      Array.from(
        sess.runSync(sum, [
          [x, values],
          [y, 2],
        ]).data as Float32Array,
      ),
      Array.from(values, (v) => v * 2 + 1),
    );
  }
});

test('more fetches than the mailbox has places come back each', (t) => {
  const { sess, x, graph } = setup();
  const many = graph.asDefault(() => Array.from({ length: 100 }, (_, i) => add(x, i)));
  t.deepEqual(
    sess.runSync(many, [[x, 0.5]]).map((value) => value.item()),
    Array.from({ length: 100 }, (_, i) => i + 0.5),
  );
});

const DTYPES = [
  'float32',
  'float64',
  'int8',
  'int16',
  'int32',
  'int64',
  'uint8',
  'uint16',
  'uint32',
  'uint64',
  'bool',
  'string',
] as const;
for (const dtype of DTYPES) {
  test(`${dtype}: what is fed comes back, scalar, vector and empty`, (t) => {
    const graph = new Graph();
    graph.asDefault(() => {
      const x = placeholder(dtype, null);
      const y = identity(x);
      using sess = new Session(graph);
      const one = dtype === 'string' ? 'grün' : dtype === 'bool' ? true : dtype.endsWith('int64') ? 3n : 3;
      t.is(sess.runSync(y, [[x, one]]).item(), one);
      t.deepEqual(sess.runSync(y, [[x, [one, one]]]).toArray(), [one, one]);
      const many = Array.from({ length: 40 }, () => one);
      t.deepEqual(sess.runSync(y, [[x, many]]).toArray(), many);
      const empty = ndarray([], [0, 2], dtype);
      t.deepEqual(sess.runSync(y, [[x, empty]]).shape, [0, 2]);
    });
  });
}

test('an unfed placeholder is an InvalidArgumentError with its name and the lines', async (t) => {
  const { sess, x, sum } = setup();
  const error = t.throws(() => sess.runSync(sum, [[x, 1]]), { instanceOf: InvalidArgumentError });
  t.is(error.text, "You must feed a value for placeholder tensor 'y' with dtype float");
  t.is(error.node, 'y');
  t.regex(error.createdAt ?? '', /session\.test/);
  t.regex(error.runFrom ?? '', /session\.test/);
  t.is(
    sess
      .runSync(sum, [
        [x, 1],
        ['y:0', 1],
      ])
      .item(),
    2,
  );
  const later = await t.throwsAsync(sess.run(sum, [[x, 1]]), { instanceOf: InvalidArgumentError });
  t.regex(later.runFrom ?? '', /session\.test/);
});

test('shapes that do not fit at run time name the operation, and the session goes on', (t) => {
  const { sess, x, y, sum } = setup();
  const error = t.throws(
    () =>
      sess.runSync(sum, [
        [x, [1, 2]],
        [y, [1, 2, 3]],
      ]),
    { instanceOf: GrafoError },
  );
  t.is(error.node, 'Mul');
  t.is(error.op, 'Mul');
  t.is(
    sess
      .runSync(sum, [
        [x, 1],
        [y, 1],
      ])
      .item(),
    2,
  );
});

test('async runs happen in the order of their calls, mixed with sync ones', async (t) => {
  const { sess, x, y, sum } = setup();
  const order: string[] = [];
  const big = new Float32Array(1 << 20).fill(1);
  const runs = [0, 1, 2].map((i) =>
    sess
      .run(sum, [
        [x, big],
        [y, i],
      ])
      .then((value) => {
        order.push(`async ${i}`);
        return (value.data as Float32Array)[7];
      }),
  );
  order.push(
    `sync ${sess
      .runSync(sum, [
        [x, 1],
        [y, 41],
      ])
      .item()}`,
  );
  t.deepEqual(await Promise.all(runs), [1, 2, 3]);
  t.deepEqual(order, ['sync 42', 'async 0', 'async 1', 'async 2']);
});

test('an async run takes its feeds when it is called', async (t) => {
  const { sess, x, y, sum } = setup();
  const big = new Float32Array(1 << 20).fill(1);
  const [first, second] = [
    sess.run(sum, [
      [x, big],
      [y, 1],
    ]),
    sess.run(sum, [
      [x, big],
      [y, 1],
    ]),
  ];
  big.fill(5);
  structuredClone(big.buffer, { transfer: [big.buffer] });
  t.is(((await first).data as Float32Array)[0], 2);
  t.is(((await second).data as Float32Array)[0], 2);
});

test.serial('an async run that takes long leaves the event loop alone', async (t) => {
  const { sess, x, y, graph, sum } = setup();
  let deep: Tensor = sum;
  graph.asDefault(() => {
    for (let i = 0; i < 200; i++) deep = multiply(deep, i % 2 === 0 ? 2 : 0.5);
  });
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  const started = performance.now();
  await sess.run(deep, [
    [x, new Float32Array(1 << 22).fill(1)],
    [y, 1],
  ]);
  const took = performance.now() - started;
  clearInterval(timer);
  t.true(ticks > 0 || took < 10, `${ticks} ticks in ${took} ms`);
});

test('a closed session refuses runs, rejects what waits and finishes what runs', async (t) => {
  const { sess, x, y, sum } = setup();
  const big = new Float32Array(1 << 20).fill(1);
  const [running, waiting] = [
    sess.run(sum, [
      [x, big],
      [y, 1],
    ]),
    sess.run(sum, [
      [x, big],
      [y, 2],
    ]),
  ];
  const step = sess.makeCallable(sum, [x, y]);
  sess.close();
  sess.close();
  const why = await t.throwsAsync(waiting, { instanceOf: CancelledError });
  t.is((why as CancelledError).text, 'Session has been closed.');
  t.regex((why as CancelledError).runFrom!, /^session\.test\.ts:/);
  t.is(((await running).data as Float32Array)[0], 2);
  for (const run of [() => sess.runSync(sum), () => step(1, 2), () => sess.memory(), () => sess.explain(sum)]) {
    const error = t.throws(run, { instanceOf: RuntimeError });
    t.is(error.text, 'Attempted to use a closed Session.');
  }
  await t.throwsAsync(sess.run(sum), { instanceOf: RuntimeError });
  await t.throwsAsync(step.async(1, 2), { instanceOf: RuntimeError });
});

test('a session that a feed closes while it is read does not run', (t) => {
  const { sess, x, y, sum } = setup();
  const closing = new Proxy([1], {
    get(target, key, receiver) {
      sess.close();
      return Reflect.get(target, key, receiver) as unknown;
    },
  });
  t.throws(
    () =>
      sess.runSync(sum, [
        [x, closing],
        [y, 1],
      ]),
    { message: 'Attempted to use a closed Session.' },
  );
});

test('an empty graph is refused', (t) => {
  using sess = new Session(new Graph());
  const error = t.throws(() => sess.runSync('x:0'), { instanceOf: RuntimeError });
  t.is(error.text, 'The Session graph is empty.  Add operations to the graph before calling run().');
});

test('a run can be aborted and timed out, and the session goes on', async (t) => {
  const { sess, x, y, sum } = setup();
  const feeds: [Tensor, Float32Array | number][] = [
    [x, new Float32Array(1 << 20)],
    [y, 1],
  ];
  const first = sess.run(sum, feeds);
  const control = new AbortController();
  const second = sess.run(sum, feeds, { signal: control.signal });
  control.abort();
  await t.throwsAsync(second, { message: /AbortSignal/ });
  await t.notThrowsAsync(first);
  await t.throwsAsync(sess.run(sum, feeds, { signal: AbortSignal.abort() }));
  t.is(
    sess
      .runSync(sum, [
        [x, 1],
        [y, 1],
      ])
      .item(),
    2,
  );
});

test('a callable takes its values by position, runs sync and async, and checks their number', async (t) => {
  const { sess, x, y, sum } = setup();
  const step = sess.makeCallable([sum, sum.op], [x, y]);
  t.is(step(2, 3)[0].item(), 7);
  t.deepEqual(step([1, 2], 3)[0].toArray(), [4, 7]);
  t.is(step(2, 4)[1], null);
  t.is((await step.async(2, 5))[0].item(), 11);
  t.throws(() => step(1), { message: /takes 2 values, 1 given/ });
});

test('a callable writes its results into the memory it is given', async (t) => {
  const { sess, x, y, sum } = setup();
  const into = { sum: new Float32Array(3) };
  const step = sess.makeCallable({ sum, x }, [x, y], { into });
  const result = step([1, 2, 3], 2);
  t.deepEqual([...into.sum], [3, 5, 7]);
  t.is(result.sum.data, into.sum);
  t.deepEqual(result.sum.shape, [3]);
  await step.async([4, 5, 6], 2);
  t.deepEqual([...into.sum], [9, 11, 13]);
  t.throws(() => step([1, 2], 2), { instanceOf: GrafoError });
});

test('a loop runs n times with its stepped feeds, sync and async alike', async (t) => {
  const { sess, x, y, sum } = setup();
  const feeds = [
    [x, stepped([1, 2, 3])],
    [y, 10],
  ] as const;
  const sync = sess.runLoopSync([sum, sum.op], 5, feeds);
  t.deepEqual(sync[0].toArray(), [11, 21, 31, 11, 21]);
  t.is(sync[1], null);
  t.deepEqual((await sess.runLoop(sum, 4, feeds)).toArray(), [11, 21, 31, 11]);
  t.deepEqual(sess.runLoopSync(sum, 0, feeds).shape, [0]);
  t.throws(() => sess.runLoopSync(sum, 1.5, feeds), { instanceOf: GrafoError });
});

test('explain prints a line per step', (t) => {
  const { sess, x, y, sum } = setup();
  t.regex(
    sess.explain(sum, [
      [x, 1],
      [y, 1],
    ]),
    /Fused\(Mul Add\)/,
  );
});

test('eval and run use the default session, and say so where there is none', (t) => {
  const { sess, graph } = setup();
  const c = graph.asDefault(() => constant(5));
  t.is(
    t.throws(() => c.eval(), { instanceOf: GrafoError }).text,
    'Cannot evaluate tensor using `eval()`: No default session is registered. Use `with sess.asDefault()` or pass an explicit session to `eval(session=sess)`',
  );
  t.regex(
    t.throws(() => c.op.run(), { instanceOf: GrafoError }).text,
    /^Cannot execute operation using `run\(\)`: No default session/,
  );
  t.is(
    sess.asDefault(() => c.eval().item()),
    5,
  );
  t.is(c.eval(undefined, sess).item(), 5);
  t.is(getDefaultSession(), undefined);
  using other = new Session(new Graph());
  t.regex(
    t.throws(() => c.eval(undefined, other), { instanceOf: GrafoError }).text,
    /the tensor's graph is different from the session's graph/,
  );
  t.throws(() => sess.asDefault(async () => undefined), { instanceOf: GrafoError });
});

test('an interactive session is the default one until it is closed', (t) => {
  const graph = new Graph();
  graph.asDefault(() => {
    const sess = new InteractiveSession();
    t.is(multiply(constant(5), 6).eval().item(), 30);
    sess.close();
    t.is(getDefaultSession(), undefined);
  });
});

test('a graph may grow between runs', (t) => {
  const { sess, x, y, sum, graph } = setup();
  t.is(
    sess
      .runSync(sum, [
        [x, 1],
        [y, 1],
      ])
      .item(),
    2,
  );
  const more = graph.asDefault(() => add(sum, 1));
  t.is(
    sess
      .runSync(more, [
        [x, 1],
        [y, 1],
      ])
      .item(),
    3,
  );
});

test('sessions, memory and devices can be asked about', (t) => {
  const { sess } = setup();
  t.true(sess.memory().limit > 0);
  t.is(sess.listDevices()[0]!.deviceType, 'CPU');
  const buffer = sess.hostBuffer('float32', [2, 3]);
  t.deepEqual(buffer.shape, [2, 3]);
  t.throws(() => sess.hostBuffer('float32', [-1]), { instanceOf: GrafoError });
  t.throws(() => new Session('grpc://localhost'), { instanceOf: GrafoError });
});

test.serial('short async runs, each awaited, leave turns to timers', async (t) => {
  const { sess, x, y, sum } = setup();
  let ticks = 0;
  const timer = setInterval(() => ticks++, 1);
  let runs = 0;
  // A loop that starved the timers would come to its end without one tick, on a busy machine as on an idle one.
  while (ticks < 10 && runs < 300_000) {
    await sess.run(sum, [
      [x, runs++],
      [y, 1],
    ]);
  }
  clearInterval(timer);
  t.true(ticks >= 10, `${ticks} ticks beside ${runs} runs`);
});

test('results keep their types: operations are null, tensors arrays, structures themselves', (t) => {
  const { sess, x, y, sum } = setup();
  const typed = sess.runSync({ a: sum, b: [sum, sum.op] }, [
    [x, 1],
    [y, 1],
  ]);
  const value: NDArray = typed.a;
  const nothing: null = typed.b[1];
  t.is(value.item(), 2);
  t.is(nothing, null);
});

test('ten thousand runs at once give ten thousand results, whatever way each takes', async (t) => {
  const { sess, x, y, sum } = setup();
  const runs = Array.from({ length: 10_000 }, (_, i) =>
    sess.run(sum, [
      [x, i],
      [y, 2],
    ]),
  );
  const values = await Promise.all(runs);
  t.true(values.every((value, i) => value.item() === 2 * i + 1));
});

test('one run more than maxInFlight is RESOURCE_EXHAUSTED', async (t) => {
  const { graph, x, y, sum } = setup();
  using sess = new Session(graph, { maxInFlight: 2 });
  const big = new Float32Array(1 << 18);
  const runs = [1, 2, 3].map((i) =>
    sess.run(sum, [
      [x, big],
      [y, i],
    ]),
  );
  const error = await t.throwsAsync(
    sess.run(sum, [
      [x, big],
      [y, 4],
    ]),
    { instanceOf: GrafoError },
  );
  t.is(error.code, 'RESOURCE_EXHAUSTED');
  t.is((await Promise.all(runs)).length, 3);
});
