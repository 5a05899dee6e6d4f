// Cross entropies of logits and labels: softmax (labels as distributions or as class numbers), sigmoid and weighted sigmoid.
import { convertToTensor, type TensorLike, tensorOf } from '../core/convert.js';
import { defineOp, type Named } from '../core/defineOp.js';
import { int32, int64 } from '../core/dtype.js';
import { ValueError } from '../core/errors.js';
import type { Operation, Tensor } from '../core/graph.js';
import type { LowerContext, Value } from '../core/lowering.js';
import { checkOptions, isOptions, type OptionNames, optionsOf } from '../core/options.js';
import { broadcastShapes, TensorShape } from '../core/shape.js';
import { relu } from './activations.js';
import { preventGradient, stopGradient, zerosLike } from './array.js';
import { expandDims, rank as rankTensor, reshape, shape, squeeze } from './arrayShape.js';
import { cast } from './cast.js';
import { equal, greaterEqual, select } from './compare.js';
import { Assert } from './control.js';
import { abs, add, exp, log1p, neg, subtract } from './elementwise.js';
import { get } from './indexing.js';
import { concat } from './join.js';
import { REAL } from './kinds.js';
import { matmul } from './linalg.js';
import { transpose } from './move.js';
import * as py from './operators.js';
import { pythonConstant } from './pythonConstant.js';
import { oneOf, reduceAll } from './reduce.js';
import { orInRun } from './runText.js';
import { controlDependencies, opScope } from './scopes.js';
import { range } from './sequence.js';
import { mergeDims, mergeShapes, needRank } from './shapeRules.js';
import { slice } from './slicing.js';
import { logSoftmax, softmax } from './softmax.js';

/** A vector times the rows of a matrix. */
const timesRows = (vector: Tensor, matrix: Tensor): Tensor => py.mul(expandDims(vector, -1), matrix);

/** Whether a gradient is known to be all zeros: then the second-order part is left out. */
const isZero = (gradient: Tensor): boolean => {
  if (gradient.op.type === 'ZerosLike' || gradient.op.type === 'Zeros') return true;
  const value = pythonConstant(gradient);
  return value !== null && Array.from(value.data as Float64Array).every((item) => Number(item) === 0);
};

/** A value as an operand of exactly this shape: repeated where it is smaller. */
const broadcastTo = (c: LowerContext, value: Value, to: readonly number[]): Value => {
  if (value.shape.length === to.length && value.shape.every((dim, i) => dim === to[i])) return value;
  const full = c.temp(value.dtype, to);
  c.tape(to, (tape) => tape.output(full, tape.apply('Mul', [tape.input(value), tape.number(1, value.dtype)])));
  return full;
};

const sameMatrix = (a: TensorShape, b: TensorShape): TensorShape | null => {
  try {
    return mergeShapes(needRank(a, 2), b);
  } catch (error) {
    if (error instanceof ValueError) return null;
    throw error;
  }
};

export const softmaxXentOp = defineOp('SoftmaxCrossEntropyWithLogits', {
  inputs: { features: 'T', labels: 'T' },
  outputs: { loss: 'T', backprop: 'T' },
  attrs: { T: { type: 'type', allowed: REAL } },
  shape: (c) => {
    const [features, labels] = [c.shape('features'), c.shape('labels')];
    const matrix = sameMatrix(features, labels);
    if (matrix !== null) return [new TensorShape([matrix.dim(0)]), matrix];
    const merged = orInRun(
      c,
      () =>
        `logits and labels must be broadcastable: logits_size=${features.toBrackets()} labels_size=${labels.toBrackets()}`,
      () => broadcastShapes(features, labels),
    );
    if (merged.rank === null) throw new ValueError('Shape must be broadcasted with rank 2, but is rank is unknown.');
    if (merged.rank !== 2) throw new ValueError(`Shape must be broadcasted with rank 2, but is rank ${merged.rank}`);
    return [new TensorShape([merged.dim(0)]), merged];
  },
  grad: ([dLoss, dBackprop], { inputs: { features }, outputs }) => {
    let grad = timesRows(dLoss!, outputs[1]!);
    const second = dBackprop!;
    if (!isZero(second)) {
      const probabilities = softmax(features);
      const dot = matmul(expandDims(second, 1), expandDims(probabilities, 2));
      const centred = py.sub(second, squeeze(dot, [1]));
      grad = py.add(grad, py.mul(centred, probabilities));
    }
    // For the labels: the loss is linear in them.
    return { features: grad, labels: timesRows(dLoss!, neg(logSoftmax(features))) };
  },
  lower: (c) => {
    const to = c.outputs[1]!.shape;
    const inputs = [broadcastTo(c, c.input('features'), to), broadcastTo(c, c.input('labels'), to)];
    c.kernel('SoftmaxXent', inputs, c.outputs);
  },
});

