// The sweep of shapes: its list, what is compared and how, cases in the hands of scripted processes, and the command itself without rivals.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import test from 'ava';
import { builders } from '../../bench/sweep/builders.js';
import { chosen, dtypeOf, kindOf, nameOf, type SweepCase, tensor } from '../../bench/sweep/case.js';
import { differenceOf, numbersIn } from '../../bench/sweep/compare.js';
import { InputFiles } from '../../bench/sweep/inputFiles.js';
import { CASES } from '../../bench/sweep/list.js';
import { Contestant, type Effort, type Measured, measureCase } from '../../bench/sweep/measure.js';
import {
  fewOfEachKind,
  groupsTable,
  noteLines,
  quickness,
  type Sweep,
  slower,
  slowness,
  sweepMarkdown,
} from '../../bench/sweep/report.js';
import { axesOf, ordersOf, togetherOf } from '../../bench/sweep/shapes.js';
import * as tf from '../../lib/index.js';
import { ROOT } from '../helpers/root.js';

const inFolder = async <T>(body: (folder: string) => T | Promise<T>): Promise<T> => {
  const folder = mkdtempSync(path.join(tmpdir(), 'grafo-sweep-test-'));
  try {
    return await body(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
};

test('every case has a name of its own', (t) => {
  t.true(CASES.length > 5000, String(CASES.length));
  const names = CASES.map(nameOf);
  t.deepEqual(
    names.filter((name, i) => names.indexOf(name) !== i),
    [],
  );
});

test('grafo has a graph for every operation of the list', (t) => {
  const build = builders(tf);
  for (const one of new Map(CASES.map((found) => [kindOf(found), found])).values()) {
    new tf.Graph().asDefault(() => {
      const inputs = one.inputs.map(({ dtype, shape }) => tf.placeholder(dtype, [...shape]));
      t.notThrows(() => build(one.op, inputs, one.args), nameOf(one));
    });
  }
});

test('numpy or torch has every operation of the list', (t) => {
  const scripts = ['numpy', 'torch', 'torch_training']
    .map((name) => readFileSync(path.join(ROOT, 'bench', 'rivals', `sweep_${name}.py`), 'utf8'))
    .join('\n');
  const operations = new Set(
    CASES.flatMap(({ op, args }) => [op, ...(args.of === undefined ? [] : [String(args.of)])]),
  );
  const asked = [...operations].filter((op) => op !== 'gradientOfMeanOf' && !scripts.includes(`'${op}'`));
  t.deepEqual(asked, []);
});

test('a case is named by what is done to what, and told by its data’s dtype', (t) => {
  const one: SweepCase = {
    group: 'gradient',
    op: 'gradient',
    inputs: [tensor('int32', [5], 'sorted:7'), tensor('float64', [5, 3], 'positive')],
    args: { of: 'gather', axis: 0 },
  };
  t.is(nameOf(one), 'gradient of=gather axis=0 int32[5]:sorted float64[5,3]');
  t.is(dtypeOf(one), 'float64');
  t.is(kindOf(one), 'gradient gather float64');
});

test('words are groups, operations or text; dtypes narrow what the others choose', (t) => {
  const of = (...words: string[]) => chosen(CASES, words);
  t.true(of('softmax').every(({ group, op }) => group === 'softmax' || op === 'softmax'));
  t.true(of('transpose', 'cumprod').some(({ op }) => op === 'cumprod'));
  t.true(of('[317,331]').every((one) => nameOf(one).includes('[317,331]')));
  const narrowed = of('reduce', 'float64');
  t.true(
    narrowed.length > 0 && narrowed.every(({ group, inputs }) => group === 'reduce' && inputs[0]!.dtype === 'float64'),
  );
  t.deepEqual(of('no such thing'), []);
  t.is(of().length, CASES.length);
});

test('sets and orders of axes, and shapes from their text', (t) => {
  t.deepEqual(axesOf([5, 6]), [[0], [1], [0, 1]]);
  t.deepEqual(ordersOf(3).length, 5);
  t.false(ordersOf(3).some((order) => order.join() === '0,1,2'));
  t.deepEqual(togetherOf('3x4+scalar 7+1x2'), [
    [[3, 4], []],
    [[7], [1, 2]],
  ]);
});

test('numbers are as near as their dtype lets them be, and integers the same', (t) => {
  const wrong = (dtype: string, ours: number[], theirs: number[]): boolean =>
    differenceOf(dtype, ours, theirs) !== undefined;
  t.false(wrong('float32', [1, Number.NaN, Infinity], [1.0001, Number.NaN, Infinity]));
  t.true(wrong('float32', [1], [1.001]));
  t.true(wrong('float32', [1], [Infinity]));
  t.true(wrong('float32', [Number.NaN], [1]));
  t.true(wrong('float64', [1], [1.0001]));
  // Beside a large number a small one has lost its digits.
  t.false(wrong('float32', [0.001, 1000], [0.002, 1000]));
  t.true(wrong('float32', [0.1, 1000], [0.2, 1000]));
  t.true(wrong('int32', [1000000], [1000001]));
  t.true(wrong('int32', [1], [1, 2]));
  t.is(differenceOf('int64', [5n, 6n], [5, 7]), '1 of 2 differ, number 1 is 6, not 7');
});

test('inputs are files of the values that are asked for: two that are alike differ, and one asked again is there', (t) =>
  inFolder((folder) => {
    const files = new InputFiles(folder);
    const read = (dtype: 'float32' | 'int64' | 'bool' | 'int32', values: Parameters<typeof tensor>[2], n = 600) => {
      const [file] = files.of([tensor(dtype, [n], values)]);
      return Array.from(numbersIn({ dtype, shape: [n], file: file! }) as ArrayLike<number | bigint>, Number);
    };
    const within = (numbers: number[], low: number, high: number): boolean =>
      numbers.every((one) => one >= low && one <= high);
    t.true(within(read('float32', 'positive'), 0.5, 1.5));
    const wide = read('int64', 'any');
    t.true(within(wide, -50, 49) && Math.min(...wide) < -40 && Math.max(...wide) > 40);
    t.deepEqual([...new Set(read('bool', 'any'))].sort(), [0, 1]);
    t.is(
      read('float32', 'one').reduce((a, b) => a * Math.abs(b), 1),
      1,
    );
    const sorted = read('int32', 'sorted:100');
    t.true(within(sorted, 0, 99) && sorted.every((one, i) => i === 0 || one >= sorted[i - 1]!));
    t.is(new Set(read('int32', 'distinct:1000')).size, 600);
    const shares = read('float32', 'shares:3');
    t.true(Math.abs(shares[0]! + shares[1]! + shares[2]! - 1) < 1e-6);
    const two = [tensor('float32', [600]), tensor('float32', [600])];
    const [first, second] = files.of(two);
    t.notDeepEqual(readFileSync(first!), readFileSync(second!));
    t.deepEqual(files.of(two), [first, second]);
  }));

const serve = pathToFileURL(path.join(ROOT, 'build-ts', 'bench', 'lib', 'serve.js')).href;
const EFFORT: Effort = { rounds: 2, roundMs: 1, more: 3, settled: [0, 1.12] };
const one: SweepCase = { group: 'unary', op: 'abs', inputs: [tensor('float32', [2])], args: {} };

/** A process that computes `value` twice and takes `ns` (code: none where it gives none); `make` may say otherwise. */
const scripted = (rival: string, value: number, ns: number | string, make = ''): Contestant =>
  new Contestant({
    rival,
    command: {
      file: process.execPath,
      args: [
        '--input-type=module',
        '-e',
        `import { writeFileSync } from 'node:fs';
         import { answerLines } from '${serve}';
         await answerLines({ version: '1' }, (command, rest) => {
           if (command !== 'make') return { ns: ${ns} };
           const { op, results } = JSON.parse(rest);
           ${make}
           writeFileSync(results + '.0', new Float32Array([${value}, ${value}]));
           return { results: [{ dtype: 'float32', shape: [2], file: results + '.0' }] };
         });`,
      ],
    },
  });

const measured = async (ours: Contestant, rivals: readonly Contestant[], cases: readonly SweepCase[] = [one]) =>
  inFolder(async (folder) => {
    const files = new InputFiles(folder);
    try {
      const found = [];
      for (const each of cases) found.push(await measureCase(each, ours, rivals, files, folder, EFFORT));
      return found;
    } finally {
      for (const contestant of [ours, ...rivals]) await contestant.quit();
    }
  });

test('the best rival decides the ratio, one that is far behind is not timed, and what looks slow has more rounds', async (t) => {
  const [found] = await measured(scripted('grafo', 1, 300), [
    scripted('a', 1, 200),
    scripted('b', 1, 100),
    scripted('c', 1, "command === 'warm' ? 900 : undefined"),
  ]);
  t.like(found, { ours: 300, best: { rival: 'b', ns: 100 }, ratio: 3, typical: 3, rounds: 5, failures: [], notes: [] });
  t.deepEqual(found!.compared, ['a', 'b', 'c']);
  const [quick] = await measured(scripted('grafo', 1, 50), [scripted('a', 1, 100)]);
  t.like(quick, { ratio: 0.5, rounds: 2 });
});

test('other values are a failure, a rival without the operation is none, and one that throws is a note', async (t) => {
  const [found] = await measured(scripted('grafo', 1, 100), [
    scripted('wrong', 2, 100),
    scripted('without', 1, 100, 'return { none: true };'),
    scripted('throws', 1, 100, "throw new Error('no memory');"),
  ]);
  t.deepEqual(found!.failures, ['other values than wrong: 2 of 2 differ, number 0 is 1, not 2']);
  t.deepEqual(found!.compared, ['wrong']);
  t.regex(found!.notes.join(), /^throws: .*no memory/);
});

test('a crash of grafo is the failure of its case, and the sweep goes on', async (t) => {
  const crashing: SweepCase = { ...one, op: 'crash' };
  const crash = "if (op === 'crash') process.kill(process.pid, 'SIGSEGV');";
  const [before, crashed, after] = await measured(
    scripted('grafo', 1, 100, crash),
    [scripted('a', 1, 100)],
    [one, crashing, one],
  );
  t.deepEqual(before!.failures, []);
  t.regex(crashed!.failures.join(), /^grafo: ended with SIGSEGV/);
  t.is(crashed!.ratio, undefined);
  t.like(after, { failures: [], ratio: 1 });
});

const seen = (n: number, fastest: number, typical: number, more: Partial<Measured> = {}): Measured => ({
  case: { ...one, inputs: [tensor('float32', [n])] },
  ours: 1e5 * fastest,
  best: { rival: 'torch', ns: 1e5 },
  ratio: fastest,
  typical,
  rounds: 2,
  compared: ['torch'],
  failures: [],
  notes: [],
  ...more,
});

test('slow is what both ratios say, where more than a call is measured; at most some of a kind are shown, the worst ones', (t) => {
  const all = [
    seen(1, 1.3, 1.1),
    seen(2, 1.3, 1.4),
    seen(3, 3, 2, { ours: 2900, best: { rival: 'torch', ns: 900 } }),
    seen(4, 0.5, 0.8),
    seen(5, 2, 2),
  ];
  const slow = slower(all, 1.15);
  t.deepEqual(
    slow.map((found) => nameOf(found.case)),
    ['abs float32[5]', 'abs float32[2]'],
  );
  t.is(slowness(all[0]!), 1.1);
  t.is(quickness(all[3]!), 1 / 0.8);
  const other = { ...seen(6, 2, 2), case: { ...one, op: 'neg' } };
  t.deepEqual(fewOfEachKind([...slow, other], 1), [slow[0]!, other]);
});

test('the results file has groups, confirmed cliffs, and what failed, and no line for every case', (t) => {
  const quick = seen(7, 0.5, 0.5, { failures: ['grafo: ended with SIGSEGV'], notes: ['torch: no kernel'] });
  const all = [seen(1, 2, 2), seen(2, 1.5, 1.5), quick, seen(8, 0.4, 0.4, { notes: ['torch: no kernel'] })];
  const machine = { cpu: 'A CPU', text: '2 CPUs', date: '2026-01-01', load: '0.01', command: 'npm run bench:sweep' };
  const sweep: Sweep = {
    machine,
    versions: ['numpy 2', 'torch 2'],
    threads: 1,
    all,
    again: [seen(1, 1.9, 1.8), seen(2, 1.1, 1.2)],
  };
  t.deepEqual(groupsTable(all).rows.at(-1), ['all', '4', '4', '2', '1.00', '2.00']);
  t.deepEqual(noteLines(all), ['torch: no kernel (abs float32[7] and 1 more)']);
  const text = sweepMarkdown(sweep);
  t.regex(
    text,
    /^# A CPU: a sweep of shapes\n\n2 CPUs, 2026-01-01, load 0.01 when it began, 1 thread. Made by `npm run bench:sweep`/,
  );
  t.regex(text, /^1 slower than 1.15 \(confirmed, of 2 measured again\)/m);
  t.regex(text, /^\| abs float32\[1\] \| 1.90 \| 1.80 \| 190 us \| 100 us \| torch \|$/m);
  t.notRegex(text, /abs float32\[2\]/);
  t.regex(text, /^- abs float32\[7\]: grafo: ended with SIGSEGV$/m);
});

/** The command, without rivals. */
const command = (folder: string, ...args: string[]) => {
  const { status, stdout, stderr } = spawnSync(
    process.execPath,
    [path.join(ROOT, 'build-ts', 'bench', 'sweep', 'run.js'), ...args],
    { encoding: 'utf8', cwd: folder, env: { ...process.env, GRAFO_RIVALS: folder } },
  );
  return { status, stdout, stderr };
};

test('--list names the chosen cases and runs none; a word that chooses none is a mistake', (t) =>
  inFolder((folder) => {
    const { status, stdout } = command(folder, '--list', 'cumprod', '[1009]');
    t.is(status, 0);
    t.true(stdout.includes('scan: cumprod axis=0 float32[1009]\n'));
    t.is(Number(/(\d+) cases\n$/.exec(stdout)![1]), stdout.split('\n').length - 2);
    const wrong = command(folder, '--list', 'nothing-of-that-name');
    t.is(wrong.status, 2);
    t.regex(wrong.stderr, /no name has such a word\nusage:/);
    t.is(command(folder, '--threads', '0').status, 2);
  }));

test('without rivals it says so aloud, times grafo and compares nothing', (t) =>
  inFolder((folder) => {
    const json = path.join(folder, 'out', 'sweep.json');
    const { status, stdout } = command(folder, 'cumprod axis=0 float32[1009]', '--json', json);
    t.is(status, 0, stdout);
    t.regex(stdout, /without numpy: .*\nwithout torch: .*\nNO RIVAL IS THERE: nothing is compared/);
    t.regex(stdout, /^scan +1 +0 +0 *$/m);
    const [found] = JSON.parse(readFileSync(json, 'utf8')).all;
    t.true(found.ours > 10 && found.ours < 1e8);
    t.is(found.ratio, undefined);
  }));

test('--against compares with the grafo of another checkout; a folder without one is a mistake', (t) =>
  inFolder((folder) => {
    const { status, stdout } = command(folder, 'scatterAdd shape=[1000] int32[1000] float32[1000]', '--against', ROOT);
    t.is(status, 0, stdout);
    t.regex(stdout, /^slower than .* by more than 10 % \(not measured again: --confirm\): [01]$/m);
    t.regex(stdout, /^before: grafo /m);
    t.notRegex(stdout, /FAILED/);
    const wrong = command(folder, 'cumprod', '--against', folder);
    t.is(wrong.status, 2);
    t.regex(wrong.stderr, /is not there: is .* a checkout of grafo that is built\?/);
    t.false(existsSync(path.join(folder, 'bench')));
  }));

test('a result is read by its dtype, and one of a dtype that the sweep does not know is refused', (t) =>
  inFolder((folder) => {
    const file = path.join(folder, 'x.0');
    writeFileSync(file, new Int16Array([3, -4]));
    t.deepEqual([...(numbersIn({ dtype: 'int16', shape: [2], file }) as Int16Array)], [3, -4]);
    t.throws(() => numbersIn({ dtype: 'float16', shape: [2], file }), { message: /knows no float16/ });
  }));
