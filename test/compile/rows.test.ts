// Steps over the same rows as one: which are joined and which are not, and that nothing about the numbers changes by a bit.
import { createHash } from 'node:crypto';
import test, { type ExecutionContext } from 'ava';
import type { CompileOptions } from '../../lib/compile/stage.js';
import * as tf from '../../lib/index.js';
import { Random } from '../ops/generate.js';

type Feeds = readonly (readonly [tf.Tensor, tf.NDArray])[];
type Real = 'float32' | 'float64';
const CPU = { device: '/cpu:0' } as const;
/** Every array is far away: what is joined does not depend on sizes. */
const FAR = { farBytes: 1 } as const;

const inGraph = (body: (t: ExecutionContext) => void) => (t: ExecutionContext) =>
  new tf.Graph().asDefault(() => body(t));

const wave = (dtype: Real, shape: readonly number[], step = 0.7): tf.NDArray => {
  const n = shape.reduce((a, b) => a * b, 1);
  const data = dtype === 'float64' ? new Float64Array(n) : new Float32Array(n);
  for (let i = 0; i < n; i++) data[i] = Math.sin(i * step + 1) * 3;
  return tf.ndarray(data, shape);
};
const labels = (fetches: tf.Tensor | readonly tf.Tensor[], feeds: Feeds, compile: CompileOptions = FAR): string[] => {
  using session = new tf.Session({ ...CPU, compile });
  return Array.from(
    session.explain(fetches, feeds).matchAll(/^ {2}\d+ {2}(\w+(?:\(.*?\))?) {2}/gm),
    ([, label]) => label!,
  );
};
const bits = (values: readonly tf.NDArray[]): string[] =>
  values.map(({ data }) =>
    createHash('sha256')
      .update(data as Float32Array)
      .digest('hex'),
  );
/** The fetches' bits are those without any joining, for 1, 2 and 4 threads. */
const same = (t: ExecutionContext, fetches: readonly tf.Tensor[], feeds: Feeds, what = ''): void => {
  const run = (threads: number, compile: CompileOptions): string[] => {
    using session = new tf.Session({ ...CPU, threads, compile });
    return bits(session.runSync(fetches as tf.Tensor[], feeds) as unknown as tf.NDArray[]);
  };
  const wanted = run(1, { fuse: false, repeat: false });
  for (const threads of [1, 2, 4]) t.deepEqual(run(threads, FAR), wanted, `${what} ${threads} threads`);
  t.deepEqual(run(2, { ...FAR, rows: false }), wanted, `${what} without rows`);
};

const normalized = (x: tf.Tensor, axis = -1): tf.Tensor => {
  const { mean, variance } = tf.nn.moments(x, [axis], { keepDims: true });
  return x.sub(mean).mul(tf.rsqrt(variance.add(1e-5)));
};
const softmax = (x: tf.Tensor): tf.Tensor => {
  const powers = tf.exp(x.sub(tf.reduceMax(x, { axis: -1, keepDims: true })));
  return powers.div(tf.reduceSum(powers, { axis: -1, keepDims: true }));
};

for (const dtype of ['float32', 'float64'] as const)
  for (const shape of [
    [300, 70],
    [67, 1031],
    [5, 13, 40],
    [3, 40000],
  ])
    test(
      `a layer norm and its gradient over ${shape.join(' by ')} ${dtype} are a step each`,
      inGraph((t) => {
        const columns = [shape.at(-1)!];
        const [x, dy] = [tf.placeholder(dtype, shape), tf.placeholder(dtype, shape)];
        const [gamma, beta] = [tf.placeholder(dtype, columns), tf.placeholder(dtype, columns)];
        const y = normalized(x).mul(gamma).add(beta);
        const feeds: Feeds = [
          [x, wave(dtype, shape)],
          [dy, wave(dtype, shape, 0.3)],
          [gamma, wave(dtype, columns, 0.11)],
          [beta, wave(dtype, columns, 0.13)],
        ];
        const gradients = tf.gradients(y, [x, gamma, beta], { gradYs: [dy] }) as tf.Tensor[];
        const isSmall = shape[0]! > 3;
        for (const fetches of [[y], gradients, [y, ...gradients]]) {
          // A row that no block has room for stays with a tape after another.
          const steps = labels(fetches, feeds);
          if (isSmall)
            t.deepEqual(
              steps.map((label) => label.split('(')[0]),
              ['FusedRows'],
              steps.join(),
            );
          else
            t.false(
              steps.some((label) => label.startsWith('FusedRows')),
              steps.join(),
            );
          same(t, fetches, feeds);
        }
      }),
    );

