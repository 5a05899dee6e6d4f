// What optimizers share: gradients of the loss, slots beside the variables, and the operation that applies them.
import { convertToTensor, needValue, type TensorLike, tensorOf } from '../core/convert.js';
import { type DType, FLOATS } from '../core/dtype.js';
import { GraphTypeError, RuntimeError, ValueError } from '../core/errors.js';
import { type Graph, getDefaultGraph, type Operation, type Tensor } from '../core/graph.js';
import { IndexedSlices } from '../core/indexedSlices.js';
import { type OptionNames, optionsOf } from '../core/options.js';
import { type AggregationMethodValue, gradients } from '../grad/gradients.js';
import { zeros } from '../ops/array.js';
import { shape as shapeTensor } from '../ops/arrayShape.js';
import { group, tuple } from '../ops/control.js';
import { unique, unsortedSegmentSum } from '../ops/gather.js';
import { get } from '../ops/indexing.js';
import { zerosInitializer } from '../ops/initializers.js';
import { colocateWith, controlDependencies, GraphKeys } from '../ops/scopes.js';
import { assignAdd } from '../ops/state.js';
import { Variable } from '../ops/variable.js';
import { getVariable, variableScope } from '../ops/variableScope.js';
import { trainableVariables } from '../ops/variables.js';
import { assertGlobalStep } from './globalStep.js';

/** A gradient: dense, or some rows. */
export type Gradient = Tensor | IndexedSlices;
/** A gradient (null where the loss does not depend on the variable) and its variable. */
export type GradientAndVariable = readonly [Gradient | TensorLike | null, Variable];
/** A number, a tensor, or a function that gives one when the update is built. */
export type Hyperparameter = TensorLike | (() => TensorLike);

/** Options of `computeGradients`. */
export interface ComputeGradientsOptions {
  /** The variables to train; by default every trainable one. */
  readonly varList?: readonly Variable[] | undefined;
  /** `Optimizer.GATE_NONE`, `GATE_OP` (the default) or `GATE_GRAPH`: how many gradients have to be there before one is used. */
  readonly gateGradients?: 0 | 1 | 2 | undefined;
  readonly aggregationMethod?: AggregationMethodValue | undefined;
  readonly colocateGradientsWithOps?: boolean | undefined;
  /** The gradient of the loss; ones by default. */
  readonly gradLoss?: TensorLike | undefined;
}
/** Options of `applyGradients`. */
export interface ApplyGradientsOptions {
  /** An integer variable that counts the steps. */
  readonly globalStep?: Variable | Tensor | undefined;
  /** Name of the operation; by default the optimizer's. */
  readonly name?: string | undefined;
}
/** Options of `minimize`. */
export type MinimizeOptions = ComputeGradientsOptions & ApplyGradientsOptions;

const APPLY: OptionNames<ApplyGradientsOptions> = { globalStep: true, name: true };
const COMPUTE: OptionNames<ComputeGradientsOptions> = {
  varList: true,
  gateGradients: true,
  aggregationMethod: true,
  colocateGradientsWithOps: true,
  gradLoss: true,
};
const MINIMIZE: OptionNames<MinimizeOptions> = { ...COMPUTE, ...APPLY };

const isVariable = (value: unknown): value is Variable => value instanceof Variable;

/** The options of a call whose global step may stand before them. */
const withStep = <O extends ApplyGradientsOptions>(
  what: string,
  names: OptionNames<O>,
  globalStep: Variable | Tensor | O | undefined,
  options: O,
): O => {
  const all = optionsOf(what, names, options, { globalStep });
  if (all.globalStep !== undefined) assertGlobalStep(all.globalStep);
  return all;
};

/**
 * The base of every optimizer: a subclass says how one variable is updated.
 *
 * @example new tf.train.GradientDescentOptimizer(0.1) instanceof tf.train.Optimizer // true
 */
export abstract class Optimizer {
  static readonly GATE_NONE = 0;
  static readonly GATE_OP = 1;
  static readonly GATE_GRAPH = 2;

  protected readonly useLocking: boolean;
  readonly #name: string;
  readonly #slots = new Map<string, Map<Operation, Variable>>();
  readonly #others = new Map<Graph, Map<string, Variable>>();

  constructor(name: string, useLocking = false) {
    if (name === '') throw new ValueError('Must specify the optimizer name');
    this.#name = name;
    this.useLocking = useLocking;
  }

  getName(): string {
    return this.#name;
  }

