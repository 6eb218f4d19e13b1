"""Adam and clipping, against the papers' algorithms written out for single numbers."""

import math

import numpy as np
import pytest

from tinygrad_lstm import Parameter
from tinygrad_lstm.train.optim import Adam, joint_norm


def parameters(*values):
    return {f"p{k}": Parameter(np.array(v)) for k, v in enumerate(values)}


def adam_by_the_papers(w, gradients, rate, beta_1, beta_2, decay):
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        w -= rate * decay * w
        w -= rate * (m / (1 - beta_1**t)) / math.sqrt(v / (1 - beta_2**t))
    return w


@pytest.mark.parametrize("decay", [0.0, 0.5])
def test_adam_follows_the_papers(decay):
    named = parameters([0.5])
    adam, gradients = Adam(named, limit=100.0, decay=decay), [0.3, -0.2, 0.7, 0.1]
    for g in gradients:
        adam.step(0.1, {"p0": np.array([g])})
    expected = adam_by_the_papers(0.5, gradients, 0.1, *adam.betas, decay)
    np.testing.assert_allclose(named["p0"].data, [expected], rtol=1e-6)


def test_the_norm_is_taken_over_all_gradients_together():
    assert joint_norm([np.array([3.0]), np.array([[4.0]])]) == 5.0


def test_clipping_scales_all_gradients_together():
    big = Adam(parameters([0.0], [0.0]), limit=1.0)
    small = Adam(parameters([0.0], [0.0]), limit=1.0)
    norms = [
        adam.step(0.1, {"p0": np.array([g]), "p1": np.array([k])})
        for adam, g, k in ((big, 30.0, 40.0), (small, 0.6, 0.8))
    ]
    assert norms == [50.0, 1.0]
    for name in big.m:
        np.testing.assert_allclose(big.m[name], small.m[name])


def test_a_step_keeps_the_precision_of_the_parameter():
    named = {"p": Parameter(np.ones(3, "float32"))}
    Adam(named, limit=1.0).step(0.1, {"p": np.ones(3, "float32")})
    assert named["p"].data.dtype == np.float32


def test_a_step_changes_the_array_of_the_parameter_and_leaves_gradients_as_they_are():
    named = parameters([0.5, 0.5])
    array, gradient = named["p0"].data, np.array([30.0, 40.0])
    Adam(named, limit=1.0).step(0.1, {"p0": gradient})
    assert named["p0"].data is array and not np.array_equal(array, [0.5, 0.5])
    np.testing.assert_array_equal(gradient, [30.0, 40.0])


def test_a_limit_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="limit = 0"):
        Adam({}, limit=0)
