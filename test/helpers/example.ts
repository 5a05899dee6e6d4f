// Runs an example as a user does: as a process of its own.
import { spawnSync } from 'node:child_process';
import path from 'node:path';
import { ROOT } from './root.js';

/** What a process said and how it ended. */
export interface Ran {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the compiled example with options, in a folder. */
export const runExample = (name: string, args: readonly string[], cwd: string): Ran => {
  const program = path.join(ROOT, 'build-ts', 'examples', `${name}.js`);
  const { status, stdout, stderr } = spawnSync(process.execPath, [program, ...args], { cwd, encoding: 'utf8' });
  return { status, out: stdout, err: stderr };
};
