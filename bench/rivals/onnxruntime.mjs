// onnxruntime-node: inference only. Every run is async and copies its inputs in; the result goes into a tensor made once.
import { INT64, onnxModel } from './onnx.mjs';
import * as rows from './rows.mjs';

const { load, THREADS, TRIAL } = rows;
const ort = load('onnxruntime-node');

const unary = (op) => ({ nodes: [{ op, inputs: ['a'], output: 'y' }] });
const reduced = (op, axis) => ({
  nodes: [
    {
      op,
      inputs: ['a'],
      output: 'y',
      attributes: { ...(axis === undefined ? {} : { axes: [axis] }), keepdims: 0 },
    },
  ],
});

const MODELS = {
  add: () => ({ nodes: [{ op: 'Add', inputs: ['a', 'b'], output: 'y' }] }),
  affine: () => ({
    nodes: [
      { op: 'Mul', inputs: ['a', 'b'], output: 'm' },
      { op: 'Add', inputs: ['m', 'c'], output: 'y' },
    ],
  }),
  exp: () => unary('Exp'),
  sigmoid: () => unary('Sigmoid'),
  log: () => unary('Log'),
  tanh: () => unary('Tanh'),
  pow: () => ({ nodes: [{ op: 'Pow', inputs: ['a', 'e'], output: 'y' }], constants: { e: 2.3 } }),
  sce8: () => ({
    nodes: [
      { op: 'Relu', inputs: ['a'], output: 'r' },
      { op: 'Mul', inputs: ['a', 'b'], output: 'm' },
      { op: 'Sub', inputs: ['r', 'm'], output: 's' },
      { op: 'Abs', inputs: ['a'], output: 'p' },
      { op: 'Neg', inputs: ['p'], output: 'n' },
      { op: 'Exp', inputs: ['n'], output: 'x' },
      { op: 'Add', inputs: ['x', 'one'], output: 'q' },
      { op: 'Log', inputs: ['q'], output: 'l' },
      { op: 'Add', inputs: ['s', 'l'], output: 'y' },
    ],
    constants: { one: 1 },
  }),
  matmul: () => ({ nodes: [{ op: 'MatMul', inputs: ['a', 'b'], output: 'y' }] }),
  transpose: () => unary('Transpose'),
  // ReduceSum takes its axes as an input, which would have to be a constant of int64; the numbers are positive, so their L1 norm is their sum.
  sum: (axis) => reduced('ReduceL1', axis),
  max: (axis) => reduced('ReduceMax', axis),
  argmax: (axis) => ({
    nodes: [{ op: 'ArgMax', inputs: ['a'], output: 'y', attributes: { axis, keepdims: 0 } }],
    type: INT64,
  }),
  softmax: () => ({ nodes: [{ op: 'Softmax', inputs: ['a'], output: 'y', attributes: { axis: 1 } }] }),
};

/** The shape of a row's result. */
const shapeOf = (kind, axis, shapes) => {
  const [a, b] = shapes;
  if (kind === 'matmul') return [a[0], b[1]];
  if (kind === 'transpose') return [...a].reverse();
  if (kind === 'sum' || kind === 'max' || kind === 'argmax') return axis === undefined ? [] : [a[1 - axis]];
  return a;
};

const NAMES = ['a', 'b', 'c'];

const makeCase = async (kind, axis, sets, feedOf) => {
  const shapes = sets[0].map(({ shape }) => shape);
  const { type, ...model } = MODELS[kind](axis);
  const shape = shapeOf(kind, axis, shapes);
  const file = onnxModel({
    ...model,
    inputs: shapes.map((dims, k) => ({ name: NAMES[k], shape: dims })),
    output: { name: 'y', shape, ...(type === undefined ? {} : { type }) },
  });
  const session = await ort.InferenceSession.create(file, { intraOpNumThreads: THREADS, interOpNumThreads: 1 });
  const feeds = sets.map((inputs) =>
    Object.fromEntries(inputs.map(({ data, shape: dims }, k) => [NAMES[k], new ort.Tensor('float32', data, dims)])),
  );
  const size = shape.reduce((one, dim) => one * dim, 1);
  const y =
    type === INT64
      ? new ort.Tensor('int64', new BigInt64Array(size), shape)
      : new ort.Tensor('float32', new Float32Array(size), shape);
  return {
    async: true,
    call: (i) => session.run(feeds[feedOf(i)], { y }),
    check: async (set) => {
      const out = await session.run(feeds[feedOf(set)], { y });
      return { dtype: out.y.type, values: [out.y.data.slice()] };
    },
  };
};

const scalar = () =>
  makeCase(
    'add',
    undefined,
    Array.from({ length: 1024 }, (_, i) => [
      { shape: [], data: Float32Array.of(i) },
      { shape: [], data: Float32Array.of(1) },
    ]),
    (i) => (i < 2 ? 5 + i : i & 1023),
  );

const cases =
  TRIAL === 'scalar'
    ? { 'overhead.add': scalar, 'overhead.add.callable': scalar }
    : Object.fromEntries(
        rows
          .opRows(TRIAL)
          .map(({ name, kind, axis, inputs }) => [
            name,
            () => makeCase(kind, axis, [inputs(0), inputs(1)], (i) => i & 1),
          ]),
      );
await rows.serve(`onnxruntime-node ${load('onnxruntime-node/package.json').version}`, cases);
