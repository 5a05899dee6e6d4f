// Gradients of an op in float64 against central differences of the session's own forward, and of the gradient for the second order.
import { findOp } from '../../lib/core/defineOp.js';
import * as tf from '../../lib/index.js';
import type { Generated, Random } from '../ops/generate.js';
import type { GradientCase } from '../ops/rows.js';
import { fromNDArray, OpRunner, toNDArray } from '../ops/runner.js';
import type { Arr, Attrs, Input } from '../reference/array.js';

/** Relative errors allowed: of the first order, of the second, and of float32 against float64. */
export const FIRST = 1e-6;
export const SECOND = 1e-5;
export const SINGLE = 1e-4;

const step = (x: number): number => 6e-6 * Math.max(1, Math.abs(x));
const flatten = (inputs: readonly Input[]): Arr[] =>
  inputs.flatMap((input) => (Array.isArray(input) ? (input as Arr[]) : [input as Arr]));
type Feeds = [tf.Tensor, tf.NDArray][];

/** tf.gradients of one node: dys are placeholders, so one graph serves every case. */
interface GradientNode {
  readonly node: ReturnType<OpRunner['node']>;
  readonly ys: readonly tf.Tensor[];
  readonly xs: readonly tf.Tensor[];
  readonly dys: readonly tf.Tensor[];
  readonly dxs: readonly (tf.Tensor | null)[];
  /** Directions v and the gradient of sum(v * dx); null where asking throws. */
  second?:
    | {
        readonly vs: readonly tf.Tensor[];
        readonly known: readonly tf.Tensor[];
        readonly dd: readonly (tf.Tensor | null)[];
      }
    | { readonly error: Error };
}

const dense = (dx: unknown): tf.Tensor | null => (dx === null ? null : tf.convertToTensor(dx as never));

export class GradientRunner {
  readonly runner: OpRunner;
  readonly #nodes = new Map<unknown, GradientNode>();

  constructor(type: string) {
    if (findOp(type) === undefined) throw new Error(`there is no op ${type}`);
    this.runner = new OpRunner(type);
  }

  node(inputs: readonly Input[], attrs: Attrs, outputs?: readonly number[]): GradientNode {
    const node = this.runner.node(inputs, attrs);
    let found = this.#nodes.get(node);
    if (found === undefined) {
      found = this.runner.graph.asDefault(() => {
        const ys = node.operation.outputs.filter((y, i) => y.dtype.isFloating && outputs?.includes(i) !== false);
        const xs = node.inputs.filter((x) => x.dtype.isFloating);
        const dys = ys.map((y) => tf.placeholder(y.dtype, null));
        return { node, ys, xs, dys, dxs: tf.gradients([...ys], [...xs], [...dys]).map(dense) };
      });
      this.#nodes.set(node, found);
    }
    return found;
  }

  second(g: GradientNode): NonNullable<GradientNode['second']> {
    g.second ??= this.runner.graph.asDefault(() => {
      const known = g.dxs.filter((dx) => dx !== null);
      const vs = known.map((dx) => tf.placeholder(dx.dtype, null));
      try {
        return {
          vs,
          known,
          dd: known.length === 0 ? g.xs.map(() => null) : tf.gradients([...known], [...g.xs], [...vs]).map(dense),
        };
      } catch (error) {
        return { error: error as Error };
      }
    });
    return g.second;
  }

  run(fetch: readonly tf.Tensor[], feeds: Feeds): number[][] {
    return this.runner.session
      .runSync([...fetch], feeds)
      .map((value) => fromNDArray(value as tf.NDArray).data as number[]);
  }
}

const dot = (a: readonly (readonly number[])[], b: readonly Arr[]): number =>
  a.reduce((sum, values, i) => sum + values.reduce((s, x, k) => s + x * (b[i]!.data[k] as number), 0), 0);

/** Central differences of sum(weights * fetches) with respect to every element of one input. */
const differences = (
  g: GradientRunner,
  fetches: readonly tf.Tensor[],
  feeds: Feeds,
  x: tf.Tensor,
  weights: readonly Arr[],
): number[] => {
  const at = feeds.findIndex(([tensor]) => tensor === x);
  const value = feeds[at]![1];
  const data = value.data as Float64Array;
  return Array.from(data, (original, k) => {
    const h = step(original);
    const shifted = (by: number): number => {
      const copy = data.slice();
      copy[k] = original + by;
      return dot(g.run(fetches, feeds.with(at, [x, new tf.NDArray(value.dtype, value.shape, copy)])), weights);
    };
    return (shifted(h) - shifted(-h)) / (2 * h);
  });
};

const farthest = (got: readonly number[], want: readonly number[], limit: number): string | null => {
  const scale = Math.max(1, ...want.map(Math.abs));
  for (const [k, w] of want.entries()) {
    const error = Math.abs(got[k]! - w) / scale;
    if (!(error <= limit))
      return `element ${k}: ${got[k]}, differences say ${w} (relative error ${error.toExponential(1)})`;
  }
  return null;
};

