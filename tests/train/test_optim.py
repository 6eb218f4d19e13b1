"""Adam and clipping, against the paper's algorithm written out for single numbers."""

import math

import numpy as np
import pytest

from tinygrad_lstm import Parameter
from tinygrad_lstm.train.optim import Adam, joint_norm


def parameters(*values):
    return {f"p{k}": Parameter(np.array(v)) for k, v in enumerate(values)}


def adam_by_the_paper(w, gradients, rate, beta_1, beta_2):
    m = v = 0.0
    for t, g in enumerate(gradients, start=1):
        m = beta_1 * m + (1 - beta_1) * g
        v = beta_2 * v + (1 - beta_2) * g**2
        w -= rate * (m / (1 - beta_1**t)) / math.sqrt(v / (1 - beta_2**t))
    return w


def test_adam_follows_the_paper():
    named = parameters([0.5])
    adam, gradients = Adam(named, limit=100.0), [0.3, -0.2, 0.7, 0.1]
    for g in gradients:
        named["p0"].grad = np.array([g])
        adam.step(0.1)
    expected = adam_by_the_paper(0.5, gradients, 0.1, *adam.betas)
    np.testing.assert_allclose(named["p0"].data, [expected], rtol=1e-6)


def test_the_norm_is_taken_over_all_gradients_together():
    assert joint_norm([np.array([3.0]), np.array([[4.0]])]) == 5.0


def test_clipping_scales_all_gradients_together():
    one, two = parameters([0.0], [0.0]), parameters([0.0], [0.0])
    big, small = Adam(one, limit=1.0), Adam(two, limit=1.0)
    for p, g in zip(one.values(), (30.0, 40.0)):
        p.grad = np.array([g])
    for p, g in zip(two.values(), (0.6, 0.8)):
        p.grad = np.array([g])
    assert (big.step(0.1), small.step(0.1)) == (50.0, 1.0)
    for a, b in zip(big.m, small.m):
        np.testing.assert_allclose(a, b)


def test_a_step_keeps_the_precision_of_the_parameter():
    named = {"p": Parameter(np.ones(3, "float32"))}
    named["p"].grad = np.ones(3, "float32")
    Adam(named, limit=1.0).step(0.1)
    assert named["p"].data.dtype == np.float32


def test_a_limit_that_is_not_positive_is_refused():
    with pytest.raises(ValueError, match="limit = 0"):
        Adam({}, limit=0)
