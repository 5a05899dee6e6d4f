// Reductions over axes: Sum, Mean, Prod, Max, Min, All, Any, and log-sum-exp made of them.
import { constOp } from '../core/constOp.js';
import { convertToTensor, needValue, type TensorLike } from '../core/convert.js';
import { defineOp, graphOf, type Named, type OpDefinition, type OpRow, type ShapeContext } from '../core/defineOp.js';
import { int32, int64 } from '../core/dtype.js';
import { InvalidArgumentError, ValueError } from '../core/errors.js';
import { Tensor } from '../core/graph.js';
import { type LowerContext, REDUCERS } from '../core/lowering.js';
import { NDArray } from '../core/ndarray.js';
import { type OptionNames, optionsOf } from '../core/options.js';
import { type Dim, TensorShape, UNKNOWN } from '../core/shape.js';
import { stopGradient, zerosLike } from './array.js';
import { rank as rankTensor, reshape, shape } from './arrayShape.js';
import { isFinite, select } from './compare.js';
import { add, exp, log, subtract } from './elementwise.js';
import { hostReduce, larger, normalAxes, smaller } from './hostMath.js';
import { numbersOf } from './hostValue.js';
import { NUMBERS } from './kinds.js';
import { maxGrad, meanGrad, prodGrad, sumGrad } from './reduceGrad.js';
import { opScope } from './scopes.js';
import { range } from './sequence.js';
import { needRankAtMost, unknownDims } from './shapeRules.js';

type Reduced = { readonly input: 'T'; readonly reduction_indices: 'Tidx' };
type ReducedBool = { readonly input: 'bool'; readonly reduction_indices: 'Tidx' };

/** The shape after a reduction, as far as the axes and the input are known. */
const reducedStaticShape = (c: ShapeContext): readonly TensorShape[] => {
  const input = c.shape('input');
  needRankAtMost(c.shape('reduction_indices'), 1);
  const keep = c.attr<boolean>('keep_dims');
  const indices = c.value('reduction_indices');
  if (input.dims === null || indices === null)
    return [keep && input.dims !== null ? unknownDims(input.dims.length) : UNKNOWN];
  const rank = input.dims.length;
  const axes = numbersOf(indices);
  for (const axis of axes) {
    if (axis >= -rank && axis < rank) continue;
    throw new ValueError(
      c.planning === true
        ? `Invalid reduction dimension (${axis} for input with ${rank} dimension(s)`
        : `Invalid reduction dimension ${axis} for input with ${rank} dimensions.`,
    );
  }
  const reduced = normalAxes(axes, rank);
  const dims: Dim[] = input.dims.flatMap((dim, i) => (reduced.includes(i) ? (keep ? [1] : []) : [dim]));
  return [new TensorShape(dims)];
};

/** The axes of a run, checked: non-negative, sorted, without repeats. */
const runAxes = (c: LowerContext): number[] => {
  const rank = c.input('input').shape.length;
  const given = c.hostNumbers('reduction_indices');
  for (const axis of given) {
    if (axis < -rank || axis >= rank)
      throw new InvalidArgumentError(`Invalid reduction dimension (${axis} for input with ${rank} dimension(s)`);
  }
  return normalAxes(given, rank);
};

const lowerReduce =
  (type: (typeof REDUCERS)[number]) =>
  (c: LowerContext): void => {
    const axes = runAxes(c);
    const input = c.input('input');
    // Nothing to reduce: the same elements (TensorFlow drops dimensions of one before it looks, so that -0 stays -0).
    if (axes.length === 0) c.alias(0, input);
    else if (axes.every((axis) => input.shape[axis] === 1)) c.alias(0, c.view(input, c.outputs[0]!.shape));
    else c.kernel('Reduce', [input], c.outputs, (words) => words.i32(REDUCERS.indexOf(type), axes.length, ...axes));
  };

const common = {
  shape: reducedStaticShape,
  hostInputs: ['reduction_indices'],
} as const;
const INDEX = { type: 'type', allowed: [int32, int64], default: int32 } as const;

const defineReduction = (
  type: (typeof REDUCERS)[number],
  grad: OpDefinition<Reduced>['grad'],
  host?: OpDefinition<Reduced>['host'],
): OpRow<Reduced> =>
  defineOp(type, {
    ...common,
    inputs: { input: 'T', reduction_indices: 'Tidx' },
    outputs: { output: 'T' },
    attrs: { keep_dims: { type: 'bool', default: false }, T: { type: 'type', allowed: NUMBERS }, Tidx: INDEX },
    lower: lowerReduce(type),
    grad,
    ...(host === undefined ? {} : { host }),
  });
