// Case rows of ops that move elements or answer about shapes.

import { sizeOf } from '../reference/array.js';
import * as a from '../reference/arrays.js';
import * as m from '../reference/making.js';
import type { Generated, Random } from './generate.js';
import { ANY, type CaseRow, type CaseRows, F, FI, I, MOVE, REAL } from './rows.js';

type Generate = (random: Random, dtype: string) => Generated;
const row = (ref: CaseRow['ref'], dtypes: readonly string[], grad: CaseRow['grad'], generate: Generate): CaseRow => ({
  ref,
  dtypes,
  grad,
  generate,
});
const same: Generate = (random, dtype) => ({ inputs: [random.values(dtype, random.shape())] });
const range = (n: number): number[] => Array.from({ length: n }, (_, i) => i);
const outType = (random: Random): { type: string } => ({ type: random.pick(I) });

/** A shape of the same number of elements: dimensions merged, split by factors, or one left to be inferred. */
const reshaped = (random: Random, shape: readonly number[]): number[] => {
  const size = sizeOf(shape);
  const dims: number[] = [];
  let rest = size;
  for (let i = random.int(0, 4); i > 0 && rest > 0; i--) {
    const factor = random.pick([1, 2, 3, 4, 7].filter((f) => rest % f === 0));
    dims.push(factor);
    rest /= factor;
  }
  dims.push(rest);
  const made = size === 0 ? random.shuffle(shape) : random.shuffle(dims);
  if (size > 0 && random.chance(0.4)) return made.with(random.int(0, made.length), -1);
  return made;
};

const gather: Generate = (random, dtype) => {
  const shape = random.shape(1, 4).map((dim) => dim || 1);
  const axis = random.axis(shape.length);
  const rows = random.smooth ? [random.int(1, 3)] : random.shape(0, 2, 12);
  const before = axis < 0 ? axis + shape.length : axis;
  // A batch dimension has indices of its own, and indices have one more.
  const batch = rows.length > 0 && random.chance(0.4) ? random.int(0, before + 1) : 0;
  const at = [...shape.slice(0, batch), ...rows];
  const ids = range(sizeOf(at)).map(() => random.int(0, shape.at(axis)!));
  const inputs = [random.values(dtype, shape), { ...random.ints(ids), shape: at }, random.ints(axis)];
  return batch === 0 ? { inputs } : { inputs, attrs: { batch_dims: batch } };
};
const paddings = (random: Random, shape: readonly number[], limit = (_dim: number): number => 4) => ({
  ...random.ints(shape.flatMap((dim) => [random.int(0, limit(dim) + 1), random.int(0, limit(dim) + 1)])),
  shape: [shape.length, 2],
});
const pad =
  (withValue: boolean): Generate =>
  (random, dtype) => {
    const shape = random.shape(0, 4, 60);
    return {
      inputs: [random.values(dtype, shape), paddings(random, shape), ...(withValue ? [random.values(dtype, [])] : [])],
    };
  };
const mirrorLimit =
  (mode: string) =>
  (dim: number): number =>
    Math.max(0, Math.min(3, dim - (mode === 'REFLECT' ? 1 : 0)));
const mirror: Generate = (random, dtype) => {
  const mode = random.pick(['REFLECT', 'SYMMETRIC']);
  const shape = random.shape(0, 4, 60).map((dim) => dim || 1);
  return { inputs: [random.values(dtype, shape), paddings(random, shape, mirrorLimit(mode))], attrs: { mode } };
};

