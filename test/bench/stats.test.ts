// What bench makes of times and checksums: medians, agreement, verdicts, gates and tables.
import test from 'ava';
import { disagreements, distance } from '../../bench/lib/agree.js';
import { GATES, outcomes, type Seen } from '../../bench/lib/gates.js';
import { checksum, positive, uniform, weights } from '../../bench/lib/inputs.js';
import { limitsOf } from '../../bench/lib/limits.js';
import { readOptions, UsageError } from '../../bench/lib/options.js';
import { parseCpuList } from '../../bench/lib/process.js';
import { quantile, summarise } from '../../bench/lib/stats.js';
import { duration, markdownTable, plainTable } from '../../bench/lib/table.js';
import { always, type RowSpec } from '../../bench/lib/trial.js';
import { copyRate, type Figure, type MachineLimits, verdict } from '../../bench/lib/verdict.js';

test('the median, the extremes and the spread of rounds in any order', (t) => {
  t.deepEqual(summarise([5, 1, 3, 2, 4]), { median: 3, min: 1, max: 5, spread: 1 / 3, rounds: 5 });
  t.is(quantile([1, 2, 3, 4], 0.5), 2.5);
  t.throws(() => summarise([]), { instanceOf: RangeError });
});

test('inputs are the same everywhere: the first ones of two streams, as worker.py and worker.h have them', (t) => {
  t.deepEqual([...uniform(0, 0, 3)], [0.2935903072357178, 0.3535749912261963, 0.8165347576141357]);
  t.deepEqual([...uniform(1, 2, 2, 'float64')], [...uniform(1, 2, 2)]);
  t.deepEqual([...positive(0, 0, 1)], [Math.fround(0.2935903072357178 + Math.fround(0.1))]);
  t.is(weights(0, 1, 0.5)[0], 0.1467951536178589);
});

test('a checksum depends on the order of the numbers, and not on how results are cut', (t) => {
  t.deepEqual(checksum([[1, -2, 3]]), { sum: 1 - 4 + 9, scale: 1 + 4 + 9 });
  t.notDeepEqual(checksum([[1, 2, 3]]), checksum([[3, 2, 1]]));
  t.deepEqual(checksum([BigInt64Array.of(2n)]), { sum: 2, scale: 2 });
  t.is(checksum([[1, Number.NaN]]).sum, Number.NaN);
});

const row = { dtypes: ['float32'], tolerance: 1e-3 };
const checked = (rival: string, first: number, second = first + 1, dtype = 'float32') => ({
  rival,
  dtype,
  checks: [first, second].map((sum) => ({ sum, scale: Math.abs(sum) })),
});

test('results within the tolerance agree, and one that is off is an error', (t) => {
  t.is(disagreements(row, [checked('a', 100), checked('b', 100.05), checked('c', 99.95)]).size, 0);
  const wrong = disagreements(row, [checked('a', 100), checked('b', 100.05), checked('c', 101)]);
  t.deepEqual([...wrong.keys()], ['c']);
  t.regex(wrong.get('c')!, /101.*a has 100/);
  t.is(distance({ sum: 1, scale: 10 }, { sum: 2, scale: 10 }), 0.1);
});

test('two who disagree are both wrong: nobody wins', (t) => {
  t.deepEqual([...disagreements(row, [checked('a', 100), checked('b', 200)]).keys()].sort(), ['a', 'b']);
});

test('another dtype, numbers that are not finite and results that inputs do not change are errors', (t) => {
  const wrong = disagreements(row, [
    checked('a', 100),
    checked('b', 100, 101, 'float64'),
    {
      rival: 'c',
      dtype: 'float32',
      checks: [
        { sum: null, scale: null },
        { sum: 1, scale: 1 },
      ],
    },
    checked('d', 100, 100),
  ]);
  t.deepEqual([...wrong.keys()].sort(), ['b', 'c', 'd']);
});

const spec: RowSpec = {
  name: 'gemm.f32.64',
  dtypes: ['float32'],
  tolerance: 1e-5,
  inputs: 'every call',
  best: always('openblas'),
  limit: { kind: 'fma', flops: 1000, dtype: 'float32' },
};
const figure = (rival: string, ns: number, error?: string): Figure => ({
  rival,
  version: '1',
  timing: summarise([ns]),
  ...(error === undefined ? {} : { error }),
});
const limits: MachineLimits = {
  fma: { float32: 100, float64: 50 },
  copy: [
    { bytes: 1e6, rate: 80 },
    { bytes: 1e8, rate: 20 },
  ],
};
const judged = (...figures: Figure[]) => verdict(spec, { trial: 'gemm', row: spec.name, threads: 1, figures }, limits);