export const sparseSoftmaxXentOp = defineOp('SparseSoftmaxCrossEntropyWithLogits', {
  inputs: { features: 'T', labels: 'Tlabels' },
  outputs: { loss: 'T', backprop: 'T' },
  attrs: {
    T: { type: 'type', allowed: REAL },
    Tlabels: { type: 'type', allowed: [int32, int64], default: int64 },
  },
  shape: (c) => {
    const features = needRank(c.shape('features'), 2);
    const labels = needRank(c.shape('labels'), 1);
    const batch = orInRun(
      c,
      () =>
        `logits and labels must have the same first dimension, got logits shape ${features.toBrackets()} and labels shape ${labels.toBrackets()}`,
      () => mergeDims(features.dim(0), labels.dim(0)),
    );
    if (c.planning === true && features.dim(1) === 0)
      throw new ValueError(`Must have at least one class, but got logits shape ${features.toBrackets()}`);
    return [new TensorShape([batch]), new TensorShape([batch, features.dim(1)])];
  },
  grad: ([dLoss], { outputs }) => {
    const backprop = preventGradient(outputs[1]!, {
      message:
        "Currently there is no way to take the second derivative of sparse_softmax_cross_entropy_with_logits due to the fused implementation's interaction with tf.gradients()",
    });
    return { features: timesRows(dLoss!, backprop), labels: null };
  },
  lower: (c) => c.kernel('SparseSoftmaxXent', c.inputs, c.outputs),
});

/** What cross entropies take, by name only. */
export interface CrossEntropyArguments extends Named {
  readonly labels: TensorLike;
  readonly logits: TensorLike;
}
const CROSS_ENTROPY: OptionNames<CrossEntropyArguments> = { name: true, labels: true, logits: true };
/** With an axis: of the classes, the last one by default. */
export interface SoftmaxCrossEntropyArguments extends CrossEntropyArguments {
  readonly axis?: number | undefined;
  /** The older name of `axis`. */
  readonly dim?: number | undefined;
}
const SOFTMAX_CROSS_ENTROPY: OptionNames<SoftmaxCrossEntropyArguments> = {
  name: true,
  labels: true,
  logits: true,
  axis: true,
  dim: true,
};

/** Labels and logits by name; ValueError where they came by position or are missing. */
const named = <T extends CrossEntropyArguments>(name: string, names: OptionNames<T>, given: T): T => {
  if (!isOptions<T>(given))
    throw new ValueError(`Only call \`${name}\` with named arguments (labels=..., logits=..., ...)`);
  checkOptions(name, given, names);
  const missing = (value: unknown): boolean => value === undefined || value === null;
  if (missing(given.labels) || missing(given.logits)) throw new ValueError('Both labels and logits must be provided.');
  return given;
};

/** An operation that fails where two shapes differ. */
const assertSameShape = (x: Tensor, y: Tensor): Operation =>
  opScope(null, 'assert_equal', [x, y], () => {
    const condition = reduceAll(equal(x, y));
    const texts = ['Condition x == y did not hold element-wise:', `x (${x.name}) = `, `y (${y.name}) = `] as const;
    return Assert(condition, [texts[0], texts[1], x, texts[2], y]);
  });

/** All but the last dimension as one. */
const flattenOuter = (logits: Tensor): Tensor => {
  const ndims = rankTensor(logits);
  const last = slice(shape(logits), [subtract(ndims, 1)], Int32Array.of(1));
  const output = reshape(logits, concat([Int32Array.of(-1), last], 0));
  const { dims } = logits.shape;
  if (dims !== null) {
    const outer = dims.slice(0, -1);
    if (!outer.includes(null))
      output.setShape([outer.reduce<number>((size, dim) => size * dim!, 1), dims[dims.length - 1]!]);
  }
  return output;
};

const moveToEnd = (x: Tensor, axis: number, ndims: Tensor): Tensor => {
  const before = range(axis);
  return transpose(x, concat([before, range(axis + 1, ndims), Int32Array.of(axis)], 0));
};

