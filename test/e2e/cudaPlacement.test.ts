// What a session tells of its devices, and how much of the GPU's memory it takes.
process.env.GRAFO_TESTING = '1';

import * as tf from '../../lib/index.js';
import { emulate, emulatedSerially } from '../helpers/cuda.js';

const GPU = '/job:localhost/replica:0/task:0/device:GPU:0';
const CPU = '/job:localhost/replica:0/task:0/device:CPU:0';

emulatedSerially('logDevicePlacement tells where each operation runs, once', (t) => {
  const graph = new tf.Graph();
  const { sum, words } = graph.asDefault(() => {
    const a = tf.placeholder('float32', [2], { name: 'a' });
    const sum = tf.add(a, tf.constant([1, 2], { name: 'b' }), { name: 'sum' });
    return { sum, words: tf.where(tf.greater(sum, 2, { name: 'more' }), tf.fill([2], 'x'), tf.fill([2], 'y')) };
  });
  for (const device of ['/cpu:0', '/gpu:0']) {
    const lines: string[] = [];
    using sess = new tf.Session({ graph, device, logDevicePlacement: true, onLog: (line) => lines.push(line) });
    for (let i = 0; i < 3; i++) sess.runSync(sum, [['a:0', [1, 1]]]);
    const here = device === '/cpu:0' ? CPU : GPU;
    t.deepEqual(lines.sort(), [`b: (Const): ${here}`, `sum: (Add): ${here}`]);
    sess.runSync(words, [['a:0', [1, 1]]]);
    t.true(lines.includes(`more: (Greater): ${here}`));
    t.true(lines.includes(`${words.op.name}: (${words.op.type}): ${CPU}`)); // strings
    t.is(lines.filter((line) => line.startsWith('sum: ')).length, 1);
  }
  const silent: string[] = [];
  using sess = new tf.Session({ graph, device: '/gpu:0', onLog: (line) => silent.push(line) });
  sess.runSync(sum, [['a:0', [1, 1]]]);
  t.deepEqual(silent, []);
});

emulatedSerially('gpu.memory is the most that a session takes of the GPU', (t) => {
  const graph = new tf.Graph();
  const { v, init } = graph.asDefault(() => {
    const v = new tf.Variable(tf.zeros([1000]), { name: 'v' });
    return { v, init: tf.globalVariablesInitializer() };
  });
  using tight = new tf.Session({ graph, device: '/gpu:0', gpu: { memory: 4000 } });
  t.throws(() => tight.runSync(init), {
    instanceOf: tf.errors.ResourceExhaustedError,
    message: /of the 4000 that it may/,
  });
  const before = emulate('device bytes');
  using enough = new tf.Session({ graph, device: '/gpu:0', gpu: { memory: 40_000, precision: 'tf32' } });
  enough.runSync(init);
  t.is((enough.runSync(v).data as Float32Array).length, 1000);
  t.true(emulate('device bytes') - before <= 40_000);
});
