"""Names, annotations, drawings, and the picture of a failure (section 8, patterns 6 and 7)."""

import re
from xml.etree import ElementTree

import numpy as np
import pytest

from tinygrad_lstm.errors import ShapeError
from tinygrad_lstm.nngraph import (
    Identity,
    JoinTable,
    Linear,
    SplitTable,
    Tanh,
    annotateNodes,
    dot,
    gModule,
    graph,
    setDebug,
)


@pytest.fixture
def debugging(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    setDebug(True)
    yield tmp_path
    setDebug(False)


def box(svg, name):
    """The rectangle and the title of the box with this name."""
    space = "{http://www.w3.org/2000/svg}"
    for group in ElementTree.fromstring(svg).iter(f"{space}g"):
        texts = [text.text for text in group.findall(f"{space}text")]
        if name in texts:
            return group.find(f"{space}rect").attrib, group.find(f"{space}title").text, texts
    raise AssertionError(f"no box {name!r}")


def annotated():
    x = Identity()().annotate(name="x")
    L1 = Tanh()(Linear(10, 20)(x)).annotate(
        name="L1", description="Level 1 Node", graphAttributes={"color": "red"}
    )
    L2 = Tanh()(Linear(30, 60)(JoinTable(1)([x, L1]))).annotate(
        name="L2",
        description="Level 2 Node",
        graphAttributes={"color": "blue", "fontcolor": "green"},
    )
    L3 = Tanh()(Linear(80, 160)(JoinTable(1)([L1, L2]))).annotate(
        name="L3",
        description="Level 3 Node",
        graphAttributes={"color": "green", "style": "filled", "fillcolor": "yellow"},
    )
    return gModule([x], [L3])


def test_pattern_6_annotations_are_drawn_forward_and_backward(tmp_path):
    net = annotated()
    net.forward(np.ones(10))
    net.backward(np.ones(10), np.ones(160))
    graph.dot(net.fg, "Forward Graph", tmp_path / "fg")
    graph.dot(net.bg, "Backward Graph", tmp_path / "bg")
    forward = (tmp_path / "fg.svg").read_text()
    look, _, texts = box(forward, "L3")
    assert (look["fill"], look["stroke"]) == ("yellow", "green")
    assert texts == ["L3", "Level 3 Node", "Tanh"]
    assert box(forward, "L1")[0]["stroke"] == "red"
    assert 'fill="green">L2<' in forward
    assert re.search(
        r'label="L2\\nLevel 2 Node\\nTanh" color=blue', (tmp_path / "fg.dot").read_text()
    )
    assert box((tmp_path / "bg.svg").read_text(), "L1_bar")[0]["stroke"] == "red"
    assert "Backward Graph" in (tmp_path / "bg.dot").read_text()


def test_annotations_merge_and_return_the_node():
    node = Identity()()
    assert node.annotate(name="a", graphAttributes={"color": "red"}) is node
    node.annotate(description="first", graphAttributes={"style": "dashed"})
    assert node.name == "a"
    assert node.notes == {"color": "red", "description": "first", "style": "dashed"}


def test_hostile_annotations_stay_text(tmp_path):
    x = Identity()()
    y = Tanh()(x).annotate(
        name='"><script>', description="<b>", graphAttributes={"fillcolor": '"><script>'}
    )
    graph.dot(gModule([x], [y]).fg, "</svg>", tmp_path / "net")
    svg = (tmp_path / "net.svg").read_text()
    assert "<script" not in svg and "<b>" not in svg
    ElementTree.fromstring(svg)


def test_annotate_nodes_names_them_after_local_variables():
    x = Identity()()
    hidden = Tanh()(x)
    named = Tanh()(hidden).annotate(name="explicit")
    annotateNodes()
    assert [n.name for n in (x, hidden, named)] == ["x", "hidden", "explicit"]


def test_annotate_nodes_reaches_the_callers_caller():
    outer = Identity()()

    def helper():
        annotateNodes(1)

    helper()
    assert outer.name == "outer"


def test_names_may_be_given_to_the_gmodule():
    inp = Identity()()
    out = Tanh()(Linear(3, 2)(inp))
    net = gModule([inp], [out], names=locals())
    assert net.fg.inputs[0].name == "inp" and net.fg.outputs[0].name == "out"


def test_weights_are_called_after_their_node():
    x = Identity()()
    i2h = Linear(3, 2)(x)
    net = gModule([x], [i2h], names=locals())
    assert list(net.fg.parameters) == ["W_i2h", "b_i2h"]


def test_dot_without_a_file_name_returns_the_drawing():
    assert "Linear(3, 2)" in dot(Linear(3, 2)).svg


def test_tables_can_be_drawn_with_values_and_gradients():
    x = Identity()()
    net = gModule([x], [JoinTable(1)(SplitTable(1)(x))])
    net.forward(np.ones((2, 3)))
    net.backward(np.ones((2, 3)), np.full(6, np.nan))
    from tinygrad_lstm.show import draw

    assert "grad has NaN" in draw(net.fg, values=True, gradients=True, shapes=True).svg


def bad_linear_net():
    x = Identity()()
    h = Tanh()(Linear(10, 5)(x))
    out = Linear(5, 1)(h)
    annotateNodes()
    return gModule([x], [out], name="my_bad_linear_net")


def test_pattern_7_a_failing_run_is_drawn_with_the_culprit_in_red(debugging):
    net = bad_linear_net()
    with pytest.raises(ShapeError, match=r"takes 10 features, x \(3, 11\) has 11") as caught:
        net.forward(np.ones((3, 11)))
    assert caught.value.node in net.fg.nodes
    svg = (debugging / "my_bad_linear_net.svg").read_text()
    look, tooltip, _ = box(svg, "Linear(10, 5)")
    assert look["fill"] == "#b3001b"
    assert re.search(r"written at test_pictures.py:\d+", tooltip)
    assert svg.count("#b3001b") == 1
    assert "my_bad_linear_net" in (debugging / "my_bad_linear_net.dot").read_text()


def test_pattern_7_a_picture_that_exists_is_kept(debugging):
    net = bad_linear_net()
    for _ in range(2):
        with pytest.raises(ShapeError):
            net.forward(np.ones((3, 11)))
    assert {p.name for p in debugging.iterdir()} == {
        f"my_bad_linear_net{k}.{form}" for k in ("", "_2") for form in ("dot", "svg")
    }


def test_pattern_7_a_net_without_a_name_is_called_by_its_counts(debugging):
    x, y = Linear(3, 2)(), Identity()()
    net = gModule([x, y], [JoinTable(2)([x, y])])
    with pytest.raises(ShapeError):
        net.forward([np.ones((1, 3)), np.ones((2, 3))])
    assert (debugging / "nngraph_2in_1out.svg").exists()


def test_pattern_7_the_error_is_raised_even_if_there_can_be_no_picture(debugging):
    net = bad_linear_net()
    net.name = "no file\0can be called that"
    with pytest.warns(UserWarning, match="setDebug: there is no picture"):
        with pytest.raises(ShapeError, match="takes 10 features"):
            net.forward(np.ones((3, 11)))


def test_without_debugging_no_file_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ShapeError):
        bad_linear_net().forward(np.ones((3, 11)))
    assert not list(tmp_path.iterdir())
