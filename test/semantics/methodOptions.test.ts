// Operators as methods: x.matmul(y, { transposeB: true }) is tf.matmul with the same options.
import test from 'ava';
import * as tf from '../../lib/index.js';

const a = [
  [1, 2],
  [3, 4],
];

test('methods take the options of their operation', (t) => {
  const text = (make: (x: tf.Tensor, y: tf.Tensor) => tf.Tensor): string =>
    new tf.Graph().asDefault(() => {
      const made = make(
        tf.constant(a),
        tf.constant([
          [1, 0],
          [5, 1],
        ]),
      );
      using own = new tf.Session();
      return `${made.name} ${own.runSync(made).toArray()}`;
    });
  t.is(
    text((x, y) => x.matmul(y, { transposeB: true })),
    'matmul:0 1,7,3,19',
  );
  t.is(
    text((x, y) => y.rmatmul(x, { transposeA: true, name: 'product' })),
    'product:0 16,3,22,4',
  );
  t.is(
    text((x, y) => x.add(y, { name: 'sum' })),
    'sum:0 2,2,8,5',
  );
  t.is(
    text((x) => x.rsub(1, { name: 'rest' })),
    'rest:0 0,-1,-2,-3',
  );
  t.is(
    text((x) => x.less(2, { name: 'small' })),
    'small:0 true,false,false,false',
  );
});

const METHODS =
  'add sub mul div truediv floordiv mod pow matmul and or xor less lessEqual greater greaterEqual equal notEqual'.split(
    ' ',
  );
for (const name of [...METHODS, ...METHODS.slice(0, 12).map((method) => `r${method}`), 'neg', 'abs', 'invert']) {
  test(`x.${name}: options that are not its own are refused`, (t) => {
    new tf.Graph().asDefault(() => {
      const x = /and|or$|invert/.test(name) ? tf.constant([[true]]) : tf.constant([[1]]);
      const method = (x as unknown as Record<string, (...args: unknown[]) => unknown>)[name]!;
      const before = /neg|abs|invert/.test(name) ? [] : [x];
      t.notThrows(() => method.call(x, ...before, { name: 'own' }));
      for (const [wrong, message] of [
        [{ nmae: 'y' }, /got an unexpected keyword argument 'nmae'\. Did you mean 'name'\?/],
        [3, /takes its options in an object, not 3/],
      ] as const)
        t.throws(() => method.call(x, ...before, wrong), { instanceOf: tf.errors.GraphTypeError, message });
    });
  });
}
