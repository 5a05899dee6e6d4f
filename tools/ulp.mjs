// `npm run test:ulp [-- FUNCTOR...]`: every float functor over all 2^32 floats against the C library's double functions, a process for each,
// as many at a time as there are processors. Two to five minutes a functor. Ends with `N passed, N failed`.
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import path from 'node:path';
import { cmakeFolder, jobs, root } from './lib/nativeBuild.mjs';

const folder = cmakeFolder() ?? path.join(root, 'build-tests');
const build = (list) => {
  const { status } = spawnSync('cmake', list, { cwd: root, stdio: ['ignore', 'ignore', 'inherit'] });
  if (status !== 0) process.exit(2);
};
if (cmakeFolder() === undefined) build(['-S', root, '-B', folder, '-DCMAKE_BUILD_TYPE=Release']);
build(['--build', folder, '--target', 'grafo_native_tests', '-j', String(jobs())]);

const source = readFileSync(path.join(root, 'native', 'test', 'math_ulp.cc'), 'utf8');
const known = [...source.matchAll(/^ {2}scan<math::\w+>\("(\w+)"/gm)].map(([, name]) => name);
const asked = process.argv.slice(2);
const unknown = asked.filter((name) => !known.includes(name));
if (unknown.length > 0) {
  console.error(`There is no scan of ${unknown.join(', ')}. There are: ${known.join(' ')}`);
  process.exit(2);
}

const waiting = asked.length > 0 ? asked : [...known];
const total = { passed: 0, failed: 0 };
const worker = async () => {
  for (let name = waiting.shift(); name !== undefined; name = waiting.shift()) {
    const child = spawn(path.join(folder, 'grafo_native_tests'), ['--ulp', name], { stdio: 'inherit' });
    const code = await new Promise((resolve) => child.on('close', resolve));
    total[code === 0 ? 'passed' : 'failed']++;
    if (code !== 0) console.log(`FAILED ${name}`);
  }
};
await Promise.all(Array.from({ length: jobs() }, worker));
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 ? 0 : 1);
