// Runs the tests that a mutant names. A check is `native: PART OF A TITLE` or `test/FILE.test.ts: PART OF A TITLE`; the part may be empty,
// and the file a pattern.
import { spawn } from 'node:child_process';
import { createRequire } from 'node:module';
import path from 'node:path';
import { createInterface } from 'node:readline';

const require = createRequire(import.meta.url);
const AVA = path.join(path.dirname(require.resolve('ava')), 'cli.mjs');
/** Tests of time: what they say on a busy machine is no answer about a mutant. */
const TIMED = ['!*timer*', '!*event loop*', '!*in time that grows*', '!*in 15 seconds*'];

const parse = (text) => {
  const at = text.indexOf(': ');
  const [place, part] = [text.slice(0, at), text.slice(at + 2)];
  return place === 'native'
    ? { text, part, native: true }
    : { text, part, file: `build-ts/${place.replace(/\.ts$/, '.js')}` };
};

/** Runs checks in a workshop, with the mutant that is in it or without any. */
export class Checks {
  #workshop;
  #limit;

  constructor(workshop, seconds) {
    this.#workshop = workshop;
    this.#limit = seconds * 1000;
  }

  /** Runs every check without a mutant, those of a file together; gives what is wrong with them. */
  async baseline(texts) {
    const checks = [...new Set(texts)].map(parse);
    const problems = [];
    const note = (list, { failed, passed }) => {
      const names = list.map(({ text }) => text).join(', ');
      if (failed !== undefined) problems.push(`fails without a mutant: ${failed} (${names})`);
      else
        for (const { text, part } of list)
          if (!passed.some((title) => title.toLowerCase().includes(part.toLowerCase())))
            problems.push(`no test is called so: ${text}`);
    };
    for (const check of checks.filter(({ native }) => native)) {
      const seen = await this.#native(check.part);
      note([{ ...check, part: '' }], seen);
    }
    const byFile = new Map();
    for (const check of checks.filter(({ native }) => !native))
      byFile.set(check.file, [...(byFile.get(check.file) ?? []), check]);
    for (const [file, list] of byFile)
      note(
        list,
        await this.#ava(
          file,
          list.map(({ part }) => part),
        ),
      );
    return problems;
  }

  /** The title of the first test that fails, or what else went wrong; undefined where all pass. */
  async catches(texts) {
    for (const { native, file, part } of texts.map(parse)) {
      this.#workshop.ready(native === true);
      const { failed } = await (native ? this.#native(part) : this.#ava(file, [part]));
      if (failed !== undefined) return failed;
    }
    return undefined;
  }

  #native(part) {
    return this.#spawn(this.#workshop.products.tests.path, part === '' ? [] : [part], (line, seen) => {
      const title = /^FAILED (.*)$/.exec(line)?.[1];
      if (title !== undefined) seen.failed ??= title;
      if (/^[1-9]\d* passed, 0 failed$/.test(line)) seen.passed.push(line);
    });
  }

  #ava(file, parts) {
    const list = [AVA, '--tap', '--concurrency', '2', '--timeout', `${this.#limit}ms`];
    // In AVA's patterns a star stands for anything; titles that hold one are matched all the same.
    const patterns = parts.includes('') ? ['*'] : parts.map((part) => `*${part}*`);
    for (const pattern of [...patterns, ...TIMED]) list.push('--match', pattern);
    return this.#spawn(process.execPath, [...list, file], (line, seen) => {
      const result = /^\s*(not ok|ok) \d+ - (.*)$/.exec(line);
      if (result === null || /# (SKIP|TODO)\b/.test(result[2])) return;
      const title = result[2].replace(/^.* › /, '');
      if (result[1] === 'ok') seen.passed.push(title);
      else seen.failed ??= title;
    });
  }

  /** One process, ended at the first failure: more would not say more. */
  #spawn(command, list, read) {
    return new Promise((resolve) => {
      const seen = { failed: undefined, passed: [] };
      const child = spawn(command, list, {
        cwd: this.#workshop.folder,
        detached: true,
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const end = () => {
        // The whole group: AVA's files are processes of their own.
        try {
          process.kill(-child.pid, 'SIGKILL');
        } catch {
          // It has ended by itself.
        }
      };
      const timer = setTimeout(() => {
        seen.failed ??= `the limit of ${this.#limit / 1000} s`;
        end();
      }, this.#limit);
      const line = (text) => {
        read(text, seen);
        if (seen.failed !== undefined) end();
      };
      createInterface({ input: child.stdout }).on('line', line);
      createInterface({ input: child.stderr }).on('line', line);
      child.on('close', (code, signal) => {
        clearTimeout(timer);
        if (code !== 0) seen.failed ??= `a crash (${signal ?? `exit code ${code}`})`;
        resolve(seen);
      });
    });
  }
}
