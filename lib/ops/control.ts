// Ops that act or order others: noOp, group, tuple, and the checks (checkNumerics, Assert, Print).
import { convertToTensor, type TensorLike, tensorOf } from '../core/convert.js';
import { defineOp, type Named } from '../core/defineOp.js';
import { FLOATS } from '../core/dtype.js';
import { GraphTypeError, ValueError } from '../core/errors.js';
import { getDefaultGraph, Operation, Tensor } from '../core/graph.js';
import { IndexedSlices } from '../core/indexedSlices.js';
import { nameIn, type OptionNames, optionsOf } from '../core/options.js';
import { identity } from './array.js';
import { colocateWith, controlDependencies, opScope } from './scopes.js';
import { needRank, sameShape } from './shapeRules.js';

const noOpOp = defineOp('NoOp', {
  inputs: {},
  outputs: {},
  shape: () => [],
  grad: 'none',
  lower: 'nothing',
});

const checkNumericsOp = defineOp('CheckNumerics', {
  inputs: { tensor: 'T' },
  outputs: { output: 'T' },
  attrs: { T: { type: 'type', allowed: FLOATS }, message: { type: 'string' } },
  shape: sameShape,
  grad: ([dy], view) => ({
    tensor: checkNumerics(
      dy!,
      `Not a number (NaN) or infinity (Inf) values detected in gradient. ${view.attr<string>('message')}`,
    ),
  }),
  // TensorFlow does not call it stateful, but its optimizers keep it where only a control dependency asks for it.
  stateful: true,
  lower: (c) => c.kernel('CheckNumerics', c.inputs, c.outputs, (words) => words.symbol(c.attr<string>('message'))),
});

const assertOp = defineOp('Assert', {
  inputs: { condition: 'bool', data: '...T' },
  outputs: {},
  attrs: { T: { type: 'list(type)', minimum: 1 }, summarize: { type: 'int', default: 3 } },
  shape: (c) => {
    if (c.planning === true) needRank(c.shape('condition'), 0);
    return [];
  },
  grad: 'none',
  lower: (c) => {
    // Where a string is among them the step is the host's, which prints every dtype: it needs no text to go with the step.
    c.kernel('Assert', [c.input('condition'), ...c.list('data')], [], (words) =>
      words.i32(c.attr<number>('summarize'), -1),
    );
  },
  stateful: true,
});

const printOp = defineOp('Print', {
  inputs: { input: 'T', data: '...U' },
  outputs: { output: 'T' },
  attrs: {
    T: { type: 'type' },
    U: { type: 'list(type)' },
    message: { type: 'string', default: '' },
    first_n: { type: 'int', default: -1 },
    summarize: { type: 'int', default: 3 },
  },
  shape: (c) => [c.inputs[0]!],
  grad: ([dy], { inputs }) => ({ input: dy!, data: inputs.data.map(() => null) }),
  lower: (c) => {
    c.kernel('Print', c.list('data'), [], (words) =>
      words.symbol(c.attr<string>('message')).i32(c.attr<number>('summarize'), c.attr<number>('first_n')).state(),
    );
    c.alias(0, c.input('input'));
  },
  stateful: true,
});

/**
 * An operation that does nothing: something to wait for, or to hang dependencies on.
 *
 * @example tf.noOp().type // 'NoOp'
 */
export const noOp = (options: Named = {}): Operation => noOpOp({}, {}, options);

/** What can be waited for. */
export type Dependency = Operation | Tensor | { readonly op: Operation };
const opOf = (item: Dependency): Operation => (item instanceof Operation ? item : item.op);
const deviceOf = (item: unknown): string => {
  if (item instanceof Operation || item instanceof Tensor) return item.device;
  const op = (item as { readonly op?: Operation } | null)?.op;
  if (op instanceof Operation) return op.device;
  throw new GraphTypeError(
    `Expected tf.group() expected Tensor arguments not '${String(item)}' with type '${item === null ? 'null' : typeof item}'`,
  );
};

type Inputs = Dependency | readonly Inputs[];
const flat = (inputs: readonly (Inputs | Named)[]): Dependency[] =>
  inputs.flatMap((item): Dependency[] =>
    Array.isArray(item) ? flat(item as readonly Inputs[]) : [item as Dependency],
  );

/**
 * One operation that is done when all of its inputs are: operations, tensors, variables or lists of them.
 *
 * @param inputs what to wait for; last, the options.
 * @example tf.group(tf.noOp(), tf.noOp()).controlInputs.length // 2
 */
export const group = (...inputs: readonly (Inputs | Named)[]): Operation => {
  const last = inputs.at(-1);
  const named = isNamed(last) ? last : {};
  const items = flat(isNamed(last) ? inputs.slice(0, -1) : inputs);
  const graph = items[0] === undefined ? getDefaultGraph() : (opOf(items[0])?.graph ?? getDefaultGraph());
  return graph.asDefault(() =>
    opScope(nameIn(named, 'group'), 'group_deps', [], (scope) => {
      const byDevice = new Map<string, Dependency[]>();
      for (const item of items) {
        const device = deviceOf(item);
        byDevice.set(device, [...(byDevice.get(device) ?? []), item]);
      }
      const gate = (device: string, deps: readonly Dependency[], name?: string): Operation =>
        controlDependencies(deps, () => graph.device(device, () => noOp({ name })));
      if (byDevice.size === 0) return noOp({ name: scope });
      const devices = [...byDevice.keys()].sort();
      if (devices.length === 1) return gate(devices[0]!, byDevice.get(devices[0]!)!, scope);
      const gates = devices.map((device) => gate(device, byDevice.get(device)!));
      return controlDependencies(gates, () => noOp({ name: scope }));
    }),
  );
};