const defineLogicalReduction = (type: 'All' | 'Any', host: OpDefinition['host'] & {}): OpRow<ReducedBool> =>
  defineOp(type, {
    ...common,
    inputs: { input: 'bool', reduction_indices: 'Tidx' },
    outputs: { output: 'bool' },
    attrs: { keep_dims: { type: 'bool', default: false }, Tidx: INDEX },
    lower: lowerReduce(type),
    grad: 'none',
    host,
  });

type Grad = OpDefinition<Reduced>['grad'];
const gradient =
  (compute: (dy: Tensor, view: Parameters<Exclude<Grad, string>>[1]) => Tensor): Grad =>
  ([dy], view) => ({ input: compute(dy!, view), reduction_indices: null });

export const sumOp = defineReduction(
  'Sum',
  gradient((dy, { inputs }) => sumGrad(dy, inputs.input, inputs.reduction_indices)),
  hostReduce(0n, (x, y) => x + y),
);
export const meanOp = defineReduction(
  'Mean',
  gradient((dy, { inputs, outputs }) => meanGrad(dy, inputs.input, inputs.reduction_indices, outputs[0]!)),
);
export const prodOp = defineReduction(
  'Prod',
  gradient((dy, { inputs }) => prodGrad(dy, inputs.input, inputs.reduction_indices)),
  hostReduce(1n, (x, y) => x * y),
);
export const maxOp = defineReduction(
  'Max',
  gradient((dy, { inputs, outputs }) => maxGrad(dy, inputs.input, inputs.reduction_indices, outputs[0]!)),
  hostReduce(null, larger),
);
export const minOp = defineReduction(
  'Min',
  gradient((dy, { inputs, outputs }) => maxGrad(dy, inputs.input, inputs.reduction_indices, outputs[0]!)),
  hostReduce(null, smaller),
);
export const allOp = defineLogicalReduction(
  'All',
  hostReduce(1n, (x, y) => x & y),
);
export const anyOp = defineLogicalReduction(
  'Any',
  hostReduce(0n, (x, y) => x | y),
);

/** One axis, several, or a tensor of them; negative ones count from the end. */
export type Axis = number | readonly number[] | TensorLike;
/** Options of reductions. */
export interface ReduceOptions extends Named {
  /** What to reduce; every axis by default. */
  readonly axis?: Axis | null | undefined;
  /** The older name of `axis`. */
  readonly reductionIndices?: Axis | null | undefined;
  readonly reduction_indices?: Axis | null | undefined;
  /** Whether reduced axes stay, with size 1. */
  readonly keepDims?: boolean | undefined;
  readonly keepdims?: boolean | undefined;
  readonly keep_dims?: boolean | undefined;
}
const REDUCTION: OptionNames<ReduceOptions> = {
  name: true,
  axis: true,
  reductionIndices: true,
  reduction_indices: true,
  keepDims: true,
  keepdims: true,
  keep_dims: true,
};

/** One of an argument's two names; ValueError where both are given. */
export const oneOf = <T>(
  newName: string,
  value: T | null | undefined,
  oldName: string,
  old: T | null | undefined,
): T | undefined => {
  if (value !== undefined && value !== null && old !== undefined && old !== null)
    throw new ValueError(`Cannot specify both '${oldName}' and '${newName}'`);
  return value ?? old ?? undefined;
};

interface Reduction {
  readonly axis: Axis | undefined;
  readonly keepDims: boolean;
  readonly name: string | undefined;
}

const reductionOf = (
  what: string,
  input: TensorLike,
  axis: Axis | ReduceOptions | null | undefined,
  keepDims: boolean | ReduceOptions | undefined,
  options: ReduceOptions | undefined,
): Reduction => {
  const all = optionsOf(what, REDUCTION, options, { axis, keepDims });
  needValue(what, 'input', input);
  const old = all.reductionIndices ?? all.reduction_indices;
  return {
    axis: oneOf<Axis>('axis', all.axis, 'reduction_indices', old),
    keepDims: oneOf('keepdims', all.keepdims ?? all.keepDims, 'keep_dims', all.keep_dims) ?? false,
    name: all.name,
  };
};

/** Every axis of x: a constant where x is a tensor of known rank, else computed from its rank. */
const allAxes = (x: TensorLike): Tensor => {
  const ndims = x instanceof Tensor ? x.shape.rank : null;
  if (ndims === null) return range(0, rankTensor(x));
  const axes = Int32Array.from({ length: ndims }, (_, i) => i);
  const graph = graphOf([x]);
  return graph.asDefault(() => constOp(graph, new NDArray(int32, [ndims], axes), 'Const'));
};

