// What the engine reports ({code, node, text}) as a typed error with the operation, its shapes and the user's lines.
import type { Stage } from '../compile/stage.js';
import { GrafoError, OpError, opErrorFromCode } from '../core/errors.js';
import type { Graph, Operation } from '../core/graph.js';
import { UserPlace } from '../core/place.js';
import type { NativeError } from './native.js';

/** TensorFlow's names of its error codes, at their numbers. */
const CODES: readonly string[] = [
  'OK',
  'CANCELLED',
  'UNKNOWN',
  'INVALID_ARGUMENT',
  'DEADLINE_EXCEEDED',
  'NOT_FOUND',
  'ALREADY_EXISTS',
  'PERMISSION_DENIED',
  'RESOURCE_EXHAUSTED',
  'FAILED_PRECONDITION',
  'ABORTED',
  'OUT_OF_RANGE',
  'UNIMPLEMENTED',
  'INTERNAL',
  'UNAVAILABLE',
  'DATA_LOSS',
  'UNAUTHENTICATED',
];

const UNINITIALIZED = 'Attempting to use uninitialized value';

const isNativeError = (error: unknown): error is NativeError =>
  error instanceof Error &&
  !(error instanceof GrafoError) &&
  typeof (error as Partial<NativeError>).code === 'string' &&
  typeof (error as Partial<NativeError>).node === 'number';

/**
 * Adds to the engine's error what only the plan's stage knows: the shapes as they were, and the tensor that took too much memory.
 * Anything else stays as it is.
 */
export const informed = <E>(stage: Stage, error: E): E => {
  if (!isNativeError(error) || error.shapes !== undefined) return error;
  if (error.code === 'RESOURCE_EXHAUSTED' && error.node <= 0) {
    const large = stage.largest();
    if (large !== undefined) {
      error.node = large.op.id;
      error.message = `OOM when allocating tensor with shape[${large.shape.join(',')}] and type ${large.dtype.cName}: ${error.message}`;
    }
  }
  error.shapes = stage.shapesOf(error.node);
  return error;
};

/** Operations are numbered from 1 in creation order. */
const operationOf = (graph: Graph, id: number): Operation | undefined => {
  const found = graph.getOperations()[id - 1];
  return found?.id === id ? found : graph.getOperations().find((op) => op.id === id);
};

const shapesOf = (op: Operation): string | undefined =>
  op.inputs.length === 0
    ? undefined
    : op.inputs
        .slice(0, 8)
        .map((input) => `${input.op.name} ${input.shape.toBrackets()}`)
        .join(', ');

/**
 * The typed error for what a run threw; anything that is not the engine's stays as it is.
 *
 * @param runFrom the user's line of an async run; by default the one on the stack now.
 */
export const typedError = (graph: Graph, error: unknown, runFrom?: UserPlace): unknown => {
  // Of one that tells no operation (a limit that was reached) an async run's line is told too.
  if (error instanceof OpError && error.runFrom === undefined && (error.node ?? runFrom) !== undefined)
    return withLine(error, runFrom);
  if (!isNativeError(error)) return error;
  const op = error.node > 0 ? operationOf(graph, error.node) : undefined;
  // The engine knows numbers, not names.
  const text =
    error.message === UNINITIALIZED && op !== undefined ? `${UNINITIALIZED} ${op.name}` : named(graph, error);
  const made: OpError = opErrorFromCode(CODES.indexOf(error.code), text, {
    op: op?.type,
    node: op?.name,
    shapes: error.shapes ?? (op === undefined ? undefined : shapesOf(op)),
    createdAt: op?.place.toString() || undefined,
    runFrom: (runFrom ?? new UserPlace()).toString() || undefined,
    // A wrong feed is blamed on the operation that it is given for.
    fed: op !== undefined && /^(A feed|A typed array|The typed array)\b/.test(text) ? op.name : undefined,
  });
  return made;
};

/** An error of too little memory with the names of the operations that hold it: the engine's `{12}` is operation 12. */
const named = (graph: Graph, { code, message }: NativeError): string =>
  code !== 'RESOURCE_EXHAUSTED'
    ? message
    : message.replace(/\{(\d+)\}/g, (_, id) => `'${operationOf(graph, Number(id))?.name ?? `operation ${id}`}'`);

/** What the compiler refused, with the line that ran it. */
const withLine = (error: OpError, runFrom: UserPlace | undefined): OpError => {
  const { code, text, op, node, shapes, createdAt, fed, stack, cause } = error;
  const line = (runFrom ?? new UserPlace()).toString() || undefined;
  const made = opErrorFromCode(CODES.indexOf(code), text, { op, node, shapes, createdAt, runFrom: line, fed });
  if (cause !== undefined) made.cause = cause;
  made.stack = `${made.name}: ${made.message}${/\n {4}at [\s\S]*$/.exec(stack ?? '')?.[0] ?? ''}`;
  return made;
};
