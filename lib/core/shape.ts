// Shapes with unknown dimensions and unknown ranks: TensorFlow's TensorShape and its algebra.
import { GraphTypeError, ValueError } from './errors.js';

/** A dimension: a size, or null where it is unknown. */
export type Dim = number | null;
/** Anything a shape can be made of; null is an unknown rank. */
export type ShapeLike = TensorShape | readonly Dim[] | number | null;

const notADimension = (dim: unknown): ValueError | GraphTypeError =>
  typeof dim === 'number' && Number.isInteger(dim)
    ? new ValueError(`Dimension ${dim} is larger than a tensor can have (2^53 - 1)`)
    : new GraphTypeError(
        `A dimension must be a whole number or null, got ${typeof dim === 'number' ? dim : typeof dim}`,
      );

/** The largest rank the engine takes. */
export const MAX_RANK = 8;

/**
 * A static shape, as TensorFlow's `TensorShape`: `String(new tf.TensorShape([null, 2])) // '(?, 2)'`.
 * Immutable; a dimension may be unknown (`null`), and so may the rank.
 */
export class TensorShape {
  /** The dimensions, or null where the rank is unknown. */
  readonly dims: readonly Dim[] | null;
  /** The number of elements, or null where something is unknown. */
  readonly numElements: number | null;

  constructor(dims: readonly Dim[] | null) {
    let size: number | null = dims === null ? null : 1;
    if (dims !== null) {
      for (const dim of dims) {
        size = size === null || dim === null ? null : size * dim;
        if (dim !== null && (!Number.isSafeInteger(dim) || dim < 0)) {
          throw typeof dim === 'number' && dim < 0
            ? new ValueError(`Dimension ${dim} must be >= 0`)
            : notADimension(dim);
        }
      }
    }
    this.dims = dims === null ? null : Object.freeze([...dims]);
    this.numElements = size;
    Object.freeze(this);
  }

  /** A shape from anything shape-like; a number is a vector's length; -1 is unknown, as None is in Python. */
  static of(like: ShapeLike | undefined): TensorShape {
    if (like instanceof TensorShape) return like;
    if (like === null || like === undefined) return UNKNOWN;
    if (typeof like === 'number') return new TensorShape([like]);
    if (typeof like !== 'object' || !('length' in like))
      throw new GraphTypeError(`A shape must be a list of numbers, not ${typeof like}`);
    return like.length === 0
      ? SCALAR
      : new TensorShape(Array.from(like, (dim) => (dim === -1 || dim === undefined ? null : dim)));
  }

