"""gradcheck: right gradients pass, slightly wrong ones do not, corners raise no false alarm."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tinygrad_lstm import CELLS, ArgumentError, Dropout, GradientError, Linear, ReLU, gradcheck


class NearlyTanh(tl.Op):
    """tanh with a derivative that is a thousandth too large."""

    kind = "gate"
    latex = r"\operatorname{{nearly}}({0})"

    def forward(self, xp, x):
        return xp.tanh(x)

    def vjp(self, g, y, x):
        return (g * (1 - y * y) * 1.001,)


@pytest.fixture(autouse=True)
def the_table_of_ops_stays_as_it_is(monkeypatch):
    monkeypatch.delitem(tl.OPS, "NearlyTanh", raising=False)


def broken_cell():
    layer = Linear(3, 2, "a")
    x = tl.Input("x", "N", 3)
    return tl.Graph([x], [NearlyTanh()(layer(x))])


@pytest.mark.parametrize("cell", sorted(CELLS))
def test_every_cell_passes_at_numbers_of_gradchecks_own(cell):
    result = gradcheck(CELLS[cell](3, 2))
    assert result.ok and result.error < 1e-8
    names = {row.name for row in result.rows}
    assert names == {
        "x",
        *(n.name for n in CELLS[cell](3, 2).inputs),
        *CELLS[cell](3, 2).parameters,
    }


def test_a_network_through_time_passes():
    result = gradcheck(tl.through_time(CELLS["lstm"](3, 2), 3))
    assert result.ok and len(result.rows) == 3 + 2 + 4


def test_a_derivative_wrong_by_a_thousandth_is_caught_and_its_worst_entry_named():
    with pytest.raises(GradientError) as caught:
        gradcheck(broken_cell())
    text = str(caught.value)
    result = gradcheck(broken_cell(), raises=False)
    w = result.worst
    assert "worst in " in text and "NearlyTanh.vjp" in text and "test_gradcheck.py" in text
    assert not result.ok and w.error == pytest.approx(1e-3, rel=0.01)
    assert w.analytic / w.numeric == pytest.approx(1.001, rel=1e-6)
    assert f"worst in {w.entry}: analytic {w.analytic:.10g}, numeric {w.numeric:.10g}" in str(
        result
    )
    assert isinstance(caught.value.node.op, NearlyTanh)


def test_the_worst_entry_has_the_slope_that_one_works_out_by_hand(float64):
    layer = Linear(1, 1, "a", bias=False)
    x = np.array([[0.7]])
    result = gradcheck(lambda t: NearlyTanh()(layer(t)), x, raises=False, seed=3)
    cotangent = np.random.default_rng(3).uniform(0.5, 1.5, (1, 1))
    by_hand = float((cotangent * 0.7 * (1 - np.tanh(0.7 * layer.W.data) ** 2)).item())
    row = next(row for row in result.rows if row.name == "W_a")
    assert row.numeric == pytest.approx(by_hand, rel=1e-10) and row.index == (0, 0)


def test_a_corner_is_named_instead_of_a_false_alarm():
    result = gradcheck(lambda x: ReLU()(x), np.array([0.0, 1.0, -1.0, 1e-4, -3e-4]))
    assert result.ok
    assert result.rows[0].corners == ((0,),)
    assert "not differentiable here, left out: argument 0[0]" in str(result)


def test_a_slope_outside_both_sides_of_a_corner_is_wrong_all_the_same():
    class Steep(tl.Op):
        """ReLU with slope 3."""

        def forward(self, xp, x):
            return xp.where(x > 0, x, 0 * x)

        def vjp(self, g, y, x):
            return (g * 3.0,)

    result = gradcheck(lambda x: Steep()(x), np.zeros(1), raises=False)
    del tl.OPS["Steep"]
    assert not result.ok and result.rows[0].corners == ()


def test_parameters_and_values_are_afterwards_as_before():
    cell = CELLS["lstm"](3, 2)
    cell.forward(np.ones((1, 3)), np.ones((1, 2)), np.ones((1, 2)))
    cell.backward(np.ones((1, 2)), None)
    before = [(n.data, n.adjoint) for n in cell.nodes]
    gradcheck(cell)
    assert all(n.data is d and n.adjoint is a for n, (d, a) in zip(cell.nodes, before))
    assert all(p.dtype == np.float32 for p in cell.parameters.values())


def test_parameters_are_as_before_after_an_error_too():
    cell = broken_cell()
    before = [n.data for n in cell.nodes]
    with pytest.raises(GradientError):
        gradcheck(cell)
    with pytest.raises(tl.ShapeError):
        gradcheck(cell, np.ones((2, 7)))
    assert all(n.data is d for n, d in zip(cell.nodes, before))


def test_arrays_given_are_not_written_to(rng):
    x = rng.standard_normal((2, 3))
    before = x.copy()
    gradcheck(CELLS["rnn"](3, 2), x, np.zeros((2, 2)))
    np.testing.assert_array_equal(x, before)


def test_a_function_with_layers_of_either_precision_is_checked(rng):
    single = Linear(3, 2, "s")
    with tl.default_dtype("float64"):
        double = Linear(3, 2, "d")
    x = rng.standard_normal((4, 3))
    for layer in (single, double):
        assert gradcheck(lambda t, layer=layer: tl.tanh(layer(t)), x).ok
    assert (single.W.dtype, double.W.dtype) == ("float32", "float64")


def test_dropout_keeps_one_mask_while_it_is_checked(rng):
    drop = Dropout(0.5)
    assert gradcheck(lambda x: drop(x * x), rng.standard_normal((4, 5))).ok


def test_class_numbers_are_left_alone(rng):
    result = gradcheck(
        lambda logits, target: tl.cross_entropy(logits, target),
        rng.standard_normal((3, 4)),
        np.array([0, 3, 1]),
    )
    assert result.ok and [row.name for row in result.rows] == ["argument 0"]


def test_the_same_seed_gives_the_same_table():
    tl.seed(1)
    cell = CELLS["gru"](3, 2)
    assert str(gradcheck(cell, seed=5)) == str(gradcheck(cell, seed=5))
    assert str(gradcheck(cell, seed=5)) != str(gradcheck(cell, seed=6))


@pytest.mark.parametrize("what", [3, "lstm"])
def test_what_is_no_graph_and_no_function_is_refused(what):
    with pytest.raises(ArgumentError, match="a Graph or a function"):
        gradcheck(what)


def test_a_function_needs_arrays():
    with pytest.raises(ArgumentError, match="needs the arrays"):
        gradcheck(lambda x: x)
