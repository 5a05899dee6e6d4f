// Reduce, linalg, nn, random, state and training: generated cases against the float64 references.
import test from 'ava';
import { findOp } from '../../lib/core/defineOp.js';
import { linalgCases } from './linalg.cases.js';
import { nnCases } from './nn.cases.js';
import { checkCases } from './property.js';
import { randomCases } from './random.cases.js';
import { reduceCases } from './reduce.cases.js';
import { stateCases } from './state.cases.js';
import { trainingCases } from './training.cases.js';

const ROWS = { ...reduceCases, ...linalgCases, ...nnCases, ...randomCases, ...stateCases, ...trainingCases };

for (const [type, row] of Object.entries(ROWS)) {
  for (const dtype of row.dtypes) {
    test(`${type} ${dtype}: generated cases agree with the reference`, (t) => {
      if (findOp(type) === undefined) return t.fail(`there is no op ${type}`);
      checkCases(t, type, row, dtype);
    });
  }
}
