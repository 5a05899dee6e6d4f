// Logistic regression on a table of patients. `npm run example -- diabetes --data diabetes.csv`
// Ported from lab-05-2 of hunkim/DeepLearningZeroToAll; the file holds 8 measurements and the diagnosis (0 or 1) a line.
import * as tf from '../lib/index.js';
import { readTable } from './lib/csv.js';
import { main, UsageError, wholeNumber } from './lib/main.js';
import { progress } from './lib/progress.js';

/** The measurements, a row a patient, and the diagnoses. */
export interface Patients {
  readonly x: tf.NDArray;
  readonly y: tf.NDArray;
}

/** Reads the table; a malformed line is a CsvError that names it. */
export const readPatients = (file: string): Patients => {
  const names = ['pregnancies', 'glucose', 'pressure', 'skin', 'insulin', 'mass', 'pedigree', 'age', 'diagnosis'];
  const { data, rows, columns } = readTable(file, names);
  const x = new Float32Array(rows * 8);
  const y = new Float32Array(rows);
  for (let row = 0; row < rows; row++) {
    x.set(data.subarray(row * columns, row * columns + 8), row * 8);
    y[row] = data[row * columns + 8]!;
  }
  return { x: tf.ndarray(x, [rows, 8]), y: tf.ndarray(y, [rows, 1]) };
};

/** Trains for `steps` steps and returns the share of right predictions; `onCost` hears the cost before every 200th step. */
export const diabetes = ({ x, y }: Patients, steps: number, onCost: (step: number, cost: number) => void): number =>
  new tf.Graph().asDefault(() => {
    tf.setRandomSeed(777);
    const X = tf.placeholder(tf.float32, [null, 8]);
    const Y = tf.placeholder(tf.float32, [null, 1]);
    const W = new tf.Variable(tf.randomNormal([8, 1]), { name: 'weight' });
    const b = new tf.Variable(tf.randomNormal([1]), { name: 'bias' });
    const hypothesis = tf.sigmoid(tf.matmul(X, W).add(b));

    const hit = Y.mul(tf.log(hypothesis));
    const miss = Y.rsub(1).mul(tf.log(hypothesis.rsub(1)));
    const cost = tf.reduceMean(hit.add(miss)).neg();
    const train = new tf.train.GradientDescentOptimizer(0.01).minimize(cost);

    const predicted = tf.cast(tf.greater(hypothesis, 0.5), tf.float32);
    const accuracy = tf.reduceMean(tf.cast(tf.equal(predicted, Y), tf.float32));

    using sess = new tf.Session();
    sess.runSync(tf.globalVariablesInitializer());
    const feeds = new Map([
      [X, x],
      [Y, y],
    ]);
    const bar = progress(steps);
    for (let step = 0; step < steps; step++) {
      const [costNow] = sess.runSync([cost, train], feeds);
      if (step % 200 === 0) {
        bar.stop();
        onCost(step, Number(costNow));
      }
      bar.update(step + 1);
    }
    bar.stop();
    return Number(sess.runSync(accuracy, feeds));
  });

const OPTIONS = { data: { type: 'string' }, steps: { type: 'string', default: '10001' } } as const;

void main(import.meta.url, OPTIONS, ({ data, steps }) => {
  if (data === undefined)
    throw new UsageError('usage: npm run example -- diabetes --data diabetes.csv [--steps 10001]');
  const print = (step: number, cost: number) => console.log(step, cost.toFixed(6));
  console.log('Accuracy:', diabetes(readPatients(data), wholeNumber('steps', steps), print).toFixed(6));
});
