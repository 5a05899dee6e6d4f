// A program that ends while a run is in flight, in the way that its argument says. Not a test: tests start it.
import { Worker } from 'node:worker_threads';
import { type NativeSession, native } from '../../../lib/runtime/native.js';
import { chain, doubling, loadStage } from '../plans.js';
import type { Task } from './worker.js';

const N = 256;
const long = chain(N, 3000);
const short = doubling();

const worker = (how: Task['how']): Worker =>
  new Worker(new URL('./worker.js', import.meta.url), {
    workerData: { how, long: long.plan, n: N, short: short.plan } satisfies Task,
  });
const first = (from: Worker): Promise<unknown> =>
  new Promise((resolve, reject) => from.once('message', resolve).once('error', reject));

/** Rounds of a worker that is terminated while its run is in flight; prints how many were, and the slowest end. */
const terminate = async (rounds: number): Promise<void> => {
  let flying = 0;
  let slowest = 0;
  for (let round = 0; round < rounds; round++) {
    const one = worker('fly');
    if ((await first(one)) === true) flying++;
    await new Promise((resolve) => setTimeout(resolve, round % 5));
    const from = performance.now();
    await one.terminate();
    slowest = Math.max(slowest, performance.now() - from);
  }
  console.log(JSON.stringify({ rounds, flying, slowest: Math.round(slowest) }));
};

/** Workers that all work, and maybe this thread as well. */
const together = async (count: number, alsoMain: boolean): Promise<void> => {
  const workers = Array.from({ length: count }, () => first(worker('work')));
  if (alsoMain) {
    const session = new (native().NativeSession)();
    const plan = loadStage(session, short);
    for (let i = 0; i < 200; i++) session.runSync(plan, [new Float32Array(4)]);
    session.close();
  }
  await Promise.all(workers);
  console.log(JSON.stringify({ count }));
};

const atExit = (session: NativeSession): void => {
  const other = new (native().NativeSession)();
  const plan = loadStage(other, short);
  other.runSync(plan, [Float32Array.of(1, 2, 3, 4)]);
  session.cancel();
  console.log(`exit ${new Float32Array(other.mailbox)[3]}`);
};

const leave = (how: string): void => {
  let ended = false;
  const session = new (native().NativeSession)();
  const plan = loadStage(session, long);
  const x = new Float32Array(N * N).fill(1 / N);
  session.run(plan, [x], () => {
    ended = true;
  });
  session.run(plan, [x], () => {});
  if (how === 'exitHandler') process.on('exit', () => atExit(session));
  setTimeout(() => {
    console.log(JSON.stringify({ flying: !session.idle() && !ended }));
    if (how === 'exit' || how === 'exitHandler') process.exit(7);
    if (how === 'uncaught') throw new Error('on purpose');
    if (how === 'rejection') void Promise.reject(new Error('on purpose'));
    if (how === 'SIGTERM' || how === 'SIGINT') process.kill(process.pid, how);
    // Then the loop runs empty, and the process ends by itself.
    if (how === 'cancel') session.cancel();
    if (how === 'close') {
      session.cancel();
      session.close();
    }
  }, 30);
};

const [way, count, where] = process.argv.slice(2);
if (way === 'terminate') await terminate(Number(count));
else if (way === 'together') await together(Number(count), where === 'main');
else leave(way!);
