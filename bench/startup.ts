// startup: what it costs to have a library at all: a process that imports it and runs one operation, its memory, and its size on disk.
import { spawnSync } from 'node:child_process';
import { existsSync, lstatSync, readdirSync } from 'node:fs';
import path from 'node:path';
import type { Outcome } from './lib/gates.js';
import type { Places } from './lib/rivals.js';
import { quantile } from './lib/stats.js';
import type { Table } from './lib/table.js';

interface Candidate {
  readonly name: string;
  readonly file: string;
  readonly args: readonly string[];
  /** What has to be installed for it, and counts as its size. */
  readonly folders: readonly string[];
}

/** What a library costs before it does anything. */
export interface StartupFigure {
  readonly name: string;
  readonly ms: number;
  readonly rssMb: number;
  readonly diskMb: number;
  /** Beyond the bare interpreter. */
  readonly overMs: number;
  readonly overRssMb: number;
}

const MB = 2 ** 20;
const NODE_RSS = 'console.log(process.resourceUsage().maxRSS);';
const PYTHON_RSS = 'import resource; print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)';

/** The emulated GPU and its libraries are built for tests only, and into a clone only. */
const TESTS_ONLY = new Set(['grafo_cuda_emulated.so', 'fake_cuda']);

const sizeOf = (place: string): number => {
  if (TESTS_ONLY.has(path.basename(place))) return 0;
  const stat = lstatSync(place);
  if (!stat.isDirectory()) return stat.size;
  return readdirSync(place).reduce((sum, name) => sum + sizeOf(path.join(place, name)), 0);
};

const node = (name: string, code: string, folders: readonly string[]): Candidate => ({
  name,
  file: process.execPath,
  args: ['--input-type=module', '-e', `${code}${NODE_RSS}`],
  folders,
});

const npm = (places: Places, rival: string, code: (modules: string) => string): Candidate => {
  const modules = path.join(places.rivals, 'npm', rival, 'node_modules');
  return node(rival, code(modules), [modules]);
};

const sitePackages = (places: Places): string => {
  const lib = path.join(places.rivals, 'venv', 'lib');
  return path.join(lib, existsSync(lib) ? readdirSync(lib)[0]! : 'python3', 'site-packages');
};

const python = (places: Places, name: string, code: string, packages: readonly string[]): Candidate => ({
  name,
  file: path.join(places.rivals, 'venv', 'bin', 'python'),
  args: ['-c', `${code}\n${PYTHON_RSS}`],
  folders: packages.map((folder) => path.join(sitePackages(places), folder)),
});

const candidates = (places: Places, rivals: boolean): readonly Candidate[] => {
  // What `import 'grafo'` is in Node, and all that an installation has beside its manifest.
  const dist = path.join(places.root, 'dist');
  const engine = path.join(places.root, 'build', 'Release');
  const ours = [
    node('node', '', []),
    node(
      'grafo',
      `const tf = await import(${JSON.stringify(path.join(dist, 'start.js'))}); const a = tf.placeholder('float32', []); new tf.Session().runSync(a.add(1), [[a, 2]]);`,
      [dist, engine],
    ),
  ];
  if (!rivals) return ours;
  return [
    ...ours,
    npm(
      places,
      'tfjs-node',
      (at) =>
        `import { createRequire } from 'node:module'; const tf = createRequire('${at}/')('@tensorflow/tfjs-node'); tf.add(1, 2).dataSync();`,
    ),
    npm(
      places,
      'tfjs-wasm',
      (at) =>
        `import { createRequire } from 'node:module'; const load = createRequire('${at}/'); const tf = load('@tensorflow/tfjs'); load('@tensorflow/tfjs-backend-wasm'); await tf.setBackend('wasm'); tf.add(1, 2).dataSync();`,
    ),
    npm(
      places,
      'jax-js',
      (at) =>
        `globalThis.navigator ??= {}; const jax = await import('${at}/@jax-js/jax/dist/index.js'); await jax.init('wasm'); jax.defaultDevice('wasm'); await jax.numpy.array([1]).add(1).data();`,
    ),
    npm(
      places,
      'onnxruntime',
      (at) => `import { createRequire } from 'node:module'; createRequire('${at}/')('onnxruntime-node');`,
    ),
    python(places, 'python', '', []),
    python(places, 'numpy', 'import numpy; numpy.ones(1) + 1', ['numpy', 'numpy.libs']),
    python(places, 'torch', 'import torch; torch.ones(1) + 1', ['torch']),
    python(places, 'jax', 'import jax; (jax.numpy.ones(1) + 1).block_until_ready()', ['jax', 'jaxlib']),
    python(
      places,
      'tf',
      'import tensorflow.compat.v1 as tf\ntf.disable_eager_execution()\ntf.Session().run(tf.constant(1.0) + 1)',
      ['tensorflow', 'keras'],
    ),
  ];
};

