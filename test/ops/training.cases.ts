// Case rows of the optimizers' ops.

import { type Arr, arr } from '../reference/array.js';
import * as s from '../reference/state.js';
import type { Random, ValueOptions } from './generate.js';
import { type CaseRows, F } from './rows.js';

const FINITE: ValueOptions = { nan: false, inf: false, special: 0.03, limit: 1e3 };
const scalar = (random: Random, dtype: string, low: number, high: number): Arr =>
  random.values(dtype, [], { domain: [low, high], special: 0 });
const positive = (a: Arr): Arr => ({ ...a, data: a.data.map((x) => Math.abs(x as number)) });

export const trainingCases: CaseRows = {
  ApplyGradientDescent: {
    ref: s.applyGradientDescent,
    dtypes: F,
    refs: [0],
    generate: (random, dtype) => {
      const shape = random.shape(0, 4, 60);
      return {
        inputs: [
          random.values(dtype, shape, FINITE),
          positive(scalar(random, dtype, 0, 1)),
          random.values(dtype, shape, FINITE),
        ],
      };
    },
    grad: 'missing',
  },
  ApplyMomentum: {
    ref: s.applyMomentum,
    dtypes: F,
    refs: [0, 1],
    generate: (random, dtype) => {
      const shape = random.shape(0, 4, 60);
      const [x, accum, grad] = [0, 1, 2].map(() => random.values(dtype, shape, FINITE)) as [Arr, Arr, Arr];
      return {
        inputs: [x, accum, positive(scalar(random, dtype, 0, 1)), grad, positive(scalar(random, dtype, 0, 1))],
        attrs: { use_nesterov: random.chance(0.5) },
      };
    },
    grad: 'missing',
  },
  SparseApplyMomentum: {
    ref: s.sparseApplyMomentum,
    dtypes: F,
    refs: [0, 1],
    generate: (random, dtype) => {
      const shape = random.shape(1, 3, 60).map((dim) => dim || 1);
      const ids = random.shuffle(Array.from({ length: shape[0]! }, (_, i) => i)).slice(0, random.int(0, 5));
      const [x, accum] = [random.values(dtype, shape, FINITE), random.values(dtype, shape, FINITE)];
      const grad = random.values(dtype, [ids.length, ...shape.slice(1)], FINITE);
      const attrs = { use_nesterov: random.chance(0.5) };
      return {
        inputs: [
          x,
          accum,
          positive(scalar(random, dtype, 0, 1)),
          grad,
          random.ints(ids),
          positive(scalar(random, dtype, 0, 1)),
        ],
        attrs,
      };
    },
    grad: 'missing',
  },
  ApplyAdam: {
    ref: s.applyAdam,
    dtypes: F,
    refs: [0, 1, 2],
    generate: (random, dtype) => {
      const shape = random.shape(0, 4, 60);
      const round = dtype === 'float32' ? Math.fround : (x: number): number => x;
      const constant = (x: number): Arr => arr(dtype, [], [round(x)]);
      const t = random.int(1, 50);
      const [x, m, v, grad] = [0, 1, 2, 3].map(() => random.values(dtype, shape, FINITE)) as [Arr, Arr, Arr, Arr];
      const steps = [
        constant(0.9 ** t),
        constant(0.999 ** t),
        positive(scalar(random, dtype, 0, 0.1)),
        constant(0.9),
        constant(0.999),
        constant(1e-8),
      ];
      return { inputs: [x, m, positive(v), ...steps, grad], attrs: { use_nesterov: random.chance(0.5) } };
    },
    grad: 'missing',
  },
};
