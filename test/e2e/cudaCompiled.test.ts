// Tapes compiled at run time, on the emulated device: sessions that train with them, step by step, recorded and in loops, beside sessions
// whose tapes are interpreted.
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test from 'ava';
import * as tf from '../../lib/index.js';
import { bits } from '../helpers/cuda.js';
import { ROOT } from '../helpers/root.js';

const release = path.join(ROOT, 'build', 'Release');
const compilers = path.join(release, 'fake_cuda');
const built = ['grafo_cuda_emulated.so', 'fake_cuda/libnvrtc.so.13'].every((file) =>
  existsSync(path.join(release, file)),
);
const emulated = built ? test : test.skip;

emulated('a model trains with the same bits whether its tapes are compiled or interpreted', async (t) => {
  const cache = mkdtempSync(path.join(tmpdir(), 'grafo-cache-'));
  const before = { ...process.env };
  Object.assign(process.env, { GRAFO_CACHE: cache, GRAFO_CUDA_LIBRARIES: compilers });
  try {
    const graph = new tf.Graph();
    const { x, train, loss, w, v } = graph.asDefault(() => {
      const x = tf.placeholder('float32', [300, 17]);
      const w = new tf.Variable(tf.fill([17], 0.5));
      const v = new tf.Variable(tf.fill([300, 1], -0.25));
      const loss = tf.reduceMean(tf.square(tf.sub(tf.sigmoid(x.mul(w).add(v)), 0.25)));
      return { x, w, v, loss, train: new tf.train.AdamOptimizer(0.05).minimize(loss) };
    });
    const batch = (i: number) =>
      [
        [
          x,
          tf.ndarray(
            Float32Array.from({ length: 5100 }, (_, e) => Math.cos(e * 0.7 + i)),
            [300, 17],
          ),
        ],
      ] as const;
    const runs: string[][] = [];
    for (const how of ['always', 'off']) {
      process.env.GRAFO_NVRTC = how;
      using sess = new tf.Session({ graph, device: '/gpu:0' });
      sess.runSync(graph.asDefault(() => tf.globalVariablesInitializer()));
      const seen: string[] = [];
      for (let i = 0; i < 4; i++) seen.push(bits(sess.runSync([train, loss], batch(i))[1]));
      seen.push(bits((await sess.run([train, loss], batch(4)))[1]));
      seen.push(bits(sess.runLoopSync([train, loss], 5, batch(5))[1]));
      seen.push(...sess.runSync([w, v]).map(bits));
      runs.push(seen);
      if (how === 'always') t.true(readdirSync(path.join(cache, 'kernels')).length >= 2);
    }
    t.deepEqual(runs[0], runs[1]);
  } finally {
    for (const name of ['GRAFO_CACHE', 'GRAFO_CUDA_LIBRARIES', 'GRAFO_NVRTC'])
      if (before[name] === undefined) delete process.env[name];
      else process.env[name] = before[name];
    rmSync(cache, { recursive: true, force: true });
  }
});
