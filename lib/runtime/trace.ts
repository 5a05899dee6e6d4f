// Traces: how long each step of a run took, what it moved and computed; as a table, as Chrome's events and as TensorFlow's RunMetadata.
import type { StepInfo } from '../compile/measure.js';

/** A step as it ran. */
export interface TracedStep extends StepInfo {
  /** Nanoseconds of `process.hrtime` at its begin. */
  readonly begin: number;
  /** Nanoseconds it took. */
  readonly duration: number;
}

/** Steps of equal kernels together. */
export interface TraceRow {
  readonly label: string;
  readonly count: number;
  readonly nanoseconds: number;
  readonly bytes: number;
  readonly flops: number;
}

/** Chrome's trace events, for chrome://tracing and Perfetto. */
export interface ChromeTrace {
  readonly displayTimeUnit: 'ns';
  readonly traceEvents: readonly {
    readonly name: string;
    readonly cat: string;
    readonly ph: 'X';
    /** Microseconds. */
    readonly ts: number;
    readonly dur: number;
    readonly pid: number;
    readonly tid: number;
    readonly args: Readonly<Record<string, unknown>>;
  }[];
}

/** TensorFlow's `RunMetadata` in its JSON form, as far as timelines read it. */
export interface RunMetadata {
  readonly stepStats: {
    readonly devStats: readonly {
      readonly device: string;
      readonly nodeStats: readonly {
        readonly nodeName: string;
        readonly allStartMicros: string;
        readonly opStartRelMicros: string;
        readonly opEndRelMicros: string;
        readonly allEndRelMicros: string;
        readonly timelineLabel: string;
      }[];
    }[];
  };
}

const NUMBERS = 4;
const DEVICE = '/job:localhost/replica:0/task:0/device:CPU:0';

const percent = (part: number, whole: number): string => `${whole === 0 ? 0 : ((100 * part) / whole).toFixed(1)}%`;

/**
 * What traced runs did, step by step: given to `run` as `{ trace }`, or kept by the session for `{ trace: true }`. A step costs about 50 ns
 * more than without.
 *
 * @example
 * const trace = new tf.Trace();
 * sess.runSync(loss, [[x, batch]], { trace });
 * console.log(String(trace)); // prints a row for each kernel: calls, time, GB/s, GFLOP/s
 * trace.runs // 1
 */
export class Trace {
  readonly #steps: TracedStep[] = [];
  #runs = 0;

  /** The steps of all runs, in the order they ran. */
  get steps(): readonly TracedStep[] {
    return this.#steps;
  }
  /** How many plans were run: one a run, more where shapes depend on data. */
  get runs(): number {
    return this.#runs;
  }

  /** Takes in what the engine measured; sessions call this. */
  add(infos: readonly StepInfo[], times: ArrayBuffer): void {
    const numbers = new Float64Array(times);
    this.#runs++;
    for (let i = 0; i + NUMBERS <= numbers.length; i += NUMBERS) {
      const [, step, begin, end] = [numbers[i]!, numbers[i + 1]!, numbers[i + 2]!, numbers[i + 3]!];
      const info = infos[step];
      if (info !== undefined) this.#steps.push({ ...info, begin, duration: end - begin });
    }
  }
  /** Forgets every step. */
  clear(): void {
    this.#steps.length = 0;
    this.#runs = 0;
  }

  /** Kernels by the time they took together, the longest first. */
  rows(): TraceRow[] {
    const rows = new Map<string, { label: string; count: number; nanoseconds: number; bytes: number; flops: number }>();
    for (const { label, duration, bytes, flops } of this.#steps) {
      const row = rows.get(label) ?? { label, count: 0, nanoseconds: 0, bytes: 0, flops: 0 };
      row.count++;
      row.nanoseconds += duration;
      row.bytes += bytes;
      row.flops += flops;
      rows.set(label, row);
    }
    return [...rows.values()].sort((a, b) => b.nanoseconds - a.nanoseconds);
  }

  /** A table of `rows()`. */
  toString(): string {
    const rows = this.rows();
    const total = rows.reduce((sum, { nanoseconds }) => sum + nanoseconds, 0);
    const lines = rows.map(({ label, count, nanoseconds, bytes, flops }) =>
      [
        `${(nanoseconds / 1000).toFixed(1)} us`.padStart(14),
        percent(nanoseconds, total).padStart(7),
        String(count).padStart(7),
        (bytes / Math.max(1, nanoseconds)).toFixed(1).padStart(8),
        (flops / Math.max(1, nanoseconds)).toFixed(1).padStart(9),
        `  ${label}`,
      ].join(''),
    );
    return ['          time  share  calls    GB/s  GFLOP/s  kernel', ...lines].join('\n');
  }

  /**
   * Chrome's trace events, to be written as JSON and opened in chrome://tracing or Perfetto.
   *
   * @example fs.writeFileSync('trace.json', JSON.stringify(trace.toChromeTrace()))
   */
  toChromeTrace(): ChromeTrace {
    const traceEvents = this.#steps.map(({ name, op, label, begin, duration, bytes, flops }) => ({
      name,
      cat: op,
      ph: 'X' as const,
      ts: begin / 1000,
      dur: duration / 1000,
      pid: process.pid,
      tid: 0,
      args: { kernel: label, bytes, flops },
    }));
    return { displayTimeUnit: 'ns', traceEvents };
  }

  /** TensorFlow's `RunMetadata`, in JSON form. */
  toRunMetadata(): RunMetadata {
    const nodeStats = this.#steps.map(({ name, label, begin, duration }) => {
      const micros = String(Math.max(1, Math.round(duration / 1000)));
      return {
        nodeName: name,
        allStartMicros: String(Math.floor(begin / 1000)),
        opStartRelMicros: '0',
        opEndRelMicros: micros,
        allEndRelMicros: micros,
        timelineLabel: label,
      };
    });
    return { stepStats: { devStats: [{ device: DEVICE, nodeStats }] } };
  }
}
