// The examples of documents that name this file run as they stand there and print what stands below them.
import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { ROOT } from '../helpers/root.js';

const EXAMPLE = /<!-- test\/e2e\/readme[^>]*-->\n```js\n([\s\S]*?)```\n```text\n([\s\S]*?)```/g;

for (const document of ['README.md', 'docs/inside/plan.md']) {
  test(`the example of ${document} prints what stands below it`, (t) => {
    const text = readFileSync(path.join(ROOT, document), 'utf8');
    const examples = [...text.matchAll(EXAMPLE)];
    t.is(examples.length, 1);
    t.is(text.match(/<!-- test\/e2e\/readme/g)?.length, 1);
    // Inside the package its own name resolves to itself, as it does for a user.
    const file = path.join(ROOT, `example-${path.basename(document, '.md')}-${process.pid}.mjs`);
    writeFileSync(file, examples[0]![1]!);
    try {
      t.is(execFileSync(process.execPath, [file], { encoding: 'utf8' }), examples[0]![2]!);
    } finally {
      rmSync(file);
    }
  });
}