/** A random strided slice: bounds, strides of either sign and TensorFlow's five masks. */
const strided = (
  random: Random,
  shape: readonly number[],
): { begin: number[]; end: number[]; strides: number[]; attrs: Record<string, number> } => {
  const attrs: Record<string, number> = {
    begin_mask: 0,
    end_mask: 0,
    ellipsis_mask: 0,
    new_axis_mask: 0,
    shrink_axis_mask: 0,
  };
  const [begin, end, strides]: [number[], number[], number[]] = [[], [], []];
  const n = random.int(0, shape.length + 1);
  const ellipsis = n < shape.length && random.chance(0.3) ? random.int(0, n + 1) : -1;
  const push = (b: number, e: number, s: number): void => {
    begin.push(b);
    end.push(e);
    strides.push(s);
  };
  const mark = (mask: string): void => void (attrs[mask]! |= 1 << begin.length);
  for (let i = 0, axis = 0; i < n; i++, axis++) {
    if (i === ellipsis) {
      mark('ellipsis_mask');
      push(0, 0, 1);
      axis += shape.length - n;
    }
    if (begin.length + shape.length - axis < 8 && random.chance(0.12)) {
      mark('new_axis_mask');
      push(random.int(-2, 3), 1, 1);
    }
    const dim = shape[axis]!;
    if (dim > 0 && random.chance(0.2)) {
      mark('shrink_axis_mask');
      const at = random.int(-dim, dim);
      push(at, at + 1, 1);
      continue;
    }
    if (random.chance(0.3)) mark('begin_mask');
    if (random.chance(0.3)) mark('end_mask');
    push(random.int(-dim - 2, dim + 3), random.int(-dim - 2, dim + 3), random.pick([1, 1, 2, 3, -1, -2, 17]));
  }
  return { begin, end, strides, attrs };
};
const stridedSlice: Generate = (random, dtype) => {
  const shape = random.shape(1, 5);
  const { begin, end, strides, attrs } = strided(random, shape);
  const kind = random.pick(I);
  return {
    inputs: [random.values(dtype, shape), random.ints(begin, kind), random.ints(end, kind), random.ints(strides, kind)],
    attrs,
  };
};
const stridedSliceGrad: Generate = (random, dtype) => {
  const shape = random.shape(1, 5);
  const { begin, end, strides, attrs } = strided(random, shape);
  const kind = random.pick(I);
  const bounds = [random.ints(begin, kind), random.ints(end, kind), random.ints(strides, kind)];
  const [out] = a.stridedSlice([random.values('bool', shape), ...bounds], attrs);
  return { inputs: [random.ints(shape, kind), ...bounds, random.values(dtype, out!.shape)], attrs };
};
const pieces = (random: Random, total: number, n: number): number[] => {
  const cuts = [0, total, ...range(n - 1).map(() => random.int(0, total + 1))].sort((x, y) => x - y);
  return range(n).map((i) => cuts[i + 1]! - cuts[i]!);
};

