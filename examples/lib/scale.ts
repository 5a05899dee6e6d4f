// Brings points of any size to the spread of the deck's, so that its learning rate suits them, and brings lines back.
import type { Points } from './gaussian.js';

/** Two numbers, one an axis. */
export type Pair = readonly [number, number];

/** `scaled = (x - mean) * factor`, axis by axis. */
export interface Scale {
  readonly mean: Pair;
  readonly factor: Pair;
}

/** Leaves points as they are. */
export const UNSCALED: Scale = { mean: [0, 0], factor: [1, 1] };

/** The deck's points have variance 20 within a class and 16 between the classes, on both axes. */
const SPREAD = 6;

/** The scale under which points have mean 0 and the deck's spread on both axes. */
export const scaleOf = ({ x, count }: Points): Scale => {
  const axis = (which: number): [mean: number, factor: number] => {
    let mean = 0;
    for (let i = 0; i < count; i++) mean += x[2 * i + which]! / count;
    let variance = 0;
    for (let i = 0; i < count; i++) variance += (x[2 * i + which]! - mean) ** 2 / count;
    return [mean, variance > 0 ? SPREAD / Math.sqrt(variance) : 1];
  };
  const [first, second] = [axis(0), axis(1)];
  return { mean: [first[0], second[0]], factor: [first[1], second[1]] };
};

/** x1, x2, x1, x2, ... under the scale. */
export const scaled = (x: Float64Array, { mean, factor }: Scale): Float64Array =>
  x.map((value, i) => (value - mean[i & 1]!) * factor[i & 1]!);

/** The line `W x + b` of scaled points as one of the points themselves. */
export const lineBack = (W: Pair, b: number, { mean, factor }: Scale): { W: Pair; b: number } => {
  const back: Pair = [W[0] * factor[0], W[1] * factor[1]];
  return { W: back, b: b - back[0] * mean[0] - back[1] * mean[1] };
};
