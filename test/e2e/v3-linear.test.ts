// V3: lab-02-1 of hunkim/DeepLearningZeroToAll against the numbers printed in it.
import test from 'ava';
import { type LinearStep, linear } from '../../examples/linear.js';
import { close } from '../helpers/close.js';

const PUBLISHED: readonly LinearStep[] = [
  { step: 0, cost: 2.82329, W: 2.12867713, b: -0.85235667 },
  { step: 20, cost: 0.190351, W: 1.53392804, b: -1.05059612 },
  { step: 40, cost: 0.151357, W: 1.45725465, b: -1.02391243 },
  { step: 1960, cost: 1.46397e-5, W: 1.004444, b: -0.01010205 },
  { step: 1980, cost: 1.32962e-5, W: 1.00423515, b: -0.00962736 },
  { step: 2000, cost: 1.20761e-5, W: 1.00403607, b: -0.00917497 },
];

test('V3: linear regression follows the published costs, weights and biases', (t) => {
  const found = new Map<number, LinearStep>();
  linear(2001, (at) => found.set(at.step, at));
  t.is(found.size, 101);
  for (const { step, cost, W, b } of PUBLISHED) {
    const at = found.get(step)!;
    const tolerance = step === 0 ? 1e-5 : 1e-3;
    close(t, at.cost, cost, tolerance, `cost at ${step}`);
    close(t, at.W, W, tolerance, `W at ${step}`);
    close(t, at.b, b, tolerance, `b at ${step}`);
  }
});
