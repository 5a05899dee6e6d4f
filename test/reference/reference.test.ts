// The references against real TensorFlow: a reference that is wrong proves nothing about a kernel.
import test from 'ava';
import { ALL_CASES } from '../ops/all.cases.js';
import { difference } from '../ops/compare.js';
import type { CaseRow } from '../ops/rows.js';
import { type Arr, decode, one, Refused, sizeOf } from './array.js';
import { type Golden, goldenInputs, goldenOps, goldensOf } from './goldens.js';

const answer = (op: string, golden: Golden): Arr[] | string => {
  const inputs = goldenInputs(golden);
  const { ref, random } = ALL_CASES[op]!;
  try {
    if (random !== true) return ref(inputs, golden.a ?? {});
    const size = sizeOf(one(inputs[0]).data.map(Number));
    return Array.from({ length: golden.n ?? 1 }, (_, run) => ref(inputs, { ...golden.a, drawn: run * size })).flat();
  } catch (error) {
    if (error instanceof Refused) return error.code;
    throw error;
  }
};

/** What is wrong with the reference's answer to one case; null where nothing is. */
const problemOf = (op: string, row: CaseRow, golden: Golden): string | null => {
  const got = answer(op, golden);
  if (typeof got === 'string' || golden.e !== undefined) {
    return golden.e !== undefined && got === golden.e[0]
      ? null
      : `${golden.e?.join(' ') ?? 'no error'} expected, the reference says ${JSON.stringify(got).slice(0, 80)}`;
  }
  if (got.length !== golden.o!.length) return `${got.length} outputs, expected ${golden.o!.length}`;
  for (const [i, output] of got.entries()) {
    // TensorFlow's answer is the measured one: ulps and bounds are those of the reference.
    const problem = difference(decode(golden.o![i]!), output, {
      ulp: Math.max(row.ulp ?? 0, row.goldenUlp ?? 0),
      flushed: true,
      slack: row.goldenSlack ?? 1,
      absolute: row.goldenAbsolute ?? 0,
    });
    if (problem !== null) return `output ${i}: ${problem}`;
  }
  return null;
};

for (const op of goldenOps()) {
  const row = ALL_CASES[op];
  test(`${op}: the reference answers as TensorFlow`, (t) => {
    if (row === undefined) return t.fail(`the golden file of ${op} has no case row`);
    const goldens = goldensOf(op);
    const failures = goldens.flatMap((golden, number) => {
      const problem = problemOf(op, row, golden);
      return problem === null ? [] : [`case ${number} ${JSON.stringify(golden.a ?? {})}: ${problem}`];
    });
    t.deepEqual(failures.slice(0, 5), [], `${failures.length} of ${goldens.length} differ`);
  });
}

test('every op with a case row has a golden file, of at least 20 cases for each dtype', (t) => {
  const files = new Set(goldenOps());
  const short = Object.entries(ALL_CASES).flatMap(([op, row]) => {
    if (row.golden !== undefined) return [];
    if (!files.has(op)) return [`${op}: no file`];
    const count = new Map<string, number>();
    for (const golden of goldensOf(op)) {
      const dtypes = new Set(
        goldenInputs(golden)
          .flatMap((input) => (Array.isArray(input) ? input : [input]))
          .map((a: Arr) => a.dtype),
      );
      const attribute = (golden.a?.dtype as { type: string } | undefined)?.type;
      for (const dtype of attribute === undefined ? dtypes : [attribute]) count.set(dtype, (count.get(dtype) ?? 0) + 1);
    }
    const wanted = row.goldenDtypes ?? row.dtypes;
    return wanted
      .filter((dtype) => (count.get(dtype) ?? 0) < 20)
      .map((dtype) => `${op} ${dtype}: ${count.get(dtype) ?? 0}`);
  });
  t.deepEqual(short, []);
});
