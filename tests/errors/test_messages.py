"""What tensors and ops refuse: the error's class, its text, and the line that it points to."""

import array_api_strict
import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.errors.checking import check, tensor


def test_every_error_of_ours_has_one_base_and_is_also_a_builtin_one():
    pairs = [
        (tl.ShapeError, ValueError),
        (tl.GraphError, ValueError),
        (tl.ArgumentError, TypeError),
        (tl.DtypeError, TypeError),
        (tl.RangeError, IndexError),
        (tl.BackendError, RuntimeError),
    ]
    for ours, builtin in pairs:
        assert issubclass(ours, tl.TinygradError) and issubclass(ours, builtin)
    assert tl.TinygradError("no node").node is None


def test_a_wrong_feature_size_names_the_weights_the_input_and_the_line(x):
    layer = tl.Linear(3, 2, "xi")

    def call():
        return layer(x)

    line = f"test_messages.py:{call.__code__.co_firstlineno + 1}"
    check(
        call,
        tl.ShapeError,
        "W_xi (2, 3) takes 3 features, x (3, 4) has 4",
        "inputs: x (3, 4)",
        line,
    )


def test_a_wrong_feature_size_is_found_while_the_graph_is_built():
    x = tl.Input("x", "N", 4)
    check(lambda: tl.Linear(3, 2)(x), tl.ShapeError, "x (N, 4) has 4")


@pytest.mark.parametrize(
    "call, text",
    [
        (lambda x: x.sum(axis=2), "Sum(axis=2): axis 2 does not exist in x (3, 4): it has 2 axes"),
        (lambda x: x.mean(axis=(0, -3)), "axis -3 does not exist"),
        (lambda x: tl.softmax(x, axis=5), "axis 5 does not exist"),
        (lambda x: x.sum(axis=1.5), "axis 1.5 does not exist"),
        (lambda x: x.sum(axis=(0, -2)), "names one axis of x (3, 4) twice"),
        (lambda x: tl.Narrow(2, 0, 1)(x), "axis 2 does not exist"),
        (lambda x: x.permute(0, 0), "axes (0, 0) name not every axis of x (3, 4) once"),
        (lambda x: x.reshape(5, 3), "x (3, 4) has 12 entries, not 15"),
        (lambda x: x.reshape(5, -1), "has 12 entries, no multiple of 5"),
        (lambda x: x.reshape(-1, -1), "only one size may be -1"),
        (lambda x: tl.Expand((3, 5))(x), "x (3, 4) does not broadcast to (3, 5)"),
        (lambda x: tl.Transpose()(x[0]), "to transpose takes two"),
    ],
)
def test_an_axis_or_a_shape_that_does_not_exist_is_named(call, text, x):
    check(lambda: call(x), tl.ShapeError, text, "written at test_messages.py:")


def test_a_narrow_past_the_edge_names_the_columns(x):
    for narrow, columns in (((1, 2, 3), "columns 2..5"), ((1, -1, 2), "columns -1..1")):
        check(
            lambda narrow=narrow: tl.Narrow(*narrow)(x),
            tl.ShapeError,
            f"{columns} of x (3, 4) do not exist",
            "did the layer before it make as many as you slice?",
        )
    check(lambda: tl.Narrow(0, 2, 2)(x), tl.ShapeError, "entries of axis 0, 2..4")
    check(lambda: tl.Narrow(1, 0, -2)(x), tl.ShapeError, "length -2 is negative")


def test_a_layer_where_a_tensor_is_meant_asks_for_the_second_call(x):
    layer = tl.Linear(4, 2)
    second = "Did you forget the second call: Linear(4, 2)(x)?"
    for call in (lambda: tl.Tanh()(layer), lambda: x * layer, lambda: layer + x):
        check(call, tl.ArgumentError, second, "test_messages.py:", node=False)
    check(lambda: tl.sigmoid(tl.Tanh()), tl.ArgumentError, "Tanh()(x)?", node=False)
    check(lambda: tl.sigmoid(tl.Tanh), tl.ArgumentError, "got Tanh, a layer", node=False)
    graph = lambda: tl.Graph([tl.Input("x", 3)], [layer])  # noqa: E731
    check(graph, tl.ArgumentError, "outputs holds Linear(4, 2)", "second call", node=False)


@pytest.mark.parametrize("wrong", [None, "x"])
def test_what_is_no_number_is_no_operand(wrong, x):
    check(lambda: x + wrong, tl.ArgumentError, f"CAdd got {wrong!r}, not a tensor", node=False)


def test_an_op_says_how_many_inputs_it_takes(x):
    for call, text in (
        (lambda: tl.CAdd()(x), "CAdd takes a, b; it got 1 inputs"),
        (lambda: tl.Tanh()(x, x), "Tanh takes x; it got 2 inputs"),
        (lambda: tl.Tanh()(x.data, x.data), "Tanh takes x; it got 2 inputs"),
        (lambda: tl.concat([]), "Concat takes ...; it got 0 inputs"),
        (lambda: tl.Affine()(x), "Affine takes x, W, ...; it got 1 inputs"),
    ):
        check(call, tl.ArgumentError, text, "test_messages.py:", node=False)


def test_two_precisions_do_not_mix():
    a, b = tensor(3, name="a"), tensor(3, name="b", dtype="float64")
    text = "b (3,) is float64, a (3,) is float32. Convert one"
    check(lambda: a + b, tl.DtypeError, text, "inputs: a (3,), b (3,)", "test_messages.py:")
    cell = tl.cells.rnn(3, 3)
    wrong = tensor(1, 3, dtype="float64")
    check(lambda: cell(wrong, wrong), tl.DtypeError, "float64", "float32", node=False)


