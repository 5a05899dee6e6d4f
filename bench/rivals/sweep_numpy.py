"""numpy in the sweep of shapes: each operation of bench/sweep/builders.ts in its best form. What numpy has no function for is left to torch."""
from sweep_worker import *

UNARY = {
    'abs': np.abs, 'neg': np.negative, 'sign': np.sign, 'floor': np.floor, 'ceil': np.ceil, 'round': np.rint, 'sqrt': np.sqrt,
    'square': np.square, 'reciprocal': np.reciprocal, 'exp': np.exp, 'expm1': np.expm1, 'log': np.log, 'log1p': np.log1p, 'sin': np.sin,
    'cos': np.cos, 'tan': np.tan, 'tanh': np.tanh, 'sinh': np.sinh, 'cosh': np.cosh, 'asin': np.arcsin, 'acos': np.arccos,
    'atan': np.arctan, 'asinh': np.arcsinh, 'atanh': np.arctanh, 'logicalNot': np.logical_not, 'isNan': np.isnan, 'isFinite': np.isfinite,
}
BINARY = {
    'add': np.add, 'sub': np.subtract, 'mul': np.multiply, 'truediv': np.true_divide, 'maximum': np.maximum, 'minimum': np.minimum,
    'pow': np.power, 'floormod': np.mod, 'truncatemod': np.fmod, 'floordiv': np.floor_divide, 'less': np.less, 'greater': np.greater,
    'equal': np.equal, 'notEqual': np.not_equal, 'lessEqual': np.less_equal, 'greaterEqual': np.greater_equal,
    'logicalAnd': np.logical_and, 'logicalOr': np.logical_or, 'logicalXor': np.logical_xor, 'atan2': np.arctan2,
}
REDUCTIONS = {
    'reduceSum': np.sum, 'reduceMean': np.mean, 'reduceMax': np.max, 'reduceMin': np.min, 'reduceProd': np.prod, 'reduceAny': np.any,
    'reduceAll': np.all,
}
MORE = Operations()
operation = MORE.of


def copying(view):
    """What only moves elements is a copy of a view."""
    out = np.empty(view.shape, view.dtype)

    def copy():
        np.copyto(out, view)
        return out
    return copy


def copying_all(views):
    outs = [np.empty(view.shape, view.dtype) for view in views]

    def copy():
        for out, view in zip(outs, views):
            np.copyto(out, view)
        return outs
    return copy


def reduction(function, x, args):
    axis = args['axis'][0] if len(args['axis']) == 1 else tuple(args['axis'])
    options = {'axis': axis}
    if args.get('keepDims'):
        options['keepdims'] = True
    # numpy widens sums of small integers; TensorFlow does not.
    if function in (np.sum, np.prod) and x.dtype.kind in 'iu':
        options['dtype'] = x.dtype
    return reused(function, x, **options)


@operation('squaredDifference')
def squared_difference(x, args):
    out = np.subtract(*x)

    def call():
        np.subtract(*x, out=out)
        return np.multiply(out, out, out=out)
    return call


@operation('rsqrt')
def rsqrt(x, args):
    out = np.sqrt(x[0])

    def call():
        np.sqrt(x[0], out=out)
        return np.reciprocal(out, out=out)
    return call


@operation('sigmoid')
def sigmoid(x, args):
    out, one = np.empty_like(x[0]), x[0].dtype.type(1)

    def call():
        np.negative(x[0], out=out)
        np.exp(out, out=out)
        np.add(out, one, out=out)
        return np.reciprocal(out, out=out)
    return call


@operation('relu')
def relu(x, args):
    return reused(np.maximum, x[0], x[0].dtype.type(0))


@operation('argmax')
def argmax(x, args):
    return reused(np.argmax, x[0], axis=args['axis'])


@operation('argmin')
def argmin(x, args):
    return reused(np.argmin, x[0], axis=args['axis'])


