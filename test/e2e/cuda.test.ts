// Sessions on the emulated device: the engine's way of running a plan on a GPU, without one.
import { existsSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import * as tf from '../../lib/index.js';
import { ROOT } from '../helpers/root.js';

// On a machine with a GPU the library to test is named by GRAFO_CUDA_LIBRARY.
const library = process.env.GRAFO_CUDA_LIBRARY ?? path.join(ROOT, 'build', 'Release', 'grafo_cuda_emulated.so');
process.env.GRAFO_CUDA_LIBRARY = library;
const emulated = existsSync(library) ? test : test.skip;
if (!existsSync(library))
  console.log(`skipped: ${library} is not built (cmake --build build --target grafo_cuda_emulated)`);

emulated('a model trains on the device as on the CPU, step by step, recorded and in loops', async (t) => {
  const graph = new tf.Graph();
  const { x, y, loss, train, W } = graph.asDefault(() => {
    const x = tf.placeholder('float32', [8, 4]);
    const y = tf.placeholder('int32', [8]);
    const W = new tf.Variable(
      tf.ndarray(
        Float32Array.from({ length: 12 }, (_, i) => Math.sin(i)),
        [4, 3],
      ),
    );
    const logits = tf.add(tf.matmul(x, W), new tf.Variable(tf.zeros([3])));
    const loss = tf.reduceMean(tf.nn.sparseSoftmaxCrossEntropyWithLogits({ labels: y, logits }));
    return { x, y, W, loss, train: new tf.train.AdamOptimizer(0.05).minimize(loss) };
  });
  const batch = (i: number) =>
    [
      [
        x,
        tf.ndarray(
          Float32Array.from({ length: 32 }, (_, e) => Math.cos(e * 0.7 + i)),
          [8, 4],
        ),
      ],
      [y, tf.ndarray(Int32Array.from({ length: 8 }, (_, e) => (e + i) % 3))],
    ] as const;
  const results: number[][] = [];
  for (const device of ['/cpu:0', '/gpu:0']) {
    using sess = new tf.Session({ graph, device });
    sess.runSync(graph.asDefault(() => tf.globalVariablesInitializer()));
    const losses: number[] = [];
    for (let i = 0; i < 6; i++) losses.push(Number(sess.runSync([train, loss], batch(i))[1].item()));
    losses.push(Number((await sess.run([train, loss], batch(6)))[1].item()));
    losses.push(...Array.from(sess.runLoopSync([train, loss], 5, batch(7))[1].data as Float32Array));
    losses.push(...(sess.runSync(W).data as Float32Array));
    results.push(losses);
    t.deepEqual(
      sess.listDevices().map(({ deviceType }) => deviceType),
      device === '/cpu:0' ? ['CPU'] : ['CPU', 'GPU'],
    );
  }
  const [cpu, gpu] = results as [number[], number[]];
  cpu.forEach((value, i) => {
    t.true(Math.abs(value - gpu[i]!) <= 1e-5 * Math.max(1, Math.abs(value)), `${i}: ${value} ${gpu[i]}`);
  });
});

emulated('devices are chosen as asked, and an error on the device is the operation’s', (t) => {
  const graph = new tf.Graph();
  graph.asDefault(() => {
    const onGpu = tf.device('/gpu:0', () => tf.add(tf.constant([1, 2]), 1));
    using chosen = new tf.Session();
    t.is(chosen.listDevices().length, 2);
    t.deepEqual(chosen.runSync(onGpu).toArray(), [2, 3]);
    using cpu = new tf.Session({ device: '/cpu:0' });
    t.throws(() => cpu.runSync(onGpu), {
      instanceOf: tf.errors.InvalidArgumentError,
      message:
        /Cannot assign a device for operation Const.*available devices are \[ \/job:localhost\/replica:0\/task:0\/device:CPU:0 \]/s,
    });
    t.throws(() => new tf.Session({ device: '/gpu:1' }), { instanceOf: tf.errors.InvalidArgumentError });
    t.throws(() => new tf.Session({ device: '/tpu:0' }), { instanceOf: tf.errors.ValueError });

    const at = tf.placeholder('int32', [2]);
    const v = new tf.Variable([1, 2, 3]);
    const taken = tf.gather(v, at);
    const bad = v.assign(tf.gather(taken, [0, 1, 0]));
    using sess = new tf.Session({ device: '/gpu:0' });
    sess.runSync(v.initializer);
    for (let i = 0; i < 3; i++) {
      t.throws(() => sess.runSync(bad.op, [[at, [0, 7]]]), { message: /indices\[1\] = 7 is not in \[0, 3\)/ });
      t.deepEqual(sess.runSync(v).toArray(), [1, 2, 3]);
    }
    sess.runSync(bad.op, [[at, [2, 1]]]);
    t.deepEqual(sess.runSync(v).toArray(), [3, 2, 3]);
    const words = tf.where(tf.greater(v, 2), tf.fill([3], 'big'), tf.fill([3], 'small'));
    t.deepEqual(sess.runSync(words).toArray(), ['big', 'small', 'big']);
  });
});

emulated('GRAFO_DEVICE is the device of a session that names none', (t) => {
  const before = process.env.GRAFO_DEVICE;
  try {
    const graph = new tf.Graph();
    const one = graph.asDefault(() => tf.constant(1));
    process.env.GRAFO_DEVICE = '/gpu:0';
    using byDefault = new tf.Session(graph);
    t.is(byDefault.listDevices().length, 2);
    t.is(byDefault.runSync(one).item(), 1);
    using chosen = new tf.Session({ graph, device: '/cpu:0' });
    t.is(chosen.listDevices().length, 1);
    process.env.GRAFO_DEVICE = '';
    using unset = new tf.Session(graph);
    t.is(unset.listDevices().length, 1);
  } finally {
    if (before === undefined) delete process.env.GRAFO_DEVICE;
    else process.env.GRAFO_DEVICE = before;
  }
});
