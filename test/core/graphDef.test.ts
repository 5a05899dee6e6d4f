// GraphDef: the JSON form that TensorFlow's own protocol buffers read.
import test from 'ava';
import { Graph } from '../../lib/core/graph.js';
import { add } from '../../lib/ops/arithmetic.js';
import { constant, placeholder } from '../../lib/ops/array.js';
import { unstack } from '../../lib/ops/join.js';
import { withControl } from '../../lib/ops/scopes.js';
import { Variable } from '../../lib/ops/variable.js';

test('nodes carry names, ops, inputs, devices and attributes as TensorFlow writes them', (t) => {
  const graph = new Graph();
  graph.asDefault(() => {
    const x = placeholder('float32', [null, 2], { name: 'x' });
    const parts = unstack(constant([1, 2], { name: 'c' }));
    withControl([x], () => graph.device('/cpu:0', () => add(x, parts[1]!, { name: 'y' })));
  });
  const def = graph.asGraphDef();
  t.is(def.versions.producer, 134);
  t.deepEqual(
    def.node.map(({ name, op }) => `${name} ${op}`),
    ['x Placeholder', 'c Const', 'unstack Unpack', 'y Add'],
  );
  t.deepEqual(def.node[0], {
    name: 'x',
    op: 'Placeholder',
    attr: { dtype: { type: 'DT_FLOAT' }, shape: { shape: { dim: [{ size: '-1' }, { size: '2' }] } } },
  });
  t.deepEqual(def.node[1]!.attr, {
    dtype: { type: 'DT_FLOAT' },
    value: { tensor: { dtype: 'DT_FLOAT', tensorShape: { dim: [{ size: '2' }] }, tensorContent: 'AACAPwAAAEA=' } },
  });
  t.deepEqual(def.node[2]!.attr, { T: { type: 'DT_FLOAT' }, axis: { i: '0' }, num: { i: '2' } });
  t.deepEqual(def.node[3], {
    name: 'y',
    op: 'Add',
    input: ['x', 'unstack:1'],
    device: '/device:CPU:0',
    attr: { T: { type: 'DT_FLOAT' } },
  });
  t.deepEqual(JSON.parse(JSON.stringify(def)), def);
});

test('control inputs and colocation are there', (t) => {
  const graph = new Graph();
  graph.asDefault(() => {
    const w = new Variable(1, { name: 'w' });
    withControl([w.initializer], () => constant(2, { name: 'late' }));
  });
  const byName = new Map(graph.asGraphDef().node.map((node) => [node.name, node]));
  t.deepEqual([...byName.keys()], ['w/initial_value', 'w', 'w/Assign', 'w/read', 'late']);
  t.deepEqual(byName.get('late')!.input, ['^w/Assign']);
  t.deepEqual(byName.get('w/read')!.attr!._class, { list: { s: [Buffer.from('loc:@w').toString('base64')] } });
  t.deepEqual(Object.keys(byName.get('w')!.attr!), ['container', 'dtype', 'shape', 'shared_name']);
});
