// Scopes over the default graph: names, devices, colocation, and the names of TensorFlow's collections.
import type { TensorLike } from '../core/convert.js';
import { graphOf } from '../core/defineOp.js';
import { getDefaultGraph, type Operation, type Tensor } from '../core/graph.js';

/**
 * Runs `fn` in a name scope of the default graph: every operation it makes is named under it.
 *
 * @param name the scope; made unique, or re-entered where it ends in `/`; null leaves every scope.
 * @param fn a synchronous function; it gets the scope with its `/`.
 * @example tf.nameScope('layer1', () => tf.constant(1).name) // 'layer1/Const:0'
 */
export const nameScope = <R>(name: string | null, fn: (scope: string) => R): R => getDefaultGraph().nameScope(name, fn);

/**
 * Runs `fn` so that what it makes is placed on a device; null ignores the devices around it.
 *
 * @example tf.device('/cpu:0', () => tf.constant(1).device) // '/device:CPU:0'
 */
export const device = <R>(name: string | null, fn: () => R): R => getDefaultGraph().device(name, fn);

/** The operation of a tensor, a variable or itself; the graph refuses what has none. */
const operationOf = (item: Operation | Tensor | { readonly op: Operation }): Operation =>
  typeof item === 'object' && item !== null && 'op' in item ? item.op : (item as Operation);

/**
 * Runs `fn` so that what it makes is placed where `op` is.
 *
 * @example tf.colocateWith(tf.constant(1), () => tf.constant(2)).op.attr('_class') // ['loc:@Const']
 */
export const colocateWith = <R>(op: Operation | Tensor | { readonly op: Operation }, fn: () => R): R =>
  getDefaultGraph().colocateWith(operationOf(op), fn);

/**
 * Runs `fn` so that what it makes runs after `inputs`; null forgets the dependencies around it.
 *
 * @example tf.controlDependencies([tf.noOp()], () => tf.constant(2)).op.controlInputs.length // 1
 */
export const controlDependencies = <R>(
  inputs: readonly (Operation | Tensor | { readonly op: Operation })[] | null,
  fn: () => R,
): R => getDefaultGraph().controlDependencies(Array.isArray(inputs) ? inputs.map(operationOf) : (inputs as null), fn);

/**
 * `controlDependencies` under a shorter name.
 *
 * @example tf.withControl([tf.noOp()], () => tf.constant(2)) // 2
 */
export const withControl = controlDependencies;

/**
 * The scope of a composed op: in the graph of its inputs, named `name` or `fallback`. `fn` gets the scope, whose name (ending in `/`)
 * the op's last operation takes.
 */
export const opScope = <R>(
  name: string | null | undefined,
  fallback: string,
  values: readonly (TensorLike | readonly TensorLike[] | undefined)[],
  fn: (scope: string) => R,
): R => {
  const graph = graphOf(values);
  return graph.asDefault(() => graph.nameScope(name ?? fallback, fn));
};

/**
 * TensorFlow's names of collections.
 *
 * @example tf.getCollection(tf.GraphKeys.TRAINABLE_VARIABLES) // []
 */
export const GraphKeys = Object.freeze({
  GLOBAL_VARIABLES: 'variables',
  LOCAL_VARIABLES: 'local_variables',
  METRIC_VARIABLES: 'metric_variables',
  MODEL_VARIABLES: 'model_variables',
  TRAINABLE_VARIABLES: 'trainable_variables',
  SUMMARIES: 'summaries',
  QUEUE_RUNNERS: 'queue_runners',
  TABLE_INITIALIZERS: 'table_initializer',
  ASSET_FILEPATHS: 'asset_filepaths',
  MOVING_AVERAGE_VARIABLES: 'moving_average_variables',
  REGULARIZATION_LOSSES: 'regularization_losses',
  CONCATENATED_VARIABLES: 'concatenated_variables',
  SAVERS: 'savers',
  WEIGHTS: 'weights',
  BIASES: 'biases',
  ACTIVATIONS: 'activations',
  UPDATE_OPS: 'update_ops',
  LOSSES: 'losses',
  SAVEABLE_OBJECTS: 'saveable_objects',
  RESOURCES: 'resources',
  LOCAL_RESOURCES: 'local_resources',
  INIT_OP: 'init_op',
  LOCAL_INIT_OP: 'local_init_op',
  READY_OP: 'ready_op',
  READY_FOR_LOCAL_INIT_OP: 'ready_for_local_init_op',
  SUMMARY_OP: 'summary_op',
  GLOBAL_STEP: 'global_step',
  EVAL_STEP: 'eval_step',
  TRAIN_OP: 'train_op',
  COND_CONTEXT: 'cond_context',
  WHILE_CONTEXT: 'while_context',
} as const);

/** The items of a collection of the default graph: `tf.getCollection('losses') // []`. */
export const getCollection = <T = unknown>(key: string, scope?: string): T[] =>
  getDefaultGraph().getCollection<T>(key, scope);
/**
 * Adds to a collection of the default graph.
 *
 * @example
 * tf.addToCollection('losses', tf.constant(2));
 * tf.getCollection('losses') // [2]
 */
export const addToCollection = (key: string, value: unknown): void => getDefaultGraph().addToCollection(key, value);
