// The HTTP example: it answers while it learns, and what it answers gets better.
import test from 'ava';
import { startServer } from '../../examples/server.js';

interface Prediction {
  readonly probability: number;
  readonly label: number;
  readonly step: number;
}
const get = async <T>(url: string): Promise<T> => (await fetch(url)).json() as Promise<T>;

test('the server answers predictions between the steps of its training', async (t) => {
  const server = await startServer({ steps: 1_000_000, perClass: 2000 });
  t.teardown(() => server.close());
  t.regex(server.url, /^http:\/\/127\.0\.0\.1:\d+$/);
  const predict = (x1: number, x2: number) => get<Prediction>(`${server.url}/predict?x1=${x1}&x2=${x2}`);

  const first = await predict(4, 4);
  let last = first;
  for (let i = 0; i < 50; i++) {
    const next = await predict(4, 4);
    t.true(next.step >= last.step);
    t.true(next.probability > 0 && next.probability < 1);
    last = next;
  }
  t.true(last.step > first.step, 'training went on between the answers');
  while (server.step < 200) await new Promise((resolve) => setTimeout(resolve, 10));

  t.like(await predict(6, 6), { label: 1 });
  t.like(await predict(-6, -6), { label: 0 });
  const status = await get<{ cost: number; training: boolean }>(`${server.url}/status`);
  t.true(status.training);
  t.true(status.cost < 0.5, `cost ${status.cost}`);
  // Many at once, too.
  const many = await Promise.all(Array.from({ length: 40 }, (_, i) => predict(i - 20, i - 20)));
  t.deepEqual([many[0]!.label, many[39]!.label], [0, 1]);

  await server.close();
  await server.trained;
  await t.throwsAsync(fetch(server.url));
});

test('what is asked wrongly is answered with what was wrong', async (t) => {
  const server = await startServer({ steps: 5, perClass: 50 });
  t.teardown(() => server.close());
  for (const query of ['', '?x1=1', '?x1=1&x2=', '?x1=1&x2=two', '?x1=1e999&x2=0', '?x1=NaN&x2=0']) {
    const response = await fetch(`${server.url}/predict${query}`);
    t.is(response.status, 400, query);
    t.deepEqual(await response.json(), { error: 'x1 and x2 must be numbers' });
  }
  t.is((await fetch(`${server.url}/other`)).status, 404);
  t.is((await fetch(`${server.url}/predict?x1=1&x2=1`, { method: 'POST', body: 'x' })).status, 405);
  await server.trained;
  t.is(server.step, 5);
  t.is((await fetch(`${server.url}/predict?x1=1&x2=1`)).status, 200);
});
