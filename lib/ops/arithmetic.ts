// Arithmetic of two operands: rows with TensorFlow's gradients, and builders with its dispatch on dtypes.
import { convertToTensor, needValue, type TensorLike, tensorOf } from '../core/convert.js';
import { defineOp, type Named, type OpRow } from '../core/defineOp.js';
import { type DType, float32, float64, int8, int16, int32, int64, string, uint8, uint16 } from '../core/dtype.js';
import { GraphTypeError, ValueError } from '../core/errors.js';
import type { Tensor } from '../core/graph.js';
import { nameIn } from '../core/options.js';
import { onesLike, zeros, zerosLike } from './array.js';
import { broadcastGradientArgs, shape } from './arrayShape.js';
import { cast } from './cast.js';
import { greater, greaterEqual, lessEqual, notEqual, select } from './compare.js';
import { log, neg, square } from './elementwise.js';
import { after, broadcastArgs, sameKnownShape, smartBroadcastArgs, sumTo, unbroadcast } from './elementwiseGrad.js';
import { floorDivide, floorModulo, hostBinary, larger, smaller } from './hostMath.js';
import { type BinaryGradient, binary, broadcasting, defineBinary, REAL, WIDE } from './kinds.js';
import * as py from './operators.js';
import { opScope } from './scopes.js';

const ADDABLE = [float32, float64, uint8, int8, int16, int32, int64];
const ALL = [float32, float64, uint8, int8, uint16, int16, int32, int64];
const WITHOUT_INT8 = [float32, float64, uint8, uint16, int16, int32, int64];

const addGrad: BinaryGradient = (dy, x, y) => {
  if (sameKnownShape(x, y, dy)) return [dy, dy];
  const [bx, by] = smartBroadcastArgs(x, y, dy);
  return [unbroadcast(bx, () => dy), unbroadcast(by, () => dy)];
};
const hostAdd = hostBinary((x, y) => x + y);

// Strings are joined, so Add (unlike AddV2) does not commute.
export const addOp = defineBinary('Add', [...ADDABLE, string], addGrad, { host: hostAdd });
export const addV2Op = defineBinary('AddV2', ADDABLE, addGrad, { host: hostAdd, commutative: true });

export const subOp = defineBinary(
  'Sub',
  ALL,
  (dy, x, y) => {
    if (sameKnownShape(x, y, dy)) return [dy, neg(dy)];
    const [bx, by] = smartBroadcastArgs(x, y, dy);
    return [unbroadcast(bx, () => dy), unbroadcast(by, () => neg(dy))];
  },
  { host: hostBinary((x, y) => x - y) },
);

const times = (x: Tensor, y: Tensor): Tensor => mulOp({ x, y }).output;
export const mulOp = defineBinary(
  'Mul',
  ALL,
  (dy, x, y) => {
    if (sameKnownShape(x, y, dy) && (dy.dtype === int32 || dy.dtype === float32)) return [times(dy, y), times(dy, x)];
    const [bx, by] = smartBroadcastArgs(x, y, dy);
    return [unbroadcast(bx, () => times(dy, y)), unbroadcast(by, () => times(x, dy))];
  },
  { host: hostBinary((x, y) => x * y), commutative: true },
);

const mulNoNanRow = (x: Tensor, y: Tensor): Tensor => mulNoNanOp({ x, y }).output;
export const mulNoNanOp = defineBinary('MulNoNan', REAL, (dy, x, y) => {
  if (sameKnownShape(x, y, dy)) return [mulNoNanRow(dy, y), mulNoNanRow(x, dy)];
  const { sx, sy, rx, ry } = broadcastArgs(x, y);
  return [sumTo(mulNoNanRow(dy, y), rx, sx), sumTo(mulNoNanRow(x, dy), ry, sy)];
});

