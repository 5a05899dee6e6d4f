// Case rows of matrix products, over sizes around the kernels' tiles, and some long sums.
import { batchMatmul, matmul } from '../reference/linalg.js';
import type { Generated, Random, ValueOptions } from './generate.js';
import { type CaseRow, type CaseRows, FI } from './rows.js';

const FINITE: ValueOptions = { inf: false, nan: false, special: 0.03, limit: 1e4 };
const sides = (random: Random): [number, number, number] => {
  const side = (): number =>
    random.smooth ? random.int(1, 4) : random.pick([0, 1, 1, 2, 3, 7, 8, 15, 16, 17, 31, 33]);
  const k = random.smooth ? random.int(1, 4) : random.chance(0.15) ? random.pick([64, 257]) : side();
  return k > 33 ? [random.int(1, 5), k, random.int(1, 5)] : [side(), k, random.pick([side(), 1, 3])];
};
const batched = (random: Random, dtype: string, broadcasts: boolean): Generated => {
  const batch = random.shape(0, 3, 6);
  const thin = (): number[] =>
    broadcasts
      ? batch.map((d) => (random.chance(0.3) ? 1 : d)).slice(random.chance(0.2) ? random.int(0, batch.length + 1) : 0)
      : batch;
  const [m, k, n] = sides(random).map((side) => Math.min(side, 8)) as [number, number, number];
  const [ta, tb] = [random.chance(0.5), random.chance(0.5)];
  const a = [...thin(), ...(ta ? [k, m] : [m, k])];
  const b = [...thin(), ...(tb ? [n, k] : [k, n])];
  return {
    inputs: [random.values(dtype, a, FINITE), random.values(dtype, b, FINITE)],
    attrs: { adj_x: ta, adj_y: tb },
  };
};
const batch = (broadcasts: boolean): CaseRow => ({
  ref: batchMatmul(broadcasts),
  dtypes: FI,
  generate: (random, dtype) => batched(random, dtype, broadcasts),
  grad: {},
});

export const linalgCases: CaseRows = {
  MatMul: {
    ref: matmul,
    dtypes: FI,
    generate: (random, dtype) => {
      const [m, k, n] = sides(random);
      const [ta, tb] = [random.chance(0.5), random.chance(0.5)];
      const attrs = { transpose_a: ta, transpose_b: tb };
      return {
        inputs: [
          random.values(dtype, ta ? [k, m] : [m, k], FINITE),
          random.values(dtype, tb ? [n, k] : [k, n], FINITE),
        ],
        attrs,
      };
    },
    grad: {},
  },
  BatchMatMul: batch(false),
  BatchMatMulV2: batch(true),
};