/** Axes as an input: a list keeps int32 even where it is empty. */
const axisInput = (axis: Axis): TensorLike =>
  Array.isArray(axis) && axis.every((item) => typeof item === 'number') ? integerList(axis as number[]) : axis;
const integerList = (axis: readonly number[]): TensorLike =>
  axis.every(Number.isSafeInteger) ? Int32Array.from(axis) : axis;

const build = (row: OpRow<Reduced> | OpRow<ReducedBool>, input: TensorLike, to: Reduction): Tensor => {
  const axes = to.axis === undefined ? allAxes(input) : axisInput(to.axis);
  const call = row as OpRow<Reduced>;
  const result = call({ input, reduction_indices: axes }, { keep_dims: to.keepDims }, { name: to.name }).output;
  return scalarWhereSure(result, to);
};

/** A full reduction gives a scalar, even where the rank is unknown. */
const scalarWhereSure = (result: Tensor, to: Reduction): Tensor => {
  if (!result.shape.isFullyDefined && !to.keepDims && to.axis === undefined) result.setShape([]);
  return result;
};

/** The arguments of a reduction: the axis and whether to keep it may be positional. */
export type Reduce = (
  input: TensorLike,
  axis?: Axis | ReduceOptions | null,
  keepDims?: boolean | ReduceOptions,
  options?: ReduceOptions,
) => Tensor;

const reduction =
  (what: string, row: () => OpRow<Reduced> | OpRow<ReducedBool>): Reduce =>
  (input, axis, keepDims, options) =>
    build(row(), input, reductionOf(what, input, axis, keepDims, options));

/**
 * The sum over axes, 0 of nothing. InvalidArgumentError "Invalid reduction dimension (5 for input with 2 dimension(s)", or where the
 * axis is known when the graph is built, ValueError "Invalid reduction dimension 5 for input with 2 dimensions.".
 *
 * @example tf.reduceSum([[1, 2], [3, 4]], [1]) // [3, 7]
 */
export const reduceSum: Reduce = reduction('reduceSum', () => sumOp);
/**
 * The mean over axes: integers are truncated, NaN of nothing.
 *
 * @example tf.reduceMean([[1, 2], [3, 4]], { axis: 0, keepDims: true }) // [[2, 3]]
 */
export const reduceMean: Reduce = reduction('reduceMean', () => meanOp);
/**
 * The product over axes, 1 of nothing.
 *
 * @example tf.reduceProd([[1, 2], [3, 4]]) // 24
 */
export const reduceProd: Reduce = reduction('reduceProd', () => prodOp);
/**
 * The largest element over axes; of nothing the lowest number there is. Its gradient is shared among equal maxima.
 *
 * @example tf.reduceMax([[1, 2], [3, 4]], 1) // [2, 4]
 */
export const reduceMax: Reduce = reduction('reduceMax', () => maxOp);
/**
 * The smallest element over axes; of nothing the highest number there is.
 *
 * @example tf.reduceMin([[1, 2], [3, 4]], 1) // [1, 3]
 */
export const reduceMin: Reduce = reduction('reduceMin', () => minOp);
/**
 * Whether all bools are true; true of nothing.
 *
 * @example tf.reduceAll([[true, false], [true, true]], 1) // [false, true]
 */
export const reduceAll: Reduce = reduction('reduceAll', () => allOp);
/**
 * Whether any bool is true; false of nothing.
 *
 * @example tf.reduceAny([[true, false], [false, false]], 1) // [true, false]
 */
export const reduceAny: Reduce = reduction('reduceAny', () => anyOp);

/**
 * `log(sum(exp(x)))` over axes, without overflow.
 *
 * @example tf.reduceLogsumexp([0, 0, 0]) // 1.0986123
 */
export const reduceLogsumexp: Reduce = (input, axis, keepDims, options) => {
  const to = reductionOf('reduceLogsumexp', input, axis, keepDims, options);
  const value = convertToTensor(input);
  return opScope(to.name, 'ReduceLogSumExp', [value], () => {
    const rawMax = build(maxOp, value, { ...to, name: undefined, keepDims: true });
    let max = stopGradient(select(isFinite(rawMax), rawMax, zerosLike(rawMax)));
    const summed = build(sumOp, exp(subtract(value, max)), { ...to, name: undefined });
    const result = log(summed);
    if (!to.keepDims) max = reshape(max, shape(result));
    return scalarWhereSure(add(result, max), to);
  });
};
