"""The doctor: right backward passes get a clean bill, and every known bug is named."""

import numpy as np
import pytest

import tinygrad_lstm as tl
from tinygrad_lstm import CELLS, ArgumentError, ShapeError, doctor

from . import backwards

ALL = ("weights", "x", "first", "steps")


def by_gate(bug="", what=("weights",)):
    """A backward pass of the LSTM by gates that returns as much as is asked for."""

    def my_backward(*arguments):
        out = backwards.lstm_by_gate(*arguments, bug=bug)
        result = dict(out["weights"]) if "weights" in what else {}
        result |= out["steps"] if "steps" in what else {}
        result |= out["first"] if "first" in what else {}
        result |= {"x": out["x"]} if "x" in what else {}
        return result | ({"hs": out["hs"]} if "hs" in what else {})

    return my_backward


def written(cell, bug=""):
    """The hand-written backward pass of a cell."""
    if cell == "lstm_by_gate":
        return by_gate(bug)
    return lambda *arguments: getattr(backwards, cell)(*arguments, bug=bug)


@pytest.mark.parametrize("cell", ["lstm_by_gate", "lstm", "peephole", "gru"])
@pytest.mark.parametrize(("T", "N"), [(4, 3), (1, 2), (6, 1)])
def test_a_right_backward_pass_gets_a_clean_bill(cell, T, N):
    verdict = doctor(written(cell), CELLS[cell](3, 2), T=T, N=N)
    assert verdict.ok and verdict.diagnosis == "" and verdict.wrong == ()
    assert set(verdict.right) == set(CELLS[cell](3, 2).parameters)
    assert str(verdict).startswith("Your backward pass is right")


def test_inputs_states_and_every_step_are_examined_where_they_are_returned():
    verdict = doctor(by_gate(what=(*ALL, "hs")), CELLS["lstm_by_gate"](3, 2))
    assert verdict.ok
    assert {"x", "c_0", "h_0", "i", "f", "o", "g", "c", "h", "hs", "W_hf"} <= set(verdict.right)


BY_GATE = {
    "missing dh": ("missing dh from the next step", "h"),
    "missing carry": ("missing f * dc carry", "dc_prev"),
    "carry without f": ("missing factor f", "the gradient of c_prev"),
    "tanh of c_prev": ("c_{t-1} for c_t", "tanh(c)"),
    "do without tanh": ("c for tanh(c)", "o * tanh(c)"),
    "c_t for c_prev": ("c_t for c_{t-1}", "the gradient of f"),
    "h_t for h_prev": ("h_t for h_{t-1}", "the gradient of W_hi, W_hf, W_ho and W_hg"),
    "i and g swapped": ("i and g swapped", "i * g"),
    "i and g exchanged": ("gradients exchanged", "W_xi and W_xg"),
    "df is dc * f": ("f and c_prev swapped", "f * c_prev"),
    "pre-activation": ("derivative of the pre-activation", "i, f, o and g"),
    "pre-activation in f only": ("derivative of the pre-activation", "f"),
    "activated twice": ("activated twice", "i, f, o and g"),
    "sigmoid' for g": ("derivative of the other activation", "g"),
    "no derivative of o": ("missing derivative of the activation", "o"),
    "= for +=": ("`=` for `+=` on a shared weight", "every parameter"),
    "= for += in dh": ("`=` for `+=` in dh_prev", "h_prev"),
    "forgotten transpose": ("forgotten transpose", "W_hi, W_hf, W_ho and W_hg"),
    "W transposed": ("forgotten transpose", "W_hf"),
    "bias not summed": ("bias not summed over the batch", "b_xi, b_xf, b_xo and b_xg"),
    "bias of row 0": ("bias not summed over the batch", "b_xi, b_xf, b_xo and b_xg"),
    "state ignored": ("the state before the first step is ignored", "the forward pass"),
    "zeros at the start": ("zeros for the state before the first step", "c and h at t = 1"),
    "h[-1] at the start": ("the last state for the state before the first step", "h at t = 1"),
    "+= in dc": ("`+=` for `=` in dc_prev", "dc_prev"),
    "end ignored": ("the gradient at the end of the sequence is ignored", "t = 4"),
}


@pytest.mark.parametrize("bug", BY_GATE)
def test_a_bug_in_the_lstm_by_gates_is_named_from_the_weights_alone(bug):
    verdict = doctor(by_gate(bug), CELLS["lstm_by_gate"](3, 2))
    name, place = BY_GATE[bug]
    assert not verdict.ok
    assert name in verdict.diagnosis and place in verdict.place, str(verdict)
    assert verdict.diagnosis in str(verdict) and verdict.advice in str(verdict)


