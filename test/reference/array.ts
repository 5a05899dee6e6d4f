// The reference's own arrays: plain lists of elements, and the few index rules that every reference needs. Nothing of grafo is used here.

/** An element: a number (float, up to 32-bit integer, bool as 0 and 1), a bigint (int64, uint64) or a string of bytes (latin1). */
export type Element = number | bigint | string;
export type Attr =
  | number
  | boolean
  | string
  | readonly Attr[]
  | { readonly type: string }
  | { readonly shape: number[] | null };
export type Attrs = Readonly<Record<string, Attr>>;

/** A value. Elements of a float array may be more precise than its dtype: the reference answers in float64. */
export interface Arr {
  readonly dtype: string;
  readonly shape: readonly number[];
  readonly data: Element[];
  /** For sums: what rounding errors are measured against, e.g. the sum of absolute products, times the factor of the op's bound. */
  readonly bound?: number[];
}
export type Input = Arr | readonly Arr[];
/** An op's semantics: outputs from inputs. */
export type Reference = (inputs: readonly Input[], attrs: Attrs) => Arr[];

/** What TensorFlow refuses, by its error code. */
export class Refused extends Error {
  readonly code: string;
  constructor(code: string, text: string) {
    super(text);
    this.code = code;
  }
}
export const refuse = (text: string, code = 'INVALID_ARGUMENT'): never => {
  throw new Refused(code, text);
};

export const isFloat = (dtype: string): boolean => dtype.startsWith('float');
export const isBig = (dtype: string): boolean => dtype.endsWith('int64');
export const isInt = (dtype: string): boolean => dtype.includes('int');
export const bitsOf = (dtype: string): number => Number(/\d+$/.exec(dtype)?.[0] ?? 8);
export const lowest = (dtype: string): bigint => (dtype[0] === 'u' ? 0n : -(2n ** BigInt(bitsOf(dtype) - 1)));
export const highest = (dtype: string): bigint => 2n ** BigInt(bitsOf(dtype) - (dtype[0] === 'u' ? 0 : 1)) - 1n;

/** An integer as an element of an integer dtype, wrapping as machines do. */
export const wrap = (dtype: string, value: bigint): Element => {
  const bits = bitsOf(dtype);
  const wrapped = dtype[0] === 'u' ? BigInt.asUintN(bits, value) : BigInt.asIntN(bits, value);
  return isBig(dtype) ? wrapped : Number(wrapped);
};

export const sizeOf = (shape: readonly number[]): number => shape.reduce((size, dim) => size * dim, 1);
export const arr = (dtype: string, shape: readonly number[], data: Element[]): Arr => ({ dtype, shape, data });
export const one = (input: Input | undefined): Arr => input as Arr;
export const many = (input: Input | undefined): readonly Arr[] => input as readonly Arr[];
export const numbers = (a: Arr): number[] => a.data.map(Number);
export const scalarOf = (a: Arr): number => Number(a.data[0]);
export const zeroOf = (dtype: string): Element => (dtype === 'string' ? '' : isBig(dtype) ? 0n : 0);

/** Coordinates of flat element i. */
export const coordsOf = (i: number, shape: readonly number[]): number[] => {
  const coords = new Array<number>(shape.length);
  let rest = i;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    coords[axis] = rest % shape[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return coords;
};
/** Flat position of coordinates. */
export const flatOf = (coords: readonly number[], shape: readonly number[]): number =>
  coords.reduce((at, coord, axis) => at * shape[axis]! + coord, 0);

/** Builds an array from a function of the coordinates. */
export const build = (dtype: string, shape: readonly number[], element: (coords: number[]) => Element): Arr => {
  const size = sizeOf(shape);
  const data: Element[] = new Array(size);
  for (let i = 0; i < size; i++) data[i] = element(coordsOf(i, shape));
  return arr(dtype, shape, data);
};
export const get = (a: Arr, coords: readonly number[]): Element => a.data[flatOf(coords, a.shape)]!;

/** numpy's broadcasting rule. */
export const broadcast = (a: readonly number[], b: readonly number[]): number[] => {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, axis) => {
    const x = a[axis - rank + a.length] ?? 1;
    const y = b[axis - rank + b.length] ?? 1;
    if (x !== y && x !== 1 && y !== 1) return refuse(`Incompatible shapes: [${a}] vs. [${b}]`);
    return x === 1 ? y : x;
  });
};
/** The element of `a` that coordinates of a broadcast shape read. */
export const getBroadcast = (a: Arr, coords: readonly number[]): Element => {
  const skip = coords.length - a.shape.length;
  return get(
    a,
    a.shape.map((dim, axis) => (dim === 1 ? 0 : coords[axis + skip]!)),
  );
};

/** An axis counted from the front; refused outside [-rank, rank). */
export const axisOf = (axis: number, rank: number, text = 'Expected dimension in the range'): number =>
  axis < -rank || axis >= rank ? refuse(`${text} [${-rank}, ${rank}), but got ${axis}`) : axis < 0 ? axis + rank : axis;

const VIEWS: Record<string, new (buffer: ArrayBuffer) => ArrayLike<number | bigint> & Iterable<number | bigint>> = {
  float32: Float32Array,
  float64: Float64Array,
  int8: Int8Array,
  int16: Int16Array,
  int32: Int32Array,
  int64: BigInt64Array,
  uint8: Uint8Array,
  uint16: Uint16Array,
  uint32: Uint32Array,
  uint64: BigUint64Array,
  bool: Uint8Array,
};

/** A tensor of a golden file: [dtype, shape, base64 of the bytes, or one base64 a string]. */
export type Encoded = readonly [string, number[], string | string[]];
export const decode = ([dtype, shape, data]: Encoded): Arr => {
  if (Array.isArray(data))
    return arr(
      dtype,
      shape,
      data.map((text) => Buffer.from(text, 'base64').toString('latin1')),
    );
  const bytes = Buffer.from(data, 'base64');
  const copy = new ArrayBuffer(bytes.length);
  new Uint8Array(copy).set(bytes);
  return arr(dtype, shape, [...new VIEWS[dtype]!(copy)]);
};
