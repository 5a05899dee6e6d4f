// The device against the CPU on fresh random inputs: draws bit by bit, training in float32 against the CPU in float64, and every run twice.
// `node tools/gpu/check.mjs [--device /gpu:0] [--out check.json] [--smoke]`; --smoke is short enough for compute-sanitizer.
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const tf = await import(pathToFileURL(path.join(root, 'dist', 'index.js')).href);
const { values: options } = parseArgs({
  options: {
    device: { type: 'string', default: '/gpu:0' },
    out: { type: 'string' },
    smoke: { type: 'boolean', default: false },
    seed: { type: 'string', default: String(Date.now() % 1e8) },
  },
});
const seed = Number(options.seed);
const results = [];
const report = (name, problem) => {
  results.push({ name, ok: problem === undefined, ...(problem === undefined ? {} : { problem }) });
  console.log(`${problem === undefined ? 'ok    ' : 'NOT OK'} ${name}${problem === undefined ? '' : `: ${problem}`}`);
  if (options.out !== undefined) writeFileSync(options.out, `${JSON.stringify({ seed, results }, null, 1)}\n`);
};
/** Runs a check; what it throws or returns is what is wrong. */
const check = (name, body) => {
  try {
    report(name, body());
  } catch (error) {
    report(name, error.stack ?? String(error));
  }
};

const within = (device, body, gpu) => {
  const session = new tf.Session({ device, ...(gpu === undefined ? {} : { gpu }) });
  try {
    return body(session);
  } finally {
    session.close();
  }
};
const bitsOf = ({ data }) => Buffer.from(data.buffer, data.byteOffset, data.byteLength);
/** The first place where two lists of arrays differ in a bit. */
const differentBits = (a, b) => {
  for (const [i, left] of a.entries()) {
    if (left.data.length !== b[i].data.length)
      return `result ${i}: ${left.data.length} and ${b[i].data.length} elements`;
    if (Buffer.compare(bitsOf(left), bitsOf(b[i])) === 0) continue;
    const at = left.data.findIndex((value, e) => !Object.is(value, b[i].data[e]));
    return `result ${i} at ${at}: ${left.data[at]} and ${b[i].data[at]}`;
  }
  return undefined;
};
/** The first place where values are further off than `band`, of the larger of 1 and the value. */
const tooFar = (got, want, band) => {
  for (const [i, left] of got.entries())
    for (let e = 0; e < left.data.length; e++) {
      const [a, b] = [Number(left.data[e]), Number(want[i].data[e])];
      if (!(Math.abs(a - b) <= band * Math.max(1, Math.abs(b)))) return `result ${i} at ${e}: ${a}, not ${b}`;
    }
  return undefined;
};

// Draws
const sizes = options.smoke ? [1, 1003] : [1, 7, 1024, 1_000_003];
const draws = {
  'uniform float32': (n) => tf.randomUniform([n]),
  'uniform float64': (n) => tf.randomUniform([n], { dtype: 'float64' }),
  'uniform int32': (n) => tf.randomUniform([n], { minval: -5, maxval: 1 << 20, dtype: 'int32' }),
  'uniform int64': (n) => tf.randomUniform([n], { minval: -5, maxval: 1 << 20, dtype: 'int64' }),
  'normal float32': (n) => tf.randomNormal([n]),
  'normal float64': (n) => tf.randomNormal([n], { dtype: 'float64' }),
  'truncated normal float32': (n) => tf.truncatedNormal([n]),
  'truncated normal float64': (n) => tf.truncatedNormal([n], { dtype: 'float64' }),
};
for (const [name, draw] of Object.entries(draws))
  check(`draws of ${name} have the CPU's bits, run after run`, () =>
    new tf.Graph().asDefault(() => {
      tf.setRandomSeed(seed);
      const drawn = sizes.map(draw);
      const runs = (device) => within(device, (session) => [1, 2, 3].flatMap(() => session.runSync(drawn)));
      return differentBits(runs(options.device), runs('/cpu:0'));
    }),
  );

