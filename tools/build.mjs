// Builds the TypeScript: every file by tsc into build-ts (tests and examples run from there), and the package's bundle and types into dist.
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { warmStart, writeStart } from './lib/start.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);

const bin = (name, script) => path.join(path.dirname(require.resolve(`${name}/package.json`)), script);

/**
 * A class that says its own name is `var A = class _A` in a bundle: called _A by whoever asks, and in texts of errors. A blank in place of the
 * letter leaves every position, and so the source map, as it is.
 */
const plainNames = (file) => {
  const bundle = readFileSync(file, 'utf8');
  const names = [...bundle.matchAll(/var (\w+) = class _\1\b/g)].map(([, name]) => name);
  if (names.length === 0) return;
  writeFileSync(file, bundle.replace(new RegExp(`(?<![\\w$.#])_(?=(?:${names.join('|')})\\b)`, 'g'), ' '));
};

/** Runs tsc and esbuild; throws where one of them fails. */
export const build = async () => {
  // A dependency's own `prepare` runs without devDependencies where the package is installed from a folder: nothing to do then.
  if (!existsSync(path.join(root, 'node_modules', 'typescript')) && existsSync(path.join(root, 'dist', 'index.js')))
    return;
  rmSync(path.join(root, 'build-ts'), { recursive: true, force: true });
  execFileSync(process.execPath, [bin('typescript', 'bin/tsc'), '-p', path.join(root, 'tsconfig.json')], {
    stdio: 'inherit',
    cwd: root,
  });
  rmSync(path.join(root, 'dist'), { recursive: true, force: true });
  const esbuild = await import('esbuild');
  await esbuild.build({
    absWorkingDir: root,
    entryPoints: ['lib/index.ts'],
    outfile: 'dist/index.js',
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node20.19',
    sourcemap: true,
    // Lines are enough for a stack; the sources would be two thirds of the map.
    sourcesContent: false,
    legalComments: 'none',
  });
  plainNames(path.join(root, 'dist', 'index.js'));
  writeStart();
  cpSync(path.join(root, 'build-ts', 'lib'), path.join(root, 'dist', 'types'), {
    recursive: true,
    filter: (source) => !/\.js(\.map)?$/.test(source),
  });
  warmStart();
};

const newest = (folder) =>
  Math.max(
    ...readdirSync(path.join(root, folder), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => statSync(path.join(entry.parentPath, entry.name)).mtimeMs),
  );

/** The compiled file of a source such as `bench/run`; builds first where it is missing or older than the sources. */
export const ensureBuilt = async (source) => {
  const compiled = path.join(root, 'build-ts', `${source}.js`);
  const sources = Math.max(...['lib', source.split('/')[0], 'examples'].map(newest));
  if (!existsSync(compiled) || statSync(compiled).mtimeMs < sources) await build();
  return compiled;
};

/** Runs the compiled file of a source as this process: with its arguments, and ends as it does. */
export const runBuilt = async (source, args) => {
  const compiled = await ensureBuilt(source);
  process.exit(spawnSync(process.execPath, [compiled, ...args], { stdio: 'inherit' }).status ?? 1);
};

if (process.argv[1] === fileURLToPath(import.meta.url)) await build();
