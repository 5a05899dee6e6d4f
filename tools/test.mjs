// `npm test`: lint, types, the engine's C++ tests, and AVA. Ends with one line, `N passed, N failed`; what was skipped stands before it with its reason.
// Options: --full (the long ones too), --no-native, and AVA's file patterns after `--`.
import { spawn, spawnSync } from 'node:child_process';
import { createRequire } from 'node:module';
import { availableParallelism } from 'node:os';
import path from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from './build.mjs';
import { cmakeFolder, jobs, upToDate } from './lib/nativeBuild.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const require = createRequire(import.meta.url);
const args = process.argv.slice(2);
const split = args.indexOf('--');
const options = new Set(split < 0 ? args : args.slice(0, split));
const patterns = split < 0 ? [] : args.slice(split + 1);

const total = { passed: 0, failed: 0 };
const skipped = [];
let before = Date.now();
/** One line: how the stage went, and its seconds. */
const say = (ok, name, detail = '') => {
  const seconds = ((Date.now() - before) / 1000).toFixed(0);
  before = Date.now();
  console.log(`${ok ? 'ok' : 'NOT OK'}  ${name} (${seconds} s)${detail}`);
};
const stage = (name, ok, detail) => {
  total[ok ? 'passed' : 'failed']++;
  say(ok, name, detail);
};

const lint = () => {
  const bin = path.join(path.dirname(require.resolve('@biomejs/biome/package.json')), 'bin', 'biome');
  const result = spawnSync(process.execPath, [bin, 'check', '--error-on-warnings'], { cwd: root, encoding: 'utf8' });
  if (result.status !== 0) console.log(result.stdout + result.stderr);
  stage('lint', result.status === 0);
};

const types = async () => {
  try {
    await build();
    stage('types and bundle', true);
    return true;
  } catch (error) {
    stage('types and bundle', false, `\n${error.message}`);
    return false;
  }
};

/** Builds and runs the engine's own tests, which need CMake. */
const native = () => {
  if (options.has('--no-native')) return;
  if (spawnSync('cmake', ['--version']).status !== 0) {
    skipped.push("the engine's C++ tests: no cmake on this machine");
    return;
  }
  // The tests link the libraries' own objects where CMake built the addon here; else everything is compiled for them.
  const folder = cmakeFolder() ?? path.join(root, 'build-tests');
  const run = (command, list) => spawnSync(command, list, { cwd: root, encoding: 'utf8', maxBuffer: 1 << 28 });
  const steps = [
    ['cmake', ['--build', folder, '--target', 'grafo_native_tests', 'grafo_cuda_emulated', '-j', String(jobs())]],
  ];
  if (cmakeFolder() === undefined) steps.unshift(['cmake', ['-S', root, '-B', folder, '-DCMAKE_BUILD_TYPE=Release']]);
  for (const [command, list] of steps) {
    const result = run(command, list);
    if (result.status !== 0) {
      stage("build of the engine's C++ tests", false, `\n${result.stdout}${result.stderr}`);
      return;
    }
  }
  if (!upToDate()) console.log('note  the addon is older than its sources: npm run build:native');
  const result = run(path.join(folder, 'grafo_native_tests'), options.has('--full') ? ['--all'] : []);
  skipped.push(...(result.stdout.match(/^skipped: .*$/gm) ?? []).map((line) => line.slice('skipped: '.length)));
  const counts = /(\d+) passed, (\d+) failed\s*$/.exec(result.stdout);
  if (counts === null) return stage("the engine's C++ tests", false, `\n${result.stdout}${result.stderr}`);
  total.passed += Number(counts[1]);
  total.failed += Number(counts[2]);
  if (Number(counts[2]) > 0 || result.status !== 0) console.log(result.stdout + result.stderr);
  say(counts[2] === '0', `the engine's C++ tests: ${counts[0].trim()}`);
};

/** AVA in TAP form: skipped tests say `# SKIP`, and count as neither. */
const ava = () =>
  new Promise((resolve) => {
    const cli = path.join(path.dirname(require.resolve('ava')), 'cli.mjs');
    const env = { ...process.env, ...(options.has('--full') ? { GRAFO_FULL: '1' } : {}) };
    const child = spawn(
      process.execPath,
      [cli, '--tap', '--concurrency', String(availableParallelism()), ...patterns],
      {
        cwd: root,
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      },
    );
    const counts = { passed: 0, failed: 0 };
    let failing = false;
    createInterface({ input: child.stdout }).on('line', (line) => {
      const result = /^\s*(not ok|ok) \d+ - (.*)$/.exec(line);
      if (result === null) {
        if (failing) console.log(line);
        // A test's own lines; `# skip 4` at the end is TAP's count of what was named before.
        else if (/^\s*# (?!skip \d+$).*skip/i.test(line)) skipped.push(line.trim().slice(2));
        return;
      }
      const [, verdict, title] = result;
      failing = false;
      if (/# TODO\b/.test(title)) return;
      if (/# SKIP\b/.test(title)) skipped.push(title.replace(/\s*# SKIP.*/, ''));
      else if (verdict === 'ok') counts.passed++;
      else {
        counts.failed++;
        failing = true;
        console.log(`NOT OK  ${title}`);
      }
    });
    child.on('close', (code) => {
      total.passed += counts.passed;
      total.failed += counts.failed;
      // A file that crashed or timed out fails the whole, also where TAP named no test for it.
      if (code !== 0 && counts.failed === 0) stage('AVA', false, ` (exit code ${code})`);
      say(counts.failed === 0 && code === 0, `AVA: ${counts.passed} passed, ${counts.failed} failed`);
      resolve();
    });
  });

const started = Date.now();
lint();
const compiled = await types();
native();
if (compiled) await ava();
for (const what of skipped) console.log(`skipped  ${what}`);
console.log(`${((Date.now() - started) / 1000).toFixed(0)} s`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 ? 0 : 1);
