// The inputs and outputs of a row: what their texts say, and their shapes while a graph is built.
import type { AttrValue } from './attrs.js';
import { constantValue, constantValueAsShape } from './constantValue.js';
import type { ShapeContext } from './defineOp.js';
import { asDtype, type DType, type DTypeName } from './dtype.js';
import type { Operation } from './graph.js';
import type { NDArray } from './ndarray.js';
import type { TensorShape } from './shape.js';

/** An input or output of a row, as its text says (`ArgType`). */
export interface Arg {
  readonly name: string;
  /** The number attribute of an `N*T` list, or undefined. */
  readonly count: string | undefined;
  /** Whether it is a `...Tlist` list. */
  readonly typeList: boolean;
  readonly isRef: boolean;
  /** A dtype, or the name of a type attribute. */
  readonly type: string;
  readonly fixed: DType | undefined;
}

const parseArg = (name: string, text: string): Arg => {
  const isRef = /^Ref\((.*)\)$/.exec(text);
  const body = isRef?.[1] ?? text;
  const typeList = body.startsWith('...');
  const star = body.indexOf('*');
  const type = typeList ? body.slice(3) : star < 0 ? body : body.slice(star + 1);
  const fixed = /^(float|double|float32|float64|u?int(8|16|32|64)|bool|string)$/.test(type)
    ? asDtype(type as DTypeName)
    : undefined;
  return { name, count: star < 0 ? undefined : body.slice(0, star), typeList, isRef: isRef !== null, type, fixed };
};

/** The arguments of a row, in order. */
export const parseArgs = (args: Readonly<Record<string, string>>): Arg[] =>
  Object.entries(args).map(([name, text]) => parseArg(name, text));

/** How many tensors an argument is, by the operation's attributes. */
export const lengthOf = (arg: Arg, attrs: ReadonlyMap<string, AttrValue>): number =>
  arg.count !== undefined
    ? Number(attrs.get(arg.count))
    : arg.typeList
      ? (attrs.get(arg.type) as readonly DType[]).length
      : 1;

/** What a shape rule asks while a graph is built. */
export class BuildShapes implements ShapeContext {
  readonly inputs: readonly TensorShape[];
  /** The values that were asked for and are known, by the position of their input. */
  readonly valued: [number, NDArray][] = [];
  readonly #type: string;
  readonly #op: Operation;
  readonly #args: readonly Arg[];

  constructor(type: string, op: Operation, args: readonly Arg[]) {
    this.#type = type;
    this.#op = op;
    this.#args = args;
    this.inputs = op.inputs.map((input) => input.shape);
  }
  /** The argument of a name, and where it begins among the inputs. */
  #find(name: string): [Arg, number] {
    let at = 0;
    for (const arg of this.#args) {
      if (arg.name === name) return [arg, at];
      at += lengthOf(arg, this.#op.attrs);
    }
    throw new Error(`op ${this.#type} has no input ${name}`);
  }
  shape(name: string): TensorShape {
    return this.inputs[this.#find(name)[1]]!;
  }
  shapes(name: string): readonly TensorShape[] {
    const [arg, at] = this.#find(name);
    return this.inputs.slice(at, at + lengthOf(arg, this.#op.attrs));
  }
  value(name: string): NDArray | null {
    const [, at] = this.#find(name);
    const value = constantValue(this.#op.inputs[at]!);
    if (value !== null && !this.valued.some(([i]) => i === at)) this.valued.push([at, value]);
    return value;
  }
  valueAsShape(name: string): TensorShape {
    return constantValueAsShape(this.#op.inputs[this.#find(name)[1]]!);
  }
  attr<T extends AttrValue>(name: string): T {
    return this.#op.attr<T>(name);
  }
  hasAttr(name: string): boolean {
    return this.#op.attrs.has(name);
  }
}
