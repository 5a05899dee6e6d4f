// Runs through the addon: feeds as they were at the call, results that come and go, many at once, closing, memory.
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import test from 'ava';
import * as tf from '../../lib/index.js';
import { type NativeResults, type NativeSession, native } from '../../lib/runtime/native.js';
import { chain, dense, doubling, inOrder, loadStage, mixed } from './plans.js';

process.env.GRAFO_TESTING = '1';
const addon = native() as ReturnType<typeof native> & {
  testing: {
    failAllocation(nth: number, forever: boolean): void;
    misalignment(array: ArrayBufferView, bytes: number): number;
  };
};
const { NativeSession: Native } = addon;
const full = process.env.GRAFO_FULL === '1';
/** A sanitizer keeps freed memory back, so the size of the process says nothing. */
const measured = process.env.GRAFO_SANITIZER === undefined ? test.serial : test.serial.skip;

setFlagsFromString('--expose_gc');
const gc = runInNewContext('gc') as () => void;
const settle = async (): Promise<number> => {
  for (let i = 0; i < 3; i++) {
    gc();
    await new Promise((resolve) => setImmediate(resolve));
  }
  return process.memoryUsage().rss / 2 ** 20;
};

const run = (
  session: NativeSession,
  plan: number,
  feeds: Parameters<NativeSession['run']>[1],
): Promise<NativeResults> =>
  new Promise((resolve, reject) =>
    session.run(plan, feeds, (error, results) => (error ? reject(error) : resolve(results))),
  );

/** MB per 1e5 rounds over the last 80 % of them, by least squares over `samples` sizes of the process. */
const slope = async (
  rounds: number,
  samples: number,
  body: (i: number) => unknown,
): Promise<{ slope: number; growth: number }> => {
  const points: [number, number][] = [];
  for (let s = 0; s <= samples; s++) {
    if (s > 0) for (let i = 0; i < rounds / samples; i++) await body(i);
    if (s >= samples / 5) points.push([(s * rounds) / samples / 1e5, await settle()]);
  }
  const mx = points.reduce((sum, [x]) => sum + x, 0) / points.length;
  const my = points.reduce((sum, [, y]) => sum + y, 0) / points.length;
  const over = points.reduce((sum, [x, y]) => sum + (x - mx) * (y - my), 0);
  const under = points.reduce((sum, [x]) => sum + (x - mx) ** 2, 0);
  return { slope: over / under, growth: points.at(-1)![1] - points[0]![1] };
};

test('an async run sees its feeds as they were when it was called', async (t) => {
  const session = new Native();
  const stage = mixed();
  const plan = loadStage(session, stage);
  const text = { data: Uint8Array.of(97, 98, 99), offsets: Int32Array.of(0, 1, 2, 3) };
  const flag = Uint8Array.of(1, 0, 1);
  const at = Int32Array.of(2, 0);
  const shared = new Uint8Array(new SharedArrayBuffer(3));
  shared.set(flag);
  for (const flags of [flag, shared]) {
    const promise = run(session, plan, inOrder<never>(stage, [text, flags, at] as never[]));
    text.data.fill(122);
    text.offsets.fill(0);
    flags.fill(0);
    at.fill(1);
    const [gathered] = (await promise)! as [{ data: Uint8Array; offsets: Int32Array }];
    t.is(Buffer.from(gathered.data).toString(), 'ca');
    t.deepEqual([...gathered.offsets], [0, 1, 2]);
    t.deepEqual([...new Float32Array(session.mailbox, 64, 3)], [1, 0, 1]);
    text.data.set([97, 98, 99]);
    text.offsets.set([0, 1, 2, 3]);
    at.set([2, 0]);
    flags.set([1, 0, 1]);
  }
  session.close();
});

test('results are detached, transferred and collected without a word to the session', async (t) => {
  const session = new Native();
  const plan = loadStage(session, dense(64));
  const x = new Float32Array(64 * 64).fill(0.1);
  const [expected] = session.runSync(plan, [x]) as [ArrayBuffer];
  for (let i = 0; i < 50; i++) {
    const [sync] = session.runSync(plan, [x]) as [ArrayBuffer];
    structuredClone(sync, { transfer: [sync] });
    t.is(sync.byteLength, 0);
    const [later] = (await run(session, plan, [x])) as [ArrayBuffer];
    t.deepEqual(new Float32Array(later), new Float32Array(expected));
    structuredClone(later, { transfer: [later] });
    if (i % 10 === 0) gc();
  }
  // The mailbox as well: then what would go there is an error, and the rest goes on.
  structuredClone(session.mailbox, { transfer: [session.mailbox] });
  t.throws(() => session.runSync(plan, [x]), { code: 'FAILED_PRECONDITION' } as never);
  await t.throwsAsync(run(session, plan, [x]), { code: 'FAILED_PRECONDITION' } as never);
  session.close();
});

