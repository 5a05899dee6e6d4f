// Variables' memory as ops see it: VariableV2, and the ops that write it (assign, scatter) or ask about it.
import type { TensorLike } from '../core/convert.js';
import { defineOp, type Named, type ShapeContext, type TensorSource } from '../core/defineOp.js';
import { type DType, float32, float64, int32, int64, NUMERIC } from '../core/dtype.js';
import { ValueError } from '../core/errors.js';
import type { Tensor } from '../core/graph.js';
import { type OptionNames, optionsOf } from '../core/options.js';
import { TensorShape } from '../core/shape.js';
import { worded } from './runText.js';
import { mergeShapes, scalarShape } from './shapeRules.js';

/** What has a variable's memory: a variable, or the ref tensor an update gave. */
export type RefLike = Tensor | TensorSource;

const LOCKING = { type: 'bool', default: false } as const;
const INDEX = { type: 'type', allowed: [int32, int64] } as const;

const variableOp = defineOp('VariableV2', {
  inputs: {},
  outputs: { ref: 'Ref(dtype)' },
  attrs: {
    shape: { type: 'shape' },
    dtype: { type: 'type' },
    container: { type: 'string', default: '' },
    shared_name: { type: 'string', default: '' },
  },
  shape: (c) => [c.attr<TensorShape>('shape')],
  grad: 'none',
  lower: 'source',
  stateful: true,
});

const assignOp = defineOp('Assign', {
  inputs: { ref: 'Ref(T)', value: 'T' },
  outputs: { output_ref: 'Ref(T)' },
  attrs: {
    T: { type: 'type' },
    validate_shape: { type: 'bool', default: true },
    use_locking: { type: 'bool', default: true },
  },
  shape: (c) => {
    const [ref, value] = [c.shape('ref'), c.shape('value')];
    if (!c.attr<boolean>('validate_shape')) return [value];
    if (c.planning === true && !ref.isCompatibleWith(value)) {
      throw new ValueError(
        `Assign requires shapes of both tensors to match. lhs shape= ${ref.toBrackets()} rhs shape= ${value.toBrackets()}`,
      );
    }
    return [mergeShapes(ref, value)];
  },
  grad: 'none',
  lower: (c) => c.copy(c.input('value'), c.outputs[0]!),
  updates: ['ref'],
  initializes: true,
  stateful: true,
});

const mergeBoth = (c: ShapeContext): readonly TensorShape[] => [mergeShapes(c.inputs[0]!, c.inputs[1]!)];

/** `ref OP= value`, element by element in place. */
const updateRow = (type: 'AssignAdd' | 'AssignSub', functor: 'Add' | 'Sub') =>
  defineOp(type, {
    inputs: { ref: 'Ref(T)', value: 'T' },
    outputs: { output_ref: 'Ref(T)' },
    attrs: { T: { type: 'type', allowed: NUMERIC }, use_locking: LOCKING },
    shape: worded(() => 'Parameters and update must be the same size', mergeBoth),
    grad: 'none',
    lower: (c) => {
      const ref = c.input('ref');
      c.tape(ref.shape, (tape) => {
        tape.output(c.outputs[0]!, tape.apply(functor, [tape.input(ref), tape.input(c.input('value'))]));
      });
    },
    updates: ['ref'],
    stateful: true,
  });
const assignAddOp = updateRow('AssignAdd', 'Add');
const assignSubOp = updateRow('AssignSub', 'Sub');

const scatterShape = (c: ShapeContext): readonly TensorShape[] => {
  const [ref, indices, updates] = [c.shape('ref'), c.shape('indices'), c.shape('updates')];
  if (updates.rank !== 0 && ref.dims !== null && indices.dims !== null) {
    mergeShapes(updates, new TensorShape([...indices.dims, ...ref.dims.slice(1)]));
  }
  return [ref];
};

/** Rows of a variable updated by index; `code` is the kernel's number for the operation. */
const scatterRow = (
  type: string,
  code: number,
  allowed: readonly DType[] | undefined,
  grad: 'none' | 'missing',
  locking = false,
) =>
  defineOp(type, {
    inputs: { ref: 'Ref(T)', indices: 'Tindices', updates: 'T' },
    outputs: { output_ref: 'Ref(T)' },
    attrs: {
      T: allowed === undefined ? { type: 'type' } : { type: 'type', allowed },
      Tindices: INDEX,
      use_locking: { type: 'bool', default: locking },
    },
    shape: scatterShape,
    grad,
    lower: (c) =>
      c.kernel('ScatterUpdate', [c.input('indices'), c.input('updates')], c.outputs, (words) => words.i32(code)),
    updates: ['ref'],
    stateful: true,
  });
const ORDERED: readonly DType[] = [float32, float64, int32, int64];
const scatterUpdateOp = scatterRow('ScatterUpdate', 0, undefined, 'missing', true);
const scatterAddOp = scatterRow('ScatterAdd', 1, NUMERIC, 'none');
const scatterSubOp = scatterRow('ScatterSub', 2, NUMERIC, 'none');
const scatterMulOp = scatterRow('ScatterMul', 3, NUMERIC, 'none');
const scatterDivOp = scatterRow('ScatterDiv', 4, NUMERIC, 'none');
const scatterMinOp = scatterRow('ScatterMin', 5, ORDERED, 'missing');
const scatterMaxOp = scatterRow('ScatterMax', 6, ORDERED, 'missing');

