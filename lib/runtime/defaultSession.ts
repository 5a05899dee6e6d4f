// The stack of default sessions: what `eval()` and `run()` use where none is given.
import { GraphTypeError } from '../core/errors.js';

/** What the stack holds: sessions. */
export type DefaultHolder = object;

const STACK: DefaultHolder[] = [];

/** The default session; undefined where there is none. */
export const currentSession = (): DefaultHolder | undefined => STACK.at(-1);

/** Runs `fn` with a session as the default one. */
export const withDefaultSession = <S extends DefaultHolder, R>(session: S, fn: (session: S) => R): R => {
  STACK.push(session);
  try {
    const result = fn(session);
    if (result instanceof Promise) {
      result.catch(() => undefined);
      throw new GraphTypeError(
        'asDefault takes a synchronous function: the session stops being the default one when it returns.',
      );
    }
    return result;
  } finally {
    uninstall(session);
  }
};

/** Installs a session until `uninstall`; several may be installed, the latest is the default one. */
export const install = (session: DefaultHolder): void => {
  STACK.push(session);
};
/** Takes an installed session out, wherever it stands. */
export const uninstall = (session: DefaultHolder): void => {
  const at = STACK.lastIndexOf(session);
  if (at >= 0) STACK.splice(at, 1);
};
