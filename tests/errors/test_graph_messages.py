"""What graphs, cells and backward passes refuse: class, text, line, and what is left unchanged."""

import inspect
import pathlib

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.errors.checking import check, tensor

N, D, H = 3, 4, 6


def line_here():
    """The line of this file that is now being run, as a message would print it."""
    frame = inspect.currentframe().f_back
    return f"{pathlib.Path(__file__).name}:{frame.f_lineno}"


def test_an_array_that_does_not_fit_its_input_is_refused_and_nothing_changes(cell, feed):
    cell.forward(*feed)
    before = [node.data for node in cell.nodes]
    error = check(
        lambda: cell.forward(np.ones((N, 5)), *feed[1:]),
        tl.ShapeError,
        "forward: x takes (N, 4), where N = 3; it got (3, 5)",
        "lstm.py:",
    )
    assert error.node is cell.inputs[0]
    assert all(node.data is data for node, data in zip(cell.nodes, before))


def test_a_state_of_another_batch_size_is_refused(cell, feed):
    parts = ("c_prev takes (N, 6), where N = 3; it got (2, 6)",)
    check(
        lambda: cell.forward(feed[0], np.ones((2, H)), feed[2]), tl.ShapeError, "forward:", *parts
    )
    x = tensor(N, D)
    check(lambda: cell(x, *tl.zero_state(cell, 2)), tl.ShapeError, "lstm(...):", *parts)


def test_the_tuple_that_a_graph_returns_is_to_be_unpacked(cell, feed):
    state = cell(*[tl.Tensor(a, dtype="float32") for a in feed])
    check(lambda: tl.tanh(state), tl.ArgumentError, "a, b = graph(...)", node=False)
    check(lambda: cell(state, *state), tl.ArgumentError, "c, h = cell(x, c, h)", node=False)


def test_an_input_that_is_read_but_never_fed_is_named():
    x, lost = tl.Input("x", 3), tl.Input("lost", 3)
    error = check(
        lambda: tl.Graph([x], [x * lost]),
        tl.GraphError,
        "['lost'] are read but never fed; add them to Graph(inputs=...)",
    )
    assert error.node is lost


def test_an_output_that_no_input_reaches_is_named():
    x = tl.Input("x", 3)
    lonely = 2 * tensor(3, name="w")
    error = check(
        lambda: tl.Graph([x], [tl.tanh(x), lonely]), tl.GraphError, "no input reaches the output"
    )
    assert error.node is lonely


def test_an_input_that_is_never_read_is_named():
    x, idle = tl.Input("x", 3), tl.Input("idle", 3)
    error = check(
        lambda: tl.Graph([x, idle], [tl.tanh(x)]),
        tl.GraphError,
        "the input idle (3,) is never read",
    )
    assert error.node is idle


def test_the_same_input_given_twice_is_refused():
    x = tl.Input("x", 3)
    check(lambda: tl.Graph([x, x], [tl.tanh(x)]), tl.GraphError, "x (3,) is given twice")


def test_inputs_and_outputs_are_lists():
    x = tl.Input("x", 3)
    check(lambda: tl.Graph(x, [2 * x]), tl.ArgumentError, "inputs is a list of tensors", node=False)


def test_the_numbers_of_inputs_and_seeds_must_agree_and_nothing_changes(cell, feed):
    named = "x (N, 4), c_prev (N, 6), h_prev (N, 6)"
    text = f"forward: 1 values for 3 inputs: {named}"
    check(lambda: cell.forward(feed[0]), tl.GraphError, text, node=False)
    check(lambda: cell(tensor(N, D)), tl.GraphError, "lstm(...): 1 values for 3 inputs", node=False)
    cell.forward(*feed)
    cell.backward(np.ones((N, H)), np.ones((N, H)))
    before = {name: p.grad for name, p in cell.parameters.items()}
    for seeds in ((), (np.ones((N, H)),), (None,) * 3):
        many = "1 seed" if len(seeds) == 1 else f"{len(seeds)} seeds"
        text = f"backward: {many} for 2 outputs: next_c (3, 6), next_h (3, 6)"
        check(lambda seeds=seeds: cell.backward(*seeds), tl.GraphError, text, node=False)
    assert all(p.grad is before[name] for name, p in cell.parameters.items())


def test_the_error_about_seeds_says_what_to_write(cell, feed):
    cell.forward(*feed)
    one, several = np.ones((N, H)), [np.ones((N, H))] * 2
    check(lambda: cell.backward(one), tl.GraphError, "write backward(g, None)", node=False)
    for seeds in (several, tuple(several), [one]):
        text = "backward: a list stands where one seed should; write backward(*seeds)"
        check(lambda seeds=seeds: cell.backward(seeds), tl.GraphError, text, node=False)
    text = "write paths(graph, g, None)"
    check(lambda: tl.paths(cell, one), tl.GraphError, text, node=False)
    text = "record: one array for 2 outputs: next_c (3, 6), next_h (3, 6)"
    check(lambda: tl.record(cell, *feed, seeds=one), tl.GraphError, text, node=False)


