// What `import 'grafo'` loads in Node: dist/start.js, which runs the bundle with V8's compiled code of it. The build makes all of it.
import { spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { ROOT } from '../helpers/root.js';

const { keptCode } = (await import(pathToFileURL(path.join(ROOT, 'tools/lib/start.mjs')).href)) as {
  keptCode: () => string;
};

/** What a program of its own prints, in the package's folder, where its name resolves to itself. */
const printed = (code: string, ...flags: string[]): string => {
  const child = spawnSync(process.execPath, [...flags, '-e', code], { cwd: ROOT, encoding: 'utf8' });
  return child.status === 0 ? child.stdout.trim() : `${child.status}: ${child.stderr}`;
};
const printedByModule = (code: string, ...flags: string[]): string => printed(code, '--input-type=module', ...flags);

test('it has the names of the bundle, and classes have their own', (t) => {
  const code = `
    import * as start from 'grafo'; import * as bundle from './dist/index.js';
    const names = Object.keys(start);
    console.log(names.length > 200, names.join() === Object.keys(bundle).join(), start.Session !== bundle.Session);
    const classes = ['Graph', 'Operation', 'Tensor', 'TensorShape', 'Variable', 'Session', 'NDArray', 'IndexedSlices'];
    for (const name of classes) if (start[name].name !== name || bundle[name].name !== name) console.log(bundle[name].name);
    for (const name of Object.keys(start.train)) if (/^[A-Z]/.test(name) && start.train[name].name !== name) console.log(name);
    for (const name of Object.keys(start.errors)) if (start.errors[name].name !== name) console.log(name);`;
  t.is(printedByModule(code), 'true true true');
});

test('require gives the same', (t) => {
  t.is(printed("const tf = require('grafo'); console.log(new tf.Session().runSync(tf.constant(6)).item())"), '6');
});

test('V8 takes the code that the build kept, and with other flags compiles anew', (t) => {
  const code = `
    const { readFileSync } = require('node:fs');
    const cachedData = readFileSync(${JSON.stringify(keptCode())});
    const script = new (require('node:vm').Script)(readFileSync('dist/code.js', 'latin1'), { cachedData });
    console.log(script.cachedDataRejected);`;
  t.is(printed(code), 'false');
  t.is(printed(code, '--stack-size=900'), 'true');
  const run = "import * as tf from 'grafo'; console.log(new tf.Session().runSync(tf.constant(6)).item())";
  t.is(printedByModule(run, '--stack-size=900'), '6');
});

test('an error has the lines of the bundle and of the user', (t) => {
  const code = `
    import * as tf from 'grafo';
    const x = tf.placeholder('float32', [2]);
    try { tf.matmul(x, x); } catch (error) { console.log(error.createdAt); console.log(error.stack.split('\\n')[2]); }`;
  const bundle = pathToFileURL(path.join(ROOT, 'dist', 'index.js')).href;
  const [line, frame] = printedByModule(code).split('\n');
  t.is(line, '[eval1]:4:14');
  const at = /\((.*):(\d+):\d+\)$/.exec(frame!)!;
  t.is(at[1], bundle);
  t.regex(
    readFileSync(path.join(ROOT, 'dist', 'index.js'), 'utf8').split('\n')[Number(at[2]) - 1]!,
    /throw new ValueError/,
  );
  const [mappedLine, mappedFrame] = printedByModule(code, '--enable-source-maps').split('\n');
  t.is(mappedLine, line);
  t.regex(mappedFrame!, /lib\/core\/defineOp\.ts:\d+:\d+/);
});

test('code that was edited after the build is what runs', (t) => {
  const to = mkdtempSync(path.join(os.tmpdir(), 'grafo-start-'));
  try {
    const kept = path.join(to, 'build', 'Release', path.basename(keptCode()));
    mkdirSync(path.dirname(kept), { recursive: true });
    mkdirSync(path.join(to, 'dist'));
    writeFileSync(path.join(to, 'package.json'), '{ "type": "module" }');
    cpSync(keptCode(), kept);
    for (const name of ['start.js', 'code.js'])
      cpSync(path.join(ROOT, 'dist', name), path.join(to, 'dist', name), { preserveTimestamps: true });
    const file = path.join(to, 'dist', 'code.js');
    const code = `
      import * as tf from ${JSON.stringify(pathToFileURL(path.join(to, 'dist', 'start.js')).href)};
      try { tf.add([1, 2], [1, 2, 3]); } catch (error) { console.log(error.text.slice(0, 24)); }`;
    t.is(printedByModule(code), 'Dimensions must be equal');
    writeFileSync(
      file,
      readFileSync(file, 'latin1').replaceAll('Dimensions must be equal', 'DIMENSIONS must be equal'),
      'latin1',
    );
    const now = new Date(Date.now() + 1000);
    utimesSync(file, now, now);
    t.is(printedByModule(code), 'DIMENSIONS must be equal');
  } finally {
    rmSync(to, { recursive: true });
  }
});

test('in a context of its own, as test runners make them, it has the globals of that', (t) => {
  const code = `
    import fs from 'node:fs'; import vm from 'node:vm'; import { pathToFileURL } from 'node:url';
    const context = vm.createContext({ process, console, TextDecoder, TextEncoder });
    const file = process.cwd() + '/dist/start.js';
    const module = new vm.SourceTextModule(fs.readFileSync(file, 'utf8'), {
      context,
      identifier: pathToFileURL(file).href,
      initializeImportMeta: (meta) => Object.assign(meta, { url: pathToFileURL(file).href, dirname: process.cwd() + '/dist' }),
    });
    await module.link(() => undefined);
    await module.evaluate();
    const tf = module.namespace;
    console.log(tf.ndarray([1, 2]).data instanceof vm.runInContext('Float32Array', context));`;
  t.is(printedByModule(code, '--experimental-vm-modules', '--no-warnings'), 'true');
});
