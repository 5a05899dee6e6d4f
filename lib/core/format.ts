// numpy's text for arrays: aligned columns, shortest digits that read back the same, `...` in long axes.
import type { NDArray } from './ndarray.js';

const THRESHOLD = 1000;
const EDGE = 3;

/** The shortest decimal that rounds to the same float32 or float64: `shortest(0.1f, 4) // '0.1'`. */
export const shortest = (value: number, bytes: number): string => {
  if (bytes === 8 || !Number.isFinite(value)) return String(value);
  for (let digits = 1; digits <= 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return String(text);
  }
  return String(value);
};

const float = (value: number, bytes: number): string => {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  if (Object.is(value, -0)) return '-0.';
  const text = shortest(value, bytes);
  const exponent = /^(-?\d+)(\.\d+)?e([+-])(\d+)$/.exec(text);
  if (exponent !== null) return `${exponent[1]}${exponent[2] ?? '.'}e${exponent[3]}${exponent[4]!.padStart(2, '0')}`;
  return /\./.test(text) ? text : `${text}.`;
};

/** numpy's `str` of an array; a scalar prints as Python's number. */
export const formatArray = (array: NDArray): string => {
  const { dtype, shape } = array;
  const element = (i: number): string => {
    const value = array.at(i);
    if (typeof value === 'boolean') return value ? 'True' : 'False';
    if (dtype.isFloating) return float(value as number, dtype.size);
    return typeof value === 'string' && shape.length > 0 ? `'${value}'` : String(value);
  };
  if (shape.length === 0) {
    const text = element(0);
    return dtype.isFloating && text.endsWith('.') ? `${text}0` : text;
  }
  if (array.size === 0) return '[]';
  const shorten = array.size > THRESHOLD;
  const kept = (axis: number): number[] => {
    const size = shape[axis]!;
    const all = Array.from({ length: Math.min(size, shorten ? 2 * EDGE + 1 : size) }, (_, i) => i);
    if (!shorten || size <= 2 * EDGE) return all.slice(0, size);
    return [0, 1, 2, -1, size - 3, size - 2, size - 1];
  };
  const cells = new Map<number, string>();
  const collect = (axis: number, base: number): void => {
    for (const i of kept(axis)) {
      if (i < 0) continue;
      const flat = base * shape[axis]! + i;
      if (axis === shape.length - 1) cells.set(flat, element(flat));
      else collect(axis + 1, flat);
    }
  };
  collect(0, 0);
  const fraction = (text: string): number => (/^-?\d+\.\d*$/.test(text) ? text.length - text.indexOf('.') - 1 : 0);
  const longest = Math.max(...Array.from(cells.values(), fraction));
  const padded = (text: string): string =>
    dtype.isFloating && /^-?\d+\.\d*$/.test(text) ? text + ' '.repeat(longest - fraction(text)) : text;
  const width = Math.max(...Array.from(cells.values(), (text) => padded(text).length));
  const render = (axis: number, base: number): string => {
    const parts = kept(axis).map((i) => {
      if (i < 0) return '...';
      const flat = base * shape[axis]! + i;
      if (axis < shape.length - 1) return render(axis + 1, flat);
      const text = padded(cells.get(flat)!);
      return dtype.kind === 'string' ? text : text.padStart(width);
    });
    if (axis === shape.length - 1) return `[${parts.join(' ')}]`;
    return `[${parts.join(`${'\n'.repeat(shape.length - axis - 1)}${' '.repeat(axis + 1)}`)}]`;
  };
  return render(0, 0);
};
