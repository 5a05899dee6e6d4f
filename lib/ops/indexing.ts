// x.get(...): Python's indexing, `x[1, ::2, tf.newaxis, ...]`, as a StridedSlice.
import { constOp } from '../core/constOp.js';
import { convertToTensor, type TensorLike, tensorOf } from '../core/convert.js';
import type { Named } from '../core/defineOp.js';
import { bool, type DType, int32, int64 } from '../core/dtype.js';
import { GraphTypeError } from '../core/errors.js';
import { Tensor } from '../core/graph.js';
import { NDArray } from '../core/ndarray.js';
import { cast } from './cast.js';
import { booleanMask } from './gather.js';
import { stack } from './join.js';
import * as py from './operators.js';
import { opScope } from './scopes.js';
import { slice, stridedSlice } from './slicing.js';

/** One index: a number or an integer scalar tensor. */
export type Index = number | Tensor;
/**
 * One entry of `x.get(...)`: an index; `[start, end, stride]` (each may be null or missing: from the start, to the end, 1); null for a new axis;
 * '...' for every dimension not named.
 */
export type IndexEntry = Index | null | '...' | readonly (Index | null | undefined)[];

const NOT_AN_INDEX =
  'Only integers, slices (`[start, end, stride]`), ellipsis (`...`), tf.newaxis (`null`) and scalar tf.int32/tf.int64 tensors are valid indices';

const checked = (index: unknown): Index => {
  if (typeof index === 'number' && Number.isSafeInteger(index)) return index;
  const tensor = tensorOf(index);
  if (tensor !== undefined && (tensor.dtype === int32 || tensor.dtype === int64) && tensor.shape.rank !== 1)
    return tensor;
  throw new GraphTypeError(`${NOT_AN_INDEX}, got ${typeof index === 'object' ? String(index) : JSON.stringify(index)}`);
};

/** Indices as one vector: a constant where they are numbers. */
const packed = (indices: readonly Index[]): Tensor => {
  const numbers = indices.filter((index) => typeof index === 'number');
  if (numbers.length < indices.length) return stack(indices);
  return convertToTensor(new NDArray(int32, [numbers.length], Int32Array.from(numbers)), { name: 'stack' });
};

/**
 * Part of a tensor, as Python's `x[...]`; a bool tensor as the only entry picks by mask.
 *
 * @example tf.constant([[1, 2, 3], [4, 5, 6]]).get(1, [0, 2]) // [4, 5]
 */
export const get = (x: TensorLike, ...entries: readonly IndexEntry[]): Tensor => {
  const source = tensorOf(x) ?? convertToTensor(x);
  const [only] = entries;
  if (entries.length === 1 && only instanceof Tensor && only.dtype === bool) return booleanMask(source, only);
  const [begin, end, strides]: [Index[], Index[], Index[]] = [[], [], []];
  const masks = { beginMask: 0, endMask: 0, ellipsisMask: 0, newAxisMask: 0, shrinkAxisMask: 0 };
  const push = (from: Index, to: Index, step: Index): void => {
    begin.push(from);
    end.push(to);
    strides.push(step);
  };
  entries.forEach((entry, i) => {
    const bit = 2 ** i;
    if (entry === '...') {
      masks.ellipsisMask |= bit;
      push(0, 0, 1);
    } else if (entry === null) {
      masks.newAxisMask |= bit;
      push(0, 0, 1);
    } else if (Array.isArray(entry)) {
      const [from, to, step] = entry as readonly (Index | null | undefined)[];
      if (entry.length > 3) throw new GraphTypeError(`${NOT_AN_INDEX}, got [${entry.join(', ')}]`);
      if (from == null) masks.beginMask |= bit;
      if (to == null) masks.endMask |= bit;
      push(from == null ? 0 : checked(from), to == null ? 0 : checked(to), step == null ? 1 : checked(step));
    } else {
      const index = checked(entry);
      masks.shrinkAxisMask |= bit;
      push(index, typeof index === 'number' ? index + 1 : py.add(index, 1), 1);
    }
  });
  return opScope(null, 'strided_slice', [source], (scope) => {
    if (begin.length === 0) {
      const none = constOp(source.graph, new NDArray(int32, [0], new Int32Array(0)), 'Const');
      return stridedSlice(source, none, none, none, { name: scope });
    }
    let vectors = [packed(begin), packed(end), packed(strides)];
    if (vectors.some((vector) => vector.dtype === int64)) vectors = vectors.map((vector) => widened(vector, int64));
    return stridedSlice(source, vectors[0]!, vectors[1]!, vectors[2]!, { ...masks, name: scope });
  });
};

const widened = (vector: Tensor, dtype: DType): Tensor => (vector.dtype === dtype ? vector : cast(vector, dtype));

/** Indexing as methods of tensors and variables. */
export interface IndexMethods {
  /** Python's `x[...]`: `x.get(0)`, `x.get([1, null], '...', null)`. */
  get(...entries: readonly IndexEntry[]): Tensor;
  /** `tf.slice` of this tensor. */
  slice(begin: TensorLike, size: TensorLike, options?: Named): Tensor;
}

declare module '../core/graph.js' {
  interface Tensor extends IndexMethods {}
}

/** Gives a class `get` and `slice`. */
export const installIndexing = (prototype: object): void => {
  const methods = {
    get(this: TensorLike, ...entries: readonly IndexEntry[]): Tensor {
      return get(this, ...entries);
    },
    slice(this: TensorLike, begin: TensorLike, size: TensorLike, options?: Named): Tensor {
      return slice(this, begin, size, options);
    },
  };
  for (const [name, value] of Object.entries(methods))
    Object.defineProperty(prototype, name, { value, writable: true, configurable: true });
};

installIndexing(Tensor.prototype);
