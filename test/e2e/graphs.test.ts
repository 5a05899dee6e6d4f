// The graphs that programs make are those of TensorFlow 1.15's Python, node by node: names, ops, inputs, attributes, seeds, constants.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import test from 'ava';
import { Graph, type Operation } from '../../lib/core/graph.js';
import { type Json, nodeDef } from '../../lib/core/graphDef.js';
import type { NDArray } from '../../lib/core/ndarray.js';
import { ROOT } from '../helpers/root.js';
import { programs } from './graphPrograms.js';

/** A node as tools/graphGoldens.py writes it: name, op, inputs, attributes. */
type Line = readonly [string, string, readonly string[], Readonly<Record<string, Json>>];

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64');

const constant = ({ dtype, shape, data }: NDArray): Json =>
  Array.isArray(data)
    ? [dtype.name, [...shape], data.map((item) => base64(typeof item === 'string' ? Buffer.from(item) : item))]
    : [dtype.name, [...shape], base64(new Uint8Array(data.buffer, data.byteOffset, data.byteLength))];

const line = (op: Operation): Line => {
  const { name, op: type, input = [], attr = {} } = nodeDef(op);
  return [name, type, input, type === 'Const' ? { ...attr, value: constant(op.attr<NDArray>('value')) } : attr];
};

/** TensorFlow writes Add or AddV2 for the same sum, depending on its version. */
const comparable = ([name, op, inputs, attrs]: Line): Line => [name, op === 'AddV2' ? 'Add' : op, inputs, attrs];

for (const [name, build] of Object.entries(programs)) {
  test(`${name}: the graph is TensorFlow's, node by node`, (t) => {
    const graph = new Graph();
    graph.asDefault(build);
    const expected = JSON.parse(readFileSync(join(ROOT, 'test/e2e/graphs', `${name}.json`), 'utf8')) as Line[];
    const lines = graph.getOperations().map(line);
    expected.forEach((node, i) => {
      t.deepEqual(comparable(lines[i]!), comparable(node), node[0]);
    });
    t.is(lines.length, expected.length);
  });
}
