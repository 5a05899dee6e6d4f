// Ops that move elements: transpose, tile, pad, reverse.

import { constantValue } from '../core/constantValue.js';
import { convertToTensor, type TensorLike } from '../core/convert.js';
import type { ShapeContext } from '../core/defineOp.js';
import { defineOp, type Named } from '../core/defineOp.js';
import { bool, float32, float64, int8, int16, int32, int64, NUMERIC, string, uint8, uint16 } from '../core/dtype.js';
import { ValueError } from '../core/errors.js';
import type { Tensor } from '../core/graph.js';
import type { LowerContext, Words } from '../core/lowering.js';
import { type OptionNames, optionsOf } from '../core/options.js';
import { type Dim, TensorShape, UNKNOWN } from '../core/shape.js';
import { padGrad, tileGrad } from './arrayGrad.js';
import { invertPermutation, rawRank } from './arrayShape.js';
import { numbersOf, picked } from './hostValue.js';
import * as py from './operators.js';
import { padWords, tileWords, transposeWords, worded } from './runText.js';
import { opScope } from './scopes.js';
import { rawRange } from './sequence.js';
import { mergeShapes, needRank, unknownDims } from './shapeRules.js';

const T = { type: 'type' } as const;
const INDEX = { type: 'type', allowed: [int32, int64], default: int32 } as const;

const transposeOp = defineOp('Transpose', {
  inputs: { x: 'T', perm: 'Tperm' },
  outputs: { y: 'T' },
  attrs: { T, Tperm: INDEX },
  shape: worded(transposeWords, (c) => {
    const input = c.shape('x');
    const permShape = c.shape('perm');
    const perm = c.value('perm');
    const rank = input.rank ?? permShape.numElements ?? perm?.size ?? null;
    if (rank === null) return [UNKNOWN];
    if (input.rank === null && rank < 2) return [input];
    needRank(input, rank);
    const length = needRank(permShape, 1).dim(0);
    if (length !== null && length !== rank) throw new ValueError(`Dimension must be ${rank} but is ${length}`);
    if (perm === null) return [unknownDims(rank)];
    return [new TensorShape(permutation(numbersOf(perm), rank).map((axis) => input.dim(axis)))];
  }),
  grad: ([dy], { inputs }) => ({ x: transpose(dy!, invertPermutation(inputs.perm)), perm: null }),
  lower: (c) => {
    const from = c.input('x');
    const perm = permutation(c.hostNumbers('perm'), from.shape.length);
    // Axes that hold one element may be anywhere: only the order of the others moves elements.
    const moved = perm.filter((axis) => from.shape[axis] !== 1);
    if (moved.every((axis, i) => i === 0 || axis > moved[i - 1]!)) c.alias(0, from);
    else c.kernel('Transpose', [from], c.outputs, (words) => words.i32(...perm));
  },
  hostInputs: ['perm'],
  host: (c) => {
    const [value, given] = c.values;
    if (!value || !given) return null;
    const perm = permutation(numbersOf(given), value.rank);
    const strides = stridesOf(value.shape);
    const shape = perm.map((axis) => value.shape[axis]!);
    const made = picked(value, shape, (flat) =>
      indexIn(
        flat,
        shape,
        perm.map((axis) => strides[axis]!),
      ),
    );
    return made === null ? null : [made];
  },
});

/** A checked permutation; negative axes count from the end. */
const permutation = (perm: readonly number[], rank: number): number[] => {
  const axes = perm.map((axis) => {
    if (axis >= rank || axis < -rank) throw new ValueError(`perm dim ${axis} is out of range of input rank ${rank}`);
    return axis < 0 ? axis + rank : axis;
  });
  const missing = Array.from(axes, (_, i) => i).find((i) => !axes.includes(i));
  if (missing !== undefined) throw new ValueError(`${missing} is missing from {${perm.join(',')}}.`);
  return axes;
};

const stridesOf = (shape: readonly number[]): number[] => {
  const strides = new Array<number>(shape.length).fill(1);
  for (let i = shape.length - 2; i >= 0; i--) strides[i] = strides[i + 1]! * shape[i + 1]!;
  return strides;
};
/** The sum of the coordinates of a flat index, each times its stride. */
const indexIn = (flat: number, shape: readonly number[], strides: readonly number[]): number => {
  let index = 0;
  let rest = flat;
  for (let axis = shape.length - 1; axis >= 0; axis--) {
    index += (rest % shape[axis]!) * strides[axis]!;
    rest = Math.floor(rest / shape[axis]!);
  }
  return index;
};

