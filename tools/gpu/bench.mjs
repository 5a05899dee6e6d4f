// grafo's side of the comparison: every workload in a process of its own, so that one that fails or hangs takes nothing with it.
// `node tools/gpu/bench.mjs --out grafo.json [--device /gpu:0] [--only regex] [--small] [--budget seconds] [--nvrtc always,off]`
// --nvrtc takes each workload once with every value of GRAFO_NVRTC: what it is worth that tapes have kernels of their own.
import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import path from 'node:path';
import { performance } from 'node:perf_hooks';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { parseArgs } from 'node:util';
import { workloads } from './workloads.mjs';

const self = fileURLToPath(import.meta.url);
const root = path.resolve(path.dirname(self), '..', '..');
const LIMIT_SECONDS = 40;

/** Calls of one round last at least so long, and all rounds together. */
const ROUND_US = 20_000;
const TARGET_US = 400_000;

const median = (sorted) => (sorted[(sorted.length - 1) >> 1] + sorted[sorted.length >> 1]) / 2;

/** Median microseconds a step, and the distance of the quartiles as a part of it. `run(k)` does k steps and waits for them. */
const measure = (run, mostSteps) => {
  const timed = (steps) => {
    const start = performance.now();
    run(steps);
    return ((performance.now() - start) * 1e3) / steps;
  };
  for (let i = 0; i < 3; i++) run(1);
  let one = Math.max(timed(1), 0.05);
  // One step by itself pays for the call and the wait as well: a longer run says what a step takes.
  const steps = Math.min(mostSteps, Math.max(1, Math.ceil(ROUND_US / one)));
  if (steps > 1) one = timed(steps);
  const rounds = Math.min(30, Math.max(5, Math.floor(TARGET_US / (one * steps))));
  const times = Array.from({ length: rounds }, () => timed(steps)).sort((a, b) => a - b);
  const us = median(times);
  return { us, spread: (times[(3 * rounds) >> 2] - times[rounds >> 2]) / us, steps, rounds };
};

/** Random values in memory that copies are fast from. `kind`: 'normal', or the number of classes. */
const fill = (buffer, kind) => {
  let state = 0x9e3779b9;
  const next = () => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) / 2 ** 32;
  };
  const { data } = buffer;
  // A normal is near enough as a sum of uniforms, of variance 1.
  if (typeof kind === 'number') for (let i = 0; i < data.length; i++) data[i] = Math.floor(next() * kind);
  else for (let i = 0; i < data.length; i++) data[i] = (next() + next() + next() - 1.5) * 2;
  return buffer;
};

/** The model's data as variables, drawn on the device. */
const drawn = (tf, dtype, shape, kind) => {
  const values =
    kind === 'normal'
      ? tf.randomNormal(shape)
      : kind === 'uniform'
        ? tf.randomUniform(shape, { minval: -0.5, maxval: 0.5 })
        : tf.cast(tf.floor(tf.randomUniform(shape, { maxval: kind })), dtype);
  return new tf.Variable(values, { trainable: false });
};

/** Runs one workload in one mode. */
const runOne = (tf, workload, mode, device) =>
  new tf.Graph().asDefault(() => {
    tf.setRandomSeed(1 + (Date.now() % 1e6));
    const fed = [];
    const data = (dtype, shape, kind) => {
      if (mode === 'resident') return drawn(tf, dtype, shape, kind);
      const placeholder = tf.placeholder(dtype, shape);
      fed.push({ placeholder, dtype, shape, kind });
      return placeholder;
    };
    const { step, told } = workload.build(tf, data);
    const precision = { tf32: 'tf32', bf16: 'bf16' }[workload.precision];
    const options = precision === undefined ? {} : { gpu: { precision } };
    const session = new tf.Session({ ...(device === undefined ? {} : { device }), ...options });
    session.runSync(tf.globalVariablesInitializer());
    const buffers = fed.map(({ dtype, shape, kind }) => fill(session.hostBuffer(dtype, shape), kind));
    const feeds = fed.map(({ placeholder }, i) => [placeholder, buffers[i]]);
    const explained = session.explain(step, feeds);
    let timing;
    if (mode === 'resident') {
      timing = measure((steps) => void session.runLoopSync(step, steps), 1000);
    } else {
      // Every step brings its data and tells its loss, as Session.run in a training loop does.
      const call = session.makeCallable(
        [step, told],
        feeds.map(([placeholder]) => placeholder),
      );
      timing = measure((steps) => {
        for (let i = 0; i < steps; i++) call(...buffers);
      }, 1);
    }
    const value = Number(session.runSync(told, feeds).item());
    session.close();
    if (!Number.isFinite(value)) throw new Error(`the result is ${value}`);
    return {
      ...timing,
      value,
      planSteps: (explained.match(/^ +\d+ {2}/gm) ?? []).length,
      onCpu: device?.includes('gpu') ? (explained.match(/ on the CPU /g) ?? []).length : undefined,
    };
  });

