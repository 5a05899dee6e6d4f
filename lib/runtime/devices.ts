// Which device a session runs on: decided once, when it is opened.
import { parseDevice } from '../core/device.js';
import { GraphTypeError, InvalidArgumentError, ValueError } from '../core/errors.js';
import type { Graph } from '../core/graph.js';
import { checkOptions, type OptionNames } from '../core/options.js';
import { typeName } from './fetches.js';
import { type Native, native } from './native.js';

/** A device as `listDevices` tells it. */
export interface DeviceInfo {
  readonly name: string;
  readonly deviceType: 'CPU' | 'GPU';
  readonly memoryLimitBytes: number;
}

/** What a session asks of its GPU. A session on the CPU checks it and ignores it. */
export interface GpuOptions {
  /** Most bytes of the GPU's memory that the session may take; by default what there is. More is RESOURCE_EXHAUSTED. */
  readonly memory?: number | undefined;
  /**
   * What products of float32 matrices may be computed in. 'float32', the default, is exact; 'tf32' and 'bf16' let the GPU round their factors
   * to 11 and 8 bits, where it is faster so. Sums are kept in float32, and other dtypes and operations are as ever.
   */
  readonly precision?: 'float32' | 'tf32' | 'bf16' | undefined;
}

const GPU: OptionNames<GpuOptions> = { memory: true, precision: true };
const PRECISIONS: readonly unknown[] = ['float32', 'tf32', 'bf16'];

/** The option `gpu` of a session as the engine takes it; typed errors for what it cannot be. */
export const gpuOptions = (given: GpuOptions | undefined): { gpuMemory: number; gpuPrecision: number } => {
  if (given === undefined) return { gpuMemory: 0, gpuPrecision: 0 };
  if (typeof given !== 'object' || given === null || Array.isArray(given))
    throw new GraphTypeError(`gpu takes an object of options, not ${typeName(given)}`);
  checkOptions('Session: gpu', given, GPU);
  const { memory, precision = 'float32' } = given;
  if (memory !== undefined && typeof memory !== 'number')
    throw new GraphTypeError(`gpu.memory takes a number of bytes, not ${typeName(memory)}`);
  if (memory !== undefined && !(Number.isSafeInteger(memory) && memory > 0))
    throw new ValueError(`gpu.memory takes a whole number of bytes above 0, not ${memory}`);
  if (typeof precision !== 'string')
    throw new GraphTypeError(`gpu.precision takes a string, not ${typeName(precision)}`);
  const gpuPrecision = PRECISIONS.indexOf(precision);
  if (gpuPrecision < 0)
    throw new ValueError(`gpu.precision is 'float32', 'tf32' or 'bf16', not '${String(precision)}'`);
  return { gpuMemory: memory ?? 0, gpuPrecision };
};

/** The beginning of a device's full name in this process. */
const HERE = '/job:localhost/replica:0/task:0/device:';
/** A graph whose variables and constants hold fewer elements gains nothing on a GPU: a launch costs more than its steps. */
const WORTH_ELEMENTS = 1 << 18;

type Gpu = ReturnType<Native['gpu']>;
let known: Gpu | undefined;

/** The GPU of this machine, or why there is none: asked once a process. */
export const findGpu = (): Gpu => (known ??= native().gpu());

/** The kernels that run on it. */
export const gpuKernels = (): ReadonlySet<string> => {
  const gpu = findGpu();
  return new Set('reason' in gpu ? [] : gpu.kernels);
};

const isGpu = (device: string): boolean => device !== '' && parseDevice(device).type === 'GPU';

/**
 * Whether a session runs on the GPU. `option` is what it was opened with, else GRAFO_DEVICE: a device string, or undefined for the GPU
 * where there is one, and the graph asks for it or is large.
 *
 * @throws InvalidArgumentError where a GPU is asked for and there is none, unless soft placement is allowed.
 */
export const choosesGpu = (graph: Graph, option: string | undefined, allowSoftPlacement: boolean): boolean => {
  const asked = option ?? (process.env.GRAFO_DEVICE || undefined);
  if (asked !== undefined) {
    const spec = parseDevice(asked);
    if (spec.type !== 'CPU' && spec.type !== 'GPU')
      throw new ValueError(`A session runs on '/cpu:0' or '/gpu:0', not '${asked}'`);
    if (spec.type === 'CPU') return false;
    const gpu = findGpu();
    if (!('reason' in gpu) && (spec.index ?? 0) === 0) return true;
    if (allowSoftPlacement) return false;
    const why = 'reason' in gpu ? gpu.reason : `only ${HERE}GPU:0 is here`;
    throw new InvalidArgumentError(`Cannot run a session on ${asked}: ${why}`);
  }
  const placed = graph.getOperations().some(({ device }) => isGpu(device));
  if (!placed && weightOf(graph) < WORTH_ELEMENTS) return false;
  return !('reason' in findGpu());
};

/** Elements of the graph's variables and constants, as far as their shapes are known. */
const weightOf = (graph: Graph): number => {
  let elements = 0;
  for (const op of graph.getOperations()) {
    if (op.type !== 'VariableV2' && op.type !== 'Const') continue;
    elements += op.outputs[0]?.shape.numElements ?? 0;
    if (elements >= WORTH_ELEMENTS) break;
  }
  return elements;
};

/** Full names of the devices of a session. */
export const deviceNames = (onGpu: boolean): readonly string[] =>
  onGpu ? [`${HERE}CPU:0`, `${HERE}GPU:0`] : [`${HERE}CPU:0`];