@operation('moments')
def moments(x, args):
    axis = tuple(args['axis'])
    shape = [size for i, size in enumerate(x[0].shape) if i not in axis]

    def call():
        mean = np.mean(x[0], axis=axis, keepdims=True)
        return mean.reshape(shape), np.var(x[0], axis=axis, mean=mean)
    return call


@operation('cumsum')
def cumsum(x, args):
    return reused(np.cumsum, x[0], axis=args['axis'], dtype=x[0].dtype)


@operation('cumprod')
def cumprod(x, args):
    return reused(np.cumprod, x[0], axis=args['axis'], dtype=x[0].dtype)


@operation('broadcastTo')
def broadcast_to(x, args):
    return copying(np.broadcast_to(x[0], args['shape']))


@operation('transpose')
def transpose(x, args):
    return copying(x[0].transpose(args['perm']))


@operation('concat')
def concat(x, args):
    return reused(np.concatenate, x, args['axis'])


@operation('stack')
def stack(x, args):
    return reused(np.stack, x, args['axis'])


@operation('split')
def split(x, args):
    return copying_all(np.split(x[0], args['parts'], args['axis']))


@operation('unstack')
def unstack(x, args):
    return copying_all(list(np.moveaxis(x[0], args['axis'], 0)))


def part_of(args):
    return tuple(slice(begin, begin + size) for begin, size in zip(args['begin'], args['size']))


def strided_part_of(args):
    """Slices with their strides; the masks say of which axes the ends are not given."""
    def end(mask, i, value):
        return None if args.get(mask, 0) >> i & 1 else value
    return tuple(slice(end('beginMask', i, b), end('endMask', i, e), s)
                 for i, (b, e, s) in enumerate(zip(args['begin'], args['end'], args['strides'])))


@operation('slice')
def slice_(x, args):
    return copying(x[0][part_of(args)])


@operation('stridedSlice')
def strided_slice(x, args):
    return copying(x[0][strided_part_of(args)])


@operation('reverse')
def reverse(x, args):
    return copying(np.flip(x[0], args['axis']))


@operation('gather')
def gather(x, args):
    return reused(np.take, x[0], x[1], axis=args['axis'], mode='clip')


@operation('pad')
def pad(x, args):
    modes = {'REFLECT': 'reflect', 'SYMMETRIC': 'symmetric'}
    if args.get('mode') in modes:
        return partial(np.pad, x[0], args['paddings'], mode=modes[args['mode']])
    out = np.empty([size + before + after for size, (before, after) in zip(x[0].shape, args['paddings'])], x[0].dtype)
    middle = out[tuple(slice(before, before + size) for size, (before, _) in zip(x[0].shape, args['paddings']))]

    def call():
        out.fill(0)
        np.copyto(middle, x[0])
        return out
    return call


@operation('tile')
def tile(x, args):
    out = np.tile(x[0], args['multiples'])
    view = x[0].reshape([n for size in x[0].shape for n in (1, size)])
    parts = out.reshape([n for size, times in zip(x[0].shape, args['multiples']) for n in (times, size)])

    def call():
        np.copyto(parts, view)
        return out
    return call


@operation('oneHot')
def one_hot(x, args):
    first = args.get('axis') == 0
    out = np.empty([args['depth'], x[0].size] if first else [x[0].size, args['depth']], f32)
    count = np.arange(x[0].size)

    def call():
        out.fill(0)
        out[(x[0], count) if first else (count, x[0])] = 1
        return out
    return call


@operation('where', 'whereV2')
def where(x, args):
    return partial(np.where, *x)


@operation('whereIndices')
def where_indices(x, args):
    return partial(np.argwhere, x[0])


@operation('booleanMask')
def boolean_mask(x, args):
    return lambda: x[0][x[1]]


@operation('unique')
def unique(x, args):
    return partial(np.unique, x[0])


@operation('cast')
def cast(x, args):
    out = np.empty(x[0].shape, args['to'])

    def call():
        np.copyto(out, x[0], casting='unsafe')
        return out
    return call


