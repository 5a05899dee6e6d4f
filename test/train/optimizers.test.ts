// Optimizers and schedules, several steps of each, against their formulas written out in plain numbers.
import test from 'ava';
import * as tf from '../../lib/index.js';

type Vector = readonly number[];
/** Dense gradients of a step, and rows of one: `[row, gradient]`. */
const DENSE: readonly Vector[] = [
  [0.5, -1, 2],
  [0.25, 3, -0.125],
  [-4, 0, 1],
  [0.001, 8, -0.5],
];
const ROWS: readonly (readonly (readonly [number, number])[])[] = [
  [
    [0, 0.5],
    [2, -1],
  ],
  [
    [1, 2],
    [1, 0.25],
  ],
  [
    [2, 3],
    [0, -4],
    [2, 0.125],
  ],
];
const START: Vector = [1, 2, 3];

/** The dense vector that rows stand for. */
const added = (rows: readonly (readonly [number, number])[]): number[] => {
  const sum = [0, 0, 0];
  for (const [row, value] of rows) sum[row]! += value;
  return sum;
};

/** What the variable and the named slots hold after each step. */
const train = (make: () => tf.train.Optimizer, slots: readonly string[], sparse: boolean): number[][] =>
  new tf.Graph().asDefault(() => {
    const x = new tf.Variable(START, { dtype: 'float64', name: 'x' });
    const optimizer = make();
    const [values, indices] = [tf.placeholder('float64', [null]), tf.placeholder('int32', [null])];
    const gradient = sparse ? new tf.IndexedSlices(values, indices, tf.constant([3])) : values;
    values.setShape(sparse ? [null] : [3]);
    const step = optimizer.applyGradients([[gradient, x]]);
    using session = new tf.Session();
    session.runSync(tf.globalVariablesInitializer());
    const read = [x, ...slots.map((slot) => optimizer.getSlot(x, slot)!)];
    const count = sparse ? ROWS.length : DENSE.length;
    return Array.from({ length: count }, (_, i) => {
      const feeds: [tf.Tensor, number[]][] = sparse
        ? [
            [values, ROWS[i]!.map(([, value]) => value)],
            [indices, ROWS[i]!.map(([row]) => row)],
          ]
        : [[values, [...DENSE[i]!]]];
      session.runSync(step, feeds);
      return session.runSync(read).flatMap((value) => [...((value as tf.NDArray).data as Float64Array)]);
    });
  });

/** Hyperparameters are float32, as in TensorFlow: 0.1 is not quite that. */
const agrees = (given: readonly number[][], wanted: readonly number[][]): string[] =>
  given.flatMap((row, step) =>
    row.flatMap((value, i) =>
      Math.abs(value - wanted[step]![i]!) <= 1e-6 * Math.max(1, Math.abs(value))
        ? []
        : [`step ${step}, number ${i}: ${value}, not ${wanted[step]![i]}`],
    ),
  );

/** Steps of an optimizer by its formula: `update(i)` changes element i of x and of the slots. */
const formula = (
  slots: number,
  steps: readonly Vector[],
  touched: (step: number, i: number) => boolean,
  update: (g: number, x: number, state: number[], step: number) => number,
): number[][] => {
  const x = [...START];
  const state = START.map(() => new Array<number>(slots).fill(0));
  return steps.map((gradient, step) => {
    gradient.forEach((g, i) => {
      if (touched(step, i)) x[i] = update(g, x[i]!, state[i]!, step);
    });
    return [...x, ...Array.from({ length: slots }, (_, k) => state.map((own) => own[k]!)).flat()];
  });
};
const always = (): boolean => true;
const named = (step: number, i: number): boolean => ROWS[step]!.some(([row]) => row === i);

const adam =
  (rate: number, beta1: number, beta2: number, epsilon: number) =>
  (g: number, x: number, state: number[], step: number): number => {
    state[0] = state[0]! * beta1 + g * (1 - beta1);
    state[1] = state[1]! * beta2 + g * g * (1 - beta2);
    const scaled = (rate * Math.sqrt(1 - beta2 ** (step + 1))) / (1 - beta1 ** (step + 1));
    return x - (scaled * state[0]) / (Math.sqrt(state[1]) + epsilon);
  };
const momentum =
  (rate: number, kept: number, nesterov: boolean) =>
  (g: number, x: number, state: number[]): number => {
    state[0] = state[0]! * kept + g;
    return x - (nesterov ? rate * g + rate * kept * state[0] : rate * state[0]);
  };

