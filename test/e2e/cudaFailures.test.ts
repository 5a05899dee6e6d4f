// What a device may refuse, and what a session makes of it: an error or a slower way, nothing leaked, variables as they were, and the
// next run right.
process.env.GRAFO_TESTING = '1';

import * as tf from '../../lib/index.js';
import { bits, emulate, emulatedSerially } from '../helpers/cuda.js';

const graph = new tf.Graph();
/** Variables, a constant, a gather that may be wrong, random numbers, a product with scratch, and feeds of two sizes. */
const { x, at, w, step, loss, init } = graph.asDefault(() => {
  const x = tf.placeholder('float32', [4, 6], { name: 'x' });
  const at = tf.placeholder('int32', [3], { name: 'at' });
  const w = new tf.Variable(
    tf.ndarray(
      Float32Array.from({ length: 30 }, (_, i) => (i % 7) - 3),
      [6, 5],
    ),
    { name: 'w' },
  );
  const rows = tf.gather(tf.matmul(x, w), at);
  const loss = tf.add(tf.reduceMax(rows), tf.mul(0, tf.reduceMax(tf.randomUniform([4], { seed: 2 }))));
  const step = w.assign(tf.add(w, tf.reduceMax(x)));
  return { x, at, w, loss, step, init: tf.globalVariablesInitializer() };
});
const feeds = [
  [
    x,
    tf.ndarray(
      Float32Array.from({ length: 24 }, (_, i) => (i % 5) - 2),
      [4, 6],
    ),
  ],
  [at, [0, 3, 1]],
] as const;

const KEPT = ['device blocks', 'pinned blocks', 'streams', 'events', 'graphs'] as const;
const kept = (): string => KEPT.map((what) => `${what} ${emulate(what)}`).join(', ');
const state = (sess: tf.Session): string => bits(sess.runSync(w));

const larger = graph.asDefault(() => tf.reduceMax(tf.tile(w, [9, 9])));
const train = (sess: tf.Session): tf.NDArray => sess.runSync([loss, step], feeds)[0];
/** What a session does in its life: each must work after any other has failed. */
const acts: readonly (readonly [string, (sess: tf.Session) => tf.NDArray])[] = [
  ['a run', train],
  ['the second run, which is recorded', train],
  ['a launch of it', train],
  ['a larger plan, whose arena moves', (sess) => sess.runSync(larger)],
  ['the same again', train],
  [
    'a loop',
    (sess) =>
      sess.runLoopSync([loss, step], 20, [
        [
          x,
          tf.stepped(
            tf.ndarray(
              Float32Array.from({ length: 72 }, (_, i) => (i % 5) - 2),
              [3, 4, 6],
            ),
          ),
        ],
        [at, tf.stepped(Int32Array.from({ length: 9 }, (_, i) => i % 4))],
      ])[0],
  ],
];

/** What each act gives, and the variable before it and after it. */
const right = () => {
  using sess = new tf.Session({ graph, device: '/gpu:0' });
  sess.runSync(init);
  return acts.map(([, act]) => ({ before: sess.runSync(w), found: bits(act(sess)), after: state(sess) }));
};

/** How far apart the calls lie that fail: in every run of the tests, and where all are asked for. */
const CALLS = [
  ['allocation', 7, 1],
  ['launch', 23, 5],
  ['copy', 67, 17],
  ['capture', 3, 1],
  ['instantiate', 2, 1],
  ['graph launch', 13, 5],
  ['event', 5, 1],
  ['stream', 2, 1],
] as const;

for (const [call, few, all] of CALLS) {
  const stride = process.env.GRAFO_FULL ? all : few;
  for (const forever of [false, true]) {
    emulatedSerially(`each ${call} fails ${forever ? 'for good' : 'once'}: the session goes on, nothing leaks`, (t) => {
      t.teardown(() => void emulate(`fail ${call}`));
      const wanted = right();
      const before = kept();
      let failures = 0;
      // Other places for good than once.
      for (let nth = forever ? 1 : Math.ceil(stride / 2), came = true; came; nth += stride) {
        came = false;
        const over = (error: unknown): void => {
          t.true(error instanceof tf.errors.OpError, String(error));
          if (call === 'allocation') t.true(error instanceof tf.errors.ResourceExhaustedError, String(error));
          came = emulate(`fail ${call}`) === 1 || came;
          failures++;
        };
        let sess: tf.Session | undefined;
        emulate(`fail ${call}`, nth, forever);
        try {
          sess = new tf.Session({ graph, device: '/gpu:0' });
          sess.runSync(init);
        } catch (error) {
          over(error);
          sess ??= new tf.Session({ graph, device: '/gpu:0' });
          sess.runSync(init);
        }
        for (const [i, [name, act]] of acts.entries()) {
          const { before, found, after } = wanted[i]!;
          let [got, now, acted] = ['', '', false];
          try {
            got = bits(act(sess));
            acted = true;
            now = state(sess);
          } catch (error) {
            over(error);
            // Memory is found before anything runs; what else fails may do so behind an update, as on the CPU.
            const kept = acted ? after : bits(before);
            if (call === 'allocation') t.is(state(sess), kept, `${name}: ${call} ${nth} has changed the variable`);
            sess.loadVariable(w, before);
            got = bits(act(sess));
            now = state(sess);
          }
          t.is(got, found, `${name}, ${call} ${nth}`);
          t.is(now, after, `${name}, ${call} ${nth}`);
        }
        sess.close();
        came = emulate(`fail ${call}`) === 1 || came;
        t.is(kept(), before, `${call} ${nth} leaks`);
      }
      t.log(`${failures} failures told`);
    });
  }
}

