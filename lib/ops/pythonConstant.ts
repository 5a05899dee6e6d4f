// What TensorFlow's Python knows of a value while a graph is built: less than constant folding does. Choices that decide which operations
// a gradient adds must know no more than it.
import { constantValue } from '../core/constantValue.js';
import type { Tensor } from '../core/graph.js';
import type { NDArray } from '../core/ndarray.js';

/** Ops whose values it follows. Those of shapes need no values of their inputs. */
const FOLLOWED = new Set(['Const', 'Range', 'Cast', 'Concat', 'ConcatV2', 'Pack', 'Fill', 'Equal', 'NotEqual']);
const OF_SHAPES = new Set(['Shape', 'Size', 'Rank']);

const isFollowed = (tensor: Tensor): boolean =>
  OF_SHAPES.has(tensor.op.type) || (FOLLOWED.has(tensor.op.type) && tensor.op.inputs.every(isFollowed));

/** The value of a tensor where TensorFlow's `constant_value` gives one; null elsewhere. */
export const pythonConstant = (tensor: Tensor): NDArray | null => (isFollowed(tensor) ? constantValue(tensor) : null);
