// The text of arrays is numpy's: the expected strings were printed by numpy.
import test from 'ava';
import { type ArrayLike, ndarray } from '../../lib/core/ndarray.js';

const CASES: readonly (readonly [ArrayLike, float32: string, float64?: string])[] = [
  [1.3360998e-5, '1.3360998e-05'],
  [2.9e-7, '2.9e-07'],
  [1e-4, '1e-04', '0.0001'],
  [1.2e-4, '0.00012'],
  [1e16, '1e+16'],
  [0, '0.0'],
  [-0, '-0.0'],
  [Number.NaN, 'nan'],
  [Number.NEGATIVE_INFINITY, '-inf'],
  [-1.5e-10, '-1.5e-10'],
  [[0.001389049, 0.99860185, 9.0613084e-6], '[1.3890490e-03 9.9860185e-01 9.0613084e-06]'],
  [[1, 2, 3], '[1. 2. 3.]'],
  [[1e8, 1], '[1.e+08 1.e+00]'],
  [[1, 1001], '[1.000e+00 1.001e+03]'],
  [[1, 1000], '[   1. 1000.]'],
  [[0.5, -2.25], '[ 0.5  -2.25]'],
  [[1e-5, 0], '[1.e-05 0.e+00]'],
  [[Number.NaN, 1, Number.POSITIVE_INFINITY], '[nan  1. inf]'],
  [[-0, 1], '[-0.  1.]'],
  [[123456.789, 200], '[123456.79    200.  ]', '[123456.789    200.   ]'],
  [[1e10], '[1.e+10]'],
  [
    [
      [1.5, 2],
      [3, 4e-5],
    ],
    '[[1.5e+00 2.0e+00]\n [3.0e+00 4.0e-05]]',
  ],
  [[], '[]'],
];

for (const [value, single, double = single] of CASES) {
  test(`${single.replaceAll('\n', ' ')} is what numpy prints`, (t) => {
    t.is(String(ndarray(value, undefined, 'float32')), single);
    t.is(String(ndarray(value, undefined, 'float64')), double);
  });
}
