// specialize: a symbolic program and concrete feeds become one stage's plan; what data must decide first waits for the next stage.
import type { Operation } from '../core/graph.js';
import type { NDArray } from '../core/ndarray.js';
import { batch } from './batch.js';
import { drop } from './drop.js';
import { encode } from './encode.js';
import { EPILOGUE, epilogues } from './epilogue.js';
import { carriedValue, Facts, type Given, hostPositions, refKey } from './facts.js';
import { fuse } from './fuse.js';
import { idioms } from './idioms.js';
import { Lowering } from './lower.js';
import { flopsOfMatMul, measure } from './measure.js';
import { planMemory } from './memory.js';
import { order } from './order.js';
import { isLeftToCpu, print } from './print.js';
import { isStateful, type Node, type Program, type Ref, refDtype } from './program.js';
import { recompute } from './recompute.js';
import { repeat } from './repeat.js';
import { rows } from './rows.js';
import { schedule } from './schedule.js';
import { share } from './share.js';
import type { CompileOptions, FeedSource, FeedValue, Stage } from './stage.js';
import { bytesOf, overAllRows, type PlanValue, type StepProgram, sizeOfShape, type TapeCode } from './steps.js';
import { functorCost } from './tape.js';
import { transposes } from './transposes.js';
import { verifyOrder, verifySteps } from './verify.js';
import { updatedVariables, type Versions, variableOf, versionRef } from './versions.js';

/** Host values above this many elements are computed by the engine where they are also wanted as tensors. */
const MAX_HOST_ELEMENTS = 4096;

/** A program with what every stage of its runs shares. */
export interface Symbolic {
  readonly program: Program;
  readonly versions: Versions;
  readonly options: CompileOptions;
}

/** Nodes whose steps a stage needs: those behind its fetches and targets, and everything that acts. */
const neededNodes = (symbolic: Symbolic, facts: Facts, given: Given, fetches: readonly Ref[]): Set<Node> => {
  const needed = new Set<Node>();
  const stack: Node[] = [];
  const want = (ref: Ref): void => {
    // A node that is known to be needed stays so, and it is the one thing that is cheap to ask.
    if (needed.has(ref.node) || carriedValue(given, ref) !== undefined || isHostOnly(ref, facts)) return;
    stack.push(ref.node);
  };
  for (const fetch of fetches) want(fetch);
  for (const target of symbolic.program.targets) stack.push(target);
  for (const node of symbolic.program.nodes) if (isStateful(node) && node.row?.lower !== 'source') stack.push(node);
  while (stack.length > 0) {
    const node = stack.pop()!;
    if (node.row === undefined || needed.has(node) || given.ran.has(node) || facts.blocked.has(node)) continue;
    needed.add(node);
    const hosts = hostPositions(node);
    for (let i = 0; i < node.inputs.length; i++) if (!hosts.includes(i)) want(node.inputs[i]!);
    for (const control of node.controls) stack.push(control);
  }
  return needed;
};

/** Whether a ref's value is known here, so that a constant stands for it. */
const isHostOnly = (ref: Ref, facts: Facts): boolean => {
  const { node } = ref;
  if (node.row?.host === undefined || node.row.type === 'Const' || node.controls.length > 0 || isStateful(node))
    return false;
  const value = facts.host(ref);
  return value !== null && value.size <= MAX_HOST_ELEMENTS;
};

/**
 * The steps of the needed nodes, and where what they are fed comes from. A function of its own: a stage keeps what its own functions look at
 * for as long as its plan lives, and the tables of a lowering are larger than the plan.
 */
const lowered = (
  { program, versions }: Symbolic,
  facts: Facts,
  given: Given,
  updatesDone: ReadonlyMap<Operation, number>,
  needed: ReadonlySet<Node>,
  fetches: readonly Ref[],
): { readonly steps: StepProgram; readonly sources: readonly FeedSource[] } => {
  const feeds: PlanValue[] = [];
  const sources: FeedSource[] = [];
  const feedIndex = new Map<string, number>();
  const feed = (ref: Ref, source: FeedSource, shape: readonly number[], dtype: NDArray['dtype']): PlanValue => {
    const key = refKey(ref);
    let i = feedIndex.get(key);
    if (i === undefined) {
      i = feeds.length;
      feedIndex.set(key, i);
      const storage = { kind: 'feed' as const, bytes: bytesOf(dtype, shape), index: i, node: ref.node.op.id };
      feeds.push({ dtype, shape, storage, version: 0, dynamic: false });
      sources.push(source);
    }
    return feeds[i]!;
  };
  const fed = (ref: Ref): PlanValue | undefined => {
    const carried = carriedValue(given, ref);
    if (carried !== undefined) return feed(ref, { value: carried }, carried.shape, carried.dtype);
    if (ref.node.row !== undefined || ref.node.feed < 0) return undefined;
    return feed(ref, { feed: ref.node.feed }, facts.shape(ref), refDtype(ref));
  };
  const targets = new Set(program.targets);
  const lowering = new Lowering({
    facts,
    versions,
    fed,
    isTarget: (node) => targets.has(node),
    startVersion: (variable) => updatesDone.get(variable) ?? 0,
  });
  for (const node of program.nodes) lowering.declare(node);
  for (const node of program.nodes) {
    if (needed.has(node)) lowering.lower(node);
    else lowering.skip(node);
  }
  const fetched = fetches.map((ref) =>
    ref.output >= 0 ? lowering.value(ref, 'fetch') : lowering.snapshot(ref.node.op, -1 - ref.output),
  );
  return { steps: { steps: lowering.steps, fetches: fetched, feeds }, sources };
};

