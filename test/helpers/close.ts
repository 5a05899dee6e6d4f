// Comparisons with published numbers, which carry only so many digits.
import type { ExecutionContext } from 'ava';

/** Fails where `actual` is farther from `expected` than the relative `tolerance`. */
export const close = (t: ExecutionContext, actual: number, expected: number, tolerance: number, what: string): void => {
  const apart = Math.abs(actual - expected) / Math.abs(expected);
  t.true(
    apart <= tolerance,
    `${what}: ${actual}, published ${expected}; apart by ${apart.toExponential(2)} of ${tolerance}`,
  );
};
