// `npm run bench:rivals`: installs what the benchmarks compare with, outside of the project's dependencies: a Python environment and npm folders
// under out/rivals (GRAFO_RIVALS: elsewhere). What cannot be had is said, and left out by `npm run bench -- --rivals`.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const folder = process.env.GRAFO_RIVALS ?? path.join(root, 'out', 'rivals');
const venv = path.join(folder, 'venv');

const PYTHON = ['numpy', 'tensorflow-cpu==2.21', 'torch==2.13.0', 'jax'];
const NPM = {
  'tfjs-node': ['@tensorflow/tfjs-node'],
  'tfjs-wasm': ['@tensorflow/tfjs', '@tensorflow/tfjs-backend-wasm'],
  onnxruntime: ['onnxruntime-node'],
  'jax-js': ['@jax-js/jax'],
};
/** Debian's names of the BLAS libraries that bench/rivals/native/gemm.cpp is built with. */
const LIBRARIES = ['libopenblas-dev', 'libblis-dev', 'libdnnl-dev'];

const missing = [];

/** Runs a command; says and notes it where it fails. */
const run = (what, file, args, options = {}) => {
  console.log(`${what} ...`);
  const { status, error, stdout, stderr } = spawnSync(file, args, { encoding: 'utf8', ...options });
  if (status === 0) return true;
  const last = `${stdout ?? ''}${stderr ?? ''}`.trim().split('\n').slice(-3).join('\n    ');
  missing.push(`${what}: ${error?.message ?? last}`);
  return false;
};

const installPython = () => {
  const python = path.join(venv, 'bin', 'python');
  if (!existsSync(python) && !run('python environment', 'python3', ['-m', 'venv', venv])) return;
  // One at a time: what is not to be had does not keep the others out.
  for (const name of PYTHON) run(name, python, ['-m', 'pip', 'install', '--quiet', '--retries', '0', name]);
};

const installNpm = () => {
  for (const [rival, packages] of Object.entries(NPM)) {
    const place = path.join(folder, 'npm', rival);
    mkdirSync(place, { recursive: true });
    writeFileSync(path.join(place, 'package.json'), '{ "private": true }\n');
    // Install scripts of these packages download programs; what is missing then is built or linked below.
    run(rival, 'npm', ['install', '--ignore-scripts', '--no-audit', '--no-fund', ...packages], { cwd: place });
  }
};

const sitePackages = () => {
  const lib = path.join(venv, 'lib');
  return existsSync(lib) ? path.join(lib, readdirSync(lib)[0], 'site-packages') : undefined;
};

/** tfjs-node's own binding over the library of the Python package, because the one it downloads is not on npm. */
const buildTfjsNode = () => {
  const module = path.join(folder, 'npm', 'tfjs-node', 'node_modules', '@tensorflow', 'tfjs-node');
  const tensorflow = path.join(sitePackages() ?? '', 'tensorflow');
  if (!existsSync(module) || !existsSync(tensorflow)) return;
  const libraries = readdirSync(tensorflow).filter((name) => /^libtensorflow_(cc|framework)\.so\.\d+$/.test(name));
  const target = path.join(module, 'lib', 'napi-v8');
  mkdirSync(target, { recursive: true });
  const deps = path.join(module, 'deps', 'lib');
  mkdirSync(deps, { recursive: true });
  for (const name of libraries) {
    const link = path.join(deps, name);
    if (!existsSync(link)) symlinkSync(path.join(tensorflow, name), link);
  }
  const binding = path.join(module, 'binding');
  const sources = readdirSync(binding).filter((name) => name.endsWith('.cc'));
  run('tfjs-node, binding', process.env.CXX ?? 'g++', [
    ...['-O3', '-std=c++17', '-shared', '-fPIC', '-DNAPI_VERSION=8'],
    ...[path.dirname(path.dirname(process.execPath)), '/usr'].map((prefix) => `-I${prefix}/include/node`),
    `-I${path.join(tensorflow, 'include')}`,
    ...sources.map((name) => path.join(binding, name)),
    ...libraries.map((name) => path.join(tensorflow, name)),
    `-Wl,-rpath,${tensorflow}`,
    '-o',
    path.join(target, 'tfjs_binding.node'),
  ]);
};

const installLibraries = () => {
  if (process.platform !== 'linux') return;
  const has = (name) => spawnSync('dpkg', ['-s', name], { stdio: 'ignore' }).status === 0;
  const wanted = LIBRARIES.filter((name) => !has(name));
  if (wanted.length > 0 && process.getuid?.() === 0)
    run(wanted.join(' '), 'apt-get', ['install', '-y', '--no-install-recommends', ...wanted]);
  else if (wanted.length > 0) missing.push(`${wanted.join(' ')}: to be installed by root, with apt-get or otherwise`);
};

mkdirSync(folder, { recursive: true });
installPython();
installNpm();
buildTfjsNode();
installLibraries();
console.log(`rivals are in ${folder}`);
if (missing.length > 0) console.log(`not to be had here:\n  ${missing.join('\n  ')}`);
