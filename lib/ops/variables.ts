// The variables of the default graph, and the operations that initialise them.
import type { Named } from '../core/defineOp.js';
import { string } from '../core/dtype.js';
import { getDefaultGraph, type Operation, type Tensor } from '../core/graph.js';
import { nameIn } from '../core/options.js';
import { constant } from './array.js';
import { logicalNot } from './compare.js';
import { group, noOp } from './control.js';
import { booleanMask } from './gather.js';
import { stack } from './join.js';
import { device, GraphKeys, nameScope } from './scopes.js';
import { isVariableInitialized } from './state.js';
import type { Variable } from './variable.js';

const collection = (key: string, scope?: string): Variable[] => getDefaultGraph().getCollection<Variable>(key, scope);

/**
 * The global variables, in the order they were made; `scope` is a pattern their names begin with.
 *
 * @example [new tf.Variable(1, { name: 'v' }), tf.globalVariables('v').length][1] // 1
 */
export const globalVariables = (scope?: string): Variable[] => collection(GraphKeys.GLOBAL_VARIABLES, scope);
/** The variables of this process only (metrics, counters): `tf.localVariables() // []`. */
export const localVariables = (scope?: string): Variable[] => collection(GraphKeys.LOCAL_VARIABLES, scope);
/** The variables that optimizers train: `tf.trainableVariables() // []`. */
export const trainableVariables = (scope?: string): Variable[] => collection(GraphKeys.TRAINABLE_VARIABLES, scope);
/** The variables of a model for inference. */
export const modelVariables = (scope?: string): Variable[] => collection(GraphKeys.MODEL_VARIABLES, scope);
/** The variables that keep metrics. */
export const metricVariables = (scope?: string): Variable[] => collection(GraphKeys.METRIC_VARIABLES, scope);
/** The variables with a moving average. */
export const movingAverageVariables = (scope?: string): Variable[] =>
  collection(GraphKeys.MOVING_AVERAGE_VARIABLES, scope);
/** The older name of `globalVariables`. */
export const allVariables = globalVariables;

/**
 * One operation that initialises variables; a NoOp where there are none.
 *
 * @example tf.variablesInitializer([]).type // 'NoOp'
 */
export const variablesInitializer = (list: readonly Variable[], options: Named = {}): Operation => {
  const name = nameIn(options, 'variablesInitializer') ?? 'init';
  return list.length === 0 ? noOp({ name }) : group(...list.map((variable) => variable.initializer), { name });
};

/** One operation that initialises every global variable: `sess.runSync(tf.globalVariablesInitializer()) // null`. */
export const globalVariablesInitializer = (): Operation => variablesInitializer(globalVariables());
/** One operation that initialises every local variable: `sess.runSync(tf.localVariablesInitializer()) // null`. */
export const localVariablesInitializer = (): Operation => variablesInitializer(localVariables());
/** The older name of `globalVariablesInitializer`: `tf.initializeAllVariables().name // 'init'`. */
export const initializeAllVariables = globalVariablesInitializer;
/** The older name of `localVariablesInitializer`. */
export const initializeLocalVariables = localVariablesInitializer;
/** The older name of `variablesInitializer`. */
export const initializeVariables = variablesInitializer;

/**
 * The names of variables that have no value yet, as a string vector; of all variables where none are given.
 *
 * @example
 * const v = new tf.Variable(1, { name: 'v' });
 * sess.runSync(tf.reportUninitializedVariables([v])).toArray() // ['v']
 */
export const reportUninitializedVariables = (list?: readonly Variable[], options: Named = {}): Tensor => {
  const variables = list ?? [...globalVariables(), ...localVariables()];
  return nameScope(nameIn(options, 'report_uninitialized_variables') ?? 'report_uninitialized_variables', () => {
    const known = variables.map((variable) => isVariableInitialized(variable));
    return device('/cpu:0', () => {
      if (known.length === 0) return constant([], string);
      const missing = logicalNot(stack(known));
      return booleanMask(constant(variables.map((variable) => variable.op.name)), missing);
    });
  });
};
