// Writes docs/ops.md from the rows themselves: every op with its inputs, dtypes, gradient, and how it runs. `--check` only compares.
import { readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { ensureBuilt } from './build.mjs';

const root = path.dirname(path.dirname(fileURLToPath(import.meta.url)));

/** Names of a backend's kernels, from its list. */
const kernelsOf = (file) =>
  [...readFileSync(path.join(root, file), 'utf8').matchAll(/^\s+X\((\w+), prepare_\w+\)/gm)].map(([, name]) => name);

/** The kernels that a GPU runs itself, and those it leaves to the CPU. */
const gpuSection = () => {
  const own = new Set(kernelsOf('native/cuda/kernels.h'));
  const left = kernelsOf('native/cpu/kernels.h').filter((name) => !own.has(name));
  return `## On a GPU
**Never run on a GPU**: compiled by nvcc, and tested on an emulated device (docs/inside/cuda.md). Steps of these kernels run on the GPU:
${[...own].map((name) => `\`${name}\``).join(' ')}.

These run on the CPU, with copies before and after: ${left.map((name) => `\`${name}\``).join(' ')}, and everything on strings.
`;
};

/** The page for a registry of rows. */
export const opsPage = (rows, dtypes) => {
  const all = (names) => {
    if (names === undefined || names.length === dtypes.length) return 'any';
    return names.map((type) => type.name).join(' ');
  };
  const types = (row) =>
    Object.entries(row.attrs)
      .filter(([, spec]) => spec.type === 'type')
      .map(([name, spec]) => `${name}: ${all(spec.allowed)}`)
      .join('; ');
  const runs = (row) => {
    if (typeof row.lower === 'object') return `fused (\`${row.lower.functor}\`)`;
    if (typeof row.lower === 'function') return 'steps';
    return { alias: 'a view, no step', host: 'known when planned', source: 'the session', nothing: 'order only' }[
      row.lower
    ];
  };
  const gradient = (row) => (typeof row.grad === 'function' ? 'yes' : row.grad === 'none' ? 'null' : 'none: an error');
  const arguments_ = (args) =>
    Object.entries(args)
      .map(([name, type]) => `${name}: ${type}`)
      .join(', ');
  const lines = [...rows.values()]
    .sort((a, b) => (a.type < b.type ? -1 : 1))
    .map(
      (row) =>
        `| ${[row.type, arguments_(row.inputs), arguments_(row.outputs), types(row), gradient(row), runs(row)].join(' | ')} |`,
    );
  return `# Operations

Made from the rows of \`lib/ops\` by \`node tools/opsTable.mjs\`; a test compares. Types are TensorFlow's. *gradient*: yes; null (TensorFlow registers
none either); or an error where one is asked for. *runs*: fused into tapes with its neighbours, as steps of its own, as a view that costs nothing, or not
at all (worked out while planning). All ${rows.size} run on the CPU; which steps a GPU runs itself, \`sess.explain\` says (docs/inside/cuda.md).

| op | inputs | outputs | dtypes | gradient | runs |
|---|---|---|---|---|---|
${lines.join('\n')}

${gpuSection()}`;
};

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  await ensureBuilt('lib/index');
  const tf = await import(path.join(root, 'build-ts/lib/index.js'));
  const { allOps } = await import(path.join(root, 'build-ts/lib/core/defineOp.js'));
  tf.constant(0);
  const page = opsPage(allOps(), tf.DTYPES);
  const file = path.join(root, 'docs/ops.md');
  if (process.argv.includes('--check')) process.exit(readFileSync(file, 'utf8') === page ? 0 : 1);
  writeFileSync(file, page);
}