/** In the process of one workload: its rows, a line each. */
const serve = async (id, small, device) => {
  const tf = await import(pathToFileURL(path.join(root, 'dist', 'index.js')).href);
  const { modes, build, id: workload, ...counted } = workloads(small).find((found) => found.id === id);
  // Own kernels compute in float32 whatever is asked: such a figure would be another precision's.
  const libraries = counted.precision === 'fp32' ? [] : tf.doctor().gpuLibraries;
  const rounded = device?.includes('gpu') && libraries.some((line) => line.startsWith('cuBLASLt'));
  for (const mode of modes) {
    const row = { workload, framework: 'grafo', mode, device: device ?? 'by default', small, ...counted };
    if (counted.precision !== 'fp32' && !rounded) {
      row.skipped = libraries.find((line) => line.includes('cuBLASLt')) ?? 'not on a GPU';
    } else {
      try {
        Object.assign(row, runOne(tf, { ...counted, build }, mode, device));
      } catch (error) {
        row.error = error.message;
      }
    }
    console.log(JSON.stringify(row));
  }
};

const ask = (args, seconds, nvrtc) =>
  new Promise((resolve) => {
    execFile(
      process.execPath,
      [self, ...args],
      {
        timeout: Math.ceil(seconds * 1e3),
        killSignal: 'SIGKILL',
        ...(nvrtc === undefined ? {} : { env: { ...process.env, GRAFO_NVRTC: nvrtc } }),
      },
      (error, out, err) => {
        const rows = out.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
        const why = error?.killed
          ? `more than ${seconds.toFixed(0)} s`
          : error && (err.trim().split('\n').at(-1) || error.message);
        resolve({ rows, why });
      },
    );
  });

const describe = (row) => {
  const nvrtc = row.nvrtc === undefined ? '' : ` nvrtc ${row.nvrtc.padEnd(6)}`;
  const name = `${row.workload.padEnd(32)} ${(row.mode ?? '').padEnd(9)}${nvrtc}`;
  if (row.us === undefined)
    return `${name} ${row.skipped === undefined ? 'FAILED' : 'skipped'}: ${row.skipped ?? row.error}`;
  const rate =
    row.flops > row.bytes
      ? `${(row.flops / row.us / 1e6).toFixed(2)} TFLOP/s`
      : `${(row.bytes / row.us / 1e3).toFixed(1)} GB/s`;
  const noisy = row.spread > 0.03 ? `  spread ${(row.spread * 100).toFixed(0)} %` : '';
  return `${name} ${row.us.toFixed(2).padStart(12)} us  ${rate}${row.onCpu ? `  ${row.onCpu} of ${row.planSteps} steps on the CPU` : ''}${noisy}`;
};

const { values: options } = parseArgs({
  options: {
    out: { type: 'string' },
    device: { type: 'string' },
    only: { type: 'string', default: '' },
    small: { type: 'boolean', default: false },
    budget: { type: 'string', default: '240' },
    nvrtc: { type: 'string' },
    one: { type: 'string' },
  },
});
if (options.one !== undefined) {
  await serve(options.one, options.small, options.device);
} else {
  const end = performance.now() + Number(options.budget) * 1e3;
  const found = [];
  const wanted = workloads(options.small).filter(({ id }) => new RegExp(options.only).test(id));
  const settings = options.nvrtc?.split(',') ?? [undefined];
  for (const [{ id }, nvrtc] of wanted.flatMap((workload) => settings.map((value) => [workload, value]))) {
    const left = (end - performance.now()) / 1e3;
    const common = { workload: id, framework: 'grafo', small: options.small };
    const rows = [];
    if (left < 2) {
      rows.push({ ...common, skipped: 'no time was left' });
    } else {
      const args = ['--one', id, ...(options.small ? ['--small'] : [])];
      if (options.device !== undefined) args.push('--device', options.device);
      const answer = await ask(args, Math.min(LIMIT_SECONDS, left), nvrtc);
      rows.push(...answer.rows, ...(answer.why ? [{ ...common, error: answer.why }] : []));
    }
    for (const row of rows) {
      if (nvrtc !== undefined) row.nvrtc = nvrtc;
      found.push(row);
      console.log(describe(row));
    }
    if (options.out !== undefined) writeFileSync(options.out, `${JSON.stringify(found, null, 1)}\n`);
  }
  console.log(`bench: ${found.filter(({ us }) => us !== undefined).length} figures of ${wanted.length} workloads`);
  process.exitCode = found.some(({ error }) => error !== undefined) ? 1 : 0;
}
