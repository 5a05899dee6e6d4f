// Softmax and its cross-entropies in float64, row by row: max subtracted first, as TensorFlow does (softmax_op_functor.h, xent_op.h).
import { type Arr, arr, broadcast, build, getBroadcast, isFloat, one, type Reference, refuse, wrap } from './array.js';
import { sum } from './reduce.js';

const rowsOf = (x: Arr): number[][] => {
  const n = x.shape.at(-1) ?? 1;
  const count = n === 0 ? 0 : x.data.length / n;
  return Array.from({ length: count }, (_, i) => x.data.slice(i * n, (i + 1) * n) as number[]);
};
const shifted = (row: readonly number[]): number[] => {
  // Math.max gives NaN where one is NaN; a row of -inf gives NaN, as -inf - -inf.
  const top = Math.max(...row);
  return row.map((x) => x - top);
};
const sumExp = (row: readonly number[]): number => sum(row.map(Math.exp));

export const softmax: Reference = ([input]) => {
  const x = one(input);
  if (x.shape.length < 1) refuse('logits must have >= 1 dimension');
  const bound: number[] = [];
  const data = rowsOf(x).flatMap((row) => {
    const s = shifted(row);
    const total = sumExp(s);
    // x - max is rounded once, and exp turns that into a relative error of |x - max| u; the sum has the average of those.
    const average = s.reduce((a, v) => a + (v === Number.NEGATIVE_INFINITY ? 0 : Math.abs(v) * Math.exp(v)), 0) / total;
    return s.map((v) => {
      const p = Math.exp(v) / total;
      bound.push(p === 0 ? 0 : p * (Math.abs(v) + average));
      return p;
    });
  });
  return [{ ...arr(x.dtype, x.shape, data), bound }];
};
/** The bound counts roundings of the row's largest magnitude: x - max - log(sum) cancels. */
export const logSoftmax: Reference = ([input]) => {
  const x = one(input);
  if (x.shape.length < 1) refuse('logits must have >= 1 dimension');
  const bound: number[] = [];
  const data = rowsOf(x).flatMap((row) => {
    const s = shifted(row);
    const log = Math.log(sumExp(s));
    return s.map((v) => {
      bound.push(4 * (Math.abs(v) + Math.max(log, 1)));
      return v - log;
    });
  });
  return [{ ...arr(x.dtype, x.shape, data), bound }];
};

/** Loss and backprop of rows of logits against labels; a 0 label times an infinite log is NaN, as in TensorFlow. */
const crossEntropy = (logits: Arr, labels: (row: number, column: number) => number): Arr[] => {
  const loss: number[] = [];
  const lossBound: number[] = [];
  const back: number[] = [];
  const backBound: number[] = [];
  rowsOf(logits).forEach((row, i) => {
    const s = shifted(row);
    const total = sumExp(s);
    let value = 0;
    let size = 0;
    s.forEach((v, j) => {
      const label = labels(i, j);
      value += label * (Math.log(total) - v);
      size += Math.abs(label) * (Math.abs(v) + Math.max(Math.log(total), 1));
      back.push(Math.exp(v) / total - label);
      backBound.push(4 * Math.abs(label) + (Math.exp(v) === 0 ? 0 : (Math.exp(v) / total) * (8 + 2 * Math.abs(v))));
    });
    loss.push(value);
    lossBound.push((2 * Math.log2(row.length) + 6) * size);
  });
  const n = logits.shape[0]!;
  return [
    { ...arr(logits.dtype, [n], loss), bound: lossBound },
    { ...arr(logits.dtype, logits.shape, back), bound: backBound },
  ];
};
export const softmaxCrossEntropy: Reference = ([x, y]) => {
  const [logits, labels] = [one(x), one(y)];
  const shape = broadcast(logits.shape, labels.shape);
  if (shape.length !== 2) refuse('logits and labels must be either 2-dimensional, or broadcasted to be 2-dimensional');
  const full = build(logits.dtype, shape, (c) => getBroadcast(logits, c));
  return crossEntropy(full, (i, j) => getBroadcast(labels, [i, j]) as number);
};
export const sparseSoftmaxCrossEntropy: Reference = ([x, y]) => {
  const [logits, labels] = [one(x), one(y)];
  if (logits.shape.length !== 2) refuse('logits must be 2-D');
  if (labels.shape.length !== 1) refuse('labels must be 1-D');
  if (labels.shape[0] !== logits.shape[0]) refuse('logits and labels must have the same first dimension');
  const classes = logits.shape[1]!;
  for (const label of labels.data) {
    if (Number(label) < 0 || Number(label) >= classes) {
      refuse(`Received a label value of ${label} which is outside the valid range of [0, ${classes}).`);
    }
  }
  return crossEntropy(logits, (i, j) => (Number(labels.data[i]) === j ? 1 : 0));
};

export const biasAdd: Reference = ([x, b]) => {
  const [value, bias] = [one(x), one(b)];
  if (value.shape.length < 2) refuse('Input tensor must be at least 2D');
  if (bias.shape.length !== 1) refuse('Biases must be 1D');
  if (bias.shape[0] !== value.shape.at(-1))
    refuse('Must provide as many biases as the last dimension of the input tensor');
  const n = bias.shape[0]!;
  const add = (i: number): number | bigint | string =>
    isFloat(value.dtype)
      ? (value.data[i] as number) + (bias.data[i % n] as number)
      : wrap(value.dtype, BigInt(value.data[i]!) + BigInt(bias.data[i % n]!));
  return [
    arr(
      value.dtype,
      value.shape,
      value.data.map((_, i) => add(i)),
    ),
  ];
};
export const checkNumerics: Reference = ([input], attrs) => {
  const x = one(input);
  const nan = (x.data as number[]).some(Number.isNaN);
  const infinite = (x.data as number[]).some((v) => Math.abs(v) === Number.POSITIVE_INFINITY);
  if (nan || infinite)
    refuse(`${attrs.message} : Tensor had ${infinite && nan ? 'Inf and NaN' : nan ? 'NaN' : 'Inf'} values`);
  return [x];
};
