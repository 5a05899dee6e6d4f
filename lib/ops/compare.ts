// Comparisons, logic and selection.
import { convertToTensor, type TensorLike, tensorOf } from '../core/convert.js';
import { defineOp, type Named, type OpRow, type ShapeContext } from '../core/defineOp.js';
import { bool, type DType, float32, float64, int8, int16, int32, int64, string, uint8 } from '../core/dtype.js';
import { ValueError } from '../core/errors.js';
import type { Tensor } from '../core/graph.js';
import type { LowerContext, Value } from '../core/lowering.js';
import { nameIn, type OptionNames, optionsOf } from '../core/options.js';
import { broadcastShapes, TensorShape } from '../core/shape.js';
import { zeros, zerosLike } from './array.js';
import { broadcastGradientArgs, reshape, shape } from './arrayShape.js';
import { hostBinary, hostCompare, hostUnary } from './hostMath.js';
import { binary, broadcasting, defineComparison, NUMBERS, REAL } from './kinds.js';
import { reduceSum } from './reduce.js';
import { selectWords, worded } from './runText.js';
import { opScope } from './scopes.js';
import { mergeShapes, sameShape } from './shapeRules.js';

const ORDERED = [float32, float64, int32, uint8, int16, int8, int64];
const EQUATABLE = [float32, float64, uint8, int8, int16, int32, int64, string, bool];

export const lessOp = defineComparison('Less', ORDERED, { host: hostCompare((x, y) => x < y) });
export const lessEqualOp = defineComparison('LessEqual', ORDERED, { host: hostCompare((x, y) => x <= y) });
export const greaterOp = defineComparison('Greater', ORDERED, { host: hostCompare((x, y) => x > y) });
export const greaterEqualOp = defineComparison('GreaterEqual', ORDERED, { host: hostCompare((x, y) => x >= y) });

const defineEquality = (type: string, test: (x: bigint, y: bigint) => boolean) =>
  defineOp(type, {
    inputs: { x: 'T', y: 'T' },
    outputs: { z: 'bool' },
    attrs: {
      T: { type: 'type', allowed: EQUATABLE },
      incompatible_shape_error: { type: 'bool', default: true },
    },
    shape: (c) => [c.attr<boolean>('incompatible_shape_error') ? broadcasting(c)[0]! : equalityShape(c)],
    grad: 'none',
    // Shapes that do not fit are never equal, where that is asked for.
    lower: (c) => {
      const [x, y] = c.inputs as readonly [Value, Value];
      const z = c.outputs[0]!;
      c.tape(z.shape, (tape) => {
        const fit = fits(x.shape, y.shape);
        const result = fit
          ? tape.apply(type, [tape.input(x), tape.input(y)], bool)
          : tape.number(type === 'NotEqual' ? 1 : 0, bool);
        tape.output(z, fit ? result : tape.apply('LogicalOr', [result, result], bool));
      });
    },
    host: hostCompare(test),
    commutative: true,
  });

const fits = (x: readonly number[], y: readonly number[]): boolean => {
  const skip = x.length - y.length;
  return (skip < 0 ? y : x).every((_, i, all) => {
    const a = x[i - all.length + x.length] ?? 1;
    const b = y[i - all.length + y.length] ?? 1;
    return a === b || a === 1 || b === 1;
  });
};

/** Shape of an equality that answers false for shapes that do not fit. */
const equalityShape = (c: ShapeContext): TensorShape => {
  const [x, y] = c.inputs as [TensorShape, TensorShape];
  if (!x.isFullyDefined || !y.isFullyDefined) return new TensorShape(null);
  return fits(x.concrete(), y.concrete()) ? broadcastShapes(x, y) : new TensorShape([]);
};

export const equalOp = defineEquality('Equal', (x, y) => x === y);
export const notEqualOp = defineEquality('NotEqual', (x, y) => x !== y);

type Logical = OpRow<{ readonly x: 'bool'; readonly y: 'bool' }>;
const defineLogical = (type: string, host: (x: bigint, y: bigint) => bigint): Logical =>
  defineOp(type, {
    inputs: { x: 'bool', y: 'bool' },
    outputs: { z: 'bool' },
    shape: broadcasting,
    grad: 'none',
    lower: { functor: type },
    host: hostBinary(host),
    commutative: true,
  });
export const logicalAndOp: Logical = defineLogical('LogicalAnd', (x, y) => x & y);
export const logicalOrOp: Logical = defineLogical('LogicalOr', (x, y) => x | y);
export const logicalNotOp = defineOp('LogicalNot', {
  inputs: { x: 'bool' },
  outputs: { y: 'bool' },
  shape: sameShape,
  grad: 'none',
  lower: { functor: 'LogicalNot' },
  host: hostUnary((x) => 1n - x),
});

