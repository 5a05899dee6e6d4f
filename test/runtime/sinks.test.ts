// Results that are computed in the caller's memory: any alignment, memory that is also fed, shared, or given twice, and streamed stores.
import test from 'ava';
import * as tf from '../../lib/index.js';

/** An array of `n` elements that begins `skip` elements into its buffer. */
const part = (n: number, skip: number): Float32Array => new Float32Array(new ArrayBuffer((n + skip) * 4), skip * 4, n);
const numbers = (n: number): Float32Array => Float32Array.from({ length: n }, (_, i) => ((i * 7919) % 1000) / 500 - 1);

test('results at any alignment are those of fresh memory', (t) => {
  const graph = new tf.Graph();
  graph.asDefault(() => {
    const x = tf.placeholder(tf.float32, [96, 80]);
    const fetches = [
      tf.add(tf.exp(x), 1),
      tf.transpose(x),
      tf.matmul(x, x, { transposeB: true }),
      tf.nn.softmax(x),
      tf.reduceSum(tf.tile(x, [4, 4]), { axis: 0 }),
      tf.concat([x, x], 1),
      tf.slice(x, [1, 3], [90, 70]),
      tf.pad(x, [
        [1, 1],
        [2, 0],
      ]),
      tf.gather(x, [5, 5, 0, 95, 33, 2, 1]),
      tf.where(tf.greater(x, 0), x, tf.negative(x)),
      tf.cumsum(x, { axis: 1 }),
      tf.oneHot(tf.cast(tf.abs(tf.multiply(x, 3)), tf.int32), 3),
    ];
    using sess = new tf.Session({ graph });
    const value = tf.ndarray(numbers(96 * 80), [96, 80]);
    const fresh = sess.makeCallable(fetches, [x])(value);
    for (const skip of [1, 2, 3, 5, 11]) {
      const into = fresh.map((result) => part(result.size, skip));
      const step = sess.makeCallable(fetches, [x], { into });
      for (let run = 0; run < 3; run++) {
        for (const target of into) target.fill(Number.NaN);
        const results = step(value);
        results.forEach((result, i) => {
          t.is(result.data, into[i]);
          t.deepEqual(into[i]!.slice(), fresh[i]!.data, `fetch ${i}, skip ${skip}, run ${run}`);
        });
      }
    }
  });
});

test('streamed stores fill memory of any alignment to its ends', (t) => {
  const graph = new tf.Graph();
  graph.asDefault(() => {
    const n = (16 << 18) + 37;
    const x = tf.placeholder(tf.float32, [n]);
    const y = tf.add(x, 1);
    using sess = new tf.Session({ graph });
    const value = numbers(n);
    for (const skip of [1, 7, 16]) {
      const around = new Float32Array(n + skip + 3).fill(-5);
      const into = around.subarray(skip, skip + n);
      sess.makeCallable(y, [x], { into })(value);
      t.true(around.subarray(0, skip).every((v) => v === -5) && around.subarray(skip + n).every((v) => v === -5));
      t.true(into.every((v, i) => v === Math.fround(value[i]! + 1)));
    }
  });
});

