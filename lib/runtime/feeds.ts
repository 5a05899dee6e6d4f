// Feeds: from what the caller gives for placeholders (numbers, nested arrays, typed arrays, NDArrays) to bytes and a concrete shape.
import { tensorOf } from '../core/convert.js';
import type { TensorSource } from '../core/defineOp.js';
import { bool, type DataArray, type DType, type NumericArray, string } from '../core/dtype.js';
import { GrafoError, GraphTypeError, InvalidArgumentError, ValueError } from '../core/errors.js';
import { type Graph, Operation, Tensor } from '../core/graph.js';
import { IndexedSlices } from '../core/indexedSlices.js';
import type { NestedValue } from '../core/literal.js';
import { castData, NDArray, toNDArray } from '../core/ndarray.js';
import { cut } from '../core/preview.js';
import { sizeOf, TensorShape } from '../core/shape.js';
import { copyOfData, isSameMemory, plainView, tagOf } from '../core/typedArrays.js';
import { repr, typeName } from './fetches.js';

/** What is fed for a tensor. A typed array is a vector, or has the placeholder's shape where that is fully known and as large. */
export type FeedValueLike = NDArray | NumericArray | NestedValue;
/** What is fed: a tensor, a variable or a tensor's name (`x:0`). */
export type FeedKey = Tensor | TensorSource | string;
/**
 * Feeds of a run: a Map, pairs, or an object keyed by tensor name. TypeScript finds no type for a Map of values of several kinds: give pairs
 * (`[[x, batch], [rate, 0.1]]`), or say it, `new Map<tf.FeedKey, tf.FeedValueLike>([[x, batch], [rate, 0.1]])`.
 */
export type Feeds =
  | ReadonlyMap<FeedKey, FeedValueLike>
  | Iterable<readonly [FeedKey, FeedValueLike]>
  | { readonly [name: string]: FeedValueLike };

/** Keys and values as read from the caller's feeds: nothing of the caller's code runs after this but inside values. */
export interface FeedPairs {
  readonly keys: readonly unknown[];
  readonly values: readonly unknown[];
}

const NO_FEEDS: FeedPairs = Object.freeze({ keys: [], values: [] });

/** Reads a feeds argument. */
export const readFeeds = (feeds: unknown): FeedPairs => {
  if (feeds === undefined || feeds === null) return NO_FEEDS;
  if (typeof feeds !== 'object' || feeds instanceof Tensor || ArrayBuffer.isView(feeds)) {
    throw new GraphTypeError(`Feeds must be a Map, pairs or an object keyed by tensor name, not ${repr(feeds)}`);
  }
  const keys: unknown[] = [];
  const values: unknown[] = [];
  const add = (key: unknown, value: unknown): void => {
    if (key instanceof IndexedSlices) {
      const parts = value as { values?: unknown; indices?: unknown; denseShape?: unknown };
      add(key.values, parts.values);
      add(key.indices, parts.indices);
      if (key.denseShape !== null) add(key.denseShape, parts.denseShape);
      return;
    }
    keys.push(key);
    values.push(value);
  };
  if (feeds instanceof Map) for (const [key, value] of feeds) add(key, value);
  else if (typeof (feeds as Partial<Iterable<unknown>>)[Symbol.iterator] === 'function') {
    for (const pair of feeds as Iterable<unknown>) {
      if (!Array.isArray(pair) || pair.length !== 2) {
        throw new GraphTypeError(`A feed must be a pair of a tensor and its value, not ${repr(pair)}`);
      }
      add(pair[0], pair[1]);
    }
  } else for (const key of Object.keys(feeds)) add(key, (feeds as Record<string, unknown>)[key]);
  return { keys, values };
};

