// tf.nn: the names of neural networks.
export { elu, type LeakyReluOptions, leakyRelu, relu, relu6, selu, softplus, softsign } from './ops/activations.js';
export { type BiasOptions, biasAdd, l2Loss, xwPlusB } from './ops/bias.js';
export {
  type CrossEntropyArguments,
  type SoftmaxCrossEntropyArguments,
  sigmoidCrossEntropyWithLogits,
  softmaxCrossEntropyWithLogits,
  softmaxCrossEntropyWithLogitsV2,
  sparseSoftmaxCrossEntropyWithLogits,
  type WeightedCrossEntropyArguments,
  weightedCrossEntropyWithLogits,
} from './ops/crossEntropy.js';
export { sigmoid, tanh } from './ops/elementwise.js';
export {
  type DropoutOptions,
  dropout,
  type L2NormalizeOptions,
  l2Normalize,
  type MomentsOptions,
  moments,
} from './ops/nn.js';
export { logSoftmax, type SoftmaxOptions, softmax } from './ops/softmax.js';
