"""The cases of tools/goldens.py: per op the dtypes that TensorFlow 1.15's CPU kernels take and a generator of inputs and attributes.

No denormals (TensorFlow flushes them to zero, grafo does not), no float that does not fit the integer it is cast to, no INT_MIN / -1
(TensorFlow dies of SIGFPE).
"""
import itertools

import numpy as np
import tensorflow as tf

F = ['float32', 'float64']
I32 = ['int32', 'int64']
REAL = F + ['int8', 'int16', 'int32', 'int64', 'uint8', 'uint16']
ALL = REAL + ['uint32', 'uint64', 'bool']
ANY = ALL + ['string']
TYPE = lambda name: tf.as_dtype(name)


class Spec:
    def __init__(self, dtypes, cases):
        self.dtypes, self.generator = dtypes, cases

    def cases(self, rng, dtype):
        return self.generator(rng, dtype)


SPECS = {}


def op(names, dtypes, **fixed):
    """Registers a generator (rng, dtype, name) of cases for some op types."""
    def register(generator):
        for name in names.split():
            SPECS[name] = Spec(dtypes, lambda rng, dtype, name=name: generator(rng, dtype, name, **fixed))
        return generator
    return register


# Values ------------------------------------------------------------------------------------------------------------

SHAPES = [(), (1,), (0,), (3,), (17,), (2, 3), (3, 0), (0, 4), (1, 1), (2, 1, 3), (7, 2), (2, 0, 3), (2, 2, 2), (1, 3, 1, 2), (2, 1, 2, 1, 2),
          (1, 2, 1, 2, 1, 2), (8,), (33,), (4, 5), (1, 0)]
PAIRS = [((), ()), ((3,), ()), ((), (4,)), ((1,), (5,)), ((2, 3), (3,)), ((3,), (2, 3)), ((2, 1), (1, 3)), ((2, 3), (2, 3)), ((0,), ()), ((0,), (1,)),
         ((2, 0), (1, 1)), ((4, 1, 3), (2, 1)), ((1, 1, 2), (3, 1, 1)), ((2, 1, 2, 1), (1, 3, 1, 2)), ((17,), (17,)), ((33,), ()), ((2, 2, 2), (2,)),
         ((2, 1, 2, 1, 2), (2, 1, 2, 1)), ((1, 2, 1, 2, 1, 2), (1,)), ((3, 0, 2), (2,)), ((7,), (1, 1))]


def specials(dtype):
    if dtype in F:
        info = np.finfo(dtype)
        return np.array([0, -0.0, 1, -1, 0.5, -0.5, 1.5, 2.5, -2.5, 3, -3, 7, np.inf, -np.inf, np.nan, info.max, -info.max, info.tiny, -info.tiny, 1e-3, 88.5, -87,
                         -104, 20, -20, 1e5, np.pi, 0.9999999, 6], dtype)
    if dtype == 'bool':
        return np.array([True, False])
    info = np.iinfo(dtype)
    values = [0, 1, 2, 3, 5, 7, 100, info.max, info.max - 1, info.min, info.min + 1]
    return np.array(values + ([-1, -2, -3, -7] if info.min < 0 else []), dtype)


def tame(x):
    """1 where a float is near an end of its range: between two steps such values overflow, or are flushed."""
    bad = np.isfinite(x) & (x != 0) & ((np.abs(x) > 1e5) | (np.abs(x) < 1e-5))
    return np.where(bad, np.array(1, x.dtype), x).astype(x.dtype)


def draw(rng, dtype, shape, special=0.15, low=-4, high=4):
    """Random elements, some of them special."""
    size = int(np.prod(shape))
    if dtype == 'string':
        words = [b'', b'a', b'abc', b'\xff\x00x', 'é'.encode(), b'abc']
        out = np.empty(shape, object)
        out.ravel()[:] = [words[k] for k in rng.randint(len(words), size=size)] if size else []
        return out if shape != () else np.array(words[rng.randint(len(words))], object)
    if dtype in F:
        out = np.round(rng.uniform(low, high, size) * 1024) / 1024 * rng.choice([1, 1, 1, 0.01, 20], size)
    elif dtype == 'bool':
        out = rng.randint(0, 2, size)
    else:
        out = rng.randint(0 if dtype[0] == 'u' else -9, 10, size)
    out = np.asarray(out).astype(dtype)
    known = specials(dtype)
    pick = rng.uniform(size=size) < special
    out[pick] = known[rng.randint(len(known), size=int(pick.sum()))]
    return out.reshape(shape)


