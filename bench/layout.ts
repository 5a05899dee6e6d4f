// layout: operations that are all about where the numbers lie: broadcasting a row or a column, and transposes.
import * as tf from '../lib/index.js';
import { opCase } from './lib/grafoCase.js';
import { uniform } from './lib/inputs.js';
import { always, type Maker, type RowSpec, type Trial } from './lib/trial.js';

interface Layout {
  readonly name: string;
  readonly shapes: readonly (readonly number[])[];
  readonly build: (...inputs: tf.Tensor[]) => tf.Tensor;
  readonly best: RowSpec['best'];
}

const ROWS: readonly Layout[] = [
  {
    name: 'bcast.row.1000x1000',
    shapes: [[1000, 1000], [1000]],
    build: (x, v) => x!.add(v!),
    best: always('torch'),
  },
  {
    name: 'bcast.col.1000x1000',
    shapes: [
      [1000, 1000],
      [1000, 1],
    ],
    build: (x, v) => x!.add(v!),
    best: always('torch'),
  },
  {
    name: 'transpose.1024',
    shapes: [[1024, 1024]],
    build: (x) => tf.transpose(x!),
    best: { 1: ['tf'], 2: ['jax'] },
  },
  {
    name: 'transpose.4096x1024',
    shapes: [[4096, 1024]],
    build: (x) => tf.transpose(x!),
    best: always('tf'),
  },
];

const sizeOf = (shape: readonly number[]): number => shape.reduce((a, b) => a * b, 1);

export const trial: Trial = {
  name: 'layout',
  about: 'broadcast additions and transposes',
  rows: ROWS.map(({ name, shapes, best }) => ({
    name,
    dtypes: ['float32'],
    tolerance: 1e-6,
    inputs: 'every round',
    best,
    limit: { kind: 'copy', bytes: 8 * sizeOf(shapes[0]!) },
  })),
};

export const grafo: Maker = (threads) =>
  Object.fromEntries(
    ROWS.map(({ name, shapes, build }) => [
      name,
      () => {
        const inputs = shapes.map((shape, k) => ({ shape, values: (set: number) => uniform(set, k, sizeOf(shape)) }));
        return opCase(threads, inputs, build);
      },
    ]),
  );
