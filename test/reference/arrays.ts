// Ops that move elements, by index arithmetic on coordinates.
import {
  type Arr,
  type Attrs,
  arr,
  axisOf,
  build,
  coordsOf,
  type Element,
  flatOf,
  get,
  type Input,
  isBig,
  isFloat,
  many,
  numbers,
  one,
  type Reference,
  refuse,
  scalarOf,
  sizeOf,
  wrap,
  zeroOf,
} from './array.js';

export const ints = (dtype: string, values: readonly number[]): Arr =>
  arr(
    dtype,
    [values.length],
    values.map((v) => (isBig(dtype) ? BigInt(v) : v)),
  );
export const outType = (attrs: Attrs, name: string, fallback = 'int32'): string =>
  (attrs[name] as { type: string } | undefined)?.type ?? fallback;
const reshaped = (x: Arr, shape: readonly number[]): Arr => arr(x.dtype, shape, x.data);

export const identity: Reference = ([x]) => [one(x)];
export const filledLike =
  (value: 0 | 1): Reference =>
  ([x]) => [
    build(one(x).dtype, one(x).shape, () => (value === 0 ? zeroOf(one(x).dtype) : isBig(one(x).dtype) ? 1n : 1)),
  ];
export const shapeOf: Reference = ([x], attrs) => [ints(outType(attrs, 'out_type'), one(x).shape)];
export const shapeN: Reference = ([list], attrs) => many(list).map((x) => ints(outType(attrs, 'out_type'), x.shape));
export const sizeOp: Reference = ([x], attrs) => [
  reshaped(ints(outType(attrs, 'out_type'), [sizeOf(one(x).shape)]), []),
];
export const rankOp: Reference = ([x]) => [arr('int32', [], [one(x).shape.length])];

export const reshape: Reference = ([input, target]) => {
  const x = one(input);
  const shape = numbers(one(target));
  const unknown = shape.filter((dim) => dim === -1).length;
  if (unknown > 1) refuse('Only one input size may be -1');
  if (shape.some((dim) => dim < -1)) refuse('Size must be non-negative');
  const known = shape.reduce((product, dim) => (dim === -1 ? product : product * dim), 1);
  const size = sizeOf(x.shape);
  if (unknown === 1) {
    if (known === 0)
      refuse(
        'reshape cannot infer the missing input size for an empty tensor unless all specified input sizes are non-zero',
      );
    if (size % known !== 0) refuse('Input to reshape is a tensor with a size that does not divide');
  } else if (known !== size)
    refuse(`Input to reshape is a tensor with ${size} values, but the requested shape has ${known}`);
  return [
    reshaped(
      x,
      shape.map((dim) => (dim === -1 ? size / known : dim)),
    ),
  ];
};
export const expandDims: Reference = ([input, at]) => {
  const x = one(input);
  const axis = axisOf(scalarOf(one(at)), x.shape.length + 1, 'Tried to expand dim index');
  return [reshaped(x, x.shape.toSpliced(axis, 0, 1))];
};
export const squeeze: Reference = ([input], attrs) => {
  const x = one(input);
  const axes = (attrs.squeeze_dims as readonly number[]).map((axis) =>
    axisOf(axis, x.shape.length, 'Tried to squeeze dim index'),
  );
  for (const axis of axes)
    if (x.shape[axis] !== 1) refuse(`Can not squeeze dim[${axis}], expected a dimension of 1, got ${x.shape[axis]}`);
  return [
    reshaped(
      x,
      x.shape.filter((dim, axis) => dim !== 1 || (axes.length > 0 && !axes.includes(axis))),
    ),
  ];
};
export const transpose: Reference = ([input, order]) => {
  const x = one(input);
  const perm = numbers(one(order));
  if (perm.length !== x.shape.length) refuse('transpose expects a vector of size');
  perm.forEach((axis, i) => {
    if (axis < 0 || axis >= perm.length) refuse(`${axis} is out of range [0 .. ${perm.length})`);
    if (perm.indexOf(axis) !== i) refuse(`${axis} is missing from {${perm}}.`);
  });
  return [
    build(
      x.dtype,
      perm.map((axis) => x.shape[axis]!),
      (coords) =>
        get(
          x,
          x.shape.map((_, axis) => coords[perm.indexOf(axis)]!),
        ),
    ),
  ];
};
export const invertPermutation: Reference = ([input]) => {
  const perm = numbers(one(input));
  if (perm.some((p, i) => p < 0 || p >= perm.length || perm.indexOf(p) !== i)) refuse('not a permutation');
  return [
    ints(
      one(input).dtype,
      perm.map((_, i) => perm.indexOf(i)),
    ),
  ];
};

