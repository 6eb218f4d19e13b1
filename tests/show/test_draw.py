"""Drawings of any graph: which boxes there are, what they say, and that names do no harm."""

import os
import subprocess
import sys
import warnings
import xml.etree.ElementTree as ET

import numpy as np
import pytest

import tinygrad_lstm as tl
from tinygrad_lstm import CELLS, Drawing, draw
from tinygrad_lstm.show.drawing import RenderWarning, engine
from tinygrad_lstm.show.drawing.style import FAULT, INK, KINDS

from .pictures import HOSTILE, NAMESPACE, crossings, groups, overlaps, root, texts


@pytest.fixture
def no_engine(monkeypatch):
    monkeypatch.setattr(engine, "find", lambda: None)
    engine._warned.clear()


def test_the_posts_cell_has_fifteen_modules_and_three_inputs():
    picture = draw(CELLS["lstm"](3, 2), level="layer")
    modules = groups(picture, "module") + groups(picture, "output")
    assert (len(modules), len(groups(picture, "input"))) == (15, 3)
    assert len(groups(picture)) == 18


def test_level_op_draws_every_node_once():
    cell = CELLS["peephole"](3, 2)
    ids = [g.get("id") for g in groups(draw(cell, level="op"))]
    assert sorted(ids) == sorted(f"n{k}" for k in range(len(cell.nodes)))


def test_level_layer_draws_one_box_for_each_layer_call():
    made = [t for g in groups(draw(CELLS["peephole"](3, 2))) for t in texts(g)]
    assert made.count("Diagonal(2)") == 3
    assert made.count("Linear(3, 2)") == 4
    assert not any(t.startswith("Expand") for t in made)


def test_a_layer_that_reads_its_own_output_has_two_boxes():
    once = tl.Graph([x := tl.Input("x", "N", 3)], [tl.Linear(3, 3)(x)])
    (twice,) = once(*once(z := tl.Input("z", "N", 3)))
    made = [texts(g) for g in groups(draw(tl.Graph([z], [twice])))]
    assert sum("Linear(3, 3)" in t for t in made) == 2


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("level", ["layer", "op"])
@pytest.mark.parametrize("layout", ["own", "graphviz"])
def test_no_box_covers_another(name, level, layout):
    picture = draw(CELLS[name](3, 2), level, layout=layout)
    assert overlaps(picture) == []


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("level", ["layer", "op"])
def test_in_our_own_layout_no_arrow_crosses_a_box(name, level):
    assert crossings(draw(CELLS[name](3, 2), level, layout="own")) == []


def test_a_tensor_is_drawn_with_all_that_it_depends_on():
    a, b = tl.Tensor([1.0, 2.0], name="a"), tl.Tensor([3.0, 4.0], name="b")
    picture = draw([(a * b).sum(), a + b])
    assert [texts(g) for g in groups(picture)] == [["a"], ["b"], ["CMul"], ["Sum"], ["CAdd"]]


def test_tooltips_tell_shape_and_line():
    boxes = groups(draw(CELLS["lstm"](3, 2)))
    tips = [box.find(f"{NAMESPACE}title").text for box in boxes]
    tip = next(t for t in tips if t.startswith("all_gates"))
    assert "Sigmoid" in tip and "shape (N, 6)" in tip and "lstm.py:" in tip


def test_values_and_gradients_are_shown_when_asked_for():
    x = tl.Tensor([1.0, 2.0], name="x")
    y = (x * x).sum()
    before = [texts(g) for g in groups(draw(y, values=True, gradients=True))]
    assert before[0] == ["x", "= [1, 2]", "grad: not computed"]
    y.backward()
    after = [texts(g) for g in groups(draw(y, gradients=True, shapes=True, norms=True))]
    assert after[0] == ["x", "(2,)", "|y| = 2.24", "grad [2, 4]"]


def test_large_values_are_shown_as_shape_and_norm():
    x = tl.Tensor(np.ones((4, 4)), name="x")
    assert "= (4, 4) |.| 4" in texts(groups(draw(x, values=True))[0])


def test_a_gradient_that_is_not_computed_never_reads_zero():
    said = [t for g in groups(draw(CELLS["gru"](3, 2), gradients=True)) for t in texts(g)]
    assert said.count("grad: not computed") == 19
    assert not any(t.startswith("grad 0") or t.startswith("grad [0") for t in said)


