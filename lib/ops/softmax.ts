// Softmax and log-softmax over any axis: the operations work on the last one, others are moved there and back. (Plans for the CPU move nothing.)
import { convertToTensor, needValue, type TensorLike, tensorOf } from '../core/convert.js';
import { defineOp, type Named, type OpRow } from '../core/defineOp.js';
import { InvalidArgumentError } from '../core/errors.js';
import type { Tensor } from '../core/graph.js';
import { type OptionNames, optionsOf } from '../core/options.js';
import { rank as rankTensor } from './arrayShape.js';
import { less, select } from './compare.js';
import { exp, subtract } from './elementwise.js';
import { concat } from './join.js';
import { REAL } from './kinds.js';
import { transpose } from './move.js';
import * as py from './operators.js';
import { pythonConstant } from './pythonConstant.js';
import { oneOf, reduceSum } from './reduce.js';
import { range } from './sequence.js';
import { needRankAtLeast } from './shapeRules.js';

type Logits = { readonly logits: 'T' };

export const softmaxOp: OpRow<Logits> = defineOp('Softmax', {
  inputs: { logits: 'T' },
  outputs: { softmax: 'T' },
  attrs: { T: { type: 'type', allowed: REAL } },
  shape: (c) => [needRankAtLeast(c.inputs[0]!, 1)],
  grad: ([dy], { outputs }) => {
    const softmaxOut = outputs[0]!;
    const sum = reduceSum(py.mul(dy!, softmaxOut), -1, { keepDims: true });
    return { logits: py.mul(py.sub(dy!, sum), softmaxOut) };
  },
  lower: (c) => c.kernel('Softmax', c.inputs, c.outputs),
});

export const logSoftmaxOp: OpRow<Logits> = defineOp('LogSoftmax', {
  inputs: { logits: 'T' },
  outputs: { logsoftmax: 'T' },
  attrs: { T: { type: 'type', allowed: REAL } },
  shape: (c) => [needRankAtLeast(c.inputs[0]!, 1)],
  grad: ([dy], { outputs }) => {
    const probabilities = exp(outputs[0]!);
    return { logits: py.sub(dy!, py.mul(reduceSum(dy!, -1, { keepDims: true }), probabilities)) };
  },
  lower: (c) => c.kernel('LogSoftmax', c.inputs, c.outputs),
});

/** Options of `softmax` and `logSoftmax`. */
export interface SoftmaxOptions extends Named {
  /** The axis the probabilities sum to 1 over; the last one by default. */
  readonly axis?: number | Tensor | undefined;
  /** The older name of `axis`. */
  readonly dim?: number | Tensor | undefined;
}
const SOFTMAX: OptionNames<SoftmaxOptions> = { name: true, axis: true, dim: true };

type AxisLike = number | Tensor;

/** Exchanges an axis with the last one. */
const swapAxis = (x: Tensor, axis: AxisLike, last: Tensor, name?: string): Tensor => {
  const before = range(axis);
  const between = range(typeof axis === 'number' ? axis + 1 : py.add(axis, 1), last);
  const index = (one: AxisLike): TensorLike => (typeof one === 'number' ? Int32Array.of(one) : [one]);
  return transpose(x, concat([before, [last], between, index(axis)], 0), { name });
};

const build = (row: OpRow<Logits>, input: TensorLike, dim: AxisLike, name: string | undefined): Tensor => {
  const logits = tensorOf(input) ?? convertToTensor(input);
  const { rank } = logits.shape;
  const compute = (x: Tensor, of?: string): Tensor => row({ logits: x }, {}, { name: of }).output;
  if (dim === -1 || (rank !== null && dim === rank - 1)) return compute(logits, name);
  const value = typeof dim === 'number' ? dim : Number(pythonConstant(dim)?.data[0] ?? Number.NaN);
  if (rank !== null && (value < -rank || value >= rank)) {
    throw new InvalidArgumentError(
      `Dimension (${value}) must be in the range [${-rank}, ${rank}) where ${rank} is the number of dimensions in the input.`,
    );
  }
  const ndims = rankTensor(logits);
  let positive: AxisLike = dim;
  if (typeof dim !== 'number') positive = select(less(dim, 0), py.add(dim, ndims), dim);
  else if (dim < 0) positive = py.radd(dim, ndims);
  const inputRank = rankTensor(logits);
  const axis: AxisLike = typeof positive === 'number' ? positive : py.mod(positive, rank ?? ndims);
  const swapped = swapAxis(logits, axis, subtract(inputRank, 1));
  const output = compute(swapped);
  const result = swapAxis(output, axis, subtract(inputRank, 1), name);
  result.setShape(logits.shape);
  return result;
};

type Softmax = (logits: TensorLike, axis?: AxisLike | SoftmaxOptions | null, options?: SoftmaxOptions) => Tensor;
const builder =
  (what: string, row: () => OpRow<Logits>): Softmax =>
  (logits, axis, options) => {
    const all = optionsOf(what, SOFTMAX, options, { axis });
    needValue(what, 'logits', logits);
    return build(row(), logits, oneOf<AxisLike>('axis', all.axis, 'dim', all.dim) ?? -1, all.name);
  };

/**
 * `exp(x) / sum(exp(x))` over an axis, without overflow: floats of rank 1 or more.
 *
 * @example tf.nn.softmax([0, 0]) // [0.5, 0.5]
 */
export const softmax: Softmax = builder('softmax', () => softmaxOp);
/**
 * `log(softmax(x))` over an axis, without overflow.
 *
 * @example tf.nn.logSoftmax([0, 0]) // [-0.6931472, -0.6931472]
 */
export const logSoftmax: Softmax = builder('logSoftmax', () => logSoftmaxOp);
