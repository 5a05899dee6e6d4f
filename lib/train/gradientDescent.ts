// Gradient descent: var -= learningRate * gradient.
import { convertToTensor } from '../core/convert.js';
import type { Operation, Tensor } from '../core/graph.js';
import { IndexedSlices } from '../core/indexedSlices.js';
import { type OptionNames, optionsOf } from '../core/options.js';
import { cast } from '../ops/cast.js';
import * as py from '../ops/operators.js';
import { applyGradientDescent } from '../ops/training.js';
import type { Variable } from '../ops/variable.js';
import { required } from './arguments.js';
import { type Hyperparameter, Optimizer, valueOf } from './optimizer.js';

/** Options that every optimizer takes. */
export interface OptimizerOptions {
  /** The learning rate, where it is not the first argument. */
  readonly learningRate?: Hyperparameter | undefined;
  /** Recorded in the graph as TensorFlow does. */
  readonly useLocking?: boolean | undefined;
  /** Name of the operation it makes. */
  readonly name?: string | undefined;
}

export const OPTIMIZER: OptionNames<OptimizerOptions> = { learningRate: true, useLocking: true, name: true };

/**
 * Plain gradient descent.
 *
 * @param learningRate a number, tensor or placeholder; or all arguments by name, `{ learningRate: 0.1 }`.
 * @example new tf.train.GradientDescentOptimizer(0.1).getName() // 'GradientDescent'
 */
export class GradientDescentOptimizer extends Optimizer {
  readonly #learningRate: Hyperparameter;
  #learningRateTensor: Tensor | undefined;

  constructor(learningRate: Hyperparameter | OptimizerOptions, options: OptimizerOptions = {}) {
    const given = optionsOf('GradientDescentOptimizer', OPTIMIZER, options, { learningRate });
    super(given.name ?? 'GradientDescent', given.useLocking);
    this.#learningRate = required('GradientDescentOptimizer', 'learningRate', given.learningRate);
  }
  protected override prepare(): void {
    this.#learningRateTensor = convertToTensor(valueOf(this.#learningRate), { name: 'learning_rate' });
  }
  protected override applyDense(grad: Tensor, variable: Variable): Operation {
    const rate = cast(this.#learningRateTensor!, variable.dtype);
    return applyGradientDescent(variable, rate, grad, { useLocking: this.useLocking });
  }
  /** Rows may repeat: subtracting them one by one adds them up. */
  protected override applySparseDuplicateIndices(grad: IndexedSlices, variable: Variable): Operation {
    return this.applySparse(grad, variable);
  }
  protected override applySparse(grad: IndexedSlices, variable: Variable): Operation {
    const values = py.mul(grad.values, cast(this.#learningRateTensor!, variable.dtype));
    const delta = new IndexedSlices(values, grad.indices, grad.denseShape);
    return variable.scatterSub(delta, { useLocking: this.useLocking }).op;
  }
}
