// Which device a session gets, and what is told of it: with no driver, an old one, hidden GPUs, and one that is there.
process.env.GRAFO_TESTING = '1';

import * as tf from '../../lib/index.js';
import { native } from '../../lib/runtime/native.js';
import { emulate, emulatedSerially } from '../helpers/cuda.js';

const GPU = '/job:localhost/replica:0/task:0/device:GPU:0';
const CPU = '/job:localhost/replica:0/task:0/device:CPU:0';
const [NO_DEVICE, PRESENT, OLD_DRIVER, NO_DRIVER] = [0, 1, 2, 3];

// The first of all: an engine that has found its GPU keeps it.
emulatedSerially('what is in the way of a GPU is told by doctor, and no session minds that did not ask', (t) => {
  const visible = process.env.CUDA_VISIBLE_DEVICES;
  t.teardown(() => {
    emulate('presence', PRESENT);
    if (visible === undefined) delete process.env.CUDA_VISIBLE_DEVICES;
    else process.env.CUDA_VISIBLE_DEVICES = visible;
  });
  const reason = (): string => {
    const gpu = native().gpu();
    return 'reason' in gpu ? gpu.reason : 'a GPU';
  };
  delete process.env.CUDA_VISIBLE_DEVICES;
  emulate('presence', NO_DRIVER);
  t.regex(reason(), /no GPU \(there is no NVIDIA driver \(libcuda\.so\.1\)\)$/);
  emulate('presence', OLD_DRIVER);
  t.regex(reason(), /the NVIDIA driver is of CUDA 11\.4, and 13\.0 is needed: update the driver/);
  emulate('presence', NO_DEVICE);
  t.regex(reason(), /the driver knows no GPU/);
  process.env.CUDA_VISIBLE_DEVICES = '';
  t.regex(reason(), /CUDA_VISIBLE_DEVICES='' hides every GPU/);
  t.regex(tf.doctorText(tf.doctor()), /gpu +none: .*CUDA_VISIBLE_DEVICES='' hides every GPU/);

  const graph = new tf.Graph();
  const large = graph.asDefault(() => tf.reduceMax(new tf.Variable(tf.zeros([300_000])).initializer.outputs[0]!));
  using sess = new tf.Session(graph); // large enough for a GPU
  t.deepEqual(
    sess.listDevices().map(({ name }) => name),
    [CPU],
  );
  t.is(sess.runSync(large).item(), 0);
  t.throws(() => new tf.Session({ graph, device: '/gpu:0' }), {
    instanceOf: tf.errors.InvalidArgumentError,
    message: /Cannot run a session on \/gpu:0: .*hides every GPU/,
  });
  using soft = new tf.Session({ graph, device: '/gpu:0', allowSoftPlacement: true });
  t.is(soft.listDevices().length, 1);
  const placed = graph.asDefault(() => tf.device('/gpu:0', () => tf.add(tf.constant(1), 2)));
  t.throws(() => sess.runSync(placed), { message: /Cannot assign a device for operation/ });
  t.is(soft.runSync(placed).item(), 3);
});

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
