// Binary operations of shapes that are not the same: rows, columns, channels, outer products, and broadcastTo.
import { type DType, groupOf, type SweepCase, tensor } from '../case.js';
import { togetherOf } from '../shapes.js';

const broadcast = groupOf('broadcast');

const PAIRS = togetherOf(`
  31x33+33 31x33+31x1 317x331+331 317x331+317x1 33333x3+3 33333x3+33333x1 3x33333+33333 10007x10+10 10007x10+10007x1 1999x2003+2003
  1999x2003+1999x1 1333333x3+3 1333333x3+1333333x1 400009x10+10 400009x10+400009x1 40009x100+100 317x1+1x331 33x1+31 1999x1+1x2003
  100003+scalar 1009+scalar 4000037+scalar 100003+1 8x16x28x28+1x16x1x1 2x3x14x14+3x1x1 32x64x45x45+1x64x1x1 32x64x45x45+32x1x1x1
  32x64x45x45+45x1 32x64x45x45+45 32x64x45x45+32x1x45x45 32x64x45x45+1x64x45x45 32x64x45x45+32x64x1x1 32x64x45x45+32x1x1x45
  33x100x33+100x1 33x100x33+33x1x33 33x100x33+33x1x1 33x1x33+100x1 5717x7x100+7x1 5717x7x100+5717x1x100 5717x7x100+7x100
  5717x100x7+100x1 5717x100x7+5717x1x7 5717x100x7+1x1x7 100x1x403+1x101x1 11111x3x3+3x1 11111x3x3+11111x1x3 11111x3x3+3x3`);

/** Operations with which of the pairs they take: every one, every second, every third ... */
const OPS: readonly (readonly [DType, number, readonly string[]])[] = [
  ['float32', 1, ['add', 'mul', 'truediv']],
  ['float32', 3, ['sub', 'maximum', 'less', 'pow']],
  ['float64', 2, ['add', 'truediv']],
  ['float64', 5, ['less']],
  ['int32', 2, ['add', 'mul', 'equal']],
  ['int32', 5, ['sub', 'maximum']],
  ['int64', 2, ['add', 'mul', 'minimum']],
  ['uint8', 2, ['add']],
  ['int16', 5, ['add', 'mul']],
  ['bool', 2, ['logicalAnd']],
];
const POSITIVE = new Set(['truediv', 'pow']);
/** Those that are also asked with the smaller one to the left. */
const BOTH_WAYS = new Set(['add', 'sub', 'truediv']);

const pairs = OPS.flatMap(([dtype, every, ops]) =>
  ops.flatMap((op) =>
    PAIRS.filter((_, i) => i % every === 0).flatMap((pair, i) => {
      const inputs = pair.map((shape) => tensor(dtype, shape, POSITIVE.has(op) ? 'positive' : 'any'));
      const swapped = BOTH_WAYS.has(op) && dtype.startsWith('float') && i % 2 === 0;
      return [broadcast(op, inputs), ...(swapped ? [broadcast(op, inputs.toReversed())] : [])];
    }),
  ),
);

const WIDENED = togetherOf('1+100003 317x1+317x331 331+317x331 64x1x1+32x64x45x45 100x1+33x100x33 1999x1+1999x2003');

export const BROADCAST: readonly SweepCase[] = [
  ...pairs,
  ...(['float32', 'float64', 'uint8'] as const).flatMap((dtype) =>
    WIDENED.map(([from, shape]) => broadcast('broadcastTo', [tensor(dtype, from!)], { shape })),
  ),
];
