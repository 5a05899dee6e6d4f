// Comparing a result with a reference: exact for integers and moved elements, in ulps or within a rounding bound for floats.
import { type Arr, type Element, isFloat } from '../reference/array.js';

const view = new DataView(new ArrayBuffer(8));
const TINY: Record<string, number> = { float32: 2 ** -126, float64: 2 ** -1022 };
const MAX: Record<string, number> = { float32: 3.4028234663852886e38, float64: Number.MAX_VALUE };
/** Half an ulp of 1. */
export const UNIT: Record<string, number> = { float32: 2 ** -24, float64: 2 ** -53 };

/** The distance of neighbouring floats at x; that of denormals below the smallest normal. */
export const ulpOf = (dtype: string, x: number): number => {
  const size = Math.max(Math.abs(x), TINY[dtype]!);
  if (size >= MAX[dtype]!) return dtype === 'float32' ? 2 ** 104 : 2 ** 971;
  view.setFloat64(0, size);
  const exponent = ((view.getUint32(0) >> 20) & 0x7ff) - 1023;
  return 2 ** (exponent - (dtype === 'float32' ? 23 : 52));
};

export interface Tolerance {
  /** Allowed distance in ulps of the expected value; 0 is bit-exact (after rounding to the dtype). */
  readonly ulp: number;
  /** Denormals may come out as 0 and zeros may have either sign: TensorFlow's own answers. */
  readonly flushed?: boolean;
  /** A zero may have either sign. */
  readonly anyZero?: boolean;
  /** Factor on the rounding bound that the expected array carries. */
  readonly slack?: number;
  /** An absolute error, in units of half an ulp of 1: for comparing with TensorFlow's kernels that subtract. */
  readonly absolute?: number;
}

const roundTo = (dtype: string, x: number): number => (dtype === 'float32' ? Math.fround(x) : x);

const floatProblem = (dtype: string, got: number, exact: number, bound: number | undefined, t: Tolerance): boolean => {
  const want = roundTo(dtype, exact);
  if (Object.is(got, want)) return false;
  if (Number.isNaN(got) || Number.isNaN(want)) return true;
  if (got === 0 && want === 0) return t.flushed !== true && t.anyZero !== true && bound === undefined;
  if (
    t.flushed === true &&
    ((got === 0 && Math.abs(want) <= TINY[dtype]!) || (want === 0 && Math.abs(got) <= TINY[dtype]!))
  )
    return false;
  const allowed =
    t.ulp * ulpOf(dtype, want) +
    UNIT[dtype]! * (t.absolute ?? 0) +
    (bound === undefined ? 0 : (t.slack ?? 1) * (UNIT[dtype]! * bound + ulpOf(dtype, want)));
  if (!Number.isFinite(got) || !Number.isFinite(want)) {
    // An overflow on one side is right only where the other is that near to the largest float.
    if (Math.sign(got) !== Math.sign(want) || (!Number.isFinite(got) && !Number.isFinite(want))) return true;
    const finite = Number.isFinite(got) ? got : exact;
    return !(Math.abs(finite) + Math.max(allowed, 0) >= MAX[dtype]! && allowed > 0);
  }
  return !(Math.abs(got - exact) <= allowed);
};

const text = (x: Element | undefined): string =>
  typeof x === 'string' ? JSON.stringify(x) : Object.is(x, -0) ? '-0' : String(x);

/** What is wrong with a result, in words; null where nothing is. */
export const difference = (got: Arr, want: Arr, tolerance: Tolerance): string | null => {
  if (got.dtype !== want.dtype) return `dtype ${got.dtype}, expected ${want.dtype}`;
  if (got.shape.join() !== want.shape.join()) return `shape [${got.shape}], expected [${want.shape}]`;
  for (let i = 0; i < want.data.length; i++) {
    const [g, w] = [got.data[i]!, want.data[i]!];
    const bad = isFloat(want.dtype)
      ? floatProblem(want.dtype, g as number, w as number, want.bound?.[i], tolerance)
      : g !== w;
    if (bad) {
      const ulps = isFloat(want.dtype)
        ? ` (${(Math.abs((g as number) - (w as number)) / ulpOf(want.dtype, w as number)).toPrecision(3)} ulp)`
        : '';
      return `element ${i} of [${want.shape}] ${want.dtype}: ${text(g)}, expected ${text(w)}${ulps}`;
    }
  }
  return null;
};
