// What `x[begin:end:stride]` with its masks means for a shape: TensorFlow's ValidateStridedSliceOp.
import { ValueError } from '../core/errors.js';
import type { Dim } from '../core/shape.js';

/** The five masks of StridedSlice, as its attributes give them. */
export interface StridedMasks {
  readonly begin: number;
  readonly end: number;
  readonly ellipsis: number;
  readonly newAxis: number;
  readonly shrinkAxis: number;
}

/** A strided slice over every dimension of its input. */
export interface DenseSlice {
  /** First index in each input dimension. */
  readonly begin: readonly number[];
  readonly stride: readonly number[];
  /** Number of indices in each input dimension. */
  readonly sizes: readonly Dim[];
  /** The result's shape: `sizes` without the shrunk dimensions and with the new ones. */
  readonly shape: readonly Dim[];
}

/**
 * Resolves a strided slice.
 *
 * @param dims the input's shape.
 * @param begin the first indices, null where they are not known; likewise `end`.
 */
export const denseSlice = (
  dims: readonly Dim[],
  begin: readonly number[] | null,
  end: readonly number[] | null,
  strides: readonly number[],
  masks: StridedMasks,
): DenseSlice => {
  if ((begin !== null && begin.length !== strides.length) || (end !== null && end.length !== strides.length)) {
    throw new ValueError(
      `Expected begin, end, and strides to be 1D equal size tensors, but got shapes [${begin?.length ?? '?'}], [${end?.length ?? '?'}], and [${strides.length}] instead.`,
    );
  }
  const has = (mask: number, i: number): boolean => ((mask >>> i) & 1) === 1;
  if ((masks.ellipsis & (masks.ellipsis - 1)) !== 0)
    throw new ValueError('Multiple ellipses in slice spec not allowed');

  // One entry of the spec for each input dimension; an ellipsis (at the end, where there is none) stands for those not named.
  const entries: { spec: number | null; shrink: boolean }[] = [];
  const layout: (number | 'new')[] = [];
  let ellipsisAt = Array.from(strides, (_, i) => i).find((i) => has(masks.ellipsis, i));
  const count = ellipsisAt === undefined ? strides.length + 1 : strides.length;
  ellipsisAt ??= strides.length;
  const named = Array.from(strides, (_, i) => i).filter((i) => i !== ellipsisAt && !has(masks.newAxis, i)).length;
  for (let i = 0; i < count; i++) {
    if (i === ellipsisAt) {
      for (let k = named; k < dims.length; k++) layout.push(entries.push({ spec: null, shrink: false }) - 1);
    } else if (has(masks.newAxis, i)) layout.push('new');
    else {
      if (entries.length === dims.length) {
        throw new ValueError(
          `Index out of range using input dim ${entries.length}; input has only ${dims.length} dims`,
        );
      }
      const shrink = has(masks.shrinkAxis, i);
      const at = entries.push({ spec: i, shrink }) - 1;
      if (!shrink) layout.push(at);
    }
  }

  const slice = { begin: [] as number[], stride: [] as number[], sizes: [] as Dim[] };
  entries.forEach(({ spec, shrink }, i) => {
    const stride = spec === null ? 1 : strides[spec]!;
    if (stride === 0) throw new ValueError(`strides[${i}] must be non-zero`);
    const dim = dims[i]!;
    const [fromStart, toEnd] = [spec === null || has(masks.begin, spec), spec === null || has(masks.end, spec)];
    const first = spec === null || begin === null ? null : begin[spec]!;
    const last = spec === null || end === null ? null : end[spec]!;
    slice.stride.push(stride);
    if (dim === null) {
      slice.begin.push(0);
      slice.sizes.push(shrink ? 1 : null);
      return;
    }
    if (shrink && stride <= 0) throw new ValueError('only stride 1 allowed on non-range indexing.');
    const [low, high] = stride > 0 ? [0, dim] : [-1, dim - 1];
    const within = (x: number): number => Math.min(Math.max(x < 0 ? dim + x : x, low), high);
    if (shrink) {
      const index = first === null ? null : first < 0 ? dim + first : first;
      if (index !== null && last !== null && (index < 0 || index >= dim))
        throw new ValueError(`slice index ${index} of dimension ${i} out of bounds.`);
      slice.begin.push(index ?? 0);
      slice.sizes.push(1);
      return;
    }
    const from = fromStart ? (stride > 0 ? low : high) : first === null ? null : within(first);
    const to = toEnd ? (stride > 0 ? high : low) : last === null ? null : within(last);
    slice.begin.push(from ?? 0);
    slice.sizes.push(from === null || to === null ? null : Math.max(0, Math.ceil((to - from) / stride)));
  });
  return { ...slice, shape: layout.map((at) => (at === 'new' ? 1 : slice.sizes[at]!)) };
};
