// Momentum: accum = momentum * accum + gradient; var -= learningRate * accum.
import { convertToTensor } from '../core/convert.js';
import type { Operation, Tensor } from '../core/graph.js';
import type { IndexedSlices } from '../core/indexedSlices.js';
import { type OptionNames, optionsOf } from '../core/options.js';
import { cast } from '../ops/cast.js';
import { applyMomentum, sparseApplyMomentum } from '../ops/training.js';
import type { Variable } from '../ops/variable.js';
import { required } from './arguments.js';
import { OPTIMIZER, type OptimizerOptions } from './gradientDescent.js';
import { type Hyperparameter, Optimizer, valueOf } from './optimizer.js';

/** Options of `MomentumOptimizer`. */
export interface MomentumOptions extends OptimizerOptions {
  /** The momentum, where it is not the second argument. */
  readonly momentum?: Hyperparameter | undefined;
  /** Nesterov's momentum: the step looks ahead. */
  readonly useNesterov?: boolean | undefined;
}

const MOMENTUM: OptionNames<MomentumOptions> = { ...OPTIMIZER, momentum: true, useNesterov: true };

/**
 * Gradient descent with momentum. Its slot `momentum` holds the accumulator.
 *
 * @example new tf.train.MomentumOptimizer(0.1, 0.9).getName() // 'Momentum'
 */
export class MomentumOptimizer extends Optimizer {
  readonly #learningRate: Hyperparameter;
  readonly #momentum: Hyperparameter;
  readonly #useNesterov: boolean;
  #learningRateTensor: Tensor | undefined;
  #momentumTensor: Tensor | undefined;

  constructor(
    learningRate: Hyperparameter | MomentumOptions,
    momentum?: Hyperparameter | MomentumOptions,
    options: MomentumOptions = {},
  ) {
    const given = optionsOf('MomentumOptimizer', MOMENTUM, options, { learningRate, momentum });
    super(given.name ?? 'Momentum', given.useLocking);
    this.#learningRate = required('MomentumOptimizer', 'learningRate', given.learningRate);
    this.#momentum = required('MomentumOptimizer', 'momentum', given.momentum);
    this.#useNesterov = given.useNesterov ?? false;
  }
  protected override createSlots(variables: readonly Variable[]): void {
    for (const variable of variables) this.zerosSlot(variable, 'momentum', this.getName());
  }
  protected override prepare(): void {
    this.#learningRateTensor = convertToTensor(valueOf(this.#learningRate), { name: 'learning_rate' });
    this.#momentumTensor = convertToTensor(valueOf(this.#momentum), { name: 'momentum' });
  }
  #options() {
    return { useLocking: this.useLocking, useNesterov: this.#useNesterov };
  }
  protected override applyDense(grad: Tensor, variable: Variable): Operation {
    return applyMomentum(
      {
        var: variable,
        accum: this.getSlot(variable, 'momentum')!,
        lr: cast(this.#learningRateTensor!, variable.dtype),
        grad,
        momentum: cast(this.#momentumTensor!, variable.dtype),
      },
      this.#options(),
    );
  }
  protected override applySparse(grad: IndexedSlices, variable: Variable): Operation {
    return sparseApplyMomentum(
      {
        var: variable,
        accum: this.getSlot(variable, 'momentum')!,
        lr: cast(this.#learningRateTensor!, variable.dtype),
        grad: grad.values,
        indices: grad.indices,
        momentum: cast(this.#momentumTensor!, variable.dtype),
      },
      this.#options(),
    );
  }
}
