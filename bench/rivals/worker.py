"""The process of a Python rival: the protocol of bench/lib/serve.ts, the inputs of bench/lib/inputs.ts, the networks of bench/lib/layers.ts."""
import gc
import json
import math
import sys
import time

import numpy as np

MARK = '@bench '
# As bench/lib/serve.ts has it.
WARM_NS, WARM_CALLS, WARM_MOST_NS = 100e6, 2000, 400e6
TRIAL, THREADS, NAME = sys.argv[1], int(sys.argv[2]), sys.argv[3]
f32, f64 = np.float32, np.float64


def uniform(set_, k, shape, dtype=f32):
    """Input number k of set 0 or 1: multiples of 2^-22 in [-2, 2)."""
    n = math.prod(shape)
    seed = np.uint32((10 * set_ + k + 1) * 0x9E3779B9 & 0xFFFFFFFF)
    h = np.arange(n, dtype=np.uint32)
    with np.errstate(over='ignore'):
        h += seed
        h ^= h >> np.uint32(16)
        h *= np.uint32(0x85EBCA6B)
        h ^= h >> np.uint32(13)
        h *= np.uint32(0xC2B2AE35)
        h ^= h >> np.uint32(16)
        h >>= np.uint32(8)
    # Exact in float32 too: 24 bits, and factors of two.
    x = h.astype(dtype)
    x -= dtype(2**23)
    x *= dtype(2**-22)
    return x.reshape(shape)


def positive(set_, k, shape, dtype=f32):
    return np.abs(uniform(set_, k, shape, dtype)) + dtype(0.1)


def labels(set_, k, shape):
    return (uniform(set_, k, shape) > 0).astype(f32)


def classes(set_, k, n, count):
    return np.floor((uniform(set_, k, [n]).astype(f64) + 2) / 4 * count).astype(np.int32)


def weights(k, shape, scale):
    return uniform(0, k, shape) * f32(scale)


BATCHES, CHECKED_STEPS = 8, 10
MLP_SIZES, MLP_BATCH = [784, 512, 256, 10], 128
TINY_SIZES, TINY_BATCH = [2, 8, 8, 1], 10
POINTS, EPOCHS, RATE = 1000, 100, 1e-3


def pairs(sizes):
    return list(zip(sizes, sizes[1:]))


def mlp_weights():
    return [weights(2 + i, p, math.sqrt(2 / p[0]) * 0.866) for i, p in enumerate(pairs(MLP_SIZES))]


def tiny_weights():
    return [weights(2 + i, p, 0.5) for i, p in enumerate(pairs(TINY_SIZES))]


def mlp_batches():
    return [(uniform(b, 0, [MLP_BATCH, 784]), classes(b, 1, MLP_BATCH, 10)) for b in range(BATCHES)]


def tiny_batches():
    return [(uniform(b, 0, [TINY_BATCH, 2]), 2 * labels(b, 1, [TINY_BATCH, 1]) - 1) for b in range(BATCHES)]


def logreg_points(set_):
    return uniform(set_, 0, [POINTS, 2]), labels(set_, 1, [POINTS, 1])


SIZES = {'1e3': 1000, '1e5': 100_000, '1e7': 10_000_000}
ELEMENTWISE = {'add': 'xw', 'affine': 'xwb', 'exp': 'x', 'sigmoid': 'x', 'log': 'p', 'tanh': 'x', 'pow': 'p'}


