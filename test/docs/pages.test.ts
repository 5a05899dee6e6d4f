// docs/ops.md is what the rows, and the plans and gradients of their cases, say; docs/api.md what the declarations say.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { ROOT } from '../helpers/root.js';

for (const [page, tool] of [
  ['docs/ops.md', 'tools/opsTable.mjs'],
  ['docs/api.md', 'tools/apiPage.mjs'],
] as const) {
  test(`${page} is up to date: node ${tool} writes it`, async (t) => {
    const { currentPage } = (await import(pathToFileURL(path.join(ROOT, tool)).href)) as {
      currentPage: () => Promise<string>;
    };
    t.true(readFileSync(path.join(ROOT, page), 'utf8') === (await currentPage()));
  });
}

test('docs/api.md says of every name what it is', (t) => {
  const rows = readFileSync(path.join(ROOT, 'docs/api.md'), 'utf8')
    .split('\n')
    .filter((line) => line.startsWith('| `'));
  t.true(rows.length > 270, `${rows.length}`);
  t.deepEqual(
    rows.filter((line) => !/^\| `[^`]+` \| .*\w.* \|$/.test(line)),
    [],
  );
});
