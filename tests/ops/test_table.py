"""Every op of the derivative table, on every sample: value, derivative, shape, dtype, memory."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.ops.samples import CASES, SAMPLES, sample, sample_id, wrt
from tests.oracles import assert_close, contributions, numeric_vjp, tolerance
from tinygrad_lstm.op import Op
from tinygrad_lstm.tensor import OPS

every_sample = pytest.mark.parametrize("which", SAMPLES, ids=sample_id)
every_op = pytest.mark.parametrize("name", CASES)


def our_ops():
    return {
        name
        for name, op in OPS.items()
        if op.__module__.startswith("tinygrad_lstm.ops.") and op.forward is not Op.forward
    }


def seed_for(y, k=0):
    return np.random.default_rng(100 + k).normal(size=np.shape(y))


def tensors(inputs):
    return [tl.Tensor(x) for x in inputs]


def is_float(x):
    return x.dtype.kind == "f"


def test_every_op_has_samples():
    assert our_ops() == set(CASES)


@every_op
def test_every_op_states_its_formula(name):
    op = CASES[name].samples[0][0]
    assert op.__doc__ and not op.__doc__.startswith(f"{name}(")  # dataclass would write that
    assert op.latex


@every_sample
def test_value_equals_the_independent_formula(which):
    case, op, inputs = sample(*which)
    assert_close(
        np.asarray(op(*inputs), float), np.asarray(case.formula(op, *inputs), float), 1e-14
    )


@every_sample
def test_shape_rule_gives_the_actual_shape(which):
    _, op, inputs = sample(*which)
    assert op.shape(*[x.shape for x in inputs]) == np.shape(op(*inputs))


@every_sample
def test_vjp_equals_the_numerical_derivative(which):
    case, op, inputs = sample(*which)
    y = op(*inputs)
    asked = wrt(case, inputs)
    sent = contributions(op, seed_for(y), y, *inputs)
    assert len(sent) == len(inputs)
    expected = numeric_vjp(lambda *a: (op(*a),), inputs, [seed_for(y)], asked, case.analytic)
    for k, g in zip(asked, expected):
        assert_close(sent[k], g, tolerance(case.analytic))
    assert all(sent[k] is None for k in range(len(inputs)) if k not in asked)


@pytest.mark.parametrize(
    "which", [w for w in SAMPLES if sample(*w)[1].add_vjp is not None], ids=sample_id
)
def test_adding_the_vjp_in_place_equals_adding_it(which):
    _, op, inputs = sample(*which)
    y = op(*inputs)
    start = np.ones(inputs[0].shape)
    total = start.copy()
    op.add_vjp(total, seed_for(y))
    assert_close(total, start + contributions(op, seed_for(y), y, *inputs)[0])


@every_sample
def test_second_derivative_equals_the_numerical_one(which):
    case, op, inputs = sample(*which)
    asked = wrt(case, inputs)
    nodes = [tl.Input(f"x{k}", *x.shape) for k, x in enumerate(inputs)]
    first = tl.Graph(nodes, [op(*nodes)]).differentiate(wrt=[nodes[k] for k in asked] or nodes)
    fed = [*inputs] + [seed_for(op(*inputs))] * (len(first.inputs) - len(inputs))
    outputs = first.forward(*fed)
    seeds = [seed_for(y, k + 1) if is_float(y) else None for k, y in enumerate(outputs)]
    if not asked:
        assert not any(np.any(y) for y in outputs)
        return
    grads = first.backward(*seeds)
    expected = numeric_vjp(first.forward, fed, seeds, asked, case.analytic)
    for k, g in zip(asked, expected):
        found = np.zeros(g.shape) if grads[k] is None else grads[k]
        assert_close(found, g, 10 * tolerance(case.analytic))


@every_sample
def test_backward_equals_the_derivative_graph_bit_for_bit(which):
    case, op, inputs = sample(*which)
    asked = wrt(case, inputs)
    nodes = [tl.Input(f"x{k}", *x.shape) for k, x in enumerate(inputs)]
    graph = tl.Graph(nodes, [op(*nodes)])
    (y,) = graph.forward(*inputs)
    if not asked:
        return
    seeds = [] if y.shape == () else [seed_for(y)]
    grads = graph.backward(*seeds)
    derived = graph.differentiate(wrt=[nodes[k] for k in asked]).forward(*inputs, *seeds)
    for k, g in zip(asked, derived):
        np.testing.assert_array_equal(grads[k], g)


@every_sample
def test_float32_stays_float32(which):
    case, op, inputs = sample(*which)
    small = [x.astype(np.float32) if is_float(x) else x for x in inputs]
    y = op(*small)
    assert y.dtype in (np.float32, bool)
    assert_close(np.asarray(y, float), np.asarray(case.formula(op, *inputs), float), 1e-5)
    sent = contributions(op, seed_for(y).astype(np.float32), np.asarray(y), *small)
    assert {g.dtype for g in sent if g is not None} <= {np.dtype("float32")}


@every_sample
def test_inputs_and_seed_are_never_written_to(which):
    case, op, inputs = sample(*which)
    leaves = tensors([x.copy() for x in inputs])
    for leaf in leaves:
        leaf.data.flags.writeable = False
    y = op(*leaves)
    if not wrt(case, inputs):
        return
    seed = seed_for(y.data)
    seed.flags.writeable = False
    y.backward(seed)
    for leaf, x in zip(leaves, inputs):
        np.testing.assert_array_equal(leaf.data, x)
    np.testing.assert_array_equal(seed, seed_for(y.data))


@every_sample
def test_gradients_of_leaves_share_memory_with_nothing(which):
    case, op, inputs = sample(*which)
    leaves = tensors(inputs)
    y = op(*leaves)
    asked = wrt(case, inputs)
    if not asked:
        return
    seed = seed_for(y.data)
    y.backward(seed)
    grads = [leaves[k].grad for k in asked]
    others = [seed, y.data, *(leaf.data for leaf in leaves)]
    for k, g in enumerate(grads):
        assert g.flags.writeable
        assert not any(np.shares_memory(g, other) for other in others + grads[:k])


def takes_one_tensor_everywhere(name, k):
    case, _, inputs = sample(name, k)
    return len(inputs) > 1 and len(wrt(case, inputs)) == len(inputs) and same_shape(inputs)


def same_shape(inputs):
    return len({x.shape for x in inputs}) == 1


@pytest.mark.parametrize(
    "which", [w for w in SAMPLES if takes_one_tensor_everywhere(*w)], ids=sample_id
)
def test_one_tensor_in_every_place_collects_every_contribution(which):
    _, op, inputs = sample(*which)
    x = tl.Tensor(inputs[-1])
    y = op(*[x] * len(inputs))
    y.backward(seed_for(y.data))
    sent = contributions(op, seed_for(y.data), y.data, *[inputs[-1]] * len(inputs))
    assert_close(x.grad, sum(sent))


LAYOUTS = {
    "column_major": np.asfortranarray,
    "reversed": lambda x: x.copy()[(slice(None, None, -1),) * x.ndim].copy()[
        (slice(None, None, -1),) * x.ndim
    ],
    "stepped": lambda x: np.repeat(x, 2, -1)[..., ::2] if x.ndim else x,
    "read_only": lambda x: np.broadcast_to(x, x.shape),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@every_op
def test_any_memory_layout_gives_the_same_numbers(name, layout):
    case, op, inputs = sample(name, 0)
    laid_out = [LAYOUTS[layout](x) for x in inputs]
    y, same = op(*inputs), op(*laid_out)
    assert_close(np.asarray(same, float), np.asarray(y, float))
    seed = seed_for(y)
    sent = contributions(op, seed, np.asarray(y), *inputs)
    again = contributions(op, LAYOUTS[layout](seed), LAYOUTS[layout](np.asarray(y)), *laid_out)
    for k in wrt(case, inputs):
        assert_close(again[k], sent[k])


@every_op
def test_inputs_that_are_broadcast_views_get_a_gradient_for_every_entry(name):
    case, op, inputs = sample(name, 0)
    asked = wrt(case, inputs)
    views = [np.broadcast_to(x[:1], x.shape) if is_float(x) and x.ndim else x for x in inputs]
    if not asked:
        return
    leaves = tensors(views)
    y = op(*leaves)
    y.backward(seed_for(y.data))
    sent = contributions(op, seed_for(y.data), y.data, *[np.ascontiguousarray(v) for v in views])
    for k in asked:
        assert leaves[k].grad.shape == inputs[k].shape
        assert_close(leaves[k].grad, sent[k])
