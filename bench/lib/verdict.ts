// What a measured row says: the best rival, our ratio to it, and our share of what the machine can do.
import type { Timing } from './stats.js';
import type { Limit, RowSpec } from './trial.js';

/** What one rival made of one row with one number of threads. */
export interface Figure {
  readonly rival: string;
  readonly version: string;
  readonly dtype?: string;
  readonly checks?: readonly { readonly sum: number | null; readonly scale: number | null }[];
  readonly timing?: Timing;
  /** Why there is no figure, or why it does not count. */
  readonly error?: string;
}

/** A row with everyone's figures. */
export interface MeasuredRow {
  readonly trial: string;
  readonly row: string;
  readonly threads: number;
  readonly figures: readonly Figure[];
}

/** What the machine can do with one number of threads: see limits.ts. */
export interface MachineLimits {
  /** Operations a nanosecond. */
  readonly fma: Readonly<Record<'float32' | 'float64', number>>;
  /** Copy bandwidth, bytes a nanosecond (read and written), by the bytes of the working set. */
  readonly copy: readonly { readonly bytes: number; readonly rate: number }[];
}

/** What a row comes to. */
export interface Verdict {
  readonly ours?: number;
  readonly best?: { readonly rival: string; readonly ns: number };
  /** Our time over the best rival's: below 1 we are faster. Missing where a row is not measured. */
  readonly ratio?: number;
  /** The limit's time over ours, and which limit. */
  readonly share?: { readonly of: string; readonly value: number };
  /** Why there is no ratio. */
  readonly note?: string;
}

export const OURS = 'grafo';
export const REFERENCE = 'cpp-ref';

const median = (figures: readonly Figure[], rival: string): number | undefined =>
  figures.find((figure) => figure.rival === rival && figure.error === undefined)?.timing?.median;

/** The copy bandwidth of a working set: that of the nearest measured size. */
export const copyRate = (limits: MachineLimits, bytes: number): number | undefined => {
  const apart = (size: number): number => Math.abs(Math.log(size / bytes));
  return [...limits.copy].sort((a, b) => apart(a.bytes) - apart(b.bytes))[0]?.rate;
};

const limitNs = (limit: Limit, figures: readonly Figure[], limits: MachineLimits | undefined): number | undefined => {
  if (limit.kind === 'ref') return median(figures, REFERENCE);
  if (limits === undefined) return undefined;
  if (limit.kind === 'fma') return limit.flops / limits.fma[limit.dtype];
  const rate = copyRate(limits, limit.bytes);
  return rate === undefined ? undefined : limit.bytes / rate;
};

/** The verdict of a row. The reference is no rival: it is what the machine can do. */
export const verdict = (spec: RowSpec, row: MeasuredRow, limits: MachineLimits | undefined): Verdict => {
  const { figures } = row;
  const ours = median(figures, OURS);
  const mine = figures.find(({ rival }) => rival === OURS);
  if (ours === undefined) return { note: mine?.error ?? 'not run' };
  const limit = spec.limit && limitNs(spec.limit, figures, limits);
  const share = limit === undefined ? {} : { share: { of: spec.limit!.kind, value: limit / ours } };
  const rivals = figures
    .filter(({ rival, error, timing }) => ![OURS, REFERENCE].includes(rival) && error === undefined && timing)
    .sort((a, b) => a.timing!.median - b.timing!.median);
  const first = rivals[0];
  const best = first === undefined ? {} : { best: { rival: first.rival, ns: first.timing!.median } };
  const missing = (spec.best[row.threads] ?? []).filter((rival) => median(figures, rival) === undefined);
  if (missing.length > 0) return { ours, ...best, ...share, note: `not measured: ${missing.join(', ')} did not run` };
  if (first === undefined) return { ours, ...share };
  return { ours, ...best, ...share, ratio: ours / first.timing!.median };
};