@operation('unsortedSegmentSum')
def unsorted_segment_sum(x, args):
    values, ids = x
    if values.ndim == 1 and values.dtype == f64:
        return partial(np.bincount, ids, values, args['segments'])
    out = np.zeros([args['segments'], *values.shape[1:]], values.dtype)

    def call():
        out.fill(0)
        np.add.at(out, ids, values)
        return out
    return call


@operation('scatterAdd', 'scatterSub', 'scatterMax', 'scatterUpdate')
def scatter(x, args, op):
    out = np.zeros(args['shape'], x[1].dtype)
    function = {'scatterAdd': np.add, 'scatterSub': np.subtract, 'scatterMax': np.maximum, 'scatterUpdate': None}[op]

    def call():
        if function is None:
            out[x[0]] = x[1]
        else:
            function.at(out, *x)
        return out
    return call


def factors(x, args):
    left = x[0].swapaxes(-1, -2) if args.get('transposeA') else x[0]
    return left, x[1].swapaxes(-1, -2) if args.get('transposeB') else x[1]


@operation('matmul')
def matmul(x, args):
    return reused(np.matmul, *factors(x, args))


@operation('dense')
def dense(x, args):
    out, activation = np.matmul(x[0], x[1]), args.get('activation')

    def call():
        np.matmul(x[0], x[1], out=out)
        np.add(out, x[2], out=out)
        if activation == 'relu':
            np.maximum(out, f32(0), out=out)
        if activation == 'tanh':
            np.tanh(out, out=out)
        return out
    return call


@operation('logisticStep')
def logistic_step(x, args):
    features, labels_, w, b = x
    scale = features.dtype.type(1 / len(features))

    def call():
        z = features @ w
        z += b
        z -= z.max(1, keepdims=True)
        np.exp(z, out=z)
        z /= z.sum(1, keepdims=True)
        z -= labels_
        z *= scale
        return features.T @ z, z.sum(0)
    return call


@operation('linearStep')
def linear_step(x, args):
    features, y, w, b = x
    scale = features.dtype.type(2 / y.size)

    def call():
        z = features @ w
        z += b
        z -= y
        z *= scale
        return features.T @ z, z.sum(0)
    return call


@operation('l2Loss')
def l2_loss(x, args):
    half = x[0].dtype.type(0.5)
    return lambda: np.vdot(x[0], x[0]) * half


@operation('dot')
def dot(x, args):
    return lambda: np.dot(*x)


@operation('clip')
def clip(x, args):
    one = x[0].dtype.type(1)
    return reused(np.clip, x[0], -one, one)


@operation('applyGradientDescent')
def apply_gradient_descent(x, args):
    variable, spare, rate = np.zeros_like(x[0]), np.empty_like(x[0]), x[0].dtype.type(2**-7)

    def call():
        np.multiply(x[0], rate, out=spare)
        return np.subtract(variable, spare, out=variable)
    return call


@operation('randomUniform', 'randomNormal')
def random(x, args, op):
    generator, out = np.random.default_rng(), np.empty(args['shape'], args['dtype'])
    function = generator.random if op == 'randomUniform' else generator.standard_normal
    return lambda: function(dtype=out.dtype, out=out)


def build(op, x, args):
    if op == 'gradient' and args['of'] == 'matmul':
        return lambda: (x[2] @ x[1].T, x[0].T @ x[2])
    if 'scalar' in args:
        if op not in BINARY:
            raise NoSuchOperation
        scalar = x[0].dtype.type(args['scalar'])
        return reused(BINARY[op], scalar, x[0]) if args.get('left') else reused(BINARY[op], x[0], scalar)
    if op in REDUCTIONS:
        return reduction(REDUCTIONS[op], x[0], args)
    if op in UNARY or op in BINARY:
        return reused(UNARY.get(op) or BINARY[op], *x)
    return MORE.call(op, x, args)


def arrays_of(results):
    return [np.asarray(one) for one in (results if isinstance(results, (list, tuple)) else [results])]


serve_sweep(f'numpy {np.__version__}', build, arrays_of)
