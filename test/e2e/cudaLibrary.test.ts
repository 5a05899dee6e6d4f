// Products through cuBLASLt: a fake one that checks what it is told and counts what is made, on the emulated device.
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import * as tf from '../../lib/index.js';
import { bits, emulate, emulated } from '../helpers/cuda.js';
import { ROOT } from '../helpers/root.js';

const folder = path.join(ROOT, 'build', 'Release', 'fake_cuda');
const scratch = mkdtempSync(path.join(tmpdir(), 'grafo-library-'));
const reported = path.join(scratch, 'report.json');
process.env.GRAFO_TESTING = '1';
process.env.GRAFO_CUDA_LIBRARIES = folder;
// A compiler lies in that folder too; it has tests of its own.
process.env.GRAFO_NVRTC = 'off';
process.env.GRAFO_FAKE_CUBLASLT_REPORT = reported;
test.after.always(() => rmSync(scratch, { recursive: true, force: true }));

interface Report {
  readonly handles: number;
  readonly layouts: number;
  readonly matmuls: number;
  readonly preferences: number;
  readonly executed: number;
  readonly products: readonly string[];
  readonly complaints: readonly string[];
}
const EMPTY: Report = {
  handles: 0,
  layouts: 0,
  matmuls: 0,
  preferences: 0,
  executed: 0,
  products: [],
  complaints: [],
};
const report = (): Report => (existsSync(reported) ? JSON.parse(readFileSync(reported, 'utf8')) : EMPTY);

/** What the library was asked while `body` ran; nothing that was made may be left, and nothing may have been refused. */
const during = (t: ExecutionContext, body: () => void): { products: readonly string[]; executed: number } => {
  const before = report();
  body();
  const after = report();
  t.like(after, { handles: 0, layouts: 0, matmuls: 0, preferences: 0 }, 'something was not destroyed');
  t.deepEqual(after.complaints.slice(before.complaints.length), []);
  return { products: after.products.slice(before.products.length), executed: after.executed - before.executed };
};

/** Sets variables of the environment for a while. */
const withEnvironment = <T>(values: Record<string, string | undefined>, body: () => T): T => {
  const before = Object.keys(values).map((name) => [name, process.env[name]] as const);
  const set = (name: string, value: string | undefined): void => {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  };
  try {
    for (const [name, value] of Object.entries(values)) set(name, value);
    return body();
  } finally {
    for (const [name, value] of before) set(name, value);
  }
};

type Dtype = 'float32' | 'float64' | 'int32' | 'int64';
type Shape = readonly [a: number[], b: number[], transposeA: boolean, transposeB: boolean];

const sizeOf = (shape: readonly number[]): number => shape.reduce((n, dim) => n * dim, 1);

/** Values of variance 1 whose float32 has all its bits; small whole numbers for integers. */
const values = (dtype: Dtype, shape: readonly number[], seed: number): tf.NDArray => {
  const type = tf.asDtype(dtype);
  const data = new type.array!(sizeOf(shape));
  let state = seed;
  for (let i = 0; i < data.length; i++) {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    const value = (state / 2 ** 32 - 0.5) * Math.sqrt(12);
    data[i] = dtype === 'int64' ? BigInt(Math.round(value * 100)) : type.isFloating ? value : Math.round(value * 100);
  }
  return new tf.NDArray(type, [...shape], data);
};

/** The product in float64, of factors that `round` rounds. */
const reference = (
  a: tf.NDArray,
  b: tf.NDArray,
  [, , transposeA, transposeB]: Shape,
  out: readonly number[],
  round: (value: number) => number,
): number[] => {
  const [m, n] = out.slice(-2) as [number, number];
  const k = a.shape[a.shape.length - (transposeA ? 2 : 1)]!;
  const x = Float64Array.from(a.data as Float32Array, (value) => round(Number(value)));
  const y = Float64Array.from(b.data as Float32Array, (value) => round(Number(value)));
  const batch = out.slice(0, -2);
  const base = (shape: readonly number[], index: number[]): number => {
    const own = shape.slice(0, -2);
    const tail = index.slice(index.length - own.length);
    return own.reduce((at, dim, d) => at * dim + (dim === 1 ? 0 : tail[d]!), 0) * sizeOf(shape.slice(-2));
  };
  const result: number[] = [];
  for (let i = 0; i < sizeOf(batch); i++) {
    const index: number[] = [];
    for (let d = batch.length - 1, rest = i; d >= 0; rest = Math.floor(rest / batch[d]!), d--)
      index[d] = rest % batch[d]!;
    const [fromA, fromB] = [base(a.shape, index), base(b.shape, index)];
    for (let r = 0; r < m; r++)
      for (let c = 0; c < n; c++) {
        let sum = 0;
        for (let q = 0; q < k; q++)
          sum += x[fromA + (transposeA ? q * m + r : r * k + q)]! * y[fromB + (transposeB ? c * k + q : q * n + c)]!;
        result.push(sum);
      }
  }
  return result;
};