  /**
   * One step that makes a loss smaller: `computeGradients`, then `applyGradients`.
   *
   * @param loss a tensor; what is minimised is the sum of its elements.
   * @param globalStep a counter to raise with every step, or the options.
   * @returns the operation that does it.
   */
  minimize(
    loss: TensorLike,
    globalStep?: Variable | Tensor | MinimizeOptions,
    options: MinimizeOptions = {},
  ): Operation {
    const { globalStep: step, name, ...compute } = withStep('minimize', MINIMIZE, globalStep, options);
    const pairs = this.computeGradients(loss, compute);
    if (pairs.every(([grad]) => grad === null)) {
      throw new ValueError(
        `No gradients provided for any variable, check your graph for ops that do not support gradients, between variables [${pairs.map(([, variable]) => `"${variable}"`).join(', ')}] and loss ${String(loss)}.`,
      );
    }
    return this.applyGradients(pairs, { globalStep: step, name });
  }

  /** The gradients of a loss by variables: pairs of a gradient (null where there is none) and a variable. */
  computeGradients(loss: TensorLike, options: ComputeGradientsOptions = {}): [Gradient | null, Variable][] {
    optionsOf('computeGradients', COMPUTE, options);
    const gate = options.gateGradients ?? Optimizer.GATE_OP;
    if (![0, 1, 2].includes(gate)) {
      throw new ValueError(
        `gate_gradients must be one of: Optimizer.GATE_NONE, Optimizer.GATE_OP, Optimizer.GATE_GRAPH.  Not ${String(gate)}`,
      );
    }
    needValue('computeGradients', 'loss', loss);
    const source = tensorOf(loss) ?? convertToTensor(loss);
    this.#checkDtypes([source]);
    const gradLoss = options.gradLoss === undefined ? undefined : tensorOf(options.gradLoss);
    if (gradLoss !== undefined) this.#checkDtypes([gradLoss]);
    const variables = [...(options.varList ?? source.graph.asDefault(() => trainableVariables()))].flat();
    if (variables.length === 0) throw new ValueError('No variables to optimize.');
    for (const variable of variables) {
      if (!isVariable(variable)) throw new GraphTypeError(`Trying to optimize unsupported type ${String(variable)}`);
    }
    let grads = gradients(source, variables, {
      gradYs: options.gradLoss === undefined ? undefined : [options.gradLoss],
      gateGradients: gate === Optimizer.GATE_OP,
      aggregationMethod: options.aggregationMethod,
      colocateGradientsWithOps: options.colocateGradientsWithOps ?? false,
    });
    if (gate === Optimizer.GATE_GRAPH) grads = source.graph.asDefault(() => tuple(grads));
    this.#checkDtypes(variables.filter((_, i) => grads[i] !== null));
    return variables.map((variable, i) => [grads[i] ?? null, variable]);
  }

  /**
   * The operation that updates each variable by its gradient.
   *
   * @param pairs what `computeGradients` gave, perhaps changed on the way; null gradients are left out.
   */
  applyGradients(
    pairs: Iterable<GradientAndVariable>,
    globalStep?: Variable | Tensor | ApplyGradientsOptions,
    options: ApplyGradientsOptions = {},
  ): Operation {
    const all = withStep('applyGradients', APPLY, globalStep, options);
    if (typeof (pairs as Partial<Iterable<unknown>> | undefined)?.[Symbol.iterator] !== 'function')
      throw new GraphTypeError('applyGradients takes pairs of a gradient and a variable');
    const given = [...pairs];
    for (const pair of given) {
      if (!Array.isArray(pair) || pair.length !== 2)
        throw new GraphTypeError(`Expected a pair of a gradient and a variable, not ${String(pair)}`);
    }
    if (given.length === 0) throw new ValueError('No variables provided.');
    const used: [Gradient, Variable][] = [];
    for (const [grad, variable] of given) {
      if (grad !== null) used.push([grad instanceof IndexedSlices ? grad : convertToTensor(grad), variable]);
    }
    if (used.length === 0) {
      throw new ValueError(
        `No gradients provided for any variable: [${given.map(([, variable]) => `"${variable}"`).join(', ')}].`,
      );
    }
    const { graph } = used[0]![1];
    return graph.asDefault(() => {
      const variables = used.map(([, variable]) => variable);
      graph.controlDependencies(null, () => this.createSlots(variables));
      return graph.nameScope(all.name ?? this.#name, (scope) => {
        this.prepare();
        const updates = used.map(([grad, variable]) =>
          graph.nameScope(`update_${variable.op.name}`, () =>
            colocateWith(variable, () => this.#update(grad, variable)),
          ),
        );
        const done = this.#count(updates, all.globalStep, scope);
        if (!graph.getCollection(GraphKeys.TRAIN_OP).includes(done)) graph.addToCollection(GraphKeys.TRAIN_OP, done);
        return done;
      });
    });
  }

