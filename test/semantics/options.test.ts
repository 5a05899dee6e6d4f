// Options that nobody reads: from plain JavaScript, where no compiler says so.
import { readdirSync, readFileSync } from 'node:fs';
import test from 'ava';
import * as tf from '../../lib/index.js';
import { ROOT } from '../helpers/root.js';

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
    /^reduction\(\) .*Did you mean 'keepDims'\? It takes: axis,/,
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

test('builders know every option that an interface of lib/ops or lib/train has', (t) => {
  const known = readFileSync(`${ROOT}/lib/core/options.ts`, 'utf8')
    .match(/new Set\(\s*`([^`]*)`/)![1]!
    .split(/\s+/);
  for (const folder of ['ops', 'train']) {
    for (const file of readdirSync(`${ROOT}/lib/${folder}`)) {
      const text = readFileSync(`${ROOT}/lib/${folder}/${file}`, 'utf8');
      for (const [, name, body] of text.matchAll(
        /^(?:export )?interface (\w*(?:Options|Arguments)) extends (?:Named|\w+)[^{]*\{([^}]*)\}/gm,
      )) {
        for (const [, option] of body!.matchAll(/^ {2}readonly (\w+)\??:/gm)) {
          if (!/^(Adam|Momentum|GetVariable|VariableScope|Uniform|Normal|Variance)/.test(name!))
            t.true(known.includes(option!), `${name}: ${option}`);
        }
      }
    }
  }
});
