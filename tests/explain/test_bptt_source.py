"""The derived source is run, step by step and back again, against the graph through time."""

import subprocess
import sys

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.cells.networks import NAMES, D, H, N, T, built, draws
from tests.explain.odd_cells import ODD

CELLS = [*NAMES, *(build.__name__ for build in ODD), "stack", "deep stack"]


def made(name):
    if name in NAMES:
        return built(name)
    with tl.default_dtype("float64"):
        if name == "stack":
            cell = tl.stack([tl.CELLS["lstm_by_gate"](D, H), tl.CELLS["gru"](H, H)])
        elif name == "deep stack":
            inner = tl.stack([tl.CELLS["lstm"](D, H), tl.CELLS["rnn"](H, H)])
            cell = tl.stack([inner, tl.CELLS["rnn"](H, H)])
        else:
            cell = next(build for build in ODD if build.__name__ == name)(D, H)
    for k, p in enumerate(cell.parameters.values()):
        p.data = p.data + draws(k, *p.shape) / 3
    return cell


def fed(graph):
    """Random inputs x_1 ... x_T and a state, and a cotangent for every output."""
    shapes = [tuple(N if n == "N" else n for n in node.shape) for node in graph.inputs]
    arrays = [draws(100 + k, *shape) for k, shape in enumerate(shapes)]
    outputs = [y.shape for y in graph.outputs]
    seeds = [draws(200 + k, *(N if n == "N" else n for n in s)) for k, s in enumerate(outputs)]
    return arrays, seeds


def run_source(cell, arrays, seeds):
    """Outputs, gradients of x_1 ... x_T and of the state before, and of the weights."""
    program = {}
    exec(compile(tl.bptt_source(cell), "<derived>", "exec"), program)
    weights = {name: p.data for name, p in cell.parameters.items()}
    grads = {name: np.zeros_like(w) for name, w in weights.items()}
    state, saved, hs = arrays[T:], [], []
    for x in arrays[:T]:
        state, kept = program["step"](x, *state, weights)
        saved.append(kept)
        hs.append(state[-1])
    bars, x_bars = list(seeds[T:]), []
    for t in reversed(range(T)):
        bars[-1] = bars[-1] + seeds[t]
        x_bar, *bars = program["step_backward"](*bars, saved[t], weights, grads)
        x_bars.insert(0, x_bar)
    return [*hs, *state], [*x_bars, *bars], grads


