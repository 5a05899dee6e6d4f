// MNIST's files and the order of its batches, and what is said about files that are damaged.
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { DataSet, readIdx, readMnist } from '../../examples/lib/mnist.js';
import { RandomState } from '../../examples/lib/mt19937.js';

const withFile = (t: ExecutionContext, bytes: readonly number[], body: (file: string) => void): void => {
  const folder = mkdtempSync(path.join(tmpdir(), 'grafo-idx-'));
  t.teardown(() => rmSync(folder, { recursive: true }));
  const file = path.join(folder, 'some-idx');
  writeFileSync(file, Uint8Array.from(bytes));
  body(file);
};

test('readMnist: 55,000, 5,000 and 10,000 examples, pixels in 0..1, labels one-hot', (t) => {
  const { train, validation, test: tested } = readMnist(777);
  t.deepEqual([train.count, validation.count, tested.count], [55000, 5000, 10000]);
  t.is(train.images.length, 55000 * 784);
  // The first training label after the 5,000 of validation is 7, the first test label too (numpy reading the same files).
  t.is(train.labels.subarray(0, 10).indexOf(1), 7);
  t.is(tested.labels.subarray(0, 10).indexOf(1), 7);
  t.is(
    tested.images.reduce((most, pixel) => Math.max(most, pixel), 0),
    1,
  );
  t.is(
    tested.labels.reduce((sum, value) => sum + value, 0),
    10000,
  );
});

test('DataSet: a batch may end one pass and begin the next, and each pass permutes the order of the last', (t) => {
  const count = 5;
  const labels = Float32Array.from({ length: count * 10 }, (_, i) => Number(i % 10 === Math.floor(i / 10)));
  const set = new DataSet(new Float32Array(count * 784), labels, 777);
  const random = new RandomState(777);
  const first = random.permutation(count);
  const second = random.permutation(count).map((i) => first[i]!);
  const classes = (size: number) => {
    const batch = set.nextBatch(size);
    return Array.from({ length: size }, (_, row) => batch.labels.subarray(row * 10, row * 10 + 10).indexOf(1));
  };
  t.deepEqual(classes(3), [...first.subarray(0, 3)]);
  t.is(set.epochsCompleted, 0);
  t.deepEqual(classes(4), [...first.subarray(3), ...second.subarray(0, 2)]);
  t.is(set.epochsCompleted, 1);
  t.throws(() => set.nextBatch(6), { message: 'a batch of 6 from 5 examples' });
});

const BAD = [
  ['shorter than its header', [0, 0, 8], /no IDX file, only 3 bytes/],
  ['of another magic number', [0, 0, 9, 1, 0, 0, 0, 1, 5], /magic number 0x901, expected 0x801/],
  ['cut off', [0, 0, 8, 1, 0, 0, 0, 2, 5], /1 bytes of data, expected 2 = 2/],
  ['too long', [0, 0, 8, 1, 0, 0, 0, 1, 5, 6], /2 bytes of data, expected 1 = 1/],
] as const;
for (const [what, bytes, message] of BAD) {
  test(`readIdx: a file ${what} is an error that names it`, (t) => {
    withFile(t, bytes, (file) => {
      const error = t.throws(() => readIdx(file, 1));
      t.regex(error.message, message);
      t.true(error.message.startsWith(file));
    });
  });
}

test('readIdx reads sizes and bytes', (t) => {
  withFile(t, [0, 0, 8, 2, 0, 0, 0, 1, 0, 0, 0, 2, 5, 6], (file) => {
    const { shape, data } = readIdx(file, 2);
    t.deepEqual(
      [shape, [...data]],
      [
        [1, 2],
        [5, 6],
      ],
    );
  });
});
