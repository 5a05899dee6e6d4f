// Case rows of the elementwise ops, one line each: what an element becomes, the dtypes TensorFlow 1.15's CPU kernels take, the ulps that are
// allowed, and where the gradient is smooth.
import type { Arr, Attrs } from '../reference/array.js';
import { addN, dividing, elementwise } from '../reference/elementwise.js';
import * as s from '../reference/scalar.js';
import { binary, type CaseRow, type CaseRows, F, FI, REAL, unary } from './rows.js';

const SIGNED = [...FI, 'int8', 'int16'];
const ADD = [...FI, 'int8', 'int16', 'uint8'];
const DIV = ['uint8', 'uint16', 'int16', 'int32', 'int64'];
const ALL: [number, number] = [-2, 2];
const POSITIVE: [number, number] = [0.2, 3];
const INSIDE: [number, number] = [-0.9, 0.9];
const NONZERO = { domain: [0.3, 3] as [number, number], special: 0.1 };
const bits = (x: bigint): bigint => (x < 0n ? -x : x);
const TAME = { tame: true };
const TRIG = { limit: 1e5 };

const unaries: CaseRows = {
  Abs: unary({ float: Math.abs, int: bits, dtypes: SIGNED, grad: ALL, avoid: [0], secondOrder: 'zero' }),
  Neg: unary({ float: (x) => -x!, int: (x) => -x!, dtypes: FI, grad: ALL }),
  Sign: unary({ float: s.sign, int: (x) => (x! > 0n ? 1n : x! < 0n ? -1n : 0n), dtypes: FI, grad: ALL, avoid: [0] }),
  Square: unary({ float: (x) => x! * x!, int: (x) => x! * x!, dtypes: FI, grad: ALL }),
  Sqrt: unary({ float: Math.sqrt, dtypes: F, values: { domain: [0, 9] }, grad: POSITIVE }),
  Rsqrt: unary({ float: (x) => 1 / Math.sqrt(x!), dtypes: F, ulp: 2, values: { domain: [0, 9] }, grad: POSITIVE }),
  Reciprocal: unary({ float: (x) => 1 / x!, dtypes: F, goldenUlp: 2, grad: POSITIVE }),
  Inv: unary({ float: (x) => 1 / x!, dtypes: F, goldenUlp: 2, grad: POSITIVE }),
  Exp: unary({ float: Math.exp, dtypes: F, ulp: 1, goldenUlp: 3, values: { domain: [-20, 20] }, grad: ALL }),
  Expm1: unary({ float: Math.expm1, dtypes: F, ulp: 2, grad: ALL, goldenUlp: 4 }),
  Log: unary({ float: Math.log, dtypes: F, ulp: 1, goldenUlp: 3, values: { domain: [0, 20] }, grad: POSITIVE }),
  Log1p: unary({ float: Math.log1p, dtypes: F, ulp: 2, goldenUlp: 4, values: { domain: [-1, 20] }, grad: INSIDE }),
  Sigmoid: unary({ float: s.sigmoid, dtypes: F, ulp: 2, values: { domain: [-20, 20] }, grad: ALL, goldenUlp: 6 }),
  Tanh: unary({ float: Math.tanh, dtypes: F, ulp: 2, grad: ALL, goldenUlp: 6 }),
  Sin: unary({ float: Math.sin, dtypes: F, ulp: 2, values: TRIG, grad: ALL }),
  Cos: unary({ float: Math.cos, dtypes: F, ulp: 2, values: TRIG, grad: ALL }),
  Tan: unary({ float: Math.tan, dtypes: F, ulp: 2, values: TRIG, grad: INSIDE, goldenUlp: 4 }),
  Asin: unary({ float: Math.asin, dtypes: F, ulp: 2, values: { domain: [-1, 1] }, grad: INSIDE, goldenUlp: 4 }),
  Acos: unary({ float: Math.acos, dtypes: F, ulp: 2, values: { domain: [-1, 1] }, grad: INSIDE, goldenUlp: 4 }),
  Atan: unary({ float: Math.atan, dtypes: F, ulp: 2, grad: ALL, goldenUlp: 4 }),
  Sinh: unary({ float: Math.sinh, dtypes: F, ulp: 2, grad: ALL, goldenUlp: 8 }),
  Cosh: unary({ float: Math.cosh, dtypes: F, ulp: 2, grad: ALL, goldenUlp: 8 }),
  Asinh: unary({ float: Math.asinh, dtypes: F, ulp: 2, grad: ALL, goldenUlp: 4 }),
  Acosh: unary({ float: Math.acosh, dtypes: F, ulp: 2, values: { domain: [1, 9] }, grad: [1.2, 3], goldenUlp: 4 }),
  Atanh: unary({ float: Math.atanh, dtypes: F, ulp: 2, values: { domain: [-1, 1] }, grad: INSIDE, goldenUlp: 4 }),
  Erf: unary({ float: s.erf, dtypes: F, ulp: 2, ulp64: 8, grad: ALL, goldenUlp: 16 }),
  Erfc: unary({ float: s.erfc, dtypes: F, ulp: 8, grad: ALL, goldenUlp: 16 }),
  Round: unary({ float: s.round, int: (x) => x!, dtypes: FI, goldenDtypes: F, grad: 'none' }),
  Rint: unary({ float: s.rint, dtypes: F, grad: 'none' }),
  Floor: unary({ float: Math.floor, dtypes: F, grad: 'none' }),
  Ceil: unary({ float: Math.ceil, dtypes: F, grad: 'none' }),
  Relu: unary({
    float: s.relu,
    int: (x) => (x! < 0n ? 0n : x!),
    dtypes: REAL,
    grad: ALL,
    avoid: [0],
    secondOrder: 'zero',
  }),
  Relu6: unary({
    float: s.relu6,
    int: (x) => (x! < 0n ? 0n : x! > 6n ? 6n : x!),
    dtypes: REAL,
    grad: [-2, 8],
    avoid: [0, 6],
    secondOrder: 'zero',
  }),
  Elu: unary({ float: s.elu, dtypes: F, ulp: 2, grad: ALL, avoid: [0], goldenUlp: 4, goldenAbsolute: 2 }),
  Selu: unary({ float: s.selu, dtypes: F, ulp: 3, grad: ALL, avoid: [0], goldenUlp: 6, goldenAbsolute: 4 }),
  Softplus: unary({ float: s.softplus, dtypes: F, ulp: 2, grad: ALL, goldenUlp: 8 }),
  Softsign: unary({
    float: s.softsign,
    dtypes: F,
    ulp: 2,
    grad: ALL,
    avoid: [0],
    secondOrder: 'missing',
    goldenUlp: 2,
  }),
};

