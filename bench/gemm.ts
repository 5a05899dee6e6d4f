// gemm: matrix products through the session, square ones, a network's layers and the thin shapes; float32 and float64; transposed operands.
import * as tf from '../lib/index.js';
import { opCase } from './lib/grafoCase.js';
import { type FloatName, uniform } from './lib/inputs.js';
import { always, type Maker, type RowSpec, type Trial } from './lib/trial.js';

interface Shape {
  readonly m: number;
  readonly k: number;
  readonly n: number;
  readonly ta: boolean;
  readonly tb: boolean;
  readonly dtype: FloatName;
}

const SQUARES = [64, 128, 256, 512, 1024, 2048];
const THIN = ['128x256x10', '1x1024x1024', '4096x2x1'];
const RECTANGLES = [[128, 784, 512], [128, 512, 256], ...THIN.map((name) => name.split('x').map(Number))];
const TRANSPOSED = 512;

const shapes = (dtype: FloatName): Shape[] => [
  ...SQUARES.map((n) => ({ m: n, k: n, n, ta: false, tb: false, dtype })),
  ...RECTANGLES.map(([m, k, n]) => ({ m: m!, k: k!, n: n!, ta: false, tb: false, dtype })),
  ...['nt', 'tn', 'tt'].map((kind) => ({
    m: TRANSPOSED,
    k: TRANSPOSED,
    n: TRANSPOSED,
    ta: kind[0] === 't',
    tb: kind[1] === 't',
    dtype,
  })),
];

const SHAPES = [...shapes('float32'), ...shapes('float64')];

const sizeName = ({ m, k, n }: Shape): string => (m === n && n === k ? `${m}` : `${m}x${k}x${n}`);
const letter = (transposed: boolean): string => (transposed ? 't' : 'n');
const rowName = (shape: Shape): string =>
  `gemm.${shape.dtype === 'float32' ? 'f32' : 'f64'}.${sizeName(shape)}${shape.ta || shape.tb ? `.${letter(shape.ta)}${letter(shape.tb)}` : ''}`;

/** oneDNN has no float64 product; numpy was best at one column. */
const best = (shape: Shape): RowSpec['best'] => {
  const blas = shape.dtype === 'float32' ? ['openblas', 'blis', 'onednn'] : ['openblas', 'blis'];
  return always(...blas, ...(shape.n === 1 ? ['numpy'] : []));
};

export const trial: Trial = {
  name: 'gemm',
  about: 'matrix products, other operands in every call',
  rows: SHAPES.map((shape) => ({
    name: rowName(shape),
    dtypes: [shape.dtype],
    tolerance: shape.dtype === 'float32' ? 1e-5 : 1e-12,
    inputs: 'every call',
    best: best(shape),
    limit: { kind: 'fma', flops: 2 * shape.m * shape.k * shape.n, dtype: shape.dtype },
  })),
};

export const grafo: Maker = (threads) =>
  Object.fromEntries(
    SHAPES.map((shape) => [
      rowName(shape),
      () => {
        const { m, k, n, ta, tb, dtype } = shape;
        return opCase(
          threads,
          [
            { shape: ta ? [k, m] : [m, k], values: (set) => uniform(set, 0, m * k, dtype) },
            { shape: tb ? [n, k] : [k, n], values: (set) => uniform(set, 1, k * n, dtype) },
          ],
          (a, b) => tf.matmul(a!, b!, { transposeA: ta, transposeB: tb }),
        );
      },
    ]),
  );
