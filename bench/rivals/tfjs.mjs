// TensorFlow.js: tfjs-node over TensorFlow's library, or the wasm backend. One operation after another: it has no graphs to train.
import * as rows from './rows.mjs';

const { load, NAME, THREADS, TRIAL } = rows;

let tf;
if (NAME === 'tfjs-node') {
  process.env.TF_NUM_INTRAOP_THREADS = String(THREADS);
  tf = load('@tensorflow/tfjs-node');
} else {
  tf = load('@tensorflow/tfjs');
  load('@tensorflow/tfjs-backend-wasm').setThreadsCount(THREADS);
  await tf.setBackend('wasm');
}
await tf.ready();
tf.enableProdMode();

const BUILD = {
  add: ([a, b]) => a.add(b),
  affine: ([x, w, b]) => x.mul(w).add(b),
  exp: ([x]) => x.exp(),
  sigmoid: ([x]) => x.sigmoid(),
  log: ([p]) => p.log(),
  tanh: ([x]) => x.tanh(),
  sce8: ([x, z]) => x.relu().sub(x.mul(z)).add(x.abs().neg().exp().add(1).log()),
  matmul: ([a, b]) => a.matMul(b),
  transpose: ([x]) => x.transpose(),
  sum: ([x], axis) => x.sum(axis),
  max: ([x], axis) => x.max(axis),
  argmax: ([x], axis) => x.argMax(axis),
  softmax: ([x]) => tf.softmax(x),
};

/** The numbers of a result. They are no result of tidy's function: it would look for tensors in every element. */
const read = (make) => {
  let found;
  tf.tidy(() => {
    const tensor = make();
    found = { dtype: tensor.dtype, values: [tensor.dataSync()] };
  });
  return found;
};

const opCase = ({ kind, axis, inputs }) => {
  const sets = [0, 1].map((set) => inputs(set).map(({ shape, data }) => tf.tensor(data, shape, 'float32')));
  const exponent = tf.scalar(2.3);
  const build = kind === 'pow' ? ([p]) => p.pow(exponent) : BUILD[kind];
  return {
    call: (i) => tf.tidy(() => void build(sets[i & 1], axis)),
    check: (set) => read(() => build(sets[set], axis)),
  };
};

const logreg = () => {
  const sets = [0, 1].map((set) => {
    const { x, l } = rows.points(set);
    return { X: tf.tensor2d(x, [rows.POINTS, 2]), L: tf.tensor2d(l, [rows.POINTS, 1]) };
  });
  const optimizer = tf.train.sgd(rows.RATE);
  const W = tf.variable(tf.zeros([2, 1]));
  const b = tf.variable(tf.zeros([1]));
  const epochs = (set) => {
    const { X, L } = sets[set];
    W.assign(tf.zeros([2, 1]));
    b.assign(tf.zeros([1]));
    let last;
    for (let i = 0; i < rows.EPOCHS; i++) {
      last?.dispose();
      last = optimizer.minimize(
        () => {
          const p = X.matMul(W).add(b).sigmoid();
          return L.mul(p.log())
            .add(tf.sub(1, L).mul(tf.sub(1, p).log()))
            .sum()
            .neg();
        },
        true,
        [W, b],
      );
    }
    return last;
  };
  return {
    call: (i) => epochs(i & 1).dispose(),
    check: (set) => ({ dtype: 'float32', values: [epochs(set).dataSync(), W.dataSync(), b.dataSync()] }),
  };
};

/** A training step: layers of first weights, batches of tensors, a loss of (outputs, y), an optimizer made anew at every reset. */
const training = (layers, batches, activation, loss, optimizer) => {
  const variables = layers.flatMap(({ from, to }) => [tf.variable(tf.zeros([from, to])), tf.variable(tf.zeros([to]))]);
  let current;
  const reset = () => {
    current?.dispose?.();
    current = optimizer();
    layers.forEach(({ from, to, data }, i) => {
      variables[2 * i].assign(tf.tensor2d(data, [from, to]));
      variables[2 * i + 1].assign(tf.zeros([to]));
    });
  };
  const step = (i) => {
    const [x, y] = batches[i % batches.length];
    return current.minimize(
      () => {
        const h = layers.reduce(
          (input, _, l) => activation(input.matMul(variables[2 * l]).add(variables[2 * l + 1]), l),
          x,
        );
        return loss(h, y).asScalar();
      },
      true,
      variables,
    );
  };
  return {
    call: (i) => step(i).dispose(),
    reset,
    check: (set) => {
      reset();
      return {
        dtype: 'float32',
        values: [Array.from({ length: rows.CHECKED_STEPS }, (_, i) => step(i + set).dataSync()[0])],
      };
    },
  };
};

const mlp = (optimizer) => {
  const { batch, sizes } = rows.MLP;
  const batches = rows
    .mlpBatches()
    .map(({ x, y }) => [tf.tensor2d(x, [batch, sizes[0]]), tf.oneHot(tf.tensor1d(y, 'int32'), sizes.at(-1)).toFloat()]);
  return training(
    rows.mlpLayers(),
    batches,
    (z, l) => (l + 2 < sizes.length ? z.relu() : z),
    (h, y) => tf.losses.softmaxCrossEntropy(y, h),
    optimizer,
  );
};

const tiny = () => {
  const { batch, sizes, rate } = rows.TINY;
  const batches = rows.tinyBatches().map(({ x, y }) => [tf.tensor2d(x, [batch, sizes[0]]), tf.tensor2d(y, [batch, 1])]);
  return training(
    rows.tinyLayers(),
    batches,
    (z) => z.tanh(),
    (h, y) => h.sub(y).square().mean().mul(0.5),
    () => tf.train.sgd(rate),
  );
};

const scalar = () => {
  const values = Array.from({ length: 1024 }, (_, i) => tf.scalar(i));
  const one = tf.scalar(1);
  return {
    call: (i) => tf.add(values[i & 1023], one).dispose(),
    check: (set) => read(() => tf.add(values[5 + set], one)),
  };
};

const CASES = {
  logreg: { 'train.logreg': logreg },
  mlp: {
    'train.mlp.sgdm': () => mlp(() => tf.train.momentum(0.01, 0.9)),
    'train.mlp.adam': () => mlp(() => tf.train.adam(1e-3)),
  },
  tiny: { 'train.tiny': tiny },
  scalar: { 'overhead.add': scalar, 'overhead.add.callable': scalar },
};

const cases = CASES[TRIAL] ?? Object.fromEntries(rows.opRows(TRIAL).map((row) => [row.name, () => opCase(row)]));
await rows.serve(`TensorFlow.js ${tf.version_core}, ${tf.getBackend()}`, cases);
