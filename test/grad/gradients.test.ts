// gradients(ys, xs): the operations TensorFlow 1.15 makes, by name and order, and what it refuses.
import test from 'ava';
import { defineOp } from '../../lib/core/defineOp.js';
import { GrafoError } from '../../lib/core/errors.js';
import { Graph, Tensor } from '../../lib/core/graph.js';
import { IndexedSlices } from '../../lib/core/indexedSlices.js';
import { TensorShape } from '../../lib/core/shape.js';
import { AggregationMethod, gradients } from '../../lib/grad/gradients.js';
import { add, multiply, subtract } from '../../lib/ops/arithmetic.js';
import { constant, identity, placeholder, stopGradient } from '../../lib/ops/array.js';
import { cast } from '../../lib/ops/cast.js';
import { gather } from '../../lib/ops/gather.js';
import { unstack } from '../../lib/ops/join.js';
import { Session } from '../../lib/runtime/session.js';

const FLOAT = { type: 'type' } as const;
const opaque = defineOp('TestOpaque', {
  inputs: { x: 'T' },
  outputs: { y: 'T' },
  attrs: { T: FLOAT },
  shape: (c) => [c.inputs[0]!],
  grad: 'missing',
  lower: 'alias',
});
const wrong = defineOp('TestWrongShape', {
  inputs: { x: 'T' },
  outputs: { y: 'T' },
  attrs: { T: FLOAT },
  shape: (c) => [c.inputs[0]!],
  grad: () => ({ x: constant([1, 2, 3, 4, 5]) }),
  lower: 'alias',
});

/** Runs `fn` in a graph of its own; gives the operations it added after `mark()` as `name type`. */
const inGraph = <R>(fn: (graph: Graph) => R): R => {
  const graph = new Graph();
  return graph.asDefault(() => fn(graph));
};
const opsOf = (graph: Graph): string[] =>
  graph
    .getOperations()
    .filter((op) => op.name.startsWith('gradients'))
    .map((op) => `${op.name} ${op.type}`);
const value = (graph: Graph, tensor: unknown): unknown => {
  using session = new Session(graph);
  return session.runSync(tensor as Tensor).toArray();
};
const refused = (t: { throws: typeof test.prototype.throws }, fn: () => unknown): GrafoError =>
  t.throws(fn, { instanceOf: GrafoError }) as GrafoError;

test('a product of scalars makes the operations of TensorFlow 1.15, in its order', (t) => {
  inGraph((graph) => {
    const x = placeholder('float32', [], { name: 'x' });
    const y = multiply(x, constant(3));
    const [dx] = gradients(y, [x]);
    t.deepEqual(opsOf(graph), [
      'gradients/Shape Const',
      'gradients/grad_ys_0 Const',
      'gradients/Fill Fill',
      'gradients/Mul_grad/Mul Mul',
      'gradients/Mul_grad/Mul_1 Mul',
    ]);
    t.is((dx as Tensor).name, 'gradients/Mul_grad/Mul:0');
  });
});

test('a second call gets the next scope', (t) => {
  inGraph(() => {
    const x = placeholder('float32', [], { name: 'x' });
    const y = multiply(x, x);
    gradients(y, [x]);
    t.is((gradients(y, [x])[0] as Tensor).op.name, 'gradients_1/AddN');
    t.is((gradients(y, [x], { name: 'mine' })[0] as Tensor).op.name, 'mine/AddN');
  });
});

test('an unknown shape is read when the graph runs', (t) => {
  inGraph((graph) => {
    const x = placeholder('float32', [null], { name: 'x' });
    gradients(identity(x), [x]);
    t.deepEqual(opsOf(graph).slice(0, 3), [
      'gradients/Shape Shape',
      'gradients/grad_ys_0 Const',
      'gradients/Fill Fill',
    ]);
  });
});