const tileOp = defineOp('Tile', {
  inputs: { input: 'T', multiples: 'Tmultiples' },
  outputs: { output: 'T' },
  attrs: { T, Tmultiples: INDEX },
  shape: worded(tileWords, (c) => {
    needRank(c.shape('multiples'), 1);
    const value = c.value('multiples');
    const bad = value === null ? -1 : numbersOf(value).findIndex((n) => n < 0);
    if (bad >= 0) throw new ValueError(`Expected multiples[${bad}] >= 0, but got ${numbersOf(value!)[bad]}`);
    let input = c.shape('input');
    let multiples = c.valueAsShape('multiples');
    if (input.rank !== null) {
      multiples = needRank(multiples, input.rank);
      mergeShapes(c.shape('multiples'), new TensorShape([input.rank]));
    }
    if (multiples.dims === null) return [UNKNOWN];
    input = needRank(input, multiples.dims.length);
    return [new TensorShape(multiples.dims.map((times, i) => product(input.dim(i), times)))];
  }),
  grad: ([dy], { inputs }) => ({ input: tileGrad(dy!, inputs.input, inputs.multiples), multiples: null }),
  lower: (c) => {
    const from = c.input('input');
    if (c.hostNumbers('multiples').every((times) => times === 1)) c.alias(0, from);
    else c.kernel('Tile', [from], c.outputs);
  },
  hostInputs: ['multiples'],
  host: (c) => {
    const [value, times] = c.values;
    if (!value || !times) return null;
    const shape = numbersOf(times).map((n, i) => n * value.shape[i]!);
    const strides = stridesOf(value.shape);
    const made = picked(value, shape, (flat) => {
      let index = 0;
      let rest = flat;
      for (let axis = shape.length - 1; axis >= 0; axis--) {
        index += ((rest % shape[axis]!) % value.shape[axis]!) * strides[axis]!;
        rest = Math.floor(rest / shape[axis]!);
      }
      return index;
    });
    return made === null ? null : [made];
  },
});

const product = (a: Dim, b: Dim): Dim => (a === 0 || b === 0 ? 0 : a === null || b === null ? null : a * b);

/** The shape of a Pad (sign 1) or of its gradient (sign -1). */
const padShape =
  (sign: 1 | -1) =>
  (c: ShapeContext): readonly TensorShape[] => {
    const paddings = needRank(c.shape('paddings'), 2);
    const columns = paddings.dim(1);
    if (columns !== null && columns !== 2) throw new ValueError(`Dimension must be 2 but is ${columns}`);
    let input = c.shape('input');
    const rows = paddings.dim(0);
    if (rows !== null) input = needRank(input, rows);
    const value = c.value('paddings');
    if (value === null) return [input.rank === null ? UNKNOWN : unknownDims(input.rank)];
    return [
      new TensorShape(pairs(numbersOf(value)).map(([before, after], i) => padded(input.dim(i), before, after, sign))),
    ];
  };
const padded = (dim: Dim, before: number, after: number, sign: 1 | -1): Dim => {
  if (before < 0 || after < 0) throw new ValueError('Paddings must be non-negative');
  if (dim === null) return null;
  if (sign < 0 && dim < before + after)
    throw new ValueError(`Negative dimension size caused by subtracting ${before + after} from ${dim}`);
  return dim + sign * (before + after);
};
const pairs = (flat: readonly number[]): [number, number][] =>
  Array.from({ length: flat.length / 2 }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]);

const lowerPad = (c: LowerContext, filling: readonly ReturnType<LowerContext['input']>[]): void => {
  const before = pairs(c.hostNumbers('paddings')).map(([first]) => first);
  const from = c.input('input');
  const to = c.outputs[0]!;
  if (from.shape.every((dim, i) => dim === to.shape[i])) c.alias(0, from);
  else {
    c.kernel('SliceGrad', [from, ...filling], [to], (words) =>
      words
        .i32(before.length)
        .i64(...before)
        .i64(...before.map(() => 1)),
    );
  }
};

const padOp = defineOp('Pad', {
  inputs: { input: 'T', paddings: 'Tpaddings' },
  outputs: { output: 'T' },
  attrs: { T, Tpaddings: INDEX },
  shape: worded(padWords, padShape(1)),
  grad: ([dy], { inputs }) => ({ input: padGrad(dy!, inputs.input, inputs.paddings), paddings: null }),
  lower: (c) => lowerPad(c, []),
  hostInputs: ['paddings'],
});

