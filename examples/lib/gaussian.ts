// The deck's artificial data: two classes of points in the plane, each from a round Gaussian.
import type { RandomState } from './mt19937.js';

/** Labelled points of the plane: row i is (x[2i], x[2i + 1]) with the label 0 or 1. */
export interface Points {
  readonly x: Float64Array;
  readonly labels: Float64Array;
  readonly count: number;
}

/**
 * Two classes of `perClass` points: label 0 from N((-4, -4), 20 I), then label 1 from N((4, 4), 20 I).
 *
 * The draws are those of numpy's `multivariate_normal(mean, 20 * identity(2), perClass)`, one class after the other.
 */
export const gaussianClasses = (perClass: number, random: RandomState): Points => {
  const spread = Math.sqrt(20);
  const count = 2 * perClass;
  return {
    x: Float64Array.from({ length: 2 * count }, (_, i) => spread * random.normal() + (i < count ? -4 : 4)),
    labels: Float64Array.from({ length: count }, (_, i) => (i < perClass ? 0 : 1)),
    count,
  };
};
