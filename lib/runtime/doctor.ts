// doctor: what this machine and this installation can do, for people and for scripts.
import { readFileSync } from 'node:fs';
import { type Native, native, nativeFile } from './native.js';

/** What `doctor` finds. */
export interface Report {
  /** Whether a session can be opened. */
  readonly ok: boolean;
  readonly node: string;
  /** The Node-API version of this Node, and the one that the addon asks for. */
  readonly nodeApi: { readonly host: number; readonly needed: number };
  readonly platform: string;
  /** The library that runs kernels, e.g. `cpu`. */
  readonly backend: string | null;
  /** The level of instructions it was built for, e.g. `x86-64-v3`. */
  readonly isa: string | null;
  /** Better levels, and why they do not run. */
  readonly notUsed: readonly string[];
  /** Threads of a session that does not choose. */
  readonly threads: number | null;
  /** Bytes that a session may use which does not choose. */
  readonly memoryBytes: number | null;
  /** The addon's file. */
  readonly addon: string | null;
  /** The backend's file. */
  readonly path: string | null;
  readonly gpu: string | null;
  /** Why no GPU is used. */
  readonly gpuReason: string | null;
  /** Libraries that a GPU's steps may use, which are looked for at run time: which was found, or why none. */
  readonly gpuLibraries: readonly string[];
  /** Every library that was looked at, and what came of it. */
  readonly tried: readonly string[];
  /** What is wrong and what to do, where no session can be opened. */
  readonly error: string | null;
}

const NODE_API = 8;

/** Reads a file of the system; `undefined` where it is not there. */
export type ReadSystem = (path: string) => string | undefined;

const readSystem: ReadSystem = (path) => {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return undefined;
  }
};

/** What is missing: a driver, the library that `npm run build:native` makes where it finds nvcc, or what CUDA itself says. */
const whyNoGpu = (reason: string, read: ReadSystem): string => {
  const driver = /\b(\d+\.\d+[\d.]*)\b/.exec(read('/proc/driver/nvidia/version') ?? '')?.[1];
  return `${driver === undefined ? 'no NVIDIA driver on this machine' : `NVIDIA driver ${driver}`}; ${reason}`;
};

/** `/a/b/grafo_cpu_v4.so: why` as `v4: why`; the last of the list is the one that runs. */
const better = (tried: readonly string[]): string[] =>
  tried.slice(0, -1).map((line) => line.replace(/^.*grafo_cpu_(\w+)\.\w+: /, '$1: '));

/**
 * Looks at the installation: opens a session and closes it, runs nothing.
 *
 * @param load how the native library is found; tests give another.
 * @param read how the system is asked; tests give another.
 * @example tf.doctor().ok // true
 */
export const doctor = (load: () => Native = native, read: ReadSystem = readSystem): Report => {
  const common = {
    node: process.version,
    nodeApi: { host: Number(process.versions.napi), needed: NODE_API },
    platform: `${process.platform}-${process.arch}`,
  };
  const noGpu = (reason: string) => ({ gpu: null, gpuReason: whyNoGpu(reason, read), gpuLibraries: [] });
  try {
    const engine = load();
    const { backend, isa, path, threads, tried } = engine.info();
    const session = new engine.NativeSession();
    const { limit: memoryBytes } = session.memory();
    session.close();
    const gpu = engine.gpu();
    const withGpu =
      'reason' in gpu ? noGpu(gpu.reason) : { gpu: gpu.name, gpuReason: null, gpuLibraries: engine.gpuLibraries() };
    const found = {
      backend,
      isa,
      notUsed: better(tried),
      threads,
      memoryBytes,
      addon: nativeFile() ?? null,
      path,
      tried,
    };
    return { ok: true, ...common, ...withGpu, ...found, error: null };
  } catch (error) {
    const nothing = { backend: null, isa: null, notUsed: [], threads: null, memoryBytes: null, path: null, tried: [] };
    const text = error instanceof Error ? error.message : String(error);
    return {
      ok: false,
      ...common,
      ...noGpu('the engine is missing'),
      ...nothing,
      addon: nativeFile() ?? null,
      error: text,
    };
  }
};

/** A report, or what `doctor` finds now, as lines for people: `tf.doctorText().slice(0, 6) // 'engine'`. */
export const doctorText = (report: Report = doctor()): string => {
  const { nodeApi, memoryBytes } = report;
  const rows: [string, string | null][] = [
    ['engine', report.ok ? 'ready' : 'not available'],
    ['backend', report.backend],
    ['instructions', report.isa],
    ...report.notUsed.map((line): [string, string] => ['', `not ${line}`]),
    ['threads', report.threads === null ? null : String(report.threads)],
    ['memory', memoryBytes === null ? null : `${(memoryBytes / 2 ** 30).toFixed(1)} GiB at most in a session`],
    ['gpu', report.gpu ?? `none: ${report.gpuReason}`],
    ...report.gpuLibraries.map((line): [string, string] => ['', line]),
    ['node', `${report.node} on ${report.platform}, Node-API ${nodeApi.host} (needs ${nodeApi.needed})`],
    ['addon', report.addon],
    ['library', report.path],
  ];
  const lines = rows.map(([name, value]) => `${name.padEnd(14)}${value ?? '-'}`);
  return [...lines, ...(report.error === null ? [] : ['', report.error])].join('\n');
};
