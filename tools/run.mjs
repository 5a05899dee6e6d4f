// Runs an example by name: `node tools/run.mjs mnist --epochs 5` runs examples/mnist.ts, compiled first where that is needed.
import { spawnSync } from 'node:child_process';
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from './build.mjs';

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
const compiled = await ensureBuilt(`examples/${name}`);
process.exit(spawnSync(process.execPath, [compiled, ...args], { stdio: 'inherit', cwd: process.cwd() }).status ?? 1);
