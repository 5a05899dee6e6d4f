"""PyTorch, eager with results into memory made once and fused optimizers; under the name torch-compile, through torch.compile."""
import torch
import torch.nn.functional as F

from worker import *

torch.set_num_threads(THREADS)
torch.set_flush_denormal(True)
COMPILED = NAME == 'torch-compile'
compiled = (lambda f: torch.compile(f, dynamic=False)) if COMPILED else (lambda f: f)


def tensors(arrays):
    return [torch.from_numpy(a) for a in arrays]


def sce8(x, z):
    return torch.relu(x) - x * z + torch.log(1 + torch.exp(-torch.abs(x)))


def operation(kind, option, x, out):
    a = x[0]
    if kind == 'add':
        return lambda: torch.add(a, x[1], out=out)
    if kind == 'affine':
        return lambda: torch.addcmul(x[2], a, x[1], out=out)
    if kind in ('exp', 'log', 'tanh', 'sigmoid'):
        function = getattr(torch, kind)
        return lambda: function(a, out=out)
    if kind == 'pow':
        return lambda: torch.pow(a, 2.3, out=out)
    if kind == 'sce8':
        if COMPILED:
            function = compiled(lambda x, z, out: out.copy_(sce8(x, z)))
            return lambda: function(a, x[1], out)
        spare = torch.empty_like(a)

        def chain():
            torch.abs(a, out=spare).neg_().exp_().add_(1).log_()
            torch.clamp_min(a, 0, out=out).add_(spare).addcmul_(a, x[1], value=-1)
        return chain
    if kind == 'matmul':
        left, right = (a.t() if option[0] else a), (x[1].t() if option[1] else x[1])
        return lambda: torch.mm(left, right, out=out)
    if kind == 'transpose':
        return lambda: out.copy_(a.t())
    if kind == 'sum':
        return (lambda: out.copy_(a.sum())) if option is None else (lambda: torch.sum(a, option, out=out))
    if kind == 'max':
        return (lambda: out.copy_(a.max())) if option is None else (lambda: torch.amax(a, option, out=out))
    if kind == 'argmax':
        return lambda: torch.argmax(a, option, out=out)
    if kind == 'softmax':
        return lambda: torch.softmax(a, 1, out=out)
    raise ValueError(kind)


def like(kind, option, x):
    a = x[0]
    if kind == 'matmul':
        return torch.empty(a.shape[1 if option[0] else 0], x[1].shape[0 if option[1] else 1], dtype=a.dtype)
    if kind == 'transpose':
        return torch.empty(*reversed(a.shape), dtype=a.dtype)
    if kind in ('sum', 'max', 'argmax'):
        shape = [] if option is None else [a.shape[1 - option]]
        return torch.empty(shape, dtype=torch.int64 if kind == 'argmax' else a.dtype)
    return torch.empty_like(a)


def op_case(kind, make, option):
    sets = [tensors(make(0)), tensors(make(1))]
    out = like(kind, option, sets[0])
    functions = [operation(kind, option, x, out) for x in sets]

    def call(i):
        with torch.no_grad():
            functions[i & 1]()

    def check(s):
        call(s)
        return [out.clone().numpy()]
    return Case(call, check)


def logreg():
    sets = [tensors(logreg_points(0)), tensors(logreg_points(1))]

    def cost(x, l, w, b):
        p = torch.sigmoid(x @ w + b)
        return -(l * torch.log(p) + (1 - l) * torch.log(1 - p)).sum()
    function = compiled(cost)

    def epochs(s):
        w, b = torch.zeros(2, 1, requires_grad=True), torch.zeros(1, requires_grad=True)
        for _ in range(EPOCHS):
            c = function(*sets[s], w, b)
            gw, gb = torch.autograd.grad(c, (w, b))
            with torch.no_grad():
                w.sub_(gw, alpha=RATE)
                b.sub_(gb, alpha=RATE)
        return [v.detach().numpy() for v in (c, w, b)]
    return Case(lambda i: epochs(i & 1), epochs)


def training(first, batches, forward, optimizer):
    batches = [tensors(b) for b in batches]
    state = {}

    def reset():
        state['p'] = [torch.tensor(q, requires_grad=True) for w in first for q in (w, np.zeros(w.shape[1], f32))]
        state['o'] = optimizer(state['p'])
    loss_of = compiled(forward)

    def step(i):
        x, y = batches[i % BATCHES]
        state['o'].zero_grad()
        loss = loss_of(x, y, *state['p'])
        loss.backward()
        state['o'].step()
        return loss

    def check(s):
        reset()
        return [np.array([step(i + s).item() for i in range(CHECKED_STEPS)], f32)]
    return Case(step, check, reset)


def mlp(optimizer):
    def forward(x, y, w1, b1, w2, b2, w3, b3):
        h = torch.relu(torch.addmm(b1, x, w1))
        h = torch.relu(torch.addmm(b2, h, w2))
        return F.cross_entropy(torch.addmm(b3, h, w3), y)
    batches = [(x, y.astype(np.int64)) for x, y in mlp_batches()]
    return training(mlp_weights(), batches, forward, optimizer)


def tiny():
    def forward(x, y, w1, b1, w2, b2, w3, b3):
        h = torch.tanh(torch.addmm(b1, x, w1))
        h = torch.tanh(torch.addmm(b2, h, w2))
        return 0.5 * F.mse_loss(torch.tanh(torch.addmm(b3, h, w3)), y)
    return training(tiny_weights(), tiny_batches(), forward, lambda p: torch.optim.SGD(p, lr=0.03, fused=True))


def scalar():
    values, one = [torch.tensor(float(v)) for v in range(1024)], torch.tensor(1.0)
    return Case(lambda i: values[i & 1023] + one, lambda s: [(values[5 + s] + one).numpy()])


rows = {name: (lambda kind=kind, make=make, option=option: op_case(kind, make, option)) for name, kind, make, option in op_rows()}
if TRIAL == 'logreg':
    rows = {'train.logreg': logreg}
if TRIAL == 'mlp':
    rows = {
        'train.mlp.sgdm': lambda: mlp(lambda p: torch.optim.SGD(p, lr=0.01, momentum=0.9, fused=True)),
        'train.mlp.adam': lambda: mlp(lambda p: torch.optim.Adam(p, lr=1e-3, fused=True)),
    }
if TRIAL == 'tiny':
    rows = {'train.tiny': tiny}
if TRIAL == 'scalar':
    rows = {'overhead.add': scalar, 'overhead.add.callable': scalar}
serve(f'PyTorch {torch.__version__}{", torch.compile" if COMPILED else ""}', rows)
