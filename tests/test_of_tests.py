"""Derivatives that are slightly wrong must make a test fail, and so must every kind of slip."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.autograd import test_engine
from tests.cells import test_cells, test_relations
from tests.ops import test_table
from tests.ops.samples import CASES, sample, wrt
from tinygrad_lstm import steps

DIFFERENTIABLE = [(name, k) for name, case in CASES.items() for k in wrt(case, case.samples[0][1])]
SLIPS = {
    "off by 0.1 %": lambda g: g * 1.001,
    "sign": lambda g: -g,
    "forgotten": lambda g: None,
    "float32 on the way": lambda g: np.asarray(g, "float32").astype(float) * 1.0000001,
}


def slipped(original, k, slip):
    def vjp(self, g, y, *inputs):
        sent = list(original(self, g, y, *inputs))
        sent[k] = slip(sent[k]() if callable(sent[k]) else sent[k])
        return tuple(sent)

    return vjp


@pytest.mark.parametrize("slip", SLIPS)
@pytest.mark.parametrize("name, k", DIFFERENTIABLE)
def test_a_slip_in_a_derivative_is_caught(name, k, slip, monkeypatch):
    kind = type(sample(name, 0)[1])
    monkeypatch.setattr(kind, "vjp", slipped(kind.vjp, k, SLIPS[slip]))
    with pytest.raises((AssertionError, TypeError)):
        test_table.test_vjp_equals_the_numerical_derivative((name, 0))


WRONG_FORWARDS = {
    "Sigmoid": lambda self, xp, x: 0.5 * (1 + xp.tanh(x)),
    "Affine": lambda self, xp, x, W, *b: x @ W.T,
    "Mean": lambda self, xp, x: xp.sum(x, axis=self.axis, keepdims=self.keepdims),
    "Concat": lambda self, xp, *xs: xp.concat(xs[::-1], axis=self.axis),
    "Narrow": lambda self, xp, x: x[:, self.start + 1 : self.start + 1 + self.length],
}


@pytest.mark.parametrize("name", WRONG_FORWARDS)
def test_a_wrong_value_is_caught_though_a_derivative_may_fit_it(name, monkeypatch):
    monkeypatch.setattr(type(sample(name, 0)[1]), "forward", WRONG_FORWARDS[name])
    with pytest.raises(AssertionError):
        test_table.test_value_equals_the_independent_formula((name, 0))


def overwrite(node, sent, ours, *_):
    node.adjoint = np.array(steps.called(sent))


def add_in_place(node, sent, ours, *_):
    sent = steps.called(sent)
    if node.adjoint is None:
        node.adjoint = sent
    else:
        node.adjoint += sent


def test_gradients_that_overwrite_each_other_are_caught(monkeypatch):
    monkeypatch.setattr(steps, "add", overwrite)
    with pytest.raises(AssertionError):
        test_engine.test_a_square_by_multiplication_has_the_full_slope()
    with pytest.raises(AssertionError):
        test_cells.test_shared_weight_gradient_is_the_sum_over_timesteps("lstm")


def test_gradients_added_into_somebody_elses_array_are_caught(monkeypatch):
    monkeypatch.setattr(steps, "add", add_in_place)
    with pytest.raises((AssertionError, ValueError)):
        test_engine.test_sharing_one_gradient_array_between_parents_does_not_mix_them_up()
    with pytest.raises((AssertionError, ValueError)):
        test_engine.test_changing_a_gradient_does_not_change_a_second_backward()


@pytest.mark.parametrize("slip", SLIPS)
@pytest.mark.parametrize("op", [tl.Affine, tl.Sigmoid, tl.Tanh, tl.CMul])
def test_a_slip_shows_in_bptt_too(op, slip, monkeypatch):
    monkeypatch.setattr(op, "vjp", slipped(op.vjp, 0, SLIPS[slip]))
    with pytest.raises((AssertionError, TypeError, AttributeError)):
        test_cells.test_bptt_of_weights_inputs_and_first_state_equals_the_complex_step("lstm")


def test_swapped_gates_are_caught(monkeypatch):
    def swapped(fused):
        cut = test_relations_cut(fused)
        return cut | {"W_xi": cut["W_xf"], "W_xf": cut["W_xi"]}

    test_relations_cut = test_relations.gate_by_gate
    monkeypatch.setattr(test_relations, "gate_by_gate", swapped)
    with pytest.raises(AssertionError):
        test_relations.test_fused_lstm_equals_lstm_by_gate()
