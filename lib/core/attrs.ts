// Attributes of operations: the values they take, TensorFlow's attribute types, and their JSON form in a GraphDef.
import { DType } from './dtype.js';
import { GraphTypeError, ValueError } from './errors.js';
import { NDArray } from './ndarray.js';
import { TensorShape } from './shape.js';

/** A value of an attribute. Integers are numbers; `func` is the name of a function. */
export type AttrValue =
  | number
  | bigint
  | boolean
  | string
  | DType
  | TensorShape
  | NDArray
  | readonly number[]
  | readonly boolean[]
  | readonly string[]
  | readonly DType[]
  | readonly TensorShape[];

/** TensorFlow's attribute types that grafo's rows use. */
export type AttrType =
  | 'type'
  | 'int'
  | 'float'
  | 'bool'
  | 'string'
  | 'shape'
  | 'tensor'
  | 'list(type)'
  | 'list(int)'
  | 'list(float)'
  | 'list(bool)'
  | 'list(string)'
  | 'list(shape)';

/** An attribute as a row declares it. */
export interface AttrSpec {
  readonly type: AttrType;
  /** Used where the caller gives none; without one (and without inference from inputs) the attribute is required. */
  readonly default?: AttrValue;
  /** dtypes a `type` attribute may be, in TensorFlow's order; texts a `string` attribute may be. */
  readonly allowed?: readonly DType[] | readonly string[];
  /** Smallest value of an `int`, smallest length of a list. */
  readonly minimum?: number;
}

const isKind: Record<AttrType, (value: unknown) => boolean> = {
  type: (value) => value instanceof DType,
  int: (value) => (typeof value === 'number' && Number.isSafeInteger(value)) || typeof value === 'bigint',
  float: (value) => typeof value === 'number',
  bool: (value) => typeof value === 'boolean',
  string: (value) => typeof value === 'string',
  shape: (value) => value instanceof TensorShape,
  tensor: (value) => value instanceof NDArray,
  'list(type)': (value) => Array.isArray(value) && value.every(isKindOf('type')),
  'list(int)': (value) => Array.isArray(value) && value.every(isKindOf('int')),
  'list(float)': (value) => Array.isArray(value) && value.every(isKindOf('float')),
  'list(bool)': (value) => Array.isArray(value) && value.every(isKindOf('bool')),
  'list(string)': (value) => Array.isArray(value) && value.every(isKindOf('string')),
  'list(shape)': (value) => Array.isArray(value) && value.every(isKindOf('shape')),
};
function isKindOf(type: AttrType): (value: unknown) => boolean {
  return (value) => isKind[type](value);
}

/** Checks an attribute's value against its declaration; TypeError or ValueError with TensorFlow's words. */
export const checkAttr = (op: string, name: string, spec: AttrSpec, value: AttrValue): void => {
  if (!isKind[spec.type](value)) {
    throw new GraphTypeError(`Expected ${spec.type} for argument '${name}' of '${op}' Op, not ${String(value)}.`);
  }
  if (
    spec.type === 'string' &&
    spec.allowed !== undefined &&
    !(spec.allowed as readonly string[]).includes(value as string)
  ) {
    const allowed = (spec.allowed as readonly string[]).map((text) => `"${text}"`).join(', ');
    throw new ValueError(`Attr '${name}' of '${op}' Op passed string '${String(value)}' not in: ${allowed}.`);
  }
  if (spec.minimum !== undefined) {
    const length = Array.isArray(value) ? value.length : (value as number);
    if (length < spec.minimum) {
      throw new ValueError(
        Array.isArray(value)
          ? `Attr '${name}' of '${op}' Op passed list of length ${length} less than minimum ${spec.minimum}.`
          : `Attr '${name}' of '${op}' Op passed ${length} less than minimum ${spec.minimum}.`,
      );
    }
  }
};

type Json = string | number | boolean | null | Json[] | { [key: string]: Json };

const base64 = (text: string): string => Buffer.from(text, 'utf8').toString('base64');

/** A shape in TensorShapeProto's JSON form. */
export const shapeToJson = (shape: TensorShape): Json =>
  shape.dims === null
    ? { unknownRank: true }
    : shape.dims.length === 0
      ? {}
      : { dim: shape.dims.map((dim) => ({ size: String(dim ?? -1) })) };

/** A value in TensorProto's JSON form: numbers as `tensorContent`, a splat as one value, strings as `stringVal`. */
export const tensorToJson = (array: NDArray): Json => {
  const json: { [key: string]: Json } = {
    dtype: array.dtype.enumName,
    tensorShape: shapeToJson(new TensorShape([...array.shape])),
  };
  const { data, dtype } = array;
  if (Array.isArray(data)) {
    json.stringVal = data.map((item) =>
      typeof item === 'string' ? base64(item) : Buffer.from(item).toString('base64'),
    );
    return json;
  }
  if (array.size !== 1) {
    json.tensorContent = Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
    return json;
  }
  const value = array.at(0);
  const number = (x: number): Json =>
    Number.isFinite(x) ? x : Number.isNaN(x) ? 'NaN' : x > 0 ? 'Infinity' : '-Infinity';
  const fields: Record<string, [string, Json]> = {
    float32: ['floatVal', number(Number(value))],
    float64: ['doubleVal', number(Number(value))],
    bool: ['boolVal', Boolean(value)],
    int64: ['int64Val', String(value)],
    uint64: ['uint64Val', String(value)],
    uint32: ['uint32Val', Number(value)],
  };
  const [field, content] = fields[dtype.name] ?? ['intVal', Number(value)];
  json[field] = [content];
  return json;
};

/** An attribute in AttrValue's JSON form. */
export const attrToJson = (type: AttrType, value: AttrValue): Json => {
  const one = (kind: string, item: unknown): Json => {
    switch (kind) {
      case 'type':
        return (item as DType).enumName;
      case 'int':
        return String(item);
      case 'string':
        return base64(item as string);
      case 'shape':
        return shapeToJson(item as TensorShape);
      case 'tensor':
        return tensorToJson(item as NDArray);
      default:
        return item as Json;
    }
  };
  const field: Record<string, string> = {
    int: 'i',
    float: 'f',
    bool: 'b',
    string: 's',
    type: 'type',
    shape: 'shape',
    tensor: 'tensor',
  };
  const list = /^list\((\w+)\)$/.exec(type);
  if (list === null) return { [field[type]!]: one(type, value) };
  const items = (value as readonly unknown[]).map((item) => one(list[1]!, item));
  return { list: items.length === 0 ? {} : { [field[list[1]!]!]: items } };
};
