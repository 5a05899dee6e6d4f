// Sessions on the emulated device beside the CPU's.
import { existsSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import * as tf from '../../lib/index.js';
import { native } from '../../lib/runtime/native.js';
import { ROOT } from './root.js';

const library = path.join(ROOT, 'build', 'Release', 'grafo_cuda_emulated.so');
process.env.GRAFO_CUDA_LIBRARY = library;
if (!existsSync(library))
  console.log(`skipped: ${library} is not built (cmake --build build --target grafo_cuda_emulated)`);

/** `test` where the emulated device was built. */
export const emulated = existsSync(library) ? test : test.skip;
/** The same one after the other, where a test asks the device itself. */
export const emulatedSerially = existsSync(library) ? test.serial : test.serial.skip;

type Feeds = readonly (readonly [tf.Tensor, tf.NDArray])[];

/** Shape and bits, as text. */
export const bits = (value: unknown): string => {
  const { shape, data } = value as { shape: readonly number[]; data: Float32Array };
  return `${shape} ${Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('hex')}`;
};

/** Runs what `build` makes three times on both devices: step by step, recorded, as a graph. Every run must give the same bits. */
export const agree = (
  t: ExecutionContext,
  build: () => { fetches: tf.Tensor[]; feeds: Feeds; first?: tf.Operation },
): void => {
  const graph = new tf.Graph();
  const { fetches, feeds, first } = graph.asDefault(build);
  const runs = ['/cpu:0', '/gpu:0'].map((device) => {
    using sess = new tf.Session({ graph, device });
    if (first !== undefined) sess.runSync(first);
    return [0, 1, 2].map(() => sess.runSync(fetches, feeds).map(bits));
  });
  fetches.forEach((fetch, f) => {
    for (let i = 0; i < 3; i++) t.true(runs[0]![i]![f] === runs[1]![i]![f], `${fetch.name}, run ${i + 1}`);
  });
};

/** A placeholder of known shape and a value whose elements all differ where the dtype has enough numbers. */
export const fed = (
  dtype: 'float32' | 'float64' | 'int64' | 'int16' | 'uint8',
  shape: number[],
): [tf.Tensor, tf.NDArray] => {
  const size = shape.reduce((n, dim) => n * dim, 1);
  const type = tf.asDtype(dtype);
  const data = new type.array!(size);
  for (let i = 0; i < size; i++) data[i] = dtype === 'int64' ? BigInt(i * 7 - 3) : i * 7 - 3;
  return [tf.placeholder(dtype, shape), new tf.NDArray(type, shape, data)];
};

/** Asks the emulated device: see native/cuda/emulate/streams.cc. Needs GRAFO_TESTING=1 from before the engine is loaded. */
export const emulate = (what: string, nth = 0, forever = false): number =>
  (
    native() as unknown as { testing: { emulate(what: string, nth: number, forever: boolean): number } }
  ).testing.emulate(what, nth, forever);
