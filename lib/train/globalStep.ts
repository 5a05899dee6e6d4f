// The global step: the integer variable that counts training steps.
import { int64 } from '../core/dtype.js';
import { GraphTypeError, LookupError, ValueError } from '../core/errors.js';
import { type Graph, getDefaultGraph, Tensor } from '../core/graph.js';
import { zerosInitializer } from '../ops/initializers.js';
import { GraphKeys } from '../ops/scopes.js';
import { Variable } from '../ops/variable.js';
import { getVariable } from '../ops/variableScope.js';

/** TypeError where something cannot be a global step: it is an integer scalar. */
export const assertGlobalStep = (step: unknown): void => {
  if (!(step instanceof Variable) && !(step instanceof Tensor))
    throw new GraphTypeError(`Existing "global_step" must be a Variable or Tensor: ${String(step)}.`);
  if (!step.dtype.isInteger)
    throw new GraphTypeError(`Existing "global_step" does not have integer type: ${step.dtype}`);
  if (step.shape.rank !== 0 && step.shape.isFullyDefined)
    throw new GraphTypeError(`Existing "global_step" is not scalar: ${step.shape}`);
};

/** The global step of a graph; null where there is none: `tf.train.getGlobalStep() // null`. */
export const getGlobalStep = (graph: Graph = getDefaultGraph()): Variable | Tensor | null => {
  const steps = graph.getCollection<Variable | Tensor>(GraphKeys.GLOBAL_STEP);
  let step = steps[0];
  if (steps.length > 1) return null;
  if (step === undefined) {
    try {
      step = graph.getTensorByName('global_step:0');
    } catch (error) {
      if (error instanceof LookupError) return null;
      throw error;
    }
  }
  assertGlobalStep(step);
  return step;
};

/**
 * Makes the global step: an int64 variable that starts at 0. ValueError '"global_step" already exists.'.
 *
 * @example tf.train.createGlobalStep() // 0
 */
export const createGlobalStep = (graph: Graph = getDefaultGraph()): Variable => {
  if (getGlobalStep(graph) !== null) throw new ValueError('"global_step" already exists.');
  return graph.asDefault(() =>
    graph.nameScope(null, () =>
      getVariable(GraphKeys.GLOBAL_STEP, [], {
        dtype: int64,
        initializer: zerosInitializer(),
        trainable: false,
        collections: [GraphKeys.GLOBAL_VARIABLES, GraphKeys.GLOBAL_STEP],
      }),
    ),
  );
};

/** The global step, made where there is none: `tf.train.getOrCreateGlobalStep().name // 'global_step:0'`. */
export const getOrCreateGlobalStep = (graph: Graph = getDefaultGraph()): Variable | Tensor =>
  getGlobalStep(graph) ?? createGlobalStep(graph);

/** What `globalStep` needs of a session. */
interface Runner {
  runSync(fetch: Tensor): { item(): number | bigint | boolean | string };
}

/**
 * The value of a global step in a session, as a number.
 *
 * @example
 * const step = tf.train.createGlobalStep();
 * sess.runSync(step.initializer);
 * tf.train.globalStep(sess, step) // 0
 */
export const globalStep = (session: Runner, step: Variable | Tensor): number =>
  Number(session.runSync(step instanceof Variable ? step.asTensor(true) : step).item());
