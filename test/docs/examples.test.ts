// Every example in the JSDoc runs and gives what stands behind its `//`.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import * as tf from '../../lib/index.js';
import { ROOT } from '../helpers/root.js';

interface Example {
  readonly where: string;
  readonly code: string;
  readonly expected: string;
}

const sources = (): string[] =>
  readdirSync(path.join(ROOT, 'lib'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => path.join(entry.parentPath, entry.name));

/** `@example CODE // RESULT` on one line, and `CODE // RESULT` in backticks. */
const examplesOf = (file: string): Example[] =>
  readFileSync(file, 'utf8')
    .split('\n')
    .flatMap((line, i) => {
      const match =
        /@example (.+?) \/\/ (.+?)\s*(?:\*\/)?$/.exec(line) ??
        /^\s*(?:\/\*\*|\*).*`((?:new )?(?:tf|String\(tf)[.(].+?) \/\/ ([^`]+)`/.exec(line);
      return match === null
        ? []
        : [{ where: `${path.relative(ROOT, file)}:${i + 1}`, code: match[1]!, expected: match[2]! }];
    });

/** A result as plain values: tensors are run, nested ones too. */
const plain = (value: unknown, session: tf.Session): unknown => {
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
const isSame = (a: unknown, b: unknown): boolean => {
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

const examples = sources().flatMap(examplesOf);

test('the JSDoc holds examples', (t) => {
  t.true(examples.length > 150, `${examples.length}`);
});

for (const { where, code, expected } of examples) {
  test(`${where}: ${code}`, (t) =>
    new tf.Graph().asDefault(() => {
      using session = new tf.Session();
      const sess = session;
      const x = /\bx\b/.test(code) ? tf.placeholderWithDefault([1, 2, 3], [3]) : undefined;
      const run = new Function('tf', 'sess', 'x', `return (${code});`) as (...args: unknown[]) => unknown;
      const value = plain(run(tf, sess, x), session);
      const wanted: unknown = new Function(`return (${expected});`)();
      t.true(
        isSame(value, wanted),
        `gives ${JSON.stringify(value, (_, item) => (typeof item === 'bigint' ? Number(item) : item))}, not ${expected}`,
      );
    }));
}
