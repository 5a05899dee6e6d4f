#!/usr/bin/env python3
"""The workloads of workloads.mjs, under the same ids, for PyTorch (eager, torch.compile, whole-step CUDA graphs) and JAX (jit).

peers.py --out peers.json [--device cuda|cpu] [--only REGEX] [--budget SECONDS] [--frameworks torch,jax] [--small]

A row for each workload, framework and mode, medians in microseconds a step. 'resident': inputs on the device, many steps
queued, one wait. 'feed': the step's data copied from the host's (PyTorch: pinned) memory, the step, its loss read back."""
import argparse
import json
import os
import re
import statistics
import time

parser = argparse.ArgumentParser()
parser.add_argument('--out')
parser.add_argument('--device', default='cuda')
parser.add_argument('--only', default='.')
parser.add_argument('--budget', type=float, default=240)
parser.add_argument('--frameworks', default='torch,jax')
parser.add_argument('--small', action='store_true', help='sizes for any processor')
A = parser.parse_args()
CUDA, SMALL = A.device == 'cuda', A.small
FRAMEWORKS = A.frameworks.split(',')
os.environ.setdefault('XLA_PYTHON_CLIENT_PREALLOCATE', 'false')
if not CUDA:
    os.environ['JAX_PLATFORMS'] = 'cpu'
BEGUN = time.time()
ROWS = []


def at(n, most=1 << 20):
    return min(n, most) if SMALL else n


ROWS_OF = at(65536, 512)
PRECISIONS = ['fp32', 'tf32', 'bf16'] if CUDA else ['fp32']
MLP = dict(mlp_784_512_256_10_b128=([784, 512, 256, 10], 128), mlp_784_512_256_10_b8192=([784, 512, 256, 10], at(8192, 512)),
           mlp_2_8_8_1_b10=([2, 8, 8, 1], 10))
LOGISTIC = dict(logreg_10m=at(10 ** 7), logreg_1k=1000)
CHAIN = dict(chain_1e9=at(10 ** 9), chain_1e8=at(10 ** 8), chain_1e6=at(10 ** 6))
SIGMOID_CHAIN = dict(sigchain_1e8=at(10 ** 8))
SUM = dict(sum_1e9=([at(10 ** 9)], None), rowsum_65536x4096=([ROWS_OF, 4096], 1), colsum_65536x4096=([ROWS_OF, 4096], 0))
SOFTMAX = dict(softmax_65536x1024=[ROWS_OF, 1024], softmax_1e6x10=[at(10 ** 6, 10 ** 5), 10], softmax_8192x32000=[at(8192, 64), 32000])
GEMM = [256] if SMALL else [8192, 1024]
ADAM = at(10 ** 8)


def left():
    return A.budget - (time.time() - BEGUN)


def wanted(workload):
    return re.search(A.only, workload) is not None


def save():
    if A.out:
        with open(A.out, 'w') as file:
            json.dump(ROWS, file, indent=1)


def emit(workload, framework, mode, timing, flops=0, bytes=0):
    row = dict(workload=workload, framework=framework, mode=mode, small=SMALL, **timing)
    if flops:
        row['tflops'] = flops / row['us'] / 1e6
    if bytes:
        row['gbps'] = bytes / row['us'] / 1e3
    ROWS.append(row)
    rate = f"{row['tflops']:.2f} TFLOP/s" if flops else f"{row['gbps']:.1f} GB/s" if bytes else ''
    noisy = f"  spread {row['spread'] * 100:.0f} %" if row['spread'] > 0.03 else ''
    print(f"{workload:32s} {framework:16s} {mode:9s} {row['us']:12.2f} us  {rate}{noisy}", flush=True)
    save()


