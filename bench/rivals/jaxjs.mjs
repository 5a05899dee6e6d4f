// jax-js on its wasm backend: jitted functions; a value is used up by what takes it, so what stays is taken by reference.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import * as rows from './rows.mjs';

const { TRIAL, MODULES } = rows;
globalThis.navigator ??= {};
const jax = await import(path.join(MODULES, '@jax-js', 'jax', 'dist', 'index.js'));
const { numpy: np, jit, grad, valueAndGrad, nn } = jax;
await jax.init('wasm');
jax.defaultDevice('wasm');

const array = (data, shape) => np.array(data).reshape(shape);

const BUILD = {
  add: (a, b) => a.add(b),
  affine: (x, w, b) => x.mul(w).add(b),
  exp: (x) => np.exp(x),
  sigmoid: (x) => nn.sigmoid(x),
  log: (p) => np.log(p),
  tanh: (x) => np.tanh(x),
  sce8: (x, z) =>
    nn
      .relu(x.ref)
      .sub(x.ref.mul(z))
      .add(np.log(np.exp(np.absolute(x).neg()).add(1))),
  matmul: (a, b) => np.matmul(a, b),
  transpose: (x) => x.transpose(),
  softmax: (x) => nn.softmax(x),
};
const build = (kind, axis) => {
  if (kind === 'sum') return axis === undefined ? (x) => x.sum() : (x) => x.sum(axis);
  if (kind === 'max') return axis === undefined ? (x) => np.max(x) : (x) => np.max(x, axis);
  if (kind === 'argmax') return (x) => np.argmax(x, axis);
  return BUILD[kind];
};

const waited = async (value) => {
  await jax.blockUntilReady(value);
  value.dispose();
};
const read = async (value) => {
  const { dtype } = value;
  return { dtype: String(dtype), values: [Array.from(await value.data())] };
};

const opCase = ({ kind, axis, inputs }) => {
  const sets = [0, 1].map((set) => inputs(set).map(({ shape, data }) => array(data, shape)));
  const run = jit(build(kind, axis));
  const call = (set) => run(...sets[set].map((x) => x.ref));
  return { async: true, call: (i) => waited(call(i & 1)), check: (set) => read(call(set)) };
};

const logreg = () => {
  const sets = [0, 1].map((set) => {
    const { x, l } = rows.points(set);
    return { X: array(x, [rows.POINTS, 2]), L: array(l, [rows.POINTS, 1]) };
  });
  const cost = ([W, b], X, L) => {
    const p = nn.sigmoid(np.matmul(X, W).add(b));
    return L.ref
      .mul(np.log(p.ref))
      .add(np.subtract(1, L).mul(np.log(np.subtract(1, p))))
      .sum()
      .neg();
  };
  const step = jit(([W, b], X, L) => {
    const [c, [gw, gb]] = valueAndGrad(cost)([W.ref, b.ref], X, L);
    return [W.sub(gw.mul(rows.RATE)), b.sub(gb.mul(rows.RATE)), c];
  });
  const epochs = async (set) => {
    const { X, L } = sets[set];
    let state = [np.zeros([2, 1]), np.zeros([1])];
    let last;
    for (let i = 0; i < rows.EPOCHS; i++) {
      last?.dispose();
      const [W, b, c] = step(state, X.ref, L.ref);
      state = [W, b];
      last = c;
    }
    await jax.blockUntilReady(last);
    return [last, ...state];
  };
  return {
    async: true,
    call: async (i) => {
      for (const value of await epochs(i & 1)) value.dispose();
    },
    check: async (set) => {
      const all = [];
      for (const value of await epochs(set)) all.push(Array.from(await value.data()));
      return { dtype: 'float32', values: all };
    },
  };
};

/** A training step: momentum 0 is plain gradient descent. */
const training = (layers, batches, activation, loss, rate, momentum) => {
  const forward = (P, x) => layers.reduce((h, _, l) => activation(np.matmul(h, P[2 * l]).add(P[2 * l + 1]), l), x);
  const lossOf = (P, x, y) => loss(forward(P, x), y);
  const step = jit((P, M, x, y) => {
    const g = grad(lossOf)(
      P.map((p) => p.ref),
      x,
      y,
    );
    const next = M.map((m, k) => (momentum > 0 ? m.mul(momentum).add(g[k]) : m.mul(0).add(g[k])));
    return [P.map((p, k) => p.sub(next[k].ref.mul(rate))), next];
  });
  const told = jit(lossOf);
  let state;
  const reset = () => {
    for (const value of state?.flat() ?? []) value.dispose();
    const first = layers.flatMap(({ from, to, data }) => [array(data, [from, to]), np.zeros([to])]);
    state = [first, first.map((p) => np.zeros(p.shape))];
  };
  const one = async (i) => {
    const [x, y] = batches[i % batches.length];
    state = step(...state, x.ref, y.ref);
    await jax.blockUntilReady(state[0][0]);
  };
  return {
    async: true,
    call: one,
    reset,
    check: async (set) => {
      reset();
      const losses = [];
      for (let i = 0; i < rows.CHECKED_STEPS; i++) {
        const [x, y] = batches[(i + set) % batches.length];
        const value = told(
          state[0].map((p) => p.ref),
          x.ref,
          y.ref,
        );
        losses.push((await value.data())[0]);
        await one(i + set);
      }
      return { dtype: 'float32', values: [losses] };
    },
  };
};

const mlp = () => {
  const { batch, sizes, momentum } = rows.MLP;
  const batches = rows
    .mlpBatches()
    .map(({ x, y }) => [array(x, [batch, sizes[0]]), nn.oneHot(np.array(y), sizes.at(-1))]);
  return training(
    rows.mlpLayers(),
    batches,
    (z, l) => (l + 2 < sizes.length ? nn.relu(z) : z),
    (h, y) =>
      nn
        .logSoftmax(h)
        .mul(y)
        .sum()
        .mul(-1 / batch),
    momentum.rate,
    momentum.momentum,
  );
};

const tiny = () => {
  const { batch, sizes, rate } = rows.TINY;
  const batches = rows.tinyBatches().map(({ x, y }) => [array(x, [batch, sizes[0]]), array(y, [batch, 1])]);
  return training(
    rows.tinyLayers(),
    batches,
    (z) => np.tanh(z),
    (h, y) => np.square(h.sub(y)).mean().mul(0.5),
    rate,
    0,
  );
};

const scalar = () => {
  const values = Array.from({ length: 1024 }, (_, i) => np.array(Float32Array.of(i)));
  const run = jit((a) => a.add(1));
  return {
    async: true,
    call: (i) => waited(run(values[i & 1023].ref)),
    check: (set) => read(run(values[5 + set].ref)),
  };
};

const CASES = {
  logreg: { 'train.logreg': logreg },
  mlp: { 'train.mlp.sgdm': mlp },
  tiny: { 'train.tiny': tiny },
  scalar: { 'overhead.add': scalar, 'overhead.add.callable': scalar },
};
const { version } = JSON.parse(readFileSync(path.join(MODULES, '@jax-js', 'jax', 'package.json'), 'utf8'));
const cases = CASES[TRIAL] ?? Object.fromEntries(rows.opRows(TRIAL).map((row) => [row.name, () => opCase(row)]));
await rows.serve(`jax-js ${version}, wasm`, cases);
