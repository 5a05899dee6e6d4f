// Pieces that shape rules are made of: the checks and merges of TensorFlow's C++ shape functions, with their texts.
import type { ShapeContext } from '../core/defineOp.js';
import { ValueError } from '../core/errors.js';
import { type Dim, SCALAR, TensorShape, UNKNOWN } from '../core/shape.js';

/** A shape of a known rank: "Shape must be rank 1 but is rank 2". */
export const needRank = (shape: TensorShape, rank: number): TensorShape => {
  if (shape.rank !== null && shape.rank !== rank)
    throw new ValueError(`Shape must be rank ${rank} but is rank ${shape.rank}`);
  return shape.withRank(rank);
};

/** "Shape must be at least rank 1 but is rank 0". */
export const needRankAtLeast = (shape: TensorShape, rank: number): TensorShape => {
  if (shape.rank !== null && shape.rank < rank)
    throw new ValueError(`Shape must be at least rank ${rank} but is rank ${shape.rank}`);
  return shape;
};

/** "Shape must be at most rank 1 but is rank 2". */
export const needRankAtMost = (shape: TensorShape, rank: number): TensorShape => {
  if (shape.rank !== null && shape.rank > rank)
    throw new ValueError(`Shape must be at most rank ${rank} but is rank ${shape.rank}`);
  return shape;
};

/** "Dimensions must be equal, but are 2 and 3". */
export const mergeDims = (a: Dim, b: Dim): Dim => {
  if (a !== null && b !== null && a !== b) throw new ValueError(`Dimensions must be equal, but are ${a} and ${b}`);
  return a ?? b;
};

/** What two shapes know together, in C++'s words where they disagree. */
export const mergeShapes = (a: TensorShape, b: TensorShape): TensorShape => {
  if (a.dims === null) return b;
  if (b.dims === null) return a;
  if (a.rank !== b.rank) throw new ValueError(`Shapes must be equal rank, but are ${a.rank} and ${b.rank}`);
  return new TensorShape(
    a.dims.map((dim, i) => {
      const other = b.dims![i]!;
      if (dim !== null && other !== null && dim !== other) {
        throw new ValueError(
          `Dimension ${i} in both shapes must be equal, but are ${dim} and ${other}. Shapes are ${a.toBrackets()} and ${b.toBrackets()}.`,
        );
      }
      return dim ?? other;
    }),
  );
};

/** "Dimension size must be evenly divisible by 2 but is 3". */
export const divideDim = (dim: Dim, by: number): Dim => {
  if (dim === null) return null;
  if (dim % by !== 0) throw new ValueError(`Dimension size must be evenly divisible by ${by} but is ${dim}`);
  return dim / by;
};

/** A shape of `rank` unknown dimensions. */
export const unknownDims = (rank: number): TensorShape => new TensorShape(new Array<Dim>(rank).fill(null));

/** The output has the first input's shape. */
export const sameShape = (c: ShapeContext): readonly TensorShape[] => [c.inputs[0]!];
/** The output is a scalar. */
export const scalarShape = (): readonly TensorShape[] => [SCALAR];
/** Nothing is known of the output. */
export const unknownShape = (): readonly TensorShape[] => [UNKNOWN];
