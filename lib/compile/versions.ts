// Which value of a variable each consumer sees: before all updates of the run, or after those it depends on.
import type { Operation } from '../core/graph.js';
import { inputRange, isVariableRef, type Node, type Program, type Ref } from './program.js';

/** A variable and its updates in the order they run: creation order, which respects every dependency. */
export interface VariableUpdates {
  readonly variable: Operation;
  readonly updates: readonly Node[];
}

/** The rule that a read belongs to its consumer (docs/inside/compile.md, Variables), answered for every node of one program. */
export class Versions {
  readonly #updates = new Map<Operation, Node[]>();
  readonly #updateIndex = new Map<Node, number>();
  /** For a node: the updates it depends on, as positions in creation order; shared where equal. */
  readonly #seen = new Map<Node, bigint>();

  constructor(program: Program) {
    let count = 0;
    for (const node of program.nodes) {
      for (const variable of updatedVariables(node)) {
        const list = this.#updates.get(variable);
        if (list === undefined) this.#updates.set(variable, [node]);
        else list.push(node);
      }
      if (node.row?.updates !== undefined) this.#updateIndex.set(node, count++);
    }
    if (count === 0) return;
    for (const node of program.nodes) {
      let seen = 0n;
      for (const input of node.inputs) seen |= this.#after(input.node);
      for (const control of node.controls) seen |= this.#after(control);
      if (seen !== 0n) this.#seen.set(node, seen);
    }
  }
  /** Updates done when a node is: those before it and itself. */
  #after(node: Node): bigint {
    const own = this.#updateIndex.get(node);
    const before = this.#seen.get(node) ?? 0n;
    return own === undefined ? before : before | (1n << BigInt(own));
  }
  updatesOf(variable: Operation): readonly Node[] {
    return this.#updates.get(variable) ?? [];
  }
  /** The version (number of updates done) of a variable that a node reads. */
  read(node: Node, variable: Operation): number {
    return this.#version(this.#seen.get(node) ?? 0n, variable);
  }
  /** The version that a fetch of a ref reads. */
  fetched(ref: Ref, variable: Operation): number {
    return this.#version(this.#after(ref.node), variable);
  }
  /** The version an update makes. */
  made(update: Node, variable: Operation): number {
    return this.updatesOf(variable).indexOf(update) + 1;
  }
  #version(seen: bigint, variable: Operation): number {
    if (seen === 0n) return 0;
    const updates = this.updatesOf(variable);
    for (let i = updates.length; i > 0; i--) {
      if ((seen >> BigInt(this.#updateIndex.get(updates[i - 1]!)!)) & 1n) return i;
    }
    return 0;
  }
}

const NONE: readonly never[] = [];

/** The inputs whose memory a node updates, by position. */
export const updatedPositions = (node: Node): readonly number[] => {
  if (node.row?.updates === undefined) return NONE;
  return node.row.updates.flatMap((name) => {
    const [from, count] = inputRange(node, name);
    return Array.from({ length: count }, (_, i) => from + i);
  });
};

/** The variables a node updates: those behind its row's `updates` inputs. */
export const updatedVariables = (node: Node): readonly Operation[] =>
  node.row?.updates === undefined ? NONE : updatedPositions(node).map((i) => variableOf(node.inputs[i]!)!);

/**
 * The variable whose memory a ref is, looking through updates (their ref output) and plain reads (an Identity of a ref without control inputs,
 * as every variable's `read` is); undefined for any other value.
 */
export const variableOf = (ref: Ref): Operation | undefined => {
  let { node } = ref;
  // Asked for every input of every node, of which most are neither.
  if (node.row === undefined || (node.op.outputs[ref.output]?.isRef !== true && node.op.row.type !== 'Identity'))
    return undefined;
  for (;;) {
    if (node.row === undefined) return undefined;
    if (node.row.lower === 'source') return isVariableRef({ node, output: 0 }) ? node.op : undefined;
    const input = node.inputs[0];
    if (input === undefined) return undefined;
    const passes =
      isVariableRef({ node, output: ref.output }) || (isPlainRead(node) && variableOf(input) !== undefined);
    if (!passes) return undefined;
    node = input.node;
  }
};

/** A name under which a stage is fed an older version of a variable. */
export const versionRef = (variable: Operation, version: number): Ref => ({
  node: {
    op: variable,
    row: undefined,
    attrs: new Map(),
    inputs: [],
    controls: [],
    feed: -1,
    fed: variable.outputs[0]!,
  },
  output: -1 - version,
});

/** An Identity straight on a variable's memory with nothing to wait for. */
const isPlainRead = (node: Node): boolean =>
  node.op.type === 'Identity' && node.controls.length === 0 && isVariableRef(node.inputs[0]!);
