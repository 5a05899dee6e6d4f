// Keeps what V8 has compiled of dist/code.js after a first program, in the file that is this script's argument and that dist/start.js looks
// for. A process of its own: what it does to V8 ends with it.
import { readFileSync, renameSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { pathToFileURL } from 'node:url';
import v8 from 'node:v8';
import { Script } from 'node:vm';
import { root } from './nativeBuild.mjs';

// V8 remembers which functions its baseline compiler has compiled, and would compile them at the first call of every start, which takes 3 ms.
v8.setFlagsFromString('--no-sparkplug');
const url = pathToFileURL(path.join(root, 'dist', 'index.js')).href;
const script = new Script(readFileSync(path.join(root, 'dist', 'code.js'), 'latin1'), { filename: url });
const tf = script.runInThisContext()(process.getBuiltinModule, url);

// What most programs do first.
const x = tf.placeholder('float32', [null, 3], { name: 'x' });
const labels = tf.placeholder('float32', [null, 2]);
const w = new tf.Variable(tf.truncatedNormal([3, 2]));
const b = new tf.Variable(tf.zeros([2]));
const logits = tf.matmul(x, w).add(b);
const loss = tf.reduceMean(tf.nn.softmaxCrossEntropyWithLogits({ labels, logits }));
const step = new tf.train.AdamOptimizer(0.1).minimize(loss);
const sess = new tf.Session();
sess.runSync(tf.globalVariablesInitializer());
sess.runSync(
  [step, loss],
  new Map([
    [x, [[1, 2, 3]]],
    [labels, [[0, 1]]],
  ]),
);
String(sess.runSync({ y: x.add(1) }, { 'x:0': [[1, 2, 3]] }).y);
sess.close();

// The compiled code is for V8 as Node starts it.
v8.setFlagsFromString('--sparkplug');
const [, , file] = process.argv;
const made = `${file}.${process.pid}`;
writeFileSync(made, script.createCachedData());
// Whoever starts meanwhile sees all of it or nothing.
renameSync(made, file);