/** The gradient of every float division: dy / y and dy * -x / y / y, with the op's own division. */
const divisionGrad =
  (divide: (x: Tensor, y: Tensor) => Tensor): BinaryGradient =>
  (dy, x, y) => {
    const { sx, sy, rx, ry } = broadcastArgs(x, y);
    return [sumTo(divide(dy, y), rx, sx), sumTo(py.mul(dy, divide(divide(neg(x), y), y)), ry, sy)];
  };

export const divOp = defineBinary(
  'Div',
  WITHOUT_INT8,
  divisionGrad((x, y) => py.truediv(x, y)),
);
export const realDivOp = defineBinary(
  'RealDiv',
  REAL,
  divisionGrad((x, y) => realDivOp({ x, y }).output),
);
export const divNoNanOp = defineBinary(
  'DivNoNan',
  REAL,
  divisionGrad((x, y) => divNoNan(x, y)),
);
export const floorDivOp = defineBinary('FloorDiv', ALL, () => [null, null], { host: hostBinary(floorDivide) });
export const truncateDivOp = defineBinary('TruncateDiv', WITHOUT_INT8.slice(2), () => [null, null], {
  host: hostBinary((x, y) => (y === 0n ? null : x / y)),
});
export const floorModOp = defineBinary(
  'FloorMod',
  WIDE,
  (dy, x, y) => {
    const { sx, sy, rx, ry } = broadcastArgs(x, y);
    const floorXy = floorDivOp({ x, y }).output;
    return [sumTo(dy, rx, sx), sumTo(py.mul(dy, neg(floorXy)), ry, sy)];
  },
  { host: hostBinary(floorModulo) },
);
export const truncateModOp = defineBinary('TruncateMod', WIDE, 'missing', {
  host: hostBinary((x, y) => (y === 0n ? null : x % y)),
});
export const modOp = defineBinary('Mod', WIDE, 'missing', {
  host: hostBinary((x, y) => (y === 0n ? null : x % y)),
});

export const powOp = defineBinary('Pow', WIDE, (dy, x, y, z) => {
  const [bx, by] = smartBroadcastArgs(x, y, dy);
  const gx = unbroadcast(bx, () => py.mul(py.mul(dy, y), pow(x, py.sub(y, 1))));
  const gy = unbroadcast(by, () => {
    // There is no real gradient of x^y by y where x <= 0: it is 0 there, and the log is kept away from it.
    const mask = greater(x, 0);
    const safe = select(mask, x, onesLike(x));
    const logX = select(mask, log(safe), zerosLike(x));
    return py.mul(py.mul(dy, z), logX);
  });
  return [gx, gy];
});

/** Gradient of maximum and minimum: where both are equal all of it goes to x. */
const selectionGrad =
  (choose: (x: Tensor, y: Tensor) => Tensor): BinaryGradient =>
  (dy, x, y) => {
    const sx = shape(x);
    const sy = shape(y);
    const none = zeros(shape(dy), dy.dtype);
    const mask = choose(x, y);
    const [rx, ry] = broadcastGradientArgs(sx, sy);
    const gx = sumTo(select(mask, dy, none), rx, sx);
    return [gx, sumTo(select(mask, none, dy), ry, sy)];
  };

export const maximumOp = defineBinary(
  'Maximum',
  WIDE,
  selectionGrad((x, y) => greaterEqual(x, y)),
  {
    host: hostBinary(larger),
  },
);
export const minimumOp = defineBinary(
  'Minimum',
  WIDE,
  selectionGrad((x, y) => lessEqual(x, y)),
  {
    host: hostBinary(smaller),
  },
);

export const squaredDifferenceOp = defineBinary(
  'SquaredDifference',
  WIDE,
  (dy, x, y) => {
    const dx = after(dy, () => py.mul(scalarMul(2, dy), py.sub(x, y)));
    if (sameKnownShape(x, y, dy)) return [dx, neg(dx)];
    const [bx, by] = smartBroadcastArgs(x, y, dy);
    const gx = unbroadcast(bx, () => dx);
    return [gx, neg(unbroadcast(by, () => dx))];
  },
  { host: hostBinary((x, y) => (x - y) * (x - y)), commutative: true },
);