const moving: CaseRows = {
  Identity: row(a.identity, ANY, {}, same),
  StopGradient: row(a.identity, ANY, 'none', same),
  PreventGradient: row(a.identity, ANY, 'missing', same),
  ZerosLike: row(a.filledLike(0), MOVE, 'none', same),
  OnesLike: row(a.filledLike(1), [...REAL, 'bool'], 'none', same),
  Shape: row(a.shapeOf, ANY, 'none', (random, dtype) => ({
    ...same(random, dtype),
    attrs: { out_type: outType(random) },
  })),
  ShapeN: row(a.shapeN, FI, 'none', (random, dtype) => ({
    inputs: [range(random.int(1, 4)).map(() => random.values(dtype, random.shape()))],
    attrs: { out_type: outType(random) },
  })),
  Size: row(a.sizeOp, ANY, 'none', (random, dtype) => ({
    ...same(random, dtype),
    attrs: { out_type: outType(random) },
  })),
  Rank: row(a.rankOp, ANY, 'none', same),
  Reshape: row(a.reshape, ANY, {}, (random, dtype) => {
    const shape = random.shape();
    return { inputs: [random.values(dtype, shape), random.ints(reshaped(random, shape))] };
  }),
  ExpandDims: row(a.expandDims, ANY, {}, (random, dtype) => {
    const shape = random.shape();
    return { inputs: [random.values(dtype, shape), random.ints(random.axis(shape.length + 1))] };
  }),
  Squeeze: row(a.squeeze, ANY, {}, (random, dtype) => {
    const shape = random
      .shape()
      .flatMap((dim) => (random.chance(0.3) ? [1, dim] : [dim]))
      .slice(0, 6);
    const ones = range(shape.length).filter((axis) => shape[axis] === 1 && random.chance(0.5));
    return {
      inputs: [random.values(dtype, shape)],
      attrs: { squeeze_dims: ones.map((axis) => (random.chance(0.5) ? axis - shape.length : axis)) },
    };
  }),
  Transpose: row(a.transpose, MOVE, {}, (random, dtype) => {
    const shape = random.shape();
    return { inputs: [random.values(dtype, shape), random.ints(random.shuffle(range(shape.length)))] };
  }),
  ReverseV2: row(a.reverse, MOVE, {}, (random, dtype) => {
    const shape = random.shape();
    const axes = random.shuffle(range(shape.length)).filter(() => random.chance(0.5));
    return {
      inputs: [
        random.values(dtype, shape),
        random.ints(axes.map((axis) => (random.chance(0.5) ? axis : axis - shape.length))),
      ],
    };
  }),
  // What gradients of reductions need of it: small integer vectors, evaluated when a plan is made.
  DynamicStitch: row(
    m.dynamicStitch,
    ['int32', 'int64', 'int8', 'int16', 'uint8', 'uint16'],
    'missing',
    (random, dtype) => {
      const at = range(random.int(1, 4)).map(() => random.int(0, 5));
      const free = random.shuffle(range(at.reduce((sum, n) => sum + n, 0)));
      const next = (): number => (random.chance(0.2) || free.length === 1 ? free[0]! : free.pop()!);
      return {
        inputs: [at.map((n) => random.ints(range(n).map(next), 'int32')), at.map((n) => random.values(dtype, [n]))],
      };
    },
  ),
  ListDiff: row(m.listDiff, ['int32', 'int64', 'int8', 'int16', 'uint8', 'uint16'], 'missing', (random, dtype) => {
    const list = () => random.values(dtype, [random.dim(64)], { ties: true, nan: false });
    return { inputs: [list(), list()], attrs: { out_idx: outType(random) } };
  }),
  InvertPermutation: row(a.invertPermutation, I, 'none', (random, dtype) => ({
    inputs: [random.ints(random.shuffle(range(random.dim(257))), dtype)],
  })),
  ConcatV2: row(a.concat, ANY, {}, (random, dtype) => {
    const shape = random.shape(1, 6, 80);
    const axis = random.axis(shape.length);
    const items = range(random.int(2, 6)).map(() =>
      random.values(dtype, shape.with(axis, random.smooth ? random.int(1, 3) : random.int(0, 4))),
    );
    return { inputs: [items, random.smooth ? random.ints(axis, 'int32') : random.ints(axis)] };
  }),
  ConcatOffset: row(a.concatOffset, ['int32'], 'none', (random) => {
    const shape = range(random.int(1, 5)).map(() => random.int(0, 9));
    const axis = random.axis(shape.length);
    return {
      inputs: [
        random.ints(axis, 'int32'),
        range(random.int(2, 5)).map(() => random.ints(shape.with(axis, random.int(0, 9)), 'int32')),
      ],
    };
  }),
  Pack: row(a.pack, ANY, {}, (random, dtype) => {
    const shape = random.shape(0, 5, 80);
    return {
      inputs: [range(random.int(1, 6)).map(() => random.values(dtype, shape))],
      attrs: { axis: random.axis(shape.length + 1) },
    };
  }),
  Unpack: row(a.unpack, ANY, {}, (random, dtype) => {
    const axis = random.int(0, 3);
    const shape = random.shape(2, 4, 60).toSpliced(axis, 0, random.int(1, 5));
    const at = Math.min(axis, shape.length - 1);
    return {
      inputs: [random.values(dtype, shape)],
      attrs: { num: shape[at]!, axis: random.chance(0.5) ? at : at - shape.length },
    };
  }),
  Split: row(a.split, ANY, {}, (random, dtype) => {
    const [n, each] = [random.int(1, 5), random.smooth ? random.int(1, 3) : random.int(0, 5)];
    const shape = random.shape(0, 4, 60);
    const axis = random.int(0, shape.length + 1);
    const whole = shape.toSpliced(axis, 0, n * each);
    return {
      inputs: [random.ints(random.chance(0.5) ? axis : axis - whole.length, 'int32'), random.values(dtype, whole)],
      attrs: { num_split: n },
    };
  }),
  SplitV: row(a.splitV, MOVE, {}, (random, dtype) => {
    const n = random.int(1, 5);
    const shape = random.shape(1, 4, 100);
    const axis = random.axis(shape.length);
    const sizes = pieces(random, shape.at(axis)!, n);
    const given = !random.smooth && random.chance(0.3) ? sizes.with(random.int(0, n), -1) : sizes;
    return {
      inputs: [random.values(dtype, shape), random.ints(given), random.ints(axis, 'int32')],
      attrs: { num_split: n },
    };
  }),
  Slice: row(a.slice, MOVE, {}, (random, dtype) => {
    const shape = random.shape();
    const begin = shape.map((dim) => random.int(0, dim + 1));
    const size = shape.map((dim, i) => (random.chance(0.2) ? -1 : random.int(0, dim - begin[i]! + 1)));
    const kind = random.pick(I);
    return { inputs: [random.values(dtype, shape), random.ints(begin, kind), random.ints(size, kind)] };
  }),
  StridedSlice: row(a.stridedSlice, MOVE, {}, stridedSlice),
  StridedSliceGrad: row(a.stridedSliceGrad, [...REAL, 'bool'], {}, stridedSliceGrad),
  GatherV2: row(a.gather, ANY, {}, gather),
  Tile: row(a.tile, [...FI, 'int8', 'int16', 'uint8', 'bool', 'string'], {}, (random, dtype) => {
    const shape = random.shape(0, 5, 40);
    return {
      inputs: [
        random.values(dtype, shape),
        random.ints(shape.map(() => random.pick(random.smooth ? [1, 2, 3] : [0, 1, 1, 2, 3]))),
      ],
    };
  }),
  Pad: row(a.pad, MOVE, {}, pad(false)),
  PadV2: row(a.pad, MOVE, { inputs: [0] }, pad(true)),
  MirrorPad: row(a.mirrorPad, MOVE, {}, mirror),
  MirrorPadGrad: row(a.mirrorPadGrad, REAL, {}, (random, dtype) => {
    const { inputs, attrs } = mirror(random, 'bool');
    const [padded] = a.mirrorPad(inputs, attrs!);
    return {
      inputs: [random.values(dtype, padded!.shape, { nan: false, inf: false, special: 0.03, limit: 1e4 }), inputs[1]!],
      attrs: attrs!,
    };
  }),
};

