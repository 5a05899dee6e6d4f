// gradients(ys, xs): builds the graph of the derivatives of ys with respect to xs, operation by operation from ys backward.
import { convertToTensor, type TensorLike, tensorOf } from '../core/convert.js';
import { type GradientFunction, graphOf, type OpRow, type TensorSource } from '../core/defineOp.js';
import { GraphTypeError, LookupError, ValueError } from '../core/errors.js';
import { type Graph, type Operation, Tensor } from '../core/graph.js';
import { IndexedSlices } from '../core/indexedSlices.js';
import { type OptionNames, optionsOf } from '../core/options.js';
import { type AggregationMethodValue, aggregate, densify, type Grad } from './aggregate.js';
import { constant, fill, identity, rawZerosLike, shape, tuple, zerosLike } from './gradOps.js';
import { findPaths, findStops, isTrainable } from './paths.js';

export { AggregationMethod, type AggregationMethodValue } from './aggregate.js';

/** What `gradients` gives for an x that no y depends on: null (`NONE`) or zeros (`ZERO`). */
export const UnconnectedGradients = Object.freeze({ NONE: 'none', ZERO: 'zero' } as const);

/** A tensor or a variable to differentiate, or to differentiate by. */
export type Differentiable = Tensor | TensorSource | IndexedSlices;

/** Options of `gradients`, under TensorFlow's names. */
export interface GradientsOptions {
  /** The gradients of the ys, one each; null is a tensor of ones. */
  readonly gradYs?: readonly (TensorLike | null)[] | TensorLike | undefined;
  /** Name scope of what is built; `gradients` by default. */
  readonly name?: string | undefined;
  /** Places each gradient where its operation is. */
  readonly colocateGradientsWithOps?: boolean | undefined;
  /** Makes all gradients of an operation ready before any is used. */
  readonly gateGradients?: boolean | undefined;
  readonly aggregationMethod?: AggregationMethodValue | undefined;
  /** Tensors that are constants to this gradient. */
  readonly stopGradients?: readonly Differentiable[] | Differentiable | undefined;
  readonly unconnectedGradients?: 'none' | 'zero' | undefined;
}

const OPTIONS: OptionNames<GradientsOptions> = {
  gradYs: true,
  name: true,
  colocateGradientsWithOps: true,
  gateGradients: true,
  aggregationMethod: true,
  stopGradients: true,
  unconnectedGradients: true,
};

type Many<T> = T | readonly T[];
const asList = <T>(value: Many<T>): readonly T[] => (Array.isArray(value) ? (value as readonly T[]) : [value as T]);

/**
 * Builds the derivatives of the sum of `ys` with respect to each of `xs`, as TensorFlow 1.15 builds them: same operations, names, order.
 *
 * @param ys a tensor or several; their gradients are ones unless `gradYs` says otherwise.
 * @param xs tensors or variables to differentiate by.
 * @param gradYsOrOptions gradients of the ys, or the options.
 * @returns one gradient for each x: a tensor, an `IndexedSlices` where only rows were used, null where no y depends on x.
 *   LookupError where an operation on the way has no gradient.
 * @example
 * const x = tf.constant(3);
 * tf.gradients(tf.square(x), [x]) // [6]
 */
export const gradients = (
  ys: Many<Differentiable>,
  xs: Many<Differentiable>,
  gradYsOrOptions?: GradientsOptions | readonly (TensorLike | null)[] | TensorLike,
  more?: GradientsOptions,
): (Grad | null)[] => {
  const options = optionsOf('gradients', OPTIONS, more, { gradYs: gradYsOrOptions });
  const unconnected = options.unconnectedGradients ?? UnconnectedGradients.NONE;
  if (unconnected !== 'none' && unconnected !== 'zero') {
    throw new ValueError(`Unknown value for unconnected_gradients: '${String(unconnected)}'`);
  }
  const [ySources, xSources] = [asList(ys), asList(xs)];
  const stops = asList(options.stopGradients ?? []).map(
    (item) => tensorOf(item) ?? convertToTensor(item as TensorLike),
  );
  const gradYs =
    options.gradYs === undefined ? ySources.map(() => null) : asList(options.gradYs as Many<TensorLike | null>);
  const graph = graphOf([
    ...ySources,
    ...xSources,
    ...stops,
    ...gradYs.filter((item) => item !== null),
  ] as TensorLike[]);
  return graph.asDefault(() =>
    graph.nameScope(options.name ?? 'gradients', () => {
      // TensorFlow takes this name for itself, so later names count on from it.
      graph.uniqueName('uid');
      const yTensors = ySources.map((y, i) => asDense(y, `y_${i}`));
      const xTensors = xSources.map((x, i) => asMemory(x, `x_${i}`));
      return new Backward(graph, options).run(yTensors, xTensors, gradYs, stops, unconnected === 'zero');
    }),
  );
};

