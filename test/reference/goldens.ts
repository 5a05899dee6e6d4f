// Golden files: what real TensorFlow answered (tools/goldens.py).
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Attrs, decode, type Encoded, type Input } from './array.js';

// Tests run from build-ts/test; the files stay in test/.
const FOLDER = join(process.cwd(), 'test', 'goldens');

export interface Golden {
  /** Inputs; an array where the op takes a list. */
  readonly i: readonly (Encoded | readonly Encoded[])[];
  readonly a?: Attrs;
  readonly o?: readonly Encoded[];
  /** Error code and text. */
  readonly e?: readonly [string, string];
  /** Positions of inputs that are variables. */
  readonly r?: readonly number[];
  /** Number of runs. */
  readonly n?: number;
  /** Gradients of the float outputs, and of the float inputs. */
  readonly d?: readonly Encoded[];
  readonly g?: readonly (Encoded | null)[];
}

export const goldenOps = (): string[] =>
  readdirSync(FOLDER)
    .filter((name) => name.endsWith('.json'))
    .map((name) => name.slice(0, -5))
    .sort();
export const goldensOf = (op: string): readonly Golden[] =>
  (JSON.parse(readFileSync(join(FOLDER, `${op}.json`), 'utf8')) as { cases: Golden[] }).cases;
export const goldenInputs = (golden: Golden): Input[] =>
  golden.i.map((input) =>
    Array.isArray(input[0]) || input.length === 0
      ? (input as readonly Encoded[]).map(decode)
      : decode(input as Encoded),
  );
