// What a session says of its memory is what the process takes.
import { readFileSync } from 'node:fs';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import * as tf from '../../lib/index.js';

const MB = 2 ** 20;
setFlagsFromString('--expose_gc');
const gc = runInNewContext('gc') as () => void;
/** Resident bytes of the process that are no file's, without garbage. */
const resident = (): number => {
  gc();
  return Number(/RssAnon:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1] ?? Number.NaN) * 1024;
};
const why =
  process.env.GRAFO_SANITIZER !== undefined
    ? 'a sanitizer keeps memory back'
    : process.platform !== 'linux'
      ? 'no /proc'
      : '';
if (why !== '') console.log(`skipped: ${why}`);
const measured = why === '' ? test.serial : test.serial.skip;

measured('variables, constants and arena are what the process grows by, and what explain promises', (t) => {
  const graph = new tf.Graph();
  graph.asDefault(() => {
    const side = 2048; // 16 MB a matrix
    const x = tf.placeholder('float32', [side, side]);
    const v = new tf.Variable(tf.zeros([side, side]));
    const update = v.assignAdd(tf.transpose(x));
    // Two transposes that are both alive: the arena holds two matrices.
    const [a, b] = [tf.transpose(x), tf.cumsum(x)];
    const out = tf.reduceSum(tf.matmul(a, b));
    using sess = new tf.Session({ threads: 1, device: '/cpu:0' });
    // Kept to the end: V8 gives the memory of dead buffers back when it pleases.
    const ones = new Float32Array(side * side).fill(1);
    const fed = tf.ndarray(ones, [side, side]);
    const before = resident();
    sess.runSync(v.initializer);
    t.is(sess.memory().variables, 16 * MB);
    const compare = (what: string): number => {
      const [grown, { used }] = [resident() - before, sess.memory()];
      t.true(
        Math.abs(grown - used) < 10 * MB,
        `${what}: the process grew by ${grown / MB} MB, the session uses ${used / MB}`,
      );
      return grown;
    };
    compare('a variable');

    const promised = Number(/arena ([\d.]+) MB/.exec(sess.explain([out, update.op], [[x, fed]]))![1]);
    sess.runSync([out, update.op], [[x, fed]]);
    const { arena, used, peak } = sess.memory();
    t.true(Math.abs(arena / MB - promised) < 0.1, `${arena / MB} and ${promised}`);
    t.true(peak >= used);
    const grown = compare('a run');
    for (let i = 0; i < 5; i++) sess.runSync([out, update.op], [[x, fed]]);
    t.true(Math.abs(resident() - before - grown) < 4 * MB, 'later runs take nothing more');
    t.is(ones[0], 1);
  });
});

measured('a closed session leaves no thread, a forgotten one is collected, whatever its onLog holds', async (t) => {
  const graph = new tf.Graph();
  const { x, y, big } = graph.asDefault(() => {
    const x = tf.placeholder('float32', [8]);
    return { x, y: tf.reduceSum(x), big: new tf.Variable(tf.zeros([MB / 4])) };
  });
  const threads = (): number => Number(/Threads:\s+(\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))![1]);
  // A limit of time makes a run one of the session's own thread.
  const run = (sess: tf.Session): Promise<unknown> => sess.run(y, [[x, new Float32Array(8)]], { timeoutMs: 60_000 });
  const before = threads();
  for (let i = 0; i < 20; i++) {
    const sess = new tf.Session({ graph, threads: 1, device: '/cpu:0' });
    await run(sess);
    t.true(threads() > before);
    sess.close();
    t.is(threads(), before);
  }

  let collected = 0;
  const registry = new FinalizationRegistry<undefined>(() => collected++);
  const forget = async (logs: boolean): Promise<void> => {
    const known: { sess?: tf.Session } = {};
    const onLog = logs ? () => t.truthy(known.sess) : undefined;
    const sess = new tf.Session({ graph, threads: 1, device: '/cpu:0', ...(onLog === undefined ? {} : { onLog }) });
    known.sess = sess;
    registry.register(sess, undefined);
    sess.runSync(big.initializer);
    await run(sess);
  };
  for (let i = 0; i < 20; i++) await forget(i % 2 === 0);
  for (let i = 0; i < 50 && collected < 20; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  t.is(collected, 20);
  t.is(threads(), before);
});

test('plans keep no feed: what was fed is collected while they are kept', async (t) => {
  const { x, y } = new tf.Graph().asDefault(() => {
    const x = tf.placeholder('float32', [null, 8]);
    return { x, y: tf.reduceSum(tf.square(x), 1) };
  });
  using sess = new tf.Session({ graph: y.graph });
  let collected = 0;
  const registry = new FinalizationRegistry<undefined>(() => collected++);
  const fed = (rows: number): tf.NDArray => {
    const data = new Float32Array(8 * rows).fill(1);
    registry.register(data, undefined);
    return tf.ndarray(data.subarray(0), [rows, 8]);
  };
  const given = (rows: number): tf.NDArray => {
    const array = new tf.NDArray(tf.float32, [rows, 8], new Float32Array(8 * rows).fill(1));
    registry.register(array.data as Float32Array, undefined);
    return array;
  };
  for (let rows = 1000; rows < 1010; rows++) {
    await sess.run(y, [[x, fed(rows)]]);
    sess.runSync(y, [[x, given(rows + 100)]]);
  }
  for (let i = 0; i < 50 && collected < 20; i++) {
    gc();
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  t.is(collected, 20);
});

test('a constant factor of a product is kept packed: the session counts the copy, and no run differs by a bit', (t) => {
  const [rows, from, to] = [16, 600, 520];
  const weights = Float32Array.from({ length: from * to }, (_, i) => Math.sin(i * 7));
  const graph = new tf.Graph();
  const { x, W, known, given } = graph.asDefault(() => {
    const x = tf.placeholder('float32', [rows, from]);
    const W = tf.placeholder('float32', [from, to]);
    return {
      x,
      W,
      known: tf.tanh(tf.matmul(x, tf.constant(tf.ndarray(weights, [from, to])))),
      given: tf.tanh(tf.matmul(x, W)),
    };
  });
  using sess = new tf.Session({ graph, device: '/cpu:0' });
  const value = (run: number): Float32Array =>
    Float32Array.from({ length: rows * from }, (_, i) => Math.cos(i * 3 + run));
  for (let run = 0; run < 4; run++) {
    const fed = sess.runSync(given, [
      [x, value(run)],
      [W, weights],
    ]) as tf.NDArray;
    const packed = sess.runSync(known, [[x, value(run)]]) as tf.NDArray;
    t.deepEqual(packed.data, fed.data, `run ${run}`);
  }
  const { used, constants, arena } = sess.memory();
  t.true(constants >= weights.byteLength);
  t.true(used - constants - arena >= weights.byteLength, `${used} with ${constants} of constants`);
});