/**
 * Cross entropy of softmax(logits) against label distributions, per example; gradients flow into both. By name only.
 *
 * @example tf.nn.softmaxCrossEntropyWithLogitsV2({ labels: [[1, 0]], logits: [[0, 0]] }) // [0.6931472]
 */
export const softmaxCrossEntropyWithLogitsV2 = (given: SoftmaxCrossEntropyArguments): Tensor => {
  const all = named('softmax_cross_entropy_with_logits', SOFTMAX_CROSS_ENTROPY, given);
  const axis = oneOf('axis', all.axis, 'dim', all.dim) ?? -1;
  return opScope(all.name, 'softmax_cross_entropy_with_logits', [all.logits, all.labels], (scope) => {
    const preferredDtype = tensorOf(all.labels)?.dtype;
    const input = tensorOf(all.logits) ?? convertToTensor(all.logits, { name: 'logits', preferredDtype });
    let labels = tensorOf(all.labels) ?? convertToTensor(all.labels, { name: 'labels', preferredDtype: input.dtype });
    labels = cast(labels, input.dtype);
    let logits = input;
    const ndims = rankTensor(logits);
    if (axis !== -1) {
      logits = moveToEnd(logits, axis, ndims);
      labels = moveToEnd(labels, axis, ndims);
    }
    const inputShape = shape(logits);
    logits = flattenOuter(logits);
    labels = flattenOuter(labels);
    const loss = softmaxXentOp({ features: logits, labels }, {}, { name: scope }).outputs[0]!;
    const outputShape = slice(inputShape, Int32Array.of(0), [subtract(ndims, 1)]);
    const cost = reshape(loss, outputShape);
    const { dims } = input.shape;
    if (dims !== null) cost.setShape(dims.toSpliced(axis < 0 ? axis + dims.length : axis, 1));
    return cost;
  });
};

/**
 * `softmaxCrossEntropyWithLogitsV2` without a gradient for the labels: TensorFlow's older one. By name only: ValueError
 * "Only call `softmax_cross_entropy_with_logits` with named arguments (labels=..., logits=..., ...)".
 *
 * @example tf.nn.softmaxCrossEntropyWithLogits({ labels: [[1, 0]], logits: [[0, 0]] }) // [0.6931472]
 */
export const softmaxCrossEntropyWithLogits = (given: SoftmaxCrossEntropyArguments): Tensor => {
  const all = named('softmax_cross_entropy_with_logits', SOFTMAX_CROSS_ENTROPY, given);
  let name = all.name;
  const labels = opScope(name, 'softmax_cross_entropy_with_logits_sg', [all.logits, all.labels], (scope) => {
    // The loss is made in this scope too.
    name = scope;
    return stopGradient(all.labels, { name: 'labels_stop_gradient' });
  });
  return softmaxCrossEntropyWithLogitsV2({ ...all, labels, name });
};

/**
 * Cross entropy of softmax(logits) against class numbers (int32 or int64), per example. By name only.
 * InvalidArgumentError "Received a label value of 10 which is outside the valid range of [0, 10).  Label values: 10".
 *
 * @example tf.nn.sparseSoftmaxCrossEntropyWithLogits({ labels: [1], logits: [[0, 0]] }) // [0.6931472]
 */
export const sparseSoftmaxCrossEntropyWithLogits = (given: CrossEntropyArguments): Tensor => {
  const all = named('sparse_softmax_cross_entropy_with_logits', CROSS_ENTROPY, given);
  return opScope(all.name, 'SparseSoftmaxCrossEntropyWithLogits', [all.labels, all.logits], () => {
    let labels = tensorOf(all.labels) ?? convertToTensor(all.labels, { preferredDtype: int32 });
    let logits = tensorOf(all.logits) ?? convertToTensor(all.logits);
    const labelsStatic = labels.shape;
    const labelsShape = shape(labels);
    const outer = new TensorShape(logits.shape.dims?.slice(0, -1) ?? null);
    const known = labelsStatic.isFullyDefined && outer.isFullyDefined;
    const { rank } = logits.shape;
    if (rank === 0) throw new ValueError(`Logits cannot be scalars - received shape ${logits.shape}.`);
    if (rank !== null && labelsStatic.rank !== null && labelsStatic.rank !== rank - 1) {
      throw new ValueError(
        `Rank mismatch: Rank of labels (received ${labelsStatic.rank}) should equal rank of logits minus 1 (received ${rank}).`,
      );
    }
    if (known && !labelsStatic.equals(outer)) {
      throw new ValueError(
        `Shape mismatch: The shape of labels (received ${labelsStatic}) should equal the shape of logits except for the last dimension (received ${logits.shape}).`,
      );
    }
    const loss = (): Tensor => sparseSoftmaxXentOp({ features: logits, labels }, {}, { name: all.name }).outputs[0]!;
    if (rank === 2) return loss();
    const checks = known ? [] : [assertSameShape(shape(labels), get(shape(logits), [null, -1]))];
    return controlDependencies(checks, () => {
      const sizes = shape(logits);
      const classes = get(sizes, py.sub(rankTensor(logits), 1));
      logits = reshape(logits, [-1, classes]);
      labels = reshape(labels, Int32Array.of(-1));
      const cost = reshape(loss(), labelsShape);
      cost.setShape(labelsStatic);
      return cost;
    });
  });
};

