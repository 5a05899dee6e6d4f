// Random numbers: TensorFlow's ops in TensorFlow's order, because the seed of one depends on how many operations came before.
import { convertToTensor, type TensorLike } from '../core/convert.js';
import { defineOp, type Named, type ShapeContext } from '../core/defineOp.js';
import { asDtype, type DType, type DTypeLike, FLOATS, float32, float64, int32, int64 } from '../core/dtype.js';
import { ValueError } from '../core/errors.js';
import { type Graph, getDefaultGraph, type Tensor } from '../core/graph.js';
import type { LowerContext, Words } from '../core/lowering.js';
import { type OptionNames, optionsOf } from '../core/options.js';
import { TensorShape } from '../core/shape.js';
import { add } from './arithmetic.js';
import { type ShapeArgument, shapeInput } from './arrayShape.js';
import * as py from './operators.js';
import { opScope } from './scopes.js';
import { needRank } from './shapeRules.js';

const SEED = { type: 'int', default: 0 } as const;
const INDEX = { type: 'type', allowed: [int32, int64] } as const;

const randomShape = (c: ShapeContext): readonly TensorShape[] => {
  needRank(c.shape('shape'), 1);
  const value = c.planning === true ? c.value('shape') : null;
  return [value === null ? c.valueAsShape('shape') : new TensorShape(Array.from(value.data as Int32Array, Number))];
};

/** The step's seeds. An operation without any draws them anew for every session that plans it, as TensorFlow's kernels do. */
const seedWords =
  (c: LowerContext) =>
  (words: Words): void => {
    const pair = [c.attr<number | bigint>('seed'), c.attr<number | bigint>('seed2')];
    const drawn = pair.every((part) => BigInt(part) === 0n);
    // The global one: node:crypto itself takes 3 ms to load.
    words.i64(...(drawn ? crypto.getRandomValues(new BigInt64Array(2)) : pair)).state();
  };

const floatRow = (type: string) =>
  defineOp(type, {
    inputs: { shape: 'T' },
    outputs: { output: 'dtype' },
    attrs: { seed: SEED, seed2: SEED, dtype: { type: 'type', allowed: FLOATS }, T: INDEX },
    shape: randomShape,
    grad: 'none',
    lower: (c) => c.kernel(type, [], c.outputs, seedWords(c)),
    hostInputs: ['shape'],
    stateful: true,
  });
const uniformOp = floatRow('RandomUniform');
const normalOp = floatRow('RandomStandardNormal');
const truncatedOp = floatRow('TruncatedNormal');

const uniformIntOp = defineOp('RandomUniformInt', {
  inputs: { shape: 'T', minval: 'Tout', maxval: 'Tout' },
  outputs: { output: 'Tout' },
  attrs: { seed: SEED, seed2: SEED, Tout: { type: 'type', allowed: [int32, int64] }, T: INDEX },
  shape: (c) => {
    needRank(c.shape('minval'), 0);
    needRank(c.shape('maxval'), 0);
    return randomShape(c);
  },
  grad: 'missing',
  lower: (c) => c.kernel('RandomUniformInt', [c.input('minval'), c.input('maxval')], c.outputs, seedWords(c)),
  hostInputs: ['shape'],
  stateful: true,
});

const DEFAULT_GRAPH_SEED = 87654321;
const MAX_INT = 2 ** 31 - 1;
/** Python's `%`: never negative. */
const truncated = (seed: number): number => ((seed % MAX_INT) + MAX_INT) % MAX_INT;

/**
 * The two seeds of an operation. With a graph seed: it, and the given seed or the number of operations before. With a seed only:
 * 87654321 and it. With neither: null, and the operation draws its own.
 *
 * @example tf.getSeed(7) // [87654321, 7]
 */
export const getSeed = (seed?: number | null, graph: Graph = getDefaultGraph()): readonly [number, number] | null => {
  const given = seed ?? undefined;
  if (graph.seed === null && given === undefined) return null;
  const pair: readonly [number, number] =
    graph.seed === null
      ? [DEFAULT_GRAPH_SEED, truncated(given!)]
      : [truncated(graph.seed), truncated(given ?? graph.lastId)];
  // Two zeros mean "draw your own" to a kernel.
  return pair[0] === 0 && pair[1] === 0 ? [0, MAX_INT] : pair;
};

/**
 * Sets the seed of the default graph: every random operation made after it gives the same numbers in every new session.
 *
 * @example tf.setRandomSeed(777)
 */
export const setRandomSeed = (seed: number): void => {
  getDefaultGraph().seed = seed;
};

