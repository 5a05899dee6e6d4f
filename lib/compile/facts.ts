// Facts: concrete shapes and host values of a program's refs for one set of feeds, and where data stops them (a stage ends there).
import type { AttrValue } from '../core/attrs.js';
import type { ShapeContext } from '../core/defineOp.js';
import { InternalError, InvalidArgumentError, ValueError } from '../core/errors.js';
import type { Operation } from '../core/graph.js';
import type { NDArray } from '../core/ndarray.js';
import { TensorShape, UNKNOWN } from '../core/shape.js';
import type { Node, Program, Ref } from './program.js';
import type { FeedValue } from './stage.js';
import { updatedVariables, type Versions, variableOf } from './versions.js';

/** What is known of one output: its shape, or undefined while data must decide it. */
export interface OutputFact {
  readonly shape: readonly number[] | undefined;
  /** The first dimension is an upper bound. */
  readonly dynamic: boolean;
}

/** What facts start from. */
export interface Given {
  readonly feeds: readonly FeedValue[];
  /** Feeds whose values may be looked at (they belong to the plan's key). */
  readonly valueFeeds: ReadonlySet<number>;
  readonly variableShapes: ReadonlyMap<number, readonly number[]>;
  /** Values that earlier stages computed, by `refKey`. */
  readonly carried: ReadonlyMap<string, NDArray>;
  /** Nodes that earlier stages ran. */
  readonly ran: ReadonlySet<Node>;
}

/** A name for a ref that lasts from one stage to the next. */
export const refKey = (ref: Ref): string =>
  `${ref.node.row === undefined ? 'feed ' : ''}${ref.node.op.id}:${ref.output}`;

/** Positions of the inputs that a row needs as host values, in a node's flat list of inputs. */
export const hostPositions = (node: Node): number[] => {
  if (node.row?.hostInputs === undefined) return [];
  const names = Object.keys(node.row.inputs);
  const counts = node.row.arity(node.attrs);
  return node.row.hostInputs.flatMap((name) => {
    const i = names.indexOf(name);
    const from = counts.slice(0, i).reduce((sum, count) => sum + count, 0);
    return Array.from({ length: counts[i]! }, (_, k) => from + k);
  });
};

/** Shapes and host values of one program, worked out node by node in its order. */
export class Facts {
  readonly #given: Given;
  readonly #outputs = new Map<Node, readonly OutputFact[]>();
  readonly #host = new Map<Node, readonly NDArray[] | null>();
  /** Nodes that must wait for values this stage computes. */
  readonly blocked = new Set<Node>();
  /** Refs whose values those nodes need on the host. */
  readonly wanted: Ref[] = [];
  /** The shape each variable of unknown static shape has once this stage has run. */
  readonly variableShapes = new Map<number, readonly number[]>();

  constructor(program: Program, given: Given, versions: Versions) {
    this.#given = given;
    for (const node of program.nodes) if (!given.ran.has(node)) this.#visit(node, versions);
  }

  shape(ref: Ref): readonly number[] {
    const known = this.#fact(ref).shape;
    if (known === undefined) throw new InternalError(`the shape of ${ref.node.op.name}:${ref.output} is not known yet`);
    return known;
  }
  isDynamic(ref: Ref): boolean {
    return this.#fact(ref).dynamic;
  }
  #fact(ref: Ref): OutputFact {
    const carried = this.#given.carried.get(refKey(ref));
    if (carried !== undefined) return { shape: carried.shape, dynamic: false };
    if (ref.node.row === undefined) return { shape: this.#given.feeds[ref.node.feed]!.shape, dynamic: false };
    const variable = variableOf(ref);
    const own = variable === undefined ? undefined : this.variableShapes.get(variable.id);
    if (own !== undefined) return { shape: own, dynamic: false };
    return this.#outputs.get(ref.node)?.[ref.output] ?? { shape: undefined, dynamic: false };
  }

  /** The value of a ref as far as constants, shapes and value feeds decide it; null otherwise. */
  host(ref: Ref): NDArray | null {
    const carried = this.#given.carried.get(refKey(ref));
    if (carried !== undefined) return carried;
    const { node } = ref;
    if (node.row === undefined)
      return this.#given.valueFeeds.has(node.feed) ? this.#given.feeds[node.feed]!.array : null;
    if (node.row.host === undefined || this.#given.ran.has(node)) return null;
    // Inputs first, on a stack of our own: a chain of shape arithmetic can be as long as the graph.
    const stack = [node];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      const pending = this.#host.has(top) ? [] : this.#pending(top);
      if (pending.length > 0) stack.push(...pending);
      else {
        if (!this.#host.has(top)) this.#host.set(top, this.#evaluate(top));
        stack.pop();
      }
    }
    return this.#host.get(node)?.[ref.output] ?? null;
  }
  /** Nodes whose host values must be worked out before this one's. */
  #pending(node: Node): Node[] {
    if (node.row!.hostFromShapes === true) return [];
    return node.inputs
      .map((input) => input.node)
      .filter((input) => input.row?.host !== undefined && !this.#host.has(input) && !this.#given.ran.has(input));
  }
  #evaluate(node: Node): readonly NDArray[] | null {
    const shapes = node.inputs.map((input) => {
      const { shape, dynamic } = this.#fact(input);
      return shape === undefined || dynamic ? UNKNOWN : new TensorShape(shape);
    });
    return node.row!.host!({
      shapes,
      values: node.inputs.map((input) => (node.row!.hostFromShapes === true ? null : this.host(input))),
      outputs: node.op.outputs.map((output) => output.dtype),
      attr: <T extends AttrValue>(name: string) => node.attrs.get(name) as T,
    });
  }

