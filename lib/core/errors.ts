// Every error grafo throws: TensorFlow's op errors by code, and Python's ValueError, TypeError and RuntimeError by name.

/** TensorFlow's error codes by name; the numbers are those of `error_codes.proto`. */
export type ErrorCode =
  | 'CANCELLED'
  | 'UNKNOWN'
  | 'INVALID_ARGUMENT'
  | 'DEADLINE_EXCEEDED'
  | 'NOT_FOUND'
  | 'ALREADY_EXISTS'
  | 'PERMISSION_DENIED'
  | 'RESOURCE_EXHAUSTED'
  | 'FAILED_PRECONDITION'
  | 'ABORTED'
  | 'OUT_OF_RANGE'
  | 'UNIMPLEMENTED'
  | 'INTERNAL'
  | 'UNAVAILABLE'
  | 'DATA_LOSS'
  | 'UNAUTHENTICATED';

/** Where an error belongs: the operation's type and name and the user's lines. */
export interface ErrorPlace {
  /** Type of the operation, e.g. `MatMul`. */
  op?: string | undefined;
  /** Name of the operation, e.g. `layer1/MatMul`. */
  node?: string | undefined;
  /** The user's line that created the operation, e.g. `train.ts:41:18 (buildModel)`. */
  createdAt?: string | undefined;
  /** The user's line that ran it. */
  runFrom?: string | undefined;
  /** Shapes of the operation's inputs, e.g. `x [32,784], W [512,10]`. */
  shapes?: string | undefined;
  /** What a wrong feed was given for, e.g. `x:0`. */
  fed?: string | undefined;
}

/**
 * The base of every error grafo throws. `code` is TensorFlow's, `text` the message without grafo's location lines.
 *
 * @example new tf.errors.ValueError('no such shape') instanceof tf.GrafoError // true
 */
export class GrafoError extends Error {
  readonly code: ErrorCode;
  readonly text: string;
  readonly op: string | undefined;
  readonly node: string | undefined;
  readonly createdAt: string | undefined;
  readonly runFrom: string | undefined;
  readonly shapes: string | undefined;
  readonly fed: string | undefined;

  constructor(text: string, code: ErrorCode, place: ErrorPlace = {}) {
    const lines = [
      place.fed === undefined || text.includes(`'${place.fed}'`) ? '' : `fed for '${place.fed}'`,
      place.shapes === undefined ? '' : `${place.op} '${place.node}' of ${place.shapes}`,
      place.createdAt === undefined ? '' : `created at ${place.createdAt}`,
      place.runFrom === undefined ? '' : `run from ${place.runFrom}`,
    ].filter((line) => line !== '');
    super(lines.length === 0 ? text : `${text}\n  ${lines.join('   ')}`);
    this.code = code;
    this.text = text;
    this.op = place.op;
    this.node = place.node;
    this.createdAt = place.createdAt;
    this.runFrom = place.runFrom;
    this.shapes = place.shapes;
    this.fed = place.fed;
  }
  override get name(): string {
    return 'GrafoError';
  }
}

/** A wrong value: a shape, an attribute, a graph that does not fit (Python's `ValueError`). */
export class ValueError extends GrafoError {
  constructor(text: string, place: ErrorPlace = {}) {
    super(text, 'INVALID_ARGUMENT', place);
  }
  override get name(): string {
    return 'ValueError';
  }
}

/** A value of the wrong type (Python's `TypeError`; `instanceof TypeError` of JavaScript does not hold, `name` is the same). */
export class GraphTypeError extends GrafoError {
  constructor(text: string, place: ErrorPlace = {}) {
    super(text, 'INVALID_ARGUMENT', place);
  }
  override get name(): string {
    return 'TypeError';
  }
}

/** An object in the wrong state: a closed session, a finalized graph (Python's `RuntimeError`). */
export class RuntimeError extends GrafoError {
  constructor(text: string, place: ErrorPlace = {}) {
    super(text, 'FAILED_PRECONDITION', place);
  }
  override get name(): string {
    return 'RuntimeError';
  }
}

/** Something asked for by name that is not there (Python's `LookupError` and `KeyError`). */
export class LookupError extends GrafoError {
  constructor(text: string, place: ErrorPlace = {}) {
    super(text, 'NOT_FOUND', place);
  }
  override get name(): string {
    return 'LookupError';
  }
}

