"""The derivative table and a cell on other array libraries.

The devices of array-api-strict are pretended, but real in one respect: an array of one device that
meets another, or is read as a NumPy array, is an error.  A silent copy to the host fails here.
"""

import array_api_strict as strict
import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.ops.samples import SAMPLES, sample, sample_id, wrt
from tests.oracles import assert_close, contributions
from tinygrad_lstm.backend import to_numpy
from tinygrad_lstm.cells import lstm

DEVICE = strict.Device("device1")


PLACES = ["device1", *["cupy"] * tl.has_gpu()]


@pytest.fixture(params=PLACES)
def elsewhere(request):
    """Switches the backend; returns a function that says whether an array lies there."""
    if request.param == "cupy":
        with tl.backend("cupy"):
            yield lambda array: type(array).__module__.split(".")[0] == "cupy"
    else:
        with tl.backend(strict, device=DEVICE):
            yield lambda array: array.device == DEVICE


@pytest.mark.parametrize("which", SAMPLES, ids=sample_id)
def test_op_and_derivative_stay_on_the_device_and_agree_with_numpy(which, elsewhere):
    case, op, inputs = sample(*which)
    here = op(*inputs)
    there = [tl.Tensor(x) for x in inputs]
    y = op(*there)
    assert elsewhere(y.data)
    assert_close(np.asarray(to_numpy(y.data), float), np.asarray(here, float))
    asked = wrt(case, inputs)
    if not asked:
        return
    seed = np.linspace(-1, 2, np.size(here)).reshape(np.shape(here))
    y.backward(tl.Tensor(seed))
    for k, g in enumerate(contributions(op, seed, np.asarray(here), *inputs)):
        if k in asked:
            assert elsewhere(there[k].grad)
            assert_close(to_numpy(there[k].grad), g)


def run_cell(x, c, h, seeds):
    tl.seed(3)
    cell = lstm(4, 6)
    outputs = cell.forward(x, c, h)
    grads = cell.backward(*seeds)
    weights = [p.grad for p in cell.parameters.values()]
    return [*outputs, *grads, *weights]


def test_the_lstm_runs_forward_and_backward_on_the_device(elsewhere, rng, float64):
    x, c, h = rng.normal(size=(3, 4)), rng.normal(size=(3, 6)), rng.normal(size=(3, 6))
    seeds = [rng.normal(size=(3, 6)), rng.normal(size=(3, 6))]
    found = run_cell(*[tl.Tensor(a) for a in (x, c, h)], [tl.Tensor(s) for s in seeds])
    with tl.backend("numpy"):
        expected = run_cell(x, c, h, seeds)
    for there, here in zip(found, expected):
        assert elsewhere(there)
        assert_close(to_numpy(there), here)


def test_the_state_of_a_cell_starts_on_the_device_of_its_weights(elsewhere):
    c, h = tl.zero_state(lstm(4, 6), 3)
    assert elsewhere(c.data) and elsewhere(h.data)
    assert h.shape == (3, 6) and not h.numpy().any()


def test_dropout_draws_the_same_mask_on_every_backend(elsewhere, rng):
    x = rng.normal(size=(3, 4))
    tl.seed(1)
    there = tl.Dropout(0.5)(tl.Tensor(x))
    tl.seed(1)
    with tl.backend("numpy"):
        here = tl.Dropout(0.5)(tl.Tensor(x))
    assert elsewhere(there.data)
    assert_close(there.numpy(), here.numpy())


def test_infix_operators_keep_numbers_on_the_device(elsewhere, rng):
    x = tl.Tensor(rng.normal(size=(3, 4)))
    y = (2 * x[:, ::-1] - np.ones((3, 4)) + x[:, :1] * [1.0, 2.0, 3.0, 4.0]).sum()
    y.backward()
    assert elsewhere(y.data) and elsewhere(x.grad)
    assert_close(to_numpy(x.grad), np.full((3, 4), 2.0) + 10 * np.eye(4)[:1])


def test_a_tensor_moves_there_and_back(elsewhere):
    with tl.backend("numpy"):
        x = tl.Tensor(np.arange(6.0).reshape(2, 3))
        w = tl.Parameter(np.ones(3))
    moved = x.to(strict, DEVICE) if elsewhere(tl.Tensor([1.0]).data) else x
    back = moved.to("numpy")
    np.testing.assert_array_equal(back.data, x.data)
    assert type(back.data) is np.ndarray
    assert w.to("numpy") is w


@pytest.mark.gpu
@pytest.mark.skipif(not tl.has_gpu(), reason="no CUDA device, or CuPy is not installed")
def test_the_gpu_takes_part():
    assert "cupy" in PLACES


def test_has_gpu_is_false_without_cupy(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "cupy", None)
    assert not tl.has_gpu()