export const concat: Reference = ([list, at]) => {
  const items = many(list);
  const first = items[0]!;
  const axis = axisOf(
    scalarOf(one(at)),
    first.shape.length,
    'ConcatOp : Expected concatenating dimensions in the range',
  );
  for (const item of items) {
    if (item.shape.length !== first.shape.length) refuse('ConcatOp : Ranks of all input tensors should match');
    if (item.shape.some((dim, i) => i !== axis && dim !== first.shape[i]))
      refuse('ConcatOp : Dimensions of inputs should match');
  }
  const total = items.reduce((sum, item) => sum + item.shape[axis]!, 0);
  return [
    build(first.dtype, first.shape.with(axis, total), (coords) => {
      let here = coords[axis]!;
      let k = 0;
      while (here >= items[k]!.shape[axis]!) here -= items[k++]!.shape[axis]!;
      return get(items[k]!, coords.with(axis, here));
    }),
  ];
};
export const concatOffset: Reference = ([at, list]) => {
  const shapes = many(list).map(numbers);
  const axis = axisOf(scalarOf(one(at)), shapes[0]!.length);
  let offset = 0;
  return shapes.map((shape) => {
    const made = ints(
      'int32',
      shape.map((_, i) => (i === axis ? offset : 0)),
    );
    offset += shape[axis]!;
    return made;
  });
};
export const pack: Reference = ([list], attrs) => {
  const items = many(list);
  const axis = axisOf(attrs.axis as number, items[0]!.shape.length + 1, 'axis = out of range');
  if (items.some((item) => item.shape.join() !== items[0]!.shape.join())) refuse('Shapes of all inputs must match');
  return [
    build(items[0]!.dtype, items[0]!.shape.toSpliced(axis, 0, items.length), (c) =>
      get(items[c[axis]!]!, c.toSpliced(axis, 1)),
    ),
  ];
};
export const unpack: Reference = ([input], attrs) => {
  const x = one(input);
  const axis = axisOf(attrs.axis as number, x.shape.length, 'axis = out of range');
  if (x.shape[axis] !== attrs.num) refuse('Input shape axis must equal num');
  return Array.from({ length: x.shape[axis]! }, (_, k) =>
    build(x.dtype, x.shape.toSpliced(axis, 1), (c) => get(x, c.toSpliced(axis, 0, k))),
  );
};
const pieces = (x: Arr, axis: number, sizes: readonly number[]): Arr[] => {
  let start = 0;
  return sizes.map((size) => {
    const from = start;
    start += size;
    return build(x.dtype, x.shape.with(axis, size), (c) => get(x, c.with(axis, c[axis]! + from)));
  });
};
export const split: Reference = ([at, input], attrs) => {
  const x = one(input);
  const axis = axisOf(scalarOf(one(at)), x.shape.length, '-input rank(-1) <= split_dim < input rank');
  const n = attrs.num_split as number;
  if (x.shape[axis]! % n !== 0) refuse('Number of ways to split should evenly divide the split dimension');
  return pieces(x, axis, new Array(n).fill(x.shape[axis]! / n));
};
export const splitV: Reference = ([input, list, at]) => {
  const x = one(input);
  const axis = axisOf(scalarOf(one(at)), x.shape.length, '-input rank(-1) <= split_dim < input rank');
  const sizes = numbers(one(list));
  if (sizes.filter((size) => size === -1).length > 1) refuse('There can only be one -1');
  const rest = x.shape[axis]! - sizes.reduce((sum, size) => sum + Math.max(size, 0), 0);
  if (sizes.some((size) => size < -1) || rest < 0 || (rest > 0 && !sizes.includes(-1)))
    refuse('Determined shape must match input shape');
  return pieces(
    x,
    axis,
    sizes.map((size) => (size === -1 ? rest : size)),
  );
};

export const slice: Reference = ([input, from, count]) => {
  const x = one(input);
  const [begin, wanted] = [numbers(one(from)), numbers(one(count))];
  if (begin.length !== x.shape.length || wanted.length !== x.shape.length)
    refuse('Expected begin and size arguments to be 1-D tensors of size');
  const size = wanted.map((n, i) => (n === -1 ? x.shape[i]! - begin[i]! : n));
  size.forEach((n, i) => {
    if (begin[i]! < 0 || begin[i]! > x.shape[i]!)
      refuse(`Expected begin[${i}] in [0, ${x.shape[i]}], but got ${begin[i]}`);
    if (n < 0 || begin[i]! + n > x.shape[i]!)
      refuse(`Expected size[${i}] in [0, ${x.shape[i]! - begin[i]!}], but got ${n}`);
  });
  return [
    build(x.dtype, size, (c) =>
      get(
        x,
        c.map((coord, i) => coord + begin[i]!),
      ),
    ),
  ];
};

