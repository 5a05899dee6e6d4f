// What a worker of inFlight.ts does. It loads the addon and nothing else of the library, so that a round is short.
import { parentPort, workerData } from 'node:worker_threads';
import type { EncodedPlan } from '../../../lib/compile/stage.js';
import { native, type NativeSession as Session } from '../../../lib/runtime/native.js';

/** What the worker is told: plans made by the main thread. */
export interface Task {
  readonly how: 'fly' | 'work';
  /** y = x ... x over n x n, for some seconds. */
  readonly long: EncodedPlan;
  readonly n: number;
  /** Doubles four floats. */
  readonly short: EncodedPlan;
}

const load = (session: Session, { words, constants, strings, stateKeys }: EncodedPlan): number =>
  session.loadPlan(words, constants, strings, stateKeys);

const { NativeSession } = native();
const { how, long, n, short } = workerData as Task;
const session = new NativeSession();
if (how === 'work') {
  const plan = load(session, short);
  for (let i = 0; i < 200; i++) {
    await new Promise<void>((resolve, reject) =>
      session.run(plan, [Float32Array.of(i, 0, 0, 0)], (error) => (error ? reject(error) : resolve())),
    );
    if (new Float32Array(session.mailbox)[0] !== 2 * i) throw new Error('wrong result');
  }
  session.close();
  parentPort!.postMessage('done');
} else {
  let ended = false;
  const plan = load(session, long);
  const x = new Float32Array(n * n).fill(1 / n);
  session.run(plan, [x], () => {
    ended = true;
  });
  session.run(plan, [x], () => {}); // waits behind it
  // Sessions at rest and closed ones end with the environment too.
  new NativeSession().close();
  load(new NativeSession(), short);
  parentPort!.postMessage(!session.idle() && !ended);
}
