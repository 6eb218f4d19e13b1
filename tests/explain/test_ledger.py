"""The gradient of a shared weight, timestep by timestep."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.cells.networks import NAMES
from tests.explain.naive import D, H, T, gradient, loss, lstm, network, seeds_of, weights_of
from tests.oracles import assert_close


@pytest.mark.parametrize("name", NAMES)
def test_contributions_in_order_of_arrival_add_up_to_the_gradient_bit_for_bit(name):
    net, _ = network(name)
    for weight, parameter in net.parameters.items():
        book = tl.ledger(net, weight, *seeds_of(net))
        total = book.arrivals[0].copy()
        for part in book.arrivals[1:]:
            total += part
        assert np.array_equal(total, parameter.grad) and np.array_equal(book.grad, total)
        assert list(book.times) == sorted(book.times, reverse=True)
        assert_close(book.parts.sum(axis=0), parameter.grad)


@pytest.mark.parametrize("weight", ["W_x", "W_h", "b_x", "b_h"])
def test_each_timesteps_part_is_the_gradient_of_its_own_copy_of_the_weight(weight):
    net, arrays = network()
    book, own = tl.ledger(net, weight, *seeds_of(net)), weights_of(net)
    for t in range(1, T + 1):

        def moved(step, t=t):
            copies = [dict(own) for _ in range(T)]
            copies[t - 1][weight] = own[weight] + step
            return loss(lstm(copies, arrays), seeds_of(net))

        assert_close(book.parts[t - 1], gradient(own[weight].shape, moved))


def test_gates_of_a_fused_weight_are_read_off_the_narrows_that_cut_it():
    net, _ = network()
    for weight in ("W_x", "W_h", "b_x", "b_h"):
        book = tl.ledger(net, weight, *seeds_of(net))
        assert book.gates == {
            "in_gate": (slice(0, H),),
            "forget_gate": (slice(H, 2 * H),),
            "out_gate": (slice(2 * H, 3 * H),),
            "in_transform": (slice(3 * H, 4 * H),),
        }
        assert np.array_equal(book.gate("forget_gate"), book.parts[:, H : 2 * H])


@pytest.mark.parametrize("name", ["lstm_by_gate", "cifg", "peephole", "gru"])
def test_a_weight_of_one_gate_belongs_to_the_gate_of_its_name(name):
    net, _ = network(name)
    for weight in net.parameters:
        book = tl.ledger(net, weight, *seeds_of(net))
        assert book.gates == {weight[-1]: (slice(0, H),)}


def test_norms_are_those_of_the_parts_of_each_gate():
    net, _ = network()
    book = tl.ledger(net, "W_h", *seeds_of(net))
    assert list(book.norms) == list(book.gates)
    assert book.norms["out_gate"][2] == pytest.approx(
        np.sqrt(np.sum(book.parts[2, 2 * H : 3 * H] ** 2)), rel=1e-14
    )


def test_a_weight_used_outside_of_time_keeps_that_part_apart(float64):
    readout = tl.Linear(H, 2, "y")
    x = [tl.Input(f"x_{t}", "N", D) for t in (1, 2)]
    h0 = tl.Input("h_0", "N", H)
    hs, _ = tl.unroll(tl.CELLS["rnn"](D, H), x, [h0])
    net = tl.Graph([*x, h0], [readout(tl.stacked(hs)).sum()])
    net.forward(np.ones((3, D)), np.ones((3, D)), np.zeros((3, H)))
    book = tl.ledger(net, "W_y")
    assert np.array_equal(book.outside, book.grad) and np.abs(book.grad).max() > 0
    assert np.abs(book.parts).max() == 0 and book.gates == {} and book.difference == 0
    assert set(book.norms) == {"all"}


def test_a_weight_that_no_loss_reaches_has_an_empty_ledger():
    net, _ = network()
    book = tl.ledger(net, "W_h", *[None] * len(net.outputs))
    assert book.arrivals.shape == (0, 4 * H, H)
    assert np.abs(book.grad).max() == np.abs(book.parts).max() == 0


def test_a_parameter_that_is_not_there_is_answered_with_those_that_are():
    net, _ = network()
    with pytest.raises(tl.GraphError, match=r"has no parameter W_q; it has W_x, b_x, W_h, b_h"):
        tl.ledger(net, "W_q", *seeds_of(net))
    with pytest.raises(tl.GraphError, match=r"W_h has no gate 'f'; it has in_gate, forget_gate"):
        tl.ledger(net, "W_h", *seeds_of(net)).gate("f")


def test_the_picture_has_a_panel_for_each_timestep_and_their_sum():
    net, _ = network()
    svg = tl.ledger(net, "W_h", *seeds_of(net)).svg()
    assert all(f"t = {t}" in svg for t in range(1, T + 1)) and "sum over t" in svg


def test_pictures_name_the_characters_and_gates():
    net, _ = network()
    book = tl.ledger(net, "W_h", *seeds_of(net))
    assert "t = 2, reads b" in book.svg("abcde")
    assert all(gate in book.svg_gates("abcde") for gate in book.gates)
    assert "character" not in book.svg_gates()
