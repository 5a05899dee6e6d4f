"""The process of a Python rival in the sweep of shapes: the protocol of bench/sweep/worker.ts, and how calls are timed, as bench/sweep/sampler.ts does."""
import warnings
from functools import partial
from itertools import repeat

from worker import *

warnings.filterwarnings('ignore')
np.seterr(all='ignore')

SAMPLE_NS, MOST_CALLS, MOST_SAMPLES, FEWEST_SAMPLES = 60e3, 2000, 400, 3
ESTIMATE_NS, ESTIMATE_CALLS = 6e6, 3000


class NoSuchOperation(Exception):
    """The library has no such operation, or none that is worth a comparison."""


class Operations(dict):
    """Makers of calls by the names of operations; they take the inputs and the arguments."""

    def of(self, *names):
        """Keeps a maker by its names."""
        def keep(make):
            self.update(dict.fromkeys(names, make))
            return make
        return keep

    def call(self, op, x, args):
        """The call of an operation."""
        if op not in self:
            raise NoSuchOperation
        make = self[op]
        # One maker of several operations is told which.
        return make(x, args, op) if make.__code__.co_argcount == 3 else make(x, args)


def time_of(call, calls):
    started = time.perf_counter_ns()
    for _ in repeat(None, calls):
        call()
    return time.perf_counter_ns() - started


class Sampler:
    def __init__(self, call):
        self.call = call
        spent, called, calls, fastest = 0, 0, 1, math.inf
        while spent < ESTIMATE_NS and called < ESTIMATE_CALLS:
            elapsed = max(1, time_of(call, calls))
            fastest = min(fastest, elapsed / calls)
            spent += elapsed
            called += calls
            calls = min(2 * calls, MOST_CALLS, math.ceil(SAMPLE_NS / fastest))
        self.estimate = fastest
        self.calls = max(1, min(MOST_CALLS, math.ceil(SAMPLE_NS / fastest)))

    def round(self, ms):
        self.call()
        samples, spent = [], 0
        while len(samples) < FEWEST_SAMPLES or (spent < ms * 1e6 and len(samples) < MOST_SAMPLES):
            elapsed = time_of(self.call, self.calls)
            spent += elapsed
            samples.append(elapsed / self.calls)
        return float(np.quantile(samples, 0.25))


def reused(function, *x, **options):
    """A call of `function` into memory that is there already, where it takes such."""
    made = function(*x, **options)
    if made is None:
        return partial(function, *x, **options)
    try:
        out = made.copy() if isinstance(made, np.ndarray) else np.array(made) if isinstance(made, np.generic) else made.clone()
        function(*x, out=out, **options)
        return partial(function, *x, out=out, **options)
    except (TypeError, RuntimeError):
        return partial(function, *x, **options)


def serve_sweep(version, build, arrays_of):
    """`build(op, arrays, args)` gives a call, `arrays_of` its results as arrays."""
    gc.collect()
    gc.freeze()
    gc.disable()
    call = sampler = None

    def handle(command, rest):
        nonlocal call, sampler
        if command == 'make':
            call = sampler = None
            gc.collect()
            told = json.loads(rest)
            inputs = [np.fromfile(i['file'], i['dtype']).reshape(i['shape']) for i in told['inputs']]
            try:
                call = build(told['op'], inputs, told['args'])
            except NoSuchOperation:
                return {'none': True}
            results = []
            for i, array in enumerate(arrays_of(call())):
                file = f"{told['results']}.{i}"
                np.ascontiguousarray(array).tofile(file)
                results.append({'dtype': str(array.dtype), 'shape': list(array.shape), 'file': file})
            return {'results': results}
        if command == 'warm':
            sampler = Sampler(call)
            return {'ns': sampler.estimate}
        return {'ns': sampler.round(float(rest))}

    answer_lines({'version': version}, handle)