test(
  'values of a gradient through blocks of rows are those of finite differences',
  inGraph((t) => {
    const shape = [70, 9];
    const x = tf.placeholder('float64', shape);
    const weights = tf.constant(wave('float64', shape, 1.3));
    const loss = tf.reduceSum(tf.square(softmax(normalized(x)).mul(weights)));
    const [gradient] = tf.gradients(loss, [x]) as tf.Tensor[];
    const at = wave('float64', shape);
    t.true(labels([gradient!], [[x, at]]).some((label) => label.startsWith('FusedRows')));
    using session = new tf.Session({ ...CPU, compile: FAR });
    const found = session.runSync(gradient!, [[x, at]]).data as Float64Array;
    for (let i = 0; i < at.size; i += 37) {
      const [up, down] = [1e-5, -1e-5].map((by) => {
        const moved = Float64Array.from(at.data as Float64Array, (value, k) => value + (k === i ? by : 0));
        return (session.runSync(loss, [[x, tf.ndarray(moved, shape)]]).data as Float64Array)[0]!;
      });
      t.true(Math.abs(found[i]! - (up! - down!) / 2e-5) < 1e-8, `element ${i}`);
    }
  }),
);

/** How many steps a graph over x [40,24] and dy has with blocks of rows, and how many of them are such. */
const CASES: readonly {
  readonly what: string;
  readonly build: (x: tf.Tensor, dy: tf.Tensor) => readonly tf.Tensor[];
  readonly rows: number;
  readonly steps: number;
}[] = [
  { what: 'a softmax', build: (x) => [softmax(x)], rows: 1, steps: 1 },
  { what: 'a fetch on the way is stored', build: (x) => [softmax(normalized(x)), normalized(x)], rows: 1, steps: 1 },
  { what: 'two of the same rows', build: (x, dy) => [softmax(x), softmax(x.mul(dy))], rows: 1, steps: 1 },
  {
    what: 'a sum over rows is complete in the end, and read after that',
    build: (x) => {
      const y = normalized(x);
      return [y.sub(tf.reduceMean(y, { axis: 0, keepDims: true }))];
    },
    rows: 1,
    steps: 2,
  },
  {
    what: 'a product between two parts them',
    build: (x) => {
      const y = softmax(x);
      return [y.mul(tf.reduceMax(tf.matmul(y, tf.ones([24, 24])), { axis: 1, keepDims: true }))];
    },
    rows: 1,
    steps: 4,
  },
  { what: 'rows of a tape alone', build: (x) => [tf.reduceSum(tf.exp(x), { axis: 1 })], rows: 0, steps: 1 },
  { what: 'columns', build: (x) => [normalized(x, 0)], rows: 0, steps: 4 },
  {
    what: 'other rows',
    build: (x, dy) => [tf.reduceSum(softmax(x), { axis: [0, 1] }), softmax(tf.reshape(dy, [80, 12]))],
    rows: 2,
    steps: 3,
  },
];
for (const { what, build, rows, steps } of CASES)
  test(
    `blocks of rows: ${what}`,
    inGraph((t) => {
      const shape = [40, 24];
      const [x, dy] = [tf.placeholder('float32', shape), tf.placeholder('float32', shape)];
      const feeds: Feeds = [
        [x, wave('float32', shape)],
        [dy, wave('float32', shape, 0.3)],
      ];
      const fetches = build(x, dy);
      const made = labels(fetches, feeds);
      t.is(made.filter((label) => label.startsWith('FusedRows')).length, rows, made.join('\n'));
      t.is(made.length, steps, made.join('\n'));
      same(t, fetches, feeds);
    }),
  );

test(
  'what broadcasts over some of the leading dimensions is no row of one',
  inGraph((t) => {
    const [batch, time, depth] = [6, 10, 32];
    const x = tf.placeholder('float32', [batch, time, depth]);
    const place = tf.placeholder('float32', [time, depth]);
    const feeds: Feeds = [
      [x, wave('float32', [batch, time, depth])],
      [place, wave('float32', [time, depth], 0.2)],
    ];
    const y = softmax(normalized(x.add(place)));
    const made = labels([y], feeds);
    t.true(
      made.some((label) => label.startsWith('FusedRows')),
      made.join('\n'),
    );
    t.true(made.length > 1, made.join('\n'));
    same(t, [y], feeds);
  }),
);

test(
  'a division that may refuse keeps its own step, and its message',
  inGraph((t) => {
    const x = tf.placeholder('int32', [50, 16]);
    const most = tf.reduceMax(x, { axis: 1, keepDims: true });
    const rest = tf.floorDiv(x, most);
    const y = tf.reduceSum(rest.sub(tf.reduceMin(rest, { axis: 1, keepDims: true })), { axis: 1 });
    const at = (zero: number): tf.NDArray =>
      tf.ndarray(
        Int32Array.from({ length: 800 }, (_, i) => (Math.floor(i / 16) === zero ? 0 : 1 + (i % 9))),
        [50, 16],
      );
    t.false(labels([y], [[x, at(-1)]]).some((label) => label.startsWith('FusedRows') && label.includes('FloorDiv')));
    same(t, [y], [[x, at(-1)]]);
    using session = new tf.Session({ ...CPU, compile: FAR });
    t.throws(() => session.runSync(y, [[x, at(30)]]), { message: /Integer division by zero/ });
  }),
);

