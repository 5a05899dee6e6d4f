// docs/environment.md has every variable that is read, and no other.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { ROOT } from '../helpers/root.js';

const textOf = (file: string): string => readFileSync(path.join(ROOT, file), 'utf8');
const files = (folder: string, pattern: RegExp): string[] =>
  readdirSync(path.join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name)));
const all = (text: string, pattern: RegExp): string[] => [...text.matchAll(pattern)].map(([, name]) => name!);

const table = textOf('docs/environment.md')
  .split('\n')
  .flatMap((line) => all(line, /^\| `(\w+)` \|/g));

/** In scripts every GRAFO_ name is a variable; in C++ most are macros, and in CMake most are its own. */
const inSources = (): Set<string> => {
  const scripts = ['lib', 'tools', 'bench', 'test', 'examples'].flatMap((folder) => files(folder, /\.(ts|mjs|sh|py)$/));
  return new Set([
    ...[...scripts, '.ci/run'].flatMap((file) => all(textOf(file), /\b(GRAFO_\w+)/g)),
    ...files('native', /\.(cc|cu|cuh|h)$/).flatMap((file) => all(textOf(file), /\bgetenv\("(GRAFO_\w+)"\)/g)),
    ...all(textOf('CMakeLists.txt'), /\bENV\{(GRAFO_\w+)\}/g),
    ...all(textOf('CMakeLists.txt'), /\boption\((GRAFO_\w+) /g),
    ...all(textOf('CMakeLists.txt'), /\bset\((GRAFO_\w+) [^)]*\bCACHE\b/g),
  ]);
};

test('docs/environment.md has every variable that is read', (t) => {
  t.true(table.length > 30);
  t.deepEqual(
    [...inSources()].filter((name) => !table.includes(name)),
    [],
  );
});
test('docs/environment.md has no variable that nothing reads, and none twice', (t) => {
  const found = inSources();
  t.deepEqual(
    table.filter((name, i) => !found.has(name) || table.indexOf(name) !== i),
    [],
  );
});
