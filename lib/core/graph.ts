// Graph, Operation and Tensor: what a program is before it runs.
import type { AttrValue } from './attrs.js';
import type { OpRow } from './defineOp.js';
import { mergeDevices } from './device.js';
import type { DType } from './dtype.js';
import { GraphTypeError, LookupError, RuntimeError, ValueError } from './errors.js';
import { type GraphDef, graphToDef } from './graphDef.js';
import { UserPlace } from './place.js';
import type { ShapeLike, TensorShape } from './shape.js';

const INSPECT = Symbol.for('nodejs.util.inspect.custom');
const OP_NAME = /^[A-Za-z0-9.][A-Za-z0-9_.\\\-/]*$/;
const SCOPE_NAME = /^[A-Za-z0-9_.\\\-/]*$/;

/** One output of an operation: a name for a value that a session computes: `tf.constant(1).add(2).name // 'add:0'`. */
export class Tensor {
  readonly op: Operation;
  /** Position among the operation's outputs. */
  readonly valueIndex: number;
  readonly dtype: DType;
  /** Whether this is a variable's own memory (TensorFlow's `float32_ref`). */
  readonly isRef: boolean;
  #shape: TensorShape;

  constructor(op: Operation, valueIndex: number, dtype: DType, isRef: boolean, shape: TensorShape) {
    this.op = op;
    this.valueIndex = valueIndex;
    this.dtype = dtype;
    this.isRef = isRef;
    this.#shape = shape;
  }

  /** Whether a value is a tensor itself, not a Proxy of one: only that has a tensor's private parts. */
  static is(value: unknown): value is Tensor {
    return typeof value === 'object' && value !== null && #shape in value;
  }

  get graph(): Graph {
    return this.op.graph;
  }
  /** `add:0` */
  get name(): string {
    return `${this.op.name}:${this.valueIndex}`;
  }
  /** The static shape. */
  get shape(): TensorShape {
    return this.#shape;
  }
  get device(): string {
    return this.op.device;
  }
  /** The static shape, under TensorFlow's name. */
  getShape(): TensorShape {
    return this.#shape;
  }
  /** Adds what is known about the shape; ValueError "Shapes (2,) and (3,) are not compatible" where it cannot be. */
  setShape(shape: ShapeLike): void {
    this.#shape = this.#shape.mergeWith(shape);
  }
  /** The operations that take this tensor. */
  consumers(): Operation[] {
    return this.graph.consumersOf(this);
  }
  /** Python's `str`: `Tensor("add:0", shape=(), dtype=float32)`. */
  toString(): string {
    const shape = this.#shape.rank === null ? '' : `, shape=${this.#shape}`;
    const device = this.device === '' ? '' : `, device=${this.device}`;
    return `Tensor("${this.name}"${shape}, dtype=${this.dtype.name}${this.isRef ? '_ref' : ''}${device})`;
  }
  /** Its name: a tensor in an object that is logged as JSON brings no graph with it. */
  toJSON(): string {
    return this.name;
  }
  [INSPECT](): string {
    return `<tf.Tensor '${this.name}' shape=${this.#shape} dtype=${this.dtype.name}${this.isRef ? '_ref' : ''}>`;
  }
  /** A symbolic tensor has no number: TypeError, so that `x + 1` and `x < 2` are not silently strings. */
  [Symbol.toPrimitive](hint: string): string {
    if (hint === 'string') return this.toString();
    // JavaScript does not tell an addition from a text that goes on.
    const use = hint === 'number' ? 'as a JavaScript number' : "with JavaScript's + or ==";
    const text = hint === 'number' ? '' : ' In a text, write String(x).';
    throw new GraphTypeError(
      `Using a \`tf.Tensor\` ${use} is not allowed (${this}). Use its methods (x.add(y), x.less(y)) and a session's value.${text}`,
    );
  }
  [Symbol.iterator](): never {
    throw new GraphTypeError(
      'Tensor objects are only iterable when eager execution is enabled. To iterate over this tensor use tf.unstack.',
    );
  }
}

