"""Cases of tools/goldens.py for ops on arrays, neural networks, random numbers, state and training."""
import itertools

import numpy as np
import tensorflow as tf

from goldens_ops import ALL, ANY, F, I32, PAIRS, REAL, SHAPES, TYPE, distinct, draw, i32, op, plain

MOVE = REAL + ['bool', 'string']
INDEX = ('int32', 'int64')
finite = lambda *xs: all(np.isfinite(x).all() for x in xs if x.dtype.kind == 'f')


def case(inputs, attrs=None, grads=True):
    return {'inputs': inputs, 'attrs': attrs or {}, 'grads': grads}


# Arrays ---------------------------------------------------------------------------------------------------------------

@op('Identity StopGradient PreventGradient ZerosLike OnesLike', ANY)
def same(rng, dtype, name):
    if (name == 'OnesLike' and dtype == 'string') or (name in ('OnesLike', 'ZerosLike') and dtype in ('uint32', 'uint64')):
        return
    for shape in SHAPES:
        yield case([draw(rng, dtype, shape)], grads=name in ('Identity', 'ZerosLike'))


@op('Shape Size Rank', ANY)
def about(rng, dtype, name):
    for shape in SHAPES:
        x = draw(rng, dtype, shape)
        yield case([x], None if name == 'Rank' else {'out_type': TYPE(INDEX[len(shape) % 2])}, False)


@op('ShapeN', F + I32 + ['string'])
def shape_n(rng, dtype, name):
    for k in range(20):
        yield case([[draw(rng, dtype, SHAPES[(k + j) % 20]) for j in range(1 + k % 3)]], {'out_type': TYPE(INDEX[k % 2])}, False)


@op('Reshape', ANY)
def reshape(rng, dtype, name):
    for a, b in [((6,), (2, 3)), ((2, 3), (-1,)), ((2, 3), (3, -1)), ((1,), ()), ((), (1, 1)), ((0,), (0, 3)), ((0, 3), (-1, 3)), ((2, 0), (0,)), ((2, 3, 4), (4, 6)),
                 ((2, 3, 4), (-1, 2, 2)), ((24,), (1, 2, 3, 4, 1)), ((1, 1, 1), (-1,)), ((4,), (2, 2)), ((4,), (-1, 4)), ((2, 2), (2, 2)), ((0, 2), (0, 0)), ((3,), (3, 1)),
                 ((6,), (4,)), ((6,), (4, -1)), ((6,), (-1, -1)), ((5, 7), (7, 5)), ((6,), (-2, 3))]:
        yield case([draw(rng, dtype, a), np.array(b, INDEX[len(a) % 2])])


@op('ExpandDims', ANY)
def expand_dims(rng, dtype, name):
    for shape, axis in [((), 0), ((), -1), ((3,), 0), ((3,), 1), ((3,), -1), ((3,), -2), ((2, 3), 1), ((2, 3), -3), ((2, 3), 2), ((0,), 0), ((0, 2), 1), ((2, 0), -1), ((2, 3, 4), 3),
                        ((2, 3, 4), -4), ((1, 1), 1), ((1,), 1), ((2,), 2), ((2,), -3), ((2, 2, 2, 2), 2), ((1, 2, 1, 2, 1), 5)]:
        yield case([draw(rng, dtype, shape), np.array(axis, INDEX[len(shape) % 2])])


@op('Squeeze', ANY)
def squeeze(rng, dtype, name):
    for shape, axes in [((), []), ((1,), []), ((1, 3), []), ((1, 3, 1), []), ((1, 3, 1), [0]), ((1, 3, 1), [2]), ((1, 3, 1), [-1]), ((1, 3, 1), [-3, 2]), ((1, 0, 1), []), ((1, 0, 1), [0]),
                        ((2, 3), []), ((1, 1, 1), []), ((1, 1, 1), [1]), ((2, 1, 2, 1, 2), [1, 3]), ((2, 1, 2, 1, 2), [-4]), ((1, 2), [1]), ((2, 1), [1]), ((2, 1), [2]), ((1, 5), [0]), ((0, 1), [1])]:
        yield case([draw(rng, dtype, shape)], {'axis': axes})


@op('Transpose', MOVE)
def transpose(rng, dtype, name):
    for shape, perm in [((), []), ((3,), [0]), ((2, 3), [1, 0]), ((2, 3), [0, 1]), ((2, 3, 4), [2, 0, 1]), ((2, 3, 4), [0, 2, 1]), ((2, 3, 4), [2, 1, 0]), ((2, 3, 4), [1, 0, 2]), ((0, 3), [1, 0]),
                        ((2, 0, 3), [2, 1, 0]), ((2, 3, 2, 2), [3, 1, 0, 2]), ((2, 2, 2, 2, 2), [4, 2, 0, 1, 3]), ((1, 2, 1, 2, 1, 2), [5, 4, 3, 2, 1, 0]), ((17, 3), [1, 0]), ((2, 3), [0, 0]),
                        ((2, 3), [0]), ((2, 3), [2, 0]), ((7, 9), [1, 0]), ((1, 5), [1, 0]), ((2, 1, 3), [1, 2, 0]), ((2, 3), [-1, 0])]:
        yield case([draw(rng, dtype, shape), np.array(perm, INDEX[len(shape) % 2])])


