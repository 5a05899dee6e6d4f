// Index lists on the host: merging lists by index, and what one list has that another has not. Gradients of reductions use them.
import { constantValue } from '../core/constantValue.js';
import type { TensorLike } from '../core/convert.js';
import { defineOp, type Named } from '../core/defineOp.js';
import { type DType, INTEGERS, int32, int64 } from '../core/dtype.js';
import type { Tensor } from '../core/graph.js';
import { NDArray } from '../core/ndarray.js';
import { nameIn } from '../core/options.js';
import { TensorShape } from '../core/shape.js';
import { fromNumbers, MAX_HOST_SIZE, numbersOf } from './hostValue.js';
import { needRank } from './shapeRules.js';

/** Integers as they are: an int64 may be past what a number holds. */
const elementsOf = (array: NDArray): (number | bigint)[] => Array.from(array.data as Int32Array);
const fromElements = (dtype: DType, values: readonly (number | bigint)[]): NDArray => {
  const data = new dtype.array!(values.length);
  for (let i = 0; i < values.length; i++) data[i] = values[i] ?? (dtype.isBigInt ? 0n : 0);
  return new NDArray(dtype, [values.length], data);
};

// Only for lists of integers (shapes): rank 1 and known when a plan is made.
export const dynamicStitchOp = defineOp('DynamicStitch', {
  inputs: { indices: 'N*int32', data: 'N*T' },
  outputs: { merged: 'T' },
  attrs: { N: { type: 'int', minimum: 1 }, T: { type: 'type', allowed: INTEGERS } },
  shape: () => [new TensorShape([null])],
  grad: 'none',
  lower: 'host',
  hostInputs: ['indices', 'data'],
  host: (c) => {
    const count = c.values.length / 2;
    if (c.values.some((value) => value === null)) return null;
    const merged: (number | bigint)[] = [];
    for (let list = 0; list < count; list++) {
      const data = elementsOf(c.values[count + list]!);
      const indices = numbersOf(c.values[list]!);
      if (indices.length !== data.length || indices.some((to) => to < 0 || to >= MAX_HOST_SIZE)) return null;
      indices.forEach((to, i) => {
        merged[to] = data[i]!;
      });
    }
    return [fromElements(c.outputs[0]!, merged)];
  },
});
export const listDiffOp = defineOp('ListDiff', {
  inputs: { x: 'T', y: 'T' },
  outputs: { out: 'T', idx: 'out_idx' },
  attrs: {
    T: { type: 'type', allowed: INTEGERS },
    out_idx: { type: 'type', allowed: [int32, int64], default: int32 },
  },
  shape: (c) => {
    needRank(c.inputs[0]!, 1);
    needRank(c.inputs[1]!, 1);
    return [new TensorShape([null]), new TensorShape([null])];
  },
  grad: 'none',
  lower: 'host',
  hostInputs: ['x', 'y'],
  host: (c) => {
    const [x, y] = c.values;
    if (!x || !y) return null;
    const without = new Set(elementsOf(y));
    const kept = elementsOf(x).flatMap((value, i) => (without.has(value) ? [] : [{ value, i }]));
    return [
      fromElements(
        c.outputs[0]!,
        kept.map(({ value }) => value),
      ),
      fromNumbers(
        c.outputs[1]!,
        [kept.length],
        kept.map(({ i }) => i),
      ),
    ];
  },
});

/**
 * Lists merged by index: `merged[indices[k][i]] = data[k][i]`, later lists over earlier ones. For lists that are known when a plan is made.
 *
 * @example tf.dynamicStitch([[0, 2], [1]], [tf.range(5, 7), tf.range(8, 9)]) // [5, 8, 6]
 */
export const dynamicStitch = (
  indices: readonly TensorLike[],
  data: readonly TensorLike[],
  options: Named = {},
): Tensor => {
  const merged = dynamicStitchOp({ indices, data }, {}, options).output;
  // The shape rule sees one list's value; here all of them tell the length.
  const known = merged.op.inputs.slice(0, indices.length).map((list) => constantValue(list));
  if (known.every((value) => value !== null))
    merged.setShape([Math.max(0, ...known.flatMap((value) => numbersOf(value))) + 1]);
  return merged;
};

/**
 * The integers of x that y does not have, in order, and where they were in x. For lists that are known when a plan is made.
 *
 * @example tf.setdiff1d(tf.range(4), [1, 2]).out // [0, 3]
 */
export const setdiff1d = (
  x: TensorLike,
  y: TensorLike,
  options: Named = {},
): { readonly out: Tensor; readonly idx: Tensor } => {
  const { outputs } = listDiffOp({ x, y }, {}, { name: nameIn(options, 'setdiff1d') });
  return { out: outputs[0]!, idx: outputs[1]! };
};
