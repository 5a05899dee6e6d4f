// Every op against the golden files of real TensorFlow: results, error codes, and the gradients where a file has them.
import test from 'ava';
import { findOp } from '../../lib/core/defineOp.js';
import * as tf from '../../lib/index.js';
import { type Arr, type Attrs, decode, type Encoded, type Input } from '../reference/array.js';
import { type Golden, goldenInputs, goldenOps, goldensOf } from '../reference/goldens.js';
import { ALL_CASES } from './all.cases.js';
import { difference, type Tolerance } from './compare.js';
import type { CaseRow } from './rows.js';
import { failed, fromNDArray, OpRunner, toNDArray } from './runner.js';

/** A float result may differ from TensorFlow's by what each of the two may differ from the truth. */
const tolerance = (row: CaseRow): Tolerance => ({
  ulp: (row.ulp ?? 0) + Math.max(row.ulp ?? 0, row.goldenUlp ?? 0),
  flushed: true,
  slack: 1 + (row.goldenSlack ?? 1),
  absolute: row.goldenAbsolute ?? 0,
});

/** TensorFlow's answer carries no rounding bound; the reference knows it. */
const withBounds = (row: CaseRow, inputs: readonly Input[], attrs: Attrs, outputs: readonly Arr[]): Arr[] => {
  const bounds = row.random === true ? [] : row.ref(inputs, attrs);
  return outputs.map((output, i) => (bounds[i]?.bound === undefined ? output : { ...output, bound: bounds[i].bound! }));
};

const check = (runner: OpRunner, row: CaseRow, golden: Golden): string | null => {
  const inputs = goldenInputs(golden);
  const attrs = golden.a ?? {};
  const own = row.random === true ? new OpRunner(runner.type) : runner;
  try {
    let at = 0;
    for (let run = 0; run < (golden.n ?? 1); run++) {
      const outcome = own.run(inputs, attrs);
      if (failed(outcome))
        return golden.e?.[0] === outcome.code
          ? null
          : `${outcome.code} ${outcome.text}, expected ${golden.e?.join(' ') ?? 'a result'}`;
      if (golden.e !== undefined) return `a result, expected ${golden.e.join(' ')}`;
      const expected = withBounds(row, inputs, attrs, golden.o!.slice(at, (at += outcome.length)).map(decode));
      if (expected.length !== outcome.length) return `${outcome.length} outputs, expected ${expected.length}`;
      for (const [i, output] of outcome.entries()) {
        const problem = difference(output, expected[i]!, tolerance(row));
        if (problem !== null) return `output ${i}: ${problem}`;
      }
    }
    return golden.g === undefined ? null : checkGradient(own, golden, inputs, attrs);
  } finally {
    if (own !== runner) own.close();
  }
};

const gradients = new WeakMap<tf.Operation, { dys: tf.Tensor[]; dxs: (tf.Tensor | null)[] }>();
/** tf.gradients of the float outputs with respect to the float inputs, once per node. */
const gradientNode = (runner: OpRunner, inputs: readonly Input[], attrs: Attrs) => {
  const node = runner.node(inputs, attrs);
  let found = gradients.get(node.operation);
  if (found === undefined) {
    found = runner.graph.asDefault(() => {
      const ys = node.operation.outputs.filter((y) => y.dtype.isFloating);
      const xs = node.inputs.filter((x) => x.dtype.isFloating);
      const dys = ys.map((y) => tf.placeholder(y.dtype, null));
      const made = tf.gradients([...ys], [...xs], dys);
      return { dys, dxs: made.map((dx) => (dx === null ? null : tf.convertToTensor(dx as never))) };
    });
    gradients.set(node.operation, found);
  }
  return { node, ...found };
};
const checkGradient = (runner: OpRunner, golden: Golden, inputs: readonly Input[], attrs: Attrs): string | null => {
  const { node, dys, dxs } = gradientNode(runner, inputs, attrs);
  const given = golden.d!.map(decode);
  const feeds = [
    ...runner.feeds(node, inputs),
    ...dys.map((dy, i) => [dy, toNDArray(given[i]!)] as [tf.Tensor, tf.NDArray]),
  ];
  for (const [i, dx] of dxs.entries()) {
    const want = golden.g![i] as Encoded | null;
    if ((dx === null) !== (want === null))
      return `gradient ${i}: ${dx === null ? 'null' : 'a tensor'}, expected ${want === null ? 'null' : 'a tensor'}`;
    if (dx === null) continue;
    const expected = decode(want!);
    const size = Math.max(1, ...expected.data.map((x) => Math.abs(x as number)).filter(Number.isFinite));
    const problem = difference(fromNDArray(runner.session.runSync(dx, feeds)), expected, {
      ulp: 64,
      flushed: true,
      absolute: 64 * size,
    });
    if (problem !== null) return `gradient ${i}: ${problem}`;
  }
  return null;
};

for (const op of goldenOps()) {
  const row = ALL_CASES[op];
  if (row === undefined) continue;
  test(`${op}: grafo answers as TensorFlow`, (t) => {
    if (findOp(op) === undefined) return t.fail(`there is no op ${op}`);
    const runner = new OpRunner(op, row.refs ?? []);
    const goldens = goldensOf(op);
    const failures: string[] = [];
    goldens.forEach((golden, number) => {
      let problem: string | null;
      try {
        problem = check(runner, row, golden);
      } catch (error) {
        problem = String(error);
      }
      const about = (): string =>
        goldenInputs(golden)
          .map((input) =>
            JSON.stringify((Array.isArray(input) ? input : [input]).map((a: Arr) => `${a.dtype}[${a.shape}]`)),
          )
          .join(' ');
      if (problem !== null) failures.push(`case ${number} ${about()} ${JSON.stringify(golden.a ?? {})}: ${problem}`);
    });
    runner.close();
    t.deepEqual(failures.slice(0, 5), [], `${failures.length} of ${goldens.length} differ`);
  });
}
