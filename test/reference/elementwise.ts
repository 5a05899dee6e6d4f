// Elementwise ops lifted from functions of one element: floats in float64, integers in BigInt and wrapped.
import {
  type Arr,
  arr,
  broadcast,
  build,
  type Element,
  getBroadcast,
  isBig,
  isFloat,
  one,
  type Reference,
  refuse,
  wrap,
} from './array.js';

export type FloatFunction = (...x: number[]) => number;
export type IntFunction = (...x: bigint[]) => bigint;

/** What an elementwise op does to floats, integers, bools (as 0 and 1) and strings; the result may have another dtype (tests: bool). */
export interface ScalarOp {
  readonly float?: FloatFunction;
  readonly int?: IntFunction;
  readonly any?: (...x: Element[]) => Element | boolean;
  /** The same for float32 operands, rounded at every step: for functions that overflow, underflow or jump between two steps. */
  readonly single?: FloatFunction;
  readonly string?: (...x: string[]) => string;
  /** The dtype of the result where it is another. */
  readonly result?: string;
}

const apply = (op: ScalarOp, dtype: string, elements: readonly Element[]): Element => {
  if (op.any !== undefined) return Number(op.any(...elements));
  if (dtype === 'string') return op.string!(...(elements as string[]));
  if (isFloat(dtype))
    return (dtype === 'float32' && op.single !== undefined ? op.single : op.float!)(...elements.map(Number));
  if (op.int === undefined) throw new Error(`no integer definition for ${dtype}`);
  return wrap(dtype, op.int(...elements.map(BigInt)));
};

/** A reference of one or more inputs that broadcast together. */
export const elementwise =
  (op: ScalarOp): Reference =>
  (inputs) => {
    const arrays = inputs.map(one);
    const shape = arrays.map((a) => a.shape).reduce((a, b) => broadcast(a, b));
    const { dtype } = arrays[0]!;
    return [
      build(op.result ?? dtype, shape, (coords) =>
        apply(
          op,
          dtype,
          arrays.map((a) => getBroadcast(a, coords)),
        ),
      ),
    ];
  };

/** The division of integers: a zero divisor anywhere is an error of the whole op. */
export const dividing = (op: ScalarOp): Reference => {
  const divide = elementwise({
    ...op,
    int: (x, y) => (y === 0n ? refuse('Integer division by zero') : op.int!(x!, y!)),
  });
  return divide;
};

const castOne = (x: Element, from: string, to: string): Element => {
  if (to === 'bool') return Number(x) !== 0 ? 1 : 0;
  if (isFloat(to)) return to === 'float32' && isBig(from) ? Math.fround(bigToFloat32(x as bigint)) : Number(x);
  if (!isFloat(from)) return wrap(to, BigInt(x));
  return wrap(to, BigInt(Math.trunc(x as number)));
};
/** int64 to float32 in one rounding: Number() rounds to 53 bits first, so ties are decided here by the remainder. */
const bigToFloat32 = (x: bigint): number => {
  if (x < 2n ** 53n && x > -(2n ** 53n)) return Math.fround(Number(x));
  const near = Math.fround(Number(x));
  const candidates = [near, nextFloat32(near, 1), nextFloat32(near, -1)];
  let best = near;
  for (const c of candidates) {
    const [a, b] = [distance(x, c), distance(x, best)];
    if (a < b || (a === b && isEven(c))) best = c;
  }
  return best;
};
const distance = (x: bigint, y: number): bigint => (x > BigInt(y) ? x - BigInt(y) : BigInt(y) - x);
const view = new DataView(new ArrayBuffer(4));
const isEven = (x: number): boolean => {
  view.setFloat32(0, x);
  return view.getUint32(0) % 2 === 0;
};
const nextFloat32 = (x: number, step: number): number => {
  if (x === 0) return 0;
  view.setFloat32(0, x);
  view.setUint32(0, view.getUint32(0) + step);
  return view.getFloat32(0);
};

/** Casts: floats are truncated, integers wrap, anything but 0 is true. */
export const cast: Reference = ([input], attrs) => {
  const x = one(input);
  const to = (attrs.DstT as { type: string }).type;
  return [
    arr(
      to,
      x.shape,
      x.data.map((element) => castOne(element, x.dtype, to)),
    ),
  ];
};

/** Select: a vector or scalar condition selects rows of x and y. */
export const select: Reference = ([c, x, y]) => {
  const [cond, a, b] = [one(c), one(x), one(y)];
  if (a.shape.join() !== b.shape.join()) refuse("'then' and 'else' must have the same size");
  const same = cond.shape.join() === a.shape.join();
  if (
    !same &&
    cond.shape.length > 0 &&
    !(cond.shape.length === 1 && a.shape.length > 0 && a.shape[0] === cond.shape[0])
  ) {
    refuse('Number of batches of then must match size of cond');
  }
  const row = same
    ? 1
    : cond.shape.length === 0
      ? Number.POSITIVE_INFINITY
      : a.shape.slice(1).reduce((p, d) => p * d, 1);
  return [
    arr(
      a.dtype,
      a.shape,
      a.data.map((element, i) => (cond.data[Math.floor(i / row)] ? element : b.data[i]!)),
    ),
  ];
};

/** SelectV2: condition, x and y broadcast together. */
export const selectV2: Reference = ([c, x, y]) => {
  const [cond, a, b] = [one(c), one(x), one(y)];
  const shape = broadcast(broadcast(cond.shape, a.shape), b.shape);
  return [build(a.dtype, shape, (coords) => getBroadcast(getBroadcast(cond, coords) ? a : b, coords))];
};

/** AddN: the sum of tensors of one shape, with the bound of a sum of n terms. */
export const addN: Reference = ([list]) => {
  const items = list as readonly Arr[];
  const first = items[0]!;
  if (items.some((item) => item.shape.join() !== first.shape.join()))
    refuse('Inputs to operation AddN must have the same size and shape');
  if (!isFloat(first.dtype)) {
    return [
      arr(
        first.dtype,
        first.shape,
        first.data.map((_, i) =>
          wrap(
            first.dtype,
            items.reduce((sum, a) => sum + BigInt(a.data[i]!), 0n),
          ),
        ),
      ),
    ];
  }
  const sums = first.data.map((_, i) => items.reduce((sum, a) => sum + (a.data[i] as number), 0));
  const bound = first.data.map(
    (_, i) => (items.length - 1) * items.reduce((sum, a) => sum + Math.abs(a.data[i] as number), 0),
  );
  return [{ ...arr(first.dtype, first.shape, sums), bound }];
};
