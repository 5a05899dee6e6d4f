// The ops that optimizers update variables with, in place, as TensorFlow's CPU functors compute them.
import type { TensorLike } from '../core/convert.js';
import { defineOp, type Named, type ShapeContext } from '../core/defineOp.js';
import { FLOATS, int32, int64 } from '../core/dtype.js';
import type { Operation } from '../core/graph.js';
import type { Tape, TapeRef } from '../core/lowering.js';
import { TensorShape } from '../core/shape.js';
import { mergeDims, mergeShapes, needRank } from './shapeRules.js';
import type { RefLike } from './state.js';

// TensorFlow's ops admit every number, its kernels floats.
const T = { type: 'type', allowed: FLOATS } as const;
const FLAG = { type: 'bool', default: false } as const;
const INDEX = { type: 'type', allowed: [int32, int64] } as const;

/** Every named input has one shape, the others are scalars. */
const applyShape = (c: ShapeContext, same: readonly string[], scalars: readonly string[]): readonly TensorShape[] => {
  for (const name of scalars) needRank(c.shape(name), 0);
  return [same.map((name) => c.shape(name)).reduce(mergeShapes)];
};

/** As `applyShape`, where `grad` holds the rows at `indices`. */
const sparseShape = (c: ShapeContext, same: readonly string[], scalars: readonly string[]): readonly TensorShape[] => {
  const [all] = applyShape(c, same, scalars);
  const grad = c.shape('grad');
  mergeDims(needRank(c.shape('indices'), 1).dim(0), grad.dim(0));
  if (grad.dims === null) return [all!];
  return [mergeShapes(all!, new TensorShape([null, ...grad.dims.slice(1)]))];
};

const gradientDescentOp = defineOp('ApplyGradientDescent', {
  inputs: { var: 'Ref(T)', alpha: 'T', delta: 'T' },
  outputs: { out: 'Ref(T)' },
  attrs: { T, use_locking: FLAG },
  shape: (c) => applyShape(c, ['var', 'delta'], ['alpha']),
  grad: 'missing',
  // var -= delta * alpha
  lower: (c) => {
    const target = c.input('var');
    c.tape(target.shape, (t) => {
      const step = t.apply('Mul', [t.input(c.input('delta')), t.input(c.input('alpha'))]);
      t.output(target, t.apply('Sub', [t.input(target), step]));
    });
  },
  updates: ['var'],
  stateful: true,
});

const momentumOp = defineOp('ApplyMomentum', {
  inputs: { var: 'Ref(T)', accum: 'Ref(T)', lr: 'T', grad: 'T', momentum: 'T' },
  outputs: { out: 'Ref(T)' },
  attrs: { T, use_locking: FLAG, use_nesterov: FLAG },
  shape: (c) => applyShape(c, ['var', 'accum', 'grad'], ['lr', 'momentum']),
  grad: 'missing',
  // accum = accum * momentum + grad; var -= accum * lr, or with Nesterov var -= grad * lr + accum * momentum * lr
  lower: (c) => {
    const [target, accum] = [c.input('var'), c.input('accum')];
    c.tape(target.shape, (t) => {
      const grad = t.input(c.input('grad'));
      const [lr, momentum] = [t.input(c.input('lr')), t.input(c.input('momentum'))];
      const sum = t.apply('Add', [t.apply('Mul', [t.input(accum), momentum]), grad]);
      const step = c.attr<boolean>('use_nesterov')
        ? t.apply('Add', [t.apply('Mul', [grad, lr]), t.apply('Mul', [t.apply('Mul', [sum, momentum]), lr])])
        : t.apply('Mul', [sum, lr]);
      t.output(accum, sum);
      t.output(target, t.apply('Sub', [t.input(target), step]));
    });
  },
  updates: ['var', 'accum'],
  stateful: true,
});

const sparseMomentumOp = defineOp('SparseApplyMomentum', {
  inputs: { var: 'Ref(T)', accum: 'Ref(T)', lr: 'T', grad: 'T', indices: 'Tindices', momentum: 'T' },
  outputs: { out: 'Ref(T)' },
  attrs: { T, Tindices: INDEX, use_locking: FLAG, use_nesterov: FLAG },
  shape: (c) => sparseShape(c, ['var', 'accum'], ['lr', 'momentum']),
  grad: 'missing',
  lower: (c) =>
    c.kernel(
      'SparseApplyMomentum',
      [c.input('lr'), c.input('grad'), c.input('indices'), c.input('momentum')],
      [c.input('var'), c.input('accum')],
      (words) => words.i32(c.attr<boolean>('use_nesterov') ? 1 : 0),
    ),
  updates: ['var', 'accum'],
  stateful: true,
});

