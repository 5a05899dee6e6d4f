// By indices and by conditions: gather, scatter, segments, oneHot, where, masks; and casts.
import { type DType, groupOf, type SweepCase, tensor, type Values } from '../case.js';
import { type Shape, shapeOf, shapesOf, togetherOf, VECTORS } from '../shapes.js';

const gather = groupOf('gather');
const scatter = groupOf('scatter');
const where = groupOf('where');
const cast = groupOf('cast');

/** Table, how many rows are taken, the axis: `50257x64*1024@0`. */
const GATHERS = `
  1009*1000@0 100003*100000@0 4000037*1000000@0 4000037*4000000@0 1000x3*30000@0 1000x10*10000@0 1000x33*3000@0 50257x64*1024@0
  50257x100*10000@0 100000x7*100000@0 50257x768*1023@0 317x331*100@1 317x331*331@1 1999x2003*1000@1 33333x3*2@1 33333x3*3@1 400009x10*5@1
  33x100x33*50@1 33x100x33*100@2 1000x4*256@0 100x10*50@1 100003*1000@0 32x64x45x45*32@1`;

const gathers = GATHERS.trim()
  .split(/\s+/)
  .flatMap((one) => {
    const [text, count, at] = one.split(/[*@]/);
    const [shape, axis] = [shapeOf(text!), Number(at)];
    const of = (dtype: DType, index: DType): SweepCase =>
      gather('gather', [tensor(dtype, shape), tensor(index, [Number(count)], `index:${shape[axis]!}`)], { axis });
    return [of('float32', 'int32'), of('float32', 'int64'), of('float64', 'int32'), of('uint8', 'int32')];
  });

/** Indices and depth. */
const ONE_HOTS = togetherOf(
  '100+10 1000+3 10007+10 33333+3 1000+1000 400009+10 40009+100 100+50257 1000003+2 331+317',
).flatMap(([shape, [depth]]) => {
  const of = (dtype: DType, args: object = {}): SweepCase =>
    gather('oneHot', [tensor(dtype, shape!, `index:${depth!}`)], { depth, ...args });
  return [of('int32'), of('int64'), of('int32', { axis: 0 })];
});

/** How many rows, the shape of a row, how many segments. */
const SEGMENTS: readonly (readonly [number, Shape, number])[] = [
  [1009, [], 10],
  [100003, [], 10],
  [100003, [], 1000],
  [100003, [], 100000],
  [4000037, [], 1000],
  [33333, [3], 100],
  [10007, [10], 10],
  [10007, [10], 5000],
  [400009, [10], 1000],
  [1000, [1000], 10],
  [4000, [1000], 100],
  [40009, [100], 1000],
];
const segments = SEGMENTS.flatMap(([rows, row, count]) => {
  const of = (dtype: DType, index: DType, values: Values): SweepCase =>
    scatter('unsortedSegmentSum', [tensor(dtype, [rows, ...row], 'positive'), tensor(index, [rows], values)], {
      segments: count,
    });
  return [
    ...(['float32', 'float64', 'int32', 'int64'] as const).map((dtype) => of(dtype, 'int32', `index:${count}`)),
    of('float32', 'int64', `index:${count}`),
    of('float32', 'int32', `sorted:${count}`),
  ];
});

/** How many updates, the shape of a row, rows of the variable. */
const SCATTERS: readonly (readonly [number, Shape, number])[] = [
  [1000, [], 1000],
  [100000, [], 1000],
  [100000, [], 1000000],
  [33333, [3], 1000],
  [10007, [10], 50000],
  [1024, [100], 50257],
  [4000, [1000], 5000],
];
const scatters = SCATTERS.flatMap(([count, row, rows]) =>
  (['float32', 'int64'] as const).flatMap((dtype) => {
    const of = (op: string, values: Values): SweepCase =>
      scatter(op, [tensor('int32', [count], values), tensor(dtype, [count, ...row], 'positive')], {
        shape: [rows, ...row],
      });
    return [
      ...['scatterAdd', 'scatterSub', 'scatterMax'].map((op) => of(op, `index:${rows}`)),
      // Of two updates of a row, which one stays is nobody's promise.
      ...(count <= rows ? [of('scatterUpdate', `distinct:${rows}`)] : []),
    ];
  }),
);

const CHOICES = togetherOf(`
  317x331+scalar+scalar 317x331+317x331+scalar 317x1+317x331+317x331 331+317x331+317x331 1999x2003+1999x2003+scalar
  1999x1+1999x2003+1999x2003 8x1x28x28+8x16x28x28+scalar`);
const MASKS = shapesOf('1009 100003 4000037 317x331');

const wheres = [
  ...VECTORS.flatMap((shape) =>
    (['float32', 'float64', 'int16', 'int32', 'int64', 'uint8', 'bool'] as const).map((dtype) =>
      where('where', [tensor('bool', shape), tensor(dtype, shape), tensor(dtype, shape)]),
    ),
  ),
  ...CHOICES.map(([condition, x, y]) =>
    where('whereV2', [tensor('bool', condition!), tensor('float32', x!), tensor('float32', y!)]),
  ),
  ...MASKS.flatMap((shape) => [
    where('whereIndices', [tensor('bool', shape)]),
    where('booleanMask', [tensor('float32', shape), tensor('bool', shape)]),
    where('booleanMask', [tensor('uint8', shape), tensor('bool', shape)]),
  ]),
  ...shapesOf('1009 100003').flatMap((shape) =>
    (['int32', 'int64'] as const).map((dtype) => where('unique', [tensor(dtype, shape, 'index:1000')])),
  ),
];

const FROM: readonly DType[] = ['float32', 'float64', 'int32', 'int64', 'uint8', 'int8', 'int16', 'bool'];
const TO: readonly DType[] = ['float32', 'float64', 'int32', 'int64', 'uint8', 'bool'];
const casts = FROM.flatMap((dtype) =>
  TO.filter((to) => to !== dtype).flatMap((to) =>
    VECTORS.map((shape) => cast('cast', [tensor(dtype, shape, dtype === 'bool' ? 'any' : 'positive')], { to })),
  ),
);

export const INDEXING: readonly SweepCase[] = [...gathers, ...ONE_HOTS, ...segments, ...scatters, ...wheres, ...casts];
