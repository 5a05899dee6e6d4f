"""torch in the sweep of shapes: the operations of bench/sweep/builders.ts; sweep_torch_training.py has gradients, losses and optimizers."""
import torch
import torch.nn.functional as F

from sweep_worker import *
import sweep_torch_training as training

torch.set_num_threads(THREADS)


def clamp_min(x, out=None):
    return torch.relu(x) if out is None else torch.clamp_min(x, 0, out=out)


def clamp_six(x, out=None):
    return torch.clamp(x, 0, 6) if out is None else torch.clamp(x, 0, 6, out=out)


UNARY = {
    'abs': torch.abs, 'neg': torch.neg, 'sign': torch.sign, 'floor': torch.floor, 'ceil': torch.ceil, 'round': torch.round,
    'sqrt': torch.sqrt, 'rsqrt': torch.rsqrt, 'square': torch.square, 'reciprocal': torch.reciprocal, 'exp': torch.exp,
    'expm1': torch.expm1, 'log': torch.log, 'log1p': torch.log1p, 'sin': torch.sin, 'cos': torch.cos, 'tan': torch.tan,
    'tanh': torch.tanh, 'sigmoid': torch.sigmoid, 'erf': torch.erf, 'erfc': torch.erfc, 'sinh': torch.sinh, 'cosh': torch.cosh,
    'asin': torch.asin, 'acos': torch.acos, 'atan': torch.atan, 'asinh': torch.asinh, 'atanh': torch.atanh,
    'logicalNot': torch.logical_not, 'isNan': torch.isnan, 'isFinite': torch.isfinite, 'relu': clamp_min, 'relu6': clamp_six,
    'elu': torch._C._nn.elu, 'selu': F.selu, 'softplus': torch._C._nn.softplus, 'softsign': F.softsign,
    'leakyRelu': partial(torch._C._nn.leaky_relu, negative_slope=float(f32(0.2))), 'logSigmoid': F.logsigmoid, 'gelu': F.gelu,
    'clip': partial(torch.clamp, min=-1, max=1),
}
BINARY = {
    'add': torch.add, 'sub': torch.sub, 'mul': torch.mul, 'truediv': torch.true_divide, 'maximum': torch.maximum,
    'minimum': torch.minimum, 'pow': torch.pow, 'floormod': torch.remainder, 'truncatemod': torch.fmod, 'floordiv': torch.floor_divide,
    'truncatediv': partial(torch.div, rounding_mode='trunc'), 'less': torch.lt, 'greater': torch.gt, 'equal': torch.eq,
    'notEqual': torch.ne, 'lessEqual': torch.le, 'greaterEqual': torch.ge, 'logicalAnd': torch.logical_and,
    'logicalOr': torch.logical_or, 'logicalXor': torch.logical_xor, 'atan2': torch.atan2, 'xlogy': torch.xlogy,
}
WITH_NUMBER = {**BINARY, 'maximum': torch.clamp_min, 'minimum': torch.clamp_max}
REDUCTIONS = {
    'reduceSum': torch.sum, 'reduceMean': torch.mean, 'reduceMax': torch.amax, 'reduceMin': torch.amin, 'reduceAny': torch.any,
    'reduceAll': torch.all, 'reduceProd': torch.prod, 'reduceLogsumexp': torch.logsumexp,
}
INTEGERS = (torch.uint8, torch.int8, torch.int16, torch.int32, torch.int64)
MORE = Operations()
operation = MORE.of


def copying(view):
    """What only moves elements is a copy of a view."""
    return partial(torch.empty(view.shape, dtype=view.dtype).copy_, view)


def reduction(op, x, args):
    function, axis = REDUCTIONS[op], tuple(args['axis'])
    options = {'keepdim': True} if args.get('keepDims') else {}
    # torch widens sums of integers; TensorFlow does not.
    if op in ('reduceSum', 'reduceProd') and x.dtype in INTEGERS:
        options['dtype'] = x.dtype
    if op in ('reduceSum', 'reduceMean', 'reduceProd') and len(axis) == x.ndim and not args.get('keepDims'):
        return partial(function, x, **options)
    if op == 'reduceProd':
        if len(axis) > 1:
            raise NoSuchOperation
        axis = axis[0]
    return reused(function, x, axis, **options)


