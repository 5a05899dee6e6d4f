// Device strings: `/job:worker/replica:0/task:1/device:GPU:0`, their parts, and how nested scopes merge.
import { ValueError } from './errors.js';

/** The parts of a device string; what is absent is undefined. */
export interface DeviceSpec {
  readonly job?: string;
  readonly replica?: number;
  readonly task?: number;
  readonly type?: string;
  readonly index?: number;
}

/** Parses a device string whole; ValueError for a part TensorFlow would not know: `parseDevice('/gpu:0').type // 'GPU'`. */
export const parseDevice = (text: string): DeviceSpec => {
  const spec: { job?: string; replica?: number; task?: number; type?: string; index?: number } = {};
  for (const part of text.split('/').filter((piece) => piece !== '')) {
    const fields = part.split(':');
    const [key, value, index] = [fields[0]!.toLowerCase(), fields[1], fields[2]];
    const number = (digits: string | undefined): number => {
      if (digits === undefined || !/^\d+$/.test(digits))
        throw new ValueError(`Unknown attribute: '${part}' in '${text}'`);
      return Number(digits);
    };
    if (key === 'job' && fields.length === 2 && value !== '') spec.job = value!;
    else if (key === 'replica' && fields.length === 2) spec.replica = number(value);
    else if (key === 'task' && fields.length === 2) spec.task = number(value);
    else if ((key === 'cpu' || key === 'gpu') && fields.length <= 2) {
      if (spec.type !== undefined) throw new ValueError(`Cannot specify multiple device types: ${text}`);
      spec.type = key.toUpperCase();
      if (value !== undefined && value !== '*') spec.index = number(value);
    } else if (key === 'device' && fields.length === 3) {
      if (spec.type !== undefined) throw new ValueError(`Cannot specify multiple device types: ${text}`);
      spec.type = value!.toUpperCase();
      if (index !== '*') spec.index = number(index);
    } else throw new ValueError(`Unknown attribute: '${fields[0]}' in '${text}'`);
  }
  return spec;
};

/** The canonical string of a spec; '' for an empty one. */
export const formatDevice = (spec: DeviceSpec): string =>
  [
    spec.job === undefined ? '' : `/job:${spec.job}`,
    spec.replica === undefined ? '' : `/replica:${spec.replica}`,
    spec.task === undefined ? '' : `/task:${spec.task}`,
    spec.type === undefined ? '' : `/device:${spec.type}:${spec.index ?? '*'}`,
  ].join('');

/** An inner scope's string over the outer one's: what the inner one says wins, part by part. */
export const mergeDevices = (outer: string, inner: string): string => {
  if (outer === '') return formatDevice(parseDevice(inner));
  const [a, b] = [parseDevice(outer), parseDevice(inner)];
  // A type and its index belong together.
  const { type: _type, index: _index, ...rest } = a;
  return formatDevice(b.type === undefined ? { ...a, ...b } : { ...rest, ...b });
};
