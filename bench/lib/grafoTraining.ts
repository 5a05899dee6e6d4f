// How grafo takes part in rows of one training step: other batches in every call, weights back to the first ones before every round.
import * as tf from '../../lib/index.js';
import { BATCHES, CHECKED_STEPS } from './layers.js';
import type { Case } from './trial.js';

/** A model: its placeholders, the batches for them, its loss and its step. */
export interface Model {
  readonly feeds: readonly tf.Tensor[];
  readonly batch: (b: number) => readonly tf.NDArray[];
  readonly loss: tf.Tensor;
  readonly train: tf.Operation;
}

/** The model's step, run through a callable; its losses over ten batches are the check. */
export const trainingCase = (threads: number, build: () => Model): Case =>
  new tf.Graph().asDefault(() => {
    const { feeds, batch, loss, train } = build();
    const session = new tf.Session({ threads });
    const start = tf.globalVariablesInitializer();
    const batches = Array.from({ length: BATCHES }, (_, b) => batch(b));
    const step = session.makeCallable(train, feeds);
    const told = session.makeCallable([train, loss], feeds);
    return {
      call: (i) => step(...batches[i % BATCHES]!),
      reset: () => void session.runSync(start),
      check: (set) => {
        session.runSync(start);
        const losses = Array.from({ length: CHECKED_STEPS }, (_, i) => told(...batches[(i + set) % BATCHES]!)[1]);
        return { dtype: losses[0]!.dtype.name, values: [losses.map((value) => Number(value.item()))] };
      },
    };
  });
