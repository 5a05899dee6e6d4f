// Gradients: `gradient` of an operation with the gradient of its result fed as the last input, and `gradientOfMeanOf` it.
import { type Args, type DType, groupOf, type Input, type SweepCase, tensor } from '../case.js';
import { alongOf, LOGITS, shapesOf, togetherOf, VECTORS } from '../shapes.js';

const gradient = groupOf('gradient');
const mean = groupOf('gradientOfMean');

const FLOATS = ['float32', 'float64'] as const;

/** The gradient of `of` for the inputs `wrt` (the first), that of the result being the last input. */
const of = (op: string, inputs: readonly Input[], args: Args = {}): SweepCase =>
  gradient('gradient', inputs, { of: op, ...args });

/** Table, how many are taken, the shape of a row. */
const TAKEN = togetherOf(
  '100+1000 1000+100000 100x10+1000 100x3+33333 50x10+10007 50257x64+1024 100x1000+4000 1000x768+1024',
);
const gathers = (dtype: DType): SweepCase[] => [
  ...TAKEN.map(([table, count]) =>
    of(
      'gather',
      [
        tensor(dtype, table!),
        tensor('int32', count!, `index:${table![0]!}`),
        tensor(dtype, [...count!, ...table!.slice(1)]),
      ],
      { axis: 0 },
    ),
  ),
  of('gather', [tensor(dtype, [317, 331]), tensor('int32', [100], 'index:331'), tensor(dtype, [317, 100])], {
    axis: 1,
  }),
];

const PAIRS = togetherOf(`
  100x10+1x10 317x331+1x331 317x331+317x1 33333x3+1x3 33333x3+33333x1 1999x2003+1x2003 400009x10+1x10 1333333x3+1x3 8x16x28x28+1x16x1x1
  32x64x45x45+1x64x1x1 32x64x45x45+32x64x1x1 33x100x33+1x100x1 33x100x33+33x1x33 5717x7x100+1x7x1 100003+1 4000037+1`);
const broadcasts = (dtype: DType): SweepCase[] =>
  PAIRS.flatMap(([x, y]) => {
    const inputs = [tensor(dtype, x!), tensor(dtype, y!), tensor(dtype, x!)];
    return [...['add', 'mul', 'sub'].map((op) => of(op, inputs, { wrt: [1] })), of('mul', inputs, { wrt: [0, 1] })];
  });

const REDUCED = togetherOf(
  '317x331+0 317x331+1 33333x3+1 33333x3+0 1999x2003+1 400009x10+1 33x100x33+1 32x64x45x45+2x3',
);
const reductions = (dtype: DType): SweepCase[] =>
  REDUCED.flatMap(([shape, axis]) => {
    const left = shape!.filter((_, i) => !axis!.includes(i));
    return ['reduceSum', 'reduceMean', 'reduceMax'].map((op) =>
      of(op, [tensor(dtype, shape!), tensor(dtype, left)], { axis }),
    );
  });

const vectors = (dtype: DType): SweepCase[] =>
  VECTORS.flatMap((shape) => {
    const x = tensor(dtype, shape);
    return [
      ...['relu', 'tanh', 'sigmoid', 'square'].map((op) => of(op, [x, x])),
      of('log', [tensor(dtype, shape, 'positive'), x]),
      of('where', [tensor('bool', shape), x, x, x], { wrt: [1, 2] }),
    ];
  });

const softmaxes = (dtype: DType): SweepCase[] =>
  LOGITS.flatMap((shape) =>
    ['softmax', 'logSoftmax'].map((op) => of(op, [tensor(dtype, shape), tensor(dtype, shape)], { axis: -1 })),
  );

/** Of what moves: the input, the result, and the arguments. */
const MOVED: readonly (readonly [string, string, Args])[] = [
  ['slice', '317x331+317x100', { begin: [0, 5], size: [317, 100] }],
  ['slice', '33333x3+33333x1', { begin: [0, 1], size: [33333, 1] }],
  ['stridedSlice', '317x331+317x166', { begin: [0, 0], end: [317, 331], strides: [1, 2] }],
  ['stridedSlice', '33333x3+33333x1', { begin: [0, 1], end: [33333, 2], strides: [1, 1] }],
  ['concat', '317x100+317x231+317x331', { axis: 1, wrt: [0, 1] }],
  ['concat', '33333x1+33333x2+33333x3', { axis: 1, wrt: [0, 1] }],
  ['tile', '33x31+330x310', { multiples: [10, 10] }],
  ['tile', '1x331+317x331', { multiples: [317, 1] }],
  [
    'pad',
    '317x331+319x333',
    {
      paddings: [
        [1, 1],
        [1, 1],
      ],
    },
  ],
  ['cumsum', '317x331+317x331', { axis: 1 }],
  ['transpose', '317x331+331x317', { perm: [1, 0] }],
];
const moved = (dtype: DType): SweepCase[] =>
  MOVED.map(([op, shapes, args]) =>
    of(
      op,
      togetherOf(shapes)[0]!.map((shape) => tensor(dtype, shape)),
      args,
    ),
  );

const products = (dtype: DType): SweepCase[] =>
  shapesOf('100x10x1 1000x3x3 10007x10x10 128x784x10 100003x2x1').map((sizes) => {
    const [m, k, n] = sizes as [number, number, number];
    return of('matmul', [tensor(dtype, [m, k]), tensor(dtype, [k, n]), tensor(dtype, [m, n])], { wrt: [0, 1] });
  });

const UNARY = ['exp', 'sin', 'tanh', 'sigmoid', 'softplus', 'elu', 'erf', 'abs', 'square'];
const BINARY = ['pow', 'mul', 'truediv', 'maximum', 'squaredDifference'];
const OF_MEANS = shapesOf('7 1009 100003 317x331 33333x3 1999x2003');
const means = (dtype: DType): SweepCase[] => [
  ...OF_MEANS.flatMap((shape) => [
    ...UNARY.map((op) => mean('gradientOfMeanOf', [tensor(dtype, shape)], { of: op })),
    ...BINARY.map((op) =>
      mean('gradientOfMeanOf', [tensor(dtype, shape, 'positive'), tensor(dtype, shape, 'positive')], {
        of: op,
        wrt: [0, 1],
      }),
    ),
    ...['log', 'sqrt'].map((op) => mean('gradientOfMeanOf', [tensor(dtype, shape, 'positive')], { of: op })),
  ]),
  ...alongOf('317x331@0 317x331@1 33333x3@1 1999x2003@1 33x100x33@1').flatMap(({ shape, axis }) => [
    mean('gradientOfMeanOf', [tensor(dtype, shape)], { of: 'logSoftmax', axis }),
    mean('gradientOfMeanOf', [tensor(dtype, shape)], { of: 'reduceLogsumexp', axis: [axis] }),
  ]),
];

export const GRADIENT: readonly SweepCase[] = FLOATS.flatMap((dtype) => [
  ...gathers(dtype),
  ...broadcasts(dtype),
  ...reductions(dtype),
  ...vectors(dtype),
  ...softmaxes(dtype),
  ...moved(dtype),
  ...products(dtype),
  ...means(dtype),
]);
