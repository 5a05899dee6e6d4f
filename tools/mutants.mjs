// `npm run test:mutants`: the test of the tests. Applies the one-line mutations of tools/mutants/*.json, one at a time, to a copy of the
// checkout, and runs the tests that should notice. Ends with `N of M caught`; fails under 95 %.
// Options: --report FILE (Markdown too), --list, --seconds N (a limit for each check), and words of which a mutant's name or file must contain one.
import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { Checks } from './mutants/checks.mjs';
import { Workshop } from './mutants/workshop.mjs';

/** The share of mutants that must be caught. */
const REQUIRED = 0.95;
/** What runs where a mutant's own tests did not notice it, by the kind of its file. */
const BROAD = {
  native: ['native: ', 'test/ops/goldens.test.ts: '],
  lib: [
    'test/compile/*.test.ts: ',
    'test/grad/gradients.test.ts: ',
    'test/{runtime,train}/{session,training,plans,feeds,optimizers}.test.ts: ',
    'test/ops/goldens.test.ts: ',
  ],
};

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const args = process.argv.slice(2);
const option = (name) => {
  const at = args.indexOf(name);
  return at < 0 ? undefined : args.splice(at, 2)[1];
};
const report = option('--report');
const seconds = Number(option('--seconds') ?? 240);
const listing = args.includes('--list');
const wanted = args.filter((word) => !word.startsWith('--'));

const die = (message) => {
  console.error(message);
  process.exit(2);
};

/** The table, checked: every original line occurs exactly once, so that the table cannot rot. */
const readTable = () => {
  const folder = path.join(root, 'tools', 'mutants');
  const table = [];
  for (const name of readdirSync(folder).filter((file) => file.endsWith('.json'))) {
    for (const mutant of JSON.parse(readFileSync(path.join(folder, name), 'utf8')))
      table.push({ ...mutant, area: path.basename(name, '.json') });
  }
  const problems = [];
  const names = new Set();
  for (const mutant of table) {
    const { name, file, line, to, breaks, tests } = mutant;
    if (names.has(name)) problems.push(`two mutants are called ${name}`);
    names.add(name);
    if ([name, file, line, to, breaks].some((text) => typeof text !== 'string') || !Array.isArray(tests) || !tests[0])
      problems.push(`${name}: name, file, line, to, breaks and tests are needed`);
    else {
      const found = readFileSync(path.join(root, file), 'utf8')
        .split('\n')
        .filter((text) => text.trim() === line);
      if (found.length !== 1) problems.push(`${name}: ${file} has this line ${found.length} times, not once: ${line}`);
      if (line === to) problems.push(`${name} changes nothing`);
    }
  }
  if (problems.length > 0) die(problems.join('\n'));
  return table;
};

const table = readTable();
const chosen = table.filter(
  ({ name, file }) => wanted.length === 0 || wanted.some((word) => name.includes(word) || file.includes(word)),
);
if (listing) {
  for (const { area, name, file, breaks } of chosen) console.log(`${area}  ${name}  ${file}  ${breaks}`);
  console.log(`${chosen.length} mutants`);
  process.exit(0);
}
if (chosen.length === 0) die('No mutant is called so.');

const started = Date.now();
const minutes = () => `${((Date.now() - started) / 60000).toFixed(1)} min`;
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(130));
const workshop = await Workshop.create(root, chosen);
console.log(`built without mutants: ${minutes()}`);

const checks = new Checks(workshop, seconds);
// What already fails, or names no test, would catch everything: it is found before the first mutant.
const problems = await checks.baseline(chosen.flatMap(({ tests }) => tests));
if (problems.length > 0) die(problems.join('\n'));
console.log(`every named test passes without mutants: ${minutes()}`);

const results = [];
const broken = [];
for (const mutant of chosen) {
  const before = Date.now();
  let caught;
  const failure = await workshop.apply(mutant);
  if (failure === undefined) {
    caught = await checks.catches(mutant.tests);
    if (caught === undefined) {
      const broad = await checks.catches(BROAD[mutant.file.startsWith('native/') ? 'native' : 'lib']);
      if (broad !== undefined) caught = `${broad} (not by the tests it names)`;
    }
  }
  await workshop.restore();
  if (failure !== undefined) {
    broken.push(mutant.name);
    console.log(`${mutant.name}: does not compile, so it tests nothing:\n${failure}`);
    continue;
  }
  results.push({ ...mutant, caught });
  const took = `${((Date.now() - before) / 1000).toFixed(0)} s`;
  console.log(`${mutant.name}: ${caught === undefined ? 'SURVIVED' : `caught by ${caught}`}  [${took}]`);
}

const survivors = results.filter(({ caught }) => caught === undefined);
const summary = `${results.length - survivors.length} of ${results.length} caught`;
for (const { name, file, breaks } of survivors) console.log(`survivor  ${name} (${file}): ${breaks}`);
if (report !== undefined) writeFileSync(path.resolve(report), markdown());
console.log(minutes());
console.log(summary);
if (broken.length > 0) die(`These do not compile: ${broken.join(', ')}`);
process.exit(results.length - survivors.length >= REQUIRED * results.length ? 0 : 1);

function markdown() {
  const commit = spawnSync('git', ['rev-parse', '--short', 'HEAD'], { cwd: root, encoding: 'utf8' }).stdout.trim();
  const cell = (text) => text.replaceAll('|', '\\|');
  const areas = [...new Set(results.map(({ area }) => area))];
  const lines = [
    '# Mutants: the test of the tests',
    '',
    'Does a test fail where the code is wrong? `npm run test:mutants` changes one line at a time in a copy of the checkout, builds what sees',
    'it, and runs the tests that the mutant names, then broader ones. It fails where fewer than 95 % are caught. About half an hour on two',
    'cores; words restrict it to mutants or files that contain one of them (`npm run test:mutants -- lib/compile`), `--list` shows them.',
    '',
    'The lines are in `tools/mutants/*.json`, each of which must occur exactly once in its file: who changes such a line changes the mutant.',
    'One that no test can catch, as other code decides the same, is no mutant: simplify the code or break another line.',
    '',
    'This page is written by `npm run test:mutants -- --report docs/inside/mutants.md`. "Caught by" is the first test that failed.',
    '',
    `${new Date().toISOString().slice(0, 10)}, commit ${commit}: **${summary}**, in ${minutes()}.`,
    '',
    '| area | mutants | caught |',
    '|---|---|---|',
    ...areas.map((area) => {
      const own = results.filter((result) => result.area === area);
      return `| ${area} | ${own.length} | ${own.filter(({ caught }) => caught !== undefined).length} |`;
    }),
    '',
    '## Survivors',
    '',
    ...(survivors.length === 0 ? ['None.'] : survivors.map(({ name, breaks }) => `- \`${name}\`: ${breaks}`)),
    ...areas.flatMap((area) => [
      '',
      `## ${area}`,
      '',
      '| mutant | what it breaks | caught by |',
      '|---|---|---|',
      ...results
        .filter((result) => result.area === area)
        .map(({ name, breaks, caught }) => `| ${name} | ${cell(breaks)} | ${cell(caught ?? 'SURVIVED')} |`),
    ]),
  ];
  return `${lines.join('\n')}\n`;
}
