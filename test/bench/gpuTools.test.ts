// tools/gpu without a GPU: its bench on the CPU in small sizes, and the ratio table of two small files.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { ROOT } from '../helpers/root.js';

const tool = (name: string): string => path.join(ROOT, 'tools', 'gpu', name);
const run = (name: string, ...args: string[]): string =>
  execFileSync(process.execPath, [tool(name), ...args], { encoding: 'utf8', cwd: ROOT });
const inFolder = <T>(body: (folder: string) => T): T => {
  const folder = mkdtempSync(path.join(tmpdir(), 'grafo-gpu-'));
  try {
    return body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};
const read = (folder: string, name: string) => JSON.parse(readFileSync(path.join(folder, name), 'utf8'));

test('bench.mjs gives a figure for each mode of a workload, and says what it skips', (t) =>
  inFolder((folder) => {
    const out = path.join(folder, 'grafo.json');
    const only = '^(mlp_2_8|logreg_1k|sigchain|gemm_256)';
    run('bench.mjs', '--small', '--device', '/cpu:0', '--only', only, '--out', out);
    const rows = read(folder, 'grafo.json') as Record<string, string & number>[];
    const figures = rows.filter(({ us }) => us !== undefined);
    t.deepEqual(
      figures
        .map(({ workload, mode }) => `${workload} ${mode}`)
        .filter((name) => !/tf32|bf16/.test(name))
        .sort(),
      [
        'gemm_256_fp32 resident',
        'logreg_1k feed',
        'logreg_1k resident',
        'mlp_2_8_8_1_b10_fp32 feed',
        'mlp_2_8_8_1_b10_fp32 resident',
        'sigchain_1e8 resident',
      ],
    );
    for (const { workload, us, rounds, steps, flops, bytes, kernels, value, planSteps } of figures) {
      t.true(us > 0 && us < 1e7 && rounds >= 5 && steps >= 1, workload);
      t.true(flops > 0 && bytes > 0 && kernels > 0 && planSteps > 0 && Number.isFinite(value), workload);
    }
    // The product of two normal matrices has elements of variance 256.
    const product = figures.find(({ workload }) => workload === 'gemm_256_fp32')!;
    t.true(Math.abs(product.value / 256 - 1) < 0.1, String(product.value));
    t.deepEqual(
      figures.filter(({ precision }) => precision !== 'fp32'),
      [],
      'only a GPU rounds factors',
    );
    for (const row of rows) t.true(row.us !== undefined || row.skipped !== undefined, JSON.stringify(row));
  }));

test('folders of CUDA’s libraries: each once, those of 13 first, others’ files not', async (t) => {
  const { foldersOf } = await import(pathToFileURL(tool('report.mjs')).href);
  const files = [
    '/b/libcublasLt.so.12',
    '/a/libcublas.so.13',
    '/c/libcublasLt.so.13',
    '/c/libnvrtc.so.13',
    '/d/libnvrtc.so.12',
  ];
  t.is(foldersOf(files), '/c:/b:/d');
  t.is(foldersOf([]), '');
});

const grafo = [
  { workload: 'ceiling_copy_2GiB', mode: 'resident', us: 1000, bytes: 4e9, flops: 0, kernels: 1, precision: 'fp32' },
  {
    workload: 'chain_1e9',
    mode: 'resident',
    us: 4200,
    spread: 0.05,
    bytes: 16e9,
    flops: 7e9,
    kernels: 1,
    precision: 'fp32',
  },
  {
    workload: 'mlp',
    mode: 'resident',
    us: 30,
    bytes: 4e6,
    flops: 3e8,
    kernels: 11,
    precision: 'fp32',
    device: '/gpu:0',
  },
  {
    workload: 'mlp',
    mode: 'feed',
    us: 60,
    bytes: 4e6,
    flops: 3e8,
    kernels: 11,
    precision: 'fp32',
    planSteps: 9,
    onCpu: 2,
  },
  { workload: 'big', mode: 'resident', us: 100, bytes: 4e6, flops: 4e9, kernels: 1, precision: 'fp32' },
  { workload: 'gemm_8192_tf32', mode: 'resident', skipped: 'no option' },
];
const peers = [
  { workload: 'gemm_8192_fp32', framework: 'torch-eager', mode: 'resident', us: 22000, tflops: 50 },
  { workload: 'chain_1e9', framework: 'torch-eager', mode: 'resident', us: 16000 },
  { workload: 'chain_1e9', framework: 'jax', mode: 'resident', us: 4000 },
  { workload: 'chain_1e9', framework: 'torch-compile', mode: 'resident', error: 'out of memory' },
  { workload: 'mlp', framework: 'torch-eager', mode: 'resident', us: 300 },
  { workload: 'mlp', framework: 'torch-cudagraph', mode: 'resident', us: 50 },
];

test('the ratio is to the best peer of the same mode, the floor the largest of bytes, flops and kernels', (t) =>
  inFolder((folder) => {
    writeFileSync(path.join(folder, 'grafo.json'), JSON.stringify(grafo));
    writeFileSync(path.join(folder, 'peers-torch.json'), JSON.stringify(peers));
    run('table.mjs', folder);
    const { ceilings, rows, goals } = read(folder, 'ratio.json');
    t.deepEqual(ceilings, { copy: { value: 4000, source: 'measured' }, fp32: { value: 50, source: 'measured' } });
    const [, chain, mlp, fed, big, skipped] = rows;
    t.like(chain, { peer: 'jax', peerUs: 4000, ratio: 1.05, floorUs: 4000, floorBy: 'bytes' });
    t.true(Math.abs(chain.ofFloor - 95.238) < 0.001);
    t.like(mlp, { peer: 'torch-cudagraph', ratio: 0.6, floorBy: 'kernels' });
    t.true(Math.abs(mlp.floorUs - 24.2) < 1e-9);
    t.like(fed, { peer: undefined, ratio: undefined, floorUs: undefined, note: '2 of 9 steps on the CPU' });
    t.like(big, { floorUs: 80, floorBy: 'flops', ofFloor: 80 });
    t.is(skipped.note, 'skipped: no option');
    const verdict = (name: string) => goals.find(({ workload }: { workload: string }) => workload === name).verdict;
    t.is(verdict('chain_1e9'), 'ok');
    t.is(verdict('sum_1e9'), 'not measured');
    const text = readFileSync(path.join(folder, 'ratio.md'), 'utf8');
    t.regex(
      text,
      /^\| chain_1e9 \| resident \| 4200 \| 4000 \| jax \| 1\.050 \| 4000 \| bytes \| 95\.2 % \| spread 5 % \|$/m,
    );
  }));

test('goals: either way of two, missed only where both were measured; small sizes do not mix with full ones', async (t) => {
  const { ratioTable } = await import(pathToFileURL(tool('table.mjs')).href);
  const verdict = (goal: object, others: object[] = peers): string =>
    ratioTable(grafo, others, { goals: [{ workload: 'mlp', mode: 'resident', ...goal }] }).goals[0].verdict;
  t.is(verdict({ peer: 'torch-eager', most: 0.15 }), 'ok');
  t.is(verdict({ peer: 'best', most: 0.5 }), 'miss');
  t.is(verdict({ peer: 'best', most: 0.5, ofFloor: 0.8 }), 'ok');
  t.is(verdict({ peer: 'best', most: 0.5, ofFloor: 0.9 }), 'miss');
  t.is(verdict({ peer: 'jax', most: 0.5 }), 'not measured');
  t.is(verdict({ peer: 'best', most: 0.5, ofFloor: 0.9 }, peers.slice(1)), 'not measured');
  const only = (row: object): string =>
    ratioTable([grafo[0], grafo[1], row], peers.slice(0, 1), {
      goals: [{ workload: 'mlp', mode: 'resident', ofFloor: 0.8 }],
    }).goals[0].verdict;
  t.is(only({ ...grafo[2], us: 31 }), 'miss');
  t.is(only({ ...grafo[2], us: 20 }), 'not credible');
  t.throws(() => ratioTable(grafo, [{ ...peers[1], small: true }]), { message: /small/ });
  const small = ratioTable([{ ...grafo[1], small: true }], [{ ...peers[2], small: true }]);
  t.is(small.goals.find(({ workload }: { workload: string }) => workload === 'chain_1e9').verdict, 'not measured');
  // A slow copy of grafo's own is no ceiling; a peer's is, and a faster one of grafo's.
  const copyOf = (framework: string, gbps: number) =>
    ratioTable([], [{ ...grafo[0], framework, gbps }], { isH200: true }).ceilings.copy;
  t.deepEqual(copyOf('grafo', 3000), { value: 4300, source: 'assumed' });
  t.deepEqual(copyOf('grafo', 4500), { value: 4500, source: 'measured' });
  t.deepEqual(copyOf('torch-eager', 4100), { value: 4100, source: 'measured' });
});
