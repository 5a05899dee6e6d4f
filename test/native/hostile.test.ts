// Every native function against hostile values: a typed error or a copied value, and the session goes on.
import test, { type ExecutionContext } from 'ava';
import { type NativeFeed, type NativeSession, native } from '../../lib/runtime/native.js';
import { dense, doubling, inOrder, loadStage, mixed } from './plans.js';

const { NativeSession: Native } = native();
// biome-ignore lint/suspicious/noExplicitAny: hostile callers have no types
type Any = any;

const CODES = /^(INVALID_ARGUMENT|RESOURCE_EXHAUSTED|FAILED_PRECONDITION|INTERNAL|NOT_FOUND|CANCELLED|UNIMPLEMENTED)$/;

const cyclic: Any = [];
cyclic.push(cyclic);
const detached = (): Float32Array => {
  const array = new Float32Array(4);
  structuredClone(array.buffer, { transfer: [array.buffer] });
  return array;
};
const lengthTracking = (): Float32Array => {
  const buffer = new (ArrayBuffer as Any)(16, { maxByteLength: 64 });
  return new Float32Array(buffer);
};
const outOfBounds = (): Float32Array => {
  const buffer = new (ArrayBuffer as Any)(64, { maxByteLength: 64 });
  const view = new Float32Array(buffer, 32, 4);
  buffer.resize(16);
  return view;
};
class Boom extends Error {}
const throwing = (): Any => ({
  get data(): never {
    throw new Boom('data');
  },
  get offsets(): never {
    throw new Boom('offsets');
  },
  get length(): never {
    throw new Boom('length');
  },
  get threads(): never {
    throw new Boom('threads');
  },
});

/** A fresh value each time: some lose their memory when used. */
const hostile: Record<string, () => Any> = {
  undefined: () => undefined,
  null: () => null,
  true: () => true,
  'a string': () => 'text',
  'a symbol': () => Symbol('s'),
  'a bigint': () => 2n ** 70n,
  '-0': () => -0,
  NaN: () => Number.NaN,
  Infinity: () => Infinity,
  '0.5': () => 0.5,
  '-1': () => -1,
  '2**31': () => 2 ** 31,
  '2**53': () => 2 ** 53,
  'an object': () => ({}),
  'a function': () => () => {},
  'a Date': () => new Date(),
  'a Proxy of an array': () => new Proxy([new Float32Array(4)], {}),
  'a Proxy of a typed array': () => new Proxy(new Float32Array(4), {}),
  'a revoked Proxy': () => {
    const { proxy, revoke } = Proxy.revocable([], {});
    revoke();
    return proxy;
  },
  'an array with holes': () => new Array(4),
  'a cyclic array': () => cyclic,
  'a sparse giant': () => {
    const array: Any = [];
    array.length = 2 ** 32 - 1;
    return array;
  },
  'getters that throw': throwing,
  'an array whose getter throws': () => Object.defineProperty([], 0, { get: throwing().__lookupGetter__('data') }),
  'a detached array': detached,
  'a length-tracking view': lengthTracking,
  'a view out of bounds': outOfBounds,
  'shared memory': () => new Float32Array(new SharedArrayBuffer(16)),
  'a DataView': () => new DataView(new ArrayBuffer(16)),
  'an ArrayBuffer': () => new ArrayBuffer(16),
  'a Float64Array': () => new Float64Array(4),
  'a Float16Array': () => ('Float16Array' in globalThis ? new (globalThis as Any).Float16Array(4) : new Int16Array(4)),
  'an empty array': () => [],
  'an array of one good feed': () => [new Float32Array(4)],
  'an array of a detached one': () => [detached()],
  'an array of a view out of bounds': () => [outOfBounds()],
  'words that are no plan': () => Int32Array.from({ length: 64 }, (_, i) => i - 5),
};
const names = Object.keys(hostile);

const METHODS = [
  'loadPlan',
  'unloadPlan',
  'runSync',
  'run',
  'runLoopSync',
  'runLoop',
  'cancel',
  'finish',
  'close',
  'idle',
  'memory',
  'variableInfo',
  'readVariable',
  'writeVariable',
  'getState',
  'setState',
] as const;

const attempt = (t: ExecutionContext, what: string, body: () => unknown): void => {
  try {
    body();
  } catch (error) {
    if (error instanceof Boom || error instanceof TypeError) return;
    const { code, message } = error as { code?: string; message: string };
    if (!CODES.test(code ?? '')) t.fail(`${what}: ${code} ${message}`);
  }
};

const works = (t: ExecutionContext, session: NativeSession, plan: number): void => {
  session.runSync(plan, [Float32Array.of(1, 2, 3, 4)]);
  t.deepEqual([...new Float32Array(session.mailbox, 0, 4)], [2, 4, 6, 8]);
};

