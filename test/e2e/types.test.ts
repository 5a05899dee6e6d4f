// The package's declarations in a program of its own: other compiler options, none of Node's types, every library checked.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import os from 'node:os';
import path from 'node:path';
import test from 'ava';
import { ROOT } from '../helpers/root.js';

const require = createRequire(import.meta.url);
const TSC = path.join(path.dirname(require.resolve('typescript/package.json')), 'bin', 'tsc');

const PROGRAM = `
import * as tf from 'grafo';

type Options = [
  tf.SessionOptions, tf.RunOptions, tf.SyncRunOptions, tf.RunLimits, tf.StopSignal, tf.CallableOptions, tf.GpuOptions, tf.CompileOptions,
  tf.GradientsOptions, tf.VariableOptions, tf.GetVariableOptions, tf.VariableScopeOptions, tf.ConstantOptions, tf.MatMulOptions,
  tf.ReduceOptions, tf.SplitOptions, tf.PrintOptions, tf.Named, tf.nn.DropoutOptions, tf.nn.SoftmaxCrossEntropyArguments,
  tf.train.AdamOptions, tf.train.MinimizeOptions, tf.train.DecayOptions,
];
type Values = [tf.Fetch, tf.Feeds, tf.FeedKey, tf.FeedValueLike, tf.LoopFeed, tf.LoopPair, tf.TensorLike, tf.ShapeLike, tf.NestedValue, tf.Index];
type Results = [tf.Callable<tf.NDArray>, tf.IndexedSlicesValue, tf.DeviceInfo, tf.NativeMemory, tf.NestedArray, tf.GraphDef, tf.Report];
export type All = [Options, Values, Results];

const x = tf.placeholder(tf.float32, [null, 2]);
const rate = tf.placeholder(tf.float32, []);
const w = new tf.Variable(tf.zeros([2, 1]));
const loss = tf.reduceMean(x.matmul(w).mul(rate));
const step = new tf.train.AdamOptimizer(0.1).minimize(loss);
const options: tf.SessionOptions = { threads: 2 };
const sess = new tf.Session(options);

const evaluate = <const F extends tf.Fetch>(fetches: F, feeds: tf.Feeds): tf.Fetched<F> => sess.runSync(fetches, feeds);
const feeds = new Map<tf.FeedKey, tf.FeedValueLike>([[x, [[1, 2]]], [rate, 0.5], ['y:0', new BigInt64Array(1)]]);
const [value, none] = evaluate([loss, step], feeds);
const nothing: null = none;
export const text: string = \`\${value.toString()} \${nothing}\`;
sess.runSync(loss, [[x, [[1, 2]]], [rate, 0.5]]);
sess.runSync(loss, { 'x:0': [[1, 2]] });
export const looped: Promise<tf.NDArray> = sess.runLoop(loss, 2, [[x, tf.stepped([[[1, 2]]])], [rate, 1]]);
`;

/** What tsc says of the program under its options. */
const compiled = (options: object, program = PROGRAM): string => {
  const folder = mkdtempSync(path.join(os.tmpdir(), 'grafo-types-'));
  try {
    const installed = path.join(folder, 'node_modules', 'grafo');
    mkdirSync(path.join(installed, 'dist'), { recursive: true });
    symlinkSync(path.join(ROOT, 'package.json'), path.join(installed, 'package.json'));
    // The bundle's build copies them to dist/types.
    symlinkSync(path.join(ROOT, 'build-ts', 'lib'), path.join(installed, 'dist', 'types'));
    const compilerOptions = { strict: true, noEmit: true, skipLibCheck: false, types: [], ...options };
    writeFileSync(path.join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, include: ['*.ts'] }));
    writeFileSync(path.join(folder, 'package.json'), '{ "type": "module" }');
    writeFileSync(path.join(folder, 'program.ts'), program);
    return spawnSync(process.execPath, [TSC, '-p', folder], { encoding: 'utf8' }).stdout;
  } finally {
    rmSync(folder, { recursive: true });
  }
};

const nodenext = { module: 'nodenext', moduleResolution: 'nodenext' };
for (const [title, options] of [
  ['es2022, no more', { ...nodenext, target: 'es2022' }],
  [
    'es2023, as strict as can be',
    { ...nodenext, target: 'es2023', exactOptionalPropertyTypes: true, noUncheckedIndexedAccess: true },
  ],
  ['a bundler', { target: 'es2022', module: 'preserve', moduleResolution: 'bundler' }],
  ['everything there is', { ...nodenext, target: 'esnext' }],
] as const) {
  test(`the declarations compile where the program's options are: ${title}`, (t) => t.is(compiled(options), ''));
}

test('a session can be a `using` where the program has the word', (t) => {
  const program = `${PROGRAM}\n{\n  using one = new tf.Session();\n  one.runSync(loss);\n}\n`;
  t.is(compiled({ ...nodenext, target: 'es2022' }, program), '');
});