@op('ReverseV2', MOVE)
def reverse(rng, dtype, name):
    for shape, axes in [((), []), ((3,), [0]), ((3,), []), ((3,), [-1]), ((2, 3), [0]), ((2, 3), [1]), ((2, 3), [0, 1]), ((2, 3), [-1, 0]), ((0,), [0]), ((0, 2), [1]), ((2, 0), [0, 1]), ((2, 3, 4), [1]), ((2, 3, 4), [2, 0]),
                        ((2, 3, 4), [-3, -1]), ((2, 2, 2, 2), [1, 3]), ((17,), [0]), ((1, 1), [0, 1]), ((2, 3), [2]), ((2, 3), [0, 0]), ((4, 1), [0])]:
        yield case([draw(rng, dtype, shape), np.array(axes, INDEX[len(shape) % 2])])


@op('DynamicStitch', I32 + ['int8', 'int16', 'uint8', 'uint16'])
def stitch(rng, dtype, name):
    for k in range(20):
        row = ()
        shapes = [((1,), (2,), (3,), (4,), (0,))[rng.randint(5)] for _ in range(1 + k % 3)]
        total = sum(int(np.prod(s)) for s in shapes)
        order = list(rng.permutation(total)) if k % 5 else [0] * total
        indices = [np.array([order.pop() for _ in range(int(np.prod(s)))], 'int32').reshape(s) for s in shapes]
        yield case([indices, [draw(rng, dtype, s + row) for s in shapes]])


@op('ListDiff', I32 + ['int8', 'int16', 'uint8', 'uint16'])
def list_diff(rng, dtype, name):
    for k, (n, m) in enumerate([(0, 0), (3, 0), (0, 3), (1, 1), (5, 2), (5, 5), (9, 3), (3, 9), (17, 4), (8, 1)] * 2):
        x, y = (np.round(v) if dtype in F else v for v in (plain(rng, dtype, (n,)), plain(rng, dtype, (m,))))
        yield case([x, y], {'out_idx': TYPE(INDEX[k % 2])}, False)


@op('InvertPermutation', I32)
def invert(rng, dtype, name):
    for n in range(20):
        yield case([rng.permutation(n).astype(dtype)], grads=False)
    for bad in ([0, 0], [1, 2], [-1, 0]):
        yield case([np.array(bad, dtype)], grads=False)


@op('ConcatV2', ANY)
def concat(rng, dtype, name):
    for shapes, axis in [([(2,), (3,)], 0), ([(2,)], 0), ([(2,), (0,), (3,)], 0), ([(0,), (0,)], 0), ([(2, 3), (1, 3)], 0), ([(2, 3), (2, 1)], 1), ([(2, 3), (2, 1)], -1), ([(2, 0), (2, 2)], 1),
                         ([(0, 3), (0, 3)], 1), ([(2, 3, 2), (2, 1, 2), (2, 2, 2)], 1), ([(2, 3, 2), (2, 3, 1)], -1), ([(1, 2, 2)] * 5, 0), ([(2, 2, 2, 2), (2, 2, 1, 2)], 2), ([(17,), (16,)], 0),
                         ([(3, 7), (3, 8)], 1), ([(2, 3), (2, 2)], 0), ([(2,), (2, 1)], 0), ([(2,), (2,)], 1), ([(2,), (2,)], -1), ([(1,)] * 9, 0), ([(4, 1), (4, 1)], 1), ([(2, 2)] * 3, -2)]:
        yield case([[draw(rng, dtype, s) for s in shapes], np.array(axis, INDEX[len(shapes) % 2])], grads=len(shapes) > 1)


@op('ConcatOffset', ['int32'])
def concat_offset(rng, dtype, name):
    for k in range(20):
        rank, n = 1 + k % 3, 2 + k % 4
        axis = k % rank
        base = rng.randint(0, 5, rank)
        shapes = [np.where(np.arange(rank) == axis, rng.randint(0, 5), base).astype('int32') for _ in range(n)]
        yield case([i32(axis - (rank if k % 2 else 0)), shapes], grads=False)


@op('Pack', ANY)
def pack(rng, dtype, name):
    for shape, n, axis in [((), 1, 0), ((), 3, 0), ((), 3, -1), ((2,), 2, 0), ((2,), 2, 1), ((2,), 3, -1), ((2,), 3, -2), ((0,), 2, 0), ((0,), 2, 1), ((2, 3), 2, 1), ((2, 3), 2, 2), ((2, 3), 2, -3),
                           ((2, 3), 1, 0), ((2, 0), 3, 1), ((2, 2, 2), 2, 3), ((2, 2, 2), 2, -4), ((1, 1), 4, 0), ((3,), 1, 1), ((17,), 2, 1), ((2, 3), 2, 3)]:
        yield case([[draw(rng, dtype, shape) for _ in range(n)]], {'axis': axis})
    yield case([[draw(rng, dtype, (2,)), draw(rng, dtype, (3,))]], {'axis': 0})