test('every method takes every hostile value in every place, and the session goes on', (t) => {
  const good: Record<string, Any[]> = {
    loadPlan: [],
    runSync: [0, [new Float32Array(4)], [new Float32Array(4)]],
    run: [0, [new Float32Array(4)], () => {}],
    runLoopSync: [0, 2, [new Float32Array(4)], [false], [new Float32Array(8)]],
    runLoop: [0, 2, [new Float32Array(4)], [false], () => {}],
    unloadPlan: [0],
    variableInfo: [0],
    readVariable: [0],
    writeVariable: [0, new Float32Array(1)],
    getState: [0],
    setState: [0, 1n],
  };
  const { plan } = doubling();
  good.loadPlan = [plan.words, plan.constants, plan.strings, plan.stateKeys];
  let calls = 0;
  for (const method of METHODS) {
    const session = new Native() as Any;
    loadStage(session, doubling());
    const args = good[method] ?? [];
    for (let place = 0; place <= args.length; place++) {
      for (const name of names) {
        const list = [...args];
        list[place] = hostile[name]!();
        attempt(t, `${method} with ${name} in place ${place}`, () => session[method](...list));
        calls++;
      }
    }
    if (method === 'close') {
      t.throws(() => session.runSync(0, [new Float32Array(4)]), { code: 'FAILED_PRECONDITION' } as Any);
      continue;
    }
    session.finish();
    works(t, session, loadStage(session, doubling()));
    session.close();
  }
  for (const name of names) {
    attempt(t, `new NativeSession(${name})`, () => new Native(hostile[name]!()).close());
    for (const option of ['threads', 'memoryBytes', 'gpuMemory', 'gpuPrecision', 'onLog']) {
      attempt(t, `new NativeSession({${option}: ${name}})`, () => new Native({ [option]: hostile[name]!() }).close());
    }
    for (const [place, fn] of [0, 1, 2].flatMap((i) => [[i, 'hasFunctor'] as const, [i, 'hostBuffer'] as const])) {
      const list: Any[] = ['Add', 1, 1];
      list[place] = hostile[name]!();
      attempt(t, `${fn} with ${name}`, () => (native() as Any)[fn](...list));
    }
    calls += 10;
  }
  t.log(`${calls} calls`);
});

test('pairs of hostile values: random calls of random methods', (t) => {
  let seed = 12345;
  const random = (n: number): number => {
    seed = (Math.imul(seed, 1664525) + 1013904223) >>> 0;
    return Math.floor((seed / 2 ** 32) * n);
  };
  const rounds = process.env.GRAFO_FULL === '1' ? 1_000_000 : 20_000;
  let session = new Native() as Any;
  let plan = loadStage(session, doubling());
  const good = [() => plan, () => 2, () => [new Float32Array(4)], () => [false], () => () => {}, () => 1n];
  for (let i = 0; i < rounds; i++) {
    const method = METHODS[random(METHODS.length)]!;
    const list = Array.from({ length: random(6) }, () => {
      const which = random(2);
      return which === 0 ? good[random(good.length)]!() : hostile[names[random(names.length)]!]!();
    });
    if (method === 'runLoopSync' || method === 'runLoop')
      list[1] = typeof list[1] === 'number' && list[1] > 100 ? 3 : list[1];
    attempt(t, method, () => session[method](...list));
    if (method === 'close' || i % 500 === 499) {
      session.close();
      session = new Native();
      plan = loadStage(session, doubling());
    }
  }
  works(t, session, loadStage(session, doubling()));
});

test('functions that are no number of bytes, or of more than there are, end in an error', (t) => {
  const { hostBuffer } = native();
  for (const bytes of [Number.NaN, -1, 0.5, 2 ** 53, Infinity]) {
    t.throws(() => hostBuffer(bytes), { code: 'INVALID_ARGUMENT' } as Any, String(bytes));
  }
  for (const bytes of [2 ** 46, 2 ** 52]) t.throws(() => hostBuffer(bytes), { code: 'RESOURCE_EXHAUSTED' } as Any);
  const session = new Native();
  const plan = loadStage(session, dense(64));
  const x = new Float32Array(64 * 64);
  for (const n of [2 ** 34, 2 ** 45, 2 ** 52]) {
    t.throws(() => session.runLoopSync(plan, n, [x], [false]), { code: 'RESOURCE_EXHAUSTED' } as Any);
    t.throws(() => session.runLoop(plan, n, [x], [false], () => {}), { code: 'RESOURCE_EXHAUSTED' } as Any);
  }
  t.truthy(session.runSync(plan, [x]));
  session.close();
});

