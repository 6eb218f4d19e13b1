"""What the report says about the plan: its words follow the numbers."""

import pytest

from tests.train.test_loop import cyclic_text, small_model
from tinygrad_lstm import Plan, RenderError
from tinygrad_lstm.plan import PASSES
from tinygrad_lstm.train import speed as speed_of_training
from tinygrad_lstm.train.loop import Recipe
from tinygrad_lstm.train.speed import GRAPH, Speed, compared, measure_speed, pass_table, plan_told


def measured(**recipe):
    text = cyclic_text()
    return measure_speed(small_model(text), text, Recipe(N=4, T=8, **recipe))


@pytest.mark.parametrize(
    ("plan", "said"), [(0.004, "2.5 times as long"), (0.0099, "gained nothing"), (0.02, "nothing")]
)
def test_the_words_follow_the_times(plan, said):
    speed = Speed(None, "", (32, 16), {GRAPH: 0.010, "": 0.009, "roles": plan})
    words = compared(speed)
    assert said in words
    assert f"32 characters in 16 places takes the plan {1000 * plan:.1f} ms" in words
    assert "10.0 ms" in words


def test_a_run_that_can_be_repeated_states_no_time():
    speed = measured(steps=3)
    assert speed.seconds == {}
    assert " ms" not in pass_table(speed)
    assert "states no times" in compared(speed)


def test_a_run_by_time_has_one_for_the_graph_and_each_pass():
    speed = measured(seconds=1.0)
    assert list(speed.seconds) == [GRAPH, "", *PASSES]
    assert all(seconds >= 0 for seconds in speed.seconds.values())
    assert pass_table(speed).count(" ms</td>") == 1 + len(PASSES)


def test_of_plans_that_take_much_memory_only_the_whole_one_is_measured(monkeypatch):
    monkeypatch.setattr(speed_of_training, "ROOM", 0)
    speed = measured(seconds=1.0)
    assert list(speed.seconds) == [GRAPH, list(PASSES)[-1]]
    assert pass_table(speed).count(" ms</td>") == 1


def test_the_table_has_a_line_and_a_law_for_each_pass():
    table = pass_table(measured(steps=3))
    assert table.count("<tr>") == 2 + len(PASSES)
    assert r'<span class="math">\sum_t g_t^\top x_t = G^\top X</span>' in table


def test_without_graphviz_the_picture_is_left_out(monkeypatch):
    def unable(plan):
        raise RenderError("no Graphviz")

    monkeypatch.setattr(Plan, "draw", unable)
    speed = measured(steps=3)
    assert speed.picture == ""
    assert "dashed" not in plan_told(speed, "") and "<b>roles</b>" in plan_told(speed, "")


def test_without_a_plan_there_is_a_sentence_and_no_table():
    assert measured(eager=True) is None
    assert "switched off (--eager)" in compared(None)
    assert plan_told(None, "") == ""