test(
  'variables are read before they are updated, and what is trained is the same',
  inGraph((t) => {
    const shape = [90, 33];
    const x = tf.placeholder('float32', shape);
    const w = new tf.Variable(wave('float32', shape, 0.2));
    const gamma = new tf.Variable(wave('float32', [33], 0.5));
    const beta = new tf.Variable(wave('float32', [33], 0.6));
    const y = normalized(x.mul(w)).mul(gamma).add(beta);
    const loss = tf.reduceMean(tf.square(softmax(y).sub(x)));
    const train = new tf.train.AdamOptimizer(0.05).minimize(loss);
    const feeds: Feeds = [[x, wave('float32', shape, 0.9)]];
    const trained = (compile: CompileOptions, threads: number): string[] => {
      using session = new tf.Session({ ...CPU, compile, threads });
      session.runSync(tf.globalVariablesInitializer());
      for (let i = 0; i < 4; i++) session.runSync([train, loss], feeds);
      return bits(session.runSync([w.value(), gamma.value(), beta.value(), loss], feeds) as unknown as tf.NDArray[]);
    };
    t.true(labels([loss], feeds).some((label) => label.startsWith('FusedRows')));
    const wanted = trained({ fuse: false, repeat: false, batch: false }, 1);
    for (const threads of [1, 2]) t.deepEqual(trained(FAR, threads), wanted);
  }),
);

test(
  'what fits the caches is left alone, and what is between large rows takes no memory',
  inGraph((t) => {
    const x = tf.placeholder('float32', [null, 1024]);
    const y = softmax(normalized(x));
    const gradient = tf.gradients(y, [x]) as tf.Tensor[];
    const joined = (rows: number): number =>
      labels(gradient, [[x, wave('float32', [rows, 1024])]], {}).filter((label) => label.startsWith('FusedRows'))
        .length;
    t.is(joined(256), 0);
    t.is(joined(4608), 1);
    // The memory of what is between is gone as well.
    const arena = (compile: CompileOptions): string => {
      using session = new tf.Session({ ...CPU, compile });
      return session.explain(gradient, [[x, wave('float32', [4608, 1024])]]).match(/arena ([\d.]+ MB)/)![1]!;
    };
    t.is(arena({}), '18.0 MB');
    t.not(arena({ rows: false }), '18.0 MB');
  }),
);

/** Graphs of rows and columns: numbers are integers, so that no order of a sum rounds, but all are compared bit by bit anyway. */
const randomGraph = (random: Random): { fetches: tf.Tensor[]; feeds: Feeds } => {
  const [rows, columns] = [random.pick([2, 3, 17, 64, 130]), random.pick([2, 3, 20, 90])];
  const shapes = [[rows, columns], [rows, 1], [columns], []];
  const dtype = random.pick(['float32', 'float64'] as const);
  const feeds = [shapes[0]!, shapes[0]!, shapes[1]!, shapes[2]!].map(
    (shape, k) => [tf.placeholder(dtype, shape), wave(dtype, shape, 0.3 + k)] as const,
  );
  const pool: tf.Tensor[] = feeds.map(([tensor]) => tensor);
  const count = random.int(4, 24);
  for (let i = 0; i < count; i++) {
    const x = random.chance(0.6) ? pool.at(-1 - random.int(0, Math.min(4, pool.length)))! : random.pick(pool);
    const dims = x.shape.concrete();
    const kind = random.int(0, 8);
    if (kind < 4) pool.push(random.pick([tf.add, tf.subtract, tf.multiply, tf.maximum])(x, random.pick(pool)));
    else if (kind < 7 && dims.length === 2)
      pool.push(
        random.pick([tf.reduceSum, tf.reduceMax, tf.reduceMean])(x, random.chance(0.75) ? 1 : 0, {
          keepDims: random.chance(0.9) || rows !== columns,
        }),
      );
    else pool.push(random.pick([tf.tanh, tf.square, tf.neg, tf.sigmoid])(x));
  }
  return { fetches: random.shuffle(pool.slice(4)).slice(0, random.int(1, 5)), feeds };
};

test('random graphs of rows: the same bits, some in blocks', (t) => {
  let joined = 0;
  for (let number = 0; number < (process.env.GRAFO_FULL ? 3000 : 300); number++) {
    new tf.Graph().asDefault(() => {
      const { fetches, feeds } = randomGraph(new Random(`rows ${number}`));
      joined += labels(fetches, feeds).filter((label) => label.startsWith('FusedRows')).length;
      same(t, fetches, feeds, `graph ${number}`);
    });
  }
  t.true(joined > 30, `${joined} of them`);
  t.log(`${joined} steps of blocks of rows`);
});
