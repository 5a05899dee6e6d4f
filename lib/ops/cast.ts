// Cast, between any two dtypes but string, and the older names it has.
import { convertToTensor, type TensorLike, tensorOf } from '../core/convert.js';
import { defineOp, type HostContext, type Named } from '../core/defineOp.js';
import { asDtype, DTYPES, type DType, type DTypeLike, float32, float64, int32, int64, string } from '../core/dtype.js';
import { Tensor } from '../core/graph.js';
import { IndexedSlices } from '../core/indexedSlices.js';
import { NDArray } from '../core/ndarray.js';
import { nameIn } from '../core/options.js';
import { maximum, minimum } from './arithmetic.js';
import { MAX_HOST_SIZE } from './hostValue.js';
import { opScope } from './scopes.js';
import { sameShape } from './shapeRules.js';

const CASTABLE = DTYPES.filter((type) => type !== string);

/** One number as another dtype's, as the engine casts it: truncated, wrapped, and the lowest number where a float does not fit. */
const castOne = (value: number | bigint, to: DType): number | bigint => {
  if (to.isBool) return Number(value) !== 0 ? 1 : 0;
  if (to.isFloating) return Number(value);
  const bits = to.size * 8;
  if (typeof value === 'number' && !Number.isInteger(value) && !Number.isFinite(value)) return to.isBigInt ? 0n : 0;
  const whole = typeof value === 'bigint' ? value : BigInt(Math.trunc(value));
  const fit = to.isUnsigned ? BigInt.asUintN(bits, whole) : BigInt.asIntN(bits, whole);
  return to.isBigInt ? fit : Number(fit);
};

/** Integers, bools and floats that fit; what overflows is left to the engine. */
const hostCast = (c: HostContext): readonly NDArray[] | null => {
  const x = c.values[0];
  const to = c.outputs[0]!;
  if (x === null || x === undefined || x.size > MAX_HOST_SIZE || Array.isArray(x.data)) return null;
  if (x.dtype.isFloating && to.isInteger) {
    for (const value of x.data) if (!(Math.abs(Number(value)) < 2 ** (to.size * 8 - 1))) return null;
  }
  const data = new to.array!(x.size);
  for (let i = 0; i < x.size; i++) data[i] = castOne(x.data[i]!, to);
  return [new NDArray(to, x.shape, data)];
};

/** The row of Cast. */
export const castOp = defineOp('Cast', {
  inputs: { x: 'SrcT' },
  outputs: { y: 'DstT' },
  attrs: {
    SrcT: { type: 'type', allowed: CASTABLE },
    DstT: { type: 'type', allowed: CASTABLE },
    Truncate: { type: 'bool', default: false },
  },
  shape: sameShape,
  grad: ([dy], { inputs }) => ({
    x: inputs.x.dtype.isFloating && dy!.dtype.isFloating ? cast(dy!, inputs.x.dtype) : null,
  }),
  lower: { functor: 'Cast' },
  host: hostCast,
  partial: (op, of) => (op.outputs[0]?.dtype.isInteger && op.inputs[0]!.dtype.isInteger ? of(op.inputs[0]!) : null),
});

/**
 * The elements as another dtype: floats to integers truncate, anything to bool is `x != 0`, integers wrap. A tensor that has the
 * dtype already is returned as it is. Not for strings (TypeError).
 *
 * @example tf.cast([1.8, -2.2], tf.int32) // [1, -2]
 */
export const cast = (x: TensorLike, dtype: DTypeLike, options: Named = {}): Tensor => {
  const name = nameIn(options, 'cast');
  const to = asDtype(dtype);
  if (x instanceof Tensor && x.dtype === to) return x;
  return opScope(name, 'Cast', [x], (scope) => {
    const value = convertToTensor(x, { name: 'x' });
    return value.dtype === to ? value : castOp({ x: value }, { DstT: to }, { name: scope }).output;
  });
};

/** `cast` of the rows of an IndexedSlices: `tf.castSlices(slices, 'float')`. */
export const castSlices = (x: IndexedSlices, dtype: DTypeLike, options: Named = {}): IndexedSlices =>
  new IndexedSlices(cast(x.values, dtype, options), x.indices, x.denseShape);

/** `tf.cast(x, tf.float32)` named `ToFloat`: `tf.toFloat([1, 2]) // [1, 2]`. */
export const toFloat = (x: TensorLike, options: Named = {}): Tensor =>
  cast(x, float32, { name: nameIn(options, 'ToFloat') ?? 'ToFloat' });
/** `tf.cast(x, tf.float64)` named `ToDouble`: `tf.toDouble([1, 2]) // [1, 2]`. */
export const toDouble = (x: TensorLike, options: Named = {}): Tensor =>
  cast(x, float64, { name: nameIn(options, 'ToDouble') ?? 'ToDouble' });
/** `tf.cast(x, tf.int32)` named `ToInt32`: `tf.toInt32([1.5]) // [1]`. */
export const toInt32 = (x: TensorLike, options: Named = {}): Tensor =>
  cast(x, int32, { name: nameIn(options, 'ToInt32') ?? 'ToInt32' });
/** `tf.cast(x, tf.int64)` named `ToInt64`: `tf.toInt64([1.5]) // [1n]`. */
export const toInt64 = (x: TensorLike, options: Named = {}): Tensor =>
  cast(x, int64, { name: nameIn(options, 'ToInt64') ?? 'ToInt64' });

/**
 * `cast` that clamps to the range of the dtype first.
 *
 * @example tf.saturateCast([300, -5], tf.uint8) // [255, 0]
 */
export const saturateCast = (value: TensorLike, dtype: DTypeLike, options: Named = {}): Tensor =>
  opScope(nameIn(options, 'saturate_cast'), 'saturate_cast', [value], (scope) => {
    const to = asDtype(dtype);
    let x = tensorOf(value) ?? convertToTensor(value, { name: 'value' });
    const bound = (limit: number | bigint, name: string): Tensor => convertToTensor(limit, { dtype: x.dtype, name });
    if (x.dtype.min! < to.min!) x = maximum(x, bound(to.min!, 'min'));
    if (x.dtype.max! > to.max!) x = minimum(x, bound(to.max!, 'max'));
    return cast(x, to, { name: scope });
  });