def op_rows():
    """The rows of one operation: name, kind, inputs of a set, and what else the kind needs to know."""
    if TRIAL == 'elementwise':
        for op, inputs in ELEMENTWISE.items():
            for prefix, dtype in (('', f32), ('f64.', f64)):
                for label in ('1e5', '1e7'):
                    def make(s, inputs=inputs, n=SIZES[label], dtype=dtype):
                        return [(positive if i == 'p' else uniform)(s, 'xwb'.find(i) if i != 'p' else 0, [n], dtype) for i in inputs]
                    yield f'elem.{prefix}{op}.{label}', op, make, None
    if TRIAL == 'chain':
        for label, n in SIZES.items():
            yield f'elem.sce8.{label}', 'sce8', lambda s, n=n: [uniform(s, 0, [n]), labels(s, 1, [n])], None
    if TRIAL == 'gemm':
        square = [(n, n, n) for n in (64, 128, 256, 512, 1024, 2048)]
        other = [(128, 784, 512), (128, 512, 256), (128, 256, 10), (1, 1024, 1024), (4096, 2, 1)]
        for ty, dtype in (('f32', f32), ('f64', f64)):
            for m, k, n in square + other:
                size = str(m) if m == k == n else f'{m}x{k}x{n}'
                make = lambda s, m=m, k=k, n=n, dtype=dtype: [uniform(s, 0, [m, k], dtype), uniform(s, 1, [k, n], dtype)]
                yield f'gemm.{ty}.{size}', 'matmul', make, (False, False)
            for kind in ('nt', 'tn', 'tt'):
                make = lambda s, dtype=dtype: [uniform(s, 0, [512, 512], dtype), uniform(s, 1, [512, 512], dtype)]
                yield f'gemm.{ty}.512.{kind}', 'matmul', make, (kind[0] == 't', kind[1] == 't')
    if TRIAL == 'layout':
        for name, shape in (('row', [1000]), ('col', [1000, 1])):
            yield f'bcast.{name}.1000x1000', 'add', lambda s, shape=shape: [uniform(s, 0, [1000, 1000]), uniform(s, 1, shape)], None
        for name, shape in (('1024', [1024, 1024]), ('4096x1024', [4096, 1024])):
            yield f'transpose.{name}', 'transpose', lambda s, shape=shape: [uniform(s, 0, shape)], None
    if TRIAL == 'reductions':
        matrix, vector = [4096, 1024], [10_000_000]
        for prefix, dtype in (('red', f32), ('red.f64', f64)):
            for name, shape, axis in (('1e7', vector, None), ('axis0', matrix, 0), ('axis1', matrix, 1)):
                yield f'{prefix}.sum.{name}', 'sum', lambda s, shape=shape, dtype=dtype: [positive(s, 0, shape, dtype)], axis
        for name, shape, axis in (('1e7', vector, None), ('axis0', matrix, 0), ('axis1', matrix, 1)):
            yield f'red.max.{name}', 'max', lambda s, shape=shape: [uniform(s, 0, shape)], axis
            if axis is not None:
                yield f'red.argmax.{name}', 'argmax', lambda s, shape=shape: [uniform(s, 0, shape)], axis
        for shape in ([1024, 1000], matrix):
            yield f'softmax.{shape[0]}x{shape[1]}', 'softmax', lambda s, shape=shape: [uniform(s, 0, shape)], 1


class Case:
    """One row: call(i), and check(set) that gives the results as arrays; reset() before each round."""

    def __init__(self, call, check, reset=None):
        self.call, self.check, self.reset = call, check, reset


def checksum(arrays):
    total, scale = 0.0, 0.0
    for array in arrays:
        term = np.asarray(array).ravel() * np.resize(np.arange(1, 14, dtype=f64), np.size(array))
        total += float(term.sum())
        scale += float(np.abs(term, out=term).sum())
    return {'sum': total, 'scale': scale} if math.isfinite(total) else {'sum': None, 'scale': None}


def say(**message):
    sys.stdout.write(f'{MARK}{json.dumps(message)}\n')
    sys.stdout.flush()


class Runner:
    def __init__(self, case, every_call, round_ns):
        self.case, self.step, self.round_ns = case, 1 if every_call else 0, round_ns
        self.next, self.calls = 0, 1

    def time(self, calls):
        call, i, step = self.case.call, self.next, self.step
        started = time.perf_counter_ns()
        for _ in range(calls):
            call(i)
            i += step
        elapsed = time.perf_counter_ns() - started
        self.next = i
        return elapsed

    def warm(self):
        if self.case.reset:
            self.case.reset()
        spent, called, fastest = 0, 0, math.inf
        while spent < WARM_NS or (called < WARM_CALLS and spent < WARM_MOST_NS):
            elapsed = self.time(self.calls)
            spent += elapsed
            called += self.calls
            fastest = min(fastest, elapsed / self.calls)
            self.calls = min(100 * self.calls, max(1, math.ceil(self.round_ns / max(fastest, 1))))
        return self.calls

    def round(self):
        if self.case.reset:
            self.case.reset()
        if self.step == 0:
            self.next += 1
        self.time(max(1, math.ceil(self.calls / 20)))
        return self.time(self.calls) / self.calls


def answer_lines(hello, handle):
    """Says hello, then answers each line with what `handle` makes of its first word and the rest, or with the error, until told to quit."""
    say(**hello)
    for line in sys.stdin:
        command, _, rest = line.strip().partition(' ')
        if command == 'quit':
            break
        try:
            say(**handle(command, rest))
        except Exception as error:  # what a rival cannot do is its row's error
            say(error=f'{type(error).__name__}: {error}'[:600])


def serve(version, rows):
    """Serves {name: factory of a Case} until told to quit."""
    runner = None

    def handle(command, rest):
        nonlocal runner
        if command == 'make':
            row, inputs, round_ms = rest.split()
            case = rows[row]()
            runner = Runner(case, inputs == 'everyCall', float(round_ms) * 1e6)
            first = [np.asarray(a) for a in case.check(0)]
            dtype, checks = str(first[0].dtype), [checksum(first)]
            checks.append(checksum(case.check(1)))
            return {'dtype': dtype, 'checks': checks, 'calls': runner.warm()}
        if command == 'round':
            return {'ns': runner.round()}
        runner = None
        gc.collect()
        return {}

    answer_lines({'version': version, 'rows': list(rows)}, handle)
