// An HTTP server that learns in the background while it answers predictions. `npm run example -- server [--port 8080]`
// GET /predict?x1=1&x2=2 -> {"probability":0.7,"label":1,"step":123}; GET /status -> {"step":123,"cost":0.4,"training":true}.
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import * as tf from '../lib/index.js';
import { gaussianClasses } from './lib/gaussian.js';
import { main, wholeNumber } from './lib/main.js';
import { RandomState } from './lib/mt19937.js';

const HIDDEN = 64;

/** A server that runs. */
export interface LearningServer {
  readonly url: string;
  /** Steps done so far. */
  readonly step: number;
  /** Settles when training is over: after the last step, or after `close`. */
  readonly trained: Promise<void>;
  /** Stops training and listening, and frees the session. */
  close(): Promise<void>;
}

/** Options of `startServer`. */
export interface ServerOptions {
  /** 0 takes a free one. */
  readonly port?: number | undefined;
  readonly steps?: number | undefined;
  /** Points of a class that a step of training takes. */
  readonly perClass?: number | undefined;
}

/** A small network of the plane: the logit that a point is of class 1, and its training. */
const model = () => {
  tf.setRandomSeed(1);
  const X = tf.placeholder(tf.float32, [null, 2]);
  const labels = tf.placeholder(tf.float32, [null, 1]);
  const W1 = new tf.Variable(tf.randomNormal([2, HIDDEN], { stddev: 0.3 }));
  const b1 = new tf.Variable(tf.zeros([HIDDEN]));
  const hidden = tf.tanh(tf.matmul(X, W1).add(b1));
  const W2 = new tf.Variable(tf.randomNormal([HIDDEN, 1], { stddev: 0.1 }));
  const b2 = new tf.Variable(tf.zeros([1]));
  const logits = tf.matmul(hidden, W2).add(b2);
  const cost = tf.reduceMean(tf.nn.sigmoidCrossEntropyWithLogits({ labels, logits }));
  const train = new tf.train.AdamOptimizer(0.01).minimize(cost);
  return { X, labels, probability: tf.sigmoid(logits), cost, train, init: tf.globalVariablesInitializer() };
};

const finite = (text: string | null): number | null => {
  const value = text === null || text.trim() === '' ? Number.NaN : Number(text);
  return Number.isFinite(value) ? value : null;
};

/**
 * Starts training and serving, on this machine's own interface only.
 *
 * @example const server = await startServer(); await fetch(`${server.url}/predict?x1=4&x2=4`); await server.close();
 */
export const startServer = async ({
  port = 0,
  steps = 20_000,
  perClass = 500,
}: ServerOptions = {}): Promise<LearningServer> => {
  const graph = new tf.Graph();
  const { X, labels, probability, cost, train, init } = graph.asDefault(model);
  const sess = new tf.Session(graph);
  await sess.run(init);

  const random = new RandomState(1);
  /** New points for every step: what is learned is where the classes lie, not the points. */
  const batch = () => {
    const points = gaussianClasses(perClass, random);
    return new Map([
      [X, tf.ndarray(points.x, [points.count, 2])],
      [labels, tf.ndarray(points.labels, [points.count, 1])],
    ]);
  };
  let step = 0;
  let lastCost: number | null = null;
  let stopped = false;
  let training = true;
  const learn = async (): Promise<void> => {
    try {
      while (step < steps && !stopped) {
        const [, costNow] = await sess.run([train, cost], batch());
        lastCost = Number(costNow);
        // Small steps are done at once: without a pause now and then, no request would get its turn.
        if (++step % 10 === 0) await new Promise(setImmediate);
      }
    } finally {
      training = false;
    }
  };

  const answer = (response: ServerResponse, status: number, body: unknown): void => {
    response.writeHead(status, { 'content-type': 'application/json' });
    response.end(`${JSON.stringify(body)}\n`);
  };
  const predict = async (query: URLSearchParams, response: ServerResponse): Promise<void> => {
    const x1 = finite(query.get('x1'));
    const x2 = finite(query.get('x2'));
    if (x1 === null || x2 === null) return answer(response, 400, { error: 'x1 and x2 must be numbers' });
    // Runs of a session come one after the other: this one takes its turn between two steps of training.
    const p = Number(await sess.run(probability, new Map([[X, [[x1, x2]]]])));
    answer(response, 200, { probability: p, label: Number(p > 0.5), step });
  };
  const server = createServer((request, response) => {
    // What stands in the first line of a request need not be a path.
    const asked = URL.canParse(request.url ?? '', 'http://localhost')
      ? new URL(request.url!, 'http://localhost')
      : null;
    const { pathname = '', searchParams = new URLSearchParams() } = asked ?? {};
    if (request.method !== 'GET') answer(response, 405, { error: 'only GET is answered here' });
    else if (pathname === '/status') answer(response, 200, { step, cost: lastCost, training });
    else if (pathname === '/predict') {
      predict(searchParams, response).catch((error: Error) => answer(response, 500, { error: error.message }));
    } else answer(response, 404, { error: 'ask for /predict?x1=1&x2=2 or /status' });
  });
  server.listen(port, '127.0.0.1');
  await once(server, 'listening');

  const trained = learn();
  // Whoever waits for `trained` gets the error; it must not end the process before.
  trained.catch(() => {});
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get step() {
      return step;
    },
    trained,
    close: async () => {
      stopped = true;
      await trained.catch(() => {});
      server.close();
      server.closeAllConnections();
      sess.close();
    },
  };
};

void main(import.meta.url, { port: { type: 'string', default: '8080' } }, async ({ port }) => {
  const server = await startServer({ port: wholeNumber('port', port, 0) });
  console.log(`learning, and answering on ${server.url}/predict?x1=1&x2=2 and ${server.url}/status; ctrl-c ends it`);
  process.once('SIGINT', () => void server.close());
  await server.trained;
});
