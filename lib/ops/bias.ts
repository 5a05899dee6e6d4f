// Bias: BiasAdd over the channels of a tensor, its gradient, x * w + b, and L2Loss.
import { convertToTensor, type TensorLike, tensorOf } from '../core/convert.js';
import { defineOp, type Named } from '../core/defineOp.js';
import { ValueError } from '../core/errors.js';
import type { Tensor } from '../core/graph.js';
import { nameIn, type OptionNames, optionsOf } from '../core/options.js';
import { type Dim, sizeOf, TensorShape, UNKNOWN } from '../core/shape.js';
import { onesLike } from './array.js';
import { reshape, shape } from './arrayShape.js';
import { get } from './indexing.js';
import { concat } from './join.js';
import { NUMBERS, REAL } from './kinds.js';
import { matmul } from './linalg.js';
import { tile } from './move.js';
import * as py from './operators.js';
import { orInRun } from './runText.js';
import { opScope } from './scopes.js';
import { mergeDims, needRank, needRankAtLeast, scalarShape } from './shapeRules.js';

const FORMAT = { type: 'string', allowed: ['NHWC', 'NCHW'], default: 'NHWC' } as const;

export const biasAddGradOp = defineOp('BiasAddGrad', {
  inputs: { out_backprop: 'T' },
  outputs: { output: 'T' },
  attrs: { T: { type: 'type', allowed: NUMBERS }, data_format: FORMAT },
  shape: (c) => {
    const first = c.attr<string>('data_format') === 'NCHW';
    const dy = needRankAtLeast(c.inputs[0]!, first ? 3 : 2);
    return [new TensorShape([dy.dim(first ? 1 : -1)])];
  },
  grad: ([dz], { inputs: { out_backprop }, attr }) => {
    const sizes = shape(out_backprop);
    const bias = shape(dz!);
    const first = attr<string>('data_format') === 'NCHW';
    const one = Int32Array.of(1);
    let expanded: Tensor;
    let multiples: Tensor;
    if (first) {
      const before = onesLike(get(sizes, [null, 1]));
      expanded = concat([before, bias, onesLike(get(sizes, [2, null]))], 0);
      const head = get(sizes, [null, 1]);
      multiples = concat([head, one, get(sizes, [2, null])], 0);
    } else {
      expanded = concat([onesLike(get(sizes, [null, -1])), bias], 0);
      multiples = concat([get(sizes, [null, -1]), one], 0);
    }
    return { out_backprop: tile(reshape(dz!, expanded), multiples) };
  },
  lower: (c) => {
    const dy = c.input('out_backprop');
    const channel = c.attr<string>('data_format') === 'NCHW' ? 1 : dy.shape.length - 1;
    const axes = dy.shape.flatMap((_, i) => (i === channel ? [] : [i]));
    c.kernel('Reduce', [dy], c.outputs, (words) => words.i32(0, axes.length, ...axes));
  },
});

export const biasAddOp = defineOp('BiasAdd', {
  inputs: { value: 'T', bias: 'T' },
  outputs: { output: 'T' },
  attrs: { T: { type: 'type', allowed: NUMBERS }, data_format: FORMAT },
  shape: (c) => {
    const first = c.attr<string>('data_format') === 'NCHW';
    const value = needRankAtLeast(c.shape('value'), first ? 3 : 2);
    const bias = needRank(c.shape('bias'), 1);
    if (value.dims === null) return [UNKNOWN];
    const channel = first ? 1 : value.dims.length - 1;
    const size = orInRun(
      c,
      () =>
        `Must provide as many biases as the last dimension of the input tensor: ${bias.toBrackets()} vs. ${value.toBrackets()}`,
      () => mergeDims(value.dims![channel]!, bias.dims![0]!),
    );
    return [new TensorShape(value.dims.map((dim: Dim, i) => (i === channel ? size : dim)))];
  },
  grad: ([dy], { attr }) => ({
    value: dy!,
    bias: biasAddGradOp({ out_backprop: dy! }, { data_format: attr<string>('data_format') }).output,
  }),
  lower: (c) => {
    const [out, bias] = [c.outputs[0]!, c.input('bias')];
    // Broadcasting aligns at the end; channels that are not last get ones after them.
    const after = c.attr<string>('data_format') === 'NCHW' ? out.shape.length - 2 : 0;
    const aligned = after === 0 ? bias : c.view(bias, [...bias.shape, ...new Array<number>(after).fill(1)]);
    c.tape(out.shape, (tape) => {
      tape.output(out, tape.apply('Add', [tape.input(c.input('value')), tape.input(aligned)]));
    });
  },
});

