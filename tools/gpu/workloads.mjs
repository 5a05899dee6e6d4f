// The workloads of grafo's side, with the ids of peers.py, and what each must at least compute and move. A workload is built from `data`,
// which gives the model its inputs: variables that lie on the device already (resident), or placeholders (feed).

/** Multiplications and additions of one training step of a dense net: no gradient of the first layer's input is asked for. */
export const netFlops = (sizes, batch) => {
  let flops = 0;
  for (let i = 0; i + 1 < sizes.length; i++) flops += (i === 0 ? 2 : 3) * 2 * batch * sizes[i] * sizes[i + 1];
  return flops;
};

/**
 * Bytes of the same step where every tensor is read once by each pass that needs it: forward x, W and z; backward the gradient of z, x
 * (for the weights and for the relu below alike), W, the gradient of x, and the updated W.
 */
export const netBytes = (sizes, batch, width = 4) => {
  let elements = 0;
  for (let i = 0; i + 1 < sizes.length; i++) {
    const [from, to] = [sizes[i], sizes[i + 1]];
    elements += batch * from + from * to + batch * to;
    elements += batch * to + batch * from + from * to + (i === 0 ? 0 : batch * from + from * to);
  }
  return width * elements;
};

/** Kernels that a step of a dense net cannot do without: a product per pass, the loss, the update. */
const netKernels = (sizes) => 3 * (sizes.length - 1) - 1 + 3;

const net = (id, sizes, batch, precision = 'fp32') => {
  const classes = sizes.at(-1);
  return {
    id: `${id}_${precision}`,
    precision,
    flops: netFlops(sizes, batch),
    bytes: netBytes(sizes, batch),
    kernels: netKernels(sizes),
    modes: ['resident', 'feed'],
    build: (tf, data) => {
      const x = data('float32', [batch, sizes[0]], 'normal');
      const y = classes > 1 ? data('int32', [batch], classes) : data('float32', [batch, 1], 2);
      let h = x;
      for (let i = 0; i + 1 < sizes.length; i++) {
        const [from, to] = [sizes[i], sizes[i + 1]];
        const W = new tf.Variable(tf.randomNormal([from, to], { stddev: from ** -0.5 }));
        const z = tf.matmul(h, W).add(new tf.Variable(tf.zeros([to])));
        h = i + 2 === sizes.length ? z : classes > 1 ? tf.nn.relu(z) : tf.tanh(z);
      }
      const losses =
        classes > 1
          ? tf.nn.sparseSoftmaxCrossEntropyWithLogits({ labels: y, logits: h })
          : tf.nn.sigmoidCrossEntropyWithLogits({ labels: y, logits: h });
      const loss = tf.reduceMean(losses);
      return { step: new tf.train.GradientDescentOptimizer(0.01).minimize(loss), told: loss };
    },
  };
};

const logistic = (id, n) => ({
  id,
  precision: 'fp32',
  flops: 20 * n,
  bytes: 12 * n,
  kernels: 2,
  modes: ['resident', 'feed'],
  build: (tf, data) => {
    const x = data('float32', [n, 2], 'normal');
    const y = data('float32', [n], 2);
    const W = new tf.Variable(tf.zeros([2, 1]));
    const z = tf.squeeze(tf.matmul(x, W), { axis: [1] }).add(new tf.Variable(tf.zeros([1])));
    const loss = tf.reduceSum(tf.nn.sigmoidCrossEntropyWithLogits({ labels: y, logits: z }));
    return { step: new tf.train.GradientDescentOptimizer(1 / n).minimize(loss), told: loss };
  },
});

/** A workload of one result that nobody fetches. */
const oneResult = (id, flops, bytes, kernels, compute, precision = 'fp32') => ({
  id,
  precision,
  flops,
  bytes,
  kernels,
  modes: ['resident'],
  build: (tf, data) => {
    const y = compute(tf, data);
    return { step: y.op, told: tf.reduceMean(tf.square(y)) };
  },
});

const product = (n, precision) =>
  oneResult(
    `gemm_${n}_${precision}`,
    2 * n ** 3,
    3 * n * n * (precision === 'bf16' ? 2 : 4),
    1,
    (tf, data) => tf.matmul(data('float32', [n, n], 'normal'), data('float32', [n, n], 'normal')),
    precision,
  );

