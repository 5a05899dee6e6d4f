// The project's root folder, from wherever the compiled tests lie.
import path from 'node:path';
import { fileURLToPath } from 'node:url';

/** build-ts/test/helpers/root.js is three folders below the root. */
export const ROOT = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '..', '..', '..');
