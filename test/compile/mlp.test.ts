// The plan of a training step as it is printed: which kernels run, what is fused, where results lie, how many bytes move. A change here is
// a change of the compiler that a reader should see: GRAFO_UPDATE=1 writes the files anew.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import * as tf from '../../lib/index.js';
import { ROOT } from '../helpers/root.js';

const SIZES = [784, 512, 256, 10] as const;
const BATCH = 128;

const plan = (optimizer: () => tf.train.Optimizer): string =>
  new tf.Graph().asDefault(() => {
    const x = tf.placeholder('float32', [BATCH, SIZES[0]]);
    const labels = tf.placeholder('int32', [BATCH]);
    let h: tf.Tensor = x;
    for (let i = 0; i + 1 < SIZES.length; i++) {
      const W = new tf.Variable(tf.zeros([SIZES[i]!, SIZES[i + 1]!]), { name: `W${i}` });
      const b = new tf.Variable(tf.zeros([SIZES[i + 1]!]), { name: `b${i}` });
      const z = tf.add(tf.matmul(h, W), b);
      h = i + 2 < SIZES.length ? tf.nn.relu(z) : z;
    }
    const loss = tf.reduceMean(tf.nn.sparseSoftmaxCrossEntropyWithLogits({ labels, logits: h }));
    const train = optimizer().minimize(loss);
    using sess = new tf.Session({ device: '/cpu:0' });
    return `${sess.explain(
      [train, loss],
      [
        [x, new Float32Array(BATCH * SIZES[0])],
        [labels, new Int32Array(BATCH)],
      ],
    )}\n`;
  });

for (const [name, optimizer] of [
  ['momentum', () => new tf.train.MomentumOptimizer(0.01, 0.9)],
  ['adam', () => new tf.train.AdamOptimizer(0.001)],
] as const) {
  test(`the plan of a step of 784-512-256-10 by ${name}`, (t) => {
    const file = path.join(ROOT, 'test', 'compile', 'plans', `mlp-${name}.txt`);
    const found = plan(optimizer);
    if (process.env.GRAFO_UPDATE === '1') writeFileSync(file, found);
    t.is(found, readFileSync(file, 'utf8'));
  });
}
