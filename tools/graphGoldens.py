"""Writes test/e2e/graphs/<program>.json: the graphs that TensorFlow 1.15's Python makes of small programs, node by node.

    pip install tensorflow==2.21.0     (its tf.compat.v1 graph mode with reference variables)
    python tools/graphGoldens.py <tensorflow/python/ops of a 1.15 source tree> [program ...]

2.21 builds gradients in another way than 1.15, so the gradient functions, clipping, reduced_shape and the seed rule are taken from the 1.15 sources.
A file is a list of [name, op, inputs, attributes]; the value of a Const is [dtype, shape, base64 of its little-endian bytes]. The same programs in
TypeScript stand in test/e2e/graphPrograms.ts. NEW lists attributes that 1.15 does not have. What the programs leave out is what
else 2.21 builds differently: reduce_logsumexp, linspace, dropout, tensordot, Assert, a whole number of parts in split.
"""
import base64
import json
import os
import re
import sys
import types

os.environ['TF_CPP_MIN_LOG_LEVEL'] = '3'
import numpy as np  # noqa: E402
import tensorflow.compat.v1 as tf  # noqa: E402
from google.protobuf.json_format import MessageToDict  # noqa: E402
from tensorflow.python.client import pywrap_tf_session as native  # noqa: E402
from tensorflow.python.compat import compat  # noqa: E402
from tensorflow.python.framework import indexed_slices, ops, random_seed, tensor, tensor_util  # noqa: E402
from tensorflow.python.ops import array_ops, array_ops_stack, gen_math_ops, gradients_util, math_ops  # noqa: E402

tf.disable_eager_execution()
tf.disable_resource_variables()
tf.disable_v2_tensorshape()
NEW = ('grad_a', 'grad_b', 'grad_x', 'grad_y', '_has_manual_control_dependencies', 'shape_type')
PROGRAMS = {}


def program(fn):
    PROGRAMS[fn.__name__] = fn
    return fn


@program
def linear():
    tf.set_random_seed(777)
    x = tf.placeholder(tf.float32, [None], name='x')
    y = tf.placeholder(tf.float32, [None], name='y')
    w = tf.Variable(tf.random_normal([1]), name='weight')
    b = tf.Variable(tf.random_normal([1]), name='bias')
    cost = tf.reduce_mean(tf.square(x * w + b - y))
    tf.train.GradientDescentOptimizer(learning_rate=0.01).minimize(cost)
    tf.global_variables_initializer()


@program
def mlp_adam():
    x = tf.placeholder(tf.float32, [None, 784])
    y = tf.placeholder(tf.float32, [None, 10])
    w1 = tf.Variable(tf.random_normal([784, 256], stddev=0.1, seed=5))
    b1 = tf.Variable(tf.zeros([256]))
    h = tf.nn.relu(tf.nn.bias_add(tf.matmul(x, w1), b1))
    w2 = tf.Variable(tf.truncated_normal([256, 10]))
    logits = tf.matmul(h, w2)
    cost = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits_v2(logits=logits, labels=y))
    tf.train.AdamOptimizer(learning_rate=0.001).minimize(cost)
    correct = tf.equal(tf.argmax(logits, 1), tf.argmax(y, 1))
    tf.reduce_mean(tf.cast(correct, tf.float32))
    tf.global_variables_initializer()


@program
def old_cross_entropy():
    x = tf.placeholder(tf.float32, [None, 4])
    w = tf.Variable(tf.ones([4, 3]), name='w')
    z = tf.matmul(x, w)
    one = tf.one_hot(tf.placeholder(tf.int32, [None, 1]), 3)
    one = tf.reshape(one, [-1, 3])
    loss = tf.reduce_mean(tf.nn.softmax_cross_entropy_with_logits(logits=z, labels=tf.stop_gradient(one)))
    sparse = tf.nn.sparse_softmax_cross_entropy_with_logits(labels=tf.argmax(one, 1), logits=z)
    bce = tf.nn.sigmoid_cross_entropy_with_logits(labels=one, logits=z)
    tf.gradients(loss, [w])
    tf.gradients(sparse, [w])
    tf.identity(bce)


