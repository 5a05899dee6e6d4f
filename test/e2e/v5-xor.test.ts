// V5: lab-09-2 of hunkim/DeepLearningZeroToAll against the numbers printed in it.
import test from 'ava';
import { xor } from '../../examples/xor.js';
import { close } from '../helpers/close.js';

test('V5: two layers learn XOR to the published outputs', (t) => {
  const { hypothesis, predicted, accuracy } = xor(10001);
  t.deepEqual(hypothesis.shape, [4, 1]);
  for (const [i, published] of [0.01338216, 0.98166394, 0.98809403, 0.01135799].entries()) {
    close(t, Number(hypothesis.at(i)), published, 1e-3, `output ${i}`);
  }
  t.deepEqual(predicted.toArray(), [[0], [1], [1], [0]]);
  t.is(accuracy, 1);
});
