// AddN: the sum of many tensors of one shape in one operation.
import { convertToTensor, type TensorLike, tensorOf } from '../core/convert.js';
import { defineOp, type Named } from '../core/defineOp.js';
import { ValueError } from '../core/errors.js';
import type { Tensor } from '../core/graph.js';
import type { LowerContext, TapeRef, Value } from '../core/lowering.js';
import { nameIn } from '../core/options.js';
import type { TensorShape } from '../core/shape.js';
import { identity } from './array.js';
import { NUMBERS } from './kinds.js';
import { addNWords, worded } from './runText.js';
import { mergeShapes } from './shapeRules.js';

const EIGHT = 8;
/** Inputs of one tape, with room for the sum so far. */
const MAX_INPUTS = 16;

/** TensorFlow adds up to nine first, then eight at a time; sums of floats depend on it. */
const groupsOf = (count: number): number[] => {
  const rest = count % EIGHT;
  const first = count < EIGHT ? count : rest === 0 ? EIGHT : rest === 1 ? EIGHT + 1 : rest;
  return [first, ...new Array<number>((count - first) / EIGHT).fill(EIGHT)];
};

const lowerAddN = (c: LowerContext): void => {
  const out = c.outputs[0]!;
  if (c.inputs.length === 1) {
    c.alias(0, c.inputs[0]!);
    return;
  }
  const groups = groupsOf(c.inputs.length);
  let sum: Value | undefined;
  let next = 0;
  while (groups.length > 0) {
    const size = groups.shift()!;
    const values = c.inputs.slice(next, next + size);
    next += size;
    // Two groups share a tape where they fit.
    const more = groups.length > 0 && size + groups[0]! <= MAX_INPUTS ? groups.shift()! : 0;
    const others = c.inputs.slice(next, next + more);
    next += more;
    const to = groups.length === 0 ? out : c.temp(out.dtype, out.shape);
    const before = sum;
    c.tape(out.shape, (tape) => {
      const plus = (a: TapeRef, b: TapeRef): TapeRef => tape.apply('Add', [a, b]);
      const total = (of: readonly Value[]): TapeRef => of.map((value) => tape.input(value)).reduce(plus);
      let result = total(values);
      if (before !== undefined) result = plus(tape.input(before), result);
      if (others.length > 0) result = plus(result, total(others));
      tape.output(to, result);
    });
    sum = to;
  }
};

export const addNOp = defineOp('AddN', {
  inputs: { inputs: 'N*T' },
  outputs: { sum: 'T' },
  attrs: { N: { type: 'int', minimum: 1 }, T: { type: 'type', allowed: NUMBERS } },
  shape: worded(addNWords, (c) => {
    let merged: TensorShape = c.inputs.at(-1)!;
    for (let i = c.inputs.length - 2; i >= 0; i--) {
      try {
        merged = mergeShapes(c.inputs[i]!, merged);
      } catch (error) {
        if (!(error instanceof ValueError)) throw error;
        throw new ValueError(`${error.text}\n\tFrom merging shape ${i} with other shapes.`);
      }
    }
    return [merged];
  }),
  grad: ([dy], { inputs }) => ({ inputs: inputs.inputs.map(() => dy!) }),
  lower: lowerAddN,
});

/**
 * The sum of tensors of one shape and dtype; of a single one, that tensor. No broadcasting.
 * ValueError "inputs must be a list of at least one Tensor/IndexedSlices with the same dtype and shape".
 *
 * @example tf.addN([[1, 2], [3, 4], [5, 6]]) // [9, 12]
 */
export const addN = (inputs: readonly TensorLike[], options: Named = {}): Tensor => {
  const name = nameIn(options, 'addN');
  if (!Array.isArray(inputs) || inputs.length === 0) {
    throw new ValueError('inputs must be a list of at least one Tensor/IndexedSlices with the same dtype and shape');
  }
  const list = inputs as readonly TensorLike[];
  const dtype = list.map((item) => tensorOf(item)?.dtype).find((type) => type !== undefined);
  const tensors = list.map((item) => tensorOf(item) ?? convertToTensor(item, { preferredDtype: dtype }));
  if (tensors.length === 1) return name === undefined ? tensors[0]! : identity(tensors[0]!, { name });
  return addNOp({ inputs: tensors }, {}, { name }).output;
};
