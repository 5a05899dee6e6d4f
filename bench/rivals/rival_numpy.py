"""numpy: every operation into memory made once, training steps written out by hand."""
import numpy as np

from worker import *


def operation(kind, option, x, out):
    """A function of no arguments that computes into `out`, in numpy's best form."""
    a = x[0]
    if kind == 'add':
        return lambda: np.add(a, x[1], out=out)
    if kind == 'affine':
        def affine():
            np.multiply(a, x[1], out=out)
            np.add(out, x[2], out=out)
        return affine
    if kind in ('exp', 'log', 'tanh'):
        function = getattr(np, kind)
        return lambda: function(a, out=out)
    if kind == 'pow':
        exponent = a.dtype.type(2.3)
        return lambda: np.power(a, exponent, out=out)
    if kind == 'sigmoid':
        one = a.dtype.type(1)

        def sigmoid():
            np.negative(a, out=out)
            np.exp(out, out=out)
            np.add(out, one, out=out)
            np.divide(one, out, out=out)
        return sigmoid
    if kind == 'sce8':
        z, spare = x[1], np.empty_like(a)

        def sce8():
            np.abs(a, out=spare)
            np.negative(spare, out=spare)
            np.exp(spare, out=spare)
            np.add(spare, f32(1), out=spare)
            np.log(spare, out=spare)
            np.maximum(a, f32(0), out=out)
            np.add(out, spare, out=out)
            np.multiply(a, z, out=spare)
            np.subtract(out, spare, out=out)
        return sce8
    if kind == 'matmul':
        left, right = (a.T if option[0] else a), (x[1].T if option[1] else x[1])
        return lambda: np.matmul(left, right, out=out)
    if kind == 'transpose':
        return lambda: np.copyto(out, a.T)
    if kind in ('sum', 'max', 'argmax'):
        function = getattr(np, kind)
        return lambda: function(a, axis=option, out=out)
    if kind == 'softmax':
        def softmax():
            np.subtract(a, a.max(1, keepdims=True), out=out)
            np.exp(out, out=out)
            np.divide(out, out.sum(1, keepdims=True), out=out)
        return softmax
    raise ValueError(kind)


def like(kind, option, x):
    """An array for the result."""
    a = x[0]
    if kind == 'matmul':
        return np.empty((a.shape[1 if option[0] else 0], x[1].shape[0 if option[1] else 1]), a.dtype)
    if kind == 'transpose':
        return np.empty(a.shape[::-1], a.dtype)
    if kind in ('sum', 'max', 'argmax'):
        shape = () if option is None else (a.shape[1 - option],)
        return np.empty(shape, np.int64 if kind == 'argmax' else a.dtype)
    return np.empty_like(a)


def op_case(kind, make, option):
    sets = [make(0), make(1)]
    out = like(kind, option, sets[0])
    functions = [operation(kind, option, x, out) for x in sets]

    def check(s):
        functions[s]()
        return [out.copy()]
    return Case(lambda i: functions[i & 1](), check)


def logreg(all_costs):
    sets = [logreg_points(0), logreg_points(1)]
    rate, one = f32(RATE), f32(1)

    def epochs(s):
        x, l = sets[s]
        xt, other = x.T, one - l
        w, b, costs = np.zeros((2, 1), f32), np.zeros(1, f32), []
        for _ in range(EPOCHS):
            p = one / (one + np.exp(-(x @ w + b)))
            costs.append(-(l * np.log(p) + other * np.log(one - p)).sum())
            g = p - l
            w -= rate * (xt @ g)
            b -= rate * g.sum(0)
        return np.array(costs, f32), w, b

    def check(s):
        costs, w, b = epochs(s)
        return [costs] if all_costs else [costs[-1:], w, b]
    return Case(lambda i: epochs(i & 1), check)


def network(sizes, first, batches, tanh, update):
    """A training step by hand; `update(parameters, gradients, state)` changes the parameters."""
    n = len(sizes) - 1
    params, state = [], {}

    def reset():
        params[:] = [q for w in first for q in (w.copy(), np.zeros(w.shape[1], f32))]
        state.clear()
        state.update(t=0, m=[np.zeros_like(p) for p in params], v=[np.zeros_like(p) for p in params])

    def step(i):
        x, y = batches[i % BATCHES]
        scale = f32(1 / len(x))
        hs = [x]
        for k in range(n):
            z = hs[-1] @ params[2 * k]
            z += params[2 * k + 1]
            if tanh:
                np.tanh(z, out=z)
            elif k < n - 1:
                np.maximum(z, f32(0), out=z)
            hs.append(z)
        if tanh:
            error = hs[-1] - y
            loss = f32(0.5) * (error * error).mean()
            d = error * scale * (f32(1) - hs[-1] ** 2)
        else:
            z = hs[-1] - hs[-1].max(1, keepdims=True)
            e = np.exp(z)
            total = e.sum(1, keepdims=True)
            rows = np.arange(len(x))
            loss = (np.log(total[:, 0]) - z[rows, y]).mean()
            d = e / total
            d[rows, y] -= f32(1)
            d *= scale
        grads = [None] * (2 * n)
        for k in range(n - 1, -1, -1):
            grads[2 * k], grads[2 * k + 1] = hs[k].T @ d, d.sum(0)
            if k:
                d = d @ params[2 * k].T
                d *= (f32(1) - hs[k] * hs[k]) if tanh else (hs[k] > 0)
        update(params, grads, state)
        return loss

    def check(s):
        reset()
        return [np.array([step(i + s) for i in range(CHECKED_STEPS)], f32)]
    return Case(step, check, reset)


def momentum(params, grads, state):
    for p, g, m in zip(params, grads, state['m']):
        m *= f32(0.9)
        m += g
        p -= f32(0.01) * m


def adam(params, grads, state):
    state['t'] += 1
    t = state['t']
    rate = f32(1e-3 * math.sqrt(1 - 0.999**t) / (1 - 0.9**t))
    for p, g, m, v in zip(params, grads, state['m'], state['v']):
        m += f32(0.1) * (g - m)
        v += f32(0.001) * (g * g - v)
        p -= rate * m / (np.sqrt(v) + f32(1e-8))


def descent(params, grads, _):
    for p, g in zip(params, grads):
        p -= f32(0.03) * g


def scalar():
    values, one, out = [np.array(v, f32) for v in range(1024)], f32(1), np.empty((), f32)

    def check(s):
        return [np.add(values[5 + s], one, out=out).copy()]
    return Case(lambda i: np.add(values[i & 1023], one, out=out), check)


rows = {name: (lambda kind=kind, make=make, option=option: op_case(kind, make, option)) for name, kind, make, option in op_rows()}
if TRIAL == 'logreg':
    rows = {'train.logreg': lambda: logreg(False), 'train.logreg.wholeloop': lambda: logreg(True)}
if TRIAL == 'mlp':
    mlp = lambda update: network(MLP_SIZES, mlp_weights(), mlp_batches(), False, update)
    rows = {'train.mlp.sgdm': lambda: mlp(momentum), 'train.mlp.adam': lambda: mlp(adam)}
if TRIAL == 'tiny':
    rows = {'train.tiny': lambda: network(TINY_SIZES, tiny_weights(), tiny_batches(), True, descent)}
if TRIAL == 'scalar':
    rows = {'overhead.add': scalar, 'overhead.add.callable': scalar}
serve(f'numpy {np.__version__}', rows)
