// The README's example runs as it stands there and prints what stands below it.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { ROOT } from '../helpers/root.js';

test('the example of the README prints what the README says', (t) => {
  const readme = readFileSync(path.join(ROOT, 'README.md'), 'utf8');
  const match = /<!-- test\/e2e\/readme[\s\S]*?```js\n([\s\S]*?)```\n```text\n([\s\S]*?)```/.exec(readme);
  t.truthy(match);
  // Inside the package its own name resolves to itself, as it does for a user.
  const file = path.join(ROOT, `readme-example-${process.pid}.mjs`);
  writeFileSync(file, match![1]!);
  try {
    t.is(execFileSync(process.execPath, [file], { encoding: 'utf8' }), match![2]!);
  } finally {
    rmSync(file);
  }
});
