// What a case of the sweep is: an operation of some inputs with some arguments; its name, and how cases are chosen by words.

/** The dtypes of the sweep. */
export type DType = 'float32' | 'float64' | 'int8' | 'int16' | 'int32' | 'int64' | 'uint8' | 'bool';

/**
 * What an input is filled with: `any` (of either sign; bools of both), `positive` (near 1; integers from 1 to 7), `inside` (-1 to 1),
 * `one` (1 and -1, nearly all: a product of millions stays finite), `zeros`, `ones`, or, below a number K, an `index`, indices that are `sorted`, or
 * `distinct` and sorted; `shares:K` are rows of K that sum to 1.
 */
export type Values =
  | 'any'
  | 'positive'
  | 'inside'
  | 'one'
  | 'zeros'
  | 'ones'
  | `${'index' | 'sorted' | 'distinct' | 'shares'}:${number}`;

/** An input of a case. */
export interface Input {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly values: Values;
}

/** What an operation is told besides its inputs, by the name of the attribute. */
export type Args = Readonly<Record<string, unknown>>;

/** One case. `op` is a name of builders.ts. */
export interface SweepCase {
  readonly group: string;
  readonly op: string;
  readonly inputs: readonly Input[];
  readonly args: Args;
}

export const tensor = (dtype: DType, shape: readonly number[], values: Values = 'any'): Input => ({
  dtype,
  shape,
  values,
});

/** Makes cases of one group. */
export const groupOf =
  (group: string) =>
  (op: string, inputs: readonly Input[], args: Args = {}): SweepCase => ({ group, op, inputs, args });

const SHOWN = 4;

const valueText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

/** Values that change what a kernel does are in the name. */
const TOLD = /^(zeros|ones|sorted|distinct)/;
const inputText = ({ dtype, shape, values }: Input): string =>
  `${dtype}[${shape.join()}]${TOLD.exec(values)?.[0].replace(/^/, ':') ?? ''}`;

/** `reduceSum axis=[1] float32[317,331]`: what was done, and to what. */
export const nameOf = ({ op, inputs, args }: SweepCase): string =>
  [
    op,
    ...Object.entries(args).map(([key, value]) => `${key}=${valueText(value)}`),
    ...inputs.slice(0, SHOWN).map(inputText),
    ...(inputs.length > SHOWN ? [`... ${inputs.length} inputs`] : []),
  ].join(' ');

/** The dtype a case is told by: its first input's that is not a condition or an index, if it has one. */
export const dtypeOf = ({ inputs, args }: SweepCase): string => {
  const data = inputs.find(({ dtype, values }) => dtype !== 'bool' && !/^(index|sorted|distinct)/.test(values));
  return (data ?? inputs[0])?.dtype ?? String(args.dtype ?? '');
};

/** Cases that are alike but for their shapes have the same: the operation, what it is the gradient of or casts to, and the dtype. */
export const kindOf = (one: SweepCase): string =>
  [one.op, one.args.of, one.args.to, dtypeOf(one)].filter((part) => part !== undefined).join(' ');

const DTYPES: ReadonlySet<string> = new Set([
  ...['float32', 'float64', 'int8', 'int16', 'int32', 'int64', 'uint8', 'bool'],
]);

/**
 * The cases that words ask for. A word is a group or an operation, or else text of a name; any of them will do. Dtypes narrow it:
 * `reduce softmax float64` are the float64 cases of both.
 */
export const chosen = (cases: readonly SweepCase[], words: readonly string[]): readonly SweepCase[] => {
  const dtypes = words.filter((word) => DTYPES.has(word));
  const others = words.filter((word) => !DTYPES.has(word));
  const known = new Set(cases.flatMap(({ group, op }) => [group, op]));
  const asks = (one: SweepCase, word: string): boolean =>
    known.has(word) ? one.group === word || one.op === word : nameOf(one).includes(word);
  return cases.filter(
    (one) =>
      (dtypes.length === 0 || one.inputs.some(({ dtype }) => dtypes.includes(dtype))) &&
      (others.length === 0 || others.some((word) => asks(one, word))),
  );
};
