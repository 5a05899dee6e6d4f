// measure: what the steps of a plan move and compute, counted, for traces and tables of costs.
import { EPILOGUE } from './epilogue.js';
import { labelOf } from './print.js';
import {
  bytesOf,
  overAllRows,
  type PlanValue,
  type Step,
  type StepProgram,
  sizeOfShape,
  type TapeCode,
} from './steps.js';

/** What a step is, moves and computes. */
export interface StepInfo {
  /** The graph operation it ends in. */
  readonly name: string;
  /** The type of that operation. */
  readonly op: string;
  /** Its kernel and what was fused into it. */
  readonly label: string;
  /** Bytes of its inputs and outputs, each once. */
  readonly bytes: number;
  /** Floating point operations: two for each product of a MatMul, one for each element of every instruction and reduction. */
  readonly flops: number;
}

const sizeOfBoth = (values: readonly PlanValue[]): number =>
  values.reduce((bytes, { dtype, shape }) => bytes + bytesOf(dtype, shape), 0);

/** Products of matrices: two operations for each of m n k. */
export const flopsOfMatMul = (step: Step): number => {
  const a = step.inputs[0]!.shape;
  const c = step.tape?.space ?? step.outputs[0]!.shape;
  return 2 * sizeOfShape(c) * (a.at(step.attrs[0] === 1 ? -2 : -1) ?? 1);
};

const flopsOfTape = ({ space, instructions, reductions }: TapeCode): number =>
  sizeOfShape(space) * (instructions.length + reductions.filter((one) => one !== undefined).length);

const flopsOf = (step: Step): number => {
  if (step.tape !== undefined) return flopsOfTape(step.tape) + (step.kernel === EPILOGUE ? flopsOfMatMul(step) : 0);
  if (step.rows !== undefined) return overAllRows(step.rows, flopsOfTape);
  if (step.batch !== undefined)
    return step.batch.sizes.reduce((sum, size) => sum + size, 0) * step.batch.instructions.length;
  if (step.kernel === 'MatMul') return flopsOfMatMul(step);
  return step.kernel === 'Reduce' ? sizeOfShape(step.inputs[0]!.shape) : 0;
};

/** One entry a step, in the plan's order. */
export const measure = ({ steps }: StepProgram): readonly StepInfo[] =>
  steps.map((step) => ({
    name: step.op.name,
    op: step.op.type,
    label: labelOf(step),
    bytes: sizeOfBoth(step.inputs) + sizeOfBoth(step.outputs),
    flops: flopsOf(step),
  }));
