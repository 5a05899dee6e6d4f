// The arrows of the architecture: who may import whom, in TypeScript and in C++. An import that points the wrong way fails here.
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import test from 'ava';
import { ROOT } from './helpers/root.js';

const files = (folder: string, pattern: RegExp): string[] =>
  readdirSync(path.join(ROOT, folder), { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && pattern.test(entry.name))
    .map((entry) => path.relative(ROOT, path.join(entry.parentPath, entry.name)));

/** What each layer may import beside itself. */
const TYPESCRIPT: Record<string, readonly string[]> = {
  core: [],
  ops: ['core'],
  grad: ['core', 'ops'],
  compile: ['core'],
  runtime: ['core', 'compile', 'ops'],
  train: ['core', 'ops', 'grad', 'runtime'],
};
const NATIVE: Record<string, readonly string[]> = {
  base: [],
  math: ['base'],
  plan: ['base', 'math'],
  runtime: ['base', 'math', 'plan'],
  cpu: ['base', 'math', 'runtime/backend.h'],
  cuda: ['base', 'math', 'runtime/backend.h', 'runtime/device_calls.h'],
  addon: ['base', 'plan', 'runtime'],
};

test('TypeScript imports point only to the layers that CONTRIBUTING.md names', (t) => {
  const wrong: string[] = [];
  let seen = 0;
  for (const file of files('lib', /\.ts$/)) {
    const [, layer, rest] = file.split(path.sep);
    if (rest === undefined) continue;
    const allowed = TYPESCRIPT[layer!];
    t.truthy(allowed, `lib/${layer} is no layer`);
    for (const [, target] of readFileSync(path.join(ROOT, file), 'utf8').matchAll(/from '(\.[^']+)'/g)) {
      seen++;
      const to = path.relative('lib', path.join(path.dirname(file), target!)).split(path.sep);
      if (to.length > 1 && to[0] !== layer && !allowed!.includes(to[0]!)) wrong.push(`${file} imports ${target}`);
    }
  }
  t.deepEqual(wrong, []);
  t.true(seen > 100, `only ${seen} imports were found`);
});

test('only lib/runtime/native.ts knows the addon', (t) => {
  const found = files('lib', /\.ts$/).filter((file) =>
    /\.node['"`]|createRequire|dlopen/.test(readFileSync(path.join(ROOT, file), 'utf8')),
  );
  t.deepEqual(found, [path.join('lib', 'runtime', 'native.ts')]);
});

test('C++ includes point only to the layers that CONTRIBUTING.md names', (t) => {
  const wrong: string[] = [];
  let seen = 0;
  for (const [layer, allowed] of Object.entries(NATIVE)) {
    for (const file of files(`native/${layer}`, /\.(cc|cu|cuh|h)$/)) {
      const text = readFileSync(path.join(ROOT, file), 'utf8');
      if (layer !== 'addon' && /#include\s*[<"](napi|node_api|js_native_api)/.test(text))
        wrong.push(`${file} includes Node-API`);
      for (const [, target] of text.matchAll(/#include "([^"]+)"/g)) {
        const [to] = target!.split('/');
        if (NATIVE[to!] === undefined || to === layer) continue;
        seen++;
        if (!allowed.includes(to!) && !allowed.includes(target!)) wrong.push(`${file} includes ${target}`);
      }
    }
  }
  t.deepEqual(wrong, []);
  t.true(seen > 10, `only ${seen} includes were found`);
});

test('the engine has no way to end the process', (t) => {
  const wrong: string[] = [];
  for (const layer of Object.keys(NATIVE)) {
    for (const file of files(`native/${layer}`, /\.(cc|cu|cuh|h)$/)) {
      const text = readFileSync(path.join(ROOT, file), 'utf8').replace(/\/\/.*$/gm, '');
      if (/\b(abort|_?exit|assert|terminate|quick_exit)\s*\(/.test(text)) wrong.push(file);
    }
  }
  t.deepEqual(wrong, []);
});

test('files are of one job: none over 500 lines', (t) => {
  const long = [
    ...files('lib', /\.ts$/),
    ...files('native', /\.(cc|cu|cuh|h)$/),
    ...files('test', /\.ts$/),
    ...files('tools', /\.mjs$/),
  ]
    .map((file) => ({ file, lines: readFileSync(path.join(ROOT, file), 'utf8').split('\n').length }))
    .filter(({ lines }) => lines > 501);
  t.deepEqual(long, []);
});
