// Along one axis: argmax and argmin, cumulative sums and products.
import { convertToTensor, type TensorLike, tensorOf } from '../core/convert.js';
import { defineOp, type Named, type OpDefinition, type OpRow, type ShapeContext } from '../core/defineOp.js';
import { asDtype, type DTypeLike, int32, int64 } from '../core/dtype.js';
import { InvalidArgumentError, ValueError } from '../core/errors.js';
import type { Tensor } from '../core/graph.js';
import type { LowerContext } from '../core/lowering.js';
import { type OptionNames, optionsOf } from '../core/options.js';
import { SCALAR, TensorShape, UNKNOWN } from '../core/shape.js';
import { NUMBERS } from './kinds.js';
import * as py from './operators.js';
import { oneOf } from './reduce.js';
import { opScope } from './scopes.js';
import { needRank, sameShape, unknownDims } from './shapeRules.js';

const INDEX = { type: 'type', allowed: [int32, int64], default: int32 } as const;

const argShape = (c: ShapeContext): readonly TensorShape[] => {
  needRank(c.shape('dimension'), 0);
  const { dims } = c.shape('input');
  if (dims === null) return [UNKNOWN];
  if (dims.length <= 1) return [SCALAR];
  const value = c.value('dimension');
  if (value === null) return [unknownDims(dims.length - 1)];
  const given = Number(value.data[0]);
  const axis = given < 0 ? given + dims.length : given;
  if (axis < 0 || axis >= dims.length) {
    throw new ValueError(
      c.planning === true
        ? `Expected dimension in the range [${-dims.length}, ${dims.length}), but got ${given}`
        : `Dimension (${given}) must be in the range [${-dims.length}, ${dims.length}), where ${dims.length} is the number of dimensions in the input.`,
    );
  }
  return [new TensorShape(dims.toSpliced(axis, 1))];
};

/** An axis of a run made non-negative; `expected` begins the error for one out of range. */
const runAxis = (given: number, rank: number, expected: string): number => {
  const axis = given < 0 ? given + rank : given;
  if (axis < 0 || axis >= rank)
    throw new InvalidArgumentError(`${expected} in the range [${-rank}, ${rank}), but got ${given}`);
  return axis;
};

const defineArg = (type: 'ArgMax' | 'ArgMin') =>
  defineOp(type, {
    inputs: { input: 'T', dimension: 'Tidx' },
    outputs: { output: 'output_type' },
    attrs: {
      T: { type: 'type', allowed: NUMBERS },
      Tidx: INDEX,
      output_type: { type: 'type', allowed: [int32, int64], default: int64 },
    },
    shape: argShape,
    grad: () => ({ input: null, dimension: null }),
    lower: (c) => {
      const input = c.input('input');
      const given = c.hostNumbers('dimension')[0]!;
      const axis = runAxis(given, input.shape.length, 'Expected dimension');
      if (input.shape[axis] === 0)
        throw new InvalidArgumentError(`Reduction axis ${given} is empty in shape [${input.shape.join(',')}]`);
      c.kernel('ArgReduce', [input], c.outputs, (words) => words.i32(type === 'ArgMax' ? 0 : 1, axis));
    },
    hostInputs: ['dimension'],
  });
export const argMaxOp = defineArg('ArgMax');
export const argMinOp = defineArg('ArgMin');

type Scanned = { readonly x: 'T'; readonly axis: 'Tidx' };
const lowerScan = (c: LowerContext, product: boolean): void => {
  const x = c.input('x');
  const axis = runAxis(c.hostNumbers('axis')[0]!, x.shape.length, 'ScanOp: Expected scan axis');
  const flag = (name: string): number => (c.attr<boolean>(name) ? 1 : 0);
  c.kernel('Cumulative', [x], c.outputs, (words) =>
    words.i32(product ? 1 : 0, axis, flag('exclusive'), flag('reverse')),
  );
};
const defineScan = (type: 'Cumsum' | 'Cumprod', grad: OpDefinition<Scanned>['grad']): OpRow<Scanned> =>
  defineOp(type, {
    inputs: { x: 'T', axis: 'Tidx' },
    outputs: { out: 'T' },
    attrs: {
      exclusive: { type: 'bool', default: false },
      reverse: { type: 'bool', default: false },
      T: { type: 'type', allowed: NUMBERS },
      Tidx: INDEX,
    },
    shape: sameShape,
    grad,
    lower: (c) => lowerScan(c, type === 'Cumprod'),
    hostInputs: ['axis'],
  });
