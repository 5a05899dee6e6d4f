// prune: from the fetches and targets backward to what they need; a fed tensor cuts its ancestors off.
import { InvalidArgumentError } from '../core/errors.js';
import type { Operation, Tensor } from '../core/graph.js';
import type { Node, Program, Ref } from './program.js';
import type { Request } from './stage.js';

/** The program of a request. InvalidArgumentError where a placeholder that is needed is not fed. */
export const prune = (request: Request): Program => {
  const fed = new Map<Tensor, number>(request.feeds.map((tensor, i) => [tensor, i]));
  const feeds = new Map<Tensor, Node>();
  const nodes = new Map<Operation, Node>();
  const needed = new Set<Operation>();
  const stack: Operation[] = [...request.targets];
  for (const fetch of request.fetches) if (!fed.has(fetch)) stack.push(fetch.op);
  while (stack.length > 0) {
    const op = stack.pop()!;
    if (needed.has(op)) continue;
    needed.add(op);
    for (const input of op.inputs) if (!fed.has(input)) stack.push(input.op);
    for (const control of op.controlInputs) stack.push(control);
  }
  const feedOf = (tensor: Tensor): Node => {
    let node = feeds.get(tensor);
    if (node === undefined) {
      node = {
        op: tensor.op,
        row: undefined,
        attrs: new Map(),
        inputs: [],
        controls: [],
        feed: fed.get(tensor)!,
        fed: tensor,
      };
      feeds.set(tensor, node);
    }
    return node;
  };
  const ref = (tensor: Tensor): Ref =>
    fed.has(tensor) ? { node: feedOf(tensor), output: 0 } : { node: nodes.get(tensor.op)!, output: tensor.valueIndex };
  // Creation order: an operation's inputs and controls are always older than itself.
  for (const op of [...needed].sort((a, b) => a.id - b.id)) {
    if (op.type === 'Placeholder' && !fed.has(op.output)) throw unfed(op);
    for (let i = 0; i < op.inputs.length; i++) {
      const feed = fed.get(op.inputs[i]!);
      if (feed !== undefined && wantsMemory(op, i)) throw fedMemory(op, i, feed);
    }
    nodes.set(op, {
      op,
      row: op.row,
      attrs: op.attrs,
      inputs: op.inputs.map(ref),
      controls: op.controlInputs.map((control) => nodes.get(control)!),
      feed: -1,
      fed: undefined,
    });
  }
  const fetches = request.fetches.map(ref);
  const targets = request.targets.map((op) => nodes.get(op)!);
  return { nodes: [...feeds.values(), ...nodes.values()], fetches, targets };
};

/** Whether an input has to be a variable's own memory. Rows that want one have no lists, so each of their inputs is one tensor. */
const wantsMemory = (op: Operation, i: number): boolean =>
  op.inputs[i]!.isRef && Object.values(op.row.inputs)[i]?.startsWith('Ref(') === true;

/** A feed replaces a variable's memory by a plain tensor, which no operation can update: TensorFlow's words, and what they mean. */
const fedMemory = (op: Operation, i: number, feed: number): InvalidArgumentError => {
  const tensor = op.inputs[i]!;
  const type = tensor.dtype.cName;
  const arg = `_arg_${tensor.op.name}_${tensor.valueIndex}_${feed}:0`;
  return new InvalidArgumentError(
    `Input ${i} of node ${op.name} was passed ${type} from ${arg} incompatible with expected ${type}_ref. ` +
      `(${tensor.name} is fed, so this run has no variable there for '${op.name}'.)`,
    { op: op.type, node: op.name, createdAt: op.place.toString() || undefined },
  );
};

const unfed = (op: Operation): InvalidArgumentError => {
  const { dtype, shape } = op.output;
  const told = (shape.rank ?? 0) === 0 ? '' : ` and shape ${shape.toBrackets()}`;
  return new InvalidArgumentError(
    `You must feed a value for placeholder tensor '${op.name}' with dtype ${dtype.cName}${told}`,
    {
      op: op.type,
      node: op.name,
      createdAt: op.place.toString() || undefined,
    },
  );
};