def attempt(workload, framework, mode, body):
    """One figure; what goes wrong is a row of its own and takes nothing else along."""
    if left() < 3:
        ROWS.append(dict(workload=workload, framework=framework, mode=mode, small=SMALL, skipped='no time was left'))
        print(f'skipped: {workload} {framework} {mode}: no time was left', flush=True)
        return save()
    try:
        body()
    except Exception as error:  # noqa: BLE001
        ROWS.append(dict(workload=workload, framework=framework, mode=mode, small=SMALL, error=repr(error)[:300]))
        print(f'{workload:32s} {framework:16s} {mode:9s} FAILED: {error!r:.160}', flush=True)
        save()


def rounds(step, wait, mode, timed=None):
    """Median and spread; `timed(k)` gives microseconds of k steps by the device's own clock."""
    for _ in range(3):
        step()
    wait()
    begun = time.perf_counter()
    step()
    wait()
    one = max(time.perf_counter() - begun, 1e-7)
    if mode == 'feed':
        k, n = 1, int(min(300, max(10, 0.4 / one)))
    else:
        k = int(min(1000, max(1, 0.02 / one)))
        n = int(min(30, max(5, 0.4 / (one * k))))
    times = []
    for _ in range(n):
        if timed is not None and mode == 'resident':
            times.append(timed(k) / k)
            continue
        begun = time.perf_counter()
        for _ in range(k):
            step()
        wait()
        times.append((time.perf_counter() - begun) * 1e6 / k)
    times.sort()
    us = statistics.median(times)
    return dict(us=us, spread=(times[3 * n // 4] - times[n // 4]) / us, steps=k, rounds=n)


def net_flops(sizes, batch):
    return 2 * batch * sum(i * o for i, o in zip(sizes, sizes[1:])) * 3 - 2 * batch * sizes[0] * sizes[1]


def run_torch():
    import torch
    import torch.nn as nn
    import torch.nn.functional as F
    dev = torch.device(A.device)
    wait = torch.cuda.synchronize if CUDA else lambda: None
    later = []

    def measure(step, mode='resident'):
        def timed(k):
            first, last = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            first.record()
            for _ in range(k):
                step()
            last.record()
            wait()
            return first.elapsed_time(last) * 1e3
        return rounds(step, wait, mode, timed if CUDA else None)

    def graph(step):
        """The whole step as one CUDA graph: the least PyTorch can pay for launches."""
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(3):
                step()
        torch.cuda.current_stream().wait_stream(stream)
        captured = torch.cuda.CUDAGraph()
        with torch.cuda.graph(captured):
            step()
        return captured.replay

    def variants(workload, step, feed=None, compiled=None, **counted):
        attempt(workload, 'torch-eager', 'resident', lambda: emit(workload, 'torch-eager', 'resident', measure(step), **counted))
        if CUDA:
            attempt(workload, 'torch-cudagraph', 'resident',
                    lambda: emit(workload, 'torch-cudagraph', 'resident', measure(graph(step)), **counted))
        if feed is not None:
            attempt(workload, 'torch-eager', 'feed', lambda: emit(
                workload, 'torch-eager', 'feed', measure(lambda: (feed(), float(step())), 'feed')))
        # Compiling takes seconds each: after everything else.
        tf32 = torch.backends.cuda.matmul.allow_tf32

        def late():
            torch.backends.cuda.matmul.allow_tf32 = tf32
            try:
                emit(workload, 'torch-compile', 'resident', measure(compiled() if compiled else torch.compile(step)), **counted)
            finally:
                torch.backends.cuda.matmul.allow_tf32 = False
        if not SMALL:
            later.append((workload, late))

    def pinned(tensor):
        return tensor.pin_memory() if CUDA else tensor

    def net(name, sizes, batch, precision):
        torch.backends.cuda.matmul.allow_tf32 = precision != 'fp32'
        classes = sizes[-1]
        layers = []
        for i, (a, b) in enumerate(zip(sizes, sizes[1:])):
            layers.append(nn.Linear(a, b))
            if i + 2 < len(sizes):
                layers.append(nn.ReLU() if classes > 1 else nn.Tanh())
        model = nn.Sequential(*layers).to(dev)
        hx = pinned(torch.randn(batch, sizes[0]))
        hy = pinned(torch.randint(0, classes, (batch,)) if classes > 1 else (torch.rand(batch, 1) > .5).float())
        X, Y = hx.to(dev), hy.to(dev)
        loss_of = F.cross_entropy if classes > 1 else F.binary_cross_entropy_with_logits
        optimizer = torch.optim.SGD(model.parameters(), lr=0.01, fused=True if CUDA else None)

        def step_of(forward):
            def step():
                optimizer.zero_grad(set_to_none=False)
                with torch.autocast(A.device, torch.bfloat16, enabled=precision == 'bf16', cache_enabled=False):
                    loss = forward()
                loss.backward()
                optimizer.step()
                return loss.detach()
            return step

        def forward():
            return loss_of(model(X), Y)
        variants(f'{name}_{precision}', step_of(forward), lambda: (X.copy_(hx, non_blocking=True), Y.copy_(hy, non_blocking=True)),
                 lambda: step_of(torch.compile(forward)), flops=net_flops(sizes, batch))
        torch.backends.cuda.matmul.allow_tf32 = False

    def logistic(name, n):
        hx = torch.randn(n, 2)
        hx, hy = pinned(hx), pinned((hx.sum(1) > 0).float())
        X, Y = hx.to(dev), hy.to(dev)
        W, b = torch.zeros(2, 1, device=dev), torch.zeros(1, device=dev)

        def step():  # the gradient by hand: the arithmetic that a simplified graph does
            z = (X @ W).sum(1) + b
            d = torch.sigmoid(z) - Y
            loss = F.binary_cross_entropy_with_logits(z, Y, reduction='sum')
            W.sub_((X.t() @ d.unsqueeze(1)) / n)
            b.sub_(d.sum() / n)
            return loss
        variants(name, step, lambda: (X.copy_(hx, non_blocking=True), Y.copy_(hy, non_blocking=True)), bytes=12 * n)

    def product(n, precision):
        torch.backends.cuda.matmul.allow_tf32 = precision == 'tf32'
        a, b = (torch.randn(n, n, device=dev, dtype=torch.bfloat16 if precision == 'bf16' else torch.float32) for _ in range(2))
        out = torch.empty_like(a)
        name = f'gemm_{n}_{precision}'
        attempt(name, 'torch-eager', 'resident', lambda: emit(
            name, 'torch-eager', 'resident', measure(lambda: torch.mm(a, b, out=out)), flops=2 * n ** 3))
        torch.backends.cuda.matmul.allow_tf32 = False

    def copy():
        x = torch.randn(at(2 ** 29), device=dev)
        y = torch.empty_like(x)
        emit('ceiling_copy_2GiB', 'torch-eager', 'resident', measure(lambda: y.copy_(x)), bytes=8 * x.numel())

    def chain(name, n):
        a, b, c = (torch.rand(n, device=dev) - .5 for _ in range(3))
        variants(name, lambda: (torch.relu(a * b + c) * .5 - a).square() + 1, bytes=16 * n)

    def sigmoid_chain(name, n):
        a, b, c = (torch.rand(n, device=dev) - .5 for _ in range(3))
        variants(name, lambda: torch.sigmoid(a * b + c) * torch.tanh(a), bytes=16 * n)

    def total(name, shape, axis):
        x = torch.randn(*shape, device=dev)
        variants(name, (lambda: x.sum()) if axis is None else (lambda: x.sum(axis)), bytes=4 * x.numel())

    def softmax(name, shape):
        x = torch.randn(*shape, device=dev)
        variants(name, lambda: torch.softmax(x, 1), bytes=8 * x.numel())

    def cross_entropy(name, shape):
        x = torch.randn(*shape, device=dev)
        y = torch.randint(0, shape[1], (shape[0],), device=dev)

        def step():
            logs = torch.log_softmax(x, 1)
            gradient = logs.exp()
            gradient.scatter_add_(1, y[:, None], torch.full((shape[0], 1), -1., device=dev))
            return F.nll_loss(logs, y), gradient
        variants(name, step, bytes=8 * x.numel())

    def adam():
        p = torch.randn(ADAM, device=dev)
        p.grad = torch.randn(ADAM, device=dev)
        optimizer = torch.optim.Adam([p], fused=True if CUDA else None)
        emit('adam_1e8', 'torch-fused', 'resident', measure(optimizer.step), bytes=28 * ADAM)

    plan = [('ceiling_copy_2GiB', copy)]
    plan += [(f'{w}_{p}', lambda w=w, p=p: net(w, *MLP[w], p)) for w in MLP for p in (PRECISIONS if MLP[w][1] > 10 else ['fp32'])]
    plan += [(w, lambda w=w: logistic(w, LOGISTIC[w])) for w in LOGISTIC]
    plan += [(w, lambda w=w: chain(w, CHAIN[w])) for w in CHAIN]
    plan += [(w, lambda w=w: total(w, *SUM[w])) for w in SUM]
    plan += [(w, lambda w=w: softmax(w, SOFTMAX[w])) for w in SOFTMAX]
    plan += [(f'gemm_{n}_{p}', lambda n=n, p=p: product(n, p)) for n in GEMM for p in PRECISIONS]
    plan += [(w, lambda w=w: sigmoid_chain(w, SIGMOID_CHAIN[w])) for w in SIGMOID_CHAIN]
    plan += [(w.replace('softmax', 'xentgrad'), lambda w=w: cross_entropy(w.replace('softmax', 'xentgrad'), SOFTMAX[w])) for w in SOFTMAX]
    plan += [('adam_1e8', adam)]
    for name, body in plan:
        if wanted(name):
            attempt(name, 'torch', 'resident', body)
            if CUDA:
                torch.cuda.empty_cache()
    while later:
        name, body = later.pop(0)
        attempt(name, 'torch-compile', 'resident', body)
        del body
        if CUDA:
            torch.cuda.empty_cache()


def run_jax():
    import jax
    import jax.numpy as jnp
    import numpy as np
    highest = dict(fp32='highest', tf32='tensorfloat32', bf16='bfloat16')

    def measure(step, mode='resident'):
        last = [None]

        def kept():
            last[0] = step()
        return rounds(kept, lambda: jax.block_until_ready(last[0]), mode)

    def normal(*shape, key=0):
        return jax.random.normal(jax.random.PRNGKey(key), shape, jnp.float32)

    def show(name, step, **counted):
        emit(name, 'jax', 'resident', measure(step), **counted)

    def bce(z, y):
        return jnp.maximum(z, 0) - z * y + jnp.log1p(jnp.exp(-jnp.abs(z)))

    def training(name, loss_of, start, X, Y, rate, **counted):
        def descend(p, x, y):
            loss, gradient = jax.value_and_grad(loss_of)(p, x, y)
            return loss, jax.tree.map(lambda a, g: a - rate * g, p, gradient)
        compiled = jax.jit(descend, donate_argnums=0)
        state = [start]

        def step(x=X, y=Y):
            loss, state[0] = compiled(state[0], x, y)
            return loss
        show(name, step, **counted)
        hx, hy = np.asarray(X), np.asarray(Y)
        attempt(name, 'jax', 'feed', lambda: emit(name, 'jax', 'feed', measure(lambda: float(step(hx, hy)), 'feed')))

    def net(name, sizes, batch, precision):
        jax.config.update('jax_default_matmul_precision', highest[precision])
        classes = sizes[-1]
        X = normal(batch, sizes[0])
        Y = jnp.asarray(np.random.default_rng(0).integers(0, classes, batch)) if classes > 1 else (X.sum(1, keepdims=True) > 0).astype(jnp.float32)

        def loss_of(p, x, y):
            for i, (w, c) in enumerate(p):
                x = x @ w + c
                if i + 1 < len(p):
                    x = jax.nn.relu(x) if classes > 1 else jnp.tanh(x)
            if classes > 1:
                return -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], 1))
            return jnp.mean(bce(x, y))
        start = [(normal(i, o) * i ** -.5, jnp.zeros(o)) for i, o in zip(sizes, sizes[1:])]
        training(f'{name}_{precision}', loss_of, start, X, Y, .01, flops=net_flops(sizes, batch))

    def logistic(name, n):
        X = normal(n, 2)
        Y = (X.sum(1) > 0).astype(jnp.float32)
        training(name, lambda p, x, y: jnp.sum(bce((x @ p[0]).sum(1) + p[1], y)), (jnp.zeros((2, 1)), jnp.zeros(1)), X, Y, 1 / n, bytes=12 * n)

    def product(n, precision):
        a, b = (normal(n, n, key=k).astype(jnp.bfloat16 if precision == 'bf16' else jnp.float32) for k in (0, 1))
        compiled = jax.jit(lambda x, y: jnp.matmul(x, y, precision=dict(fp32='highest', tf32='default', bf16='default')[precision]))
        show(f'gemm_{n}_{precision}', lambda: compiled(a, b), flops=2 * n ** 3)

    def elementwise(name, n, body):
        a, b, c = (jax.random.uniform(jax.random.PRNGKey(i), (n,)) - .5 for i in range(3))
        compiled = jax.jit(body)
        show(name, lambda: compiled(a, b, c), bytes=16 * n)

    def unary(name, shape, body, width):
        x = normal(*shape)
        compiled = jax.jit(body)
        show(name, lambda: compiled(x), bytes=width * x.size)

    def cross_entropy(name, shape):
        x = normal(*shape)
        y = jnp.asarray(np.random.default_rng(0).integers(0, shape[1], shape[0]))
        compiled = jax.jit(jax.value_and_grad(lambda x, y: -jnp.mean(jnp.take_along_axis(jax.nn.log_softmax(x), y[:, None], 1))))
        show(name, lambda: compiled(x, y), bytes=8 * x.size)

    plan = [(f'{w}_{p}', lambda w=w, p=p: net(w, *MLP[w], p)) for w in MLP for p in (PRECISIONS[:2] if MLP[w][1] > 10 else ['fp32'])]
    plan += [(w, lambda w=w: logistic(w, LOGISTIC[w])) for w in LOGISTIC]
    plan += [(w, lambda w=w: elementwise(w, CHAIN[w], lambda a, b, c: (jax.nn.relu(a * b + c) * .5 - a) ** 2 + 1)) for w in CHAIN]
    plan += [(w, lambda w=w: unary(w, SUM[w][0], lambda x: jnp.sum(x, SUM[w][1]), 4)) for w in SUM]
    plan += [(w, lambda w=w: unary(w, SOFTMAX[w], lambda x: jax.nn.softmax(x, 1), 8)) for w in SOFTMAX]
    plan += [(f'gemm_{n}_{p}', lambda n=n, p=p: product(n, p)) for n in GEMM for p in PRECISIONS]
    plan += [(w, lambda w=w: elementwise(w, SIGMOID_CHAIN[w], lambda a, b, c: jax.nn.sigmoid(a * b + c) * jnp.tanh(a))) for w in SIGMOID_CHAIN]
    plan += [(w.replace('softmax', 'xentgrad'), lambda w=w: cross_entropy(w.replace('softmax', 'xentgrad'), SOFTMAX[w])) for w in SOFTMAX]
    for name, body in plan:
        if wanted(name):
            attempt(name, 'jax', 'resident', body)


if 'torch' in FRAMEWORKS:
    run_torch()
if 'jax' in FRAMEWORKS:
    run_jax()
save()
print(f"peers: {sum('us' in row for row in ROWS)} figures in {time.time() - BEGUN:.0f} s")