  #update(grad: Gradient, variable: Variable): Operation {
    if (!(grad instanceof IndexedSlices)) {
      const update = this.applyDense(grad, variable);
      const { constraint } = variable;
      if (constraint === undefined) return update;
      return controlDependencies([update], () => variable.assign(constraint(variable))).op;
    }
    if (variable.constraint !== undefined)
      throw new RuntimeError('Cannot use a constraint function on a sparse variable.');
    return this.applySparseDuplicateIndices(grad, variable);
  }

  #count(updates: readonly Operation[], globalStep: Variable | Tensor | undefined, scope: string): Operation {
    if (globalStep === undefined) return this.finish(updates, scope);
    return controlDependencies([this.finish(updates, 'update')], () =>
      colocateWith(globalStep, () => assignAdd(globalStep, 1, { name: scope }).op),
    );
  }

  /** The variable of a slot, such as a momentum; null where there is none. */
  getSlot(variable: Variable, name: string): Variable | null {
    return this.#slots.get(name)?.get(variable.op) ?? null;
  }
  getSlotNames(): string[] {
    return [...this.#slots.keys()].sort();
  }
  /** The optimizer's own variables in the default graph. */
  variables(): Variable[] {
    const graph = getDefaultGraph();
    const slots = [...this.#slots.values()].flatMap((slot) => [...slot.values()]);
    return [...(this.#others.get(graph)?.values() ?? []), ...slots.filter((slot) => slot.graph === graph)].sort(
      (a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0),
    );
  }

  /** Makes the slots of variables that have none yet. */
  protected createSlots(_variables: readonly Variable[]): void {}
  /** Converts what all updates share, such as the learning rate. */
  protected prepare(): void {}
  /** The update of a variable by a dense gradient. */
  protected abstract applyDense(grad: Tensor, variable: Variable): Operation;
  /** The update of a variable by rows, each index at most once. */
  protected abstract applySparse(grad: IndexedSlices, variable: Variable): Operation;
  /** Adds up the rows of one index, then `applySparse`. */
  protected applySparseDuplicateIndices(grad: IndexedSlices, variable: Variable): Operation {
    const { y, idx } = unique(grad.indices);
    const summed = unsortedSegmentSum(grad.values, idx, get(shapeTensor(y), 0));
    return this.applySparse(new IndexedSlices(summed, y, grad.denseShape), variable);
  }
  /** What follows the updates; here nothing but waiting for all of them. */
  protected finish(updates: readonly Operation[], name: string): Operation {
    return group(...updates, { name });
  }

  /** A slot of zeros in the variable's shape, named after it and `opName`. */
  protected zerosSlot(variable: Variable, slotName: string, opName: string): Variable {
    let slots = this.#slots.get(slotName);
    if (slots === undefined) {
      slots = new Map();
      this.#slots.set(slotName, slots);
    }
    let slot = slots.get(variable.op);
    if (slot === undefined) {
      slot = createZerosSlot(variable, opName);
      slots.set(variable.op, slot);
    }
    return slot;
  }
  /** A variable of the optimizer that belongs to no variable in particular, placed with one. */
  protected createNonSlotVariable(initialValue: TensorLike, name: string, colocated: Variable): Variable {
    const { graph } = colocated;
    let others = this.#others.get(graph);
    if (others === undefined) {
      others = new Map();
      this.#others.set(graph, others);
    }
    let variable = others.get(name);
    if (variable === undefined) {
      variable = colocateWith(colocated, () => new Variable(initialValue, { name, trainable: false }));
      others.set(name, variable);
    }
    return variable;
  }
  protected getNonSlotVariable(name: string): Variable {
    return this.#others.get(getDefaultGraph())!.get(name)!;
  }

  #checkDtypes(items: readonly { readonly name: string; readonly dtype: DType }[]): void {
    for (const { name, dtype } of items) {
      if (!FLOATS.includes(dtype)) {
        throw new ValueError(
          `Invalid type tf.${dtype} for ${name}, expected: [${FLOATS.map((type) => `tf.${type}`).join(', ')}].`,
        );
      }
    }
  }
}

/** What a hyperparameter is when the update is built. */
export const valueOf = (parameter: Hyperparameter): TensorLike =>
  typeof parameter === 'function' ? (parameter as () => TensorLike)() : parameter;

const createZerosSlot = (primary: Variable, name: string): Variable => {
  const { shape, dtype } = primary;
  const settings = { trainable: false, colocated: true } as const;
  const make = (create: () => Variable): Variable =>
    variableScope(null, { defaultName: `${primary.op.name}/${name}` }, () => colocateWith(primary, create));
  if (shape.isFullyDefined) {
    return make(() => getVariable('', shape, { ...settings, initializer: zerosInitializer(), dtype }));
  }
  const initial = zeros(shapeTensor(primary.initializedValue()), dtype);
  return make(() =>
    getVariable('', { ...settings, initializer: initial, validateShape: initial.shape.isFullyDefined }),
  );
};
