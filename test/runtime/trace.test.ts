// Traces: every step of a run with its time, bytes and operations; the results are those of a run without.
import test from 'ava';
import * as tf from '../../lib/index.js';

const setup = (epilogues = false) => {
  const graph = new tf.Graph();
  return graph.asDefault(() => {
    const x = tf.placeholder(tf.float32, [64, 32], { name: 'x' });
    const w = new tf.Variable(tf.ones([32, 16]), { name: 'w' });
    const product = tf.matmul(x, w, { name: 'product' });
    const y = tf.reduceSum(tf.tanh(product), 0, { name: 'y' });
    const sess = new tf.Session({ graph, compile: { epilogues } });
    sess.runSync(tf.globalVariablesInitializer());
    return { graph, x, y, sess, value: tf.ndarray(new Float32Array(64 * 32).fill(0.01), [64, 32]) };
  });
};

test('a trace counts the steps, bytes and operations of a run, and changes no result', async (t) => {
  const { x, y, sess, value } = setup();
  const plain = sess.runSync(y, [[x, value]]);
  const trace = new tf.Trace();
  const before = Number(process.hrtime.bigint());
  const traced = sess.runSync(y, [[x, value]], { trace });
  const after = Number(process.hrtime.bigint());
  t.deepEqual(traced.data, plain.data);
  t.is(trace.runs, 1);
  const product = trace.steps.find(({ name }) => name === 'product')!;
  t.is(product.label, 'MatMul');
  t.is(product.op, 'MatMul');
  t.is(product.flops, 2 * 64 * 32 * 16);
  t.is(product.bytes, 4 * (64 * 32 + 32 * 16 + 64 * 16));
  let last = before;
  for (const { begin, duration } of trace.steps) {
    t.true(begin >= last && duration >= 0);
    last = begin + duration;
  }
  t.true(last <= after);

  const again = await sess.run(y, [[x, value]], { trace });
  t.deepEqual(again.data, plain.data);
  t.is(trace.runs, 2);
  const [row] = trace.rows().filter(({ label }) => label === 'MatMul');
  t.is(row!.count, 2);
  t.is(row!.flops, 4 * 64 * 32 * 16);
  t.regex(String(trace), /GFLOP\/s.*\n.*MatMul/s);
  trace.clear();
  t.is(trace.steps.length, 0);
  sess.close();
});

test('a product that ends in a tape counts both, and not what never reaches memory', (t) => {
  const { x, y, sess, value } = setup(true);
  sess.runSync(y, [[x, value]], { trace: true });
  const [step] = sess.trace.steps;
  t.is(step!.label, 'MatMulFused(Tanh | Sum)');
  t.is(step!.flops, 2 * 64 * 32 * 16 + 2 * 64 * 16);
  t.is(step!.bytes, 4 * (64 * 32 + 32 * 16 + 16));
  sess.close();
});

test('trace: true keeps what it measured with the session; other runs are not in it', async (t) => {
  const { x, y, sess, value } = setup();
  const runs = [false, true, false, true].map((trace) => sess.run(y, [[x, value]], { trace, timeoutMs: 10_000 }));
  await Promise.all(runs);
  sess.runSync(y, [[x, value]]);
  t.is(sess.trace.runs, 2);
  t.is(sess.trace.steps.filter(({ label }) => label === 'MatMul').length, 2);
  t.throws(() => sess.runSync(y, [[x, value]], { trace: 'yes' as never }), {
    name: 'TypeError',
    message: /tf\.Trace/,
  });
  await t.throwsAsync(() => sess.run(y, [[x, value]], { trace: 1 as never }), { message: /tf\.Trace/ });
  sess.close();
});

test('a trace is Chrome events and RunMetadata; a run that fails is in it up to its failure', (t) => {
  const graph = new tf.Graph();
  graph.asDefault(() => {
    const n = tf.placeholder(tf.int32, [3], { name: 'n' });
    const kept = tf.cumsum(n, 0, { name: 'kept' });
    const bad = tf.floordiv(kept, n, { name: 'bad' });
    using sess = new tf.Session({ graph });
    const trace = new tf.Trace();
    sess.runSync(bad, [[n, [1, 2, 3]]], { trace });
    const { traceEvents } = trace.toChromeTrace();
    t.deepEqual(
      traceEvents.map(({ name, ph }) => [name, ph]),
      [
        ['kept', 'X'],
        ['bad', 'X'],
      ],
    );
    t.is(traceEvents[1]!.args.bytes, 36);
    const { nodeStats } = trace.toRunMetadata().stepStats.devStats[0]!;
    t.deepEqual(
      nodeStats.map(({ nodeName }) => nodeName),
      ['kept', 'bad'],
    );
    t.true(Number(nodeStats[0]!.allEndRelMicros) >= 1);
    trace.clear();
    t.throws(() => sess.runSync(bad, [[n, [1, 0, 3]]], { trace }), { message: /division by zero/ });
    t.deepEqual(
      trace.steps.map(({ name }) => name),
      ['kept', 'bad'],
    );
  });
});

test('data-dependent shapes: each stage of the run is in the trace', (t) => {
  const graph = new tf.Graph();
  graph.asDefault(() => {
    const x = tf.placeholder(tf.int32, [4]);
    const total = tf.reduceSum(tf.exp(tf.cast(tf.unique(x).y, tf.float32)));
    using sess = new tf.Session({ graph });
    const trace = new tf.Trace();
    sess.runSync(total, [[x, [1, 1, 2, 2]]], { trace });
    t.is(trace.runs, 2);
    t.true(trace.steps.some(({ label }) => label === 'Unique'));
    t.true(trace.steps.some(({ label }) => label.includes('Exp')));
  });
});
