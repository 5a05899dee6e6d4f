// Workers that end while runs are in flight, and processes that do: the exit code as asked, and soon.
import { spawn } from 'node:child_process';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ROOT } from '../helpers/root.js';

const PROGRAM = path.join(ROOT, 'build-ts', 'test', 'native', 'programs', 'inFlight.js');
/** A sanitizer makes everything slower but no less correct. */
const slow = process.env.GRAFO_SANITIZER === undefined ? 1 : 20;

interface Ended {
  code: number | null;
  signal: NodeJS.Signals | null;
  out: string;
  err: string;
  /** Milliseconds from its first line of output to its end. */
  after: number;
}

const program = (...args: string[]): Promise<Ended> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, [PROGRAM, ...args], { stdio: ['ignore', 'pipe', 'pipe'] });
    const said = { out: '', err: '' };
    let first: number | undefined;
    child.stdout.on('data', (data) => {
      first ??= performance.now();
      said.out += data;
    });
    child.stderr.on('data', (data) => {
      said.err += data;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => resolve({ code, signal, ...said, after: performance.now() - (first ?? 0) }));
  });

const answer = (t: ExecutionContext, { out, err, code }: Ended): { flying: number | boolean; slowest: number } => {
  try {
    return JSON.parse(out.split('\n')[0]!);
  } catch {
    t.log(`exit ${code}\n${out}\n${err.slice(0, 2000)}`);
    throw new Error(`no answer, exit ${code}`);
  }
};

const rounds = process.env.GRAFO_SANITIZER === undefined ? 200 : 30;
test.serial(`${rounds} workers are terminated while their run is in flight`, async (t) => {
  const ended = await program('terminate', String(rounds));
  const { flying, slowest } = answer(t, ended);
  t.log(`${flying} of ${rounds} in flight, the slowest ended after ${slowest} ms`);
  t.is(ended.code, 0, ended.err);
  t.true((flying as number) >= rounds * 0.95, `${flying} were in flight`);
  t.true(slowest < 1000 * slow, `${slowest} ms`);
});

test.serial('the addon in workers only, in eight of them, and in the main thread as well', async (t) => {
  for (const args of [['1'], ['8'], ['8', 'main']]) {
    const ended = await program('together', ...args);
    t.is(ended.code, 0, ended.err);
    t.is(ended.out.trim(), JSON.stringify({ count: Number(args[0]) }));
  }
});

const exits: [how: string, code: number | null, signal: NodeJS.Signals | null][] = [
  ['exit', 7, null],
  ['exitHandler', 7, null],
  ['uncaught', 1, null],
  ['rejection', 1, null],
  ['SIGTERM', null, 'SIGTERM'],
  ['SIGINT', null, 'SIGINT'],
  ['cancel', 0, null],
  ['close', 0, null],
];
for (const [how, code, signal] of exits) {
  test.serial(`a process that ends by ${how} while a run is in flight ends as asked`, async (t) => {
    const ended = await program(how);
    t.is(answer(t, ended).flying, true);
    // The leak checker ends the process in its own way and time; what it found is judged by its reports.
    if (process.env.GRAFO_SANITIZER !== undefined) return;
    t.is(ended.code, code, ended.err);
    t.is(ended.signal, signal);
    if (how === 'exitHandler') t.regex(ended.out, /exit 8/);
    t.true(ended.after < 500, `${ended.after.toFixed(0)} ms`);
  });
}
