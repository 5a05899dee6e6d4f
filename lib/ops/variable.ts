// Variables: values that live in a session from run to run.
import type { TensorLike } from '../core/convert.js';
import { convertToTensor, tensorOf } from '../core/convert.js';
import type { TensorSource } from '../core/defineOp.js';
import { asDtype, type DType, type DTypeLike } from '../core/dtype.js';
import { GraphTypeError, ValueError } from '../core/errors.js';
import { type Graph, getDefaultGraph, type Operation, type Tensor } from '../core/graph.js';
import type { IndexedSlices } from '../core/indexedSlices.js';
import type { ArrayLike, NDArray } from '../core/ndarray.js';
import { type OptionNames, optionsOf } from '../core/options.js';
import type { ShapeLike, TensorShape } from '../core/shape.js';
import { TensorShape as Shape, UNKNOWN } from '../core/shape.js';
import { identity } from './array.js';
import { type IndexMethods, installIndexing } from './indexing.js';
import { safeInitialValue } from './initialValue.js';
import { installOperators, type OperatorMethods } from './methods.js';
import { colocateWith, GraphKeys, opScope } from './scopes.js';
import {
  ASSIGN,
  type AssignOptions,
  assign,
  assignAdd,
  assignSub,
  isVariableInitialized,
  scatterAdd,
  scatterDiv,
  scatterMax,
  scatterMin,
  scatterMul,
  scatterSub,
  scatterUpdate,
  UPDATE,
  type UpdateOptions,
  variableV2,
} from './state.js';

/** What a variable starts from: a value, or a function that makes one (inside the variable's own scope). */
export type InitialValue = TensorLike | (() => TensorLike);

/** Options of `Variable`. */
export interface VariableOptions {
  /** Whether optimizers train it (true). */
  readonly trainable?: boolean | undefined;
  /** Collections it is added to; by default the global variables. */
  readonly collections?: readonly string[] | undefined;
  /** false: the shape may change with every assignment. */
  readonly validateShape?: boolean | undefined;
  readonly name?: string | undefined;
  readonly dtype?: DTypeLike | undefined;
  readonly shape?: ShapeLike | undefined;
  /** Taken and ignored, as in TensorFlow. */
  readonly expectedShape?: ShapeLike | undefined;
  /** Where reads are copied to. */
  readonly cachingDevice?: string | undefined;
  /** Applied to the variable after each step of an optimizer. */
  readonly constraint?: ((value: Variable) => TensorLike) | undefined;
  /** Whether the initial value is placed with another operation already (an optimizer's slots). */
  readonly colocated?: boolean | undefined;
}

const OPTIONS: OptionNames<VariableOptions> = {
  trainable: true,
  collections: true,
  validateShape: true,
  name: true,
  dtype: true,
  shape: true,
  expectedShape: true,
  cachingDevice: true,
  constraint: true,
  colocated: true,
};

/** What `Variable.load` needs of a session. */
export interface Runner {
  runSync(fetches: Operation, feeds: ReadonlyMap<Tensor, ArrayLike>): unknown;
}

/** Where `load` finds the default session; sessions install it, because ops know none. */
const defaultRunner: { get: () => Runner | undefined } = { get: () => undefined };
export const installDefaultRunner = (get: () => Runner | undefined): void => {
  defaultRunner.get = get;
};

/** What stands second: the options, or whether it is trainable; a dtype in that place is a common slip, and is the dtype. */
const variableOptions = (given: VariableOptions | boolean | DTypeLike | null, more: VariableOptions): VariableOptions =>
  optionsOf('Variable', OPTIONS, more, typeof given === 'boolean' ? { trainable: given } : { dtype: given });

/** A method's options: TensorFlow's methods do not lock. */
const unlocked = <O extends UpdateOptions>(what: string, names: OptionNames<O>, options: O): O => ({
  useLocking: false,
  ...optionsOf(what, names, options),
});

/**
 * A value that lives in a session from run to run, and the operations that make (`initializer`), read and change it.
 *
 * @example String(new tf.Variable([0.5], { name: 'W' })) // "<tf.Variable 'W:0' shape=(1,) dtype=float32_ref>"
 */
// biome-ignore lint/suspicious/noUnsafeDeclarationMerging: the methods are installed below.
export class Variable implements TensorSource {
  readonly trainable: boolean;
  readonly initialValue: Tensor;
  /** The operation that gives it its initial value. */
  readonly initializer: Operation;
  readonly constraint: ((value: Variable) => TensorLike) | undefined;
  readonly #ref: Tensor;
  readonly #snapshot: Tensor;

