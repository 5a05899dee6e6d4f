// Facts: concrete shapes and host values of a program's refs for one set of feeds, and where data stops them (a stage ends there).
import type { AttrValue } from '../core/attrs.js';
import type { ShapeContext } from '../core/defineOp.js';
import {
  FailedPreconditionError,
  GrafoError,
  InternalError,
  InvalidArgumentError,
  OpError,
  UnimplementedError,
} from '../core/errors.js';
import type { Operation } from '../core/graph.js';
import type { NDArray } from '../core/ndarray.js';
import { MAX_RANK, sizeOf, TensorShape, UNKNOWN } from '../core/shape.js';
import { inputRange, isVariableRef, type Node, type Program, type Ref } from './program.js';
import type { FeedValue } from './stage.js';
import { sameShape } from './steps.js';
import { updatedVariables, type Versions, variableOf, versionRef } from './versions.js';

/** What is known of one output: its shape, or undefined while data must decide it. */
export interface OutputFact {
  readonly shape: TensorShape | undefined;
  /** The first dimension is an upper bound. */
  readonly dynamic: boolean;
}

/** What facts start from. */
export interface Given {
  readonly feeds: readonly FeedValue[];
  readonly variableShapes: ReadonlyMap<number, readonly number[]>;
  /** Values that earlier stages computed, by `refKey`. */
  readonly carried: ReadonlyMap<string, NDArray>;
  /** Nodes that earlier stages ran. */
  readonly ran: ReadonlySet<Node>;
}

/** A name for a ref that lasts from one stage to the next. */
export const refKey = (ref: Ref): string =>
  `${ref.node.row === undefined ? 'feed ' : ''}${ref.node.op.id}:${ref.output}`;

/** The value of a ref that an earlier stage computed. */
export const carriedValue = ({ carried }: Given, ref: Ref): NDArray | undefined =>
  carried.size === 0 ? undefined : carried.get(refKey(ref));

/** Positions of the inputs that a row needs as host values, in a node's flat list of inputs. */
export const hostPositions = (node: Node): readonly number[] => {
  if (node.row?.hostInputs === undefined) return NONE;
  return node.row.hostInputs.flatMap((name) => {
    const [from, count] = inputRange(node, name);
    return Array.from({ length: count }, (_, k) => from + k);
  });
};
const NONE: readonly number[] = [];
const NO_REFS: readonly Ref[] = [];
const UNDECIDED: OutputFact = { shape: undefined, dynamic: false };

/** Shapes and host values of one program, worked out node by node in its order. */
export class Facts {
  readonly #given: Given;
  readonly #outputs = new Map<Node, readonly OutputFact[]>();
  readonly #host = new Map<Node, readonly NDArray[] | null>();
  /** Nodes that must wait for values this stage computes. */
  readonly blocked = new Set<Node>();
  /** Refs whose values those nodes need on the host. */
  readonly wanted: Ref[] = [];
  /** Shapes that updates of this stage give to variables that had none or another one. */
  readonly variableShapes = new Map<number, readonly number[]>();
  /** Variables that get another shape where the next stage starts, and the version that has it. */
  readonly resizing = new Map<Operation, number>();

  readonly #program: Program;
  readonly #versions: Versions;
  readonly #feeds: readonly OutputFact[];

  constructor(program: Program, given: Given, versions: Versions) {
    this.#given = given;
    this.#program = program;
    this.#versions = versions;
    this.#feeds = given.feeds.map((feed) => ({ shape: new TensorShape(feed.shape), dynamic: false }));
    for (const node of program.nodes) {
      if (node.row === undefined) checkSize(node.op, given.feeds[node.feed]!.shape);
      if (!given.ran.has(node)) this.#visit(node);
    }
  }

  /** What is known of the shapes of a node's inputs, for an error: `x [2,3], W [4,5]`. */
  describe(node: Node): string | undefined {
    if (node.inputs.length === 0) return undefined;
    const shapes = this.#inputShapes(node);
    return node.inputs
      .slice(0, 8)
      .map((input, i) => `${input.node.op.name} ${shapes[i]!.toBrackets()}`)
      .join(', ');
  }
  /** An error of a row, with the operation's place and shapes. */
  located(node: Node, error: unknown): unknown {
    if (!(error instanceof GrafoError) || error.node !== undefined) return error;
    const where = { ...place(node.op), shapes: this.describe(node) };
    const Kind = (error instanceof OpError ? error.constructor : InvalidArgumentError) as typeof InvalidArgumentError;
    return new Kind(error.text, where);
  }

