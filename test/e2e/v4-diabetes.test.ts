// V4: lab-05-2 of hunkim/DeepLearningZeroToAll against the numbers printed in it.
import { diabetes, readPatients } from '../../examples/diabetes.js';
import { close } from '../helpers/close.js';
import { testWithData } from '../helpers/require.js';

const PUBLISHED = [
  [0, 0.82794],
  [200, 0.755181],
  [400, 0.726355],
  [600, 0.705179],
  [800, 0.686631],
  [9600, 0.492056],
  [9800, 0.491396],
  [10000, 0.490767],
] as const;

testWithData('diabetes.csv', 'V4: logistic regression follows the published costs and accuracy', (t, file) => {
  const patients = readPatients(file);
  t.deepEqual(
    [patients.x.shape, patients.y.shape],
    [
      [759, 8],
      [759, 1],
    ],
  );
  const costs = new Map<number, number>();
  const accuracy = diabetes(patients, 10001, (step, cost) => costs.set(step, cost));
  for (const [step, cost] of PUBLISHED) close(t, costs.get(step)!, cost, step === 0 ? 1e-5 : 1e-3, `cost at ${step}`);
  // Published with six digits: 579 of 759.
  t.is(accuracy.toFixed(6), '0.762846');
});