/** The tensor a feed's key names; TypeError with TensorFlow's words where there is none. */
const tensorOfKey = (graph: Graph, key: unknown): Tensor => {
  const refuse = (why: string): never => {
    throw new GraphTypeError(`Cannot interpret feed_dict key as Tensor: ${cut(why, 400)}`);
  };
  if (typeof key === 'string') {
    if (!key.includes(':')) {
      const known = graph.getOperations().some((op) => op.name === key);
      const what = known
        ? 'refers to an Operation, not a Tensor.'
        : 'looks like an (invalid) Operation name, not a Tensor.';
      return refuse(`The name '${key}' ${what} Tensor names must be of the form "<op_name>:<output_index>".`);
    }
    try {
      return graph.getTensorByName(key);
    } catch (error) {
      if (error instanceof GrafoError) return refuse(error.text);
      throw error;
    }
  }
  const tensor = key instanceof Operation ? undefined : tensorOf(key, true);
  if (tensor === undefined) return refuse(`Can not convert a ${/'(.*)'/.exec(typeName(key))![1]} into a Tensor.`);
  return tensor.graph === graph ? tensor : refuse(`Tensor ${tensor} is not an element of this graph.`);
};

/** The bytes and shapes of one run's feeds, in the order of the slots' tensors. */
export interface Fed {
  readonly datas: DataArray[];
  readonly shapes: (readonly number[])[];
}

/** The same feeds in memory of their own. */
export const ownFed = ({ datas, shapes }: Fed): Fed => ({
  datas: datas.map(copyOfData),
  shapes: shapes.map((shape) => [...shape]),
});

const SCALAR_DIMS: readonly number[] = Object.freeze([]);

/** The feeds of one request, resolved once: tensors, and memory that scalars are written to. */
export class FeedSlots {
  /** The distinct tensors that are fed. */
  readonly tensors: readonly Tensor[];
  /** The caller's keys in order, and the slot of each. A tensor given twice takes its last value. */
  readonly #keys: readonly unknown[];
  readonly #slots: readonly number[];
  readonly #scratch: readonly (NumericArray | undefined)[];

  constructor(graph: Graph, keys: readonly unknown[]) {
    const positions = new Map<Tensor, number>();
    this.#keys = [...keys];
    this.#slots = keys.map((key) => {
      const tensor = tensorOfKey(graph, key);
      const at = positions.get(tensor) ?? positions.size;
      positions.set(tensor, at);
      return at;
    });
    this.tensors = [...positions.keys()];
    this.#scratch = this.tensors.map(({ dtype }) => (dtype.array === undefined ? undefined : new dtype.array(1)));
  }

  /** The slot of the caller's key i. */
  slotOf(i: number): number {
    return this.#slots[i]!;
  }

  matches(keys: readonly unknown[]): boolean {
    const own = this.#keys;
    if (own.length !== keys.length) return false;
    for (let i = 0; i < own.length; i++) if (own[i] !== keys[i]) return false;
    return true;
  }

  /**
   * Converts values. Everything that may run the caller's code comes first; scalars are written last, into memory that the next
   * conversion reuses. With `own` nothing is shared with the caller or the next conversion.
   */
  convert(values: readonly unknown[], own: boolean): Fed {
    const count = this.tensors.length;
    const datas = new Array<DataArray>(count);
    const shapes = new Array<readonly number[]>(count);
    let scalars = 0;
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      if (isNumber(value) && this.#scratch[this.#slots[i]!] !== undefined) {
        scalars++;
        continue;
      }
      const slot = this.#slots[i]!;
      const tensor = this.tensors[slot]!;
      const array = fedFor(tensor, value, () => convertFeed(tensor, value, this.#keys[i]));
      datas[slot] = own ? ownCopy(array.data, value) : array.data;
      shapes[slot] = own ? [...array.shape] : array.shape;
    }
    if (scalars === 0) return { datas, shapes };
    for (let i = 0; i < values.length; i++) {
      const value = values[i];
      const slot = this.#slots[i]!;
      const scratch = this.#scratch[slot];
      if (!isNumber(value) || scratch === undefined) continue;
      const tensor = this.tensors[slot]!;
      const { rank } = tensor.shape;
      if (rank !== 0 && rank !== null) throw wrongShape(tensor, SCALAR_DIMS);
      const memory = own ? new tensor.dtype.array!(1) : scratch;
      memory[0] = fedFor(tensor, value, () => scalarFor(tensor.dtype, value));
      datas[slot] = memory;
      shapes[slot] = SCALAR_DIMS;
    }
    return { datas, shapes };
  }
}

