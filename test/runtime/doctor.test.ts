// doctor: what it says with an engine and without one.
import test from 'ava';
import { doctor, doctorText } from '../../lib/runtime/doctor.js';
import { native } from '../../lib/runtime/native.js';

test('with the engine: its library, level and threads', (t) => {
  const report = doctor();
  t.true(report.ok);
  t.is(report.path, native().info().path);
  t.true(report.threads! >= 1);
  t.regex(doctorText(report), /^engine {8}ready$/m);
  t.regex(doctorText(report), /^gpu {11}none: /m);
});

test('without it: why, and what to type', (t) => {
  const report = doctor(() => {
    throw new Error('could not be loaded\nWhat to do: npx grafo build');
  });
  t.false(report.ok);
  t.is(report.backend, null);
  t.regex(doctorText(report), /engine {8}not available[\s\S]*npx grafo build/);
});
