// Queues, pinned memory and loops of a device: whichever stream goes on first, the numbers are the CPU's.
process.env.GRAFO_TESTING = '1';

import * as tf from '../../lib/index.js';
import { bits, emulate, emulatedSerially } from '../helpers/cuda.js';

/** A step that reads a large and a small feed, updates a variable, and fetches what it read and what it wrote. */
const model = (rows: number) => {
  const graph = new tf.Graph();
  return graph.asDefault(() => {
    const x = tf.placeholder('float32', [rows, 8]);
    const y = tf.placeholder('float32', []);
    const w = new tf.Variable(tf.ones([rows, 8]), { name: 'w' });
    const update = w.assign(tf.sub(tf.mul(x, y), tf.mul(w, 0.5)));
    const copy = tf.add(x, y);
    return { graph, x, y, w, update, copy, most: tf.reduceMax(update), init: tf.globalVariablesInitializer() };
  });
};
const numbers = (n: number, by: number) => Float32Array.from({ length: n }, (_, i) => ((i * by) % 17) - 8);

for (const [rows, n, seeds] of [
  [3, 140, 3],
  [1000, 37, 3],
  [20000, 5, 2],
  [33000, 4, 1],
] as const) {
  emulatedSerially(`a loop of ${rows} rows a step is the CPU’s under any order of the streams`, (t) => {
    const { graph, x, y, w, copy, most, update, init } = model(rows);
    const xs = numbers(rows * 8 * Math.min(n, 7), 5);
    const ys = numbers(n, 3);
    const run = (device: string, fetches: tf.Tensor[]) => {
      using sess = new tf.Session({ graph, device });
      sess.runSync(init);
      const looped = sess.runLoopSync(fetches, n, [
        [x, tf.stepped(tf.ndarray(xs, [Math.min(n, 7), rows, 8]))],
        [y, tf.stepped(ys)],
      ]);
      return [...looped, sess.runSync(w)].map(bits);
    };
    for (const fetches of rows < 2000 ? [[copy, most], [most], [update]] : [[copy, most]]) {
      const right = run('/cpu:0', fetches);
      for (let seed = 1; seed <= seeds; seed++) {
        emulate('seed', seed);
        for (const [f, found] of run('/gpu:0', fetches).entries())
          t.true(found === right[f], `seed ${seed}, result ${f}`);
      }
    }
  });
}

emulatedSerially('without the waits of the streams, or of the host, these numbers are wrong', (t) => {
  t.teardown(() => void emulate('deaf', 0));
  const { graph, x, y, w, copy, most, init } = model(1000);
  // A half of the ring holds 31 steps of so many rows: the host waits for one from the third half on.
  const n = 100;
  const run = () => {
    using sess = new tf.Session({ graph, device: '/gpu:0' });
    sess.runSync(init);
    const looped = sess.runLoopSync([copy, most], n, [
      [x, tf.stepped(tf.ndarray(numbers(8000 * 7, 5), [7, 1000, 8]))],
      [y, tf.stepped(numbers(n, 3))],
    ]);
    return [...looped, sess.runSync(w)].map(bits).join();
  };
  const right = run();
  for (const deaf of [1, 2]) {
    emulate('deaf', deaf);
    let wrong = 0;
    for (let seed = 1; seed <= (process.env.GRAFO_FULL ? 8 : 2); seed++) {
      emulate('seed', seed);
      if (run() !== right) wrong++;
    }
    t.true(wrong > 0, `${deaf}`);
  }
});

emulatedSerially('a loop waits for the host now and then, not at every step', (t) => {
  const { graph, x, y, most, init } = model(2);
  using sess = new tf.Session({ graph, device: '/gpu:0' });
  sess.runSync(init);
  const feeds = [
    [x, tf.stepped(tf.ndarray(numbers(160, 1), [10, 2, 8]))],
    [y, 2],
  ] as const;
  sess.runLoopSync(most, 3, feeds);
  const [launches, syncs] = [emulate('graph launches'), emulate('syncs')];
  sess.runLoopSync(most, 64, feeds);
  t.is(emulate('graph launches') - launches, 64);
  t.true(emulate('syncs') - syncs < 20, `${emulate('syncs') - syncs} waits`);
});

