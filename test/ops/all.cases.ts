// Every case row, by TensorFlow's op type.
import { arrayCases } from './array.cases.js';
import { castCases } from './cast.cases.js';
import { compareCases } from './compare.cases.js';
import { elementwiseCases } from './elementwise.cases.js';
import { linalgCases } from './linalg.cases.js';
import { nnCases } from './nn.cases.js';
import { randomCases } from './random.cases.js';
import { reduceCases } from './reduce.cases.js';
import type { CaseRows } from './rows.js';
import { stateCases } from './state.cases.js';
import { trainingCases } from './training.cases.js';

export const ALL_CASES: CaseRows = {
  ...elementwiseCases,
  ...compareCases,
  ...castCases,
  ...reduceCases,
  ...linalgCases,
  ...arrayCases,
  ...nnCases,
  ...randomCases,
  ...stateCases,
  ...trainingCases,
};
