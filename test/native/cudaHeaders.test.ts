// Our own declarations of cuBLASLt and NVRTC beside the real headers, which few machines have: GRAFO_CUDA_INCLUDE names their folders.
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

/** Compiles the comparison of a library, with `changed` in the place of our declarations; what the compiler says, empty where all is well. */
const compare = (name: string, changed?: string): string => {
  const scratch = mkdtempSync(path.join(tmpdir(), 'grafo-headers-'));
  try {
    mkdirSync(path.join(scratch, 'cuda'));
    if (changed !== undefined) writeFileSync(path.join(scratch, 'cuda', `${name}.h`), changed);
    const places = [scratch, path.join(ROOT, 'native'), ...include].map((folder) => `-I${folder}`);
    const source = path.join(ROOT, 'native', 'cuda', 'check', `${name}.cc`);
    const { status, stderr } = spawnSync(process.env.CXX ?? 'c++', ['-std=c++20', '-fsyntax-only', ...places, source], {
      encoding: 'utf8',
    });
    return status === 0 ? '' : stderr;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
};

type Wrong = readonly [from: string, to: string, told: RegExp];
/** Our file, the real header, and mistakes that the comparison has to see. */
const LIBRARIES: readonly { name: string; header: string; wrong: readonly Wrong[] }[] = [
  {
    name: 'cublaslt',
    header: 'cublasLt.h',
    wrong: [
      ['CUBLASLT_EPILOGUE_RELU, 2)', 'CUBLASLT_EPILOGUE_RELU, 3)', /CUBLASLT_EPILOGUE_RELU is not 3/],
      ['uint64_t data[8];', 'uint64_t data[9];', /static assertion failed|static_assert failed/],
      ['size_t workspace_bytes;', 'int workspace_bytes;', /workspaceSize/],
      ['uint64_t, uint64_t, int64_t))', 'uint64_t, uint64_t, int32_t))', /invalid|cannot/],
      ['X(Create, LtStatus, (LtHandle*))', 'X(Create, LtStatus, (LtHandle))', /invalid|cannot/],
    ],
  },
  {
    name: 'nvrtc',
    header: 'nvrtc.h',
    wrong: [
      ['kSuccess = 0', 'kSuccess = 1', /assert/],
      ['X(GetCUBIN, RtcResult, (RtcProgram, char*))', 'X(GetCUBIN, RtcResult, (RtcProgram, void*))', /nvrtcGetCUBIN/],
      ['X(Version, RtcResult, (int*, int*))', 'X(Version, RtcResult, (int*))', /nvrtcVersion/],
      [
        'X(DestroyProgram, RtcResult, (RtcProgram*))',
        'X(DestroyProgram, RtcResult, (RtcProgram))',
        /nvrtcDestroyProgram/,
      ],
    ],
  },
];

for (const { name, header, wrong } of LIBRARIES) {
  const missing = include.some((folder) => existsSync(path.join(folder, header)))
    ? null
    : `there is no ${header}: GRAFO_CUDA_INCLUDE=folder:folder names where it and CUDA’s own headers lie`;
  testWith('cuda', missing, `every number, size and prototype of ${name}.h is the real one`, (t) => {
    t.is(compare(name), '');
    // And the comparison sees what is wrong. Macros' line ends are aligned in one of them.
    const ours = readFileSync(path.join(ROOT, 'native', 'cuda', `${name}.h`), 'utf8').replace(/ {2,}(?=\\$)/gm, ' ');
    for (const [from, to, told] of wrong) {
      t.true(ours.includes(from), from);
      t.regex(compare(name, ours.replace(from, to)), told, `${from} as ${to}`);
    }
  });
}