  /** The rank, or null. */
  get rank(): number | null {
    return this.dims?.length ?? null;
  }
  /** TensorFlow's name for `rank`. */
  get ndims(): number | null {
    return this.rank;
  }
  get isFullyDefined(): boolean {
    return this.numElements !== null;
  }
  /** The dimensions as a list; ValueError where the rank is unknown. */
  asList(): Dim[] {
    if (this.dims === null) throw new ValueError('as_list() is not defined on an unknown TensorShape.');
    return [...this.dims];
  }
  /** Every dimension as a number; ValueError where one is unknown. */
  concrete(): number[] {
    if (!this.isFullyDefined) throw new ValueError(`Shape ${this} is not fully defined`);
    return this.dims as number[];
  }
  /** Dimension i (negative from the end); null where unknown. */
  dim(i: number): Dim {
    if (this.dims === null) return null;
    return this.dims[i < 0 ? i + this.dims.length : i] ?? null;
  }
  withRank(rank: number): TensorShape {
    if (this.dims === null) return new TensorShape(new Array<Dim>(rank).fill(null));
    if (this.dims.length !== rank) throw new ValueError(`Shape ${this} must have rank ${rank}`);
    return this;
  }
  concatenate(other: TensorShape): TensorShape {
    return this.dims === null || other.dims === null ? UNKNOWN : new TensorShape([...this.dims, ...other.dims]);
  }
  isCompatibleWith(like: ShapeLike): boolean {
    const { dims } = TensorShape.of(like);
    return dims === null || this.admits(dims);
  }
  /** Whether dimensions that are already known to be dimensions are compatible with this shape. */
  admits(other: readonly Dim[]): boolean {
    const { dims } = this;
    if (dims === null) return true;
    if (dims.length !== other.length) return false;
    for (let axis = 0; axis < dims.length; axis++) {
      const own = dims[axis]!;
      const given = other[axis]!;
      if (own !== given && own !== null && given !== null) return false;
    }
    return true;
  }
  /** What both know together; ValueError where they disagree. */
  mergeWith(like: ShapeLike): TensorShape {
    const other = TensorShape.of(like);
    if (this.dims === null) return other;
    if (other.dims === null) return this;
    if (!this.isCompatibleWith(other)) throw new ValueError(`Shapes ${this} and ${other} are not compatible`);
    return new TensorShape(this.dims.map((dim, i) => dim ?? other.dims![i]!));
  }
  equals(like: ShapeLike): boolean {
    const other = TensorShape.of(like);
    if (this.dims === null || other.dims === null) return this.dims === other.dims;
    return this.dims.length === other.dims.length && this.dims.every((dim, i) => dim === other.dims![i]);
  }
  /** Python's text: `()`, `(4,)`, `(?, 2)`, `<unknown>`. */
  toString(): string {
    if (this.dims === null) return '<unknown>';
    const dims = this.dims.map((dim) => dim ?? '?');
    return dims.length === 1 ? `(${dims[0]},)` : `(${dims.join(', ')})`;
  }
  /** C++'s text, as in op errors: `[?,2]`, `<unknown>`. */
  toBrackets(): string {
    return this.dims === null ? '<unknown>' : `[${this.dims.map((dim) => dim ?? '?').join(',')}]`;
  }
  toJSON(): readonly Dim[] | null {
    return this.dims;
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.dims === null
      ? 'TensorShape(None)'
      : `TensorShape([${this.dims.map((dim) => dim ?? 'None').join(', ')}])`;
  }
}

/** The shape of unknown rank. */
export const UNKNOWN = new TensorShape(null);
/** The shape of a scalar. */
export const SCALAR = new TensorShape([]);

/**
 * The shape two operands broadcast to, as numpy's rule says; unknown dimensions stay unknown where they must.
 * ValueError "Dimensions must be equal, but are 3 and 2" where they do not fit.
 */
export const broadcastShapes = (a: TensorShape, b: TensorShape): TensorShape => {
  if (a.dims === null || b.dims === null) return UNKNOWN;
  if (a === b || isSameShape(a.dims, b.dims)) return a;
  const rank = Math.max(a.dims.length, b.dims.length);
  const dims: Dim[] = [];
  for (let i = 0; i < rank; i++) {
    const ai = i - (rank - a.dims.length);
    const bi = i - (rank - b.dims.length);
    const x = ai < 0 ? 1 : a.dims[ai]!;
    const y = bi < 0 ? 1 : b.dims[bi]!;
    if (x === null || y === null) {
      // A known size other than 1 decides; 1 against unknown stays unknown.
      dims.push(x !== null && x !== 1 ? x : y !== null && y !== 1 ? y : null);
    } else if (x === y || y === 1) dims.push(x);
    else if (x === 1) dims.push(y);
    else throw new ValueError(`Dimensions must be equal, but are ${x} and ${y}`);
  }
  // Almost always it is one of the two.
  return isSameShape(dims, a.dims) ? a : isSameShape(dims, b.dims) ? b : new TensorShape(dims);
};

/** Whether two shapes have the same dims, unknown ones alike. */
export const isSameShape = (a: readonly Dim[], b: readonly Dim[]): boolean => {
  if (a === b) return true;
  if (a.length !== b.length) return false;
  for (let i = 0; i < a.length; i++) if (a[i] !== b[i]) return false;
  return true;
};

/** Elements of a concrete shape. */
export const sizeOf = (dims: readonly number[]): number => {
  let size = 1;
  for (let axis = 0; axis < dims.length; axis++) size *= dims[axis]!;
  return size;
};