const ADAM_SCALARS = ['beta1_power', 'beta2_power', 'lr', 'beta1', 'beta2', 'epsilon'] as const;
const adamOp = defineOp('ApplyAdam', {
  inputs: {
    var: 'Ref(T)',
    m: 'Ref(T)',
    v: 'Ref(T)',
    beta1_power: 'T',
    beta2_power: 'T',
    lr: 'T',
    beta1: 'T',
    beta2: 'T',
    epsilon: 'T',
    grad: 'T',
  },
  outputs: { out: 'Ref(T)' },
  attrs: { T, use_locking: FLAG, use_nesterov: FLAG },
  shape: (c) => applyShape(c, ['var', 'm', 'v', 'grad'], ADAM_SCALARS),
  grad: 'missing',
  // alpha = lr * sqrt(1 - beta2^t) / (1 - beta1^t); m += (g - m) * (1 - beta1); v += (g * g - v) * (1 - beta2);
  // var -= (m * alpha) / (sqrt(v) + epsilon), with Nesterov var -= ((g * (1 - beta1) + beta1 * m) * alpha) / (sqrt(v) + epsilon)
  lower: (c) => {
    const [target, m, v] = [c.input('var'), c.input('m'), c.input('v')];
    const { dtype } = target;
    const rest = (t: Tape, x: TapeRef): TapeRef => t.apply('Sub', [t.number(1, dtype), x]);
    const alpha = c.temp(dtype, []);
    c.tape([], (t) => {
      const [power1, power2] = [t.input(c.input('beta1_power')), t.input(c.input('beta2_power'))];
      const scaled = t.apply('Mul', [t.input(c.input('lr')), t.apply('Sqrt', [rest(t, power2)])]);
      t.output(alpha, t.apply('RealDiv', [scaled, rest(t, power1)]));
    });
    c.tape(target.shape, (t) => {
      const grad = t.input(c.input('grad'));
      const beta1 = t.input(c.input('beta1'));
      const rest1 = rest(t, beta1);
      const moved = (old: TapeRef, to: TapeRef, by: TapeRef): TapeRef =>
        t.apply('Add', [old, t.apply('Mul', [t.apply('Sub', [to, old]), by])]);
      const m1 = moved(t.input(m), grad, rest1);
      const v1 = moved(t.input(v), t.apply('Square', [grad]), rest(t, t.input(c.input('beta2'))));
      const mean = c.attr<boolean>('use_nesterov')
        ? t.apply('Add', [t.apply('Mul', [grad, rest1]), t.apply('Mul', [beta1, m1])])
        : m1;
      const below = t.apply('Add', [t.apply('Sqrt', [v1]), t.input(c.input('epsilon'))]);
      const step = t.apply('RealDiv', [t.apply('Mul', [mean, t.input(alpha)]), below]);
      t.output(m, m1);
      t.output(v, v1);
      t.output(target, t.apply('Sub', [t.input(target), step]));
    });
  },
  updates: ['var', 'm', 'v'],
  stateful: true,
});

/** Options of the updates. */
export interface ApplyOptions extends Named {
  readonly useLocking?: boolean | undefined;
  readonly useNesterov?: boolean | undefined;
}

/** `var -= delta * alpha`. */
export const applyGradientDescent = (
  target: RefLike,
  alpha: TensorLike,
  delta: TensorLike,
  options: ApplyOptions = {},
): Operation => gradientDescentOp({ var: target, alpha, delta }, { use_locking: options.useLocking }, options);

/** What a momentum update takes. */
export interface MomentumInputs {
  readonly var: RefLike;
  readonly accum: RefLike;
  readonly lr: TensorLike;
  readonly grad: TensorLike;
  readonly momentum: TensorLike;
}
const flags = (options: ApplyOptions): Record<string, boolean | undefined> => ({
  use_locking: options.useLocking,
  use_nesterov: options.useNesterov,
});

/** `accum = accum * momentum + grad; var -= lr * accum`. */
export const applyMomentum = (inputs: MomentumInputs, options: ApplyOptions = {}): Operation =>
  momentumOp(inputs, flags(options), options);

/** `applyMomentum` for the rows at `indices`, each at most once. */
export const sparseApplyMomentum = (
  inputs: MomentumInputs & { readonly indices: TensorLike },
  options: ApplyOptions = {},
): Operation => sparseMomentumOp(inputs, flags(options), options);

/** What an Adam update takes. */
export interface AdamInputs {
  readonly var: RefLike;
  readonly m: RefLike;
  readonly v: RefLike;
  readonly beta1_power: TensorLike;
  readonly beta2_power: TensorLike;
  readonly lr: TensorLike;
  readonly beta1: TensorLike;
  readonly beta2: TensorLike;
  readonly epsilon: TensorLike;
  readonly grad: TensorLike;
}
/** One step of Adam. */
export const applyAdam = (inputs: AdamInputs, options: ApplyOptions = {}): Operation =>
  adamOp(inputs, flags(options), options);
