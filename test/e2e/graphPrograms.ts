// Small programs whose graphs tools/graphGoldens.py made with TensorFlow: the same programs, line by line.
import * as tf from '../../lib/index.js';

const f = 'float32';

/** The programs by name; each adds to the default graph. */
export const programs: Readonly<Record<string, () => void>> = {
  linear() {
    tf.setRandomSeed(777);
    const x = tf.placeholder(f, [null], { name: 'x' });
    const y = tf.placeholder(f, [null], { name: 'y' });
    const w = new tf.Variable(tf.randomNormal([1]), { name: 'weight' });
    const b = new tf.Variable(tf.randomNormal([1]), { name: 'bias' });
    const cost = tf.reduceMean(tf.square(x.mul(w).add(b).sub(y)));
    new tf.train.GradientDescentOptimizer(0.01).minimize(cost);
    tf.globalVariablesInitializer();
  },
  mlp_adam() {
    const x = tf.placeholder(f, [null, 784]);
    const y = tf.placeholder(f, [null, 10]);
    const w1 = new tf.Variable(tf.randomNormal([784, 256], { stddev: 0.1, seed: 5 }));
    const b1 = new tf.Variable(tf.zeros([256]));
    const h = tf.nn.relu(tf.nn.biasAdd(tf.matmul(x, w1), b1));
    const w2 = new tf.Variable(tf.truncatedNormal([256, 10]));
    const logits = tf.matmul(h, w2);
    const cost = tf.reduceMean(tf.nn.softmaxCrossEntropyWithLogitsV2({ logits, labels: y }));
    new tf.train.AdamOptimizer(0.001).minimize(cost);
    const correct = tf.equal(tf.argmax(logits, 1), tf.argmax(y, 1));
    tf.reduceMean(tf.cast(correct, f));
    tf.globalVariablesInitializer();
  },
  old_cross_entropy() {
    const x = tf.placeholder(f, [null, 4]);
    const w = new tf.Variable(tf.ones([4, 3]), { name: 'w' });
    const z = tf.matmul(x, w);
    let one = tf.oneHot(tf.placeholder('int32', [null, 1]), 3);
    one = tf.reshape(one, [-1, 3]);
    const loss = tf.reduceMean(tf.nn.softmaxCrossEntropyWithLogits({ logits: z, labels: tf.stopGradient(one) }));
    const sparse = tf.nn.sparseSoftmaxCrossEntropyWithLogits({ labels: tf.argmax(one, 1), logits: z });
    const bce = tf.nn.sigmoidCrossEntropyWithLogits({ labels: one, logits: z });
    tf.gradients(loss, [w]);
    tf.gradients(sparse, [w]);
    tf.identity(bce);
  },
  momentum_nesterov() {
    const step = tf.train.getOrCreateGlobalStep();
    const rate = tf.train.exponentialDecay(0.1, step, 100, 0.96, { staircase: true });
    const w = new tf.Variable(
      [
        [1, 2],
        [3, 4],
      ],
      { name: 'w' },
    );
    const loss = tf.reduceSum(tf.square(w), { axis: 1, keepDims: true });
    new tf.train.MomentumOptimizer(rate, 0.9, { useNesterov: true }).minimize(loss, { globalStep: step });
  },
  clip_global() {
    const a = new tf.Variable([1, 2], { name: 'a' });
    const b = new tf.Variable([[3]], { name: 'b' });
    const loss = tf.reduceSum(tf.square(a)).add(tf.reduceSum(tf.square(b)));
    const opt = new tf.train.GradientDescentOptimizer(0.5);
    const grads = opt.computeGradients(loss);
    const [clipped] = tf.clipByGlobalNorm(
      grads.map(([g]) => g),
      1.0,
    );
    opt.applyGradients(clipped.map((g, i) => [g, grads[i][1]]));
    tf.clipByValue(b, -1, 1);
  },
  reductions() {
    const x = tf.placeholder(f, [null, 3, 4], { name: 'x' });
    tf.reduceMean(x, { axis: [0, 2], keepDims: true });
    tf.reduceMax(x, -1);
    tf.reduceProd(x);
    tf.reduceAll(tf.greater(x, 0), 0);
    tf.reduceAny(x.less(1));
    tf.nn.moments(x, [0]);
    tf.nn.l2Normalize(x, 1);
    tf.cumsum(x, 1, { exclusive: true });
  },
  slices() {
    const x = tf.placeholder(f, [null, 6], { name: 'x' });
    x.get([], 1);
    x.get(0, [2, 4]);
    x.get('...', -1);
    x.get([], null, [null, null, 2]);
    x.get([1]);
    tf.slice(x, [0, 1], [-1, 2]);
    tf.stridedSlice(x, [0, 0], [2, 6], [1, 2]);
    tf.gather(x, [0, 2], { axis: 1 });
    tf.shape(x).get(0);
    tf.booleanMask(x, [true, false, true, true, false, true], { axis: 1 });
  },
  moving() {
    const x = tf.placeholder(f, [2, 3], { name: 'x' });
    const y = tf.placeholder(f, [2, 3], { name: 'y' });
    const c = tf.concat([x, y], 1);
    tf.split(c, [2, 4], 1);
    tf.stack([x, y], { axis: 1 });
    tf.unstack(x, { axis: 1 });
    tf.transpose(x);
    tf.transpose(x, [1, 0]);
    tf.tile(x, [2, 1]);
    tf.pad(x, [
      [1, 1],
      [0, 2],
    ]);
    tf.pad(
      x,
      [
        [1, 1],
        [0, 2],
      ],
      'REFLECT',
    );
    tf.expandDims(x, -1);
    tf.squeeze(tf.expandDims(x, 0), [0]);
    tf.where(x.greater(y), x, y);
    tf.where(x.greater(y));
    tf.fill([2, 2], 7);
    tf.range(10);
    tf.zerosLike(x);
    tf.onesLike(tf.placeholder(f));
    tf.size(x);
    tf.rank(x);
    tf.cast(x, 'int32');
    tf.unique(tf.constant([1, 2, 1], 'int32'));
    tf.reverse(x, [0]);
    tf.matmul(x, y, { transposeB: true });
  },
  move_gradients() {
    const x = tf.placeholder(f, [2, 4], { name: 'x' });
    const y = tf.placeholder(f, [2, 4], { name: 'y' });
    const [a, b] = tf.split(tf.concat([x, y], 0), [2, 2], 1);
    const s = tf.stack([a, b]);
    const u = tf.unstack(s, { axis: 1 });
    const t = tf.transpose(u[0]);
    tf.gradients([t, u[2]], [x, y]);
    tf.gradients(tf.reshape(x, [-1]).get([1, 3]), x);
    tf.gradients(
      tf.pad(x, [
        [1, 0],
        [0, 0],
      ]),
      x,
    );
    tf.gradients(tf.expandDims(tf.squeeze(x.get([0, 1]), [0]), 0), x);
    tf.gradients(tf.cast(x, 'float64'), x);
    tf.gradients(tf.gather(x, [1, 0]), x);
    tf.gradients(tf.tile(x, [1, 2]), x);
  },
  math_gradients() {
    const x = tf.placeholder(f, [3], { name: 'x' });
    for (const fn of [
      tf.square,
      tf.sqrt,
      tf.exp,
      tf.log,
      tf.sigmoid,
      tf.tanh,
      tf.abs,
      tf.sin,
      tf.cos,
      tf.nn.relu,
      tf.nn.elu,
      tf.nn.softplus,
      tf.reciprocal,
      tf.rsqrt,
      tf.log1p,
      tf.expm1,
      tf.tan,
      tf.asin,
      tf.acos,
      tf.atan,
      tf.negative,
      tf.nn.softmax,
      tf.nn.logSoftmax,
      tf.nn.l2Loss,
      tf.nn.selu,
      tf.nn.relu6,
      tf.nn.softsign,
      tf.round,
      tf.sign,
      tf.floor,
    ])
      tf.gradients(fn(x), x);
  },
  second_order() {
    const x = tf.placeholder(f, [], { name: 'x' });
    const y = tf.sigmoid(x).mul(tf.tanh(x));
    const [dy] = tf.gradients(y, x);
    tf.gradients(dy!, x);
  },
  scopes() {
    const { a, b, c } = tf.nameScope('layer', () => {
      const one = tf.constant(1);
      const { inner, sum } = tf.nameScope('inner', (scope) => ({ inner: scope, sum: one.add(2) }));
      return { a: one, b: sum, c: tf.nameScope(inner, () => sum.mul(3)) };
    });
    const d = tf.nameScope('layer', () => c.rsub(1));
    const [e, done] = tf.withControl([d, b], () => {
      const copy = tf.identity(a);
      const last = tf.withControl([c], () => tf.noOp({ name: 'done' }));
      tf.withControl(null, () => tf.constant(5, 'int32'));
      return [copy, last] as const;
    });
    const { w, v } = tf.variableScope('net', () => {
      const weight = tf.getVariable('w', [2, 3]);
      const deep = tf.variableScope('deep', { reuse: tf.AUTO_REUSE }, () => {
        const made = tf.getVariable('v', [3], { initializer: tf.zerosInitializer() });
        tf.getVariable('v', [3]);
        return made;
      });
      return { w: weight, v: deep };
    });
    tf.group(e, done, { name: 'all' });
    tf.tuple([a, b]);
    tf.assign(v, [1, 2, 3]);
    tf.assignAdd(v, tf.ones([3]));
    tf.device('/cpu:0', () => w.truediv(2).floordiv(1));
    a.neg().pow(2);
    a.mod(2);
    tf.div(a, b);
    tf.add(a, b);
    tf.logicalAnd(a.greater(b), a.lessEqual(b));
    tf.checkNumerics(a, 'bad');
    tf.addN([a, b]);
  },
  randoms() {
    tf.setRandomSeed(7);
    tf.randomNormal([2, 3]);
    tf.randomUniform([4], -1, 1);
    tf.truncatedNormal([2], { stddev: 0.5, seed: 9 });
    tf.randomUniform([4], { maxval: 10, dtype: 'int32' });
    tf.glorotUniformInitializer()([3, 4]);
    tf.randomNormalInitializer({ seed: 3 })([2]);
    tf.varianceScalingInitializer({ mode: 'fan_avg', distribution: 'uniform' })([4, 5]);
  },
};
