// Matrix products: MatMul for matrices, BatchMatMulV2 above, and tensordot made of them.
import { convertToTensor, type TensorLike, tensorOf } from '../core/convert.js';
import { defineOp, type Named, type OpDefinition, type ShapeContext } from '../core/defineOp.js';
import { int32 } from '../core/dtype.js';
import { ValueError } from '../core/errors.js';
import type { Tensor } from '../core/graph.js';
import { nameIn, type OptionNames } from '../core/options.js';
import { broadcastShapes, sizeOf, TensorShape } from '../core/shape.js';
import { broadcastGradientArgs, rank as rankTensor, reshape, shape } from './arrayShape.js';
import { greaterEqual, select } from './compare.js';
import { int32List, sumTo } from './elementwiseGrad.js';
import { gather } from './gather.js';
import { get } from './indexing.js';
import { concat, stack } from './join.js';
import { WIDE } from './kinds.js';
import { transpose } from './move.js';
import * as py from './operators.js';
import { reduceProd } from './reduce.js';
import { batchWords, orInRun, worded } from './runText.js';
import { opScope } from './scopes.js';
import { range } from './sequence.js';
import { mergeDims, needRank, needRankAtLeast } from './shapeRules.js';
import { setdiff1d } from './stitch.js';

type Flags = { readonly transposeA?: boolean; readonly transposeB?: boolean };
const product = (a: Tensor, b: Tensor, { transposeA = false, transposeB = false }: Flags = {}): Tensor =>
  matMulOp({ a, b }, { transpose_a: transposeA, transpose_b: transposeB }).output;

/** The shape of a matrix product of the last two dimensions. */
const productDims = (a: TensorShape, b: TensorShape, transposeA: boolean, transposeB: boolean): TensorShape => {
  mergeDims(a.dim(transposeA ? -2 : -1), b.dim(transposeB ? -1 : -2));
  return new TensorShape([a.dim(transposeA ? -1 : -2), b.dim(transposeB ? -2 : -1)]);
};

export const matMulOp = defineOp('MatMul', {
  inputs: { a: 'T', b: 'T' },
  outputs: { product: 'T' },
  attrs: {
    transpose_a: { type: 'bool', default: false },
    transpose_b: { type: 'bool', default: false },
    T: { type: 'type', allowed: WIDE },
  },
  shape: (c) => {
    const a = needRank(c.shape('a'), 2);
    const b = needRank(c.shape('b'), 2);
    const text = (): string => `Matrix size-incompatible: In[0]: ${a.toBrackets()}, In[1]: ${b.toBrackets()}`;
    const dims = () => productDims(a, b, c.attr<boolean>('transpose_a'), c.attr<boolean>('transpose_b'));
    return [orInRun(c, text, dims)];
  },
  grad: ([dy], { inputs: { a, b }, attr }) => {
    const grad = dy!;
    const both = { transposeA: true, transposeB: true };
    const [ta, tb] = [attr<boolean>('transpose_a'), attr<boolean>('transpose_b')];
    if (!ta && !tb) return { a: product(grad, b, { transposeB: true }), b: product(a, grad, { transposeA: true }) };
    if (!ta) return { a: product(grad, b), b: product(grad, a, { transposeA: true }) };
    if (!tb) return { a: product(b, grad, { transposeB: true }), b: product(a, grad) };
    return { a: product(b, grad, both), b: product(grad, a, both) };
  },
  lower: (c) =>
    c.kernel('MatMul', c.inputs, c.outputs, (words) =>
      words.i32(Number(c.attr<boolean>('transpose_a')), Number(c.attr<boolean>('transpose_b'))),
    ),
});

const batchShape = worded(batchWords, (c: ShapeContext): readonly TensorShape[] => {
  const a = needRankAtLeast(c.shape('x'), 2);
  const b = needRankAtLeast(c.shape('y'), 2);
  const [adjX, adjY] = [c.attr<boolean>('adj_x'), c.attr<boolean>('adj_y')];
  const text = (): string =>
    `In[0] mismatch In[1] shape: ${a.dim(adjX ? -2 : -1)} vs. ${b.dim(adjY ? -1 : -2)}: ${a.toBrackets()} ${b.toBrackets()} ${Number(adjX)} ${Number(adjY)}`;
  const matrix = orInRun(c, text, () => productDims(a, b, adjX, adjY));
  const batch = (of: TensorShape): TensorShape => new TensorShape(of.dims?.slice(0, -2) ?? null);
  return [broadcastShapes(batch(a), batch(b)).concatenate(matrix)];
});

type Pair = { readonly x: 'T'; readonly y: 'T' };
const adjoint = (a: Tensor, b: Tensor, adjointA: boolean, adjointB: boolean): Tensor =>
  matmul(a, b, { adjointA, adjointB });