/** The passes from lowered steps to those that a plan runs. */
const improved = (made: StepProgram, options: CompileOptions): StepProgram => {
  let steps = made;
  verifySteps(steps, 'lower');
  // A GPU's softmax is over the last axis.
  if (options.transposes !== false && options.deviceKernels === undefined) {
    steps = transposes(steps);
    verifySteps(steps, 'transposes');
  }
  if (options.repeat !== false) {
    steps = repeat(steps);
    verifySteps(steps, 'repeat');
  }
  steps = drop(schedule(order(steps)));
  if (options.share !== false) {
    const shared = share(steps);
    if (shared !== steps) verifySteps(shared, 'share');
    steps = shared;
  }
  if (options.fuse !== false) {
    // A GPU's tapes store what they reduce, so there is nothing to be gained.
    const farBytes = options.deviceKernels === undefined ? options.farBytes : Number.POSITIVE_INFINITY;
    steps = schedule(fuse(steps, farBytes));
    verifySteps(steps, 'fuse');
    const byRows = options.rows === false || options.deviceKernels !== undefined ? undefined : rows(steps, farBytes);
    if (byRows !== undefined) {
      steps = schedule(byRows);
      verifySteps(steps, 'rows');
    }
    const again = options.recompute === false ? undefined : recompute(steps, farBytes);
    if (again !== undefined) {
      verifySteps(again, 'recompute');
      steps = schedule(fuse(schedule(order(again)), farBytes));
    }
    steps = idioms(steps);
    verifySteps(steps, 'idioms');
  }
  if (options.epilogues !== false) {
    const ended = epilogues(steps);
    if (ended !== steps) {
      verifySteps(ended, 'epilogues');
      steps = schedule(ended);
    }
  }
  if (options.batch !== false) {
    steps = batch(steps);
    verifySteps(steps, 'batch');
  }
  return steps;
};

/** Makes the stage that starts from `given`. `updatesDone` counts the updates of each variable that earlier stages ran. */
export const specialize = (symbolic: Symbolic, given: Given, updatesDone: ReadonlyMap<Operation, number>): Stage => {
  const { program, versions, options } = symbolic;
  const facts = new Facts(program, given, versions);
  const isLast = facts.blocked.size === 0;
  const doneAfter = countUpdates(program, facts, updatesDone);
  const carry = isLast ? [] : refsToCarry(symbolic, facts, given, doneAfter);
  const wanted = isLast
    ? program.fetches.filter((ref) => carriedValue(given, ref) === undefined)
    : carry.filter((ref) => ref.output >= 0);
  const needed = neededNodes(symbolic, facts, given, wanted);

  const { steps, sources } = lowered(symbolic, facts, given, updatesDone, needed, isLast ? wanted : carry);
  const final = improved(steps, options);
  const { fetches: fetched } = steps;
  const memory = planMemory(final, { inPlace: options.inPlace !== false, reuse: options.reuse !== false });
  verifyOrder(final);
  const results = program.fetches.map((ref) => {
    const value = carriedValue(given, ref);
    return value !== undefined ? { value } : { fetch: isLast ? wanted.indexOf(ref) : -1 };
  });
  return {
    plan: encode(final, memory),
    feeds: steps.feeds.map(({ dtype, shape }, i) => ({ source: sources[i]!, dtype, shape })),
    fetches: fetched.map(({ dtype, shape, dynamic }) => ({ dtype, shape, dynamic })),
    results: isLast ? results : [],
    explain: () => print(final, memory, symbolic.options.deviceKernels),
    steps: () => measure(final),
    leftToCpu: () =>
      new Set(final.steps.filter((step) => isLeftToCpu(step, symbolic.options.deviceKernels)).map(({ op }) => op)),
    shapesOf: (id) => {
      const node = program.nodes.find(({ op, row }) => row !== undefined && op.id === id);
      return node === undefined ? undefined : facts.describe(node);
    },
    largest: () => largest(final),
    cost: estimate(final),
    variableShapes: facts.variableShapes,
    next: isLast
      ? undefined
      : (values) => {
          const carried = new Map(given.carried);
          carry.forEach((ref, i) => {
            carried.set(refKey(ref), values[i]!);
          });
          const ran = new Set(given.ran);
          for (const node of program.nodes) {
            // What is known without running is worked out again; only steps must not run twice.
            if (
              node.row !== undefined &&
              !facts.blocked.has(node) &&
              node.row.lower !== 'source' &&
              node.row.type !== 'Const'
            )
              ran.add(node);
          }
          const variableShapes = new Map([...given.variableShapes, ...facts.variableShapes]);
          return specialize(symbolic, { ...given, carried, ran, variableShapes }, doneAfter);
        },
  };
};