@op('Unpack', ANY)
def unpack(rng, dtype, name):
    for shape, axis in [((1,), 0), ((3,), 0), ((3,), -1), ((2, 3), 0), ((2, 3), 1), ((2, 3), -1), ((2, 3), -2), ((0,), 0), ((2, 0), 0), ((2, 0), 1), ((2, 3, 4), 1), ((2, 3, 4), 2), ((2, 3, 4), -3),
                        ((1, 4), 0), ((2, 2, 2, 2), 3), ((5, 1), 1), ((7,), 0), ((2, 1, 3), 1), ((2, 2), 2), ((3, 2), -2), ((4, 3), 1), ((2, 5), 0)]:
        if shape[axis % len(shape)] == 0:
            continue
        yield case([draw(rng, dtype, shape)], {'num': shape[axis] if -len(shape) <= axis < len(shape) else 2, 'axis': axis}, 0 not in shape and axis < len(shape))


@op('Split', ANY)
def split(rng, dtype, name):
    for shape, axis, n in [((4,), 0, 2), ((4,), 0, 1), ((4,), 0, 4), ((4,), -1, 2), ((2, 6), 1, 3), ((2, 6), -1, 2), ((4, 3), 0, 2), ((4, 3), -2, 4), ((0,), 0, 2), ((0, 4), 1, 2), ((4, 0), 0, 2),
                           ((2, 4, 3), 1, 2), ((2, 4, 3), 2, 3), ((2, 4, 3), 0, 2), ((2, 2, 2, 2), 3, 2), ((5,), 0, 2), ((4,), 1, 2), ((6, 1), 0, 6), ((3, 8), 1, 4), ((1, 9), 1, 3)]:
        yield case([i32(axis), draw(rng, dtype, shape)], {'num_split': n}, True)


@op('SplitV', MOVE)
def split_v(rng, dtype, name):
    for shape, axis, sizes in [((4,), 0, [1, 3]), ((4,), 0, [4]), ((4,), 0, [0, 4]), ((4,), 0, [1, -1]), ((4,), -1, [-1, 2, 1]), ((2, 6), 1, [1, 2, 3]), ((2, 6), -1, [6]), ((5, 2), 0, [2, 3]), ((5, 2), 0, [0, 0, 5]),
                               ((0,), 0, [0, 0]), ((0, 4), 1, [1, 3]), ((4, 0), 0, [1, 3]), ((2, 4, 3), 1, [1, 1, 2]), ((2, 4, 3), 2, [2, 1]), ((4,), 0, [1, 2]), ((4,), 0, [-1, -1]), ((4,), 0, [2, 3]),
                               ((2, 2, 2, 2), 3, [1, 1]), ((7, 3), 0, [3, -1]), ((4,), 0, [2, 2]), ((4,), 1, [2, 2])]:
        yield case([draw(rng, dtype, shape), np.array(sizes, INDEX[len(shape) % 2]), i32(axis)], {'num_split': len(sizes)}, -1 not in sizes)


@op('Slice', MOVE)
def slice_(rng, dtype, name):
    for shape, begin, size in [((), [], []), ((4,), [1], [2]), ((4,), [0], [-1]), ((4,), [4], [0]), ((4,), [4], [-1]), ((4,), [0], [0]), ((3, 4), [1, 1], [2, 2]), ((3, 4), [0, 2], [-1, 1]), ((3, 4), [1, 0], [1, -1]),
                               ((0, 4), [0, 1], [0, 2]), ((3, 0), [1, 0], [2, 0]), ((2, 3, 4), [1, 0, 2], [1, 2, 2]), ((2, 3, 4), [0, 0, 0], [-1, -1, -1]), ((2, 2, 2, 2), [1, 0, 1, 0], [1, 2, 1, 2]),
                               ((4,), [2], [3]), ((4,), [-1], [1]), ((4,), [5], [0]), ((17,), [3], [9]), ((4,), [0], [-2]), ((3, 4), [1], [1]), ((2, 2, 2, 2, 2), [1, 1, 0, 0, 1], [1, 1, 2, 2, 1])]:
        kind = INDEX[len(shape) % 2]
        yield case([draw(rng, dtype, shape), np.array(begin, kind), np.array(size, kind)])