def test_two_backends_do_not_mix(x):
    there = x.to(array_api_strict)
    check(lambda: x * there, tl.BackendError, "on array_api_strict", "on numpy", '.to("cupy")')


def test_a_missing_backend_says_what_to_install(monkeypatch, x):
    monkeypatch.setitem(__import__("sys").modules, "cupy", None)
    for call in (lambda: tl.backend("cupy"), lambda: x.to("cupy")):
        check(call, tl.BackendError, "CuPy is not installed", "pip install cupy-cuda", node=False)
    assert type(x.data) is np.ndarray


def test_ragged_lists_and_words_are_no_tensors(x):
    ragged = [[1.0], [1.0, 2.0]]
    for call in (lambda: tl.Tensor(ragged), lambda: x * ragged):
        check(call, tl.ShapeError, "equally long; this one is ragged", node=False)
    check(lambda: tl.Tensor("abc"), tl.DtypeError, "numbers only", node=False)
    check(lambda: tl.Tensor(None), tl.DtypeError, "numbers only", node=False)
    check(lambda: tl.Tensor([x, x]), tl.ArgumentError, "stacked([...])", node=False)


@pytest.mark.parametrize(
    "targets, kind, text",
    [
        ([0, np.nan, 1], tl.RangeError, "NaN among the targets"),
        ([0, 0.5, 1], tl.RangeError, "class numbers; these are not whole"),
        ([0, 4, 1], tl.RangeError, "class 4 does not exist; there are 4, counted from 0 to 3"),
        ([0, -1, 1], tl.RangeError, "class -1 does not exist"),
        ([[0, 1, 1]], tl.ShapeError, "x (3, 4) needs one class number for each row"),
        (np.eye(4)[:3], tl.ShapeError, "needs one class number for each row"),
        ([True, False, True], tl.DtypeError, "targets are class numbers, these are bool"),
    ],
)
def test_targets_that_are_no_class_numbers_are_refused(targets, kind, text, x):
    check(lambda: tl.cross_entropy(x, np.array(targets)), kind, text, "test_messages.py:")


def test_targets_that_are_no_class_numbers_are_refused_on_plain_arrays_too():
    call = lambda: tl.cross_entropy(np.ones((3, 4)), np.array([0, 4, 1]))  # noqa: E731
    check(call, tl.RangeError, "class 4 does not exist", "inputs: leaf (3, 4)", node=False)


def test_a_row_number_outside_the_vocabulary_is_refused():
    layer = tl.Embedding(5, 2)
    text = "row number {} does not exist; there are 5, counted from 0 to 4"
    for wrong in (5, -1):
        check(lambda wrong=wrong: layer(np.array([wrong])), tl.RangeError, text.format(wrong))
    check(lambda: layer(np.array([1.0])), tl.DtypeError, "a row number is an integer")


def test_a_loss_does_not_broadcast():
    y = tensor(3, 1, name="y")
    for loss in (tl.mse, tl.bce_with_logits):
        check(
            lambda loss=loss: loss(y, np.ones(3)),
            tl.ShapeError,
            "got (3, 1) and (3,)",
            "a loss does not broadcast",
        )


def test_the_mean_and_the_maximum_of_nothing_are_undefined_and_the_sum_is_zero():
    nothing = tensor(0, 4)
    text = "x (0, 4) has no entries there; the {} of nothing is undefined"
    check(nothing.mean, tl.ShapeError, text.format("mean"))
    check(lambda: nothing.max(axis=0), tl.ShapeError, text.format("maximum"))
    check(lambda: tl.softmax(nothing, axis=0), tl.ShapeError, text.format("softmax"))
    check(lambda: tl.mse(nothing, nothing), tl.ShapeError, text.format("mean"))
    assert nothing.sum().item() == 0 and nothing.mean(axis=1).shape == (0,)
    assert tl.cross_entropy(nothing, np.zeros(0, int)).item() == 0


def test_a_tensor_of_many_numbers_is_neither_a_number_nor_true(x):
    for call in (x.item, lambda: float(x), lambda: bool(x > 0)):
        check(call, tl.ShapeError, "is no single number", node=False)


def test_shape_errors_inside_products_name_both_operands(x):
    other = tensor(3, 5, name="w")
    text = "x (3, 4) times w (3, 5): the last axis of the first, (4,), meets"
    check(lambda: x @ other, tl.ShapeError, text, "inputs: x (3, 4), w (3, 5)")
    check(lambda: tl.concat([x, other], axis=0), tl.ShapeError, "may differ in axis 0 only")
    check(lambda: tl.stacked([x, other]), tl.ShapeError, "need one shape, got (3, 4) and (3, 5)")


def test_an_op_of_a_users_own_that_fails_is_explained_with_its_inputs(monkeypatch, x):
    def broken(self, xp, x):
        raise ZeroDivisionError("by nothing")

    monkeypatch.setattr(tl.Tanh, "forward", broken)
    error = check(lambda: tl.Tanh()(x), tl.TinygradError, "Tanh(): by nothing", "inputs: x (3, 4)")
    assert isinstance(error.__cause__, ZeroDivisionError)


def test_an_op_that_is_given_its_input_by_the_first_call_shows_the_second():
    check(
        lambda: tl.Tanh(tensor(2)), tl.ArgumentError, "Tanh()(x)", "test_messages.py:", node=False
    )


def test_wrt_names_nodes_of_the_graph():
    graph, stranger = tl.cells.rnn(3, 2), tensor(2, name="stranger")
    graph.forward(np.ones((1, 3)), np.ones((1, 2)))
    text = "wrt names stranger (2,), not in this graph"
    check(lambda: graph.backward(np.ones((1, 2)), wrt=[stranger]), tl.GraphError, text)
