// `npm run test:asan`: the engine's C++ tests and the whole suite under AddressSanitizer (with leaks) and UBSanitizer.
// `npm run test:tsan`: the engine's C++ tests under ThreadSanitizer. `npm run test:fuzz`: libFuzzer over plans, with clang only.
// Each first has to report faults that are planted on purpose; else it watches nothing, and fails.
// CXX names another clang. Options after the name: AVA's file patterns (build-ts/test/...), `--full`, `--seconds N` of fuzzing.
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));
const [kind = 'asan', ...rest] = process.argv.slice(2);
const full = rest.includes('--full');
const seconds = rest.includes('--seconds') ? Number(rest[rest.indexOf('--seconds') + 1]) : 60;
const patterns = rest.filter((word) => word.startsWith('build-ts/'));
const folder = path.join(root, 'build-native', kind);
const reports = mkdtempSync(path.join(tmpdir(), 'grafo-reports-'));

const total = { passed: 0, failed: 0 };
const stage = (name, ok, detail = '') => {
  total[ok ? 'passed' : 'failed']++;
  console.log(`${ok ? 'ok' : 'NOT OK'}  ${name}${ok ? '' : `\n${detail}`}`);
  return ok;
};
const finish = () => {
  rmSync(reports, { recursive: true, force: true });
  console.log(`${total.passed} passed, ${total.failed} failed`);
  process.exit(total.failed === 0 ? 0 : 1);
};

const run = (command, args, env = {}) => {
  const result = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 1 << 28,
    env: { ...process.env, ...env },
  });
  return { status: result.status ?? result.signal, text: `${result.stdout ?? ''}${result.stderr ?? ''}` };
};

/** Sanitizers write here, so that no exit code that a runner swallows can hide a report. */
const takeReports = () =>
  readdirSync(reports).map((name) => {
    const file = path.join(reports, name);
    const text = readFileSync(file, 'utf8');
    rmSync(file);
    return text;
  });
/**
 * The frame that allocated: the first one that is neither the sanitizer's nor the C++ library's. A leak is ours where that is our
 * code, or Node-API's on our behalf. What V8 holds when a process ends in the middle of things is its own.
 */
