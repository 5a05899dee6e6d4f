// Case rows of random ops: bits from TensorFlow's Philox; uniforms are exact, normals within an ulp or two of float32's log, sin and cos.
import { randomUniformInt, random as reference } from '../reference/random.js';
import type { Random } from './generate.js';
import { type CaseRow, type CaseRows, F, I } from './rows.js';

/** Few seeds, so that many runs share a node and its counter moves on. */
const seeds = (random: Random) =>
  random.pick([
    { seed: 1, seed2: 2 },
    { seed: 87654321, seed2: 3 },
    { seed: 0, seed2: 2 ** 31 - 1 },
  ]);
const row = (kind: Parameters<typeof reference>[0], ulp: number): CaseRow => ({
  ref: reference(kind),
  dtypes: F,
  ulp,
  ...(ulp === 0 ? {} : { goldenUlp: 4 }),
  random: true,
  generate: (random, dtype) => ({
    inputs: [random.ints(random.shape())],
    attrs: { dtype: { type: dtype }, ...seeds(random) },
  }),
  grad: 'none',
});

export const randomCases: CaseRows = {
  RandomUniform: row('uniform', 0),
  RandomStandardNormal: row('normal', 2),
  TruncatedNormal: row('truncated', 2),
  RandomUniformInt: {
    ref: randomUniformInt,
    dtypes: I,
    random: true,
    generate: (random, dtype) => {
      const low = random.int(-100, 100);
      return {
        inputs: [random.ints(random.shape()), random.ints(low, dtype), random.ints(low + random.int(1, 1000), dtype)],
        attrs: seeds(random),
      };
    },
    grad: 'missing',
  },
};
