// Mutated plans through the addon, in a process of their own: refused or run, never the end of the process.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import test from 'ava';
import { ROOT } from '../helpers/root.js';

const PROGRAM = path.join(ROOT, 'build-ts', 'test', 'native', 'programs', 'fuzzPlans.js');
const rounds = process.env.GRAFO_FULL === '1' ? 500_000 : 10_000;

test(`${rounds} mutated plans are refused with a code or run`, (t) => {
  const seed = process.env.GRAFO_FULL === '1' ? Date.now() % 2 ** 31 : 1;
  const { status, signal, stdout, stderr } = spawnSync(process.execPath, [PROGRAM, String(rounds), String(seed)], {
    encoding: 'utf8',
  });
  t.is(signal, null, `seed ${seed}: ${stderr}`);
  t.is(status, 0, `seed ${seed}: ${stderr}`);
  const { loaded, ran } = JSON.parse(stdout);
  t.log(`seed ${seed}: ${loaded} loaded, ${ran} ran`);
  t.true(loaded > rounds / 50 && ran > rounds / 100, 'enough of them came far enough to test something');
});
