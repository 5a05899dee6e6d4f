// Gradients at points where a function has no derivative: TensorFlow's choice, point by point.
import test from 'ava';
import { findOp } from '../../lib/core/defineOp.js';
import * as tf from '../../lib/index.js';

const INF = Number.POSITIVE_INFINITY;
const MAX = { keep_dims: false };

interface Pinned {
  readonly op: string;
  readonly inputs: readonly (number | readonly number[])[];
  /** Gradients of the sum of the outputs with respect to the float inputs; undefined where it is not looked at. */
  readonly want: readonly (number | readonly number[] | undefined)[];
  readonly attrs?: Readonly<Record<string, boolean>>;
  /** Further inputs that are not differentiated. */
  readonly more?: readonly tf.NDArray[];
}

const axes = (...list: number[]): tf.NDArray => tf.ndarray(list, [list.length], 'int32');

const PINNED: readonly (Pinned & { readonly title: string })[] = [
  { title: 'relu at 0 is flat', op: 'Relu', inputs: [[-1, 0, -0, 1]], want: [[0, 0, 0, 1]] },
  { title: 'relu6 at 0 and at 6 is flat', op: 'Relu6', inputs: [[0, 3, 6, 7]], want: [[0, 1, 0, 0]] },
  { title: 'elu at 0 has slope 1', op: 'Elu', inputs: [[0, 1]], want: [[1, 1]] },
  { title: 'abs at 0 has slope 0', op: 'Abs', inputs: [[-2, 0, 2]], want: [[-1, 0, 1]] },
  { title: 'sign is flat everywhere', op: 'Sign', inputs: [[-2, 0, 2]], want: [[0, 0, 0]] },
  { title: 'sqrt at 0 is infinitely steep', op: 'Sqrt', inputs: [[0, 4]], want: [[INF, 0.25]] },
  { title: 'log at 0 is infinitely steep', op: 'Log', inputs: [[0, 2]], want: [[INF, 0.5]] },
  {
    title: 'maximum gives ties to x',
    op: 'Maximum',
    inputs: [
      [1, 2, 3],
      [2, 2, 2],
    ],
    want: [
      [0, 1, 1],
      [1, 0, 0],
    ],
  },
  {
    title: 'minimum gives ties to x',
    op: 'Minimum',
    inputs: [
      [1, 2, 3],
      [2, 2, 2],
    ],
    want: [
      [1, 1, 0],
      [0, 0, 1],
    ],
  },
  {
    title: 'a maximum of equals shares the gradient',
    op: 'Max',
    inputs: [[3, 1, 3, 3]],
    more: [axes(0)],
    attrs: MAX,
    want: [[1 / 3, 0, 1 / 3, 1 / 3]],
  },
  {
    title: 'a minimum of equals shares the gradient',
    op: 'Min',
    inputs: [[1, 1, 3, 3]],
    more: [axes(0)],
    attrs: MAX,
    want: [[0.5, 0.5, 0, 0]],
  },
  {
    title: 'a product with one 0 reaches that element only',
    op: 'Prod',
    inputs: [[0, 2, 3]],
    more: [axes(0)],
    attrs: MAX,
    want: [[6, 0, 0]],
  },
  {
    title: 'a product with two 0 is flat',
    op: 'Prod',
    inputs: [[0, 2, 0]],
    more: [axes(0)],
    attrs: MAX,
    want: [[0, 0, 0]],
  },
  {
    title: 'pow takes log of positive bases only',
    op: 'Pow',
    inputs: [
      [0, -2, 2],
      [2, 2, 0],
    ],
    want: [
      [0, -4, 0],
      [0, 0, Math.LN2],
    ],
  },
  {
    title: 'floor mod has slopes 1 and -floor(x / y)',
    op: 'FloorMod',
    inputs: [
      [7, -7],
      [3, 3],
    ],
    want: [
      [1, 1],
      [-2, 3],
    ],
  },
  {
    title: 'division without NaN is flat where it divides by 0',
    op: 'DivNoNan',
    inputs: [
      [1, 1],
      [0, 2],
    ],
    want: [
      [0, 0.5],
      [0, -0.25],
    ],
  },
  { title: 'the half sum of squares has the slope of its input', op: 'L2Loss', inputs: [[0, 2]], want: [[0, 2]] },
  { title: 'softplus far out', op: 'Softplus', inputs: [[-1000, 0, 1000]], want: [[0, 0.5, 1]] },
  { title: 'sigmoid far out is flat, not NaN', op: 'Sigmoid', inputs: [[-1000, 1000]], want: [[0, 0]] },
];

for (const dtype of ['float32', 'float64'] as const) {
  for (const { title, op, inputs, want, attrs, more = [] } of PINNED) {
    test(`${op} ${dtype}: ${title}`, (t) => {
      new tf.Graph().asDefault(() => {
        const row = findOp(op)!;
        const xs = inputs.map((value) => tf.constant(value as number[], { dtype }));
        const all = [...xs, ...more.map((value) => tf.constant(value))];
        const made = row(
          Object.fromEntries(Object.keys(row.inputs).map((name, i) => [name, all[i]!])) as never,
          attrs ?? {},
        );
        const gradients = tf.gradients([...made.outputs], xs);
        using session = new tf.Session();
        want.forEach((expected, i) => {
          if (expected === undefined) return;
          const got = session.runSync(tf.convertToTensor(gradients[i] as never)).toArray() as number[];
          (expected as number[]).forEach((value, k) => {
            const narrow = dtype === 'float32' ? Math.fround(value) : value;
            t.true(
              got[k]! === narrow || Math.abs(got[k]! - narrow) <= 1e-6 * Math.abs(narrow),
              `gradient ${i}, element ${k}: ${got[k]}, expected ${narrow}`,
            );
          });
        });
      });
    });
  }
}
