// Our own declarations of cuBLASLt beside its real headers, which few machines have: GRAFO_CUDA_INCLUDE names their folders.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { testWith } from '../helpers/require.js';
import { ROOT } from '../helpers/root.js';

/** Folders of headers: those that are named, and the toolkit's of the nvcc that is here. */
const folders = (): string[] => {
  const nvcc = spawnSync('nvcc', ['--dryrun', '-x', 'cu', '/dev/null'], { encoding: 'utf8' });
  const top = /^#\$ TOP=(.*)$/m.exec(nvcc.stderr ?? '')?.[1];
  const named = (process.env.GRAFO_CUDA_INCLUDE ?? '').split(path.delimiter).filter((folder) => folder !== '');
  return [...named, ...(top === undefined ? [] : [path.join(top, 'include')])];
};
const include = folders();
const missing = include.some((folder) => existsSync(path.join(folder, 'cublasLt.h')))
  ? null
  : 'there is no cublasLt.h: GRAFO_CUDA_INCLUDE=folder:folder names where it and CUDA’s own headers lie';

/** Compiles the comparison, with `changed` in the place of our declarations; what the compiler says, empty where all is well. */
const compare = (changed?: string): string => {
  const scratch = mkdtempSync(path.join(tmpdir(), 'grafo-headers-'));
  try {
    mkdirSync(path.join(scratch, 'cuda'));
    if (changed !== undefined) writeFileSync(path.join(scratch, 'cuda', 'cublaslt.h'), changed);
    const places = [scratch, path.join(ROOT, 'native'), ...include].map((folder) => `-I${folder}`);
    const source = path.join(ROOT, 'native', 'cuda', 'check', 'cublaslt.cc');
    const { status, stderr } = spawnSync(process.env.CXX ?? 'c++', ['-std=c++20', '-fsyntax-only', ...places, source], {
      encoding: 'utf8',
    });
    return status === 0 ? '' : stderr;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
};

testWith('cuda', missing, 'every number, size and prototype of cublaslt.h is the real one', (t) => {
  t.is(compare(), '');
  // And the comparison sees what is wrong.
  const ours = readFileSync(path.join(ROOT, 'native', 'cuda', 'cublaslt.h'), 'utf8');
  const wrong: [from: string, to: string, told: RegExp][] = [
    ['CUBLASLT_EPILOGUE_RELU, 2)', 'CUBLASLT_EPILOGUE_RELU, 3)', /CUBLASLT_EPILOGUE_RELU is not 3/],
    ['uint64_t data[8];', 'uint64_t data[9];', /static assertion failed|static_assert failed/],
    ['size_t workspace_bytes;', 'int workspace_bytes;', /workspaceSize/],
    ['uint64_t, uint64_t, int64_t))', 'uint64_t, uint64_t, int32_t))', /invalid|cannot/],
    ['X(Create, LtStatus, (LtHandle*))', 'X(Create, LtStatus, (LtHandle))', /invalid|cannot/],
  ];
  for (const [from, to, told] of wrong) {
    t.true(ours.includes(from), from);
    t.regex(compare(ours.replace(from, to)), told, `${from} as ${to}`);
  }
});