  #visit(node: Node, versions: Versions): void {
    if (node.row === undefined) return;
    const waits =
      node.inputs.some(
        (input) => this.blocked.has(input.node) || (!this.#given.ran.has(input.node) && this.#unknown(input)),
      ) ||
      node.controls.some((control) => this.blocked.has(control)) ||
      // An update waits for the update before it, so that versions stay in order.
      updatedVariables(node).some((variable) => {
        const updates = versions.updatesOf(variable);
        const before = updates[updates.indexOf(node) - 1];
        return before !== undefined && this.blocked.has(before);
      });
    if (waits) {
      this.blocked.add(node);
      return;
    }
    const missing = hostPositions(node)
      .map((i) => node.inputs[i]!)
      .filter((input) => this.host(input) === null);
    if (missing.length > 0) {
      this.wanted.push(...missing);
      this.blocked.add(node);
      return;
    }
    this.#outputs.set(node, this.#shapes(node));
  }
  /** Whether a ref's shape waits for data of this stage. */
  #unknown(ref: Ref): boolean {
    const { shape, dynamic } = this.#fact(ref);
    return dynamic || (shape === undefined && variableOf(ref) === undefined);
  }

  #shapes(node: Node): readonly OutputFact[] {
    const row = node.row!;
    if (row.lower === 'source') return this.#sourceShapes(node);
    const names = Object.keys(row.inputs);
    const counts = row.arity(node.attrs);
    const from = (name: string): number => counts.slice(0, names.indexOf(name)).reduce((sum, count) => sum + count, 0);
    const inputs = node.inputs.map((input) => {
      const { shape } = this.#fact(input);
      return shape === undefined ? UNKNOWN : new TensorShape(shape);
    });
    const context: ShapeContext = {
      inputs,
      shape: (name) => inputs[from(name)]!,
      shapes: (name) => inputs.slice(from(name), from(name) + counts[names.indexOf(name)]!),
      value: (name) => this.host(node.inputs[from(name)]!),
      valueAsShape: (name) => {
        const value = this.host(node.inputs[from(name)]!);
        if (value === null || value.rank === 0) return UNKNOWN;
        return new TensorShape(Array.from(value.data as Int32Array, (dim) => (Number(dim) < 0 ? null : Number(dim))));
      },
      attr: <T extends AttrValue>(name: string) => node.attrs.get(name) as T,
      hasAttr: (name) => node.attrs.has(name),
      planning: true,
    };
    let shapes: readonly TensorShape[];
    try {
      shapes = row.shape(context);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      throw new InvalidArgumentError(error.text, place(node.op));
    }
    if (row.initializes === true) {
      for (const variable of updatedVariables(node)) {
        // Assign without validate_shape: the variable takes the value's shape.
        if (!variable.outputs[0]!.shape.isFullyDefined) this.variableShapes.set(variable.id, inputs[1]!.concrete());
      }
    }
    return shapes.map((shape, i): OutputFact => {
      if (shape.isFullyDefined) {
        // What the graph promised (set_shape, a placeholder's shape) is checked by feeding; here shapes follow from values.
        return { shape: shape.dims as number[], dynamic: false };
      }
      // An op of the host (BroadcastGradientArgs) has the shape of its value.
      const value = this.host({ node, output: i });
      if (value !== null) return { shape: value.shape, dynamic: false };
      if (row.dynamic === true && shape.dims !== null) {
        // Data decides the first dimension; the first input's size bounds it.
        const [, ...rest] = shape.dims;
        if (rest.every((dim) => dim !== null))
          return { shape: [inputs[0]!.numElements!, ...(rest as number[])], dynamic: true };
      }
      if (node.op.outputs[i]!.isRef) return { shape: undefined, dynamic: false };
      throw new InternalError(
        `the shape ${shape} of ${node.op.name}:${i} (${row.type}) is not decided by its inputs`,
        place(node.op),
      );
    });
  }
  #sourceShapes(node: Node): readonly OutputFact[] {
    return node.op.outputs.map((output): OutputFact => {
      if (output.shape.isFullyDefined) return { shape: output.shape.concrete(), dynamic: false };
      return { shape: this.#given.variableShapes.get(node.op.id), dynamic: false };
    });
  }
}

/** An operation's place for an error. */
export const place = (op: Operation) => ({ op: op.type, node: op.name, createdAt: op.place.toString() || undefined });
