// GraphDef: a graph in the JSON form of TensorFlow's protocol buffers, node by node as TensorFlow's Python writes it.
import { type AttrType, type AttrValue, attrToJson } from './attrs.js';
import type { Graph, Operation } from './graph.js';

/** A value of protobuf's JSON form. */
export type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

/** One node of a GraphDef. */
export interface NodeDef {
  readonly name: string;
  readonly op: string;
  /** `name` for output 0, `name:1` for another one, `^name` for a control input. */
  readonly input?: readonly string[];
  readonly device?: string;
  readonly attr?: Readonly<Record<string, Json>>;
}

/** TensorFlow's GraphDef in protobuf's JSON form: `JSON.stringify` of it is what `protobufjs` and TensorFlow's own parser read. */
export interface GraphDef {
  readonly node: readonly NodeDef[];
  readonly versions: { readonly producer: number; readonly minConsumer?: number };
}

/** The GraphDef version of TensorFlow 1.15. */
const PRODUCER = 134;

/** Type of an attribute that no row declares: those TensorFlow puts on any operation. */
const COMMON: Readonly<Record<string, AttrType>> = { _class: 'list(string)' };

/** One operation as a node. */
export const nodeDef = (op: Operation): NodeDef => {
  const input = [
    ...op.inputs.map((tensor) => (tensor.valueIndex === 0 ? tensor.op.name : tensor.name)),
    // TensorFlow sorts them when it writes a graph (Graph::ToGraphDef).
    ...op.controlInputs.map((control) => `^${control.name}`).sort(),
  ];
  const attr: Record<string, Json> = {};
  for (const name of [...op.attrs.keys()].sort()) {
    const type = op.row.attrs[name]?.type ?? COMMON[name];
    if (type !== undefined) attr[name] = attrToJson(type, op.attrs.get(name) as AttrValue) as Json;
  }
  return {
    name: op.name,
    op: op.type,
    ...(input.length === 0 ? {} : { input }),
    ...(op.device === '' ? {} : { device: op.device }),
    ...(Object.keys(attr).length === 0 ? {} : { attr }),
  };
};

/**
 * A graph as a GraphDef. `graph.asGraphDef()` calls this.
 *
 * @param from the number of operations to leave out, in creation order.
 */
export const graphToDef = (graph: Graph, from = 0): GraphDef => ({
  node: graph.getOperations().slice(from).map(nodeDef),
  versions: { producer: PRODUCER },
});