/** 1 where x is not zero, in x's dtype. */
const notZero = (x: Tensor): Tensor => cast(notEqual(x, cast(0, x.dtype)), x.dtype);
const partialGrad =
  (partialX: BinaryPartial, partialY: BinaryPartial): BinaryGradient =>
  (dy, x, y) => {
    const { sx, sy, rx, ry } = broadcastArgs(x, y);
    return after(dy, () => {
      const px = partialX(notZero(x), y);
      const p = partialY(x, y);
      return [sumTo(py.mul(px, dy), rx, sx), sumTo(py.mul(p, dy), ry, sy)] as const;
    });
  };
type BinaryPartial = (x: Tensor, y: Tensor) => Tensor;
export const xlogyOp = defineBinary(
  'Xlogy',
  REAL,
  partialGrad(
    (x, y) => xlogy(x, y),
    (x, y) => xdivy(x, y),
  ),
);
export const xdivyOp = defineBinary(
  'Xdivy',
  REAL,
  partialGrad(
    (x, y) => xdivy(x, y),
    (x, y) => xdivy(neg(x), py.pow(y, 2)),
  ),
);

export const atan2Op = defineOp('Atan2', {
  inputs: { y: 'T', x: 'T' },
  outputs: { z: 'T' },
  attrs: { T: { type: 'type', allowed: REAL } },
  shape: broadcasting,
  grad: ([dy], { inputs: { x, y } }) => {
    const [gy, gx] = after(dy!, () => {
      const slope = py.truediv(dy!, py.add(square(x), square(y)));
      const first = py.mul(x, slope);
      return [first, py.mul(neg(y), slope)] as const;
    });
    // TensorFlow 1.15 stops here, and fails where the operands were broadcast.
    if (sameKnownShape(y, x, dy!)) return { y: gy, x: gx };
    const [by, bx] = smartBroadcastArgs(y, x, dy!);
    const summed = unbroadcast(by, () => gy);
    return { y: summed, x: unbroadcast(bx, () => gx) };
  },
  lower: { functor: 'Atan2' },
});

/** What a call of a binary row takes. */
type BinaryRow = OpRow<{ readonly x: 'T'; readonly y: 'T' }>;
type Build = (x: TensorLike, y: TensorLike, options?: Named) => Tensor;
const builder =
  (row: () => BinaryRow): Build =>
  (x, y, options) =>
    binary(row(), x, y, options);

/**
 * `x + y`, element by element, with broadcasting: numbers of one dtype.
 *
 * @example tf.add([1, 2], 10) // [11, 12]
 */
export const add: Build = builder(() => addOp);
/** `add` as an `AddV2`, what `x.add(y)` makes: `tf.constant([1, 2]).add(10) // [11, 12]`. */
export const addV2: Build = builder(() => addV2Op);
/**
 * `x - y`, element by element, with broadcasting.
 *
 * @example tf.subtract([1, 2], 10) // [-9, -8]
 */
export const subtract: Build = builder(() => subOp);
/** The older name of `subtract`: `tf.sub(3, 1) // 2`. */
export const sub = subtract;
/**
 * `x * y`, element by element, with broadcasting.
 *
 * @example tf.multiply([1, 2], [[3], [4]]) // [[3, 6], [4, 8]]
 */
export const multiply: Build = builder(() => mulOp);
/** The older name of `multiply`: `tf.mul(3, 2) // 6`. */
export const mul = multiply;
/**
 * `x * y` of floats, but 0 where y is 0, whatever x is.
 *
 * @example tf.multiplyNoNan([NaN, 2], [0, 3]) // [0, 6]
 */
export const multiplyNoNan = (x: TensorLike, y: TensorLike, options: Named = {}): Tensor =>
  opScope(nameIn(options, 'multiply_no_nan'), 'multiply_no_nan', [x, y], (scope) => {
    const [a, b] = pair(x, y);
    return mulNoNanOp({ x: a, y: b }, {}, { name: scope }).output;
  });
