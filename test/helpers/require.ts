// Tests that need what not every machine has: skipped there with the reason printed, or failed where GRAFO_REQUIRE asks for it.
import { existsSync } from 'node:fs';
import path from 'node:path';
import test, { type ExecutionContext } from 'ava';
import { ROOT } from './root.js';

/** What GRAFO_REQUIRE may list: what a machine claims to have. */
export type Requirement = 'data' | 'cuda' | 'nodes';

/**
 * Declares a test that needs something. With `missing` null it is a test as any other; else it is skipped, and the reason stands
 * in its title; with the requirement in GRAFO_REQUIRE it fails instead.
 *
 * @param missing why it cannot run here, or null where it can.
 */
export const testWith = (
  requirement: Requirement,
  missing: string | null,
  title: string,
  body: (t: ExecutionContext) => void | Promise<void>,
): void => {
  if (missing === null) test(title, body);
  else if ((process.env.GRAFO_REQUIRE ?? '').split(',').includes(requirement)) {
    test(title, (t) => t.fail(`GRAFO_REQUIRE asks for ${requirement}, but ${missing}`));
  } else test.skip(`${title} (skipped: ${missing})`, body);
};

/** The folder of shared data, beside the checkout. */
export const SHARED_DATA = path.resolve(ROOT, '..', 'shared', 'data');

/** Declares a test that reads a file of the shared data; `body` gets its path. */
export const testWithData = (
  name: string,
  title: string,
  body: (t: ExecutionContext, file: string) => void | Promise<void>,
): void => {
  const file = path.join(SHARED_DATA, name);
  testWith('data', existsSync(file) ? null : `../shared/data/${name} is not there`, title, (t) => body(t, file));
};
