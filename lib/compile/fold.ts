// fold: stateless nodes whose inputs are all constants are computed once, by the engine itself, and become constants.
import type { AttrValue } from '../core/attrs.js';
import { constRow } from '../core/constOp.js';
import type { NDArray } from '../core/ndarray.js';
import { hostPositions } from './facts.js';
import {
  isStateful,
  isVariableRef,
  type Node,
  type Program,
  type Ref,
  reachable,
  refDtype,
  rewrite,
} from './program.js';

/** Results above this are computed in every run instead of being kept: a tiny graph may not make a large plan. */
const MAX_BYTES = 1 << 20;

/** Computes refs of a program that has no feeds; what the compiler is given to fold with. */
export type ProgramEvaluator = (program: Program) => readonly NDArray[];

/** Whether a node gives the same value in every run. */
const isConstant = (node: Node, known: ReadonlySet<Node>): boolean => {
  const { row } = node;
  if (row === undefined || isStateful(node) || node.controls.length > 0 || row.dynamic === true) return false;
  if (row.type === 'Const') return true;
  if (row.lower === 'nothing' || node.op.outputs.length !== 1) return false;
  const output = node.op.outputs[0]!;
  const elements = output.shape.numElements;
  if (elements === null || elements * Math.max(output.dtype.size, 1) > MAX_BYTES) return false;
  return node.inputs.length > 0 && node.inputs.every((input) => known.has(input.node) && !isVariableRef(input));
};

/** A constant node in place of `node`. */
const constantNode = (node: Node, value: NDArray): Node => ({
  ...node,
  row: constRow(),
  attrs: new Map<string, AttrValue>([
    ['value', value],
    ['dtype', value.dtype],
  ]),
  inputs: [],
});

/** Folds what nodes that stay need. An evaluation that fails (a division by zero) is left for the run, where it is an error of its own node. */
export const fold = (program: Program, evaluate: ProgramEvaluator): Program => {
  const known = new Set<Node>();
  for (const node of program.nodes) if (isConstant(node, known)) known.add(node);
  const border = new Set<Node>();
  const note = (ref: Ref): void => {
    if (known.has(ref.node) && ref.node.row?.type !== 'Const') border.add(ref.node);
  };
  for (const node of program.nodes) {
    if (known.has(node)) continue;
    // What is only looked at on the host (shapes, axes) is worked out there.
    const hosts = new Set(hostPositions(node));
    node.inputs.forEach((input, i) => {
      if (!hosts.has(i)) note(input);
    });
  }
  // A program that only fetches constants gains nothing: it would be computed twice for its first run.
  if (border.size === 0) return program;
  const fetches = [...border].map((node): Ref => ({ node, output: 0 }));
  let values: readonly NDArray[];
  try {
    values = evaluate(reachable({ nodes: program.nodes, fetches, targets: [] }));
  } catch {
    return program;
  }
  const replacement = new Map(fetches.map((ref, i) => [ref.node, constantNode(ref.node, values[i]!)] as const));
  return rewrite(program, (node) => {
    const made = replacement.get(node);
    return made === undefined || refDtype({ node: made, output: 0 }) !== (made.attrs.get('dtype') as NDArray['dtype'])
      ? undefined
      : [{ node: made, output: 0 }];
  });
};
