// Which operations lie between ys and xs, and how many gradients each of them waits for.
import type { DType } from '../core/dtype.js';
import type { Operation, Tensor } from '../core/graph.js';

/** Whether gradients flow through values of a dtype: integers, bools and strings are constants to them. */
export const isTrainable = (dtype: DType): boolean => dtype.isFloating;

/** The part of a graph that a gradient is taken through. */
export interface Paths {
  /** Operations of ys that depend on an x. */
  readonly reachable: ReadonlySet<Operation>;
  /** For an operation: how many of its consumers' gradients are still to come. */
  readonly pending: Map<Operation, number>;
}

/** Finds the operations on a path of floating tensors from an operation of `from` to one of `to`. */
export const findPaths = (to: readonly Operation[], from: readonly Operation[]): Paths => {
  const reached = new Set<Operation>();
  const queue = [...from];
  for (let next = 0; next < queue.length; next++) {
    const op = queue[next]!;
    if (reached.has(op)) continue;
    reached.add(op);
    for (const output of op.outputs) {
      if (!isTrainable(output.dtype)) continue;
      for (const consumer of output.consumers()) queue.push(consumer);
    }
  }
  const reachable = new Set(to.filter((op) => reached.has(op)));
  const between = new Set<Operation>();
  const backward = [...to];
  for (let next = 0; next < backward.length; next++) {
    const op = backward[next]!;
    if (!reached.delete(op)) continue;
    between.add(op);
    for (const input of op.inputs) backward.push(input.op);
  }
  const pending = new Map<Operation, number>();
  for (const op of between) {
    for (const input of op.inputs) {
      if (between.has(input.op)) pending.set(input.op, (pending.get(input.op) ?? 0) + 1);
    }
  }
  return { reachable, pending };
};

/** Operations that are not differentiated: those of xs no other x comes before, and what the caller names. */
export const findStops = (
  from: readonly Operation[],
  stops: readonly Tensor[],
  pending: ReadonlyMap<Operation, number>,
): Set<Operation> => {
  const found = new Set(from.filter((op) => op.inputs.every((input) => (pending.get(input.op) ?? 0) <= 0)));
  for (const tensor of stops) found.add(tensor.op);
  return found;
};