@operation('squaredDifference')
def squared_difference(x, args):
    out = torch.sub(*x)
    return lambda: torch.sub(*x, out=out).mul_(out)


@operation('argmax')
def argmax(x, args):
    return reused(torch.argmax, x[0], args['axis'])


@operation('argmin')
def argmin(x, args):
    return reused(torch.argmin, x[0], args['axis'])


@operation('moments')
def moments(x, args):
    axis = tuple(args['axis'])
    return lambda: torch.var_mean(x[0], axis, correction=0)[::-1]


@operation('cumsum')
def cumsum(x, args):
    return reused(torch.cumsum, x[0], args['axis'], dtype=x[0].dtype)


@operation('cumprod')
def cumprod(x, args):
    return reused(torch.cumprod, x[0], args['axis'], dtype=x[0].dtype)


@operation('broadcastTo')
def broadcast_to(x, args):
    return copying(x[0].expand(args['shape']))


@operation('transpose')
def transpose(x, args):
    return copying(x[0].permute(args['perm']))


@operation('concat')
def concat(x, args):
    return reused(torch.cat, x, args['axis'])


@operation('stack')
def stack(x, args):
    return reused(torch.stack, x, args['axis'])


def copying_all(views):
    outs = [torch.empty(view.shape, dtype=view.dtype) for view in views]

    def call():
        torch._foreach_copy_(outs, views)
        return outs
    return call


