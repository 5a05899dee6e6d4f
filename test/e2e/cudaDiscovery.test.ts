// Where there is no GPU: no driver, an old one, hidden GPUs. Alone in its process, because what was found is kept.
process.env.GRAFO_TESTING = '1';

import * as tf from '../../lib/index.js';
import { native } from '../../lib/runtime/native.js';
import { emulate, emulatedSerially } from '../helpers/cuda.js';

const CPU = '/job:localhost/replica:0/task:0/device:CPU:0';
const [NO_DEVICE, PRESENT, OLD_DRIVER, NO_DRIVER] = [0, 1, 2, 3];

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
