// One op, one row: inputs, outputs, attributes, shape rule, gradient and lowering, and from them the function that adds the op to a graph.
import { type Arg, BuildShapes, lengthOf, parseArgs } from './args.js';
import { type AttrSpec, type AttrValue, checkAttr } from './attrs.js';
import { convertToTensor, type TensorLike, tensorOf } from './convert.js';
import { type DType, float32, int32 } from './dtype.js';
import { GraphTypeError, ValueError } from './errors.js';
import {
  enterScope,
  type Graph,
  getDefaultGraph,
  leaveScope,
  type Operation,
  type OperationInit,
  type Tensor,
} from './graph.js';
import type { LowerContext } from './lowering.js';
import type { NDArray } from './ndarray.js';
import { type Named, nameIn, type OptionNames } from './options.js';
import type { Dim, TensorShape } from './shape.js';

/**
 * Type of an input or output, as in TensorFlow's OpDef: `T` (a type attribute), `int32` (a dtype), `N*T` (a list of N tensors of type T),
 * `...Tlist` (a list typed by a `list(type)` attribute), `Ref(T)` (a variable's own memory).
 */
export type ArgType = string;
type Args = Readonly<Record<string, ArgType>>;
type IsList<S extends string> = S extends `${string}*${string}` | `...${string}` ? true : false;

/** What a call of a row takes for its inputs. */
export type InputValues<I extends Args> = {
  readonly [K in keyof I]: IsList<I[K]> extends true ? readonly TensorLike[] : TensorLike;
};

/** A gradient: a tensor, something that can become one (IndexedSlices), or null where there is none. */
export type Gradient = Tensor | TensorSource | null;
/** An object that stands for a tensor: a variable, an IndexedSlices. */
export interface TensorSource {
  /** The tensor; with `asRef` the variable's own memory where there is one. */
  asTensor(asRef?: boolean): Tensor;
}

/** An operation as its gradient function sees it: inputs by name. */
export interface OpView<I extends Args> {
  readonly op: Operation;
  readonly inputs: { readonly [K in keyof I]: IsList<I[K]> extends true ? readonly Tensor[] : Tensor };
  readonly outputs: readonly Tensor[];
  attr<T extends AttrValue>(name: string): T;
}
/** The gradients a row returns: one for every input, so a forgotten one does not compile. */
export type InputGradients<I extends Args> = {
  readonly [K in keyof I]: IsList<I[K]> extends true ? readonly Gradient[] : Gradient;
};
/** From the gradients of the outputs (zeros where an output is not connected) to those of the inputs. */
export type GradientFunction<I extends Args> = (dys: readonly Tensor[], view: OpView<I>) => InputGradients<I>;

/** What a shape rule may ask. The same rule runs when the graph is built (much unknown) and when a plan is made (all known). */
export interface ShapeContext {
  readonly inputs: readonly TensorShape[];
  /** Shape of a named input (the first one of a list). */
  shape(input: string): TensorShape;
  shapes(input: string): readonly TensorShape[];
  /** The value of an input where it is known without running. */
  value(input: string): NDArray | null;
  /** The value of an input as a shape, known in part: a size of -1 or an unknown one is null. */
  valueAsShape(input: string): TensorShape;
  attr<T extends AttrValue>(name: string): T;
  hasAttr(name: string): boolean;
  /** True where a plan is made: every input's shape is concrete and the outputs' must be. */
  readonly planning?: boolean;
  /** The operation's name, where a plan is made. */
  readonly node?: string;
}

/** What evaluating an op on the host may ask: shapes of the inputs and values of those that are known. */
export interface HostContext {
  readonly shapes: readonly TensorShape[];
  readonly values: readonly (NDArray | null)[];
  readonly outputs: readonly DType[];
  attr<T extends AttrValue>(name: string): T;
}

