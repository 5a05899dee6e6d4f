// Runs an example by name: `node tools/run.mjs mnist --epochs 5` runs examples/mnist.ts, compiled first where that is needed.
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, statSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [given, ...args] = process.argv.slice(2);
const name = path.basename(given ?? '', '.ts');
const names = readdirSync(path.join(root, 'examples'))
  .filter((file) => file.endsWith('.ts'))
  .map((file) => path.basename(file, '.ts'));
if (!names.includes(name)) {
  console.error(`usage: npm run example -- NAME [options]\n  NAME is one of: ${names.join(', ')}`);
  process.exit(2);
}
const compiled = path.join(root, 'build-ts', 'examples', `${name}.js`);
const newest = (folder) =>
  Math.max(
    ...readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => statSync(path.join(entry.parentPath, entry.name)).mtimeMs),
  );
const sources = Math.max(newest(path.join(root, 'lib')), newest(path.join(root, 'examples')));
if (!existsSync(compiled) || statSync(compiled).mtimeMs < sources) await build();
process.exit(spawnSync(process.execPath, [compiled, ...args], { stdio: 'inherit', cwd: process.cwd() }).status ?? 1);
