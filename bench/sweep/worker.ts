// The process of grafo in the sweep: `node worker.js THREADS LIBRARY`. It makes a case and computes it once, then times it a round at a time.
import { readFileSync, writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';
import type * as grafo from '../../lib/index.js';
import { answerLines } from '../lib/serve.js';
import { builders, type Library } from './builders.js';
import type { MakeLine } from './measure.js';
import { Sampler } from './sampler.js';

const [threads, library] = process.argv.slice(2);
const tf = (await import(pathToFileURL(library!).href)) as Library;
const build = builders(tf);

const bytesOf = ({ data }: grafo.NDArray): Uint8Array => {
  const { buffer, byteOffset, byteLength } = data as Float32Array;
  return new Uint8Array(buffer, byteOffset, byteLength);
};

interface Made {
  readonly call: () => unknown;
  /** Calls once and gives the results. */
  readonly results: () => readonly grafo.NDArray[];
  readonly session: grafo.Session;
}

const make = ({ op, args, inputs }: MakeLine): Made =>
  new tf.Graph().asDefault(() => {
    const placeholders = inputs.map(({ dtype, shape }) => tf.placeholder(dtype, [...shape]));
    const { fetch, after } = build(op, placeholders, args);
    const session = new tf.Session({ threads: Number(threads) });
    const hosted = inputs.map(({ dtype, shape, file }) => {
      const buffer = session.hostBuffer(dtype, [...shape]);
      bytesOf(buffer).set(readFileSync(file));
      return buffer;
    });
    const outputs = (Array.isArray(fetch) ? fetch : [fetch]) as grafo.Tensor[];
    // Results of a known shape go where a program that wants speed puts them; those of masks are made anew.
    const known = after === undefined && outputs.every(({ shape }) => shape.isFullyDefined);
    const places = known
      ? outputs.map(({ dtype, shape }) => session.hostBuffer(dtype, shape.asList() as number[]))
      : [];
    const into = Array.isArray(fetch) ? places : places[0];
    if (after !== undefined) session.runSync(tf.globalVariablesInitializer());
    const step = session.makeCallable(fetch, placeholders, known ? { into } : {}) as grafo.Callable<unknown>;
    const [a, b, c] = hosted as [grafo.NDArray, grafo.NDArray, grafo.NDArray];
    // As a program would write it: arguments that are spread cost 10 to 30 ns.
    const calls = [() => step(), () => step(a), () => step(a, b), () => step(a, b, c)];
    const call = calls[hosted.length] ?? (() => step(...hosted));
    return {
      session,
      call,
      results: () => {
        const computed = call();
        return [after === undefined ? computed : session.runSync(after)].flat() as grafo.NDArray[];
      },
    };
  });

/** The compiler of JavaScript has seen the way of a run before the first case is timed. */
const warm = (): void => {
  new tf.Graph().asDefault(() => {
    const x = tf.placeholder('float32', [16]);
    const session = new tf.Session({ threads: 1 });
    const value = session.hostBuffer('float32', [16]);
    const step = session.makeCallable(tf.add(x, 1), [x], { into: session.hostBuffer('float32', [16]) });
    for (let i = 0; i < 20_000; i++) step(value);
    session.close();
  });
};

let made: Made | undefined;
let sampler: Sampler | undefined;
const drop = (): void => {
  made?.session.close();
  made = undefined;
  sampler = undefined;
  globalThis.gc?.();
};

warm();
await answerLines({ version: `grafo ${tf.doctor().isa ?? ''}`.trim() }, (command, rest) => {
  if (command === 'make') {
    drop();
    const line = JSON.parse(rest) as MakeLine;
    made = make(line);
    const results = made.results().map((result, i) => {
      const file = `${line.results}.${i}`;
      writeFileSync(file, bytesOf(result));
      return { dtype: result.dtype.name, shape: [...result.shape], file };
    });
    return { results };
  }
  if (command === 'warm') {
    sampler = new Sampler(made!.call);
    return { ns: sampler.estimate };
  }
  if (command === 'round') return { ns: sampler!.round(Number(rest)) };
  drop();
  return {};
});
