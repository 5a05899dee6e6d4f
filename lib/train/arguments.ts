// Arguments of optimizers.
import { GraphTypeError } from '../core/errors.js';

/** An argument that must be there; TypeError with Python's words where it is not. */
export const required = <T>(what: string, name: string, value: T | undefined): T => {
  if (value === undefined) throw new GraphTypeError(`${what} missing required argument: '${name}'`);
  return value;
};
