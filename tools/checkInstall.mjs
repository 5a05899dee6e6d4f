// `npm run test:install`: every way to install, each really done in folders of its own, from this checkout's last commit. Names of cases
// may follow; ends with `N passed, N failed`. What this machine cannot show is skipped aloud. Several compilations: 10 minutes and more.
import { spawnSync } from 'node:child_process';
import {
  copyFileSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const { version } = JSON.parse(readFileSync(path.join(root, 'package.json'), 'utf8'));
const work = mkdtempSync(path.join(os.tmpdir(), 'grafo-install-'));
const COMPILERS = /^(.*-)?(cc|c\+\+|gcc|g\+\+|clang|clang\+\+)(-\d+)?$/;
const CMAKE = /^(cmake3?|cmake-.*)$/;

// What the npm that runs this script has told its scripts must not reach the ones below.
const clean = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(npm_|INIT_CWD|NODE_PATH|GRAFO_|CXX$|CC$)/i.test(name)),
);
// All levels are compiled once, in the first case; the others take the one that runs here.
const level = () => (/^flags.* avx2 .* fma |^flags.* fma .* avx2 /m.test(cpuinfo()) && os.arch() === 'x64' ? 'v3' : '');
const cpuinfo = () => (existsSync('/proc/cpuinfo') ? readFileSync('/proc/cpuinfo', 'utf8') : '');
const oneLevel = level() === '' ? {} : { GRAFO_LEVELS: level() };

class Skip extends Error {}

const folder = (name) => {
  const made = path.join(work, name);
  mkdirSync(made, { recursive: true });
  return made;
};

/** Runs a command; returns what it printed. Throws where its exit code is not the expected one. */
const run = (cwd, env, command, args, expected = 0) => {
  const child = spawnSync(command, args, { cwd, env: { ...clean, ...env }, encoding: 'utf8', maxBuffer: 1 << 28 });
  const text = `${child.stdout ?? ''}${child.stderr ?? ''}`;
  if (child.status === expected) return text;
  const end = text.split('\n').slice(-40).join('\n');
  throw new Error(
    `${command} ${args.join(' ')} in ${cwd}: ended with ${child.status ?? child.signal ?? child.error}\n${end}`,
  );
};
const npm = (cwd, env, ...args) => run(cwd, env, 'npm', [...args, '--no-audit', '--no-fund']);
const node = (cwd, env, ...args) => run(cwd, env, 'node', args);

const expect = (condition, text) => {
  if (!condition) throw new Error(text);
};

/** A PATH on which programs whose names match are missing. */
const without = (hidden, name) => {
  const to = folder(`path-${name}`);
  for (const from of (process.env.PATH ?? '').split(path.delimiter)) {
    if (from === '' || !existsSync(from)) continue;
    for (const program of readdirSync(from)) {
      if (hidden.test(program)) continue;
      try {
        symlinkSync(path.join(from, program), path.join(to, program));
      } catch (error) {
        if (error.code !== 'EEXIST') throw error; // the first on the PATH counts
      }
    }
  }
  return { PATH: to };
};

const bytes = (place) => {
  const stat = lstatSync(place);
  return stat.isDirectory()
    ? readdirSync(place).reduce((sum, name) => sum + bytes(path.join(place, name)), 0)
    : stat.size;
};
const megabytes = (place) => `${(bytes(place) / 1e6).toFixed(1)} MB`;

const clone = (name) => {
  const to = path.join(work, name);
  run(work, {}, 'git', ['clone', '-q', root, to]);
  return to;
};

/** doctor's report, and that it found the engine in the package's folder. */
const doctor = (cwd, env, script) => {
  const report = JSON.parse(node(cwd, env, script, 'doctor', '--json'));
  expect(report.ok, `doctor: ${JSON.stringify(report)}`);
  return report;
};

const start = (cwd, env) => {
  const text = npm(cwd, env, 'start');
  expect(/^accuracy 0\.\d+$/m.test(text), `npm start did not end with its accuracy:\n${text.slice(-500)}`);
  expect(existsSync(path.join(cwd, 'out', 'classifier.svg')), 'npm start wrote no out/classifier.svg');
};

let packed;
/** The tarball, made by `npm pack` from a clone that has its devDependencies. */
const tarball = () => {
  if (packed !== undefined) return packed;
  const from = clone('pack');
  npm(from, {}, 'ci', '--ignore-scripts');
  npm(from, {}, 'pack', '--pack-destination', work);
  packed = path.join(work, `grafo-${version}.tgz`);
  return packed;
};

