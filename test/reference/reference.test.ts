// The references against real TensorFlow: a reference that is wrong proves nothing about a kernel.
import test from 'ava';
import { ALL_CASES } from '../ops/all.cases.js';
import { difference } from '../ops/compare.js';
import { type Arr, arr, decode, one, Refused, sizeOf } from './array.js';
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

for (const op of goldenOps()) {
  const row = ALL_CASES[op];
  if (row === undefined) continue;
  test(`${op}: the reference answers as TensorFlow`, (t) => {
    const failures: string[] = [];
    const goldens = goldensOf(op);
    goldens.forEach((golden, number) => {
      const got = answer(op, golden);
      const fail = (text: string | null): void =>
        void (text !== null && failures.push(`case ${number} ${JSON.stringify(golden.a ?? {})}: ${text}`));
      if (typeof got === 'string' || golden.e !== undefined)
        return fail(
          golden.e !== undefined && got === golden.e[0]
            ? null
            : `${golden.e?.join(' ') ?? 'no error'} expected, the reference says ${JSON.stringify(got).slice(0, 80)}`,
        );
      if (got.length !== golden.o!.length) return fail(`${got.length} outputs, expected ${golden.o!.length}`);
      got.forEach((output, i) => {
        // TensorFlow's answer is the measured one: ulps and bounds are those of the reference.
        const tensorflow = decode(golden.o![i]!);
        const ulp = Math.max(row.ulp ?? 0, row.goldenUlp ?? 0);
        fail(
          difference(tensorflow, output, {
            ulp,
            flushed: true,
            slack: row.goldenSlack ?? 1,
            absolute: row.goldenAbsolute ?? 0,
          }),
        );
      });
    });
    t.deepEqual(failures.slice(0, 5), [], `${failures.length} of ${goldens.length} differ`);
  });
}

test('every op with a case row has a golden file', (t) => {
  const files = new Set(goldenOps());
  t.deepEqual(
    Object.keys(ALL_CASES).filter((op) => !files.has(op) && ALL_CASES[op]!.golden === undefined),
    [],
  );
  t.is(arr('bool', [0], []).data.length, 0);
});