test('ten thousand runs at once stay within maxInFlight and end in some order of calls', async (t) => {
  const graph = new tf.Graph();
  const { x, total } = graph.asDefault(() => {
    const given = tf.placeholder(tf.float32, [256]);
    const v = new tf.Variable(tf.zeros([256]), { name: 'v' });
    return { x: given, total: tf.assignAdd(v, given) };
  });
  using sess = new tf.Session({ graph, maxInFlight: 2000 });
  graph.asDefault(() => sess.runSync(tf.globalVariablesInitializer()));
  let rejected = 0;
  const sums: number[] = [];
  const all = Array.from({ length: 10_000 }, () =>
    // With a limit of time every run takes the thread.
    sess.run(total, [[x, new Float32Array(256).fill(1)]], { timeoutMs: 100_000 }).then(
      (value) => sums.push((value as unknown as tf.NDArray).data[0] as number),
      (error: { code: string }) => {
        t.is(error.code, 'RESOURCE_EXHAUSTED');
        rejected++;
      },
    ),
  );
  await Promise.all(all);
  t.true(rejected > 0 && rejected <= 8000, `${rejected} rejected`);
  t.deepEqual(
    sums,
    Array.from({ length: 10_000 - rejected }, (_, i) => i + 1),
  );
});

test('more jobs than the native queue holds are refused, and those in it end', (t) => {
  const session = new Native();
  const plan = loadStage(session, doubling());
  const x = new Float32Array(4);
  let ended = 0;
  let accepted = 0;
  const slow = loadStage(session, chain(512, 1000));
  session.run(slow, [new Float32Array(512 * 512)], () => ended++);
  const refused = t.throws(() => {
    for (let i = 0; i < 200_000; i++) {
      session.run(plan, [x], () => ended++);
      accepted++;
    }
  });
  t.is((refused as unknown as { code: string }).code, 'RESOURCE_EXHAUSTED');
  session.cancel();
  session.finish();
  t.is(ended, accepted + 1);
  session.close();
});

test('close during runs: the one in flight ends, the others are CANCELLED, all call back once', async (t) => {
  for (let round = 0; round < 20; round++) {
    const session = new Native();
    const plan = loadStage(session, chain(128, 30));
    const x = new Float32Array(128 * 128).fill(1 / 128);
    const runs = Array.from({ length: 10 }, () => run(session, plan, [x]));
    if (round % 2 === 0) await new Promise((resolve) => setTimeout(resolve, round / 4));
    session.close();
    session.close();
    const ends = await Promise.allSettled(runs);
    for (const end of ends) {
      if (end.status === 'rejected') t.is(end.reason.code, 'CANCELLED');
      else t.is((end.value as ArrayBuffer[])[0]!.byteLength, 128 * 128 * 4);
    }
    t.throws(() => session.runSync(plan, [x]), { code: 'FAILED_PRECONDITION' } as never);
  }
});

test('what onLog throws or runs does not reach the results', async (t) => {
  const graph = new tf.Graph();
  const { x, y } = graph.asDefault(() => {
    const given = tf.placeholder(tf.float32, [2]);
    return { x: given, y: tf.mul(tf.Print(given, [given], { message: 'x ' }), tf.constant(3)) };
  });
  let mode = 'run';
  let lines = 0;
  const sess: tf.Session = new tf.Session({
    graph,
    onLog: () => {
      lines++;
      if (mode === 'throw') throw new Error('from onLog');
      if (mode !== 'run') return;
      mode = 'nothing';
      sess.runSync(y, [[x, [100, 200]]]);
      mode = 'run';
    },
  });
  // With a limit of time a run takes the thread.
  const limits = { timeoutMs: 100_000 };
  t.deepEqual(sess.runSync(y, [[x, [1, 2]]]).toArray(), [3, 6]);
  t.is(lines, 2);
  t.deepEqual((await sess.run(y, [[x, [1, 2]]], limits)).toArray(), [3, 6]);
  t.is(lines, 4);
  mode = 'throw';
  t.throws(() => sess.runSync(y, [[x, [1, 2]]]), { message: 'from onLog' });
  mode = 'nothing';
  t.deepEqual((await sess.run(y, [[x, [1, 2]]], limits)).toArray(), [3, 6]);
  sess.close();
});