/** Three runs (step by step, recorded, as a graph) of products: the same bits, and no further from the reference than `most(k)`. */
const check = (
  t: ExecutionContext,
  dtype: Dtype,
  shapes: readonly Shape[],
  most: (k: number) => number,
  options: { gpu?: { precision: 'tf32' | 'bf16' } } = {},
  round: (value: number) => number = (value) => value,
): number[] =>
  new tf.Graph().asDefault(() => {
    const fed = shapes.map(([a, b], i) => [values(dtype, a, 2 * i + 1), values(dtype, b, 2 * i + 2)] as const);
    const placeholders = fed.map(
      (pair) => pair.map(({ shape }) => tf.placeholder(dtype, [...shape])) as [tf.Tensor, tf.Tensor],
    );
    const products = placeholders.map(([a, b], i) =>
      tf.matmul(a, b, { transposeA: shapes[i]![2], transposeB: shapes[i]![3] }),
    );
    const feeds = placeholders.flatMap(([a, b], i) => [[a, fed[i]![0]] as const, [b, fed[i]![1]] as const]);
    using sess = new tf.Session({ device: '/gpu:0', ...options });
    const runs = [0, 1, 2].map(() => sess.runSync(products, feeds) as tf.NDArray[]);
    return shapes.map((shape, i) => {
      const [first, ...others] = runs.map((run) => run[i]!);
      const label = `${dtype} ${shape[0]} ${shape[1]} ${shape[2]} ${shape[3]}`;
      t.true(
        others.every((other) => bits(other) === bits(first)),
        `${label}: the runs differ`,
      );
      const want = reference(fed[i]![0], fed[i]![1], shape, first!.shape, round);
      const k = shape[0][shape[0].length - (shape[2] ? 2 : 1)]!;
      let furthest = 0;
      (first!.data as Float32Array).forEach((value, e) => {
        const distance = Math.abs(Number(value) - want[e]!);
        furthest = Math.max(furthest, Number.isNaN(distance) ? Infinity : distance);
      });
      t.true(furthest <= most(k), `${label}: off by ${furthest}, at most ${most(k)}`);
      return furthest / Math.sqrt(k);
    });
  });

/** Shapes, and the calls that each is: "n m k batches". */
const SHAPES: readonly (readonly [...Shape, string[]])[] = [
  [[70, 65], [65, 67], false, false, ['67 70 65 1']],
  [[65, 70], [67, 65], true, true, ['67 70 65 1']],
  [[60, 100], [50, 100], false, true, ['50 60 100 1']],
  [[100, 60], [100, 50], true, false, ['50 60 100 1']],
  [[300, 400], [400, 3], false, false, ['3 300 400 1']],
  // One b for all is one tall product.
  [[4, 40, 50], [50, 60], false, false, ['60 160 50 1']],
  [[4, 50, 40], [4, 50, 60], true, false, ['60 40 50 4']],
  [[1, 50, 40], [4, 60, 50], true, true, ['60 40 50 4']],
  [[2, 2, 40, 100], [2, 2, 40, 100], false, true, ['40 40 100 4']],
  // Distances that differ: a call for each of a few, own kernels for many.
  [[3, 1, 40, 50], [2, 50, 40], false, false, ['40 40 50 2', '40 40 50 2', '40 40 50 2']],
  [[2, 3, 41, 50], [2, 1, 50, 43], false, false, ['43 41 50 3', '43 41 50 3']],
  [[6, 1, 40, 50], [1, 2, 50, 40], false, false, []],
  // Too little to do, and vectors.
  [[64, 64], [64, 64], false, false, []],
  [[1, 600], [600, 700], false, false, []],
];
/** All shapes in float32, and every other one in float64 where not all are asked for. */
const some = (dtype: string): typeof SHAPES =>
  process.env.GRAFO_FULL || dtype === 'float32' ? SHAPES : SHAPES.filter((_, i) => i % 2 === 1);