const isNamed = (value: unknown): value is Named =>
  typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype && !('op' in value);

/** Options of `tuple`. */
export interface TupleOptions extends Named {
  /** What else to wait for. */
  readonly controlInputs?: readonly Dependency[] | undefined;
}
const TUPLE: OptionNames<TupleOptions> = { name: true, controlInputs: true };

/** A list, or what takes one says so. */
const asList = <T>(value: readonly T[], what: string): readonly T[] => {
  if (!Array.isArray(value)) throw new GraphTypeError(`${what} takes a list, not ${typeof value}`);
  return value;
};

/**
 * The same tensors, none of which can be used before all of them are ready; null stays null.
 *
 * @example tf.tuple([tf.constant(1), tf.constant(2)]).length // 2
 */
export const tuple = <E extends Tensor | IndexedSlices | Operation | null>(
  tensors: readonly E[],
  options: TupleOptions = {},
): E[] =>
  opScope(
    nameIn(options, 'tuple', TUPLE),
    'tuple',
    asList(tensors, 'tf.tuple').map((item) =>
      item instanceof Operation || item === null ? undefined : (item as Tensor | IndexedSlices),
    ),
    () => {
      const gates = new Set<Operation>();
      for (const item of [...tensors, ...(options.controlInputs ?? [])])
        if (item !== null) gates.add(opOf(item as Dependency));
      if (gates.size === 0) throw new ValueError(`Must have at least one Tensor: [${tensors.join(', ')}]`);
      const gate = group(...[...gates].sort((a, b) => a.id - b.id));
      return tensors.map((item): E => {
        if (item === null) return item;
        if (item instanceof Operation) return controlDependencies([gate], () => group(item)) as E;
        return withDependencies([gate], item as Tensor | IndexedSlices) as E;
      });
    },
  );

/** A tensor that is only there once `dependencies` are done. */
export const withDependencies = <E extends Tensor | IndexedSlices>(
  dependencies: readonly Dependency[],
  output: E,
  options: Named = {},
): E =>
  opScope(nameIn(options, 'control_dependency'), 'control_dependency', [output], (scope) =>
    colocateWith(output.op, () =>
      controlDependencies(dependencies, () => {
        if (output instanceof IndexedSlices) {
          return new IndexedSlices(identity(output.values, { name: scope }), output.indices, output.denseShape) as E;
        }
        return identity(output, { name: scope }) as E;
      }),
    ),
  );

/**
 * The same tensor; running it fails where an element is NaN or infinite: INVALID_ARGUMENT "MESSAGE : Tensor had Inf and NaN values".
 *
 * @example tf.checkNumerics([1, 2], 'cost') // [1, 2]
 */
export const checkNumerics = (tensor: TensorLike, message: string, options: Named = {}): Tensor =>
  checkNumericsOp({ tensor }, { message }, options).output;

/** Options of `assert`. */
export interface AssertOptions extends Named {
  /** How many elements of each tensor an error shows; 3 by default. */
  readonly summarize?: number | undefined;
}
const ASSERT: OptionNames<AssertOptions> = { name: true, summarize: true };

/**
 * An operation that fails where the condition does not hold: INVALID_ARGUMENT "assertion failed: [...]". Something has to wait for it.
 *
 * @param data tensors to show; a text first is what the error begins with.
 * @example tf.Assert(true, ['all is well']).type // 'Assert'
 */
export const Assert = (condition: TensorLike, data: readonly TensorLike[], options: AssertOptions = {}): Operation =>
  opScope(nameIn(options, 'Assert', ASSERT), 'Assert', [condition, data], () => {
    // TensorFlow converts the data once to look at the dtypes, and again for the operation.
    for (const item of asList(data, 'tf.Assert')) if (tensorOf(item) === undefined) convertToTensor(item);
    return assertOp({ condition, data }, { summarize: options.summarize }, { name: 'Assert' });
  });

/** Options of `Print`. */
export interface PrintOptions extends Named {
  /** What the line begins with. */
  readonly message?: string | undefined;
  /** Prints only the first n times. */
  readonly firstN?: number | undefined;
  /** How many elements of each tensor are shown; 3 by default. */
  readonly summarize?: number | undefined;
}
const PRINT: OptionNames<PrintOptions> = { name: true, message: true, firstN: true, summarize: true };

/**
 * The same tensor; running it prints `data` on standard error.
 *
 * @example tf.Print([1, 2], [], { message: 'here' }) // [1, 2]
 */
export const Print = (input: TensorLike, data: readonly TensorLike[], options: PrintOptions = {}): Tensor =>
  printOp({ input, data }, printAttrs(optionsOf('Print', PRINT, options)), { name: options.name }).output;
const printAttrs = ({ message, firstN, summarize }: PrintOptions) => ({ message, first_n: firstN, summarize });