const making: CaseRows = {
  Fill: row(m.fill, MOVE, {}, (random, dtype) => ({ inputs: [random.ints(random.shape()), random.values(dtype, [])] })),
  BroadcastTo: row(m.broadcastTo, [...FI, 'bool'], {}, (random, dtype) => {
    const shape = random.shape();
    const from = shape
      .map((dim) => (random.chance(0.4) ? 1 : dim))
      .slice(random.chance(0.3) ? random.int(0, shape.length + 1) : 0);
    return { inputs: [random.values(dtype, from), random.ints(shape)] };
  }),
  BroadcastGradientArgs: row(m.broadcastGradientArgs, I, 'none', (random, dtype) => ({
    inputs: random.pair().map((shape) => random.ints(shape, dtype)),
  })),
  Range: row(m.range, FI, 'none', (random, dtype) => {
    const whole = dtype.startsWith('int');
    const draw = (low: number, high: number): number =>
      whole ? random.int(low, high) : low + (high - low) * random.next();
    const [start, delta] = [draw(-20, 20), (random.chance(0.5) ? 1 : -1) * draw(1, 7)];
    const values = [start, start + Math.sign(delta) * draw(0, 100), delta];
    return {
      inputs: values.map((value) => ({
        dtype,
        shape: [],
        data: [dtype === 'int64' ? BigInt(value) : dtype === 'float32' ? Math.fround(value) : value],
      })),
    };
  }),
  LinSpace: row(m.linSpace, F, 'none', (random, dtype) => {
    const ends = [random.values(dtype, [], { special: 0 }), random.values(dtype, [], { special: 0 })];
    return { inputs: [...ends, random.ints(random.dim(257, false))] };
  }),
  OneHot: row(m.oneHot, MOVE, 'none', (random, dtype) => {
    const shape = random.shape(0, 4, 60);
    const kind = random.pick(['int32', 'int64', 'uint8']);
    const depth = random.pick([0, 1, 2, 3, 7, 10]);
    const ids = random.ints(
      range(sizeOf(shape)).map(() => random.int(kind === 'uint8' ? 0 : -2, depth + 2)),
      kind,
    );
    return {
      inputs: [{ ...ids, shape }, random.ints(depth, 'int32'), random.values(dtype, []), random.values(dtype, [])],
      attrs: { axis: random.int(-1, shape.length + 1) },
    };
  }),
  Unique: row(m.unique(false), [...REAL, 'string'], 'missing', (random, dtype) => ({
    inputs: [random.values(dtype, [random.dim(257)], { ties: true, nan: false })],
    attrs: { out_idx: outType(random) },
  })),
  UniqueWithCounts: row(m.unique(true), [...REAL, 'string'], 'missing', (random, dtype) => ({
    inputs: [random.values(dtype, [random.dim(257)], { ties: true, nan: false })],
    attrs: { out_idx: outType(random) },
  })),
  Where: row(m.where, [...REAL, 'bool'], 'none', (random, dtype) => ({
    inputs: [random.values(dtype, random.shape(1), { ties: true })],
  })),
};

export const arrayCases: CaseRows = { ...moving, ...making };
