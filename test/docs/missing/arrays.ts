// The rows of docs/missing.md about numbers, arrays and random numbers.
import * as tf from '../../../lib/index.js';
import { plain } from '../../helpers/values.js';
import {
  between,
  by,
  deep,
  f,
  i,
  LITTLE,
  pair,
  picture,
  segments,
  sequences,
  square,
  updated,
  variable,
  type Ways,
} from './ways.js';

export const ARRAYS: Ways = {
  eye: {
    given: () => ({ n: 2 }),
    gives: [
      [
        [1, 0],
        [0, 1],
      ],
    ],
  },
  diag: {
    given: () => ({ n: 2, x: f([3, 5]) }),
    gives: [
      [
        [3, 0],
        [0, 5],
      ],
    ],
  },
  diagPart: {
    given: square,
    gives: [
      [1, 4],
      [1, 4],
    ],
  },
  trace: { given: square, gives: [5] },
  matrixBandPart: {
    given: square,
    gives: [
      [
        [1, 0],
        [3, 4],
      ],
    ],
  },
  matrixSetDiag: {
    given: () => ({ ...square(), d: f([7, 8]) }),
    gives: [
      [
        [7, 2],
        [3, 8],
      ],
    ],
  },
  matrixTranspose: {
    given: () => ({ x: f([LITTLE]) }),
    gives: [
      [
        [
          [1, 3],
          [2, 4],
        ],
      ],
    ],
  },
  matrixInverse: {
    given: () => ({
      a: f([
        [2, 1],
        [1, 3],
      ]),
    }),
    gives: [
      () => true,
      (made, { a }, sess) => {
        let v = made as tf.Tensor;
        for (let round = 1; round < 15; round++) v = v.mul(2).sub(tf.matmul(v, tf.matmul(a as tf.Tensor, v)));
        const seen = (plain(v, sess) as number[][]).flat();
        return seen.every((element, at) => Math.abs(element - [0.6, -0.2, -0.2, 0.4][at]!) < 1e-6) || seen;
      },
    ],
  },
  cross: { given: () => ({ x: f([1, 2, 3]), y: f([4, 5, 7]) }), gives: [[-1, 5, -3]] },
  norm: { given: () => ({ x: f([3, 4]), axis: 0 }), gives: [5, 5] },
  clipByAverageNorm: { given: () => ({ x: f([3, 4]), clip: 0.5, n: 2 }), gives: [[0.6, 0.8]] },
  segmentSum: { given: segments, gives: [[1, 8, 0]] },
  segmentMean: { given: segments, gives: [[1, 4, 0]] },
  segmentMax: { given: segments, gives: [[1, 5, Number.NEGATIVE_INFINITY]] },
  segmentProd: { given: segments, gives: [[1, 15, 1]] },
  gatherNd: {
    given: () => ({
      x: f(LITTLE),
      n: 2,
      k: 2,
      indices: i([
        [0, 1],
        [1, 0],
      ]),
      ids: i([[1], [0]]),
      updates: f([7, 8]),
    }),
    gives: [
      [2, 3],
      [[2], [3]],
      [
        [0, 7],
        [8, 0],
      ],
    ],
  },
  scatterNdUpdate: {
    given: () => ({ variable: variable([1, 2, 3], 'v'), ids: i([1]), updates: f([9]) }),
    gives: [updated('variable', [1, 9, 3])],
  },
  tensorScatterUpdate: { given: () => ({ x: f([1, 2]), ids: i([1]), updates: f([9]), n: 2 }), gives: [[1, 11]] },
  countNonzero: { given: () => ({ x: f([0, 2, 3]) }), gives: [2] },
  bincount: { given: segments, gives: [[1, 2, 0]] },
  histogramFixedWidth: {
    given: () => ({ x: f([-1, 0, 2.6, 9]), low: 0, high: 5, n: 5 }),
    gives: [[0, 0, 2, 4]],
  },
  confusionMatrix: {
    given: () => ({ labels: i([0, 1, 1]), predictions: i([0, 0, 1]), n: 2 }),
    gives: [
      [
        [1, 0],
        [1, 1],
      ],
    ],
  },
  meshgrid: {
    given: pair,
    gives: [
      [
        [1, 2],
        [1, 2],
      ],
      [
        [3, 3],
        [5, 5],
      ],
    ],
  },
  roll: { given: () => ({ x: f([1, 2, 3]), n: 3, k: 1 }), gives: [[3, 1, 2]] },
  repeat: { given: () => ({ ...pair(), k: 2 }), gives: [[1, 1, 2, 2]] },
  argsort: {
    given: () => ({ x: f([5, 1, 3]), n: 3 }),
    gives: [
      [2, 0, 1],
      [1, 2, 0],
      [1, 3, 5],
    ],
  },
  searchsorted: { given: () => ({ x: f([1, 3, 5]), values: f([0, 3, 4]) }), gives: [[0, 1, 2]] },
  dynamicPartition: { given: () => ({ ...segments(), i: 1 }), gives: [[5, 3]] },
  reverseSequence: {
    given: sequences,
    gives: [
      [
        [2, 1, 3],
        [6, 5, 4],
      ],
      [[2], [3]],
    ],
  },
  sequenceMask: {
    given: sequences,
    gives: [
      [
        [true, true, false],
        [true, true, true],
      ],
    ],
  },
  spaceToDepth: { given: picture, gives: [by((made: tf.Tensor) => made.get(0, 0, 0), [0, 1, 4, 5])] },
  depthToSpace: { given: deep, gives: [by((made: tf.Tensor) => made.get(0, 0, '...', 0), [0, 1, 4, 5])] },
  unravelIndex: { given: () => ({ i: i([5]), k: 3 }), gives: [[[1], [2]]] },
  broadcastDynamicShape: { given: () => ({ x: f([[1], [2]]), y: f([1, 2, 3]) }), gives: [[2, 3]] },
  accumulateN: { given: () => ({ list: [f(1), f(2)] }), gives: [3, [1, 2]] },
  lgamma: {
    given: () => ({ x: f([5, 10.5]) }),
    gives: [
      (made, { x }, sess) => {
        const seen = [made, tf.gradients(made as tf.Tensor, [x as tf.Tensor])[0]].map((value) => plain(value, sess));
        const wanted = [3.1780538, 13.940625, 1.5061177, 2.3030018];
        return (
          seen.flat().every((value, at) => Math.abs((value as number) / wanted[at]! - 1) < (at < 2 ? 1e-5 : 1e-4)) ||
          seen
        );
      },
    ],
  },
  complex: { given: pair, gives: [[Math.atan2(3, 1), Math.atan2(5, 2)]] },
  fft: {
    given: () => ({ x: f([[1, 2, 3]]), n: 3 }),
    gives: [
      (made, _given, sess) => {
        const [seen] = plain(made, sess) as number[][];
        return seen!.every((value, at) => Math.abs(value - [6, -1.5, -1.5][at]!) < 1e-5) || seen;
      },
      [0, 1, 2],
    ],
  },
  quantize: {
    given: () => ({ x: f([0.6, 1.2]), s: 0.5 }),
    gives: [
      by(
        (made: tf.Tensor, { x }) => [made, tf.gradients(made, [x!])[0]],
        [
          [0.5, 1],
          [1, 1],
        ],
      ),
    ],
  },
};

export const RANDOM: Ways = {
  randomShuffle: {
    given: () => ({ x: tf.range(50), n: 50 }),
    gives: [
      (made, _given, sess) => {
        const seen = plain(made, sess) as number[];
        return new Set(seen).size === 50 && seen.some((value, at) => value !== at);
      },
      between(0, 1),
    ],
  },
  multinomial: {
    given: () => ({
      logits: f([
        [0, -50],
        [-50, 0],
      ]),
      n: 2,
      k: 2,
    }),
    gives: [[0, 1]],
  },
  randomGamma: {
    given: () => ({ alpha: 3, n: 10_000 }),
    gives: [(made, given, sess) => between(2.9, 3.1)(tf.reduceMean(made as tf.Tensor), given, sess)],
  },
  randomCrop: {
    given: () => ({ x: tf.range(10), n: 3, height: 10 }),
    gives: [
      (made, _given, sess) => {
        const [a, b, c] = plain(made, sess) as [number, number, number];
        return a >= 0 && b === a + 1 && c === a + 2 && c < 10;
      },
    ],
  },
  orthogonalInitializer: {
    given: () => ({}),
    gives: [by((made: (shape: number[]) => tf.Tensor) => made([2, 3]).shape.asList(), [2, 3])],
  },
};
