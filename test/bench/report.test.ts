// The results file: what a reader of bench/results finds, from rows as they are measured.
import test from 'ava';
import { GATES, outcomes } from '../../bench/lib/gates.js';
import { errorLines, failed, json, markdown, reported, rowCells, seenOf } from '../../bench/lib/report.js';
import { summarise } from '../../bench/lib/stats.js';
import { always, type RowSpec } from '../../bench/lib/trial.js';
import type { Figure, MachineLimits } from '../../bench/lib/verdict.js';

const limits: MachineLimits = { fma: { float32: 100, float64: 50 }, copy: [{ bytes: 8e6, rate: 40 }] };
const spec: RowSpec = {
  name: 'train.logreg',
  dtypes: ['float32'],
  tolerance: 1e-4,
  inputs: 'every call',
  best: always('numpy'),
  limit: { kind: 'ref' },
  limitUs: 1000,
};
const figure = (rival: string, ns: number, error?: string): Figure => ({
  rival,
  version: '1',
  timing: summarise([ns, ns, 1.1 * ns]),
  ...(error === undefined ? {} : { error }),
});
const row = (...figures: Figure[]) => reported(spec, { trial: 'logreg', row: spec.name, threads: 1, figures }, limits);

test('a row says our time, the best rival, the ratio, the spread, the share of the limit and whether it kept its own', (t) => {
  const good = row(
    figure('grafo', 3e5),
    figure('numpy', 2e6),
    figure('cpp-ref', 1.5e5),
    figure('jax', 1, 'wrong\nsum'),
  );
  t.deepEqual(rowCells(good), [
    'train.logreg',
    '300 us',
    'numpy',
    '2.00 ms',
    '0.15',
    '±3 %',
    '50 % ref',
    'within 1000 us',
  ]);
  t.false(failed(good));
  t.deepEqual(errorLines([good]), ['train.logreg, 1 threads, jax: wrong']);
  t.regex(json({ rows: [good] }), /"error": "wrong"/);
  const slow = row(figure('grafo', 3e6), figure('numpy', 2e6));
  t.is(rowCells(slow).at(-1), 'OVER 1000 us');
  t.true(failed(slow));
  t.true(failed(row(figure('numpy', 2e6))));
});

test('the results file has the machine, the versions, the limits, how far threads were apart, the gates, every figure and what does not count', (t) => {
  const rows = [row(figure('grafo', 3e5), figure('numpy', 2e6), figure('jax', 1, 'checksum 3'))];
  const text = markdown({
    machine: { cpu: 'A CPU', text: '2 CPUs', date: '2026-01-02', load: '0.10', command: 'npm run bench -- --rivals' },
    versions: { grafo: 'grafo 1', numpy: 'numpy 2' },
    missing: { blis: 'gemm.cpp does not build' },
    limits: { 1: limits },
    handovers: [{ trial: 'gemm', threads: 2, before: 83.4, after: 391 }],
    rows,
    outcomes: outcomes(GATES, rows.map(seenOf)),
    startup: { head: ['import', 'ms'], rows: [['grafo', '9.0']] },
  });
  for (const part of [
    /^# A CPU\n/,
    /2026-01-02, load 0\.10 when it began\. Made by `npm run bench -- --rivals`/,
    /- numpy: numpy 2/,
    /Not there:\n- blis: gemm\.cpp does not build/,
    /\| copy of 8\.0 MB, GB\/s \| 40 \|/,
    /\| hand-over and back, ns \| threads \| before \| after \|\n[^\n]+\n\| gemm \| 2 \| 83 \| 391 \|/,
    /\| 1 logreg, 100 runSync \| train\.logreg \| 1 \| 0\.20 \| 0\.15 \| ok \|/,
    /## 1 thread\n[^\n]+\n[^\n]+\n\| train\.logreg \| 300 us \| numpy \| 2\.00 ms \| 0\.15 \|/,
    /### Every figure\n\| row \| grafo \| numpy \| jax \|\n[^\n]+\n\| train\.logreg \| 300 us \| 2\.00 ms \| error \|/,
    /## Startup\n[^\n]+\n[^\n]+\n\| grafo \| 9\.0 \|/,
    /## Figures that do not count\n- train\.logreg, 1 threads, jax: checksum 3\n$/,
  ]) {
    t.regex(text, part);
  }
});
