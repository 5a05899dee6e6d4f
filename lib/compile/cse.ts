// cse: two stateless nodes of one type with equal attributes, inputs and controls become one. (Equal inputs and controls see the same versions of every
// variable: nothing else decides which updates a node waits for.)
import { DType } from '../core/dtype.js';
import { NDArray } from '../core/ndarray.js';
import { isStateful, type Node, type Program, type Ref, rewrite } from './program.js';

/** Constants above this many elements are not compared. */
const MAX_CONSTANT = 1024;

const attrKey = (value: unknown): string | undefined => {
  if (value instanceof NDArray) {
    // Its dtype is an attribute of its own.
    if (value.size > MAX_CONSTANT) return undefined;
    // Bits, not values: -0 and NaN payloads stay themselves.
    const bits = Array.isArray(value.data)
      ? JSON.stringify(value.data.map(String))
      : Buffer.from(value.data.buffer, value.data.byteOffset, value.data.byteLength).toString('latin1');
    return `[${value.shape.join()}]${bits}`;
  }
  if (value instanceof DType) return value.name;
  if (Array.isArray(value)) return `[${value.map(attrKey).join()}]`;
  return JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? String(item) : item));
};

/** Merges equal nodes. Stateful ones (random, variables, prints) never are. */
export const cse = (program: Program): Program => {
  // Most nodes read what no other of their type reads: only those that do not are compared further.
  const alike = new Map<string, Node | Map<string, Node>>();
  const ids = new Map<Node, number>();
  const id = (node: Node): number => {
    const known = ids.get(node);
    if (known !== undefined) return known;
    ids.set(node, ids.size);
    return ids.size - 1;
  };
  /** What two nodes of a type with equal inputs may differ in; undefined for one that is never merged. */
  const restKey = (node: Node): string | undefined => {
    const attrs: string[] = [];
    for (const [name, value] of node.attrs) {
      if (name.startsWith('_')) continue;
      const text = attrKey(value);
      if (text === undefined) return undefined;
      attrs.push(`${name}=${text}`);
    }
    const controls = node.controls.map(id).sort((a, b) => a - b);
    return `${node.op.device}|${controls.join()}|${attrs.join()}`;
  };
  return rewrite(program, (node): readonly Ref[] | undefined => {
    if (node.row === undefined || isStateful(node)) return undefined;
    const inputs = node.inputs.map((input) => `${id(input.node)}:${input.output}`);
    if (node.row.commutative === true && inputs.length === 2) inputs.sort();
    const reads = `${node.row.type}|${inputs.join()}`;
    let others = alike.get(reads);
    if (others === undefined) {
      alike.set(reads, node);
      return undefined;
    }
    if (!(others instanceof Map)) {
      const own = restKey(others);
      others = new Map(own === undefined ? [] : [[own, others]]);
      alike.set(reads, others);
    }
    const key = restKey(node);
    if (key === undefined) return undefined;
    const first = others.get(key);
    if (first === undefined) {
      others.set(key, node);
      return undefined;
    }
    return node.op.outputs.map((_, output) => ({ node: first, output }));
  });
};
