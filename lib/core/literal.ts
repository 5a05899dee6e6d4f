// From a JavaScript literal (a number, nested arrays, a typed array) to dtype, shape and flat elements.
import { bool, type DataArray, DTYPES, type DType, float32, int32, int64, string, uint8 } from './dtype.js';
import { GraphTypeError, ValueError } from './errors.js';
import { preview } from './preview.js';
import { copyOfArray, plainView, tagOf } from './typedArrays.js';

/** An element or nested arrays of elements. */
export type NestedValue = number | bigint | boolean | string | Uint8Array | readonly NestedValue[] | ArrayBufferView;

/** Elements in row-major order with what they mean. */
export interface Flat {
  dtype: DType;
  shape: number[];
  data: DataArray;
}

const MAX_DEPTH = 32;

const ofTypedArray = (view: ArrayBufferView): DType | undefined => {
  const tag = tagOf(view);
  if (tag === 'Uint8ClampedArray') return uint8;
  return DTYPES.find((type) => type !== bool && type.array?.name === tag);
};

const pythonType = (value: unknown): string => {
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  if (typeof value === 'bigint') return 'int';
  if (typeof value === 'boolean') return 'bool';
  if (typeof value === 'string') return 'str';
  return value === null ? 'null' : Array.isArray(value) ? 'list' : typeof value;
};

const mismatch = (dtype: DType, value: unknown): GraphTypeError =>
  new GraphTypeError(`Expected ${dtype}, got ${preview(value)} of type '${pythonType(value)}' instead.`);

/** The dtype a list of elements has where nothing else decides. */
const inferDtype = (elements: readonly unknown[], preferred: DType | undefined): DType => {
  let found: DType | undefined;
  for (const element of elements) {
    const type =
      typeof element === 'number'
        ? numberDtype(element, preferred)
        : typeof element === 'bigint'
          ? preferred?.kind === 'int' || preferred?.kind === 'uint'
            ? preferred
            : int64
          : typeof element === 'boolean'
            ? bool
            : typeof element === 'string' || element instanceof Uint8Array
              ? string
              : undefined;
    if (type === undefined) {
      throw new GraphTypeError(
        `Failed to convert object of type ${pythonType(element)} to Tensor. Contents: ${preview(element)}.`,
      );
    }
    if (found === undefined || found === type) found = type;
    else if (found.isFloating && type.isInteger && typeof element === 'number') continue;
    else if (found.isInteger && type.isFloating) found = type;
    else throw mismatch(found, element);
  }
  return found ?? preferred ?? float32;
};

const numberDtype = (value: number, preferred: DType | undefined): DType => {
  if (preferred === undefined || preferred.isFloating) return preferred ?? float32;
  // An input that takes integers only (indices, axes): a fraction there stays a float and is refused with the op's own words.
  return preferred.isInteger
    ? Number.isInteger(value)
      ? preferred
      : float32
    : Number.isInteger(value)
      ? int32
      : float32;
};

/** One element as the dtype's own JavaScript value; TypeError where it does not fit. */
const coerce = (element: unknown, dtype: DType): number | bigint | string | Uint8Array => {
  switch (dtype.kind) {
    case 'string':
      if (typeof element === 'string' || element instanceof Uint8Array) return element;
      throw mismatch(dtype, element);
    case 'bool':
      if (typeof element === 'boolean') return element ? 1 : 0;
      throw mismatch(dtype, element);
    case 'float':
      if (typeof element === 'number') return element;
      if (typeof element === 'bigint') return Number(element);
      throw mismatch(dtype, element);
    default:
      // Numbers and BigInts compare by value.
      if (typeof element !== 'bigint' && !Number.isInteger(element)) throw mismatch(dtype, element);
      if ((element as number) < dtype.min! || (element as number) > dtype.max!) throw mismatch(dtype, element);
      return dtype.isBigInt ? BigInt(element as number) : Number(element);
  }
};

/** The shape of nested arrays and their elements in order; ValueError where they are ragged. */
const walk = (value: readonly unknown[], dtype: DType | undefined): { shape: number[]; elements: unknown[] } => {
  const shape: number[] = [];
  for (let level: unknown = value; ; level = (level as readonly unknown[])[0]) {
    if (ArrayBuffer.isView(level) && !(level instanceof Uint8Array && dtype === string)) {
      shape.push((level as unknown as { length: number }).length);
      break;
    }
    if (!Array.isArray(level)) break;
    if (shape.length >= MAX_DEPTH)
      throw new ValueError(`Nested arrays deeper than ${MAX_DEPTH}, or an array that holds itself`);
    shape.push(level.length);
    if (level.length === 0) break;
  }
  const elements: unknown[] = [];
  const visit = (node: unknown, axis: number): void => {
    if (axis === shape.length) {
      if (Array.isArray(node)) throw ragged(value, shape);
      elements.push(node);
      return;
    }
    const items = node as ArrayLike<unknown>;
    const isList = Array.isArray(node) || (ArrayBuffer.isView(node) && !(node instanceof DataView));
    if (!isList || items.length !== shape[axis]) throw ragged(value, shape);
    for (let i = 0; i < items.length; i++) visit(items[i], axis + 1);
  };
  visit(value, 0);
  return { shape, elements };
};

const ragged = (value: readonly unknown[], shape: readonly number[]): ValueError => {
  return new ValueError(
    `Argument must be a dense tensor: ${preview(value, 80)} - got shape [${value.length}], but wanted [${shape.join(', ')}].`,
  );
};

/** The dtype of nested arrays whose rows are typed arrays. */
const rowsDtype = (value: unknown): DType | undefined => {
  let row = value;
  for (let depth = 0; depth < MAX_DEPTH && Array.isArray(row); depth++) row = row[0];
  return Array.isArray(value) && ArrayBuffer.isView(row) ? ofTypedArray(row) : undefined;
};

interface LengthTyped {
  readonly length: number;
  [index: number]: number | bigint;
}

/** Flattens any literal. `dtype` fixes the dtype; `preferred` is what numbers become where nothing fixes it. */
export const flatten = (value: unknown, dtype?: DType, preferred?: DType): Flat => {
  if (ArrayBuffer.isView(value) && !(value instanceof DataView) && !(dtype === string && value instanceof Uint8Array)) {
    const own = ofTypedArray(value);
    if (own === undefined) throw new GraphTypeError(`No dtype holds the elements of a ${value.constructor.name}`);
    const elements = value as unknown as LengthTyped;
    const target = dtype ?? own;
    if (target === own) return { dtype: own, shape: [elements.length], data: copyOfArray(plainView(value)!) };
    if (target.kind === 'string') throw mismatch(target, elements[0]);
    const data = new target.array!(elements.length);
    for (let i = 0; i < elements.length; i++) {
      const element = elements[i]!;
      data[i] = target === bool ? (Number(element) === 0 ? 0 : 1) : (coerce(element, target) as number);
    }
    return { dtype: target, shape: [elements.length], data };
  }
  const { shape, elements } = Array.isArray(value) ? walk(value, dtype) : { shape: [], elements: [value] };
  const found = dtype ?? rowsDtype(value) ?? inferDtype(elements, preferred);
  const values = elements.map((element) => coerce(element, found));
  if (found.kind === 'string') return { dtype: found, shape, data: values as string[] };
  const data = new found.array!(values.length);
  for (let i = 0; i < values.length; i++) data[i] = values[i] as number;
  return { dtype: found, shape, data };
};
