// Arguments of optimizers: TensorFlow's positional ones may be given by name too, in one object.
import { GraphTypeError } from '../core/errors.js';
import { checkOptions, type OptionNames } from '../core/options.js';
import { isOptions } from '../ops/reduce.js';

/**
 * The options with the positional arguments among them; an options object in a positional argument's place gives its own entries.
 *
 * @param what whose arguments they are, and `names` what there is.
 * @param options the trailing options object.
 * @param positional the positional arguments by name, in order.
 */
export const withNamed = <O extends object>(
  what: string,
  names: OptionNames<O>,
  options: O,
  positional: Readonly<Record<string, unknown>>,
): Readonly<O> => {
  const given: Record<string, unknown> = { ...(options as Record<string, unknown>) };
  for (const [name, value] of Object.entries(positional)) {
    if (value === undefined) continue;
    if (isOptions<Record<string, unknown>>(value)) Object.assign(given, value);
    else given[name] = value;
  }
  checkOptions(what, given, names);
  return given as O;
};

/** An argument that must be there; TypeError with Python's words where it is not. */
export const required = <T>(what: string, name: string, value: T | undefined): T => {
  if (value === undefined) throw new GraphTypeError(`${what} missing required argument: '${name}'`);
  return value;
};
