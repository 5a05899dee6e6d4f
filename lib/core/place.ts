// The user's line: the first stack frame that is not grafo's own.
import { fileURLToPath } from 'node:url';

let folder: readonly [url: string, path: string] | undefined;
/** Grafo's own folder. In the bundle this file is dist/index.js; unbundled it is lib/core/place.js. Both folders hold nothing but grafo. */
const library = (): readonly [string, string] => {
  if (folder !== undefined) return folder;
  const url = import.meta.url.replace(/\/(?:core\/place|[^/]*)\.[jt]s$/, '/');
  folder = [url, url.startsWith('file:') ? fileURLToPath(url) : url];
  return folder;
};
// Scopes inside scopes inside gradients: composed ops stand deep.
const FRAMES = 128;
/** Where a source map (`node --enable-source-maps`) says this file lies: as the stack spells it, or '' without one. */
let mapped: string | undefined;
const mappedLibrary = (): string => {
  mapped ??= /(?:\(|at )([^()]+)place\.ts:\d+:\d+\)?$/.exec(new Error().stack?.split('\n')[1] ?? '')?.[1] ?? '';
  return mapped.replace(/core[\\/]$/, '');
};

/** A place in the user's code, kept as an unformatted stack and turned into text only when an error needs it. */
export class UserPlace {
  readonly #holder: { stack?: string };

  constructor() {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = FRAMES;
    this.#holder = {};
    Error.captureStackTrace(this.#holder, UserPlace);
    Error.stackTraceLimit = limit;
  }

  /** For example `train.ts:41:18 (buildModel)`; undefined where the stack holds only grafo's frames. */
  toString(): string {
    const source = mappedLibrary();
    const [url, path] = library();
    for (const line of (this.#holder.stack ?? '').split('\n').slice(1)) {
      if (line.includes(url) || line.includes(path) || line.includes('node:internal')) continue;
      if (source !== '' && line.includes(source)) continue;
      const match = /^\s*at (?:(?<where>.*?) \()?(?<file>[^()]+):(?<row>\d+):(?<column>\d+)\)?$/.exec(line);
      if (match?.groups === undefined) continue;
      const { where, file, row, column } = match.groups as Record<string, string>;
      const name = file!.split(/[\\/]/).at(-1);
      const named = where === undefined || where.startsWith('Object.<anonymous>') ? '' : ` (${where})`;
      return `${name}:${row}:${column}${named}`;
    }
    return '';
  }
}