emulatedSerially('a device that is lost says so again and again, closes, and leaves the CPU its work', (t) => {
  t.teardown(() => void emulate('lose', 0));
  right();
  const before = kept();
  for (const nth of [1, 2, 5, 9, 14, 20, 33, 60]) {
    const sess = new tf.Session({ graph, device: '/gpu:0' });
    const idle = new tf.Session({ graph, device: '/gpu:0' });
    sess.runSync(init);
    emulate('lose', nth);
    const lost = /cudaErrorIllegalAddress.*This process cannot use the GPU any more/;
    t.throws(
      () => {
        for (const [, act] of acts) act(sess);
      },
      { instanceOf: tf.errors.InternalError, message: lost },
      `${nth}`,
    );
    for (const [, act] of acts) t.throws(() => act(sess), { message: lost });
    t.throws(() => idle.runSync(init), { message: lost });
    using cpu = new tf.Session({ graph, device: '/cpu:0' });
    cpu.runSync(init);
    t.is(typeof train(cpu).item(), 'number');
    sess.close();
    idle.close();
    t.throws(() => new tf.Session({ graph, device: '/gpu:0' }), { message: lost });
    emulate('lose', 0);
    t.is(kept(), before, `${nth}`);
  }
});

emulatedSerially('an error of too little memory names the five largest buffers', (t) => {
  const big = new tf.Graph();
  const { v, small, long, init } = big.asDefault(() => {
    const v = new tf.Variable(tf.zeros([1000]), { name: 'weights' });
    const small = new tf.Variable(tf.zeros([100]), { name: 'bias' });
    const p = tf.placeholder('float32', [500], { name: 'p' });
    const long = tf.reduceMax(tf.tile(tf.add(v, tf.reduceMax(p)), [50]));
    return { v, small, long, p, init: tf.globalVariablesInitializer() };
  });
  using sess = new tf.Session({ graph: big, device: '/gpu:0', gpu: { memory: 60_000 } });
  sess.runSync(init);
  const error = t.throws(() => sess.runSync(long, [['p:0', new Float32Array(500)]]), {
    instanceOf: tf.errors.ResourceExhaustedError,
  });
  t.regex(
    error!.message,
    /No memory for \d+ bytes on the GPU: the session has taken \d+ of the 60000 that it may\. The session's largest buffers: \d+ bytes of [^.]*4000 bytes of variable 'weights'[^.]*\d+ bytes of the feeds of a run/,
  );
  t.is((error!.message.match(/ bytes of /g) ?? []).length, 5);
  t.is((sess.runSync(v).data as Float32Array).length, 1000);
  t.is((sess.runSync(small).data as Float32Array).length, 100);
  using cpu = new tf.Session({ graph: big, device: '/cpu:0', memoryBytes: 206_000 });
  cpu.runSync(init);
  t.throws(() => cpu.runSync(long, [['p:0', new Float32Array(500)]]), {
    message: /The session's largest buffers: [^.]*4000 bytes of variable 'weights'/,
  });
});

emulatedSerially(
  'a recorded plan is recorded again when its arena moves, and runs step by step where the driver will not',
  (t) => {
    using sess = new tf.Session({ graph, device: '/gpu:0' });
    sess.runSync(init);
    const launches = (act: () => unknown): number => {
      const before = emulate('graph launches');
      act();
      return emulate('graph launches') - before;
    };
    t.deepEqual(
      [0, 1, 2].map(() => launches(() => train(sess))),
      [0, 1, 1],
    );
    sess.runSync(larger); // the arena grows, and the addresses in the graph with it
    t.deepEqual(
      [0, 1, 2].map(() => launches(() => train(sess))),
      [0, 1, 1],
    );
    sess.runSync(graph.asDefault(() => tf.reduceMax(tf.tile(w, [30, 30]))));
    emulate('fail instantiate', 1);
    t.deepEqual(
      [0, 1, 2].map(() => launches(() => train(sess))),
      [0, 0, 0],
    );
    emulate('fail instantiate');
  },
);
