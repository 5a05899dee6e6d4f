// The initial value of a variable that depends on other variables: the same expression over their initial values.
import type { Operation, Tensor } from '../core/graph.js';
import { GraphKeys } from './scopes.js';

interface Initialized {
  readonly name: string;
  initializedValue(): Tensor;
}

/**
 * `value` with every variable in it replaced by its initial value, so that initializers may run in any order.
 *
 * @param scope the new variable's scope: copies of operations are named after the original and it.
 */
export const safeInitialValue = (scope: string, value: Tensor): Tensor => {
  const copies = new Map<Operation, readonly Tensor[]>();
  const safe = (tensor: Tensor): Tensor => {
    const { op } = tensor;
    let outputs = copies.get(op);
    if (outputs === undefined) {
      outputs = copy(op);
      copies.set(op, outputs);
    }
    return outputs[tensor.valueIndex]!;
  };
  const copy = (op: Operation): readonly Tensor[] => {
    if (op.type === 'IsVariableInitialized') return op.outputs;
    if (op.type === 'VariableV2') {
      const known = variableNamed(op);
      return known === undefined ? op.outputs : [known.initializedValue()];
    }
    const inputs = op.inputs.map(safe);
    if (inputs.every((input, i) => input === op.inputs[i])) return op.outputs;
    const attrs = new Map([...op.attrs].filter(([name]) => name in op.row.attrs));
    return op.row.create(op.graph, inputs, attrs, `${op.name}_${scope}`.replaceAll(':', '_')).outputs;
  };
  return safe(value);
};

const variableNamed = (op: Operation): Initialized | undefined =>
  [GraphKeys.GLOBAL_VARIABLES, GraphKeys.LOCAL_VARIABLES]
    .flatMap((key) => op.graph.getCollection<Initialized>(key))
    .find((variable) => variable.name === `${op.name}:0`);
