// Medians and spreads of the rounds of a row.

/** What the rounds of a row gave, nanoseconds a call. */
export interface Timing {
  readonly median: number;
  readonly min: number;
  readonly max: number;
  /** Half the distance between the quartiles, relative to the median. */
  readonly spread: number;
  readonly rounds: number;
}

/** The value below which the share `q` of the sorted values lies, between two of them where it falls there. */
export const quantile = (sorted: readonly number[], q: number): number => {
  if (sorted.length === 0) throw new RangeError('No rounds were measured');
  const at = q * (sorted.length - 1);
  const low = Math.floor(at);
  const below = sorted[low]!;
  return below + (at - low) * (sorted[Math.min(low + 1, sorted.length - 1)]! - below);
};

/** The statistics of rounds in any order. */
export const summarise = (times: readonly number[]): Timing => {
  const sorted = [...times].sort((a, b) => a - b);
  const median = quantile(sorted, 0.5);
  return {
    median,
    min: sorted[0]!,
    max: sorted.at(-1)!,
    spread: (quantile(sorted, 0.75) - quantile(sorted, 0.25)) / 2 / median,
    rounds: sorted.length,
  };
};