@program
def momentum_nesterov():
    step = tf.train.get_or_create_global_step()
    rate = tf.train.exponential_decay(0.1, step, 100, 0.96, staircase=True)
    w = tf.Variable([[1.0, 2.0], [3.0, 4.0]], name='w')
    loss = tf.reduce_sum(tf.square(w), axis=1, keepdims=True)
    opt = tf.train.MomentumOptimizer(rate, 0.9, use_nesterov=True)
    opt.minimize(loss, global_step=step)


@program
def clip_global():
    a = tf.Variable([1.0, 2.0], name='a')
    b = tf.Variable([[3.0]], name='b')
    loss = tf.reduce_sum(tf.square(a)) + tf.reduce_sum(tf.square(b))
    opt = tf.train.GradientDescentOptimizer(0.5)
    grads = opt.compute_gradients(loss)
    clipped, norm = tf.clip_by_global_norm([g for g, _ in grads], 1.0)
    opt.apply_gradients(list(zip(clipped, [v for _, v in grads])))
    tf.clip_by_value(b, -1.0, 1.0)


@program
def reductions():
    x = tf.placeholder(tf.float32, [None, 3, 4], name='x')
    tf.reduce_mean(x, [0, 2], keepdims=True)
    tf.reduce_max(x, axis=-1)
    tf.reduce_prod(x)
    tf.reduce_all(tf.greater(x, 0), axis=0)
    tf.reduce_any(x < 1.0)
    tf.nn.moments(x, [0])
    tf.nn.l2_normalize(x, 1)
    tf.cumsum(x, 1, exclusive=True)


@program
def slices():
    x = tf.placeholder(tf.float32, [None, 6], name='x')
    x[:, 1]
    x[0, 2:4]
    x[..., -1]
    x[:, tf.newaxis, ::2]
    x[1:]
    tf.slice(x, [0, 1], [-1, 2])
    tf.strided_slice(x, [0, 0], [2, 6], [1, 2])
    tf.gather(x, [0, 2], axis=1)
    tf.shape(x)[0]
    tf.boolean_mask(x, [True, False, True, True, False, True], axis=1)


@program
def moving():
    x = tf.placeholder(tf.float32, [2, 3], name='x')
    y = tf.placeholder(tf.float32, [2, 3], name='y')
    c = tf.concat([x, y], 1)
    tf.split(c, [2, 4], 1)
    tf.stack([x, y], axis=1)
    tf.unstack(x, axis=1)
    tf.transpose(x)
    tf.transpose(x, [1, 0])
    tf.tile(x, [2, 1])
    tf.pad(x, [[1, 1], [0, 2]])
    tf.pad(x, [[1, 1], [0, 2]], 'REFLECT')
    tf.expand_dims(x, -1)
    tf.squeeze(tf.expand_dims(x, 0), [0])
    tf.where(x > y, x, y)
    tf.where(x > y)
    tf.fill([2, 2], 7.0)
    tf.range(10)
    tf.zeros_like(x)
    tf.ones_like(tf.placeholder(tf.float32))
    tf.size(x)
    tf.rank(x)
    tf.cast(x, tf.int32)
    tf.unique(tf.constant([1, 2, 1]))
    tf.reverse(x, [0])
    tf.matmul(x, y, transpose_b=True)