/** An error of an operation while the graph runs. One subclass per code, as in `tf.errors`. */
export class OpError extends GrafoError {
  /** Of its code: a minified program has other names for classes. */
  override get name(): string {
    return `${this.code.toLowerCase().replaceAll(/(?:^|_)([a-z])/g, (_, letter: string) => letter.toUpperCase())}Error`;
  }
}

// Its type is written out: else every class brings Error's static members, and with them Node's types, into the declarations.
const opError = (code: ErrorCode): (new (text: string, place?: ErrorPlace) => OpError) =>
  class extends OpError {
    constructor(text: string, place: ErrorPlace = {}) {
      super(text, code, place);
    }
  };

/** A run that was ended: by its `signal`, by `session.close()`, or with the worker it ran in. */
export class CancelledError extends opError('CANCELLED') {}
/** TensorFlow's error for an error that no other code fits; grafo has it for programs that ask for it, and throws none. */
export class UnknownError extends opError('UNKNOWN') {}
/** Values or shapes of a run that an operation cannot take: a feed of the wrong shape, an index out of range, a placeholder that was not fed. */
export class InvalidArgumentError extends opError('INVALID_ARGUMENT') {}
/** A run that took longer than its `timeoutMs`. */
export class DeadlineExceededError extends opError('DEADLINE_EXCEEDED') {}
/** A library that does not have what it was named for (`GRAFO_BLAS`), or is not there. */
export class NotFoundError extends opError('NOT_FOUND') {}
/** TensorFlow's error for something that was to be made and is there already; grafo has it for programs that ask for it, and throws none. */
export class AlreadyExistsError extends opError('ALREADY_EXISTS') {}
/** TensorFlow's error for something the caller may not do; grafo has it for programs that ask for it, and throws none. */
export class PermissionDeniedError extends opError('PERMISSION_DENIED') {}
/** Memory that is not there, or that the session's `memoryBytes` does not allow; the message tells how much was asked for. */
export class ResourceExhaustedError extends opError('RESOURCE_EXHAUSTED') {}
/** A state that does not allow the run: a variable that is read before it is initialized. */
export class FailedPreconditionError extends opError('FAILED_PRECONDITION') {}
/** TensorFlow's error for work that was given up, often because of other work; grafo has it for programs that ask for it, and throws none. */
export class AbortedError extends opError('ABORTED') {}
/** TensorFlow's error for an end that was passed; grafo has it for programs that ask for it, and throws none. */
export class OutOfRangeError extends opError('OUT_OF_RANGE') {}
/** An operation or dtype that the engine or the device does not have. */
export class UnimplementedError extends opError('UNIMPLEMENTED') {}
/** A fault of grafo itself: a plan that its own checks refuse. Please report it. */
export class InternalError extends opError('INTERNAL') {}
/** The engine, or a GPU, that cannot be had here; the message tells why, as `npx grafo doctor` does. */
export class UnavailableError extends opError('UNAVAILABLE') {}
/** TensorFlow's error for data that is lost or damaged; grafo has it for programs that ask for it, and throws none. */
export class DataLossError extends opError('DATA_LOSS') {}
/** TensorFlow's error for a caller without credentials; grafo has it for programs that ask for it, and throws none. */
export class UnauthenticatedError extends opError('UNAUTHENTICATED') {}

const BY_NUMBER = [
  UnknownError,
  CancelledError,
  UnknownError,
  InvalidArgumentError,
  DeadlineExceededError,
  NotFoundError,
  AlreadyExistsError,
  PermissionDeniedError,
  ResourceExhaustedError,
  FailedPreconditionError,
  AbortedError,
  OutOfRangeError,
  UnimplementedError,
  InternalError,
  UnavailableError,
  DataLossError,
  UnauthenticatedError,
] as const;

/** The op error for a code of `error_codes.proto`, as the engine reports it: `tf.errors.opErrorFromCode(3, 'bad').code // 'INVALID_ARGUMENT'`. */
export const opErrorFromCode = (code: number, text: string, place: ErrorPlace = {}): OpError =>
  new (BY_NUMBER[code] ?? UnknownError)(text, place);
