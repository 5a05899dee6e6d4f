// Writes docs/ops.md from the rows themselves: every op with its inputs, dtypes, gradient, and how it runs. `--check` only compares.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import { ensureBuilt } from './build.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Names of a backend's kernels, from its list. */
const kernelsOf = (file) =>
  [...readFileSync(path.join(root, file), 'utf8').matchAll(/^\s+X\((\w+), prepare_\w+\)/gm)].map(([, name]) => name);

const GPU_KERNELS = new Set(kernelsOf('native/cuda/kernels.h'));

/**
 * The steps of an op on a GPU, from the plans of a generated case of each of its dtypes but strings: how many the GPU runs, the kernels that it
 * leaves to the CPU, all kernels, and the functors of those that are tapes.
 */
const stepsOf = (type, { tf, cases, Random, OpRunner }) => {
  const row = cases[type];
  const steps = { gpu: 0, cpu: new Set(), kernels: new Set(), functors: new Set() };
  for (const dtype of row?.dtypes ?? []) {
    if (dtype === 'string') continue;
    const random = new Random(`place ${type} ${dtype}`);
    const runner = new OpRunner(type, row.refs ?? []);
    const session = new tf.Session({ graph: runner.graph, compile: { deviceKernels: GPU_KERNELS } });
    // Some cases are errors, empty, or known when planned.
    for (let i = 0; i < 4; i++) {
      const { inputs, attrs = {} } = row.generate(random, dtype);
      try {
        const node = runner.node(inputs, attrs);
        const fetches = node.variables.length > 0 ? node.operation : [...node.operation.outputs];
        const lines = session.explain(fetches, runner.feeds(node, inputs)).split('\n');
        for (const line of lines) {
          const step = /^\s*\d+ {2}(\w+)(?:\(([^)]*)\))?( on the CPU)? {2}/.exec(line);
          if (step === null) continue;
          const [, kernel, tape, onCpu] = step;
          steps.kernels.add(kernel);
          for (const functor of tape?.match(/\w+/g) ?? []) steps.functors.add(functor);
          if (onCpu === undefined) steps.gpu++;
          else steps.cpu.add(kernel);
        }
      } catch (error) {
        if (!(error instanceof tf.GrafoError)) throw error;
      }
    }
    session.close();
    runner.close();
  }
  return steps;
};

/** What `tf.gradients` gives for generated cases in floats, where the op has them: `yes` if any has one, `null`, or `none: an error`. */
const gradientOf = ({ type, grad }, { tf, cases, Random, OpRunner }) => {
  if (grad === 'none') return 'null';
  if (grad === 'missing') return 'none: an error';
  const row = cases[type];
  if (row === undefined) return 'yes';
  const dtype = row.dtypes.find((name) => name === 'float32') ?? row.dtypes[0];
  const random = new Random(`gradient ${type}`);
  const runner = new OpRunner(type, row.refs ?? []);
  let differentiated = 0;
  let found = 'null';
  // Some cases are errors.
  for (let i = 0; i < 20 && found === 'null'; i++) {
    const { inputs, attrs = {} } = row.generate(random, dtype);
    try {
      const node = runner.node(inputs, attrs);
      const xs = node.inputs.filter(({ dtype }) => dtype.isFloating);
      const gradients = tf.gradients([...node.operation.outputs], xs.length > 0 ? xs : [...node.inputs]);
      if (gradients.some((one) => one !== null)) found = 'yes';
      differentiated++;
    } catch (error) {
      if (error instanceof tf.errors.LookupError) found = 'none: an error';
      else if (!(error instanceof tf.GrafoError)) throw error;
    }
  }
  runner.close();
  if (differentiated === 0 && found === 'null') throw new Error(`${type}: no case could be differentiated`);
  return found;
};

