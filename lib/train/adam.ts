// Adam: steps scaled by running means of the gradient and of its square (Kingma and Ba, 2014, with epsilon hat).
import { convertToTensor, type TensorLike } from '../core/convert.js';
import type { Operation, Tensor } from '../core/graph.js';
import type { IndexedSlices } from '../core/indexedSlices.js';
import { type OptionNames, optionsOf } from '../core/options.js';
import { cast } from '../ops/cast.js';
import { group } from '../ops/control.js';
import { sqrt } from '../ops/elementwise.js';
import * as py from '../ops/operators.js';
import { colocateWith, controlDependencies } from '../ops/scopes.js';
import { assign, assignSub, scatterAdd } from '../ops/state.js';
import { applyAdam } from '../ops/training.js';
import type { Variable } from '../ops/variable.js';
import { OPTIMIZER, type OptimizerOptions } from './gradientDescent.js';
import { type Hyperparameter, Optimizer, valueOf } from './optimizer.js';

/** Options of `AdamOptimizer`. */
export interface AdamOptions extends OptimizerOptions {
  readonly beta1?: Hyperparameter | undefined;
  readonly beta2?: Hyperparameter | undefined;
  readonly epsilon?: Hyperparameter | undefined;
}
interface Prepared {
  readonly lr: Tensor;
  readonly beta1: Tensor;
  readonly beta2: Tensor;
  readonly epsilon: Tensor;
}

const ADAM: OptionNames<AdamOptions> = { ...OPTIMIZER, beta1: true, beta2: true, epsilon: true };

/**
 * Adam. Its slots `m` and `v` hold the running means; the powers of the betas are variables of their own.
 *
 * @param learningRate 0.001 by default; beta1 0.9, beta2 0.999, epsilon 1e-8.
 * @example new tf.train.AdamOptimizer(0.001).getName() // 'Adam'
 */
export class AdamOptimizer extends Optimizer {
  readonly #lr: Hyperparameter;
  readonly #beta1: Hyperparameter;
  readonly #beta2: Hyperparameter;
  readonly #epsilon: Hyperparameter;
  #prepared: Prepared | undefined;

  constructor(
    learningRate?: Hyperparameter | AdamOptions,
    beta1?: Hyperparameter | AdamOptions,
    beta2?: Hyperparameter,
    epsilon?: Hyperparameter,
    options: AdamOptions = {},
  ) {
    const given = optionsOf('AdamOptimizer', ADAM, options, { learningRate, beta1, beta2, epsilon });
    super(given.name ?? 'Adam', given.useLocking);
    this.#lr = given.learningRate ?? 0.001;
    this.#beta1 = given.beta1 ?? 0.9;
    this.#beta2 = given.beta2 ?? 0.999;
    this.#epsilon = given.epsilon ?? 1e-8;
  }

  #powers(): readonly [Variable, Variable] {
    return [this.getNonSlotVariable('beta1_power'), this.getNonSlotVariable('beta2_power')];
  }
  protected override createSlots(variables: readonly Variable[]): void {
    // The powers live with the variable whose name comes first.
    const first = variables.reduce((a, b) => (b.name < a.name ? b : a));
    this.createNonSlotVariable(this.#beta1 as TensorLike, 'beta1_power', first);
    this.createNonSlotVariable(this.#beta2 as TensorLike, 'beta2_power', first);
    for (const variable of variables) {
      this.zerosSlot(variable, 'm', this.getName());
      this.zerosSlot(variable, 'v', this.getName());
    }
  }
  protected override prepare(): void {
    const [lr, beta1, beta2, epsilon] = [this.#lr, this.#beta1, this.#beta2, this.#epsilon].map(valueOf);
    this.#prepared = {
      lr: convertToTensor(lr!, { name: 'learning_rate' }),
      beta1: convertToTensor(beta1!, { name: 'beta1' }),
      beta2: convertToTensor(beta2!, { name: 'beta2' }),
      epsilon: convertToTensor(epsilon!, { name: 'epsilon' }),
    };
  }
  protected override applyDense(grad: Tensor, variable: Variable): Operation {
    const { dtype } = variable;
    const [power1, power2] = this.#powers();
    const { lr, beta1, beta2, epsilon } = this.#prepared!;
    return applyAdam(
      {
        var: variable,
        m: this.getSlot(variable, 'm')!,
        v: this.getSlot(variable, 'v')!,
        beta1_power: cast(power1, dtype),
        beta2_power: cast(power2, dtype),
        lr: cast(lr, dtype),
        beta1: cast(beta1, dtype),
        beta2: cast(beta2, dtype),
        epsilon: cast(epsilon, dtype),
        grad,
      },
      { useLocking: this.useLocking },
    );
  }
  /** The running means decay in every row; the gradient is added to those it has. */
  protected override applySparse(grad: IndexedSlices, variable: Variable): Operation {
    const { dtype } = variable;
    const locking = { useLocking: this.useLocking };
    const powers = this.#powers();
    const power1 = cast(powers[0], dtype);
    const power2 = cast(powers[1], dtype);
    const rate = cast(this.#prepared!.lr, dtype);
    const beta1 = cast(this.#prepared!.beta1, dtype);
    const beta2 = cast(this.#prepared!.beta2, dtype);
    const epsilon = cast(this.#prepared!.epsilon, dtype);
    const lr = py.truediv(py.mul(rate, sqrt(py.rsub(1, power2))), py.rsub(1, power1));
    const decayed = (slot: Variable, beta: Tensor, scaled: Tensor): Tensor => {
      const kept = assign(slot, py.mul(slot, beta), locking);
      return controlDependencies([kept], () => scatterAdd(slot, grad.indices, scaled, locking));
    };
    const m = this.getSlot(variable, 'm')!;
    const mean = decayed(m, beta1, py.mul(grad.values, py.rsub(1, beta1)));
    const v = this.getSlot(variable, 'v')!;
    const square = decayed(v, beta2, py.mul(py.mul(grad.values, grad.values), py.rsub(1, beta2)));
    const root = sqrt(square);
    const update = assignSub(variable, py.truediv(py.mul(lr, mean), py.add(root, epsilon)), locking);
    return group(update, mean, square);
  }
  protected override finish(updates: readonly Operation[], name: string): Operation {
    const { beta1, beta2 } = this.#prepared!;
    const raised = controlDependencies(updates, () => {
      const [power1, power2] = this.#powers();
      return colocateWith(power1, () => [
        power1.assign(py.mul(power1, beta1), { useLocking: this.useLocking }),
        power2.assign(py.mul(power2, beta2), { useLocking: this.useLocking }),
      ]);
    });
    return group(...updates, ...raised, { name });
  }
}
