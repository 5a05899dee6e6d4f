"""torch's losses, gradients, norms and optimizers in the sweep of shapes: the kernels that autograd calls, without its graph where that is slower."""
import torch
import torch.nn.functional as F

from sweep_worker import NoSuchOperation, Operations, math, partial

aten = torch.ops.aten
OPERATIONS = Operations()
operation = OPERATIONS.of
# As bench/sweep/builders.ts has them.
RATE, MOMENTUM, BETA_1, BETA_2, EPSILON = 2**-7, 0.875, 0.875, 1 - 2**-10, 1e-20


def target_of(labels):
    return labels.long() if labels.dtype == torch.int32 else labels


@operation('softmaxCrossEntropy', 'sparseCrossEntropy')
def cross_entropy(x, args):
    target = target_of(x[1])
    return lambda: F.cross_entropy(x[0], target, reduction='none')


@operation('sigmoidCrossEntropy')
def sigmoid_cross_entropy(x, args):
    return lambda: F.binary_cross_entropy_with_logits(x[0], x[1], reduction='none')


@operation('meanOf')
def mean_of(x, args):
    if args['of'] == 'sigmoidCrossEntropy':
        return lambda: F.binary_cross_entropy_with_logits(x[0], x[1])
    target = target_of(x[1])
    return lambda: F.cross_entropy(x[0], target)


@operation('logisticStep')
def logistic_step(x, args):
    features, labels, weights, bias = x
    scale = 1 / len(features)

    def call():
        p = torch.softmax(torch.addmm(bias, features, weights), -1).sub_(labels).mul_(scale)
        return features.t() @ p, p.sum(0)
    return call


@operation('linearStep')
def linear_step(x, args):
    features, y, weights, bias = x
    scale = 2 / y.numel()

    def call():
        p = torch.addmm(bias, features, weights).sub_(y).mul_(scale)
        return features.t() @ p, p.sum(0)
    return call


@operation('layerNorm')
def layer_norm(x, args):
    return lambda: torch.layer_norm(x[0], x[0].shape[-1:], x[1], x[2], 1e-5)


@operation('layerNormGradient')
def layer_norm_gradient(x, args):
    values, scale, shift, dy = x
    shape = values.shape[-1:]

    def call():
        _, mean, rstd = torch.native_layer_norm(values, shape, scale, shift, 1e-5)
        return aten.native_layer_norm_backward(dy, values, shape, mean, rstd, scale, shift, [True, True, True])
    return call


@operation('applyGradientDescent')
def apply_gradient_descent(x, args):
    variable = torch.zeros_like(x[0])
    return partial(variable.add_, x[0], alpha=-RATE)


@operation('applyMomentum')
def apply_momentum(x, args):
    variable, sum_ = torch.zeros_like(x[0]), torch.zeros_like(x[0])

    def call():
        sum_.mul_(MOMENTUM).add_(x[0])
        if args.get('nesterov'):
            variable.add_(x[0], alpha=-RATE)
            return variable.add_(sum_, alpha=-RATE * MOMENTUM)
        return variable.add_(sum_, alpha=-RATE)
    return call


@operation('applyAdam')
def apply_adam(x, args):
    variable, mean, square, step = *(torch.zeros_like(x[0]) for _ in range(3)), torch.zeros(())

    def call():
        step.add_(1)
        torch._fused_adam_([variable], [x[0]], [mean], [square], [], [step], lr=RATE, beta1=BETA_1, beta2=BETA_2, weight_decay=0.0,
                           eps=EPSILON, amsgrad=False, maximize=False)
        return variable
    return call


def loss_gradient(x, args):
    logits, labels = x
    out = torch.empty_like(logits)
    if args['of'] == 'softmaxCrossEntropy':
        return lambda: torch.softmax(logits, -1, out=out).sub_(labels).mul_(1 / len(logits))
    if args['of'] == 'sparseCrossEntropy':
        target = labels.long().unsqueeze(1)
        minus_one = torch.full(target.shape, -1.0, dtype=logits.dtype)
        return lambda: torch.softmax(logits, -1, out=out).scatter_add_(1, target, minus_one).mul_(1 / len(logits))
    return lambda: torch.sigmoid(logits, out=out).sub_(labels).mul_(1 / logits.numel())


def gradient_of_mean(function, x, args):
    """By autograd: forward, mean, backward."""
    inputs = [x[i].requires_grad_() for i in args.get('wrt', [0])]
    options = [args['axis']] if 'axis' in args else []

    @torch.enable_grad()
    def call():
        return torch.autograd.grad(function(*x, *options).mean(), inputs)
    return call


