// What moves elements and computes nothing: transposes, joins, parts, paddings, tiles, reversals.
import { type Args, type DType, groupOf, type SweepCase, tensor } from '../case.js';
import { alongOf, ordersOf, type Shape, shapeOf, shapesOf, togetherOf } from '../shapes.js';

const DTYPES: readonly DType[] = ['float32', 'float64', 'uint8'];
const transpose = groupOf('transpose');
const join = groupOf('join');
const part = groupOf('slice');
const fill = groupOf('pad');

const MATRICES = shapesOf(`
  31x33 3x333 333x3 317x331 33333x3 3x33333 10007x10 10x10007 1999x2003 1333333x3 3x1333333 400009x10 1023x4001 2000000x2 2x2000000
  2048x2048`);
const CUBES = shapesOf('33x100x33 11111x3x3 1000x10x10 7x100x5717 400009x5x2 100x403x101 15625x16x16 1000x64x64');
const MORE_CUBES = shapesOf('10x10x11 3x3x11111 3x11111x3 5717x7x100 5717x100x7 40000x10x10');
const SMALL_IMAGES = shapesOf('8x16x28x28 33x7x10x43 8x12x128x64');
const IMAGES = shapesOf('32x64x45x45 32x45x45x64 16x128x12x64');
const IMAGE_ORDERS = ['0231', '0312', '0213', '0132', '3210', '1023', '2013', '0321'];
const FIVES = shapesOf('3x7x10x11x43 7x10x33x16x107 8x3x16x3x16 4x3x32x32x32');
const FIVE_ORDERS = ['43210', '02143', '01324', '10234', '24013', '03412', '01243'];

const orders = (texts: readonly string[]): number[][] => texts.map((text) => [...text].map(Number));
const transposed = (dtypes: readonly DType[], shapes: readonly Shape[], perms: readonly number[][]): SweepCase[] =>
  dtypes.flatMap((dtype) =>
    shapes.flatMap((shape) => perms.map((perm) => transpose('transpose', [tensor(dtype, shape)], { perm }))),
  );

const transposes = [
  ...transposed(DTYPES, MATRICES, [[1, 0]]),
  ...transposed(DTYPES, CUBES, ordersOf(3)),
  ...transposed(['float32'], MORE_CUBES, ordersOf(3)),
  ...transposed(['float32'], SMALL_IMAGES, ordersOf(4)),
  ...transposed(['float32'], IMAGES, orders(IMAGE_ORDERS)),
  ...transposed(['float32'], FIVES, orders(FIVE_ORDERS)),
];

/** Shapes that are joined, and how often the last one comes. */
const CONCATS: readonly (readonly [string, number, number])[] = [
  ['500+509', 0, 1],
  ['33x10+33x23', 1, 1],
  ['317x100+317x231', 1, 1],
  ['100x331+217x331', 0, 1],
  ['33333x1+33333x2', 1, 1],
  ['33333x1', 1, 3],
  ['33333x3', 1, 2],
  ['10007x5', 1, 2],
  ['1000000x1', 1, 4],
  ['1000000x2', 1, 2],
  ['1000x2001+1000x1999', 1, 1],
  ['100x33x7+100x67x7', 1, 1],
  ['100x1x33', 1, 30],
  ['1000', 0, 100],
  ['10x10', 0, 100],
  ['10x10', 1, 100],
  ['32x64x28x28', 1, 2],
  ['200x1x1+200x1x3', 2, 1],
  ['50000x8+50000x24', 1, 1],
];
/** Shapes with how many are stacked, or into how many they are split, and the axis. */
const STACKS = countedOf(`
  1000*2@0 1000*2@1 100003*2@0 100003*2@1 100003*3@1 317x331*3@0 317x331*3@1 317x331*3@2 1000000*4@1 1000000*3@1 10x10*10@2 300*30@1
  2000003*2@1`);
const SPLITS = countedOf(`
  1000*10@0 33x30*3@1 317x330*3@1 33333x3*3@1 10007x10*5@1 10007x10*10@1 1000000x4*4@1 1000000x4*2@1 2000x2000*2@1 100x33x100*33@1
  100000*10@0 32x64x45x45*2@1 30x3*30@0`);
const UNSTACKS = alongOf('1000x3@1 3x1000@0 33333x3@1 10007x10@1 1000000x4@1 100x33x100@1');

function countedOf(text: string): { shape: Shape; count: number; axis: number }[] {
  return text
    .trim()
    .split(/\s+/)
    .map((one) => {
      const [shape, count, axis] = one.split(/[*@]/);
      return { shape: shapeOf(shape!), count: Number(count), axis: Number(axis) };
    });
}

const joins = DTYPES.flatMap((dtype) => [
  ...CONCATS.map(([text, axis, times]) => {
    const [shapes] = togetherOf(text);
    const last = Array.from({ length: times - 1 }, () => shapes!.at(-1)!);
    return join(
      'concat',
      [...shapes!, ...last].map((shape) => tensor(dtype, shape)),
      { axis },
    );
  }),
  ...STACKS.map(({ shape, count, axis }) =>
    join(
      'stack',
      Array.from({ length: count }, () => tensor(dtype, shape)),
      { axis },
    ),
  ),
  ...SPLITS.map(({ shape, count, axis }) => join('split', [tensor(dtype, shape)], { parts: count, axis })),
  ...UNSTACKS.map(({ shape, axis }) => join('unstack', [tensor(dtype, shape)], { axis })),
]);

