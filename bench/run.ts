// `npm run bench [-- words]`: the trials whose name holds one of the words, each in a process of its own. Exits with 1 where a row is over its limit.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { cpus, release, tmpdir, totalmem } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import * as tf from '../lib/index.js';
import { measure, type Trial } from './harness.js';

const HERE = path.dirname(fileURLToPath(import.meta.url));
const NOT_TRIALS = new Set(['run.js', 'harness.js']);

const micro = (ns: number): string => (ns / 1000).toFixed(ns < 10_000 ? 3 : 1);

/** One trial, here: prints a line a row and writes the rows to a file. */
const runTrial = async (name: string, file: string): Promise<void> => {
  const { trial } = (await import(path.join(HERE, `${name}.js`))) as { trial: Trial };
  console.log(`${trial.name}: ${trial.about} (us a call: median, min-max of the rounds)`);
  const rows = trial.make().map(({ name: row, limit, call }) => {
    const timing = measure(call);
    const verdict = limit === undefined ? '' : timing.median / 1000 <= limit ? `  within ${limit}` : `  OVER ${limit}`;
    console.log(
      `  ${row.padEnd(46)} ${micro(timing.median).padStart(10)}  ${micro(timing.min)}-${micro(timing.max)}${verdict}  checksum ${timing.checksum}`,
    );
    return { trial: trial.name, row, limit: limit ?? null, ...timing };
  });
  writeFileSync(file, JSON.stringify(rows));
  if (rows.some(({ limit, median }) => limit !== null && median / 1000 > limit)) process.exitCode = 1;
};

const all = async (args: readonly string[]): Promise<void> => {
  const json = args.indexOf('--json');
  const words = args.filter((arg, i) => !arg.startsWith('--') && (json < 0 || i !== json + 1));
  const trials = readdirSync(HERE)
    .filter((file) => file.endsWith('.js') && !NOT_TRIALS.has(file))
    .map((file) => path.basename(file, '.js'))
    .filter((name) => words.length === 0 || words.some((word) => name.includes(word)));
  if (trials.length === 0) {
    console.error('usage: npm run bench [-- WORD... --json FILE]: no trial has a name with such a word');
    process.exitCode = 2;
    return;
  }
  console.log(
    `${cpus()[0]?.model.trim()}, ${cpus().length} cores, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, Linux ${release()}, Node ${process.version}, ${new Date().toISOString().slice(0, 10)}`,
  );
  console.log(`grafo ${tf.doctor().isa ?? ''}`);
  const results: unknown[] = [];
  const scratch = mkdtempSync(path.join(tmpdir(), 'grafo-bench-'));
  for (const name of trials) {
    const file = path.join(scratch, `${name}.json`);
    const child = spawnSync(process.execPath, [fileURLToPath(import.meta.url), '--trial', name, file], {
      stdio: ['ignore', 'inherit', 'inherit'],
    });
    if (child.status !== 0) process.exitCode = 1;
    if (existsSync(file)) results.push(...(JSON.parse(readFileSync(file, 'utf8')) as unknown[]));
  }
  rmSync(scratch, { recursive: true });
  if (json >= 0) writeFileSync(args[json + 1]!, `${JSON.stringify(results, null, 2)}\n`);
};

const args = process.argv.slice(2);
if (args[0] === '--trial') await runTrial(args[1]!, args[2]!);
else await all(args);
