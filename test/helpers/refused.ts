// What a builder says of arguments that it refuses.
import * as tf from '../../lib/index.js';

/** The text of the typed error that building a graph ends in, in a graph of its own; else what happened instead. */
export const refused = (run: () => unknown): string => {
  try {
    new tf.Graph().asDefault(run);
  } catch (error) {
    return error instanceof tf.GrafoError ? error.text : `not typed: ${error}`;
  }
  return 'not refused';
};
