// An argument that a caller forgets, and what the error says of it.
import test from 'ava';
import * as tf from '../../lib/index.js';
import { refused } from '../helpers/refused.js';

const no = undefined as never;

const FORGOTTEN: readonly [string, () => unknown, string][] = [
  ['matmul', () => tf.matmul([[1]], no), 'MatMul/b'],
  ['x.add', () => tf.constant(1).add(no), 'add/y'],
  ['null for an input', () => tf.add(null as never, 1), 'Add/x'],
  ['a name scope', () => tf.nameScope('layer', () => tf.abs(no)), 'layer/Abs/x'],
  ['reduceSum', () => tf.reduceSum(no), 'reduceSum/input'],
  ['reduceLogsumexp', () => tf.reduceLogsumexp(no), 'reduceLogsumexp/input'],
  ['split', () => tf.split(no, 2), 'split/value'],
  ['split without a number', () => tf.split([1, 2], no), 'split/numOrSizeSplits'],
  ['unstack', () => tf.unstack(no), 'unstack/value'],
  ['softmax', () => tf.nn.softmax(no), 'softmax/logits'],
  ['scalarMul', () => tf.scalarMul(2, no), 'scalarMul/x'],
  ['round', () => tf.round(no), 'round/x'],
  ['zeros', () => tf.zeros(no), 'zeros/shape'],
  ['minimize', () => new tf.train.AdamOptimizer().minimize(no), 'computeGradients/loss'],
  ['piecewiseConstant', () => tf.train.piecewiseConstant(1, no, [1]), 'piecewiseConstant/boundaries'],
];
for (const [title, run, where] of FORGOTTEN) {
  test(`${title}: a forgotten argument is named`, (t) => {
    t.is(refused(run), `None values not supported. (No value for ${where}.)`);
  });
}
test('nothing in the place of a value has no name', (t) => {
  t.is(
    refused(() => tf.convertToTensor(no)),
    'None values not supported.',
  );
});
