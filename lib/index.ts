// The public names of grafo, and nothing else.

export { convertToTensor, type TensorLike } from './core/convert.js';
export * from './core/dtype.js';
export * as errors from './core/errors.js';
export { GrafoError } from './core/errors.js';
export { Graph, getDefaultGraph, Operation, resetDefaultGraph, Tensor } from './core/graph.js';
export { IndexedSlices } from './core/indexedSlices.js';
export { type ArrayLike, NDArray, ndarray } from './core/ndarray.js';
export { TensorShape } from './core/shape.js';
export { gradients } from './grad/gradients.js';
export * as nn from './nn.js';
export * as train from './train.js';

import './ops/methods.js';

export { addN } from './ops/addN.js';
export {
  add,
  atan2,
  divide,
  divNoNan,
  divPython2 as div,
  floorDiv,
  floordiv,
  floormod,
  maximum,
  minimum,
  mod,
  mul,
  mulNoNan,
  multiply,
  multiplyNoNan,
  pow,
  realdiv,
  scalarMul,
  squaredDifference,
  sub,
  subtract,
  truediv,
  truncatediv,
  truncatemod,
  xdivy,
  xlogy,
} from './ops/arithmetic.js';
export {
  constant,
  identity,
  identityN,
  ones,
  onesLike,
  placeholder,
  placeholderWithDefault,
  preventGradient,
  stopGradient,
  zeros,
  zerosLike,
} from './ops/array.js';
export {
  broadcastTo,
  expandDims,
  fill,
  invertPermutation,
  rank,
  reshape,
  shape,
  shapeN,
  size,
  squeeze,
} from './ops/arrayShape.js';
export { cast, saturateCast, toDouble, toFloat, toInt32, toInt64 } from './ops/cast.js';
export { clipByGlobalNorm, clipByNorm, clipByValue, globalNorm } from './ops/clip.js';
export {
  equal,
  greater,
  greaterEqual,
  isFinite,
  isInf,
  isNan,
  less,
  lessEqual,
  logicalAnd,
  logicalNot,
  logicalOr,
  logicalXor,
  notEqual,
  select,
  where,
  whereV2,
} from './ops/compare.js';
export { Assert, checkNumerics, group, noOp, Print, tuple } from './ops/control.js';
export {
  abs,
  acos,
  acosh,
  asin,
  asinh,
  atan,
  atanh,
  ceil,
  cos,
  cosh,
  erf,
  erfc,
  exp,
  expm1,
  floor,
  inv,
  log,
  log1p,
  logSigmoid,
  neg,
  negative,
  reciprocal,
  rint,
  round,
  rsqrt,
  sigmoid,
  sign,
  sin,
  sinh,
  sqrt,
  square,
  tan,
  tanh,
} from './ops/elementwise.js';
export { booleanMask, gather, oneHot, unique, uniqueWithCounts, unsortedSegmentSum } from './ops/gather.js';
export * from './ops/initializers.js';
export { concat, split, stack, stack as pack, unstack, unstack as unpack } from './ops/join.js';
export { matmul, tensordot } from './ops/linalg.js';
export { pad, reverse, tile, transpose } from './ops/move.js';
export { getSeed, randomNormal, randomUniform, setRandomSeed, truncatedNormal } from './ops/random.js';
export {
  reduceAll,
  reduceAny,
  reduceLogsumexp,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceProd,
  reduceSum,
} from './ops/reduce.js';
export { argMax, argMin, argmax, argmin, cumprod, cumsum } from './ops/scan.js';
export {
  addToCollection,
  colocateWith,
  controlDependencies,
  device,
  GraphKeys,
  getCollection,
  nameScope,
  withControl,
} from './ops/scopes.js';
export { linspace, range } from './ops/sequence.js';
export { slice, stridedSlice } from './ops/slicing.js';
export {
  assign,
  assignAdd,
  assignSub,
  isVariableInitialized,
  scatterAdd,
  scatterDiv,
  scatterMax,
  scatterMin,
  scatterMul,
  scatterSub,
  scatterUpdate,
} from './ops/state.js';
export { dynamicStitch, setdiff1d } from './ops/stitch.js';
export { Variable } from './ops/variable.js';
export { AUTO_REUSE, getVariable, getVariableScope, variableScope } from './ops/variableScope.js';
export {
  globalVariables,
  globalVariablesInitializer,
  initializeAllVariables,
  localVariables,
  localVariablesInitializer,
  reportUninitializedVariables,
  trainableVariables,
  variablesInitializer,
} from './ops/variables.js';
export { doctor, doctorText } from './runtime/doctor.js';
export { getDefaultSession, InteractiveSession } from './runtime/eval.js';
export { stepped } from './runtime/runLoop.js';
export { Session } from './runtime/session.js';
export { Trace } from './runtime/trace.js';