const isOurs = (leak) => {
  const frames = leak.split('\n').filter((line) => /^\s+#\d+/.test(line));
  const first = frames.find((line) => !/libsanitizer|\/include\/c\+\+\/|lib[at]san/.test(line)) ?? '';
  return /native\/|grafo|napi|v8impl::/.test(first);
};
const ours = (text) => {
  if (/ERROR: AddressSanitizer|runtime error:|WARNING: ThreadSanitizer|FATAL: ThreadSanitizer/.test(text)) return text;
  const leaks = text.split('\n\n').filter((part) => /leak of/.test(part) && isOurs(part));
  return leaks.length > 0 ? leaks.join('\n\n') : undefined;
};
const takeOurs = () =>
  takeReports()
    .map(ours)
    .filter((text) => text !== undefined);
const options = (name, more = '') => ({ [`${name}_OPTIONS`]: `log_path=${reports}/report:${more}` });
const watched = {
  ...options('ASAN', 'detect_leaks=1:allocator_may_return_null=1'),
  // The thread-local memory of a thread that ends crashes the leak checker of gcc 12, so it does not look there. V8 keeps its
  // isolates there, and they count as leaked then: the reports decide, not the exit codes.
  LSAN_OPTIONS: 'use_tls=0:exitcode=0',
  ...options('UBSAN', 'print_stacktrace=1'),
  ...options('TSAN', 'exitcode=66'),
};

const build = (settings, target) => {
  const generator = run('ninja', ['--version']).status === 0 ? ['-G', 'Ninja'] : [];
  const steps = [
    [
      'cmake',
      [
        '-S',
        root,
        '-B',
        folder,
        ...generator,
        '-DGRAFO_TESTS=ON',
        '-DGRAFO_LEVELS=v3',
        `-DGRAFO_OUT=${folder}/out`,
        ...settings,
      ],
    ],
    ['cmake', ['--build', folder, '-j', String(availableParallelism()), ...target]],
  ];
  for (const [command, args] of steps) {
    const result = run(command, args);
    if (result.status !== 0) {
      stage(`build with ${settings.join(' ')}`, false, result.text.slice(-4000));
      finish();
    }
  }
};

/** A planted fault: the report has to name it. */
const planted = (name, expected, command, args, env = {}) => {
  const result = run(command, args, { ...watched, ...env });
  const text = [result.text, ...takeReports()].join('\n');
  stage(`planted: ${name} is reported`, expected.test(text), `exit ${result.status}\n${text.slice(-2000)}`);
};

const tests = path.join(folder, 'grafo_native_tests');
const nativeTests = () => {
  const result = run(tests, full ? ['--all'] : [], watched);
  const found = takeOurs();
  const counts = /(\d+) passed, (\d+) failed\s*$/.exec(result.text.trim());
  stage(
    `the engine's C++ tests: ${counts?.[0] ?? 'no counts'}, ${found.length} reports`,
    result.status === 0 && found.length === 0 && Number(counts?.[1]) > 0,
    [result.text.slice(-4000), ...found].join('\n'),
  );
};

/** The suite, in one Node per file. What measures time says nothing here and is left out by name. */
const suite = () => {
  const timed = ['build-ts/test/e2e/eventLoop.test.js', 'build-ts/test/e2e/v6-mnist.test.js'];
  const coded = ['build-ts/test/runtime/doctor.test.js'];
  const library = run('gcc', ['-print-file-name=libasan.so']).text.trim();
  const env = {
    ...watched,
    LD_PRELOAD: library,
    GRAFO_NATIVE: path.join(folder, 'out', 'grafo.node'),
    GRAFO_TESTING: '1',
    GRAFO_SANITIZER: 'asan',
  };
  const addon = (fault) => `require(process.env.GRAFO_NATIVE).testing.${fault}()`;
  planted('an overflow in the addon', /heap-buffer-overflow/, process.execPath, ['-e', addon('overflow')], env);
  planted('a leak in the addon', /detected memory leaks/, process.execPath, ['-e', addon('leak')], env);
  planted('undefined behaviour in the addon', /shift exponent/, process.execPath, ['-e', addon('shift')], env);
  if (total.failed > 0) finish();

  const compiled = run(process.execPath, [path.join(root, 'node_modules', 'typescript', 'bin', 'tsc'), '-p', root]);
  if (compiled.status !== 0) stage('types', false, compiled.text);
  const files =
    patterns.length > 0 ? patterns : ['build-ts/test/**/*.test.js', ...[...timed, ...coded].map((file) => `!${file}`)];
  if (patterns.length === 0) {
    for (const file of timed) console.log(`left out (it measures time): ${file}`);
    for (const file of coded) console.log(`left out (it is about exit codes, which the leak checker changes): ${file}`);
  }
  const cli = path.join(root, 'node_modules', 'ava', 'entrypoints', 'cli.mjs');
  const result = run(
    process.execPath,
    [
      cli,
      '--no-worker-threads',
      '--timeout',
      '30m',
      '--concurrency',
      String(availableParallelism()),
      '--tap',
      ...files,
    ],
    env,
  );
  const found = takeOurs();
  const passed = result.text.match(/^\s*ok (?!.*# SKIP)/gm)?.length ?? 0;
  const failed = result.text.match(/^\s*not ok .*$/gm)?.filter((line) => !/# TODO/.test(line)) ?? [];
  stage(
    `the suite under ASAN: ${passed} tests, ${failed.length} failed, ${found.length} reports`,
    result.status === 0 && found.length === 0 && passed > 0,
    [result.text.slice(-6000), ...failed, ...found].join('\n'),
  );
};

const fuzz = () => {
  const clang = process.env.CXX ?? 'clang++';
  if (run(clang, ['--version']).status !== 0) {
    console.log(
      `skipped  libFuzzer over plans: no ${clang} on this machine (mutated plans are also run by the C++ tests)`,
    );
    finish();
  }
  build(
    [`-DCMAKE_CXX_COMPILER=${clang}`, '-DGRAFO_SANITIZE=address,undefined,fuzzer-no-link', '-DGRAFO_ADDON=OFF'],
    [],
  );
  const corpus = path.join(folder, 'corpus');
  mkdirSync(corpus, { recursive: true });
  run(tests, ['--seeds', corpus]);
  const result = run(path.join(folder, 'fuzz_plan'), [
    `-max_total_time=${seconds}`,
    '-max_len=65536',
    '-timeout=2',
    '-rss_limit_mb=2048',
    corpus,
  ]);
  stage(
    `libFuzzer over plans: ${/Done \d+ runs/.exec(result.text)?.[0] ?? 'did not end'}`,
    result.status === 0,
    result.text.slice(-4000),
  );
};

if (kind === 'asan') {
  build(['-DGRAFO_SANITIZE=address,undefined'], []);
  for (const [fault, expected] of [
    ['overflow', /heap-buffer-overflow/],
    ['free', /heap-use-after-free/],
    ['leak', /detected memory leaks/],
    ['shift', /shift exponent/],
  ]) {
    planted(`${fault} in the engine`, expected, tests, ['--plant', fault]);
  }
  nativeTests();
  suite();
} else if (kind === 'tsan') {
  build(['-DGRAFO_SANITIZE=thread', '-DGRAFO_ADDON=OFF'], ['--target', 'grafo_native_tests']);
  planted('race in the pool', /data race/, tests, ['--plant', 'race']);
  nativeTests();
} else if (kind === 'fuzz') {
  fuzz();
} else {
  console.log(`no sanitizer '${kind}': asan, tsan or fuzz`);
  total.failed++;
}
finish();
