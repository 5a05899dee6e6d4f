// Ops that write variables: outputs are the values of the variables afterwards, in the order of the ref inputs.
import {
  type Arr,
  arr,
  coordsOf,
  type Element,
  isFloat,
  numbers,
  one,
  type Reference,
  refuse,
  sizeOf,
  wrap,
} from './array.js';

const sameShape = (a: Arr, b: Arr): void => {
  if (a.shape.join() !== b.shape.join())
    refuse(`Assign requires shapes of both tensors to match. lhs shape= [${a.shape}] rhs shape= [${b.shape}]`);
};
const zip = (a: Arr, b: Arr, int: (x: bigint, y: bigint) => bigint, float: (x: number, y: number) => number): Arr =>
  arr(
    a.dtype,
    a.shape,
    a.data.map((x, i) =>
      isFloat(a.dtype) ? float(x as number, b.data[i] as number) : wrap(a.dtype, int(BigInt(x), BigInt(b.data[i]!))),
    ),
  );

export const assign: Reference = ([ref, value]) => {
  sameShape(one(ref), one(value));
  return [one(value)];
};
export const assignBy =
  (sign: 1 | -1): Reference =>
  ([ref, value]) => {
    sameShape(one(ref), one(value));
    return [
      zip(
        one(ref),
        one(value),
        (x, y) => x + BigInt(sign) * y,
        (x, y) => x + sign * y,
      ),
    ];
  };

type Update = { int?: (x: bigint, y: bigint) => bigint; float?: (x: number, y: number) => number };
/** var[indices[i]] op= updates[i], in order; updates may be a scalar. */
export const scatter =
  (update: Update): Reference =>
  ([ref, at, values]) => {
    const [x, indices, updates] = [one(ref), one(at), one(values)];
    const row = sizeOf(x.shape.slice(1));
    const wanted = [...indices.shape, ...x.shape.slice(1)];
    if (updates.shape.length > 0 && updates.shape.join() !== wanted.join())
      refuse('Must have updates.shape = indices.shape + params.shape[1:] or updates.shape = []');
    const data = [...x.data];
    const round = x.dtype === 'float32' ? Math.fround : (v: number): number => v;
    numbers(indices).forEach((index, i) => {
      if (index < 0 || index >= x.shape[0]!)
        refuse(`indices[${coordsOf(i, indices.shape)}] = ${index} is not in [0, ${x.shape[0]})`);
      for (let k = 0; k < row; k++) {
        const old = data[index * row + k]!;
        const by: Element = updates.shape.length === 0 ? updates.data[0]! : updates.data[i * row + k]!;
        data[index * row + k] =
          update.int === undefined
            ? by
            : isFloat(x.dtype)
              ? round(update.float!(old as number, by as number))
              : wrap(x.dtype, update.int(BigInt(old), BigInt(by)));
      }
    });
    return [arr(x.dtype, x.shape, data)];
  };

const floats = (a: Arr): number[] => a.data as number[];
/** Rounds like the dtype: optimizers are defined step by step, and a variable's low bits follow from every rounding. */
const made = (like: Arr, data: number[]): Arr => ({
  ...arr(like.dtype, like.shape, data),
  bound: data.map((x) => 8 * Math.abs(x)),
});
const bounded = (a: Arr, bound: number[]): Arr => ({ ...a, bound });

