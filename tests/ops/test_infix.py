"""What `a + b`, `2 * x` and `x @ y` compute, and what they add to the graph."""

import operator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis.extra import numpy as hnp

import tinygrad_lstm as tl
from tests.oracles import assert_close, numeric_vjp
from tinygrad_lstm.errors import ArgumentError, DtypeError, ShapeError

quick = settings(max_examples=60, deadline=None, derandomize=True)
ARITHMETIC = [operator.add, operator.sub, operator.mul, operator.truediv]


def f64(x):
    return tl.Tensor(np.asarray(x, float))


def op_names(x):
    return [type(node.op).__name__ for node in tl.steps.below([x]) if node.op is not None]


@pytest.mark.parametrize("infix", ARITHMETIC)
@quick
@given(shapes=hnp.mutually_broadcastable_shapes(num_shapes=2, max_dims=4, max_side=4, min_side=0))
def test_operators_broadcast_as_numpy_and_gradients_have_the_operands_shapes(infix, shapes):
    draws = np.random.default_rng(1)
    a, b = (draws.uniform(0.5, 2, s) for s in shapes.input_shapes)
    ta, tb = f64(a), f64(b)
    y = infix(ta, tb)
    assert_close(y.data, infix(a, b))
    seed = draws.normal(size=y.shape)
    y.backward(seed)
    expected = numeric_vjp(lambda p, q: (infix(p, q),), [a, b], [seed], [0, 1])
    assert_close(ta.grad, expected[0])
    assert_close(tb.grad, expected[1])


@pytest.mark.parametrize("infix", ARITHMETIC)
@pytest.mark.parametrize(
    "k", [2, 0.5, np.float64(1.5), np.float32(1.5), np.int64(2), np.array(3.0)]
)
def test_numbers_beside_a_tensor_never_promote_it(infix, k):
    x = tl.Tensor([1.0, 2.0, 4.0])
    for y, expected in (
        (infix(x, k), infix(x.data, float(k))),
        (infix(k, x), infix(float(k), x.data)),
    ):
        assert y.dtype == np.float32
        assert_close(y.data, expected, 1e-6)
        assert "Expand" not in op_names(y)


@pytest.mark.parametrize("infix", ARITHMETIC)
@pytest.mark.parametrize("other", [np.arange(1, 4), np.array([1.0, 2.0, 3.0]), [1, 2, 3]], ids=repr)
def test_arrays_beside_a_float32_tensor_take_its_dtype(infix, other):
    x = tl.Tensor([1.0, 2.0, 4.0])
    for y, expected in (
        (infix(x, other), infix(x.data, np.float32(other))),
        (infix(other, x), infix(np.float32(other), x.data)),
    ):
        assert type(y) is tl.Tensor
        assert y.dtype == np.float32
        assert_close(y.data, expected, 1e-6)


def test_an_array_times_a_tensor_is_one_node_and_not_an_array_of_nodes(rng):
    a, b = rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    y = a * f64(b)
    assert isinstance(y, tl.Tensor) and y.shape == (3, 4)
    assert_close((a @ f64(b).T).data, a @ b.T)
    np.testing.assert_array_equal((a > f64(b)).data, a > b)


def test_numpy_reads_the_numbers_of_a_tensor_and_not_an_array_of_nodes(rng):
    x = rng.normal(size=(3, 4))
    t = f64(x)
    assert np.asarray(t) is t.data and np.asarray(t, "float32").dtype == np.float32
    copied = np.array(t)
    copied[:] = 0
    np.testing.assert_array_equal(t, x)
    with pytest.raises(tl.GraphError, match="waits for data"):
        np.asarray(tl.Input("x", 3))
    with pytest.raises(TypeError, match="ufunc"):
        np.exp(t)  # it would leave the graph in silence


def test_whole_number_tensors_do_not_silently_meet_floats():
    x = tl.Tensor([1.0, 2.0])
    for meet in (tl.CMul(), tl.Maximum(), tl.MSE(), tl.Concat()):
        with pytest.raises(DtypeError, match=r"int64; .* make it Tensor\(data, dtype='float32'\)"):
            meet(x, tl.Tensor([1, 2]))
    with pytest.raises(DtypeError, match="int64"):
        tl.Linear(2, 3)(tl.Tensor([[1, 2]]))
    with pytest.raises(DtypeError, match="int64"):
        tl.cells.rnn(2, 2)(tl.Tensor([[1, 2]]), np.zeros((1, 2)))


@pytest.mark.parametrize(
    "meet",
    [
        lambda x: x - [[1, 2], [3, 4]],
        lambda x: (1, 2) * x,
        lambda x: x * np.array([True, False]),
        lambda x: x + True,
        lambda x: tl.maximum(x, 0),
        lambda x: tl.where(x > 2, x, 0),
        lambda x: tl.concat([x, np.eye(2, dtype=int)]),
        lambda x: tl.mse(x, np.eye(2, dtype=int)),
        lambda x: tl.bce_with_logits(x, np.eye(2, dtype=bool)),
        lambda x: x @ [[1], [2]],
        lambda x: tl.Linear(2, 3)([[1, 2]]) * x.sum(),
    ],
)
def test_whole_numbers_beside_a_tensor_become_floats_of_its_dtype(meet):
    x = tl.Tensor([[1.0, 2.0], [3.0, 4.0]])
    y = meet(x)
    assert y.dtype == np.float32
    y.sum().backward()
    assert x.grad.dtype == np.float32 and x.grad.any()


