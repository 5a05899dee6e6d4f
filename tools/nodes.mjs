// `npm run test:nodes`: the same grafo.node on Node 20, 22 and 24: 200 workers terminated in flight, and the core of the suite.
// Newer Nodes come from the npm registry into build-nodes/; what cannot be had is skipped aloud, or fails with GRAFO_REQUIRE=nodes.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from './build.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const asked = process.argv.slice(2).filter((word) => /^\d+$/.test(word));
const versions = asked.length > 0 ? asked : ['20', '22', '24'];
const CORE = [
  'native/hostile',
  'native/runs',
  'native/workers',
  'runtime/session',
  'runtime/training',
  'grad/gradients',
  'e2e/v3-linear',
];

const total = { passed: 0, failed: 0 };
const skipped = [];
const stage = (name, ok, detail = '') => {
  total[ok ? 'passed' : 'failed']++;
  console.log(`${ok ? 'ok' : 'NOT OK'}  ${name}${ok ? '' : `\n${detail}`}`);
};
const run = (command, args, env = {}) => {
  const result = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, ...env },
  });
  return { status: result.status ?? result.signal, out: result.stdout ?? '', err: result.stderr ?? '' };
};

/** The binary of a Node version, or why there is none. */
const binary = (version) => {
  if (process.versions.node.split('.')[0] === version) return { node: process.execPath };
  const name = `node-${process.platform}-${process.arch}`;
  const folder = path.join(root, 'build-nodes', version);
  const node = path.join(folder, 'package', 'bin', 'node');
  if (!existsSync(node)) {
    mkdirSync(folder, { recursive: true });
    const packed = run('npm', ['pack', '--silent', '--pack-destination', folder, `${name}@${version}`]);
    if (packed.status !== 0)
      return { missing: `npm pack ${name}@${version} failed: ${packed.err.trim().split('\n').at(-1)}` };
    const unpacked = run('tar', [
      '-xzf',
      path.join(folder, packed.out.trim().split('\n').at(-1)),
      '-C',
      folder,
      'package/bin/node',
    ]);
    if (unpacked.status !== 0) return { missing: unpacked.err.trim() };
  }
  return { node };
};

await ensureBuilt('test/native/programs/inFlight');
for (const version of versions) {
  const { node, missing } = binary(version);
  if (node === undefined) {
    if ((process.env.GRAFO_REQUIRE ?? '').split(',').includes('nodes')) stage(`Node ${version}`, false, missing);
    else skipped.push(`Node ${version}: ${missing}`);
    continue;
  }
  const exact = run(node, ['--version']).out.trim();
  const rounds = run(node, [
    path.join(root, 'build-ts', 'test', 'native', 'programs', 'inFlight.js'),
    'terminate',
    '200',
  ]);
  let counts = {};
  try {
    counts = JSON.parse(rounds.out.split('\n')[0]);
  } catch {
    // The exit code says it.
  }
  stage(
    `Node ${exact}: ${counts.flying} of ${counts.rounds} workers terminated in flight, the slowest after ${counts.slowest} ms`,
    rounds.status === 0 && counts.flying >= 190,
    `exit ${rounds.status}\n${rounds.err.slice(-3000)}`,
  );
  const cli = path.join(root, 'node_modules', 'ava', 'entrypoints', 'cli.mjs');
  const files = CORE.map((name) => `build-ts/test/${name}.test.js`).filter((file) => existsSync(path.join(root, file)));
  const suite = run(node, [cli, '--no-worker-threads', '--tap', '--concurrency', '2', ...files]);
  const passed = suite.out.match(/^\s*ok (?!.*# SKIP)/gm)?.length ?? 0;
  const failed = suite.out.match(/^\s*not ok .*$/gm) ?? [];
  stage(
    `Node ${exact}: ${files.length} test files, ${passed} passed, ${failed.length} failed`,
    suite.status === 0 && passed > 0,
    `${failed.join('\n')}\n${suite.out.slice(-3000)}${suite.err.slice(-2000)}`,
  );
}
for (const what of skipped) console.log(`skipped  ${what}`);
console.log(`${total.passed} passed, ${total.failed} failed`);
process.exit(total.failed === 0 ? 0 : 1);
