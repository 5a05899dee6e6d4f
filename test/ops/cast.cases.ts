// The case row of Cast: the whole matrix of dtypes; floats that do not fit an integer are left out, as TensorFlow defines no result for them.
import { highest, isFloat, lowest } from '../reference/array.js';
import { cast } from '../reference/elementwise.js';
import type { CaseRows } from './rows.js';
import { REAL } from './rows.js';

const ALL = [...REAL, 'uint32', 'uint64', 'bool'];

export const castCases: CaseRows = {
  Cast: {
    ref: cast,
    dtypes: ALL,
    generate: (random, dtype) => {
      const to = random.smooth ? random.pick(['float32', 'float64']) : random.pick(ALL);
      const made = random.values(dtype, random.shape());
      const integer = !isFloat(to) && to !== 'bool';
      const fits = (x: number): boolean => x > Number(lowest(to)) - 1 && x < Number(highest(to)) * (1 - 2 ** -24);
      const data = isFloat(dtype) && integer ? made.data.map((x) => (fits(x as number) ? x : 2.75)) : made.data;
      return { inputs: [{ ...made, data }], attrs: { DstT: { type: to } } };
    },
    grad: {
      generate: (random) => ({
        inputs: [random.values('float64', random.shape())],
        attrs: { DstT: { type: 'float64' } },
      }),
    },
  },
};
