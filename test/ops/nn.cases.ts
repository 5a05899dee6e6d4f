// Case rows of neural network ops.

import type { Arr } from '../reference/array.js';
import * as n from '../reference/nn.js';
import { biasAddGrad } from '../reference/reduce.js';
import type { Random, ValueOptions } from './generate.js';
import { type CaseRows, F, REAL } from './rows.js';

const FINITE: ValueOptions = { inf: false, nan: false, special: 0.03, limit: 1e3, domain: [-6, 6] };
const CLASSES = [1, 2, 3, 7, 8, 10, 15, 16, 17, 33];

/** Rows that sum to 1. */
const distributions = (random: Random, shape: readonly number[]): Arr => {
  const made = random.values('float64', shape, { domain: [0.1, 1] });
  const n = shape.at(-1)!;
  const sums = Array.from({ length: made.data.length / n }, (_, i) =>
    made.data.slice(i * n, (i + 1) * n).reduce<number>((sum, x) => sum + (x as number), 0),
  );
  return { ...made, data: made.data.map((x, i) => (x as number) / sums[Math.floor(i / n)]!) };
};

export const nnCases: CaseRows = {
  Softmax: {
    ref: n.softmax,
    dtypes: F,
    ulp: 4,
    goldenUlp: 12,
    generate: (random, dtype) => ({ inputs: [random.values(dtype, random.shape(1, 4), FINITE)] }),
    grad: {},
  },
  LogSoftmax: {
    ref: n.logSoftmax,
    dtypes: F,
    ulp: 4,
    generate: (random, dtype) => ({ inputs: [random.values(dtype, random.shape(1, 4), FINITE)] }),
    grad: {},
  },
  SoftmaxCrossEntropyWithLogits: {
    ref: n.softmaxCrossEntropy,
    dtypes: F,
    ulp: 4,
    goldenSlack: 4,
    generate: (random, dtype) => {
      const shape = [random.dim(17), random.smooth ? 3 : random.pick(CLASSES)];
      return {
        inputs: [
          random.values(dtype, shape, FINITE),
          random.smooth ? distributions(random, shape) : random.values(dtype, shape, { domain: [0, 1], special: 0 }),
        ],
      };
    },
    // The backprop output is there for the gradient of the loss; its own gradient is the second order.
    // Backprop takes each row of labels to sum to 1, and its gradient with respect to the labels is left out by TensorFlow.
    grad: { outputs: [0], secondInputs: [0] },
  },
  SparseSoftmaxCrossEntropyWithLogits: {
    ref: n.sparseSoftmaxCrossEntropy,
    dtypes: F,
    ulp: 4,
    goldenSlack: 4,
    generate: (random, dtype) => {
      const [rows, classes] = [random.dim(17), random.smooth ? 3 : random.pick(CLASSES)];
      const labels = Array.from({ length: rows }, () => random.int(0, classes));
      return { inputs: [random.values(dtype, [rows, classes], FINITE), random.ints(labels)] };
    },
    grad: { outputs: [0], second: 'missing' },
  },
  BiasAdd: {
    ref: n.biasAdd,
    dtypes: REAL,
    generate: (random, dtype) => {
      const shape = random.shape(2, 5);
      return {
        inputs: [random.values(dtype, shape), random.values(dtype, shape.slice(-1))],
        attrs: { data_format: 'NHWC' },
      };
    },
    grad: {},
  },
  BiasAddGrad: {
    ref: biasAddGrad,
    dtypes: REAL,
    generate: (random, dtype) => ({
      inputs: [random.values(dtype, random.shape(2, 5), FINITE)],
      attrs: { data_format: 'NHWC' },
    }),
    grad: {},
  },
  CheckNumerics: {
    ref: n.checkNumerics,
    dtypes: F,
    generate: (random, dtype) => ({
      inputs: [random.values(dtype, random.shape(), random.chance(0.8) ? FINITE : {})],
      attrs: { message: 'here' },
    }),
    grad: {},
  },
};