const padV2Op = defineOp('PadV2', {
  inputs: { input: 'T', paddings: 'Tpaddings', constant_values: 'T' },
  outputs: { output: 'T' },
  attrs: { T, Tpaddings: INDEX },
  shape: worded(padWords, padShape(1)),
  grad: ([dy], { inputs }) => ({
    input: padGrad(dy!, inputs.input, inputs.paddings),
    paddings: null,
    constant_values: null,
  }),
  lower: (c) => lowerPad(c, [c.input('constant_values')]),
  hostInputs: ['paddings'],
});

const MODE = { type: 'string', allowed: ['REFLECT', 'SYMMETRIC'] } as const;
const mirrorWords =
  (c: LowerContext) =>
  (words: Words): void => {
    const paddings = pairs(c.hostNumbers('paddings'));
    words
      .i32(c.attr<string>('mode') === 'REFLECT' ? 0 : 1)
      .i32(paddings.length)
      .i64(...paddings.map(([before]) => before));
  };
/** No padding may reach beyond what is mirrored. */
const checkMirror = (c: LowerContext, inner: readonly number[]): void => {
  const reflect = c.attr<string>('mode') === 'REFLECT';
  pairs(c.hostNumbers('paddings')).forEach(([before, after], i) => {
    const dim = inner[i]!;
    if (reflect ? before >= dim || after >= dim : before > dim || after > dim) {
      if (reflect && before === 0 && after === 0) return;
      throw new ValueError(
        reflect
          ? `paddings must be less than the dimension size: ${before}, ${after} not less than ${dim}`
          : `paddings must be no greater than the dimension size: ${before}, ${after} greater than ${dim}`,
      );
    }
  });
};

const mirrorPadOp = defineOp('MirrorPad', {
  inputs: { input: 'T', paddings: 'Tpaddings' },
  outputs: { output: 'T' },
  attrs: { T, Tpaddings: INDEX, mode: MODE },
  shape: worded(padWords, padShape(1)),
  grad: ([dy], { inputs, attr }) => ({
    input: unmirrored(dy!, inputs.paddings, attr<string>('mode')),
    paddings: null,
  }),
  lower: (c) => {
    checkMirror(c, c.input('input').shape);
    c.kernel('MirrorPad', [c.input('input')], c.outputs, mirrorWords(c));
  },
  hostInputs: ['paddings'],
});

const mirrorPadGradOp = defineOp('MirrorPadGrad', {
  inputs: { input: 'T', paddings: 'Tpaddings' },
  outputs: { output: 'T' },
  // It adds up, so it takes numbers only, though TensorFlow's OpDef has any T: no dtype but theirs has a kernel.
  attrs: { T: { type: 'type', allowed: NUMERIC }, Tpaddings: INDEX, mode: MODE },
  shape: padShape(-1),
  grad: ([dy], { inputs, attr }) => ({
    input: mirrored(dy!, inputs.paddings, attr<string>('mode')),
    paddings: null,
  }),
  lower: (c) => {
    checkMirror(c, c.outputs[0]!.shape);
    c.kernel('MirrorPadGrad', [c.input('input')], c.outputs, mirrorWords(c));
  },
  hostInputs: ['paddings'],
});

const mirrored = (input: Tensor, paddings: Tensor, mode: string): Tensor =>
  mirrorPadOp({ input, paddings }, { mode }).output;
const unmirrored = (input: Tensor, paddings: Tensor, mode: string): Tensor =>
  mirrorPadGradOp({ input, paddings }, { mode }).output;

const reverseOp = defineOp('ReverseV2', {
  inputs: { tensor: 'T', axis: 'Tidx' },
  outputs: { output: 'T' },
  attrs: {
    Tidx: INDEX,
    T: { type: 'type', allowed: [uint8, int8, uint16, int16, int32, int64, bool, float32, float64, string] },
  },
  shape: (c) => {
    needRank(c.shape('axis'), 1);
    const input = c.shape('tensor');
    const axes = c.value('axis');
    if (axes !== null && input.rank !== null) reversedAxes(numbersOf(axes), input.rank);
    return [input];
  },
  grad: ([dy], { inputs }) => ({ tensor: reverse(dy!, inputs.axis), axis: null }),
  lower: (c) => {
    const from = c.input('tensor');
    const axes = reversedAxes(c.hostNumbers('axis'), from.shape.length);
    const turned = from.shape.map((dim, i) => axes.includes(i) && dim > 1);
    if (!turned.includes(true) || from.shape.includes(0)) {
      c.alias(0, from);
      return;
    }
    c.kernel('Slice', [from], c.outputs, (words) =>
      words
        .i32(from.shape.length)
        .i64(...from.shape.map((dim, i) => (turned[i] ? dim - 1 : 0)))
        .i64(...turned.map((turn) => (turn ? -1 : 1))),
    );
  },
  hostInputs: ['axis'],
});

