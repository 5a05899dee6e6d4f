// V1: the fragments of the course's first notebook and its slides, with the strings it prints.
import test from 'ava';
import { intro } from '../../examples/intro.js';

test('V1: every fragment of TSA_IntroTF_1 prints what the notebook prints', (t) => {
  const lines: string[] = [];
  intro((line) => lines.push(line));
  t.is(lines[0], 'Tensor("add:0", shape=(), dtype=float32)');
  t.is(lines[1], '7.5');

  const vector = (line: string): number => {
    const [, number] = /^\[ ?(-?\d\.\d*(?:e[+-]\d+)?)\]$/.exec(line) ?? [];
    t.truthy(number, `a vector of one number: ${line}`);
    return Number(number);
  };
  // A random weight in [-1, 1), by run and by eval.
  for (const line of lines.slice(2, 4)) t.true(Math.abs(vector(line)) <= 1);
  // The placeholder's loop: 6 W again and again, and W times something below 1.
  const fed = lines.slice(4, 12).map(vector);
  for (const [i, value] of fed.entries()) {
    if (i % 2 === 0) t.is(value, fed[0]!);
    else t.true(Math.abs(value) <= Math.abs(fed[0]!) / 6);
  }
  const [, y, W] = /^y value \[\[ ?(\S+)\]\] W value \[ ?(\S+)\]$/.exec(lines[12]!) ?? [];
  t.true(Math.abs(Number(y) - 6 * Number(W)) < 1e-5);

  t.deepEqual(lines.slice(13, 15), ['[[ 5.]\n [11.]]', '[[2. 4.]\n [6. 8.]]']);
  t.deepEqual(lines.slice(15, 19), ['(4,)', '(?,)', '(4,)', '(1,)']);
  t.deepEqual(lines.slice(19), [
    'node { name: "Const" op: "Const" input: [] }',
    'node { name: "Const_1" op: "Const" input: [] }',
    'node { name: "Const_2" op: "Const" input: [] }',
    'node { name: "mul" op: "Mul" input: [Const, Const_1] }',
    'node { name: "add" op: "AddV2" input: [mul, Const_2] }',
  ]);
});
