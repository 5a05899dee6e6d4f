// Who takes part, where each is installed, and how its process is started. `npm run bench:rivals` (tools/rivals.mjs) installs them.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import type { NativeTools } from './native.js';
import type { Command } from './process.js';

/** Where rivals live: outside of the project's dependencies. */
export interface Places {
  /** The repository. */
  readonly root: string;
  /** The folder of the installed rivals. */
  readonly rivals: string;
  /** The compiled bench/. */
  readonly compiled: string;
}

/** The places of this repository. */
export const placesHere = (): Places => {
  const compiled = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
  const root = path.join(compiled, '..', '..');
  return { root, rivals: process.env.GRAFO_RIVALS ?? path.join(root, 'out', 'rivals'), compiled };
};

/** A rival. */
export interface Rival {
  readonly name: string;
  /** The trials it has rows in. */
  readonly trials: readonly string[];
  /** The numbers of threads it can use. */
  readonly threads: readonly number[];
  /** How its process is started; why not, where it is not there. */
  command(trial: string, threads: number): Command | { readonly missing: string };
}

const OPS = ['elementwise', 'chain', 'gemm', 'reductions', 'layout'];
const TRAINING = ['logreg', 'tiny', 'mlp'];
const ALL = [...OPS, ...TRAINING, 'scalar'];
const BOTH = [1, 2];

const quiet = { TF_CPP_MIN_LOG_LEVEL: '3' };

/** Whether a Python package is in the virtual environment. */
const hasPython = (places: Places, module: string): boolean => {
  const lib = path.join(places.rivals, 'venv', 'lib');
  if (!existsSync(lib)) return false;
  return readdirSync(lib).some((python) => existsSync(path.join(lib, python, 'site-packages', module)));
};

const python = (
  places: Places,
  name: string,
  module: string,
  script: string,
  trials: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Rival => ({
  name,
  trials,
  threads: BOTH,
  command: (trial, threads) => {
    if (!hasPython(places, module)) return { missing: `${module} is not in ${path.join(places.rivals, 'venv')}` };
    const count = String(threads);
    return {
      file: path.join(places.rivals, 'venv', 'bin', 'python'),
      args: [path.join(places.root, 'bench', 'rivals', script), trial, count, name],
      env: { ...quiet, ...env, OMP_NUM_THREADS: count, MKL_NUM_THREADS: count, OPENBLAS_NUM_THREADS: count },
    };
  },
});

const node = (
  places: Places,
  name: string,
  packageName: string,
  script: string,
  trials: readonly string[],
  threads: readonly number[] = BOTH,
): Rival => ({
  name,
  trials,
  threads,
  command: (trial, count) => {
    const folder = path.join(places.rivals, 'npm', name);
    if (!existsSync(path.join(folder, 'node_modules', packageName))) {
      return { missing: `${packageName} is not in ${folder}` };
    }
    return {
      file: process.execPath,
      args: ['--expose-gc', path.join(places.root, 'bench', 'rivals', script), trial, String(count), name],
      env: { ...quiet, GRAFO_RIVAL: folder, OMP_NUM_THREADS: String(count) },
    };
  },
});

const own = (places: Places, name: string, side: string, trials: readonly string[], threads = BOTH): Rival => ({
  name,
  trials,
  threads,
  command: (trial, count) => ({
    file: process.execPath,
    args: ['--expose-gc', path.join(places.compiled, 'worker.js'), trial, side, String(count)],
  }),
});

const CPU_INFO = '/proc/cpuinfo';

/**
 * Libraries of 2022 do not know AMD's processors with AVX-512, and take kernels of older ones there: they are told which of theirs fit.
 */
export const bestKernels = (
  cpuInfo: string = existsSync(CPU_INFO) ? readFileSync(CPU_INFO, 'utf8') : '',
): Readonly<Record<string, string>> =>
  /^vendor_id\s*:\s*AuthenticAMD$/m.test(cpuInfo) && /^flags\s*:.*\bavx512vl\b/m.test(cpuInfo)
    ? { OPENBLAS_CORETYPE: 'SkylakeX', BLIS_ARCH_TYPE: 'skx' }
    : {};

const native = (tools: NativeTools, name: string, trials: readonly string[]): Rival => ({
  name,
  trials,
  threads: BOTH,
  command: (trial, threads) => {
    const built = tools.program(name);
    if ('missing' in built) return built;
    const count = String(threads);
    return {
      file: built.file,
      args: [trial, count],
      env: {
        ...bestKernels(),
        ...{ OMP_NUM_THREADS: count, OPENBLAS_NUM_THREADS: count, BLIS_NUM_THREADS: count },
      },
    };
  },
});

/** grafo first, then all rivals. */
export const entrants = (places: Places, tools: NativeTools): readonly Rival[] => [
  own(places, 'grafo', 'grafo', [...ALL, 'overhead']),
  own(places, 'plain-js', 'plain', ['elementwise', 'chain', 'logreg', 'tiny'], [1]),
  python(places, 'numpy', 'numpy', 'rival_numpy.py', ALL),
  python(places, 'tf', 'tensorflow', 'rival_tf.py', ALL),
  python(places, 'torch', 'torch', 'rival_torch.py', ALL),
  python(places, 'torch-compile', 'torch', 'rival_torch.py', ['chain', 'mlp', 'logreg']),
  python(places, 'jax', 'jax', 'rival_jax.py', ALL),
  node(places, 'tfjs-node', '@tensorflow/tfjs-node', 'tfjs.mjs', ALL),
  node(places, 'tfjs-wasm', '@tensorflow/tfjs-backend-wasm', 'tfjs.mjs', ALL, [1]),
  node(places, 'onnxruntime', 'onnxruntime-node', 'onnxruntime.mjs', [...OPS, 'scalar']),
  node(places, 'jax-js', '@jax-js/jax', 'jaxjs.mjs', [...OPS, ...TRAINING, 'scalar'], [1]),
  native(tools, 'openblas', ['gemm']),
  native(tools, 'blis', ['gemm']),
  native(tools, 'onednn', ['gemm']),
  native(tools, 'cpp-ref', ['elementwise', 'chain', 'reductions', 'layout', 'logreg']),
];

// Large results made anew would otherwise be pages asked of the system every time: the allocator keeps them.
const keepPages = {
  MALLOC_MMAP_THRESHOLD_: String(2 ** 32),
  MALLOC_TRIM_THRESHOLD_: String(2 ** 34),
  MALLOC_TOP_PAD_: String(2 ** 26),
};

/** The rivals of the sweep (bench/sweep), which know every one of its operations that they have. */
export const sweepRivals = (places: Places): readonly Rival[] =>
  ['numpy', 'torch'].map((name) => python(places, name, name, `sweep_${name}.py`, ['sweep'], keepPages));
