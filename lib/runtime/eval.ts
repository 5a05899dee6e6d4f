// tensor.eval(), op.run() and the interactive session: running without naming the session.
import { ValueError } from '../core/errors.js';
import { type Graph, Operation, Tensor } from '../core/graph.js';
import type { NDArray } from '../core/ndarray.js';
import { installDefaultRunner, installOnVariable, type Runner } from '../ops/variable.js';
import { currentSession, install, uninstall } from './defaultSession.js';
import type { Feeds } from './feeds.js';
import { Session } from './session.js';
import type { SessionOptions } from './sessionOptions.js';

declare module '../core/graph.js' {
  interface Tensor {
    /**
     * The tensor's value in the default session, or in `session`.
     *
     * @example sess.asDefault(() => tf.constant(1).add(2).eval().item()) // 3
     */
    eval(feeds?: Feeds, session?: Session): NDArray;
  }
  interface Operation {
    /**
     * Runs the operation in the default session, or in `session`.
     *
     * @example sess.asDefault(() => tf.globalVariablesInitializer().run())
     */
    run(feeds?: Feeds, session?: Session): void;
  }
}

/**
 * The session that `eval()` and `run()` use; undefined where there is none.
 *
 * @example tf.getDefaultSession() // undefined
 */
export const getDefaultSession = (): Session | undefined => currentSession() as Session | undefined;

/** The session for something of a graph; ValueError with TensorFlow's words where there is none or it runs another graph. */
export const sessionFor = (graph: Graph, session: Session | undefined, what: 'eval' | 'run'): Session => {
  const [verb, noun, hint] =
    what === 'eval'
      ? (['evaluate', 'tensor', '`eval(session=sess)`'] as const)
      : (['execute', 'operation', '`run(session=sess)`'] as const);
  if (session !== undefined) {
    if (session.graph === graph) return session;
    throw new ValueError(
      `Cannot use the given session to ${verb} ${noun}: the ${noun}'s graph is different from the session's graph.`,
    );
  }
  const found = getDefaultSession();
  if (found === undefined) {
    const use = what === 'eval' ? '`with sess.asDefault()`' : '`with sess.asDefault():`';
    throw new ValueError(
      `Cannot ${verb} ${noun} using \`${what}()\`: No default session is registered. Use ${use} or pass an explicit session to ${hint}`,
    );
  }
  if (found.graph === graph) return found;
  throw new ValueError(
    `Cannot use the default session to ${verb} ${noun}: the ${noun}'s graph is different from the session's graph. ` +
      `Pass an explicit session to ${what === 'eval' ? hint : 'run(session=sess)'}.`,
  );
};

Tensor.prototype.eval = function (this: Tensor, feeds?: Feeds, session?: Session): NDArray {
  return sessionFor(this.graph, session, 'eval').runSync(this, feeds);
};
Operation.prototype.run = function (this: Operation, feeds?: Feeds, session?: Session): void {
  sessionFor(this.graph, session, 'run').runSync(this, feeds);
};
installOnVariable(['eval']);
installDefaultRunner(() => getDefaultSession() as Runner | undefined);

/**
 * A session that is the default one from its construction until `close()`: for shells and notebooks.
 *
 * @example
 * const sess = new tf.InteractiveSession();
 * tf.constant(5).mul(6).eval().item(); // 30
 * sess.close();
 */
export class InteractiveSession extends Session {
  constructor(graphOrTarget?: Graph | SessionOptions | string, options?: SessionOptions) {
    super(graphOrTarget, options);
    install(this);
  }
  override close(): void {
    uninstall(this);
    super.close();
  }
}
