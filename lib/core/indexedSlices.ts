// IndexedSlices: a gradient that is zero but in some rows, as gather's is.
import type { TensorSource } from './defineOp.js';
import { ValueError } from './errors.js';
import type { Tensor } from './graph.js';

type Densify = (slices: IndexedSlices) => Tensor;
const hooks: { densify?: Densify } = {};
/** Installed once by ops/: how slices become a dense tensor (UnsortedSegmentSum). */
export const installDensify = (densify: Densify): void => {
  hooks.densify = densify;
};

/**
 * Rows `values` at `indices` of a tensor of shape `denseShape`; repeated indices add up.
 *
 * @example new tf.IndexedSlices(tf.constant([5, 6]), tf.constant([2, 2], 'int32'), tf.constant([3], 'int32')).asTensor() // [0, 0, 11]
 */
export class IndexedSlices implements TensorSource {
  readonly values: Tensor;
  readonly indices: Tensor;
  readonly denseShape: Tensor | null;

  constructor(values: Tensor, indices: Tensor, denseShape: Tensor | null = null) {
    this.values = values;
    this.indices = indices;
    this.denseShape = denseShape;
  }
  get dtype(): Tensor['dtype'] {
    return this.values.dtype;
  }
  get graph(): Tensor['graph'] {
    return this.values.graph;
  }
  get op(): Tensor['op'] {
    return this.values.op;
  }
  get name(): string {
    return this.values.name;
  }
  asTensor(): Tensor {
    if (this.denseShape === null)
      throw new ValueError(`Tensor conversion requested for IndexedSlices without dense_shape: ${this}`);
    return hooks.densify!(this);
  }
  toString(): string {
    const shape = this.denseShape === null ? '' : `, dense_shape=${this.denseShape}`;
    return `IndexedSlices(indices=${this.indices}, values=${this.values}${shape})`;
  }
}
