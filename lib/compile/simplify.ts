// simplify: local rewrites that change no bit of any result, but that powers by simple exponents are products or roots. A row is {types, apply};
// a rewrite gives the new ref of output 0 or undefined.

import type { AttrValue } from '../core/attrs.js';
import { constantValue } from '../core/constantValue.js';
import { findOp } from '../core/defineOp.js';
import { BOOLEAN_MASK, hasRows, maskOf } from './masks.js';
import { isStateful, isType, type Node, type Program, type Ref, refDtype, rewrite } from './program.js';
import { updatedVariables, variableOf } from './versions.js';

interface Rule {
  readonly types: readonly string[];
  readonly apply: (node: Node) => Ref | undefined;
  /** Whether it leads to a kernel that only the CPU has. */
  readonly onCpu?: boolean;
}

/** The only value of a scalar constant, or undefined. */
const scalar = (ref: Ref): number | undefined => {
  if (ref.node.row?.type !== 'Const') return undefined;
  const value = ref.node.attrs.get('value') as { rank: number; data: ArrayLike<number | bigint | string> };
  if (value.rank !== 0 || typeof value.data[0] === 'string') return undefined;
  return Number(value.data[0]);
};
const isSameRef = (a: Ref, b: Ref): boolean => a.node === b.node && a.output === b.output;
const free = (node: Node): boolean => node.controls.length === 0;

/** The permutation of a Transpose where it is a constant. */
const permutation = (node: Node): readonly number[] | undefined => {
  const perm = node.inputs[1];
  if (
    perm === undefined ||
    perm.node.row === undefined ||
    perm.node.inputs.some((input) => input.node.row === undefined)
  )
    return undefined;
  const value = constantValue(perm.node.op.outputs[perm.output]!);
  return value === null ? undefined : Array.from(value.data as Int32Array, Number);
};
const swapsLastTwo = (perm: readonly number[]): boolean =>
  perm.length >= 2 &&
  perm.every((axis, i) =>
    i < perm.length - 2 ? axis === i : axis === (i === perm.length - 1 ? perm.length - 2 : perm.length - 1),
  );

/** A matrix product whose operand is a transpose takes the operand itself and flips its flag. */
const foldTranspose =
  (flags: readonly [string, string]): Rule['apply'] =>
  (node) => {
    const attrs = new Map<string, AttrValue>(node.attrs);
    let changed = false;
    const inputs = node.inputs.map((input, i) => {
      if (i > 1 || !isType(input, 'Transpose')) return input;
      const perm = permutation(input.node);
      if (perm === undefined || !swapsLastTwo(perm)) return input;
      changed = true;
      attrs.set(flags[i]!, attrs.get(flags[i]!) !== true);
      return input.node.inputs[0]!;
    });
    return changed ? { node: { ...node, attrs, inputs }, output: 0 } : undefined;
  };

/** Operations that are a power by a constant, as TensorFlow's own optimizer replaces it; integers have no roots and no reciprocals. */
const POWERS: ReadonlyMap<number, string> = new Map([
  [2, 'Square'],
  [0.5, 'Sqrt'],
  [-0.5, 'Rsqrt'],
  [-1, 'Reciprocal'],
]);
const power: Rule['apply'] = (node) => {
  const [x, y] = node.inputs as [Ref, Ref];
  const exponent = scalar(y);
  if (exponent === undefined) return undefined;
  if (exponent === 1) return free(node) ? x : undefined;
  if (exponent === 3) {
    const square = { node: { ...node, row: findOp('Square'), inputs: [x] }, output: 0 };
    return { node: { ...node, row: findOp('Mul'), inputs: [x, square] }, output: 0 };
  }
  const type = POWERS.get(exponent);
  if (type === undefined || (exponent !== 2 && !refDtype(x).isFloating)) return undefined;
  return { node: { ...node, row: findOp(type), inputs: [x] }, output: 0 };
};

/** (x or y) and not (x and y), as `tf.logicalXor` writes it, is x != y. */
const exclusiveOr: Rule['apply'] = (node) => {
  const [either, notBoth] = node.inputs as [Ref, Ref];
  const both = isType(notBoth, 'LogicalNot') ? notBoth.node.inputs[0]! : undefined;
  if (!isType(either, 'LogicalOr') || both === undefined || !isType(both, 'LogicalAnd')) return undefined;
  const { inputs } = either.node;
  const isSame = inputs.every((ref, i) => isSameRef(ref, both.node.inputs[i]!));
  return isSame ? { node: { ...node, row: findOp('NotEqual'), inputs }, output: 0 } : undefined;
};