emulatedSerially('what a host buffer holds is fed from where it lies, by runs and loops', (t) => {
  const { graph, x, y, w, copy, init } = model(2000);
  const blocks = emulate('pinned blocks');
  using sess = new tf.Session({ graph, device: '/gpu:0' });
  const host = sess.hostBuffer('float32', [2000, 8]);
  t.true(emulate('pinned blocks') > blocks);
  t.true((host.data as Float32Array).every((value) => value === 0));
  sess.runSync(init);
  for (let i = 0; i < 5; i++) {
    (host.data as Float32Array).set(numbers(16000, i + 1));
    const found = sess.runSync(copy, [
      [x, host],
      [y, i],
    ]);
    t.deepEqual(
      found.data,
      numbers(16000, i + 1).map((value) => value + i),
    );
  }
  const steps = sess.hostBuffer('float32', [4, 2000, 8]);
  (steps.data as Float32Array).set(numbers(64000, 7));
  using cpu = new tf.Session({ graph, device: '/cpu:0' });
  t.false(cpu.hostBuffer('float32', [3]).data.length === 0);
  cpu.runSync(init);
  sess.runSync(init);
  const loops = [sess, cpu].map((on) => {
    const found = on.runLoopSync(copy, 6, [
      [x, tf.stepped(steps)],
      [y, 1],
    ]);
    return bits(found) + bits(on.runSync(w));
  });
  t.true(loops[0] === loops[1]);
  sess.close();
  t.is((host.data as Float32Array)[1], numbers(2, 5)[1]); // it outlives the session
});

emulatedSerially('results fall straight into host buffers given for them', (t) => {
  const { graph, x, y, copy } = model(2000);
  using sess = new tf.Session({ graph, device: '/gpu:0' });
  const into = sess.hostBuffer('float32', [2000, 8]);
  const step = sess.makeCallable(copy, [x, y], { into });
  for (let i = 1; i < 5; i++) {
    step(tf.ndarray(numbers(16000, i), [2000, 8]), 1);
    t.deepEqual(
      into.data,
      numbers(16000, i).map((value) => value + 1),
    );
  }
});

emulatedSerially('the first faulty step of a loop is told, and variables are as after the one before', (t) => {
  const graph = new tf.Graph();
  const { at, v, add, init, draws, fed } = graph.asDefault(() => {
    const at = tf.placeholder('int32', [2]);
    const fed = tf.placeholder('float32', []);
    const v = new tf.Variable(tf.zeros([4]), { name: 'v' });
    const taken = tf.reduceSum(tf.gather(tf.add(v, 1), at));
    const draws = tf.randomUniform([3], { seed: 1 });
    const add = v.assign(tf.add(tf.add(v, taken), tf.mul(fed, tf.reduceSum(draws))));
    return { at, v, add, init: tf.globalVariablesInitializer(), draws, fed };
  });
  for (const bad of [0, 1, 2, 5, 8, 16, 17, 30, 39]) {
    const n = 40;
    const indices = Int32Array.from({ length: 2 * n }, (_, i) => i % 4);
    indices[2 * bad + 1] = 40 + bad;
    if (bad + 1 < n) indices[2 * bad + 2] = -7; // the next step is wrong at an earlier place
    const [cpu, gpu] = ['/cpu:0', '/gpu:0'].map((device) => {
      using sess = new tf.Session({ graph, device });
      sess.runSync(init);
      sess.runLoopSync(add, 3, [
        [at, [0, 1]],
        [fed, 1e-3],
      ]);
      const error = t.throws(() =>
        sess.runLoopSync(add, n, [
          [at, tf.stepped(tf.ndarray(indices, [n, 2]))],
          [fed, 1e-3],
        ]),
      );
      const after = sess.runSync(v);
      sess.runLoopSync(add, 3, [
        [at, [0, 1]],
        [fed, 0],
      ]);
      return [(error as { text?: string }).text, bits(after), bits(sess.runSync(v))];
    });
    t.regex(cpu![0]!, new RegExp(`indices\\[1\\] = ${40 + bad} is not in`));
    t.deepEqual(gpu, cpu, `step ${bad}`);
  }
  t.pass(String(draws));
});

emulatedSerially('random numbers of queued steps are the CPU’s, one after the other', (t) => {
  const graph = new tf.Graph();
  const draws = graph.asDefault(() => tf.randomNormal([5], { seed: 3 }));
  const [cpu, gpu] = ['/cpu:0', '/gpu:0'].map((device) => {
    using sess = new tf.Session({ graph, device });
    return [sess.runLoopSync(draws, 50), sess.runSync(draws), sess.runLoopSync(draws, 2)].map(bits);
  });
  t.deepEqual(gpu, cpu);
});

emulatedSerially('a cancelled loop ends soon, and the session goes on', async (t) => {
  const { graph, x, y, w, most, init } = model(2);
  using sess = new tf.Session({ graph, device: '/gpu:0' });
  sess.runSync(init);
  const controller = new AbortController();
  const loop = sess.runLoop(
    most,
    3_000_000,
    [
      [x, numbers(16, 1)],
      [y, 0],
    ],
    { signal: controller.signal },
  );
  setTimeout(() => controller.abort(), 50);
  await t.throwsAsync(loop, { instanceOf: tf.errors.CancelledError });
  sess.runSync(init);
  t.deepEqual(new Set(sess.runSync(w).data as Float32Array), new Set([1]));
});
