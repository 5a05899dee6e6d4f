// reductions: sums, maxima, argmax and softmax, along both axes of [4096, 1024] and over 1e7 numbers.
import * as tf from '../lib/index.js';
import { opCase } from './lib/grafoCase.js';
import { type FloatName, positive, uniform } from './lib/inputs.js';
import { always, type Limit, type Maker, type RowSpec, type Trial } from './lib/trial.js';

interface Reduction {
  readonly name: string;
  readonly shape: readonly number[];
  readonly dtype: FloatName;
  readonly build: (x: tf.Tensor) => tf.Tensor;
  readonly best: RowSpec['best'];
  readonly limit: Limit;
}

const MATRIX = [4096, 1024];
const VECTOR = [10_000_000];
const reference: Limit = { kind: 'ref' };
const every = always('numpy', 'tf', 'torch', 'jax');

const sums = (dtype: FloatName): Reduction[] => {
  const prefix = dtype === 'float32' ? 'red' : 'red.f64';
  const known = (best: RowSpec['best']): RowSpec['best'] => (dtype === 'float32' ? best : every);
  const common = { dtype, limit: reference };
  return [
    {
      ...common,
      name: `${prefix}.sum.1e7`,
      shape: VECTOR,
      build: (x) => tf.reduceSum(x),
      best: known(always('torch')),
    },
    {
      ...common,
      name: `${prefix}.sum.axis0`,
      shape: MATRIX,
      build: (x) => tf.reduceSum(x, { axis: 0 }),
      best: known({ 1: ['numpy'], 2: ['jax'] }),
    },
    {
      ...common,
      name: `${prefix}.sum.axis1`,
      shape: MATRIX,
      build: (x) => tf.reduceSum(x, { axis: 1 }),
      best: known(always('torch')),
    },
  ];
};

const REDUCTIONS: readonly Reduction[] = [
  ...sums('float32'),
  ...sums('float64'),
  {
    name: 'red.max.1e7',
    shape: VECTOR,
    dtype: 'float32',
    build: (x) => tf.reduceMax(x),
    best: always('torch'),
    limit: reference,
  },
  ...[0, 1].map(
    (axis): Reduction => ({
      name: `red.max.axis${axis}`,
      shape: MATRIX,
      dtype: 'float32',
      build: (x) => tf.reduceMax(x, { axis }),
      best: axis === 1 ? always('torch') : every,
      limit: reference,
    }),
  ),
  ...[0, 1].map(
    (axis): Reduction => ({
      name: `red.argmax.axis${axis}`,
      shape: MATRIX,
      dtype: 'float32',
      build: (x) => tf.argmax(x, axis),
      best: axis === 1 ? always('numpy') : always('torch', 'jax'),
      limit: reference,
    }),
  ),
  ...[[1024, 1000], MATRIX].map(
    (shape): Reduction => ({
      name: `softmax.${shape.join('x')}`,
      shape,
      dtype: 'float32',
      build: (x) => tf.nn.softmax(x),
      best: { 1: ['tf'], 2: ['torch'] },
      limit: reference,
    }),
  ),
];

const isSum = (name: string): boolean => name.includes('.sum.');
const toleranceOf = ({ name, dtype }: Reduction): number =>
  name.includes('argmax') || name.includes('.max.') ? 1e-9 : dtype === 'float64' ? 1e-10 : 1e-4;

export const trial: Trial = {
  name: 'reductions',
  about: 'sums, maxima, argmax and softmax',
  rows: REDUCTIONS.map((row) => ({
    name: row.name,
    dtypes: row.name.includes('argmax') ? ['int64', 'int32'] : [row.dtype],
    tolerance: toleranceOf(row),
    inputs: 'every round',
    best: row.best,
    limit: row.limit,
  })),
};

/** Sums run over positive numbers, so that they do not cancel. */
export const grafo: Maker = (threads) =>
  Object.fromEntries(
    REDUCTIONS.map(({ name, shape, dtype, build }) => [
      name,
      () => {
        const n = shape.reduce((a, b) => a * b, 1);
        const values = (set: number) => (isSum(name) ? positive : uniform)(set, 0, n, dtype);
        return opCase(threads, [{ shape, values }], (x) => build(x!));
      },
    ]),
  );