  /**
   * @param initialValue a value with a fully known shape, or a function that makes it; ValueError where there is none.
   * @param options the options; or, as TensorFlow's second argument, whether it is trainable; or its dtype.
   */
  constructor(
    initialValue: InitialValue,
    given: VariableOptions | boolean | DTypeLike = {},
    more: VariableOptions = {},
  ) {
    const options = variableOptions(given, more);
    if (initialValue === undefined || initialValue === null) throw new ValueError('initial_value must be specified.');
    if (options.constraint !== undefined && typeof options.constraint !== 'function')
      throw new ValueError('The `constraint` argument must be a callable.');
    const { validateShape = true, trainable = true } = options;
    this.trainable = trainable;
    this.constraint = options.constraint;
    const wanted = options.collections ?? [GraphKeys.GLOBAL_VARIABLES];
    if (!Array.isArray(wanted)) {
      throw new ValueError(
        `collections argument to Variable constructor must be a list, tuple, or set. Got ${String(wanted)} of type ${typeof wanted}`,
      );
    }
    const collections =
      trainable && !wanted.includes(GraphKeys.TRAINABLE_VARIABLES)
        ? [...wanted, GraphKeys.TRAINABLE_VARIABLES]
        : wanted;
    const dtype = options.dtype === undefined ? undefined : asDtype(options.dtype);
    const make = typeof initialValue === 'function' ? (initialValue as () => TensorLike) : undefined;
    const source = make === undefined ? [initialValue as TensorLike] : [];
    const graph = source.map((value) => tensorOf(value)?.graph).find((one) => one !== undefined) ?? getDefaultGraph();
    const made = graph.asDefault(() =>
      graph.controlDependencies(null, () =>
        opScope(options.name, 'Variable', source, (scope) => {
          const trueName = scope.slice(0, -1);
          const shapeOf = (value: Tensor): TensorShape =>
            options.shape !== undefined ? Shape.of(options.shape) : validateShape ? value.shape : UNKNOWN;
          const build = (): { initial: Tensor; ref: Tensor } => {
            const initial =
              make === undefined
                ? convertToTensor(initialValue as TensorLike, { name: 'initial_value', dtype })
                : graph.nameScope('Initializer', () =>
                    graph.device(null, () => convertToTensor(make(), { name: 'initial_value', dtype })),
                  );
            return { initial, ref: variableV2(shapeOf(initial), initial.dtype, { name: scope }) };
          };
          const { initial, ref } =
            make === undefined || options.colocated === true ? build() : graph.colocateWith(groupOf(trueName), build);
          if (validateShape && !initial.shape.isFullyDefined)
            throw new ValueError(`initial_value must have a shape specified: ${initial}`);
          const initializer = assign(ref, safeInitialValue(scope, initial), {
            validateShape,
            name: undefined,
          }).op;
          const snapshot =
            options.cachingDevice !== undefined
              ? graph.device(options.cachingDevice, () => identity(ref, { name: 'read' }))
              : colocateWith(ref, () => identity(ref, { name: 'read' }));
          return { initial, ref, initializer, snapshot };
        }),
      ),
    );
    this.initialValue = made.initial;
    this.initializer = made.initializer;
    this.#ref = made.ref;
    this.#snapshot = made.snapshot;
    graph.addToCollections(collections, this);
  }

