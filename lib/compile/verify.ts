// verify: what must hold of the steps after every pass; a broken pass is an InternalError here, never a wrong number later.
import { InternalError } from '../core/errors.js';
import { bytesOf, Producers, type Step, type StepProgram, type Storage, sameForm, sizeOfShape } from './steps.js';

/** Throws InternalError naming the pass where the steps are not well formed. */
export const verifySteps = (program: StepProgram, pass: string): void => {
  const fail = (step: Step | undefined, what: string): never => {
    throw new InternalError(
      `after ${pass}: ${what}${step === undefined ? '' : ` (${step.kernel} of '${step.op.name}')`}`,
    );
  };
  const producers = new Producers(program.steps);
  const written = new Set<Storage>();
  for (const step of program.steps) {
    for (const value of [...step.inputs, ...step.outputs]) {
      if (bytesOf(value.dtype, value.shape) > value.storage.bytes) fail(step, 'a value is larger than its storage');
    }
    for (const output of step.outputs) {
      if (output.storage.kind === 'constant' || output.storage.kind === 'feed')
        fail(step, `writes a ${output.storage.kind}`);
      if (output.storage.kind === 'arena' && written.has(output.storage)) fail(step, 'a storage is written twice');
      written.add(output.storage);
    }
    if (step.tape !== undefined) verifyTape(step, (what) => fail(step, what));
  }
  for (const step of program.steps) {
    for (const input of step.inputs) {
      if (input.storage.kind === 'arena' && producers.of(input) === undefined) fail(step, 'reads what no step writes');
    }
  }
  for (const fetch of program.fetches) {
    if (fetch.storage.kind === 'arena' && producers.of(fetch) === undefined)
      fail(undefined, 'fetches what no step writes');
  }
};

/** After scheduling: what a step reads has been written. */
export const verifyOrder = (program: StepProgram): void => {
  const written = new Set<Storage>();
  for (const step of program.steps) {
    for (const input of step.inputs) {
      if (input.storage.kind === 'arena' && !written.has(input.storage)) {
        throw new InternalError(`after schedule: ${step.kernel} of '${step.op.name}' reads what is not written yet`);
      }
    }
    for (const output of step.outputs) written.add(output.storage);
  }
};

const verifyTape = (step: Step, fail: (what: string) => never): void => {
  const { space, instructions, outputs, reductions } = step.tape!;
  const dtypeOf = (operand: number) =>
    operand < step.inputs.length ? step.inputs[operand]!.dtype : instructions[operand - step.inputs.length]!.result;
  instructions.forEach((instruction, i) => {
    instruction.args.forEach((arg, k) => {
      if (arg < 0 || arg >= step.inputs.length + i) fail(`instruction ${i} reads operand ${arg}`);
      if (instruction.functor === 'Select' && k === 0) return;
      if (dtypeOf(arg) !== instruction.operand)
        fail(`instruction ${i} (${instruction.functor}) takes ${instruction.operand}, gets ${dtypeOf(arg)}`);
    });
  });
  if (outputs.length !== step.outputs.length || reductions.length !== step.outputs.length)
    fail('a tape stores another number of outputs');
  const first = reductions.find((reduction) => reduction !== undefined);
  step.outputs.forEach((output, i) => {
    const reduction = reductions[i];
    if (sizeOfShape(output.shape) * (reduction?.length ?? 1) !== sizeOfShape(space))
      fail('an output has another size than the space');
    if (reduction !== undefined && !sameForm(reduction, first!)) fail('a tape has reductions of two forms');
    if (dtypeOf(outputs[i]!) !== output.dtype) fail('an output has another dtype than its operand');
  });
};