/** An empty project with the README's example in it. */
const project = (name) => {
  const to = folder(name);
  writeFileSync(path.join(to, 'package.json'), '{ "name": "consumer", "private": true }\n');
  const readme = readFileSync(path.join(root, 'README.md'), 'utf8');
  const [, program, output] = /```js\n([\s\S]*?)```\n```text\n([\s\S]*?)```/.exec(readme);
  writeFileSync(path.join(to, 'example.mjs'), program);
  return { to, output };
};
const example = ({ to, output }, env) => {
  const printed = node(to, env, 'example.mjs');
  expect(printed === output, `the README's example printed\n${printed}instead of\n${output}`);
};

const GRAPH_ONLY = `
  import * as tf from 'grafo';
  console.log(String(tf.add(tf.constant([1, 2]), 3, { name: 'sum' })));
  try { new tf.Session().runSync('sum:0'); } catch (error) { console.log(error.message); process.exit(3); }`;
/** Without an engine: graphs are built, and the first session says what to do. */
const withoutEngine = (cwd, env) => {
  const text = run(cwd, env, 'node', ['--input-type=module', '-e', GRAPH_ONLY], 3);
  expect(text.includes('Tensor("sum:0", shape=(2,), dtype=float32)'), `no graph without the engine:\n${text}`);
  expect(text.includes('What to do:') && text.includes('npx grafo build'), `no list of what to do:\n${text}`);
  const cli = path.join(cwd, 'node_modules', 'grafo', 'tools', 'grafo.mjs');
  const report = JSON.parse(run(cwd, env, 'node', [cli, 'doctor', '--json'], 1));
  expect(!report.ok && /npx grafo build/.test(report.error), `doctor: ${JSON.stringify(report)}`);
};

const TYPED = `
  import * as tf from 'grafo';
  const x: tf.Tensor = tf.placeholder(tf.float32, [null, 2], { name: 'x' });
  using sess = new tf.Session();
  export const sum: tf.Tensor = tf.reduceSum(x);
  // @ts-expect-error: no such dtype
  tf.placeholder('float99', [2]);
  export const value = sess.runSync(sum, { 'x:0': [[1, 2]] });
  const error: Error = new tf.errors.NotFoundError('text');
  export const code = error instanceof tf.errors.NotFoundError ? error.code : '';
`;
const REQUIRED = `
  const tf = require('grafo');
  console.log(Object.keys(tf).length > 100, String(new tf.Session().runSync(tf.constant(42))));`;
/** Types as a consumer's compiler finds them, and require(). */
const consumer = ({ to }, env) => {
  expect(/^true 42/.test(node(to, env, '-e', REQUIRED)), "require('grafo')");
  writeFileSync(path.join(to, 'typed.mts'), TYPED);
  writeFileSync(
    path.join(to, 'typed.cts'),
    "import tf = require('grafo');\nexport const x: tf.Tensor = tf.constant(1);\n",
  );
  const tsc = path.join(root, 'node_modules', 'typescript', 'bin', 'tsc');
  if (!existsSync(tsc)) throw new Skip('types: no TypeScript in this checkout');
  const common = ['--noEmit', '--strict', '--target', 'es2022', '--lib', 'es2022,esnext.disposable', '--types', ''];
  node(to, env, tsc, ...common, '--module', 'nodenext', 'typed.mts', 'typed.cts');
  node(to, env, tsc, ...common, '--module', 'esnext', '--moduleResolution', 'bundler', 'typed.mts');
};

/** What the manifest promises is in the package, and nothing that only a clone needs. */
const contents = (grafo) => {
  const manifest = JSON.parse(readFileSync(path.join(grafo, 'package.json'), 'utf8'));
  const promised = [manifest.types, ...Object.values(manifest.bin)];
  for (const entry of Object.values(manifest.exports))
    promised.push(...(typeof entry === 'string' ? [entry] : Object.values(entry)));
  promised.push('README.md', 'LICENSE', 'CMakeLists.txt', 'binding.gyp', 'tools/install.mjs');
  for (const name of promised) expect(existsSync(path.join(grafo, name)), `${name} is not in the package`);
  const all = readdirSync(grafo, { recursive: true }).map(String);
  const extra = all.filter((name) =>
    /(^|\/)(test|goldens|bench|examples|build-ts|\.git|.*\.test\..*)(\/|$)/.test(name),
  );
  expect(extra.length === 0, `not wanted in the package: ${extra.slice(0, 5).join(', ')}`);
};

