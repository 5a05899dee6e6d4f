// Draws a classifier of the plane as SVG: the points of both classes, the decision line, and contours of its probability.
import { mkdirSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { parse, type Spec, View } from 'vega';
import type { Points } from './gaussian.js';

/** Least and greatest x1 and x2 of a picture. */
export interface Frame {
  readonly x1: readonly [number, number];
  readonly x2: readonly [number, number];
}

/** A frame around all points, with a twentieth of their extent left free on every side. */
export const frameOf = ({ x, count }: Points): Frame => {
  const range = (axis: number): [number, number] => {
    let least = Number.POSITIVE_INFINITY;
    let greatest = Number.NEGATIVE_INFINITY;
    for (let i = 0; i < count; i++) {
      least = Math.min(least, x[2 * i + axis]!);
      greatest = Math.max(greatest, x[2 * i + axis]!);
    }
    const margin = (greatest - least) / 20 || 1;
    return [least - margin, greatest + margin];
  };
  return { x1: range(0), x2: range(1) };
};

/** The middles of `columns` x `rows` cells over a frame: x1 fastest, x2 from the top down, two numbers a cell. */
export const gridOf = ({ x1, x2 }: Frame, columns: number, rows: number): Float64Array => {
  const cells = new Float64Array(2 * columns * rows);
  for (let row = 0, at = 0; row < rows; row++) {
    for (let column = 0; column < columns; column++) {
      cells[at++] = x1[0] + ((column + 0.5) / columns) * (x1[1] - x1[0]);
      cells[at++] = x2[1] - ((row + 0.5) / rows) * (x2[1] - x2[0]);
    }
  }
  return cells;
};

/** The two ends of the part of the line `w1 x1 + w2 x2 + b = 0` that lies in a frame; none where it passes by. */
export const lineIn = ({ x1, x2 }: Frame, w1: number, w2: number, b: number): { x1: number; x2: number }[] => {
  const inside = (value: number, [least, greatest]: readonly [number, number]) => value >= least && value <= greatest;
  const across = x1.map((at) => ({ x1: at, x2: -(w1 * at + b) / w2 })).filter((end) => inside(end.x2, x2));
  const along = x2.map((at) => ({ x1: -(w2 * at + b) / w1, x2: at })).filter((end) => inside(end.x1, x1));
  const ends = [...across, ...along];
  const first = ends[0];
  // A line through a corner meets two sides there: the other end is the one farthest away.
  const distance = (end: { x1: number; x2: number }) =>
    Math.abs(end.x1 - first!.x1) / (x1[1] - x1[0]) + Math.abs(end.x2 - first!.x2) / (x2[1] - x2[0]);
  if (first === undefined) return [];
  const last = ends.reduce((best, end) => (distance(end) > distance(best) ? end : best));
  return last === first ? [] : [first, last];
};

/** What is drawn. `probability` is that of label 1 at the cells of `gridOf(frame, columns, rows)`. */
export interface ClassifierPicture {
  readonly points: Points;
  readonly frame: Frame;
  readonly line: readonly { readonly x1: number; readonly x2: number }[];
  readonly probability: ArrayLike<number>;
  readonly columns: number;
  readonly rows: number;
  readonly title: string;
}

const WIDTH = 640;
const HEIGHT = 560;
const axis = (orient: 'bottom' | 'left', scale: string, title: string) =>
  ({ orient, scale, title, grid: true, gridOpacity: 0.3, titleFontSize: 14 }) as const;

const specification = ({ points, frame, line, probability, columns, rows, title }: ClassifierPicture): Spec => ({
  $schema: 'https://vega.github.io/schema/vega/v6.json',
  width: WIDTH,
  height: HEIGHT,
  padding: 8,
  background: 'white',
  title: { text: title, fontSize: 16 },
  data: [
    {
      name: 'samples',
      values: Array.from({ length: points.count }, (_, i) => ({
        x1: points.x[2 * i],
        x2: points.x[2 * i + 1],
        label: `class ${points.labels[i]}`,
      })),
    },
    { name: 'ends', values: line.map((end) => ({ ...end })) },
    {
      name: 'levels',
      values: [{ width: columns, height: rows, values: Array.from(probability) }],
      transform: [
        {
          type: 'isocontour',
          // The typings know one number only; Vega itself also takes one an axis.
          scale: [WIDTH / columns, HEIGHT / rows] as unknown as number,
          thresholds: [0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9],
        },
      ],
    },
  ],
  scales: [
    { name: 'x1', type: 'linear', domain: [...frame.x1], range: 'width', zero: false, nice: false },
    { name: 'x2', type: 'linear', domain: [...frame.x2], range: 'height', zero: false, nice: false },
    { name: 'label', type: 'ordinal', domain: ['class 0', 'class 1'], range: ['#c25a13', '#2360a8'] },
    { name: 'probability', type: 'linear', domain: [0, 0.5, 1], range: ['#f9d5b3', '#ffffff', '#b9d6f2'] },
  ],
  axes: [axis('bottom', 'x1', 'x1'), axis('left', 'x2', 'x2')],
  legends: [
    { fill: 'label', symbolType: 'circle', orient: 'right' },
    { fill: 'probability', type: 'gradient', title: 'P(class 1)', orient: 'right' },
  ],
  marks: [
    {
      type: 'path',
      name: 'contours',
      clip: true,
      from: { data: 'levels' },
      encode: {
        enter: {
          fill: { scale: 'probability', field: 'contour.value' },
          stroke: { value: '#8a97a5' },
          strokeWidth: { value: 0.7 },
        },
      },
      transform: [{ type: 'geopath', field: 'datum.contour' }],
    },
    {
      type: 'symbol',
      name: 'points',
      from: { data: 'samples' },
      encode: {
        enter: {
          x: { scale: 'x1', field: 'x1' },
          y: { scale: 'x2', field: 'x2' },
          fill: { scale: 'label', field: 'label' },
          size: { value: 45 },
          fillOpacity: { value: 0.85 },
        },
      },
    },
    {
      type: 'line',
      name: 'decision',
      from: { data: 'ends' },
      encode: {
        enter: {
          x: { scale: 'x1', field: 'x1' },
          y: { scale: 'x2', field: 'x2' },
          stroke: { value: '#222222' },
          strokeWidth: { value: 2.5 },
        },
      },
    },
  ],
});

/** The picture as SVG text. */
export const classifierSvg = async (picture: ClassifierPicture): Promise<string> => {
  const view = new View(parse(specification(picture)), { renderer: 'none' });
  try {
    return await view.toSVG();
  } finally {
    view.finalize();
  }
};

/** Draws the picture into a file; its folder is made where it is not there. */
export const writeClassifier = async (file: string, picture: ClassifierPicture): Promise<void> => {
  mkdirSync(path.dirname(path.resolve(file)), { recursive: true });
  writeFileSync(file, await classifierSvg(picture));
};