const callsOf = (shapes: typeof SHAPES, suffix: string): string[] =>
  shapes.flatMap(([, , , , calls]) => calls.map((call) => `${call} ${suffix}`)).sort();

emulated(
  'products of every dtype, transpose and batch are the library’s or the own kernels’ by the rule, and right',
  (t) => {
    const expected: Record<Dtype, [string | undefined, (k: number) => number]> = {
      float32: ['0 0 68 1', (k) => 1e-5 * Math.sqrt(k)],
      float64: ['1 1 70 1', (k) => 1e-14 * Math.sqrt(k)],
      int32: [undefined, () => 0],
      int64: [undefined, () => 0],
    };
    for (const [dtype, [suffix, most]] of Object.entries(expected)) {
      // Integers are never the library's: a few shapes say so.
      const rows = suffix === undefined ? SHAPES.slice(0, 1) : some(dtype);
      const shapes = rows.map(([a, b, transposeA, transposeB]): Shape => [a, b, transposeA, transposeB]);
      const { products, executed } = during(t, () => check(t, dtype as Dtype, shapes, most));
      const calls = suffix === undefined ? [] : callsOf(rows, suffix);
      // Asked in two runs, the second of which is recorded; computed in all three.
      t.deepEqual(products.toSorted(), [...calls, ...calls].sort(), dtype);
      t.is(executed, 3 * calls.length, dtype);
    }
  },
);

const LIBRARY: Shape = [[64, 66], [66, 63], false, false];
const within = (k: number): number => 1e-5 * Math.sqrt(k);

