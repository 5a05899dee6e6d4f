"""Writes test/goldens/<Op>.json: what real TensorFlow's CPU kernels answer, so that our reference and our kernels cannot share a mistake.

    pip install tensorflow==2.21.0     (its tf.compat.v1 graph mode; nothing else is used)
    python tools/goldens.py [Op ...]   (all ops by default)

A file is {op, tensorflow, cases}, one case a line. A case: `i` inputs (an array where the op takes a list), `a` attributes, `o` outputs or `e` TensorFlow's
error code and text, `r` the positions of inputs that are variables (their values after the op follow the outputs in `o`), `n` the number of
runs of a random op in one session (outputs of all runs follow each other), `d`/`g` gradients of the outputs and those of the inputs.
A tensor is [dtype, shape, base64 of its little-endian bytes (an array of base64 for strings)].

The specs of the ops are in goldens_ops.py; DIFFERENCES lists what TensorFlow 2.21 answers differently from 1.15, whose semantics grafo has.
"""
import base64
import inspect
import json
import os
import sys
import zlib

os.environ['TF_ENABLE_ONEDNN_OPTS'] = '0'
os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
import numpy as np  # noqa: E402
import tensorflow as tf  # noqa: E402
from tensorflow.core.protobuf import rewriter_config_pb2  # noqa: E402

tf1 = tf.compat.v1
tf1.disable_eager_execution()

# Op, predicate over (inputs, attrs, dtype), reason with 1.15's source. Such cases are not written.
nan_in = lambda *which: lambda i, a: any(np.asarray(i[k]).dtype.kind == 'f' and np.isnan(i[k]).any() for k in which)
zero_divisor = lambda i, a: np.asarray(i[1]).dtype.kind in 'iu' and (np.asarray(i[1]) == 0).any()
MINMAX = 'Eigen 3.3 scalar_max_op/scalar_min_op are std::max/min (cwise_ops.h:1049); 2.21 propagates NaN'
REDUCE = "Eigen 3.3's Max/MinReducer compares (NaN is lost or kept by position, reduction_ops.h); 2.21 propagates NaN"
ZERO = "2.21 and 1.15 forget these two where they name integer divisions (cwise_ops_common.cc, SetComputeError), so INTERNAL; grafo says what it is"
DIFFERENCES = {
    'TruncateDiv': (zero_divisor, ZERO),
    'TruncateMod': (zero_divisor, ZERO),
    'Range': (lambda i, a: any(np.asarray(x).dtype.kind == 'f' and x * 1024 % 1 != 0 for x in i), '1.15 adds delta up (sequence_ops.cc:75); 2.21 multiplies'),
    'Round': (lambda i, a: i[0].dtype.kind in 'iu', '2.21 gives 0 for every integer; 1.15 the integer itself (cwise_ops.h:572)'),
    'Erf': (lambda i, a: i[0].dtype == np.float64 and (np.abs(i[0]) > 1e10).any(), '2.21 gives NaN for infinite and huge doubles, where erf is 1'),
    'Transpose': (lambda i, a: (i[1] < 0).any(), '1.15 refuses a negative axis (transpose_op.cc:168); 2.21 counts it from the end'),
    'Sign': (nan_in(0), 'Eigen 3.3 scalar_sign_op is (a>0)-(a<0), so 0 (cwise_ops.h:844); 2.21 keeps NaN'),
    'Maximum': (nan_in(0, 1), MINMAX),
    'Minimum': (nan_in(0, 1), MINMAX),
    'Max': (nan_in(0), REDUCE),
    'Min': (nan_in(0), REDUCE),
}


class NotComparable(Exception):
    """TensorFlow 2.21 cannot build the case."""


def encode(value):
    value = np.array(value, object) if isinstance(value, bytes) else np.asarray(value)
    if value.dtype == object:
        return ['string', list(value.shape), [base64.b64encode(x).decode() for x in value.ravel()]]
    data = np.ascontiguousarray(value).tobytes()
    return [value.dtype.name, list(value.shape), base64.b64encode(data).decode()]