const asDense = (value: Differentiable, name: string): Tensor =>
  value instanceof IndexedSlices ? value.values : (tensorOf(value) ?? convertToTensor(value as TensorLike, { name }));
/** A variable stands for its own memory here, so that every read of it counts. */
const asMemory = (value: Differentiable, name: string): Tensor =>
  value instanceof IndexedSlices
    ? value.values
    : (tensorOf(value, true) ?? convertToTensor(value as TensorLike, { name }));

/** One walk from ys to xs. */
class Backward {
  readonly #graph: Graph;
  readonly #options: GradientsOptions;
  /** For each output of an operation the gradients received so far. */
  readonly #received = new Map<Operation, Grad[][]>();
  /** The sums, once an operation has received everything. */
  readonly #summed = new Map<Operation, (Grad | null)[]>();

  constructor(graph: Graph, options: GradientsOptions) {
    this.#graph = graph;
    this.#options = options;
  }

  run(
    ys: readonly Tensor[],
    xs: readonly Tensor[],
    gradYs: readonly (TensorLike | null)[],
    stops: readonly Tensor[],
    zeros: boolean,
  ): (Grad | null)[] {
    const seeds = this.#seeds(ys, gradYs);
    const [to, from] = [ys.map((y) => y.op), xs.map((x) => x.op)];
    const { reachable, pending } = findPaths(to, from);
    ys.forEach((y, i) => {
      this.#receive(y, seeds[i]!);
    });
    const queue = [...new Set(to.filter((op) => reachable.has(op) && (pending.get(op) ?? 0) === 0))];
    const stopOps = findStops(from, stops, pending);
    for (let next = 0; next < queue.length; next++) {
      const op = queue[next]!;
      this.#at(op, () => {
        this.#differentiate(op, stopOps.has(op));
      });
      for (const input of op.inputs) {
        const left = (pending.get(input.op) ?? 0) - 1;
        pending.set(input.op, left);
        if (left === 0) queue.push(input.op);
      }
    }
    return xs.map((x) => {
      if (this.#received.has(x.op)) return this.#summed.get(x.op)?.[x.valueIndex] ?? null;
      return zeros ? zerosLike(x) : null;
    });
  }

  #at<R>(op: Operation, fn: () => R): R {
    return this.#options.colocateGradientsWithOps === true ? this.#graph.colocateWith(op, fn) : fn();
  }

  #receive(tensor: Tensor, grad: Grad): void {
    let lists = this.#received.get(tensor.op);
    if (lists === undefined) {
      lists = tensor.op.outputs.map(() => []);
      this.#received.set(tensor.op, lists);
    }
    lists[tensor.valueIndex]!.push(grad);
  }

  /** What the walk starts from: the caller's gradients of the ys, or ones. */
  #seeds(ys: readonly Tensor[], gradYs: readonly (TensorLike | null)[]): Grad[] {
    if (gradYs.length !== ys.length) throw new ValueError(`Passed ${gradYs.length} grad_ys for ${ys.length} ys`);
    const given = gradYs.map((grad, i) =>
      grad === null || grad === undefined || grad instanceof IndexedSlices
        ? (grad ?? null)
        : convertToTensor(grad, { name: `grad_y_${i}` }),
    );
    return ys.map((y, i) =>
      this.#at(y.op, () => {
        const grad = given[i]!;
        if (grad === null) return fill(shape(y), constant(1, { dtype: y.dtype, name: `grad_ys_${i}` }));
        if (y.dtype.isFloating || y.dtype.isInteger) {
          if (!grad.dtype.isFloating && !grad.dtype.isInteger) {
            throw new GraphTypeError(
              `Gradient type ${grad.dtype.name} generated for real or integer-valued tensor ${y} with type ${y.dtype.name} must be real or integer`,
            );
          }
        } else {
          throw new GraphTypeError(
            `Tensor ${y} with type ${y.dtype.name} must be numeric to obtain a default gradient`,
          );
        }
        if (!(grad instanceof IndexedSlices)) return identity(grad, { name: `grad_ys_${i}` });
        const indices = identity(grad.indices, { name: `grad_ys_${i}_indices` });
        const values = identity(grad.values, { name: `grad_ys_${i}_values` });
        const denseShape = grad.denseShape === null ? null : identity(grad.denseShape, { name: `grad_ys_${i}_shape` });
        return new IndexedSlices(values, indices, denseShape);
      }),
    );
  }

  /** Sums what an operation received, asks its row for the gradients of the inputs and hands them on. */
  #differentiate(op: Operation, stop: boolean): void {
    const received = this.#received.get(op) ?? op.outputs.map(() => []);
    const dys = aggregate(received, op, this.#options.aggregationMethod);
    this.#received.set(op, received);
    this.#summed.set(op, dys);
    if (stop || op.inputs.length === 0 || dys.every((dy) => dy === null)) return;
    const { grad } = op.row;
    if (grad === 'none') return;
    if (grad === 'missing') {
      throw new LookupError(`No gradient defined for operation '${op.name}' (op type: ${op.type})`, {
        op: op.type,
        node: op.name,
        createdAt: op.place.toString() || undefined,
      });
    }
    op.outputs.forEach((output, i) => {
      if (dys[i] === null && isTrainable(output.dtype)) dys[i] = rawZerosLike(output, { name: 'zeros_like' });
    });
    const dxs = this.#graph.nameScope(`${op.name}_grad`, () => {
      const made = inputGradients(op, grad, dys);
      return this.#options.gateGradients === true && made.filter((dx) => dx !== null).length > 1
        ? this.#graph.device(null, () => tuple<Grad | null>(made))
        : made;
    });
    op.inputs.forEach((input, i) => {
      const dx = dxs[i] ?? null;
      if (dx === null) return;
      if (dx instanceof Tensor) matchShape(op, i, input, dx);
      this.#receive(input, dx);
    });
  }
}

