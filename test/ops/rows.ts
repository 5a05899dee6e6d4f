// What a case row is, and the builders of the common kinds: elementwise ops of one and two operands.

import { type Attrs, isFloat, type Reference } from '../reference/array.js';
import { elementwise, type FloatFunction, type IntFunction, type ScalarOp } from '../reference/elementwise.js';
import type { Generated, Random, ValueOptions } from './generate.js';

/** How the gradient of an op is tested. */
export interface GradientCase {
  /** Inputs that have one; by default every float input. Those left out must give null, even where the output depends on them. */
  readonly inputs?: readonly number[];
  /** Inputs and attributes where the op is smooth; by default the row's own generator in its smooth mode. */
  readonly generate?: (random: Random, dtype: string) => Generated;
  /** Outputs that are differentiated; all float ones by default. */
  readonly outputs?: readonly number[];
  /** Points (of the first input) that are kept 0.05 away. */
  readonly avoid?: readonly number[];
  /** 'missing': TensorFlow has no gradient of this op's gradient, asking for it must throw. */
  readonly second?: 'missing' | 'zero';
  /** Inputs whose second order is compared: TensorFlow leaves out a term for the others. */
  readonly secondInputs?: readonly number[];
}

/** One op type: its reference, how near the kernel must come, what it is tried on, and its gradient. */
export interface CaseRow {
  readonly ref: Reference;
  readonly dtypes: readonly string[];
  /** Allowed ulps against the float64 reference; 0 is bit-exact. */
  readonly ulp?: number;
  /** The same for float64, where the reference itself is not near enough. */
  readonly ulp64?: number;
  /** A zero may have either sign. */
  readonly anyZero?: boolean;
  /** What TensorFlow's own kernel is off the reference, where that is more: for comparing with golden files only. */
  readonly goldenUlp?: number;
  /** What TensorFlow's kernel is off absolutely, in half ulps of 1. */
  readonly goldenAbsolute?: number;
  /** Factor on a reference's rounding bound for golden files. */
  readonly goldenSlack?: number;
  readonly generate: (random: Random, dtype: string) => Generated;
  /** Inputs that are variables; the outputs compared are their values afterwards. */
  readonly refs?: readonly number[];
  /** The op's outputs depend on how often it ran: a random op. */
  readonly random?: true;
  /** A gradient, none (TensorFlow gives null) or missing (TensorFlow throws LookupError). */
  readonly grad: GradientCase | 'none' | 'missing';
  /** The dtypes its golden file has; by default all. */
  readonly goldenDtypes?: readonly string[];
  /** It has no golden file, for the reason given. */
  readonly golden?: { readonly skip: string };
}
export type CaseRows = Readonly<Record<string, CaseRow>>;

export const F = ['float32', 'float64'] as const;
export const I = ['int32', 'int64'] as const;
export const FI = [...F, ...I] as const;
/** TensorFlow's REAL_NUMBER_TYPES. */
export const REAL = [...FI, 'int8', 'int16', 'uint8', 'uint16'] as const;
/** What moves: REAL, bool and string. */
export const MOVE = [...REAL, 'bool', 'string'] as const;
export const ANY = [...MOVE, 'uint32', 'uint64'] as const;

interface Elementwise extends ScalarOp {
  readonly dtypes: readonly string[];
  readonly ulp?: number;
  readonly ulp64?: number;
  readonly anyZero?: boolean;
  readonly goldenDtypes?: readonly string[];
  readonly goldenUlp?: number;
  readonly goldenAbsolute?: number;
  readonly values?: ValueOptions;
  /** Where the second operand's ordinary values lie. */
  readonly second?: ValueOptions;
  /** Where it is smooth, operand by operand; 'none', 'missing' as in CaseRow. */
  readonly grad: readonly [number, number] | readonly (readonly [number, number])[] | 'none' | 'missing';
  readonly gradInputs?: readonly number[];
  readonly avoid?: readonly number[];
  readonly secondOrder?: 'missing' | 'zero';
  readonly ref?: Reference;
  /** Both operands have one shape (gradient helpers). */
  readonly sameShape?: boolean;
}

const gradCase = (op: Elementwise, operands: 1 | 2): CaseRow['grad'] => {
  if (op.grad === 'none' || op.grad === 'missing') return op.grad;
  const domains =
    typeof op.grad[0] === 'number' ? [op.grad, op.grad] : (op.grad as readonly (readonly [number, number])[]);
  const apart = (random: Random, shape: readonly number[], domain: readonly [number, number]) => {
    const made = random.values('float64', shape, { domain });
    return { ...made, data: made.data.map((x) => awayFrom(x as number, op.avoid ?? [])) };
  };
  return {
    ...(op.gradInputs === undefined ? {} : { inputs: op.gradInputs }),
    ...(op.secondOrder === undefined ? {} : { second: op.secondOrder }),
    generate: (random) => {
      if (operands === 1) return { inputs: [apart(random, random.shape(), domains[0] as [number, number])] };
      const [a, b] = op.sameShape === true ? ((shape) => [shape, shape] as const)(random.shape()) : random.pair();
      return {
        inputs: [apart(random, a, domains[0] as [number, number]), apart(random, b, domains[1] as [number, number])],
      };
    },
  };
};
export const awayFrom = (x: number, points: readonly number[]): number =>
  points.reduce(
    (moved, point) =>
      Math.abs(moved - point) < 0.05 ? point + (moved < point ? -0.05 : 0.05) - (point - moved) : moved,
    x,
  );

const optional = (op: Elementwise): Partial<CaseRow> => ({
  ...(op.ulp64 === undefined ? {} : { ulp64: op.ulp64 }),
  ...(op.goldenDtypes === undefined ? {} : { goldenDtypes: op.goldenDtypes }),
  ...(op.anyZero === undefined ? {} : { anyZero: op.anyZero }),
  ...(op.ulp === undefined ? {} : { ulp: op.ulp }),
  ...(op.goldenAbsolute === undefined ? {} : { goldenAbsolute: op.goldenAbsolute }),
  ...(op.goldenUlp === undefined ? {} : { goldenUlp: op.goldenUlp }),
});

/** A row of one operand. */
export const unary = (op: Elementwise): CaseRow => ({
  ref: op.ref ?? elementwise(op),
  dtypes: op.dtypes,
  ...optional(op),
  generate: (random, dtype) => ({ inputs: [random.values(dtype, random.shape(), op.values)] }),
  grad: gradCase(op, 1),
});
/** A row of two operands that broadcast. */
export const binary = (op: Elementwise): CaseRow => ({
  ref: op.ref ?? elementwise(op),
  dtypes: op.dtypes,
  ...optional(op),
  generate: (random, dtype) => {
    const [a, b] = op.sameShape === true ? ((shape) => [shape, shape] as const)(random.shape()) : random.pair();
    return { inputs: [random.values(dtype, a, op.values), random.values(dtype, b, op.second ?? op.values)] };
  },
  grad: gradCase(op, 2),
});

export type { Attrs, FloatFunction, IntFunction };
export { isFloat };
