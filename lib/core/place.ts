// The user's line: the first stack frame that is not grafo's own.
import { fileURLToPath } from 'node:url';

let folders: readonly string[] | undefined;
/**
 * Grafo's own folder, as a URL and as a path. In the bundle this file is dist/index.js; unbundled it is lib/core/place.js. Both folders hold
 * nothing but grafo. None where another's bundler has taken the URL away.
 */
const library = (): readonly string[] => {
  if (folders !== undefined) return folders;
  const url = import.meta.url?.replace(/\/(?:core\/place|[^/]*)\.[jt]s$/, '/') ?? '';
  folders = [url, url.startsWith('file:') ? fileURLToPath(url) : ''].filter((folder) => folder !== '');
  return folders;
};
// Scopes inside scopes inside gradients: composed ops stand deep.
const FRAMES = 128;
/** Where a source map (`node --enable-source-maps`) says this file lies: as the stack spells it, or '' without one. */
let mapped: string | undefined;
const mappedLibrary = (): string => {
  mapped ??= /^(.*)place\.ts$/.exec(frameOf(linesOf(new Error())[0] ?? '')?.file ?? '')?.[1] ?? '';
  return mapped.replace(/core[\\/]$/, '');
};

/** The frames of a stack as lines, also where a program has `Error.prepareStackTrace` give them as call sites. */
const linesOf = ({ stack }: { readonly stack?: unknown }): string[] => {
  if (typeof stack === 'string') return stack.split('\n').filter((line) => line.startsWith('    at '));
  return Array.isArray(stack) ? stack.map((site) => `    at ${String(site)}`) : [];
};

interface Frame {
  readonly where: string | undefined;
  readonly file: string;
  readonly row: string;
  readonly column: string;
}

/** `at where (file:row:column)` or `at file:row:column`; folders and files may have brackets in their names. */
const frameOf = (line: string): Frame | undefined => {
  const match = /^\s*at (?:async )?(.*):(\d+):(\d+)(\)?)$/.exec(line);
  if (match === null) return undefined;
  const [, front, row, column, bracket] = match as unknown as [string, string, string, string, string];
  const at = bracket === '' ? -1 : front.indexOf(' (');
  const file = at < 0 ? front : front.slice(at + 2);
  if (file.startsWith('eval at ') || (bracket !== '' && at < 0)) return undefined;
  return { where: at < 0 ? undefined : front.slice(0, at), file, row, column };
};

/** Keeps the stack of a caller in `holder`, deep enough where the program lets the depth be set. */
const capture = (holder: object, above: unknown): void => {
  const limit = Error.stackTraceLimit;
  try {
    Error.stackTraceLimit = FRAMES;
  } catch {
    // `Error` is frozen.
  }
  Error.captureStackTrace(holder, above as () => void);
  try {
    Error.stackTraceLimit = limit;
  } catch {}
};

/** A place in the user's code, kept as an unformatted stack and turned into text only when an error needs it. */
export class UserPlace {
  readonly #holder: { stack?: unknown };

  constructor() {
    this.#holder = {};
    capture(this.#holder, UserPlace);
  }

  /** For example `train.ts:41:18 (buildModel)`; undefined where the stack holds only grafo's frames. */
  toString(): string {
    const own = [...library(), mappedLibrary()].filter((folder) => folder !== '');
    for (const line of linesOf(this.#holder)) {
      if (line.includes('node:internal') || own.some((folder) => line.includes(folder))) continue;
      const frame = frameOf(line);
      if (frame === undefined) continue;
      const { where, file, row, column } = frame;
      const name = file.split(/[\\/]/).at(-1);
      const named = where === undefined || where.startsWith('Object.<anonymous>') ? '' : ` (${where})`;
      return `${name}:${row}:${column}${named}`;
    }
    return '';
  }
}