const isNumber = (value: unknown): value is number | boolean | bigint =>
  typeof value === 'number' || typeof value === 'boolean' || typeof value === 'bigint';

/** A number as one element of a numeric or bool dtype. */
const scalarFor = (dtype: DType, value: number | boolean | bigint): number => {
  if (dtype.isFloating) return Number(value);
  const number = typeof value === 'boolean' ? Number(value) : value;
  if (typeof number === 'number' ? !Number.isInteger(number) : false) throw doesNotFit(dtype, value);
  if (number < dtype.min! || number > dtype.max!) throw doesNotFit(dtype, value);
  // An element of a BigInt array is written as a BigInt; the type says number because both kinds share this path.
  return (dtype.isBigInt ? BigInt(number) : Number(number)) as number;
};

const doesNotFit = (dtype: DType, value: unknown): GraphTypeError =>
  new GraphTypeError(
    `Type of feed value ${repr(value)} with type ${typeName(value)} is not compatible with Tensor type <class 'numpy.${
      dtype === bool ? 'bool_' : dtype.name
    }'>. Try explicitly setting the type of the feed tensor to a larger type (e.g. int64).`,
  );

const wrongShape = (tensor: Tensor, shape: readonly number[]): ValueError =>
  new ValueError(
    `Cannot feed value of shape ${new TensorShape([...shape])} for Tensor '${tensor.name}', which has shape '${tensor.shape}'`,
    { op: tensor.op.type, node: tensor.op.name, createdAt: tensor.op.place.toString() || undefined },
  );

/** Async runs keep their own memory; what conversion already made new needs no second copy. */
const ownCopy = (data: DataArray, value: unknown): DataArray => {
  const given = value instanceof NDArray ? value.data : value;
  return isSameMemory(data, given) || Array.isArray(data) ? copyOfData(data) : data;
};

/** Whether a value is a typed array whose memory was taken away. */
export const isDetached = (data: unknown): boolean =>
  ArrayBuffer.isView(data) && !(data instanceof DataView) && detached(data as NumericArray);

/** Of no length, and not to be read: its memory was taken away, or made too small for it. */
const detached = (data: NumericArray): boolean => {
  if (data.length > 0) return false;
  try {
    Uint8Array.prototype.at.call(data as Uint8Array, 0);
    return false;
  } catch {
    return true;
  }
};

const isShared = (data: NumericArray): boolean =>
  typeof SharedArrayBuffer !== 'undefined' && data.buffer instanceof SharedArrayBuffer;

/** Converts a value that is fed for a tensor; what is wrong with it is said of the tensor. */
export const fedFor = <T>(tensor: Tensor, value: unknown, convert: () => T): T => {
  try {
    return convert();
  } catch (error) {
    if (!(error instanceof GrafoError))
      throw isRevoked(value) ? namedFor(tensor, new GraphTypeError('A revoked Proxy holds no value')) : error;
    throw error.node === undefined ? namedFor(tensor, error) : error;
  }
};

const isRevoked = (value: unknown): boolean => {
  try {
    Array.isArray(value);
    return false;
  } catch {
    return true;
  }
};

const namedFor = ({ op, name }: Tensor, { constructor, text }: GrafoError): GrafoError => {
  const Kind = constructor as typeof ValueError;
  return new Kind(text, { op: op.type, node: op.name, createdAt: op.place.toString() || undefined, fed: name });
};

const convertFeed = (tensor: Tensor, value: unknown, key: unknown): NDArray => {
  const { dtype, shape } = tensor;
  if (value instanceof NDArray) {
    if (!Array.isArray(value.shape)) throw new GraphTypeError('A fed NDArray has no shape');
    const size = sizeOf(value.shape);
    const array = value.dtype === dtype ? value : new NDArray(dtype, value.shape, cast(value.data, value.dtype, dtype));
    return checked(tensor, array.data, value.shape, size);
  }
  if (ArrayBuffer.isView(value) && !(value instanceof DataView) && !(dtype === string && value instanceof Uint8Array)) {
    const data = typed(dtype, value as NumericArray);
    const { dims } = shape;
    const known = dims !== null && dims.length !== 1 && shape.numElements === data.length;
    return checked(tensor, data, known ? (dims as readonly number[]) : [data.length], data.length);
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && tensorOf(value) !== undefined) {
    throw new GraphTypeError(
      'The value of a feed cannot be a tf.Tensor object. Acceptable feed values include Python scalars, strings, lists, numpy ' +
        `ndarrays, or TensorHandles. For reference, the tensor object was ${String(value)} which was passed to the feed with key ${String(key)}.`,
    );
  }
  const array = dtype === bool ? truth(value) : toNDArray(value, dtype);
  return checked(tensor, array.data, array.shape, array.data.length);
};