def plain(rng, dtype, shape, low=-4, high=4):
    return draw(rng, dtype, shape, 0, low, high)


def distinct(rng, dtype, shape):
    return plain(rng, dtype, shape, -9, 9)


def i32(x):
    return np.array(x, 'int32')


# Elementwise ----------------------------------------------------------------------------------------------------------

UNARY = {
    'Abs Neg Square Sign Round': None,
    'Sqrt Rsqrt Reciprocal Inv Exp Expm1 Log Log1p Sigmoid Tanh Sin Cos Tan Asin Acos Atan Rint Floor Ceil IsNan IsInf IsFinite Sinh Cosh Asinh Acosh Atanh Erf Erfc': F,
    'Softplus Softsign Elu Selu': F, 'Relu Relu6': REAL, 'LogicalNot': ['bool'],
}
KERNELS = {
    'Abs': F + ['int8', 'int16', 'int32', 'int64'], 'Neg': F + I32, 'Square': F + I32, 'Sign': F + I32, 'Round': F + I32,
    'Add': F + ['int8', 'int16', 'int32', 'int64', 'uint8', 'string'], 'AddV2': F + ['int8', 'int16', 'int32', 'int64', 'uint8'], 'Sub': REAL, 'Mul': REAL, 'RealDiv': F, 'Div': F + ['uint8', 'uint16', 'int16', 'int32', 'int64'],
    'TruncateDiv': ['uint8', 'uint16', 'int16', 'int32', 'int64'], 'FloorDiv': REAL, 'FloorMod Mod TruncateMod': F + I32, 'DivNoNan MulNoNan Xdivy Xlogy Atan2': F,
    'Pow': F + I32, 'Maximum Minimum': F + I32, 'SquaredDifference': F + I32,
    'Equal NotEqual': F + ['int8', 'int16', 'int32', 'int64', 'uint8', 'bool', 'string'], 'Less LessEqual Greater GreaterEqual': F + ['int8', 'int16', 'int32', 'int64', 'uint8'],
    'LogicalAnd LogicalOr': ['bool'], 'SigmoidGrad TanhGrad ReciprocalGrad InvGrad SqrtGrad RsqrtGrad SoftplusGrad SoftsignGrad EluGrad SeluGrad': F,
    'ReluGrad Relu6Grad': REAL,
}
SMOOTH = {'Sqrt': (0.1, 4), 'Rsqrt': (0.1, 4), 'Log': (0.1, 4), 'Log1p': (-0.9, 4), 'Asin': (-0.95, 0.95), 'Acos': (-0.95, 0.95), 'Acosh': (1.1, 4), 'Atanh': (-0.95, 0.95)}


def unary(rng, dtype, name):
    low, high = SMOOTH.get(name, (-4, 4))
    for shape in SHAPES:
        yield {'inputs': [draw(rng, dtype, shape, 0.3, low, high)]}
    known = specials(dtype)
    if name in ('Sin', 'Cos', 'Tan'):
        known = known[~(np.abs(known) > 1e5)]
    yield {'inputs': [known]}
    yield {'inputs': [draw(rng, dtype, (200,), 0, low, high)]}
    for shape in [(6,), (3, 4)]:
        yield {'inputs': [plain(rng, dtype, shape, low, high)]}
    yield {'inputs': [plain(rng, dtype, (2, 5), low, high)], 'grads': True}
    yield {'inputs': [np.unique(tame(known[np.isfinite(known)])) if dtype in F else known], 'grads': True}


for names, dtypes in UNARY.items():
    for one in names.split():
        op(one, dtypes or KERNELS[one])(unary)