test('several gradients of one tensor are added by AddN, colocated with the first', (t) => {
  inGraph((graph) => {
    const x = constant(2, { name: 'x' });
    const y = add(multiply(x, x), x);
    const [dx] = gradients(y, [x]);
    t.is((dx as Tensor).op.type, 'AddN');
    t.is((dx as Tensor).op.name, 'gradients/AddN');
    t.deepEqual((dx as Tensor).op.attr('_class'), ['loc:@gradients/Fill']);
    t.is(value(graph, dx), 5);
  });
});

test('the tree method adds in pairs', (t) => {
  inGraph((graph) => {
    const x = constant(2, { name: 'x' });
    const y = add(multiply(x, x), x);
    const [dx] = gradients(y, [x], { aggregationMethod: AggregationMethod.EXPERIMENTAL_TREE });
    t.is((dx as Tensor).op.name, 'gradients/x_gradient_sum/AddN_1');
    t.is(value(graph, dx), 5);
  });
});

test('an x that no y depends on has the gradient null, or zeros where they are asked for', (t) => {
  inGraph((graph) => {
    const [a, b] = [constant([1, 2]), constant([[1], [2], [3]])];
    t.deepEqual(gradients(b, [a]), [null]);
    const [zero] = gradients(b, [a], { unconnectedGradients: 'zero' });
    t.deepEqual(value(graph, zero), [0, 0]);
    const error = refused(t, () => gradients(b, [a], { unconnectedGradients: 'nonsense' as 'zero' }));
    t.is(error.text, "Unknown value for unconnected_gradients: 'nonsense'");
  });
});

test('nothing flows through integers', (t) => {
  inGraph(() => {
    const x = constant(2.5);
    const y = cast(cast(x, 'int32'), 'float32');
    t.deepEqual(gradients(y, [x]), [null]);
    t.deepEqual(gradients(cast(x, 'int32'), [x]), [null]);
    const n = placeholder('int32', []);
    t.deepEqual(gradients(multiply(n, n), [n]), [null]);
  });
});

test('stop gradients make partial derivatives of total ones', (t) => {
  inGraph((graph) => {
    const a = constant(0);
    const b = multiply(2, a);
    const total = gradients(add(a, b), [a, b]);
    const partial = gradients(add(a, b), [a, b], { stopGradients: [a, b] });
    t.deepEqual(
      total.map((grad) => value(graph, grad)),
      [3, 1],
    );
    t.deepEqual(
      partial.map((grad) => value(graph, grad)),
      [1, 1],
    );
    t.deepEqual(gradients(stopGradient(a), [a]), [null]);
  });
});

test('the gradient with respect to a y itself is one', (t) => {
  inGraph((graph) => {
    const a = constant([1, 2]);
    t.deepEqual(value(graph, gradients(a, [a])[0]), [1, 1]);
  });
});

test('gradients of several ys add up, each with its own gradYs', (t) => {
  inGraph((graph) => {
    const x = constant(3);
    const [u, v] = [multiply(x, 2), multiply(x, x)];
    t.is(value(graph, gradients([u, v], [x])[0]), 8);
    t.is(value(graph, gradients([u, v], [x], [constant(10), null])[0]), 26);
    t.is(value(graph, gradients([u, v], [x], { gradYs: [10, 100] })[0]), 620);
    t.is(refused(t, () => gradients([u, v], [x], [constant(1)])).text, 'Passed 1 grad_ys for 2 ys');
  });
});

test('a gradient of a gradient is the second order', (t) => {
  inGraph((graph) => {
    const x = constant(3);
    const y = multiply(multiply(x, x), x);
    const [dx] = gradients(y, [x]);
    const [d2x] = gradients(dx as Tensor, [x]);
    t.is(value(graph, dx), 27);
    t.is(value(graph, d2x), 18);
  });
});

