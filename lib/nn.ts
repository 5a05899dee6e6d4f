// tf.nn: the names of neural networks.
export { elu, leakyRelu, relu, relu6, selu, softplus, softsign } from './ops/activations.js';
export { biasAdd, l2Loss, xwPlusB } from './ops/bias.js';
export {
  sigmoidCrossEntropyWithLogits,
  softmaxCrossEntropyWithLogits,
  softmaxCrossEntropyWithLogitsV2,
  sparseSoftmaxCrossEntropyWithLogits,
  weightedCrossEntropyWithLogits,
} from './ops/crossEntropy.js';
export { sigmoid, tanh } from './ops/elementwise.js';
export { dropout, l2Normalize, moments } from './ops/nn.js';
export { logSoftmax, softmax } from './ops/softmax.js';