const binaries: CaseRows = {
  Add: binary({
    float: (x, y) => x! + y!,
    int: (x, y) => x! + y!,
    string: (x, y) => x! + y!,
    dtypes: [...ADD, 'string'],
    grad: ALL,
  }),
  AddV2: binary({ float: (x, y) => x! + y!, int: (x, y) => x! + y!, dtypes: ADD, grad: ALL }),
  Sub: binary({ float: (x, y) => x! - y!, int: (x, y) => x! - y!, dtypes: REAL, grad: ALL }),
  Mul: binary({ float: (x, y) => x! * y!, int: (x, y) => x! * y!, dtypes: REAL, grad: ALL }),
  RealDiv: binary({ float: (x, y) => x! / y!, dtypes: F, grad: [ALL, POSITIVE] }),
  Div: binary({
    float: (x, y) => x! / y!,
    int: (x, y) => x! / y!,
    ref: dividing({ float: (x, y) => x! / y!, int: (x, y) => x! / y! }),
    dtypes: [...F, ...DIV],
    second: NONZERO,
    grad: [ALL, POSITIVE],
  }),
  TruncateDiv: binary({ ref: dividing({ int: (x, y) => x! / y! }), dtypes: DIV, grad: 'none' }),
  FloorDiv: binary({
    ref: dividing({
      float: (x, y) => Math.floor(x! / y!),
      single: (x, y) => Math.floor(Math.fround(x! / y!)),
      int: (x, y) => s.floorDivInt(x!, y!),
    }),
    dtypes: REAL,
    grad: 'none',
  }),
  FloorMod: binary({
    ref: dividing({ float: (x, y) => s.floorMod(x!, y!), int: (x, y) => s.floorModInt(x!, y!) }),
    dtypes: FI,
    grad: [
      [0.6, 0.9],
      [1, 2],
    ],
  }),
  TruncateMod: binary({
    ref: dividing({ float: (x, y) => x! % y!, int: (x, y) => x! % y! }),
    dtypes: FI,
    grad: 'missing',
  }),
  Mod: binary({ ref: dividing({ float: (x, y) => x! % y!, int: (x, y) => x! % y! }), dtypes: FI, grad: 'missing' }),
  DivNoNan: binary({ float: (x, y) => (y === 0 ? 0 : x! / y!), dtypes: F, grad: [ALL, POSITIVE] }),
  MulNoNan: binary({ float: (x, y) => s.mulNoNan(x!, y!), dtypes: F, grad: POSITIVE }),
  Xdivy: binary({ float: (x, y) => (x === 0 ? 0 : x! / y!), dtypes: F, grad: POSITIVE }),
  Xlogy: binary({
    float: (x, y) => (x === 0 ? 0 : x! * Math.log(y!)),
    dtypes: F,
    ulp: 2,
    second: { domain: [0, 9] },
    grad: POSITIVE,
  }),
  Atan2: binary({ float: (x, y) => Math.atan2(x!, y!), dtypes: F, ulp: 2, grad: [ALL, POSITIVE], goldenUlp: 4 }),
  Pow: binary({
    float: (x, y) => s.pow(x!, y!),
    int: (x, y) => s.powInt(x!, y!),
    dtypes: FI,
    ulp: 2,
    values: { domain: [0, 6] },
    second: { domain: [-3, 3], special: 0 },
    grad: [POSITIVE, ALL],
  }),
  Maximum: binary({ float: s.maximum as never, int: (x, y) => (x! < y! ? y! : x!), dtypes: FI, grad: ALL }),
  Minimum: binary({ float: s.minimum as never, int: (x, y) => (y! < x! ? y! : x!), dtypes: FI, grad: ALL }),
  SquaredDifference: binary({
    float: (x, y) => (x! - y!) ** 2,
    int: (x, y) => (x! - y!) ** 2n,
    dtypes: FI,
    ulp: 2,
    grad: ALL,
  }),
};