/** Rows that hand a gradient on untouched also take slices; every other one gets a dense tensor. */
const passesSlices = (row: OpRow): boolean => row.type === 'Identity';

const inputGradients = (
  op: Operation,
  grad: GradientFunction<Record<string, string>>,
  dys: readonly (Grad | null)[],
) => {
  const given = dys.map((dy) => (dy === null || passesSlices(op.row) ? dy : densify(dy)));
  const byName = grad(given as readonly Tensor[], op.row.view(op));
  const arity = op.row.arity(op.attrs);
  const flat: (Grad | null)[] = [];
  Object.entries(op.row.inputs).forEach(([name, type], i) => {
    const isList = type.includes('*') || type.startsWith('...');
    const own = (isList ? (byName[name] ?? []) : [byName[name]]) as readonly (
      | Tensor
      | TensorSource
      | null
      | undefined
    )[];
    if (own.length !== arity[i]) {
      throw new ValueError(
        `Num gradients ${own.length} generated for op ${op.name} do not match num inputs ${arity[i]!}`,
      );
    }
    for (const one of own) {
      flat.push(one === null || one === undefined ? null : one instanceof IndexedSlices ? one : tensorOf(one)!);
    }
  });
  return flat;
};

const matchShape = (op: Operation, i: number, input: Tensor, dx: Tensor): void => {
  try {
    dx.setShape(input.shape);
  } catch (error) {
    if (!(error instanceof ValueError)) throw error;
    throw new ValueError(
      `Incompatible shapes between op input and calculated input gradient.  Forward operation: ${op.name}.  Input index: ${i}. ` +
        `Original input shape: ${input.shape}.  Calculated input gradient shape: ${dx.shape}`,
      { op: op.type, node: op.name, createdAt: op.place.toString() || undefined },
    );
  }
};
