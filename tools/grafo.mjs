#!/usr/bin/env node
// The command line of the package: `npx grafo build`, `npx grafo doctor`.
import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** Compiles the native engine, also where one is there. */
const build = () => {
  const script = fileURLToPath(new URL('./install.mjs', import.meta.url));
  return spawnSync(process.execPath, [script, '--force'], { stdio: 'inherit' }).status ?? 1;
};

/** What this installation can do; fails where no session can be opened. */
const doctor = async (json) => {
  let grafo;
  try {
    grafo = await import('../dist/index.js');
  } catch (error) {
    if (error.code !== 'ERR_MODULE_NOT_FOUND') throw error;
    console.error('dist/index.js is missing. In a clone: npm run build');
    return 1;
  }
  const report = grafo.doctor();
  console.log(json ? JSON.stringify(report, null, 2) : grafo.doctorText(report));
  return report.ok ? 0 : 1;
};

const USAGE = `usage: grafo build             compile the native engine for this machine
       grafo doctor [--json]   say what runs here, and why nothing better; exit code 1 where nothing does`;

/** By the whole command line. */
const commands = {
  build,
  doctor: () => doctor(false),
  'doctor --json': () => doctor(true),
};

const line = process.argv.slice(2).join(' ');
if (line === '--help' || line === '-h' || line === 'help') console.log(USAGE);
else if (Object.hasOwn(commands, line)) process.exitCode = await commands[line]();
else {
  console.error(USAGE);
  process.exitCode = 2;
}
