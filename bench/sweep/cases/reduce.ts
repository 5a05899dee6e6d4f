// Reductions over every set of axes, extrema's places, logsumexp, moments, and sums on the way (cumsum).
import { type DType, groupOf, type SweepCase, tensor, type Values } from '../case.js';
import { ALL, alongOf, axesOf, eachAxis, FEW, type Shape, SOME, shapesOf } from '../shapes.js';

const reduce = groupOf('reduce');
const arg = groupOf('arg');
const scan = groupOf('scan');
const moment = groupOf('moments');

interface Reduction {
  readonly op: string;
  readonly dtypes: readonly DType[];
  readonly shapes: readonly Shape[];
  readonly values: Values;
  readonly keepDims?: boolean;
}

// Sums are of positive numbers, so that they do not cancel and rivals can be compared with.
const REDUCTIONS: readonly Reduction[] = [
  { op: 'reduceSum', dtypes: ['float32'], shapes: ALL, values: 'positive' },
  { op: 'reduceSum', dtypes: ['float64'], shapes: SOME, values: 'positive' },
  { op: 'reduceSum', dtypes: ['int32'], shapes: SOME, values: 'any' },
  { op: 'reduceSum', dtypes: ['int64'], shapes: FEW, values: 'any' },
  { op: 'reduceSum', dtypes: ['uint8', 'int8', 'int16'], shapes: FEW, values: 'positive' },
  {
    op: 'reduceSum',
    dtypes: ['float32'],
    shapes: shapesOf('317x331 33x100x33'),
    values: 'positive',
    keepDims: true,
  },
  { op: 'reduceMean', dtypes: ['float32', 'float64'], shapes: FEW, values: 'positive' },
  { op: 'reduceMax', dtypes: ['float32'], shapes: ALL, values: 'any' },
  { op: 'reduceMax', dtypes: ['int32', 'uint8'], shapes: SOME, values: 'any' },
  { op: 'reduceMax', dtypes: ['float64', 'int64', 'int8', 'int16'], shapes: FEW, values: 'any' },
  { op: 'reduceMin', dtypes: ['float32', 'int64', 'int16'], shapes: FEW, values: 'any' },
  { op: 'reduceMin', dtypes: ['float64'], shapes: shapesOf('100003 317x331'), values: 'any' },
  { op: 'reduceProd', dtypes: ['float32', 'float64', 'int32', 'int64'], shapes: FEW, values: 'one' },
  { op: 'reduceAny', dtypes: ['bool'], shapes: FEW, values: 'zeros' },
  { op: 'reduceAny', dtypes: ['bool'], shapes: shapesOf('100003 317x331 1999x2003 33333x3'), values: 'any' },
  { op: 'reduceAll', dtypes: ['bool'], shapes: FEW, values: 'ones' },
];

const reductions = REDUCTIONS.flatMap(({ op, dtypes, shapes, values, keepDims }) =>
  dtypes.flatMap((dtype) =>
    shapes.flatMap((shape) =>
      axesOf(shape).map((axis) =>
        reduce(op, [tensor(dtype, shape, values)], { axis, ...(keepDims === undefined ? {} : { keepDims }) }),
      ),
    ),
  ),
);

const args = (op: string, dtype: DType, shapes: readonly Shape[]): SweepCase[] =>
  shapes.flatMap((shape) => eachAxis(shape).map((axis) => arg(op, [tensor(dtype, shape)], { axis })));

const FLOATS: readonly DType[] = ['float32', 'float64'];

const moments = FLOATS.flatMap((dtype) =>
  [...FEW, ...shapesOf('4000x1000 8x16x28x28')].flatMap((shape) =>
    axesOf(shape).flatMap((axis) =>
      ['reduceLogsumexp', 'moments'].map((op) => moment(op, [tensor(dtype, shape)], { axis })),
    ),
  ),
);

const SCANS = alongOf(`
  1009@0 100003@0 4000037@0 317x331@0 317x331@1 33333x3@0 33333x3@1 3x33333@1 10007x10@1 1999x2003@0 1999x2003@1 1333333x3@1 1333333x3@0
  400009x10@1 33x100x33@1`);

const scans = SCANS.flatMap(({ shape, axis }) => [
  ...(['float32', 'float64', 'int32', 'int64'] as const).map((dtype) =>
    scan('cumsum', [tensor(dtype, shape, 'positive')], { axis }),
  ),
  scan('cumprod', [tensor('float32', shape, 'one')], { axis }),
]);

export const REDUCE: readonly SweepCase[] = [
  ...reductions,
  ...args('argmax', 'float32', SOME),
  ...(['float64', 'int32', 'int64', 'uint8', 'int8', 'int16'] as const).flatMap((dtype) => args('argmax', dtype, FEW)),
  ...args('argmin', 'float32', shapesOf('100003 317x331 33333x3')),
  ...moments,
  ...scans,
];
