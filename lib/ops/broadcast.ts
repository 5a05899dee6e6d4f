// Broadcasting as ops: BroadcastTo, and which axes the gradient of a broadcast is summed over.
import type { TensorLike } from '../core/convert.js';
import { defineOp, type Gradient, type Named, type OpView } from '../core/defineOp.js';
import { int32, int64 } from '../core/dtype.js';
import { InvalidArgumentError } from '../core/errors.js';
import type { Tensor } from '../core/graph.js';
import { TensorShape } from '../core/shape.js';
import { reshape, type ShapeArgument, shape, shapeInput } from './arrayShape.js';
import { fromNumbers, numbersOf } from './hostValue.js';
import { reduceSum } from './reduce.js';
import { mergeDims, needRank, needRankAtMost } from './shapeRules.js';

const T = { type: 'type' } as const;
const INDEX = { type: 'type', allowed: [int32, int64], default: int32 } as const;

/** Axes over which each gradient of a broadcast is summed. A size of 1 on both sides is in both, as in TensorFlow. */
const gradientAxes = (x: readonly number[], y: readonly number[]): [number[], number[]] => {
  if (x.length === y.length && x.every((dim, i) => dim === y[i])) return [[], []];
  const ndims = Math.max(x.length, y.length);
  const axes: [number[], number[]] = [[], []];
  for (let i = 0; i < ndims; i++) {
    const a = x[i - ndims + x.length] ?? 1;
    const b = y[i - ndims + y.length] ?? 1;
    if (a !== b && a !== 1 && b !== 1)
      throw new InvalidArgumentError(`Incompatible shapes: [${x.join(',')}] vs. [${y.join(',')}]`);
    if (a === 1) axes[0].push(i);
    if (b === 1) axes[1].push(i);
  }
  return axes;
};

const broadcastGradientArgsOp = defineOp('BroadcastGradientArgs', {
  inputs: { s0: 'T', s1: 'T' },
  outputs: { r0: 'T', r1: 'T' },
  attrs: { T: INDEX },
  shape: (c) => {
    needRank(c.shape('s0'), 1);
    needRank(c.shape('s1'), 1);
    return [new TensorShape([null]), new TensorShape([null])];
  },
  grad: 'none',
  lower: 'host',
  hostInputs: ['s0', 's1'],
  host: (c) => {
    const [x, y] = c.values;
    if (!x || !y) return null;
    return gradientAxes(numbersOf(x), numbersOf(y)).map((axes) => fromNumbers(c.outputs[0]!, [axes.length], axes));
  },
});

const broadcastToOp = defineOp('BroadcastTo', {
  inputs: { input: 'T', shape: 'Tidx' },
  outputs: { output: 'T' },
  attrs: { T, Tidx: INDEX },
  shape: (c) => {
    needRank(c.shape('shape'), 1);
    const to = c.valueAsShape('shape');
    // While the graph is built -1 is a size that is not known yet.
    const negative = c.planning === true ? c.value('shape')?.data.find((dim) => Number(dim) < 0) : undefined;
    if (negative !== undefined) throw new InvalidArgumentError(`Dimension ${negative} must be >= 0`);
    const from = c.shape('input');
    if (to.dims === null || from.dims === null) return [to];
    needRankAtMost(from, to.dims.length);
    const skip = to.dims.length - from.dims.length;
    return [
      new TensorShape(
        to.dims.map((dim, i) => {
          const own = i < skip ? 1 : from.dims![i - skip]!;
          return own !== null && own > 1 ? mergeDims(own, dim) : dim;
        }),
      ),
    ];
  },
  grad: (dys, view) => broadcastToGrad(dys[0]!, view),
  lower: (c) => {
    const to = c.outputs[0]!;
    const from = c.input('input');
    const padded = [...new Array<number>(to.shape.length - from.shape.length).fill(1), ...from.shape];
    if (padded.some((dim, i) => dim !== 1 && dim !== to.shape[i]))
      throw new InvalidArgumentError(`Incompatible shapes: [${from.shape.join(',')}] vs. [${to.shape.join(',')}]`);
    c.kernel('Tile', [c.view(from, padded)], [to]);
  },
  hostInputs: ['shape'],
});

const broadcastToGrad = (
  dy: Tensor,
  { inputs }: OpView<{ input: 'T'; shape: 'Tidx' }>,
): { input: Gradient; shape: Gradient } => {
  const own = shape(inputs.input, { outType: inputs.shape.dtype });
  const axes = broadcastGradientArgs(inputs.shape, own)[1];
  return { input: reshape(reduceSum(dy, { axis: axes, keepDims: true }), own), shape: null };
};

/**
 * A tensor repeated along its dimensions of 1 to a shape, as arithmetic does it.
 *
 * @example tf.broadcastTo([1, 2], [2, 2]) // [[1, 2], [1, 2]]
 */
export const broadcastTo = (input: TensorLike, shape: ShapeArgument, options: Named = {}): Tensor =>
  broadcastToOp({ input, shape: shapeInput(shape) }, {}, options).output;

/** The axes to sum the gradient of x and of y over, where shapes `s0` and `s1` were broadcast to one. */
export const broadcastGradientArgs = (s0: TensorLike, s1: TensorLike, options: Named = {}): readonly [Tensor, Tensor] =>
  broadcastGradientArgsOp({ s0, s1 }, {}, options).outputs as unknown as readonly [Tensor, Tensor];
