// getVariable and variableScope: variables by name, shared where a scope says so.
import { convertToTensor, type TensorLike, tensorOf } from '../core/convert.js';
import { asDtype, type DType, type DTypeLike, float32 } from '../core/dtype.js';
import { GraphTypeError, ValueError } from '../core/errors.js';
import { type Graph, getDefaultGraph, type Tensor } from '../core/graph.js';
import { type OptionNames, optionsOf } from '../core/options.js';
import { type ShapeLike, TensorShape } from '../core/shape.js';
import { glorotUniformInitializer, type Initializer, zerosInitializer } from './initializers.js';
import { colocateWith, GraphKeys } from './scopes.js';
import { Variable } from './variable.js';

/** `reuse: AUTO_REUSE`: a variable is made where it is not there yet. */
export const AUTO_REUSE = Symbol.for('grafo.AUTO_REUSE');
/** Whether variables are shared: true (they must exist), false or null (they must not), or AUTO_REUSE. */
export type Reuse = boolean | typeof AUTO_REUSE | null;
/** Adds something to the loss for a variable; null for nothing. */
export type Regularizer = (variable: Variable) => Tensor | null;

/** What a scope says to the variables in it. */
export interface ScopeDefaults {
  readonly initializer?: Initializer | TensorLike | null | undefined;
  readonly regularizer?: Regularizer | null | undefined;
  readonly dtype?: DTypeLike | undefined;
  readonly constraint?: ((value: Variable) => TensorLike) | undefined;
}

/** A variable scope, as `variableScope` gives it to its function. */
export class VariableScope {
  /** The prefix of the variables' names, without `/`. */
  readonly name: string;
  /** The name scope it was first opened with. */
  readonly originalNameScope: string;
  readonly defaults: ScopeDefaults;
  #reuse: Reuse;

  constructor(name: string, originalNameScope: string, reuse: Reuse, defaults: ScopeDefaults) {
    this.name = name;
    this.originalNameScope = originalNameScope;
    this.#reuse = reuse;
    this.defaults = defaults;
  }
  get reuse(): Reuse {
    return this.#reuse;
  }
  /** From here on the variables of this scope must exist already. */
  reuseVariables(): void {
    this.#reuse = true;
  }
  trainableVariables(): Variable[] {
    return this.#collection(GraphKeys.TRAINABLE_VARIABLES);
  }
  globalVariables(): Variable[] {
    return this.#collection(GraphKeys.GLOBAL_VARIABLES);
  }
  #collection(key: string): Variable[] {
    return getDefaultGraph().getCollection<Variable>(key, this.name === '' ? undefined : `${this.name}/`);
  }
}

/** The variables of a graph by name, and its open scopes. */
class Store {
  readonly variables = new Map<string, Variable>();
  /** How often each scope was opened: what makes default names unique. */
  counts = new Map<string, number>();
  current = new VariableScope('', '', false, {});

  opened(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1);
  }
  closeInside(name: string): void {
    for (const key of this.counts.keys()) if (key.startsWith(`${name}/`)) this.counts.set(key, 0);
  }
  uniqueName(prefix: string): string {
    const full = this.current.name === '' ? prefix : `${this.current.name}/${prefix}`;
    if ((this.counts.get(full) ?? 0) === 0) return prefix;
    let i = 1;
    while ((this.counts.get(`${full}_${i}`) ?? 0) > 0) i++;
    return `${prefix}_${i}`;
  }
}
const STORES = new WeakMap<Graph, Store>();
const storeOf = (graph: Graph): Store => {
  let store = STORES.get(graph);
  if (store === undefined) {
    store = new Store();
    STORES.set(graph, store);
  }
  return store;
};

/** Options of `variableScope`. */
export interface VariableScopeOptions extends ScopeDefaults {
  /** Name to make unique where no name is given. */
  readonly defaultName?: string | undefined;
  readonly reuse?: Reuse | undefined;
  /** false: opens no name scope. */
  readonly auxiliaryNameScope?: boolean | undefined;
}

/** The scope that `getVariable` looks into: `tf.getVariableScope().name // ''`. */
export const getVariableScope = (): VariableScope => storeOf(getDefaultGraph()).current;

