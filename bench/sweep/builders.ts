// grafo's side of each operation of the sweep. What isn't in the table is the function of that name, of the inputs and of a number beside them.
import type * as grafo from '../../lib/index.js';
import type { Args } from './case.js';

/** The library whose speed is asked for: this checkout's, or another one's. */
export type Library = typeof grafo;
type Tensor = grafo.Tensor;
type Built = Tensor | readonly Tensor[];
type Inputs = readonly Tensor[];

/** What is run, and what to fetch afterwards where a run leaves its result in a variable. */
export interface Graph {
  readonly fetch: Built | grafo.Operation;
  readonly after?: grafo.Variable;
}

const number = (value: unknown): number => value as number;
const list = (value: unknown): number[] => [...(value as readonly number[])];
const text = (value: unknown): string => value as string;
// Exact in float32, which TensorFlow holds them in whatever the variable's dtype is; an epsilon that is added elsewhere by others is nothing.
const RATE = 2 ** -7;
const MOMENTUM = 0.875;
const ADAM = { beta1: 0.875, beta2: 1 - 2 ** -10, epsilon: 1e-20 };
const EPSILON = 1e-5;

/** Makes the table for a library. */
export const builders = (tf: Library): ((op: string, inputs: Inputs, args: Args) => Graph) => {
  type Function = (...args: unknown[]) => Built;
  const named = (name: string): Function => {
    const found =
      (tf as unknown as Record<string, Function>)[name] ?? (tf.nn as unknown as Record<string, Function>)[name];
    if (found === undefined) throw new Error(`grafo has no ${name}`);
    return found;
  };

  const byName = (op: string, x: Inputs, args: Args): Built => {
    if (args.scalar === undefined) return named(op)(...x);
    const scalar = tf.constant(number(args.scalar), x[0]!.dtype);
    return args.left ? named(op)(scalar, x[0]) : named(op)(x[0], scalar);
  };
  const alongAxis =
    (name: string) =>
    ([x]: Inputs, { axis }: Args): Built =>
      named(name)(x, { axis });
  const reduction =
    (name: string) =>
    ([x]: Inputs, { axis, keepDims = false }: Args): Built =>
      named(name)(x, { axis, keepDims });
  const layerNorm = ([x, scale, shift]: Inputs): Tensor => {
    const { mean, variance } = tf.nn.moments(x!, [x!.shape.asList()!.length - 1], { keepDims: true });
    return x!
      .sub(mean)
      .mul(tf.rsqrt(variance.add(EPSILON)))
      .mul(scale!)
      .add(shift!);
  };
  const affine = (x: Tensor, weights: Tensor, bias: Tensor): Tensor => tf.matmul(x, weights).add(bias);
  const gradients = (ys: Tensor, xs: Inputs, dy?: Tensor): Tensor[] =>
    tf
      .gradients(ys, [...xs], dy === undefined ? {} : { gradYs: [dy] })
      .map((gradient) => tf.convertToTensor(gradient as Tensor));
  /** The inputs that gradients are taken for. */
  const withRespectTo = (x: Inputs, { wrt }: Args): Inputs =>
    wrt === undefined ? [x[0]!] : list(wrt).map((i) => x[i]!);
  const build = (op: string, x: Inputs, args: Args): Built => (table[op] ?? ((...of) => byName(op, ...of)))(x, args);
  const single = (op: string, x: Inputs, args: Args): Tensor => build(op, x, args) as Tensor;
  const meanOf = (x: Inputs, args: Args): Tensor => tf.reduceMean(single(text(args.of), x, args));

  const table: Record<string, (x: Inputs, args: Args) => Built> = {
    ...Object.fromEntries(
      ['Sum', 'Mean', 'Max', 'Min', 'Prod', 'Any', 'All', 'Logsumexp'].map((name) => [
        `reduce${name}`,
        reduction(`reduce${name}`),
      ]),
    ),
    ...Object.fromEntries(
      ['argmax', 'argmin', 'cumsum', 'cumprod', 'unstack', 'gather'].map((name) => [name, alongAxis(name)]),
    ),
    moments: ([x], { axis }) => {
      const { mean, variance } = tf.nn.moments(x!, list(axis));
      return [mean, variance];
    },
    broadcastTo: ([x], { shape }) => tf.broadcastTo(x!, list(shape)),
    transpose: ([x], { perm }) => tf.transpose(x!, list(perm)),
    concat: (x, { axis }) => tf.concat([...x], number(axis)),
    stack: (x, { axis }) => tf.stack([...x], number(axis)),
    split: ([x], { parts, axis }) => tf.split(x!, number(parts), number(axis)),
    slice: ([x], { begin, size }) => tf.slice(x!, list(begin), list(size)),
    stridedSlice: ([x], { begin, end, strides, ...masks }) =>
      tf.stridedSlice(x!, list(begin), list(end), list(strides), masks),
    gather: ([x, indices], { axis }) => tf.gather(x!, indices!, { axis: number(axis) }),
    pad: ([x], { paddings, mode = 'CONSTANT' }) => tf.pad(x!, paddings as number[][], { mode: text(mode) }),
    tile: ([x], { multiples }) => tf.tile(x!, list(multiples)),
    reverse: ([x], { axis }) => tf.reverse(x!, list(axis)),
    oneHot: ([x], { depth, axis = -1 }) => tf.oneHot(x!, number(depth), { axis: number(axis) }),
    whereIndices: ([condition]) => named('where')(condition),
    unique: ([x]) => tf.unique(x!).y,
    cast: ([x], { to }) => tf.cast(x!, text(to) as grafo.DTypeName),
    unsortedSegmentSum: ([x, ids], { segments }) => tf.unsortedSegmentSum(x!, ids!, number(segments)),
    matmul: ([x, y], args) => tf.matmul(x!, y!, { ...args, transposeA: args.transposeA === true }),
    dense: ([x, weights, bias], { activation }) => {
      const sum = tf.nn.biasAdd(tf.matmul(x!, weights!), bias!);
      return activation === undefined ? sum : named(text(activation))(sum);
    },
    softmax: ([x], { axis }) => tf.nn.softmax(x!, number(axis)),
    logSoftmax: ([x], { axis }) => tf.nn.logSoftmax(x!, number(axis)),
    softmaxCrossEntropy: ([logits, labels]) =>
      tf.nn.softmaxCrossEntropyWithLogitsV2({ labels: labels!, logits: logits! }),
    sparseCrossEntropy: ([logits, labels]) =>
      tf.nn.sparseSoftmaxCrossEntropyWithLogits({ labels: labels!, logits: logits! }),
    sigmoidCrossEntropy: ([logits, labels]) =>
      tf.nn.sigmoidCrossEntropyWithLogits({ labels: labels!, logits: logits! }),
    layerNorm,
    layerNormGradient: (x) => gradients(layerNorm(x), x.slice(0, 3), x[3]),
    clip: ([x]) => tf.clipByValue(x!, -1, 1),
    gelu: ([x]) => x!.mul(0.5).mul(tf.add(1, tf.erf(x!.mul(Math.SQRT1_2)))),
    meanSquaredError: ([x, y]) => tf.reduceMean(tf.square(tf.sub(x!, y!))),
    dot: ([x, y]) => tf.reduceSum(tf.mul(x!, y!)),
    center: ([x], { axis }) => tf.sub(x!, tf.reduceMean(x!, { axis: number(axis), keepDims: true })),
    l2Normalize: ([x], { axis }) => tf.nn.l2Normalize(x!, number(axis)),
    logisticStep: ([x, labels, weights, bias]) => {
      const logits = affine(x!, weights!, bias!);
      const loss = tf.reduceMean(tf.nn.softmaxCrossEntropyWithLogitsV2({ labels: labels!, logits }));
      return gradients(loss, [weights!, bias!]);
    },
    linearStep: ([x, y, weights, bias]) =>
      gradients(tf.reduceMean(tf.square(affine(x!, weights!, bias!).sub(y!))), [weights!, bias!]),
    ...Object.fromEntries(
      ['randomUniform', 'randomNormal', 'truncatedNormal'].map((name) => [
        name,
        (_: Inputs, { shape, dtype }: Args) => named(name)(shape, { dtype }),
      ]),
    ),
    meanOf,
    gradientOfMeanOf: (x, args) => gradients(meanOf(x, args), withRespectTo(x, args)),
    gradient: (x, args) => {
      const inputs = x.slice(0, -1);
      const { of, wrt: _, ...told } = args;
      return gradients(single(text(of), inputs, told), withRespectTo(inputs, args), x.at(-1));
    },
  };

  const zeros = (shape: readonly number[], dtype: grafo.DType): grafo.Variable =>
    new tf.Variable(tf.zeros([...shape], dtype));
  const scatters = new Set(['scatterAdd', 'scatterSub', 'scatterMax', 'scatterUpdate']);
  const optimizers: Record<string, (args: Args) => grafo.train.Optimizer> = {
    applyGradientDescent: () => new tf.train.GradientDescentOptimizer(RATE),
    applyMomentum: ({ nesterov }) => new tf.train.MomentumOptimizer(RATE, MOMENTUM, { useNesterov: nesterov === true }),
    applyAdam: () => new tf.train.AdamOptimizer(RATE, ADAM),
  };

  return (op, x, args) => {
    if (scatters.has(op)) {
      const after = zeros(list(args.shape), x[1]!.dtype);
      return { fetch: (named(op)(after, ...x) as Tensor).op, after };
    }
    const optimizer = optimizers[op]?.(args);
    if (optimizer === undefined) return { fetch: build(op, x, args) };
    const after = zeros(x[0]!.shape.asList() as number[], x[0]!.dtype);
    return { fetch: optimizer.applyGradients([[x[0]!, after]]), after };
  };
};
