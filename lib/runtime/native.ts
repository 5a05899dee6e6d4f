// The only file that knows the native addon: where it lies, what it exports, and what to type where it is missing.
import { existsSync, readFileSync } from 'node:fs';
import { dirname, isAbsolute, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { UnavailableError } from '../core/errors.js';

/** Memory that a feed can be read from, as the plan's dtype asks for. bool is `Uint8Array` of 0 and 1. */
export type NativeArray =
  | Float32Array
  | Float64Array
  | Int32Array
  | Uint8Array
  | Int16Array
  | Int8Array
  | BigInt64Array
  | Uint16Array
  | Uint32Array
  | BigUint64Array;

/** Strings as they cross: UTF-8 bytes, and n + 1 offsets into them. */
export interface NativeStrings {
  data: Uint8Array;
  offsets: Int32Array;
}

export type NativeFeed = NativeArray | NativeStrings;

/**
 * What a run gives back, by position of the fetch: `undefined` where the result is in the mailbox or in the caller's own array,
 * else memory of its own. A run whose results are all in the mailbox returns `undefined`.
 */
export type NativeResults = readonly (ArrayBuffer | NativeStrings | undefined)[] | undefined;

/** An error of the engine: `code` is TensorFlow's name of it, `node` the graph operation it is blamed on, -1 if none. */
export interface NativeError extends Error {
  code: string;
  node: number;
  /** The shapes of the operation's inputs, where the plan's stage told them. */
  shapes?: string | undefined;
}

/** Memory as `runPlan` takes it: an array, or the number of a host buffer whose memory the caller has seen to be there still. */
export type NativeMemoryArgument = NativeArray | number | undefined;

/** How a run on the session's thread ends. The mailbox is valid until this function returns. */
export type NativeCallback = (error: NativeError | undefined, results: NativeResults) => void;

export interface NativeSessionOptions {
  /** Threads of one run, the caller among them, 64 at most; 0 or none: as many as the process may use. */
  threads?: number | undefined;
  /** Budget of the session's native memory; 0 or none: what the machine has. */
  memoryBytes?: number | undefined;
  /** Whether the session computes on the GPU. */
  gpu?: boolean | undefined;
  /** Most bytes of the GPU's memory; 0 or none: what it has. */
  gpuMemory?: number | undefined;
  /** What products of float32 may be computed in: 0 float32, 1 tf32, 2 bf16. */
  gpuPrecision?: number | undefined;
  /** Receives the lines of Print. */
  onLog?: ((line: string) => void) | undefined;
}

export interface NativeMemory {
  arena: number;
  variables: number;
  constants: number;
  used: number;
  peak: number;
  limit: number;
}

export interface NativeVariable {
  dtype: number;
  shape: number[];
  bytes: number;
  initialized: boolean;
}

/** A session of the engine. Every method may throw a `NativeError`. */
export interface NativeSession {
  /** What `runPlan` names it by. */
  readonly number: number;
  /**
   * Results of at most `mailboxBytes` bytes, each at its fetch position times `mailboxBytes`, for the first `mailboxFetches`
   * positions. Behind them one float64 per position: the first dim of the result, which only a dynamic fetch needs. Behind those eight
   * bytes per position for the scalars that `runPlan` is fed. Written on this thread only, by the run that returns or calls back.
   */
  readonly mailbox: ArrayBuffer;
  /** Verifies and binds a plan. `stateKeys`: the session-wide key of each random state of the plan. */
  loadPlan(words: Int32Array, constants: Uint8Array, strings: NativeStrings, stateKeys: Int32Array): number;
  unloadPlan(plan: number): void;
  /** Runs on this thread, after the runs that wait. Feeds are read in place. `outs[i]` receives fetch i instead of fresh memory. */
  runSync(
    plan: number,
    feeds: readonly NativeFeed[],
    outs?: readonly (NativeArray | undefined)[],
    traced?: boolean,
  ): NativeResults;
  /** Runs on the session's thread. Feeds are copied before this returns. */
  run(plan: number, feeds: readonly NativeFeed[], callback: NativeCallback, traced?: boolean): void;
  /**
   * The times of the traced run that returned or called back last: float64 in fours, of block, step, and when it began and ended in
   * nanoseconds of `process.hrtime`.
   */
  takeTimes(): ArrayBuffer;
  /**
   * n runs in one call. A stepped feed holds several times the planned elements: run i reads part i, and begins again at its end.
   * Each fetch is one ArrayBuffer (or `outs[i]`) of n results.
   */
  runLoopSync(
    plan: number,
    n: number,
    feeds: readonly NativeFeed[],
    stepped: readonly boolean[],
    outs?: readonly (NativeArray | undefined)[],
  ): NativeResults;
  runLoop(
    plan: number,
    n: number,
    feeds: readonly NativeFeed[],
    stepped: readonly boolean[],
    callback: NativeCallback,
  ): void;
  /** Ends the run on the session's thread and all that wait, with CANCELLED. */
  cancel(): void;
  /** Waits for the run on the session's thread and calls back now, within this call. */
  finish(): void;
  /** Rejects what waits, lets the current run finish, frees all. Idempotent. */
  close(): void;
  /** Whether nothing runs or waits on the session's thread. */
  idle(): boolean;
  memory(): NativeMemory;
  /** `undefined` for a variable that no loaded plan has named. */
  variableInfo(id: number): NativeVariable | undefined;
  readVariable(id: number): ArrayBuffer | NativeStrings;
  writeVariable(id: number, value: NativeFeed): void;
  /** The counter of a random op: how many Philox blocks it has used. */
  getState(key: number): bigint;
  setState(key: number, value: bigint): void;
}

export interface NativeInfo {
  backend: string;
  isa: string;
  path: string;
  /** One line per backend library that was looked at. */
  tried: string[];
  threads: number;
  /** Pool threads started so far, jobs offered to them, and (job, thread) pairs that did work. */
  workers: number;
  parallelJobs: number;
  helpedJobs: number;
}

export interface Native {
  readonly mailboxBytes: number;
  readonly mailboxFetches: number;
  readonly NativeSession: new (options?: NativeSessionOptions) => NativeSession;
  info(): NativeInfo;
  kernelNames(): string[];
  functorNames(): string[];
  /** Whether `Fused` has this functor for the dtypes (TensorFlow's numbers) of its operands and result. */
  hasFunctor(name: string, operand: number, result: number): boolean;
  /** The GPU and the kernels that it has, or why there is none. */
  gpu(): { name: string; memoryBytes: number; path: string; kernels: string[] } | { reason: string };
  /** The libraries that the GPU's kernels use, or why not, a line each. Loads them: for `doctor`. */
  gpuLibraries(): string[];
  /** Memory that is cheap to feed from, aligned to 64 bytes; `pinned`: by the GPU, where there is one. */
  hostBuffer(bytes: number, pinned?: boolean): { buffer: ArrayBuffer; byteOffset: number; number: number };
  /**
   * Runs a plan of a session, both by number, on this thread, after the runs that wait. Scalars are fed by the mailbox; `memory` is the
   * other feeds, then (all or none) that for the fetches that the mailbox does not take: at most `runPlanMemory` in all, no strings.
   */
  runPlan(session: number, plan: number, ...memory: readonly NativeMemoryArgument[]): NativeResults;
  readonly runPlanMemory: number;
}

const ADDON = join('build', 'Release', 'grafo.node');

/** The package's folder: the nearest one above this file whose package.json is grafo's. */
function packageFolder(): string | undefined {
  // A bundler that makes CommonJS leaves no URL.
  if (!import.meta.url?.startsWith('file:')) return undefined;
  for (let folder = dirname(fileURLToPath(import.meta.url)); ; folder = dirname(folder)) {
    const manifest = join(folder, 'package.json');
    if (existsSync(manifest)) {
      try {
        if (JSON.parse(readFileSync(manifest, 'utf8')).name === 'grafo') return folder;
      } catch {
        // Not a manifest that can be read, so not ours.
      }
    }
    if (folder === dirname(folder)) return undefined;
  }
}

function candidates(): { path: string; from: string }[] {
  const list: { path: string; from: string }[] = [];
  const forced = process.env.GRAFO_NATIVE;
  if (forced) list.push({ path: forced, from: 'GRAFO_NATIVE' });
  const folder = packageFolder();
  if (folder !== undefined) list.push({ path: join(folder, ADDON), from: 'build of the package' });
  return list;
}

function load(): Native {
  const tried: string[] = [];
  for (const { path, from } of candidates()) {
    if (!isAbsolute(path)) {
      tried.push(`${path} (${from}): not an absolute path`);
      continue;
    }
    if (!existsSync(path)) {
      tried.push(`${path} (${from}): no such file`);
      continue;
    }
    try {
      // What `require` does in the end; the way there, cold, takes twice as long as loading the library.
      const module = { exports: {} };
      process.dlopen(module, path);
      addonFile = path;
      return module.exports as Native;
    } catch (error) {
      tried.push(`${path} (${from}): ${error instanceof Error ? error.message : String(error)}`);
    }
  }
  throw new UnavailableError(
    [
      "grafo's native engine could not be loaded.",
      'Tried:',
      ...tried.map((line) => `  ${line}`),
      'What to do:',
      '  - build it: npx grafo build   (in a clone: npm run build:native); it needs a C++20 compiler and CMake or Python',
      '  - in a bundle: leave grafo out of it (external), as it finds its engine beside its own files',
      '  - or set GRAFO_NATIVE to the absolute path of a grafo.node',
      '  - after `npm install --ignore-scripts` nothing has been built yet, and the first line is all that is missing',
    ].join('\n'),
  );
}

let loaded: Native | undefined;
let addonFile: string | undefined;

/** The file of the native engine, once it is loaded. */
export function nativeFile(): string | undefined {
  return addonFile;
}

/** The native engine, loaded at the first call. Throws one error that says what was tried and what to type. */
export function native(): Native {
  loaded ??= load();
  return loaded;
}
