"""Where naive formulas overflow, and where functions have corners."""

import math

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.oracles import KinkError, assert_close, numeric_vjp

BIG = np.array([-1e300, -800.0, 0.0, 800.0, 1e300])
INF = math.inf

FAR_OUT = [
    (tl.Sigmoid(), [0, 0, 0.5, 1, 1], [0, 0, 0.25, 0, 0]),
    (tl.Tanh(), [-1, -1, 0, 1, 1], [0, 0, 1, 0, 0]),
    (tl.Softplus(), [0, 0, math.log(2), 800, 1e300], [0, 0, 0.5, 1, 1]),
    (tl.LogSigmoid(), [-1e300, -800, -math.log(2), 0, 0], [1, 1, 0.5, 0, 0]),
    (tl.ReLU(), [0, 0, 0, 800, 1e300], [0, 0, 0, 1, 1]),
    (tl.Softmax(), [0, 0, 0, 0, 1], [0, 0, 0, 0, 0]),
    (tl.LogSoftmax(), [-2e300, -1e300, -1e300, -1e300, 0], [1, 1, 1, 1, -4]),
    (tl.LogSumExp(), 1e300, [0, 0, 0, 0, 1]),
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("op, value, slope", FAR_OUT, ids=lambda v: repr(v)[:20])
def test_far_out_inputs_have_exact_values_and_gradients(op, value, slope, dtype):
    limit = 1e300 if dtype == "float64" else 1e37
    x = tl.Tensor(np.clip(BIG, -limit, limit).astype(dtype))
    y = op(x)
    y.backward(np.ones(y.shape, dtype))
    expected = np.clip(np.array(value, float), -2 * limit, limit)
    tolerance = 1e-15 if dtype == "float64" else 1e-6
    np.testing.assert_allclose(y.data, expected, rtol=tolerance if limit == 1e300 else 1.0)
    assert_close(np.asarray(x.grad, float), np.array(slope, float), tolerance)


def test_cross_entropy_of_far_out_logits_is_exact():
    logits = tl.Tensor([[1e30, 0.0, -1e30], [-800.0, 0.0, 800.0]], dtype="float64")
    loss = tl.cross_entropy(logits, np.array([0, 2]))
    loss.backward()
    assert loss.item() == 0 and not logits.grad.any()
    assert tl.cross_entropy(logits, np.array([1, 1])).item() == pytest.approx(5e29 + 400)


def test_a_class_masked_with_minus_infinity_has_no_probability_and_no_gradient():
    logits = tl.Tensor([[-INF, 0.0, math.log(3)]], dtype="float64")
    loss = tl.cross_entropy(logits, np.array([2]))
    loss.backward()
    assert loss.item() == pytest.approx(math.log(4 / 3))
    assert_close(logits.grad, np.array([[0, 0.25, -0.25]]))


def test_binary_cross_entropy_of_far_out_logits_is_exact():
    logits = tl.Tensor([800.0, -800.0, 800.0], dtype="float64")
    loss = tl.bce_with_logits(logits, np.array([1.0, 0.0, 0.0]))
    loss.backward()
    assert loss.item() == pytest.approx(800 / 3)
    assert_close(logits.grad, np.array([0, 0, 1 / 3]))


def test_logsumexp_of_nothing_likely_is_minus_infinity():
    assert tl.logsumexp(tl.Tensor([-INF, -INF])).item() == -INF
    assert tl.logsumexp(tl.Tensor([INF, 0.0])).item() == INF


def test_nan_comes_through_every_choice():
    x = tl.Tensor([math.nan, 1.0])
    for y in (tl.maximum(x, 0.0), tl.maximum(0.0, x), x.max(), tl.clip(x, -1, 1), tl.sigmoid(x)):
        assert np.isnan(y.numpy()).any()


CORNERS = [
    (tl.ReLU(), [[-1.0, 0.0, 2.0]], [[0, 0, 1]]),
    (tl.Abs(), [[-1.0, 0.0, 2.0]], [[-1, 0, 1]]),
    (tl.Clip(-1, 2), [[-1.0, 2.0, 3.0]], [[1, 1, 0]]),
    (tl.Softplus(), [[0.0]], [[0.5]]),
    (tl.LogSigmoid(), [[0.0]], [[0.5]]),
    (tl.Maximum(), [[1.0, 1.0, 0.0], [1.0, 0.0, 1.0]], [[0.5, 1, 0], [0.5, 0, 1]]),
    (tl.Max(0), [[3.0, 1.0, 3.0, 3.0]], [[1 / 3, 0, 1 / 3, 1 / 3]]),
    (tl.Pow(2), [[0.0]], [[0]]),
    (tl.Pow(1), [[0.0]], [[1]]),
    (tl.Pow(0), [[0.0]], [[0]]),
]


@pytest.mark.parametrize("op, inputs, slopes", CORNERS, ids=lambda v: repr(v)[:20])
def test_gradient_at_a_corner_is_the_stated_one(op, inputs, slopes):
    leaves = [tl.Tensor(x, dtype="float64") for x in inputs]
    y = op(*leaves)
    y.backward(np.ones(y.shape))
    for leaf, slope in zip(leaves, slopes):
        assert_close(leaf.grad, np.array(slope, float))


@pytest.mark.parametrize("axis", [None, 0, 1, (0, 1)])
def test_gradients_at_ties_of_max_sum_to_the_cotangent(axis, rng):
    x = tl.Tensor(rng.integers(0, 3, (4, 5)).astype(float))
    y = x.max(axis=axis)
    seed = rng.normal(size=y.shape)
    y.backward(seed)
    assert_close(x.grad.sum(axis=axis), seed)
    assert (x.grad[x.data < x.data.max(axis=axis, keepdims=True)] == 0).all()


def test_gradients_at_ties_of_maximum_sum_to_the_cotangent(rng):
    a, b = (tl.Tensor(rng.integers(0, 2, (4, 5)).astype(float)) for _ in "ab")
    y = tl.maximum(a, b)
    seed = rng.normal(size=y.shape)
    y.backward(seed)
    assert_close(a.grad + b.grad, seed)


def test_central_differences_notice_a_corner():
    with pytest.raises(KinkError, match="slopes"):
        numeric_vjp(lambda x: (tl.Abs()(x),), [np.array([1e-4])], [np.ones(1)], [0], analytic=False)


def test_an_infinite_gradient_does_not_reach_the_branch_that_was_not_taken():
    a, b = tl.Tensor([1.0, 2.0]), tl.Tensor([3.0, 4.0])
    tl.where(np.array([True, False]), a, b).backward(np.array([INF, 1.0], "float32"))
    assert a.grad.tolist() == [INF, 0.0] and b.grad.tolist() == [0.0, 1.0]