def test_whole_numbers_beside_a_waiting_tensor_become_floats():
    x = tl.Input("x", "N", 2)
    for y in (tl.maximum(x, 0), x * [1, 0], tl.where(x > 0, x, 2)):
        (value,) = tl.Graph([x], [y]).forward(np.ones((1, 2), "float32"))
        assert value.dtype == np.float32


def test_a_table_of_tensors_is_refused_with_the_right_call():
    x = tl.Tensor([1.0, 2.0])
    for table in ([x, x], (x, x)):
        with pytest.raises(ArgumentError, match=r"CAdd\(\)\(a, b\)"):
            tl.CAdd()(x, table)


def test_numbers_beside_a_float64_tensor_keep_all_their_digits():
    x = f64([1.0, 2.0])
    third = 1 / 3
    for y in (
        tl.maximum(third, -x),
        tl.where(x < 0, x, third),
        x * 0 + [third, third],
        x * 0 + third,
    ):
        assert y.numpy().tolist() == [third, third]


def test_powers_negatives_and_absolutes_equal_numpys(rng):
    x = rng.uniform(0.5, 2, (3, 4))
    t = f64(x)
    assert_close((t**3).data, x**3)
    assert_close((t**-0.5).data, x**-0.5)
    assert_close((t ** f64(x)).data, x**x)
    assert_close((-t).data, -x)
    assert_close(abs(-t).data, x)
    assert_close((1 / t).data, 1 / x)
    assert_close((2**t).data, 2**x)


def test_comparisons_are_true_and_false_and_choose(rng):
    x = rng.normal(size=(3, 4))
    t = f64(x)
    assert (t > 0).dtype == bool
    np.testing.assert_array_equal((t > 0).data, x > 0)
    np.testing.assert_array_equal((t < 0.5).data, x < 0.5)
    np.testing.assert_array_equal((0.5 > t).data, x < 0.5)
    assert_close(tl.where(t > 0, t, -t).data, np.abs(x))


def test_a_bias_fans_out_in_a_node_of_its_own():
    y = f64(np.ones((3, 4))) + f64(np.ones(4))
    assert op_names(y) == ["Expand", "CAdd"]
    assert op_names(f64(np.ones(4)) + f64(np.ones(4))) == ["CAdd"]
    assert op_names(1 - f64(np.ones(4))) == ["Scale"]


def test_shapes_that_do_not_broadcast_are_refused_by_name():
    a, b = tl.Tensor(np.ones((3, 4)), name="a"), tl.Tensor(np.ones((3, 5)), name="b")
    with pytest.raises(ShapeError, match=r"\(3, 4\) and \(3, 5\)") as caught:
        a + b
    assert "a (3, 4), b (3, 5)" in str(caught.value)


MATRIX_SHAPES = [
    ((3, 4), (4, 5)),
    ((4,), (4,)),
    ((4,), (4, 5)),
    ((3, 4), (4,)),
    ((2, 3, 4), (4, 5)),
    ((2, 3, 4), (2, 4, 5)),
    ((2, 1, 3, 4), (6, 4, 5)),
    ((2, 3, 4), (4,)),
    ((4,), (2, 4, 5)),
    ((0, 4), (4, 5)),
    ((3, 0), (0, 5)),
]


@pytest.mark.parametrize("left, right", MATRIX_SHAPES)
def test_matrix_products_of_all_ranks_equal_numpys(left, right, rng):
    a, b = rng.normal(size=left), rng.normal(size=right)
    ta, tb = f64(a), f64(b)
    y = ta @ tb
    assert_close(y.data, a @ b)
    seed = rng.normal(size=y.shape)
    y.backward(seed)
    expected = numeric_vjp(lambda p, q: (p @ q,), [a, b], [seed], [0, 1])
    assert_close(ta.grad, expected[0])
    assert_close(tb.grad, expected[1])


def test_methods_reduce_reshape_and_transpose(rng):
    x = rng.normal(size=(2, 3, 4))
    t = f64(x)
    assert_close(t.sum(axis=1, keepdims=True).data, x.sum(1, keepdims=True))
    assert_close(t.sum(axis=(0, -1)).data, x.sum((0, -1)))
    assert_close(t.mean().data, np.asarray(x.mean()))
    assert_close(t.max(axis=-1).data, x.max(-1))
    assert_close(t.reshape(4, -1).data, x.reshape(4, -1))
    assert_close(t.reshape((6, 4)).data, x.reshape(6, 4))
    assert_close(t.permute(2, 0, 1).data, x.transpose(2, 0, 1))
    assert_close(t.T.data, x.T)


def test_lower_case_functions_are_the_ops(rng):
    x = rng.uniform(0.5, 0.9, (3, 4))
    for name in "sigmoid tanh relu softplus log_sigmoid exp log sqrt absolute sin cos".split():
        y = getattr(tl, name)(f64(x))
        assert isinstance(y, tl.Tensor) and y.shape == (3, 4)
    assert_close(tl.concat([f64(x), f64(x)], axis=0).data, np.concatenate([x, x]))
    assert_close(tl.stacked([f64(x), f64(x)]).data, np.stack([x, x]))
    assert_close(tl.softmax(f64(x)).sum(axis=-1).data, np.ones(3))
    assert_close(tl.exp(tl.log_softmax(f64(x), axis=0)).sum(axis=0).data, np.ones(4))
    assert_close(tl.maximum(f64(x), 0.7).data, np.maximum(x, 0.7))
    assert_close(tl.clip(f64(x), 0.6, 0.7).data, np.clip(x, 0.6, 0.7))
    assert_close(tl.mse(f64(x), f64(x) + 2).data, np.asarray(4.0))
