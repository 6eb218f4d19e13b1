"""How a state depends on earlier states, against plain loops and the gates that keep it."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.cells.networks import NAMES, built, draws
from tests.explain.naive import STEP, D, H, T, lstm, sigma
from tests.oracles import assert_close

XS = [draws(100 + t, 1, D) for t in range(T)]
START = [draws(300 + k, 1, H) for k in range(2)]


def found_in(name="lstm"):
    cell = built(name, (D, H))
    start = START[2 - len(cell.inputs[1:]) :]
    return cell, tl.jacobians(cell, np.concatenate(XS), [s[0] for s in start])


@pytest.mark.parametrize("state", ["c", "h"])
def test_jacobians_equal_complex_steps_through_a_plain_loop(state):
    cell, found = found_in()
    weights = {name: p.data for name, p in cell.parameters.items()}
    expected = np.zeros((T, T, H, H))
    for k in range(T):
        for j in range(H):
            step = np.zeros((1, H), complex)
            step[0, j] = 1j * STEP
            seen = lstm(weights, [*XS, *START], moved={(state, k + 1): step})
            for t in range(k, T):
                moved = seen[t][0] if state == "c" else seen[t][1]
                expected[t, k, :, j] = moved[0].imag / STEP
    assert_close(found.values[state], expected)


@pytest.mark.parametrize("name", NAMES)
def test_a_state_is_its_own_derivative_and_owes_nothing_to_the_future(name):
    _, found = found_in(name)
    for values in found.values.values():
        for t in range(T):
            assert np.array_equal(values[t, t], np.eye(H))
            assert not values[t, t + 1 :].any()


def test_singular_values_are_roots_of_the_eigenvalues_of_the_square():
    _, found = found_in()
    for state, values in found.values.items():
        square = values[4, 1] @ values[4, 1].T
        roots = np.sqrt(np.clip(np.linalg.eigvalsh(square), 0, None))[::-1]
        np.testing.assert_allclose(found.singular[state][4, 1], roots, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "states"),
    [
        ("lstm", ["c"]),
        ("lstm_by_gate", ["c"]),
        ("cifg", ["c"]),
        ("peephole", ["c"]),
        ("gru", ["h"]),
        ("rnn", []),
    ],
)
def test_only_states_that_a_gate_keeps_have_a_highway(name, states):
    assert list(found_in(name)[1].highway) == states


def test_the_highway_is_the_product_of_forget_gates():
    cell, found = found_in()
    weights = {name: p.data for name, p in cell.parameters.items()}
    forget, h = [], START[1]
    for t, (_, h_t) in enumerate(lstm(weights, [*XS, *START])):
        z = XS[t] @ weights["W_x"].T + weights["b_x"] + h @ weights["W_h"].T + weights["b_h"]
        forget.append(sigma(z[0, H : 2 * H]))
        h = h_t
    for t in range(T):
        for k in range(t + 1):
            assert_close(
                found.highway["c"][t, k],
                np.prod(np.reshape(forget[k + 1 : t + 1], (-1, H)), axis=0),
            )


def test_without_products_with_h_the_jacobian_of_c_is_the_highway():
    cell = built("lstm", (D, H))
    cell.parameters["W_h"].data = np.zeros((4 * H, H))
    found = tl.jacobians(cell, np.concatenate(XS))
    for t in range(T):
        for k in range(t + 1):
            assert_close(found.values["c"][t, k], np.diag(found.highway["c"][t, k]), 1e-15)


def test_a_state_that_is_added_to_without_a_gate_is_kept_whole(float64):
    x, c, h = tl.Input("x", "N", D), tl.Input("c_prev", "N", H), tl.Input("h_prev", "N", H)
    new_c = c + tl.tanh(tl.Linear(D, H, "x")(x) + tl.Linear(H, H, "h")(h))
    cell = tl.Graph([x, c, h], [new_c, tl.tanh(new_c)], name="1997")
    found = tl.jacobians(cell, np.ones((3, D)))
    assert np.array_equal(found.highway["c"][2, 0], np.ones(H))


@pytest.mark.parametrize(("name", "bias"), [("lstm_by_gate", "b_xf"), ("gru", "b_xz")])
def test_the_forget_bias_moves_the_gate_that_keeps_the_state(name, bias):
    cell = built(name, (D, H))
    before = {key: p.data.copy() for key, p in cell.parameters.items()}
    tl.set_forget_bias(cell, 3.0)
    changed = [key for key, p in cell.parameters.items() if not np.array_equal(p.data, before[key])]
    assert changed == [bias] and np.array_equal(cell.parameters[bias].data, np.full(H, 3.0))


def test_of_two_fused_biases_one_holds_the_forget_bias():
    cell = built("lstm", (D, H))
    tl.set_forget_bias(cell, 2.0)
    rows = slice(H, 2 * H)
    assert np.array_equal(cell.parameters["b_x"].data[rows], np.full(H, 2.0))
    assert np.array_equal(cell.parameters["b_h"].data[rows], np.zeros(H))


def test_a_higher_forget_bias_keeps_more_of_the_state():
    cell, ends = built("lstm", (D, H)), []
    for bias in (0.0, 1.0, 3.0):
        tl.set_forget_bias(cell, bias)
        ends.append(tl.jacobians(cell, np.concatenate(XS)).highway_by_distance("c")[-1])
    assert ends[0] < ends[1] < ends[2] < 1


def test_a_cell_without_a_keeping_gate_has_no_forget_bias():
    with pytest.raises(tl.GraphError, match="rnn has no gate that keeps its state"):
        tl.set_forget_bias(built("rnn", (D, H)), 1.0)


def test_distance_zero_is_one_and_unknown_states_are_named():
    _, found = found_in("rnn")
    assert found.by_distance("h")[0] == 1 and len(found.by_distance("h")) == T
    with pytest.raises(tl.GraphError, match="rnn has no 'c' here; there is h"):
        found.by_distance("c")


def test_several_sequences_at_once_are_refused():
    with pytest.raises(tl.ShapeError, match=r"one sequence \(T, D\) with T >= 2"):
        tl.jacobians(built("rnn", (D, H)), np.ones((3, 2, D)))
