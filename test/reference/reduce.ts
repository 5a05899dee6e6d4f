// Reductions, argmax and cumulative ops by their definitions; float results carry the bound of their sums' rounding.
import {
  type Arr,
  arr,
  axisOf,
  build,
  coordsOf,
  type Element,
  flatOf,
  get,
  highest,
  isBig,
  isFloat,
  lowest,
  one,
  type Reference,
  refuse,
  sizeOf,
  wrap,
} from './array.js';

/** The axes reduced over, from an axes input (scalar or vector, negative allowed). */
const reducedAxes = (axes: Arr, rank: number): boolean[] => {
  const reduced = new Array<boolean>(rank).fill(false);
  for (const axis of axes.data.map(Number)) {
    if (axis < -rank || axis >= rank)
      refuse(`Invalid reduction dimension (${axis} for input with ${rank} dimension(s)`);
    reduced[(axis + rank) % rank] = true;
  }
  return reduced;
};

/** Groups of elements that one output element is made of. */
const grouped = (x: Arr, axes: Arr, keep: boolean): { shape: number[]; groups: Element[][] } => {
  const reduced = reducedAxes(axes, x.shape.length);
  const kept = x.shape.map((dim, axis) => (reduced[axis] ? 1 : dim));
  const groups: Element[][] = Array.from({ length: sizeOf(kept) }, () => []);
  x.data.forEach((element, i) => {
    const coords = coordsOf(i, x.shape).map((coord, axis) => (reduced[axis] ? 0 : coord));
    groups[flatOf(coords, kept)]!.push(element);
  });
  return { shape: keep ? kept : kept.filter((_, axis) => !reduced[axis]), groups };
};

export const sum = (group: readonly Element[]): number => {
  // Neumaier's sum: the reference of a float64 sum must be better than float64.
  let total = 0;
  let lost = 0;
  for (const element of group as number[]) {
    const next = total + element;
    if (Number.isFinite(next))
      lost += Math.abs(total) >= Math.abs(element) ? total - next + element : element - next + total;
    total = next;
  }
  return Number.isFinite(total) ? total + lost : total;
};
const sumAbs = (group: readonly Element[]): number =>
  (group as number[]).reduce((total, element) => total + Math.abs(element), 0);
/** 2 log2(n) + 2 roundings of the sum of absolute values. */
const factor = (n: number): number => 2 * Math.log2(Math.max(n, 1)) + 2;

type Fold = {
  float?: (group: readonly Element[]) => number;
  int?: (group: readonly bigint[], dtype: string) => bigint;
  bool?: (group: readonly Element[]) => boolean;
  bound?: (group: readonly Element[]) => number;
};

const reduction =
  (fold: Fold): Reference =>
  ([input, axes], attrs) => {
    const x = one(input);
    const { shape, groups } = grouped(x, one(axes), attrs.keep_dims === true);
    if (fold.bool !== undefined)
      return [
        arr(
          'bool',
          shape,
          groups.map((group) => Number(fold.bool!(group))),
        ),
      ];
    if (!isFloat(x.dtype))
      return [
        arr(
          x.dtype,
          shape,
          groups.map((group) => wrap(x.dtype, fold.int!(group.map(BigInt), x.dtype))),
        ),
      ];
    const made = arr(
      x.dtype,
      shape,
      groups.map((group) => fold.float!(group)),
    );
    return [fold.bound === undefined ? made : { ...made, bound: groups.map((group) => fold.bound!(group)) }];
  };

/** Max and Min leave NaN out of the generated cases: TensorFlow 1.15 keeps or loses it by position. */
export const REDUCTIONS: Record<string, Reference> = {
  Sum: reduction({ float: sum, int: (g) => g.reduce((a, b) => a + b, 0n), bound: (g) => factor(g.length) * sumAbs(g) }),
  Mean: reduction({
    float: (g) => (g.length === 0 ? Number.NaN : sum(g) / g.length),
    // The true mean, truncated; TensorFlow sums in the dtype itself and divides by a wrapped count, which differs only where that overflows.
    int: (g, dtype) =>
      g.length === 0
        ? 0n
        : BigInt(
            wrap(
              isBig(dtype) ? dtype : 'int64',
              g.reduce((a, b) => a + b, 0n),
            ),
          ) / BigInt(g.length),
    bound: (g) => (factor(g.length) * sumAbs(g)) / Math.max(g.length, 1),
  }),
  Prod: reduction({
    float: (g) => (g as number[]).reduce((a, b) => a * b, 1),
    int: (g) => g.reduce((a, b) => a * b, 1n),
    bound: (g) => Math.max(g.length, 1) * Math.abs((g as number[]).reduce((a, b) => a * b, 1)),
  }),
  Max: reduction({
    float: (g) => Math.max(...(g as number[])),
    int: (g, d) => g.reduce((a, b) => (b > a ? b : a), lowest(d)),
  }),
  Min: reduction({
    float: (g) => Math.min(...(g as number[])),
    int: (g, d) => g.reduce((a, b) => (b < a ? b : a), highest(d)),
  }),
  All: reduction({ bool: (g) => g.every((element) => element !== 0) }),
  Any: reduction({ bool: (g) => g.some((element) => element !== 0) }),
};

