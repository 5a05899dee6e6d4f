// V2: the deck's two-class classifier. The numbers are what real TensorFlow gives for the notebook after numpy.random.seed(1).
import test from 'ava';
import { runDeck } from '../../examples/deck.js';
import { gaussianClasses } from '../../examples/lib/gaussian.js';
import { RandomState } from '../../examples/lib/mt19937.js';
import { close } from '../helpers/close.js';

/** After each epoch: cost, both weights, bias. */
const EPOCHS = [
  [49.97751926225098, 0.3323184847831726, 0.41761186718940735, 0],
  [49.917493592175376, 0.34038716554641724, 0.41677144169807434, -0.0014609735226258636],
  [49.881660934250625, 0.3465556800365448, 0.4164339601993561, -0.002907148562371731],
  [49.85948336325231, 0.35131675004959106, 0.4164280593395233, -0.004336506128311157],
  [49.84521024198747, 0.35502198338508606, 0.4166294038295746, -0.00574776716530323],
  [49.83562680342205, 0.35792669653892517, 0.41695043444633484, -0.00714015681296587],
  [49.8288932967789, 0.36021891236305237, 0.4173312485218048, -0.008513245731592178],
  [49.823938502815714, 0.36203861236572266, 0.4177320599555969, -0.009866838343441486],
  [49.82011841844962, 0.36349111795425415, 0.4181274473667145, -0.01120089553296566],
  [49.817042225757014, 0.36465632915496826, 0.4185020327568054, -0.012515489012002945],
] as const;

test('V2: the graph and plain arrays agree to 1e-6, and training follows TensorFlow number by number', async (t) => {
  const { plain, graph, epochs, fit } = await runDeck({ seed: 1 });
  close(t, graph.cost, plain.cost, 1e-6, 'cost of the line by hand');
  close(t, graph.cost, 81.81095498609977, 1e-6, 'cost of the line by hand, by TensorFlow');
  for (const [i, p] of plain.probability.entries()) t.true(Math.abs(p - graph.probability[i]!) <= 1e-6, `point ${i}`);

  t.is(epochs.length, 10);
  for (const [i, [cost, w1, w2, b]] of EPOCHS.entries()) {
    const epoch = epochs[i]!;
    close(t, epoch.cost, cost, 1e-6, `cost after epoch ${i + 1}`);
    close(t, epoch.W[0], w1, 1e-5, `w1 after epoch ${i + 1}`);
    close(t, epoch.W[1], w2, 1e-5, `w2 after epoch ${i + 1}`);
    // The first bias is a sum of 200 terms that cancel.
    if (i === 0) t.true(Math.abs(epoch.b) < 1e-7);
    else close(t, epoch.b, b, 1e-3, `b after epoch ${i + 1}`);
    t.is(epoch.accuracy, 0.915);
  }
  close(t, fit.cost, 49.805574037392645, 1e-5, 'cost after 1,000 minibatches');
  close(t, fit.W[0], 0.37283074855804443, 1e-3, 'w1 after 1,000 minibatches');
  close(t, fit.W[1], 0.4014275372028351, 1e-3, 'w2 after 1,000 minibatches');
  close(t, fit.b, -0.10249213874340057, 1e-3, 'b after 1,000 minibatches');
  t.is(fit.accuracy, 0.915);
});

test('V2: accuracy 0.83 to 0.96 for other draws too, after 10 epochs and after the minibatches', async (t) => {
  for (const seed of [2, 3, 4, 5]) {
    const { plain, graph, epochs, fit } = await runDeck({ seed });
    close(t, graph.cost, plain.cost, 1e-6, `seed ${seed}`);
    for (const { accuracy } of [epochs.at(-1)!, fit])
      t.true(accuracy >= 0.83 && accuracy <= 0.96, `seed ${seed}: ${accuracy}`);
  }
});

test('V2: points of another place, size and number are learned as well, and the line is in their own units', async (t) => {
  const { x, labels, count } = gaussianClasses(400, new RandomState(1));
  // Metres and kilograms, say: x1 near 1.7, x2 near 70.
  const points = { x: x.map((value, i) => (i % 2 === 0 ? 1.7 + value / 50 : 70 + 2 * value)), labels, count };
  const { epochs, fit } = await runDeck({ points });
  t.true(epochs.at(-1)!.accuracy > 0.83);
  let right = 0;
  for (let i = 0; i < count; i++) {
    const side = fit.W[0] * points.x[2 * i]! + fit.W[1] * points.x[2 * i + 1]! + fit.b;
    if (Number(side > 0) === labels[i]) right++;
  }
  t.true(Math.abs(right / count - fit.accuracy) <= 1 / count);
});
