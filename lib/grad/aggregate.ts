// Several gradients of one tensor into one: AddN for tensors, one longer IndexedSlices for slices.
import { int32, int64 } from '../core/dtype.js';
import { ValueError } from '../core/errors.js';
import type { Graph, Operation, Tensor } from '../core/graph.js';
import { IndexedSlices } from '../core/indexedSlices.js';
import { addN, cast, concat } from './gradOps.js';

/** A gradient as it travels: dense, or rows of a dense one. */
export type Grad = Tensor | IndexedSlices;

/** How gradients of one tensor are summed: `ADD_N` (`DEFAULT`) in one step, `EXPERIMENTAL_TREE` in pairs. */
export const AggregationMethod = Object.freeze({
  ADD_N: 0,
  DEFAULT: 0,
  EXPERIMENTAL_TREE: 1,
  EXPERIMENTAL_ACCUMULATE_N: 2,
} as const);
/** A value of `AggregationMethod`. */
export type AggregationMethodValue = (typeof AggregationMethod)[keyof typeof AggregationMethod];

/** The sum of the gradients collected for each output of an operation; null for an output without any. */
export const aggregate = (
  grads: readonly (readonly Grad[])[],
  op: Operation,
  method: AggregationMethodValue = AggregationMethod.DEFAULT,
): (Grad | null)[] => {
  if (![0, 1, 2].includes(method)) throw new ValueError(`Invalid aggregation_method specified ${String(method)}.`);
  return grads.map((list) => {
    if (list.length < 2) return list[0] ?? null;
    const dense = list.filter((grad): grad is Tensor => !(grad instanceof IndexedSlices));
    if (dense.length < list.length) return aggregateSlices(list);
    if (method === AggregationMethod.ADD_N) return addAcrossDevices(op.graph, dense);
    return op.graph.nameScope(`${op.name}_gradient_sum`, () => dense.reduce((sum, grad) => addN([sum, grad])));
  });
};

/** One AddN per device, then one over their sums; each colocated with the first tensor it adds. */
const addAcrossDevices = (graph: Graph, tensors: readonly Tensor[]): Tensor => {
  const byDevice = new Map<string, Tensor[]>();
  for (const tensor of tensors) {
    const same = byDevice.get(tensor.device);
    if (same === undefined) byDevice.set(tensor.device, [tensor]);
    else same.push(tensor);
  }
  const sums = [...byDevice.keys()].sort().map((device) => {
    const same = byDevice.get(device)!;
    return graph.colocateWith(same[0]!.op, () => addN(same));
  });
  return sums.length === 1 ? sums[0]! : addN(sums);
};

const aggregateSlices = (list: readonly Grad[]): Grad => {
  const slices = list.filter((grad): grad is IndexedSlices => grad instanceof IndexedSlices);
  if (slices.length < list.length) return addN(list.map((grad) => densify(grad)));
  // Indices of one dtype: int32 ones become int64 only where the other kind occurs.
  const mixed = slices.some((one) => one.indices.dtype === int32) && slices.some((one) => one.indices.dtype === int64);
  const indices = slices.map((one) => (mixed && one.indices.dtype === int32 ? cast(one.indices, int64) : one.indices));
  return new IndexedSlices(
    concat(
      slices.map((one) => one.values),
      0,
    ),
    concat(indices, 0),
    slices[0]!.denseShape,
  );
};

/** The dense tensor of a gradient. */
export const densify = (grad: Grad): Tensor => (grad instanceof IndexedSlices ? grad.asTensor() : grad);