@pytest.mark.parametrize("name", CELLS)
def test_the_source_through_five_steps_equals_the_graph(name):
    cell = made(name)
    graph = tl.through_time(cell, T)
    arrays, seeds = fed(graph)
    expected = graph.forward(*arrays)
    bars = graph.backward(*seeds)
    expected_bars = [np.zeros_like(a) if bar is None else bar for a, bar in zip(arrays, bars)]
    outputs, bars, grads = run_source(cell, arrays, seeds)
    for ours, theirs in zip([*outputs, *bars], [*expected, *expected_bars], strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12, atol=1e-12)
    assert grads.keys() == cell.parameters.keys()
    for key, parameter in cell.parameters.items():
        np.testing.assert_allclose(grads[key], parameter.grad, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", CELLS)
def test_the_source_writes_to_nothing_but_the_gradients(name):
    cell = made(name)
    arrays, seeds = fed(tl.through_time(cell, T))
    everything = [*arrays, *seeds, *(p.data for p in cell.parameters.values())]
    before = [a.copy() for a in everything]
    for a in everything:
        a.flags.writeable = False
    run_source(cell, arrays, seeds)
    assert all((a == b).all() for a, b in zip(everything, before))


@pytest.mark.parametrize("name", CELLS)
def test_the_source_imports_numpy_only_and_names_each_weight(name):
    source = tl.bptt_source(made(name))
    assert [line for line in source.splitlines() if "import" in line] == ["import numpy as np"]
    assert "tinygrad" not in source
    for key in made(name).parameters:
        assert f'grads["{key}"] += ' in source


def test_a_lookup_needs_no_gradient_of_its_row_numbers():
    with tl.default_dtype("float64"):
        x, h_prev = tl.Input("x", "N"), tl.Input("h_prev", "N", H)
        h = tl.tanh(tl.Embedding(7, H, "e")(x) + tl.Linear(H, H, "h")(h_prev))
    cell = tl.Graph([x, h_prev], [h], names=locals())
    graph = tl.through_time(cell, T)
    arrays = [np.array([0, 6, t]) for t in range(T)] + [draws(1, N, H)]
    seeds = [draws(k, N, H) for k in range(T + 1)]
    graph.forward(*arrays)
    *_, h_bar = graph.backward(*seeds)
    _, bars, grads = run_source(cell, arrays, seeds)
    assert bars[:T] == [None] * T
    np.testing.assert_allclose(bars[T], h_bar, rtol=1e-12)
    np.testing.assert_allclose(grads["W_e"], cell.parameters["W_e"].grad, rtol=1e-12, atol=1e-14)


def test_the_source_is_formatted(tmp_path):
    pytest.importorskip("ruff")
    for name in [*NAMES, "stack", "leaky_average", "crossed"]:
        (tmp_path / f"{name.replace(' ', '_')}.py").write_text(tl.bptt_source(made(name)))
    for arguments in (["format", "--diff"], ["check", "--select", "E4,E7,E9,F"]):
        command = [sys.executable, "-m", "ruff", *arguments, "--isolated", "--no-cache"]
        done = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout + done.stderr


def test_comments_state_the_equations_in_the_authors_names():
    source = tl.bptt_source(tl.CELLS["lstm_by_gate"](D, H))
    assert "    # c_t = f_t ⊙ c_{t-1} + i_t ⊙ g_t\n    c = f * c_prev + i * g\n" in source
    assert "    c_bar = c_bar + h_bar * o * (1 - tanh_c**2)\n" in source
    assert '    grads["W_xi"] += a_i_bar.T @ x\n' in source


def test_the_cell_is_left_as_it_was():
    cell = tl.CELLS["lstm"](D, H)
    before = str(cell)
    tl.bptt_source(cell)
    tl.bptt_equations(cell)
    assert str(cell) == before


def test_the_same_cell_gives_the_same_source_every_time():
    assert tl.bptt_source(made("gru")) == tl.bptt_source(made("gru"))


def test_an_op_without_a_numpy_spelling_is_named():
    x, h_prev = tl.Input("x", "N", D), tl.Input("h_prev", "N", D)
    h = tl.Dropout(0.5)(x + h_prev)
    with pytest.raises(tl.GraphError) as caught:
        tl.bptt_source(tl.Graph([x, h_prev], [h], names={"h": h}))
    assert "KeepMask has no spelling in NumPy" in str(caught.value)
    assert 'numpy: ClassVar = "np.something({0})"' in str(caught.value)
    assert "written at test_bptt_source.py" in str(caught.value)
    assert type(caught.value.node.op).__name__ == "KeepMask"


@pytest.mark.parametrize("call", [tl.bptt_source, tl.bptt_equations])
def test_what_is_no_cell_is_refused_in_words(call):
    with pytest.raises(tl.ArgumentError, match=r"build it first: lstm\(3, 2\)"):
        call(tl.CELLS["lstm"])
    x = tl.Input("x", "N", D)
    with pytest.raises(tl.GraphError, match=r"from \(x, \*state\) to \(\*state\)"):
        call(tl.Graph([x], [tl.tanh(x)]))


@pytest.mark.parametrize("name", ['"""; import os', "new\nline", "lambda", "weights", "N", "1st"])
def test_hostile_names_stay_names(name):
    x, h_prev = tl.Input("x", "N", 2), tl.Input("h_prev", "N", 2)
    w = tl.Parameter(np.array([0.5, 2.0]), name=name)
    inner = tl.tanh(x * w)
    cell = tl.Graph([x, h_prev], [inner + h_prev], names={name: inner}, name=name)
    program = {}
    exec(compile(tl.bptt_source(cell), "<derived>", "exec"), program)
    x, h = np.ones((N, 2)), np.zeros((N, 2))
    (out,), saved = program["step"](x, h, {name: w.data})
    grads = {name: np.zeros(2)}
    program["step_backward"](np.ones((N, 2)), saved, {name: w.data}, grads)
    np.testing.assert_allclose(out, np.tanh(x * w.data))
    np.testing.assert_allclose(grads[name], N * (1 - np.tanh(w.data) ** 2))
