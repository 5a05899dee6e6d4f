// The ratio table: grafo's figures over the best peer's, and over the counted floor, from the JSON files of one round.
// `node tools/gpu/table.mjs folder` reads grafo.json and peers*.json there (env.json for the heading), writes ratio.json and ratio.md.
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/**
 * What is asked for: a workload, its mode, and a most for the ratio to a peer (`best` is the fastest of all), or a least for the part of the
 * floor's speed. A goal with both is met by either.
 */
export const GOALS = [
  { workload: 'mlp_784_512_256_10_b128_fp32', mode: 'resident', peer: 'torch-eager', most: 0.15 },
  { workload: 'mlp_784_512_256_10_b128_fp32', mode: 'resident', peer: 'torch-cudagraph', most: 0.8 },
  { workload: 'mlp_784_512_256_10_b8192_tf32', mode: 'resident', peer: 'best', most: 0.75, ofFloor: 1 / 1.5 },
  { workload: 'logreg_10m', mode: 'resident', peer: 'best', most: 0.5, ofFloor: 1 / 1.25 },
  { workload: 'chain_1e9', mode: 'resident', ofFloor: 0.92 },
  ...['sum_1e9', 'rowsum_65536x4096', 'colsum_65536x4096'].map((workload) => ({
    workload,
    mode: 'resident',
    ofFloor: 0.9,
  })),
  ...['65536x1024', '1e6x10', '8192x32000'].map((s) => ({ workload: `softmax_${s}`, mode: 'resident', ofFloor: 0.9 })),
  ...['fp32', 'tf32', 'bf16'].map((p) => ({
    workload: `gemm_8192_${p}`,
    mode: 'resident',
    peer: 'torch-eager',
    most: 1.02,
  })),
];

/** For an H200 where a round measured none: GB/s of a copy, TFLOP/s of products. */
const ASSUMED = { copy: 4300, fp32: 52, tf32: 395, bf16: 780 };
/** Microseconds of one kernel of a graph, however little it does. */
const KERNEL_US = 2.2;
/** Per cent of its floor's speed above which nothing is believed. */
const CREDIBLE = 105;

const fastest = (rows) => rows.reduce((best, row) => (best === undefined || row.us < best.us ? row : best), undefined);

/**
 * What the device reaches at best: the fastest copy and the fastest product of each precision that anybody measured in this round. On an
 * H200, figures of grafo alone make no ceiling lower than the assumed one: a slow copy of its own would flatter everything else.
 */
export const ceilingsOf = (rows, isH200) => {
  const ceilings = {};
  const take = (name, value, framework) => {
    const assumed = isH200 && framework === 'grafo' && !(value > ASSUMED[name]);
    if (!assumed && !(ceilings[name]?.value > value)) ceilings[name] = { value, source: 'measured' };
  };
  for (const { workload, framework, us, bytes, flops, gbps, tflops } of rows) {
    if (us === undefined) continue;
    if (workload.startsWith('ceiling_copy')) take('copy', gbps ?? bytes / us / 1e3, framework);
    const precision = /^gemm_\d+_(\w+)$/.exec(workload)?.[1];
    if (precision !== undefined) take(precision, tflops ?? flops / us / 1e6, framework);
  }
  if (isH200) for (const name of Object.keys(ASSUMED)) ceilings[name] ??= { value: ASSUMED[name], source: 'assumed' };
  return ceilings;
};

/** The least time of a workload in microseconds, and what sets it; undefined where no ceiling is known. */
export const floorOf = ({ flops, bytes, kernels, precision, device }, ceilings) => {
  const { copy, [precision]: product } = ceilings;
  if (copy === undefined || product === undefined) return undefined;
  const parts = { bytes: bytes / copy.value / 1e3, flops: flops / product.value / 1e6 };
  if (/gpu/i.test(device ?? '')) parts.kernels = kernels * KERNEL_US;
  const [by, us] = Object.entries(parts).reduce((most, part) => (part[1] > most[1] ? part : most));
  return { us, by };
};

/** The id a peer has a workload under, without the precision that grafo's rows of the same data always name. */
const keyOf = (row) => `${row.workload} ${row.mode}`;

/**
 * A row for each of grafo's figures: the best peer's of the same workload and mode, the ratio (below 1: grafo is faster), the counted floor
 * and how much of its speed is reached (in per cent), and the goals.
 *
 * @throws where small sizes meet full ones: their ids are the same.
 */
