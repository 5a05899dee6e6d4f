// Our own declarations of NVRTC beside its real header, which few machines have: GRAFO_CUDA_INCLUDE names its folder.
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
const missing = include.some((folder) => existsSync(path.join(folder, 'nvrtc.h')))
  ? null
  : 'there is no nvrtc.h: GRAFO_CUDA_INCLUDE=folder:folder names where it lies';

/** Compiles the comparison, with `changed` in the place of our declarations; what the compiler says, empty where all is well. */
const compare = (changed?: string): string => {
  const scratch = mkdtempSync(path.join(tmpdir(), 'grafo-headers-'));
  try {
    mkdirSync(path.join(scratch, 'cuda'));
    if (changed !== undefined) writeFileSync(path.join(scratch, 'cuda', 'nvrtc.h'), changed);
    const places = [scratch, path.join(ROOT, 'native'), ...include].map((folder) => `-I${folder}`);
    const source = path.join(ROOT, 'native', 'cuda', 'check', 'nvrtc.cc');
    const { status, stderr } = spawnSync(process.env.CXX ?? 'c++', ['-std=c++20', '-fsyntax-only', ...places, source], {
      encoding: 'utf8',
    });
    return status === 0 ? '' : stderr;
  } finally {
    rmSync(scratch, { recursive: true, force: true });
  }
};

testWith('cuda', missing, 'every prototype of nvrtc.h is the real one', (t) => {
  t.is(compare(), '');
  // And the comparison sees what is wrong.
  const ours = readFileSync(path.join(ROOT, 'native', 'cuda', 'nvrtc.h'), 'utf8');
  const wrong: [from: string, to: string, told: RegExp][] = [
    ['kSuccess = 0', 'kSuccess = 1', /assert/],
    ['X(GetCUBIN, RtcResult, (RtcProgram, char*))', 'X(GetCUBIN, RtcResult, (RtcProgram, void*))', /nvrtcGetCUBIN/],
    ['X(Version, RtcResult, (int*, int*))', 'X(Version, RtcResult, (int*))', /nvrtcVersion/],
    [
      'X(DestroyProgram, RtcResult, (RtcProgram*))',
      'X(DestroyProgram, RtcResult, (RtcProgram))',
      /nvrtcDestroyProgram/,
    ],
  ];
  for (const [from, to, told] of wrong) {
    const changed = ours.replace(/ {2,}(?=\\$)/gm, ' ').replace(from, to);
    t.not(changed, ours.replace(/ {2,}(?=\\$)/gm, ' '), from);
    t.regex(compare(changed), told, `${from} as ${to}`);
  }
});
