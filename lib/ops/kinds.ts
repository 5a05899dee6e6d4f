// The kinds elementwise rows come in (T -> T, T T -> T, T T -> bool), and the dtypes TensorFlow registers kernels for.
import { type TensorLike, tensorOf } from '../core/convert.js';
import {
  defineOp,
  type Gradient,
  type Named,
  type OpDefinition,
  type OpRow,
  type ShapeContext,
} from '../core/defineOp.js';
import { type DType, float32, float64, int8, int16, int32, int64, uint8, uint16 } from '../core/dtype.js';
import type { Tensor } from '../core/graph.js';
import { broadcastShapes, type TensorShape } from '../core/shape.js';
import { orInRun } from './runText.js';
import { sameShape } from './shapeRules.js';

/** float32, float64. */
export const REAL: readonly DType[] = Object.freeze([float32, float64]);
/** What most arithmetic takes: the floats, int32 and int64. */
export const WIDE: readonly DType[] = Object.freeze([float32, float64, int32, int64]);
/** Every number TensorFlow's reductions, AddN and Relu have kernels for. */
export const NUMBERS: readonly DType[] = Object.freeze([float32, float64, int32, uint8, int16, int8, int64, uint16]);

type X = { readonly x: 'T' };
type XY = { readonly x: 'T'; readonly y: 'T' };
/** The inputs of gradient-only ops: the forward op's output and the incoming gradient. */
type YDy = { readonly y: 'T'; readonly dy: 'T' };

/** Gradient of a unary op: from that of the output, the input and the output. */
export type UnaryGradient = (dy: Tensor, x: Tensor, y: Tensor) => Gradient;
/** Gradients of a binary op: from that of the output, the inputs and the output. */
export type BinaryGradient = (dy: Tensor, x: Tensor, y: Tensor, z: Tensor) => readonly [Gradient, Gradient];

/** A row from T to T, computed by the functor of its name. */
export const defineUnary = (
  type: string,
  allowed: readonly DType[],
  grad: UnaryGradient | 'none' | 'missing',
  more: Partial<OpDefinition<X>> = {},
): OpRow<X> =>
  defineOp(type, {
    inputs: { x: 'T' },
    outputs: { y: 'T' },
    attrs: { T: { type: 'type', allowed } },
    shape: sameShape,
    grad: typeof grad === 'string' ? grad : ([dy], { inputs, outputs }) => ({ x: grad(dy!, inputs.x, outputs[0]!) }),
    lower: { functor: type },
    ...more,
  });

/** The shape both inputs broadcast to. */
export const broadcasting = (c: ShapeContext): readonly TensorShape[] => {
  const [x, y] = c.inputs as readonly [TensorShape, TensorShape];
  const text = (): string => `Incompatible shapes: ${x.toBrackets()} vs. ${y.toBrackets()}`;
  return [orInRun(c, text, () => broadcastShapes(x, y))];
};

const binaryGradient = (grad: BinaryGradient | 'none' | 'missing'): OpDefinition<XY>['grad'] =>
  typeof grad === 'string'
    ? grad
    : ([dy], { inputs, outputs }) => {
        const [x, y] = grad(dy!, inputs.x, inputs.y, outputs[0]!);
        return { x, y };
      };

/** A row from T and T to T, broadcasting, computed by the functor of its name. */
export const defineBinary = (
  type: string,
  allowed: readonly DType[],
  grad: BinaryGradient | 'none' | 'missing',
  more: Partial<OpDefinition<XY>> = {},
): OpRow<XY> =>
  defineOp(type, {
    inputs: { x: 'T', y: 'T' },
    outputs: { z: 'T' },
    attrs: { T: { type: 'type', allowed } },
    shape: broadcasting,
    grad: binaryGradient(grad),
    lower: { functor: type },
    ...more,
  });

/** A row from T and T to bool, broadcasting; without a gradient. */
export const defineComparison = (
  type: string,
  allowed: readonly DType[],
  more: Partial<OpDefinition<XY>> = {},
): OpRow<XY> =>
  defineOp(type, {
    inputs: { x: 'T', y: 'T' },
    outputs: { z: 'bool' },
    attrs: { T: { type: 'type', allowed } },
    shape: broadcasting,
    grad: 'none',
    lower: { functor: type },
    ...more,
  });

/** A gradient-only row: from a forward output `y` and the gradient `dy`, shapes equal. */
export const defineOutputGrad = (type: string, grad: BinaryGradient): OpRow<YDy> =>
  defineOp(type, {
    inputs: { y: 'T', dy: 'T' },
    outputs: { z: 'T' },
    attrs: { T: { type: 'type', allowed: REAL } },
    shape: sameShape,
    grad: ([dz], { inputs, outputs }) => {
      const [y, dy] = grad(dz!, inputs.y, inputs.dy, outputs[0]!);
      return { y, dy };
    },
    lower: { functor: type },
  });

/** Adds a unary operation. */
export const unary = (row: OpRow<X>, x: TensorLike, options: Named = {}): Tensor => row({ x }, {}, options).output;

/** The dtype a literal first operand takes: that of the second where it is a tensor. */
const firstDtype = (x: TensorLike, y: TensorLike): DType | undefined =>
  tensorOf(x) === undefined ? tensorOf(y)?.dtype : undefined;

/** Adds a binary operation; a literal takes the dtype of the other operand. */
export const binary = (row: OpRow<XY>, x: TensorLike, y: TensorLike, options: Named = {}): Tensor =>
  row({ x, y }, { T: firstDtype(x, y) }, options).output;

/** Adds a logical operation of two bools. */
export const logical = (
  row: OpRow<{ readonly x: 'bool'; readonly y: 'bool' }>,
  x: TensorLike,
  y: TensorLike,
  options: Named = {},
): Tensor => row({ x, y }, {}, options).output;
