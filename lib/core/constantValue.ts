// What is known of a tensor's value without running: constants, shapes, and arithmetic on them.
import type { AttrValue } from './attrs.js';
import type { Tensor } from './graph.js';
import type { NDArray } from './ndarray.js';
import { type Dim, TensorShape, UNKNOWN } from './shape.js';

const MAX_DEPTH = 200;

/** The value of a tensor where it follows from constants and known shapes; null otherwise. */
export const constantValue = (tensor: Tensor): NDArray | null => evaluate(tensor, new Map(), 0);

const evaluate = (tensor: Tensor, memo: Map<Tensor, NDArray | null>, depth: number): NDArray | null => {
  const known = memo.get(tensor);
  if (known !== undefined) return known;
  const { op } = tensor;
  const host = op.row.host;
  let result: NDArray | null = null;
  if (host !== undefined && depth < MAX_DEPTH) {
    const values = op.inputs.map((input) => evaluate(input, memo, depth + 1));
    result =
      host({
        shapes: op.inputs.map((input) => input.shape),
        values,
        outputs: op.outputs.map((output) => output.dtype),
        attr: <T extends AttrValue>(name: string) => op.attr<T>(name),
      })?.[tensor.valueIndex] ?? null;
  }
  memo.set(tensor, result);
  return result;
};

/**
 * The elements of a small integer tensor in flat order, as far as they are known: `tf.shape(x)` of x `(?, 3)` gives `[null, 3]`.
 * null where not even their number is known.
 */
export const partialValue = (tensor: Tensor, depth = 0): readonly Dim[] | null => {
  const exact = constantValue(tensor);
  if (exact !== null) {
    return exact.dtype.isInteger ? Array.from(exact.data as Int32Array, Number) : null;
  }
  const known =
    depth < MAX_DEPTH ? tensor.op.row.partial?.(tensor.op, (input) => partialValue(input, depth + 1)) : undefined;
  if (known !== undefined && known !== null) return known;
  const size = tensor.shape.numElements;
  return size === null || size > 1024 ? null : new Array<Dim>(size).fill(null);
};

/** The value of a shape-valued tensor, as far as it is known: `[tf.shape(x)[0], 3]` gives `(?, 3)`. A scalar is an unknown rank. */
export const constantValueAsShape = (tensor: Tensor): TensorShape => {
  if (tensor.shape.rank !== 1) return UNKNOWN;
  const dims = partialValue(tensor);
  return dims === null ? UNKNOWN : new TensorShape(dims.map((dim) => (dim === null || dim < 0 ? null : dim)));
};
