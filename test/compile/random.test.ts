// Random programs over variables, against an interpreter of the rules, and against themselves without the passes. All numbers are int32:
// nothing is rounded, so that every difference is a fault.
import test from 'ava';
import type { CompileOptions } from '../../lib/compile/stage.js';
import * as tf from '../../lib/index.js';
import { Random } from '../ops/generate.js';

const PROGRAMS = process.env.GRAFO_FULL ? 2000 : 160;
const [ROWS, COLUMNS] = [8, 8];
/** Shapes that broadcast with each other; a matrix is larger than a cache line. */
const SHAPES: readonly (readonly number[])[] = [[], [COLUMNS], [ROWS, COLUMNS], [ROWS, 1]];

type Data = readonly number[];
/** A node of a program: how grafo builds it, and how its value is computed. */
interface Item {
  readonly op: tf.Operation;
  readonly tensor: tf.Tensor;
  readonly shape: readonly number[];
  readonly inputs: readonly Item[];
  readonly controls: readonly Item[];
  /** A variable, or an update of it, or a plain read of either: its memory, which its consumer reads. */
  readonly variable?: Item;
  readonly updates?: 'assign' | 'add';
  readonly compute?: (values: readonly Data[]) => Data;
}

const sizeOf = (shape: readonly number[]): number => shape.reduce((size, dim) => size * dim, 1);
/** Element i of a result of `shape`, in an operand of another. */
const at = (operand: readonly number[], shape: readonly number[], i: number): number => {
  let [place, stride, rest] = [0, 1, i];
  for (let axis = 1; axis <= shape.length; axis++) {
    const dim = shape.at(-axis)!;
    const own = operand.at(-axis) ?? 1;
    if (own !== 1) place += (rest % dim) * stride;
    stride *= own;
    rest = Math.floor(rest / dim);
  }
  return place;
};
const broadcast = (a: readonly number[], b: readonly number[]): number[] => {
  const rank = Math.max(a.length, b.length);
  return Array.from({ length: rank }, (_, i) => Math.max(a.at(i - rank) ?? 1, b.at(i - rank) ?? 1));
};

const BINARY: readonly [(x: tf.Tensor, y: tf.Tensor) => tf.Tensor, (x: number, y: number) => number][] = [
  [tf.add, (x, y) => (x + y) | 0],
  [tf.sub, (x, y) => (x - y) | 0],
  [tf.multiply, Math.imul],
  [tf.maximum, Math.max],
  [tf.minimum, Math.min],
];