/** Updates of each variable that have run once this stage has; where the next one begins with another shape of it, that update too. */
const countUpdates = (
  program: Program,
  facts: Facts,
  before: ReadonlyMap<Operation, number>,
): Map<Operation, number> => {
  const counts = new Map<Operation, number>();
  for (const node of program.nodes) {
    if (facts.blocked.has(node)) continue;
    for (const variable of updatedVariables(node)) counts.set(variable, (counts.get(variable) ?? 0) + 1);
  }
  for (const [variable, count] of [...before, ...facts.resizing])
    counts.set(variable, Math.max(counts.get(variable) ?? 0, count));
  return counts;
};

/** What later stages need of this one: values their nodes read, fetches, and old versions of variables that move on here. */
const refsToCarry = (
  symbolic: Symbolic,
  facts: Facts,
  given: Given,
  doneAfter: ReadonlyMap<Operation, number>,
): Ref[] => {
  const { program, versions } = symbolic;
  const found = new Map<string, Ref>();
  const want = (ref: Ref, version: (variable: Operation) => number): void => {
    const variable = variableOf(ref);
    if (variable !== undefined) {
      const read = version(variable);
      const old = versionRef(variable, read);
      if (read < (doneAfter.get(variable) ?? 0) && !given.carried.has(refKey(old))) found.set(refKey(old), old);
      return;
    }
    if (
      ref.node.row === undefined ||
      facts.blocked.has(ref.node) ||
      given.carried.has(refKey(ref)) ||
      ref.node.row.type === 'Const'
    )
      return;
    found.set(refKey(ref), ref);
  };
  for (const node of program.nodes) {
    if (!facts.blocked.has(node)) continue;
    const own = new Set(updatedVariables(node));
    for (const input of node.inputs) {
      const variable = variableOf(input);
      if (variable === undefined || !own.has(variable)) want(input, (read) => versions.read(node, read));
    }
  }
  for (const fetch of program.fetches) want(fetch, (variable) => versions.fetched(fetch, variable));
  return [...found.values()];
};

/** The largest output of a program's steps, and whose it is. */
const largest = ({ steps }: StepProgram): ReturnType<Stage['largest']> => {
  let found: { readonly op: Operation; readonly value: PlanValue } | undefined;
  for (const { op, outputs } of steps) {
    for (const value of outputs) {
      if (found === undefined || value.storage.bytes > found.value.storage.bytes) found = { op, value };
    }
  }
  return found === undefined ? undefined : { op: found.op, dtype: found.value.dtype, shape: found.value.shape };
};

const estimateOfTape = ({ space, instructions, reductions }: TapeCode): number => {
  let item = 0.15 * reductions.filter((one) => one !== undefined).length;
  for (const { functor, operand } of instructions) item += functorCost(functor, operand);
  return item * sizeOfShape(space);
};

/** Nanoseconds a plan may take, coarse: whether an async run is worth a thread. */
const estimate = (program: StepProgram): number => {
  let total = 0;
  for (const step of program.steps) {
    total += 150;
    if (step.kernel === 'MatMul' || step.kernel === EPILOGUE) total += flopsOfMatMul(step) / 20;
    if (step.tape !== undefined) total += estimateOfTape(step.tape);
    else if (step.rows !== undefined) total += overAllRows(step.rows, estimateOfTape);
    else if (step.batch !== undefined) {
      const elements = step.batch.sizes.reduce((sum, size) => sum + size, 0);
      for (const { functor, operand } of step.batch.instructions) total += elements * functorCost(functor, operand);
    } else if (step.kernel !== 'MatMul') {
      for (const value of [...step.inputs, ...step.outputs]) total += sizeOfShape(value.shape) * 0.5;
    }
  }
  return total;
};

/** The stage without anything run before it. */
export const firstStage = (
  symbolic: Symbolic,
  feeds: readonly FeedValue[],
  variableShapes: ReadonlyMap<number, readonly number[]>,
): Stage => specialize(symbolic, { feeds, variableShapes, carried: new Map(), ran: new Set() }, new Map());
