// Case rows of reductions, argmax and cumulative ops.
import * as r from '../reference/reduce.js';
import type { Random, ValueOptions } from './generate.js';
import { type CaseRow, type CaseRows, F, REAL } from './rows.js';

const axesOf = (random: Random, rank: number): number[] =>
  Array.from({ length: rank }, (_, axis) => axis)
    .filter(() => random.chance(0.5))
    .map((axis) => (random.chance(0.3) ? axis - rank : axis));

const reduction = (
  type: string,
  dtypes: readonly string[],
  options: ValueOptions,
  grad: CaseRow['grad'],
  more: Partial<CaseRow> = {},
): CaseRow => ({
  ref: r.REDUCTIONS[type]!,
  dtypes,
  generate: (random, dtype) => {
    const shape = random.shape();
    const axes = axesOf(random, shape.length);
    // A single axis may be a scalar.
    const input = axes.length === 1 && random.chance(0.3) ? random.ints(axes[0]!) : random.ints(axes);
    return { inputs: [random.values(dtype, shape, options), input], attrs: { keep_dims: random.chance(0.5) } };
  },
  grad,
  ...more,
});
const FINITE: ValueOptions = { inf: false, nan: false, special: 0.05, limit: 1e4 };
const arg = (better: Parameters<typeof r.argReduce>[0]): CaseRow => ({
  ref: r.argReduce(better),
  dtypes: REAL,
  generate: (random, dtype) => {
    const shape = random.shape(1).map((dim) => dim || (random.chance(0.9) ? 1 : 0));
    const x = random.values(dtype, shape, { ties: true });
    return {
      inputs: [x, random.ints(random.axis(shape.length))],
      attrs: { output_type: { type: random.pick(['int32', 'int64']) } },
    };
  },
  grad: 'none',
});
const scan = (kind: 'sum' | 'prod'): CaseRow => ({
  ref: r.cumulative(kind),
  dtypes: REAL,
  generate: (random, dtype) => {
    const shape = random.shape(1);
    const attrs = { exclusive: random.chance(0.5), reverse: random.chance(0.5) };
    const values = kind === 'sum' ? FINITE : ({ domain: [0.8, 1.2], special: 0 } as ValueOptions);
    return { inputs: [random.values(dtype, shape, values), random.ints(random.axis(shape.length))], attrs };
  },
  grad:
    kind === 'sum'
      ? {}
      : {
          generate: (random) => ({
            inputs: [random.values('float64', [2, 3], { domain: [0.5, 2] }), random.ints(random.axis(2))],
            attrs: { exclusive: random.chance(0.5), reverse: random.chance(0.5) },
          }),
        },
});

export const reduceCases: CaseRows = {
  Sum: reduction('Sum', REAL, { special: 0.02, limit: 1e30 }, {}),
  Mean: reduction('Mean', REAL, { special: 0.02, limit: 1e30 }, {}),
  Prod: reduction('Prod', REAL, { special: 0.02, domain: [0.7, 1.4], limit: 8, tame: true }, {}),
  Max: reduction('Max', REAL, { nan: false }, {}, { anyZero: true }),
  Min: reduction('Min', REAL, { nan: false }, {}, { anyZero: true }),
  All: reduction('All', ['bool'], {}, 'none'),
  Any: reduction('Any', ['bool'], {}, 'none'),
  ArgMax: arg((a, b) => a > b),
  ArgMin: arg((a, b) => a < b),
  Cumsum: scan('sum'),
  Cumprod: scan('prod'),
  UnsortedSegmentSum: {
    ref: r.unsortedSegmentSum,
    dtypes: REAL,
    generate: (random, dtype) => {
      const shape = random.shape(1, 4);
      const prefix = shape.slice(0, random.int(1, shape.length + 1));
      const n = random.int(1, 6);
      const ids = random.ints(
        Array.from({ length: prefix.reduce((a, b) => a * b, 1) }, () => random.int(random.smooth ? 0 : -1, n)),
      );
      return { inputs: [random.values(dtype, shape, FINITE), { ...ids, shape: prefix }, random.ints(n)] };
    },
    grad: {},
  },
  L2Loss: {
    ref: r.l2Loss,
    dtypes: F,
    generate: (random, dtype) => ({ inputs: [random.values(dtype, random.shape(), FINITE)] }),
    grad: {},
  },
};
