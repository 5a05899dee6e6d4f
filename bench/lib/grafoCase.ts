// How grafo takes part in rows of one operation: fed from two sets of inputs in turn, its results into memory that is there already.
import * as tf from '../../lib/index.js';
import type { FloatArray } from './inputs.js';
import type { Case } from './trial.js';

/** An input: its values for set 0 or 1, and its shape. */
export interface Input {
  readonly values: (set: number) => FloatArray | Float32Array<ArrayBuffer>;
  readonly shape: readonly number[];
}

/** A graph with one result over fed inputs, run through a callable. */
export const opCase = (threads: number, inputs: readonly Input[], build: (...inputs: tf.Tensor[]) => tf.Tensor): Case =>
  new tf.Graph().asDefault(() => {
    const first = inputs.map(({ values }) => values(0));
    const placeholders = inputs.map(({ shape }, k) =>
      tf.placeholder(first[k] instanceof Float64Array ? 'float64' : 'float32', shape),
    );
    const result = build(...placeholders);
    const session = new tf.Session({ threads });
    const hosted = (k: number, data: FloatArray | Float32Array<ArrayBuffer>): tf.NDArray => {
      const buffer = session.hostBuffer(placeholders[k]!.dtype, inputs[k]!.shape);
      (buffer.data as Float32Array).set(data as Float32Array);
      return buffer;
    };
    const sets = [first.map((data, k) => hosted(k, data)), inputs.map(({ values }, k) => hosted(k, values(1)))];
    const into = session.hostBuffer(result.dtype, result.shape.asList() as number[]);
    const step = session.makeCallable(result, placeholders, { into });
    // As a program would write it: arguments that are spread, or taken from a list by its iterator, cost 10 to 30 ns.
    const call =
      inputs.length === 2
        ? (values: readonly tf.NDArray[]) => step(values[0]!, values[1]!)
        : (values: readonly tf.NDArray[]) => step(...values);
    return {
      call: (i) => call(sets[i & 1]!),
      check: (set) => {
        const { dtype, data } = step(...sets[set]!);
        return { dtype: dtype.name, values: [data.slice() as Float32Array] };
      },
    };
  });