export const ratioTable = (grafo, peers, { isH200 = false, goals = GOALS } = {}) => {
  const measured = [...grafo, ...peers].filter(({ us }) => us !== undefined);
  if (new Set(measured.map(({ small }) => Boolean(small))).size > 1)
    throw new Error('rows of small sizes and of full ones in one table');
  const ceilings = ceilingsOf(measured, isH200);
  const rows = grafo.map((row) => {
    const { workload, mode, us } = row;
    if (us === undefined)
      return { workload, mode, note: row.skipped === undefined ? `failed: ${row.error}` : `skipped: ${row.skipped}` };
    const same = peers.filter((peer) => peer.us !== undefined && keyOf(peer) === keyOf(row));
    const best = fastest(same);
    const floor = mode === 'resident' ? floorOf(row, ceilings) : undefined;
    return {
      workload,
      mode,
      us,
      spread: row.spread,
      peer: best?.framework,
      peerUs: best?.us,
      ratio: best && us / best.us,
      floorUs: floor?.us,
      floorBy: floor?.by,
      ofFloor: floor && (100 * floor.us) / us,
      ...(row.small ? { small: true } : {}),
      ...(row.onCpu ? { note: `${row.onCpu} of ${row.planSteps} steps on the CPU` } : {}),
    };
  });
  const verdicts = goals.map((goal) => {
    const row = rows.find((found) => found.us !== undefined && keyOf(found) === keyOf(goal));
    const found =
      goal.peer === undefined ? [] : peers.filter((peer) => peer.us !== undefined && keyOf(peer) === keyOf(goal));
    const other = goal.peer === 'best' ? fastest(found) : found.find(({ framework }) => framework === goal.peer);
    const ratio = row && other && row.us / other.us;
    // Goals are about full sizes, and what is faster than its floor was not computed, or the ceilings are wrong.
    if (row?.small) return { ...goal, verdict: 'not measured' };
    if (row?.ofFloor > CREDIBLE) return { ...goal, part: row.ofFloor / 100, verdict: 'not credible' };
    const part = goal.ofFloor === undefined ? undefined : row?.ofFloor && row.ofFloor / 100;
    const met = (ratio !== undefined && ratio <= goal.most) || (part !== undefined && part >= goal.ofFloor);
    const judged =
      (goal.peer !== undefined && ratio !== undefined) || (goal.ofFloor !== undefined && part !== undefined);
    // A goal with two ways is missed only where both were measured.
    const both = (goal.peer === undefined || ratio !== undefined) && (goal.ofFloor === undefined || part !== undefined);
    return { ...goal, ratio, part, verdict: met ? 'ok' : judged && both ? 'miss' : 'not measured' };
  });
  return { ceilings, rows, goals: verdicts };
};

const number = (value, digits = 2) => (value === undefined ? '' : value.toFixed(value >= 1000 ? 0 : digits));

/** The table as Markdown. */
export const markdown = ({ ceilings, rows, goals }, heading = '') => {
  const lines = [`# grafo beside its peers${heading === '' ? '' : `: ${heading}`}`, ''];
  const known = Object.entries(ceilings).map(
    ([name, { value, source }]) => `${name} ${number(value)} ${name === 'copy' ? 'GB/s' : 'TFLOP/s'} (${source})`,
  );
  lines.push(
    `Medians in microseconds a step. Ratio: grafo over the best peer. Of floor: the counted floor over grafo. Ceilings: ${known.join(', ') || 'none known'}.`,
    '',
    '| workload | mode | grafo us | best peer us | peer | ratio | floor us | set by | of floor | note |',
    '|---|---|---:|---:|---|---:|---:|---|---:|---|',
  );
  for (const row of rows) {
    const noisy = row.spread > 0.03 ? `spread ${number(row.spread * 100, 0)} %` : '';
    const cells = [
      row.workload,
      row.mode ?? '',
      number(row.us),
      number(row.peerUs),
      row.peer ?? '',
      number(row.ratio, 3),
    ];
    cells.push(number(row.floorUs), row.floorBy ?? '', row.ofFloor === undefined ? '' : `${number(row.ofFloor, 1)} %`);
    cells.push([row.note, noisy].filter(Boolean).join('; ').replaceAll('|', '\\|').replace(/\s+/g, ' '));
    lines.push(`| ${cells.join(' | ')} |`);
  }
  lines.push('', '| goal | asked | seen | |', '|---|---|---|---|');
  for (const { workload, mode, peer, most, ofFloor, ratio, part, verdict } of goals) {
    const asked = [peer && `<= ${most} x ${peer}`, ofFloor && `>= ${number(ofFloor * 100, 0)} % of the floor`];
    const seen = [ratio !== undefined && `${number(ratio, 3)} x`, part !== undefined && `${number(part * 100, 1)} %`];
    lines.push(
      `| ${workload} ${mode} | ${asked.filter(Boolean).join(' or ')} | ${seen.filter(Boolean).join(', ')} | ${verdict} |`,
    );
  }
  return `${lines.join('\n')}\n`;
};

const main = (folder) => {
  const read = (name) => JSON.parse(readFileSync(path.join(folder, name), 'utf8'));
  if (!existsSync(path.join(folder, 'grafo.json'))) {
    console.log(`skipped: no grafo.json in ${folder}`);
    return;
  }
  const peers = readdirSync(folder)
    .filter((name) => /^peers.*\.json$/.test(name))
    .flatMap(read);
  const env = existsSync(path.join(folder, 'env.json')) ? read('env.json') : {};
  const gpu = env.gpu ?? '';
  const table = ratioTable(read('grafo.json'), peers, { isH200: /H200/.test(gpu) });
  const text = markdown(table, [gpu, env.driver && `driver ${env.driver}`, env.date].filter(Boolean).join(', '));
  writeFileSync(path.join(folder, 'ratio.json'), `${JSON.stringify({ env, ...table }, null, 1)}\n`);
  writeFileSync(path.join(folder, 'ratio.md'), text);
  console.log(text);
};

if (process.argv[1] === fileURLToPath(import.meta.url)) main(process.argv[2] ?? 'gpu-results');