class Maker {
  readonly items: Item[] = [];
  readonly feeds = new Map<tf.Tensor, tf.NDArray>();
  readonly variables: { readonly item: Item; readonly initial: Data }[] = [];
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
    for (const shape of SHAPES) this.#source(shape, random.chance(0.5));
    for (let i = 0; i < 2; i++) this.#variable(random.pick(SHAPES));
    const count = random.int(4, 24);
    for (let i = 0; i < count; i++) this.#add();
  }

  #numbers(shape: readonly number[]): Int32Array {
    return Int32Array.from({ length: sizeOf(shape) }, () => this.#random.int(-9, 10));
  }
  #push(tensor: tf.Tensor, shape: readonly number[], more: Partial<Item>): Item {
    const item = { op: tensor.op, tensor, shape, inputs: [], controls: [], ...more };
    this.items.push(item);
    return item;
  }
  #source(shape: readonly number[], constant: boolean): void {
    const array = new tf.NDArray(tf.int32, shape, this.#numbers(shape));
    const tensor = constant ? tf.constant(array) : tf.placeholder('int32', shape);
    if (!constant) this.feeds.set(tensor, array);
    this.#push(tensor, shape, { compute: () => [...(array.data as Int32Array)] });
  }
  #variable(shape: readonly number[]): void {
    const initial = this.#numbers(shape);
    const made = new tf.Variable(new tf.NDArray(tf.int32, shape, initial));
    const item = { op: made.op, tensor: made.value(), shape, inputs: [], controls: [] };
    this.items.push({ ...item, variable: item });
    this.variables.push({ item, initial: [...initial] });
  }

  /** An operand: something recent, so that programs are deep. */
  #any(): Item {
    const { items } = this;
    return this.#random.chance(0.6)
      ? items[this.#random.int(Math.max(0, items.length - 5), items.length)]!
      : this.#random.pick(items);
  }
  #fitting(shape: readonly number[]): Item {
    return this.#random.pick(
      this.items.filter(
        (item) => item.shape.length <= shape.length && broadcast(item.shape, shape).join() === shape.join(),
      ),
    );
  }
  #add(): void {
    const random = this.#random;
    const controls = random.chance(0.3) ? [this.#any()] : [];
    tf.withControl(
      controls.map(({ op }) => op),
      () => this.#node(random, controls),
    );
  }
  #node(random: Random, controls: readonly Item[]): void {
    const kind = random.int(0, 12);
    if (kind < 3) {
      const { item } = random.pick(this.variables);
      const value = this.#fitting(item.shape);
      const full = value.shape.length === item.shape.length && value.shape.every((dim, i) => dim === item.shape[i]);
      // An update takes a value of the variable's own shape.
      const taken = full
        ? value
        : this.#elementwise(value, this.items.find((one) => one.shape.join() === item.shape.join())!, controls);
      const updates = random.chance(0.4) ? 'assign' : 'add';
      const memory = item.op.output;
      const made = updates === 'assign' ? tf.assign(memory, taken.tensor) : tf.assignAdd(memory, taken.tensor);
      this.#push(made, item.shape, { inputs: [taken], controls, variable: item, updates });
      return;
    }
    const x = this.#any();
    if (kind === 3) {
      // An identity right on an update's memory is a plain read; one on a variable's own read consumes that.
      const alias = x.updates !== undefined && controls.length === 0;
      this.#push(tf.identity(x.tensor), x.shape, {
        inputs: [x],
        controls,
        ...(alias ? { variable: x.variable! } : { compute: ([value]: readonly Data[]) => value! }),
      });
    } else if (kind === 4 && x.shape.length === 2 && x.shape[1] === COLUMNS) {
      // Rows in reverse order: a kernel of its own, between tapes.
      const compute = ([value]: readonly Data[]): Data =>
        value!.map((_, i) => value![(ROWS - 1 - Math.floor(i / COLUMNS)) * COLUMNS + (i % COLUMNS)]!);
      this.#push(tf.reverse(x.tensor, [0]), x.shape, { inputs: [x], controls, compute });
    } else if (kind === 6 && x.shape.length === 2 && x.shape[1] === COLUMNS) {
      // As many rows as columns: what is transposed fits everything, and may be taken back.
      const compute = ([value]: readonly Data[]): Data =>
        value!.map((_, i) => value![(i % ROWS) * COLUMNS + Math.floor(i / ROWS)]!);
      this.#push(tf.transpose(x.tensor), x.shape, { inputs: [x], controls, compute });
    } else if (kind > 9 && x.shape[1] === COLUMNS) {
      // A product reads whole operands, and ends in tapes and updates.
      const y = this.#random.pick(this.items.filter(({ shape }) => shape.length === 2));
      const width = y.shape[1]!;
      const compute = ([a, b]: readonly Data[]): Data =>
        Array.from({ length: ROWS * width }, (_, i) => {
          let sum = 0;
          for (let k = 0; k < COLUMNS; k++)
            sum = (sum + Math.imul(a![Math.floor(i / width) * COLUMNS + k]!, b![k * width + (i % width)]!)) | 0;
          return sum;
        });
      this.#push(tf.matmul(x.tensor, y.tensor), [ROWS, width], { inputs: [x, y], controls, compute });
    } else if (kind === 5) {
      const compute = ([value]: readonly Data[]): Data => [value!.reduce((sum, one) => (sum + one) | 0, 0)];
      this.#push(tf.reduceSum(x.tensor), [], { inputs: [x], controls, compute });
    } else this.#elementwise(x, this.#any(), controls);
  }
  #elementwise(x: Item, y: Item, controls: readonly Item[]): Item {
    const [build, compute] = this.#random.pick(BINARY);
    const shape = broadcast(x.shape, y.shape);
    return this.#push(build(x.tensor, y.tensor), shape, {
      inputs: [x, y],
      controls,
      compute: ([a, b]) =>
        Array.from({ length: sizeOf(shape) }, (_, i) =>
          compute(a![at(x.shape, shape, i)]!, b![at(y.shape, shape, i)]!),
        ),
    });
  }
}

/** One run by the rules: a read belongs to its consumer, updates of a variable happen in the order of their creation. */
class Interpreter {
  readonly #needed = new Set<Item>();
  readonly #seen = new Map<Item, ReadonlySet<Item>>();
  readonly #values = new Map<Item, Data>();
  readonly #memory: Map<Item, Data[]>;

