// The machine a run is made on: what it is called, how busy it was, and which file in bench/results is its own.
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { availableParallelism, cpus, loadavg, release, totalmem } from 'node:os';
import path from 'node:path';
import type { Places } from './rivals.js';

/** Where and when a run was made. */
export interface Machine {
  readonly cpu: string;
  readonly text: string;
  readonly date: string;
  readonly load: string;
  readonly command: string;
}

/** The CPU's name, with family and model where Linux tells them: virtual machines give whole generations one name. */
const cpuName = (): string => {
  const name = cpus()[0]?.model.trim() ?? 'unknown CPU';
  if (!existsSync('/proc/cpuinfo')) return name;
  const info = readFileSync('/proc/cpuinfo', 'utf8');
  const family = /^cpu family\s*:\s*(\d+)/m.exec(info)?.[1];
  const model = /^model\s*:\s*(\d+)/m.exec(info)?.[1];
  return family === undefined || model === undefined ? name : `${name}, family ${family} model ${model}`;
};

/** This machine, now, and the npm script that is run on it. */
export const machine = (script: string, args: readonly string[]): Machine => ({
  cpu: cpuName(),
  text: `${availableParallelism()} CPUs, ${(totalmem() / 2 ** 30).toFixed(0)} GiB, ${process.platform} ${release()}, Node ${process.version}`,
  date: new Date().toISOString().slice(0, 10),
  load: loadavg()[0]!.toFixed(2),
  command: `npm run ${script}${args.length === 0 ? '' : ` -- ${args.join(' ')}`}`,
});

const BUSY = 1;

/** What a run says first. */
export const greeting = ({ cpu, text, date, load }: Machine): string =>
  `${cpu}, ${text}, ${date}, load ${load}${Number(load) > BUSY ? '\nThe machine is busy: these figures are rough.' : ''}`;

const slug = (text: string): string =>
  text
    .toLowerCase()
    .replaceAll(/[^a-z0-9]+/g, '-')
    .replaceAll(/^-|-$/g, '');

/** The machine's file in bench/results, without what follows its name; the folder is made. */
export const resultsFile = ({ root }: Places, { cpu }: Machine): string => {
  const folder = path.join(root, 'bench', 'results');
  mkdirSync(folder, { recursive: true });
  return path.join(folder, slug(`${cpu} ${availableParallelism()} cpus`));
};