// Tapes: kernels that NVRTC makes of them, and the interpreter. Random bits over several tiles and a rest, broadcasts of every sort.
check('tapes have the same bits compiled by NVRTC and interpreted, in every dtype', () =>
  new tf.Graph().asDefault(() => {
    tf.setRandomSeed(seed);
    const [rows, columns] = options.smoke ? [19, 67] : [517, 1003];
    const drawn = (shape, dtype) => tf.randomUniform(shape, { minval: -3, maxval: 3, dtype });
    const fetches = ['float32', 'float64'].flatMap((dtype) => {
      const x = drawn([rows, columns], dtype);
      const row = drawn([columns], dtype);
      const column = drawn([rows, 1], dtype);
      const y = tf.sigmoid(x.mul(row).add(column));
      const z = tf.exp(tf.sub(tf.tanh(y), tf.square(column)));
      return [y, z, tf.log1p(tf.abs(x)), tf.reduceSum(y.mul(z), { axis: 1 }), tf.cast(tf.greater(z, row), 'uint8')];
    });
    const whole = drawn([rows * columns], 'int32');
    fetches.push(
      tf.floorDiv(whole, tf.add(tf.abs(whole), 1)),
      tf.cast(whole, 'int8'),
      tf.mul(tf.cast(whole, 'int64'), 7n),
    );
    const before = process.env.GRAFO_NVRTC;
    const runs = ['always', 'off'].map((how) => {
      process.env.GRAFO_NVRTC = how;
      return within(options.device, (session) => [1, 2, 3].flatMap(() => session.runSync(fetches)));
    });
    if (before === undefined) delete process.env.GRAFO_NVRTC;
    else process.env.GRAFO_NVRTC = before;
    return differentBits(...runs);
  }),
);

// Training
let state = seed >>> 0 || 1;
const random = () => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return state / 2 ** 32 - 0.5;
};
const values = (shape) => Array.from({ length: shape.reduce((a, b) => a * b, 1) }, random);
const array = (dtype, shape, list) => tf.ndarray((dtype === 'float64' ? Float64Array : Float32Array).from(list), shape);
const STEPS = options.smoke ? 3 : 20;
const [BATCH, WIDTHS, CLASSES] = options.smoke ? [7, [5, 6], 3] : [33, [50, 40, 30], 10];
const started = [...WIDTHS, CLASSES].slice(1).map((to, i) => values([WIDTHS[i], to]).map((v) => v / 3));
const batches = [0, 1, 2].map(() => ({
  x: values([BATCH, WIDTHS[0]]).map((v) => 4 * v),
  y: Int32Array.from({ length: BATCH }, () => Math.floor((random() + 0.5) * CLASSES)),
}));

/** Losses of the steps, fed one by one, then in a loop; and the weights. */
const train = (device, dtype, optimizer, activation) =>
  new tf.Graph().asDefault(() => {
    const x = tf.placeholder(dtype, [BATCH, WIDTHS[0]]);
    const y = tf.placeholder('int32', [BATCH]);
    const variables = [];
    let h = x;
    for (const [i, start] of started.entries()) {
      const to = [...WIDTHS, CLASSES][i + 1];
      const W = new tf.Variable(array(dtype, [WIDTHS[i], to], start));
      const b = new tf.Variable(tf.zeros([to], dtype));
      variables.push(W, b);
      const z = tf.matmul(h, W).add(b);
      h = i + 1 === started.length ? z : activation(z);
    }
    const cost = tf.reduceMean(tf.nn.sparseSoftmaxCrossEntropyWithLogits({ labels: y, logits: h }));
    const step = optimizer().minimize(cost);
    return within(device, (session) => {
      session.runSync(tf.globalVariablesInitializer());
      const feeds = (i) => {
        const { x: xs, y: ys } = batches[i % batches.length];
        return [
          [x, array(dtype, [BATCH, WIDTHS[0]], xs)],
          [y, tf.ndarray(ys)],
        ];
      };
      const losses = Array.from({ length: STEPS }, (_, i) => session.runSync([step, cost], feeds(i))[1]);
      losses.push(session.runLoopSync([step, cost], STEPS, feeds(0))[1]);
      return [...losses, ...session.runSync(variables), session.runSync(tf.nn.softmax(h), feeds(1))];
    });
  });