/** Each case returns what is worth knowing about it. */
const cases = {
  clone() {
    const to = clone('clone');
    npm(to, {}, 'ci');
    start(to, {});
    const report = doctor(to, {}, 'tools/grafo.mjs');
    return `${report.isa}; node_modules ${megabytes(path.join(to, 'node_modules'))}`;
  },
  noCmake() {
    const env = without(CMAKE, 'cmake');
    const to = clone('noCmake');
    const text = npm(to, env, 'ci', '--foreground-scripts');
    expect(/native engine with node-gyp/.test(text), `not built by node-gyp:\n${text.slice(0, 1000)}`);
    start(to, env);
    return doctor(to, env, 'tools/grafo.mjs').path.replace(to, '.');
  },
  cleanHome() {
    const env = { HOME: folder('home'), ...oneLevel };
    const to = clone('cleanHome');
    const text = npm(to, env, 'ci', '--foreground-scripts');
    expect(!/nodejs\.org|DOWNLOAD|http GET/.test(text), `something was downloaded:\n${text}`);
    expect(!existsSync(path.join(env.HOME, '.cmake-js')), 'cmake-js has downloaded headers');
    return doctor(to, env, 'tools/grafo.mjs').isa;
  },
  pack() {
    const made = project('consumer');
    npm(made.to, oneLevel, 'install', tarball());
    example(made, {});
    const grafo = path.join(made.to, 'node_modules', 'grafo');
    contents(grafo);
    consumer(made, {});
    const names = readdirSync(path.join(made.to, 'node_modules')).length;
    return `tarball ${megabytes(packed)}, installed ${megabytes(grafo)} (one level), with its ${names} dependencies ${megabytes(path.join(made.to, 'node_modules'))}`;
  },
  ignoreScripts() {
    const made = project('ignoreScripts');
    npm(made.to, {}, 'install', '--ignore-scripts', tarball());
    withoutEngine(made.to, {});
    run(made.to, oneLevel, 'npx', ['--no', 'grafo', 'build']);
    example(made, {});
    return doctor(made.to, {}, path.join('node_modules', 'grafo', 'tools', 'grafo.mjs')).isa;
  },
  noCompiler() {
    const env = without(COMPILERS, 'compiler');
    const made = project('noCompiler');
    const text = npm(made.to, env, 'install', '--foreground-scripts', tarball());
    const lines = text.split('\n').filter((line) => line.startsWith('grafo: '));
    expect(lines.length === 3 && /npx grafo build/.test(lines[2]), `not three lines:\n${text}`);
    withoutEngine(made.to, env);
    run(made.to, env, 'node', [path.join('node_modules', 'grafo', 'tools', 'grafo.mjs'), 'build'], 1);
    return lines[0].slice('grafo: '.length);
  },
  oddPlaces() {
    // A folder under /proc can never be written, whoever asks.
    if (!existsSync('/proc/self')) throw new Skip('no place that nobody can write to');
    const env = { HOME: '/proc/self', npm_config_cache: folder('cache'), ...oneLevel };
    const made = project(path.join('a folder', "ünïcode 'and' $quotes & 空"));
    const local = path.join(made.to, 'grafo.tgz');
    copyFileSync(tarball(), local);
    npm(made.to, env, 'install', './grafo.tgz');
    example(made, env);
    return path.basename(made.to);
  },
};

const wanted = process.argv.slice(2);
const unknown = wanted.filter((name) => !Object.hasOwn(cases, name));
if (unknown.length > 0) {
  console.error(`usage: node tools/checkInstall.mjs [${Object.keys(cases).join('|')}]...`);
  process.exit(2);
}
let passed = 0;
let failed = 0;
for (const [name, check] of Object.entries(cases)) {
  if (wanted.length > 0 && !wanted.includes(name)) continue;
  const started = Date.now();
  try {
    const note = check();
    passed++;
    console.log(`ok  ${name}: ${note} (${((Date.now() - started) / 1000).toFixed(0)} s)`);
  } catch (error) {
    if (error instanceof Skip) console.log(`skipped  ${name}: ${error.message}`);
    else {
      failed++;
      console.log(`NOT OK  ${name}: ${error.message}`);
    }
  }
}
if (failed === 0) rmSync(work, { recursive: true, force: true });
else console.log(`left for inspection: ${work}`);
console.log(`${passed} passed, ${failed} failed`);
process.exitCode = failed === 0 ? 0 : 1;
