"""Drawings of unrolled networks: steps alike, states on rails, weights as ghosts or on lanes."""

import pytest

import tinygrad_lstm as tl
from tinygrad_lstm import CELLS, draw, stack, through_time

from .pictures import NAMESPACE, crossings, groups, overlaps, root, texts, training_graph


def frames(drawing):
    return drawing._picture.frames


def rails(drawing):
    return [curve for curve in drawing._picture.curves if curve.role == "rail"]


def spots(drawing):
    """Where each named box stands in its frame, step by step."""
    picture = drawing._picture
    found = []
    for frame in picture.frames:
        inside = [spot for spot in picture.boxes if frame.x < spot[1] < frame.x + frame.w]
        found.append([(b.made, round(x - frame.x, 3), round(y, 3)) for b, x, y in inside])
    return found


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("level", ["layer", "op"])
@pytest.mark.parametrize("weights", ["ghost", "shared"])
def test_every_step_is_drawn_alike(name, level, weights):
    picture = draw(through_time(CELLS[name](3, 2), 3), level, weights=weights)
    first, second, third = spots(picture)
    assert first == second == third
    assert [f.title for f in frames(picture)] == ["t = 1", "t = 2", "t = 3"]


@pytest.mark.parametrize("name", CELLS)
@pytest.mark.parametrize("level", ["layer", "op"])
@pytest.mark.parametrize("weights", ["ghost", "shared", "none"])
def test_nothing_overlaps_and_no_arrow_crosses_a_box(name, level, weights):
    picture = draw(through_time(CELLS[name](3, 2), 2), level, weights=weights)
    assert overlaps(picture) == []
    assert _foreign(crossings(picture)) == []


def _foreign(found):
    """Rails join boxes whose ids they do not carry; they are looked at in a test of their own."""
    return [(ends, lines) for ends, lines in found if ends is not None]


@pytest.mark.parametrize("T", [1, 2, 4])
@pytest.mark.parametrize("name", CELLS)
def test_rails_are_level_and_cross_no_box(name, T):
    picture = draw(through_time(CELLS[name](3, 2), T))
    boxes = picture._picture.boxes
    assert rails(picture)
    for curve in rails(picture):
        ((end, y),) = curve.legs[-1]
        assert curve.start[1] == pytest.approx(y) and len(curve.legs) == 1
        for box, x, by in boxes:
            between = curve.start[0] + 1 < x < end - 1
            assert not (between and abs(by - y) < box.h / 2), (box.lines, curve)


def test_c_runs_along_the_top_and_h_along_the_bottom():
    picture = draw(through_time(CELLS["lstm"](3, 2), 3))
    height = {box.lines[0]: y for box, _, y in picture._picture.boxes}
    frame = frames(picture)[0]
    assert height["c_forget"] == height["next_c"] == height["c_0"] < frame.y + frame.h * 0.2
    assert height["h2h"] == height["next_h"] == height["h_0"] > frame.y + frame.h * 0.7
    assert [word.text for word in picture._picture.words] == ["c_3", "h_3"]


def test_a_single_state_runs_along_the_bottom():
    picture = draw(through_time(CELLS["gru"](3, 2), 2))
    height = {box.lines[0]: y for box, _, y in picture._picture.boxes}
    assert height["h"] == height["h_0"] > max(height[n] for n in ("r", "z", "n"))


def test_layers_of_a_stack_lie_one_above_the_other():
    two = stack([CELLS["lstm"](3, 2), CELLS["lstm"](2, 2)])
    picture = draw(through_time(two, 4))
    height = {box.lines[0]: y for box, _, y in picture._picture.boxes}
    assert height["c2_0"] < height["h2_0"] < height["c1_0"] < height["h1_0"]
    assert overlaps(picture) == [] and _foreign(crossings(picture)) == []


def test_inputs_stand_below_their_steps_box():
    picture = draw(through_time(CELLS["lstm"](3, 2), 3))
    for frame, (box, x, y) in zip(
        frames(picture), [b for b in picture._picture.boxes if b[0].lines[0].startswith("x_")]
    ):
        assert frame.x < x < frame.x + frame.w and y > frame.y + frame.h
        assert frame.title == f"t = {box.lines[0][2:]}"


def test_ghosts_repeat_each_layers_weights_in_each_step():
    picture = draw(through_time(CELLS["lstm"](3, 2), 4))
    assert sorted(t for g in groups(picture, "weight") for t in texts(g)) == sorted(
        ["W_x, b_x", "W_h, b_h"] * 4
    )


