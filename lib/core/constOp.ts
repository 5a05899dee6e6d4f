// Const: the one op that core has, because every literal is one.
import type { AttrValue } from './attrs.js';
import { defineOp, type OpRow } from './defineOp.js';
import type { DType } from './dtype.js';
import type { Graph, Tensor } from './graph.js';
import type { NDArray } from './ndarray.js';
import { TensorShape } from './shape.js';

const row = () =>
  defineOp('Const', {
    inputs: {},
    outputs: { output: 'dtype' },
    attrs: { value: { type: 'tensor' }, dtype: { type: 'type' } },
    shape: (c) => [new TensorShape([...c.attr<NDArray>('value').shape])],
    grad: 'none',
    lower: (c) => c.alias(0, c.constant(c.attr<NDArray>('value'))),
    host: (c) => [c.attr<NDArray>('value')],
  });

let defined: ReturnType<typeof row> | undefined;

/** The row of Const. */
export const constRow = (): OpRow => {
  // Made on first use: defineOp, convert and this file need each other, and only calls (not imports) may cross that circle.
  defined ??= row();
  return defined as unknown as OpRow;
};

/** Adds a constant; a name that ends in `/` is taken as it is. */
export const constOp = (graph: Graph, value: NDArray, name: string): Tensor => {
  const attrs = new Map<string, AttrValue>([
    ['value', value],
    ['dtype', value.dtype as DType],
  ]);
  return constRow().create(graph, [], attrs, name).output;
};
