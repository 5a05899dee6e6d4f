// The user's line in errors: whatever the folder's name, what a program does to `Error`, and where the package was moved.
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { ROOT } from '../helpers/root.js';

const LIBRARY = pathToFileURL(path.join(ROOT, 'build-ts/lib/index.js')).href;
/** What a program prints that lies in a folder of this name. */
const printed = (folder: string, file: string, code: string, ...flags: string[]): string => {
  const work = mkdtempSync(path.join(os.tmpdir(), 'grafo-places-'));
  try {
    const inside = path.join(work, folder);
    mkdirSync(inside, { recursive: true });
    writeFileSync(path.join(inside, 'lib.mjs'), LIB);
    writeFileSync(path.join(inside, file), code);
    return execFileSync(process.execPath, [...flags, path.join(inside, file)], { encoding: 'utf8' });
  } finally {
    rmSync(work, { recursive: true });
  }
};

const LIB = `import * as tf from '${LIBRARY}';
export const make = () => tf.placeholder('float32', [2]);
`;
const PROGRAM = `import * as tf from '${LIBRARY}';
import { make } from './lib.mjs';
const x = make();
const sess = new tf.Session();
try { sess.runSync(tf.identity(x)); } catch (error) { console.log(error.createdAt, error.runFrom); }
await sess.run(tf.identity(x)).catch((error) => console.log(error.createdAt, error.runFrom));
`;

for (const folder of ['plain', '(group)', 'x (copy)', 'a)b(c', 'eval at (x)']) {
  test(`a program in a folder called ${folder}`, (t) => {
    const lines = printed(folder, 'page.mjs', PROGRAM).trim().split('\n');
    t.deepEqual(lines, ['lib.mjs:2:30 (make) page.mjs:5:12', 'lib.mjs:2:30 (make) page.mjs:6:12']);
  });
}

test('a frozen Error only makes stacks shorter, and call sites are read as lines', (t) => {
  const frozen = printed('frozen', 'page.mjs', PROGRAM.replace('const x', 'Object.freeze(Error);\nconst x'));
  t.regex(frozen, /page\.mjs:6:12\n/);
  const sites = printed(
    'sites',
    'page.mjs',
    PROGRAM.replace('const x', 'Error.prepareStackTrace = (_, sites) => sites;\nconst x'),
  );
  t.regex(sites, /^lib\.mjs:2:30 \(make\) page\.mjs:6:12\n/);
  const none = printed(
    'none',
    'page.mjs',
    PROGRAM.replace('const x', 'Error.prepareStackTrace = () => null;\nconst x'),
  );
  t.is(none, 'undefined undefined\nundefined undefined\n');
});

test('a package that was moved with its compiled code tells lines of where it is', (t) => {
  const work = mkdtempSync(path.join(os.tmpdir(), 'grafo-moved-'));
  try {
    for (const part of ['package.json', 'dist', 'build/Release'])
      cpSync(path.join(ROOT, part), path.join(work, 'node_modules/grafo', part), { recursive: true });
    const code = PROGRAM.replace(LIBRARY, 'grafo').replace(
      `import { make } from './lib.mjs';`,
      `const make = () => tf.placeholder('float32', [2]);`,
    );
    writeFileSync(path.join(work, 'page.mjs'), code);
    const lines = execFileSync(process.execPath, [path.join(work, 'page.mjs')], { encoding: 'utf8' })
      .trim()
      .split('\n');
    t.deepEqual(lines, ['page.mjs:2:23 (make) page.mjs:5:12', 'page.mjs:2:23 (make) page.mjs:6:12']);
  } finally {
    rmSync(work, { recursive: true });
  }
});