/** Arrays of numbers feed a bool as numpy's `asarray` does: whatever is not 0 is true. */
const truth = (value: unknown): NDArray => {
  const given = toNDArray(value);
  return given.dtype === string ? toNDArray(value, bool) : toNDArray(given, bool);
};

/** The dtype's own typed array of a caller's. */
const typed = (dtype: DType, value: NumericArray): DataArray => {
  if (detached(value)) throw new InvalidArgumentError('The memory of a fed typed array is detached');
  if (dtype.array !== undefined && value.constructor === dtype.array) return value;
  const view = plainView(value);
  if (view !== undefined && dtype !== bool && tagOf(view) === dtype.array?.name) return view;
  if (dtype.isFloating && tagOf(value)?.startsWith('Big') === false) {
    const data = new dtype.array!(value.length);
    data.set(value as never);
    return data;
  }
  return toNDArray(value, dtype).data;
};

const cast = (data: DataArray, from: DType, to: DType): DataArray => {
  if (!Array.isArray(data) && detached(data)) throw new InvalidArgumentError('The memory of a fed NDArray is detached');
  return castData(data, from, to);
};

/** Elements as the dtype's own typed array or list of texts, in the same memory; InvalidArgumentError where they are something else. */
const plainOf = ({ dtype, name }: Tensor, data: DataArray): DataArray => {
  const refuse = (what: unknown, wanted: string): InvalidArgumentError =>
    new InvalidArgumentError(`The memory fed for Tensor '${name}' is ${typeName(what)}, not ${wanted}`);
  if (dtype.array === undefined) {
    if (!Array.isArray(data)) throw refuse(data, 'an array of strings');
    for (const text of data as unknown[]) {
      if (typeof text !== 'string' && !(text instanceof Uint8Array)) {
        throw new InvalidArgumentError(
          `A text fed for Tensor '${name}' is ${typeName(text)}, not a string or a Uint8Array`,
        );
      }
    }
    return data;
  }
  if (data.constructor === dtype.array) return data;
  const view = ArrayBuffer.isView(data) ? plainView(data as NumericArray) : undefined;
  if (view === undefined || tagOf(view) !== dtype.array.name) throw refuse(data, dtype.name);
  return view;
};

/** Checks size and shape against the tensor; shared memory is copied, because another thread may write it. */
const checked = (tensor: Tensor, data: DataArray, shape: readonly number[], size: number): NDArray => {
  if (!Array.isArray(data) && detached(data)) {
    throw new InvalidArgumentError(`The memory fed for Tensor '${tensor.name}' is detached`);
  }
  const plain = plainOf(tensor, data);
  const memory = !Array.isArray(plain) && isShared(plain) ? copyOfData(plain) : plain;
  if (memory.length !== size) {
    throw new InvalidArgumentError(
      `The memory fed for Tensor '${tensor.name}' holds ${memory.length} elements, its shape ${new TensorShape([...shape])} needs ${size}`,
    );
  }
  if (!tensor.shape.isCompatibleWith(shape)) throw wrongShape(tensor, shape);
  // Without elements, but with strides that no number holds.
  if (size === 0 && !Number.isSafeInteger(shape.reduce((product, dim) => product * Math.max(dim, 1), 8))) {
    throw namedFor(tensor, new InvalidArgumentError(`A feed's shape ${new TensorShape([...shape])} is too large`));
  }
  return new NDArray(tensor.dtype, shape, memory);
};
