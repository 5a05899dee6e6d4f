// doctor: what it says with an engine and without one, as a function and as a command.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import test from 'ava';
import { doctor, doctorText } from '../../lib/runtime/doctor.js';
import { type Native, native, nativeFile } from '../../lib/runtime/native.js';
import { ROOT } from '../helpers/root.js';

test('with the engine: its files, level, threads and memory', (t) => {
  const report = doctor();
  const info = native().info();
  t.true(report.ok);
  t.is(report.path, info.path);
  t.is(report.addon, nativeFile()!);
  t.is(path.dirname(report.addon!), path.dirname(report.path!));
  t.is(report.isa, info.isa);
  t.true(report.threads! >= 1);
  t.true(report.memoryBytes! > 2 ** 20);
  t.is(report.nodeApi.host, Number(process.versions.napi));
  t.true(report.nodeApi.needed <= report.nodeApi.host);
  t.is(report.error, null);
  t.is(report.tried.length, report.notUsed.length + 1);
  for (const line of report.tried) t.regex(line, /^\/.*grafo_cpu_\w+\.so: ./);
  const text = doctorText(report);
  t.regex(text, /^engine {8}ready$/m);
  t.regex(text, new RegExp(`^instructions {2}${info.isa}$`, 'm'));
  t.regex(text, /^memory {8}[\d.]+ GiB/m);
  t.regex(text, /^gpu {11}none: /m);
});

const fake = (tried: string[]) => () =>
  ({
    ...native(),
    info: () => ({ ...native().info(), isa: 'x86-64-v2', tried }),
  }) as ReturnType<typeof native>;

test('a level that is not the best one: why not the better ones', (t) => {
  const report = doctor(
    fake([
      '/p/grafo_cpu_v4.so: this processor lacks its instructions',
      '/p/grafo_cpu_v3.so: GRAFO_ISA is v2',
      '/p/grafo_cpu_v2.so: loaded',
    ]),
  );
  t.deepEqual(report.notUsed, ['v4: this processor lacks its instructions', 'v3: GRAFO_ISA is v2']);
  t.regex(
    doctorText(report),
    /^instructions {2}x86-64-v2\n {14}not v4: this processor lacks its instructions\n {14}not v3: GRAFO_ISA is v2$/m,
  );
});

test('no GPU: whether there is a driver, and what the library says', (t) => {
  const without = (): Native => ({ ...native(), gpu: () => ({ reason: '/p/grafo_cuda.so: no such file' }) });
  t.is(doctor(without, () => undefined).gpuReason, 'no NVIDIA driver on this machine; /p/grafo_cuda.so: no such file');
  const version = 'NVRM version: NVIDIA UNIX x86_64 Kernel Module  580.65.06  Sun Jul 27 2025\nGCC version: gcc 12';
  t.is(doctor(without, () => version).gpuReason, 'NVIDIA driver 580.65.06; /p/grafo_cuda.so: no such file');
  const found = { name: 'H200', memoryBytes: 1, path: '/p/grafo_cuda.so', kernels: [] };
  t.like(
    doctor(() => ({ ...native(), gpu: () => found })),
    { gpu: 'H200', gpuReason: null },
  );
  const libraries = ['cuBLASLt 13.1.0 (/p/libcublasLt.so.13)', 'no NVRTC (why)'];
  const text = doctorText(doctor(() => ({ ...native(), gpu: () => found, gpuLibraries: () => libraries })));
  t.regex(text, /^gpu {11}H200\n {14}cuBLASLt 13\.1\.0 \(\/p\/libcublasLt\.so\.13\)\n {14}no NVRTC \(why\)$/m);
});

test('without an engine: why, and what to type', (t) => {
  const report = doctor(() => {
    throw new Error('could not be loaded\nWhat to do: npx grafo build');
  });
  t.false(report.ok);
  t.is(report.backend, null);
  t.is(report.memoryBytes, null);
  t.regex(doctorText(report), /engine {8}not available[\s\S]*npx grafo build/);
});

const command = (words: string[], env: NodeJS.ProcessEnv = {}) =>
  spawnSync(process.execPath, [path.join(ROOT, 'tools/grafo.mjs'), ...words], {
    env: { ...process.env, ...env },
    encoding: 'utf8',
  });

test('the command: lines or JSON, 0 with an engine and 1 without one', (t) => {
  const lines = command(['doctor']);
  t.is(lines.status, 0, lines.stderr);
  t.regex(lines.stdout, /^engine {8}ready$/m);
  const json = command(['doctor', '--json']);
  t.is(json.status, 0, json.stderr);
  t.is(JSON.parse(json.stdout).isa, native().info().isa);

  const other = command(['doctor', '--json'], { GRAFO_ISA: 'v0' });
  t.is(other.status, 1, other.stderr);
  t.regex(JSON.parse(other.stdout).error, /GRAFO_ISA is v0/);
});

test('the command: help, and what it does not know', (t) => {
  t.is(command(['--help']).status, 0);
  t.regex(command(['--help']).stdout, /grafo build[\s\S]*grafo doctor/);
  for (const words of [[], ['nothing'], ['constructor'], ['doctor', '--jsn'], ['build', '--force']]) {
    const result = command(words);
    t.is(result.status, 2, words.join(' '));
    t.regex(result.stderr, /usage: grafo/);
  }
});

test('GRAFO_NATIVE that is no absolute path is not looked for', (t) => {
  const script = `import { native } from ${JSON.stringify(new URL('../../lib/runtime/native.js', import.meta.url).href)}; native();`;
  const result = spawnSync(process.execPath, ['--input-type=module', '-e', script], {
    env: { ...process.env, GRAFO_NATIVE: 'grafo.node' },
    encoding: 'utf8',
  });
  // The package's own build is there, so the session is none the worse.
  t.is(result.status, 0, result.stderr);
});
