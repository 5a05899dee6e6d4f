// Loads and runs mutated plans; prints how far they came. Not a test: test/fuzz/plan.test.ts starts it.
import { type NativeFeed, native } from '../../../lib/runtime/native.js';
import { dense, doubling, mixed, ends as reductions, training } from '../plans.js';

const [rounds, first] = process.argv.slice(2).map(Number) as [number, number];
let state = first >>> 0;
const below = (n: number): number => {
  state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
  return Math.floor((state / 2 ** 32) * n);
};

const CODES = /^(INTERNAL|RESOURCE_EXHAUSTED|INVALID_ARGUMENT|UNIMPLEMENTED|FAILED_PRECONDITION)$/;
const stages = [dense(4), doubling(), mixed(), reductions(), training()];
if (!stages.some((stage) => stage.explain().includes('FusedBatch'))) throw new Error('no plan has a batch');
const ends = [0, -1, 1, 0x7fffffff, -0x80000000, 64, 255];
const counts = { rounds, loaded: 0, ran: 0 };
const attempt = (body: () => void): boolean => {
  try {
    body();
    return true;
  } catch (error) {
    const { code, message } = error as { code?: string; message: string };
    if (!CODES.test(code ?? '')) throw new Error(`${code}: ${message}`);
    return false;
  }
};

for (let round = 0; round < rounds; round++) {
  const { plan, feeds } = stages[round % stages.length]!;
  const words = plan.words.slice();
  for (let change = below(4) === 0 ? 3 : 1; change > 0; change--) {
    const at = below(words.length);
    const kind = below(4);
    words[at] =
      kind === 0
        ? words[at]! ^ (1 << below(32))
        : kind === 1
          ? words[below(words.length)]!
          : kind === 2
            ? ends[below(ends.length)]!
            : below(16) - 1;
  }
  const session = new (native().NativeSession)({ memoryBytes: 1 << 24 });
  let id = -1;
  if (attempt(() => (id = session.loadPlan(words, plan.constants, plan.strings, plan.stateKeys)))) {
    counts.loaded++;
    // The feeds of the plan as it was: of the wrong number, type or size for some mutations.
    const given = feeds.map(({ dtype, shape }): NativeFeed => {
      const size = shape.reduce((a, b) => a * b, 1);
      if (dtype.array !== undefined) return new dtype.array(size) as NativeFeed;
      return { data: new Uint8Array(size), offsets: Int32Array.from({ length: size + 1 }, (_, i) => i) };
    });
    if (attempt(() => session.runSync(id, given))) counts.ran++;
    attempt(() => session.run(id, given, () => {}));
    attempt(() =>
      session.runLoopSync(
        id,
        2,
        given,
        given.map(() => false),
      ),
    );
  }
  session.close();
}
console.log(JSON.stringify(counts));
