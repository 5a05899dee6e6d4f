// Every builder and optimizer refuses what is not its own: an argument in the place of its options, and an option of another builder.
import test from 'ava';
import * as tf from '../../lib/index.js';

type Call = (...args: never[]) => unknown;

const v = (): tf.Variable => new tf.Variable([1, 2]);
const m = [
  [1, 2],
  [3, 4],
];
const x = [1, 2];
const yes = [true, false];

/** The arguments before the options, of every function that takes options. */
const CALLS: Readonly<Record<string, () => readonly unknown[]>> = {
  Assert: () => [true, [1]],
  Print: () => [x, [1]],
  Variable: () => [1, true],
  ...Object.fromEntries(
    `abs acos acosh asin asinh atan atanh ceil cos cosh erf erfc exp expm1 floor identity inv isFinite isInf isNan log log1p logSigmoid neg
    negative rank reciprocal rint round rsqrt shape sigmoid sign sin sinh size sqrt square stopGradient tan tanh toDouble toFloat toInt32
    toInt64 unique uniqueWithCounts preventGradient convertToTensor nn.elu nn.l2Loss nn.relu nn.relu6 nn.selu nn.sigmoid nn.softplus
    nn.softsign nn.tanh`
      .split(/\s+/)
      .map((name) => [name, () => [x]]),
  ),
  ...Object.fromEntries(
    `add atan2 div divNoNan divide equal floorDiv floordiv floormod greater greaterEqual less lessEqual maximum minimum mod mul mulNoNan
    multiply multiplyNoNan notEqual pow realdiv squaredDifference sub subtract truediv truncatediv truncatemod xdivy xlogy`
      .split(/\s+/)
      .map((name) => [name, () => [x, x]]),
  ),
  ...Object.fromEntries(
    `reduceLogsumexp reduceMax reduceMean reduceMin reduceProd reduceSum`
      .split(' ')
      .map((name) => [name, () => [m, 0, true]]),
  ),
  ...Object.fromEntries('reduceAll reduceAny'.split(' ').map((name) => [name, () => [yes, 0, true]])),
  ...Object.fromEntries('logicalAnd logicalOr logicalXor'.split(' ').map((name) => [name, () => [yes, yes]])),
  ...Object.fromEntries('argMax argMin argmax argmin cumprod cumsum'.split(' ').map((name) => [name, () => [m, 0]])),
  ...Object.fromEntries(
    'scatterAdd scatterDiv scatterMax scatterMin scatterMul scatterSub scatterUpdate'
      .split(' ')
      .map((name) => [name, () => [v(), [0], [1]]]),
  ),
  ...Object.fromEntries('assign assignAdd assignSub'.split(' ').map((name) => [name, () => [v(), x]])),
  addN: () => [[x, x]],
  booleanMask: () => [x, yes],
  broadcastTo: () => [x, [2, 2]],
  cast: () => [x, 'int32'],
  checkNumerics: () => [x, 'cost'],
  clipByGlobalNorm: () => [[x], 1, null],
  clipByNorm: () => [x, 1, null],
  clipByValue: () => [x, 1, 2],
  concat: () => [[x, x], 0],
  constant: () => [1, 'float', []],
  constantInitializer: () => [1],
  dynamicStitch: () => [[[0]], [[1]]],
  expandDims: () => [x, 0],
  fill: () => [[2], 1],
  gather: () => [x, [0], 0],
  getVariable: () => ['w', [2], 'float'],
  globalNorm: () => [[x]],
  glorotNormalInitializer: () => [],
  glorotUniformInitializer: () => [],
  gradients: () => [tf.square(tf.constant(1)), [tf.constant(1)], null],
  heNormal: () => [],
  heUniform: () => [],
  lecunNormal: () => [],
  lecunUniform: () => [],
  identityN: () => [[x]],
  invertPermutation: () => [tf.constant([0], 'int32')],
  isVariableInitialized: () => [v()],
  linspace: () => [0, 1, 2],
  logicalNot: () => [yes],
  matmul: () => [m, m],
  noOp: () => [],
  oneHot: () => [[0], 2],
  ones: () => [[2], 'float'],
  onesInitializer: () => [],
  onesLike: () => [x, 'float'],
  pack: () => [[x, x], 0],
  pad: () => [x, [[1, 1]], 'CONSTANT'],
  placeholder: () => ['float', [2]],
  placeholderWithDefault: () => [x, [2]],
  randomNormal: () => [[2], 0, 1, 'float'],
  randomNormalInitializer: () => [0, 1],
  randomUniform: () => [[2], 0, 1, 'float'],
  randomUniformInitializer: () => [0, 1],
  range: () => [0, 3, 1],
  reportUninitializedVariables: () => [[]],
  reshape: () => [x, [1, 2]],
  reverse: () => [x, [0]],
  saturateCast: () => [x, 'uint8'],
  scalarMul: () => [2, x],
  select: () => [yes, x, x],
  setdiff1d: () => [tf.range(3), tf.range(1)],
  shapeN: () => [[x]],
  slice: () => [x, [0], [1]],
  split: () => [x, 2, 0],
  squeeze: () => [[x], 0],
  stack: () => [[x, x], 0],
  stridedSlice: () => [x, [0], [1], null],
  tensordot: () => [m, m, 1],
  tile: () => [x, [2]],
  transpose: () => [m, [1, 0]],
  truncatedNormal: () => [[2], 0, 1, 'float'],
  truncatedNormalInitializer: () => [0, 1],
  tuple: () => [[tf.constant(1)]],
  unpack: () => [x, 2],
  unsortedSegmentSum: () => [x, [0, 0], 1],
  unstack: () => [x, 2],
  variablesInitializer: () => [[]],
  varianceScalingInitializer: () => [],
  where: () => [yes, x, x],
  whereV2: () => [yes, x, x],
  zeros: () => [[2], 'float'],
  zerosInitializer: () => [],
  zerosLike: () => [x, 'float'],
  'nn.biasAdd': () => [m, x, 'NHWC'],
  'nn.dropout': () => [x, 0.5],
  'nn.l2Normalize': () => [x, 0],
  'nn.leakyRelu': () => [x, 0.1],
  'nn.logSoftmax': () => [x, 0],
  'nn.moments': () => [x, [0]],
  'nn.softmax': () => [x, 0],
  'nn.xwPlusB': () => [m, m, x],
  'train.AdamOptimizer': () => [0.1, 0.9, 0.99, 1e-8],
  'train.GradientDescentOptimizer': () => [0.1],
  'train.MomentumOptimizer': () => [0.1, 0.9],
  'train.cosineDecay': () => [0.1, 1, 10],
  'train.exponentialDecay': () => [0.1, 1, 10, 0.5, true],
  'train.inverseSqrtDecay': () => [1, 10, 4],
  'train.inverseTimeDecay': () => [0.1, 1, 10, 0.5, true],
  'train.naturalExpDecay': () => [0.1, 1, 10, 0.5, true],
  'train.piecewiseConstant': () => [1, [3], [1, 2]],
  'train.piecewiseConstantDecay': () => [1, [3], [1, 2]],
  'train.polynomialDecay': () => [0.1, 1, 10],
};