def strided(rng, masks=True):
    """A random strided slice: shape, begin, end, strides, masks."""
    rank = rng.randint(1, 4)
    shape = tuple(int(x) for x in rng.choice([0, 1, 2, 3, 5], rank, p=[.05, .15, .3, .3, .2]))
    n, consumed = rng.randint(1, rank + 1), 0
    begin, end, strides, bits = [], [], [], dict.fromkeys(['begin_mask', 'end_mask', 'ellipsis_mask', 'new_axis_mask', 'shrink_axis_mask'], 0)
    ellipsis_at = rng.randint(n) if masks and rng.uniform() < 0.3 else -1
    for k in range(n):
        dim = shape[min(consumed, rank - 1)]
        kind = rng.uniform()
        b, e, s = rng.randint(-dim - 1, dim + 2), rng.randint(-dim - 2, dim + 3), int(rng.choice([1, 1, 1, 2, -1, -2, 3]))
        if k == ellipsis_at:
            bits['ellipsis_mask'] |= 1 << k
            consumed = rank - (n - 1 - k)
        elif masks and kind < 0.12:
            bits['new_axis_mask'] |= 1 << k
        else:
            if masks and kind < 0.3 and dim > 0:
                bits['shrink_axis_mask'] |= 1 << k
                b, s = rng.randint(-dim, dim), 1
                e = b + 1
            else:
                bits['begin_mask'] |= int(rng.uniform() < 0.3) << k
                bits['end_mask'] |= int(rng.uniform() < 0.3) << k
            consumed += 1
        begin.append(b), end.append(e), strides.append(s)
    return shape, begin, end, strides, bits


@op('StridedSlice', MOVE)
def strided_slice(rng, dtype, name):
    for k in range(48):
        shape, begin, end, strides, bits = strided(rng)
        kind = INDEX[k % 2]
        yield case([draw(rng, dtype, shape), np.array(begin, kind), np.array(end, kind), np.array(strides, kind)], bits)
    for shape, begin, end, strides, bits in [((4,), [0], [4], [0], {}), ((4,), [4], [5], [1], {'shrink_axis_mask': 1}), ((4,), [-5], [1], [1], {'shrink_axis_mask': 1}), ((4,), [0, 0], [1, 1], [1, 1], {}),
                                             ((4, 4), [0, 0], [0, 0], [1, 1], {'ellipsis_mask': 3}), ((4,), [3], [0], [-1], {'shrink_axis_mask': 1}), ((), [], [], [], {})]:
        yield case([draw(rng, dtype, shape), i32(begin), i32(end), i32(strides)], bits, False)


@op('StridedSliceGrad', MOVE)
def strided_slice_grad(rng, dtype, name):
    if dtype == 'string':
        return
    for k in range(30):
        shape, begin, end, strides, bits = strided(rng)
        try:
            with tf.Graph().as_default():
                out = tf.raw_ops.StridedSlice(input=tf.zeros(shape), begin=begin, end=end, strides=strides, **bits).shape.as_list()
        except ValueError:
            continue
        kind = INDEX[k % 2]
        yield case([np.array(shape, kind), np.array(begin, kind), np.array(end, kind), np.array(strides, kind), draw(rng, dtype, tuple(out))], bits, False)


@op('GatherV2', ANY)
def gather(rng, dtype, name):
    for k, (shape, ids, axis) in enumerate([((4,), (), 0), ((4,), (3,), 0), ((4,), (2, 2), 0), ((4,), (0,), 0), ((3, 2), (4,), 0), ((3, 2), (2, 2), 0), ((3, 0), (2,), 0), ((2, 3, 2), (3,), 0), ((1,), (5,), 0), ((3, 2), (), 0),
                                            ((2, 3), (2,), 1), ((2, 3), (), -1), ((2, 3, 4), (2, 2), 1), ((2, 3, 4), (3,), 2), ((2, 3, 4), (2,), -2), ((0, 3), (2,), 1), ((2, 3), (0,), 1), ((17, 2), (9,), 0), ((3, 3), (4,), -2)]):
        indices = rng.randint(0, max(shape[axis], 1), ids).astype(INDEX[k % 2])
        # 1.15's gradient reshapes with -1, which it refuses for empty tensors.
        yield case([draw(rng, dtype, shape), np.asarray(indices), i32(axis)], grads=0 not in shape)
    for shape, ids, axis, batch in [((2, 3), (2, 4), 1, 1), ((2, 3, 2), (2, 3), 1, 1), ((2, 3, 2), (2, 2), 2, 1), ((2, 3, 2), (2, 3, 2), 2, 2), ((2, 2, 3, 2), (2, 2, 2), -2, 2), ((2, 3), (2,), 1, 1), ((2, 3), (2, 2), 1, -1), ((0, 3), (0, 2), 1, 1)]:
        indices = rng.randint(0, shape[axis], ids).astype(INDEX[len(ids) % 2])
        # 1.15 refuses batch_dims = rank(indices), which 2.21 takes.
        if batch < len(ids):
            yield case([draw(rng, dtype, shape), indices, i32(axis)], {'batch_dims': batch}, grads=0 not in shape)
    for bad in (4, -1):
        yield case([draw(rng, dtype, (4,)), i32([0, bad]), i32(0)], grads=False)
    yield case([draw(rng, dtype, (4,)), i32([0]), i32(1)], grads=False)