emulated('no library, or one that does not serve: own kernels compute, and doctor says why', (t) => {
  const without = (name: string, make: (folder: string) => void, why: RegExp): void => {
    const at = path.join(scratch, name);
    mkdirSync(at);
    make(at);
    withEnvironment({ GRAFO_CUDA_LIBRARIES: at }, () => {
      t.deepEqual(during(t, () => check(t, 'float32', [LIBRARY], within)).products, [], name);
      const [line] = tf.doctor().gpuLibraries.filter((text) => text.includes('cuBLASLt'));
      t.regex(line!, why, name);
    });
  };
  const soname = 'libcublasLt.so.13';
  without('empty', () => {}, /^no cuBLASLt \(there is no libcublasLt\.so\.13 in GRAFO_CUDA_LIBRARIES=/);
  without('text', (at) => writeFileSync(path.join(at, soname), 'no library'), /^no cuBLASLt \(.*libcublasLt\.so\.13: /);
  const other = path.join(ROOT, 'build', 'Release', 'grafo_cuda_emulated.so');
  without('symbols', (at) => copyFileSync(other, path.join(at, soname)), /libcublasLt\.so\.13 has no cublasLt\w+\)$/);
  withEnvironment({ GRAFO_CUDA_LIBRARIES: 'build/Release/fake_cuda' }, () => {
    t.deepEqual(during(t, () => check(t, 'float32', [LIBRARY], within)).products, []);
    t.true(tf.doctor().gpuLibraries.some((line) => line.includes("'build/Release/fake_cuda' is no absolute folder")));
  });
  const found = tf.doctor().gpuLibraries.find((line) => line.includes('cuBLASLt'));
  t.is(found, `cuBLASLt 13.99.99 (${path.join(folder, soname)})`);
});

emulated('a call of the library that fails is the operation’s error, and the session goes on', (t) => {
  // The calls that one product and one batch of products make, and how often: products once step by step, once recorded.
  const calls: Record<string, number> = {
    Create: 1,
    MatrixLayoutCreate: 6,
    MatrixLayoutSetAttribute: 6,
    MatmulDescCreate: 2,
    MatmulDescSetAttribute: 4,
    MatmulPreferenceCreate: 2,
    MatmulPreferenceSetAttribute: 12,
    MatmulAlgoGetHeuristic: 2,
    Matmul: 4,
  };
  const a = values('float32', [80, 90], 1);
  const b = values('float32', [2, 90, 70], 2);
  let want: string[] | undefined;
  const run = (
    plan: string,
    expected: typeof tf.errors.InternalError | typeof tf.errors.ResourceExhaustedError,
    text: RegExp,
    inRecord = false,
  ): void => {
    const graph = new tf.Graph();
    graph.asDefault(() => {
      const [x, y] = [tf.placeholder('float32', [80, 90]), tf.placeholder('float32', [2, 90, 70])];
      const one = tf.matmul(x, tf.placeholderWithDefault(values('float32', [90, 70], 3), [90, 70]), { name: 'one' });
      const all = tf.matmul(tf.stack([x, x]), y, { name: 'two' });
      const feeds = [
        [x, a],
        [y, b],
      ] as const;
      const go = (sess: tf.Session): string[] => sess.runSync([one, all], feeds).map(bits);
      if (want === undefined) {
        using sess = new tf.Session({ device: '/gpu:0' });
        want = go(sess);
      }
      during(t, () => {
        using sess = new tf.Session({ device: '/gpu:0' });
        withEnvironment({ GRAFO_FAKE_CUBLASLT_FAIL: plan }, () => {
          let failed = 0;
          for (let i = 0; i < 3; i++) {
            try {
              go(sess);
            } catch (error) {
              failed++;
              t.true(error instanceof expected, `${plan}: ${error}`);
              t.regex((error as Error).message, text, plan);
            }
          }
          t.is(failed, inRecord ? 0 : 1, plan);
        });
        const launches = emulate('graph launches');
        for (let i = 0; i < 3; i++) t.deepEqual(go(sess), want!, plan);
        // What cannot be recorded is no error: it runs step by step from then on.
        t.is(emulate('graph launches') - launches, inRecord ? 0 : 3, plan);
      });
    });
  };
  for (const [name, count] of Object.entries(calls))
    for (let nth = 1; nth <= count; nth++) {
      // The first, the last and every fourth one between, or all.
      if (!process.env.GRAFO_FULL && nth > 1 && nth < count && nth % 4 !== 3) continue;
      const told = /cuBLASLt: .* failed: CUBLAS_STATUS_EXECUTION_FAILED/;
      run(`cublasLt${name}:${nth}:13`, tf.errors.InternalError, told, name === 'Matmul' && nth > 2);
      if (nth === 1)
        run(`cublasLt${name}:1:3`, tf.errors.ResourceExhaustedError, /cuBLASLt: .* CUBLAS_STATUS_ALLOC_FAILED/);
    }
  // What the library has no algorithm for is the own kernels' to compute: other bits, so it is not compared with the library's.
  const { products } = during(t, () =>
    withEnvironment({ GRAFO_FAKE_CUBLASLT_FAIL: 'cublasLtMatmulAlgoGetHeuristic:1:15' }, () =>
      check(t, 'float32', [LIBRARY], within),
    ),
  );
  t.deepEqual(products, []);
});

const words = new Uint32Array(1);
const floats = new Float32Array(words.buffer);
/** To the nearest number of bfloat16, of two to the even one. */
const toBfloat16 = (value: number): number => {
  floats[0] = value;
  words[0] = (words[0]! + 0x7fff + ((words[0]! >>> 16) & 1)) & 0xffff0000;
  return floats[0]!;
};

emulated('tf32 and bf16 are what the library computes float32 products in, and nothing else', (t) => {
  const tf32 = during(t, () => {
    const furthest = check(t, 'float32', [LIBRARY], (k) => 2e-3 * Math.sqrt(k), { gpu: { precision: 'tf32' } });
    t.true(furthest[0]! > 1e-5, 'nothing was rounded');
  });
  t.deepEqual(tf32.products, ['63 64 66 1 0 0 77 1', '63 64 66 1 0 0 77 1']);
  // Small products are converted inside; large ones before, so that the library reads half the bytes.
  const small = during(t, () => check(t, 'float32', [LIBRARY], within, { gpu: { precision: 'bf16' } }, toBfloat16));
  t.deepEqual(small.products, ['63 64 66 1 0 0 75 1', '63 64 66 1 0 0 75 1']);
  const large: Shape[] = [
    [[1537, 7], [7, 1539], false, false],
    [[1, 8, 1536], [2, 1536, 8], true, true],
  ];
  const converted = during(t, () => check(t, 'float32', large, within, { gpu: { precision: 'bf16' } }, toBfloat16));
  const calls = ['1536 1536 8 2 14 0 68 1', '1539 1537 7 1 14 0 68 1'];
  t.deepEqual(converted.products.toSorted(), [...calls, ...calls].sort());
  const double = during(t, () => check(t, 'float64', [LIBRARY], (k) => 1e-14 * k, { gpu: { precision: 'bf16' } }));
  t.deepEqual(double.products, ['63 64 66 1 1 1 70 1', '63 64 66 1 1 1 70 1']);
  // Own kernels do not round factors.
  withEnvironment({ GRAFO_CUDA_LIBRARIES: scratch }, () =>
    check(t, 'float32', [LIBRARY, ...large], within, { gpu: { precision: 'bf16' } }),
  );
});

emulated('in bf16 NaN and infinities stay what they are', (t) => {
  const a = new Float32Array(1536 * 8).fill(1);
  a[0] = NaN;
  a[8] = Infinity;
  a[16] = -Infinity;
  a[24] = 3.4e38; // beyond bfloat16's largest number
  words[0] = 0x7f800001; // a NaN whose upper half is that of infinity
  a.set(floats, 32);
  new tf.Graph().asDefault(() => {
    const product = tf.matmul(tf.ndarray(a, [1536, 8]), tf.placeholder('float32', [8, 1536], { name: 'b' }));
    const { products } = during(t, () => {
      using sess = new tf.Session({ device: '/gpu:0', gpu: { precision: 'bf16' } });
      const value = sess.runSync(product, { 'b:0': tf.ndarray(new Float32Array(8 * 1536).fill(1), [8, 1536]) });
      t.deepEqual(
        [0, 1, 2, 3, 4, 5].map((row) => (value.data as Float32Array)[row * 1536]),
        [NaN, Infinity, -Infinity, Infinity, NaN, 8],
      );
    });
    t.deepEqual(products, ['1536 1536 8 1 14 0 68 1']);
  });
});

type Layer = (z: tf.Tensor, bias: tf.Tensor, other: tf.Tensor) => tf.Tensor | tf.Tensor[];

/** Runs a layer whose product is [80, 90] by [90, 70]: bits of three runs, and the epilogues that the library was asked for. */
const layer = (t: ExecutionContext, end: Layer, epilogues: boolean, first = values('float32', [80, 90], 1)) => {
  let results: string[][] = [];
  const { products } = during(t, () =>
    new tf.Graph().asDefault(() => {
      const [a, b] = [tf.placeholder('float32', [80, 90]), tf.placeholder('float32', [90, 70])];
      const [bias, other] = [tf.placeholder('float32', [70]), tf.placeholder('float32', [80, 70])];
      const fetches = [end(tf.matmul(a, b), bias, other)].flat();
      const feeds = [
        [a, first],
        [b, values('float32', [90, 70], 2)],
        [bias, values('float32', [70], 3)],
        [other, values('float32', [80, 70], 4)],
      ] as const;
      using sess = new tf.Session({ device: '/gpu:0', compile: { epilogues } });
      results = [0, 1, 2].map(() => sess.runSync(fetches, feeds).map(bits));
    }),
  );
  return { results, products: products.map((call) => Number(call.split(' ').at(-1))) };
};

emulated('an end of a product that the library has is its own, with the bits of the product and the tape', (t) => {
  // A relu is tried once on NaNs when it is prepared.
  const ends: [name: string, end: Layer, expected: number[]][] = [
    ['bias', (z, bias) => tf.add(z, bias), [4, 4]],
    ['bias first', (z, bias) => tf.add(bias, z), [4, 4]],
    ['biasAdd', (z, bias) => tf.nn.biasAdd(z, bias), [4, 4]],
    ['relu', (z) => tf.nn.relu(z), [2, 2, 2]],
    ['bias and relu', (z, bias) => tf.nn.relu(tf.add(z, bias)), [6, 6, 6]],
    ['bias and tanh', (z, bias) => tf.tanh(tf.add(z, bias)), [1, 1]],
    ['sum of two arrays', (z, _, other) => tf.add(z, other), [1, 1]],
    ['product and relu of it', (z) => [tf.nn.relu(z), tf.neg(z)], [1, 1]],
  ];
  for (const [name, end, expected] of ends) {
    const fused = layer(t, end, true);
    const apart = layer(t, end, false);
    t.deepEqual(fused.products, expected, name);
    t.deepEqual(apart.products, [1, 1], name);
    t.deepEqual(fused.results, apart.results, name);
  }
});

emulated('a relu of the library that loses NaNs is not used', (t) => {
  const first = values('float32', [80, 90], 1);
  (first.data as Float32Array)[0] = NaN;
  const end: Layer = (z, bias) => tf.nn.relu(tf.add(z, bias));
  const want = layer(t, end, false, first);
  t.deepEqual(layer(t, end, true, first), { results: want.results, products: [6, 6, 6] });
  withEnvironment({ GRAFO_FAKE_CUBLASLT_RELU: 'drops NaN' }, () =>
    t.deepEqual(layer(t, end, true, first), { results: want.results, products: [6, 1, 1] }),
  );
});