/** Logits and labels as tensors of one shape, in the scope of a logistic loss. */
const logistic = (given: CrossEntropyArguments, compute: (x: Tensor, z: Tensor, scope: string) => Tensor): Tensor =>
  opScope(given.name, 'logistic_loss', [given.logits, given.labels], (scope) => {
    const preferredDtype = tensorOf(given.labels)?.dtype;
    const logits = tensorOf(given.logits) ?? convertToTensor(given.logits, { name: 'logits', preferredDtype });
    const labels =
      tensorOf(given.labels) ?? convertToTensor(given.labels, { name: 'labels', preferredDtype: logits.dtype });
    if (!labels.shape.isCompatibleWith(logits.shape))
      throw new ValueError(`logits and labels must have the same shape (${logits.shape} vs ${labels.shape})`);
    return compute(logits, labels, scope);
  });

/**
 * Cross entropy of sigmoid(logits) against labels in [0, 1], element by element, without overflow. By name only.
 *
 * @example tf.nn.sigmoidCrossEntropyWithLogits({ labels: [1], logits: [0] }) // [0.6931472]
 */
export const sigmoidCrossEntropyWithLogits = (given: CrossEntropyArguments): Tensor =>
  logistic(named('sigmoid_cross_entropy_with_logits', CROSS_ENTROPY, given), (x, z, scope) => {
    // max(x, 0) - x * z + log(1 + exp(-|x|)), with a gradient at 0.
    const none = zerosLike(x);
    const positive = greaterEqual(x, none);
    const rectified = select(positive, x, none);
    const minusAbs = select(positive, neg(x), x);
    const linear = py.sub(rectified, py.mul(x, z));
    return add(linear, log1p(exp(minusAbs)), { name: scope });
  });

/** With a weight for positive examples. */
export interface WeightedCrossEntropyArguments extends Partial<CrossEntropyArguments> {
  readonly logits: TensorLike;
  /** The older name of `labels`. */
  readonly targets?: TensorLike | undefined;
  /** What the error of a positive example counts. */
  readonly posWeight: TensorLike;
}
const WEIGHTED: OptionNames<WeightedCrossEntropyArguments> = {
  name: true,
  labels: true,
  logits: true,
  targets: true,
  posWeight: true,
};
/** The arguments with the labels under their newer name. */
const weighted = (given: WeightedCrossEntropyArguments): CrossEntropyArguments => {
  const { posWeight: _, targets, ...rest } = optionsOf('weighted_cross_entropy_with_logits', WEIGHTED, given);
  return { ...rest, labels: oneOf('labels', rest.labels, 'targets', targets)! };
};
/**
 * `sigmoidCrossEntropyWithLogits` where positive examples count `posWeight` times.
 *
 * @example tf.nn.weightedCrossEntropyWithLogits({ labels: [1], logits: [0], posWeight: 2 }) // [1.3862944]
 */
export const weightedCrossEntropyWithLogits = (given: WeightedCrossEntropyArguments): Tensor =>
  logistic(weighted(given), (x, z, scope) => {
    const minusOne =
      tensorOf(given.posWeight) !== undefined || typeof given.posWeight !== 'number'
        ? py.sub(given.posWeight, 1)
        : given.posWeight - 1;
    const weight = py.radd(1, typeof minusOne === 'number' ? py.rmul(minusOne, z) : py.mul(minusOne, z));
    const negativePart = py.mul(py.rsub(1, z), x);
    const softplusPart = log1p(exp(neg(abs(x))));
    const soft = py.add(softplusPart, relu(neg(x)));
    return add(negativePart, py.mul(weight, soft), { name: scope });
  });
