// Fetches: from nested structures of tensors, variables, operations and names to what a plan is asked for, and back.
import { tensorOf } from '../core/convert.js';
import type { TensorSource } from '../core/defineOp.js';
import { GrafoError, GraphTypeError, LookupError, ValueError } from '../core/errors.js';
import { type Graph, Operation, Tensor } from '../core/graph.js';
import { IndexedSlices } from '../core/indexedSlices.js';
import type { NDArray } from '../core/ndarray.js';
import { cut, preview } from '../core/preview.js';

/** Anything a session can fetch: a tensor, a variable, an operation, a name, or arrays, maps and objects of them. */
export type Fetch =
  | Tensor
  | Operation
  | TensorSource
  | string
  | readonly Fetch[]
  | ReadonlyMap<unknown, Fetch>
  | { readonly [key: string]: Fetch };

/** The value of a fetched `IndexedSlices`. */
export interface IndexedSlicesValue {
  readonly values: NDArray;
  readonly indices: NDArray;
  readonly denseShape: NDArray | null;
}

/** What a fetch gives: an NDArray for a tensor, null for an operation, and the same structure around them. */
export type Fetched<F> = F extends Operation
  ? null
  : F extends Tensor
    ? NDArray
    : F extends IndexedSlices
      ? IndexedSlicesValue
      : F extends TensorSource
        ? NDArray
        : F extends `${string}:${number}`
          ? NDArray
          : F extends string
            ? NDArray | null
            : F extends ReadonlyMap<infer K, infer V>
              ? Map<K, Fetched<V>>
              : F extends object
                ? { -readonly [K in keyof F]: Fetched<F[K]> }
                : never;

/** A fetch structure, with the position of each leaf among the distinct tensors; an operation's is -1. */
type Shape =
  | { readonly kind: 'leaf'; readonly fetch: unknown; readonly at: number }
  | { readonly kind: 'slices'; readonly fetch: unknown; readonly at: readonly [number, number, number] }
  | { readonly kind: 'list'; readonly items: readonly Shape[] }
  | { readonly kind: 'map'; readonly keys: readonly unknown[]; readonly items: readonly Shape[] }
  | { readonly kind: 'object'; readonly keys: readonly string[]; readonly items: readonly Shape[] };

const MAX_DEPTH = 64;

/** A fetch argument, understood once and matched by identity afterwards. */
export class FetchStructure {
  /** Every distinct tensor asked for, in order. */
  readonly tensors: readonly Tensor[];
  readonly targets: readonly Operation[];
  readonly #shape: Shape;

  constructor(graph: Graph, fetches: Fetch) {
    const tensors = new Map<Tensor, number>();
    const targets = new Set<Operation>();
    const add = (tensor: Tensor): number => {
      const at = tensors.get(tensor) ?? tensors.size;
      tensors.set(tensor, at);
      return at;
    };
    const visit = (fetch: unknown, depth: number): Shape => {
      if (depth > MAX_DEPTH) throw new GraphTypeError('Fetch argument is nested too deep, or holds itself');
      if (fetch instanceof IndexedSlices) {
        const dense = fetch.denseShape === null ? -1 : add(fetch.denseShape);
        return { kind: 'slices', fetch, at: [add(fetch.values), add(fetch.indices), dense] };
      }
      const element = elementOf(graph, fetch);
      if (element instanceof Tensor) return { kind: 'leaf', fetch, at: add(element) };
      if (element instanceof Operation) {
        targets.add(element);
        return { kind: 'leaf', fetch, at: -1 };
      }
      if (Array.isArray(fetch)) return { kind: 'list', items: Array.from(fetch, (item) => visit(item, depth + 1)) };
      if (fetch instanceof Map) {
        return {
          kind: 'map',
          keys: [...fetch.keys()],
          items: [...fetch.values()].map((item) => visit(item, depth + 1)),
        };
      }
      if (!isRecord(fetch)) {
        throw new GraphTypeError(`Fetch argument ${repr(fetch)} has invalid type ${typeName(fetch)}`);
      }
      const keys = Object.keys(fetch);
      return { kind: 'object', keys, items: keys.map((key) => visit(fetch[key], depth + 1)) };
    };
    this.#shape = visit(fetches, 0);
    this.tensors = [...tensors.keys()];
    this.targets = [...targets];
  }

  /** Whether another fetch argument asks for the same, object by object. */
  matches(fetches: unknown): boolean {
    const shape = this.#shape;
    return shape.kind === 'leaf' ? shape.fetch === fetches : same(shape, fetches);
  }

