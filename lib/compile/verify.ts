// verify: what must hold of the steps after every pass; a broken pass is an InternalError here, never a wrong number later.
import { InternalError } from '../core/errors.js';
import { EPILOGUE, tapeInputs } from './epilogue.js';
import {
  bytesOf,
  type PlanValue,
  type Reduction,
  type RowsOperand,
  type Step,
  type StepProgram,
  type Storage,
  sameForm,
  sizeOfShape,
  type TapeCode,
} from './steps.js';

/** Throws InternalError naming the pass where the steps are not well formed. */
export const verifySteps = (program: StepProgram, pass: string): void => {
  const fail = (step: Step | undefined, what: string): never => {
    throw new InternalError(
      `after ${pass}: ${what}${step === undefined ? '' : ` (${step.kernel} of '${step.op.name}')`}`,
    );
  };
  const written = new Set<Storage>();
  for (const step of program.steps) {
    for (const input of step.inputs) if (isTooLarge(input)) fail(step, 'a value is larger than its storage');
    for (const output of step.outputs) {
      if (isTooLarge(output)) fail(step, 'a value is larger than its storage');
      if (output.storage.kind === 'constant' || output.storage.kind === 'feed')
        fail(step, `writes a ${output.storage.kind}`);
      if (output.storage.kind !== 'arena') continue;
      if (written.has(output.storage)) fail(step, 'a storage is written twice');
      written.add(output.storage);
    }
    if (step.tape !== undefined) verifyTape(step, fail);
    if (step.batch !== undefined) verifyBatch(step, fail);
    if (step.rows !== undefined) verifyRows(step, fail);
  }
  for (const step of program.steps) {
    for (const input of step.inputs) {
      if (input.storage.kind === 'arena' && !written.has(input.storage)) fail(step, 'reads what no step writes');
    }
  }
  for (const fetch of program.fetches) {
    if (fetch.storage.kind === 'arena' && !written.has(fetch.storage)) fail(undefined, 'fetches what no step writes');
  }
};

const isTooLarge = ({ dtype, shape, storage }: PlanValue): boolean => bytesOf(dtype, shape) > storage.bytes;

/** After scheduling: what a step reads has been written, and a variable holds the version that is read. */
export const verifyOrder = (program: StepProgram): void => {
  const written = new Set<Storage>();
  const versions = new Map<Storage, number>();
  const verifyVersion = ({ storage, version }: PlanValue, who: string): void => {
    if (storage.kind !== 'variable') return;
    const now = versions.get(storage) ?? version;
    versions.set(storage, now);
    if (now !== version) {
      const { name } = storage.variable.op;
      throw new InternalError(`after schedule: ${who} reads version ${version} of '${name}', which holds ${now}`);
    }
  };
  for (const step of program.steps) {
    for (const input of step.inputs) {
      if (input.storage.kind === 'arena' && !written.has(input.storage)) {
        throw new InternalError(`after schedule: ${step.kernel} of '${step.op.name}' reads what is not written yet`);
      }
      verifyVersion(input, `${step.kernel} of '${step.op.name}'`);
    }
    for (const { storage, version } of step.outputs) {
      written.add(storage);
      if (storage.kind === 'variable') versions.set(storage, version);
    }
  }
  for (const fetch of program.fetches) verifyVersion(fetch, 'a fetch');
};

/** Throws what is wrong with a step. */
type Fail = (step: Step, what: string) => never;

const verifyTape = (step: Step, fail: Fail): void => {
  const { space, outputs, reductions } = step.tape!;
  if (outputs.length !== step.outputs.length || reductions.length !== step.outputs.length)
    fail(step, 'a tape stores another number of outputs');
  verifyCode(step, step.tape!, tapeInputs(step), step.outputs, fail);
  if (step.kernel === EPILOGUE)
    for (const { storage } of step.outputs)
      if (step.inputs.slice(0, 2).some((factor) => factor.storage === storage)) fail(step, 'writes a factor');
  const size = sizeOfShape(space);
  let first: Reduction | undefined;
  for (let i = 0; i < reductions.length; i++) {
    const reduction = reductions[i];
    if (sizeOfShape(step.outputs[i]!.shape) * (reduction?.length ?? 1) !== size)
      fail(step, 'an output has another size than the space');
    if (reduction === undefined) continue;
    first ??= reduction;
    if (!sameForm(reduction, first)) fail(step, 'a tape has reductions of two forms');
  }
};

