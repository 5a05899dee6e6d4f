// Integer arithmetic on the host: what expressions over shapes, axes and counts need to be known without running.
import type { HostContext } from '../core/defineOp.js';
import type { DType } from '../core/dtype.js';
import { NDArray } from '../core/ndarray.js';
import { sizeOf } from '../core/shape.js';
import { MAX_HOST_SIZE, numbersOf } from './hostValue.js';

type Host = (c: HostContext) => readonly NDArray[] | null;

/** The elements of a small integer or bool array, exactly; null for any other. */
const integersOf = (array: NDArray | null | undefined): bigint[] | null =>
  array !== null && array !== undefined && array.size <= MAX_HOST_SIZE && (array.dtype.isInteger || array.dtype.isBool)
    ? Array.from(array.data as Int32Array, BigInt)
    : null;

/** Integers as an array of a dtype; what does not fit wraps, as C's arithmetic does. */
const fromIntegers = (dtype: DType, shape: readonly number[], values: readonly bigint[]): NDArray => {
  const data = new dtype.array!(values.length);
  const bits = dtype.size * 8;
  values.forEach((value, i) => {
    const fit = dtype.isBool
      ? BigInt(value !== 0n)
      : dtype.isUnsigned
        ? BigInt.asUintN(bits, value)
        : BigInt.asIntN(bits, value);
    data[i] = dtype.isBigInt ? fit : Number(fit);
  });
  return new NDArray(dtype, shape, data);
};

/** The host value of a unary op on integers. */
export const hostUnary =
  (compute: (x: bigint) => bigint): Host =>
  (c) => {
    const x = integersOf(c.values[0]);
    return x === null ? null : [fromIntegers(c.outputs[0]!, c.values[0]!.shape, x.map(compute))];
  };

/** The concrete shape two shapes broadcast to; null where they do not fit. */
const broadcastOf = (a: readonly number[], b: readonly number[]): number[] | null => {
  const rank = Math.max(a.length, b.length);
  const shape: number[] = [];
  for (let i = 0; i < rank; i++) {
    const x = a[i - (rank - a.length)] ?? 1;
    const y = b[i - (rank - b.length)] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return null;
    shape.push(x === 1 ? y : x);
  }
  return shape;
};

/** Where element `flat` of `shape` comes from in an operand of shape `from`. */
const broadcastIndex = (flat: number, shape: readonly number[], from: readonly number[]): number => {
  let index = 0;
  let stride = 1;
  let rest = flat;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    const size = shape[axis]!;
    const own = from[axis - (shape.length - from.length)];
    if (own !== undefined) {
      if (own !== 1) index += (rest % size) * stride;
      stride *= own;
    }
    rest = Math.floor(rest / size);
  }
  return index;
};

/** The host value of a binary op on integers, with broadcasting. `compute` gives null where the engine has to raise the error. */
export const hostBinary =
  (compute: (x: bigint, y: bigint) => bigint | null): Host =>
  (c) => {
    const x = integersOf(c.values[0]);
    const y = integersOf(c.values[1]);
    if (x === null || y === null) return null;
    const from = [c.values[0]!.shape, c.values[1]!.shape] as const;
    const shape = broadcastOf(from[0], from[1]);
    const size = shape === null ? 0 : sizeOf(shape);
    if (shape === null || size > MAX_HOST_SIZE) return null;
    const values: bigint[] = [];
    for (let i = 0; i < size; i++) {
      const value = compute(x[broadcastIndex(i, shape, from[0])]!, y[broadcastIndex(i, shape, from[1])]!);
      if (value === null) return null;
      values.push(value);
    }
    return [fromIntegers(c.outputs[0]!, shape, values)];
  };

/** The host value of a comparison of integers. */
export const hostCompare = (compute: (x: bigint, y: bigint) => boolean): Host =>
  hostBinary((x, y) => BigInt(compute(x, y)));

/** The larger of two integers. */
export const larger = (x: bigint, y: bigint): bigint => {
  if (x > y) return x;
  return y;
};
/** The smaller of two integers. */
export const smaller = (x: bigint, y: bigint): bigint => {
  if (x < y) return x;
  return y;
};

/** Quotient rounded down; null for a zero divisor. */
export const floorDivide = (x: bigint, y: bigint): bigint | null =>
  y === 0n ? null : x % y !== 0n && x < 0n !== y < 0n ? x / y - 1n : x / y;
/** Remainder with the divisor's sign; null for a zero divisor. */
export const floorModulo = (x: bigint, y: bigint): bigint | null => {
  if (y === 0n) return null;
  const r = x % y;
  return r !== 0n && r < 0n !== y < 0n ? r + y : r;
};

/** The axes of a reduction: non-negative, sorted, without repeats. */
export const normalAxes = (axes: readonly number[], rank: number): number[] =>
  [...new Set(axes.map((axis) => (axis < 0 ? axis + rank : axis)))].sort((a, b) => a - b);

/** The host value of a reduction of integers; `first` is the empty reduction's value, null where the engine decides. */
export const hostReduce =
  (first: bigint | null, combine: (x: bigint, y: bigint) => bigint): Host =>
  (c) => {
    const x = integersOf(c.values[0]);
    const axisValue = c.values[1];
    if (x === null || axisValue === null || axisValue === undefined) return null;
    const { shape } = c.values[0]!;
    const given = numbersOf(axisValue);
    if (given.some((axis) => axis < -shape.length || axis >= shape.length)) return null;
    const axes = normalAxes(given, shape.length);
    const kept = shape.map((size, axis) => (axes.includes(axis) ? 1 : size));
    const values = new Array<bigint | null>(sizeOf(kept)).fill(first);
    x.forEach((value, i) => {
      const at = broadcastIndex(i, shape, kept);
      const old = values[at];
      values[at] = old === null || old === undefined ? value : combine(old, value);
    });
    if (values.some((value) => value === null)) return null;
    const outShape = c.attr<boolean>('keep_dims') ? kept : shape.filter((_, axis) => !axes.includes(axis));
    return [fromIntegers(c.outputs[0]!, outShape, values as bigint[])];
  };