def test_numbers_that_are_none_are_flagged_unasked():
    x = tl.Tensor([1.0, np.nan, -np.inf], name="x")
    assert texts(groups(draw(x))[0]) == ["x", "has NaN, -inf"]


def test_highlight_paints_the_node_red():
    cell = CELLS["lstm"](3, 2)
    at_fault = next(n for n in cell.nodes if n.name == "next_c")
    box = next(g for g in groups(draw(cell, highlight=at_fault)) if "next_c" in texts(g))
    assert box[1].get("fill") == FAULT[0]


def test_text_has_contrast_on_every_colour():
    def light(colour):
        rgb = [int(colour[k : k + 2], 16) / 255 for k in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.03928 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    pairs = [(fill, INK) for fill, _ in KINDS.values()] + [(FAULT[0], FAULT[2])]
    for ground, ink in pairs:
        low, high = sorted((light(ground), light(ink)))
        assert (high + 0.05) / (low + 0.05) >= 4.5


@pytest.mark.parametrize("name", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_names_harm_neither_svg_nor_dot(name):
    x = tl.Input(name, "N", 2)
    y = tl.Tanh()(x)
    y.name = name
    graph = tl.Graph([x], [y], name=name)
    for picture in (
        draw(graph),
        draw(graph, layout="own", title=name),
        draw(tl.through_time(_as_cell(name), 2)),
    ):
        tags = {e.tag.split("}")[1] for e in root(picture).iter()}
        assert tags <= set("svg title defs marker path rect g text circle".split())
        assert len(picture.svg) < 100_000
        assert "<script" not in picture.svg and "\x00" not in picture.svg
        picture.svg.encode()
        if engine.find() is not None:
            drawn = ET.fromstring(engine.render(picture.dot, "dot", "svg"))
            nodes = [g for g in drawn.iter(f"{NAMESPACE}g") if g.get("class") == "node"]
            assert len(nodes) == len(groups(picture))


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_hostile_notes_harm_neither_svg_nor_dot(text):
    cell = CELLS["rnn"](3, 2)
    said = {"description": text, "fillcolor": text, "tooltip": text}
    picture = draw(cell, notes={cell.nodes[-1]: said})
    assert len(groups(picture)) == 6 and "<script" not in picture.svg
    if engine.find() is not None:
        assert ET.fromstring(engine.render(picture.dot, "dot", "svg")) is not None


def _as_cell(name):
    x, h = tl.Input(name, "N", 2), tl.Input(name, "N", 2)
    new = tl.Tanh()(tl.CAdd()(x, h))
    new.name = name
    return tl.Graph([x, h], [new], name=name)


@pytest.mark.parametrize("T", [None, 3, 90])
def test_saving_writes_each_format(tmp_path, T):
    picture = draw(CELLS["rnn"](3, 2) if T is None else tl.through_time(CELLS["rnn"](3, 2), T))
    picture.save(tmp_path / "a.svg")
    picture.save(tmp_path / "a.dot")
    assert (tmp_path / "a.svg").read_text(encoding="utf-8") == picture.svg
    assert (tmp_path / "a.dot").read_text(encoding="utf-8").startswith("digraph")
    if engine.find() is not None:
        for form, magic in (("png", b"\x89PNG"), ("pdf", b"%PDF")):
            picture.save(tmp_path / f"a.{form}")
            assert (tmp_path / f"a.{form}").read_bytes().startswith(magic)


def test_an_unknown_format_leaves_no_file(tmp_path):
    with pytest.raises(tl.RenderError, match=r"none of \.svg"):
        draw(CELLS["rnn"](3, 2)).save(tmp_path / "a.bmp")
    assert list(tmp_path.iterdir()) == []


def test_without_an_engine_there_is_a_picture_and_one_warning(no_engine):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        pictures = [draw(CELLS["lstm"](3, 2)) for _ in range(2)]
    (warning,) = caught
    assert issubclass(warning.category, RenderWarning)
    assert "pip install pygraphviz" in str(warning.message)
    assert "apt-get install graphviz" in str(warning.message)
    assert len(groups(pictures[1])) == 18
    assert "own layout" in pictures[1].svg
    assert pictures[0].dot.startswith("digraph")


def test_without_an_engine_png_says_how_to_get_one(no_engine, tmp_path):
    (tmp_path / "a.png").write_bytes(b"before")
    with pytest.raises(tl.RenderError, match=r"pip install pygraphviz.*apt-get install graphviz"):
        draw(CELLS["rnn"](3, 2), layout="own").save(tmp_path / "a.png")
    assert (tmp_path / "a.png").read_bytes() == b"before"


def test_an_engine_that_fails_is_replaced_by_our_layout(monkeypatch):
    def fail(*_):
        raise OSError("broken")

    monkeypatch.setattr(engine, "find", lambda: engine.Engine("a broken engine", fail))
    engine._warned.clear()
    with pytest.warns(RenderWarning, match="broken engine failed"):
        assert len(groups(draw(CELLS["lstm"](3, 2)))) == 18


def test_a_path_that_does_not_run_is_passed_over(monkeypatch):
    monkeypatch.setenv("TINYGRAD_LSTM_DOT", "/nowhere/dot")
    engine._warned.clear()
    with pytest.warns(RenderWarning, match="/nowhere/dot"):
        engine.find()


def test_the_svg_says_which_engine_drew_it():
    assert "<!-- drawn by" in draw(CELLS["rnn"](3, 2)).svg
    found = engine.find()
    if found is not None:
        assert found.name.replace("--", "- -") in draw(CELLS["rnn"](3, 2)).svg


def test_a_choice_that_there_is_not_is_refused():
    with pytest.raises(tl.ArgumentError, match="level='module'"):
        draw(CELLS["rnn"](3, 2), level="module")


def test_a_notebook_shows_graphs_and_drawings():
    cell = CELLS["rnn"](3, 2)
    shown = cell._repr_mimebundle_()
    assert ET.fromstring(shown["image/svg+xml"]).tag.endswith("svg")
    assert "rnn" in shown["text/plain"]
    picture = draw(cell)
    assert isinstance(picture, Drawing) and picture._repr_svg_() == picture.svg


def test_ids_take_a_prefix_for_pages_with_several_drawings():
    picture = draw(CELLS["rnn"](3, 2))
    ids = {e.get("id") for e in ET.fromstring(picture.svg_with_prefix("a-")).iter() if e.get("id")}
    assert ids and all(i.startswith("a-") for i in ids)
    assert len(ids) == len([e for e in root(picture).iter() if e.get("id")])


def test_two_processes_draw_the_same_bytes():
    code = (
        "import tinygrad_lstm as tl, sys\n"
        "c = tl.CELLS['lstm'](3, 2); net = tl.through_time(c, 3)\n"
        "for g in (c, c.differentiate(), net):\n"
        "    for w in (None, 'shared'):\n"
        "        d = tl.draw(g, 'op', weights=w); sys.stdout.write(d.svg + d.dot)\n"
    )
    runs = []
    for hash_seed in ("1", "2"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", code], env=environment, capture_output=True, check=True
        )
        runs.append(done.stdout)
    assert runs[0] == runs[1] and len(runs[0]) > 10_000


def test_a_chain_of_ten_thousand_nodes_is_drawn_by_us():
    x = y = tl.Input("x", "N", 2)
    for _ in range(10_000):
        y = tl.Tanh()(y)
    picture = draw(tl.Graph([x], [y + x]))
    assert len(picture._picture.boxes) == 10_002
    assert "too large for Graphviz" in picture.svg


def test_drawing_is_not_imported_with_the_package():
    code = (
        "import sys, tinygrad_lstm\n"
        "print([m for m in sys.modules if 'graphviz' in m or 'drawing' in m])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert done.stdout.strip() == "[]"


def test_a_tensor_read_twice_has_two_arrows():
    x = tl.Tensor([1.0], name="x")
    picture = draw(x * x, layout="own")
    first, second = (curve for curve in picture._picture.curves)
    assert first.tip != second.tip


def test_nothing_is_a_picture_too():
    assert len(groups(draw([]))) == 0


def test_a_boxs_notes_colour_its_arrows_with_colours_only():
    x = tl.Input("x", "N", 2)
    y = tl.tanh(x)
    graph = tl.Graph([x], [tl.exp(y)])
    red = tl.draw(graph, notes={y: {"edgecolor": "#b3001b"}})
    assert red.svg.count('stroke="#b3001b"') == 2
    plain = tl.draw(graph).svg
    assert tl.draw(graph, notes={y: {"edgecolor": '"><script>'}}).svg == plain
    assert "edgecolor" not in red.dot
