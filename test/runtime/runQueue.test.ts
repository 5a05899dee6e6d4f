// The queue of a session against an engine that the test plays itself.
import test from 'ava';
import { CancelledError, DeadlineExceededError, ResourceExhaustedError } from '../../lib/core/errors.js';
import { type Attempt, RunQueue } from '../../lib/runtime/runQueue.js';

/** An engine whose runs end when the test says so. */
class Engine {
  readonly log: string[] = [];
  cancelled = 0;
  #flying: { name: string; done: (error: unknown) => void } | undefined;
  #doomed: unknown;

  attempt(name: string, next?: () => Attempt): Attempt {
    return {
      start: (done) => {
        this.log.push(`start ${name}`);
        this.#flying = { name, done: (error) => done(error, undefined) };
      },
      sync: () => {
        this.log.push(`sync ${name}`);
        return undefined;
      },
      next: () => {
        this.log.push(`end ${name}`);
        return next?.();
      },
    };
  }
  get flying(): string | undefined {
    return this.#flying?.name;
  }
  land(error?: unknown): void {
    const flight = this.#flying!;
    this.#flying = undefined;
    flight.done(error ?? this.#doomed);
    this.#doomed = undefined;
  }
  cancel(): void {
    this.cancelled++;
    this.#doomed = new CancelledError('stopped');
  }
}

const setup = (limit = 10) => {
  const engine = new Engine();
  const queue = new RunQueue(
    limit,
    () => engine.cancel(),
    () => engine.land(),
  );
  const add = (name: string, next?: () => Attempt, limits = {}) => queue.add(() => engine.attempt(name, next), limits);
  return { engine, queue, add };
};

test('runs happen one after the other in the order they were added', async (t) => {
  const { engine, add } = setup();
  const [a, b] = [add('a'), add('b')];
  t.deepEqual(engine.log, ['start a']);
  engine.land();
  await a;
  engine.land();
  await b;
  t.deepEqual(engine.log, ['start a', 'end a', 'start b', 'end b']);
});

test('a run with a second stage keeps the head of the queue until its last one', async (t) => {
  const { engine, add } = setup();
  const a = add('a', () => engine.attempt('a2'));
  const b = add('b');
  engine.land();
  t.is(engine.flying, 'a2');
  engine.land();
  await a;
  engine.land();
  await b;
  t.deepEqual(engine.log, ['start a', 'end a', 'start a2', 'end a2', 'start b', 'end b']);
});

test('pump finishes the run in flight, its further stages and all that wait, in order', async (t) => {
  const { engine, queue, add } = setup();
  const all = Promise.all([add('a', () => engine.attempt('a2')), add('b'), add('c')]);
  queue.pump();
  t.true(queue.idle);
  t.deepEqual(engine.log, ['start a', 'end a', 'sync a2', 'end a2', 'sync b', 'end b', 'sync c', 'end c']);
  await all;
});

test('a run that fails rejects its own promise only', async (t) => {
  const { engine, add } = setup();
  const [a, b] = [add('a'), add('b')];
  engine.land(new Error('no'));
  await t.throwsAsync(a, { message: 'no' });
  engine.land();
  await t.notThrowsAsync(b);
});

test('a run that cannot begin rejects, and the next one begins', async (t) => {
  const { engine, queue, add } = setup();
  const a = queue.add(() => {
    throw new Error('does not compile');
  }, {});
  await t.throwsAsync(a, { message: 'does not compile' });
  const b = add('b');
  engine.land();
  await t.notThrowsAsync(b);
});

test('a waiting run that is aborted is rejected at once and never starts', async (t) => {
  const { engine, add } = setup();
  const control = new AbortController();
  const a = add('a');
  const b = add('b', undefined, { signal: control.signal });
  control.abort('enough');
  const error = await t.throwsAsync(b, { instanceOf: CancelledError });
  t.is(error.cause, 'enough');
  engine.land();
  await a;
  t.is(engine.flying, undefined);
  t.is(engine.cancelled, 0);
});

test('a run in flight that is aborted is cancelled in the engine', async (t) => {
  const { engine, add } = setup();
  const control = new AbortController();
  const a = add('a', undefined, { signal: control.signal });
  control.abort();
  t.is(engine.cancelled, 1);
  engine.land();
  await t.throwsAsync(a, { instanceOf: CancelledError, message: /AbortSignal/ });
});

test('a signal that is aborted already rejects without a start', async (t) => {
  const { engine, add } = setup();
  await t.throwsAsync(add('a', undefined, { signal: AbortSignal.abort() }), { instanceOf: CancelledError });
  t.deepEqual(engine.log, []);
});

test('a run that is too slow ends with DEADLINE_EXCEEDED', async (t) => {
  const { engine, add } = setup();
  const a = add('a', undefined, { timeoutMs: 5 });
  await new Promise((resolve) => setTimeout(resolve, 30));
  t.is(engine.cancelled, 1);
  engine.land();
  await t.throwsAsync(a, { instanceOf: DeadlineExceededError });
});

test('one run more than may wait is RESOURCE_EXHAUSTED', async (t) => {
  const { queue, add } = setup(2);
  const kept = [add('a'), add('b'), add('c')];
  await t.throwsAsync(add('d'), { instanceOf: ResourceExhaustedError });
  queue.pump();
  await t.notThrowsAsync(Promise.all(kept));
});

test('close rejects what waits and lets the run in flight finish', async (t) => {
  const { engine, queue, add } = setup();
  const [a, b] = [add('a'), add('b')];
  let closed = false;
  queue.close(() => {
    closed = true;
  });
  await t.throwsAsync(b, { instanceOf: CancelledError, message: 'Session has been closed.' });
  t.false(closed);
  engine.land();
  await t.notThrowsAsync(a);
  t.true(closed);
});

test('what listens is heard before the next run begins, and what it throws is the error of the run that landed', async (t) => {
  const { engine, queue, add } = setup();
  const [a, b] = [add('a'), add('b')];
  engine.land();
  t.is(engine.flying, undefined);
  queue.hear(() => {
    throw new RangeError('cannot write');
  });
  await t.throwsAsync(a, { instanceOf: RangeError });
  t.is(engine.flying, 'b');
  const throwing = (): never => {
    throw new RangeError('not of a run');
  };
  t.throws(() => queue.hear(throwing), { instanceOf: RangeError });
  engine.land(new Error('failed'));
  await t.throwsAsync(b, { message: 'failed' });
  t.throws(() => queue.hear(throwing), { instanceOf: RangeError });
});