def encode_attr(value):
    if isinstance(value, tf.DType):
        return {'type': value.name}
    if isinstance(value, tf.TensorShape):
        return {'shape': None if value.rank is None else [-1 if d is None else d for d in value.as_list()]}
    if isinstance(value, (list, tuple)):
        return [encode_attr(x) for x in value]
    return value


def config():
    options = tf1.ConfigProto(intra_op_parallelism_threads=1, inter_op_parallelism_threads=1)
    options.graph_options.rewrite_options.disable_meta_optimizer = True
    options.graph_options.optimizer_options.opt_level = tf1.OptimizerOptions.L0
    options.graph_options.rewrite_options.constant_folding = rewriter_config_pb2.RewriterConfig.OFF
    return options


class Runner:
    """One graph and session for one op; nodes are made once per dtypes, attributes and arity."""

    def __init__(self, op):
        self.op = op
        self.graph = tf.Graph()
        self.session = tf1.Session(graph=self.graph, config=config())
        self.made = {}

    def node(self, inputs, attrs, refs, grads):
        signature = lambda v: [signature(x) for x in v] if isinstance(v, list) else dtype_of(v).name
        shapes = [list(np.shape(inputs[r])) for r in refs]
        key = json.dumps([signature(inputs), encode_attr(list(attrs.items())), refs, shapes, grads])
        if key not in self.made:
            with self.graph.as_default():
                self.made[key] = self.build(inputs, attrs, refs, grads)
        return self.made[key]

    def build(self, inputs, attrs, refs, grads):
        holders, values = [], []
        for position, value in enumerate(inputs):
            if position in refs:
                variable = tf.raw_ops.VariableV2(shape=list(np.shape(value)), dtype=dtype_of(value))
                holders.append(variable)
                values.append(variable)
            elif isinstance(value, list):
                made = [tf1.placeholder(dtype_of(x)) for x in value]
                holders.append(made)
                values.append(made)
            else:
                made = tf1.placeholder(dtype_of(value))
                holders.append(made)
                values.append(made)
        function = getattr(tf.raw_ops, self.op)
        names = list(inspect.signature(function).parameters)
        try:
            result = function(**dict(zip(names, values)), **attrs)
        except (ValueError, TypeError) as error:
            raise NotComparable(str(error)) from error
        operation = result if isinstance(result, tf.Operation) else first(result).op
        outputs = list(operation.outputs)
        assigns = [tf1.assign(holders[r], tf1.placeholder(dtype_of(inputs[r]), name=f'i{r}'), validate_shape=False) for r in refs]
        with tf.control_dependencies([operation]):
            after = [tf.identity(holders[r].op.outputs[0]) for r in refs]
        gradient = None
        if grads:
            xs = [v for v in flat(values) if v.dtype.is_floating]
            ys = [y for y in outputs if y.dtype.is_floating]
            dys = [tf1.placeholder(y.dtype) for y in ys]
            try:
                dxs = tf1.gradients(ys, xs, dys)
                gradient = (ys, dys, [tf.convert_to_tensor(dx) if isinstance(dx, tf.IndexedSlices) else dx for dx in dxs])
            except (LookupError, TypeError, ValueError) as error:
                print(f'{self.op}: no gradient: {str(error)[:120]}', file=sys.stderr)
        return holders, operation, outputs, assigns, after, gradient

    def run(self, inputs, attrs, refs=(), runs=1, grads=False, rng=None):
        refs = list(refs)
        holders, operation, outputs, assigns, after, gradient = self.node(inputs, attrs, refs, grads)
        feeds = {}
        for position, value in enumerate(inputs):
            if position in refs:
                continue
            for holder, item in zip(flat([holders[position]]), flat([value])):
                feeds[holder] = item
        for r, assign in zip(refs, assigns):
            self.session.run(assign, {assign.op.inputs[1]: inputs[r]})
        case = {'i': [[encode(x) for x in v] if isinstance(v, list) else encode(v) for v in inputs]}
        if attrs:
            names = {'axis': 'squeeze_dims'} if self.op == 'Squeeze' else {}  # Python's name and the attribute's
            case['a'] = {names.get(k, k): encode_attr(v) for k, v in attrs.items()}
        if refs:
            case['r'] = refs
        if runs > 1:
            case['n'] = runs
        fetches = [operation] + outputs + after if not refs else [operation] + after
        results = []
        for _ in range(runs):
            try:
                results += self.session.run(fetches, feeds)[1:]
            except tf.errors.OpError as error:
                text = reason(error.message)
                if 'No OpKernel' in text or 'Could not find' in text:
                    raise NotComparable(text) from error
                code = error.error_code
                case['e'] = [code_name(code), text]
                return case
        case['o'] = [encode(x) for x in results]
        if gradient is not None:
            ys, dys, dxs = gradient
            values = [grad_value(rng, x) for x in self.session.run(ys, feeds)]
            feeds.update(zip(dys, values))
            known = [dx for dx in dxs if dx is not None]
            try:
                found = iter(self.session.run(known, feeds))
            except tf.errors.OpError as error:
                print(f'{self.op}: gradient: {error.message[:120]}', file=sys.stderr)
                return case
            case['d'] = [encode(x) for x in values]
            case['g'] = [None if dx is None else encode(next(found)) for dx in dxs]
        return case