/** Gradients of a batched product, before batch dimensions are summed. */
const batchGrad = (dy: Tensor, x: Tensor, y: Tensor, adjX: boolean, adjY: boolean): readonly [Tensor, Tensor] => {
  if (!adjX && !adjY) return [adjoint(dy, y, false, true), adjoint(x, dy, true, false)];
  if (!adjX) return [adjoint(dy, y, false, false), adjoint(dy, x, true, false)];
  if (!adjY) return [adjoint(y, dy, false, true), adjoint(x, dy, false, false)];
  return [adjoint(y, dy, true, true), adjoint(dy, x, true, true)];
};

const defineBatch = (type: 'BatchMatMul' | 'BatchMatMulV2', grad: OpDefinition<Pair>['grad']) =>
  defineOp(type, {
    inputs: { x: 'T', y: 'T' },
    outputs: { output: 'T' },
    attrs: {
      T: { type: 'type', allowed: WIDE },
      adj_x: { type: 'bool', default: false },
      adj_y: { type: 'bool', default: false },
    },
    shape: batchShape,
    grad,
    lower: (c) =>
      c.kernel('MatMul', c.inputs, c.outputs, (words) =>
        words.i32(Number(c.attr<boolean>('adj_x')), Number(c.attr<boolean>('adj_y'))),
      ),
  });

export const batchMatMulOp = defineBatch('BatchMatMul', ([dy], { inputs, attr }) => {
  const [x, y] = batchGrad(dy!, inputs.x, inputs.y, attr<boolean>('adj_x'), attr<boolean>('adj_y'));
  return { x, y };
});
export const batchMatMulV2Op = defineBatch('BatchMatMulV2', ([dy], { inputs: { x, y }, attr }) => {
  const [gx, gy] = batchGrad(dy!, x, y, attr<boolean>('adj_x'), attr<boolean>('adj_y'));
  if (x.shape.isFullyDefined && x.shape.equals(y.shape)) return { x: gx, y: gy };
  const sx = shape(x);
  const sy = shape(y);
  const batchX = get(sx, [null, -2]);
  const [rx, ry] = broadcastGradientArgs(batchX, get(sy, [null, -2]));
  const x1 = sumTo(gx, rx, sx);
  return { x: x1, y: sumTo(gy, ry, sy) };
});

/** Options of `matmul`. */
export interface MatMulOptions extends Named {
  readonly transposeA?: boolean | undefined;
  readonly transposeB?: boolean | undefined;
  /** As transposeA: numbers here are real. */
  readonly adjointA?: boolean | undefined;
  readonly adjointB?: boolean | undefined;
}

/** What `matmul` takes. */
export const MATMUL: OptionNames<MatMulOptions> = {
  name: true,
  transposeA: true,
  transposeB: true,
  adjointA: true,
  adjointB: true,
};

/**
 * The matrix product of a and b: float32, float64, int32, int64, of rank 2 or more; leading dimensions broadcast.
 * ValueError "Dimensions must be equal, but are 3 and 2 ...", "Shape must be rank 2 but is rank 1 ...".
 *
 * @example tf.matmul([[1, 2]], [[3], [4]]) // [[11]]
 */
export const matmul = (a: TensorLike, b: TensorLike, options: MatMulOptions = {}): Tensor =>
  opScope(nameIn(options, 'matmul', MATMUL), 'MatMul', [a, b], (scope) => {
    const { transposeA = false, transposeB = false, adjointA = false, adjointB = false } = options;
    if (transposeA && adjointA) throw new ValueError('Only one of transpose_a and adjoint_a can be True.');
    if (transposeB && adjointB) throw new ValueError('Only one of transpose_b and adjoint_b can be True.');
    const x = tensorOf(a) ?? convertToTensor(a, { name: 'a', preferredDtype: tensorOf(b)?.dtype });
    const y = tensorOf(b) ?? convertToTensor(b, { name: 'b', preferredDtype: x.dtype });
    const left = transposeA || adjointA;
    const right = transposeB || adjointB;
    const mayBeBatch = [x, y].some(({ shape: { rank } }) => rank === null || rank > 2);
    return mayBeBatch
      ? batchMatMulV2Op({ x, y }, { adj_x: left, adj_y: right }, { name: scope }).output
      : matMulOp({ a: x, b: y }, { transpose_a: left, transpose_b: right }, { name: scope }).output;
  });

/** Axes to contract: the last `n` of a with the first `n` of b, or lists for a and b. */
export type TensordotAxes = number | readonly [number | readonly number[], number | readonly number[]] | Tensor;
type AxisList = readonly number[] | Tensor;

