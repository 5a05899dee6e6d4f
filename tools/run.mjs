// Runs an example by name: `node tools/run.mjs mnist --epochs 5` runs examples/mnist.ts, compiled first where that is needed.
import { readdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { runBuilt } from './build.mjs';

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
await runBuilt(`examples/${name}`, args);
