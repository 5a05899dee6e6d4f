// Case rows of ops that write variables.

import { sizeOf } from '../reference/array.js';
import * as s from '../reference/state.js';
import type { Generated, Random, ValueOptions } from './generate.js';
import { ANY, type CaseRow, type CaseRows, FI, REAL } from './rows.js';

const FINITE: ValueOptions = { nan: false, special: 0.05 };
const two = (random: Random, dtype: string): Generated => {
  const shape = random.shape(0, 4, 60);
  return { inputs: [random.values(dtype, shape), random.values(dtype, shape)] };
};
const scatter = (
  update: Parameters<typeof s.scatter>[0],
  dtypes: readonly string[],
  values: ValueOptions = FINITE,
): CaseRow => ({
  ref: s.scatter(update),
  dtypes,
  refs: [0],
  generate: (random, dtype) => {
    const shape = random.shape(1, 4, 60).map((dim) => dim || 1);
    const at = random.shape(0, 2, 12);
    const ids = random.ints(Array.from({ length: sizeOf(at) }, () => random.int(0, shape[0]!)));
    const updates = random.values(dtype, random.chance(0.2) ? [] : [...at, ...shape.slice(1)], values);
    return {
      inputs: [
        random.values(dtype, shape, FINITE),
        { ...ids, shape: at },
        update.int === s.DIVIDE ? s.nonzero(updates) : updates,
      ],
    };
  },
  grad: 'none',
});

export const stateCases: CaseRows = {
  Assign: { ref: s.assign, dtypes: ANY, refs: [0], generate: two, grad: 'none' },
  AssignAdd: { ref: s.assignBy(1), dtypes: REAL, refs: [0], generate: two, grad: 'none' },
  AssignSub: { ref: s.assignBy(-1), dtypes: REAL, refs: [0], generate: two, grad: 'none' },
  ScatterUpdate: scatter({}, [...REAL, 'bool', 'string']),
  ScatterAdd: scatter({ int: (x, y) => x + y, float: (x, y) => x + y }, REAL),
  ScatterSub: scatter({ int: (x, y) => x - y, float: (x, y) => x - y }, REAL),
  ScatterMul: scatter({ int: (x, y) => x * y, float: (x, y) => x * y }, REAL),
  ScatterDiv: scatter({ int: s.DIVIDE, float: (x, y) => x / y }, REAL),
  ScatterMin: scatter({ int: (x, y) => (y < x ? y : x), float: (x, y) => (y < x ? y : x) }, FI),
  ScatterMax: scatter({ int: (x, y) => (x < y ? y : x), float: (x, y) => (x < y ? y : x) }, FI),
};
