// The machinery of bench with processes of its own: rounds in turn, errors of rivals, and every trial's rows in grafo's hands.
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { close, measureTrial } from '../../bench/lib/measure.js';
import { RivalProcess, withoutChoices } from '../../bench/lib/process.js';
import { bestKernels } from '../../bench/lib/rivals.js';
import type { RowSpec, TrialModule } from '../../bench/lib/trial.js';
import type { MeasuredRow } from '../../bench/lib/verdict.js';
import { ROOT } from '../helpers/root.js';

const serve = pathToFileURL(path.join(ROOT, 'build-ts', 'bench', 'lib', 'serve.js')).href;

/** A rival of one row, `code` of a Case. */
const rival = (name: string, code: string) => ({
  rival: name,
  command: {
    file: process.execPath,
    args: [
      '--input-type=module',
      '-e',
      `import { serve } from '${serve}'; console.log('noise'); await serve('1.0', { row: () => (${code}) });`,
    ],
  },
});
const good = (value: number): string =>
  `{ call: () => Math.sqrt(2), check: (set) => ({ dtype: 'float32', values: [[${value} + set]] }) }`;

const row: RowSpec = { name: 'row', dtypes: ['float32'], tolerance: 1e-6, inputs: 'every call', best: {} };
const measured = async (...entrants: ReturnType<typeof rival>[]): Promise<MeasuredRow> => {
  const rows: MeasuredRow[] = [];
  const trial = { name: 'trial', about: '', rows: [row] };
  await measureTrial(
    trial,
    [row],
    1,
    entrants,
    { rounds: 3, roundMs: 1 },
    (found) => rows.push(found),
    () => {},
  );
  return rows[0]!;
};

test('every rival that agrees has its rounds, and one that does not is an error', async (t) => {
  const { figures } = await measured(rival('a', good(1)), rival('b', good(1)), rival('c', good(2)));
  t.deepEqual(
    figures.map((figure) => [figure.rival, figure.version, figure.timing?.rounds]),
    [
      ['a', '1.0', 3],
      ['b', '1.0', 3],
      ['c', '1.0', 3],
    ],
  );
  t.deepEqual(
    figures.map(({ error }) => error !== undefined),
    [false, false, true],
  );
  t.true(figures[0]!.timing!.median > 0 && figures[0]!.timing!.median < 1e6);
});

test('a rival that throws, and one that dies, have no figure and stop nobody', async (t) => {
  const { figures } = await measured(
    rival('a', good(1)),
    rival('throws', "{ call: () => {}, check: () => { throw new Error('no such op'); } }"),
    rival('dies', '{ call: () => {}, check: () => process.exit(3) }'),
  );
  t.is(figures[0]!.error, undefined);
  t.regex(figures[1]!.error!, /no such op/);
  t.regex(figures[2]!.error!, /ended with 3/);
});

test('a process that does not answer in time is ended', async (t) => {
  const stuck = new RivalProcess({ file: process.execPath, args: ['-e', 'setInterval(() => {}, 1000)'] });
  const { error } = await stuck.ask(undefined, 200);
  t.regex(error!, /no answer to 'start'/);
});

test('more rounds are for those within a tenth of us', (t) => {
  const lane = (name: string, median: number) => ({ rival: name, median });
  const names = (...medians: [number, number, number]): string[] =>
    close(['grafo', 'a', 'b'].map((name, i) => lane(name, medians[i]!))).map(({ rival: name }) => name);
  t.deepEqual(names(100, 105, 50), ['grafo', 'a']);
  t.deepEqual(names(100, 120, 80), []);
  t.deepEqual(close([lane('a', 1), lane('b', 1)]), []);
});

const TRIALS = ['chain', 'elementwise', 'gemm', 'layout', 'logreg', 'mlp', 'overhead', 'reductions', 'scalar', 'tiny'];

for (const name of TRIALS) {
  test(`${name}: grafo has a call for every row, and rows have names without spaces`, async (t) => {
    const module = (await import(`../../bench/${name}.js`)) as TrialModule;
    t.is(module.trial.name, name);
    t.deepEqual(Object.keys(module.grafo!(1)).sort(), module.trial.rows.map((spec) => spec.name).sort());
    for (const spec of module.trial.rows) t.regex(spec.name, /^\S+$/);
    for (const key of Object.keys(module.plain?.(1) ?? {})) t.true(module.trial.rows.some((spec) => spec.name === key));
  });
}

const SMALL = [
  'scalar/overhead.add',
  'tiny/train.tiny',
  'logreg/train.logreg',
  'chain/elem.sce8.1e3',
  'gemm/gemm.f64.64',
];

for (const place of SMALL) {
  test(`${place}: other inputs give other results, and hand-written JavaScript the same ones`, async (t) => {
    const [trial, name] = place.split('/') as [string, string];
    const { grafo, plain, trial: about } = (await import(`../../bench/${trial}.js`)) as TrialModule;
    const spec = about.rows.find((one) => one.name === name)!;
    const { checksum } = await import('../../bench/lib/inputs.js');
    const { disagreements } = await import('../../bench/lib/agree.js');
    const sides = [grafo!(1), plain?.(1) ?? {}].filter((cases) => cases[name] !== undefined);
    const all = [];
    for (const [side, cases] of sides.entries()) {
      const made = await cases[name]!();
      made.reset?.();
      await made.call(0);
      const first = await made.check(0);
      const checks = [checksum(first.values)];
      checks.push(checksum((await made.check(1)).values));
      all.push({ rival: String(side), dtype: first.dtype, checks });
    }
    t.deepEqual([...disagreements(spec, all)], []);
  });
}

test('OpenBLAS and BLIS are told of AVX-512 on processors of AMD that have it, and of nothing elsewhere', (t) => {
  const cpu = (vendor: string, flags: string) => `vendor_id\t: ${vendor}\nmodel\t: 1\nflags\t\t: fpu ${flags} sse\n`;
  t.deepEqual(bestKernels(cpu('AuthenticAMD', 'avx512f avx512vl')), {
    OPENBLAS_CORETYPE: 'SkylakeX',
    BLIS_ARCH_TYPE: 'skx',
  });
  t.deepEqual(bestKernels(cpu('AuthenticAMD', 'avx2')), {});
  t.deepEqual(bestKernels(cpu('GenuineIntel', 'avx512vl')), {});
  t.deepEqual(bestKernels(''), {});
  // Nor is what a machine's administrator chose for other programs.
  t.deepEqual(withoutChoices({ OPENBLAS_CORETYPE: 'Haswell', BLIS_ARCH_TYPE: 'zen', PATH: '/bin' }), { PATH: '/bin' });
});
