// What a sweep found: by group, by kind, the cases where a rival is ahead, and what failed; on the terminal and in bench/results.
import type { Machine } from '../lib/machine.js';
import { quantile } from '../lib/stats.js';
import { duration, markdownTable, ratio, type Table } from '../lib/table.js';
import { kindOf, nameOf } from './case.js';
import type { Measured } from './measure.js';

/** Slower than a rival by more is slow. */
export const SLOW = 1.15;
/** Than another checkout of grafo: one library on one machine is told apart by less. */
export const CHANGED = 1.1;
/** What a call itself takes decides below, which the rows of `overhead` are about. */
const LEAST_NS = 3000;
/** Of one kind so many are shown. */
const OF_A_KIND = 3;

/** A sweep, as it is told. */
export interface Sweep {
  readonly machine: Machine;
  readonly versions: readonly string[];
  readonly threads: number;
  /** Every case, measured once. */
  readonly all: readonly Measured[];
  /** Those measured again; undefined where that was not asked for. */
  readonly again: readonly Measured[] | undefined;
}

/** How much slower we are, by whichever of both ratios is nearer to 1; of rounds that disagree nothing is said. */
export const slowness = ({ ratio: fastest, typical }: Measured): number =>
  fastest === undefined || typical === undefined ? 1 : Math.min(fastest, typical);
export const quickness = ({ ratio: fastest, typical }: Measured): number =>
  fastest === undefined || typical === undefined ? 1 : 1 / Math.max(fastest, typical);

const matters = ({ ours, best }: Measured): boolean => Math.max(ours ?? 0, best?.ns ?? 0) > LEAST_NS;

const worstFirst = (by: (one: Measured) => number, limit: number, all: readonly Measured[]): Measured[] =>
  all.filter((one) => by(one) > limit && matters(one)).sort((a, b) => by(b) - by(a));

/** The cases that are slower than a limit, worst first. */
export const slower = (all: readonly Measured[], limit: number): Measured[] => worstFirst(slowness, limit, all);
/** The cases that are faster, most first. */
export const faster = (all: readonly Measured[], limit: number): Measured[] => worstFirst(quickness, limit, all);

/** At most `count` of each kind, in their order. */
export const fewOfEachKind = (all: readonly Measured[], count: number = OF_A_KIND): Measured[] => {
  const seen = new Map<string, number>();
  return all.filter((one) => {
    const kind = kindOf(one.case);
    const before = seen.get(kind) ?? 0;
    seen.set(kind, before + 1);
    return before < count;
  });
};

const medianRatio = (all: readonly Measured[]): number | undefined => {
  const ratios = all.flatMap(({ ratio: one }) => (one === undefined ? [] : [one])).sort((a, b) => a - b);
  return ratios.length === 0 ? undefined : quantile(ratios, 0.5);
};
const shown = (value: number | undefined): string => (value === undefined ? '' : ratio(value));

const groupsOf = (all: readonly Measured[], by: (one: Measured) => string): Map<string, Measured[]> => {
  const groups = new Map<string, Measured[]>();
  for (const one of all) groups.set(by(one), [...(groups.get(by(one)) ?? []), one]);
  return groups;
};

const countedTable = (title: string, groups: Map<string, readonly Measured[]>): Table => ({
  head: [title, 'cases', 'beside a rival', `over ${SLOW}`, 'median ratio', 'worst'],
  rows: [...groups].map(([name, all]) => {
    const slow = slower(all, SLOW);
    return [
      name,
      String(all.length),
      String(all.filter(({ compared }) => compared.length > 0).length),
      String(slow.length),
      shown(medianRatio(all)),
      slow.length === 0 ? '' : ratio(slowness(slow[0]!)),
    ];
  }),
});

/** Groups, with all of them in the last line. */
export const groupsTable = (all: readonly Measured[]): Table =>
  countedTable('group', new Map([...groupsOf(all, ({ case: { group } }) => group), ['all', [...all]]]));

/** Operations with their dtypes, those with the most slow cases first; those without one are left out. */
export const kindsTable = (all: readonly Measured[]): Table => {
  const kinds = [...groupsOf(all, ({ case: one }) => kindOf(one))]
    .filter(([, these]) => slower(these, SLOW).length > 0)
    .sort(([, a], [, b]) => slower(b, SLOW).length - slower(a, SLOW).length);
  return countedTable('operation', new Map(kinds));
};

/** Cases one by one. */
export const casesTable = (all: readonly Measured[]): Table => ({
  head: ['case', 'ratio', 'of rounds', 'grafo', 'the other', 'who'],
  rows: all.map(({ case: one, ratio: fastest, typical, ours, best }) => [
    nameOf(one),
    shown(fastest),
    shown(typical),
    ours === undefined ? '' : duration(ours),
    best === undefined ? '' : duration(best.ns),
    best?.rival ?? '',
  ]),
});

/** What went wrong, a line a case. */
export const failureLines = (all: readonly Measured[]): string[] =>
  all.flatMap(({ case: one, failures }) => failures.map((failure) => `${nameOf(one)}: ${failure}`));

/** What rivals could not do, each text once with how often and where first. */
export const noteLines = (all: readonly Measured[]): string[] => {
  const found = new Map<string, string[]>();
  for (const { case: one, notes } of all)
    for (const note of notes) found.set(note, [...(found.get(note) ?? []), nameOf(one)]);
  return [...found].map(
    ([note, names]) => `${note} (${names[0]}${names.length === 1 ? '' : ` and ${names.length - 1} more`})`,
  );
};

/** The slow cases of the last look at them. */
export const cliffsOf = ({ all, again }: Sweep): Measured[] => slower(again ?? all, SLOW);

/** What the slow cases are called: only a second look confirms. */
export const cliffsTitle = (sweep: Sweep): string => {
  const found = cliffsOf(sweep).length;
  const how = sweep.again === undefined ? 'not measured again' : `confirmed, of ${sweep.again.length} measured again`;
  return `${found} slower than ${SLOW} (${how}); at most ${OF_A_KIND} of a kind`;
};

/** The file in bench/results. */
export const sweepMarkdown = (sweep: Sweep): string => {
  const { machine, versions, threads, all } = sweep;
  const list = (lines: readonly string[]): string => lines.map((line) => `- ${line}`).join('\n');
  const parts = [
    `# ${machine.cpu}: a sweep of shapes`,
    `${machine.text}, ${machine.date}, load ${machine.load} when it began, ${threads} thread${threads === 1 ? '' : 's'}. Made by \`${machine.command}\`; how to read it: docs/inside/benchmarks.md.`,
    list(versions),
    `## Groups\n${markdownTable(groupsTable(all))}`,
    `## Where a rival is ahead\n${cliffsTitle(sweep)}.\n\n${markdownTable(casesTable(fewOfEachKind(cliffsOf(sweep))))}`,
    `## Operations with a slow case in the first look\n${markdownTable(kindsTable(all))}`,
    failureLines(all).length === 0 ? '' : `## What failed\n${list(failureLines(all))}`,
    noteLines(all).length === 0 ? '' : `## What rivals could not do\n${list(noteLines(all))}`,
  ];
  return `${parts.filter((part) => part !== '').join('\n\n')}\n`;
};
