// Products of matrices: from 1x1x1 to thin, wide and odd ones, batches, transposed factors, integers, and a layer with its bias.
import { type Args, type DType, groupOf, type SweepCase, tensor } from '../case.js';
import { shapesOf } from '../shapes.js';

const matmul = groupOf('matmul');
const batch = groupOf('batchMatmul');
const dense = groupOf('dense');

/** m x k x n. */
const PRODUCTS = shapesOf(`
  1x1x1 2x2x2 3x3x3 5x5x5 8x8x8 10x10x10 17x17x17 33x33x33 50x50x50 64x64x64 100x100x100 127x127x127 200x200x200 257x257x257 1x1000x1
  1x100000x1 1x1000x1000 1000x1000x1 1000x1000x2 1000x1000x3 1000x1000x4 1000x1000x7 1000x1000x10 1000x1000x16 2x1000x1000 3x1000x1000
  4x1000x1000 5x1000x1000 8x1000x1000 10x1000x1000 16x1000x1000 1000x1x1000 1000x2x1000 1000x3x1000 1000x8x1000 1000x16x1000
  1000x33x1000 100000x2x1 100000x3x3 100000x10x1 100000x10x10 100000x3x10 10000x33x7 10x100000x10 3x100000x3 16x100000x16 100x10000x100
  64x100000x2 2x100000x64 33x1023x33 128x784x512 128x512x10 32x784x100 7x33x1023 1023x33x7 331x317x347 500x3x500 1x4096x4096 4096x4096x1
  1x768x50257 4x768x3072`);
const INTEGER_PRODUCTS = shapesOf(`
  3x3x3 10x10x10 33x33x33 100x100x100 257x257x257 512x512x512 1000x1000x1 1x1000x1000 1000x3x1000 100000x3x3`);
/** How many x m x k x n. */
const BATCHES = shapesOf(`
  1000x2x2x2 1000x3x3x3 1000x4x4x4 1000x5x5x5 1000x8x8x8 1000x10x10x10 1000x16x16x16 200x33x33x33 100x64x64x64 10x100x100x100
  1000x3x3x1 1000x1x10x10 1000x10x10x1 1000x1x64x64 1000x64x64x1 96x128x64x128 96x128x128x64 10000x3x3x3 10000x4x4x4 100x1x1000x1
  1000x16x1x16 10x33x1000x7 100000x2x2x1 100000x1x3x1`);
const DENSE = shapesOf('1x10x10 10x2x8 128x784x10 1000x2x1 1000x10x3 10000x33x10 128x100x100 1x1000x1000');

const SMALL = 100;
const THIN = 16;

type Sizes = readonly [number, number, number];

/** The product of m x k and k x n, with either factor laid out the other way. */
const product = (dtype: DType, [m, k, n]: Sizes, a = false, b = false): SweepCase => {
  const args: Args = { ...(a ? { transposeA: true } : {}), ...(b ? { transposeB: true } : {}) };
  return matmul('matmul', [tensor(dtype, a ? [k, m] : [m, k]), tensor(dtype, b ? [n, k] : [k, n])], args);
};

const products = (['float32', 'float64'] as const).flatMap((dtype) =>
  (PRODUCTS as unknown as Sizes[]).flatMap((sizes) => {
    const [m, k, n] = sizes;
    const single = dtype === 'float32';
    const transposed = (single || Math.min(m, k, n) <= THIN) && (m * k > SMALL || k * n > SMALL);
    return [
      product(dtype, sizes),
      ...(transposed ? [product(dtype, sizes, true), product(dtype, sizes, false, true)] : []),
      ...(transposed && single && Math.min(m, n) > 1 ? [product(dtype, sizes, true, true)] : []),
    ];
  }),
);

const integers = (['int32', 'int64'] as const).flatMap((dtype) =>
  (INTEGER_PRODUCTS as unknown as Sizes[]).flatMap((sizes) => [
    product(dtype, sizes),
    product(dtype, sizes, false, true),
  ]),
);

const batches = BATCHES.flatMap((shape) => {
  const [count, m, k, n] = shape as [number, number, number, number];
  const of = (dtype: DType, x: readonly number[], y: readonly number[], args: Args = {}): SweepCase =>
    batch('matmul', [tensor(dtype, x), tensor(dtype, y)], args);
  return [
    of('float32', [count, m, k], [count, k, n]),
    of('float32', [count, m, k], [count, n, k], { transposeB: true }),
    of('float32', [count, k, m], [count, k, n], { transposeA: true }),
    of('float32', [count, m, k], [k, n]),
    of('float32', [m, k], [count, k, n]),
    of('float64', [count, m, k], [count, k, n]),
  ];
});

const attention = [
  batch('matmul', [tensor('float32', [8, 12, 128, 64]), tensor('float32', [8, 12, 64, 128])]),
  batch('matmul', [tensor('float32', [8, 1, 33, 64]), tensor('float32', [1, 12, 64, 33])]),
  batch('matmul', [tensor('float32', [8, 12, 1, 64]), tensor('float32', [8, 12, 128, 64])], { transposeB: true }),
];

const integerBatches = (['int32', 'int64'] as const).flatMap((dtype) =>
  shapesOf('1000x3x3 1000x10x10 100x33x33').map((shape) =>
    batch('matmul', [tensor(dtype, shape), tensor(dtype, shape)]),
  ),
);

const layers = (DENSE as unknown as Sizes[]).flatMap(([m, k, n]) =>
  [{}, { activation: 'relu' }, { activation: 'tanh' }].map((args) =>
    dense('dense', [tensor('float32', [m, k]), tensor('float32', [k, n]), tensor('float32', [n])], args),
  ),
);

export const LINEAR: readonly SweepCase[] = [
  ...products,
  ...integers,
  ...batches,
  ...attention,
  ...integerBatches,
  ...layers,
];