/** Where they run; `-` where no step is left, or the op has no cases. */
const placeOf = ({ gpu, cpu }) => {
  if (cpu.size > 0) return `CPU: ${[...cpu].map((kernel) => `\`${kernel}\``).join(' ')}`;
  return gpu > 0 ? 'GPU' : '-';
};

/** Of a row that lowers itself: fused where its cases are tapes and nothing else. */
const ownSteps = ({ kernels, functors }) =>
  kernels.size === 1 && kernels.has('Fused')
    ? `fused (${[...functors].map((functor) => `\`${functor}\``).join(' ')})`
    : 'steps';

/** The kernels that a GPU runs itself, and those it leaves to the CPU. */
const gpuSection = () => {
  const own = GPU_KERNELS;
  // The compiler makes these for CPU sessions only (masks.ts, rows.ts).
  const ofCpu = ['BooleanMask', 'FusedRows'];
  const left = kernelsOf('native/cpu/kernels.h').filter((name) => !own.has(name) && !ofCpu.includes(name));
  return `## On a GPU
**Never run on a GPU**: compiled by nvcc, and tested on an emulated device (docs/inside/cuda.md). Steps of these kernels run on the GPU:
${[...own].map((name) => `\`${name}\``).join(' ')}.

These run on the CPU, with copies before and after: ${left.map((name) => `\`${name}\``).join(' ')}, and everything on strings.
`;
};

/** The page for a registry of rows. `tests`: the library, the case rows of test/ops, and what runs them. */
const opsPage = (rows, dtypes, tests) => {
  const all = (names) => {
    if (names === undefined || names.length === dtypes.length) return 'any';
    return names.map((type) => type.name).join(' ');
  };
  const types = (row) =>
    Object.entries(row.attrs)
      .filter(([, spec]) => spec.type === 'type')
      .map(([name, spec]) => `${name}: ${all(spec.allowed)}`)
      .join('; ');
  const runs = (row, steps) => {
    if (typeof row.lower === 'object') return `fused (\`${row.lower.functor}\`)`;
    if (typeof row.lower === 'function') return ownSteps(steps);
    return { alias: 'a view, no step', host: 'known when planned', source: 'the session', nothing: 'order only' }[
      row.lower
    ];
  };
  const arguments_ = (args) =>
    Object.entries(args)
      .map(([name, type]) => `${name}: ${type}`)
      .join(', ');
  const lines = [...rows.values()]
    .sort((a, b) => (a.type < b.type ? -1 : 1))
    .map((row) => {
      const steps = stepsOf(row.type, tests);
      const cells = [row.type, arguments_(row.inputs), arguments_(row.outputs), types(row), gradientOf(row, tests)];
      return `| ${[...cells, runs(row, steps), placeOf(steps)].join(' | ')} |`;
    });
  return `# Operations

Made from the rows of \`lib/ops\` by \`node tools/opsTable.mjs\`; a test compares. Types are TensorFlow's. *gradient*: yes; null (as TensorFlow's: what
is behind it gets none); or an error where one is asked for. *runs*: fused into tapes with its neighbours, as steps of its own, as a view that costs nothing, or not
at all (worked out while planning). All ${rows.size} run on the CPU. *with a GPU*: where a session on one runs the steps of numbers that the op's
test cases are planned to (docs/inside/cuda.md); steps on strings always run on the CPU.

| op | inputs | outputs | dtypes | gradient | runs | with a GPU |
|---|---|---|---|---|---|---|
${lines.join('\n')}

${gpuSection()}`;
};

/** The page as it is now. */
export const currentPage = async () => {
  const built = (file) => import(pathToFileURL(path.join(root, 'build-ts', file)).href);
  const tf = await built('lib/index.js');
  const { allOps } = await built('lib/core/defineOp.js');
  const { ALL_CASES: cases } = await built('test/ops/all.cases.js');
  const { Random } = await built('test/ops/generate.js');
  const { OpRunner } = await built('test/ops/runner.js');
  // Const is defined at its first use.
  tf.constant(0);
  return opsPage(allOps(), tf.DTYPES, { tf, cases, Random, OpRunner });
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await ensureBuilt('lib/index');
  const page = await currentPage();
  const file = path.join(root, 'docs/ops.md');
  if (process.argv.includes('--check')) process.exit(readFileSync(file, 'utf8') === page ? 0 : 1);
  writeFileSync(file, page);
}
