// The op tables on the emulated device: what each CUDA kernel computes, beside the references, every case twice with the same bits. A few cases of
// each op and dtype here; tools/gpu/tests.mjs runs them all on a GPU.
process.env.GRAFO_TEST_DEVICE = '/gpu:0';
process.env.GRAFO_TEST_TWICE = '1';

import { emulated } from '../helpers/cuda.js';
import { ALL_CASES } from './all.cases.js';
import { checkCases } from './property.js';

const FEW = process.env.GRAFO_FULL ? 60 : 2;

for (const [type, row] of Object.entries(ALL_CASES))
  emulated(`${type}: cases on a device agree with the reference (${row.dtypes.join(' ')})`, (t) => {
    for (const dtype of row.dtypes) checkCases(t, type, row, dtype, FEW);
  });