/** `multiplyNoNan` as the bare operation: `tf.mulNoNan(Infinity, 0) // 0`. */
export const mulNoNan: Build = builder(() => mulNoNanOp);

/** Both operands as tensors named x and y; a literal takes the dtype of the other one. TypeError where the dtypes differ. */
const pair = (x: TensorLike, y: TensorLike): readonly [Tensor, Tensor] => {
  const a = tensorOf(x) ?? convertToTensor(x, { name: 'x', preferredDtype: tensorOf(y)?.dtype });
  const b = tensorOf(y) ?? convertToTensor(y, { name: 'y', preferredDtype: a.dtype });
  if (a.dtype !== b.dtype)
    throw new GraphTypeError(`x and y must have the same dtype, got tf.${a.dtype} != tf.${b.dtype}`);
  return [a, b];
};

/** What `truediv` casts to first; undefined for the floats. */
const TRUEDIV: ReadonlyMap<DType, DType | undefined> = new Map([
  [uint8, float32],
  [int8, float32],
  [uint16, float32],
  [int16, float32],
  [int32, float64],
  [int64, float64],
  [float32, undefined],
  [float64, undefined],
]);

/**
 * Python 3's `x / y`: integers are cast first (8 and 16 bit ones to float32, int32 and int64 to float64).
 * TypeError "x and y must have the same dtype, got tf.int32 != tf.float32".
 *
 * @example tf.truediv([7, 1], [2, 0]) // [3.5, Infinity]
 */
export const truediv = (x: TensorLike, y: TensorLike, options: Named = {}): Tensor =>
  opScope(nameIn(options, 'truediv'), 'truediv', [x, y], (scope) => {
    const [a, b] = pair(x, y);
    if (!TRUEDIV.has(a.dtype)) throw new GraphTypeError(`Invalid dtype tf.${a.dtype} in __truediv__`);
    const to = TRUEDIV.get(a.dtype) ?? a.dtype;
    const numerator = cast(a, to);
    return realDivOp({ x: numerator, y: cast(b, to) }, {}, { name: scope }).output;
  });

/**
 * Python 3's `x / y`, as the operator makes it.
 *
 * @example tf.divide(1, 4) // 0.25
 */
export const divide = (x: TensorLike, y: TensorLike, options: Named = {}): Tensor =>
  nameIn(options, 'divide') === undefined ? py.truediv(x, y) : truediv(x, y, options);

/** Python 2's `x / y`: FloorDiv for integers, RealDiv for floats. */
export const divPython2 = (x: TensorLike, y: TensorLike, options: Named = {}): Tensor =>
  opScope(nameIn(options, 'div'), 'div', [x, y], (scope) => {
    const [a, b] = pair(x, y);
    return (a.dtype.isFloating ? realDivOp : floorDivOp)({ x: a, y: b }, {}, { name: scope }).output;
  });

/**
 * Python 2's `x / y`: floats divide, integers round down. Integers by 0: InvalidArgumentError "Integer division by zero".
 *
 * @example tf.div(tf.constant([-7], tf.int32), 2) // [-4]
 */
export const div = divPython2;

/**
 * `x / y` of floats, but 0 where y is 0.
 *
 * @example tf.divNoNan([1, 4], [0, 2]) // [0, 2]
 */
export const divNoNan = (x: TensorLike, y: TensorLike, options: Named = {}): Tensor =>
  opScope(nameIn(options, 'div_no_nan'), 'div_no_nan', [x, y], (scope) => {
    const [a, b] = pair(x, y);
    return divNoNanOp({ x: a, y: b }, {}, { name: scope }).output;
  });

/**
 * `x / y` rounded down; floats stay floats.
 *
 * @example tf.floordiv([-7, 7], 2) // [-4, 3]
 */
