// The ops that gradients themselves are built of.
export { addN } from '../ops/addN.js';
export { constant, identity, rawZerosLike, zerosLike } from '../ops/array.js';
export { fill, shape } from '../ops/arrayShape.js';
export { cast } from '../ops/cast.js';
export { tuple } from '../ops/control.js';
export { concat } from '../ops/join.js';