const three = (data, n) => [0, 1, 2].map(() => data('float32', [n], 'uniform'));
const chain = (id, n) =>
  oneResult(id, 7 * n, 16 * n, 1, (tf, data) => {
    const [a, b, c] = three(data, n);
    return tf.square(tf.nn.relu(a.mul(b).add(c)).mul(0.5).sub(a)).add(1);
  });
const sigmoidChain = (id, n) =>
  oneResult(id, 5 * n, 16 * n, 1, (tf, data) => {
    const [a, b, c] = three(data, n);
    return tf.sigmoid(a.mul(b).add(c)).mul(tf.tanh(a));
  });

const sum = (id, shape, axis) => {
  const n = shape.reduce((a, b) => a * b);
  return oneResult(id, n, 4 * n, axis === undefined ? 2 : 1, (tf, data) =>
    tf.reduceSum(data('float32', shape, 'normal'), axis),
  );
};
const softmax = (id, shape) => {
  const n = shape[0] * shape[1];
  return oneResult(id, 5 * n, 8 * n, 1, (tf, data) => tf.nn.softmax(data('float32', shape, 'normal')));
};
const crossEntropy = (id, shape) => {
  const n = shape[0] * shape[1];
  return {
    ...oneResult(id, 6 * n, 8 * n, 1, () => undefined),
    build: (tf, data) => {
      const x = data('float32', shape, 'normal');
      const y = data('int32', [shape[0]], shape[1]);
      const loss = tf.reduceMean(tf.nn.sparseSoftmaxCrossEntropyWithLogits({ labels: y, logits: x }));
      // Not a tf.group of both: what a group waits for and nothing else needs is not computed.
      return { step: [loss.op, tf.gradients(loss, [x])[0].op], told: loss };
    },
  };
};

const adam = (id, n) => ({
  ...oneResult(id, 10 * n, 28 * n, 1, () => undefined),
  build: (tf, data) => {
    const p = new tf.Variable(tf.randomNormal([n]));
    const step = new tf.train.AdamOptimizer(1e-3).applyGradients([[data('float32', [n], 'normal').add(0), p]]);
    return { step, told: tf.reduceMean(tf.square(p)) };
  },
});

/** What the device copies: the ceiling of everything that is bound by memory. */
const copy = (id, n) => ({
  ...oneResult(id, 0, 8 * n, 1, () => undefined),
  build: (tf, data) => {
    const to = new tf.Variable(tf.zeros([n]));
    return { step: to.assign(data('float32', [n], 'normal')).op, told: tf.reduceMean(tf.square(to)) };
  },
});

/** All of them, what matters most first; `small` ones are of a size for any processor. */
export const workloads = (small = false) => {
  const at = (n, most = 1 << 20) => (small ? Math.min(n, most) : n);
  const mlp = [784, 512, 256, 10];
  const rows = at(65536, 512);
  const sizes = small ? [256] : [1024, 8192];
  return [
    copy('ceiling_copy_2GiB', at(2 ** 29)),
    ...['fp32', 'tf32', 'bf16'].map((p) => net('mlp_784_512_256_10_b128', mlp, 128, p)),
    ...['fp32', 'tf32', 'bf16'].map((p) => net('mlp_784_512_256_10_b8192', mlp, at(8192, 512), p)),
    logistic('logreg_10m', at(1e7)),
    chain('chain_1e9', at(1e9)),
    sum('sum_1e9', [at(1e9)]),
    sum('rowsum_65536x4096', [rows, 4096], 1),
    sum('colsum_65536x4096', [rows, 4096], 0),
    softmax('softmax_65536x1024', [rows, 1024]),
    softmax('softmax_1e6x10', [at(1e6, 1e5), 10]),
    softmax('softmax_8192x32000', [at(8192, 64), 32000]),
    ...sizes.toReversed().flatMap((n) => ['fp32', 'tf32', 'bf16'].map((p) => product(n, p))),
    net('mlp_2_8_8_1_b10', [2, 8, 8, 1], 10),
    logistic('logreg_1k', 1000),
    chain('chain_1e6', at(1e6)),
    chain('chain_1e8', at(1e8)),
    sigmoidChain('sigchain_1e8', at(1e8)),
    crossEntropy('xentgrad_65536x1024', [rows, 1024]),
    crossEntropy('xentgrad_1e6x10', [at(1e6, 1e5), 10]),
    crossEntropy('xentgrad_8192x32000', [at(8192, 64), 32000]),
    adam('adam_1e8', at(1e8)),
  ];
};