/** ArgMax and ArgMin: the first of equals; NaN is never better. */
export const argReduce =
  (better: (a: Element, b: Element) => boolean): Reference =>
  ([input, dimension], attrs) => {
    const x = one(input);
    const rank = x.shape.length;
    const axis = axisOf(Number(one(dimension).data[0]), rank);
    if (x.shape[axis] === 0) refuse(`Reduction axis ${axis} is empty in shape [${x.shape}]`);
    const dtype = (attrs.output_type as { type: string } | undefined)?.type ?? 'int64';
    const shape = x.shape.filter((_, i) => i !== axis);
    return [
      build(dtype, shape, (coords) => {
        let found = -1;
        let best: Element = 0;
        for (let k = 0; k < x.shape[axis]!; k++) {
          const element = get(x, coords.toSpliced(axis, 0, k));
          if (Number.isNaN(element as number)) continue;
          if (found < 0 || better(element, best)) [found, best] = [k, element];
        }
        const index = Math.max(found, 0);
        return isBig(dtype) ? BigInt(index) : index;
      }),
    ];
  };

/** Cumsum and Cumprod: exclusive starts with the neutral element, reverse goes from the end. */
export const cumulative =
  (kind: 'sum' | 'prod'): Reference =>
  ([input, at], attrs) => {
    const x = one(input);
    const axis = axisOf(Number(one(at).data[0]), x.shape.length, 'ScanOp: Expected scan axis in the range');
    const n = x.shape[axis]!;
    const float = isFloat(x.dtype);
    const bound: number[] = [];
    const made = build(x.dtype, x.shape, (coords) => {
      const here = coords[axis]!;
      const picked: Element[] = [];
      for (let k = 0; k < n; k++) {
        const before = attrs.reverse === true ? k > here : k < here;
        if (before || (k === here && attrs.exclusive !== true)) picked.push(get(x, coords.with(axis, k)));
      }
      if (!float)
        return wrap(
          x.dtype,
          picked.map(BigInt).reduce((a, b) => (kind === 'sum' ? a + b : a * b), kind === 'sum' ? 0n : 1n),
        );
      const ordered = attrs.reverse === true ? picked.toReversed() : picked;
      const value = kind === 'sum' ? sum(ordered) : (ordered as number[]).reduce((a, b) => a * b, 1);
      // One running total: n roundings, each of at most the sum of absolute values.
      bound.push(n * (kind === 'sum' ? sumAbs(picked) : Math.abs(value)));
      return value;
    });
    return [float ? { ...made, bound } : made];
  };

/** Sums in rows of segments: a negative id is dropped, one too large is an error. */
export const unsortedSegmentSum: Reference = ([input, segments, count]) => {
  const [x, ids] = [one(input), one(segments)];
  const n = Number(one(count).data[0]);
  if (ids.shape.some((dim, i) => dim !== x.shape[i])) refuse('data.shape does not start with segment_ids.shape');
  const row = x.shape.slice(ids.shape.length);
  const width = sizeOf(row);
  const groups: Element[][] = Array.from({ length: n * width }, () => []);
  ids.data.forEach((id, i) => {
    const at = Number(id);
    if (at < 0) return;
    if (at >= n) refuse(`segment_ids[${coordsOf(i, ids.shape)}] = ${at} is out of range [0, ${n})`);
    for (let k = 0; k < width; k++) groups[at * width + k]!.push(x.data[i * width + k]!);
  });
  const shape = [n, ...row];
  if (!isFloat(x.dtype))
    return [
      arr(
        x.dtype,
        shape,
        groups.map((g) =>
          wrap(
            x.dtype,
            g.map(BigInt).reduce((a, b) => a + b, 0n),
          ),
        ),
      ),
    ];
  return [{ ...arr(x.dtype, shape, groups.map(sum)), bound: groups.map((g) => g.length * sumAbs(g)) }];
};

/** Half the sum of squares. */
export const l2Loss: Reference = ([input]) => {
  const squares = (one(input).data as number[]).map((x) => x * x);
  return [
    { ...arr(one(input).dtype, [], [sum(squares) / 2]), bound: [(factor(squares.length) + 1) * (sumAbs(squares) / 2)] },
  ];
};
/** Sum over everything but the last axis. */
export const biasAddGrad: Reference = ([input]) => {
  const x = one(input);
  if (x.shape.length < 2) refuse('Input tensor must be at least 2D');
  const axes = arr(
    'int32',
    [x.shape.length - 1],
    x.shape.slice(1).map((_, i) => i),
  );
  return REDUCTIONS.Sum!([x, axes], { keep_dims: false });
};