@program
def move_gradients():
    x = tf.placeholder(tf.float32, [2, 4], name='x')
    y = tf.placeholder(tf.float32, [2, 4], name='y')
    a, b = tf.split(tf.concat([x, y], 0), [2, 2], 1)
    s = tf.stack([a, b])
    u = tf.unstack(s, axis=1)
    t = tf.transpose(u[0])
    tf.gradients([t, u[2]], [x, y])
    tf.gradients(tf.reshape(x, [-1])[1:3], x)
    tf.gradients(tf.pad(x, [[1, 0], [0, 0]]), x)
    tf.gradients(tf.expand_dims(tf.squeeze(x[0:1], [0]), 0), x)
    tf.gradients(tf.cast(x, tf.float64), x)
    tf.gradients(tf.gather(x, [1, 0]), x)
    tf.gradients(tf.tile(x, [1, 2]), x)


@program
def math_gradients():
    x = tf.placeholder(tf.float32, [3], name='x')
    for f in (tf.square, tf.sqrt, tf.exp, tf.log, tf.sigmoid, tf.tanh, tf.abs, tf.sin, tf.cos, tf.nn.relu, tf.nn.elu, tf.nn.softplus, tf.reciprocal, tf.rsqrt, tf.log1p, tf.expm1,
              tf.tan, tf.asin, tf.acos, tf.atan, tf.negative, tf.nn.softmax, tf.nn.log_softmax, tf.nn.l2_loss, tf.nn.selu, tf.nn.relu6, tf.nn.softsign, tf.round, tf.sign, tf.floor):
        tf.gradients(f(x), x)


@program
def second_order():
    x = tf.placeholder(tf.float32, [], name='x')
    y = tf.sigmoid(x) * tf.tanh(x)
    dy = tf.gradients(y, x)[0]
    tf.gradients(dy, x)


@program
def scopes():
    with tf.name_scope('layer'):
        a = tf.constant(1.0)
        with tf.name_scope('inner') as inner:
            b = a + 2.0
        with tf.name_scope(inner):
            c = b * 3.0
    with tf.name_scope('layer'):
        d = 1.0 - c
    with tf.control_dependencies([d, b]):
        e = tf.identity(a)
        with tf.control_dependencies([c]):
            f = tf.no_op(name='done')
        with tf.control_dependencies(None):
            tf.constant(5)
    with tf.variable_scope('net'):
        w = tf.get_variable('w', [2, 3])
        with tf.variable_scope('deep', reuse=tf.AUTO_REUSE):
            v = tf.get_variable('v', [3], initializer=tf.zeros_initializer())
            tf.get_variable('v', [3])
    tf.group(e, f, name='all')
    tf.tuple([a, b])
    tf.assign(v, [1.0, 2.0, 3.0])
    tf.assign_add(v, tf.ones([3]))
    with tf.device('/cpu:0'):
        (w / 2.0) // 1.0
    (-a) ** 2.0
    a % 2.0
    tf.div(a, b)
    tf.add(a, b)
    tf.logical_and(a > b, a <= b)
    tf.check_numerics(a, 'bad')
    tf.add_n([a, b])


@program
def randoms():
    tf.set_random_seed(7)
    tf.random_normal([2, 3])
    tf.random_uniform([4], -1.0, 1.0)
    tf.truncated_normal([2], stddev=0.5, seed=9)
    tf.random_uniform([4], maxval=10, dtype=tf.int32)
    tf.glorot_uniform_initializer()([3, 4])
    tf.random_normal_initializer(seed=3)([2])
    tf.variance_scaling_initializer(mode='fan_avg', distribution='uniform')([4, 5])


def evaluate(x):
    """TF_TryEvaluateConstant; 2.21 gives an array where 1.15 gave a tensor."""
    if isinstance(x, np.ndarray):
        return tuple(x.tolist())
    value = tensor_util.constant_value(x)
    if value is None:
        with x.graph._c_graph.get() as graph:
            value = native.TF_TryEvaluateConstant_wrapper(graph, x._as_tf_output())
    return tuple(value)


def register(op_type):
    def put(fn):
        ops.gradient_registry._registry.pop(op_type, None)
        ops.gradient_registry.register(fn, op_type)
        return fn
    return put