/**
 * Runs `fn` in a variable scope: `getVariable('w')` inside is named `scope/w`.
 *
 * @param nameOrScope a name below the current scope, a scope to re-enter, or null with `defaultName`.
 * @param options what the scope says to its variables; may be left out.
 * @example tf.variableScope('layer', () => tf.getVariable('w', [2]).name) // 'layer/w:0'
 */
export const variableScope = <R>(
  nameOrScope: string | VariableScope | null,
  options: VariableScopeOptions | ((scope: VariableScope) => R),
  fn?: (scope: VariableScope) => R,
): R => {
  const body = typeof options === 'function' ? options : fn;
  const given = optionsOf('variableScope', VARIABLE_SCOPE, typeof options === 'function' ? {} : options);
  if (typeof body !== 'function') throw new GraphTypeError('variableScope takes a function');
  if (nameOrScope !== null && typeof nameOrScope !== 'string' && !(nameOrScope instanceof VariableScope))
    throw new GraphTypeError('VariableScope: name_or_scope must be a string or VariableScope.');
  const { defaultName } = given;
  if (nameOrScope === null && defaultName === undefined)
    throw new GraphTypeError('If default_name is None then name_or_scope is required');
  const reuse = given.reuse === false ? null : (given.reuse ?? null);
  if (nameOrScope === null && reuse !== null) throw new ValueError('reuse=True cannot be used without a name_or_scope');
  const graph = getDefaultGraph();
  const store = storeOf(graph);
  const outer = store.current;

  const enter = (nameScope: string | undefined): R => {
    const again = nameOrScope instanceof VariableScope ? nameOrScope : undefined;
    const own = typeof nameOrScope === 'string' ? nameOrScope : store.uniqueName(defaultName ?? '');
    const name = again?.name ?? (outer.name === '' ? own : `${outer.name}/${own}`);
    const base = again ?? outer;
    const scope = new VariableScope(
      name,
      again?.originalNameScope ?? nameScope ?? own,
      reuse ?? base.reuse,
      // A constraint is the scope's own; everything else is inherited.
      { ...base.defaults, constraint: undefined, ...defined(given) },
    );
    store.opened(name);
    const entered = again === undefined ? undefined : new Map(store.counts);
    store.current = scope;
    try {
      return body(scope);
    } finally {
      store.current = outer;
      if (entered === undefined) store.closeInside(name);
      else store.counts = entered;
    }
  };

  if (given.auxiliaryNameScope === false) {
    const now = graph.getNameScope();
    return graph.nameScope(now === '' ? null : now, enter);
  }
  const nameScope =
    nameOrScope === null
      ? defaultName!
      : typeof nameOrScope === 'string'
        ? nameOrScope
        : nameOrScope.name.split('/').at(-1)!;
  return nameScope === '' ? enter(undefined) : graph.nameScope(nameScope, enter);
};

const defined = (options: VariableScopeOptions): ScopeDefaults => {
  const { initializer, regularizer, dtype, constraint } = options;
  const all = { initializer, regularizer, dtype, constraint };
  return Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined && value !== null));
};

/** Options of `getVariable`. */
export interface GetVariableOptions extends ScopeDefaults {
  readonly shape?: ShapeLike | undefined;
  readonly trainable?: boolean | undefined;
  readonly collections?: readonly string[] | undefined;
  readonly validateShape?: boolean | undefined;
  readonly reuse?: Reuse | undefined;
  /** See `VariableOptions`. */
  readonly colocated?: boolean | undefined;
}

const DEFAULTS: OptionNames<ScopeDefaults> = { initializer: true, regularizer: true, dtype: true, constraint: true };
const VARIABLE_SCOPE: OptionNames<VariableScopeOptions> = {
  ...DEFAULTS,
  defaultName: true,
  reuse: true,
  auxiliaryNameScope: true,
};
const GET_VARIABLE: OptionNames<GetVariableOptions> = {
  ...DEFAULTS,
  shape: true,
  trainable: true,
  collections: true,
  validateShape: true,
  reuse: true,
  colocated: true,
};

/**
 * The variable of a name in the current scope: made on the first call, found again where the scope reuses.
 * ValueError "Variable v already exists, disallowed. Did you mean to set reuse=True or reuse=tf.AUTO_REUSE in VarScope?".
 *
 * @param shape fully known, unless `initializer` is a value.
 * @param dtype float32 by default; may be left out.
 * @param options initializer (Glorot's uniform for floats, zeros else), dtype, trainable, regularizer ...
 * @example tf.getVariable('w', [2, 3]).name // 'w:0'
 */
