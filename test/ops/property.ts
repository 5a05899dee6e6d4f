// Generated cases of one op against its reference, for every dtype of its row.
import type { ExecutionContext } from 'ava';
import { type Arr, type Attrs, type Input, one, Refused, sizeOf } from '../reference/array.js';
import { difference } from './compare.js';
import { CASES, Random, SEED } from './generate.js';
import type { CaseRow } from './rows.js';
import { failed, OpRunner } from './runner.js';

const describe = (inputs: readonly Input[]): string =>
  inputs
    .map((input) => (Array.isArray(input) ? `[${(input as Arr[]).map(short).join(' ')}]` : short(input as Arr)))
    .join(', ');
const short = (a: Arr): string =>
  `${a.dtype}[${a.shape}]${a.data.length <= 4 ? `=${a.data.map(String).join(',')}` : ''}`;

const expected = (row: CaseRow, inputs: readonly Input[], attrs: Attrs): readonly Arr[] | Refused => {
  try {
    return row.ref(inputs, attrs);
  } catch (error) {
    if (error instanceof Refused) return error;
    throw error;
  }
};

/** What is wrong with one case; null where nothing is. */
const problemOf = (
  row: CaseRow,
  runner: OpRunner,
  inputs: readonly Input[],
  attrs: Attrs,
  drawn: number,
): string | null => {
  const want = expected(row, inputs, row.random === true ? { ...attrs, drawn } : attrs);
  const got = runner.run(inputs, attrs);
  if (want instanceof Refused)
    return failed(got) && got.code === want.code
      ? null
      : `${failed(got) ? got.code : 'a result'}, expected ${want.code} ${want.message}`;
  if (failed(got)) return `${got.code} ${got.text}`;
  if (got.length !== want.length) return `${got.length} outputs, expected ${want.length}`;
  for (const [i, output] of got.entries()) {
    // A float64 reference is itself off by an ulp or two of float64 where it is not exact.
    const wide = output.dtype === 'float64';
    const ulp = wide && row.ulp64 !== undefined ? row.ulp64 : (row.ulp ?? 0) + ((row.ulp ?? 0) > 0 && wide ? 2 : 0);
    const problem = difference(output, want[i]!, { ulp, anyZero: row.anyZero ?? false });
    if (problem !== null) return `output ${i}: ${problem}`;
  }
  return null;
};

/** Runs the generated cases of one op and dtype; the first failures are shown with the seed that makes them again. */
export const checkCases = (
  t: ExecutionContext,
  type: string,
  row: CaseRow,
  dtype: string,
  cases: number = CASES,
): number => {
  const random = new Random(`${type} ${dtype}`);
  const runner = new OpRunner(type, row.refs ?? []);
  const failures: string[] = [];
  const drawn = new Map<string, number>();
  try {
    for (let number = 0; number < cases; number++) {
      const { inputs, attrs = {} } = row.generate(random, dtype);
      const node = JSON.stringify([attrs, (inputs[0] as Arr).dtype]);
      let problem: string | null;
      try {
        problem = problemOf(row, runner, inputs, attrs, drawn.get(node) ?? 0);
      } catch (error) {
        problem = error instanceof Error ? (error.stack ?? String(error)) : String(error);
      }
      if (row.random === true) drawn.set(node, (drawn.get(node) ?? 0) + sizeOf(one(inputs[0]).data.map(Number)));
      if (problem !== null) failures.push(`case ${number} (${describe(inputs)}) ${JSON.stringify(attrs)}: ${problem}`);
    }
  } finally {
    runner.close();
  }
  t.deepEqual(
    failures.slice(0, 4),
    [],
    `${failures.length} of ${cases} cases differ; GRAFO_SEED=${SEED} makes them again`,
  );
  return cases;
};