const values = (random: Random, shapes: readonly (readonly number[])[]): Arr[] =>
  shapes.map((shape) => random.values('float64', shape, { domain: [-1, 1] }));
const shapeOf = (g: GradientRunner, tensors: readonly tf.Tensor[], feeds: Feeds): number[][] =>
  g.runner.session.runSync([...tensors], feeds).map((value) => [...(value as tf.NDArray).shape]);

/** Everything that is wrong with the gradients of one generated case. */
export const checkGradients = (
  g: GradientRunner,
  row: GradientCase,
  made: Generated,
  random: Random,
): string | null => {
  const attrs = made.attrs ?? {};
  const node = g.node(made.inputs, attrs, row.outputs);
  const base = g.runner.feeds(node.node, made.inputs);
  const weights = values(random, shapeOf(g, node.ys, base));
  const feeds: Feeds = [...base, ...node.dys.map((dy, i) => [dy, toNDArray(weights[i]!)] as [tf.Tensor, tf.NDArray])];
  for (const [i, x] of node.xs.entries()) {
    const dx = node.dxs[i]!;
    const expected = row.inputs === undefined || row.inputs.includes(i);
    if (dx === null && expected) return `input ${i}: no gradient`;
    if (dx === null && row.inputs !== undefined) continue;
    if (dx !== null && !expected) return `input ${i}: a gradient, where TensorFlow gives null`;
    const numeric = differences(g, node.ys, base, x, weights);
    if (dx === null) {
      if (numeric.some((value) => Math.abs(value) > FIRST)) return `input ${i}: null, but the output depends on it`;
      continue;
    }
    const want = base.find(([tensor]) => tensor === x)![1].shape;
    const [value] = g.runner.session.runSync([dx], feeds) as tf.NDArray[];
    if (value!.shape.join() !== want.join())
      return `input ${i}: the gradient has shape [${value!.shape}], the input [${want}]`;
    const problem = farthest(fromNDArray(value!).data as number[], numeric, FIRST);
    if (problem !== null) return `input ${i}: ${problem}`;
  }
  return checkSecond(g, node, row, feeds, random);
};

const checkSecond = (
  g: GradientRunner,
  node: GradientNode,
  row: GradientCase,
  feeds: Feeds,
  random: Random,
): string | null => {
  const second = g.second(node);
  if ('error' in second)
    return row.second === 'missing' ? null : `second order: ${second.error.message.split('\n')[0]}`;
  if (row.second === 'missing') return 'second order: TensorFlow has none, so it must throw';
  if (second.known.length === 0) return null;
  const weights = values(random, shapeOf(g, second.known, feeds));
  const all: Feeds = [...feeds, ...second.vs.map((v, i) => [v, toNDArray(weights[i]!)] as [tf.Tensor, tf.NDArray])];
  for (const [i, x] of node.xs.entries()) {
    if (row.secondInputs?.includes(i) === false) continue;
    const numeric = differences(g, second.known, feeds, x, weights);
    const dd = second.dd[i]!;
    const got = dd === null ? numeric.map(() => 0) : g.run([dd], all)[0]!;
    const problem = farthest(got, numeric, SECOND);
    if (problem !== null) return `second order, input ${i}${dd === null ? ' (null)' : ''}: ${problem}`;
  }
  return null;
};

/** The gradient in float32 against that in float64 of the same numbers. */
export const checkSingle = (
  single: GradientRunner,
  double: GradientRunner,
  made: Generated,
  random: Random,
  outputs?: readonly number[],
): string | null => {
  const attrs = made.attrs ?? {};
  const narrow = (a: Arr): Arr =>
    a.dtype === 'float64' ? { ...a, dtype: 'float32', data: a.data.map((x) => Math.fround(x as number)) } : a;
  const each = (map: (a: Arr) => Arr): Input[] =>
    made.inputs.map((input) => (Array.isArray(input) ? (input as Arr[]).map(map) : map(input as Arr)));
  const inputs = [each(narrow), each((a) => ({ ...narrow(a), dtype: a.dtype }))] as const;
  const results = [single, double].map((g, k) => {
    const node = g.node(inputs[k]!, attrs, outputs);
    const base = g.runner.feeds(node.node, inputs[k]!);
    return { g, node, base };
  });
  const weights = values(random, shapeOf(double, results[1]!.node.ys, results[1]!.base)).map(narrow);
  const [f32, f64] = results.map(({ g, node, base }) => {
    const dtype = node.ys[0]!.dtype.name;
    const feeds: Feeds = [
      ...base,
      ...node.dys.map((dy, i) => [dy, toNDArray({ ...weights[i]!, dtype })] as [tf.Tensor, tf.NDArray]),
    ];
    return g.run(
      node.dxs.filter((dx) => dx !== null),
      feeds,
    );
  });
  for (const [i, want] of f64!.entries()) {
    const problem = farthest(f32![i]!, want, SINGLE);
    if (problem !== null) return `float32, gradient ${i}: ${problem}`;
  }
  return null;
};

export { flatten };
