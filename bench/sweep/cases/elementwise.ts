// Elementwise functions of vectors, operations of two vectors, and of a vector and a number.
import { type Args, type DType, groupOf, type SweepCase, tensor, type Values } from '../case.js';
import { VECTORS } from '../shapes.js';

const unary = groupOf('unary');
const binary = groupOf('binary');
const scalar = groupOf('scalar');

const FLOATS: readonly DType[] = ['float32', 'float64'];
const INTEGERS: readonly DType[] = ['int32', 'int64'];
const SMALL: readonly DType[] = ['uint8', 'int8', 'int16'];

/** Operations of `dtypes` with inputs of these values. */
type Row = readonly [readonly DType[], Values, string];

const UNARY: readonly Row[] = [
  [
    FLOATS,
    'any',
    'abs neg sign floor ceil round square exp expm1 sin cos tan tanh sigmoid erf erfc sinh cosh atan asinh',
  ],
  [FLOATS, 'any', 'relu relu6 elu selu softplus softsign leakyRelu logSigmoid isNan isFinite'],
  [FLOATS, 'positive', 'sqrt rsqrt reciprocal log log1p'],
  [FLOATS, 'inside', 'asin acos atanh'],
  [INTEGERS, 'any', 'abs neg sign square relu'],
  [['bool'], 'any', 'logicalNot'],
];

const BINARY: readonly Row[] = [
  [FLOATS, 'positive', 'pow atan2 squaredDifference minimum equal notEqual lessEqual greaterEqual greater xlogy'],
  [FLOATS, 'any', 'add sub mul truediv maximum less'],
  [FLOATS, 'any', 'floormod floordiv truncatemod'],
  [INTEGERS, 'any', 'floormod floordiv truncatemod truncatediv'],
  [INTEGERS, 'positive', 'pow'],
  [INTEGERS, 'any', 'add sub mul maximum minimum less greaterEqual equal notEqual squaredDifference'],
  [SMALL, 'any', 'add sub mul less equal'],
  [['bool'], 'any', 'logicalAnd logicalOr logicalXor equal'],
];

const SCALAR: readonly (readonly [...Row, Args])[] = [
  ...[2, 0.5, 3, -1, 1.7, -0.5, 4].map((value) => [FLOATS, 'positive', 'pow', { scalar: value }] as const),
  [FLOATS, 'any', 'pow', { scalar: 2.5, left: true }],
  [FLOATS, 'positive', 'sub truediv', { scalar: 1, left: true }],
  [FLOATS, 'any', 'add mul sub truediv maximum minimum less greaterEqual equal', { scalar: 0.7 }],
  [FLOATS, 'any', 'floormod floordiv truncatemod', { scalar: 0.7 }],
  [INTEGERS, 'any', 'floormod floordiv truncatemod truncatediv add mul maximum less equal', { scalar: 7 }],
  [INTEGERS, 'positive', 'pow', { scalar: 2 }],
  [INTEGERS, 'positive', 'pow', { scalar: 3 }],
];

const each = (
  [dtypes, values, ops]: Row,
  make: (op: string, dtype: DType, values: Values) => SweepCase[],
): SweepCase[] => dtypes.flatMap((dtype) => ops.split(' ').flatMap((op) => make(op, dtype, values)));

export const ELEMENTWISE: readonly SweepCase[] = [
  ...UNARY.flatMap((row) =>
    each(row, (op, dtype, values) => VECTORS.map((shape) => unary(op, [tensor(dtype, shape, values)]))),
  ),
  ...BINARY.flatMap((row) =>
    each(row, (op, dtype, values) =>
      VECTORS.map((shape) =>
        binary(op, [tensor(dtype, shape, values), tensor(dtype, shape, dtype === 'bool' ? values : 'positive')]),
      ),
    ),
  ),
  ...SCALAR.flatMap(([dtypes, values, ops, args]) =>
    each([dtypes, values, ops], (op, dtype, filled) =>
      VECTORS.map((shape) => scalar(op, [tensor(dtype, shape, filled)], args)),
    ),
  ),
];
