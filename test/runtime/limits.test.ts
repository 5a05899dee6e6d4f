// What limits a run: any time means itself, and what is no limit is refused before anything runs.
import test from 'ava';
import * as tf from '../../lib/index.js';
import { watchLimits } from '../../lib/runtime/limits.js';

const { GraphTypeError, ValueError } = tf.errors;
const graph = new tf.Graph();
const [x, y] = graph.asDefault(() => {
  const input = tf.placeholder(tf.float32, [null, null]);
  return [input, tf.reduceSum(tf.matmul(input, input))] as const;
});
const session = new tf.Session({ graph });
const big = tf.ndarray(new Float32Array(1 << 18).fill(1), [512, 512]);

test('a time that no timer takes does not end a run', async (t) => {
  for (const timeoutMs of [Number.POSITIVE_INFINITY, Number.MAX_VALUE, 2 ** 31, 2 ** 31 - 1]) {
    t.is((await session.run(y, [[x, big]], { timeoutMs })).item(), 2 ** 27);
    function* source() {
      yield big;
    }
    const limits = { timeoutMs };
    t.is((await session.runLoop(y, 2, [[x, big]], limits)).size, 2);
    t.is((await session.runLoop(y, 2, [[x, tf.stepped(source())]], limits)).size, 1);
  }
});

test.serial('a long time is waited for in parts, and ended by the release', (t) => {
  const [setReal, clearReal, now] = [globalThis.setTimeout, globalThis.clearTimeout, performance.now];
  const armed: { then: () => void; ms: number }[] = [];
  let [time, cleared, stopped] = [1000, -1, 0];
  Object.assign(globalThis, {
    setTimeout: (then: () => void, ms: number) => armed.push({ then, ms }) - 1,
    clearTimeout: (timer: number) => {
      cleared = timer;
    },
  });
  performance.now = () => time;
  try {
    const release = watchLimits({ timeoutMs: 2 ** 31 + 499 }, 'run', () => stopped++);
    t.is(armed[0]!.ms, 2 ** 31 - 1);
    time += 2 ** 31 - 1;
    armed[0]!.then();
    t.is(armed[1]!.ms, 500);
    t.is(stopped, 0);
    release!();
    t.is(cleared, 1);
    armed[1]!.then();
    t.is(stopped, 1);
    t.is(
      watchLimits({ timeoutMs: Number.POSITIVE_INFINITY }, 'run', () => stopped++),
      undefined,
    );
    t.is(armed.length, 2);
  } finally {
    Object.assign(globalThis, { setTimeout: setReal, clearTimeout: clearReal });
    performance.now = now;
  }
});

test('what is no limit is a typed error that names the option', async (t) => {
  const wrong = [
    [{ timeoutMs: Number.NaN }, ValueError, /timeoutMs must be 0 or more, not NaN$/],
    [{ timeoutMs: -5 }, ValueError, /timeoutMs must be 0 or more, not -5$/],
    [{ timeoutMs: '100' }, GraphTypeError, /timeoutMs takes a number, not <class 'str'>$/],
    [{ timeoutMs: null }, GraphTypeError, /timeoutMs takes a number, not <class 'NoneType'>$/],
    [{ signal: {} }, GraphTypeError, /signal takes an AbortSignal, not <class 'Object'>$/],
    [{ signal: new AbortController() }, GraphTypeError, /signal takes an AbortSignal, not <class 'AbortController'>$/],
    [{ signal: null }, GraphTypeError, /signal takes an AbortSignal, not <class 'NoneType'>$/],
    [1000, GraphTypeError, /\(\) takes its options in an object, not 1000$/],
  ] as const;
  let asked = 0;
  function* source() {
    asked++;
    yield big;
  }
  for (const [limits, instanceOf, message] of wrong) {
    await t.throwsAsync(session.run(y, [[x, big]], limits as never), { instanceOf, message });
    await t.throwsAsync(session.runLoop(y, 2, [[x, big]], limits as never), { instanceOf, message });
    await t.throwsAsync(session.runLoop(y, 2, [[x, tf.stepped(source())]], limits as never), { instanceOf, message });
  }
  t.is(asked, 0);
  await t.throwsAsync(session.runLoop(y, 2, [[x, big]], { timeout: 5 } as never), {
    message: /^runLoop\(\) .*Did you mean 'timeoutMs'\?/,
  });
});

test('maxInFlight is a whole number of waiting runs, 0 and Infinity too', async (t) => {
  for (const maxInFlight of [-1, 1.5, Number.NaN, '3', 2n]) {
    t.throws(() => new tf.Session({ graph, maxInFlight: maxInFlight as number }), {
      instanceOf: ValueError,
      message: /^Session: maxInFlight takes a whole number of runs or Infinity, not/,
    });
  }
  const none = new tf.Session({ graph, maxInFlight: 0 });
  const run = () => none.run(y, [[x, big]], { timeoutMs: 60_000 });
  const [first, second] = await Promise.allSettled([run(), run()]);
  t.is(first.status, 'fulfilled');
  t.true(second.status === 'rejected' && second.reason instanceof tf.errors.ResourceExhaustedError);
  none.close();
  new tf.Session({ graph, maxInFlight: Number.POSITIVE_INFINITY }).close();
});

test('a signal that limits many runs is listened to once, and tells all of them', async (t) => {
  const warnings: Error[] = [];
  const hear = (warning: Error): void => void warnings.push(warning);
  process.on('warning', hear);
  const control = new AbortController();
  const { signal } = control;
  async function* quiet() {
    yield big;
    await new Promise(() => {});
  }
  // The first waits for its source, the others for the first; a run of another session ends meanwhile.
  const own = new tf.Session({ graph });
  const runs = Array.from({ length: 30 }, () => own.runLoop(y, 2, [[x, tf.stepped(quiet())]], { signal }));
  await session.run(y, [[x, big]], { signal });
  control.abort('enough');
  for (const settled of await Promise.allSettled(runs)) {
    const { reason } = settled as PromiseRejectedResult;
    t.true(reason instanceof tf.errors.CancelledError);
    t.is(reason.cause, 'enough');
    t.regex(reason.runFrom, /^limits\.test\.ts:/);
  }
  own.close();
  // Nothing is left of it, and the next one works.
  const again = new AbortController();
  await session.run(y, [[x, big]], { signal: again.signal });
  again.abort();
  await new Promise(setImmediate);
  process.off('warning', hear);
  t.deepEqual(warnings, []);
});

test('a loop of nothing but an operation without steps is ended by its limits', async (t) => {
  const nothing = graph.asDefault(() => tf.noOp());
  await t.throwsAsync(session.runLoop(nothing, 1e15, [], { timeoutMs: 30 }), {
    instanceOf: tf.errors.DeadlineExceededError,
  });
  await t.throwsAsync(session.runLoop(nothing, 1e15, [], { signal: AbortSignal.timeout(30) }), {
    instanceOf: tf.errors.CancelledError,
  });
});

test('closing a session ends a loop that waits for its source', async (t) => {
  const own = new tf.Session({ graph });
  async function* quiet() {
    yield big;
    await new Promise(() => {});
  }
  const loop = own.runLoop(y, Number.POSITIVE_INFINITY, [[x, tf.stepped(quiet())]]);
  await new Promise((resolve) => setTimeout(resolve, 50));
  own.close();
  const error = await t.throwsAsync(loop, { instanceOf: tf.errors.CancelledError });
  t.is((error as tf.GrafoError).text, 'Session has been closed.');
});
