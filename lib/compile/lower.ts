// lower: nodes at concrete shapes become kernel steps, tapes, aliases and constants, as their rows say.
import type { AttrValue } from '../core/attrs.js';
import type { DType } from '../core/dtype.js';
import { InternalError } from '../core/errors.js';
import type { Operation } from '../core/graph.js';
import type { LowerContext, Tape, Value, Words } from '../core/lowering.js';
import type { NDArray } from '../core/ndarray.js';
import { type Facts, hostPositions, place } from './facts.js';
import { inputRange, isStateful, isVariableRef, type Node, type Ref } from './program.js';
import { arenaValue, bytesOf, type PlanValue, type Step, sizeOfShape, type VariableSlot, type Word } from './steps.js';
import { operandOf, TapeBuilder } from './tape.js';
import { updatedPositions, updatedVariables, type Versions, variableOf, versionRef } from './versions.js';

/** What lowering needs to know beside the facts. */
export interface LowerInput {
  readonly facts: Facts;
  readonly versions: Versions;
  /** The plan value of a ref that this stage is fed (a feed of the request, or a value carried over). */
  readonly fed: (ref: Ref) => PlanValue | undefined;
  /** Whether the run was asked for this node itself: it runs, as in TensorFlow, though nothing reads it. */
  readonly isTarget: (node: Node) => boolean;
  /** How many updates of a variable earlier stages ran: what its memory holds when this stage starts. */
  readonly startVersion: (variable: Operation) => number;
}

const NO_STEPS: readonly Step[] = [];
const NO_ATTRS: readonly Word[] = [];
const NOT_REDUCED = [undefined] as const;
const NO_POSITIONS: ReadonlySet<number> = new Set();
/** Never written to. */
const NO_VALUES = new Map<Operation, PlanValue>();

/** Whether a step does no more than write memory of its own. */
const isPure = ({ acts, outputs }: Step): boolean => !acts && outputs.every(({ storage }) => storage.kind === 'arena');

/** Lowers the nodes of a stage in order and keeps which value each ref became. */
export class Lowering {
  readonly steps: Step[] = [];
  readonly #input: LowerInput;
  readonly #values = new Map<Node, (PlanValue | undefined)[]>();
  readonly #constants = new Map<NDArray, PlanValue>();
  readonly #slots = new Map<Operation, VariableSlot>();
  readonly #storages = new Map<Operation, PlanValue['storage']>();
  /** Steps after which a node has happened. */
  readonly #done = new Map<Node, readonly Step[]>();
  /** The same for nodes without a step of their own. */
  readonly #waits = new Map<Node, ReadonlySet<Step>>();

  /** Of nodes of several steps that only write memory of their own (Split, Unpack): which step writes what. */
  readonly #parts = new Map<Node, ReadonlyMap<PlanValue['storage'], Step>>();

  constructor(input: LowerInput) {
    this.#input = input;
  }