const models = {
  'gradient descent, relu': [() => new tf.train.GradientDescentOptimizer(0.1), tf.nn.relu],
  'momentum, tanh': [() => new tf.train.MomentumOptimizer(0.05, 0.9), tf.tanh],
  'Adam, sigmoid': [() => new tf.train.AdamOptimizer(0.01), tf.sigmoid],
};
for (const [name, [optimizer, activation]] of Object.entries(models)) {
  for (const [dtype, band] of Object.entries({ float32: 1e-3, float64: 1e-9 })) {
    const name2 = `training by ${name}, ${dtype}`;
    let first;
    check(`${name2}: the numbers of the CPU in float64`, () => {
      first = train(options.device, dtype, optimizer, activation);
      return tooFar(first, train('/cpu:0', 'float64', optimizer, activation), band);
    });
    check(`${name2}: the same bits a second time`, () =>
      differentBits(train(options.device, dtype, optimizer, activation), first),
    );
  }
}

// Products, by the library where there is one
for (const line of tf.doctor().gpuLibraries) console.log(line);
const PRODUCTS = options.smoke
  ? [
      [
        [70, 65],
        [65, 67],
      ],
      [
        [3, 1, 40, 50],
        [2, 50, 40],
      ],
      [[1100, 40], [1100, 30], true, false],
    ]
  : [
      [
        [512, 300],
        [300, 700],
      ],
      [[300, 512], [700, 300], true, true],
      [
        [128, 784],
        [784, 512],
      ],
      [[128, 512], [784, 512], false, true],
      [[8192, 784], [8192, 512], true, false],
      [[8192, 256], [8192, 10], true, false],
      [
        [1537, 1000],
        [1000, 1539],
      ],
      [
        [16, 128, 64],
        [16, 64, 96],
      ],
      [
        [3, 1, 100, 120],
        [2, 120, 100],
      ],
      [
        [6, 1, 40, 50],
        [1, 2, 50, 40],
      ],
      [[100000, 2], [100000, 1], true, false],
      [
        [1, 100000],
        [100000, 1],
      ],
      [
        [10, 20],
        [20, 30],
      ],
    ];
const factors = PRODUCTS.map((pair) =>
  pair.slice(0, 2).map((shape) => [shape, values(shape).map((value) => Math.fround(value * Math.sqrt(12)))]),
);
/** Three runs of all products: step by step, recorded, as a graph. */
const multiply = (device, dtype, precision) =>
  new tf.Graph().asDefault(() => {
    const feeds = factors.map((pair) =>
      pair.map(([shape, list]) => [tf.placeholder(dtype, shape), array(dtype, shape, list)]),
    );
    const products = feeds.map(([[a], [b]], i) => {
      const [, , transposeA = false, transposeB = false] = PRODUCTS[i];
      return tf.matmul(a, b, { transposeA, transposeB });
    });
    const runs = (session) => [1, 2, 3].map(() => session.runSync(products, feeds.flat()));
    return within(device, runs, precision === undefined ? undefined : { precision });
  });
const exact = multiply('/cpu:0', 'float64')[0];
/** Bands of float32 are of the square root of k, those of rounded factors of the largest element. */
const bands = {
  float32: ['float32', undefined, 1e-4],
  float64: ['float64', undefined, 1e-12],
  tf32: ['float32', 'tf32', 2e-3],
  bf16: ['float32', 'bf16', 1e-2],
};
for (const [name, [dtype, precision, band]] of Object.entries(bands)) {
  let runs;
  check(`products in ${name}: the numbers of the CPU in float64`, () => {
    runs = multiply(options.device, dtype, precision);
    for (const [i, { data }] of runs[0].entries()) {
      const [shape, , transposeA] = PRODUCTS[i];
      const k = shape.at(transposeA ? -2 : -1);
      const largest = exact[i].data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
      const most = band * (precision === undefined ? Math.sqrt(k) : largest);
      const at = data.findIndex((value, e) => !(Math.abs(value - exact[i].data[e]) <= most));
      if (at >= 0) return `product ${i} at ${at}: ${data[at]}, not ${exact[i].data[at]} (band ${most})`;
    }
    return undefined;
  });
  check(`products in ${name}: the same bits in every run and in another session`, () =>
    [...runs.slice(1), multiply(options.device, dtype, precision)[0]]
      .map((run) => differentBits(run, runs[0]))
      .find((problem) => problem !== undefined),
  );
}

const failed = results.filter(({ ok }) => !ok).length;
console.log(`check: ${results.length - failed} passed, ${failed} failed; --seed ${seed} makes them again`);
process.exitCode = failed === 0 ? 0 : 1;
