// Builds the native engine: which tool is there, what it is called with, and whether there is anything to do.
import { spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { availableParallelism, freemem } from 'node:os';
import { delimiter, dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The package's folder. */
export const root = resolve(dirname(fileURLToPath(import.meta.url)), '..', '..');
/** Where the addon and its backends are put. */
export const output = join(root, 'build', 'Release');
/** The addon. */
export const addon = join(output, 'grafo.node');

const require = createRequire(import.meta.url);
const BYTES_OF_A_COMPILER = 500e6;

/** The full path of a program, or undefined. */
export function which(name) {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const path = join(folder, name);
    if (folder !== '' && existsSync(path)) return path;
  }
  return undefined;
}

const compiler = () => process.env.CXX?.split(' ')[0] || which('c++') || which('g++') || which('clang++');

/** The entry file of a dependency, or undefined where it is not installed. */
function dependency(path) {
  try {
    return require.resolve(path);
  } catch {
    return undefined;
  }
}

function newest(folder) {
  let time = 0;
  for (const entry of readdirSync(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      if (entry.name !== 'test') time = Math.max(time, newest(path));
    } else {
      time = Math.max(time, statSync(path).mtimeMs);
    }
  }
  return time;
}

const built = () =>
  readdirSync(output).filter((name) => name === 'grafo.node' || /^grafo_(cpu_\w+|cuda)\.so$/.test(name));

/** Whether the addon and a backend are newer than every source. */
export function upToDate() {
  if (!existsSync(addon) || built().length < 2) return false;
  const oldest = Math.min(...built().map((name) => statSync(join(output, name)).mtimeMs));
  const rules = ['CMakeLists.txt', 'binding.gyp'].map((name) => statSync(join(root, name)).mtimeMs);
  return oldest >= Math.max(newest(join(root, 'native')), ...rules);
}

/** Compilers at a time: one for each processor, as far as memory goes. */
export function jobs() {
  const memory = process.availableMemory?.() ?? freemem();
  return Math.max(1, Math.min(availableParallelism(), Math.floor(memory / BYTES_OF_A_COMPILER)));
}

function withCmake() {
  const cmakeJs = dependency('cmake-js/bin/cmake-js');
  if (which('cmake') === undefined || cmakeJs === undefined) return undefined;
  // cmake-js takes node-api-headers because package.json names binary.napi_versions; nothing is downloaded.
  const words = [cmakeJs, 'compile', '--parallel', String(jobs())];
  // Set by hand only: one level is compiled in a third of the time, and runs on such machines only.
  if (process.env.GRAFO_LEVELS) words.push(`--CDGRAFO_LEVELS=${process.env.GRAFO_LEVELS}`);
  return { name: 'cmake-js', words };
}

/**
 * A folder that node-gyp takes for Node's sources, so that it has nothing to download: where Node lies, if its headers came along,
 * else one made of node-api-headers and the least that node-gyp asks for.
 */
function nodeHeaders() {
  const prefix = dirname(dirname(process.execPath));
  if (existsSync(join(prefix, 'include', 'node', 'node_api.h'))) return prefix;
  const made = join(root, 'build-headers');
  const include = join(made, 'include', 'node');
  mkdirSync(include, { recursive: true });
  cpSync(join(dirname(dependency('node-api-headers/package.json')), 'include'), include, { recursive: true });
  writeFileSync(
    join(include, 'common.gypi'),
    "{ 'target_defaults': { 'default_configuration': 'Release', 'configurations': { 'Release': {} } } }\n",
  );
  writeFileSync(
    join(include, 'config.gypi'),
    JSON.stringify({ target_defaults: {}, variables: process.config.variables }),
  );
  const [major, minor, patch] = process.versions.node.split('.');
  const version = { MAJOR: major, MINOR: minor, PATCH: patch };
  writeFileSync(
    join(include, 'node_version.h'),
    Object.entries(version)
      .map(([part, n]) => `#define NODE_${part}_VERSION ${n}\n`)
      .join(''),
  );
  return made;
}

function withGyp() {
  const npm = dirname(
    process.env.npm_execpath ?? join(dirname(process.execPath), '..', 'lib', 'node_modules', 'npm', 'bin', 'x'),
  );
  const places = [
    process.env.npm_config_node_gyp,
    join(npm, '..', 'node_modules', 'node-gyp', 'bin', 'node-gyp.js'),
    join(
      dirname(process.execPath),
      '..',
      'lib',
      'node_modules',
      'npm',
      'node_modules',
      'node-gyp',
      'bin',
      'node-gyp.js',
    ),
  ];
  const gyp = places.find((path) => path && existsSync(path)) ?? dependency('node-gyp/bin/node-gyp.js');
  const python = process.env.npm_config_python || process.env.PYTHON || which('python3');
  if (gyp === undefined || !python || which('make') === undefined) return undefined;
  const words = [gyp, 'rebuild', '--jobs', String(jobs()), `--nodedir=${nodeHeaders()}`];
  return { name: 'node-gyp', words };
}

/** The way to build here: {name, words for node}, or undefined where a tool is missing. */
export function builder() {
  if (compiler() === undefined) return undefined;
  return process.env.GRAFO_BUILDER === 'node-gyp' ? withGyp() : (withCmake() ?? withGyp());
}

/** Builds what is older than its sources. True if the tool says that it went well. */
export function build({ words }) {
  // The cache of another CMake, or of another folder, fails in ways that say nothing.
  rmSync(join(root, 'build', 'CMakeCache.txt'), { force: true });
  if (spawnSync(process.execPath, words, { cwd: root, stdio: 'inherit' }).status !== 0) return false;
  // What did not have to be built again is as good as new.
  const now = new Date();
  for (const name of built()) utimesSync(join(output, name), now, now);
  return true;
}

/** In an installed package nobody builds a second time: only the libraries stay, a tenth of what the compilers left. */
export function removeIntermediates() {
  const keep = new Set(built());
  for (const name of readdirSync(output)) if (!keep.has(name)) rmSync(join(output, name), { recursive: true });
  for (const name of readdirSync(dirname(output)))
    if (name !== 'Release') rmSync(join(dirname(output), name), { recursive: true });
  rmSync(join(root, 'build-headers'), { recursive: true, force: true });
}

/** The folder of the CMake build that made the addon, if it is one: its objects can be linked to other programs. */
export function cmakeFolder() {
  const cache = join(root, 'build', 'CMakeCache.txt');
  if (!existsSync(cache)) return undefined;
  const source = /^CMAKE_HOME_DIRECTORY:INTERNAL=(.*)$/m.exec(readFileSync(cache, 'utf8'))?.[1];
  const here = source !== undefined && existsSync(source) && realpathSync(source) === realpathSync(root);
  return here ? join(root, 'build') : undefined;
}

/** Loads the addon in a process of its own, so that a crash is an answer too. Undefined if all is well, else what it said. */
export function tryAddon() {
  const code =
    'const n = require(process.argv[1]); console.log(JSON.stringify(n.info())); new n.NativeSession().close();';
  const child = spawnSync(process.execPath, ['-e', code, addon], { encoding: 'utf8' });
  if (child.status === 0) return undefined;
  return child.stderr || `ended with ${child.signal ?? child.status}`;
}