const CASES: readonly [
  title: string,
  make: () => tf.train.Optimizer,
  slots: readonly string[],
  update: (g: number, x: number, state: number[], step: number) => number,
  /** Whether rows without a gradient move, too. */
  allRows: boolean,
][] = [
  ['gradient descent', () => new tf.train.GradientDescentOptimizer(0.1), [], (g, x) => x - 0.1 * g, true],
  ['momentum', () => new tf.train.MomentumOptimizer(0.1, 0.9), ['momentum'], momentum(0.1, 0.9, false), false],
  [
    'momentum of Nesterov',
    () => new tf.train.MomentumOptimizer(0.1, 0.9, { useNesterov: true }),
    ['momentum'],
    momentum(0.1, 0.9, true),
    false,
  ],
  ['Adam by default', () => new tf.train.AdamOptimizer(), ['m', 'v'], adam(0.001, 0.9, 0.999, 1e-8), true],
  ['Adam', () => new tf.train.AdamOptimizer(0.5, 0.75, 0.875, 0.25), ['m', 'v'], adam(0.5, 0.75, 0.875, 0.25), true],
];

for (const [title, make, slots, update, allRows] of CASES) {
  test(`${title} follows its formula by dense gradients`, (t) => {
    t.deepEqual(agrees(train(make, slots, false), formula(slots.length, DENSE, always, update)), []);
  });
  test(`${title} follows its formula by rows, those of one index added up`, (t) => {
    const wanted = formula(slots.length, ROWS.map(added), allRows ? always : named, update);
    t.deepEqual(agrees(train(make, slots, true), wanted), []);
  });
}

test("Adam's default epsilon shows where gradients are tiny", (t) => {
  new tf.Graph().asDefault(() => {
    const x = new tf.Variable(0, { dtype: 'float64' });
    const step = new tf.train.AdamOptimizer(1).applyGradients([[tf.constant(1e-8, 'float64'), x]]);
    using session = new tf.Session();
    session.runSync(tf.globalVariablesInitializer());
    session.runSync(step);
    // sqrt(v) = 1e-8 sqrt(0.001): epsilon is 97 % of what is divided by.
    const root = 1e-8 * Math.sqrt(1 - 0.999);
    const wanted = (-(Math.sqrt(1 - 0.999) / (1 - 0.9)) * (1e-8 * (1 - 0.9))) / (root + 1e-8);
    t.true(Math.abs(Number((session.runSync(x) as tf.NDArray).item()) / wanted - 1) < 1e-3);
  });
});

test('minimize counts the global step by one', (t) => {
  new tf.Graph().asDefault(() => {
    const x = new tf.Variable(1);
    const globalStep = tf.train.getOrCreateGlobalStep() as tf.Variable;
    const step = new tf.train.GradientDescentOptimizer(0.1).minimize(tf.square(x), { globalStep });
    using session = new tf.Session();
    session.runSync(tf.globalVariablesInitializer());
    for (let i = 0; i < 3; i++) session.runSync(step);
    t.is((session.runSync(globalStep) as tf.NDArray).item(), 3n);
  });
});

const DECAYS: readonly [string, (step: number) => tf.Tensor, (step: number) => number][] = [
  ['exponentialDecay', (step) => tf.train.exponentialDecay(0.5, step, 4, 0.9), (step) => 0.5 * 0.9 ** (step / 4)],
  [
    'exponentialDecay in stairs',
    (step) => tf.train.exponentialDecay(0.5, step, 4, 0.9, true),
    (step) => 0.5 * 0.9 ** Math.floor(step / 4),
  ],
  [
    'naturalExpDecay',
    (step) => tf.train.naturalExpDecay(0.5, step, 4, 0.9),
    (step) => 0.5 * Math.exp((-0.9 * step) / 4),
  ],
  ['inverseTimeDecay', (step) => tf.train.inverseTimeDecay(0.5, step, 4, 0.9), (step) => 0.5 / (1 + (0.9 * step) / 4)],
  [
    'inverseTimeDecay in stairs',
    (step) => tf.train.inverseTimeDecay(0.5, step, 4, 0.9, true),
    (step) => 0.5 / (1 + 0.9 * Math.floor(step / 4)),
  ],
  [
    'polynomialDecay',
    (step) => tf.train.polynomialDecay(0.5, step, 4, { endLearningRate: 0.1, power: 2 }),
    (step) => 0.4 * (1 - Math.min(step, 4) / 4) ** 2 + 0.1,
  ],
];
for (const [title, build, wanted] of DECAYS) {
  test(`${title} follows its formula`, (t) => {
    new tf.Graph().asDefault(() => {
      using session = new tf.Session();
      for (const step of [0, 1, 3, 4, 6, 9]) {
        const given = Number((session.runSync(build(step)) as tf.NDArray).item());
        t.true(Math.abs(given - wanted(step)) < 1e-6, `step ${step}: ${given}, not ${wanted(step)}`);
      }
    });
  });
}