const defineTest = (type: string) =>
  defineOp(type, {
    inputs: { x: 'T' },
    outputs: { y: 'bool' },
    attrs: { T: { type: 'type', allowed: REAL } },
    shape: sameShape,
    grad: 'missing',
    lower: { functor: type },
  });
export const isNanOp = defineTest('IsNan');
export const isInfOp = defineTest('IsInf');
export const isFiniteOp = defineTest('IsFinite');

/** Select's shape: branches alike, the condition a scalar, a vector of their rows, or like them. */
const selectShape = (c: ShapeContext): readonly TensorShape[] => {
  const data = mergeShapes(c.shape('t'), c.shape('e'));
  const condition = c.shape('condition');
  if (condition.dims === null || data.dims === null || condition.rank === 0) return [data];
  if (condition.rank !== 1 || data.rank === 0) return [mergeShapes(data, condition)];
  mergeShapes(condition, new TensorShape([data.dims[0]!]));
  return [data];
};

const selectTape = (c: LowerContext, condition: Value): void => {
  const out = c.outputs[0]!;
  c.tape(out.shape, (tape) => {
    const [t, e] = [tape.input(c.input('t')), tape.input(c.input('e'))];
    tape.output(out, tape.apply('Select', [tape.input(condition), t, e], out.dtype));
  });
};

export const selectOp = defineOp('Select', {
  inputs: { condition: 'bool', t: 'T', e: 'T' },
  outputs: { output: 'T' },
  attrs: { T: { type: 'type' } },
  shape: worded(selectWords, selectShape),
  grad: ([dy], { inputs: { condition, t } }) => {
    const none = zerosLike(t);
    const dt = select(condition, dy!, none);
    return { condition: null, t: dt, e: select(condition, none, dy!) };
  },
  lower: (c) => {
    const condition = c.input('condition');
    const rank = c.outputs[0]!.shape.length;
    const rows = condition.shape.length === 1 && rank > 1;
    selectTape(c, rows ? c.view(condition, [...condition.shape, ...new Array<number>(rank - 1).fill(1)]) : condition);
  },
});

export const selectV2Op = defineOp('SelectV2', {
  inputs: { condition: 'bool', t: 'T', e: 'T' },
  outputs: { output: 'T' },
  attrs: { T: { type: 'type' } },
  shape: (c) => [broadcastShapes(c.shape('condition'), broadcastShapes(c.shape('t'), c.shape('e')))],
  grad: ([dy], { inputs: { condition, t, e }, outputs }) => {
    const zero = zeros([], dy!.dtype);
    const gt = selectV2(condition, dy!, zero);
    const shapeT = shape(t);
    const shapeOut = shape(outputs[0]!);
    const back = (gradient: Tensor, to: Tensor): Tensor => {
      const axes = broadcastGradientArgs(to, shapeOut)[0];
      return reshape(reduceSum(gradient, { axis: axes, keepDims: true }), to);
    };
    const dt = back(gt, shapeT);
    const ge = selectV2(condition, zero, dy!);
    return { condition: null, t: dt, e: back(ge, shape(e)) };
  },
  lower: (c) => selectTape(c, c.input('condition')),
});

export const whereOp = defineOp('Where', {
  inputs: { input: 'T' },
  outputs: { index: 'int64' },
  attrs: { T: { type: 'type', allowed: [...NUMBERS, bool] as readonly DType[], default: bool } },
  shape: (c) => [new TensorShape([null, c.inputs[0]!.rank])],
  grad: 'none',
  lower: (c) => c.kernel('Where', c.inputs, c.outputs),
  dynamic: true,
});

type Compare = (x: TensorLike, y: TensorLike, options?: Named) => Tensor;
const builder =
  (row: () => OpRow<{ readonly x: 'T'; readonly y: 'T' }>): Compare =>
  (x, y, options) =>
    binary(row(), x, y, options);

/**
 * `x < y`, element by element, with broadcasting; false where one is NaN.
 *
 * @example tf.less([1, 2], 2) // [true, false]
 */
export const less: Compare = builder(() => lessOp);
/** `x <= y`, element by element: `tf.lessEqual([1, 3], 2) // [true, false]`. */
export const lessEqual: Compare = builder(() => lessEqualOp);
/** `x > y`, element by element: `tf.greater([1, 3], 2) // [false, true]`. */
export const greater: Compare = builder(() => greaterOp);
/** `x >= y`, element by element: `tf.greaterEqual([1, 2], 2) // [false, true]`. */
export const greaterEqual: Compare = builder(() => greaterEqualOp);
/** Whether x and y are equal, element by element: `tf.equal([1, 2], 2) // [false, true]`. */
export const equal: Compare = builder(() => equalOp);
/** Whether x and y differ, element by element: `tf.notEqual([1, 2], 2) // [true, false]`. */
export const notEqual: Compare = builder(() => notEqualOp);

