// Clipping by value and by norm. IndexedSlices stay IndexedSlices, entries that are null stay null.
import { convertToTensor, type TensorLike, tensorOf } from '../core/convert.js';
import type { Named } from '../core/defineOp.js';
import { GraphTypeError, ValueError } from '../core/errors.js';
import type { Tensor } from '../core/graph.js';
import { IndexedSlices } from '../core/indexedSlices.js';
import { nameIn, type OptionNames, optionsOf } from '../core/options.js';
import { identity, onesLike } from './array.js';
import { l2Loss } from './bias.js';
import { greater, isFinite, select } from './compare.js';
import { maximum, minimum, sqrt } from './elementwise.js';
import { stack } from './join.js';
import * as py from './operators.js';
import { type Axis, reduceSum } from './reduce.js';
import { colocateWith, opScope } from './scopes.js';

/** What can be clipped: a tensor, or the rows of an IndexedSlices. */
export type Clippable = TensorLike | IndexedSlices;
type Clipped<T> = T extends IndexedSlices ? IndexedSlices : Tensor;

const valuesOf = (t: Clippable, name: string): Tensor => {
  const source = t instanceof IndexedSlices ? t.values : t;
  return tensorOf(source) ?? convertToTensor(source, { name });
};
const like = <T extends Clippable>(t: T, values: Tensor): Clipped<T> =>
  (t instanceof IndexedSlices ? new IndexedSlices(values, t.indices, t.denseShape) : values) as Clipped<T>;
/** ValueError where clipping would have broadcast the tensor to something larger. */
const sameShape = (values: Tensor, clipped: Tensor): void => {
  values.shape.mergeWith(clipped.shape);
};

/**
 * Every element between two bounds (scalars, or tensors of t's shape); NaN stays.
 *
 * @example tf.clipByValue([-2, 0, 5], -1, 1) // [-1, 0, 1]
 */
export const clipByValue = <T extends Clippable>(
  t: T,
  clipValueMin: TensorLike,
  clipValueMax: TensorLike,
  options: Named = {},
): Clipped<T> =>
  opScope(nameIn(options, 'clip_by_value'), 'clip_by_value', [tensorless(t), clipValueMin, clipValueMax], (scope) => {
    const values = valuesOf(t, 't');
    const below = minimum(values, clipValueMax);
    sameShape(values, below);
    const clipped = maximum(below, clipValueMin, { name: scope });
    sameShape(values, clipped);
    return like(t, clipped);
  });

/** What tells the graph without making a dense tensor of an IndexedSlices. */
const tensorless = (t: Clippable): TensorLike => (t instanceof IndexedSlices ? t.values : t);

/** Options of `clipByNorm`. */
export interface ClipByNormOptions extends Named {
  /** The axes of one norm; all of them by default. */
  readonly axes?: Axis | null | undefined;
}
const CLIP_BY_NORM: OptionNames<ClipByNormOptions> = { name: true, axes: true };

/**
 * A tensor scaled down so that its Euclidean norm is at most `clipNorm`; zeros stay zeros.
 *
 * @param axes the axes of one norm, or the options.
 * @example tf.clipByNorm([3, 4], 1) // [0.6, 0.8]
 */
export const clipByNorm = <T extends Clippable>(
  t: T,
  clipNorm: TensorLike,
  axes?: Axis | ClipByNormOptions | null,
  options: ClipByNormOptions = {},
): Clipped<T> => {
  const all = optionsOf('clipByNorm', CLIP_BY_NORM, options, { axes });
  return opScope(all.name, 'clip_by_norm', [tensorless(t), clipNorm], (scope) => {
    const values = valuesOf(t, 't');
    const sum = reduceSum(py.mul(values, values), all.axes ?? null, { keepDims: true });
    const positive = greater(sum, 0);
    // Away from 0 the square root has a finite gradient.
    const safe = select(positive, sum, onesLike(sum));
    const norm = select(positive, sqrt(safe), sum);
    const scaled = py.mul(values, clipNorm);
    sameShape(values, scaled);
    const clipped = identity(py.truediv(scaled, maximum(norm, clipNorm)), { name: scope });
    return like(t, clipped);
  });
};