/** Options of random tensors. */
export interface RandomOptions extends Named {
  readonly dtype?: DTypeLike | undefined;
  /** Makes this operation repeat its numbers in every new session. */
  readonly seed?: number | undefined;
}
/** Options of `randomNormal` and `truncatedNormal`. */
export interface NormalOptions extends RandomOptions {
  readonly mean?: TensorLike | undefined;
  readonly stddev?: TensorLike | undefined;
}
const NORMAL: OptionNames<NormalOptions> = { name: true, mean: true, stddev: true, dtype: true, seed: true };
/** Options of `randomUniform`. */
export interface UniformOptions extends RandomOptions {
  readonly minval?: TensorLike | undefined;
  readonly maxval?: TensorLike | undefined;
}
const UNIFORM_OPTIONS: OptionNames<UniformOptions> = {
  name: true,
  minval: true,
  maxval: true,
  dtype: true,
  seed: true,
};

const shapeTensor = (shape: ShapeArgument): Tensor => {
  const given = shapeInput(shape);
  // An empty list is int32 too, where nothing among its elements says so.
  return convertToTensor(given, { name: 'shape', preferredDtype: int32 });
};
const seeds = (seed: number | undefined): { seed: number; seed2: number } => {
  const [first, second] = getSeed(seed) ?? [0, 0];
  return { seed: first, seed2: second };
};

const normal =
  (what: string, row: typeof normalOp, fallback: string) =>
  (
    shape: ShapeArgument,
    mean?: TensorLike | NormalOptions,
    stddev?: TensorLike | NormalOptions,
    dtype?: DTypeLike | NormalOptions,
    options?: NormalOptions,
  ): Tensor => {
    const all = optionsOf(what, NORMAL, options, { mean, stddev, dtype });
    const type = asDtype(all.dtype ?? float32);
    return opScope(all.name, fallback, [asValue(shape), all.mean, all.stddev], (scope) => {
      const dims = shapeTensor(shape);
      const center = convertToTensor(all.mean ?? 0, { dtype: type, name: 'mean' });
      const spread = convertToTensor(all.stddev ?? 1, { dtype: type, name: 'stddev' });
      const drawn = row({ shape: dims }, { dtype: type, ...seeds(all.seed) }).output;
      return add(py.mul(drawn, spread), center, { name: scope });
    });
  };

const asValue = (shape: ShapeArgument): TensorLike | undefined =>
  shape !== null && typeof shape === 'object' && 'dims' in shape ? undefined : (shape as TensorLike);

/**
 * Normal numbers.
 *
 * @param shape a list, a static shape or an integer tensor.
 * @param mean 0 by default; here or in the options.
 * @param stddev 1 by default.
 * @example tf.randomNormal([2, 3]).shape.asList() // [2, 3]
 */
export const randomNormal = normal('randomNormal', normalOp, 'random_normal');

/**
 * Normal numbers no further than two standard deviations from the mean; those that are are drawn again.
 *
 * @example tf.truncatedNormal([2, 3], 0, 0.1).shape.asList() // [2, 3]
 */
export const truncatedNormal = normal('truncatedNormal', truncatedOp, 'truncated_normal');

const UNIFORM: readonly DType[] = [float32, float64, int32, int64];

/**
 * Numbers evenly from [minval, maxval).
 *
 * @param minval 0 by default; here or in the options.
 * @param maxval 1 by default; an integer dtype needs one.
 * @example tf.randomUniform([1], -1, 1).name // 'random_uniform:0'
 */
export const randomUniform = (
  shape: ShapeArgument,
  minval?: TensorLike | UniformOptions,
  maxval?: TensorLike | UniformOptions,
  dtype?: DTypeLike | UniformOptions,
  options?: UniformOptions,
): Tensor => {
  const all = optionsOf('randomUniform', UNIFORM_OPTIONS, options, { minval, maxval, dtype });
  const type = asDtype(all.dtype ?? float32);
  if (!UNIFORM.includes(type)) throw new ValueError(`Invalid dtype tf.${type}`);
  if (all.maxval === undefined && type.isInteger)
    throw new ValueError(`Must specify maxval for integer dtype tf.${type}`);
  return opScope(all.name, 'random_uniform', [asValue(shape), all.minval, all.maxval], (scope) => {
    const dims = shapeTensor(shape);
    const low = convertToTensor(all.minval ?? 0, { dtype: type, name: 'min' });
    const high = convertToTensor(all.maxval ?? 1, { dtype: type, name: 'max' });
    const pair = seeds(all.seed);
    if (type.isInteger) {
      return uniformIntOp({ shape: dims, minval: low, maxval: high }, pair, { name: scope }).output;
    }
    const drawn = uniformOp({ shape: dims }, { dtype: type, ...pair }).output;
    return add(py.mul(drawn, py.sub(high, low)), low, { name: scope });
  });
};