const G: readonly [number, number][] = [POSITIVE, ALL];
/** Gradient helpers take (y or dy, dy or x) of one shape; TensorFlow has no gradient of some of them. */
const helpers: CaseRows = {
  SigmoidGrad: binary({
    float: (y, dy) => dy! * (y! * (1 - y!)),
    dtypes: F,
    ulp: 3,
    sameShape: true,
    values: TAME,
    grad: [[0.1, 0.9], ALL],
  }),
  TanhGrad: binary({
    float: (y, dy) => dy! * (1 - y! * y!),
    dtypes: F,
    ulp: 6,
    sameShape: true,
    values: { ...TAME, domain: INSIDE },
    grad: [INSIDE, ALL],
  }),
  ReciprocalGrad: binary({
    float: (y, dy) => s.mulNoNan(-y! * y!, dy!),
    dtypes: F,
    ulp: 3,
    sameShape: true,
    values: TAME,
    grad: G,
  }),
  InvGrad: binary({
    float: (y, dy) => s.mulNoNan(-y! * y!, dy!),
    dtypes: F,
    ulp: 3,
    sameShape: true,
    values: TAME,
    grad: G,
  }),
  SqrtGrad: binary({
    float: (y, dy) => (dy === 0 ? 0 : (0.5 * dy!) / y!),
    dtypes: F,
    ulp: 3,
    sameShape: true,
    values: TAME,
    grad: G,
  }),
  RsqrtGrad: binary({
    float: (y, dy) => (dy === 0 ? 0 : -0.5 * (dy! * y!) * (y! * y!)),
    dtypes: F,
    ulp: 4,
    anyZero: true,
    sameShape: true,
    values: TAME,
    grad: G,
  }),
  ReluGrad: binary({
    float: (dy, x) => dy! * (x! > 0 ? 1 : 0),
    int: (dy, x) => (x! > 0n ? dy! : 0n),
    dtypes: REAL,
    sameShape: true,
    values: { inf: false },
    grad: ALL,
    avoid: [0],
  }),
  Relu6Grad: binary({
    float: (dy, x) => dy! * (x! > 0 && x! < 6 ? 1 : 0),
    int: (dy, x) => (x! > 0n && x! < 6n ? dy! : 0n),
    dtypes: REAL,
    sameShape: true,
    values: { inf: false },
    grad: ALL,
    avoid: [0],
  }),
  EluGrad: binary({
    float: (dy, y) => (y! < 0 ? (y! + 1) * dy! : dy!),
    dtypes: F,
    ulp: 2,
    sameShape: true,
    values: { domain: [-0.9, 4] },
    goldenAbsolute: 8,
    grad: [ALL, [0.1, 0.9]],
  }),
  SeluGrad: binary({
    float: (dy, y) => (y! < 0 ? dy! * (y! + s.SELU_SCALE_ALPHA) : dy! * s.SELU_SCALE),
    dtypes: F,
    ulp: 3,
    sameShape: true,
    values: { domain: [-1.5, 4] },
    goldenAbsolute: 8,
    grad: [ALL, [0.1, 0.9]],
  }),
  SoftplusGrad: binary({
    float: (dy, x) => dy! / (Math.exp(-x!) + 1),
    single: (dy, x) => dy! / (Math.fround(Math.exp(-x!)) + 1),
    dtypes: F,
    ulp: 4,
    sameShape: true,
    values: TAME,
    grad: ALL,
  }),
  SoftsignGrad: binary({
    float: (dy, x) => dy! / (1 + Math.abs(x!)) ** 2,
    dtypes: F,
    ulp: 4,
    sameShape: true,
    values: TAME,
    grad: 'missing',
  }),
};

