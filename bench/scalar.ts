// scalar: c = a + 1 with another a in every run: nothing but the way in and out.
import * as tf from '../lib/index.js';
import { always, type Case, type Maker, type RowSpec, type Trial } from './lib/trial.js';

const row = (name: string, best: readonly string[]): RowSpec => ({
  name,
  dtypes: ['float32'],
  tolerance: 1e-6,
  inputs: 'every call',
  best: always(...best),
});

export const trial: Trial = {
  name: 'scalar',
  about: 'a + 1: a run of one number, and the smallest call that rivals have',
  rows: [row('overhead.add', ['numpy', 'tf']), row('overhead.add.callable', ['numpy', 'tf'])],
};

const scalarCase = (run: (value: number) => tf.NDArray): Case => ({
  call: (i) => run(i & 1023),
  check: (set) => {
    const { dtype, data } = run(5 + set);
    return { dtype: dtype.name, values: [data.slice() as Float32Array] };
  },
});

const model = (threads: number) =>
  new tf.Graph().asDefault(() => {
    const a = tf.placeholder('float32', []);
    const c = a.add(1);
    return { a, c, session: new tf.Session({ threads }) };
  });

export const grafo: Maker = (threads) => ({
  'overhead.add': () => {
    const { a, c, session } = model(threads);
    return scalarCase((value) => session.runSync(c, new Map([[a, value]])));
  },
  'overhead.add.callable': () => {
    const { a, c, session } = model(threads);
    const step = session.makeCallable(c, [a]);
    return scalarCase((value) => step(value));
  },
});