  /** The value of a ref for a node that consumes it (or for a fetch). */
  value(ref: Ref, consumer: Node | 'fetch'): PlanValue {
    const variable = variableOf(ref);
    if (variable !== undefined) {
      const { versions } = this.#input;
      const version = consumer === 'fetch' ? versions.fetched(ref, variable) : versions.read(consumer, variable);
      return this.#variableAt(variable, version);
    }
    const fed = this.#input.fed(ref);
    if (fed !== undefined) return fed;
    const made = this.#values.get(ref.node)?.[ref.output];
    if (made !== undefined) return made;
    const host = this.#input.facts.host(ref);
    if (host !== null) return this.constant(host);
    throw new InternalError(`no step computes ${ref.node.op.name}:${ref.output}`, place(ref.node.op));
  }
  /** A variable at a version, for a fetch that carries it to the next stage. */
  snapshot(variable: Operation, version: number): PlanValue {
    return this.#variableAt(variable, version);
  }
  /** A variable's memory at a version; an older one than the memory holds was carried over from the stage before. */
  #variableAt(variable: Operation, version: number): PlanValue {
    if (version < this.#input.startVersion(variable)) {
      const snapshot = this.#input.fed(versionRef(variable, version));
      if (snapshot !== undefined) return snapshot;
      throw new InternalError(`version ${version} of variable ${variable.name} is gone`, place(variable));
    }
    let storage = this.#storages.get(variable);
    if (storage === undefined) {
      const shape = this.#input.facts.variableShape(this.#sourceOf(variable));
      const slot: VariableSlot = { op: variable, dtype: variable.outputs[0]!.dtype, shape };
      storage = { kind: 'variable', bytes: bytesOf(slot.dtype, shape), variable: slot };
      this.#storages.set(variable, storage);
      this.#slots.set(variable, slot);
    }
    const slot = this.#slots.get(variable)!;
    return { dtype: slot.dtype, shape: slot.shape, storage, version, dynamic: false };
  }
  readonly #sources = new Map<Operation, Node>();
  #sourceOf(variable: Operation): Node {
    return this.#sources.get(variable)!;
  }

  constant(array: NDArray): PlanValue {
    let value = this.#constants.get(array);
    if (value === undefined) {
      const storage = { kind: 'constant' as const, bytes: bytesOf(array.dtype, array.shape), array };
      value = { dtype: array.dtype, shape: array.shape, storage, version: 0, dynamic: false };
      this.#constants.set(array, value);
    }
    return value;
  }

  /** Remembers a variable's node, so that its shape can be asked for. */
  declare(node: Node): void {
    if (isVariableRef({ node, output: 0 })) this.#sources.set(node.op, node);
  }

  /**
   * A node that needs no step here, as its value is known: it waits for no data, but what depends on it still waits for its control
   * dependencies (a constant shape made under one has it).
   */
  skip(node: Node): void {
    const before = new Set<Step>();
    for (const control of node.controls) for (const step of this.#done.get(control) ?? []) before.add(step);
    for (const { node: input } of node.inputs) for (const step of this.#waits.get(input) ?? []) before.add(step);
    if (before.size === 0) return;
    this.#waits.set(node, before);
    this.#done.set(node, [...before]);
  }

  /** Lowers one node whose inputs are lowered. */
  lower(node: Node): void {
    const row = node.row;
    if (row === undefined) return;
    const before: Step[] = [];
    for (const input of node.inputs) {
      const part = this.#partOf(input);
      if (part !== undefined) before.push(part);
      else for (const step of this.#done.get(input.node) ?? NO_STEPS) before.push(step);
    }
    for (const control of node.controls) for (const step of this.#done.get(control) ?? NO_STEPS) before.push(step);
    const first = this.steps.length;
    const isRead = row.updates === undefined && variableOf({ node, output: 0 }) !== undefined;
    if (!isRead && row.lower !== 'source' && row.lower !== 'nothing' && row.lower !== 'host') this.#located(node);
    const made = this.steps.slice(first);
    for (const step of made) for (const earlier of before) step.after.add(earlier);
    if (made.length > 1 && made.every(isPure))
      this.#parts.set(
        node,
        new Map(made.flatMap((step) => step.outputs.map(({ storage }) => [storage, step] as const))),
      );
    this.#done.set(node, made.length > 0 ? made : before.length > 1 ? [...new Set(before)] : before);
  }

  /** The one step that who reads a ref waits for, where it need not wait for the node's others. */
  #partOf({ node, output }: Ref): Step | undefined {
    const parts = this.#parts.get(node);
    const made = parts === undefined ? undefined : this.#values.get(node)?.[output];
    return made === undefined ? undefined : parts!.get(made.storage);
  }

  #located(node: Node): void {
    try {
      this.#steps(node);
    } catch (error) {
      throw this.#input.facts.located(node, error);
    }
  }
  #steps(node: Node): void {
    const row = node.row!;
    const { facts, versions } = this.#input;
    const updated = updatedVariables(node);
    const targets = updated.length === 0 ? NO_POSITIONS : new Set(updatedPositions(node));
    const hosts = hostPositions(node);
    const ofUpdated = updated.length === 0 ? NO_VALUES : new Map<Operation, PlanValue>();
    for (const variable of updated) ofUpdated.set(variable, this.#variableAt(variable, versions.made(node, variable)));
    const inputs = node.inputs.map((input, i): PlanValue => {
      const own = targets.has(i) ? ofUpdated.get(variableOf(input)!) : undefined;
      // The memory an update is about to change holds the version before its own.
      if (own !== undefined) return { ...own, version: own.version - 1 };
      return hosts.includes(i) ? this.constant(facts.host(input)!) : this.value(input, node);
    });
    const outputs = node.op.outputs.map((tensor, output): PlanValue => {
      const ref: Ref = { node, output };
      if (tensor.isRef) {
        const variable = variableOf(ref);
        if (variable !== undefined)
          return ofUpdated.get(variable) ?? this.#variableAt(variable, versions.read(node, variable));
      }
      return arenaValue(tensor.dtype, facts.shape(ref), facts.isDynamic(ref));
    });
    this.#values.set(node, outputs);
    if (row.lower === 'alias') {
      outputs[0] = { ...inputs[0]!, shape: outputs[0]!.shape };
      return;
    }
    if (typeof row.lower === 'object') {
      this.#tape(node, row.lower.functor, inputs, outputs);
      return;
    }
    if (typeof row.lower !== 'function') return;
    const emit = (
      kernel: string,
      ins: readonly PlanValue[],
      outs: readonly PlanValue[],
      attrs: Word[],
      tape: Step['tape'],
    ): void => {
      this.steps.push({
        kernel,
        inputs: [...ins],
        // A row may write to the ref input or to the ref output: both are the variable at the version this update makes.
        outputs: outs.map((out) =>
          out.storage.kind === 'variable' ? (ofUpdated.get(out.storage.variable.op) ?? out) : out,
        ),
        attrs,
        tape,
        op: node.op,
        after: new Set(),
        acts: isStateful(node) || this.#input.isTarget(node),
        ...(row.initializes === true ? { fills: new Set(ofUpdated.keys()) } : {}),
      });
    };
    const tape = (space: readonly number[], build: (tape: Tape) => void, kernel = 'Fused'): void => {
      const builder = new TapeBuilder(space, node.op.id, (array) => this.constant(array));
      build(builder);
      emit(kernel, builder.inputs, builder.outputs, [], builder.finish());
    };
    const list = (name: string): readonly PlanValue[] => {
      const [from, count] = inputRange(node, name);
      return inputs.slice(from, from + count);
    };
    const context: LowerContext = {
      op: node.op,
      inputs,
      outputs,
      list,
      input: (name) => list(name)[0]!,
      attr: <T extends AttrValue>(name: string) => node.attrs.get(name) as T,
      host: (name) => {
        const value = facts.host(node.inputs[inputRange(node, name)[0]]!);
        if (value === null) throw new InternalError(`input ${name} of ${row.type} is not in its hostInputs`);
        return value;
      },
      hostNumbers: (name) => Array.from(context.host(name).data as Int32Array, Number),
      kernel: (kernel, ins, outs, attrs) => {
        const words = new WordList(node.op);
        attrs?.(words);
        emit(kernel, ins as readonly PlanValue[], outs as readonly PlanValue[], words.list, undefined);
      },
      tape,
      copy: (value, output) => {
        if (value.dtype.kind === 'string') emit('Copy', [value as PlanValue], [output as PlanValue], [], undefined);
        else tape(value.shape, (t) => t.output(output, t.input(value)), 'Copy');
      },
      view: (value, shape) => {
        if (sizeOfShape(shape) !== sizeOfShape(value.shape))
          throw new InternalError(`a view of ${value.shape} as ${shape}`);
        return { ...(value as PlanValue), shape };
      },
      temp: (dtype: DType, shape) => arenaValue(dtype, shape),
      constant: (array) => this.constant(array),
      alias: (output, value: Value) => {
        outputs[output] = { ...(value as PlanValue), shape: outputs[output]!.shape };
      },
    };
    row.lower(context);
  }

  /** One instruction over all inputs: what most nodes are. */
  #tape(node: Node, functor: string, inputs: readonly PlanValue[], outputs: readonly PlanValue[]): void {
    const read: PlanValue[] = [];
    const args = inputs.map((input) => {
      const at = read.indexOf(input);
      return at < 0 ? read.push(input) - 1 : at;
    });
    const output = outputs[0]!;
    const operand = operandOf(functor, inputs).dtype;
    this.steps.push({
      kernel: 'Fused',
      inputs: read,
      outputs: [output],
      attrs: NO_ATTRS,
      tape: {
        space: output.shape,
        instructions: [{ functor, operand, result: output.dtype, args, node: node.op.id }],
        outputs: [read.length],
        reductions: NOT_REDUCED,
      },
      op: node.op,
      after: new Set(),
      acts: isStateful(node) || this.#input.isTarget(node),
    });
  }
}

/** Collects attribute words. */
class WordList implements Words {
  readonly list: Word[] = [];
  readonly #op: Operation;
  constructor(op: Operation) {
    this.#op = op;
  }
  i32(...values: number[]): Words {
    this.list.push(...values.map((value) => value | 0));
    return this;
  }
  i64(...values: (number | bigint)[]): Words {
    for (const value of values) {
      const bits = BigInt(value);
      this.list.push(Number(BigInt.asIntN(32, bits)), Number(BigInt.asIntN(32, bits >> 32n)));
    }
    return this;
  }
  symbol(text: string): Words {
    this.list.push({ symbol: text });
    return this;
  }
  state(): Words {
    this.list.push({ stateOf: this.#op.id });
    return this;
  }
}
