// Numbers in a row: range and linspace.
import { convertToTensor, type TensorLike } from '../core/convert.js';
import { defineOp, type Named, type ShapeContext } from '../core/defineOp.js';
import { asDtype, type DType, type DTypeLike, float32, float64, int32, int64 } from '../core/dtype.js';
import { GraphTypeError, ValueError } from '../core/errors.js';
import type { Tensor } from '../core/graph.js';
import { type OptionNames, optionsOf } from '../core/options.js';
import { TensorShape } from '../core/shape.js';
import { cast } from './cast.js';
import { fromNumbers, MAX_HOST_SIZE } from './hostValue.js';
import { rangeWords, worded } from './runText.js';
import { opScope } from './scopes.js';

const needScalar = (c: ShapeContext, input: string): void => {
  const { rank } = c.shape(input);
  if (rank !== null && rank !== 0) throw new ValueError(`Shape must be rank 0 but is rank ${rank}\n\t for '${input}'`);
};

/** The number of elements of a range. */
const rangeSize = (dtype: DType, start: number, limit: number, delta: number): number => {
  if (start > limit && delta > 0) throw new ValueError(`Requires start <= limit when delta > 0: ${start}/${limit}`);
  if (start < limit && delta < 0) throw new ValueError(`Requires start >= limit when delta < 0: ${start}/${limit}`);
  if (delta === 0) throw new ValueError('Requires delta != 0');
  const f = dtype === float32 ? Math.fround : (x: number): number => x;
  return Math.ceil(Math.abs(f(f(limit - start) / delta)));
};

const rangeOp = defineOp('Range', {
  inputs: { start: 'Tidx', limit: 'Tidx', delta: 'Tidx' },
  outputs: { output: 'Tidx' },
  attrs: { Tidx: { type: 'type', allowed: [float32, float64, int32, int64], default: int32 } },
  shape: worded(rangeWords, (c) => {
    for (const input of ['start', 'limit', 'delta']) needScalar(c, input);
    const [start, limit, delta] = ['start', 'limit', 'delta'].map((input) => c.value(input));
    if (!start || !limit || !delta) return [new TensorShape([null])];
    const [from, to, step] = [start, limit, delta].map((value) => Number(value.data[0]));
    return [new TensorShape([rangeSize(start.dtype, from!, to!, step!)])];
  }),
  grad: 'none',
  lower: (c) => c.kernel('Range', [c.input('start'), c.input('delta')], c.outputs),
  hostInputs: ['start', 'limit', 'delta'],
  host: (c) => {
    const dtype = c.outputs[0]!;
    if (!dtype.isInteger || c.values.some((value) => value === null)) return null;
    const [start, limit, delta] = c.values.map((value) => Number(value!.data[0]));
    const size = rangeSize(dtype, start!, limit!, delta!);
    if (size > MAX_HOST_SIZE) return null;
    return [
      fromNumbers(
        dtype,
        [size],
        Array.from({ length: size }, (_, i) => start! + i * delta!),
      ),
    ];
  },
});

const linSpaceOp = defineOp('LinSpace', {
  inputs: { start: 'T', stop: 'T', num: 'Tidx' },
  outputs: { output: 'T' },
  attrs: {
    T: { type: 'type', allowed: [float32, float64] },
    Tidx: { type: 'type', allowed: [int32, int64], default: int32 },
  },
  shape: (c) => {
    for (const input of ['start', 'stop', 'num']) needScalar(c, input);
    const value = c.value('num');
    if (value === null) return [new TensorShape([null])];
    const num = Number(value.data[0]);
    if (num <= 0) throw new ValueError(`Requires num > 0: ${num}`);
    return [new TensorShape([num])];
  },
  grad: 'none',
  lower: (c) => c.kernel('LinSpace', [c.input('start'), c.input('stop')], c.outputs),
  hostInputs: ['num'],
});

/** A `Range` operation of its arguments as they are. */
export const rawRange = (start: TensorLike, limit: TensorLike, delta: TensorLike, options: Named = {}): Tensor =>
  rangeOp({ start, limit, delta }, {}, options).output;

/** Options of `range`. */
export interface RangeOptions extends Named {
  readonly dtype?: DTypeLike | undefined;
  readonly limit?: TensorLike | undefined;
  readonly delta?: TensorLike | undefined;
}
const RANGE: OptionNames<RangeOptions> = { name: true, dtype: true, limit: true, delta: true };

const ORDER: readonly DType[] = [int32, int64, float32, float64];

/**
 * Numbers from `start` (0) up to but without `limit`, `delta` apart. Whole numbers are int32.
 *
 * @param start the first number, or the limit where it is the only argument.
 * @param delta 1 by default; ValueError "Requires delta != 0".
 * @example tf.range(3) // [0, 1, 2]
 */
export const range = (
  start: TensorLike,
  limit?: TensorLike | RangeOptions | null,
  delta?: TensorLike | RangeOptions,
  options: RangeOptions = {},
): Tensor => {
  const all = optionsOf('range', RANGE, options, { limit, delta });
  const step = all.delta ?? 1;
  const [from, to] = all.limit === undefined ? [0, start] : [start, all.limit];
  return opScope(all.name ?? 'range', 'Range', [from, to, step], (scope) => {
    const dtype = all.dtype === undefined ? undefined : asDtype(all.dtype);
    let parts = (['start', 'limit', 'delta'] as const).map((name, i) => {
      const value = [from, to, step][i]!;
      return convertToTensor(value, {
        name,
        dtype,
        preferredDtype: dtype === undefined ? numberType(value) : undefined,
      });
    });
    if (dtype === undefined) {
      const places = parts.map((part) => ORDER.indexOf(part.dtype));
      if (places.includes(-1)) throw new GraphTypeError(`tf.range takes ${ORDER.join(', ')}`);
      const widest = ORDER[Math.max(...places)]!;
      parts = parts.map((part) => cast(part, widest));
    }
    return rawRange(parts[0]!, parts[1]!, parts[2]!, { name: scope });
  });
};

const numberType = (value: TensorLike): DType | undefined =>
  typeof value === 'number' && Number.isInteger(value) ? int32 : undefined;

/**
 * `num` numbers evenly from `start` to `stop`, both included.
 *
 * @example tf.linspace(0, 1, 5) // [0, 0.25, 0.5, 0.75, 1]
 */
export const linspace = (start: TensorLike, stop: TensorLike, num: TensorLike, options: Named = {}): Tensor =>
  linSpaceOp({ start, stop, num }, {}, options).output;
