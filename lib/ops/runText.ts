// TensorFlow says the same mistake in other words when it is found while running: its kernels' words.
import type { ShapeContext } from '../core/defineOp.js';
import { ValueError } from '../core/errors.js';

/** Applies a shape rule; where a plan is made and it fails, the error has the kernel's text. */
export const orInRun = <R>(c: ShapeContext, text: () => string, rule: () => R): R => {
  try {
    return rule();
  } catch (error) {
    if (c.planning === true && error instanceof ValueError) throw new ValueError(text());
    throw error;
  }
};
