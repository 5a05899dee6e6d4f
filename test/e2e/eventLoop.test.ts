// An async run leaves the event loop alone: a 5 ms timer keeps its time while a run of two seconds is in flight.
import test from 'ava';
import * as tf from '../../lib/index.js';

const SIZE = 512;
const INTERVAL = 5;
const LIMIT = 10;
const ATTEMPTS = 5;

/** A chain of products; one run of it takes about as long as there are links. */
const chain = (links: number) => {
  const graph = new tf.Graph();
  const y = graph.asDefault(() => {
    const x = tf.placeholder(tf.float32, [SIZE, SIZE]);
    let product: tf.Tensor = x;
    for (let i = 0; i < links; i++) product = tf.matmul(product, x);
    return { x, sum: tf.reduceSum(product) };
  });
  return { graph, ...y };
};
// Its powers stay where they are: the mean of all columns.
const matrix = tf.ndarray(new Float32Array(SIZE * SIZE).fill(1 / SIZE), [SIZE, SIZE]);

/** Waits on a promise and gathers how late every timer of 5 ms meanwhile came. */
const delaysDuring = async (promise: Promise<unknown>): Promise<number[]> => {
  const delays: number[] = [];
  let last = performance.now();
  let open = true;
  const ticking = (async () => {
    while (open) {
      await new Promise((resolve) => setTimeout(resolve, INTERVAL));
      const now = performance.now();
      delays.push(now - last - INTERVAL);
      last = now;
    }
  })();
  await promise;
  open = false;
  await ticking;
  return delays;
};

test("a 5 ms timer's delay stays under 10 ms at its 99th percentile during an async run of 2 s", async (t) => {
  const short = chain(20);
  using trial = new tf.Session(short.graph);
  const timed = (): number => {
    const from = performance.now();
    trial.runSync(short.sum, new Map([[short.x, matrix]]));
    return (performance.now() - from) / 20;
  };
  timed();
  const link = Math.min(timed(), timed(), timed());

  const long = chain(Math.ceil(2200 / link));
  using sess = new tf.Session({ graph: long.graph });
  const feeds = new Map([[long.x, matrix]]);
  let best = Number.POSITIVE_INFINITY;
  // Other processes delay timers too, now and then; a loop that the run blocks is late every time.
  for (let attempt = 0; attempt < ATTEMPTS && best >= LIMIT; attempt++) {
    const from = performance.now();
    const run = sess.run(long.sum, feeds);
    const handedOver = performance.now() - from;
    const delays = (await delaysDuring(run)).sort((a, b) => a - b);
    const took = performance.now() - from;
    const p99 = delays[Math.floor(delays.length * 0.99)]!;
    t.log(
      `run ${took.toFixed(0)} ms, handed over in ${handedOver.toFixed(1)} ms; ${delays.length} timers, p99 ${p99.toFixed(1)} ms`,
    );
    t.is(Math.round(Number(await run)), SIZE);
    t.true(took > 1500, `the run took ${took.toFixed(0)} ms`);
    t.true(delays.length > took / 20, `${delays.length} timers fired`);
    best = Math.min(best, p99);
  }
  t.true(best < LIMIT, `p99 ${best.toFixed(1)} ms`);
});
