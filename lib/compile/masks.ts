// masks: rows gathered by where a mask is true, as `tf.booleanMask` writes it, are one kernel that goes through the mask once. How many there
// are is decided by data either way; so the rows are the stage's result, not indices by which a next stage has to be planned for them.
import { makeRow } from '../core/defineOp.js';
import { bool, string } from '../core/dtype.js';
import { TensorShape, UNKNOWN } from '../core/shape.js';
import { isType, type Ref, refDtype, refTensor } from './program.js';

/** The rows of `params` whose element of the mask is true. */
export const BOOLEAN_MASK = makeRow<Readonly<Record<string, string>>>('BooleanMask', {
  inputs: { mask: 'bool', params: 'Tparams' },
  outputs: { output: 'Tparams' },
  attrs: { Tparams: { type: 'type' } },
  shape: (c) => {
    const { dims } = c.shape('params');
    return [dims === null ? UNKNOWN : new TensorShape([null, ...dims.slice(1)])];
  },
  grad: 'missing',
  lower: (c) => c.kernel('BooleanMask', c.inputs, c.outputs),
  dynamic: true,
});

const only = (ref: Ref, type: string): Ref | undefined => (isType(ref, type) ? ref.node.inputs[0] : undefined);
const rankOf = (ref: Ref): number | null => refTensor(ref).shape.rank;

/** The mask, of indices that are where a vector of bools is true. */
export const maskOf = (indices: Ref): Ref | undefined => {
  const coordinates = only(indices, 'Squeeze');
  const dims = indices.node.attrs.get('squeeze_dims') as readonly number[] | undefined;
  const mask = coordinates === undefined ? undefined : only(coordinates, 'Where');
  if (mask === undefined || refDtype(mask) !== bool || rankOf(mask) !== 1) return undefined;
  // Without dims a single coordinate would lose its axis, too.
  return dims?.length === 1 && (dims[0] === 1 || dims[0] === -1) ? mask : undefined;
};

/** Whether rows of such a tensor can be chosen by the kernel. */
export const hasRows = (params: Ref): boolean => {
  const rank = rankOf(params);
  return rank !== null && rank > 0 && refDtype(params) !== string;
};
