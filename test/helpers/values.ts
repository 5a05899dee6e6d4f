// What an expression of a document gives, as plain values, and whether that is what the document says.
import * as tf from '../../lib/index.js';

/** A result as plain values: tensors are run, nested ones too. */
export const plain = (value: unknown, session: tf.Session): unknown => {
  if (value instanceof tf.Tensor || value instanceof tf.Variable) {
    session.runSync(tf.globalVariablesInitializer());
    return session.runSync(value as tf.Tensor).toArray();
  }
  if (value instanceof tf.NDArray) return value.toArray();
  if (ArrayBuffer.isView(value)) return Array.from(value as unknown as Iterable<number>);
  if (Array.isArray(value)) return value.map((item) => plain(item, session));
  if (value !== null && typeof value === 'object' && Object.getPrototypeOf(value) === Object.prototype) {
    return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, plain(item, session)]));
  }
  return value;
};

/** Equal up to the digits that float32 prints; integers of 64 bits may be written as numbers. */
export const isSame = (a: unknown, b: unknown): boolean => {
  if (typeof a === 'bigint' || typeof b === 'bigint') return String(a) === String(b);
  if (typeof a === 'number' && typeof b === 'number') {
    return Object.is(a, b) || a === b || Math.abs(a - b) <= 2e-6 * Math.max(Math.abs(a), Math.abs(b));
  }
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => isSame(item, b[i]));
  if (a !== null && b !== null && typeof a === 'object' && typeof b === 'object') {
    const keys = Object.keys(b);
    return keys.length === Object.keys(a).length && keys.every((key) => isSame((a as never)[key], (b as never)[key]));
  }
  return a === b;
};

/** For messages. */
export const shown = (value: unknown): string =>
  JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? Number(item) : item)) ?? String(value);