/** What `Graph.createOperation` takes. */
export interface OperationInit {
  readonly row: OpRow;
  /** A name to make unique, or one that ends in `/` to be taken as it is. */
  readonly name: string;
  readonly inputs: readonly Tensor[];
  readonly attrs: ReadonlyMap<string, AttrValue>;
  readonly outputs: readonly { dtype: DType; isRef: boolean }[];
}

/** A node of the graph: `tf.constant(1).op.type // 'Const'`. */
export class Operation {
  readonly graph: Graph;
  readonly row: OpRow;
  readonly name: string;
  /** Creation number, from 1: what the seed rule calls the op's id. */
  readonly id: number;
  readonly inputs: readonly Tensor[];
  readonly controlInputs: readonly Operation[];
  readonly attrs: ReadonlyMap<string, AttrValue>;
  readonly outputs: readonly Tensor[];
  readonly device: string;
  /** The user's line that created it. */
  readonly place: UserPlace;

  constructor(
    graph: Graph,
    id: number,
    name: string,
    device: string,
    init: OperationInit,
    controlInputs: readonly Operation[],
  ) {
    this.graph = graph;
    this.row = init.row;
    this.id = id;
    this.name = name;
    this.device = device;
    this.inputs = init.inputs;
    this.controlInputs = controlInputs;
    this.attrs = init.attrs;
    this.place = new UserPlace();
    const shapes = init.row.inferShapes(this);
    this.outputs = init.outputs.map(({ dtype, isRef }, i) => new Tensor(this, i, dtype, isRef, shapes[i]!));
  }

  /** TensorFlow's op type, e.g. `MatMul`. */
  get type(): string {
    return this.row.type;
  }
  /** The first output; ValueError where there is none. */
  get output(): Tensor {
    const first = this.outputs[0];
    if (first === undefined) throw new ValueError(`Operation '${this.name}' (type ${this.type}) has no outputs`);
    return first;
  }
  /** An attribute's value; ValueError where the operation has none of that name. */
  attr<T extends AttrValue = AttrValue>(name: string): T {
    const value = this.attrs.get(name);
    if (value === undefined) throw new ValueError(`Operation '${this.name}' has no attr named '${name}'.`);
    return value as T;
  }
  /** Python's `str` of an operation is its NodeDef; here its short form. */
  toString(): string {
    return `<tf.Operation '${this.name}' type=${this.type}>`;
  }
  /** Its name. */
  toJSON(): string {
    return this.name;
  }
  [INSPECT](): string {
    return this.toString();
  }
}

interface ControlScope {
  readonly operations: readonly Operation[];
  readonly seen: Set<Operation>;
}

/** Makes a graph the default one and enters a name scope of it, for a row's call; gives the scope around it. */
export let enterScope: (graph: Graph, name: string) => string | null;
/** Leaves both: `previous` is what `enterScope` gave. */
export let leaveScope: (graph: Graph, previous: string | null) => void;

/**
 * A graph of operations. `graph.asDefault(() => ...)` makes it the one that builders add to.
 *
 * @example
 * const graph = new tf.Graph();
 * graph.asDefault(() => tf.constant(1, 'int32', { name: 'one' }));
 * graph.getOperations().map((op) => op.name) // ['one']
 */
export class Graph {
  readonly #operations: Operation[] = [];
  readonly #byName = new Map<string, Operation>();
  readonly #namesInUse = new Map<string, number>();
  readonly #collections = new Map<string, unknown[]>();
  /** Of the first `#consumed` operations: few programs ask. */
  readonly #consumers = new Map<Tensor, Operation[]>();
  #consumed = 0;
  #nameStack: string | null = null;
  #deviceStack: (string | null)[] = [];
  #controlStack: ControlScope[] = [];
  #colocationStack: Operation[] = [];
  #finalized = false;
  #lastId = 0;
  #seed: number | null = null;