interface Sample {
  readonly ms: number;
  readonly rssMb: number;
}

const sample = ({ file, args }: Candidate): Sample | undefined => {
  const started = process.hrtime.bigint();
  const { status, stdout } = spawnSync(file, args, {
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'ignore'],
    env: { ...process.env, TF_CPP_MIN_LOG_LEVEL: '3' },
  });
  const ms = Number(process.hrtime.bigint() - started) / 1e6;
  return status === 0 ? { ms, rssMb: Number(stdout.trim().split('\n').at(-1)) / 1024 } : undefined;
};

const middle = (values: readonly number[]): number =>
  quantile(
    [...values].sort((a, b) => a - b),
    0.5,
  );

/** Starts each in turn, `rounds` times after a first one that fills the file cache. */
export const measureStartup = (places: Places, rivals: boolean, rounds: number): StartupFigure[] => {
  const there = candidates(places, rivals).filter(({ file, folders }) =>
    [file, ...folders].every((at) => existsSync(at)),
  );
  const working = there.filter((candidate) => sample(candidate) !== undefined);
  const samples = new Map<Candidate, Sample[]>(working.map((candidate) => [candidate, []]));
  for (let round = 0; round < rounds; round++) {
    for (const [candidate, list] of samples) {
      const seen = sample(candidate);
      if (seen !== undefined) list.push(seen);
    }
  }
  const figures = [...samples].map(([{ name, file, folders }, list]) => ({
    name,
    file,
    ms: middle(list.map(({ ms }) => ms)),
    rssMb: middle(list.map(({ rssMb }) => rssMb)),
    diskMb: folders.reduce((sum, folder) => sum + sizeOf(folder), 0) / MB,
  }));
  return figures.map(({ file, ...figure }) => {
    const bare = figures.find((other) => other.file === file)!;
    return { ...figure, overMs: figure.ms - bare.ms, overRssMb: figure.rssMb - bare.rssMb };
  });
};

/** The table of the figures. */
export const startupTable = (figures: readonly StartupFigure[]): Table => ({
  head: ['import and first run', 'ms', 'over bare', 'RSS MB', 'over bare', 'disk MB'],
  rows: figures.map(({ name, ms, overMs, rssMb, overRssMb, diskMb }) => [
    name,
    ...[ms, overMs, rssMb, overRssMb, diskMb].map((value) => value.toFixed(1)),
  ]),
});

const GOALS = [
  { gate: 'goal startup, ms over node', most: 15, of: ({ overMs }: StartupFigure) => overMs },
  { gate: 'goal startup, MB over node', most: 12, of: ({ overRssMb }: StartupFigure) => overRssMb },
  { gate: 'goal installed, MB', most: 15, of: ({ diskMb }: StartupFigure) => diskMb },
];

/** The goals of the figures of grafo. */
export const startupOutcomes = (figures: readonly StartupFigure[]): Outcome[] => {
  const ours = figures.find(({ name }) => name === 'grafo');
  return GOALS.map(({ gate, most, of }) => {
    const common = { gate, row: 'startup', threads: 1, most };
    if (ours === undefined) return { ...common, verdict: 'not measured' };
    return { ...common, seen: of(ours), verdict: of(ours) <= most ? 'ok' : 'miss' };
  });
};
