// Every op has a case row and every case row an op: an op without one is an op nobody checks.
import test from 'ava';
import { allOps } from '../../lib/core/defineOp.js';
import * as tf from '../../lib/index.js';
import { ALL_CASES } from './all.cases.js';

// Const is defined at its first use.
tf.constant(0);

/** Ops with no values of their own, and the test that holds them. */
const ELSEWHERE: Readonly<Record<string, string>> = {
  Const: 'every test',
  Placeholder: 'every case here is fed through one',
  PlaceholderWithDefault: 'test/ops/special.test.ts',
  VariableV2: 'state.cases.ts runs on them',
  IsVariableInitialized: 'test/ops/special.test.ts',
  NoOp: 'test/ops/special.test.ts',
  Assert: 'test/ops/special.test.ts',
  Print: 'test/ops/special.test.ts',
  IdentityN: 'test/ops/special.test.ts',
};

test('every op has a case row', (t) => {
  t.deepEqual(
    [...allOps().keys()].filter((op) => ALL_CASES[op] === undefined && ELSEWHERE[op] === undefined),
    [],
  );
});

test('every case row has an op', (t) => {
  t.deepEqual(
    Object.keys({ ...ALL_CASES, ...ELSEWHERE }).filter((op) => !allOps().has(op)),
    [],
  );
});

/** Storage types: ops that only move admit them, arithmetic on them follows the other widths. */
const RARE = ['uint32', 'uint64'];

test('a case row tries every dtype that the op admits', (t) => {
  const missing = [...allOps().values()].flatMap((row) => {
    const testCase = ALL_CASES[row.type];
    const allowed = row.attrs.T?.allowed ?? row.attrs.Tparams?.allowed;
    if (testCase === undefined || allowed === undefined) return [];
    const left = allowed
      .map(String)
      .filter((dtype) => !testCase.dtypes.includes(dtype) && !RARE.includes(dtype) && testCase.random !== true);
    return left.length === 0 ? [] : [`${row.type}: ${left.join(' ')}`];
  });
  t.deepEqual(missing, []);
});