  /** Counts the operations created: a plan made for a smaller graph stays right, because graphs only grow. */
  get version(): number {
    return this.#operations.length;
  }
  get lastId(): number {
    return this.#lastId;
  }
  /** The graph-level random seed; null where `tf.setRandomSeed` was not called. TypeError for what is no whole number. */
  get seed(): number | null {
    return this.#seed;
  }
  set seed(seed: number | null) {
    if (seed !== null && !Number.isInteger(seed)) {
      const given = typeof seed === 'string' ? `'${seed}'` : typeof seed === 'bigint' ? `${seed}n` : String(seed);
      throw new GraphTypeError(`The random seed of a graph is a whole number or null, not ${given}`);
    }
    this.#seed = seed;
  }
  get finalized(): boolean {
    return this.#finalized;
  }
  /** Forbids further operations. */
  finalize(): void {
    this.#finalized = true;
  }
  /** Every operation, in creation order. */
  getOperations(): readonly Operation[] {
    return this.#operations;
  }
  /** TensorFlow's GraphDef in protobuf's JSON form: `graph.asGraphDef().node[0].name`. */
  asGraphDef(): GraphDef {
    return graphToDef(this);
  }
  /** The operation of a name; LookupError where there is none. */
  getOperationByName(name: string): Operation {
    if (typeof name !== 'string')
      throw new GraphTypeError(`Operation names are strings (or similar), not ${kindOf(name)}.`);
    const found = this.#byName.get(name);
    if (found === undefined) throw new LookupError(`The name '${name}' refers to an Operation not in the graph.`);
    return found;
  }
  /** The tensor of a name such as `add:0`; LookupError or ValueError where there is none. */
  getTensorByName(name: string): Tensor {
    if (typeof name !== 'string')
      throw new GraphTypeError(`Tensor names are strings (or similar), not ${kindOf(name)}.`);
    const found = this.asGraphElement(name);
    if (found instanceof Tensor) return found;
    throw new ValueError(
      `The name '${name}' looks like an (invalid) Tensor name, but is an Operation name. Tensor names must be of the form "<op_name>:<output_index>".`,
    );
  }
  /** A tensor (`add:0`) or an operation (`add`) by name. */
  asGraphElement(name: string): Tensor | Operation {
    if (typeof name !== 'string')
      throw new GraphTypeError(`Can not convert a ${kindOf(name)} into a Tensor or Operation.`);
    const match = /^(.*):(\d+)$/.exec(name);
    if (match === null) {
      const found = this.#byName.get(name);
      if (found === undefined) throw new LookupError(`The name '${name}' refers to an Operation not in the graph.`);
      return found;
    }
    const op = this.#byName.get(match[1]!);
    if (op === undefined) {
      throw new LookupError(
        `The name '${name}' refers to a Tensor which does not exist. The operation, '${match[1]}', does not exist in the graph.`,
      );
    }
    const tensor = op.outputs[Number(match[2])];
    if (tensor === undefined) {
      throw new LookupError(
        `The name '${name}' refers to a Tensor which does not exist. The operation, '${match[1]}', exists but only has ${op.outputs.length} outputs.`,
      );
    }
    return tensor;
  }
  consumersOf(tensor: Tensor): Operation[] {
    for (; this.#consumed < this.#operations.length; this.#consumed++) {
      const operation = this.#operations[this.#consumed]!;
      for (const input of operation.inputs) {
        const consumers = this.#consumers.get(input);
        if (consumers === undefined) this.#consumers.set(input, [operation]);
        else if (consumers.at(-1) !== operation) consumers.push(operation);
      }
    }
    return [...(this.#consumers.get(tensor) ?? [])];
  }

  /** A name not used before: `add`, `add_1`, ... inside the current scope. */
  uniqueName(name: string, markAsUsed = true): string {
    const full = this.#nameStack === null ? name : `${this.#nameStack}/${name}`;
    const key = full.toLowerCase();
    let i = this.#namesInUse.get(key) ?? 0;
    if (markAsUsed) this.#namesInUse.set(key, i + 1);
    if (i === 0) return full;
    let candidate = key;
    while (this.#namesInUse.has(candidate)) candidate = `${key}_${i++}`;
    if (markAsUsed) this.#namesInUse.set(candidate, 1);
    return `${full}_${i - 1}`;
  }
  /** The current name scope with its `/`, or ''. */
  getNameScope(): string {
    return this.#nameStack === null ? '' : `${this.#nameStack}/`;
  }
  #enter(name: string | null): void {
    if (name === null || name === '') {
      this.#nameStack = null;
      return;
    }
    if (typeof name !== 'string') throw new GraphTypeError(`A scope's name must be a string, not ${kindOf(name)}`);
    if (!(this.#nameStack === null ? OP_NAME : SCOPE_NAME).test(name))
      throw new ValueError(`'${name}' is not a valid scope name`);
    this.#nameStack = name.endsWith('/') ? name.slice(0, -1) : this.uniqueName(name);
  }
  static {
    enterScope = (graph, name) => {
      const previous = graph.#nameStack;
      graph.#enter(name);
      DEFAULT_STACK.push(graph);
      return previous;
    };
    leaveScope = (graph, previous) => {
      DEFAULT_STACK.pop();
      graph.#nameStack = previous;
    };
  }
  /** Runs `fn` inside a name scope; null or '' leaves every scope; a name ending in `/` re-enters that one. */
  nameScope<R>(name: string | null, fn: (scope: string) => R): R {
    const previous = this.#nameStack;
    this.#enter(name);
    try {
      return synchronous(fn, 'nameScope', this.#nameStack === null ? '' : `${this.#nameStack}/`);
    } finally {
      this.#nameStack = previous;
    }
  }
  /** Runs `fn` with a device; null ignores the outer ones. */
  device<R>(name: string | null, fn: () => R): R {
    if (name !== null && typeof name !== 'string')
      throw new GraphTypeError(`A device must be a string or null, not ${kindOf(name)}`);
    if (name !== null) mergeDevices('', name);
    return this.#pushed(this.#deviceStack, name, fn, 'device');
  }
  /** Runs `fn`, colocating what it creates with `op`. */
  colocateWith<R>(op: Operation, fn: () => R): R {
    if (typeof op?.name !== 'string') throw new GraphTypeError(`colocateWith takes an Operation, not ${kindOf(op)}`);
    return this.#pushed(this.#colocationStack, op, fn, 'colocateWith');
  }
  /** Runs `fn`; every operation it creates runs after `deps`. null forgets the outer dependencies. */
  controlDependencies<R>(deps: readonly (Operation | Tensor)[] | null, fn: () => R): R {
    const previous = this.#controlStack;
    if (deps === null) this.#controlStack = [];
    else {
      if (!Array.isArray(deps)) throw new GraphTypeError('Control inputs must be a list of Operations and Tensors');
      const operations = deps.map((item) => this.#own(item instanceof Tensor ? item.op : item));
      this.#controlStack = [...previous, { operations, seen: new Set(operations) }];
    }
    // Leaving every dependency also leaves the enclosing colocations alone; only the list of operations changes.
    try {
      return synchronous(fn, 'controlDependencies');
    } finally {
      this.#controlStack = previous;
    }
  }
  #pushed<T, R>(stack: T[], item: T, fn: () => R, what: string): R {
    stack.push(item);
    try {
      return synchronous(fn, what);
    } finally {
      stack.pop();
    }
  }
  #own(op: Operation): Operation {
    if (!(op instanceof Operation))
      throw new GraphTypeError(`Control input must be Operation or Tensor, not ${String(op)}`);
    if (op.graph !== this) throw new ValueError(`${op} must be from the same graph as the one it controls.`);
    return op;
  }

  /** Runs `fn` with this graph as the default one. */
  asDefault<R>(fn: (graph: Graph) => R): R {
    DEFAULT_STACK.push(this);
    try {
      return synchronous(fn, 'asDefault', this);
    } finally {
      DEFAULT_STACK.pop();
    }
  }

  addToCollection(name: string, value: unknown): void {
    this.#collections.set(name, [...(this.#collections.get(name) ?? []), value]);
  }
  addToCollections(names: readonly string[], value: unknown): void {
    for (const name of new Set(names)) this.addToCollection(name, value);
  }
  /** A copy of a collection; empty where there is none. */
  getCollection<T = unknown>(name: string, scope?: string): T[] {
    const items = (this.#collections.get(name) ?? []) as T[];
    if (scope === undefined) return [...items];
    const inside = new RegExp(`^(?:${scope})`);
    return items.filter((item) => inside.test((item as { name?: string }).name ?? ''));
  }
  getAllCollectionKeys(): string[] {
    return [...this.#collections.keys()];
  }

  /** Adds an operation: the only way one comes to be. Builders call it through their op's row. */
  createOperation(init: OperationInit): Operation {
    if (this.#finalized) throw new RuntimeError('Graph is finalized and cannot be modified.');
    for (const input of init.inputs) {
      if (input.graph !== this) throw new ValueError(`${input} must be from the same graph as ${init.name}.`);
    }
    if (typeof init.name !== 'string') throw new GraphTypeError(`A name must be a string, not ${kindOf(init.name)}`);
    const asIs = init.name.endsWith('/');
    const name = asIs ? init.name.slice(0, -1) : this.uniqueName(init.name);
    if (!OP_NAME.test(name)) throw new ValueError(`'${name}' is not a valid node name`);
    let device = '';
    for (const inner of this.#deviceStack) {
      if (inner === null) device = '';
      else if (inner !== '') device = mergeDevices(device, inner);
    }
    let placed = init;
    if (this.#colocationStack.length > 0) {
      const groups = new Set<string>();
      for (const op of this.#colocationStack) {
        if (op.device !== '') device = op.device;
        const own = op.attrs.get('_class') as readonly string[] | undefined;
        for (const group of own ?? [`loc:@${op.name}`]) groups.add(group);
      }
      placed = { ...init, attrs: new Map([...init.attrs, ['_class', [...groups].sort()]]) };
    }
    const operation = new Operation(this, this.#lastId + 1, name, device, placed, this.#controlsFor(init.inputs));
    this.#lastId += 1;
    this.#operations.push(operation);
    this.#byName.set(name, operation);
    for (const scope of this.#controlStack) scope.seen.add(operation);
    return operation;
  }
  /** Control inputs a new operation gets; a scope that one of its inputs already waited for is left out, as TensorFlow does. */
  #controlsFor(inputs: readonly Tensor[]): readonly Operation[] {
    if (this.#controlStack.length === 0) return NO_OPERATIONS;
    const controls: Operation[] = [];
    for (const scope of this.#controlStack) {
      if (inputs.some((input) => scope.seen.has(input.op))) continue;
      for (const op of scope.operations) if (!controls.includes(op)) controls.push(op);
    }
    return controls;
  }
  [INSPECT](): string {
    return `<tf.Graph ${this.#operations.length} operations>`;
  }
}

const NO_OPERATIONS: readonly Operation[] = [];

/** Calls the function of a scope. A promise from it is refused: its scope would be gone before it finished. */
const synchronous = <A extends readonly unknown[], R>(fn: (...args: A) => R, what: string, ...args: A): R => {
  if (typeof fn !== 'function') throw new GraphTypeError(`${what} takes a function, not ${kindOf(fn)}`);
  const result = fn(...args);
  if (result instanceof Promise) {
    result.catch(() => undefined);
    throw new GraphTypeError(`${what} takes a synchronous function: the scope ends when the function returns.`);
  }
  return result;
};

const kindOf = (value: unknown): string => (value === null ? 'null' : typeof value);

const DEFAULT_STACK: Graph[] = [new Graph()];

/** The graph that builders add to: `tf.getDefaultGraph() === tf.constant(1).graph // true`. */
export const getDefaultGraph = (): Graph => DEFAULT_STACK.at(-1)!;

/** Replaces the default graph by an empty one; RuntimeError inside `asDefault`. */
export const resetDefaultGraph = (): void => {
  if (DEFAULT_STACK.length > 1) {
    throw new RuntimeError(
      'Do not use tf.resetDefaultGraph() to clear nested graphs. If you need a cleared graph, exit the nesting and create a new graph.',
    );
  }
  DEFAULT_STACK[0] = new Graph();
};
