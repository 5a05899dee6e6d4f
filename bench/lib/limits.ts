// What the machine can do: FMA peak and copy bandwidth by size, measured by bench/rivals/native/limits.cpp just before the rows.
import { spawnSync } from 'node:child_process';
import type { NativeTools } from './native.js';
import { pinned } from './process.js';
import type { MachineLimits } from './verdict.js';

/** A line of limits.cpp: a name and operations or bytes a nanosecond. */
export interface LimitLine {
  readonly name: string;
  readonly rate: number;
}

const COPY = /^copy(?:\.nt)?\.(\d+)$/;

/** The limits of lines such as `fma.float32`, `copy.4000000` and `copy.nt.40000000`; the better copy of each size counts. */
export const limitsOf = (lines: readonly LimitLine[]): MachineLimits => {
  const rate = (name: string): number => lines.find((line) => line.name === name)?.rate ?? 0;
  const copies = new Map<number, number>();
  for (const line of lines) {
    const bytes = Number(COPY.exec(line.name)?.[1]);
    if (bytes > 0) copies.set(bytes, Math.max(copies.get(bytes) ?? 0, line.rate));
  }
  return {
    fma: { float32: rate('fma.float32'), float64: rate('fma.float64') },
    copy: [...copies].map(([bytes, best]) => ({ bytes, rate: best })),
  };
};

/** What limits.cpp prints with these arguments; why not, where the program does not build. */
const linesOf = (
  tools: NativeTools,
  threads: number,
  ...more: string[]
): readonly LimitLine[] | { readonly missing: string } => {
  const program = tools.program('limits');
  if ('missing' in program) return program;
  const { file, args } = pinned({ file: program.file, args: [String(threads), ...more] }, threads);
  const { stdout, status } = spawnSync(file, [...args], { encoding: 'utf8' });
  if (status !== 0) return { missing: `limits ended with ${status}` };
  return stdout
    .trim()
    .split('\n')
    .map((line) => {
      const [name, rate] = line.split(' ');
      return { name: name!, rate: Number(rate) };
    });
};

/** Measures the limits with a number of threads; why not, where the program does not build. */
export const measureLimits = (tools: NativeTools, threads: number): MachineLimits | { readonly missing: string } => {
  const lines = linesOf(tools, threads);
  return 'missing' in lines ? lines : limitsOf(lines);
};

/**
 * Nanoseconds for a line of the caches from one of the threads to another and back: a virtual machine's processors are at times moved to
 * where they share a cache and a way to memory, and at times apart. Undefined where the program does not build, or for one thread.
 */
export const measureHandover = (tools: NativeTools, threads: number): number | undefined => {
  if (threads < 2) return undefined;
  const lines = linesOf(tools, threads, 'handover');
  return 'missing' in lines ? undefined : lines.find(({ name }) => name === 'handover')?.rate;
};
