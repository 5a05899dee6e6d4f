// Draws on the emulated device: the CPU's bits, from a counter that goes on in every kind of run.
import * as tf from '../../lib/index.js';
import { bits, emulated } from '../helpers/cuda.js';

emulated('draws have the CPU’s bits, run after run, in loops and after the other plan’s', async (t) => {
  const graph = new tf.Graph();
  const { draws, mean } = graph.asDefault(() => {
    tf.setRandomSeed(7);
    const draws = (['float32', 'float64'] as const).flatMap((dtype) => [
      tf.randomUniform([3, 701], -1, 3, dtype),
      tf.randomNormal([1003], { dtype }),
      tf.truncatedNormal([1001], { dtype }),
    ]);
    draws.push(tf.randomUniform([1001], -5, 1000, 'int32'), tf.randomUniform([1001], 3, 2 ** 40, 'int64'));
    return { draws, mean: tf.reduceMax(draws[0]!) };
  });
  const all: string[][] = [];
  for (const device of ['/cpu:0', '/gpu:0']) {
    using sess = new tf.Session({ graph, device });
    const drawn: string[] = [];
    for (let i = 0; i < 4; i++) drawn.push(...sess.runSync(draws).map(bits));
    // Another plan draws from the same counter as the recorded one.
    drawn.push(bits(sess.runSync(mean)), ...sess.runSync(draws).map(bits));
    drawn.push(...sess.runLoopSync(draws.slice(0, 3), 4, []).map(bits));
    drawn.push(...(await sess.run(draws)).map(bits));
    t.is(new Set(drawn).size, drawn.length);
    all.push(drawn);
  }
  for (const [i, draw] of all[0]!.entries()) t.true(draw === all[1]![i], `draw ${i}`);
});