def load(folder, name, function=None):
    """A module of 1.15 (or one function of it, in 2.21's math_ops) over the modules of 2.21."""
    with open(os.path.join(folder, name + '.py')) as file:
        source = file.read()
    if function is not None:
        source = re.search(r'^def ' + function + r'\(.*?(?=^(?:def|@|\S))', source, re.M | re.S).group()
        exec(compile(source, name, 'exec'), math_ops.__dict__)
        return None
    source = re.sub(r'^from tensorflow.python.ops.gen_\S+ import \*\n', '', source, flags=re.M)
    source = re.sub(r'^(from tensorflow\.\S+ import \S.*)$', r'try:\n  \1\nexcept ImportError:\n  pass', source, flags=re.M)
    source = source.replace('ops.RegisterGradient(', '_register(')
    source = re.sub(r'ops\.(?:NotDifferentiable|NoGradient)\((.*?)\)', r'_register(\1)(None)', source)
    source = re.sub(r'c_api.TF_TryEvaluateConstant_wrapper\(\s*(\w+)\.graph\._c_graph, \w+\._as_tf_output\(\)\)', r'_evaluate(\1)', source)
    source = re.sub(r'^@(?:tf_export|deprecation\.\w+)\([^)]*\)\n', '', source, flags=re.M)
    module = types.ModuleType('old_' + name)
    module.__dict__.update(_register=register, _evaluate=evaluate)
    exec(compile(source, name, 'exec'), module.__dict__)
    return module


def seeds(op_seed):
    graph = ops.get_default_graph()
    if graph.seed is not None:
        return graph.seed, op_seed if op_seed is not None else len(graph.get_operations())
    return (87654321, op_seed) if op_seed is not None else (None, None)


def use_115(folder):
    compat._FORWARD_COMPATIBILITY_DATE_NUMBER = compat._date_to_date_number(2019, 8, 21)  # 1.15's _FORWARD_COMPATIBILITY_HORIZON
    random_seed.get_seed = seeds
    math_ops.add = gen_math_ops.add
    array_ops.stack, array_ops.unstack = array_ops_stack.stack, array_ops_stack.unstack
    ops.Tensor, ops.IndexedSlices = tensor.Tensor, indexed_slices.IndexedSlices
    ops.convert_n_to_tensor_or_indexed_slices = indexed_slices.internal_convert_n_to_tensor_or_indexed_slices
    ops.convert_to_tensor_or_indexed_slices = indexed_slices.internal_convert_to_tensor_or_indexed_slices
    for name in ('math_grad', 'array_grad', 'nn_grad'):
        load(folder, name)
    load(folder, 'math_ops', 'reduced_shape')
    gradients_util._DefaultGradYs = load(folder, 'gradients_util')._DefaultGradYs
    tf.clip_by_global_norm = load(folder, 'clip_ops').clip_by_global_norm


def attribute(value, op, key):
    if key == 'value' and op == 'Const':
        array = tensor_util.MakeNdarray(value.tensor)
        if array.dtype == object:
            return ['string', list(array.shape), [base64.b64encode(x).decode() for x in array.ravel()]]
        return [array.dtype.name, list(array.shape), base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()]
    return MessageToDict(value)


def nodes(graph):
    for node in graph.as_graph_def().node:
        attrs = {key: attribute(node.attr[key], node.op, key) for key in sorted(node.attr) if key not in NEW}
        yield [node.name, node.op, list(node.input), attrs]


def main(source, *names):
    use_115(source)
    folder = os.path.join(os.path.dirname(__file__), '..', 'test', 'e2e', 'graphs')
    os.makedirs(folder, exist_ok=True)
    for name in names or PROGRAMS:
        with tf.Graph().as_default() as graph:
            PROGRAMS[name]()
            lines = ',\n'.join(json.dumps(node) for node in nodes(graph))
            with open(os.path.join(folder, name + '.json'), 'w') as file:
                file.write('[\n' + lines + '\n]\n')


if __name__ == '__main__':
    main(*sys.argv[1:])
