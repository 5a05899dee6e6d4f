// Ops that make values from numbers, and lists of what is where: ranges, one-hots, unique elements.
import {
  arr,
  axisOf,
  broadcast,
  build,
  coordsOf,
  type Element,
  get,
  getBroadcast,
  isBig,
  isFloat,
  many,
  numbers,
  one,
  type Reference,
  refuse,
  scalarOf,
  sizeOf,
  zeroOf,
} from './array.js';
import { ints, outType } from './arrays.js';

export const fill: Reference = ([dims, value]) => {
  const shape = numbers(one(dims));
  if (shape.some((dim) => dim < 0)) refuse('Dimension must be >= 0');
  return [build(one(value).dtype, shape, () => one(value).data[0]!)];
};
export const broadcastTo: Reference = ([input, target]) => {
  const shape = numbers(one(target));
  if (broadcast(one(input).shape, shape).join() !== shape.join()) refuse('Incompatible shapes');
  return [build(one(input).dtype, shape, (c) => getBroadcast(one(input), c))];
};
/** The axes that a gradient of broadcast operands is summed over; where both are 1, both. */
export const broadcastGradientArgs: Reference = ([a, b]) => {
  const [s0, s1] = [numbers(one(a)), numbers(one(b))];
  const out = broadcast(s0, s1);
  const reduced = (shape: readonly number[]): number[] =>
    out.map((_, i) => i).filter((i) => (shape[i - out.length + shape.length] ?? 1) === 1);
  const same = s0.join() === s1.join();
  return [s0, s1].map((shape) => ints(one(a).dtype, same ? [] : reduced(shape)));
};
/** start, start + delta ... accumulated in the dtype. */
export const range: Reference = (inputs) => {
  const { dtype } = one(inputs[0]);
  const [start, limit, delta] = inputs.map((input) => scalarOf(one(input))) as [number, number, number];
  if (delta === 0) refuse('Requires delta != 0: 0');
  if (delta > 0 && start > limit) refuse(`Requires start <= limit when delta > 0: ${start}/${limit}`);
  if (delta < 0 && start < limit) refuse(`Requires start >= limit when delta < 0: ${start}/${limit}`);
  const round = dtype === 'float32' ? Math.fround : (x: number): number => x;
  const n = Math.ceil(Math.abs(isFloat(dtype) ? round(round(limit - start) / delta) : (limit - start) / delta));
  const data: Element[] = [];
  for (let i = 0, value = start; i < n; i++, value = round(value + delta))
    data.push(isBig(dtype) ? BigInt(value) : value);
  return [arr(dtype, [n], data)];
};
export const linSpace: Reference = ([a, b, c]) => {
  const [start, stop, num] = [scalarOf(one(a)), scalarOf(one(b)), scalarOf(one(c))];
  if (num <= 0) refuse(`Requires num > 0: ${num}`);
  const round = one(a).dtype === 'float32' ? Math.fround : (x: number): number => x;
  const step = round(round(stop - start) / (num - 1));
  return [
    arr(
      one(a).dtype,
      [num],
      Array.from({ length: num }, (_, i) => (i === 0 ? start : i === num - 1 ? stop : round(start + round(step * i)))),
    ),
  ];
};
export const oneHot: Reference = ([ids, count, on, off], attrs) => {
  const indices = one(ids);
  const depth = scalarOf(one(count));
  if (depth < 0) refuse(`depth must be non-negative, got: ${depth}`);
  const axis =
    attrs.axis === -1
      ? indices.shape.length
      : axisOf(attrs.axis as number, indices.shape.length + 1, 'Expected axis to be -1 or between [0');
  return [
    build(one(on).dtype, indices.shape.toSpliced(axis, 0, depth), (c) =>
      Number(get(indices, c.toSpliced(axis, 1))) === c[axis] ? one(on).data[0]! : one(off).data[0]!,
    ),
  ];
};
/** First occurrences in order, the position of every element among them, and how often each occurs. */
export const unique =
  (counts: boolean): Reference =>
  ([input], attrs) => {
    const x = one(input);
    if (x.shape.length !== 1) refuse('unique expects a 1D vector.');
    const dtype = outType(attrs, 'out_idx');
    const values = [...new Set(x.data)];
    const positions = x.data.map((element) => values.indexOf(element));
    const found = arr(
      x.dtype,
      [values.length],
      values.map((value) => x.data.find((element) => element === value)!),
    );
    const frequency = values.map((_, k) => positions.filter((p) => p === k).length);
    return [found, ints(dtype, positions), ...(counts ? [ints(dtype, frequency)] : [])];
  };
/** Coordinates of the elements that are not 0, row by row. */
export const where: Reference = ([input]) => {
  const x = one(input);
  const rows = x.data.flatMap((element, i) => (Number(element) !== 0 ? [coordsOf(i, x.shape)] : []));
  return [arr('int64', [rows.length, x.shape.length], rows.flat().map(BigInt))];
};

/** Rows of data[m] put at indices[m]; the last one wins; what no index names is zero. */
export const dynamicStitch: Reference = ([list, rows]) => {
  const [indices, data] = [many(list), many(rows)];
  const row = data[0]!.shape.slice(indices[0]!.shape.length);
  const width = sizeOf(row);
  const n = Math.max(-1, ...indices.flatMap((at) => numbers(at))) + 1;
  const made = build(data[0]!.dtype, [n, ...row], () => zeroOf(data[0]!.dtype));
  indices.forEach((at, m) => {
    numbers(at).forEach((index, i) => {
      for (let k = 0; k < width; k++) made.data[index * width + k] = data[m]!.data[i * width + k]!;
    });
  });
  return [made];
};
/** The elements of x that are not in y, and where they were. */
export const listDiff: Reference = ([a, b], attrs) => {
  const [x, y] = [one(a), one(b)];
  const kept = x.data.map((element, i) => [element, i] as const).filter(([element]) => !y.data.includes(element));
  return [
    arr(
      x.dtype,
      [kept.length],
      kept.map(([element]) => element),
    ),
    ints(
      outType(attrs, 'out_idx'),
      kept.map(([, i]) => i),
    ),
  ];
};