test('getters that close the session, unload the plan or run it leave an error or a result', (t) => {
  const stage = mixed();
  let ran = 0;
  const actions: Record<string, (session: NativeSession, plan: number) => void> = {
    close: (session) => session.close(),
    unload: (session, plan) => session.unloadPlan(plan),
    finish: (session) => session.finish(),
    cancel: (session) => session.cancel(),
    run: (session, plan) => {
      const text = { data: new Uint8Array(3), offsets: Int32Array.of(0, 1, 2, 3) };
      session.runSync(plan, inOrder(stage, [text, Uint8Array.of(0, 1, 1), Int32Array.of(0, 1)]));
    },
    load: (session) => {
      for (let i = 0; i < 20; i++) loadStage(session, stage);
    },
  };
  for (const [name, act] of Object.entries(actions)) {
    for (const where of ['data', 'offsets', 'element']) {
      for (const method of ['runSync', 'run', 'runLoopSync'] as const) {
        const session = new Native() as Any;
        const plan = loadStage(session, stage);
        const text: Any = { data: Uint8Array.of(97, 98, 99), offsets: Int32Array.of(0, 1, 2, 3) };
        const flag = Uint8Array.of(1, 0, 1);
        const at = Int32Array.of(2, 0);
        const feeds: Any[] = inOrder<Any>(stage, [text, flag, at]);
        if (where === 'element') {
          Object.defineProperty(feeds, feeds.indexOf(flag), {
            get: () => {
              act(session, plan);
              return flag;
            },
          });
        } else {
          const value = text[where];
          Object.defineProperty(text, where, {
            get: () => {
              act(session, plan);
              return value;
            },
          });
        }
        attempt(t, `${name} by ${where} in ${method}`, () => {
          if (method === 'run') session.run(plan, feeds, () => {});
          else if (method === 'runSync') session.runSync(plan, feeds);
          else session.runLoopSync(plan, 2, feeds, [false, false, false]);
          ran++;
        });
        session.close();
      }
    }
  }
  t.true(ran >= 20, `${ran} calls succeeded`);
});

test('setters planted on prototypes run when the session is done with, or never', (t) => {
  const x = new Float32Array(64).fill(1);
  const reference = new Native();
  const expected = [...new Float32Array(reference.runSync(loadStage(reference, dense(8)), [x])![0] as ArrayBuffer)];
  reference.close();
  const places: [object, PropertyKey][] = [
    [Array.prototype, 0],
    [Object.prototype, 'data'],
    [Object.prototype, 'offsets'],
    [Object.prototype, 'node'],
    [Object.prototype, 'used'],
  ];
  for (const [object, key] of places) {
    const session = new Native() as Any;
    const plan = loadStage(session, dense(8));
    const stage = mixed();
    const text = loadStage(session, stage);
    const strings = { data: Uint8Array.of(97, 98, 99), offsets: Int32Array.of(0, 1, 2, 3) };
    const feeds = inOrder<unknown>(stage, [strings, Uint8Array.of(1, 0, 1), Int32Array.of(2, 0)]);
    let armed = true;
    Object.defineProperty(object, key, {
      configurable: true,
      set(value) {
        Object.defineProperty(this, key, { value, configurable: true, writable: true, enumerable: true });
        if (!armed) return;
        armed = false;
        session.unloadPlan(plan);
        session.close();
      },
    });
    let results: Any;
    let failed: Any;
    try {
      results = session.runSync(plan, [x]);
      session.runSync(text, feeds);
      session.runLoopSync(plan, 3, [x], [false]);
      session.memory();
    } catch (error) {
      failed = error;
    } finally {
      delete (object as Any)[key];
    }
    t.deepEqual([...new Float32Array(results[0])], expected, String(key));
    t.is(failed?.code, key === 0 ? 'FAILED_PRECONDITION' : undefined, String(key));
    session.close();
  }
});

test('receivers that are no session are refused', (t) => {
  const prototype = Native.prototype as Any;
  for (const self of [{}, null, Object.create(prototype), new Proxy(new Native(), {})]) {
    for (const method of METHODS) t.throws(() => prototype[method].call(self), undefined, method);
  }
  t.throws(() => (Native as Any).call({}));
  t.throws(() => (Native as Any)());
});

test('a result array may be the feed itself, or overlap it', (t) => {
  const session = new Native();
  const plan = loadStage(session, doubling());
  const x = Float32Array.of(1, 2, 3, 4, 0, 0);
  session.runSync(plan, [x.subarray(0, 4)], [x.subarray(0, 4)]);
  session.runSync(plan, [x.subarray(0, 4)], [x.subarray(2, 6)]);
  t.deepEqual([...x], [2, 4, 4, 8, 12, 16]);
  const feed: NativeFeed = x.subarray(0, 4);
  t.throws(() => session.runSync(plan, [feed], [x]), { code: 'INVALID_ARGUMENT' } as Any);
  session.close();
});
