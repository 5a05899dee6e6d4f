// Elementwise, compare and cast: generated cases against the float64 references.
import test from 'ava';
import { findOp } from '../../lib/core/defineOp.js';
import { castCases } from './cast.cases.js';
import { compareCases } from './compare.cases.js';
import { elementwiseCases } from './elementwise.cases.js';
import { checkCases } from './property.js';

const ROWS = { ...elementwiseCases, ...compareCases, ...castCases };

for (const [type, row] of Object.entries(ROWS)) {
  for (const dtype of row.dtypes) {
    test(`${type} ${dtype}: generated cases agree with the reference`, (t) => {
      if (findOp(type) === undefined) return t.fail(`there is no op ${type}`);
      checkCases(t, type, row, dtype);
    });
  }
}
