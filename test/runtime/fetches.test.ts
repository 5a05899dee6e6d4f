// Fetch structures: what they ask for, what they give back, what they refuse.
import test from 'ava';
import { constOp } from '../../lib/core/constOp.js';
import { GrafoError } from '../../lib/core/errors.js';
import { Graph } from '../../lib/core/graph.js';
import { IndexedSlices } from '../../lib/core/indexedSlices.js';
import { ndarray } from '../../lib/core/ndarray.js';
import { type Fetch, FetchStructure } from '../../lib/runtime/fetches.js';

const graph = new Graph();
const a = constOp(graph, ndarray(1), 'a');
const b = constOp(graph, ndarray(2), 'b');
const elsewhere = constOp(new Graph(), ndarray(3), 'c');
const [one, two] = [ndarray(1), ndarray(2)];

test('nested lists, objects and maps come back in their structure, operations as null', (t) => {
  const structure = new FetchStructure(graph, {
    list: [a, b, a],
    deep: { op: a.op, name: 'b:0' },
    map: new Map([['k', b]]),
    nothing: [],
  });
  t.deepEqual(structure.tensors, [a, b]);
  t.deepEqual(structure.targets, [a.op]);
  t.deepEqual(structure.build([one, two]), {
    list: [one, two, one],
    deep: { op: null, name: two },
    map: new Map([['k', two]]),
    nothing: [],
  });
});

test('IndexedSlices come back as values, indices and shape', (t) => {
  const structure = new FetchStructure(graph, new IndexedSlices(a, b));
  t.deepEqual(structure.build([one, two]), { values: one, indices: two, denseShape: null });
});

test('an object whose key is __proto__ keeps it as a key', (t) => {
  const fetches = JSON.parse('{"__proto__": "a:0"}') as Fetch;
  const built = new FetchStructure(graph, fetches).build([one]) as object;
  t.deepEqual(Object.keys(built), ['__proto__']);
  t.is(Object.getPrototypeOf(built), Object.prototype);
});

test('the same structure is recognised by identity of its leaves', (t) => {
  const structure = new FetchStructure(graph, [a, { x: b, op: a.op }]);
  t.true(structure.matches([a, { x: b, op: a.op }]));
  t.false(structure.matches([a, { x: a, op: a.op }]));
  t.false(structure.matches([a, { y: b, op: a.op }]));
  t.false(structure.matches([a]));
  t.false(structure.matches(a));
  t.true(new FetchStructure(graph, a).matches(a));
});

const cyclic: unknown[] = [];
cyclic.push(cyclic);
const refused: [string, unknown, string, string][] = [
  ['null', null, 'TypeError', "Fetch argument None has invalid type <class 'NoneType'>"],
  ['null in a list', [a, null], 'TypeError', "Fetch argument None has invalid type <class 'NoneType'>"],
  [
    'a number',
    3,
    'TypeError',
    "Fetch argument 3 has invalid type <class 'int'>, must be a string or Tensor. (Can not convert a int into a Tensor or Operation.)",
  ],
  [
    'an unknown operation',
    'nope',
    'ValueError',
    "Fetch argument 'nope' cannot be interpreted as a Tensor. (The name 'nope' refers to an Operation not in the graph.)",
  ],
  [
    'an output that does not exist',
    'a:1',
    'ValueError',
    "Fetch argument 'a:1' cannot be interpreted as a Tensor. (The name 'a:1' refers to a Tensor which does not exist. The operation, 'a', exists but only has 1 outputs.)",
  ],
  [
    'a tensor of another graph',
    elsewhere,
    'ValueError',
    `Fetch argument <tf.Tensor 'c:0' shape=() dtype=float32> cannot be interpreted as a Tensor. (Tensor Tensor("c:0", shape=(), dtype=float32) is not an element of this graph.)`,
  ],
  ['a list that holds itself', cyclic, 'TypeError', 'Fetch argument is nested too deep, or holds itself'],
];
for (const [title, fetches, name, message] of refused) {
  test(`fetching ${title} -> ${name}`, (t) => {
    const error = t.throws(() => new FetchStructure(graph, fetches as Fetch), { instanceOf: GrafoError });
    t.is(error.name, name);
    t.is(error.text, message);
  });
}
