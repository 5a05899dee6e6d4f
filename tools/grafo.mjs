#!/usr/bin/env node
// The command line: grafo build, grafo doctor [--json]
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const scripts = {
  build: ['./install.mjs', '--force'],
};

/** What this installation can do; fails where no session can be opened. */
const doctor = async (words) => {
  let grafo;
  try {
    grafo = await import('../dist/index.js');
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    console.error('dist/index.js is missing. In a clone: npm run build');
    return 1;
  }
  const report = grafo.doctor();
  console.log(words.includes('--json') ? JSON.stringify(report, null, 2) : grafo.doctorText(report));
  return report.ok ? 0 : 1;
};

const [command = '', ...rest] = process.argv.slice(2);
const script = Object.hasOwn(scripts, command) ? scripts[command] : undefined;
if (command === 'doctor') process.exitCode = await doctor(rest);
else if (script === undefined) {
  console.error(`usage: grafo ${[...Object.keys(scripts), 'doctor [--json]'].join('|')}`);
  process.exitCode = 2;
} else {
  const [file, ...words] = script;
  const path = fileURLToPath(new URL(file, import.meta.url));
  process.exitCode = spawnSync(process.execPath, [path, ...words, ...rest], { stdio: 'inherit' }).status ?? 1;
}