OTHER_RESULTS = {"W transposed", "i and g exchanged", "= for +=", "bias not summed"}


@pytest.mark.parametrize("bug", sorted(set(BY_GATE) - OTHER_RESULTS))
def test_a_bug_is_named_when_everything_is_returned(bug):
    verdict = doctor(by_gate(bug, ALL), CELLS["lstm_by_gate"](3, 2))
    assert BY_GATE[bug][0] in verdict.diagnosis, str(verdict)


FUSED = {
    "missing carry": ("missing forget_gate * dc carry", "dc_prev"),
    "h_t for h_prev": ("h_t for h_{t-1}", "W_h"),
    "tanh' everywhere": (
        "derivative of the other activation",
        "in_gate, forget_gate and out_gate",
    ),
    "order i f g o, backward only": (
        "wrong gate order",
        "[in_gate, forget_gate, in_transform, out_gate] instead of "
        "[in_gate, forget_gate, out_gate, in_transform]",
    ),
    "order i f g o, forward too": (
        "wrong gate order, forward and backward",
        "[in_gate, forget_gate, in_transform, out_gate]",
    ),
    "order i g f o, forward too": (
        "wrong gate order, forward and backward",
        "[in_gate, in_transform, forget_gate, out_gate]",
    ),
    "rows of the gradient i g f o": ("wrong gate order", "W_h"),
}

PEEPHOLE = {
    "missing peephole of o": ("missing peephole term", "w_co * c"),
    "missing peepholes of i and f": ("missing peephole term", "w_ci * c_prev and w_cf * c_prev"),
    "missing peepholes": ("missing peephole term", "w_ci * c_prev, w_cf * c_prev and w_co * c"),
    "c_prev at w_co": ("c_{t-1} for c_t", "w_co"),
}

GRU = {
    "missing carry": ("missing z * dh carry", "dh_prev"),
    "sign of n in dz": ("wrong sign of what 1 - z sends to z", "1 - z"),
    "no reset in dW_hn": ("h_prev for r * h_prev", "(r * h_prev) @ W_hn.T"),
    "reset missing in dh": ("missing factor r", "the gradient of h_prev"),
}


@pytest.mark.parametrize(
    ("cell", "bug", "name", "place"),
    [
        *(("lstm", bug, *said) for bug, said in FUSED.items()),
        *(("peephole", bug, *said) for bug, said in PEEPHOLE.items()),
        *(("gru", bug, *said) for bug, said in GRU.items()),
    ],
)
def test_a_bug_in_another_cell_is_named(cell, bug, name, place):
    verdict = doctor(written(cell, bug), CELLS[cell](3, 2))
    assert not verdict.ok
    assert name in verdict.diagnosis and place in verdict.place, str(verdict)


@pytest.mark.parametrize(
    ("change", "name"),
    [
        (lambda bar: bar * (np.arange(4) == 3)[:, None, None], "only the loss at the last step"),
        (lambda bar: bar[::-1], "hs_bar of the wrong step"),
        (lambda bar: bar[[3, 0, 1, 2]], "hs_bar of the wrong step"),
    ],
)
def test_losses_read_at_the_wrong_step_are_named(change, name):
    def my_backward(xs, state, params, hs_bar, end_bar):
        return by_gate()(xs, state, params, change(hs_bar), end_bar)

    assert name in doctor(my_backward, CELLS["lstm_by_gate"](3, 2)).diagnosis


def test_a_mean_over_the_batch_is_named():
    def my_backward(xs, *rest):
        return {name: array / 3 for name, array in by_gate()(xs, *rest).items()}

    verdict = doctor(my_backward, CELLS["lstm_by_gate"](3, 2))
    assert (verdict.diagnosis, verdict.place) == ("divided by N", "every parameter")


def windows(k1, k2):
    return lambda *arguments: backwards.truncated(*arguments, k1=k1, k2=k2)


@pytest.mark.parametrize(("k1", "k2"), [(1, 2), (2, 3), (1, 3), (2, 4), (3, 4)])
def test_losses_counted_twice_across_truncation_windows_are_named(k1, k2):
    verdict = doctor(windows(k1, k2), CELLS["lstm_by_gate"](3, 2), T=6, window=k1)
    assert verdict.diagnosis == "double counting across truncation windows"
    assert verdict.place == f"windows of {k2} steps, one every {k1}"


def test_truncated_bptt_is_right_when_it_is_meant_and_named_when_it_is_not():
    cell = CELLS["lstm_by_gate"](3, 2)
    assert doctor(windows(2, 2), cell, T=6, window=2).ok
    verdict = doctor(windows(2, 2), cell, T=6)
    assert verdict.diagnosis == "BPTT cut after every 2 steps"
    verdict = doctor(by_gate(), cell, T=6, window=2)
    assert verdict.diagnosis == "gradients cross the borders of the windows"


