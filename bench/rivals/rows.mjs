// What the JavaScript rivals share: the rows of one operation with their inputs, and the loading of a rival's package from its own folder.
import { createRequire } from 'node:module';
import path from 'node:path';
import { classes, labels, positive, uniform } from '../../build-ts/bench/lib/inputs.js';
import {
  BATCHES,
  MLP,
  mlpBatch,
  mlpWeights,
  pairs,
  TINY,
  tinyBatch,
  tinyWeights,
} from '../../build-ts/bench/lib/layers.js';

export { BATCHES, CHECKED_STEPS, MLP, TINY } from '../../build-ts/bench/lib/layers.js';
export { serve } from '../../build-ts/bench/lib/serve.js';
export { classes, labels, uniform };

export const [TRIAL, THREADS, NAME] = [process.argv[2], Number(process.argv[3]), process.argv[4]];
export const MODULES = path.join(process.env.GRAFO_RIVAL, 'node_modules');
export const load = createRequire(path.join(MODULES, 'rival.js'));

export const POINTS = 1000;
export const EPOCHS = 100;
export const RATE = 1e-3;

const SIZES = { '1e3': 1000, '1e5': 100_000, '1e7': 10_000_000 };
const ELEMENTWISE = { add: 'xw', affine: 'xwb', exp: 'x', sigmoid: 'x', log: 'p', tanh: 'x', pow: 'p' };
const count = (shape) => shape.reduce((a, b) => a * b, 1);

const filled = (make, shapes) => (set) =>
  shapes.map((shape, k) => ({ shape, data: (Array.isArray(make) ? make[k] : make)(set, k, count(shape)) }));

const elementwise = () =>
  Object.entries(ELEMENTWISE).flatMap(([kind, names]) =>
    ['1e5', '1e7'].map((label) => ({
      name: `elem.${kind}.${label}`,
      kind,
      inputs: filled(
        names === 'p' ? positive : uniform,
        [...names].map(() => [SIZES[label]]),
      ),
    })),
  );

const gemm = () =>
  [
    ...[64, 128, 256, 512, 1024, 2048].map((n) => [n, n, n]),
    ...[
      [128, 784, 512],
      [128, 512, 256],
      [128, 256, 10],
      [1, 1024, 1024],
      [4096, 2, 1],
    ],
  ].map(([m, k, n]) => ({
    name: `gemm.f32.${m === n ? m : `${m}x${k}x${n}`}`,
    kind: 'matmul',
    inputs: filled(uniform, [
      [m, k],
      [k, n],
    ]),
  }));

const layout = () => [
  ...[
    ['row', [1000]],
    ['col', [1000, 1]],
  ].map(([name, shape]) => ({
    name: `bcast.${name}.1000x1000`,
    kind: 'add',
    inputs: filled(uniform, [[1000, 1000], shape]),
  })),
  ...[
    ['1024', [1024, 1024]],
    ['4096x1024', [4096, 1024]],
  ].map(([name, shape]) => ({ name: `transpose.${name}`, kind: 'transpose', inputs: filled(uniform, [shape]) })),
];

const reductions = () => [
  ...['sum', 'max', 'argmax'].flatMap((kind) =>
    [
      ['1e7', [10_000_000], undefined],
      ['axis0', [4096, 1024], 0],
      ['axis1', [4096, 1024], 1],
    ]
      .filter(([, , axis]) => kind !== 'argmax' || axis !== undefined)
      .map(([label, shape, axis]) => ({
        name: `red.${kind}.${label}`,
        kind,
        axis,
        inputs: filled(kind === 'sum' ? positive : uniform, [shape]),
      })),
  ),
  ...[
    [1024, 1000],
    [4096, 1024],
  ].map((shape) => ({ name: `softmax.${shape.join('x')}`, kind: 'softmax', inputs: filled(uniform, [shape]) })),
];

const chain = () =>
  Object.entries(SIZES).map(([label, n]) => ({
    name: `elem.sce8.${label}`,
    kind: 'sce8',
    inputs: filled([uniform, labels], [[n], [n]]),
  }));

/** The rows of one operation of a trial: name, kind, axis, and inputs(set): arrays of { shape, data }. */
export const opRows = (trial) => ({ elementwise, gemm, layout, reductions, chain })[trial]?.() ?? [];

/** The points of logistic regression: set 0 or 1. */
export const points = (set) => ({ x: uniform(set, 0, 2 * POINTS), l: labels(set, 1, POINTS) });

/** First weights: { from, to, data } of each layer. */
const layersOf = ({ sizes }, weights) => pairs(sizes).map(([from, to], i) => ({ from, to, data: weights(i) }));
export const mlpLayers = () => layersOf(MLP, mlpWeights);
export const tinyLayers = () => layersOf(TINY, tinyWeights);
export const mlpBatches = () => Array.from({ length: BATCHES }, (_, b) => mlpBatch(b));
export const tinyBatches = () => Array.from({ length: BATCHES }, (_, b) => tinyBatch(b));
