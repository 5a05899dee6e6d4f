// First steps: constants, a session, variables, placeholders, fetches, shapes. `npm run example -- intro`
// Ported from the course notebook TSA_IntroTF_1 (MUIT-DeepAudio) and its slides.
import * as tf from '../lib/index.js';
import { main } from './lib/main.js';

/** numpy prints a shape as Python prints a tuple: `(4,)`. */
const shapeOf = (value: tf.NDArray): string => `(${value.shape.join(', ')}${value.rank === 1 ? ',' : ''})`;

/** Runs every fragment in turn, on the default graph; `print` receives what the notebook prints. */
export const intro = (print: (line: string) => void): void => {
  tf.resetDefaultGraph();

  // Nothing is computed here: y is a place in a graph.
  {
    const x = tf.constant(1);
    const W = tf.constant(6);
    const b = tf.constant(1.5);
    const y = x.mul(W).add(b);
    print(`${y}`);
    // A session computes it.
    using sess = new tf.Session();
    print(`${sess.runSync(y)}`);
  }

  // Variables hold parameters; they have no value before their initialisers ran.
  {
    const x = tf.constant(1);
    const W = new tf.Variable(tf.randomUniform([1], -1, 1));
    const b = new tf.Variable(tf.zeros([1]));
    const init = tf.globalVariablesInitializer();
    const y = x.mul(W).add(b);
    using sess = new tf.Session();
    sess.runSync(init);
    print(`${sess.runSync(y)}`);
  }

  // An interactive session is the default one: tensors evaluate themselves.
  {
    const sess = new tf.InteractiveSession();
    const x = tf.constant(1);
    const W = new tf.Variable(tf.randomUniform([1], -1, 1));
    const b = new tf.Variable(tf.zeros([1]));
    const init = tf.globalVariablesInitializer();
    const y = x.mul(W).add(b);
    sess.runSync(init);
    print(`${y.eval()}`);
    sess.close();
  }

  // Placeholders are where data enters; one without a shape takes a number and a vector alike.
  {
    const x = tf.placeholder(tf.float32);
    const W = new tf.Variable(tf.randomUniform([1], -1, 1));
    const b = new tf.Variable(tf.zeros([1]));
    const init = tf.globalVariablesInitializer();
    const y = x.mul(W).add(b);
    using sess = new tf.Session();
    sess.runSync(init);
    for (let step = 0; step < 4; step++) {
      print(`${sess.runSync(y, new Map([[x, 6]]))}`);
      print(`${sess.runSync(y, new Map([[x, [Math.random()]]]))}`);
    }
    // Several results of one run.
    const [yFetch, WFetch] = sess.runSync([y, W], new Map([[x, [[6]]]]));
    print(`y value ${yFetch} W value ${WFetch}`);
  }

  // "Do you know how to do it?"
  {
    const a = tf.constant([
      [1, 2],
      [3, 4],
    ]);
    const b = tf.constant([[1], [2]]);
    using sess = new tf.Session();
    print(`${sess.runSync(tf.matmul(a, b))}`);
    print(`${sess.runSync(tf.add(a, a))}`);
  }

  // A static shape is what is known before running; the value's own shape may say more.
  {
    const x = tf.placeholder(tf.int32, [4]);
    print(`${x.getShape()}`);
    const { y } = tf.unique(x);
    print(`${y.getShape()}`);
    using sess = new tf.Session();
    print(shapeOf(sess.runSync(y, new Map([[x, [0, 1, 2, 3]]]))));
    print(shapeOf(sess.runSync(y, new Map([[x, [0, 0, 0, 0]]]))));
  }

  // The graph itself, as TensorFlow's GraphDef.
  const { node } = tf.getDefaultGraph().asGraphDef();
  for (const { name, op, input } of node.slice(0, 5))
    print(`node { name: "${name}" op: "${op}" input: [${(input ?? []).join(', ')}] }`);
};

void main(import.meta.url, {}, () => intro(console.log));
