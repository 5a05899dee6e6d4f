// Tapes that end in reductions give the bits that a step of its own gives: any shape, dtype and reducer, any number of threads.
import test, { type ExecutionContext } from 'ava';
import * as tf from '../../lib/index.js';
import { Random } from '../ops/generate.js';

type Reducer = (x: tf.Tensor, axis?: readonly number[]) => tf.Tensor;
const NUMERIC: readonly Reducer[] = [tf.reduceSum, tf.reduceMean, tf.reduceProd, tf.reduceMax, tf.reduceMin];
const LOGICAL: readonly Reducer[] = [tf.reduceAll, tf.reduceAny];
const { float32, float64, int32, uint8, int16, int8, int64, bool, uint16 } = tf;
const DTYPES = [float32, float64, int32, uint8, int16, int8, int64, bool, uint16];

/** Of a size, with some zeros, signs, NaN and infinities; logical ones are mostly alike, so that a single one decides. */
const numbers = (random: Random, dtype: tf.DType, shape: readonly number[], special: boolean): tf.NDArray => {
  const size = shape.reduce((product, dim) => product * dim, 1);
  const data = new dtype.array!(size);
  const mostly = random.int(0, 2);
  for (let i = 0; i < size; i++) {
    if (dtype === bool) data[i] = random.chance(0.001) ? 1 - mostly : mostly;
    else if (dtype.isFloating) {
      const specials = [Number.NaN, Number.POSITIVE_INFINITY, Number.NEGATIVE_INFINITY, -0];
      data[i] = special && random.chance(0.0005) ? random.pick(specials) : (random.int(-1e6, 1e6) / 7e5) ** 3;
    } else data[i] = dtype.isBigInt ? BigInt(random.int(0, 100)) : random.int(0, 100);
  }
  return new tf.NDArray(dtype, shape, data);
};

/** A value's bytes; every NaN is the same. */
const bits = ({ data }: tf.NDArray): Buffer => {
  if (!ArrayBuffer.isView(data)) throw new TypeError('no numbers');
  const own = data instanceof Float32Array || data instanceof Float64Array ? data.slice() : data;
  if (own instanceof Float32Array || own instanceof Float64Array)
    for (let i = 0; i < own.length; i++) if (Number.isNaN(own[i])) own[i] = Number.NaN;
  return Buffer.from(own.buffer, own.byteOffset, own.byteLength);
};

/** What the fetches of a graph are, in each way; and how often a fused tape ended in reductions. */
const compare = (
  t: ExecutionContext,
  what: string,
  fetches: readonly tf.Tensor[],
  feeds: Map<tf.Tensor, tf.NDArray>,
): number => {
  const run = (fuse: boolean, threads: number): { values: Buffer[]; ends: number } => {
    using session = new tf.Session({ compile: { fuse }, threads });
    const values = session.runSync([...fetches], feeds).map((value) => bits(value as tf.NDArray));
    const ends = session.explain([...fetches], feeds).split(/Fused\([^)]*\|/).length - 1;
    return { values, ends };
  };
  const { values: wanted } = run(false, 1);
  let ends = 0;
  for (const threads of [1, 2, 4]) {
    const fused = run(true, threads);
    ends = fused.ends;
    const off = fused.values.findIndex((value, i) => !value.equals(wanted[i]!));
    const shown = (values: readonly Buffer[]): string => values[off]!.toString('hex').slice(0, 200);
    if (off < 0) t.pass();
    else t.fail(`${what}, ${threads} threads: fetch ${off} fused ${shown(fused.values)} not ${shown(wanted)}`);
  }
  return ends;
};

/** Shapes and axes: rows and columns, below, at and above the leaves of 256 elements or 8 rows, a tile and a chunk. */
const CASES: readonly (readonly [readonly number[], readonly number[] | undefined])[] = [
  ...[0, 2, 31, 32, 33, 255, 256, 257, 511, 512, 513, 1000, 2047, 5000, 70_001].map((n) => [[n], undefined] as const),
  [[4096, 10], [0]],
  [[4096, 10], [1]],
  [[3, 1000], [0]],
  [[3, 1000], [1]],
  [[70, 600], [1]],
  [[7, 5], [0]],
  [[8, 5], [0]],
  [[9, 600], [0]],
  [[129, 65], [0]],
  [[300, 2, 40], [0]],
  [
    [300, 2, 40],
    [0, 1],
  ],
  [
    [300, 2, 40],
    [1, 2],
  ],
  [[2, 9001], [0]],
  [[2, 9001], [1]],
  [[30_000, 3], [0]],
  [[1100, 300], [0]],
  [[3, 0], [1]],
  [[3, 0], [0]],
  [[0, 3], [0]],
  [[0, 3], [1]],
];

