// tf.train: optimizers, learning rate schedules and the global step.
export { AdamOptimizer } from './train/adam.js';
export { createGlobalStep, getGlobalStep, getOrCreateGlobalStep, globalStep } from './train/globalStep.js';
export { GradientDescentOptimizer } from './train/gradientDescent.js';
export { MomentumOptimizer } from './train/momentum.js';
export { Optimizer } from './train/optimizer.js';
export {
  cosineDecay,
  exponentialDecay,
  inverseSqrtDecay,
  inverseTimeDecay,
  naturalExpDecay,
  piecewiseConstant,
  piecewiseConstantDecay,
  polynomialDecay,
} from './train/schedules.js';
