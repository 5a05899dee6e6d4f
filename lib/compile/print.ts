// print: a plan as people read it: a line per step, what was fused, where buffers lie, what memory it takes.
import { REDUCERS } from '../core/lowering.js';
import type { MemoryPlan } from './memory.js';
import type { PlanValue, Step, StepProgram, Storage, TapeCode } from './steps.js';

const shapeText = (value: PlanValue): string =>
  `${value.dtype.name}[${value.shape.join(',')}]${value.dynamic ? '?' : ''}`;

/** Bytes with a unit: `12.5 KB`. */
export const bytesText = (bytes: number): string => {
  if (bytes < 1024) return `${bytes} B`;
  const units = ['KB', 'MB', 'GB', 'TB'];
  const power = Math.min(Math.floor(Math.log2(bytes) / 10), units.length);
  return `${(bytes / 1024 ** power).toFixed(1)} ${units[power - 1]}`;
};

/** A step's kernel and what was fused into it: `Fused(Add Relu)`, `Fused(Exp Add | Sum)` with a reduction, `FusedBatch x6 (Mul Sub)`, `MatMulFused(Add Relu)`, `FusedRows(Mean, Sub Square | Mean)`. */
export const labelOf = ({ kernel, tape, batch, rows }: Step): string => {
  if (rows !== undefined)
    return `${kernel}(${rows.parts.map((part) => codeOf(part.tape).replace('Copy | ', '')).join(', ')})`;
  if (batch !== undefined)
    return `${kernel} x${batch.sizes.length} (${batch.instructions.map(({ functor }) => functor).join(' ')})`;
  if (tape === undefined || kernel === 'Copy') return kernel;
  return `${kernel}(${codeOf(tape)})`;
};
const codeOf = ({ instructions, reductions }: TapeCode): string => {
  const ends = reductions.flatMap((reduction) => (reduction === undefined ? [] : [REDUCERS[reduction.op]]));
  const code = instructions.map(({ functor }) => functor).join(' ') || 'Copy';
  return `${code}${ends.length === 0 ? '' : ` | ${ends.join(' ')}`}`;
};

const hasStrings = ({ inputs, outputs }: Step): boolean =>
  [...inputs, ...outputs].some(({ dtype }) => dtype.kind === 'string');

/** Whether the device has no kernel for a step, so that the CPU runs it. */
export const isLeftToCpu = (step: Step, deviceKernels: ReadonlySet<string> | undefined): boolean =>
  deviceKernels !== undefined && (!deviceKernels.has(step.kernel) || hasStrings(step));

/** One line a step. It says where a device leaves a step to the CPU. */
export const print = (program: StepProgram, memory: MemoryPlan, deviceKernels?: ReadonlySet<string>): string => {
  const names = new Map<Storage, string>();
  const name = (value: PlanValue): string => {
    const { storage } = value;
    if (storage.kind === 'variable') return `${storage.variable.op.name}@${value.version}`;
    let text = names.get(storage);
    if (text === undefined) {
      text =
        storage.kind === 'feed'
          ? `feed${storage.index}`
          : storage.kind === 'constant'
            ? `const${names.size}`
            : `t${names.size}`;
      names.set(storage, text);
    }
    return storage.kind === 'arena' ? `${text}+${storage.offset}` : text;
  };
  const operand = (value: PlanValue): string => `${name(value)} ${shapeText(value)}`;
  let moved = 0;
  const lines = program.steps.map((step, i) => {
    for (const value of [...step.inputs, ...step.outputs])
      moved += value.dtype.size * value.shape.reduce((size, dim) => size * dim, 1);
    const head = `${String(i).padStart(3)}  ${labelOf(step)}${isLeftToCpu(step, deviceKernels) ? ' on the CPU' : ''}`;
    return `${head}  ${step.outputs.map(operand).join(', ')} <- ${step.inputs.map(operand).join(', ')}  '${step.op.name}'`;
  });
  const fetched = program.fetches.map(operand).join(', ');
  return [
    `plan: ${program.steps.length} steps, arena ${bytesText(memory.arenaBytes)} (${bytesText(memory.unsharedBytes)} without reuse), ${bytesText(moved)} moved`,
    ...lines,
    ...(fetched === '' ? [] : [`  fetch  ${fetched}`]),
  ].join('\n');
};