/** Every third case for one dtype, others for the next; all of them where all are asked for. */
const casesOf = (dtype: tf.DType): typeof CASES =>
  process.env.GRAFO_FULL ? CASES : CASES.filter((_, i) => i % 3 === DTYPES.indexOf(dtype) % 3);

for (const dtype of DTYPES) {
  test(`${dtype.name}: fused and alone, with 1, 2 and 4 threads`, (t) => {
    const random = new Random(`reductions of ${dtype.name}`);
    let ends = 0;
    const cases = casesOf(dtype);
    for (const [shape, axis] of cases) {
      new tf.Graph().asDefault(() => {
        // Operations take the four large types; the others are cast to.
        const fed = dtype.isInteger ? int64 : dtype;
        const [x, y] = [tf.placeholder(fed, shape), tf.placeholder(fed, shape)];
        const made = tf.cast(dtype === bool ? tf.logicalOr(x, y) : tf.sub(x, y), dtype);
        const reducers = dtype === bool ? LOGICAL : NUMERIC;
        const reduced = reducers.map((reduce) => reduce(made, axis));
        for (const special of dtype.isFloating ? [false, true] : [false]) {
          const feeds = new Map([x, y].map((tensor) => [tensor, numbers(random, fed, shape, special)] as const));
          const what = `[${shape}] over ${axis ?? 'all'}`;
          // All of them and the value itself, and one alone.
          ends += compare(t, what, [...reduced, made], feeds);
          ends += compare(t, what, [random.pick(reduced)], feeds);
        }
      });
    }
    t.is(ends, cases.length * (dtype.isFloating ? 4 : 2), 'every case was fused');
  });
}

test('random tapes with broadcast operands and several ends', (t) => {
  const random = new Random('tapes that end in reductions');
  let ends = 0;
  for (let trial = 0; trial < (process.env.GRAFO_FULL ? 400 : 30); trial++) {
    new tf.Graph().asDefault(() => {
      const dtype = random.pick([float32, float64]);
      const shape = [
        random.pick([1, 2, 7, 64, 300, 3000]),
        random.pick([1, 3, 10, 63, 70, 520]),
        random.pick([1, 2, 5]),
      ];
      const feeds = new Map<tf.Tensor, tf.NDArray>();
      const operands = Array.from({ length: 4 }, (_, i) => {
        const own = i === 0 ? shape : shape.map((dim) => (random.chance(0.5) ? 1 : dim)).slice(random.int(0, 4));
        const operand = tf.placeholder(dtype, own);
        feeds.set(operand, numbers(random, dtype, own, false));
        return operand;
      });
      const binary = [tf.add, tf.sub, tf.multiply, tf.maximum];
      let value = operands[0]!;
      const made: tf.Tensor[] = [];
      for (let i = 0; i < random.int(2, 12); i++) {
        value = random.chance(0.3) ? tf.tanh(value) : random.pick(binary)(value, random.pick(operands));
        made.push(value);
      }
      const axis = random.pick([[0, 1, 2], [2], [1, 2], [0], [0, 1]]);
      const fetches = made
        .filter(() => random.chance(0.3))
        .map((one) => (random.chance(0.3) ? one : random.pick(NUMERIC)(one, axis)));
      if (fetches.length > 0) ends += compare(t, `trial ${trial} [${shape}] over ${axis}`, fetches, feeds);
    });
  }
  t.true(ends > 10, `${ends} tapes ended in reductions`);
});

test('a division by zero in a tape that is only reduced is refused', (t) =>
  new tf.Graph().asDefault(() => {
    const x = tf.placeholder('int32', [3000]);
    const sum = tf.reduceSum(tf.floordiv(100, x));
    using session = new tf.Session();
    const ones = new Int32Array(3000).fill(7);
    t.is(Number(session.runSync(sum, [[x, ones]]).toArray()), 42_000);
    ones[2500] = 0;
    t.throws(() => session.runSync(sum, [[x, ones]]), {
      name: 'InvalidArgumentError',
      message: /Integer division by zero/,
    });
  }));

test('a variable updated in the tape is reduced as it is afterwards, or before, as asked for', (t) =>
  new tf.Graph().asDefault(() => {
    const v = new tf.Variable([1, 2, 3, 4]);
    using session = new tf.Session();
    session.runSync(tf.globalVariablesInitializer());
    const grown = tf.assignAdd(v, tf.exp(tf.zeros([4])));
    const after = tf.reduceSum(grown);
    const before = tf.reduceSum(tf.negative(v));
    const values = (sums: tf.Tensor[]) => session.runSync(sums).map((value) => Number((value as tf.NDArray).toArray()));
    t.deepEqual(values([after, before]), [14, -10]);
    t.deepEqual(values([after]), [18]);
  }));