test('what onLog throws is the error of the run that printed, wherever it ran', async (t) => {
  const graph = new tf.Graph();
  const { x, y, quiet, failing } = graph.asDefault(() => {
    const given = tf.placeholder(tf.float32, [2]);
    const printed = tf.Print(given, [given]);
    return {
      x: given,
      y: tf.mul(printed, tf.constant(3)),
      quiet: tf.mul(given, tf.constant(2)),
      failing: tf.Assert(tf.less(tf.reduceSum(printed), 0), [given]),
    };
  });
  let reenter = false;
  const sess: tf.Session = new tf.Session({
    graph,
    onLog: () => {
      if (reenter) {
        reenter = false;
        t.throws(() => sess.runSync(y, [[x, [1, 2]]]), { message: 'from onLog' });
      }
      throw new Error('from onLog');
    },
  });
  // With a limit of time a run takes the thread.
  const limits = { timeoutMs: 100_000 };
  const noisy = () => sess.run(y, [[x, [1, 2]]], limits);
  const calm = () => sess.run(quiet, [[x, [1, 2]]], limits);
  const message = 'from onLog';
  await t.throwsAsync(sess.run(y, [[x, [1, 2]]]), { message });
  await t.throwsAsync(noisy(), { message });
  await t.throwsAsync(sess.runLoop(y, 2, [[x, [1, 2]]]), { message });
  reenter = true;
  await t.throwsAsync(noisy(), { message });
  t.deepEqual((await calm()).toArray(), [2, 4]);
  const all = [noisy(), calm(), noisy(), calm()];
  t.deepEqual(
    (await Promise.allSettled(all)).map(({ status }) => status),
    ['rejected', 'fulfilled', 'rejected', 'fulfilled'],
  );
  // A run on this thread completes those before: their error is theirs, its own its own.
  const before = noisy();
  t.deepEqual(sess.runSync(quiet, [[x, [1, 2]]]).toArray(), [2, 4]);
  await t.throwsAsync(before, { message });
  const still = calm();
  t.throws(() => sess.runSync(y, [[x, [1, 2]]]), { message });
  t.deepEqual((await still).toArray(), [2, 4]);
  await t.throwsAsync(sess.run(failing, [[x, [1, 2]]], limits), { instanceOf: tf.errors.InvalidArgumentError });
  t.throws(() => sess.runSync(y, [[x, [1, 2]]]), { message });
  sess.close();
});

test.serial(
  'whichever allocation fails, once or from then on: RESOURCE_EXHAUSTED, and the next run is bitwise right',
  async (t) => {
    const x = new Float32Array(64 * 64).map((_, i) => Math.cos(i));
    const stage = dense(64);
    const reference = new Native();
    const [expected] = reference.runSync(loadStage(reference, stage), [x]) as [ArrayBuffer];
    reference.close();
    let failures = 0;
    for (const forever of [false, true]) {
      for (const way of ['sync', 'async'] as const) {
        let clean = false;
        for (let nth = 1; !clean && nth < 200; nth++) {
          let session: NativeSession | undefined;
          let plan: number | undefined;
          addon.testing.failAllocation(nth, forever);
          try {
            session = new Native();
            plan = loadStage(session, stage);
            if (way === 'sync') session.runSync(plan, [x]);
            else await run(session, plan, [x]);
            clean = true;
          } catch (error) {
            failures++;
            t.is((error as { code: string }).code, 'RESOURCE_EXHAUSTED');
          } finally {
            addon.testing.failAllocation(0, false);
          }
          session ??= new Native();
          const [again] = session.runSync(plan ?? loadStage(session, stage), [x]) as [ArrayBuffer];
          t.deepEqual(new Uint32Array(again), new Uint32Array(expected), `${way}, allocation ${nth}`);
          const { used } = session.memory();
          session.close();
          t.true(used > 0);
          t.is(session.memory().used, 0, 'all is given back');
        }
        t.true(clean, 'the loop came to an end');
      }
    }
    t.true(failures >= 8, `${failures} failures`);
  },
);