def test_a_sum_that_is_not_restarted_in_each_window_is_named():
    def my_backward(xs, state, params, hs_bar, end_bar):
        total = {name: np.zeros_like(p) for name, p in params.items()}
        for last in range(1, len(xs) + 1):
            so_far = backwards.truncated(xs[:last], state, params, hs_bar[:last], end_bar, 1, 1)
            for name, array in so_far.items():
                total[name] += array
        return total

    verdict = doctor(my_backward, CELLS["lstm_by_gate"](3, 2), window=1)
    assert verdict.diagnosis == "double counting across truncation windows"


def test_an_unknown_bug_is_located_and_not_guessed_at():
    def my_backward(*arguments):
        out = by_gate(what=("weights", "steps"))(*arguments)
        out["f"][1] *= 1.37
        out["W_hf"] = out["W_hf"] + 0.01 * out["W_hf"] ** 2
        return out

    verdict = doctor(my_backward, CELLS["lstm_by_gate"](3, 2))
    assert not verdict.ok and verdict.diagnosis == ""
    assert {d.key for d in verdict.wrong} == {"f", "W_hf"}
    assert "in f at t = 2" in verdict.first
    assert "no known mistake leads to exactly these numbers" in str(verdict)


def test_the_worst_entry_is_shown_with_both_numbers():
    def my_backward(*arguments):
        out = by_gate()(*arguments)
        out["W_xi"][1, 2] += 0.25
        return out

    (wrong,) = doctor(my_backward, CELLS["lstm_by_gate"](3, 2)).wrong
    assert wrong.entry == "W_xi[1, 2]" and wrong.yours - wrong.right == pytest.approx(0.25)


def test_the_shortest_sequence_that_goes_wrong_is_told():
    cell = CELLS["lstm_by_gate"](3, 2)
    assert "T = 2, while T = 1 is right" in doctor(by_gate("missing carry"), cell).first
    assert "already with T = 1" in doctor(by_gate("i and g swapped"), cell).first
    assert "batch of one all is right" in doctor(by_gate("bias of row 0"), cell).first


def test_the_wrong_rows_of_a_fused_matrix_are_told():
    def my_backward(*arguments):
        out = backwards.lstm(*arguments)
        out["W_x"][2:4] += 0.1 * out["W_x"][2:4] ** 2
        return out

    verdict = doctor(my_backward, CELLS["lstm"](3, 2))
    assert "the wrong rows are those of forget_gate" in verdict.first


def test_another_forward_pass_is_told_before_any_gradient():
    def my_backward(xs, *rest):
        return by_gate(what=("weights", "hs"))(1.1 * xs, *rest)

    verdict = doctor(my_backward, CELLS["lstm_by_gate"](3, 2))
    assert verdict.diagnosis == "the forward pass computes something else"
    assert verdict.place == "h at t = 1"


def test_contributions_by_timestep_are_compared_by_timestep(float64):
    cell = CELLS["rnn"](3, 2)

    def my_backward(xs, state, p, hs_bar, end_bar, wrong_at=None):
        hs = [state[0]]
        for x in xs:
            hs.append(np.tanh(x @ p["W_x"].T + p["b_x"] + hs[-1] @ p["W_h"].T))
        dh, parts = end_bar[0], np.zeros((len(xs), *p["W_h"].shape))
        for t in reversed(range(len(xs))):
            dz = (hs_bar[t] + dh) * (1 - hs[t + 1] ** 2)
            parts[t] = dz.T @ hs[t] * (1.01 if t + 1 == wrong_at else 1)
            dh = dz @ p["W_h"]
        return {"W_h": parts, "h_0": dh}

    assert doctor(my_backward, cell).ok
    ill = doctor(lambda *a: my_backward(*a, wrong_at=3), cell)
    assert "in W_h at t = 3" in ill.first
    assert ill.missing == ("W_x", "b_x")


PAIRS = {
    ("i and g swapped", "missing carry"): {"i and g swapped", "missing f * dc carry"},
    ("activated twice", "missing dh"): {"activated twice", "missing dh from the next step"},
    ("missing carry", "bias of row 0"): {"missing f * dc carry", "bias not summed over the batch"},
    ("h_t for h_prev", "bias not summed"): {"h_t for h_{t-1}", "bias not summed over the batch"},
    ("c_t for c_prev", "W transposed"): {"c_t for c_{t-1}", "forgotten transpose"},
}