/** Of those that take no options: everything by name, a function last, any number of inputs, or nothing but positional arguments. */
const WITHOUT = new Set(
  `nn.sigmoidCrossEntropyWithLogits nn.softmaxCrossEntropyWithLogits nn.softmaxCrossEntropyWithLogitsV2
  nn.sparseSoftmaxCrossEntropyWithLogits nn.weightedCrossEntropyWithLogits group variableScope nameScope device colocateWith
  controlDependencies withControl ndarray asDtype stepped addToCollection getCollection getDefaultGraph resetDefaultGraph getSeed
  setRandomSeed getVariableScope globalVariables globalVariablesInitializer initializeAllVariables localVariables localVariablesInitializer
  trainableVariables getDefaultSession doctor doctorText train.createGlobalStep train.getGlobalStep train.getOrCreateGlobalStep
  train.globalStep train.Optimizer DType GrafoError Graph IndexedSlices InteractiveSession NDArray Operation Session Tensor TensorShape
  Trace`.split(/\s+/),
);

const functions = (prefix: string, module: object): [string, Call][] =>
  Object.entries(module).flatMap(([name, value]) =>
    typeof value === 'function' ? [[`${prefix}${name}`, value as Call] as [string, Call]] : [],
  );
const ALL = new Map([...functions('', tf), ...functions('nn.', tf.nn), ...functions('train.', tf.train)]);

const run = (name: string, ...last: readonly unknown[]): unknown =>
  new tf.Graph().asDefault(() => {
    const target = ALL.get(name)!;
    const args = [...CALLS[name]!(), ...last] as never[];
    return /Optimizer$|^Variable$/.test(name) ? Reflect.construct(target, args) : target(...args);
  });

test('the table has every function of the library', (t) => {
  t.deepEqual([...ALL.keys()].filter((name) => !(name in CALLS) && !WITHOUT.has(name)).sort(), []);
  t.deepEqual(
    Object.keys(CALLS).filter((name) => !ALL.has(name)),
    [],
  );
});

for (const name of Object.keys(CALLS)) {
  test(`${name}: one argument too many, and options that are none, are refused`, (t) => {
    t.notThrows(() => run(name));
    t.notThrows(() => run(name, {}));
    for (const wrong of [7, 'name', true, null, [1], tf.float64, tf.constant(1), () => 1]) {
      t.throws(() => run(name, wrong), {
        instanceOf: tf.errors.GraphTypeError,
        message: /^\w+\(\) takes its options in an object, not /,
      });
    }
    // No builder has the first; each of the others is an option of some other one.
    for (const option of ['nonsense', 'axes', 'perm', 'firstN', 'useNesterov', 'batchDims', 'staircase']) {
      if (OWN[option]?.includes(name)) continue;
      t.throws(() => run(name, { [option]: 0 }), {
        instanceOf: tf.errors.GraphTypeError,
        message: new RegExp(`^\\w+\\(\\) got an unexpected keyword argument '${option}'`),
      });
    }
  });
}
/** Who has which of the options above. */
const OWN: Readonly<Record<string, readonly string[]>> = {
  axes: ['clipByNorm'],
  perm: ['transpose'],
  firstN: ['Print'],
  useNesterov: ['train.MomentumOptimizer'],
  batchDims: ['gather'],
  staircase: ['train.exponentialDecay', 'train.naturalExpDecay', 'train.inverseTimeDecay'],
};
