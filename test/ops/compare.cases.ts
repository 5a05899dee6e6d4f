// Case rows of comparisons, logic, tests for NaN and selection.
import type { Element } from '../reference/array.js';
import { select, selectV2 } from '../reference/elementwise.js';
import { ANY, binary, type CaseRow, type CaseRows, F, FI, unary } from './rows.js';

const ORDERED = [...FI, 'int8', 'int16', 'uint8'];
const EQUAL = [...ORDERED, 'bool', 'string'];
const test = (any: (x: Element, y: Element) => boolean, dtypes: readonly string[]): CaseRow =>
  binary({ any: any as never, result: 'bool', dtypes, values: { ties: true }, grad: 'none' });
const about = (any: (x: Element) => boolean): CaseRow =>
  unary({ any: any as never, result: 'bool', dtypes: F, grad: 'missing' });
const logical = (any: (x: Element, y: Element) => boolean): CaseRow =>
  binary({ any: any as never, result: 'bool', dtypes: ['bool'], grad: 'none' });

const selectRow: CaseRow = {
  ref: select,
  dtypes: ANY,
  generate: (random, dtype) => {
    const shape = random.shape();
    const cond = shape.length > 0 && random.chance(0.3) ? shape.slice(0, 1) : random.chance(0.1) ? [] : shape;
    return { inputs: [random.values('bool', cond), random.values(dtype, shape), random.values(dtype, shape)] };
  },
  grad: {},
};

const selectV2Row: CaseRow = {
  ref: selectV2,
  dtypes: ANY,
  generate: (random, dtype) => {
    const [a, b] = random.pair();
    const cond = random.chance(0.5) ? a : random.chance(0.5) ? b : [];
    return { inputs: [random.values('bool', cond), random.values(dtype, a), random.values(dtype, b)] };
  },
  grad: {},
};

export const compareCases: CaseRows = {
  Equal: test((x, y) => x === y, EQUAL),
  NotEqual: test((x, y) => x !== y, EQUAL),
  Less: test((x, y) => x < y, ORDERED),
  LessEqual: test((x, y) => x <= y, ORDERED),
  Greater: test((x, y) => x > y, ORDERED),
  GreaterEqual: test((x, y) => x >= y, ORDERED),
  LogicalAnd: logical((x, y) => x !== 0 && y !== 0),
  LogicalOr: logical((x, y) => x !== 0 || y !== 0),
  LogicalNot: unary({ any: (x) => x === 0, result: 'bool', dtypes: ['bool'], grad: 'none' }),
  IsNan: about((x) => Number.isNaN(x)),
  IsInf: about((x) => Math.abs(x as number) === Number.POSITIVE_INFINITY),
  IsFinite: about((x) => Number.isFinite(x)),
  Select: selectRow,
  SelectV2: selectV2Row,
};
