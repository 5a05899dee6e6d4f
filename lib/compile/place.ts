// place: which device each operation asks for, and TensorFlow's error where there is none such.
import { formatDevice, parseDevice } from '../core/device.js';
import { InvalidArgumentError } from '../core/errors.js';
import { place as placeOf } from './facts.js';
import type { Program } from './program.js';

const CPU_ONLY = ['/job:localhost/replica:0/task:0/device:CPU:0'];

/** Checks every explicit device of a program against the machine's. InvalidArgumentError unless soft placement is allowed. */
export const place = (
  program: Program,
  allowSoftPlacement: boolean,
  devices: readonly string[] = CPU_ONLY,
): Program => {
  if (allowSoftPlacement) return program;
  for (const node of program.nodes) {
    if (node.row === undefined || node.op.device === '') continue;
    const spec = parseDevice(node.op.device);
    const isHere = devices.some((name) => {
      const own = parseDevice(name);
      return (['job', 'replica', 'task', 'type', 'index'] as const).every(
        (part) => (spec[part] ?? own[part]) === own[part],
      );
    });
    if (isHere) continue;
    throw new InvalidArgumentError(
      `Cannot assign a device for operation ${node.op.name}: {{node ${node.op.name}}} was explicitly assigned to ${formatDevice(spec)} but available devices are [ ${devices.join(', ')} ]. Make sure the device specification refers to a valid device.`,
      placeOf(node.op),
    );
  }
  return program;
};
