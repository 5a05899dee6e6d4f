// Array ops: generated cases against the float64 references.
import test from 'ava';
import { findOp } from '../../lib/core/defineOp.js';
import { arrayCases } from './array.cases.js';
import { checkCases } from './property.js';

const ROWS = { ...arrayCases };

for (const [type, row] of Object.entries(ROWS)) {
  for (const dtype of row.dtypes) {
    test(`${type} ${dtype}: generated cases agree with the reference`, (t) => {
      if (findOp(type) === undefined) return t.fail(`there is no op ${type}`);
      checkCases(t, type, row, dtype);
    });
  }
}