NO_BROADCAST = 'SigmoidGrad TanhGrad ReciprocalGrad InvGrad SqrtGrad RsqrtGrad SoftplusGrad SoftsignGrad EluGrad SeluGrad ReluGrad Relu6Grad'.split()
# These compute in several steps; FloorDiv jumps where its quotient is flushed.
TAME = NO_BROADCAST + ['FloorDiv']
DIVIDES = 'Div TruncateDiv FloorDiv FloorMod Mod TruncateMod'.split()
NO_GRAD_AT_SPECIALS = ('Pow', 'Mod', 'SoftsignGrad', 'SeluGrad', 'InvGrad', 'ReciprocalGrad')


def fix_divisor(name, dtype, x, y):
    """No INT_MIN / -1; zero divisors stay for their own cases."""
    if name in DIVIDES and dtype not in F:
        y = np.where(y == 0, np.array(3, dtype), y)
        if dtype[0] == 'i':
            y = np.where(y == -1, np.array(-3, dtype), y).astype(dtype)
    if name == 'Pow' and dtype not in F:
        y = np.abs(np.clip(y, -5, 9))
    return x, np.asarray(y).astype(dtype) if dtype != 'string' else y


def binary(rng, dtype, name):
    pairs = [(s, s) for s in SHAPES] if name in NO_BROADCAST else PAIRS
    known = specials(dtype) if dtype != 'string' else draw(rng, dtype, (6,))
    for a, b in pairs:
        x, y = fix_divisor(name, dtype, draw(rng, dtype, a), draw(rng, dtype, b))
        yield {'inputs': [tame(x), tame(y)] if name in TAME and dtype in F else [x, y]}
    x, y = fix_divisor(name, dtype, np.repeat(known, len(known)), np.tile(known, len(known)))
    yield {'inputs': [tame(x), tame(y)] if name in TAME and dtype in F else [x, y]}
    if dtype not in F and name in DIVIDES:
        yield {'inputs': [np.array([4, 5], dtype), np.array([1, 0], dtype)]}
    if dtype not in F and name == 'Pow':
        yield {'inputs': [np.array([4, 5], dtype), np.array([1, -1], dtype)]}
    for a, b in (pairs[5:8] if name in NO_BROADCAST else [((2, 3), (3,)), ((2, 1), (1, 3)), ((4,), (4,)), ((), (3,)), ((0, 3), (1, 3))]):
        if dtype == 'string':
            continue
        low = 0.25 if name in ('Pow', 'Xlogy', 'Mod') else -4
        x, y = plain(rng, dtype, a, low), plain(rng, dtype, b, low)
        if dtype in F:
            y = np.where(np.abs(y) < 0.1, np.array(1.5, dtype), y).astype(dtype)
        x, y = fix_divisor(name, dtype, x, y)
        yield {'inputs': [x, y], 'grads': name not in ('Mod', 'TruncateMod')}
    if name in ('Maximum', 'Minimum', 'Pow', 'Xlogy', 'Xdivy', 'DivNoNan', 'MulNoNan', 'RealDiv', 'SquaredDifference', 'Mul') and dtype in F:
        some = np.array([0, -0.0, 1, -1, 2, -2, 0.5], dtype)
        yield {'inputs': [np.repeat(some, 7), np.tile(some, 7)], 'grads': True}


for names, dtypes in KERNELS.items():
    for one in names.split():
        if one not in SPECS:
            op(one, dtypes)(binary)


@op('Select', ANY)
def select(rng, dtype, name):
    for shape in SHAPES:
        yield {'inputs': [plain(rng, 'bool', shape), draw(rng, dtype, shape), draw(rng, dtype, shape)], 'grads': True}
    for shape in [(3,), (4, 2), (3, 0), (2, 2, 2)]:
        yield {'inputs': [plain(rng, 'bool', shape[:1]), draw(rng, dtype, shape), draw(rng, dtype, shape)], 'grads': True}
        yield {'inputs': [plain(rng, 'bool', ()), draw(rng, dtype, shape), draw(rng, dtype, shape)]}


@op('SelectV2', ANY)
def select_v2(rng, dtype, name):
    for k, (a, b) in enumerate(PAIRS):
        yield {'inputs': [plain(rng, 'bool', (a, b, ())[k % 3]), draw(rng, dtype, a), draw(rng, dtype, b)], 'grads': True}


@op('LeakyRelu LeakyReluGrad', F)
def leaky(rng, dtype, name):
    for k, shape in enumerate(SHAPES):
        yield {'inputs': [draw(rng, dtype, shape) for _ in range(2 if 'Grad' in name else 1)], 'attrs': {'alpha': (.2, .01, 0., 1.)[k % 4]}, 'grads': True}


