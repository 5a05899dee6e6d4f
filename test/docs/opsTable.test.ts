// docs/ops.md is what the rows say.
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { allOps } from '../../lib/core/defineOp.js';
import * as tf from '../../lib/index.js';
import { ROOT } from '../helpers/root.js';

test('docs/ops.md is up to date: node tools/opsTable.mjs writes it', async (t) => {
  tf.constant(0);
  const { opsPage } = (await import(pathToFileURL(path.join(ROOT, 'tools/opsTable.mjs')).href)) as {
    opsPage: (rows: unknown, dtypes: unknown) => string;
  };
  t.true(readFileSync(path.join(ROOT, 'docs/ops.md'), 'utf8') === opsPage(allOps(), tf.DTYPES));
});