@op('UnsortedSegmentSum', REAL)
def segment_sum(rng, dtype, name):
    for k, (shape, prefix, n) in enumerate([((4,), 1, 3), ((4, 2), 1, 3), ((4, 2), 2, 5), ((2, 3, 2), 1, 2), ((2, 3, 2), 2, 4), ((0,), 1, 2), ((0, 2), 1, 2), ((3, 0), 1, 2), ((17,), 1, 4), ((5,), 1, 1)] * 2):
        ids = rng.randint(-1, n, shape[:prefix]).astype(INDEX[k % 2])
        yield case([draw(rng, dtype, shape, 0.03), ids, np.array(n, INDEX[k // 10])], grads=True)
    yield case([draw(rng, dtype, (2,)), i32([0, 3]), i32(3)], grads=False)


@op('Tile', F + ['int8', 'int16', 'int32', 'int64', 'uint8', 'bool', 'string'])
def tile(rng, dtype, name):
    for shape, multiples in [((), []), ((3,), [2]), ((3,), [1]), ((3,), [0]), ((2, 3), [1, 2]), ((2, 3), [2, 1]), ((2, 3), [3, 2]), ((2, 3), [0, 2]), ((0,), [3]), ((0, 2), [2, 2]), ((2, 0), [2, 2]), ((1, 1), [3, 4]), ((2, 2, 2), [2, 1, 3]),
                             ((2, 2, 2, 2), [1, 2, 1, 2]), ((1, 2, 1, 2, 1), [2, 1, 2, 1, 2]), ((17,), [3]), ((3,), [-1]), ((3,), [1, 2]), ((4, 1), [1, 5]), ((1,), [33])]:
        # Its gradient has twice the rank, and grafo's ranks end at 8.
        yield case([draw(rng, dtype, shape), np.array(multiples, INDEX[len(shape) % 2])], grads=len(shape) <= 4)


PADS = [((), np.zeros((0, 2), int)), ((3,), [[1, 2]]), ((3,), [[0, 0]]), ((3,), [[0, 2]]), ((3,), [[2, 0]]), ((2, 3), [[1, 0], [0, 2]]), ((2, 3), [[1, 1], [2, 2]]), ((2, 3), [[0, 0], [0, 0]]), ((3, 4), [[2, 1], [1, 3]]), ((3, 2, 3), [[1, 2], [1, 1], [2, 0]]),
        ((2, 2, 2, 2), [[1, 0], [0, 1], [1, 1], [0, 0]]), ((5,), [[4, 4]]), ((17,), [[3, 9]]), ((4, 3), [[3, 0], [0, 2]]), ((2,), [[-1, 2]]), ((2,), [[1, 1], [1, 1]])]


@op('Pad PadV2', MOVE)
def pad(rng, dtype, name):
    for k, (shape, paddings) in enumerate(PADS + [((0,), [[1, 2]]), ((0, 2), [[0, 1], [1, 0]]), ((2, 0), [[0, 0], [0, 0]]), ((1, 1, 1, 1, 1), [[0, 1]] * 5), ((8,), [[0, 1]])]):
        inputs = [draw(rng, dtype, shape), np.array(paddings, INDEX[k % 2])]
        yield case(inputs + ([draw(rng, dtype, ())] if name == 'PadV2' else []))


@op('MirrorPad', MOVE)
def mirror_pad(rng, dtype, name):
    for mode in ('REFLECT', 'SYMMETRIC'):
        for k, (shape, paddings) in enumerate(PADS):
            yield case([draw(rng, dtype, shape), np.array(paddings, INDEX[k % 2])], {'mode': mode})


@op('MirrorPadGrad', REAL)
def mirror_pad_grad(rng, dtype, name):
    for mode, (k, (shape, paddings)) in itertools.product(('REFLECT', 'SYMMETRIC'), enumerate(PADS[:14])):
        grown = tuple(int(n + sum(p)) for n, p in zip(shape, paddings))
        if all(max(p) <= n - (mode == 'REFLECT') for n, p in zip(shape, paddings)):
            yield case([plain(rng, dtype, grown), np.array(paddings, INDEX[k % 2])], {'mode': mode})


@op('Fill', MOVE)
def fill(rng, dtype, name):
    for k, shape in enumerate(SHAPES + [(2, -1)]):
        yield case([np.array(shape, INDEX[k % 2]), draw(rng, dtype, (), 0.3)])


@op('BroadcastTo', F + I32 + ['bool'])
def broadcast_to(rng, dtype, name):
    for a, b in PAIRS:
        out = np.broadcast_shapes(a, b)
        yield case([draw(rng, dtype, a), np.array(out, INDEX[len(a) % 2])], grads=0 not in out)


@op('BroadcastGradientArgs', I32)
def broadcast_args(rng, dtype, name):
    for a, b in PAIRS + [((2,), (3,))]:
        yield case([np.array(a, dtype), np.array(b, dtype)], grads=False)


@op('Range', F + I32)
def range_(rng, dtype, name):
    for start, limit, delta in [(0, 5, 1), (0, 0, 1), (3, 18, 3), (3, 1, -1), (0, 1, 2), (5, -5, -3), (-3, 4, 2), (0, 33, 1), (10, 0, -10), (1, 2, 1), (7, 7, -1), (0, 5, 0), (0, -5, 1), (5, 9, -1), (2, 100, 7), (0, 3, 100),
                                (0, 1, .1), (0, .5, .1), (1, 0, -.25), (-.3, .3, .1), (0, 1, 1 / 3), (2.5, 7.5, .7)]:
        if dtype in F or all(float(v).is_integer() for v in (start, limit, delta)):
            yield case([np.array(v, dtype) for v in (start, limit, delta)], grads=False)
    for k in range(4):
        yield case([np.array(v, dtype) for v in (k, 9 * k + 5, k + 1)], grads=False)


@op('LinSpace', F)
def lin_space(rng, dtype, name):
    for start, stop, num in [(0, 1, 5), (0, 1, 1), (1, 1, 3), (-1, 1, 2), (0, 10, 11), (5, -5, 7), (0, 1, 33), (.1, .7, 4), (-3, 3, 7), (0, 1, 0), (0, 1, -1), (1e-3, 1e3, 9), (2, 3, 17), (0, .3, 4), (1, 0, 3), (1e10, 2e10, 5), (.5, .25, 6), (0, 0, 4),
                             (-7.5, 1.25, 8), (3, 4, 10)]:
        yield case([np.array(start, dtype), np.array(stop, dtype), np.array(num, INDEX[num % 2])], grads=False)


@op('OneHot', MOVE)
def one_hot(rng, dtype, name):
    for k, (shape, depth, axis) in enumerate([((), 3, -1), ((3,), 4, -1), ((3,), 4, 0), ((3,), 4, 1), ((2, 3), 2, -1), ((2, 3), 2, 0), ((2, 3), 2, 1), ((2, 3), 2, 2), ((0,), 3, -1), ((0,), 3, 0), ((3,), 0, -1), ((2, 0), 2, 1), ((3,), 1, -1), ((2, 2, 2), 3, 1), ((17,), 5, -1),
                                              ((4,), -1, -1), ((4,), 2, 2), ((5,), 7, 0), ((2, 1), 3, -1), ((1,), 1, 0), ((6,), 2, -1)]):
        kind = ('int32', 'int64', 'uint8')[k % 3]
        ids = np.asarray(rng.randint(0 if kind == 'uint8' else -2, max(depth, 1) + 2, shape)).astype(kind)
        yield case([ids, i32(depth), draw(rng, dtype, ()), draw(rng, dtype, ())], {'axis': axis}, False)


@op('Unique UniqueWithCounts', REAL + ['string'])
def unique(rng, dtype, name):
    for k, n in enumerate([0, 1, 2, 3, 5, 8, 17, 33, 40, 7] * 2):
        x = draw(rng, dtype, (n,), 0.05)
        if dtype in F:
            x = np.where(np.isnan(x), np.array(2, dtype), np.round(x)).astype(dtype)
        yield case([x], {'out_idx': TYPE(INDEX[k % 2])}, False)
    yield case([draw(rng, dtype, (2, 2))], {'out_idx': TYPE('int32')}, False)


@op('Where', REAL + ['bool'])
def where(rng, dtype, name):
    for shape in SHAPES[1:]:
        x = draw(rng, dtype, shape)
        yield case([np.where(plain(rng, 'bool', shape), x, np.zeros(shape, dtype))], grads=False)
    yield case([np.zeros((3, 2), dtype)], grads=False)


# Neural networks --------------------------------------------------------------------------------------------------------

@op('Softmax LogSoftmax', F)
def softmax(rng, dtype, name):
    for shape in [(1,), (3,), (17,), (0,), (2, 3), (3, 1), (0, 3), (2, 17), (4, 33), (2, 3, 4), (2, 2, 2, 3), (5, 7), (1, 2), (8, 8), (2, 0), (3, 5), (16,), (9, 2)]:
        yield case([plain(rng, dtype, shape, -6, 6)], grads=0 not in shape)
    for rows in [[[1000, 1000, -1000]], [[-1000, 0, 1]], [[np.inf, 0, 1]], [[-np.inf, 0, 1]], [[np.nan, 0, 1]], [[-np.inf, -np.inf, -np.inf]], [[0, 0, 0]], [[88, 89, 90], [-88, -89, -90]]]:
        yield case([np.array(rows, dtype)], grads=False)


def class_labels(rng, dtype, n, c):
    p = np.exp(plain(rng, dtype, (n, c), -1, 1))
    return (p / p.sum(-1, keepdims=True)).astype(dtype)


@op('SoftmaxCrossEntropyWithLogits', F)
def softmax_xent(rng, dtype, name):
    for n, c in [(1, 1), (1, 3), (2, 3), (4, 10), (3, 17), (0, 3), (5, 2), (8, 8), (2, 33), (7, 5), (3, 3), (9, 4), (2, 2), (6, 1), (1, 12), (4, 4)]:
        yield case([plain(rng, dtype, (n, c), -6, 6), class_labels(rng, dtype, n, c)], grads=False)
    for logits, labels in [([[1000, 0, 0]], [[0, 1, 0]]), ([[1, 2, 3]], [[0, 0, 0]]), ([[np.inf, 0, 0]], [[1, 0, 0]]), ([[np.nan, 0, 0]], [[1, 0, 0]]), ([[0, 0, -1000]], [[0, 0, 1]]), ([[1, 2, 3], [4, 5, 6]], [[1, 0, 0]]), ([[1, 2]], [[.5, .25, .25]])]:
        yield case([np.array(logits, dtype), np.array(labels, dtype)], grads=False)


@op('SparseSoftmaxCrossEntropyWithLogits', F)
def sparse_xent(rng, dtype, name):
    for k, (n, c) in enumerate([(1, 1), (1, 3), (2, 3), (4, 10), (3, 17), (0, 3), (5, 2), (8, 8), (2, 33), (7, 5), (3, 3), (9, 4), (2, 2), (6, 1), (1, 12), (4, 4), (3, 6), (5, 5)]):
        yield case([plain(rng, dtype, (n, c), -6, 6), rng.randint(0, c, n).astype(INDEX[k % 2])], grads=False)
    for label in (3, -1):
        yield case([plain(rng, dtype, (2, 3)), i32([0, label])], grads=False)
    yield case([plain(rng, dtype, (2, 3)), i32([0, 1, 2])], grads=False)
    yield case([np.array([[1000, 0, -1000]] * 3, dtype), i32([0, 1, 2])], grads=False)


@op('BiasAdd', REAL)
def bias_add(rng, dtype, name):
    for k, shape in enumerate([(1, 1), (2, 3), (0, 3), (2, 0), (4, 17), (2, 3, 4), (2, 2, 2, 3), (1, 8), (5, 1), (3, 0, 2), (7, 2), (1, 1, 5), (2, 1, 2, 1), (33, 2), (2, 33), (3, 3), (1, 2, 2, 2, 2), (6, 4)]):
        yield case([draw(rng, dtype, shape), draw(rng, dtype, shape[-1:])], {'data_format': 'NHWC'}, 0 not in shape)
    yield case([draw(rng, dtype, (2, 3)), draw(rng, dtype, (2,))], grads=False)
    yield case([draw(rng, dtype, (3,)), draw(rng, dtype, (3,))], grads=False)


@op('BiasAddGrad', REAL)
def bias_add_grad(rng, dtype, name):
    for shape in [(1, 1), (2, 3), (0, 3), (2, 0), (4, 17), (2, 3, 4), (2, 2, 2, 3), (1, 8), (5, 1), (3, 0, 2), (7, 2), (1, 1, 5), (2, 1, 2, 1), (33, 2), (2, 33), (3, 3), (6, 4), (8, 2), (2, 7), (9, 3)]:
        yield case([plain(rng, dtype, shape)], {'data_format': 'NHWC'})


@op('L2Loss', F)
def l2_loss(rng, dtype, name):
    for shape in SHAPES:
        yield case([draw(rng, dtype, shape, 0.03)])


@op('CheckNumerics', F)
def check_numerics(rng, dtype, name):
    for shape in SHAPES:
        yield case([plain(rng, dtype, shape)], {'message': 'here'})
    for bad in ([np.nan, 1], [np.inf, 1], [np.nan, -np.inf], [-np.inf]):
        yield case([np.array(bad, dtype)], {'message': 'here'}, False)


# Random numbers ---------------------------------------------------------------------------------------------------------

SEEDS = [(1, 2), (87654321, 3), (0, 5), (42, 0), (7, 2**31 - 1)]


@op('RandomUniform RandomStandardNormal TruncatedNormal', F)
def random(rng, dtype, name):
    for k, shape in enumerate([(), (1,), (3,), (4,), (5,), (0,), (2, 3), (17,), (33, 3), (257,), (64,), (2, 0, 2), (7, 7), (1, 1, 1), (130,), (16, 16), (8,), (9,), (2, 2, 2, 2), (31,)]):
        seed, seed2 = SEEDS[k % 5]
        yield {'inputs': [np.array(shape, INDEX[k % 2])], 'attrs': {'dtype': TYPE(dtype), 'seed': seed, 'seed2': seed2}, 'runs': 3 if k < 8 else 2}


@op('RandomUniformInt', I32)
def random_int(rng, dtype, name):
    for k, shape in enumerate([(), (1,), (3,), (4,), (5,), (0,), (2, 3), (17,), (33, 3), (64,), (2, 0, 2), (7, 7), (1, 1, 1), (130,), (8,), (9,), (31,), (2, 2, 2), (6,), (10,)]):
        seed, seed2 = SEEDS[k % 5]
        low, high = [(0, 10), (-5, 5), (-2**31, 2**31 - 1), (0, 1), (100, 1000)][k % 5]
        yield {'inputs': [np.array(shape, INDEX[k % 2]), np.array(low, dtype), np.array(high, dtype)], 'attrs': {'seed': seed, 'seed2': seed2}, 'runs': 3}
    yield {'inputs': [i32([2]), np.array(3, dtype), np.array(2, dtype)], 'attrs': {'seed': 1, 'seed2': 2}}


# State and training -----------------------------------------------------------------------------------------------------

def state(inputs, attrs=None, refs=(0,)):
    return {'inputs': inputs, 'attrs': attrs or {}, 'refs': refs}


@op('Assign', ANY)
def assign(rng, dtype, name):
    for shape in SHAPES:
        yield state([draw(rng, dtype, shape), draw(rng, dtype, shape)])
    yield state([draw(rng, dtype, (2,)), draw(rng, dtype, (3,))])


@op('AssignAdd AssignSub', REAL)
def assign_add(rng, dtype, name):
    for shape in SHAPES:
        yield state([draw(rng, dtype, shape), draw(rng, dtype, shape)])
    yield state([draw(rng, dtype, (2,)), draw(rng, dtype, (3,))])


@op('ScatterUpdate ScatterAdd ScatterSub ScatterMul ScatterDiv ScatterMin ScatterMax', REAL + ['bool', 'string'])
def scatter(rng, dtype, name):
    if name != 'ScatterUpdate' and dtype in ('bool', 'string'):
        return
    for k, (shape, ids) in enumerate([((4,), (2,)), ((4,), (3,)), ((4, 2), (2,)), ((4, 2), (2, 2)), ((4,), ()), ((4, 2), ()), ((4,), (0,)), ((3, 0), (2,)), ((17, 3), (9,)), ((5, 2, 2), (3,))] * 2):
        indices = np.asarray(rng.randint(0, shape[0], ids)).astype(INDEX[k % 2])
        updates = plain(rng, dtype, ids + shape[1:]) if k % 5 else plain(rng, dtype, ())
        if name == 'ScatterDiv':
            updates = np.where(updates == 0, np.array(2, dtype), updates).astype(dtype)
            if dtype[0] == 'i':
                updates = np.abs(updates)
        yield state([plain(rng, dtype, shape), indices, np.asarray(updates)])
    for bad in (4, -1):
        yield state([plain(rng, dtype, (4,)), i32([0, bad]), np.ones(2, dtype) if dtype != 'string' else draw(rng, dtype, (2,))])


def scalar(rng, dtype, low, high):
    return np.array(np.round(rng.uniform(low, high), 3), dtype)


@op('ApplyGradientDescent', F)
def gradient_descent(rng, dtype, name):
    for shape in SHAPES:
        yield state([plain(rng, dtype, shape), scalar(rng, dtype, 0, 1), draw(rng, dtype, shape, 0.05)])


@op('ApplyMomentum', F)
def momentum(rng, dtype, name):
    for k, shape in enumerate(SHAPES):
        yield state([plain(rng, dtype, shape), plain(rng, dtype, shape), scalar(rng, dtype, 0, 1), plain(rng, dtype, shape), scalar(rng, dtype, 0, 1)], {'use_nesterov': bool(k % 2)}, (0, 1))


@op('SparseApplyMomentum', F)
def sparse_momentum(rng, dtype, name):
    for k in range(20):
        shape = ((4,), (4, 2), (5, 3), (3, 2, 2))[k % 4]
        ids = rng.permutation(shape[0])[: k % 4].astype(INDEX[k // 10])
        yield state([plain(rng, dtype, shape), plain(rng, dtype, shape), scalar(rng, dtype, 0, 1), plain(rng, dtype, (len(ids),) + shape[1:]), ids, scalar(rng, dtype, 0, 1)],
                    {'use_nesterov': bool(k % 2)}, (0, 1))


@op('ApplyAdam', F)
def adam(rng, dtype, name):
    for k, shape in enumerate(SHAPES):
        b1, b2 = np.array(.9, dtype), np.array(.999, dtype)
        yield state([plain(rng, dtype, shape), plain(rng, dtype, shape), np.abs(plain(rng, dtype, shape)), b1 ** (k + 1), b2 ** (k + 1), scalar(rng, dtype, 0, .1), b1, b2, np.array(1e-8, dtype), plain(rng, dtype, shape)],
                    {'use_nesterov': bool(k % 3 == 2)}, (0, 1, 2))
