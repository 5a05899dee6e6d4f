// numpy's text for arrays: aligned columns, shortest digits that read back the same, `...` in long axes.
import type { NDArray } from './ndarray.js';

const THRESHOLD = 1000;
const EDGE = 3;

/** The shortest decimal that rounds to the same float32 or float64: `shortest(Math.fround(0.1), 4) // '0.1'`. */
export const shortest = (value: number, bytes: number): string => {
  if (bytes === 8 || !Number.isFinite(value)) return String(value);
  for (let digits = 1; digits <= 9; digits++) {
    const text = Number(value.toPrecision(digits));
    if (Math.fround(text) === value) return String(text);
  }
  return String(value);
};

/** Whether numpy writes these numbers with exponents: none but large ones, small ones, or both far apart. */
const wantsExponents = (values: readonly number[], alone: boolean): boolean => {
  const sizes = values.map(Math.abs).filter((size) => size > 0 && Number.isFinite(size));
  if (sizes.length === 0) return false;
  const [low, high] = [Math.min(...sizes), Math.max(...sizes)];
  return alone ? low < 1e-4 || high >= 1e16 : high >= 1e8 || low < 1e-4 || high / low > 1000;
};

const float = (value: number, bytes: number, exponents: boolean, digits?: number): string => {
  if (Number.isNaN(value)) return 'nan';
  if (!Number.isFinite(value)) return value > 0 ? 'inf' : '-inf';
  const sign = value < 0 || Object.is(value, -0) ? '-' : '';
  const text = shortest(Math.abs(value), bytes);
  if (!exponents) return `${sign}${plain(text)}`;
  // Further digits than the shortest ones are the number's own, not zeros.
  const written = digits === undefined ? Number(text).toExponential() : Math.abs(value).toExponential(digits);
  const [mantissa, exponent] = written.split('e') as [string, string];
  return `${sign}${mantissa.includes('.') ? mantissa : `${mantissa}.`}e${exponent[0]}${exponent.slice(1).padStart(2, '0')}`;
};

/** JavaScript's text of a number without an exponent and with a point. */
const plain = (text: string): string => {
  const match = /^(\d+)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (match === null) return text.includes('.') ? text : `${text}.`;
  const [whole, rest, exponent] = [match[1]!, match[2] ?? '', Number(match[3])];
  if (exponent < 0) return `0.${'0'.repeat(-exponent - 1)}${whole}${rest}`;
  return `${whole}${rest}${'0'.repeat(Math.max(0, exponent - rest.length))}.`;
};

/** numpy's `str` of an array; a scalar prints as Python's number. */
export const formatArray = (array: NDArray): string => {
  const { dtype, shape } = array;
  let exponents = false;
  const element = (i: number): string => {
    const value = array.at(i);
    if (typeof value === 'boolean') return value ? 'True' : 'False';
    if (dtype.isFloating) return float(value as number, dtype.size, exponents);
    return typeof value === 'string' && shape.length > 0 ? `'${value}'` : String(value);
  };
  if (shape.length === 0) {
    exponents = dtype.isFloating && wantsExponents([array.at(0) as number], true);
    const text = element(0);
    return dtype.isFloating ? text.replace(/\.$/, '.0').replace('.e', 'e') : text;
  }
  if (array.size === 0) return '[]';
  const shorten = array.size > THRESHOLD;
  const kept = (axis: number): number[] => {
    const size = shape[axis]!;
    const all = Array.from({ length: Math.min(size, shorten ? 2 * EDGE + 1 : size) }, (_, i) => i);
    if (!shorten || size <= 2 * EDGE) return all.slice(0, size);
    return [0, 1, 2, -1, size - 3, size - 2, size - 1];
  };
  const shown: number[] = [];
  const collect = (axis: number, base: number): void => {
    for (const i of kept(axis)) {
      if (i < 0) continue;
      const flat = base * shape[axis]! + i;
      if (axis === shape.length - 1) shown.push(flat);
      else collect(axis + 1, flat);
    }
  };
  collect(0, 0);
  exponents =
    dtype.isFloating &&
    wantsExponents(
      shown.map((i) => array.at(i) as number),
      false,
    );
  const cells = new Map(shown.map((i) => [i, element(i)]));
  const fraction = (text: string): number => /\.(\d*)/.exec(text)?.[1]?.length ?? 0;
  const longest = Math.max(...Array.from(cells.values(), fraction));
  const padded = (text: string): string => {
    if (!dtype.isFloating || !text.includes('.')) return text;
    return text.includes('e') ? text : text + ' '.repeat(longest - fraction(text));
  };
  if (exponents) for (const i of shown) cells.set(i, float(array.at(i) as number, dtype.size, true, longest));
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