/** Rows gathered along the first axis by where a mask is true. */
const masked: Rule['apply'] = (node) => {
  const [params, indices, axis] = node.inputs as [Ref, Ref, Ref];
  const mask = maskOf(indices);
  if (mask === undefined || scalar(axis) !== 0 || node.attrs.get('batch_dims') !== 0 || !hasRows(params))
    return undefined;
  return { node: { ...node, row: BOOLEAN_MASK, inputs: [mask, params] }, output: 0 };
};

const RULES: readonly Rule[] = [
  // x * 1 and x / 1 are x to the bit, NaN included; x + 0 is not (-0 + 0 = 0).
  {
    types: ['Mul'],
    apply: (node) => {
      if (!free(node)) return undefined;
      if (scalar(node.inputs[1]!) === 1) return node.inputs[0];
      return scalar(node.inputs[0]!) === 1 ? node.inputs[1] : undefined;
    },
  },
  {
    types: ['RealDiv', 'Div'],
    apply: (node) => (free(node) && scalar(node.inputs[1]!) === 1 ? node.inputs[0] : undefined),
  },
  {
    types: ['Sub'],
    apply: (node) => {
      // x - 0 is x; x - (-0) would turn -0 into 0.
      const zero = scalar(node.inputs[1]!);
      return free(node) && zero !== undefined && Object.is(zero, 0) ? node.inputs[0] : undefined;
    },
  },
  {
    types: ['Reshape'],
    apply: (node) => {
      const input = node.inputs[0]!;
      if (!isType(input, 'Reshape')) return undefined;
      return { node: { ...node, inputs: [input.node.inputs[0]!, node.inputs[1]!] }, output: 0 };
    },
  },
  {
    types: ['Transpose'],
    apply: (node) => {
      const input = node.inputs[0]!;
      if (!free(node) || !isType(input, 'Transpose')) return undefined;
      const [outer, inner] = [permutation(node), permutation(input.node)];
      if (outer === undefined || inner === undefined || outer.length !== inner.length) return undefined;
      return outer.every((axis, i) => inner[axis] === i) ? input.node.inputs[0] : undefined;
    },
  },
  { types: ['Pow'], apply: power },
  { types: ['LogicalAnd'], apply: exclusiveOr },
  { types: ['GatherV2'], apply: masked, onCpu: true },
  { types: ['MatMul'], apply: foldTranspose(['transpose_a', 'transpose_b']) },
  { types: ['BatchMatMul', 'BatchMatMulV2'], apply: foldTranspose(['adj_x', 'adj_y']) },
  {
    types: ['Cast'],
    apply: (node) =>
      free(node) && refDtype(node.inputs[0]!) === node.op.outputs[0]!.dtype ? node.inputs[0] : undefined,
  },
];

const BY_TYPE = new Map(RULES.flatMap((rule) => rule.types.map((type) => [type, rule] as const)));

/** Applies the table once, inputs first, so that chains collapse in one pass. */
export const simplify = (program: Program, hasDevice: boolean): Program => {
  const updated = new Set(program.nodes.flatMap(updatedVariables));
  // A read of an updated variable belongs to its consumer: a rewrite must not hand it to another one.
  const handsOver = (ref: Ref): boolean => {
    const variable = variableOf(ref);
    return variable !== undefined && updated.has(variable);
  };
  // Nodes that wait for nothing and behind which nothing acts: only such a one may be lost (`reshape(x, [4])` under a control
  // dependency has it on the constant).
  const quiet = new Set<Node>();
  return rewrite(program, (node) => {
    const idle = node.controls.length === 0 && (node.row?.lower === 'source' || !isStateful(node));
    if (idle && node.inputs.every((input) => quiet.has(input.node))) quiet.add(node);
    const rule = node.row === undefined ? undefined : BY_TYPE.get(node.row.type);
    const replaced = rule === undefined || (hasDevice && rule.onCpu === true) ? undefined : rule.apply(node);
    if (replaced === undefined) return undefined;
    const kept = new Set(replaced.node.op === node.op ? replaced.node.inputs.map((ref) => ref.node) : [replaced.node]);
    const isSpared = (ref: Ref): boolean => kept.has(ref.node) || quiet.has(ref.node);
    if (!node.inputs.every((ref) => isSpared(ref) || (free(ref.node) && ref.node.inputs.every(isSpared))))
      return undefined;
    // Either the node itself over other inputs, or a ref that was there before.
    const taken =
      replaced.node.op === node.op ? replaced.node.inputs.filter((ref) => !node.inputs.includes(ref)) : [replaced];
    return taken.some(handsOver) ? undefined : [replaced];
  });
};
