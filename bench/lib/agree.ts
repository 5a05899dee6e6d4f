// Whether rivals computed the same: a figure counts only where its checksum is that of the others.
import type { Checksum } from './inputs.js';
import type { RowSpec } from './trial.js';

/** A rival's checksums of one row: one for each of the two sets of inputs. */
export interface Checked {
  readonly rival: string;
  readonly dtype: string;
  readonly checks: readonly { readonly sum: number | null; readonly scale: number | null }[];
}

const finite = (check: { sum: number | null; scale: number | null }): check is Checksum =>
  Number.isFinite(check.sum) && Number.isFinite(check.scale);

/** How far two checksums are apart, relative to the larger magnitude. */
export const distance = (a: Checksum, b: Checksum): number => {
  const scale = Math.max(a.scale, b.scale);
  return scale === 0 ? 0 : Math.max(Math.abs(a.sum - b.sum), Math.abs(a.scale - b.scale)) / scale;
};

const near = (a: Checked, b: Checked, tolerance: number): boolean =>
  a.checks.every((check, set) => {
    const other = b.checks[set];
    return other !== undefined && finite(check) && finite(other) && distance(check, other) <= tolerance;
  });

/**
 * What is wrong with each rival's result: a dtype that the row does not allow, numbers that are not finite, inputs that made no difference,
 * or a checksum that fewer rivals share than another. Where two groups are as large, nobody is right.
 */
export const disagreements = (
  row: Pick<RowSpec, 'dtypes' | 'tolerance'>,
  all: readonly Checked[],
): Map<string, string> => {
  const wrong = new Map<string, string>();
  for (const { rival, dtype, checks } of all) {
    if (!row.dtypes.includes(dtype)) wrong.set(rival, `dtype ${dtype}, not ${row.dtypes.join(' or ')}`);
    else if (checks.length < 2 || !checks.every(finite)) wrong.set(rival, 'the result is not finite');
    else if (checks[0]!.sum === checks[1]!.sum) wrong.set(rival, 'the same result for other inputs');
  }
  const left = all.filter(({ rival }) => !wrong.has(rival));
  const friends = new Map(left.map((one) => [one, left.filter((other) => near(one, other, row.tolerance)).length]));
  const most = Math.max(0, ...friends.values());
  const leader = left.find((one) => friends.get(one) === most);
  const right = leader === undefined ? [] : left.filter((other) => near(leader, other, row.tolerance));
  const contested = left.some((one) => friends.get(one) === most && !right.includes(one));
  for (const one of left) {
    if (!contested && right.includes(one)) continue;
    wrong.set(
      one.rival,
      `checksum ${one.checks.map(({ sum }) => sum).join(', ')}; ${leader!.rival} has ${leader!.checks.map(({ sum }) => sum).join(', ')}`,
    );
  }
  return wrong;
};