/** A row. What is not said here about an op is said nowhere. */
export interface OpDefinition<I extends Args = Args> {
  /** Inputs by TensorFlow's names, in its order. */
  readonly inputs: I;
  /** Outputs by TensorFlow's names; none for an op that only acts. */
  readonly outputs: Args;
  readonly attrs?: Readonly<Record<string, AttrSpec>>;
  /** Static shapes of the outputs, in order. */
  readonly shape: (context: ShapeContext) => readonly TensorShape[];
  /**
   * The gradient. 'none': TensorFlow registers it as not differentiable (null gradients); 'missing': TensorFlow has no gradient for it
   * (LookupError when one is asked for).
   */
  readonly grad: GradientFunction<I> | 'none' | 'missing';
  /**
   * How it runs: a functor's name for an elementwise op (then it fuses), 'alias' for an op whose output is its first input under another shape,
   * 'host' for one that only has a host value, 'source' for what sessions supply (placeholders, variables), or steps.
   */
  readonly lower:
    | { readonly functor: string }
    | 'alias'
    | 'host'
    | 'source'
    | 'nothing'
    | ((context: LowerContext) => void);
  /**
   * Value of the outputs from values and shapes of the inputs; null where it cannot be known. For small integer tensors (shapes, axes). Not
   * asked where no input's value is known, unless it looks at shapes only or there are no inputs.
   */
  readonly host?: (context: HostContext) => readonly NDArray[] | null;
  /** Whether `host` looks at shapes only, never at values (Shape, Size, Rank): a fed value then does not belong to the plan's key. */
  readonly hostFromShapes?: boolean;
  /** The elements of the (small, integer) output as far as they are known, null for an unknown one: what shape rules see through Shape, Pack, Concat. */
  readonly partial?: (op: Operation, of: (tensor: Tensor) => readonly Dim[] | null) => readonly Dim[] | null;
  /** Inputs whose values the shape rule or the lowering needs when a plan is made. */
  readonly hostInputs?: readonly (keyof I & string)[];
  /** Whether running it twice differs from running it once, or it acts: never folded, merged or reordered. */
  readonly stateful?: boolean;
  /** Ref inputs that the op writes. Output refs alias the first of them. */
  readonly updates?: readonly (keyof I & string)[];
  /** Whether the update overwrites the whole variable without reading it (Assign). */
  readonly initializes?: boolean;
  /** Whether its inputs may be variables without a value. */
  readonly takesUninitialized?: boolean;
  /** Whether the first two inputs commute exactly (cse may order them). */
  readonly commutative?: boolean;
  /**
   * Whether data decides the first dimension of an output (Unique, Where): the shape rule leaves it unknown, the number of elements of the first
   * input bounds it, and what needs the real one runs in a next stage.
   */
  readonly dynamic?: boolean;
}

export type { Named };

/** A defined op: its definition, and a call that adds an operation of it to the graph. */
export interface OpRow<I extends Args = Args> extends Readonly<Omit<OpDefinition<I>, 'attrs'>> {
  readonly type: string;
  readonly attrs: Readonly<Record<string, AttrSpec>>;
  /** Adds an operation. Literals become constants named after their input, in the operation's own scope. */
  (inputs: InputValues<I>, attrs?: Readonly<Record<string, AttrValue | undefined>>, options?: Named): Operation;
  /** Adds an operation from tensors as they are: what importing a graph needs. */
  create(graph: Graph, inputs: readonly Tensor[], attrs: ReadonlyMap<string, AttrValue>, name: string): Operation;
  inferShapes(op: Operation): readonly TensorShape[];
  /** Number of tensors in each input, in order. */
  arity(attrs: ReadonlyMap<string, AttrValue>): number[];
  /** The operation with inputs by name. */
  view(op: Operation): OpView<I>;
}

const REGISTRY = new Map<string, OpRow>();
/** The row of an op type; undefined where grafo has none. */
export const findOp = (type: string): OpRow | undefined => REGISTRY.get(type);
/** Every row, by type. */
export const allOps = (): ReadonlyMap<string, OpRow> => REGISTRY;

const isRefArg = ({ isRef }: Arg): boolean => isRef;

type OutputType = OperationInit['outputs'][number];

const optionNames = (specs: Readonly<Record<string, AttrSpec>>): Readonly<Record<string, true>> => {
  const own = Object.keys(specs)
    .filter((name) => /^[a-z]/.test(name) && specs[name]!.default !== undefined)
    .map((name) => name.replace(/_(\w)/g, (_, letter: string) => letter.toUpperCase()));
  return Object.fromEntries(['name', ...own].map((name) => [name, true]));
};

const allowedText = (allowed: readonly DType[]): string => allowed.map((type) => type.name).join(', ');

/**
 * Defines an op. Throws where the type is taken: a row is said once.
 *
 * @param type TensorFlow's op type.
 * @param definition the row.
 */
export const defineOp = <const I extends Args>(type: string, definition: OpDefinition<I>): OpRow<I> => {
  if (REGISTRY.has(type)) throw new ValueError(`Op '${type}' is defined twice`);
  const row = makeRow(type, definition);
  REGISTRY.set(type, row as unknown as OpRow);
  return row;
};