test('memoryBytes limits variables, constants, arena, copied feeds and strings', async (t) => {
  const session = new Native({ memoryBytes: 1 << 20 });
  const big = new Float32Array(600 * 600);
  t.throws(() => session.runSync(loadStage(session, chain(600, 3)), [big]), { code: 'RESOURCE_EXHAUSTED' } as never);
  const small = loadStage(session, chain(64, 3));
  const feed = new Float32Array(64 * 64);
  session.runSync(small, [feed]);
  // 16 KB each: the budget holds some sixty of them at a time.
  const ends = await Promise.allSettled(Array.from({ length: 1000 }, () => run(session, small, [feed])));
  const refused = ends.filter((end) => end.status === 'rejected');
  t.true(refused.length > 0 && refused.length < 1000, `${refused.length} refused`);
  for (const { reason } of refused) t.is(reason.code, 'RESOURCE_EXHAUSTED');
  session.runSync(small, [feed]);
  t.true(session.memory().peak <= 1 << 20);

  const stage = mixed();
  const strings = loadStage(session, stage);
  const long = new Uint8Array(3 << 20).fill(97);
  const text = { data: long, offsets: Int32Array.of(0, 1 << 20, 2 << 20, 3 << 20) };
  const feeds = inOrder<never>(stage, [text, new Uint8Array(3), new Int32Array(2)] as never[]);
  t.throws(() => session.runSync(strings, feeds), { code: 'RESOURCE_EXHAUSTED' } as never);
  session.close();
  t.is(session.memory().used, 0);
});

measured(
  'a thousand sessions made and closed, or left to the collector, leave the process as large as it was',
  async (t) => {
    const x = new Float32Array(64 * 64);
    const stage = dense(64);
    for (const closes of [true, false]) {
      const body = async (i: number): Promise<void> => {
        const session = new Native();
        const plan = loadStage(session, stage);
        session.runSync(plan, [x]);
        if (i % 4 === 0) await run(session, plan, [x]);
        if (closes) session.close();
        else if (i % 50 === 0) await settle();
      };
      for (let i = 0; i < 200; i++) await body(i);
      const { growth } = await slope(full ? 10_000 : 1000, 10, body);
      t.log(`${closes ? 'closed' : 'collected'}: ${growth.toFixed(2)} MB more over the last 80 %`);
      t.true(growth <= 5, `${growth.toFixed(2)} MB`);
    }
  },
);

measured('runs leave nothing behind: sync, async and in loops', async (t) => {
  const session = new Native();
  const plan = loadStage(session, dense(16));
  const x = new Float32Array(16 * 16);
  const bodies: Record<string, (i: number) => unknown> = {
    sync: () => session.runSync(plan, [x]),
    async: () => run(session, plan, [x]),
    loop: (i) => (i % 10 === 0 ? session.runLoopSync(plan, 10, [x], [false]) : undefined),
    failing: (i) => (i % 2 === 0 ? t.throws(() => session.runSync(plan, [])) : undefined),
  };
  for (const [name, body] of Object.entries(bodies)) {
    const rounds = full ? 1_000_000 : name === 'failing' ? 10_000 : 50_000;
    for (let i = 0; i < 5000; i++) await body(i);
    const found = await slope(rounds, 10, body);
    t.log(`${name}: ${found.slope.toFixed(3)} MB per 1e5 runs, ${found.growth.toFixed(2)} MB in all`);
    t.true(found.growth <= 5, `${name}: ${found.growth.toFixed(2)} MB`);
    if (full) t.true(found.slope <= 1, `${name}: ${found.slope.toFixed(2)} MB per 1e5`);
  }
  session.close();
});

test('host buffers begin with a line of the cache, of every size and dtype', (t) => {
  const session = new tf.Session(new tf.Graph());
  for (const dtype of ['float32', 'float64', 'int8', 'bool', 'int64'] as const) {
    for (const size of [0, 1, 3, 1000, 20_001, 3_000_001]) {
      const { data } = session.hostBuffer(dtype, [size]);
      t.is(data.length, size);
      t.is(addon.testing.misalignment(data as Float32Array, 64), 0, `${dtype} ${size}`);
    }
  }
  session.close();
});
