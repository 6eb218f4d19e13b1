"""The names that notebooks, documentation and outside checks rely on."""

import inspect

import pytest

import tinygrad_lstm as tl

NAMES = """
Tensor Parameter Input no_grad default_dtype seed evaluating backend has_gpu
blas_threads blas_facts
Linear Diagonal Embedding Dropout Narrow Sigmoid Tanh CMul CAdd Identity Concat Detach
Affine MatMul Transpose Permute CSub CDiv Scale Neg Pow Exp Log Sqrt Abs Maximum ReLU Softplus
LogSigmoid Sin Cos Embed Stack Select Reshape Expand Sum Mean Max Softmax LogSoftmax LogSumExp
CrossEntropy MSE BCEWithLogits Where Clip Lookup
sigmoid tanh relu softplus log_sigmoid exp log sqrt absolute sin cos maximum where clip concat
stacked lookup softmax log_softmax logsumexp cross_entropy mse bce_with_logits
Graph Op Step cell unroll through_time stack zero_state draw equations Drawing
TinygradError ShapeError GraphError ArgumentError DtypeError RangeError BackendError RenderError
TextError
ledger gradient_flow jacobians paths truncation cut three_ways saliency set_forget_bias
bptt_equations bptt_source
""".split()
METHODS = {
    "Tensor": "data grad shape name op parents scope where numpy detach backward to sum mean max "
    "reshape permute T item dtype ndim",
    "Graph": "forward backward forward_steps backward_steps differentiate parameters nodes inputs "
    "outputs",
    "Drawing": "svg dot save",
}


@pytest.mark.parametrize("name", NAMES)
def test_a_public_name_can_be_imported_and_is_documented(name):
    value = getattr(tl, name)
    documentation = inspect.getdoc(value)
    assert documentation and not documentation.startswith(f"{name}(")
    assert documentation != inspect.getdoc(type(value))


@pytest.mark.parametrize("name", METHODS)
def test_a_class_has_the_methods_that_readers_rely_on(name):
    x = tl.Input("x", "N", 3)
    graph = tl.Graph([x], [2 * x])
    thing = {"Tensor": x, "Graph": graph, "Drawing": getattr(tl, name)}[name]
    assert [m for m in METHODS[name].split() if not hasattr(thing, m)] == []


@pytest.mark.parametrize("name", METHODS)
def test_methods_are_documented(name):
    for method, value in inspect.getmembers(getattr(tl, name), inspect.isfunction):
        if not method.startswith("_"):
            documented = inspect.getdoc(value) or (inspect.getsource(value).count("\n") <= 2)
            assert documented, f"{name}.{method} says nothing"


def test_every_registered_cell_can_be_called_by_name_and_by_attribute():
    assert set(tl.cells.__all__) <= set(tl.CELLS)
    for name in tl.cells.__all__:
        assert getattr(tl.cells, name) is tl.CELLS[name]
        assert tl.CELLS[name](3, 2).name == name


def test_the_vocabulary_of_cells_is_part_of_the_public_names():
    from tinygrad_lstm import nn

    assert all(getattr(nn, name) is getattr(tl, name) for name in nn.__all__)


def test_every_op_of_the_table_is_public():
    ours = {n: op for n, op in tl.OPS.items() if op.__module__.startswith("tinygrad_lstm.ops.")}
    assert [n for n in ours if getattr(tl, n, None) is not ours[n]] == []


def test_the_package_has_a_version_and_typing_marker():
    import importlib.resources

    assert tl.__version__.count(".") == 2
    assert importlib.resources.files(tl).joinpath("py.typed").is_file()


def test_a_name_that_is_not_there_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'LSTM'"):
        tl.LSTM  # noqa: B018
