// The progress bar of long runs: drawn on a terminal, never into a file or a pipe.
import { PassThrough } from 'node:stream';
import test from 'ava';
import { progress } from '../../examples/lib/progress.js';

/** A stream that says whether it is a terminal and keeps what is written. */
const stream = (isTTY: boolean) => {
  const written: string[] = [];
  const out = Object.assign(new PassThrough(), { isTTY, columns: 80, rows: 24 });
  out.on('data', (chunk: Buffer) => written.push(chunk.toString()));
  return { out: out as unknown as NodeJS.WriteStream, text: () => written.join('') };
};

test('progress draws a bar with the steps done, the time left and a note on a terminal', (t) => {
  const { out, text } = stream(true);
  const bar = progress(200, out);
  bar.update(50, 'epoch 1 of 4');
  t.regex(text(), /25% \| 50\/200 \| .* left \| epoch 1 of 4/);
  bar.stop();
  // After a line of text the next update draws it anew.
  const before = text().length;
  bar.update(100, 'epoch 2 of 4');
  t.regex(text().slice(before), /50% \| 100\/200 \| .* left \| epoch 2 of 4/);
  bar.stop();
});

test('progress writes nothing where there is no terminal', (t) => {
  const { out, text } = stream(false);
  const bar = progress(10, out);
  for (let i = 1; i <= 10; i++) bar.update(i);
  bar.stop();
  t.is(text(), '');
});