export const applyGradientDescent: Reference = ([v, a, d]) => {
  const [variable, alpha, delta] = [one(v), floats(one(a))[0]!, floats(one(d))];
  const result = made(
    variable,
    floats(variable).map((x, i) => x - alpha * delta[i]!),
  );
  return [
    bounded(
      result,
      floats(variable).map((x, i) => 2 * (Math.abs(x) + Math.abs(alpha * delta[i]!))),
    ),
  ];
};
/** accum = accum * momentum + grad; var -= lr * accum, with Nesterov var -= lr * (grad + momentum * accum). */
const momentumStep = (
  x: number,
  accum: number,
  lr: number,
  g: number,
  m: number,
  nesterov: boolean,
): { x: number; a: number; size: number } => {
  const next = accum * m + g;
  const step = nesterov ? g * lr + next * m * lr : next * lr;
  return {
    x: x - step,
    a: next,
    size: Math.abs(x) + (Math.abs(g) + Math.abs(accum * m) + Math.abs(g * m)) * Math.abs(lr) * 2 + Math.abs(g * lr),
  };
};
export const applyMomentum: Reference = ([v, a, l, gradient, m], attrs) => {
  const [variable, accum, lr, grad, momentum] = [
    one(v),
    one(a),
    floats(one(l))[0]!,
    floats(one(gradient)),
    floats(one(m))[0]!,
  ];
  const steps = floats(variable).map((x, i) =>
    momentumStep(x, floats(accum)[i]!, lr, grad[i]!, momentum, attrs.use_nesterov === true),
  );
  return [
    bounded(
      arr(
        variable.dtype,
        variable.shape,
        steps.map((s) => s.x),
      ),
      steps.map((s) => 4 * s.size),
    ),
    bounded(
      arr(
        accum.dtype,
        accum.shape,
        steps.map((s) => s.a),
      ),
      steps.map((s, i) => 4 * (Math.abs(s.a) + Math.abs(grad[i]!))),
    ),
  ];
};
/** The same on the rows that the indices name. */
export const sparseApplyMomentum: Reference = ([v, a, l, gradient, at, m], attrs) => {
  const [variable, accum, lr, grad, momentum] = [
    one(v),
    one(a),
    floats(one(l))[0]!,
    floats(one(gradient)),
    floats(one(m))[0]!,
  ];
  const [xs, as] = [[...floats(variable)], [...floats(accum)]];
  const size = xs.map((x) => Math.abs(x));
  const row = sizeOf(variable.shape.slice(1));
  numbers(one(at)).forEach((index, i) => {
    if (index < 0 || index >= variable.shape[0]!) refuse(`Index ${index} at offset ${i} in indices is out of range`);
    for (let k = 0; k < row; k++) {
      const here = index * row + k;
      const step = momentumStep(xs[here]!, as[here]!, lr, grad[i * row + k]!, momentum, attrs.use_nesterov === true);
      [xs[here], as[here], size[here]] = [
        step.x,
        step.a,
        step.size + Math.abs(grad[i * row + k]!) + Math.abs(as[here]!),
      ];
    }
  });
  return [
    bounded(
      arr(variable.dtype, variable.shape, xs),
      size.map((s) => 4 * s),
    ),
    bounded(
      arr(accum.dtype, accum.shape, as),
      size.map((s) => 4 * s),
    ),
  ];
};
/** Adam with eps-hat: lr_t = lr sqrt(1 - b2^t) / (1 - b1^t); var -= lr_t m / (sqrt(v) + eps). */
export const applyAdam: Reference = (inputs, attrs) => {
  const [variable, m0, v0] = [one(inputs[0]), one(inputs[1]), one(inputs[2])];
  const [b1p, b2p, lr, b1, b2, eps] = inputs.slice(3, 9).map((input) => floats(one(input))[0]!) as [
    number,
    number,
    number,
    number,
    number,
    number,
  ];
  const grad = floats(one(inputs[9]));
  const alpha = (lr * Math.sqrt(1 - b2p)) / (1 - b1p);
  const m = floats(m0).map((x, i) => x + (grad[i]! - x) * (1 - b1));
  const v = floats(v0).map((x, i) => x + (grad[i]! ** 2 - x) * (1 - b2));
  const step = m.map(
    (x, i) => ((attrs.use_nesterov === true ? x * b1 + (1 - b1) * grad[i]! : x) * alpha) / (Math.sqrt(v[i]!) + eps),
  );
  // 1 - b2^t loses digits of a float32 b2^t: the relative error of the step is u / (1 - b2p).
  const loss = 8 + 1 / (1 - b2p) + 1 / (1 - b1p) + 1 / (1 - b1);
  const mSize = m.map((_, i) => 4 * (Math.abs(floats(m0)[i]!) + Math.abs(grad[i]!)));
  return [
    bounded(
      arr(
        variable.dtype,
        variable.shape,
        floats(variable).map((x, i) => x - step[i]!),
      ),
      step.map(
        (s, i) =>
          2 * Math.abs(floats(variable)[i]!) + loss * (Math.abs(s) + (mSize[i]! * alpha) / (Math.sqrt(v[i]!) + eps)),
      ),
    ),
    bounded(arr(m0.dtype, m0.shape, m), mSize),
    bounded(
      arr(v0.dtype, v0.shape, v),
      v.map((_, i) => 4 * (Math.abs(floats(v0)[i]!) + grad[i]! ** 2)),
    ),
  ];
};

export const DIVIDE = (x: bigint, y: bigint): bigint => x / y;
/** Zeros made ones: divisors. */
export const nonzero = (a: Arr): Arr => ({ ...a, data: a.data.map((x) => (Number(x) === 0 ? wrapOne(a.dtype) : x)) });
const wrapOne = (dtype: string): Element => (isFloat(dtype) ? 1 : wrap(dtype, 1n));
