// How far a sweep is: one line that is written over on a terminal, a line now and then elsewhere.
import type { WriteStream } from 'node:tty';

const EVERY = 100;
const CLEAR = '\r\x1b[K';

/** Tells of `total` steps. */
export class Progress {
  readonly #what: string;
  readonly #total: number;
  readonly #out: WriteStream;
  readonly #started = Date.now();

  constructor(what: string, total: number, out: WriteStream) {
    this.#what = what;
    this.#total = total;
    this.#out = out;
  }

  /** `done` steps are done, the next one begins. */
  at(done: number, name: string): void {
    const minutes = (Date.now() - this.#started) / 60_000;
    const left = done < EVERY ? '' : `, ${((minutes / done) * (this.#total - done)).toFixed(0)} min left`;
    const line = `${this.#what} ${done + 1} of ${this.#total}${left}: ${name}`;
    if (this.#out.isTTY) this.#out.write(`${CLEAR}${line.slice(0, this.#out.columns - 1)}`);
    else if (done % EVERY === 0) this.#out.write(`${line}\n`);
  }

  /** All are. */
  done(): void {
    if (this.#out.isTTY) this.#out.write(CLEAR);
  }
}
