// doctor: what this machine and this installation can do, for people and for scripts.
import { type Native, native } from './native.js';

/** What `doctor` finds. */
export interface Report {
  /** Whether a session can be opened. */
  readonly ok: boolean;
  readonly node: string;
  readonly platform: string;
  /** The library that runs kernels, e.g. `cpu`. */
  readonly backend: string | null;
  /** The level of instructions it was built for, e.g. `x86-64-v3`. */
  readonly isa: string | null;
  readonly threads: number | null;
  /** The native library's file. */
  readonly path: string | null;
  readonly gpu: string | null;
  /** Why no GPU is used. */
  readonly gpuReason: string | null;
  /** What was tried, where something is missing. */
  readonly tried: readonly string[];
  readonly error: string | null;
}

const NO_GPU = 'this version runs on the CPU only';

/**
 * Looks at the installation without running anything.
 *
 * @param load how the native library is found; tests give another.
 * @example tf.doctor().ok // true
 */
export const doctor = (load: () => Native = native): Report => {
  const common = {
    node: process.version,
    platform: `${process.platform}-${process.arch}`,
    gpu: null,
    gpuReason: NO_GPU,
  };
  try {
    const { backend, isa, path, threads, tried } = load().info();
    return { ok: true, ...common, backend, isa, threads, path, tried, error: null };
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    return { ok: false, ...common, backend: null, isa: null, threads: null, path: null, tried: [], error: text };
  }
};

/** A report as lines for people: `console.log(tf.doctorText(tf.doctor()))`. */
export const doctorText = (report: Report): string => {
  const rows: [string, string][] = [
    ['engine', report.ok ? 'ready' : 'not available'],
    ['backend', report.backend ?? '-'],
    ['instructions', report.isa ?? '-'],
    ['threads', report.threads === null ? '-' : String(report.threads)],
    ['library', report.path ?? '-'],
    ['gpu', report.gpu ?? `none: ${report.gpuReason}`],
    ['node', `${report.node} on ${report.platform}`],
  ];
  const lines = rows.map(([name, value]) => `${name.padEnd(14)}${value}`);
  return [...lines, ...(report.error === null ? [] : ['', report.error])].join('\n');
};