  /** The results in the argument's structure. `values` are those of `tensors`. */
  build(values: readonly NDArray[]): unknown {
    return build(this.#shape, values);
  }

  /** Visits the leaves of a structure like this one; what `into` gives for each distinct tensor. */
  leavesOf(value: unknown): unknown[] {
    const found = new Array<unknown>(this.tensors.length).fill(undefined);
    const visit = (shape: Shape, item: unknown): void => {
      if (item === undefined || item === null) return;
      if (shape.kind === 'leaf') {
        if (shape.at < 0) return;
        const former = found[shape.at];
        if (former !== undefined && former !== item) {
          throw new ValueError(`${this.tensors[shape.at]} is fetched twice: its result can go to one memory only`);
        }
        found[shape.at] = item;
      } else if (shape.kind === 'list') {
        shape.items.forEach((part, i) => {
          visit(part, (item as readonly unknown[])[i]);
        });
      } else if (shape.kind === 'object') {
        shape.items.forEach((part, i) => {
          visit(part, (item as Record<string, unknown>)[shape.keys[i]!]);
        });
      } else if (shape.kind === 'map' && item instanceof Map) {
        shape.items.forEach((part, i) => {
          visit(part, item.get(shape.keys[i]));
        });
      }
    };
    visit(this.#shape, value);
    return found;
  }
}

const same = (shape: Shape, fetch: unknown): boolean => {
  if (shape.kind === 'leaf' || shape.kind === 'slices') return shape.fetch === fetch;
  const { items } = shape;
  if (shape.kind === 'list') {
    if (!Array.isArray(fetch) || fetch.length !== items.length) return false;
    for (let i = 0; i < items.length; i++) if (!same(items[i]!, fetch[i])) return false;
    return true;
  }
  if (shape.kind === 'map') {
    if (!(fetch instanceof Map) || fetch.size !== items.length) return false;
    let i = 0;
    for (const [key, item] of fetch) {
      if (shape.keys[i] !== key || !same(items[i]!, item)) return false;
      i++;
    }
    return true;
  }
  if (!isRecord(fetch) || fetch instanceof Map) return false;
  const keys = Object.keys(fetch);
  if (keys.length !== items.length) return false;
  for (let i = 0; i < items.length; i++) {
    if (keys[i] !== shape.keys[i] || !same(items[i]!, fetch[keys[i]!])) return false;
  }
  return true;
};

const build = (shape: Shape, values: readonly NDArray[]): unknown => {
  switch (shape.kind) {
    case 'leaf':
      return shape.at < 0 ? null : values[shape.at];
    case 'list': {
      const list = new Array<unknown>(shape.items.length);
      for (let i = 0; i < list.length; i++) list[i] = build(shape.items[i]!, values);
      return list;
    }
    case 'object':
      return Object.fromEntries(shape.keys.map((key, i) => [key, build(shape.items[i]!, values)]));
    case 'map':
      return new Map(shape.keys.map((key, i) => [key, build(shape.items[i]!, values)]));
    default: {
      const [v, i, d] = shape.at;
      return { values: values[v], indices: values[i], denseShape: d < 0 ? null : values[d] } as IndexedSlicesValue;
    }
  }
};

/** Arrays, Maps and plain objects hold fetches; a Date, a Set or an object of a class is a mistake. */
const isRecord = (value: unknown): value is Record<string, unknown> => {
  if (typeof value !== 'object' || value === null) return false;
  if (Array.isArray(value) || value instanceof Map) return true;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
};

/** The tensor or operation a leaf stands for; undefined for a structure. Errors as TensorFlow's fetch handler words them. */
const elementOf = (graph: Graph, fetch: unknown): Tensor | Operation | undefined => {
  if (fetch === null || fetch === undefined) {
    throw new GraphTypeError(`Fetch argument ${repr(fetch)} has invalid type ${typeName(fetch)}`);
  }
  if (typeof fetch === 'string') {
    try {
      return graph.asGraphElement(fetch);
    } catch (error) {
      if (!(error instanceof LookupError || error instanceof ValueError)) throw error;
      throw new ValueError(
        `Fetch argument ${repr(fetch)} cannot be interpreted as a Tensor. (${cut(error.text, 400)})`,
      );
    }
  }
  const element = fetch instanceof Operation ? fetch : tensorOf(fetch, true);
  if (element === undefined) {
    if (isRecord(fetch)) return undefined;
    throw new GraphTypeError(
      `Fetch argument ${repr(fetch)} has invalid type ${typeName(fetch)}, must be a string or Tensor. ` +
        `(Can not convert a ${shortType(fetch)} into a Tensor or Operation.)`,
    );
  }
  if (element.graph !== graph) {
    const kind = element instanceof Tensor ? 'Tensor' : 'Operation';
    const text = element instanceof Tensor ? String(element) : element.name;
    throw new ValueError(
      `Fetch argument ${repr(fetch)} cannot be interpreted as a Tensor. (${kind} ${text} is not an element of this graph.)`,
    );
  }
  return element;
};

const INSPECT = Symbol.for('nodejs.util.inspect.custom');

/** Python's `%r` of what may stand in a fetch or feed. */
export const repr = (value: unknown): string => {
  if (value === null || value === undefined) return 'None';
  if (typeof value === 'boolean') return value ? 'True' : 'False';
  if (typeof value === 'string' || Array.isArray(value) || ArrayBuffer.isView(value)) return preview(value);
  try {
    const own = (value as { [INSPECT]?: unknown })[INSPECT];
    if (typeof own === 'function') return String(own.call(value));
    return String(value);
  } catch (error) {
    return error instanceof GrafoError ? error.text : Object.prototype.toString.call(value);
  }
};

/** Python's name of a value's type. */
const shortType = (value: unknown): string => {
  if (value === null || value === undefined) return 'NoneType';
  if (typeof value === 'number') return Number.isInteger(value) ? 'int' : 'float';
  const names: Record<string, string> = {
    bigint: 'int',
    boolean: 'bool',
    string: 'str',
    function: 'function',
    symbol: 'symbol',
  };
  return names[typeof value] ?? (Array.isArray(value) ? 'list' : (value.constructor?.name ?? 'object'));
};
/** Python's `type(x)` of a value, as its errors print it: `<class 'int'>`. */
export const typeName = (value: unknown): string => `<class '${shortType(value)}'>`;
