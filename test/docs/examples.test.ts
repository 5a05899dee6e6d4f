// Every example in the JSDoc runs and gives what stands behind its `//`.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import * as tf from '../../lib/index.js';
import { ROOT } from '../helpers/root.js';
import { isSame, plain, shown } from '../helpers/values.js';

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

const examples = sources().flatMap(examplesOf);

test('the JSDoc holds examples', (t) => {
  t.true(examples.length > 150, `${examples.length}`);
});

for (const { where, code, expected } of examples) {
  test(`${where}: ${code}`, (t) =>
    new tf.Graph().asDefault(() => {
      using session = new tf.Session({ onLog: () => {} });
      const sess = session;
      const x = /\bx\b/.test(code) ? tf.placeholderWithDefault([1, 2, 3], [3]) : undefined;
      const run = new Function('tf', 'sess', 'x', `return (${code});`) as (...args: unknown[]) => unknown;
      const value = plain(run(tf, sess, x), session);
      const wanted: unknown = new Function(`return (${expected});`)();
      t.true(isSame(value, wanted), `gives ${shown(value)}, not ${expected}`);
    }));
}