def reason(message):
    """The kernel's own words among TensorFlow's lines about where and from where."""
    lines = [line for line in message.split('\n') if line.strip()]
    at = next((k for k, line in enumerate(lines) if '[[{{node' in line), len(lines))
    return (lines[at].split('[[{{node')[0].strip() if at < len(lines) else '') or lines[max(at - 1, 0)].strip()


def grad_value(rng, y):
    return np.asarray(np.round(rng.uniform(-2, 2, y.shape), 2), y.dtype)


def code_name(code):
    names = {v: k for k, v in vars(tf.errors).items() if k.isupper() and isinstance(v, int)}
    return names.get(code, str(code))


def dtype_of(value):
    value = np.asarray(value)
    return tf.string if value.dtype == object else tf.as_dtype(value.dtype)


def first(result):
    if isinstance(result, (list, tuple)):
        return first(result[0])
    return result


def flat(values):
    out = []
    for value in values:
        out += flat(value) if isinstance(value, list) else [value]
    return out


def write(op, spec, folder):
    runner = Runner(op)
    lines, count, skipped = [], {}, 0
    difference = DIFFERENCES.get(op)
    for dtype in spec.dtypes:
        rng = np.random.RandomState(zlib.crc32(f'{op} {dtype}'.encode()) % 2**31)
        for case in spec.cases(rng, dtype):
            if difference is not None and difference[0](case['inputs'], case.get('attrs', {})):
                continue
            try:
                if case.get('runs', 1) > 1:
                    runner = Runner(op)  # a random op's counter starts again
                made = runner.run(case['inputs'], case.get('attrs', {}), case.get('refs', ()), case.get('runs', 1),
                                  bool(case.get('grads', False)) and dtype in ('float32', 'float64'), rng)
            except NotComparable as error:
                skipped += 1
                if skipped <= 2:
                    print(f'{op} {dtype}: {str(error)[:200]}', file=sys.stderr)
                continue
            lines.append(json.dumps(made, separators=(',', ':')))
            count[dtype] = count.get(dtype, 0) + 1
    head = json.dumps({'op': op, 'tensorflow': tf.__version__})[:-1]
    with open(os.path.join(folder, op + '.json'), 'w', encoding='utf-8') as file:
        file.write(head + ', "cases": [\n' + ',\n'.join(lines) + '\n]}\n')
    low = {k: v for k, v in count.items() if v < 20}
    print(f'{op}: {sum(count.values())} cases, {len(count)} dtypes' + (f', below 20: {low}' if low else '') + (f', {skipped} skipped' if skipped else ''))
    return sum(count.values())


def main():
    from goldens_ops import SPECS
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'test', 'goldens')
    os.makedirs(folder, exist_ok=True)
    names = sys.argv[1:] or sorted(SPECS)
    print(f'{sum(write(name, SPECS[name], folder) for name in names)} cases in {len(names)} files')


if __name__ == '__main__':
    main()