@pytest.mark.parametrize("level, count", [("layer", 2), ("op", 4)])
def test_a_shared_weight_is_one_box_with_an_arrow_into_every_step(level, count):
    picture = draw(through_time(CELLS["lstm"](3, 2), 4), level, weights="shared")
    weights = [g.get("id") for g in groups(picture, "weight")]
    assert len(weights) == count
    for weight in weights:
        arrows = [p for p in root(picture).iter(f"{NAMESPACE}path") if p.get("data-from") == weight]
        assert len(arrows) == 4 and all(p.get("marker-end") for p in arrows)


@pytest.mark.parametrize("per_step", [False, True])
@pytest.mark.parametrize("weights", ["ghost", "shared"])
def test_a_training_graph_is_drawn_whole(per_step, weights):
    graph = training_graph(4, per_step)
    picture = draw(graph, weights=weights)
    said = [t for g in groups(picture) for t in texts(g)]
    assert said.count("CrossEntropy") == (4 if per_step else 1)
    assert overlaps(picture) == [] and _foreign(crossings(picture)) == []


def test_a_cut_between_steps_stands_at_the_end_of_the_rail():
    cell = CELLS["lstm"](3, 2)
    xs = [tl.Input(f"x_{t}", "N", 3) for t in (1, 2, 3)]
    start = state = (tl.Input("c_0", "N", 2), tl.Input("h_0", "N", 2))
    for t, x in enumerate(xs, start=1):
        state = cell(x, *state, scope=f"t={t}")
        if t == 2:
            state = tuple(tl.Detach()(s) for s in state)
    net = tl.Graph([*xs, *start], list(state))
    picture = draw(net)
    cuts = [(x, y) for box, x, y in picture._picture.boxes if box.made == "Detach"]
    frame = frames(picture)[1]
    assert len(cuts) == 2 and all(frame.x < x < frame.x + frame.w for x, _ in cuts)
    assert overlaps(picture) == []


def test_a_long_unroll_folds_its_middle():
    picture = draw(through_time(CELLS["lstm"](3, 2), 101))
    assert [f.title for f in frames(picture)] == ["t = 1", "t = 2", "", "t = 100", "t = 101"]
    assert "… × 97 …" in picture.svg
    assert "4 of 101 timesteps are drawn" in root(picture).find(f"{NAMESPACE}desc").text
    assert 'steps="all"' in root(picture).find(f"{NAMESPACE}desc").text


def test_all_steps_or_chosen_ones_can_be_asked_for():
    net = through_time(CELLS["rnn"](3, 2), 80)
    assert len(frames(draw(net, steps="all"))) == 80
    assert [f.title for f in frames(draw(net, steps=[1, 7]))] == ["t = 1", "", "t = 7", ""]


def test_time_that_flows_backwards_is_drawn_by_another_layout():
    net = through_time(CELLS["lstm"](3, 2), 3).differentiate()
    picture = draw(net)
    assert len(groups(picture)) > 60
    assert overlaps(picture) == []


@pytest.mark.parametrize("T", [1, 2, 3])
def test_the_dot_text_has_a_cluster_for_each_step(T):
    text = draw(through_time(CELLS["gru"](3, 2), T)).dot
    assert text.count("subgraph cluster_t") == T


@pytest.mark.parametrize("weights", ["ghost", "shared"])
def test_what_comes_before_the_steps_stands_at_their_left(weights):
    cell, table, start = CELLS["lstm"](3, 2), tl.Embedding(7, 3), tl.Linear(2, 2)
    k, z, c = tl.Input("k", 3, "N"), tl.Input("z", "N", 2), tl.Input("c_0", "N", 2)
    looked_up = table(k)
    hs, _ = tl.unroll(cell, [looked_up[t] for t in range(3)], (c, tl.tanh(start(z))))
    picture = draw(tl.Graph([k, z, c], [hs[-1]]), weights=weights)
    left = frames(picture)[0].x
    before = [b.made for b, x, _ in picture._picture.boxes if x < left and b.role == ""]
    assert sorted(before) == ["Embedding(7, 3)", "Linear(2, 2)", "Tanh"]
    assert overlaps(picture) == [] and _foreign(crossings(picture)) == []


def test_one_leaf_may_start_two_states_and_be_read_at_the_end():
    cell, zero = CELLS["lstm"](3, 2), tl.Input("zero", "N", 2)
    xs = [tl.Input(f"x_{t}", "N", 3) for t in (1, 2, 3)]
    hs, (c, _) = tl.unroll(cell, xs, (zero, zero))
    picture = draw(tl.Graph([*xs, zero], [c + zero, hs[-1]]))
    assert sum("zero" in texts(g) for g in groups(picture)) == 1
    assert overlaps(picture) == [] and _foreign(crossings(picture)) == []
