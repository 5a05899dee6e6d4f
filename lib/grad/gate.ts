// Gating: no gradient of an operation is used before all of them are there (TensorFlow's control_flow_ops.tuple).
import { findOp } from '../core/defineOp.js';
import { type Graph, Tensor } from '../core/graph.js';
import { IndexedSlices } from '../core/indexedSlices.js';
import type { Grad } from './aggregate.js';
import { identity } from './gradOps.js';

/** Each gradient behind a NoOp that waits for all; null stays null. */
export const gate = (graph: Graph, grads: readonly (Grad | null)[]): (Grad | null)[] =>
  graph.nameScope('tuple', () => {
    const waited = grads.filter((grad) => grad !== null).map((grad) => grad.op);
    const barrier = graph.controlDependencies(waited, () => findOp('NoOp')!({}, {}, { name: 'group_deps' }));
    const behind = (tensor: Tensor): Tensor =>
      graph.colocateWith(tensor.op, () =>
        graph.controlDependencies([barrier], () => identity(tensor, { name: 'control_dependency' })),
      );
    return grads.map((grad) =>
      grad instanceof IndexedSlices
        ? new IndexedSlices(behind(grad.values), grad.indices, grad.denseShape)
        : grad instanceof Tensor
          ? behind(grad)
          : null,
    );
  });
