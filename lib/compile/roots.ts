// roots: which Reduce steps a tape may end in, and what they are to it.
import type { Reduction, Step, TapeCode } from './steps.js';

/**
 * A Reduce as a tape without instructions; undefined for what is none, and where the elements of an output are neither one run of
 * the input nor one column of it. Its space is the input's shape.
 */
export const rootOf = (step: Step): TapeCode | undefined => {
  if (step.kernel !== 'Reduce') return undefined;
  const [op, , ...axes] = step.attrs as number[];
  const space = step.inputs[0]!.shape;
  // Neighbours of one sort are one dimension.
  const groups: { reduced: boolean; extent: number }[] = [];
  space.forEach((dim, axis) => {
    if (dim === 1) return;
    const reduced = axes.includes(axis);
    const last = groups.at(-1);
    if (last?.reduced === reduced) last.extent *= dim;
    else groups.push({ reduced, extent: dim });
  });
  const reduced = groups.find((group) => group.reduced);
  if (groups.length > 2 || reduced === undefined) return undefined;
  const reduction: Reduction = { op: op!, byRows: groups.at(-1) === reduced, length: reduced.extent };
  return { space, instructions: [], outputs: [0], reductions: [reduction] };
};
