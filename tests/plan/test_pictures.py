"""Drawings of plans: boxes for when, nodes for what, dashed arrows for what the next step reads."""

import re
from dataclasses import replace

import pytest

from tests.cells.networks import NAMES
from tests.plan.comparing import compiled
from tests.plan.networks import network, tagger
from tinygrad_lstm.errors import ArgumentError, GraphError, RenderError


def drawn(case, which="after"):
    return compiled(case).prepare(*case.arrays, seeds=case.seeds).draw(which)


def test_the_plan_is_drawn_in_boxes_for_when_it_is_computed():
    dot = drawn(network("lstm")).dot
    for words in ("once", "for all 4 steps at once", "step after step, t = 1 ... 4", "t = 4 ... 1"):
        assert words in dot


def test_before_the_passes_there_is_one_step_as_the_graph_has_it():
    dot = drawn(network("lstm"), "before").dot
    assert "in each of 4 steps" in dot
    for name in ("i2h", "h2h", "preactivations", "all_gates", "next_c", "dL/dall_gates"):
        assert name in dot
    assert "step after step" not in dot


@pytest.mark.parametrize("passes", [(), ["pack"]])
def test_before_the_passes_is_one_step_whatever_passes_there_are(passes):
    case = replace(network("lstm", 50), wrt=None)
    plan = compiled(case, passes=passes).prepare(*case.arrays, seeds=case.seeds)
    picture = plan.draw("before")
    assert "in each of 50 steps" in picture.dot
    assert picture.arrows < 100


def test_what_is_too_large_to_lay_out_says_so_and_has_its_text():
    case = network("lstm", 12)
    plan = compiled(case, passes=()).prepare(*case.arrays, seeds=case.seeds)
    picture = plan.draw()
    with pytest.raises(RenderError, match=r"\d+ arrows .*\"roles\" .* draw\(\"before\"\) or .dot"):
        picture.save("plan.svg")
    assert "takes too long" in picture._repr_mimebundle_()["text/plain"]
    assert picture.dot.count("\n") > picture.arrows > 500


def test_what_the_next_step_reads_is_a_dashed_arrow():
    dot = drawn(network("lstm")).dot
    numbers = dict(re.findall(r"(r\d+) \[label=\"(\w+)", dot))
    back = re.findall(r"(r\d+) -> (r\d+) \[.*dashed", dot)
    assert "next_c" in {numbers[tail] for tail, _ in back}
    assert len(back) == 4


def test_every_arrow_starts_and_ends_at_a_node():
    for which in ("before", "after"):
        dot = drawn(tagger("lstm"), which).dot
        nodes = set(re.findall(r"^\s*([rg]\d+) \[", dot, re.M))
        ends = re.findall(r"([rg]\d+) -> ([rg]\d+)", dot)
        assert nodes
        assert {end for pair in ends for end in pair} <= nodes


def test_an_arrow_that_is_no_carry_points_to_what_comes_later():
    dot = drawn(replace(network("gru"), wrt=None)).dot
    arrows = re.findall(r"r(\d+) -> r(\d+)\b(?! \[)", dot)
    assert arrows
    assert all(int(tail) < int(head) for tail, head in arrows)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_every_cell_is_drawn_the_same_every_time(name):
    assert drawn(network(name)).dot == drawn(network(name)).dot


def test_the_picture_is_saved_by_its_ending(tmp_path):
    picture = drawn(network("rnn"))
    picture.save(tmp_path / "plan.dot")
    assert (tmp_path / "plan.dot").read_text().startswith("digraph")
    picture.save(tmp_path / "plan.svg")
    assert (tmp_path / "plan.svg").read_text() == picture.svg
    assert "max-width:100%" in picture.svg
    with pytest.raises(RenderError, match="none of"):
        picture.save(tmp_path / "plan.txt")


def test_a_notebook_without_graphviz_shows_the_text(monkeypatch):
    picture = drawn(network("rnn"))
    assert "image/svg+xml" in picture._repr_mimebundle_()
    monkeypatch.setattr(type(picture), "_rendered", failing)
    assert picture._repr_mimebundle_()["image/svg+xml"].startswith("<svg")
    assert list(drawn(network("rnn"))._repr_mimebundle_()) == ["text/plain"]


def failing(self, form):
    raise RenderError("no Graphviz here")


def test_wrong_choices_and_unknown_shapes_are_told():
    case = network("rnn")
    with pytest.raises(GraphError, match="no shapes are known"):
        compiled(case).draw()
    with pytest.raises(ArgumentError, match="'between'"):
        drawn(case, "between")