  get name(): string {
    return this.#ref.name;
  }
  get op(): Operation {
    return this.#ref.op;
  }
  get graph(): Graph {
    return this.#ref.graph;
  }
  get device(): string {
    return this.#ref.device;
  }
  get dtype(): DType {
    return this.#ref.dtype;
  }
  get shape(): TensorShape {
    return this.#ref.shape;
  }
  getShape(): TensorShape {
    return this.#ref.shape;
  }
  setShape(shape: ShapeLike): void {
    this.#ref.setShape(shape);
    this.#snapshot.setShape(shape);
  }
  /** The value as every op reads it: the `read` operation made with the variable. */
  value(): Tensor {
    return this.#snapshot;
  }
  /** A new operation that reads the value, under the dependencies around it. */
  readValue(): Tensor {
    return identity(this.#ref, { name: 'read' });
  }
  asTensor(asRef = false): Tensor {
    return asRef ? this.#ref : this.#snapshot;
  }
  /** The initial value, for the initial values of other variables: the same in one run of their initializers. */
  initializedValue(): Tensor {
    return this.initialValue;
  }
  /** Gives it a value; the result is its memory after that. */
  assign(value: TensorLike, options: AssignOptions = {}): Tensor {
    return assign(this.#ref, value, unlocked('assign', ASSIGN, options));
  }
  /** Adds to it in place. */
  assignAdd(delta: TensorLike, options: UpdateOptions = {}): Tensor {
    return assignAdd(this.#ref, delta, unlocked('assignAdd', UPDATE, options));
  }
  /** Subtracts from it in place. */
  assignSub(delta: TensorLike, options: UpdateOptions = {}): Tensor {
    return assignSub(this.#ref, delta, unlocked('assignSub', UPDATE, options));
  }
  /** Replaces the rows of an `IndexedSlices`. */
  scatterUpdate(delta: IndexedSlices, options: UpdateOptions = {}): Tensor {
    return scatterUpdate(this.#ref, delta.indices, delta.values, unlocked('scatterUpdate', UPDATE, options));
  }
  scatterAdd(delta: IndexedSlices, options: UpdateOptions = {}): Tensor {
    return scatterAdd(this.#ref, delta.indices, delta.values, unlocked('scatterAdd', UPDATE, options));
  }
  scatterSub(delta: IndexedSlices, options: UpdateOptions = {}): Tensor {
    return scatterSub(this.#ref, delta.indices, delta.values, unlocked('scatterSub', UPDATE, options));
  }
  scatterMul(delta: IndexedSlices, options: UpdateOptions = {}): Tensor {
    return scatterMul(this.#ref, delta.indices, delta.values, unlocked('scatterMul', UPDATE, options));
  }
  scatterDiv(delta: IndexedSlices, options: UpdateOptions = {}): Tensor {
    return scatterDiv(this.#ref, delta.indices, delta.values, unlocked('scatterDiv', UPDATE, options));
  }
  scatterMin(delta: IndexedSlices, options: UpdateOptions = {}): Tensor {
    return scatterMin(this.#ref, delta.indices, delta.values, unlocked('scatterMin', UPDATE, options));
  }
  scatterMax(delta: IndexedSlices, options: UpdateOptions = {}): Tensor {
    return scatterMax(this.#ref, delta.indices, delta.values, unlocked('scatterMax', UPDATE, options));
  }
  /** Whether it has a value in the session: a bool scalar. */
  isInitialized(): Tensor {
    return isVariableInitialized(this.#ref);
  }
  /** Sets the value in a session (by default the default one) without adding to the graph. */
  load(value: ArrayLike, session: Runner | undefined = defaultRunner.get()): void {
    if (session === undefined) {
      throw new ValueError('Either session argument should be provided or default session should be established');
    }
    session.runSync(this.initializer, new Map([[this.initializer.inputs[1]!, value]]));
  }
  /** The value in the default session, or in `session`. */
  eval(feeds?: unknown, session?: unknown): NDArray {
    return (this.#ref as unknown as { eval(feeds?: unknown, session?: unknown): NDArray }).eval(feeds, session);
  }
  toString(): string {
    return `<tf.Variable '${this.name}' shape=${this.shape} dtype=${this.dtype.name}_ref>`;
  }
  /** Its name. */
  toJSON(): string {
    return this.name;
  }
  [Symbol.for('nodejs.util.inspect.custom')](): string {
    return this.toString();
  }
  [Symbol.toPrimitive](hint: string): string {
    return hint === 'string' ? this.toString() : this.#snapshot[Symbol.toPrimitive](hint);
  }
  [Symbol.iterator](): never {
    throw new GraphTypeError("'Variable' object is not iterable.");
  }
}

export interface Variable extends OperatorMethods, IndexMethods {}
installOperators(Variable.prototype);
installIndexing(Variable.prototype);

/** Stands for an operation that is not there yet, as far as colocation needs one. */
const groupOf = (name: string): Operation => ({ name, device: '', attrs: new Map() }) as unknown as Operation;

/** Makes further methods of Tensor's work on variables, on the tensor of their value. Names that Variable has stay its own. */
export const installOnVariable = (names: readonly string[]): void => {
  for (const name of names) {
    if (name in Variable.prototype) continue;
    Object.defineProperty(Variable.prototype, name, {
      configurable: true,
      writable: true,
      value(this: Variable, ...args: readonly unknown[]): unknown {
        const tensor = this.value() as unknown as Record<string, (...given: readonly unknown[]) => unknown>;
        return tensor[name]!(...args);
      },
    });
  }
};

/** `new tf.Variable(...)` as a function. */
export const variable = (initialValue: InitialValue, options: VariableOptions = {}): Variable =>
  new Variable(initialValue, options);
