// Every case of the sweep. A new operation: rows in a file of cases/, its making in builders.ts, and in sweep_numpy.py and sweep_torch.py.
import type { SweepCase } from './case.js';
import { BROADCAST } from './cases/broadcast.js';
import { ELEMENTWISE } from './cases/elementwise.js';
import { GRADIENT } from './cases/gradient.js';
import { INDEXING } from './cases/indexing.js';
import { LINEAR } from './cases/linear.js';
import { MOVE } from './cases/move.js';
import { NN } from './cases/nn.js';
import { REDUCE } from './cases/reduce.js';

export const CASES: readonly SweepCase[] = [
  ...REDUCE,
  ...BROADCAST,
  ...MOVE,
  ...INDEXING,
  ...LINEAR,
  ...ELEMENTWISE,
  ...NN,
  ...GRADIENT,
];