def reduced(gradient, shape):
    """Summed over the axes along which the input was broadcast."""
    axes = [i for i, size in enumerate(shape) if size == 1 and gradient.shape[i] != 1]
    return gradient.sum(axes, keepdim=True) if axes else gradient


def broadcast_gradient(x, args):
    *values, dy = x
    terms = {
        'add': lambda i: dy,
        'sub': lambda i: dy if i == 0 else -dy,
        'mul': lambda i: dy * values[1 - i],
    }
    term = terms[args['of']]
    return lambda: [reduced(term(i), values[i].shape) for i in args['wrt']]


UNARY = {
    'relu': lambda x, dy: aten.threshold_backward(dy, torch.relu(x), 0),
    'tanh': lambda x, dy: aten.tanh_backward(dy, torch.tanh(x)),
    'sigmoid': lambda x, dy: aten.sigmoid_backward(dy, torch.sigmoid(x)),
    'square': lambda x, dy: x * dy * 2,
    'log': lambda x, dy: dy / x,
    'softmax': lambda x, dy: torch._softmax_backward_data(dy, torch.softmax(x, -1), -1, x.dtype),
    'logSoftmax': lambda x, dy: torch._log_softmax_backward_data(dy, torch.log_softmax(x, -1), -1, x.dtype),
}


def reduce_gradient(x, args):
    values, dy = x
    axis = args['axis']

    def widened(gradient):
        for i in sorted(axis):
            gradient = gradient.unsqueeze(i)
        return gradient

    def of_max():
        chosen = values == torch.amax(values, axis, keepdim=True)
        return chosen * (widened(dy) / chosen.sum(axis, keepdim=True))
    count = math.prod(values.shape[i] for i in axis)
    return {
        'reduceSum': lambda: widened(dy).expand(values.shape).contiguous(),
        'reduceMean': lambda: (widened(dy) / count).expand(values.shape).contiguous(),
        'reduceMax': of_max,
    }[args['of']]


def gather_gradient(x, args):
    values, indices, dy = x
    if args['axis'] == 0 and values.ndim == 2:
        return lambda: aten.embedding_dense_backward(dy, indices, len(values), -1, False)
    out = torch.zeros_like(values)
    return lambda: out.zero_().index_add_(args['axis'], indices, dy)


def part_gradient(x, args):
    """Zeros, with the gradient where the part was."""
    values, dy = x
    out = torch.empty_like(values)
    if args['of'] == 'slice':
        part = out[tuple(slice(begin, begin + size) for begin, size in zip(args['begin'], args['size']))]
    else:
        part = out[tuple(map(slice, args['begin'], args['end'], args['strides']))]

    def call():
        out.zero_()
        part.copy_(dy)
        return out
    return call


def moved_gradient(x, args):
    of, values, dy = args['of'], x[0], x[-1]
    if of == 'concat':
        sizes = [one.shape[args['axis']] for one in x[:-1]]
        return lambda: torch.split_with_sizes_copy(dy, sizes, args['axis'])
    if of == 'tile':
        parts = dy.view([n for size, times in zip(values.shape, args['multiples']) for n in (times, size)])
        return lambda: parts.sum(tuple(range(0, 2 * values.ndim, 2)))
    if of == 'cumsum':
        return lambda: dy.flip(args['axis']).cumsum(args['axis']).flip(args['axis'])
    out = torch.empty_like(values)
    if of == 'pad':
        return partial(out.copy_, dy[tuple(slice(before, before + size) for size, (before, _) in zip(values.shape, args['paddings']))])
    return partial(out.copy_, dy.permute([args['perm'].index(i) for i in range(values.ndim)]))


@operation('gradient')
def gradient(x, args):
    of = args['of']
    if of in UNARY:
        return partial(UNARY[of], *x)
    if of == 'where':
        return lambda: (torch.where(x[0], x[3], 0), torch.where(x[0], 0, x[3]))
    if of == 'matmul':
        return lambda: (x[2] @ x[1].t(), x[0].t() @ x[2])
    if of == 'gather':
        return gather_gradient(x, args)
    if of in ('slice', 'stridedSlice'):
        return part_gradient(x, args)
    if of.startswith('reduce'):
        return reduce_gradient(x, args)
    if of in ('add', 'sub', 'mul'):
        return broadcast_gradient(x, args)
    if of in ('concat', 'tile', 'cumsum', 'pad', 'transpose'):
        return moved_gradient(x, args)
    raise NoSuchOperation