const contracted = (a: Tensor, axes: TensordotAxes): readonly [AxisList, AxisList] => {
  if (typeof axes === 'number') {
    if (axes < 0) throw new ValueError("'axes' must be at least 0.");
    const { rank } = a.shape;
    const first = Array.from({ length: axes }, (_, i) => i);
    if (rank !== null) {
      if (axes > rank) throw new ValueError(`'axes' must not be larger than the number of dimensions of tensor ${a}.`);
      return [first.map((i) => rank - axes + i), first];
    }
    const ndims = rankTensor(a);
    return [range(py.sub(ndims, axes), ndims, 1, { dtype: int32 }), range(axes, { dtype: int32 })];
  }
  if (!Array.isArray(axes)) {
    const both = convertToTensor(axes as Tensor, { name: 'axes', dtype: int32 });
    return [get(both, 0), get(both, 1)];
  }
  if (axes.length !== 2) throw new ValueError("'axes' must be an integer or have length 2.");
  const [forA, forB] = axes.map((list) => (typeof list === 'number' ? [list] : list)) as [number[], number[]];
  if (forA.length !== forB.length)
    throw new ValueError(`Different number of contraction axes 'a' and 'b', ${forA.length} != ${forB.length}.`);
  return [forA, forB];
};

interface AsMatrix {
  readonly matrix: Tensor;
  readonly free: readonly number[] | Tensor;
  /** Static free dimensions, as far as known; null where not even their number is. */
  readonly static: readonly (number | null)[] | null;
}

/** A tensor as a matrix of its free and contracted axes; `flipped`: the contracted ones first. */
const asMatrix = (a: Tensor, axes: AxisList, flipped: boolean): AsMatrix => {
  const order = <T>(contractedPart: T, freePart: T): [T, T] =>
    flipped ? [contractedPart, freePart] : [freePart, contractedPart];
  const { dims } = a.shape;
  const list = Array.isArray(axes) && dims !== null ? (axes as readonly number[]) : null;
  const positive = list?.map((axis) => (axis < 0 ? axis + dims!.length : axis)) ?? [];
  const freeAxes = dims?.flatMap((_, i) => (positive.includes(i) ? [] : [i])) ?? [];
  if (list !== null && a.shape.isFullyDefined) {
    const sizes = a.shape.concrete();
    const count = (of: readonly number[]): number => sizeOf(of.map((i) => sizes[i]!));
    const perm = order(positive, freeAxes).flat();
    const to = order(count(positive), count(freeAxes));
    const free = freeAxes.map((i) => sizes[i]!);
    return { matrix: reshape(transpose(a, int32List(perm)), int32List(to)), free, static: free };
  }
  let contractedAxes: Tensor;
  let free: Tensor;
  let sizes: Tensor;
  if (list !== null) {
    contractedAxes = convertToTensor(int32List(positive), { name: 'axes' });
    free = convertToTensor(int32List(freeAxes), { name: 'free' });
    sizes = shape(a);
  } else {
    sizes = shape(a);
    const ndims = rankTensor(a);
    const given = convertToTensor(Array.isArray(axes) ? int32List(axes as number[]) : (axes as Tensor), {
      name: 'axes',
    });
    contractedAxes = select(greaterEqual(given, 0), given, py.add(given, ndims));
    free = setdiff1d(range(ndims), contractedAxes).out;
  }
  const freeDims = gather(sizes, free);
  const axisDims = gather(sizes, contractedAxes);
  const freeCount = reduceProd(freeDims);
  const axisCount = reduceProd(axisDims);
  const perm = concat(order(contractedAxes, free), 0);
  const to = stack(order(axisCount, freeCount));
  return {
    matrix: reshape(transpose(a, perm), to),
    free: freeDims,
    static: list === null ? null : freeAxes.map((i) => dims![i]!),
  };
};

/**
 * The sum of products over chosen axes of a and b.
 *
 * @example tf.tensordot([[1, 2], [3, 4]], [1, 10], 1) // [21, 43]
 */
export const tensordot = (a: TensorLike, b: TensorLike, axes: TensordotAxes, options: Named = {}): Tensor =>
  opScope(nameIn(options, 'Tensordot'), 'Tensordot', [a, b], (scope) => {
    const x = tensorOf(a) ?? convertToTensor(a, { name: 'a', preferredDtype: tensorOf(b)?.dtype });
    const y = tensorOf(b) ?? convertToTensor(b, { name: 'b', preferredDtype: x.dtype });
    const [axesA, axesB] = contracted(x, axes);
    const left = asMatrix(x, axesA, false);
    const right = asMatrix(y, axesB, true);
    const result = matmul(left.matrix, right.matrix);
    if (Array.isArray(left.free) && Array.isArray(right.free))
      return reshape(result, int32List([...left.free, ...right.free]), { name: scope });
    const sizes = (of: AsMatrix): Tensor =>
      convertToTensor(Array.isArray(of.free) ? int32List(of.free) : (of.free as Tensor));
    const freeA = sizes(left);
    const out = reshape(result, concat([freeA, sizes(right)], 0), { name: scope });
    if (left.static !== null && right.static !== null) out.setShape([...left.static, ...right.static]);
    return out;
  });
