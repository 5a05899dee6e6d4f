// How the calls of docs/missing.md are tried: what a row's calls read, and what they give.
import * as tf from '../../../lib/index.js';
import { isSame, plain } from '../../helpers/values.js';

type Given = Record<string, unknown>;
type Plain = null | undefined | number | string | boolean | readonly Plain[] | { readonly [name: string]: Plain };
/** True of what the row promises; else what is wrong. */
export type Made = (value: unknown, given: Given, sess: tf.Session) => unknown;
export interface Way {
  /** The names that the row's calls read. */
  readonly given: (sess: tf.Session) => Given;
  /** In the order of the row's calls: plain values, or functions that are true of the right ones. */
  readonly gives: readonly (Made | Plain)[];
}

/** What is made of a value is `wanted`. */
export const by =
  (make: (value: never, given: Record<string, tf.Tensor>, sess: tf.Session) => unknown, wanted: unknown): Made =>
  (value, given, sess) => {
    const seen = plain(make(value as never, given as never, sess), sess);
    return isSame(seen, wanted) || seen;
  };
export const between =
  (least: number, most: number): Made =>
  (value, _given, sess) => {
    const seen = [plain(value, sess)].flat(Number.POSITIVE_INFINITY) as number[];
    return seen.every((element) => element >= least && element <= most) || seen;
  };
/** A variable after an update of it. */
export const updated =
  (name: string, wanted: unknown): Made =>
  (update, given, sess) => {
    sess.runSync(tf.globalVariablesInitializer());
    sess.runSync(update as tf.Tensor);
    const seen = sess.runSync(given[name] as tf.Tensor).toArray();
    return isSame(seen, wanted) || seen;
  };

export const f = (value: tf.ArrayLike): tf.Tensor => tf.constant(value);
export const i = (value: tf.ArrayLike): tf.Tensor => tf.constant(value, 'int32');
export const variable = (value: number[] | number, name: string): tf.Variable => new tf.Variable(value, { name });
export const pair = () => ({ x: f([1, 2]), y: f([3, 5]) });
export const LITTLE = [
  [1, 2],
  [3, 4],
];
export const square = () => ({ n: 2, x: f(LITTLE) });
export const segments = () => ({ x: f([1, 5, 3]), ids: i([0, 1, 1]), n: 3 });
/** A picture of 4x4 and one channel, 0 to 15, and one of 2x2 and four channels. */
export const picture = () => ({ x: tf.reshape(tf.range(16), [1, 4, 4, 1]), n: 1, h: 4, w: 4, k: 2, c: 1 });
export const deep = () => ({ x: tf.reshape(tf.range(16), [1, 2, 2, 4]), n: 1, h: 2, w: 2, k: 2, c: 1 });
/** A loss of which the gradient by v is [4, 8], and a slot of ones. */
export const slotted = () => {
  const v = variable([1, 2], 'v');
  const loss = tf.reduceSum(tf.square(v).mul(2));
  return { v, loss, g: tf.gradients(loss, [v])[0], slot: variable([1, 1], 'slot'), rate: 0.1 };
};
export const sequences = () => {
  const rows = [
    [1, 2, 3],
    [4, 5, 6],
  ];
  return { x: f(rows), lengths: i([2, 3]), n: 3 };
};

/** By the first name of a row. */
export type Ways = Readonly<Record<string, Way>>;
