// Packs what a bare GPU machine (no network, no Node) needs into .gpu/: node without its symbols, the packages that tests import, and the
// compiled JavaScript. Native code is built there. `node tools/gpu/pack.mjs [folder]`; tools/gpu/run.sh unpacks it.
import { execFileSync, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from '../build.mjs';

const root = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..');
const out = path.resolve(process.argv[2] ?? path.join(root, '.gpu'));
const LIMIT = 40e6;
/** What only builds and checks the sources, and does not run there. */
const NOT_NEEDED = /^(@biomejs\/|@types\/|esbuild$|typescript$|cmake-js$)/;
/** Of a package: what no test reads. */
const LEFT_OUT = ['*.d.ts', '*.d.mts', '*.d.cts', '*.map', '*.md', '*.lib', '*.def', '*.ts.snap'];

/** Folders of the packages that are needed and of all they depend on, as Node finds them, by the lock file. */
const packages = () => {
  const lock = JSON.parse(readFileSync(path.join(root, 'package-lock.json'), 'utf8')).packages;
  const { dependencies, devDependencies } = lock[''];
  const found = new Set();
  const add = (name, from) => {
    for (let folder = from; ; folder = folder.slice(0, Math.max(0, folder.lastIndexOf('/node_modules/')))) {
      const key = `${folder === '' ? '' : `${folder}/`}node_modules/${name}`;
      if (lock[key] !== undefined) {
        if (found.has(key)) return;
        found.add(key);
        for (const next of Object.keys(lock[key].dependencies ?? {})) add(next, key);
        return;
      }
      if (folder === '') return;
    }
  };
  for (const name of Object.keys({ ...dependencies, ...devDependencies })) if (!NOT_NEEDED.test(name)) add(name, '');
  return [...found].filter((folder) => existsSync(path.join(root, folder))).sort();
};

/** A tar of `names` in `folder`, compressed. */
const archive = (file, folder, names, more = []) => {
  const list = path.join(out, 'list');
  writeFileSync(list, `${names.join('\n')}\n`);
  const tar = ['-C', folder, '--sort=name', '--mtime=@0', '--owner=0', '--group=0', '--numeric-owner', ...more];
  const xz = `xz -6 -T${availableParallelism()}`;
  execFileSync('tar', [...tar, '-I', xz, '-cf', path.join(out, file), '-T', list], { stdio: 'inherit' });
  rmSync(list);
};

/** Stripped of its symbols but those that addons link against. A minute's work, so what is there is kept. */
const packNode = () => {
  const node = realpathSync(process.execPath);
  const key = `${process.version} ${createHash('sha256').update(readFileSync(node)).digest('hex')}\n`;
  const keyFile = path.join(out, 'node.key');
  if (existsSync(path.join(out, 'node.tar.xz')) && existsSync(keyFile) && readFileSync(keyFile, 'utf8') === key) return;
  const folder = mkdtempSync(path.join(tmpdir(), 'grafo-pack-'));
  try {
    mkdirSync(path.join(folder, 'node', 'bin'), { recursive: true });
    mkdirSync(path.join(folder, 'node', 'lib'));
    const stripped = path.join(folder, 'node', 'bin', 'node');
    if (spawnSync('strip', ['--strip-all', '-o', stripped, node]).status !== 0) cpSync(node, stripped);
    execFileSync(stripped, ['-e', '0']);
    // The C++ library of this machine, for one that has an older one or none.
    for (const [, name, file] of spawnSync('ldd', [node], { encoding: 'utf8' }).stdout.matchAll(/(\S+) => (\/\S+)/g))
      if (/^lib(stdc\+\+|gcc_s)\./.test(name)) cpSync(realpathSync(file), path.join(folder, 'node', 'lib', name));
    archive('node.tar.xz', folder, ['node']);
    writeFileSync(keyFile, key);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

await ensureBuilt('bench/run');
mkdirSync(out, { recursive: true });
packNode();
const left = LEFT_OUT.map((pattern) => `--exclude=${pattern}`);
archive('deps.tar.xz', root, packages(), [...left, '--exclude=node_modules/*/test']);
const compiled = ['dist', 'build-ts'].filter((folder) => existsSync(path.join(root, folder)));
archive('js.tar.xz', root, compiled, left);
const head = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: root, encoding: 'utf8' }).stdout.trim();
const changed = spawnSync('git', ['status', '--porcelain'], { cwd: root, encoding: 'utf8' }).stdout.trim() !== '';
writeFileSync(path.join(out, 'commit'), `${head}${changed ? ' with changes' : ''}\n`);

const sizes = readdirSync(out).map((name) => [name, statSync(path.join(out, name)).size]);
for (const [name, size] of sizes) console.log(`${name.padEnd(12)} ${(size / 1e6).toFixed(2).padStart(7)} MB`);
const total = sizes.reduce((sum, [, size]) => sum + size, 0);
console.log(`${'together'.padEnd(12)} ${(total / 1e6).toFixed(2).padStart(7)} MB of at most ${LIMIT / 1e6}`);
if (total > LIMIT) process.exitCode = 1;