/** Shape, where the part begins, its size. */
const SLICES = togetherOf(`
  1009+3+1000 33x31+1x1+30x29 317x331+1x1+300x329 317x331+0x0+317x1 317x331+0x5+317x10 33333x3+0x1+33333x1 33333x3+0x1+33333x2
  10007x10+0x1+10007x7 1333333x3+0x0+1333333x1 1333333x3+0x0+1333333x2 1999x2003+1x1+1990x2000 400009x10+5x2+400000x5
  32x64x45x45+0x0x1x1+32x64x43x43 32x64x45x45+0x16x0x0+32x32x45x45 5717x100x7+0x10x0+5717x50x7 5717x100x7+0x10x2+5717x50x3`);

/** Shape and strides; where one is negative, the whole axis is taken backwards. The second may begin at 1. */
const STRIDES: readonly (readonly [Shape, readonly number[], (readonly number[])?])[] = [
  [[1009], [2]],
  [[100003], [2]],
  [[100003], [3], [1]],
  [[4000037], [2]],
  [[4000037], [7]],
  [
    [317, 331],
    [2, 1],
  ],
  [
    [317, 331],
    [1, 2],
  ],
  [
    [317, 331],
    [2, 2],
  ],
  [[100003], [-1]],
  [
    [317, 331],
    [1, -1],
  ],
  [
    [1999, 2003],
    [1, 2],
  ],
  [
    [1999, 2003],
    [-1, 1],
  ],
  [
    [32, 64, 45, 45],
    [1, 1, 2, 2],
  ],
  [
    [400009, 10],
    [1, 3],
  ],
];

const strided = (shape: Shape, strides: readonly number[], begin: readonly number[] | undefined): Args => {
  const mask = strides.reduce((bits, stride, axis) => bits | (stride < 0 ? 1 << axis : 0), 0);
  const common = { begin: begin ?? shape.map(() => 0), end: shape, strides };
  return mask === 0 ? common : { ...common, beginMask: mask, endMask: mask };
};

const parts = DTYPES.flatMap((dtype) => [
  ...SLICES.map(([shape, begin, size]) => part('slice', [tensor(dtype, shape!)], { begin, size })),
  ...STRIDES.map(([shape, strides, begin]) =>
    part('stridedSlice', [tensor(dtype, shape)], strided(shape, strides, begin)),
  ),
]);

/** Shape, elements before each axis and behind it. */
const PADS = togetherOf(`
  1000+3+5 31x33+1x1+1x1 317x331+1x1+1x1 317x331+0x0+0x5 33333x3+0x1+0x1 33333x3+0x0+0x1 10007x10+0x3+0x3 1000000x4+0x0+0x1
  1999x2003+1x1+1x1 32x64x45x45+0x0x1x1+0x0x1x1 32x64x45x45+0x8x0x0+0x8x0x0 33x100x33+0x5x0+0x5x0 100003+0+100003`);
const MIRRORED = togetherOf('31x33+1x1+1x1 317x331+1x1+1x1 32x64x45x45+0x0x1x1+0x0x1x1 33333x3+0x1+0x1');
const TILES = togetherOf(`
  10+100 1009+2 3+33333 1x331+317x1 317x1+1x331 33x31+10x10 317x331+2x3 33333x1+1x3 33333x1+1x10 1000000x1+1x4 1000x2+1x2000
  10x3x10+1x100x10 100003+40 32x1x45x45+1x64x1x1`);
const REVERSALS = togetherOf(`
  1009+0 100003+0 4000037+0 317x331+0 317x331+1 317x331+0x1 33333x3+1 33333x3+0 1999x2003+1 1999x2003+0 1333333x3+1 1333333x3+0x1
  33x100x33+1 32x64x45x45+1 32x64x45x45+3 32x64x45x45+2x3`);

const paddings = ([, before, after]: readonly Shape[]): number[][] =>
  before!.map((count, axis) => [count, after![axis]!]);

const fills = DTYPES.flatMap((dtype) => [
  ...PADS.map((row) => fill('pad', [tensor(dtype, row[0]!)], { paddings: paddings(row) })),
  ...TILES.map(([shape, multiples]) => fill('tile', [tensor(dtype, shape!)], { multiples })),
  ...REVERSALS.map(([shape, axis]) => fill('reverse', [tensor(dtype, shape!)], { axis })),
]);
const mirrors = ['REFLECT', 'SYMMETRIC'].flatMap((mode) =>
  MIRRORED.map((row) => fill('pad', [tensor('float32', row[0]!)], { paddings: paddings(row), mode })),
);

export const MOVE: readonly SweepCase[] = [...transposes, ...joins, ...parts, ...fills, ...mirrors];