test('memory that is fed or shared gets its result when the run is over, and none is given twice', (t) => {
  const graph = new tf.Graph();
  graph.asDefault(() => {
    const n = 600;
    const x = tf.placeholder(tf.float32, [n]);
    const [doubled, reversed] = [
      tf.multiply(x, 2),
      tf.gather(
        x,
        Int32Array.from({ length: n }, (_, i) => n - 1 - i),
      ),
    ];
    using sess = new tf.Session({ graph });
    const value = numbers(n);
    const backwards = value.slice().reverse();

    const own = value.slice();
    sess.makeCallable(reversed, [x], { into: own })(own);
    t.deepEqual(own, backwards);

    const wide = new Float32Array(n + 300);
    wide.set(value);
    sess.makeCallable(reversed, [x], { into: wide.subarray(300) })(wide.subarray(0, n));
    t.deepEqual(wide.slice(300), backwards);

    const shared = new Float32Array(new SharedArrayBuffer(n * 4));
    sess.makeCallable(reversed, [x], { into: shared })(value);
    t.deepEqual(Float32Array.from(shared), backwards);

    const twice = new Float32Array(n);
    for (const into of [
      [twice, twice],
      [wide.subarray(0, n), wide.subarray(n - 1)],
    ]) {
      t.throws(() => sess.makeCallable([doubled, reversed], [x], { into }), {
        instanceOf: tf.errors.ValueError,
        message: /^into has Tensor\("Mul.* and Tensor\("Gather.* in the same memory$/,
      });
    }
    const halves = new Float32Array(2 * n);
    const step = sess.makeCallable([doubled, reversed], [x], { into: [halves.subarray(0, n), halves.subarray(n)] });
    for (let run = 0; run < 3; run++) step(value);
    t.deepEqual(halves.slice(n), backwards);
    t.throws(() => sess.makeCallable(doubled, [x], { into: new Float32Array(3) })(value), {
      instanceOf: tf.errors.ValueError,
      message: /^into holds 3 elements in a Float32Array for Tensor\("Mul.*, the result is float32 of 600$/,
    });

    const [one, two] = [new Float32Array(n), new Float32Array(n)];
    t.throws(() => sess.makeCallable([reversed, reversed], [x], { into: [one, two] }), {
      instanceOf: tf.errors.ValueError,
      message: /fetched twice: its result can go to one memory only/,
    });
    sess.makeCallable([reversed, reversed], [x], { into: [one, one] })(value);
    t.deepEqual(one, backwards);
    const asked = new Map([['r', reversed]]);
    t.is(
      sess
        .makeCallable(asked, [x], { into: new Map([['r', two]]) })(value)
        .get('r')!.data,
      two,
    );
    t.deepEqual(two, backwards);
  });
});

test('a result in a host buffer of its shape is that host buffer, on every way; of another shape, or in other memory, it is a new array', async (t) => {
  // Small results come by the mailbox, others do not.
  for (const n of [2, 30]) {
    const graph = new tf.Graph();
    const x = graph.asDefault(() => tf.placeholder(tf.float32, [n, n]));
    const [doubled, flat, rows] = graph.asDefault(() => [tf.multiply(x, 2), tf.reshape(tf.exp(x), [-1]), tf.add(x, 1)]);
    using sess = new tf.Session({ graph });
    const value = sess.hostBuffer('float32', [n, n]);
    const [a, b] = [sess.hostBuffer('float32', [n, n]), sess.hostBuffer('float32', [n, n])];
    const typed = new Float32Array(n * n);
    const one = sess.makeCallable(doubled!, [x], { into: a });
    const three = sess.makeCallable([doubled!, flat!, rows!], [x], { into: [a, b, typed] });
    for (let run = 0; run < 4; run++) {
      (value.data as Float32Array).set(numbers(n * n).map((v) => v + run));
      const expected = (value.data as Float32Array).map((v) => v * 2);
      t.is(one(value), a, `${n}, run ${run}`);
      t.deepEqual(a.data, expected);
      (a.data as Float32Array).fill(0);
      t.is(await one.async(value), a);
      t.deepEqual(a.data, expected);
      t.is(one([...Array(n).keys()].map((i) => [...(value.data as Float32Array).subarray(i * n, i * n + n)])), a);
      const [first, second, third] = three(value);
      t.is(first, a);
      t.deepEqual(a.data, expected);
      t.deepEqual([second!.shape, third!.shape], [[n * n], [n, n]]);
      t.is(second!.data, b.data);
      t.is(third!.data, typed);
      t.deepEqual(
        typed,
        (value.data as Float32Array).map((v) => Math.fround(v + 1)),
      );
      // Fed on, as any host buffer.
      t.deepEqual(
        sess.runSync(doubled!, [[x, first!]]).data,
        expected.map((v) => v * 2),
      );
    }
  }
});

test('a fetch that lies in a feed is what was fed, though another result is written over it', (t) => {
  for (const n of [4, 600]) {
    const graph = new tf.Graph();
    graph.asDefault(() => {
      const [x, y] = [tf.placeholder(tf.float32, [n]), tf.placeholder(tf.float32, [n])];
      using sess = new tf.Session({ graph });
      const [value, other] = [numbers(n), numbers(n).map((v) => v - 1)];
      const backwards = value.slice().reverse();
      const reversed = tf.reverse(x, [0]);
      // Three times: the first run goes another way than later ones.
      const own = value.slice();
      const views = sess.makeCallable([tf.reshape(x, [2, n / 2]), reversed, tf.identity(x), x], [x], {
        into: [undefined, own, undefined, undefined],
      });
      for (let run = 0; run < 3; run++) {
        own.set(value);
        const [before, turned, after, fed] = views(own);
        for (const view of [before!, after!, fed!]) t.deepEqual(view.data, value, `${n}, run ${run}`);
        t.deepEqual(turned!.data, backwards);
      }
      const [a, b] = [value.slice(), other.slice()];
      const crossed = sess.makeCallable([tf.identity(x), tf.identity(y)], [x, y], { into: [b, a] });
      for (let run = 0; run < 3; run++) {
        a.set(value);
        b.set(other);
        crossed(a, b);
        t.deepEqual([a, b], [other, value], `${n}, run ${run}`);
      }
      const wide = new Float32Array(n + 3);
      const shifted = sess.makeCallable(tf.identity(x), [x], { into: wide.subarray(3) });
      for (let run = 0; run < 3; run++) {
        wide.set(value);
        shifted(wide.subarray(0, n));
        t.deepEqual(wide.slice(3), value);
      }
    });
  }
});

test('a run that fails leaves later runs and other results alone', async (t) => {
  const graph = new tf.Graph();
  const n = 512;
  const { x, y } = graph.asDefault(() => {
    const x = tf.placeholder(tf.float32, [n]);
    return { x, y: tf.checkNumerics(tf.log(x), 'log') };
  });
  using sess = new tf.Session({ graph });
  const into = new Float32Array(n);
  const step = sess.makeCallable(y, [x], { into });
  const ones = new Float32Array(n).fill(1);
  const fresh = sess.makeCallable(y, [x]);
  const kept = fresh(ones);
  t.throws(() => step(new Float32Array(n).fill(-1)), { instanceOf: tf.errors.InvalidArgumentError });
  t.true(kept.data.every((v) => v === 0));
  t.true(step(ones).data.every((v) => v === 0));
  const [a, b] = await Promise.all([fresh.async(ones), fresh.async(new Float32Array(n).fill(4))]);
  t.true(a.data.every((v) => v === 0) && b.data.every((v) => v === Math.fround(Math.log(4))));
  t.true(into.every((v) => v === 0));
});
