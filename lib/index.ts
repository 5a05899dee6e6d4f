// The public names of grafo, and nothing else.

export type { CompileOptions } from './compile/stage.js';
export { type ConvertOptions, convertToTensor, type TensorLike } from './core/convert.js';
export type { TensorSource } from './core/defineOp.js';
export type { DeviceSpec } from './core/device.js';
export * from './core/dtype.js';
export * as errors from './core/errors.js';
export { GrafoError } from './core/errors.js';
export { Graph, getDefaultGraph, Operation, resetDefaultGraph, Tensor } from './core/graph.js';
export type { GraphDef, NodeDef } from './core/graphDef.js';
export { IndexedSlices } from './core/indexedSlices.js';
export type { NestedValue } from './core/literal.js';
export { type ArrayLike, NDArray, type NestedArray, ndarray, type Scalar } from './core/ndarray.js';
export type { Named } from './core/options.js';
export { type Dim, type ShapeLike, TensorShape } from './core/shape.js';
export { type Differentiable, type GradientsOptions, gradients } from './grad/gradients.js';
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
  type ConstantOptions,
  constant,
  type FilledOptions,
  identity,
  identityN,
  type LikeOptions,
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
  type AxisOptions,
  broadcastTo,
  expandDims,
  fill,
  invertPermutation,
  type OutTypeOptions,
  rank,
  reshape,
  type ShapeArgument,
  shape,
  shapeN,
  size,
  squeeze,
} from './ops/arrayShape.js';
export { cast, saturateCast, toDouble, toFloat, toInt32, toInt64 } from './ops/cast.js';
export {
  type ClipByGlobalNormOptions,
  type ClipByNormOptions,
  type Clippable,
  clipByGlobalNorm,
  clipByNorm,
  clipByValue,
  globalNorm,
} from './ops/clip.js';
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
export {
  Assert,
  type AssertOptions,
  checkNumerics,
  type Dependency,
  group,
  noOp,
  Print,
  type PrintOptions,
  type TupleOptions,
  tuple,
} from './ops/control.js';
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
export {
  type BooleanMaskOptions,
  booleanMask,
  type GatherOptions,
  gather,
  type OneHotOptions,
  oneHot,
  type UniqueOptions,
  unique,
  uniqueWithCounts,
  unsortedSegmentSum,
} from './ops/gather.js';
export type { Index, IndexEntry } from './ops/indexing.js';
export * from './ops/initializers.js';
export {
  concat,
  type SplitOptions,
  type StackOptions,
  split,
  stack,
  stack as pack,
  type UnstackOptions,
  unstack,
  unstack as unpack,
} from './ops/join.js';
export { type MatMulOptions, matmul, type TensordotAxes, tensordot } from './ops/linalg.js';
export { type PadOptions, pad, reverse, type TransposeOptions, tile, transpose } from './ops/move.js';
export {
  getSeed,
  type NormalOptions,
  type RandomOptions,
  randomNormal,
  randomUniform,
  setRandomSeed,
  truncatedNormal,
  type UniformOptions,
} from './ops/random.js';
export {
  type Axis,
  type Reduce,
  type ReduceOptions,
  reduceAll,
  reduceAny,
  reduceLogsumexp,
  reduceMax,
  reduceMean,
  reduceMin,
  reduceProd,
  reduceSum,
} from './ops/reduce.js';
export { type ArgOptions, argMax, argMin, argmax, argmin, cumprod, cumsum, type ScanOptions } from './ops/scan.js';
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
export { linspace, type RangeOptions, range } from './ops/sequence.js';
export { type StridedSliceOptions, slice, stridedSlice } from './ops/slicing.js';
export {
  type AssignOptions,
  assign,
  assignAdd,
  assignSub,
  isVariableInitialized,
  type RefLike,
  scatterAdd,
  scatterDiv,
  scatterMax,
  scatterMin,
  scatterMul,
  scatterSub,
  scatterUpdate,
  type UpdateOptions,
} from './ops/state.js';
export { dynamicStitch, setdiff1d } from './ops/stitch.js';
export { type InitialValue, Variable, type VariableOptions } from './ops/variable.js';
export {
  AUTO_REUSE,
  type GetVariableOptions,
  getVariable,
  getVariableScope,
  type Regularizer,
  type Reuse,
  type ScopeDefaults,
  type VariableScopeOptions,
  variableScope,
} from './ops/variableScope.js';
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
export type { Callable, CallableOptions } from './runtime/callable.js';
export type { DeviceInfo, GpuOptions } from './runtime/devices.js';
export { doctor, doctorText, type Report } from './runtime/doctor.js';
export { getDefaultSession, InteractiveSession } from './runtime/eval.js';
export type { FeedKey, Feeds, FeedValueLike } from './runtime/feeds.js';
export type { Fetch, Fetched, IndexedSlicesValue } from './runtime/fetches.js';
export type { RunLimits, StopSignal } from './runtime/limits.js';
export type { NativeMemory } from './runtime/native.js';
export {
  type LoopFeed,
  type LoopFeeds,
  type LoopPair,
  type Stepped,
  type StepSource,
  stepped,
} from './runtime/runLoop.js';
export { type RunOptions, Session, type SyncRunOptions } from './runtime/session.js';
export type { SessionOptions } from './runtime/sessionOptions.js';
export { type ChromeTrace, type RunMetadata, Trace, type TracedStep, type TraceRow } from './runtime/trace.js';