@pytest.mark.parametrize("bugs", PAIRS, ids=" + ".join)
def test_two_bugs_at_once_are_both_named(bugs):
    verdict = doctor(by_gate(bugs), CELLS["lstm_by_gate"](3, 2))
    assert set(verdict.diagnosis.split("; and ")) == PAIRS[bugs], str(verdict)


def test_a_known_bug_beside_an_unknown_one_is_named_as_far_as_it_goes():
    def my_backward(*arguments):
        out = by_gate("i and g swapped")(*arguments)
        if len(arguments[0]) > 1:
            out["W_hf"] = out["W_hf"] * 1.1 + 0.01
        return out

    verdict = doctor(my_backward, CELLS["lstm_by_gate"](3, 2), T=2)
    assert verdict.diagnosis == "i and g swapped; and something else"
    assert "mend it, then ask again" in verdict.advice


@pytest.mark.parametrize("spelling", ["W_hf", "dW_hf", "W_hf_bar"])
def test_gradients_may_be_called_as_people_call_them(spelling):
    def my_backward(*arguments):
        return {spelling: by_gate()(*arguments)["W_hf"]}

    verdict = doctor(my_backward, CELLS["lstm_by_gate"](3, 2))
    assert verdict.ok and verdict.right == ("W_hf",)
    assert "Not returned, so not examined: W_xi" in str(verdict)


def test_single_precision_is_forgiven():
    def my_backward(*arguments):
        out = by_gate()(*arguments)
        return {name: array.astype("float32") for name, array in out.items()}

    assert doctor(my_backward, CELLS["lstm_by_gate"](3, 2)).ok


def test_a_name_that_the_cell_does_not_have_is_answered_with_the_nearest():
    with pytest.raises(ArgumentError, match="'W_fh', which this cell does not have"):
        doctor(lambda *a: {"W_fh": 0.0}, CELLS["lstm_by_gate"](3, 2))


@pytest.mark.parametrize("returned", [None, [1.0], (np.zeros(2),)])
def test_what_is_no_dict_is_refused(returned):
    with pytest.raises(ArgumentError, match="returns a dict"):
        doctor(lambda *a: returned, CELLS["lstm"](3, 2))


@pytest.mark.parametrize("value", ["text", None, [[1.0], [1.0, 2.0]]])
def test_what_is_no_array_of_numbers_is_refused(value):
    with pytest.raises(ShapeError, match="'W_x' is no array"):
        doctor(lambda *a: {"W_x": value}, CELLS["lstm"](3, 2))


def test_a_wrong_shape_is_told_with_the_right_one():
    verdict = doctor(lambda *a: {"W_x": np.ones((3, 5))}, CELLS["lstm"](3, 2))
    assert "W_x: its shape is (3, 5), it should be (8, 3)" in str(verdict)


def test_nan_is_wrong():
    def my_backward(*arguments):
        out = by_gate()(*arguments)
        out["W_xi"][0, 0] = np.nan
        return out

    verdict = doctor(my_backward, CELLS["lstm_by_gate"](3, 2))
    assert [d.entry for d in verdict.wrong] == ["W_xi[0, 0]"]


def test_an_error_in_the_users_code_is_theirs_and_leaves_the_cell_as_it_was():
    cell = CELLS["lstm"](3, 2)
    before = {name: (p.data, p.grad) for name, p in cell.parameters.items()}

    def my_backward(*arguments):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError, match="mine"):
        doctor(my_backward, cell)
    doctor(written("lstm"), cell)
    after = {name: (p.data, p.grad) for name, p in cell.parameters.items()}
    assert all(before[n][0] is after[n][0] and before[n][1] is after[n][1] for n in before)


def test_arrays_may_be_overwritten_by_the_user():
    def my_backward(xs, state, params, hs_bar, end_bar):
        out = by_gate()(xs, state, params, hs_bar, end_bar)
        for array in (xs, hs_bar, *state, *end_bar, *params.values()):
            array[...] = np.nan
        return out

    assert doctor(my_backward, CELLS["lstm_by_gate"](3, 2)).ok


def test_a_stack_of_cells_can_be_examined():
    cell = tl.stack([CELLS["rnn"](3, 2), CELLS["rnn"](2, 2)])
    verdict = doctor(lambda *a: {name: 0 * p for name, p in a[2].items()}, cell)
    assert not verdict.ok and "never filled" in verdict.diagnosis


def test_the_same_bug_gives_the_same_text():
    one, two = (
        str(doctor(by_gate("missing carry", ALL), CELLS["lstm_by_gate"](3, 2))) for _ in range(2)
    )
    assert one == two
