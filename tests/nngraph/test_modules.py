"""Modules of one input, exactly as Torch has them (section 9)."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.oracles import assert_close, numeric_vjp
from tinygrad_lstm.errors import ShapeError
from tinygrad_lstm.nngraph import (
    CAdd,
    CMul,
    Dropout,
    Identity,
    Linear,
    LogSoftMax,
    Narrow,
    ReLU,
    Reshape,
    Sequential,
    Sigmoid,
    SoftMax,
    Tanh,
    gModule,
)

pytestmark = pytest.mark.usefixtures("float64")

CURVES = {
    Tanh: np.tanh,
    Sigmoid: lambda x: 1 / (1 + np.exp(-x)),
    SoftMax: lambda x: np.exp(x) / np.exp(x).sum(-1, keepdims=True),
    LogSoftMax: lambda x: x - np.log(np.exp(x).sum(-1, keepdims=True)),
    ReLU: lambda x: np.where(x.real > 0, x, 0),
    Identity: lambda x: x,
}


@pytest.mark.parametrize("module", CURVES, ids=lambda m: m.__name__)
def test_curves_and_their_gradients(rng, module):
    x, seed, formula = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), CURVES[module]
    net = module()
    assert_close(net.forward(x), formula(x))
    exact = numeric_vjp(lambda x: (formula(x),), [x], [seed], [0])[0]
    assert_close(net.backward(x, seed), exact)


TEN = np.arange(1.0, 11).reshape(1, 10)


@pytest.mark.parametrize(
    ("arguments", "taken"),
    [
        ((2, 1, 3), [1, 2, 3]),
        ((2, 4, 2), [4, 5]),
        ((2, 10), [10]),
        ((-1, 1, 2), [1, 2]),
        ((2, 3, -1), [3, 4, 5, 6, 7, 8, 9, 10]),
        ((2, 3, -2), [3, 4, 5, 6, 7, 8, 9]),
        ((-1, 9, -1), [9, 10]),
        ((2, -1, 7), [1, 2, 3]),
        ((2, -5, 7), [1, 2, 3]),
        ((-1, -1, 1), [1, 2, 3, 4, 5, 6, 7, 8, 9]),
    ],
)
def test_narrow_counts_from_1_and_from_the_end_as_torch_does(arguments, taken):
    module = Narrow(*arguments)
    assert_close(module.forward(TEN), np.array([taken], float), 0)
    sent = module.backward(TEN, np.ones((1, len(taken))))
    assert_close(sent, np.isin(TEN, taken).astype(float), 0)


def test_narrow_along_the_first_dimension():
    assert_close(Narrow(1, 2, 2).forward(TEN.T), TEN.T[1:3], 0)


def test_narrow_gives_a_value_that_later_runs_do_not_change():
    module = Narrow(2, 1, 3)
    y = module.forward(TEN)
    module.forward(TEN * 0)
    assert_close(y, TEN[:, :3], 0)


@pytest.mark.parametrize("arguments", [(0, 1, 2), (2, 0, 2)])
def test_narrow_from_0_is_refused(arguments):
    with pytest.raises(ShapeError, match="Torch counts from 1"):
        Narrow(*arguments)


def test_narrow_with_negative_offset_and_length_is_refused():
    with pytest.raises(ShapeError, match=r"Narrow\(2, -1, -3\): only one of the two may be neg"):
        Narrow(2, -1, -3)


def test_narrow_past_the_edge_names_the_columns():
    with pytest.raises(ShapeError, match=r"columns 9\.\.12 of input \(1, 10\) do not exist"):
        Narrow(2, 10, 3).forward(TEN)


def test_narrow_of_a_dimension_that_is_not_there_is_refused():
    with pytest.raises(ShapeError, match="has 2 dimensions, none is number 3"):
        Narrow(3, -1, 1).forward(TEN)


def test_linear_starts_between_plus_and_minus_one_over_root_of_the_input_size():
    layer = Linear(25, 1000)
    assert layer.weight.shape == (1000, 25) and layer.bias.shape == (1000,)
    assert 0.19 < abs(layer.weight.data).max() <= 0.2
    assert not layer.gradWeight.any() and not layer.gradBias.any()


@pytest.mark.parametrize("shape", [(4,), (3, 4)])
def test_linear_takes_one_example_or_a_batch(rng, shape):
    layer, x = Linear(4, 6), rng.normal(size=shape)
    y = layer.forward(x)
    assert_close(y, x @ layer.weight.data.T + layer.bias.data)
    seed = rng.normal(size=y.shape)
    assert_close(layer.backward(x, seed), seed @ layer.weight.data)
    assert_close(layer.gradWeight, np.atleast_2d(seed).T @ np.atleast_2d(x))
    assert_close(layer.gradBias, np.atleast_2d(seed).sum(0))


def test_linear_without_bias(rng):
    x = rng.normal(size=(3, 4))
    for layer in (Linear(4, 6, False), Linear(4, 6).noBias()):
        assert layer.bias is None and layer.gradBias is None
        assert_close(layer.forward(x), x @ layer.weight.data.T)
        assert len(layer.parameters()[0]) == 1


def test_linear_of_the_wrong_size_is_explained():
    with pytest.raises(ShapeError, match=r"takes 4 features, input \(3, 5\) has 5"):
        Linear(4, 6).forward(np.ones((3, 5)))


def test_an_unknown_attribute_is_an_attribute_error():
    with pytest.raises(AttributeError, match="Tanh has no attribute 'gradWeight'"):
        _ = Tanh().gradWeight


@pytest.mark.parametrize(("module", "formula"), [(CMul, np.multiply), (CAdd, np.add)])
def test_with_a_size_cmul_and_cadd_are_learnable(rng, module, formula):
    layer, x, seed = module(4), rng.normal(size=(3, 4)), rng.normal(size=(3, 4))
    ((w,), (w_bar,)) = layer.parameters()
    assert_close(layer.forward(x), formula(x, w))
    sent = layer.backward(x, seed)
    exact = numeric_vjp(lambda x, w: (formula(x, w),), [x, w], [seed], [0, 1])
    assert_close(sent, exact[0])
    assert_close(w_bar, exact[1])


@pytest.mark.parametrize(("module", "formula"), [(CMul, np.multiply), (CAdd, np.add)])
def test_without_a_size_cmul_and_cadd_are_operations_on_a_table(rng, module, formula):
    a, b = rng.normal(size=(2, 3, 4))
    assert_close(module().forward([a, b]), formula(a, b))
    x, y = Identity()(), Identity()()
    assert_close(gModule([x, y], [module()([x, y])]).forward([a, b]), formula(a, b))


def test_a_learnable_scale_in_a_graph_is_a_peephole(rng):
    c = Identity()()
    peephole = CMul(4)
    net = gModule([c], [Sigmoid()(peephole(c))])
    x = rng.normal(size=(3, 4))
    assert_close(net.forward(x), 1 / (1 + np.exp(-x * peephole.weight.data)))


@pytest.mark.parametrize(
    ("shape", "batchMode", "expected"),
    [
        ((3, 24), None, (3, 4, 6)),
        ((24,), None, (4, 6)),
        ((2, 12), None, (4, 6)),
        ((1, 24), None, (1, 4, 6)),
        ((1, 24), False, (4, 6)),
        ((24, 1, 24), True, (24, 4, 6)),
    ],
)
def test_reshape_takes_the_input_for_a_batch_as_torch_does(shape, batchMode, expected):
    x = np.arange(float(np.prod(shape))).reshape(shape)
    module = Reshape(4, 6, batchMode=batchMode)
    y = module.forward(x)
    assert_close(y, x.reshape(expected), 0)
    assert_close(module.backward(x, y), x, 0)


def test_reshape_to_another_number_of_entries_is_refused():
    with pytest.raises(ShapeError, match="entries"):
        Reshape(4, 6).forward(np.ones((3, 25)))


def test_dropout_keeps_the_mean_and_evaluates_to_the_identity():
    layer, x = Dropout(0.25), np.ones(10_000)
    y = layer.forward(x)
    assert set(np.unique(y)) == {0, 1 / 0.75}
    assert abs((y == 0).mean() - 0.25) < 0.02
    assert_close(layer.backward(x, x), y, 0)
    layer.evaluate()
    assert_close(layer.forward(x), x, 0)
    assert_close(layer.backward(x, x), x, 0)
    assert (layer.training().forward(x) == 0).any()


def test_version_1_of_dropout_scales_at_evaluation_instead():
    layer, x = Dropout(0.25, v1=True), np.ones(10_000)
    y = layer.forward(x)
    assert_close(np.unique(y), np.array([0.0, 1.0]))
    assert_close(layer.backward(x, x), y, 0)
    layer.evaluate()
    assert_close(layer.forward(x), 0.75 * x)
    assert_close(layer.backward(x, x), 0.75 * x)


@pytest.mark.parametrize("p", [-0.1, 1])
def test_dropout_of_everything_is_refused(p):
    with pytest.raises(ShapeError, match="p is the probability of dropping"):
        Dropout(p)


def test_evaluate_reaches_the_modules_inside():
    net = Sequential(Linear(3, 3), Sequential(Dropout(0.5)))
    net.evaluate()
    assert not net.modules[1].modules[0].train
    x = np.ones((1, 3))
    assert_close(net.forward(x), net.modules[0].forward(x), 0)


def test_modules_take_the_precision_of_their_weights():
    with tl.default_dtype("float32"):
        layer = Linear(3, 2)
    assert layer.forward(np.ones((1, 3))).dtype == np.float32
    assert layer.backward(np.ones((1, 3)), np.ones((1, 2))).dtype == np.float32
