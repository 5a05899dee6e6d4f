// AVA on the device: first the programs V1 to V6 as they are, with the device as every session's, then the op tables on fresh random
// inputs, every case twice. `node tools/gpu/tests.mjs --out tests.json [--device /gpu:0] [--cases 60] [--seed n] [--match word,...]`
import { spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { parseArgs } from 'node:util';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const cli = path.join(path.dirname(createRequire(import.meta.url).resolve('ava')), 'cli.mjs');
const { values: options } = parseArgs({
  options: {
    device: { type: 'string', default: '/gpu:0' },
    out: { type: 'string' },
    cases: { type: 'string', default: '60' },
    seed: { type: 'string', default: String(Date.now() % 1e8) },
    match: { type: 'string', default: 'v\\d-,cuda,random,ops\\.,special' },
  },
});
const words = options.match.split(',').map((word) => new RegExp(`^${word}`));
const files = (folder) =>
  readdirSync(path.join(root, 'build-ts', 'test', folder))
    .filter((name) => name.endsWith('.test.js') && words.some((word) => word.test(name)))
    .map((name) => path.join('build-ts', 'test', folder, name));

const found = { device: options.device, seed: Number(options.seed), cases: Number(options.cases), groups: [] };
const save = () => options.out && writeFileSync(options.out, `${JSON.stringify(found, null, 1)}\n`);

/** Runs some files; what fails is kept with its lines. */
const run = (name, list, env) =>
  new Promise((resolve) => {
    const group = { name, files: list.length, passed: 0, failed: 0, skipped: 0, failures: [], seconds: 0 };
    found.groups.push(group);
    if (list.length === 0) return resolve();
    const started = Date.now();
    const args = [cli, '--tap', '--concurrency', String(availableParallelism()), ...list];
    const child = spawn(process.execPath, args, { cwd: root, env: { ...process.env, ...env } });
    child.stderr.pipe(process.stderr);
    let failure;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const result = /^\s*(not ok|ok) \d+ - (.*)$/.exec(line);
      if (result === null) {
        if (failure && failure.lines.length < 40) failure.lines.push(line);
        return;
      }
      failure = undefined;
      if (/# (SKIP|TODO)\b/.test(result[2])) group.skipped++;
      else if (result[1] === 'ok') group.passed++;
      else {
        group.failed++;
        failure = { title: result[2], lines: [] };
        group.failures.push(failure);
        console.log(`NOT OK ${result[2]}`);
        save();
      }
    });
    child.on('close', (code) => {
      group.seconds = (Date.now() - started) / 1000;
      // A file that crashed names no test.
      if (code !== 0 && group.failed === 0) group.crashed = `exit code ${code}`;
      console.log(
        `${name}: ${group.passed} passed, ${group.failed} failed, ${group.skipped} skipped ${group.crashed ?? ''} (${group.seconds.toFixed(0)} s)`,
      );
      save();
      resolve();
    });
  });

await run('programs', files('e2e'), { GRAFO_DEVICE: options.device });
await run('op tables', files('ops'), {
  GRAFO_TEST_DEVICE: options.device,
  GRAFO_TEST_TWICE: '1',
  GRAFO_CASES: options.cases,
  GRAFO_SEED: options.seed,
});
console.log(`tests: GRAFO_SEED=${options.seed} makes them again`);
process.exitCode = found.groups.every(({ failed, crashed }) => failed === 0 && crashed === undefined) ? 0 : 1;
