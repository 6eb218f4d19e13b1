"""One gradient found backwards, forwards and by trying."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.cells.networks import NAMES, built, draws
from tests.explain.naive import T, gradient, loss, lstm

N, D, H = 2, 2, 3


def asked(cell, steps=4):
    xs, seeds = draws(1, steps, N, D), draws(2, steps, N, H)
    return xs, [draws(3 + k, N, H) for k in range(len(cell.inputs) - 1)], seeds


@pytest.mark.parametrize("name", NAMES)
def test_all_ways_agree_to_ten_digits(name):
    cell = built(name, (D, H))
    found = tl.three_ways(cell, list(cell.parameters)[-1], *asked(cell))
    assert [way.method for way in found.ways] == ["complex step", "BPTT", "RTRL", "differences"]
    for way in found.ways:
        assert way.error < 1e-10 and way.seconds > 0 and way.bytes > 0
    assert np.abs(found["BPTT"].gradient).max() > 0
    assert found["BPTT"].error < 1e-13 and found["RTRL"].error < 1e-13


def test_the_ways_agree_with_a_plain_loop(monkeypatch):
    import tests.explain.naive as naive

    monkeypatch.setattr(naive, "H", H)
    cell = built("lstm", (D, H))
    xs, state, seeds = asked(cell, T)
    weights = {name: p.data for name, p in cell.parameters.items()}

    def moved(step):
        return loss(lstm({**weights, "W_h": weights["W_h"] + step}, [*xs, *state]), seeds)

    expected = gradient((4 * H, H), moved)
    for way in tl.three_ways(cell, "W_h", xs, state, seeds).ways:
        np.testing.assert_allclose(way.gradient, expected, rtol=1e-9, atol=1e-11)


def test_memory_of_bptt_grows_with_time_and_that_of_rtrl_does_not():
    cell = built("rnn", (D, H))
    short, long = (tl.three_ways(cell, "W_h", *asked(cell, steps)) for steps in (4, 64))
    assert long["BPTT"].bytes > 4 * short["BPTT"].bytes
    assert long["RTRL"].bytes < 2 * short["RTRL"].bytes


def test_the_weight_is_left_as_it_was():
    cell = built("gru", (D, H))
    before = cell.parameters["W_hn"].data
    tl.three_ways(cell, "W_hn", *asked(cell))
    assert cell.parameters["W_hn"].data is before


def test_the_table_has_a_row_for_each_way():
    cell = built("rnn", (D, H))
    found = tl.three_ways(cell, cell.parameters["b_x"], *asked(cell))
    assert [line.split()[0] for line in str(found).splitlines()] == [
        "dL/db_x", "complex", "BPTT", "RTRL", "differences",
    ]  # fmt: skip
    with pytest.raises(tl.GraphError, match="has no method 'guess'; it has complex step, BPTT"):
        found["guess"]


def test_single_precision_is_refused_for_differences_could_not_agree():
    cell = built("rnn", (D, H), "float32")
    with pytest.raises(tl.DtypeError, match="is float32; build the cell in float64"):
        tl.three_ways(cell, "W_h", *asked(cell))
