// Runs op rows of grafo on reference arrays: one graph and session per op, one node per dtypes, attributes and arity, placeholders of unknown shape.
import { isDeepStrictEqual } from 'node:util';
import type { AttrValue } from '../../lib/core/attrs.js';
import { findOp } from '../../lib/core/defineOp.js';
import * as tf from '../../lib/index.js';
import { type Arr, type Attr, type Attrs, arr, type Element, type Input, isBig } from '../reference/array.js';

/** What a run gave: outputs, or the code and text of the error. */
export interface Failure {
  readonly code: string;
  readonly text: string;
}
export type Outcome = readonly Arr[] | Failure;
export const failed = (outcome: Outcome): outcome is Failure => 'code' in outcome;

export const toNDArray = (a: Arr): tf.NDArray => {
  const dtype = tf.asDtype(a.dtype as 'float32');
  if (a.dtype === 'string')
    return new tf.NDArray(
      dtype,
      a.shape,
      a.data.map((text) => new Uint8Array(Buffer.from(text as string, 'latin1'))),
    );
  const data = new dtype.array!(a.data.length);
  a.data.forEach((element, i) => {
    data[i] = isBig(a.dtype) ? BigInt(element) : Number(element);
  });
  return new tf.NDArray(dtype, a.shape, data);
};
const bytes = (element: unknown): Element =>
  typeof element === 'string'
    ? Buffer.from(element, 'utf8').toString('latin1')
    : Buffer.from(element as Uint8Array).toString('latin1');
export const fromNDArray = (value: tf.NDArray): Arr =>
  arr(
    value.dtype.name,
    [...value.shape],
    Array.isArray(value.data) ? value.data.map(bytes) : Array.from(value.data as Iterable<Element>),
  );

const toAttr = (value: Attr): AttrValue => {
  if (typeof value !== 'object') return value;
  if (Array.isArray(value)) return value.map(toAttr) as unknown as AttrValue;
  if ('type' in value) return tf.asDtype(value.type as 'float32');
  if ('shape' in value) return new tf.TensorShape(value.shape);
  return value as never;
};

interface Node {
  /** Placeholders of the inputs, flat; null for a variable. */
  readonly holders: readonly (tf.Tensor | null)[];
  /** The op's inputs: placeholders and variables, flat. */
  readonly inputs: readonly tf.Tensor[];
  readonly operation: tf.Operation;
  /** Assignments of the variables, with the placeholder of the value, and reads of them. */
  readonly variables: readonly { assign: tf.Operation; value: tf.Tensor; read: tf.Tensor }[];
}

const inputsOf = (inputs: readonly Input[]): Arr[] =>
  inputs.flatMap((input) => (Array.isArray(input) ? (input as Arr[]) : [input as Arr]));

/** One op type's graph and session. */
export class OpRunner {
  readonly type: string;
  readonly graph = new tf.Graph();
  readonly session = new tf.Session({ graph: this.graph, threads: 1, device: process.env.GRAFO_TEST_DEVICE });
  readonly #nodes = new Map<string, Node>();
  readonly #refs: readonly number[];

  constructor(type: string, refs: readonly number[] = []) {
    this.type = type;
    this.#refs = refs;
  }

  /** The node for inputs of these dtypes and attributes, made at the first call. */
  node(inputs: readonly Input[], attrs: Attrs = {}): Node {
    const signature = inputs.map((input) =>
      Array.isArray(input) ? (input as Arr[]).map((a) => a.dtype) : (input as Arr).dtype,
    );
    const shapes = this.#refs.map((at) => (inputs[at] as Arr).shape);
    const key = JSON.stringify([signature, shapes, attrs]);
    let node = this.#nodes.get(key);
    if (node === undefined) {
      node = this.graph.asDefault(() => this.#build(inputs, attrs));
      this.#nodes.set(key, node);
    }
    return node;
  }

  #build(inputs: readonly Input[], attrs: Attrs): Node {
    const row = findOp(this.type)!;
    const names = Object.keys(row.inputs);
    const holders: (tf.Tensor | null)[] = [];
    const flat: tf.Tensor[] = [];
    const variables: Node['variables'][number][] = [];
    const hold = (a: Arr): tf.Tensor => {
      const made = tf.placeholder(a.dtype as 'float32', null);
      holders.push(made);
      flat.push(made);
      return made;
    };
    const variable = (a: Arr): tf.Tensor => {
      const dtype = tf.asDtype(a.dtype as 'float32');
      const ref = findOp('VariableV2')!({}, { shape: new tf.TensorShape(a.shape), dtype }).output;
      const value = tf.placeholder(dtype, null);
      variables.push({ assign: findOp('Assign')!({ ref, value }), value, read: tf.identity(ref) });
      holders.push(null);
      flat.push(ref);
      return ref;
    };
    const values = Object.fromEntries(
      inputs.map((input, i) => [
        names[i]!,
        Array.isArray(input)
          ? (input as Arr[]).map(hold)
          : this.#refs.includes(i)
            ? variable(input as Arr)
            : hold(input as Arr),
      ]),
    );
    const given = Object.fromEntries(Object.entries(attrs).map(([name, value]) => [name, toAttr(value)]));
    return { holders, inputs: flat, operation: row(values as never, given), variables };
  }

  /** Feeds of a node. */
  feeds(node: Node, inputs: readonly Input[]): [tf.Tensor, tf.NDArray][] {
    return inputsOf(inputs).flatMap((a, i) =>
      node.holders[i] === null ? [] : [[node.holders[i]!, toNDArray(a)] as [tf.Tensor, tf.NDArray]],
    );
  }

  /**
   * Runs the op: its outputs, or the variables' values afterwards where it has ref inputs. With GRAFO_TEST_TWICE a second time, from the
   * same values: a device records the first run and plays it again, and every bit has to be the same. Random ops go on instead.
   */
  run(inputs: readonly Input[], attrs: Attrs = {}): Outcome {
    const first = this.#run(inputs, attrs);
    if (process.env.GRAFO_TEST_TWICE !== '1' || findOp(this.type)?.stateful === true) return first;
    const again = this.#run(inputs, attrs);
    if (isDeepStrictEqual(first, again)) return first;
    return { code: 'INTERNAL', text: 'a second run of the same inputs gave something else' };
  }

  #run(inputs: readonly Input[], attrs: Attrs): Outcome {
    try {
      const node = this.node(inputs, attrs);
      const flat = inputsOf(inputs);
      const refs = flat.filter((_, i) => node.holders[i] === null);
      node.variables.forEach(
        ({ assign, value }, i) => void this.session.runSync(assign, [[value, toNDArray(refs[i]!)]]),
      );
      const feeds = this.feeds(node, inputs);
      if (node.variables.length === 0)
        return this.session
          .runSync([...node.operation.outputs], feeds)
          .map((value) => fromNDArray(value as tf.NDArray));
      this.session.runSync(node.operation, feeds);
      return node.variables.map(({ read }) => fromNDArray(this.session.runSync(read)));
    } catch (error) {
      if (!(error instanceof tf.GrafoError)) throw error;
      return { code: error.code, text: error.text };
    }
  }

  close(): void {
    this.session.close();
  }
}
