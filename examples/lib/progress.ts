// A progress bar for long runs, drawn on standard error and only where that is a terminal.
import cliProgress from 'cli-progress';

/** What a long loop calls: `update` with the steps done so far and a word on them, `stop` at its end. */
export interface Progress {
  update(done: number, note?: string): void;
  /** Takes the bar off the screen, so that a line can be printed; the next update draws it again. */
  stop(): void;
}

const SILENT: Progress = { update: () => {}, stop: () => {} };

/**
 * A bar of `total` steps, or nothing where the stream is no terminal.
 *
 * @param total the steps of the whole run.
 * @param stream where to draw.
 */
export const progress = (total: number, stream: NodeJS.WriteStream = process.stderr): Progress => {
  if (!stream.isTTY) return SILENT;
  const bar = new cliProgress.SingleBar({
    format: '{bar} {percentage}% | {value}/{total} | {eta_formatted} left | {note}',
    stream,
    hideCursor: true,
    clearOnComplete: true,
    fps: 10,
  });
  let running = false;
  return {
    update: (done, note = '') => {
      if (!running) bar.start(total, done, { note });
      else bar.update(done, { note });
      running = true;
    },
    stop: () => {
      if (running) bar.stop();
      running = false;
    },
  };
};