@op('AddN', REAL)
def add_n(rng, dtype, name):
    for shape, n in itertools.product(SHAPES[:12], [1, 2, 3, 5, 9, 11]):
        if n < 6 or len(shape) < 2:
            yield {'inputs': [[draw(rng, dtype, shape, 0.05) for _ in range(n)]], 'grads': n == 3}


def fits(x, target):
    info = np.iinfo(target)
    return np.isfinite(x) & (x > float(info.min) - 0.5) & (x < float(info.max) * (1 - 1e-7))


@op('Cast', ALL)
def cast(rng, dtype, name):
    for target in ALL:
        for x in [specials(dtype), draw(rng, dtype, (9,), 0.1), draw(rng, dtype, (0, 2)), draw(rng, dtype, ())]:
            if dtype in F and target not in F + ['bool']:
                x = np.where(fits(x, target), x, np.array(2.75, dtype)).astype(dtype)
                if target[0] == 'u':
                    x = np.abs(x)
            yield {'inputs': [x], 'attrs': {'DstT': TYPE(target)}, 'grads': target in F and x.shape == (9,)}


# Reductions -----------------------------------------------------------------------------------------------------------

REDUCTIONS = [((), []), ((3,), [0]), ((3,), []), ((2, 3), [0]), ((2, 3), [1]), ((2, 3), [-1]), ((2, 3), [0, 1]), ((2, 3), []), ((0,), [0]), ((0, 3), [0]), ((3, 0), [1]),
              ((0, 3), [1]), ((2, 3, 4), [1]), ((2, 3, 4), [0, 2]), ((2, 3, 4), [-3, -1]), ((2, 0, 2), [0, 1, 2]), ((2, 3, 2, 2), [1, 3]), ((2, 2, 2, 2, 2), [0, 2, 4]),
              ((1, 3, 1), [0, 2]), ((33,), [0]), ((17, 3), [0]), ((3, 17), [1])]


def reduction(rng, dtype, name):
    bool_op = name in ('All', 'Any')
    for shape, axes in REDUCTIONS:
        for keep in (False, True):
            x = draw(rng, dtype, shape, 0.0 if name in ('Mean', 'Prod') and dtype not in F else 0.03, -2, 2)
            if name == 'Prod' and dtype in F:
                x = tame(x)
            if name == 'Mean' and dtype not in F:
                x = (x % 4).astype(dtype)
            kind = 'int64' if keep and len(axes) == 1 else 'int32'
            yield {'inputs': [x, np.array(axes, kind)], 'attrs': {'keep_dims': keep}, 'grads': not bool_op and dtype in F and np.isfinite(x).all() and 0 not in shape}
    ties = (plain(rng, dtype, (3, 4)) > 0).astype(dtype) if not bool_op else plain(rng, dtype, (3, 4))
    yield {'inputs': [ties, i32([1])], 'attrs': {'keep_dims': False}, 'grads': not bool_op}
    if not bool_op:
        yield {'inputs': [np.array([[0, 2, 3], [0, 0, 5]], dtype), i32([1])], 'attrs': {'keep_dims': False}, 'grads': True}
        yield {'inputs': [specials(dtype)[[0, 2, 4]] if dtype in F else specials(dtype)[:3], i32([0])], 'attrs': {'keep_dims': False}}
    yield {'inputs': [plain(rng, dtype, (2, 3)), i32([2])], 'attrs': {'keep_dims': False}}
    yield {'inputs': [plain(rng, dtype, (2, 3)), i32([-3])], 'attrs': {'keep_dims': False}}


op('Sum Mean Prod Max Min', REAL)(reduction)
op('All Any', ['bool'])(reduction)