export const floordiv = (x: TensorLike, y: TensorLike, options: Named = {}): Tensor =>
  opScope(nameIn(options, 'floordiv'), 'floordiv', [x, y], (scope) => binary(floorDivOp, x, y, { name: scope }));
/** `floordiv` as the bare operation `FloorDiv`: `tf.floorDiv(-7, 2) // -4`. */
export const floorDiv: Build = builder(() => floorDivOp);
/**
 * The remainder with the divisor's sign, `x - floor(x / y) * y`.
 *
 * @example tf.floormod([-7, 7], [3, -3]) // [2, -2]
 */
export const floormod: Build = builder(() => floorModOp);
/** `floormod`: `tf.mod(-7, 3) // 2`. */
export const mod = floormod;
/**
 * Integer division rounded to zero, as C's.
 *
 * @example tf.truncatediv(tf.constant([-7], tf.int32), 2) // [-3]
 */
export const truncatediv: Build = builder(() => truncateDivOp);
/**
 * The remainder with the dividend's sign, as C's `%` and `fmod`.
 *
 * @example tf.truncatemod([-7, 7], 3) // [-1, 1]
 */
export const truncatemod: Build = builder(() => truncateModOp);
/** Division of floats as the bare operation `RealDiv`: `tf.realdiv(1, 4) // 0.25`. */
export const realdiv: Build = builder(() => realDivOp);

/**
 * `x` to the power of `y`. Integers to a negative power: InvalidArgumentError "Integers to negative integer powers are not allowed".
 *
 * @example tf.pow([2, 3], [3, 2]) // [8, 9]
 */
export const pow = (x: TensorLike, y: TensorLike, options: Named = {}): Tensor =>
  opScope(nameIn(options, 'Pow'), 'Pow', [x, y], (scope) => binary(powOp, x, y, { name: scope }));
/**
 * The larger one of each pair; x where one is NaN.
 *
 * @example tf.maximum([1, 5], 3) // [3, 5]
 */
export const maximum: Build = builder(() => maximumOp);
/**
 * The smaller one of each pair; x where one is NaN.
 *
 * @example tf.minimum([1, 5], 3) // [1, 3]
 */
export const minimum: Build = builder(() => minimumOp);
/**
 * `(x - y)^2`
 *
 * @example tf.squaredDifference([1, 5], 3) // [4, 4]
 */
export const squaredDifference: Build = builder(() => squaredDifferenceOp);
/**
 * `x * log(y)` of floats, 0 where x is 0.
 *
 * @example tf.xlogy([0, 1], [0, 1]) // [0, 0]
 */
export const xlogy: Build = builder(() => xlogyOp);
/**
 * `x / y` of floats, 0 where x is 0.
 *
 * @example tf.xdivy([0, 1], [0, 2]) // [0, 0.5]
 */
export const xdivy: Build = builder(() => xdivyOp);

/**
 * The angle of the point (x, y) in radians, from -pi to pi.
 *
 * @example tf.atan2([1, 0], [0, -1]) // [1.5707964, 3.1415927]
 */
export const atan2 = (y: TensorLike, x: TensorLike, options: Named = {}): Tensor =>
  atan2Op({ y, x }, { T: tensorOf(y) === undefined ? tensorOf(x)?.dtype : undefined }, options).output;

/**
 * A scalar times a tensor; ValueError "Only scalar multiply works, got shape (2,)".
 *
 * @example tf.scalarMul(2, [1, 2]) // [2, 4]
 */
export const scalarMul = (scalar: TensorLike, x: TensorLike, options: Named = {}): Tensor => {
  needValue('scalarMul', 'x', x);
  const value = tensorOf(x) ?? convertToTensor(x);
  const factor = convertToTensor(scalar, { dtype: value.dtype, name: 'scalar' });
  if (factor.shape.rank !== 0) throw new ValueError(`Only scalar multiply works, got shape ${factor.shape}`);
  return mulOp({ x: factor, y: value }, {}, options).output;
};
