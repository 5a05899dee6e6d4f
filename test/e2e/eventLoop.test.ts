// An async run leaves the event loop alone: a 5 ms timer keeps its time while a run of two seconds is in flight.
import test from 'ava';
import * as tf from '../../lib/index.js';

const SIZE = 512;
const INTERVAL = 5;
const LIMIT = 10;
const ATTEMPTS = 8;

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

const p99Of = (delays: readonly number[]): number =>
  [...delays].sort((a, b) => a - b)[Math.floor(delays.length * 0.99)]!;

test("a 5 ms timer's delay stays under 10 ms at its 99th percentile during an async run of 2 s", async (t) => {
  let links = 200;
  let kept = false;
  // Other processes delay timers too: a try counts where the timer kept its time without a run, or as well as without one.
  for (let attempt = 0; attempt < ATTEMPTS && !kept; attempt++) {
    const { graph, x, sum } = chain(links);
    using sess = new tf.Session({ graph });
    const feeds = new Map([[x, matrix]]);
    const alone = p99Of(await delaysDuring(new Promise((resolve) => setTimeout(resolve, 1000))));
    const from = performance.now();
    const run = sess.run(sum, feeds);
    const handedOver = performance.now() - from;
    const delays = await delaysDuring(run);
    const took = performance.now() - from - handedOver;
    const p99 = p99Of(delays);
    t.log(
      `run ${took.toFixed(0)} ms; ${delays.length} timers, p99 ${p99.toFixed(1)} ms, without a run ${alone.toFixed(1)} ms`,
    );
    t.is(Math.round(Number(await run)), SIZE);
    t.true(delays.length > took / 20, `${delays.length} timers fired`);
    kept = took > 1800 && p99 < Math.max(LIMIT, 2 * alone);
    if (took < 2200) links = Math.ceil((links * 2500) / took);
  }
  t.true(kept, `no try of ${ATTEMPTS} kept under ${LIMIT} ms in a run of 2 s`);
});