const reversedAxes = (axes: readonly number[], rank: number): number[] => {
  const found: number[] = [];
  axes.forEach((axis, i) => {
    const own = axis < 0 ? axis + rank : axis;
    if (own < 0 || own >= rank) throw new ValueError(`'axis'[${i}] = ${axis} is out of valid range [0, ${rank - 1}`);
    if (found.includes(own)) throw new ValueError(`axis ${own} specified more than once.`);
    found.push(own);
  });
  return found;
};

/** Options of `transpose`. */
export interface TransposeOptions extends Named {
  readonly perm?: TensorLike | undefined;
}
const TRANSPOSE: OptionNames<TransposeOptions> = { name: true, perm: true };

/**
 * The axes in another order; without `perm` in reverse.
 *
 * @param perm axis i of the result is axis perm[i] of `a`.
 * @example tf.transpose([[1, 2], [3, 4]]) // [[1, 3], [2, 4]]
 */
export const transpose = (
  a: TensorLike,
  perm?: TensorLike | TransposeOptions | null,
  options: TransposeOptions = {},
): Tensor => {
  const all = optionsOf('transpose', TRANSPOSE, options, { perm });
  return opScope(all.name ?? 'transpose', 'transpose', [a], (scope) => {
    if (all.perm !== undefined && all.perm !== null)
      return transposeOp({ x: a, perm: all.perm }, {}, { name: scope }).output;
    const x = convertToTensor(a, { name: 'a' });
    const ndims = x.shape.rank ?? 0;
    let order: TensorLike;
    if (ndims === 0) {
      const rank = rawRank(x);
      order = py.sub(py.sub(rank, 1), rawRange(0, rank, 1));
    } else order = Int32Array.from({ length: ndims }, (_, i) => ndims - 1 - i);
    const made = transposeOp({ x, perm: order }, {}, { name: scope }).output;
    if (x.shape.dims !== null) made.setShape(x.shape.dims.toReversed());
    return made;
  });
};

/**
 * A tensor repeated `multiples[i]` times along axis i.
 *
 * @example tf.tile([1, 2], [2]) // [1, 2, 1, 2]
 */
export const tile = (input: TensorLike, multiples: TensorLike, options: Named = {}): Tensor =>
  tileOp({ input, multiples }, {}, options).output;

/** Options of `pad`. */
export interface PadOptions extends Named {
  /** CONSTANT (the default), REFLECT (without the edge) or SYMMETRIC (with it). */
  readonly mode?: string | undefined;
  /** What a CONSTANT padding is filled with; 0 by default. */
  readonly constantValues?: TensorLike | undefined;
}
const PAD: OptionNames<PadOptions> = { name: true, mode: true, constantValues: true };

/**
 * A tensor with `paddings[i] = [before, after]` elements added along axis i.
 *
 * @param mode CONSTANT, REFLECT or SYMMETRIC, or the options.
 * @example tf.pad([1, 2], [[1, 2]]) // [0, 1, 2, 0, 0]
 */
export const pad = (
  tensor: TensorLike,
  paddings: TensorLike,
  mode?: string | PadOptions,
  options: PadOptions = {},
): Tensor => {
  const all = optionsOf('pad', PAD, options, { mode });
  const kind = (all.mode ?? 'CONSTANT').toUpperCase();
  const named = { name: all.name };
  let op: ReturnType<typeof padOp>;
  if (kind === 'CONSTANT') {
    const filling = all.constantValues ?? 0;
    op =
      filling === 0
        ? padOp({ input: tensor, paddings }, {}, named)
        : padV2Op({ input: tensor, paddings, constant_values: filling }, {}, named);
  } else if (kind === 'REFLECT' || kind === 'SYMMETRIC') {
    op = mirrorPadOp({ input: tensor, paddings }, { mode: kind }, named);
  } else throw new ValueError(`Unknown padding mode: ${kind}`);
  const made = op.output;
  const known = constantValue(op.inputs[1]!);
  const input = op.inputs[0]!.shape;
  if (input.dims !== null && !made.shape.isFullyDefined && known !== null) {
    made.setShape(pairs(numbersOf(known)).map(([before, after], i) => padded(input.dim(i), before, after, 1)));
  }
  return made;
};

/**
 * A tensor with the order of its elements turned around along some axes.
 *
 * @example tf.reverse([1, 2, 3], [0]) // [3, 2, 1]
 */
export const reverse = (tensor: TensorLike, axis: TensorLike, options: Named = {}): Tensor =>
  reverseOp({ tensor, axis }, {}, options).output;