interface Strided {
  /** For every dimension of the input: the index that coordinate k of it reads is start + k * stride. */
  start: number[];
  stride: number[];
  length: number[];
  /** The shape of the result: kept dimensions and new ones. */
  shape: number[];
}
/** TensorFlow's strided slice (strided_slice_op.cc): a sparse description made dense, then every dimension clamped. */
const stridedSpec = (dims: readonly number[], inputs: readonly Input[], attrs: Attrs): Strided => {
  const [begin, end, strides] = inputs.map((input) => numbers(one(input))) as [number[], number[], number[]];
  const mask = (name: string, i: number): boolean => (((attrs[name] as number | undefined) ?? 0) & (1 << i)) !== 0;
  const n = begin.length;
  const bits = begin.filter((_, i) => mask('ellipsis_mask', i)).length;
  if (bits > 1) refuse('Multiple ellipses in slice spec not allowed');
  const result: Strided = { start: [], stride: [], length: [], shape: [] };
  const whole = (): void => {
    const dim = dims[result.start.length]!;
    result.start.push(0);
    result.stride.push(1);
    result.length.push(dim);
    result.shape.push(dim);
  };
  const named = (from: number): number =>
    begin.filter((_, i) => i >= from && !mask('new_axis_mask', i) && !mask('ellipsis_mask', i)).length;
  for (let i = 0; i < n; i++) {
    if (mask('ellipsis_mask', i)) {
      while (result.start.length < dims.length - named(i + 1)) whole();
      continue;
    }
    if (mask('new_axis_mask', i)) {
      result.shape.push(1);
      continue;
    }
    const axis = result.start.length;
    if (axis >= dims.length) refuse(`Index out of range using input dim ${axis}; input has only ${dims.length} dims`);
    const dim = dims[axis]!;
    const step = strides[i]!;
    if (step === 0) refuse(`strides[${i}] must be non-zero`);
    if (mask('shrink_axis_mask', i)) {
      if (step < 0) refuse('only stride 1 allowed on non-range indexing.');
      const at = begin[i]! < 0 ? begin[i]! + dim : begin[i]!;
      if (at < 0 || at >= dim) refuse(`slice index ${begin[i]} of dimension ${axis} out of bounds.`);
      result.start.push(at);
      result.stride.push(1);
      result.length.push(1);
      continue;
    }
    const [low, high] = step > 0 ? [0, dim] : [-1, dim - 1];
    const clamp = (value: number): number => Math.min(Math.max(value < 0 ? value + dim : value, low), high);
    const from = mask('begin_mask', i) ? (step > 0 ? low : high) : clamp(begin[i]!);
    const to = mask('end_mask', i) ? (step > 0 ? high : low) : clamp(end[i]!);
    const length = Math.max(0, Math.ceil((to - from) / step));
    result.start.push(from);
    result.stride.push(step);
    result.length.push(length);
    result.shape.push(length);
  }
  while (result.start.length < dims.length) whole();
  return result;
};
export const stridedSlice: Reference = ([input, ...bounds], attrs) => {
  const x = one(input);
  const spec = stridedSpec(x.shape, bounds, attrs);
  return [
    reshaped(
      build(x.dtype, spec.length, (c) =>
        get(
          x,
          c.map((k, i) => spec.start[i]! + k * spec.stride[i]!),
        ),
      ),
      spec.shape,
    ),
  ];
};
export const stridedSliceGrad: Reference = ([dims, begin, end, strides, gradient], attrs) => {
  const shape = numbers(one(dims));
  const spec = stridedSpec(shape, [begin!, end!, strides!], attrs);
  const dy = one(gradient);
  if (dy.shape.join() !== spec.shape.join()) refuse('shape of dy was not the expected one');
  const made = build(dy.dtype, shape, () => zeroOf(dy.dtype));
  dy.data.forEach((element, i) => {
    made.data[
      flatOf(
        coordsOf(i, spec.length).map((k, axis) => spec.start[axis]! + k * spec.stride[axis]!),
        shape,
      )
    ] = element;
  });
  return [made];
};

