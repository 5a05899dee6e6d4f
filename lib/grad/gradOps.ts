// The ops that gradients themselves are built of.
import { findOp } from '../core/defineOp.js';
import type { Tensor } from '../core/graph.js';
import type { IndexedSlices } from '../core/indexedSlices.js';

export { constant, identity, rawZerosLike, zerosLike } from '../ops/array.js';
export { fill, shape } from '../ops/arrayShape.js';
export { cast } from '../ops/cast.js';
export { concat } from '../ops/join.js';

/** The sum of tensors; a single one is itself, as in TensorFlow. */
export const addN = (inputs: readonly (Tensor | IndexedSlices)[]): Tensor =>
  inputs.length === 1 ? (inputs[0] as Tensor) : findOp('AddN')!({ inputs }, {}, {}).output;