@op('ArgMax ArgMin', REAL)
def arg_reduce(rng, dtype, name):
    for shape, axes in REDUCTIONS:
        for axis in axes[:1]:
            x = draw(rng, dtype, shape, 0.1)
            if dtype in F:
                x = np.where(np.isnan(x), np.array(1, dtype), x)
            for target in ('int64', 'int32'):
                yield {'inputs': [x, np.array(axis, 'int32' if target == 'int64' else 'int64')], 'attrs': {'output_type': TYPE(target)}}
    yield {'inputs': [np.array([[1, 3, 3, 2], [2, 2, 2, 2]], dtype), i32(1)], 'attrs': {'output_type': TYPE('int64')}}
    yield {'inputs': [np.ones((2, 3), dtype), i32(5)], 'attrs': {'output_type': TYPE('int64')}}
    if dtype in F:
        yield {'inputs': [np.array([[1, np.nan, 3], [np.nan, 2, 1], [-np.inf, np.inf, 0]], dtype), i32(1)], 'attrs': {'output_type': TYPE('int64')}}


@op('Cumsum Cumprod', REAL)
def cumulative(rng, dtype, name):
    for shape, axis in [((3,), 0), ((2, 3), 0), ((2, 3), 1), ((2, 3), -1), ((0,), 0), ((2, 0), 1), ((2, 3, 2), 1), ((1,), 0), ((17,), 0), ((2, 2, 2, 2), -4)]:
        for exclusive, reverse in itertools.product([False, True], [False, True]):
            x = draw(rng, dtype, shape, 0.02, 0.5, 2)
            yield {'inputs': [x, i32(axis)], 'attrs': {'exclusive': exclusive, 'reverse': reverse},
                   # 1.15 divides Cumprod's gradient by x (math_grad.py), 2.21 with div_no_nan.
                   'grads': dtype in F and np.isfinite(x).all() and (name == 'Cumsum' or (x != 0).all())}
    yield {'inputs': [draw(rng, dtype, (3, 2)), i32(2)], 'attrs': {'exclusive': False, 'reverse': False}}


# Linear algebra -------------------------------------------------------------------------------------------------------

@op('MatMul', F + I32)
def matmul(rng, dtype, name):
    for m, k, n in [(1, 1, 1), (2, 3, 4), (3, 2, 1), (1, 5, 2), (0, 2, 3), (2, 0, 3), (2, 3, 0), (7, 8, 3), (4, 17, 2), (3, 33, 3)]:
        for ta, tb in itertools.product([False, True], [False, True]):
            a, b = plain(rng, dtype, (k, m) if ta else (m, k)), plain(rng, dtype, (n, k) if tb else (k, n))
            yield {'inputs': [a, b], 'attrs': {'transpose_a': ta, 'transpose_b': tb}, 'grads': m * k * n > 0 and k < 8}
    yield {'inputs': [draw(rng, dtype, (3, 2), 0.3), draw(rng, dtype, (2, 3), 0.3)]} if dtype not in F else {'inputs': [
        np.array([[1, np.nan], [np.inf, 0], [0, 1]], dtype), np.array([[1, 2], [0, np.inf]], dtype)]}
    yield {'inputs': [plain(rng, dtype, (2, 3)), plain(rng, dtype, (2, 3))]}
    yield {'inputs': [plain(rng, dtype, (2,)), plain(rng, dtype, (2, 3))]}


@op('BatchMatMul BatchMatMulV2', F + I32)
def batch_matmul(rng, dtype, name):
    same = [((), ()), ((2,), (2,)), ((2, 3), (2, 3)), ((0,), (0,)), ((1, 2, 1), (1, 2, 1))]
    broad = [((2,), ()), ((), (3,)), ((2, 1), (1, 3)), ((1,), (4,)), ((0,), (1,)), ((3, 1, 2), (2,))]
    for batch in same + (broad if name == 'BatchMatMulV2' else []):
        for ta, tb in itertools.product([False, True], [False, True]):
            m, k, n = [(2, 3, 4), (1, 2, 3), (3, 0, 2), (2, 5, 1)][rng.randint(4)]
            a = plain(rng, dtype, batch[0] + ((k, m) if ta else (m, k)))
            b = plain(rng, dtype, batch[1] + ((n, k) if tb else (k, n)))
            yield {'inputs': [a, b], 'attrs': {'adj_x': ta, 'adj_y': tb}, 'grads': a.size * b.size > 0}
    yield {'inputs': [plain(rng, dtype, (2, 2, 3)), plain(rng, dtype, (2, 2, 3))]}


import goldens_more  # noqa: E402,F401  (arrays, nn, random, state and training)
