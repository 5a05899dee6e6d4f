// tf.train: optimizers, learning rate schedules and the global step.
export { AdamOptimizer, type AdamOptions } from './train/adam.js';
export { createGlobalStep, getGlobalStep, getOrCreateGlobalStep, globalStep } from './train/globalStep.js';
export { GradientDescentOptimizer, type OptimizerOptions } from './train/gradientDescent.js';
export { MomentumOptimizer, type MomentumOptions } from './train/momentum.js';
export {
  type ApplyGradientsOptions,
  type ComputeGradientsOptions,
  type Gradient,
  type GradientAndVariable,
  type Hyperparameter,
  type MinimizeOptions,
  Optimizer,
} from './train/optimizer.js';
export {
  type CosineDecayOptions,
  cosineDecay,
  type DecayOptions,
  exponentialDecay,
  inverseSqrtDecay,
  inverseTimeDecay,
  naturalExpDecay,
  type PolynomialDecayOptions,
  piecewiseConstant,
  piecewiseConstantDecay,
  polynomialDecay,
} from './train/schedules.js';
