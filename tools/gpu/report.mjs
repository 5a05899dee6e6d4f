// What a round ran on, and how the build went. `node tools/gpu/report.mjs env env.json`, `... build build.log build.json`,
// `... libraries`.
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { cpus, release, totalmem } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');

/** The output of a program; undefined where it is not there or fails. */
const ask = (file, ...args) => {
  try {
    return execFileSync(file, args, { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'], timeout: 20_000 }).trim();
  } catch {
    return undefined;
  }
};
const firstLine = (text) => text?.split('\n')[0];

/** Versions of the peers, and where CUDA's libraries lie in their wheels. */
const PYTHON = `
import importlib.metadata as m, json, glob, os, site, sys
def version(name):
    try: return m.version(name)
    except Exception: return None
names = ['torch', 'jax', 'jaxlib', 'triton', 'cupy-cuda13x', 'cupy-cuda12x', 'numpy', 'nvidia-cublas', 'nvidia-cublas-cu12', 'nvidia-cuda-nvrtc', 'nvidia-cuda-nvrtc-cu12', 'nvidia-cudnn-cu13', 'nvidia-cudnn-cu12']
libraries = sorted({f for p in sys.path for w in ('libcublasLt.so*', 'libcublas.so*', 'libnvrtc.so*') for f in glob.glob(os.path.join(p, 'nvidia', '**', w), recursive=True)})
print(json.dumps({'python': sys.version.split()[0], 'packages': {n: version(n) for n in names if version(n)}, 'libraries': libraries}))
`;

const environment = () => {
  const query = 'name,driver_version,memory.total,compute_cap,clocks.max.sm,clocks.max.mem,power.limit';
  const gpu = ask('nvidia-smi', `--query-gpu=${query}`, '--format=csv,noheader')?.split('\n')[0].split(', ') ?? [];
  const python = ask('python3', '-c', PYTHON);
  const packed = path.join(root, '.gpu', 'commit');
  return {
    date: new Date().toISOString().slice(0, 16),
    commit:
      ask('git', '-C', root, 'rev-parse', 'HEAD') ??
      (existsSync(packed) ? readFileSync(packed, 'utf8').trim() : undefined),
    gpu: gpu[0],
    driver: gpu[1],
    memory: gpu[2],
    capability: gpu[3],
    clocks: gpu[0] && { sm: gpu[4], memory: gpu[5], power: gpu[6] },
    cuda: /CUDA Version: ([\d.]+)/.exec(ask('nvidia-smi') ?? '')?.[1],
    nvcc: /release [\d.]+, V([\d.]+)/.exec(ask('nvcc', '--version') ?? '')?.[1],
    ncu: ask('ncu', '--version')?.split('\n').at(-1),
    sanitizer: ask('compute-sanitizer', '--version')
      ?.split('\n')
      .find((line) => /Version/.test(line)),
    cmake: firstLine(ask('cmake', '--version')),
    ninja: ask('ninja', '--version'),
    compiler: firstLine(ask('c++', '--version')),
    node: process.version,
    processor: `${cpus().length} x ${cpus()[0]?.model}`,
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    glibc: ask('getconf', 'GNU_LIBC_VERSION'),
    ...(python === undefined ? {} : JSON.parse(python)),
  };
};

/** Registers, stack and spills of every kernel, as ptxas -v tells them. */
export const kernelsOf = (log) => {
  const kernels = [];
  let kernel;
  for (const line of log.split('\n')) {
    const begins = /Compiling entry function '(\S+)' for '(\w+)'/.exec(line);
    if (begins !== null) kernels.push((kernel = { name: begins[1], arch: begins[2] }));
    if (kernel === undefined) continue;
    const spills = /(\d+) bytes stack frame, (\d+) bytes spill stores, (\d+) bytes spill loads/.exec(line);
    if (spills !== null) [kernel.stack, kernel.spillStores, kernel.spillLoads] = spills.slice(1).map(Number);
    const used = /Used (\d+) registers/.exec(line);
    if (used !== null) kernel.registers = Number(used[1]);
  }
  return kernels;
};

/** Folders of the libraries that the backend opens at run time, for GRAFO_CUDA_LIBRARIES; those of CUDA 13 before those of 12. */
export const foldersOf = (libraries) => {
  const versions = ['13', '12'].map((version) =>
    libraries.filter((file) => new RegExp(`/lib(cublasLt|nvrtc)\\.so\\.${version}$`).test(file)),
  );
  return [...new Set(versions.flat().map((file) => path.dirname(file)))].join(':');
};

const [what, from, to] = process.argv.slice(2);
if (what === 'env') {
  const report = environment();
  writeFileSync(from, `${JSON.stringify(report, null, 1)}\n`);
  for (const [name, value] of Object.entries(report))
    console.log(`${name.padEnd(12)} ${JSON.stringify(value) ?? 'missing'}`);
} else if (what === 'libraries') {
  const python = ask('python3', '-c', PYTHON);
  console.log(python === undefined ? '' : foldersOf(JSON.parse(python).libraries));
} else if (what === 'build') {
  const kernels = kernelsOf(readFileSync(from, 'utf8'));
  const spilled = kernels.filter(({ spillStores, spillLoads }) => spillStores > 0 || spillLoads > 0);
  const stack = kernels.filter((kernel) => kernel.stack > 0);
  writeFileSync(to, `${JSON.stringify({ kernels: kernels.length, spilled, stack, all: kernels }, null, 1)}\n`);
  console.log(`${kernels.length} kernels, ${spilled.length} with spills, ${stack.length} with a stack frame`);
  for (const kernel of spilled)
    console.log(
      `SPILLS ${kernel.spillStores} + ${kernel.spillLoads} bytes, ${kernel.registers} registers: ${kernel.name}`,
    );
}
