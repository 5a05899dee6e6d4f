// Plans of small graphs and the native session below `Session`, for tests of the addon itself.
import '../../lib/index.js'; // first: the modules of the library import each other

import { prepare } from '../../lib/compile/pipeline.js';
import type { Stage } from '../../lib/compile/stage.js';
import { Graph, type Operation, type Tensor } from '../../lib/core/graph.js';
import { NDArray } from '../../lib/core/ndarray.js';
import * as tf from '../../lib/index.js';
import { applyGradientDescent } from '../../lib/ops/training.js';
import type { NativeSession } from '../../lib/runtime/native.js';

/** What a builder says of its graph. */
export interface Built {
  readonly fetches: readonly Tensor[];
  readonly feeds: readonly Tensor[];
  readonly targets?: readonly Operation[];
}

/** The one stage of a graph whose shapes are all known. */
export const stageOf = (build: (graph: Graph) => Built): Stage => {
  const graph = new Graph();
  const { fetches, feeds, targets = [] } = graph.asDefault(() => build(graph));
  const prepared = prepare({ graph, fetches, targets, feeds });
  const values = feeds.map((tensor, i) => {
    const shape = tensor.shape.concrete();
    const size = shape.reduce((a, b) => a * b, 1);
    const data = tensor.dtype.array === undefined ? new Array<string>(size).fill('') : new tensor.dtype.array(size);
    const array = prepared.valueFeeds.includes(i) ? new NDArray(tensor.dtype, shape, data as Float32Array) : null;
    return { shape, array };
  });
  return prepared.specialize(values, new Map());
};

/** Loads a stage's plan. */
export const loadStage = (session: NativeSession, { plan }: Stage): number =>
  session.loadPlan(plan.words, plan.constants, plan.strings, plan.stateKeys);

/** Values by position of the builder's feeds, in the order in which the plan wants them. */
export const inOrder = <T>(stage: Stage, values: readonly T[]): T[] =>
  stage.feeds.map(({ source }) => values['feed' in source ? source.feed : 0]!);

/** y = tanh(x w) + bias over n x n, and its mean: one result in memory of its own, one in the mailbox. */
export const dense = (n: number): Stage =>
  stageOf(() => {
    const x = tf.placeholder(tf.float32, [n, n]);
    const w = tf.constant(
      tf.ndarray(
        Float32Array.from({ length: n * n }, (_, i) => Math.sin(i)),
        [n, n],
      ),
    );
    const y = tf.add(tf.tanh(tf.matmul(x, w)), tf.constant(0.5));
    return { fetches: [y, tf.reduceMean(y)], feeds: [x] };
  });

/** Doubles four floats: its result is in the mailbox. */
export const doubling = (): Stage =>
  stageOf(() => {
    const x = tf.placeholder(tf.float32, [4]);
    return { fetches: [tf.mul(x, tf.constant(2))], feeds: [x] };
  });

/** Strings, bools and ints in; strings and numbers out. */
export const mixed = (): Stage =>
  stageOf(() => {
    const text = tf.placeholder(tf.string, [3]);
    const flag = tf.placeholder(tf.bool, [3]);
    const at = tf.placeholder(tf.int32, [2]);
    return {
      fetches: [tf.gather(text, at), tf.cast(flag, tf.float32), tf.equal(text, text)],
      feeds: [text, flag, at],
    };
  });

/** Tapes that end in reductions, of rows and of columns. */
export const ends = (): Stage =>
  stageOf(() => {
    const x = tf.placeholder(tf.float32, [4, 3]);
    const y = tf.exp(x);
    return {
      fetches: [tf.reduceSum(y, 0), tf.reduceMax(y, 0), y, tf.reduceMean(tf.neg(tf.cumsum(x)), 1)],
      feeds: [x],
    };
  });

/** `links` products of n x n matrices: about as long as you like. */
export const chain = (n: number, links: number): Stage =>
  stageOf(() => {
    const x = tf.placeholder(tf.float32, [n, n]);
    let y: Tensor = x;
    for (let i = 0; i < links; i++) y = tf.matmul(y, x);
    return { fetches: [y], feeds: [x] };
  });

/** One step of gradient descent for four variables. */
export const training = (): Stage =>
  stageOf(() => {
    const rate = tf.placeholder(tf.float32, []);
    const feeds = [[2, 3], [4], [600], []].map((shape) => tf.placeholder(tf.float32, shape));
    const steps = feeds.map((feed) => {
      const variable = new tf.Variable(tf.zeros(feed.shape.concrete()));
      return tf.withControl([variable.initializer], () => applyGradientDescent(variable, rate, feed));
    });
    return { fetches: [], feeds: [rate, ...feeds], targets: steps };
  });
