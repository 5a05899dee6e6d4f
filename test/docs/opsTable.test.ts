// docs/ops.md is what the rows, and the plans of their cases, say.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { ROOT } from '../helpers/root.js';

test('docs/ops.md is up to date: node tools/opsTable.mjs writes it', async (t) => {
  const { currentPage } = (await import(pathToFileURL(path.join(ROOT, 'tools/opsTable.mjs')).href)) as {
    currentPage: () => Promise<string>;
  };
  t.true(readFileSync(path.join(ROOT, 'docs/ops.md'), 'utf8') === (await currentPage()));
});