const listed = (tList: readonly (Clippable | null | undefined)[]): readonly (Clippable | null | undefined)[] => {
  if (!Array.isArray(tList)) throw new GraphTypeError('t_list should be a sequence');
  return tList as readonly (Clippable | null | undefined)[];
};
const allValues = (list: readonly (Clippable | null | undefined)[]): (Tensor | null)[] =>
  list.map((t, i) => (t === null || t === undefined ? null : valuesOf(t, `t_${i}`)));
const scopeValues = (list: readonly (Clippable | null | undefined)[]): TensorLike[] =>
  list.flatMap((t) => (t === null || t === undefined ? [] : [tensorless(t)]));

/**
 * The Euclidean norm of all elements of all tensors together; null entries count nothing.
 *
 * @example tf.globalNorm([[3], null, [4]]) // 5
 */
export const globalNorm = (tList: readonly (Clippable | null | undefined)[], options: Named = {}): Tensor => {
  const list = listed(tList);
  return opScope(nameIn(options, 'global_norm'), 'global_norm', scopeValues(list), () => {
    const halves = allValues(list).flatMap((value) =>
      value === null ? [] : [colocateWith(value, () => l2Loss(value))],
    );
    if (halves.length === 0) throw new ValueError('globalNorm needs at least one tensor');
    const half = reduceSum(stack(halves));
    const two = convertToTensor(2, { dtype: half.dtype });
    return sqrt(py.mul(half, two), { name: 'global_norm' });
  });
};

/** Options of `clipByGlobalNorm`. */
export interface ClipByGlobalNormOptions extends Named {
  /** The norm, where it is known already. */
  readonly useNorm?: Tensor | null | undefined;
}
const CLIP_BY_GLOBAL_NORM: OptionNames<ClipByGlobalNormOptions> = { name: true, useNorm: true };

/**
 * Tensors scaled down together so that their global norm is at most `clipNorm`; all NaN where the norm is infinite or NaN.
 *
 * @returns the clipped tensors and the norm they had.
 * @example tf.clipByGlobalNorm([[3], [4]], 1) // [[[0.6], [0.8]], 5]
 */
export const clipByGlobalNorm = <T extends Clippable | null | undefined>(
  tList: readonly T[],
  clipNorm: TensorLike,
  useNorm?: Tensor | ClipByGlobalNormOptions | null,
  options: ClipByGlobalNormOptions = {},
): readonly [readonly (T extends null | undefined ? null : Clipped<T>)[], Tensor] => {
  const list = listed(tList);
  const all = optionsOf('clipByGlobalNorm', CLIP_BY_GLOBAL_NORM, options, { useNorm });
  const norm = all.useNorm ?? globalNorm(list, { name: all.name });
  return opScope(all.name, 'clip_by_global_norm', [...scopeValues(list), clipNorm], (scope) => {
    const constant = (value: number): Tensor => convertToTensor(value, { dtype: norm.dtype });
    const inverse = py.rtruediv(1, norm);
    const ratio = py.truediv(constant(1), clipNorm);
    const smaller = minimum(inverse, ratio);
    const finite = tensorOf(clipNorm) === undefined ? py.rmul(clipNorm, smaller) : py.mul(clipNorm, smaller);
    const isSound = isFinite(norm);
    const scale = select(isSound, finite, constant(Number.NaN));
    const clipped = allValues(list).map((value, i) => {
      if (value === null) return null;
      const scaled = colocateWith(value, () => identity(py.mul(value, scale), { name: `${scope}_${i}` }));
      return like(list[i] as Clippable, scaled);
    });
    return [clipped as (T extends null | undefined ? null : Clipped<T>)[], norm] as const;
  });
};