/**
 * x and y, of bools.
 *
 * @example tf.logicalAnd([true, false], true) // [true, false]
 */
export const logicalAnd = (x: TensorLike, y: TensorLike, options: Named = {}): Tensor =>
  logicalAndOp({ x, y }, {}, options).output;
/** x or y, of bools: `tf.logicalOr([true, false], false) // [true, false]`. */
export const logicalOr = (x: TensorLike, y: TensorLike, options: Named = {}): Tensor =>
  logicalOrOp({ x, y }, {}, options).output;
/** not x, of bools: `tf.logicalNot([true]) // [false]`. */
export const logicalNot = (x: TensorLike, options: Named = {}): Tensor => logicalNotOp({ x }, {}, options).output;
/** Exactly one of x and y, of bools: `tf.logicalXor([true, false], true) // [false, true]`. */
export const logicalXor = (x: TensorLike, y: TensorLike, options: Named = {}): Tensor => {
  const name = nameIn(options, 'LogicalXor') ?? 'LogicalXor';
  const either = logicalOr(x, y);
  return logicalAnd(either, logicalNot(logicalAnd(x, y)), { name });
};

/** Whether each float is NaN: `tf.isNan([1, NaN]) // [false, true]`. */
export const isNan = (x: TensorLike, options: Named = {}): Tensor => isNanOp({ x }, {}, options).output;
/** Whether each float is infinite: `tf.isInf([1, -Infinity]) // [false, true]`. */
export const isInf = (x: TensorLike, options: Named = {}): Tensor => isInfOp({ x }, {}, options).output;
/** Whether each float is neither NaN nor infinite: `tf.isFinite([1, NaN]) // [true, false]`. */
export const isFinite = (x: TensorLike, options: Named = {}): Tensor => isFiniteOp({ x }, {}, options).output;

/** The dtype a first branch that is a literal takes. */
const branchType = (x: TensorLike, y: TensorLike): DType | undefined =>
  tensorOf(x) === undefined ? tensorOf(y)?.dtype : undefined;

/**
 * x where the condition holds, y elsewhere. x and y have one shape; the condition has it too, or is a scalar, or a vector that
 * chooses whole rows. ValueError "Dimension 0 in both shapes must be equal, but are 3 and 2. ...".
 *
 * @example tf.select([true, false], [1, 2], [3, 4]) // [1, 4]
 */
export const select = (condition: TensorLike, x: TensorLike, y: TensorLike, options: Named = {}): Tensor =>
  selectOp({ condition, t: x, e: y }, { T: branchType(x, y) }, options).output;

/** `select` with broadcasting of all three: `tf.whereV2(true, [1, 2], 0) // [1, 2]`. */
export const selectV2 = (condition: TensorLike, x: TensorLike, y: TensorLike, options: Named = {}): Tensor =>
  selectV2Op({ condition, t: x, e: y }, { T: branchType(x, y) }, options).output;

const indices = (condition: TensorLike, options: Named): Tensor =>
  opScope(options.name, 'Where', [condition], (scope) => {
    const input = convertToTensor(condition, { preferredDtype: bool, name: 'condition' });
    return whereOp({ input }, {}, { name: scope }).output;
  });

/** Options of `where` and `whereV2`. */
export interface WhereOptions extends Named {
  readonly x?: TensorLike | undefined;
  readonly y?: TensorLike | undefined;
}
const WHERE: OptionNames<WhereOptions> = { name: true, x: true, y: true };
const choose =
  (what: string, two: (condition: TensorLike, x: TensorLike, y: TensorLike, options: Named) => Tensor) =>
  (condition: TensorLike, x?: TensorLike | WhereOptions | null, y?: TensorLike | null, options: Named = {}): Tensor => {
    const named = optionsOf<WhereOptions>(what, WHERE, options, { x, y });
    const given = [named.x, named.y].filter((value) => value !== undefined && value !== null);
    if (given.length === 1) throw new ValueError('x and y must both be non-None or both be None.');
    const scope = { name: named.name };
    return given.length === 0 ? indices(condition, scope) : two(condition, given[0]!, given[1]!, scope);
  };

/**
 * With x and y, what `select` gives. With a condition alone, the indices of its true (or non-zero) elements: int64, one row for each,
 * in row-major order.
 *
 * @example tf.where([[true, false], [false, true]]) // [[0n, 0n], [1n, 1n]]
 */
export const where = choose('where', (condition, x, y, options) => select(condition, x, y, options));
/** `where` with broadcasting of condition, x and y: `tf.whereV2([true, false], 1, [2, 3]) // [1, 3]`. */
export const whereV2 = choose('whereV2', (condition, x, y, options) => selectV2(condition, x, y, options));