export const cumsumOp = defineScan('Cumsum', ([dy], { inputs, attr }) => ({
  x: cumsum(dy!, inputs.axis, { exclusive: attr<boolean>('exclusive'), reverse: !attr<boolean>('reverse') }),
  axis: null,
}));
// As in TensorFlow, NaN where x is 0.
export const cumprodOp = defineScan('Cumprod', ([dy], { inputs: { x, axis }, attr }) => {
  const exclusive = attr<boolean>('exclusive');
  const reverse = attr<boolean>('reverse');
  const product = cumprod(x, axis, { exclusive, reverse });
  const out = cumsum(py.mul(product, dy!), axis, { exclusive, reverse: !reverse });
  return { x: py.truediv(out, x), axis: null };
});

/** Options of `argmax` and `argmin`. */
export interface ArgOptions extends Named {
  /** The axis to search along; 0 by default. */
  readonly axis?: TensorLike | undefined;
  /** The older name of `axis`. */
  readonly dimension?: TensorLike | undefined;
  /** int64 (the default) or int32. */
  readonly outputType?: DTypeLike | undefined;
}
const ARG: OptionNames<ArgOptions> = { name: true, axis: true, dimension: true, outputType: true };
type Arg = (input: TensorLike, axis?: TensorLike | ArgOptions | null, options?: ArgOptions) => Tensor;
const arg =
  (what: string, row: () => OpRow<{ readonly input: 'T'; readonly dimension: 'Tidx' }>): Arg =>
  (input, axis, options) => {
    const all = optionsOf(what, ARG, options, { axis });
    const dimension = oneOf<TensorLike>('axis', all.axis, 'dimension', all.dimension) ?? 0;
    const attrs = { output_type: asDtype(all.outputType ?? int64) };
    return row()({ input, dimension }, attrs, { name: all.name }).output;
  };

/**
 * The index of the largest element along an axis (the first of several), int64; NaN never wins.
 * InvalidArgumentError "Reduction axis 0 is empty in shape [0,3]".
 *
 * @example tf.argmax([[1, 5, 3], [9, 2, 9]], 1) // [1n, 0n]
 */
export const argmax: Arg = arg('argmax', () => argMaxOp);
/**
 * The index of the smallest element along an axis (the first of several), int64.
 *
 * @example tf.argmin([[1, 5, 3], [9, 2, 9]], 1) // [0n, 1n]
 */
export const argmin: Arg = arg('argmin', () => argMinOp);
/** The older name of `argmax`: `tf.argMax([1, 5, 3], 0) // 1n`. */
export const argMax = argmax;
/** The older name of `argmin`: `tf.argMin([1, 5, 3], 0) // 0n`. */
export const argMin = argmin;

/** Options of `cumsum` and `cumprod`. */
export interface ScanOptions extends Named {
  readonly axis?: TensorLike | undefined;
  /** Whether each element leaves itself out. */
  readonly exclusive?: boolean | undefined;
  /** Whether to go from the end. */
  readonly reverse?: boolean | undefined;
}
const SCAN: OptionNames<ScanOptions> = { name: true, axis: true, exclusive: true, reverse: true };
type Scan = (x: TensorLike, axis?: TensorLike | ScanOptions, options?: ScanOptions) => Tensor;
const scan =
  (what: string, name: string, row: () => OpRow<Scanned>): Scan =>
  (x, axis, options) => {
    const all = optionsOf(what, SCAN, options, { axis });
    return opScope(all.name, name, [x], (scope) => {
      const value = tensorOf(x) ?? convertToTensor(x, { name: 'x' });
      const attrs = { exclusive: all.exclusive ?? false, reverse: all.reverse ?? false };
      return row()({ x: value, axis: all.axis ?? 0 }, attrs, { name: scope }).output;
    });
  };

/**
 * Sums of the elements up to each one along an axis (0 by default).
 * InvalidArgumentError "ScanOp: Expected scan axis in the range [-1, 1), but got 2".
 *
 * @example tf.cumsum([1, 2, 3], 0, { exclusive: true }) // [0, 1, 3]
 */
export const cumsum: Scan = scan('cumsum', 'Cumsum', () => cumsumOp);
/**
 * Products of the elements up to each one along an axis (0 by default).
 *
 * @example tf.cumprod([1, 2, 3]) // [1, 2, 6]
 */
export const cumprod: Scan = scan('cumprod', 'Cumprod', () => cumprodOp);