const isInitializedOp = defineOp('IsVariableInitialized', {
  inputs: { ref: 'Ref(dtype)' },
  outputs: { is_initialized: 'bool' },
  attrs: { dtype: { type: 'type' } },
  shape: scalarShape,
  grad: 'missing',
  lower: (c) => c.kernel('IsInitialized', [c.input('ref')], c.outputs),
  takesUninitialized: true,
  stateful: true,
});

/** A `VariableV2` operation. */
export const variableV2 = (shape: TensorShape, dtype: DType, options: Named): Tensor =>
  variableOp({}, { shape, dtype }, options).output;

/** Options of `assignAdd` and `assignSub`. */
export interface UpdateOptions extends Named {
  /** Recorded in the graph as TensorFlow does; updates of a session never interleave here. */
  readonly useLocking?: boolean | undefined;
}
/** What updates take. */
export const UPDATE: OptionNames<UpdateOptions> = { name: true, useLocking: true };
/** Options of `assign`. */
export interface AssignOptions extends UpdateOptions {
  /** false: the variable takes the value's shape, whatever it was. */
  readonly validateShape?: boolean | undefined;
}
/** What `assign` takes. */
export const ASSIGN: OptionNames<AssignOptions> = { name: true, useLocking: true, validateShape: true };

/**
 * Gives a variable a value; the result is the variable's memory after it.
 * INVALID_ARGUMENT "Assign requires shapes of both tensors to match. lhs shape= [3] rhs shape= [2]".
 *
 * @example tf.assign(new tf.Variable([1, 2]), [3, 4]) // [3, 4]
 */
export const assign = (ref: RefLike, value: TensorLike, options: AssignOptions = {}): Tensor =>
  assignOp({ ref, value }, assignAttrs(optionsOf('assign', ASSIGN, options)), { name: options.name }).output;
const assignAttrs = ({ validateShape, useLocking }: AssignOptions) => ({
  validate_shape: validateShape,
  use_locking: useLocking,
});

type Update = (ref: RefLike, value: TensorLike, options?: UpdateOptions) => Tensor;
const update =
  (what: string, row: typeof assignAddOp): Update =>
  (ref, value, options) => {
    const { name, useLocking } = optionsOf(what, UPDATE, options);
    return row({ ref, value }, { use_locking: useLocking }, { name }).output;
  };

/** Adds to a variable in place; shapes must be equal: `tf.assignAdd(new tf.Variable([1, 2]), [3, 4]) // [4, 6]`. */
export const assignAdd: Update = update('assignAdd', assignAddOp);
/** Subtracts from a variable in place; shapes must be equal: `tf.assignSub(new tf.Variable([1, 2]), [3, 4]) // [-2, -2]`. */
export const assignSub: Update = update('assignSub', assignSubOp);

type Scatter = (ref: RefLike, indices: TensorLike, updates: TensorLike, options?: UpdateOptions) => Tensor;
const scatter =
  (what: string, row: ReturnType<typeof scatterRow>): Scatter =>
  (ref, indices, updates, options) => {
    const { name, useLocking } = optionsOf(what, UPDATE, options);
    return row({ ref, indices, updates }, { use_locking: useLocking }, { name }).output;
  };

/**
 * Replaces rows of a variable; repeated indices are applied in order.
 * INVALID_ARGUMENT "indices[0] = 9 is not in [0, 5)".
 *
 * @param indices rows, of any shape; `updates` has it followed by the shape of a row, or is a scalar.
 * @example tf.scatterUpdate(new tf.Variable([1, 2, 3]), [2, 0], [7, 8]) // [8, 2, 7]
 */
export const scatterUpdate: Scatter = scatter('scatterUpdate', scatterUpdateOp);
/** Adds to rows of a variable, as often as they are named: `tf.scatterAdd(new tf.Variable([1, 2]), [0, 0], [1, 2]) // [4, 2]`. */
export const scatterAdd: Scatter = scatter('scatterAdd', scatterAddOp);
/** Subtracts from rows of a variable: `tf.scatterSub(new tf.Variable([1, 2]), [1], 5) // [1, -3]`. */
export const scatterSub: Scatter = scatter('scatterSub', scatterSubOp);
/** Multiplies rows of a variable: `tf.scatterMul(new tf.Variable([1, 2]), [1], [5]) // [1, 10]`. */
export const scatterMul: Scatter = scatter('scatterMul', scatterMulOp);
/** Divides rows of a variable: `tf.scatterDiv(new tf.Variable([1, 2]), [1], [4]) // [1, 0.5]`. */
export const scatterDiv: Scatter = scatter('scatterDiv', scatterDivOp);
/** Takes the smaller of rows of a variable and the updates: `tf.scatterMin(new tf.Variable([1, 5]), [0, 1], [3, 3]) // [1, 3]`. */
export const scatterMin: Scatter = scatter('scatterMin', scatterMinOp);
/** Takes the larger of rows of a variable and the updates: `tf.scatterMax(new tf.Variable([1, 5]), [0, 1], [3, 3]) // [3, 5]`. */
export const scatterMax: Scatter = scatter('scatterMax', scatterMaxOp);

/** Whether a variable has a value in the session, a bool scalar: `tf.isVariableInitialized(new tf.Variable(1)) // true` once it is initialised. */
export const isVariableInitialized = (ref: RefLike, options: Named = {}): Tensor =>
  isInitializedOp({ ref }, {}, options).output;
