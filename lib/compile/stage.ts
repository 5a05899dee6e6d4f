// What the compiler gives the runtime: plans to run one after the other, and what goes in and comes out of each.
import type { DType } from '../core/dtype.js';
import type { Graph, Operation, Tensor } from '../core/graph.js';
import type { NDArray } from '../core/ndarray.js';
import type { StepInfo } from './measure.js';

/** What one run asks for. The order of `fetches` and `feeds` is kept. */
export interface Request {
  readonly graph: Graph;
  /** Tensors whose values are wanted. */
  readonly fetches: readonly Tensor[];
  /** Operations to run for their effect. */
  readonly targets: readonly Operation[];
  /** Tensors whose values are given. */
  readonly feeds: readonly Tensor[];
}

/** A plan as it crosses into C++ (docs/inside/plan.md). */
export interface EncodedPlan {
  readonly words: Int32Array;
  readonly constants: Uint8Array;
  readonly strings: { readonly data: Uint8Array; readonly offsets: Int32Array };
  /** The graph operation whose random state each of the plan's states is. */
  readonly stateKeys: Int32Array;
}

/** A result of a plan. Where `dynamic`, the first dimension is a bound and the engine tells the real one. */
export interface FetchInfo {
  readonly dtype: DType;
  readonly shape: readonly number[];
  readonly dynamic: boolean;
}

/** Where a plan's feed comes from: a feed of the request, or a value an earlier stage computed. */
export type FeedSource = { readonly feed: number } | { readonly value: NDArray };

/** One plan of a run. Almost every run has one stage; a shape that depends on data ends a stage and starts the next. */
export interface Stage {
  readonly plan: EncodedPlan;
  readonly feeds: readonly { readonly source: FeedSource; readonly dtype: DType; readonly shape: readonly number[] }[];
  readonly fetches: readonly FetchInfo[];
  /**
   * The stage after this one, made from this one's fetched values; undefined for the last stage. The last stage's fetches with
   * `results` are the request's.
   */
  readonly next: ((values: readonly NDArray[]) => Stage) | undefined;
  /** For a last stage: where each fetch of the request is found, in the plan's fetches or in a value already known. */
  readonly results: readonly ({ readonly fetch: number } | { readonly value: NDArray })[];
  /** The plan as people read it: a line per step, fusions, buffers and bytes. */
  explain(): string;
  /** What each step is, moves and computes, in the plan's order. */
  steps(): readonly StepInfo[];
  /** What is known here of the shapes of an operation's inputs, by its id: `x [2,3], W [4,5]`. */
  shapesOf(id: number): string | undefined;
  /** Operations of the steps that the session's device leaves to the CPU. */
  leftToCpu(): ReadonlySet<Operation>;
  /** The operation that makes the largest tensor of the plan, and that tensor. */
  largest(): { readonly op: Operation; readonly dtype: DType; readonly shape: readonly number[] } | undefined;
  /** Predicted cost in nanoseconds, coarse: decides whether an async run executes inline. */
  readonly cost: number;
  /** Shapes that this stage gives to variables that had none or another one, by graph operation id. */
  readonly variableShapes: ReadonlyMap<number, readonly number[]>;
}

/** A feed's part in a plan key: its shape always, its value where a shape depends on it. */
export interface FeedValue {
  readonly shape: readonly number[];
  /** The value, of a feed that shapes depend on; null of others. */
  readonly array: NDArray | null;
}

/** The passes that need no shapes, done once per (fetches, feeds). */
export interface Prepared {
  readonly request: Request;
  /** What is run, before operations are folded, merged or fused. */
  readonly operations: readonly Operation[];
  /** Positions of feeds whose values reach a shape: their values belong to the plan key. */
  readonly valueFeeds: readonly number[];
  /** The variables of the program, by operation id: shapes that assignments gave them belong to the plan key. */
  readonly variables: readonly number[];
  /** The first stage for concrete feeds. */
  specialize(feeds: readonly FeedValue[], variableShapes: ReadonlyMap<number, readonly number[]>): Stage;
}

/** Computes small constant subgraphs on the engine, when folding wants one that has no host rule. */
export type Evaluator = (stage: Stage) => readonly NDArray[];

/** Options of the compiler; each pass can be switched off for tests. */
export interface CompileOptions {
  readonly fold?: boolean;
  readonly simplify?: boolean;
  readonly cse?: boolean;
  /** Whether what is between transposes that take each other back is computed without them. */
  readonly transposes?: boolean;
  /** Whether tapes read what is one element again and again as that element. */
  readonly repeat?: boolean;
  /** Whether steps that compute the same from the same values are one. */
  readonly share?: boolean;
  readonly fuse?: boolean;
  /** Whether tapes over the rows of large arrays run for a block of rows at a time (not without `fuse`). */
  readonly rows?: boolean;
  /** Whether large arrays that little arithmetic makes are made again where they are read (not without `fuse`). */
  readonly recompute?: boolean;
  /** Whether a matrix product and the tape that reads it are one step. */
  readonly epilogues?: boolean;
  /** Whether tapes of one code over different buffers are one step. */
  readonly batch?: boolean;
  readonly inPlace?: boolean;
  /** Whether values may lie where others lay that are done with. */
  readonly reuse?: boolean;
  /** Whether an operation on a device that is not there may run on the CPU. */
  readonly allowSoftPlacement?: boolean;
  /** @internal Full names of the devices there are; the CPU where none are told. */
  readonly devices?: readonly string[];
  /** @internal Kernels that the device has; the others run on the CPU. Undefined where the CPU is the device. */
  readonly deviceKernels?: ReadonlySet<string> | undefined;
  /** @internal Bytes from which on arrays count as far from the processor (FAR_BYTES in fuse.ts). */
  readonly farBytes?: number | undefined;
  /** @internal How constants are folded. */
  readonly evaluate?: Evaluator | undefined;
}