export const l2LossOp = defineOp('L2Loss', {
  inputs: { t: 'T' },
  outputs: { output: 'T' },
  attrs: { T: { type: 'type', allowed: REAL } },
  shape: scalarShape,
  grad: ([dy], { inputs }) => ({ t: py.mul(inputs.t, dy!) }),
  lower: (c) => {
    const t = c.input('t');
    const size = sizeOf(t.shape);
    const squares = c.temp(t.dtype, [size]);
    c.tape([size], (tape) => {
      const square = tape.apply('Square', [tape.input(c.view(t, [size]))]);
      tape.output(squares, tape.apply('Mul', [square, tape.number(0.5, t.dtype)]));
    });
    c.kernel('Reduce', [squares], c.outputs, (words) => words.i32(0, 1, 0));
  },
});

/** Options of `biasAdd`. */
export interface BiasOptions extends Named {
  /** `N...C` (the default): channels last; `NC...`: channels second. */
  readonly dataFormat?: string | undefined;
}
const BIAS: OptionNames<BiasOptions> = { name: true, dataFormat: true };

const format = (given: string | undefined): string | undefined => {
  if (given === undefined) return undefined;
  if (given.startsWith('NC')) return 'NCHW';
  if (given.startsWith('N') && given.endsWith('C')) return 'NHWC';
  throw new ValueError('data_format must be of the form `N...C` or `NC...`');
};

/**
 * A vector added to every position of a tensor of rank 2 or more, one number a channel.
 * ValueError "Dimensions must be equal, but are 3 and 2 ...".
 *
 * @example tf.nn.biasAdd([[1, 2], [3, 4]], [10, 20]) // [[11, 22], [13, 24]]
 */
export const biasAdd = (
  value: TensorLike,
  bias: TensorLike,
  dataFormat?: string | BiasOptions | null,
  options: BiasOptions = {},
): Tensor => {
  const all = optionsOf('biasAdd', BIAS, options, { dataFormat });
  return opScope(all.name, 'BiasAdd', [value, bias], (scope) => {
    const data_format = format(all.dataFormat);
    const x = tensorOf(value) ?? convertToTensor(value, { name: 'input', preferredDtype: tensorOf(bias)?.dtype });
    const b = convertToTensor(bias, { dtype: x.dtype, name: 'bias' });
    return biasAddOp({ value: x, bias: b }, { data_format }, { name: scope }).output;
  });
};

/**
 * `x * weights + biases`, a matrix product and a bias.
 *
 * @example tf.nn.xwPlusB([[1, 2]], [[3], [4]], [5]) // [[16]]
 */
export const xwPlusB = (x: TensorLike, weights: TensorLike, biases: TensorLike, options: Named = {}): Tensor =>
  opScope(nameIn(options, 'xw_plus_b'), 'xw_plus_b', [x, weights, biases], (scope) => {
    const dtype = [x, weights, biases].map((item) => tensorOf(item)?.dtype).find((type) => type !== undefined);
    const [a, w, b] = ([x, weights, biases] as const).map(
      (item, i) =>
        tensorOf(item) ?? convertToTensor(item, { name: ['x', 'weights', 'biases'][i], preferredDtype: dtype }),
    ) as [Tensor, Tensor, Tensor];
    return biasAdd(matmul(a, w), b, { name: scope });
  });

/**
 * Half the sum of squares of floats.
 *
 * @example tf.nn.l2Loss([3, 4]) // 12.5
 */
export const l2Loss = (t: TensorLike, options: Named = {}): Tensor => l2LossOp({ t }, {}, options).output;