  constructor(items: readonly Item[], fetches: readonly Item[], state: ReadonlyMap<Item, Data>) {
    const stack = [...fetches];
    while (stack.length > 0) {
      const item = stack.pop()!;
      if (this.#needed.has(item)) continue;
      this.#needed.add(item);
      stack.push(...item.inputs, ...item.controls);
    }
    this.#memory = new Map([...state].map(([item, data]) => [item, [data]]));
    const order = items.filter((item) => this.#needed.has(item));
    for (const item of order) {
      const seen = new Set<Item>();
      for (const before of [...item.inputs, ...item.controls]) {
        for (const update of this.#seen.get(before)!) seen.add(update);
        if (before.updates !== undefined) seen.add(before);
      }
      this.#seen.set(item, seen);
      if (item.updates !== undefined) {
        const versions = this.#memory.get(item.variable!)!;
        const value = this.#read(item.inputs[0]!, item);
        versions.push(item.updates === 'assign' ? value : versions.at(-1)!.map((one, i) => (one + value[i]!) | 0));
      } else if (item.compute !== undefined)
        this.#values.set(item, item.compute(item.inputs.map((input) => this.#read(input, item))));
    }
  }
  #version(variable: Item, seen: ReadonlySet<Item>): Data {
    const versions = this.#memory.get(variable)!;
    const updates = [...this.#needed].filter((item) => item.updates !== undefined && item.variable === variable);
    updates.sort((a, b) => a.op.id - b.op.id);
    const last = updates.findLastIndex((update) => seen.has(update));
    return versions[last + 1]!;
  }
  #read(item: Item, consumer: Item): Data {
    return item.variable === undefined
      ? this.#values.get(item)!
      : this.#version(item.variable, this.#seen.get(consumer)!);
  }
  fetch(item: Item): Data {
    if (item.variable === undefined) return this.#values.get(item)!;
    const seen = new Set(this.#seen.get(item)!);
    if (item.updates !== undefined) seen.add(item);
    return this.#version(item.variable, seen);
  }
  /** What the variables hold afterwards. */
  state(): Map<Item, Data> {
    return new Map([...this.#memory].map(([item, versions]) => [item, versions.at(-1)!]));
  }
}

const WAYS: Readonly<Record<string, CompileOptions>> = {
  'with every pass': {},
  'with every array far away': { farBytes: 1 },
  'without the passes': {
    fold: false,
    simplify: false,
    cse: false,
    transposes: false,
    repeat: false,
    share: false,
    fuse: false,
    rows: false,
    recompute: false,
    epilogues: false,
    batch: false,
    inPlace: false,
  },
  'without fusion': { fuse: false },
  'transposed as it was': { simplify: false, transposes: false },
};

test('random programs over variables give what the rules say, with the passes and without', (t) => {
  const failures: string[] = [];
  for (let number = 0; number < PROGRAMS && failures.length < 3; number++) {
    const random = new Random(`program ${number}`);
    new tf.Graph().asDefault(() => {
      const made = new Maker(random);
      const runs = [0, 1, 2].map(() => random.shuffle(made.items).slice(0, random.int(1, 6)));
      for (const [way, compile] of Object.entries(WAYS)) {
        using session = new tf.Session({ compile });
        session.runSync(tf.globalVariablesInitializer());
        let state: ReadonlyMap<Item, Data> = new Map(made.variables.map(({ item, initial }) => [item, initial]));
        for (const [run, fetches] of runs.entries()) {
          const rules = new Interpreter(made.items, fetches, state);
          state = rules.state();
          const wanted = fetches.map((item) => rules.fetch(item).join());
          let given: string[];
          try {
            given = session
              .runSync(
                fetches.map(({ tensor }) => tensor),
                made.feeds,
              )
              .map((value) => [...((value as tf.NDArray).data as Int32Array)].join());
          } catch (error) {
            given = [String(error)];
          }
          if (given.join(';') === wanted.join(';')) continue;
          const wrong = Math.max(
            0,
            given.findIndex((text, i) => text !== wanted[i]),
          );
          failures.push(
            `program ${number}, run ${run} ${way}: ${fetches[wrong]!.op.name} is ${given[wrong]}, not ${wanted[wrong]}`,
          );
          return;
        }
      }
    });
  }
  t.deepEqual(failures, []);
});
