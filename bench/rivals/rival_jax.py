"""JAX: everything jitted; results into donated memory where they are large, so that no pages are touched for the first time."""
import os
import sys

if sys.argv[2] == '1':
    os.environ['XLA_FLAGS'] = '--xla_cpu_multi_thread_eigen=false intra_op_parallelism_threads=1'

import jax
import jax.numpy as jnp

from worker import *

jax.config.update('jax_enable_x64', True)
# Fresh results below this many bytes come from the allocator's own memory.
DONATED = 1 << 20


def build(kind, option):
    if kind == 'add':
        return lambda a, b: a + b
    if kind == 'affine':
        return lambda x, w, b: x * w + b
    if kind in ('exp', 'log', 'tanh'):
        return getattr(jnp, kind)
    if kind == 'sigmoid':
        return jax.nn.sigmoid
    if kind == 'pow':
        return lambda p: jnp.power(p, p.dtype.type(2.3))
    if kind == 'sce8':
        return lambda x, z: jax.nn.relu(x) - x * z + jnp.log(1 + jnp.exp(-jnp.abs(x)))
    if kind == 'matmul':
        return lambda a, b: jnp.matmul(a.T if option[0] else a, b.T if option[1] else b)
    if kind == 'transpose':
        return jnp.transpose
    if kind in ('sum', 'max', 'argmax'):
        return lambda a: getattr(jnp, kind)(a, option)
    if kind == 'softmax':
        return lambda a: jax.nn.softmax(a, 1)
    raise ValueError(kind)


def op_case(kind, make, option):
    sets = [[jnp.asarray(a) for a in make(s)] for s in (0, 1)]
    function = build(kind, option)
    shape = jax.eval_shape(function, *sets[0])
    if math.prod(shape.shape) * shape.dtype.itemsize < DONATED:
        plain = jax.jit(function)
        return Case(lambda i: plain(*sets[i & 1]).block_until_ready(), lambda s: [np.asarray(plain(*sets[s]))])
    donating = jax.jit(lambda out, *x: function(*x), donate_argnums=0, keep_unused=True)
    out = [jnp.zeros(shape.shape, shape.dtype)]

    def call(i):
        out[0] = donating(out[0], *sets[i & 1])
        out[0].block_until_ready()

    def check(s):
        call(s)
        return [np.array(out[0])]
    return Case(call, check)


def logreg(whole):
    sets = [[jnp.asarray(a) for a in logreg_points(s)] for s in (0, 1)]
    rate = f32(RATE)

    def loss(w, x, l):
        p = jax.nn.sigmoid(x @ w[0] + w[1])
        return -(l * jnp.log(p) + (1 - l) * jnp.log(1 - p)).sum()

    def step(w, x, l):
        c, g = jax.value_and_grad(loss)(w, x, l)
        return jax.tree.map(lambda a, b: a - rate * b, w, g), c
    start = lambda: (jnp.zeros((2, 1), f32), jnp.zeros(1, f32))
    scan = jax.jit(lambda x, l: jax.lax.scan(lambda w, _: step(w, x, l), start(), None, length=EPOCHS)[1])
    one = jax.jit(step, donate_argnums=0)

    def epochs(s):
        if whole:
            return [scan(*sets[s]).block_until_ready()]
        w = start()
        for _ in range(EPOCHS):
            w, c = one(w, *sets[s])
        return [c.block_until_ready(), *w]
    return Case(lambda i: epochs(i & 1), lambda s: [np.asarray(a) for a in epochs(s)])


def momentum(p, g, state):
    m = jax.tree.map(lambda m, g: f32(0.9) * m + g, state, g)
    return jax.tree.map(lambda p, m: p - f32(0.01) * m, p, m), m


def adam(p, g, state):
    t, m, v = state
    t = t + f32(1)
    m = jax.tree.map(lambda m, g: m + f32(0.1) * (g - m), m, g)
    v = jax.tree.map(lambda v, g: v + f32(0.001) * (g * g - v), v, g)
    rate = f32(1e-3) * jnp.sqrt(1 - f32(0.999) ** t) / (1 - f32(0.9) ** t)
    return jax.tree.map(lambda p, m, v: p - rate * m / (jnp.sqrt(v) + f32(1e-8)), p, m, v), (t, m, v)


def descent(p, g, state):
    return jax.tree.map(lambda p, g: p - f32(0.03) * g, p, g), state


def training(first, batches, loss, update, start):
    batches = [[jnp.asarray(a) for a in b] for b in batches]
    one = jax.jit(lambda s, x, y: update(s[0], jax.grad(loss)(s[0], x, y), s[1]), donate_argnums=0)
    value = jax.jit(loss)
    state = [None]

    def reset():
        p = [jnp.array(q) for w in first for q in (w, np.zeros(w.shape[1], f32))]
        state[0] = (p, start(p))

    def step(i):
        state[0] = one(state[0], *batches[i % BATCHES])
        jax.block_until_ready(state[0])

    def check(s):
        reset()
        losses = []
        for i in range(CHECKED_STEPS):
            losses.append(float(value(state[0][0], *batches[(i + s) % BATCHES])))
            step(i + s)
        return [np.array(losses, f32)]
    return Case(step, check, reset)


def mlp(update, start):
    def loss(p, x, y):
        h = jax.nn.relu(x @ p[0] + p[1])
        h = jax.nn.relu(h @ p[2] + p[3])
        return -jnp.take_along_axis(jax.nn.log_softmax(h @ p[4] + p[5]), y[:, None], 1).mean()
    return training(mlp_weights(), mlp_batches(), loss, update, start)


def tiny():
    def loss(p, x, y):
        for i in range(3):
            x = jnp.tanh(x @ p[2 * i] + p[2 * i + 1])
        return f32(0.5) * ((x - y) ** 2).mean()
    return training(tiny_weights(), tiny_batches(), loss, descent, lambda p: ())


def scalar():
    add = jax.jit(lambda a: a + f32(1))
    values = [jnp.float32(v) for v in range(1024)]
    return Case(lambda i: add(values[i & 1023]).block_until_ready(), lambda s: [np.asarray(add(values[5 + s]))])


zeros = lambda p: [jnp.zeros_like(q) for q in p]
rows = {name: (lambda kind=kind, make=make, option=option: op_case(kind, make, option)) for name, kind, make, option in op_rows()}
if TRIAL == 'logreg':
    rows = {'train.logreg': lambda: logreg(False), 'train.logreg.wholeloop': lambda: logreg(True)}
if TRIAL == 'mlp':
    rows = {
        'train.mlp.sgdm': lambda: mlp(momentum, zeros),
        'train.mlp.adam': lambda: mlp(adam, lambda p: (jnp.zeros((), f32), zeros(p), zeros(p))),
    }
if TRIAL == 'tiny':
    rows = {'train.tiny': tiny}
if TRIAL == 'scalar':
    rows = {'overhead.add': scalar, 'overhead.add.callable': scalar}
serve(f'JAX {jax.__version__}, jit', rows)
