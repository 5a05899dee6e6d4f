// The families of shapes: sizes that no vector and no block divides, long and thin, short and wide, many small ones in one.

export type Shape = readonly number[];

/** `[317, 331]` of `317x331`, `[]` of `scalar`. */
export const shapeOf = (text: string): Shape => (text === 'scalar' ? [] : text.split('x').map(Number));

const words = (text: string): string[] => text.trim().split(/\s+/);

/** Shapes by a list of them: `1009 317x331`. */
export const shapesOf = (text: string): Shape[] => words(text).map(shapeOf);

/** Shapes that go together: `33x31+31 317x1+1x331`. */
export const togetherOf = (text: string): Shape[][] => words(text).map((one) => one.split('+').map(shapeOf));

/** Shapes with what is done along an axis of each: `317x331@1`. */
export const alongOf = (text: string): { readonly shape: Shape; readonly axis: number }[] =>
  words(text).map((one) => {
    const [shape, axis] = one.split('@');
    return { shape: shapeOf(shape!), axis: Number(axis) };
  });

export const VECTORS = shapesOf('1009 100003 4000037');
const MATRICES = shapesOf(`
  33x31 7x143 143x7 333x3 3x333 317x331 33333x3 3x33333 10x10007 10007x10 1023x100 1999x2003 400009x10 10x400009 1333333x3 3x1333333
  40009x100 2000003x2`);
const CUBES = shapesOf(`
  10x10x11 33x100x33 7x1023x14 3x3x11111 11111x3x3 3x11111x3 100x403x101 7x100x5717 5717x7x100 5717x100x7 400009x5x2 3x1333x1000`);
const IMAGES = shapesOf('4x7x5x8 8x16x28x28 33x7x10x43 32x64x45x45 16x33x99x77 10007x4x10x10');

/** Every family. */
export const ALL: readonly Shape[] = [...VECTORS, ...MATRICES, ...CUBES, ...IMAGES];

/** For operations beside the most used one of a kernel. */
export const SOME: readonly Shape[] = [
  ...VECTORS,
  ...shapesOf('33x31 143x7 3x333 317x331 33333x3 10x10007 1999x2003 400009x10 1333333x3 3x1333333'),
  ...shapesOf('33x100x33 11111x3x3 3x11111x3 5717x100x7 8x16x28x28 32x64x45x45'),
];

/** One or two of each family. */
export const FEW: readonly Shape[] = [
  ...VECTORS,
  ...shapesOf('143x7 317x331 33333x3 1999x2003 400009x10 33x100x33 11111x3x3 5717x100x7'),
];

/** Rows of logits: few classes and many, few rows and many. */
export const LOGITS = shapesOf(`
  500x2 333x3 100x10 33x33 50003x2 33333x3 10007x10 3031x33 1023x100 100x1000 2x50257 2000003x2 1333333x3 571429x7 400009x10 250001x16
  121213x33 40009x100 4001x1000 80x50257 1x1000 1x100003 3x1333333 32x1023 1000x257`);

/** Each axis of a shape. */
export const eachAxis = ({ length }: Shape): number[] => Array.from({ length }, (_, axis) => axis);

/** Every set of axes of a shape but the empty one. */
export const axesOf = (shape: Shape): number[][] =>
  Array.from({ length: 2 ** shape.length - 1 }, (_, set) => eachAxis(shape).filter((axis) => ((set + 1) >> axis) & 1));

/** Every order of `rank` axes but the one they are in. */
export const ordersOf = (rank: number): number[][] => {
  const all = (left: readonly number[]): number[][] =>
    left.length === 0
      ? [[]]
      : left.flatMap((axis) => all(left.filter((other) => other !== axis)).map((rest) => [axis, ...rest]));
  return all(Array.from({ length: rank }, (_, axis) => axis)).slice(1);
};
