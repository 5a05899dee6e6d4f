// Every example in the JSDoc runs and gives what stands behind its `//`.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { parseDevice } from '../../lib/core/device.js';
import { shortest } from '../../lib/core/format.js';
import * as tf from '../../lib/index.js';
import { ROOT } from '../helpers/root.js';
import { isSame, plain, shown } from '../helpers/values.js';

interface Example {
  readonly where: string;
  readonly lines: readonly string[];
}

const sources = (): string[] =>
  readdirSync(path.join(ROOT, 'lib'), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name.endsWith('.ts'))
    .map((entry) => path.join(entry.parentPath, entry.name));

/** `@example` with lines up to the next tag or the end, and `CODE // RESULT` in backticks, where CODE calls something. */
const examplesOf = (file: string): Example[] => {
  const text = readFileSync(file, 'utf8');
  const at = (offset: number): string => `${path.relative(ROOT, file)}:${text.slice(0, offset).split('\n').length}`;
  return [...text.matchAll(/\/\*\*(?:(?!\*\/)[\s\S])*\*\//g)].flatMap((comment) => {
    const words = comment[0]
      .slice(3, -2)
      .split('\n')
      .map((line) => line.replace(/^\s*\* ?/, ''));
    const found: Example[] = [];
    for (const [i, line] of words.entries()) {
      const where = at(comment.index + comment[0].split('\n').slice(0, i).join('\n').length + 1);
      const [, first] = /^\s*@example\b ?(.*)$/.exec(line) ?? [];
      if (first !== undefined) {
        const end = words.findIndex((other, j) => j > i && /^\s*@/.test(other));
        const lines = [first, ...words.slice(i + 1, end < 0 ? undefined : end)].map((code) => code.trim());
        found.push({ where, lines: lines.filter((code) => code !== '') });
      } else {
        for (const [, code] of line.matchAll(/`([^`]*\([^`]* \/\/ [^`]+)`/g)) found.push({ where, lines: [code!] });
      }
    }
    return found;
  });
};

/** Names that examples may read without making them. */
const known = (sess: tf.Session): Record<string, () => unknown> => {
  const made = new Map<string, unknown>();
  const once =
    <T>(name: string, make: () => T) =>
    (): T => {
      if (!made.has(name)) made.set(name, make());
      return made.get(name) as T;
    };
  const x = once('x', () => tf.placeholderWithDefault([1, 2, 3], [null]));
  const y = once('y', () => tf.placeholderWithDefault(1, []));
  const w = once('w', () => new tf.Variable([[1], [1]], { name: 'w' }));
  const loss = once('loss', () => tf.reduceSum(x()).mul(y()).mul(tf.reduceSum(w())));
  return {
    x,
    y,
    w,
    loss,
    sess: () => sess,
    train: once('train', () => new tf.train.GradientDescentOptimizer(0.1).minimize(loss())),
    batch: () => [1, 2, 3],
    batches: () => [[[1, 2, 3], 4]],
    trace: () => new tf.Trace(),
    fs: () => ({ writeFileSync: () => {} }),
    console: () => ({ log: () => {} }),
    // Of the inside.
    parseDevice: () => parseDevice,
    shortest: () => shortest,
  };
};

type Check = (seen: () => unknown, expected: string) => void;
const AsyncFunction = (async () => {}).constructor as new (
  ...args: string[]
) => (...values: unknown[]) => Promise<void>;

/**
 * An example as a function: `EXPRESSION // RESULT` is a comparison, `// prints ...` a remark, other lines are statements. What it cannot
 * take is a SyntaxError, and so a failed test.
 */
const compiled = ({ lines }: Example, sess: tf.Session) => {
  const code = lines
    .map((line) => {
      const [, expression, expected] = /^(.*?);?\s+\/\/ (.+)$/.exec(line) ?? [];
      if (expected?.startsWith('prints ')) return expression;
      // `using` is younger than this Node.
      if (expected === undefined) return line.replace(/^using /, 'const ');
      return `check(() => (${expression}), ${JSON.stringify(expected)});`;
    })
    .join('\n');
  const named = Object.entries(known(sess)).filter(
    ([name]) => new RegExp(`(?<![\\w.'])${name}(?![\\w'])`).test(code) && !new RegExp(`\\bconst ${name}\\b`).test(code),
  );
  const values = named.map(([, make]) => make());
  const run = new AsyncFunction('tf', 'check', ...named.map(([name]) => name), code);
  return { values, run: (check: Check) => run(tf, check, ...values) };
};

const examples = sources().flatMap(examplesOf);

test('the JSDoc holds examples', (t) => {
  t.true(examples.length > 230, `${examples.length}`);
  t.true(examples.filter(({ lines }) => lines.length > 1).length >= 8);
});

for (const example of examples) {
  test(`${example.where}: ${example.lines.join(' ')}`, async (t) => {
    const graph = new tf.Graph();
    using sess = new tf.Session({ graph, onLog: () => {} });
    let checks = 0;
    let ended: Promise<void> | undefined;
    graph.asDefault(() => {
      const { values, run } = compiled(example, sess);
      if (values.some((value) => value instanceof tf.Tensor || value instanceof tf.Operation))
        sess.runSync(tf.globalVariablesInitializer());
      // Up to its first `await` it runs here, in the graph.
      ended = run((seen, expected) => {
        checks++;
        const value = plain(seen(), sess);
        const wanted: unknown = new Function(`return (${expected});`)();
        t.true(isSame(value, wanted), `gives ${shown(value)}, not ${expected}`);
      });
    });
    await ended;
    t.is(checks, example.lines.filter((line) => line.includes(' // ') && !line.includes(' // prints ')).length);
  });
}