export const getVariable = (
  name: string,
  shape?: ShapeLike | GetVariableOptions,
  dtype?: DTypeLike | GetVariableOptions,
  options: GetVariableOptions = {},
): Variable => {
  const all = optionsOf('getVariable', GET_VARIABLE, options, { shape, dtype });
  const graph = getDefaultGraph();
  const store = storeOf(graph);
  const scope = store.current;
  const full = scope.name === '' ? name : `${scope.name}/${name}`;
  return graph.nameScope(null, () => {
    const initializer = all.initializer ?? scope.defaults.initializer ?? null;
    const isValue = initializer !== null && typeof initializer !== 'function';
    if (all.dtype !== undefined && all.initializer != null && typeof all.initializer !== 'function') {
      const own = convertToTensor(all.initializer as TensorLike).dtype;
      if (own !== asDtype(all.dtype))
        throw new ValueError(`Initializer type '${own}' and explicit dtype '${asDtype(all.dtype)}' don't match.`);
    }
    const settings = {
      ...all,
      initializer,
      dtype: asDtype(all.dtype ?? scope.defaults.dtype ?? float32),
      regularizer: all.regularizer ?? scope.defaults.regularizer ?? null,
      constraint: all.constraint ?? scope.defaults.constraint,
    };
    if (all.shape !== undefined && isValue) throw new ValueError('If initializer is a constant, do not specify shape.');
    const wanted = TensorShape.of(all.shape);
    const reuse = all.reuse ?? scope.reuse ?? false;
    const found = store.variables.get(full);
    if (found !== undefined) return shared(full, found, wanted, settings.dtype, reuse);
    if (reuse === true) {
      throw new ValueError(
        `Variable ${full} does not exist, or was not created with tf.get_variable(). Did you mean to set reuse=tf.AUTO_REUSE in VarScope?`,
      );
    }
    const made = create(full, wanted, settings);
    store.variables.set(full, made);
    if (settings.regularizer !== null) regularize(graph, full, made, settings.regularizer);
    return made;
  });
};

const shared = (name: string, found: Variable, shape: TensorShape, dtype: DType, reuse: Reuse): Variable => {
  if (reuse === false) {
    throw new ValueError(
      `Variable ${name} already exists, disallowed. Did you mean to set reuse=True or reuse=tf.AUTO_REUSE in VarScope? Originally defined at:\n\n${found.op.place}`,
    );
  }
  if (!shape.isCompatibleWith(found.shape)) {
    throw new ValueError(
      `Trying to share variable ${name}, but specified shape ${shape} and found shape ${found.shape}.`,
    );
  }
  if (dtype !== found.dtype) {
    throw new ValueError(
      `Trying to share variable ${name}, but specified dtype ${dtype.name} and found dtype ${found.dtype.name}_ref.`,
    );
  }
  return found;
};

const create = (
  name: string,
  shape: TensorShape,
  settings: GetVariableOptions & { readonly initializer: Initializer | TensorLike | null; readonly dtype: DType },
): Variable => {
  const { dtype } = settings;
  const common = {
    name,
    trainable: settings.trainable,
    collections: settings.collections,
    validateShape: settings.validateShape,
    constraint: settings.constraint,
    colocated: settings.colocated,
  };
  const initializer = settings.initializer ?? (dtype.isFloating ? glorotUniformInitializer() : zerosInitializer());
  if (typeof initializer !== 'function') return new Variable(initializer as TensorLike, common);
  const make = initializer as Initializer;
  if (shape.isFullyDefined) return new Variable(() => make(shape.concrete(), dtype), { ...common, dtype });
  if (make.length === 0) return new Variable(() => (make as () => Tensor)(), common);
  throw new ValueError(
    "The initializer passed is not valid. It should be a callable with no arguments and the shape should not be provided or an instance of `tf.keras.initializers.*' and `shape` should be fully defined.",
  );
};

const regularize = (graph: Graph, name: string, made: Variable, regularizer: Regularizer): void => {
  const loss = colocateWith(made, () =>
    graph.nameScope(`${name}/Regularizer/`, () => graph.controlDependencies(null, () => regularizer(made))),
  );
  if (loss !== null && tensorOf(loss) !== undefined) graph.addToCollection(GraphKeys.REGULARIZATION_LOSSES, loss);
};