@operation('split')
def split(x, args):
    return copying_all(torch.split(x[0], x[0].shape[args['axis']] // args['parts'], args['axis']))


@operation('unstack')
def unstack(x, args):
    return copying_all(torch.unbind(x[0], args['axis']))


@operation('slice')
def slice_(x, args):
    return copying(x[0][tuple(slice(begin, begin + size) for begin, size in zip(args['begin'], args['size']))])


@operation('stridedSlice')
def strided_slice(x, args):
    backwards = [i for i, stride in enumerate(args['strides']) if stride < 0]
    if not backwards:
        return copying(x[0][tuple(map(slice, args['begin'], args['end'], args['strides']))])
    return reused(torch.flip, x[0], backwards)


@operation('reverse')
def reverse(x, args):
    return reused(torch.flip, x[0], args['axis'])


@operation('gather')
def gather(x, args):
    return reused(torch.index_select, x[0], args['axis'], x[1])


@operation('pad')
def pad(x, args):
    paddings = args['paddings']
    flat = [n for pair in reversed(paddings) for n in pair]
    if 'mode' in args:
        if args['mode'] != 'REFLECT' or any(any(pair) for pair in paddings[:2]) or x[0].ndim < 3:
            raise NoSuchOperation
        return lambda: F.pad(x[0], flat[:2 * (x[0].ndim - 2)], mode='reflect')
    out = torch.empty([size + sum(pair) for size, pair in zip(x[0].shape, paddings)], dtype=x[0].dtype)
    middle = out[tuple(slice(before, before + size) for size, (before, _) in zip(x[0].shape, paddings))]

    def call():
        out.zero_()
        middle.copy_(x[0])
        return out
    return call


@operation('tile')
def tile(x, args):
    return partial(x[0].repeat, args['multiples'])


@operation('oneHot')
def one_hot(x, args):
    axis = args.get('axis', -1)
    indices = x[0].long().unsqueeze(axis)
    out = torch.empty([args['depth'], len(x[0])] if axis == 0 else [len(x[0]), args['depth']])
    return lambda: out.zero_().scatter_(axis, indices, 1.0)


@operation('where', 'whereV2')
def where(x, args):
    return reused(torch.where, *x)


@operation('whereIndices')
def where_indices(x, args):
    return partial(torch.nonzero, x[0])


@operation('booleanMask')
def boolean_mask(x, args):
    return reused(torch.masked_select, *x)


@operation('unique')
def unique(x, args):
    return partial(torch.unique, x[0], sorted=False)


@operation('cast')
def cast(x, args):
    return partial(torch.empty(x[0].shape, dtype=getattr(torch, args['to'])).copy_, x[0])


@operation('unsortedSegmentSum')
def unsorted_segment_sum(x, args):
    out = torch.zeros([args['segments'], *x[0].shape[1:]], dtype=x[0].dtype)
    return lambda: out.zero_().index_add_(0, x[1], x[0])


@operation('scatterAdd', 'scatterSub', 'scatterMax', 'scatterUpdate')
def scatter(x, args, op):
    out = torch.zeros(args['shape'], dtype=x[1].dtype)
    wide = x[0].long()
    return {
        'scatterAdd': lambda: out.index_add_(0, x[0], x[1]),
        'scatterSub': lambda: out.index_add_(0, x[0], x[1], alpha=-1),
        'scatterMax': lambda: out.index_reduce_(0, wide, x[1], 'amax'),
        'scatterUpdate': lambda: out.index_copy_(0, wide, x[1]),
    }[op]


@operation('matmul')
def matmul(x, args):
    left = x[0].transpose(-1, -2) if args.get('transposeA') else x[0]
    return reused(torch.matmul, left, x[1].transpose(-1, -2) if args.get('transposeB') else x[1])


@operation('dense')
def dense(x, args):
    activation = args.get('activation')
    out = torch.matmul(x[0], x[1])

    def call():
        torch.addmm(x[2], x[0], x[1], out=out)
        if activation == 'relu':
            out.relu_()
        if activation == 'tanh':
            out.tanh_()
        return out
    return call


@operation('softmax')
def softmax(x, args):
    return reused(torch.softmax, x[0], args['axis'])


@operation('logSoftmax')
def log_softmax(x, args):
    return reused(torch.log_softmax, x[0], args['axis'])


@operation('l2Normalize')
def l2_normalize(x, args):
    return lambda: F.normalize(x[0], dim=args['axis'])


@operation('l2Loss')
def l2_loss(x, args):
    return lambda: torch.dot(x[0], x[0]) * 0.5


@operation('dot')
def dot(x, args):
    return reused(torch.dot, *x)


@operation('meanSquaredError')
def mean_squared_error(x, args):
    return lambda: F.mse_loss(*x)


@operation('center')
def center(x, args):
    return lambda: x[0] - x[0].mean(args['axis'], keepdim=True)


@operation('randomUniform', 'randomNormal', 'truncatedNormal')
def random(x, args, op):
    out = torch.empty(args['shape'], dtype=getattr(torch, args['dtype']))
    if op == 'truncatedNormal':
        return lambda: torch.nn.init.trunc_normal_(out, 0, 1, -2, 2)
    return out.uniform_ if op == 'randomUniform' else out.normal_


def forward(op, x, args):
    if 'scalar' in args:
        if op not in BINARY:
            raise NoSuchOperation
        scalar = args['scalar']
        return reused(BINARY[op], torch.tensor(scalar, dtype=x[0].dtype), x[0]) if args.get('left') else reused(WITH_NUMBER[op], x[0], scalar)
    if op in REDUCTIONS:
        return reduction(op, x[0], args)
    if op in UNARY or op in BINARY:
        return reused(UNARY.get(op) or BINARY[op], *x)
    return MORE.call(op, x, args)


# What a mean is taken of for autograd, which takes no `out`.
FUNCTIONS = {
    **UNARY, **BINARY, 'squaredDifference': lambda a, b: (a - b).square(), 'logSoftmax': torch.log_softmax,
    'reduceLogsumexp': torch.logsumexp,
}


def build(op, arrays, args):
    x = [torch.from_numpy(array) for array in arrays]
    if op == 'gradientOfMeanOf':
        loss = args['of'].endswith('CrossEntropy')
        return training.loss_gradient(x, args) if loss else training.gradient_of_mean(FUNCTIONS[args['of']], x, args)
    return training.OPERATIONS.call(op, x, args) if op in training.OPERATIONS else forward(op, x, args)


def arrays_of(results):
    return [one.detach().numpy() for one in (results if isinstance(results, (list, tuple)) else [results])]


# Not inference_mode: its tensors are no input of autograd, which some cases ask for.
with torch.no_grad():
    serve_sweep(f'torch {torch.__version__}', build, arrays_of)