test('outputs that nothing depends on get a ZerosLike', (t) => {
  inGraph((graph) => {
    const x = constant([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    const parts = unstack(x);
    const [dx] = gradients(multiply(parts[1]!, 10), [x]);
    t.deepEqual(
      opsOf(graph).filter((op) => op.includes('zeros_like')),
      ['gradients/zeros_like ZerosLike', 'gradients/zeros_like_1 ZerosLike'],
    );
    t.deepEqual(value(graph, dx), [
      [0, 0],
      [10, 10],
      [0, 0],
    ]);
  });
});

test('gather gives IndexedSlices; two of them become one, and one more dense term makes a tensor', (t) => {
  inGraph((graph) => {
    const x = constant([
      [1, 2],
      [3, 4],
      [5, 6],
    ]);
    const [one, two] = [gather(x, [0, 2]), gather(x, [2])];
    const single = gradients(one, [x])[0];
    t.true(single instanceof IndexedSlices);
    const both = gradients([one, two], [x])[0];
    t.true(both instanceof IndexedSlices);
    t.deepEqual(value(graph, (both as IndexedSlices).indices), [0, 2, 2]);
    const dense = gradients([one, multiply(x, 10)], [x])[0];
    t.true(dense instanceof Tensor);
    t.deepEqual(value(graph, dense), [
      [11, 11],
      [10, 10],
      [11, 11],
    ]);
  });
});

test('IndexedSlices pass an identity, as they do on the way to a variable', (t) => {
  inGraph(() => {
    const x = constant([
      [1, 2],
      [3, 4],
    ]);
    t.true(gradients(gather(identity(x), [0]), [x])[0] instanceof IndexedSlices);
  });
});

test('an operation without a gradient is a LookupError with its name', (t) => {
  inGraph(() => {
    const x = constant(1);
    const y = opaque({ x }, {}, { name: 'cave' }).output;
    const error = refused(t, () => gradients(multiply(y, 2), [x]));
    t.is(error.name, 'LookupError');
    t.is(error.text, "No gradient defined for operation 'cave' (op type: TestOpaque)");
    t.is(error.node, 'cave');
    t.notThrows(() => gradients(y, [y]));
  });
});

test('a gradient that does not fit its input is a ValueError', (t) => {
  inGraph(() => {
    const x = constant([1, 2]);
    const y = wrong({ x }, {}, { name: 'w' }).output;
    const error = refused(t, () => gradients(y, [x]));
    t.is(
      error.text,
      'Incompatible shapes between op input and calculated input gradient.  Forward operation: w.  Input index: 0. ' +
        'Original input shape: (2,).  Calculated input gradient shape: (5,)',
    );
  });
});

test('a gradient takes the static shape of its input', (t) => {
  inGraph(() => {
    const x = placeholder('float32', [null, 3], { name: 'x' });
    const [dx] = gradients(subtract(x, 1), [x]);
    t.true((dx as Tensor).shape.equals(new TensorShape([null, 3])));
  });
});

test('colocated gradients are where their operations are', (t) => {
  inGraph((graph) => {
    const x = constant(2);
    const y = graph.device('/cpu:0', () => multiply(x, x));
    const [dx] = gradients(y, [x], { colocateGradientsWithOps: true });
    const made = graph.getOperationByName('gradients/Mul_grad/Mul');
    t.deepEqual(made.attr('_class'), ['loc:@Mul']);
    t.is(made.device, '/device:CPU:0');
    t.is(value(graph, dx), 4);
  });
});

test('gated gradients wait for each other', (t) => {
  inGraph((graph) => {
    const [a, b] = [constant(2), constant(5)];
    const grads = gradients(multiply(a, b), [a, b], { gateGradients: true });
    t.deepEqual(
      grads.map((grad) => (grad as Tensor).op.controlInputs.map((op) => op.name)),
      [['gradients/Mul_grad/tuple/group_deps'], ['gradients/Mul_grad/tuple/group_deps']],
    );
    t.deepEqual(
      grads.map((grad) => value(graph, grad)),
      [5, 2],
    );
  });
});

test('ys and xs of different graphs are refused', (t) => {
  const [a, b] = [inGraph(() => constant(1)), inGraph(() => constant(1))];
  t.regex(refused(t, () => gradients(a, [b])).text, /must be from the same graph as/);
});