/** A row that no graph knows: of what the compiler puts in the place of operations. */
export const makeRow = <const I extends Args>(type: string, definition: OpDefinition<I>): OpRow<I> => {
  const specs = definition.attrs ?? {};
  let takenNames: Readonly<Record<string, true>> | undefined;
  /** The options of a builder that hands them on as they are: what the row can leave out. */
  const takes = (): OptionNames<Named> => (takenNames ??= optionNames(specs)) as OptionNames<Named>;
  // A program uses a few rows of all that it imports: what a row's texts say is worked out when they are first asked for.
  let inputsParsed: readonly Arg[] | undefined;
  let outputsParsed: readonly Arg[] | undefined;
  const inputArgs = (): readonly Arg[] => (inputsParsed ??= parseArgs(definition.inputs));
  const outputArgs = (): readonly Arg[] => (outputsParsed ??= parseArgs(definition.outputs));

  const arity = (attrs: ReadonlyMap<string, AttrValue>): number[] => inputArgs().map((arg) => lengthOf(arg, attrs));

  const outputTypes = (attrs: ReadonlyMap<string, AttrValue>): OutputType[] => {
    const types: OutputType[] = [];
    for (const arg of outputArgs()) {
      const { isRef } = arg;
      if (arg.typeList) {
        for (const dtype of attrs.get(arg.type) as readonly DType[]) types.push({ dtype, isRef });
        continue;
      }
      const dtype = arg.fixed ?? (attrs.get(arg.type) as DType);
      for (let left = lengthOf(arg, attrs); left > 0; left--) types.push({ dtype, isRef });
    }
    return types;
  };

  const checkAllowed = (arg: Arg, dtype: DType, attr: AttrSpec): void => {
    const allowed = attr.allowed as readonly DType[] | undefined;
    if (allowed !== undefined && !allowed.includes(dtype)) {
      throw new GraphTypeError(
        `Value passed to parameter '${arg.name}' has DataType ${dtype.name} not in list of allowed values: ${allowedText(allowed)}`,
      );
    }
  };

  /** Converts one input and learns the type attribute from it. */
  const convertOne = (
    value: TensorLike,
    arg: Arg,
    attrs: Map<string, AttrValue>,
    learnedFrom: Readonly<Record<string, string>>,
  ): Tensor => {
    const known = arg.fixed ?? (attrs.get(arg.type) as DType | undefined);
    const spec = specs[arg.type];
    const allowed = spec?.allowed as readonly DType[] | undefined;
    const existing = tensorOf(value, arg.isRef);
    if (existing === undefined) {
      if (arg.isRef)
        throw new GraphTypeError(
          `'${type}' Op requires that input '${arg.name}' be a mutable tensor (e.g.: a tf.Variable)`,
        );
      // A literal takes the dtype that is known; otherwise the attribute's default, or float32 where the input admits it.
      const preferred =
        known ??
        (spec?.default as DType | undefined) ??
        (allowed === undefined || allowed.includes(float32) ? undefined : allowed.includes(int32) ? int32 : allowed[0]);
      const made = convertToTensor(value, {
        name: arg.name,
        ...(known === undefined ? { preferredDtype: preferred } : { dtype: known }),
      });
      if (known === undefined && spec !== undefined) checkAllowed(arg, made.dtype, spec);
      return made;
    }
    if (arg.isRef && !existing.isRef) {
      throw new GraphTypeError(
        `'${type}' Op requires that input '${arg.name}' be a mutable tensor (e.g.: a tf.Variable)`,
      );
    }
    if (known !== undefined && existing.dtype !== known) {
      const from = learnedFrom[arg.type];
      throw new GraphTypeError(
        arg.fixed !== undefined
          ? `Input '${arg.name}' of '${type}' Op has type ${existing.dtype.name} that does not match expected type of ${known.name}.`
          : from === undefined
            ? `Input '${arg.name}' of '${type}' Op has type ${existing.dtype.name} that does not match expected type of ${known.name}.`
            : `Input '${arg.name}' of '${type}' Op has type ${existing.dtype.name} that does not match type ${known.name} of argument '${from}'.`,
      );
    }
    if (known === undefined && spec !== undefined) checkAllowed(arg, existing.dtype, spec);
    return existing;
  };

  const call = (
    values: InputValues<I>,
    given: Readonly<Record<string, AttrValue | undefined>> = {},
    options?: Named,
  ): Operation => {
    const name = options === undefined ? undefined : nameIn(options, type, takes());
    let first: Tensor | undefined;
    for (const input of Object.keys(values)) first = commonTensor(values[input], 0, first);
    const graph = first?.graph ?? getDefaultGraph();
    const attrs = new Map<string, AttrValue>();
    for (const name of Object.keys(given)) {
      const value = given[name];
      if (value === undefined) continue;
      const spec = specs[name];
      if (spec === undefined) throw new GraphTypeError(`apply_op() got unexpected keyword arguments: ${name}`);
      attrs.set(name, value);
    }
    // The stack of every operation is kept: no function stands between this one and the caller.
    const previous = enterScope(graph, name ?? type);
    try {
      const scope = graph.getNameScope();
      const tensors: Tensor[] = [];
      const learnedFrom: Record<string, string> = {};
      for (const arg of inputArgs()) {
        const value = values[arg.name] as TensorLike | readonly TensorLike[];
        if (value === undefined) throw new GraphTypeError(`No argument for input '${arg.name}' of '${type}' Op`);
        if (arg.count === undefined && !arg.typeList) {
          const tensor = convertOne(value as TensorLike, arg, attrs, learnedFrom);
          tensors.push(tensor);
          if (arg.fixed === undefined && !attrs.has(arg.type)) {
            attrs.set(arg.type, tensor.dtype);
            learnedFrom[arg.type] = arg.name;
          }
          continue;
        }
        if (!Array.isArray(value))
          throw new GraphTypeError(`Expected list for '${arg.name}' argument to '${type}' Op, not ${String(value)}.`);
        const items = value as readonly TensorLike[];
        if (arg.typeList) {
          const made = items.map(
            (item, i) => tensorOf(item, false) ?? convertToTensor(item, { name: `${arg.name}_${i}` }),
          );
          for (const tensor of made) tensors.push(tensor);
          attrs.set(
            arg.type,
            made.map((tensor) => tensor.dtype),
          );
          continue;
        }
        // A list of one type: the first tensor among the items decides for the literals.
        if (arg.fixed === undefined && !attrs.has(arg.type)) {
          const decided = items.map((item) => tensorOf(item, false)).find((tensor) => tensor !== undefined)?.dtype;
          if (decided !== undefined) attrs.set(arg.type, decided);
        }
        const made: Tensor[] = [];
        items.forEach((item, i) => {
          const tensor = convertOne(item, { ...arg, name: `${arg.name}_${i}` }, attrs, learnedFrom);
          if (arg.fixed === undefined && !attrs.has(arg.type)) attrs.set(arg.type, tensor.dtype);
          made.push(tensor);
        });
        if (arg.fixed === undefined && specs[arg.type] !== undefined && made.length > 0)
          checkAllowed(arg, made[0]!.dtype, specs[arg.type]!);
        if (attrs.has(arg.count!) && attrs.get(arg.count!) !== items.length) {
          throw new ValueError(
            `List argument '${arg.name}' to '${type}' Op with length ${items.length} must match length ${String(attrs.get(arg.count!))} of argument.`,
          );
        }
        const minimum = specs[arg.count!]?.minimum ?? 0;
        if (items.length < minimum) {
          throw new ValueError(
            `List argument '${arg.name}' to '${type}' Op with length ${items.length} shorter than minimum length ${minimum}.`,
          );
        }
        attrs.set(arg.count!, items.length);
        for (const tensor of made) tensors.push(tensor);
      }
      fillAttrs(attrs);
      const init: OperationInit = {
        row: asRow,
        name: scope,
        inputs: tensors,
        attrs: ordered(attrs),
        outputs: outputTypes(attrs),
      };
      // An operation on variables is placed where they are.
      if (!inputArgs().some(isRefArg)) return graph.createOperation(init);
      let create = (): Operation => graph.createOperation(init);
      inputArgs().forEach(({ isRef }, i) => {
        const inner = create;
        if (isRef) create = () => graph.colocateWith(tensors[i]!.op, inner);
      });
      return create();
    } finally {
      leaveScope(graph, previous);
    }
  };

  /** Defaults and checks of the attributes that inputs do not decide. */
  const fillAttrs = (attrs: Map<string, AttrValue>): void => {
    for (const name of Object.keys(specs)) {
      const spec = specs[name]!;
      if (!attrs.has(name)) {
        if (spec.default === undefined) throw new GraphTypeError(`No argument for attr '${name}' of '${type}' Op`);
        attrs.set(name, spec.default);
      }
      checkAttr(type, name, spec, attrs.get(name)!);
      const allowed = spec.type === 'type' ? (spec.allowed as readonly DType[] | undefined) : undefined;
      if (allowed !== undefined && !allowed.includes(attrs.get(name) as DType)) {
        throw new GraphTypeError(
          `Value passed to parameter '${name}' has DataType ${String(attrs.get(name))} not in list of allowed values: ${allowedText(allowed)}`,
        );
      }
    }
  };
  const ordered = (attrs: ReadonlyMap<string, AttrValue>): ReadonlyMap<string, AttrValue> => {
    const given = attrs.keys();
    let same = true;
    for (const name of Object.keys(specs)) same &&= given.next().value === name;
    if (same) return attrs;
    const sorted = new Map<string, AttrValue>();
    for (const name of Object.keys(specs)) sorted.set(name, attrs.get(name)!);
    return sorted;
  };

  const create = (
    graph: Graph,
    inputs: readonly Tensor[],
    attrs: ReadonlyMap<string, AttrValue>,
    name: string,
  ): Operation => {
    const all = new Map(attrs);
    fillAttrs(all);
    return graph.createOperation({ row: asRow, name, inputs, attrs: ordered(all), outputs: outputTypes(all) });
  };

  const inferShapes = (op: Operation): readonly TensorShape[] => {
    const context = new BuildShapes(type, op, inputArgs());
    try {
      return definition.shape(context);
    } catch (error) {
      if (!(error instanceof ValueError)) throw error;
      const computed = context.valued.map(
        ([i, value]) => `input[${i}] = <${Array.from(value.data, String).join(' ')}>`,
      );
      const inputs = context.inputs.map((shape) => shape.toBrackets().replace('<unknown>', '?')).join(', ');
      throw new ValueError(
        `${error.text} for '${op.name}' (op: '${type}') with input shapes: ${inputs}${
          computed.length === 0 ? '' : ` and with computed input tensors: ${computed.join(', ')}`
        }.`,
        { op: type, node: op.name, createdAt: op.place.toString() || undefined },
      );
    }
  };

  const view = (op: Operation): OpView<I> => {
    const counts = arity(op.attrs);
    let next = 0;
    const inputs = Object.fromEntries(
      inputArgs().map((arg, i) => {
        const slice = op.inputs.slice(next, (next += counts[i]!));
        return [arg.name, arg.count === undefined && !arg.typeList ? slice[0]! : slice];
      }),
    ) as OpView<I>['inputs'];
    return { op, inputs, outputs: op.outputs, attr: <T extends AttrValue>(name: string) => op.attr<T>(name) };
  };

  // The same fields in the same order for every row, whatever its definition leaves out, and one by one: a function with as many that
  // Object.assign gave it is a dictionary to V8, larger and slower to ask.
  const row = call as unknown as Record<keyof OpRow, unknown>;
  row.type = type;
  row.attrs = specs;
  row.inputs = definition.inputs;
  row.outputs = definition.outputs;
  row.shape = definition.shape;
  row.grad = definition.grad;
  row.lower = definition.lower;
  row.host = definition.host;
  row.hostFromShapes = definition.hostFromShapes;
  row.partial = definition.partial;
  row.hostInputs = definition.hostInputs;
  row.stateful = definition.stateful;
  row.updates = definition.updates;
  row.initializes = definition.initializes;
  row.takesUninitialized = definition.takesUninitialized;
  row.commutative = definition.commutative;
  row.dynamic = definition.dynamic;
  row.create = create;
  row.inferShapes = inferShapes;
  row.arity = arity;
  row.view = view;
  const asRow = Object.freeze(row) as unknown as OpRow;
  return row as unknown as OpRow<I>;
};

/** `found`, or the first tensor in a value; ValueError where one is of another graph. */
const commonTensor = (value: unknown, depth: number, found: Tensor | undefined): Tensor | undefined => {
  const tensor = value === null || typeof value !== 'object' ? undefined : tensorOf(value, false);
  if (tensor !== undefined) {
    if (found !== undefined && found.graph !== tensor.graph)
      throw new ValueError(`${tensor} must be from the same graph as ${found}.`);
    return found ?? tensor;
  }
  if (!Array.isArray(value) || depth >= 2) return found;
  let first = found;
  for (const item of value) first = commonTensor(item, depth + 1, first);
  return first;
};

/** The graph that the tensors among some values belong to, else the default graph; ValueError where they disagree. */
export const graphOf = (values: readonly (TensorLike | readonly TensorLike[] | undefined)[]): Graph => {
  let found: Tensor | undefined;
  for (const value of values) found = commonTensor(value, 0, found);
  return found?.graph ?? getDefaultGraph();
};