test('the verdict is our time over the best rival that counts, and the share of the limit', (t) => {
  const seen = judged(figure('grafo', 20), figure('openblas', 40), figure('numpy', 25), figure('cpp-ref', 5));
  t.deepEqual(seen.best, { rival: 'numpy', ns: 25 });
  t.is(seen.ratio, 0.8);
  t.deepEqual(seen.share, { of: 'fma', value: 0.5 });
  t.is(judged(figure('grafo', 20), figure('openblas', 40), figure('numpy', 1, 'wrong')).ratio, 0.5);
});

test('without the rival that was best there is no ratio, and a wrong result of ours is no figure', (t) => {
  const without = judged(figure('grafo', 20), figure('numpy', 25));
  t.is(without.ratio, undefined);
  t.is(without.note, 'not measured: openblas did not run');
  t.is(judged(figure('grafo', 20), figure('openblas', 40, 'wrong')).ratio, undefined);
  const wrong = judged(figure('grafo', 20, 'checksum 1'), figure('openblas', 40));
  t.is(wrong.ours, undefined);
  t.is(wrong.note, 'checksum 1');
});

test('limits are the better copy of each size, and a working set takes the nearest one', (t) => {
  const lines = ['fma.float32 100', 'fma.float64 50', 'copy.1000 9', 'copy.nt.1000 12', 'copy.2000000 7'];
  const found = limitsOf(lines.map((text) => ({ name: text.split(' ')[0]!, rate: Number(text.split(' ')[1]) })));
  t.deepEqual(found, {
    fma: { float32: 100, float64: 50 },
    copy: [
      { bytes: 1000, rate: 12 },
      { bytes: 2e6, rate: 7 },
    ],
  });
  t.is(copyRate(found, 3000), 12);
  t.is(copyRate(found, 1e9), 7);
});

test('gates: ok, miss, not measured; against the best, a rival, the clock and our own one thread', (t) => {
  const seen = (name: string, threads: number, ours: number, more: Partial<Seen> = {}): Seen => ({
    row: name,
    threads,
    ours,
    times: {},
    ...more,
  });
  const found = outcomes(GATES, [
    seen('train.logreg', 1, 100, { ratio: 0.19 }),
    seen('train.logreg', 2, 100, { ratio: 0.21 }),
    seen('train.logreg.wholeloop', 1, 100, { times: { jax: 200 } }),
    seen('train.tiny', 1, 100),
    seen('overhead.add', 1, 900),
    seen('gemm.f32.64', 1, 100, { ratio: 2, times: { openblas: 110, onednn: 95, jax: 50 } }),
    seen('gemm.f32.256', 1, 100, { note: 'not measured: blis did not run', times: { openblas: 300 } }),
    seen('gemm.f32.512', 1, 200),
    seen('gemm.f32.512', 2, 100),
  ]);
  const brief = found
    .filter(({ gate }) => !gate.startsWith('goal'))
    .map(({ row: name, threads, verdict: is }) => `${name}@${threads} ${is}`);
  t.deepEqual(brief, [
    'train.logreg@1 ok',
    'train.logreg@2 miss',
    'train.logreg.wholeloop@1 miss',
    'train.tiny@1 not measured',
    'overhead.add@1 ok',
    'gemm.f32.64@1 ok',
    'gemm.f32.256@1 not measured',
    'gemm.f32.512@1 not measured',
    'gemm.f32.512@2 ok',
  ]);
});

test('tables line up, and Markdown keeps its pipes', (t) => {
  const table = {
    head: ['row', 'ms'],
    rows: [
      ['a', '1.00'],
      ['long|name', '12.5'],
    ],
  };
  t.is(plainTable(table), 'row          ms\na          1.00\nlong|name  12.5');
  t.is(markdownTable(table), '| row | ms |\n| --- | ---: |\n| a | 1.00 |\n| long\\|name | 12.5 |');
  t.deepEqual([0.5, 812, 3420, 17.3e6, 2e9].map(duration), ['0.500 ns', '812 ns', '3.42 us', '17.3 ms', '2.00 s']);
});

test('the command line, and CPU lists', (t) => {
  t.like(readOptions(['gemm', '--rivals', '--rounds', '30']), {
    words: ['gemm'],
    rivals: 'all',
    threads: [1, 2],
    rounds: 30,
  });
  t.like(readOptions(['--rivals=numpy,tf', '--threads=2']), { rivals: ['numpy', 'tf'], threads: [2] });
  t.deepEqual(readOptions([]).threads, [1]);
  t.throws(() => readOptions(['--rounds', 'many']), { instanceOf: UsageError });
  t.throws(() => readOptions(['--fast']), { instanceOf: UsageError });
  t.deepEqual(parseCpuList('0-2,5'), [0, 1, 2, 5]);
});
