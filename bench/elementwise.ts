// elementwise: one pass over one to three arrays, where memory or one function's arithmetic is all there is to do.
import * as tf from '../lib/index.js';
import { type Input, opCase } from './lib/grafoCase.js';
import { type FloatArray, type FloatName, positive, uniform } from './lib/inputs.js';
import { always, type Case, type Cases, type Limit, type Maker, type RowSpec, type Trial } from './lib/trial.js';

const SIZES = [
  { label: '1e5', n: 100_000 },
  { label: '1e7', n: 10_000_000 },
];
const EXPONENT = 2.3;

interface Op {
  readonly name: string;
  /** Inputs: x, w, b are streams 0, 1, 2; p is |x| + 0.1. */
  readonly inputs: readonly ('x' | 'w' | 'b' | 'p')[];
  readonly build: (...inputs: tf.Tensor[]) => tf.Tensor;
  readonly plain: (y: FloatArray, ...inputs: FloatArray[]) => void;
  /** Best rivals at 1e7 float32. */
  readonly best: RowSpec['best'];
}

const OPS: readonly Op[] = [
  {
    name: 'add',
    inputs: ['x', 'w'],
    build: (x, w) => tf.add(x!, w!),
    plain: (y, x, w) => {
      for (let i = 0; i < y.length; i++) y[i] = x![i]! + w![i]!;
    },
    best: always('tfjs-node', 'tf'),
  },
  {
    name: 'affine',
    inputs: ['x', 'w', 'b'],
    build: (x, w, b) => x!.mul(w!).add(b!),
    plain: (y, x, w, b) => {
      for (let i = 0; i < y.length; i++) y[i] = x![i]! * w![i]! + b![i]!;
    },
    best: { 1: ['tf'], 2: ['tfjs-node'] },
  },
  {
    name: 'exp',
    inputs: ['x'],
    build: (x) => tf.exp(x!),
    plain: (y, x) => {
      for (let i = 0; i < y.length; i++) y[i] = Math.exp(x![i]!);
    },
    best: { 1: ['tf'], 2: ['tfjs-node'] },
  },
  {
    name: 'sigmoid',
    inputs: ['x'],
    build: (x) => tf.sigmoid(x!),
    plain: (y, x) => {
      for (let i = 0; i < y.length; i++) y[i] = 1 / (1 + Math.exp(-x![i]!));
    },
    best: { 1: ['tf'], 2: ['tfjs-node'] },
  },
  {
    name: 'log',
    inputs: ['p'],
    build: (p) => tf.log(p!),
    plain: (y, p) => {
      for (let i = 0; i < y.length; i++) y[i] = Math.log(p![i]!);
    },
    best: { 1: ['tf'], 2: ['tfjs-node'] },
  },
  {
    name: 'tanh',
    inputs: ['x'],
    build: (x) => tf.tanh(x!),
    plain: (y, x) => {
      for (let i = 0; i < y.length; i++) y[i] = Math.tanh(x![i]!);
    },
    best: { 1: ['tf'], 2: ['tfjs-node'] },
  },
  {
    name: 'pow',
    inputs: ['p'],
    build: (p) => tf.pow(p!, EXPONENT),
    plain: (y, p) => {
      for (let i = 0; i < y.length; i++) y[i] = p![i]! ** EXPONENT;
    },
    best: { 1: ['numpy'], 2: ['numpy', 'torch'] },
  },
];

const STREAM = { x: 0, w: 1, b: 2, p: 0 } as const;
const DTYPES: readonly FloatName[] = ['float32', 'float64'];

const rowName = (op: string, dtype: FloatName, label: string): string =>
  `elem.${dtype === 'float64' ? 'f64.' : ''}${op}.${label}`;

const inputsOf = (op: Op, n: number, dtype: FloatName): Input[] =>
  op.inputs.map((input) => ({
    shape: [n],
    values: (set) => (input === 'p' ? positive : uniform)(set, STREAM[input], n, dtype),
  }));

const limitOf = ({ name, inputs }: Op, n: number, dtype: FloatName): Limit =>
  name === 'add' || name === 'affine'
    ? { kind: 'copy', bytes: (inputs.length + 1) * n * (dtype === 'float64' ? 8 : 4) }
    : { kind: 'ref' };

const eachRow = <T>(visit: (op: Op, dtype: FloatName, size: (typeof SIZES)[number]) => T): T[] =>
  OPS.flatMap((op) => DTYPES.flatMap((dtype) => SIZES.map((size) => visit(op, dtype, size))));

export const trial: Trial = {
  name: 'elementwise',
  about: 'one elementwise operation over 1e5 and 1e7 numbers, float32 and float64',
  rows: eachRow((op, dtype, { label, n }) => ({
    name: rowName(op.name, dtype, label),
    dtypes: [dtype],
    tolerance: dtype === 'float32' ? 2e-6 : 1e-10,
    inputs: 'every round',
    best: dtype === 'float32' && label === '1e7' ? op.best : always('numpy', 'tf', 'torch', 'jax'),
    limit: limitOf(op, n, dtype),
  })),
};

const casesOf = (make: (op: Op, dtype: FloatName, n: number) => Case): Cases =>
  Object.fromEntries(eachRow((op, dtype, { label, n }) => [rowName(op.name, dtype, label), () => make(op, dtype, n)]));

export const grafo: Maker = (threads) =>
  casesOf((op, dtype, n) => opCase(threads, inputsOf(op, n, dtype), (...inputs) => op.build(...inputs)));

export const plain: Maker = () =>
  casesOf((op, dtype, n) => {
    const inputs = inputsOf(op, n, dtype);
    const sets = [0, 1].map((set) => inputs.map(({ values }) => values(set) as FloatArray));
    const y = dtype === 'float32' ? new Float32Array(n) : new Float64Array(n);
    return {
      call: (i) => op.plain(y, ...sets[i & 1]!),
      check: (set) => {
        op.plain(y, ...sets[set]!);
        return { dtype, values: [y] };
      },
    };
  });
