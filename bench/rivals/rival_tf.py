"""TensorFlow 2.21 through its v1 Session, graphs run by make_callable: the seed's own API in its best form."""
import tensorflow as tf2

from worker import *

tf = tf2.compat.v1
tf.disable_eager_execution()


def session_config():
    return tf.ConfigProto(intra_op_parallelism_threads=THREADS, inter_op_parallelism_threads=1)


def build(kind, option, x):
    if kind == 'add':
        return x[0] + x[1]
    if kind == 'affine':
        return x[0] * x[1] + x[2]
    if kind in ('exp', 'log', 'tanh', 'sigmoid'):
        return getattr(tf, kind)(x[0])
    if kind == 'pow':
        return tf.pow(x[0], 2.3)
    if kind == 'sce8':
        return tf.nn.relu(x[0]) - x[0] * x[1] + tf.log(1 + tf.exp(-tf.abs(x[0])))
    if kind == 'matmul':
        return tf.matmul(x[0], x[1], transpose_a=option[0], transpose_b=option[1])
    if kind == 'transpose':
        return tf.transpose(x[0])
    if kind in ('sum', 'max'):
        return getattr(tf, f'reduce_{kind}')(x[0], option)
    if kind == 'argmax':
        return tf.argmax(x[0], option)
    if kind == 'softmax':
        return tf.nn.softmax(x[0])
    raise ValueError(kind)


def op_case(kind, make, option):
    """Inputs are variables, of which there are two sets; the operation is run without copying its result out."""
    graph = tf.Graph()
    with graph.as_default():
        starts, results, fed = [], [], {}
        for s in (0, 1):
            x = []
            for value in make(s):
                # Fed, because a constant of that size does not fit into a graph.
                place = tf.placeholder(value.dtype, value.shape)
                fed[place] = value
                x.append(tf.Variable(place, trainable=False))
            results.append(build(kind, option, x))
        init = tf.global_variables_initializer()
        s = tf.Session(graph=graph, config=session_config())
        s.run(init, fed)
        steps = [s.make_callable(result.op) for result in results]
    return Case(lambda i: steps[i & 1](), lambda which: [s.run(results[which])])


def logreg():
    graph = tf.Graph()
    with graph.as_default():
        x, l = tf.placeholder(tf.float32, [POINTS, 2]), tf.placeholder(tf.float32, [POINTS, 1])
        w, b = tf.Variable(tf.zeros([2, 1])), tf.Variable(tf.zeros([1]))
        p = tf.nn.sigmoid(tf.matmul(x, w) + b)
        cost = -tf.reduce_sum(l * tf.log(p) + (1 - l) * tf.log(1 - p))
        train = tf.train.GradientDescentOptimizer(RATE).minimize(cost)
        s = tf.Session(graph=graph, config=session_config())
        init = s.make_callable(tf.global_variables_initializer())
        step = s.make_callable([train, cost], [x, l])
    sets = [logreg_points(0), logreg_points(1)]

    def epochs(which):
        init()
        for _ in range(EPOCHS):
            c = step(*sets[which])[1]
        return c
    return Case(lambda i: epochs(i & 1), lambda which: [epochs(which), *s.run([w, b])])


def training(model, batches):
    graph = tf.Graph()
    with graph.as_default():
        feeds, loss, train = model()
        s = tf.Session(graph=graph, config=session_config())
        init = s.make_callable(tf.global_variables_initializer())
        step, told = s.make_callable(train, feeds), s.make_callable([train, loss], feeds)

    def check(which):
        init()
        return [np.array([told(*batches[(i + which) % BATCHES])[1] for i in range(CHECKED_STEPS)], f32)]
    return Case(lambda i: step(*batches[i % BATCHES]), check, init)


def mlp(optimizer):
    def model():
        x, y = tf.placeholder(tf.float32, [MLP_BATCH, 784]), tf.placeholder(tf.int32, [MLP_BATCH])
        h = x
        for i, w in enumerate(mlp_weights()):
            h = tf.matmul(h, tf.Variable(w)) + tf.Variable(tf.zeros([w.shape[1]]))
            if i < 2:
                h = tf.nn.relu(h)
        loss = tf.reduce_mean(tf.nn.sparse_softmax_cross_entropy_with_logits(labels=y, logits=h))
        return [x, y], loss, optimizer().minimize(loss)
    return training(model, mlp_batches())


def tiny():
    def model():
        x, y = tf.placeholder(tf.float32, [TINY_BATCH, 2]), tf.placeholder(tf.float32, [TINY_BATCH, 1])
        h = x
        for w in tiny_weights():
            h = tf.tanh(tf.matmul(h, tf.Variable(w)) + tf.Variable(tf.zeros([w.shape[1]])))
        loss = 0.5 * tf.reduce_mean(tf.square(h - y))
        return [x, y], loss, tf.train.GradientDescentOptimizer(0.03).minimize(loss)
    return training(model, tiny_batches())


def scalar(prepared):
    graph = tf.Graph()
    with graph.as_default():
        a = tf.placeholder(tf.float32, [])
        c = a + 1.0
        s = tf.Session(graph=graph, config=session_config())
    values = [f32(v) for v in range(1024)]
    step = s.make_callable(c, [a])
    call = (lambda i: step(values[i & 1023])) if prepared else (lambda i: s.run(c, {a: values[i & 1023]}))
    return Case(call, lambda which: [call(5 + which)])


rows = {name: (lambda kind=kind, make=make, option=option: op_case(kind, make, option)) for name, kind, make, option in op_rows()}
if TRIAL == 'logreg':
    rows = {'train.logreg': logreg}
if TRIAL == 'mlp':
    rows = {
        'train.mlp.sgdm': lambda: mlp(lambda: tf.train.MomentumOptimizer(0.01, 0.9)),
        'train.mlp.adam': lambda: mlp(lambda: tf.train.AdamOptimizer(1e-3)),
    }
if TRIAL == 'tiny':
    rows = {'train.tiny': tiny}
if TRIAL == 'scalar':
    rows = {'overhead.add': lambda: scalar(False), 'overhead.add.callable': lambda: scalar(True)}
serve(f'TensorFlow {tf2.__version__}, v1 Session', rows)
