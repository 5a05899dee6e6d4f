// Program: the part of a graph that one run needs, as the symbolic passes see and rewrite it.
import type { AttrValue } from '../core/attrs.js';
import type { OpRow } from '../core/defineOp.js';
import { InternalError } from '../core/errors.js';
import type { Operation, Tensor } from '../core/graph.js';

/** One output of a node. */
export interface Ref {
  readonly node: Node;
  readonly output: number;
}

/** An operation in a program, or a feed (`row` undefined). Nodes are immutable; a pass that changes one makes another. */
export interface Node {
  /** The graph operation it stands for: errors, random states and creation order go by it. */
  readonly op: Operation;
  readonly row: OpRow | undefined;
  readonly attrs: ReadonlyMap<string, AttrValue>;
  readonly inputs: readonly Ref[];
  readonly controls: readonly Node[];
  /** For a feed: its position in the request. */
  readonly feed: number;
  /** For a feed: the tensor it replaces. */
  readonly fed: Tensor | undefined;
}

/** Nodes in an order where inputs and controls come first (creation order, which always is one), and what is wanted. */
export interface Program {
  readonly nodes: readonly Node[];
  readonly fetches: readonly Ref[];
  readonly targets: readonly Node[];
}

/** The tensor of the graph that a ref stands for. */
export const refTensor = ({ node, output }: Ref): Tensor => node.fed ?? node.op.outputs[output]!;
/** The dtype of a ref. */
export const refDtype = (ref: Ref) => refTensor(ref).dtype;
/** Whether a ref is an output of an operation of this type. */
export const isType = (ref: Ref, type: string): boolean => ref.node.row?.type === type;
/** Whether a ref is a variable's own memory. */
export const isVariableRef = (ref: Ref): boolean =>
  ref.node.row !== undefined && ref.node.op.outputs[ref.output]?.isRef === true;

/** Whether running a node twice differs from once, or it acts. */
export const isStateful = (node: Node): boolean =>
  node.row?.stateful === true || node.row?.updates !== undefined || node.row?.lower === 'source';

/** Where a named input lies among a node's inputs: its first position and how many it has. */
export const inputRange = (node: Node, name: string): readonly [number, number] => {
  const row = node.row!;
  const names = Object.keys(row.inputs);
  const i = names.indexOf(name);
  if (i < 0) throw new InternalError(`op ${row.type} has no input ${name}`);
  if (names.length === node.inputs.length) return [i, 1];
  const counts = row.arity(node.attrs);
  return [counts.slice(0, i).reduce((sum, count) => sum + count, 0), counts[i]!];
};

/** A pass: a program to an equivalent one. */
export type Pass = (program: Program) => Program;

/**
 * Rebuilds a program after replacing refs. `replace` gives the new ref of an output of an old node, or undefined to keep it; it is asked with
 * nodes whose inputs are already rebuilt. Nodes nobody needs any more are dropped.
 */
export const rewrite = (
  program: Program,
  replace: (node: Node) => readonly (Ref | undefined)[] | undefined,
): Program => {
  // Both hold what changed only: most nodes stay as they are.
  const built = new Map<Node, Node>();
  const moved = new Map<Node, readonly (Ref | undefined)[]>();
  const now = (node: Node): Node => built.get(node) ?? node;
  const ref = (old: Ref): Ref => {
    const to = moved.get(old.node)?.[old.output];
    if (to !== undefined) return to;
    const node = now(old.node);
    return node === old.node ? old : { node, output: old.output };
  };
  const isOther = (old: Ref): boolean => ref(old) !== old;
  const isRebuilt = (node: Node): boolean => built.has(node);
  for (const old of program.nodes) {
    let node = old;
    if (moved.size > 0 && (old.inputs.some(isOther) || old.controls.some(isRebuilt))) {
      node = { ...old, inputs: old.inputs.map(ref), controls: old.controls.map(now) };
      built.set(old, node);
    }
    const replaced = replace(node);
    if (replaced !== undefined) moved.set(old, replaced);
  }
  if (moved.size === 0) return program;
  return reachable({
    nodes: program.nodes.map(now),
    fetches: program.fetches.map(ref),
    targets: program.targets.map(now),
  });
};

/** The same program without nodes that nothing wanted depends on, in creation order. */
export const reachable = (program: Program): Program => {
  const found = new Set<Node>();
  const stack = [...program.fetches.map((fetch) => fetch.node), ...program.targets];
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (found.has(node)) continue;
    found.add(node);
    for (const input of node.inputs) stack.push(input.node);
    for (const control of node.controls) stack.push(control);
  }
  const kept = program.nodes.filter((node) => found.delete(node));
  // What is left in `found` was made by a rewrite.
  return { ...program, nodes: inOrder([...kept, ...found]) };
};

/** Inputs and controls before their users, else creation order; `nodes` are all that any of them depends on. */
const inOrder = (nodes: readonly Node[]): Node[] => {
  const done = new Set<Node>();
  const waiting = (node: Node): Node | undefined => {
    for (const input of node.inputs) if (!done.has(input.node)) return input.node;
    for (const control of node.controls) if (!done.has(control)) return control;
    return undefined;
  };
  const stack: Node[] = [];
  for (const root of [...nodes].sort((a, b) => a.op.id - b.op.id)) {
    stack.push(root);
    while (stack.length > 0) {
      const node = stack.at(-1)!;
      const before = done.has(node) ? undefined : waiting(node);
      if (before !== undefined) stack.push(before);
      else done.add(stack.pop()!);
    }
  }
  return [...done];
};