/** Each segment by itself, and that none reads or writes what another writes. */
const verifyBatch = (step: Step, wrong: Fail): void => {
  const fail = (what: string): never => wrong(step, what);
  const { shared, scalars, sizes, outputs } = step.batch!;
  if (step.inputs.length !== shared + sizes.length * scalars.length) fail('a batch has another number of inputs');
  if (step.outputs.length !== sizes.length * outputs.length) fail('a batch has another number of outputs');
  const writers = new Map(step.outputs.map(({ storage }, i) => [storage, Math.floor(i / outputs.length)] as const));
  if (writers.size !== step.outputs.length) fail('a batch writes a storage twice');
  const common = step.inputs.slice(0, shared);
  for (const { shape, storage } of common) {
    if (sizeOfShape(shape) !== 1) fail('segments share more than a scalar');
    if (writers.has(storage)) fail('a segment writes what all read');
  }
  sizes.forEach((size, g) => {
    const own = step.inputs.slice(shared + g * scalars.length, shared + (g + 1) * scalars.length);
    const made = step.outputs.slice(g * outputs.length, (g + 1) * outputs.length);
    own.forEach(({ shape, storage }, i) => {
      if (sizeOfShape(shape) !== (scalars[i] ? 1 : size)) fail(`input ${i} of segment ${g} has another size`);
      if ((writers.get(storage) ?? g) !== g) fail(`segment ${g} reads what another writes`);
    });
    for (const { shape } of made) if (sizeOfShape(shape) !== size) fail(`an output of segment ${g} has another size`);
    verifyCode(step, step.batch!, [...common, ...own], made, wrong);
  });
};

/** Each part by itself, and that what it reads of the others' is there. */
const verifyRows = (step: Step, wrong: Fail): void => {
  const fail = (what: string): never => wrong(step, what);
  const { rows, block, locals, parts } = step.rows!;
  const own = [...step.inputs, ...step.outputs];
  const written = new Set<number>();
  /** Elements of a block. */
  const sizeOf = ({ at, byRows, dims }: RowsOperand): number => {
    const value = own[at];
    const items = value ? sizeOfShape(value.shape) / (byRows ? rows : 1) : locals[at - own.length]?.items;
    if (items !== sizeOfShape(dims)) fail(`operand ${at} has another size`);
    return items! * (byRows ? block : 1);
  };
  const typed = ({ at }: RowsOperand) => own[at] ?? locals[at - own.length]!;
  for (const { tape, inputs, outputs } of parts) {
    const size = sizeOfShape(tape.space);
    for (const input of inputs) {
      sizeOf(input);
      if (input.at >= step.inputs.length && !(input.byRows && written.has(input.at)))
        fail('a part reads what is not written');
    }
    outputs.forEach((output, i) => {
      const reduction = tape.reductions[i];
      if (output.at < step.inputs.length) fail('a part writes an input');
      if (sizeOf(output) * (reduction?.length ?? 1) !== size) fail('an output has another size than the space');
      if (output.byRows === (reduction?.byRows === false)) fail('columns go by rows');
      if (output.byRows) written.add(output.at);
    });
    verifyCode(step, tape, inputs.map(typed), outputs.map(typed), wrong);
  }
};

/** Operands come before what reads them, and have the dtypes that the code says. */
const verifyCode = (
  step: Step,
  { instructions, outputs }: Pick<TapeCode, 'instructions' | 'outputs'>,
  inputs: readonly Pick<PlanValue, 'dtype'>[],
  stored: readonly Pick<PlanValue, 'dtype'>[],
  fail: Fail,
): void => {
  const dtypeOf = (operand: number) =>
    operand < inputs.length ? inputs[operand]!.dtype : instructions[operand - inputs.length]!.result;
  for (let i = 0; i < instructions.length; i++) {
    const { functor, operand, args } = instructions[i]!;
    for (let k = 0; k < args.length; k++) {
      const arg = args[k]!;
      if (arg < 0 || arg >= inputs.length + i) fail(step, `instruction ${i} reads operand ${arg}`);
      if (functor === 'Select' && k === 0) continue;
      if (dtypeOf(arg) !== operand) fail(step, `instruction ${i} (${functor}) takes ${operand}, gets ${dtypeOf(arg)}`);
    }
  }
  for (let i = 0; i < stored.length; i++)
    if (dtypeOf(outputs[i]!) !== stored[i]!.dtype) fail(step, 'an output has another dtype than its operand');
};
