// NDArrays on their way out of the program: as JSON, and to other threads.
import { MessageChannel, receiveMessageOnPort } from 'node:worker_threads';
import test from 'ava';
import * as tf from '../../lib/index.js';

test('every dtype becomes JSON: integers of 64 bits are numbers where that is exact, else digits', (t) => {
  const safe = BigInt(Number.MAX_SAFE_INTEGER);
  const { int64, uint64 } = tf;
  t.is(JSON.stringify(tf.ndarray([[1n, -2n]], undefined, int64)), '[[1,-2]]');
  t.is(
    JSON.stringify(tf.ndarray([safe, safe + 1n, -safe - 2n], undefined, int64)),
    '[9007199254740991,"9007199254740992","-9007199254740993"]',
  );
  t.is(JSON.stringify({ id: tf.ndarray(2n ** 64n - 1n, undefined, uint64) }), '{"id":"18446744073709551615"}');
  t.is(JSON.stringify(tf.ndarray([], undefined, int64)), '[]');
  t.is(JSON.stringify(tf.ndarray([[1.5], [2]])), '[[1.5],[2]]');
  t.is(JSON.stringify(tf.ndarray([true, false])), '[true,false]');
  t.is(JSON.stringify(tf.ndarray('a')), '"a"');
  // toArray keeps what it gave.
  t.deepEqual(tf.ndarray([safe + 1n]).toArray(), [safe + 1n]);
});

test('an NDArray of any dtype can be cloned and posted, and made again', (t) => {
  const { port1, port2 } = new MessageChannel();
  for (const dtype of [tf.float32, tf.float64, tf.int32, tf.int64, tf.uint64, tf.uint8, tf.bool, tf.string]) {
    const element = dtype === tf.string ? 'a' : dtype === tf.bool ? true : dtype.isBigInt ? 7n : 7;
    const array = tf.ndarray([[element, element]], undefined, dtype);
    port1.postMessage(array);
    for (const copy of [structuredClone(array), receiveMessageOnPort(port2)!.message as tf.NDArray]) {
      const again = tf.ndarray(copy.data as tf.ArrayLike, copy.shape, copy.dtype.name);
      t.is(again.dtype, dtype);
      t.deepEqual(again.shape, [1, 2]);
      t.deepEqual(again.data, array.data);
    }
  }
  port1.close();
});
