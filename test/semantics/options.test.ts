// Options that nobody reads: from plain JavaScript, where no compiler says so.
import test from 'ava';
import * as tf from '../../lib/index.js';

const graph = new tf.Graph();
const { x, v, y } = graph.asDefault(() => {
  const x = tf.placeholder('float', [2, 2]);
  const v = new tf.Variable(
    [
      [1, 2],
      [3, 4],
    ],
    { dtype: 'float' },
  );
  return { x, v, y: tf.reduceSum(tf.multiply(x, v)) };
});
const session = new tf.Session(graph);
const bad = (options: object): never => options as never;

const SLIPS: readonly [string, () => unknown, RegExp][] = [
  [
    'Session',
    () => new tf.Session(bad({ grph: graph })),
    /^Session\(\) got an unexpected keyword argument 'grph'\. Did you mean 'graph'\? It takes: graph, threads, memoryBytes,/,
  ],
  ['Session, second place', () => new tf.Session(graph, bad({ memorybytes: 1 })), /Did you mean 'memoryBytes'\?/],
  [
    'Session: compile',
    () => new tf.Session({ compile: bad({ fused: false }) }),
    /^Session: compile\(\) got .*'fused'\. Did you mean 'fuse'\?/,
  ],
  [
    'runSync',
    () => session.runSync(y, [[x, v]] as never, bad({ tarce: true })),
    /^runSync\(\) .*'tarce'\. Did you mean 'trace'\? It takes: trace$/,
  ],
  ['makeCallable', () => session.makeCallable(y, [x], bad({ in: [] })), /^makeCallable\(\) .*'in'\. It takes: into$/],
  [
    'Variable',
    () => new tf.Variable(1, bad({ trainible: false })),
    /^Variable\(\) .*'trainible'\. Did you mean 'trainable'\?/,
  ],
  ['Variable, Python', () => new tf.Variable(1, bad({ validate_shape: false })), /Did you mean 'validateShape'\?/],
  [
    'getVariable',
    () => tf.getVariable('w', [2], bad({ initialiser: null })),
    /^getVariable\(\) .*Did you mean 'initializer'\?/,
  ],
  [
    'variableScope',
    () => tf.variableScope('s', bad({ reused: true }), () => 0),
    /^variableScope\(\) .*Did you mean 'reuse'\?/,
  ],
  ['gradients', () => tf.gradients(y, [v], bad({ grad_ys: null })), /^gradients\(\) .*Did you mean 'gradYs'\?/],
  [
    'an optimizer',
    () => new tf.train.AdamOptimizer(bad({ learning_rate: 1 })),
    /^AdamOptimizer\(\) .*Did you mean 'learningRate'\?/,
  ],
  [
    'minimize',
    () => new tf.train.GradientDescentOptimizer(1).minimize(y, bad({ varlist: [] })),
    /^minimize\(\) .*Did you mean 'varList'\?/,
  ],
  [
    'a builder',
    () => tf.matmul(x, x, bad({ transpose_a: true })),
    /^matmul\(\) .*'transpose_a'\. Did you mean 'transposeA'\? It takes: name, transposeA, transposeB, adjointA/,
  ],
  [
    'a builder of many rows',
    () => tf.reduceSum(x, 0, bad({ keepDim: true })),
    /^reduceSum\(\) .*Did you mean 'keepDims'\? It takes: name, axis,/,
  ],
  ['a name in the place of options', () => tf.exp(x, 'e' as never), /^Exp\(\) takes its options in an object, not e$/],
];
for (const [title, run, message] of SLIPS) {
  test(`${title}: an option that does not exist is a TypeError with the nearest name`, (t) => {
    const count = graph.version;
    t.throws(() => void graph.asDefault(run), { instanceOf: tf.errors.GraphTypeError ?? TypeError, message });
    if (!/minimize|many/.test(title)) t.is(graph.version, count);
  });
}
test('run rejects with the same error', (t) =>
  t.throwsAsync(session.run(y, undefined, bad({ timeout: 1 })), {
    message: /^run\(\) .*'timeout'\. Did you mean 'timeoutMs'\?/,
  }));

const last = (...args: readonly unknown[]): never[] => args as never[];
const a = [
  [1, 2],
  [3, 4],
];
const POSITIONS: readonly [string, () => unknown, RegExp][] = [
  ['cumsum', () => tf.cumsum(...(last([1, 2], 0, true, true) as [never])), /^cumsum\(\) takes .* not true$/],
  ['cumprod', () => tf.cumprod(...(last([1, 2], 0, true) as [never])), /^cumprod\(\) takes/],
  ['range', () => tf.range(...(last(0, 3, 1, tf.float32) as [never])), /^range\(\) takes .* not .*float32/],
  [
    'randomNormal',
    () => tf.randomNormal(...(last([2], 0, 1, tf.float32, 7) as [never])),
    /^randomNormal\(\) takes .* not 7$/,
  ],
  ['pad', () => tf.pad(...(last([1], [[1, 1]], 'CONSTANT', null, 9) as [never, never])), /^pad\(\) takes .* not null$/],
  [
    'MomentumOptimizer',
    () => new tf.train.MomentumOptimizer(...(last(0.1, 0.9, false, 'M', true) as [never])),
    /^MomentumOptimizer\(\) takes .* not false$/,
  ],
  ['shape', () => tf.shape(a, null as never), /^shape\(\) takes .* not null$/],
  ['variableScope', () => tf.variableScope('s', null as never, () => 1), /^variableScope\(\) takes .* not null$/],
  [
    'getVariable',
    () => tf.getVariable(...(last('w', [2], tf.float32, tf.onesInitializer()) as [never])),
    /^getVariable\(\) takes its options in an object, not a function$/,
  ],
  [
    'computeGradients',
    () => new tf.train.AdamOptimizer().computeGradients(y, [v] as never),
    /^computeGradients\(\) takes/,
  ],
  ['Variable.assign', () => v.assign(a, true as never), /^assign\(\) takes .* not true$/],
  ['convertToTensor', () => tf.convertToTensor(1, tf.float64 as never), /^convertToTensor\(\) takes/],
  ['reduceSum', () => tf.reduceSum(a, bad({ axes: 0 })), /^reduceSum\(\) .*'axes'\. Did you mean 'axis'\?/],
  ['argmax', () => tf.argmax(a, bad({ dim: 0 })), /^argmax\(\) .*'dim'\./],
  ['softmax', () => tf.nn.softmax(a, bad({ dimension: 0 })), /^softmax\(\) .*'dimension'\./],
  [
    'cross entropy',
    () => tf.nn.softmaxCrossEntropyWithLogitsV2(bad({ labels: a, logits: a, axes: 0 })),
    /'axes'\. Did you mean 'axis'\?/,
  ],
  [
    'an argument twice',
    () => tf.reduceSum(a, 0, bad({ axis: 1 })),
    /^reduceSum\(\) got multiple values for argument 'axis'$/,
  ],
];
for (const [title, run, message] of POSITIONS) {
  test(`${title}: an argument that would be dropped is a TypeError`, (t) => {
    t.throws(() => void graph.asDefault(run), { instanceOf: tf.errors.GraphTypeError, message });
  });
}

test('placeholder takes its shape by name', (t) => {
  const shape = new tf.Graph().asDefault(() => String(tf.placeholder('float', undefined, { shape: [2] }).shape));
  t.is(shape, '(2,)');
});
