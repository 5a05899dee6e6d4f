// Networks: softmax on each axis, cross entropies, layer norm, short composites, whole training steps, optimizers, random numbers.
import { type Args, type DType, groupOf, type SweepCase, tensor } from '../case.js';
import { alongOf, eachAxis, LOGITS, type Shape, shapesOf, VECTORS } from '../shapes.js';

const softmax = groupOf('softmax');
const loss = groupOf('crossEntropy');
const norm = groupOf('layerNorm');
const fused = groupOf('composite');
const step = groupOf('trainingStep');
const apply = groupOf('optimizer');
const random = groupOf('random');

const FLOATS = ['float32', 'float64'] as const;
const SOFTMAXES = ['softmax', 'logSoftmax'];

const softmaxes = FLOATS.flatMap((dtype) =>
  SOFTMAXES.flatMap((op) => [
    ...LOGITS.map((shape) => softmax(op, [tensor(dtype, shape)], { axis: -1 })),
    ...alongOf('10x100@0 317x331@0 33333x3@0 3x33333@0 1999x2003@0').map(({ shape, axis }) =>
      softmax(op, [tensor(dtype, shape)], { axis }),
    ),
    ...shapesOf('33x100x33 11111x3x3 7x1023x14 32x21x45x45').flatMap((shape) =>
      eachAxis(shape).map((axis) => softmax(op, [tensor(dtype, shape)], { axis })),
    ),
  ]),
);

const entropies = FLOATS.flatMap((dtype) => [
  ...LOGITS.flatMap((shape) => {
    const [rows, classes] = shape as [number, number];
    const logits = tensor(dtype, shape);
    const dense = [logits, tensor(dtype, shape, `shares:${classes}`)];
    const sparse = (index: DType) => [logits, tensor(index, [rows], `index:${classes}`)];
    return [
      loss('softmaxCrossEntropy', dense),
      loss('sparseCrossEntropy', sparse('int32')),
      loss('sparseCrossEntropy', sparse('int64')),
      ...['meanOf', 'gradientOfMeanOf'].flatMap((op) => [
        loss(op, dense, { of: 'softmaxCrossEntropy' }),
        loss(op, sparse('int32'), { of: 'sparseCrossEntropy' }),
      ]),
    ];
  }),
  ...VECTORS.flatMap((shape) => {
    const inputs = [tensor(dtype, shape), tensor(dtype, shape, 'positive')];
    return [
      loss('sigmoidCrossEntropy', inputs),
      loss('meanOf', inputs, { of: 'sigmoidCrossEntropy' }),
      loss('gradientOfMeanOf', inputs, { of: 'sigmoidCrossEntropy' }),
    ];
  }),
]);

const ROWS = shapesOf('10x100 128x7 100x1000 1000x100 10007x10 128x768 4096x768 33333x3 4001x1023 40009x100 400009x10');
const norms = FLOATS.flatMap((dtype) =>
  ROWS.flatMap((shape) => {
    const [x, scale, shift] = [shape, [shape[1]!], [shape[1]!]].map((of) => tensor(dtype, of));
    return [norm('layerNorm', [x!, scale!, shift!]), norm('layerNormGradient', [x!, scale!, shift!, x!])];
  }),
);

const alone = (ops: readonly string[], dtype: DType, shape: Shape, args: Args = {}): SweepCase[] =>
  ops.map((op) => fused(op, [tensor(dtype, shape)], args));
const composites = FLOATS.flatMap((dtype) => [
  ...VECTORS.flatMap((shape) => [
    ...alone(['clip', 'l2Loss', 'gelu'], dtype, shape),
    ...['meanSquaredError', 'dot'].map((op) => fused(op, [tensor(dtype, shape), tensor(dtype, shape)])),
  ]),
  ...alongOf('317x331@0 317x331@1 33333x3@1 33333x3@0 1999x2003@1 400009x10@1 33x100x33@1').flatMap(({ shape, axis }) =>
    alone(['center', 'l2Normalize'], dtype, shape, { axis }),
  ),
]);

/** Examples x features x classes. */
const REGRESSIONS = shapesOf(`
  100x2x2 1000x2x2 1000x4x3 1000x10x10 10007x2x2 10007x3x3 10007x33x10 100003x2x3 100003x7x2 150x4x3 1000x784x10 400009x3x3`);
const steps = FLOATS.flatMap((dtype) =>
  REGRESSIONS.flatMap((sizes) => {
    const [examples, features, classes] = sizes as [number, number, number];
    const x = tensor(dtype, [examples, features]);
    const weights = (outputs: number) => [tensor(dtype, [features, outputs]), tensor(dtype, [outputs])];
    return [
      step('logisticStep', [x, tensor(dtype, [examples, classes], `shares:${classes}`), ...weights(classes)]),
      step('linearStep', [x, tensor(dtype, [examples, 1]), ...weights(1)]),
    ];
  }),
);

const PARAMETERS = shapesOf('10 1009 100003 4000037 317x331 784x512');
const OPTIMIZERS: readonly (readonly [string, Args])[] = [
  ['applyGradientDescent', {}],
  ['applyMomentum', {}],
  ['applyMomentum', { nesterov: true }],
  ['applyAdam', {}],
];
const optimizers = FLOATS.flatMap((dtype) =>
  PARAMETERS.flatMap((shape) => OPTIMIZERS.map(([op, args]) => apply(op, [tensor(dtype, shape)], args))),
);

const numbers = ['randomUniform', 'randomNormal', 'truncatedNormal'].flatMap((op) =>
  FLOATS.flatMap((dtype) =>
    shapesOf('1 7 1009 100003 4000037 317x331').map((shape) => random(op, [], { shape, dtype })),
  ),
);

export const NN: readonly SweepCase[] = [
  ...softmaxes,
  ...entropies,
  ...norms,
  ...composites,
  ...steps,
  ...optimizers,
  ...numbers,
];