export const gather: Reference = ([input, at, axisInput], attrs) => {
  const [x, indices] = [one(input), one(at)];
  if (x.shape.length === 0) refuse('params must be at least 1 dimensional');
  const axis = axisInput === undefined ? 0 : axisOf(scalarOf(one(axisInput)), x.shape.length);
  const ids = numbers(indices);
  ids.forEach((id, i) => {
    if (id < 0 || id >= x.shape[axis]!)
      refuse(`indices[${coordsOf(i, indices.shape)}] = ${id} is not in [0, ${x.shape[axis]})`);
  });
  const given = Number(attrs?.batch_dims ?? 0);
  const batch = given < 0 ? given + indices.shape.length : given;
  const rank = indices.shape.length - batch;
  const shape = [...x.shape.slice(0, axis), ...indices.shape.slice(batch), ...x.shape.slice(axis + 1)];
  return [
    build(x.dtype, shape, (c) => {
      const id = ids[flatOf([...c.slice(0, batch), ...c.slice(axis, axis + rank)], indices.shape)]!;
      return get(x, [...c.slice(0, axis), id, ...c.slice(axis + rank)]);
    }),
  ];
};
export const tile: Reference = ([input, times]) => {
  const x = one(input);
  const multiples = numbers(one(times));
  if (multiples.length !== x.shape.length) refuse('Expected multiples argument to be a vector of length');
  if (multiples.some((m) => m < 0)) refuse('Expected multiples[0] >= 0');
  return [
    build(
      x.dtype,
      x.shape.map((dim, i) => dim * multiples[i]!),
      (c) =>
        get(
          x,
          c.map((k, i) => k % x.shape[i]!),
        ),
    ),
  ];
};
const paddingOf = (input: Input | undefined, rank: number): [number, number][] => {
  const flat = numbers(one(input));
  if (flat.length !== 2 * rank) refuse('The first dimension of paddings must be the rank of inputs');
  if (flat.some((p) => p < 0)) refuse('Paddings must be non-negative');
  return Array.from({ length: rank }, (_, i) => [flat[2 * i]!, flat[2 * i + 1]!]);
};
export const pad: Reference = ([input, paddings, value]) => {
  const x = one(input);
  const pads = paddingOf(paddings, x.shape.length);
  const outside = value === undefined ? zeroOf(x.dtype) : one(value).data[0]!;
  return [
    build(
      x.dtype,
      x.shape.map((dim, i) => dim + pads[i]![0] + pads[i]![1]),
      (c) => {
        const from = c.map((k, i) => k - pads[i]![0]);
        return from.every((k, i) => k >= 0 && k < x.shape[i]!) ? get(x, from) : outside;
      },
    ),
  ];
};
/** Where coordinate k of a mirrored axis comes from. */
const mirrored = (k: number, before: number, dim: number, offset: number): number => {
  const at = k - before;
  return at < 0 ? -at - 1 + offset : at >= dim ? 2 * dim - at - 1 - offset : at;
};
const mirrorOffset = (attrs: Attrs): number => (attrs.mode === 'REFLECT' ? 1 : 0);
export const mirrorPad: Reference = ([input, paddings], attrs) => {
  const x = one(input);
  const offset = mirrorOffset(attrs);
  const pads = paddingOf(paddings, x.shape.length);
  pads.forEach(([before, after], i) => {
    if (Math.max(before, after) > x.shape[i]! - offset) refuse('paddings must be no greater than the dimension size');
  });
  return [
    build(
      x.dtype,
      x.shape.map((dim, i) => dim + pads[i]![0] + pads[i]![1]),
      (c) =>
        get(
          x,
          c.map((k, i) => mirrored(k, pads[i]![0], x.shape[i]!, offset)),
        ),
    ),
  ];
};
export const mirrorPadGrad: Reference = ([gradient, paddings], attrs) => {
  const dy = one(gradient);
  const pads = paddingOf(paddings, dy.shape.length);
  const shape = dy.shape.map((dim, i) => dim - pads[i]![0] - pads[i]![1]);
  const groups: Element[][] = Array.from({ length: sizeOf(shape) }, () => []);
  dy.data.forEach((element, i) => {
    const c = coordsOf(i, dy.shape).map((k, axis) => mirrored(k, pads[axis]![0], shape[axis]!, mirrorOffset(attrs)));
    groups[flatOf(c, shape)]!.push(element);
  });
  if (!isFloat(dy.dtype))
    return [
      arr(
        dy.dtype,
        shape,
        groups.map((g) =>
          wrap(
            dy.dtype,
            g.map(BigInt).reduce((a, b) => a + b, 0n),
          ),
        ),
      ),
    ];
  const total = (g: readonly Element[]): number => (g as number[]).reduce((a, b) => a + b, 0);
  return [
    {
      ...arr(dy.dtype, shape, groups.map(total)),
      bound: groups.map((g) => g.length * total((g as number[]).map(Math.abs))),
    },
  ];
};

/** Axes read backwards. */
export const reverse: Reference = ([input, list]) => {
  const x = one(input);
  const axes = numbers(one(list)).map((axis) => axisOf(axis, x.shape.length, "'axis'[0] = is out of valid range"));
  if (new Set(axes).size !== axes.length) refuse('axis specified more than once.');
  return [
    build(x.dtype, x.shape, (c) =>
      get(
        x,
        c.map((k, axis) => (axes.includes(axis) ? x.shape[axis]! - 1 - k : k)),
      ),
    ),
  ];
};
