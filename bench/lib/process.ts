// A rival's process: started pinned, asked a line at a time, and held still while another one is measured.
import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { createInterface } from 'node:readline';
import { MARK } from './serve.js';

/**
 * An environment without what would choose a library's kernels or caches for it: each rival takes what it takes by itself, or what the
 * bench tells it.
 */
export const withoutChoices = (env: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(Object.entries(env).filter(([name]) => !/^(OPENBLAS|BLIS|NVPL_BLAS|ONEDNN|DNNL)_/.test(name)));

/** A program with its arguments and what it needs in its environment. */
export interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** What a process answers. */
export interface Answer {
  readonly version?: string;
  readonly rows?: readonly string[];
  readonly dtype?: string;
  readonly checks?: readonly { readonly sum: number | null; readonly scale: number | null }[];
  readonly calls?: number;
  readonly ns?: number;
  /** What a case of the sweep computed, each in a file. */
  readonly results?: readonly { readonly dtype: string; readonly shape: readonly number[]; readonly file: string }[];
  /** That it has no such operation. */
  readonly none?: boolean;
  readonly error?: string;
}

/** The CPUs this process may use, from a list such as `0-3,6`. */
export const parseCpuList = (list: string): number[] =>
  list
    .trim()
    .split(',')
    .flatMap((part) => {
      const [from, to = from] = part.split('-').map(Number);
      return Array.from({ length: to! - from! + 1 }, (_, i) => from! + i);
    });

const allowedCpus = (): number[] => {
  try {
    const status = readFileSync('/proc/self/status', 'utf8');
    return parseCpuList(/^Cpus_allowed_list:\s*(.+)$/m.exec(status)![1]!);
  } catch {
    return Array.from({ length: availableParallelism() }, (_, i) => i);
  }
};

/** The command on the last `threads` of the CPUs; as it is where there is no taskset. */
export const pinned = (command: Command, threads: number): Command => {
  const cpus = allowedCpus().slice(-threads);
  if (process.platform !== 'linux') return command;
  return { ...command, file: 'taskset', args: ['-c', cpus.join(','), command.file, ...command.args] };
};

const TAIL = 600;

/** One rival in one process. */
export class RivalProcess {
  readonly #child: ChildProcess;
  #waiting: ((answer: Answer) => void) | undefined;
  #tail = '';
  #ended = false;

  constructor(command: Command) {
    this.#child = spawn(command.file, command.args, {
      stdio: ['pipe', 'pipe', 'pipe'],
      env: { ...withoutChoices(process.env), ...command.env },
    });
    const note = (text: unknown): void => {
      this.#tail = (this.#tail + String(text)).slice(-TAIL);
    };
    this.#child.stderr!.on('data', note);
    this.#child.on('error', (error) => this.#end(error.message));
    this.#child.on('close', (code, signal) => this.#end(`ended with ${signal ?? code}: ${this.#tail.trim()}`));
    this.#child.stdin!.on('error', note);
    createInterface({ input: this.#child.stdout! }).on('line', (line) => {
      if (line.startsWith(MARK)) this.#answer(JSON.parse(line.slice(MARK.length)) as Answer);
    });
  }

  #answer(answer: Answer): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.(answer);
  }
  #end(why: string): void {
    this.#ended = true;
    this.#answer({ error: why });
  }

  /** Whether it is no more: it crashed, was ended, or never started. */
  get ended(): boolean {
    return this.#ended;
  }

  /** Lets it run, sends a line (none: waits for what it says when it starts), waits for the answer, holds it again. */
  async ask(line: string | undefined, timeoutMs: number): Promise<Answer> {
    if (this.#ended) return { error: `the process has ended: ${this.#tail.trim()}` };
    const answered = new Promise<Answer>((resolve) => {
      this.#waiting = resolve;
    });
    this.#child.kill('SIGCONT');
    if (line !== undefined) this.#child.stdin!.write(`${line}\n`);
    const timer = setTimeout(() => {
      this.#child.kill('SIGKILL');
      this.#end(`no answer to '${line ?? 'start'}' within ${timeoutMs / 1000} s`);
    }, timeoutMs);
    const answer = await answered;
    clearTimeout(timer);
    if (!this.#ended) this.#child.kill('SIGSTOP');
    return answer;
  }

  /** Ends it. */
  quit(): Promise<void> {
    if (this.#ended) return Promise.resolve();
    const closed = new Promise<void>((resolve) => {
      this.#child.once('close', () => resolve());
    });
    this.#child.kill('SIGKILL');
    return closed;
  }
}
