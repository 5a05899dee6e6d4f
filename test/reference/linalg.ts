// Matrix products by their definition, with the bound (|A||B|) that their rounding is measured against.
import {
  type Arr,
  arr,
  broadcast,
  coordsOf,
  type Element,
  isFloat,
  one,
  type Reference,
  refuse,
  sizeOf,
  wrap,
} from './array.js';

const product = (
  a: Arr,
  b: Arr,
  ta: boolean,
  tb: boolean,
  batch: (x: readonly number[], y: readonly number[]) => number[],
): Arr => {
  const [rows, ka] = [a.shape.at(ta ? -1 : -2)!, a.shape.at(ta ? -2 : -1)!];
  const [kb, columns] = [b.shape.at(tb ? -1 : -2)!, b.shape.at(tb ? -2 : -1)!];
  if (ka !== kb) refuse(`Matrix size-incompatible: In[0]: [${a.shape}], In[1]: [${b.shape}]`);
  const [batchA, batchB] = [a.shape.slice(0, -2), b.shape.slice(0, -2)];
  const outer = batch(batchA, batchB);
  const data: Element[] = [];
  const bound: number[] = [];
  const base = (coords: readonly number[], dims: readonly number[]): number => {
    const own = coords.slice(coords.length - dims.length);
    return dims.reduce((at, dim, axis) => at * dim + (dim === 1 ? 0 : own[axis]!), 0);
  };
  for (let o = 0; o < sizeOf(outer); o++) {
    const coords = coordsOf(o, outer);
    const [atA, atB] = [base(coords, batchA) * rows * ka, base(coords, batchB) * kb * columns];
    for (let i = 0; i < rows; i++) {
      for (let j = 0; j < columns; j++) {
        let exact = 0n;
        let total = 0;
        let absolute = 0;
        for (let k = 0; k < ka; k++) {
          const x = a.data[atA + (ta ? k * rows + i : i * ka + k)]!;
          const y = b.data[atB + (tb ? j * kb + k : k * columns + j)]!;
          if (isFloat(a.dtype)) {
            total += (x as number) * (y as number);
            absolute += Math.abs((x as number) * (y as number));
          } else exact += BigInt(x) * BigInt(y);
        }
        data.push(isFloat(a.dtype) ? total : wrap(a.dtype, exact));
        // min(K, 4 sqrt(K)) roundings of the sum of absolute products; the reference's own float64 sum adds as many for float64.
        bound.push(Math.max(1, Math.min(ka, 4 * Math.sqrt(ka))) * absolute * (a.dtype === 'float64' ? 2 : 1));
      }
    }
  }
  const made = arr(a.dtype, [...outer, rows, columns], data);
  return isFloat(a.dtype) ? { ...made, bound } : made;
};

export const matmul: Reference = ([x, y], attrs) => {
  const [a, b] = [one(x), one(y)];
  if (a.shape.length !== 2) refuse('In[0] is not a matrix');
  if (b.shape.length !== 2) refuse('In[1] is not a matrix');
  return [product(a, b, attrs.transpose_a === true, attrs.transpose_b === true, () => [])];
};

/** BatchMatMul: equal batch dimensions; V2: they broadcast. */
export const batchMatmul =
  (broadcasts: boolean): Reference =>
  ([x, y], attrs) => {
    const [a, b] = [one(x), one(y)];
    if (a.shape.length < 2 || b.shape.length < 2) refuse('In[0] ndims must be >= 2');
    const batch = broadcasts
      ? broadcast
      : (p: readonly number[], q: readonly number[]): number[] =>
          p.join() === q.join() ? [...p] : refuse('In[0] and In[1] must have compatible batch dimensions');
    return [product(a, b, attrs.adj_x === true, attrs.adj_y === true, batch)];
  };