  /** The shape of a variable's memory; one that nothing gave a shape yet is not initialised, and any will do. */
  variableShape(source: Node): readonly number[] {
    return (this.#fact({ node: source, output: 0 }).shape?.dims as readonly number[] | undefined) ?? [];
  }
  shape(ref: Ref): readonly number[] {
    const known = this.#fact(ref).shape?.dims as readonly number[] | undefined;
    if (known === undefined) throw new InternalError(`the shape of ${ref.node.op.name}:${ref.output} is not known yet`);
    return known;
  }
  isDynamic(ref: Ref): boolean {
    return this.#fact(ref).dynamic;
  }
  #fact(ref: Ref): OutputFact {
    const carried = this.#carried(ref);
    if (carried !== undefined) return { shape: new TensorShape(carried.shape), dynamic: false };
    if (ref.node.row === undefined) return this.#feeds[ref.node.feed]!;
    if (this.variableShapes.size > 0) {
      const variable = variableOf(ref);
      const own = variable === undefined ? undefined : this.variableShapes.get(variable.id);
      if (own !== undefined) return { shape: new TensorShape(own), dynamic: false };
    }
    const made = this.#outputs.get(ref.node)?.[ref.output];
    if (made !== undefined) return made;
    // A variable that an earlier stage read: its shape is the one it has had since.
    const variable = variableOf(ref);
    if (variable === undefined) return UNDECIDED;
    return this.#startShape(variable);
  }
  /** A variable's shape as a stage finds it: the one it was given last, else the one it was declared with. */
  #startShape(variable: Operation): OutputFact {
    const now = this.#given.variableShapes.get(variable.id);
    if (now !== undefined) return { shape: new TensorShape(now), dynamic: false };
    const declared = variable.outputs[0]!.shape;
    return declared.isFullyDefined ? { shape: declared, dynamic: false } : UNDECIDED;
  }
  #carriedVersion(variable: Operation, version: number): NDArray | undefined {
    return this.#carried(versionRef(variable, version));
  }
  #carried(ref: Ref): NDArray | undefined {
    return carriedValue(this.#given, ref);
  }
  #inputShapes(node: Node): TensorShape[] {
    return node.inputs.map((input) => {
      const older = this.#given.carried.size === 0 ? undefined : this.#olderRead(node, input);
      if (older !== undefined) return new TensorShape(older.shape);
      const { shape, dynamic } = this.#fact(input);
      return shape === undefined || dynamic ? UNKNOWN : shape;
    });
  }
  /** The value of a variable that was carried over for a node's input, as it has moved on. */
  #olderRead(node: Node, input: Ref): NDArray | undefined {
    const variable = variableOf(input);
    if (variable === undefined || updatedVariables(node).includes(variable)) return undefined;
    return this.#carriedVersion(variable, this.#versions.read(node, variable));
  }

  /** The value of a ref as far as constants, shapes and value feeds decide it; null otherwise. */
  host(ref: Ref): NDArray | null {
    const carried = this.#carried(ref);
    if (carried !== undefined) return carried;
    const { node } = ref;
    if (node.row === undefined) return this.#given.feeds[node.feed]!.array;
    if (node.row.host === undefined) return null;
    const known = this.#host.get(node);
    if (known !== undefined) return known?.[ref.output] ?? null;
    if (this.#given.ran.has(node)) return null;
    // Inputs first, on a stack of our own: a chain of shape arithmetic can be as long as the graph.
    const stack = [node];
    while (stack.length > 0) {
      const top = stack.at(-1)!;
      if (!this.#host.has(top)) {
        const waiting = stack.length;
        this.#pushPending(top, stack);
        if (stack.length > waiting) continue;
        this.#host.set(top, this.#evaluate(top));
      }
      stack.pop();
    }
    return this.#host.get(node)?.[ref.output] ?? null;
  }
  /** Pushes the nodes whose host values must be worked out before this one's. */
  #pushPending(node: Node, stack: Node[]): void {
    if (node.row!.hostFromShapes === true) return;
    for (const { node: input } of node.inputs)
      if (input.row?.host !== undefined && !this.#host.has(input) && !this.#given.ran.has(input)) stack.push(input);
  }
  #evaluate(node: Node): readonly NDArray[] | null {
    const row = node.row!;
    let isAsked = row.hostFromShapes === true || node.inputs.length === 0;
    const values = node.inputs.map((input) => {
      const value = row.hostFromShapes === true ? null : this.host(input);
      isAsked ||= value !== null;
      return value;
    });
    if (!isAsked) return null;
    try {
      return row.host!({
        shapes: this.#inputShapes(node),
        values,
        outputs: node.op.outputs.map((output) => output.dtype),
        attr: <T extends AttrValue>(name: string) => node.attrs.get(name) as T,
      });
    } catch (error) {
      throw this.located(node, error);
    }
  }

  #visit(node: Node): void {
    if (node.row === undefined) return;
    if (this.#waits(node)) {
      this.blocked.add(node);
      return;
    }
    const positions = hostPositions(node);
    const missing =
      positions.length === 0
        ? NO_REFS
        : positions.map((i) => node.inputs[i]!).filter((input) => this.host(input) === null);
    if (missing.length > 0) {
      for (const ref of missing) this.wanted.push(ref);
      this.blocked.add(node);
      return;
    }
    this.#checkInitialized(node);
    const shapes = this.#shapes(node);
    if (node.row.initializes === true && !this.#takesShape(node)) this.blocked.add(node);
    else this.#outputs.set(node, shapes);
  }
  /** Whether a node needs what only a later stage has. */
  #waits(node: Node): boolean {
    for (const input of node.inputs)
      if (this.blocked.has(input.node) || (this.#unknown(input) && !this.#given.ran.has(input.node))) return true;
    for (const control of node.controls) if (this.blocked.has(control)) return true;
    if (node.row!.updates === undefined) return false;
    // An update waits for the update before it, so that versions stay in order.
    return updatedVariables(node).some((variable) => {
      const updates = this.#versions.updatesOf(variable);
      const before = updates[updates.indexOf(node) - 1];
      return before !== undefined && this.blocked.has(before);
    });
  }
  /**
   * Gives an assigned variable its value's shape. A stage knows one shape of a variable: where an older value of another shape is
   * wanted, the assignment waits for the next stage, and the older value is carried over.
   */
  #takesShape(update: Node): boolean {
    const [variable] = updatedVariables(update);
    const ref = update.inputs[0]!;
    const before = this.#fact(ref).shape?.dims as readonly number[] | undefined;
    const after = this.#inputShapes(update)[1]!.concrete();
    if (before !== undefined && sameShape(before, after)) return true;
    const made = this.#versions.made(update, variable!);
    if (before !== undefined && this.#wantsBefore(variable!, made, update)) {
      this.resizing.set(variable!, made);
      return false;
    }
    this.variableShapes.set(variable!.id, after);
    return true;
  }
  /** A variable without a shape was never assigned: what needs its shape needs its value. */
  #checkInitialized(node: Node): void {
    const row = node.row!;
    if (row.takesUninitialized === true) return;
    for (let i = row.initializes === true ? 1 : 0; i < node.inputs.length; i++) {
      if (this.#fact(node.inputs[i]!).shape !== undefined) continue;
      // A plain read is its consumers'.
      if (row.updates === undefined && variableOf({ node, output: 0 }) !== undefined) return;
      const variable = variableOf(node.inputs[i]!)!;
      throw new FailedPreconditionError(`Attempting to use uninitialized value ${variable.name}`, place(variable));
    }
  }
  /** Whether something of this stage wants a variable before an update, other than the update itself. */
  #wantsBefore(variable: Operation, made: number, update: Node): boolean {
    const wants = (read: number): boolean => read < made && this.#carriedVersion(variable, read) === undefined;
    const { nodes, fetches } = this.#program;
    const isReader = (node: Node): boolean =>
      node !== update &&
      !this.#given.ran.has(node) &&
      node.inputs.some((input) => variableOf(input) === variable) &&
      // A plain read is its consumers'.
      (node.row?.updates !== undefined || variableOf({ node, output: 0 }) === undefined);
    return (
      nodes.some((node) => isReader(node) && wants(this.#versions.read(node, variable))) ||
      fetches.some((ref) => variableOf(ref) === variable && wants(this.#versions.fetched(ref, variable)))
    );
  }
  /** Whether a ref's shape waits for data of this stage. */
  #unknown(ref: Ref): boolean {
    const { shape, dynamic } = this.#fact(ref);
    return dynamic || (shape === undefined && variableOf(ref) === undefined);
  }

  #shapes(node: Node): readonly OutputFact[] {
    const row = node.row!;
    if (row.lower === 'source') return this.#sourceShapes(node);
    const context = new PlanShapes(this, node, this.#inputShapes(node));
    const { inputs } = context;
    let shapes: readonly TensorShape[];
    try {
      shapes = row.shape(context);
      for (const { dims } of shapes) if (dims !== null) checkSize(node.op, dims);
    } catch (error) {
      throw this.located(node, error);
    }
    return shapes.map((shape, i): OutputFact => {
      if (shape.isFullyDefined) {
        // What the graph promised (set_shape, a placeholder's shape) is checked by feeding; here shapes follow from values.
        return { shape, dynamic: false };
      }
      // An op of the host (BroadcastGradientArgs) has the shape of its value.
      const value = this.host({ node, output: i });
      if (value !== null) return { shape: new TensorShape(value.shape), dynamic: false };
      if (row.dynamic === true && shape.dims !== null) {
        // Data decides the first dimension; the first input's size bounds it.
        const [, ...rest] = shape.dims;
        if (rest.every((dim) => dim !== null))
          return { shape: new TensorShape([inputs[0]!.numElements!, ...rest]), dynamic: true };
      }
      if (variableOf({ node, output: i }) !== undefined) return UNDECIDED;
      throw new InternalError(
        `the shape ${shape} of ${node.op.name}:${i} (${row.type}) is not decided by its inputs`,
        place(node.op),
      );
    });
  }
  #sourceShapes(node: Node): readonly OutputFact[] {
    if (isVariableRef({ node, output: 0 })) return [this.#startShape(node.op)];
    return node.op.outputs.map(
      ({ shape }): OutputFact => (shape.isFullyDefined ? { shape, dynamic: false } : UNDECIDED),
    );
  }
}

/** What a shape rule asks while a plan is made. */
class PlanShapes implements ShapeContext {
  readonly inputs: readonly TensorShape[];
  readonly planning = true;
  readonly #facts: Facts;
  readonly #node: Node;

  constructor(facts: Facts, node: Node, inputs: readonly TensorShape[]) {
    this.#facts = facts;
    this.#node = node;
    this.inputs = inputs;
  }
  get node(): string {
    return this.#node.op.name;
  }
  shape(name: string): TensorShape {
    return this.inputs[inputRange(this.#node, name)[0]]!;
  }
  shapes(name: string): readonly TensorShape[] {
    const [from, count] = inputRange(this.#node, name);
    return this.inputs.slice(from, from + count);
  }
  value(name: string): NDArray | null {
    return this.#facts.host(this.#node.inputs[inputRange(this.#node, name)[0]]!);
  }
  valueAsShape(name: string): TensorShape {
    const value = this.value(name);
    if (value === null || value.rank === 0) return UNKNOWN;
    return new TensorShape(Array.from(value.data as Int32Array, (dim) => (Number(dim) < 0 ? null : Number(dim))));
  }
  attr<T extends AttrValue>(name: string): T {
    return this.#node.attrs.get(name) as T;
  }
  hasAttr(name: string): boolean {
    return this.#node.attrs.has(name);
  }
}

/** Refuses what no tensor can be: more dimensions than the engine counts, more elements than a number does. */
const checkSize = (op: Operation, dims: readonly (number | null)[]): void => {
  if (dims.length <= MAX_RANK && (dims.includes(null) || Number.isSafeInteger(sizeOf(dims as readonly number[]))))
    return;
  const text = `[${dims.map((dim) => dim ?? '?').join(',')}]`;
  throw dims.length > MAX_RANK
    ? new UnimplementedError(`Tensors of more than ${MAX_RANK} dimensions are not supported: shape ${text}`, place(op))
    : new InvalidArgumentError(`Shape ${text} would have more than 2**53 - 1 elements`, place(op));
};

/** An operation's place for an error. */
export const place = (op: Operation) => ({ op: op.type, node: op.name, createdAt: op.place.toString() || undefined });