def test_a_seed_of_another_shape_is_refused_and_nothing_changes(cell, feed):
    cell.forward(*feed)
    cell.backward(np.ones((N, H)), np.ones((N, H)))
    before = {name: p.grad for name, p in cell.parameters.items()}
    for shape in ((H,), (1, H), (N, H, 1)):  # they would only broadcast
        error = check(
            lambda shape=shape: cell.backward(np.ones((N, H)), np.ones(shape)),
            tl.ShapeError,
            f"the seed of next_h (3, 6) has shape {shape}".replace(",)", ",)"),
            "dL/d(next_h)",
            "lstm.py:",
        )
        assert error.node is cell.outputs[1]
    assert all(p.grad is before[name] for name, p in cell.parameters.items())


def test_backward_on_what_is_no_scalar_needs_a_seed(x):
    y, line = 2 * x, line_here()
    error = check(y.backward, tl.ShapeError, "no scalar, so it needs a seed of shape (3, 4)", line)
    assert error.node is y and x.grad is None


def test_backward_before_forward_says_so():
    x = tl.Input("x", 3)
    graph = tl.Graph([x], [2 * x])
    check(lambda: graph.backward(np.ones(3)), tl.GraphError, "no value yet; run forward first")
    check(x.numpy, tl.GraphError, "waits for data", node=False)


def test_whole_numbers_have_no_gradients():
    k = tl.Tensor([1, 2], name="k")
    total = k.sum()
    check(total.backward, tl.DtypeError, "int64; only floats have gradients", "3.0 instead of 3")
    doubled = (2 * k).sum()
    k.grad = "as before"
    check(doubled.backward, tl.DtypeError, "backward: k (2,) is int64; only floats have gradients")
    assert k.grad == "as before" and doubled.grad is None
    x = tl.Input("x", 2)
    graph = tl.Graph([x], [2 * x])
    text = "differentiate: k (2,) is int64; only floats have gradients"
    check(lambda: graph.differentiate(wrt=[k]), tl.DtypeError, text, node=False)


def test_a_failed_run_of_a_graph_leaves_weights_and_gradients_alone():
    ids = tl.Input("ids", "N")
    layer = tl.Embedding(5, 2)
    graph = tl.Graph([ids], [layer(ids).sum()])
    graph.forward(np.array([1, 2]))
    graph.backward()
    weights, grad = layer.W.data, layer.W.grad
    error = check(lambda: graph.forward(np.array([1, 7])), tl.RangeError, "row number 7")
    assert isinstance(error.node.op, tl.Lookup)
    assert layer.W.data is weights and layer.W.grad is grad


@pytest.mark.parametrize("T", [0, -1, 2.0])
def test_a_network_through_no_time_is_refused(T, cell):
    check(lambda: tl.through_time(cell, T), tl.ShapeError, f"T = {T}", node=False)


def test_stacks_need_cells_that_fit(cell):
    check(lambda: tl.stack([]), tl.GraphError, "no cells", node=False)
    text = "lstm(...): x takes (N, 4); it got (N, 6)"
    check(lambda: tl.stack([cell, cell]), tl.ShapeError, text)


def test_a_cell_with_too_few_states_names_them(cell):
    start = tl.zero_state(cell, N)[:1]
    text = "2 values for 3 inputs"
    check(lambda: tl.unroll(cell, [tensor(N, D)], start), tl.GraphError, text, node=False)


@pytest.fixture
def nothing_registered():
    before = dict(tl.CELLS)
    yield
    tl.CELLS.clear()
    tl.CELLS.update(before)


def test_a_cell_must_be_a_graph_from_state_to_state(nothing_registered):
    def three(input_size, hidden_size):
        return 3

    def forgetful(input_size, hidden_size):
        x, h = tl.Input("x", "N", input_size), tl.Input("h_prev", "N", hidden_size)
        return tl.Graph([x, h], [tl.tanh(h), tl.tanh(x)])

    check(lambda: tl.cell(three)(2, 3), tl.ArgumentError, "three returned 3", node=False)
    text = "a cell is a Graph from (x, *state) to (*state)"
    check(lambda: tl.cell(forgetful)(2, 3), tl.GraphError, text, "h_prev (N, 3)", node=False)


@pytest.mark.parametrize("sizes", [(-1, 2), (2.5, 2), (2, "3")])
def test_layer_sizes_are_whole_numbers(sizes):
    check(lambda: tl.Linear(*sizes), tl.ShapeError, "sizes are whole numbers", node=False)


def test_an_axis_of_an_input_is_a_letter_or_a_size():
    text = "an axis is a letter or a size, not -1"
    check(lambda: tl.Input("x", "N", -1), tl.ShapeError, text, node=False)
    check(lambda: tl.Input(3, "N"), tl.ArgumentError, "first the name", node=False)


def test_a_line_inside_a_cell_counts_as_its_authors():
    def build():
        x = tl.Input("x", "N", 4)
        return tl.Linear(3, 2)(x)

    line = build.__code__.co_firstlineno + 2
    check(build, tl.ShapeError, f"written at test_graph_messages.py:{line}")


def test_a_misspelt_cell_is_answered_with_the_nearest_one():
    with pytest.raises(KeyError, match=r"'lsmt'; did you mean 'lstm'\? there are: cifg, gru"):
        tl.CELLS["lsmt"]
