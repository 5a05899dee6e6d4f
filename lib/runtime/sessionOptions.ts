// Options of a session: what they are, and what is wrong with them.
import type { CompileOptions } from '../compile/stage.js';
import { GraphTypeError, UnimplementedError, ValueError } from '../core/errors.js';
import { Graph } from '../core/graph.js';
import { checkOptions, type OptionNames } from '../core/options.js';
import type { GpuOptions } from './devices.js';
import { repr, typeName } from './fetches.js';

/** Options of a session. */
export interface SessionOptions {
  /** The graph to run; by default the default graph. */
  readonly graph?: Graph | undefined;
  /**
   * Threads a run may use, 64 at most; by default what affinity and the cgroup's quota grant the process (docs/inside/threads.md), or GRAFO_THREADS.
   * Results do not depend on it.
   */
  readonly threads?: number | undefined;
  /**
   * Most bytes that variables, constants, the arena, copies of feeds and results may take together, Infinity: no limit; by default three quarters of
   * what the machine or the cgroup has.
   */
  readonly memoryBytes?: number | undefined;
  /** Most async runs that may wait; one more is rejected with RESOURCE_EXHAUSTED. 10,000 by default. */
  readonly maxInFlight?: number | undefined;
  /** Receives the lines of `tf.Print`; by default they go to standard error. What it throws is the error of the run that printed. */
  readonly onLog?: ((line: string) => void) | undefined;
  /**
   * Where the session computes: '/cpu:0' or '/gpu:0'. By default on the GPU, where there is one and the graph asks for it
   * (`tf.device('/gpu:0')`) or holds much data when the session is opened. The environment variable GRAFO_DEVICE sets another default.
   */
  readonly device?: string | undefined;
  /** What the session asks of its GPU: its memory, and how exactly it multiplies. */
  readonly gpu?: GpuOptions | undefined;
  /** Runs on the CPU what asks for a device that is not there. */
  readonly allowSoftPlacement?: boolean | undefined;
  /** Tells `onLog` where each operation runs, once, when it is first run. */
  readonly logDevicePlacement?: boolean | undefined;
  /** Passes of the compiler to switch off. */
  readonly compile?: CompileOptions | undefined;
}

const SESSION: OptionNames<SessionOptions> = {
  graph: true,
  threads: true,
  memoryBytes: true,
  maxInFlight: true,
  onLog: true,
  device: true,
  gpu: true,
  allowSoftPlacement: true,
  logDevicePlacement: true,
  compile: true,
};
const COMPILE: OptionNames<CompileOptions> = {
  fold: true,
  simplify: true,
  cse: true,
  transposes: true,
  repeat: true,
  share: true,
  fuse: true,
  rows: true,
  recompute: true,
  epilogues: true,
  batch: true,
  inPlace: true,
  reuse: true,
  allowSoftPlacement: true,
  evaluate: true,
  devices: true,
  deviceKernels: true,
  farBytes: true,
};

/** A target, a graph or a plain object of options. */
const isArgument = (value: unknown): boolean => {
  if (value === undefined || typeof value === 'string' || value instanceof Graph) return true;
  if (typeof value !== 'object' || value === null) return false;
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
};

const MAX_IN_FLIGHT = 10_000;
const checkedInFlight = (given: unknown): number => {
  if (given === Number.POSITIVE_INFINITY || (Number.isSafeInteger(given) && Number(given) >= 0)) return given as number;
  throw new ValueError(`Session: maxInFlight takes a whole number of runs or Infinity, not ${repr(given)}`);
};
/** The budget as the engine takes it, which knows no Infinity. */
const checkedBytes = (given: unknown): number | undefined => {
  if (given === Number.POSITIVE_INFINITY) return Number.MAX_SAFE_INTEGER;
  if (given === 0) throw new ValueError('Session: memoryBytes must be more than 0; leave it out for the default');
  return given as number | undefined;
};

/** A session's options with their defaults, from what its constructor is given. TypeError or ValueError for what is wrong with them. */
export const sessionOptions = (
  graphOrTarget: Graph | SessionOptions | string | undefined,
  options: SessionOptions | undefined,
): SessionOptions & { readonly maxInFlight: number } => {
  if (typeof graphOrTarget === 'string' && graphOrTarget !== '') {
    throw new UnimplementedError(`Sessions run in this process only; no target '${graphOrTarget}'`);
  }
  if (!isArgument(graphOrTarget)) {
    throw new GraphTypeError(`target must be a string, but got ${typeName(graphOrTarget)}`);
  }
  const given: SessionOptions =
    graphOrTarget instanceof Graph
      ? { ...options, graph: graphOrTarget }
      : { ...(typeof graphOrTarget === 'object' ? graphOrTarget : {}), ...options };
  if (given.graph !== undefined && !(given.graph instanceof Graph)) {
    throw new GraphTypeError(`graph must be a tf.Graph, but got ${typeName(given.graph)}`);
  }
  checkOptions('Session', given, SESSION);
  checkOptions('Session: compile', given.compile, COMPILE);
  return {
    ...given,
    maxInFlight: checkedInFlight(given.maxInFlight ?? MAX_IN_FLIGHT),
    memoryBytes: checkedBytes(given.memoryBytes),
  };
};