/** LeakyRelu has its slope as an attribute, rounded to a float32 as TensorFlow keeps it. */
const leaky = (operands: 1 | 2): CaseRow => {
  const slope = (attrs: Attrs): number => Math.fround(attrs.alpha as number);
  const kink = (x: number): number => (Math.abs(x) < 0.05 ? x + 0.1 : x);
  return {
    ref: (inputs, attrs) =>
      operands === 1
        ? elementwise({ float: (x) => (x! > 0 ? x! : x! * slope(attrs)) })(inputs, attrs)
        : elementwise({ float: (dy, x) => (x! > 0 ? dy! : dy! * slope(attrs)) })(inputs, attrs),
    dtypes: F,
    ulp: 1,
    generate: (random, dtype) => {
      const shape = random.shape();
      const away = (a: Arr): Arr => (random.smooth ? { ...a, data: a.data.map((x) => kink(x as number)) } : a);
      const inputs = Array.from({ length: operands }, () => away(random.values(dtype, shape)));
      return { inputs, attrs: { alpha: random.pick([0.2, 0.01, 0]) } };
    },
    grad: {},
  };
};

const addNRow: CaseRow = {
  ref: addN,
  dtypes: REAL,
  generate: (random, dtype) => {
    const shape = random.shape();
    return { inputs: [Array.from({ length: random.int(1, 12) }, () => random.values(dtype, shape, { tame: true }))] };
  },
  grad: {},
};

export const elementwiseCases: CaseRows = {
  ...unaries,
  ...binaries,
  ...helpers,
  LeakyRelu: leaky(1),
  LeakyReluGrad: leaky(2),
  AddN: addNRow,
};
