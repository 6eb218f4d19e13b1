"""The step-through page as a text, and used in a real browser."""

import json
import random
import re

import numpy as np
import pytest

import tinygrad_lstm as tl
from tinygrad_lstm.errors import ArgumentError, BackendError
from tinygrad_lstm.show.page.data import page_data

NASTY = "</script><img src=x onerror=alert(1)>\"'&\u2028\\frac{"
KEYS = (
    "ArrowLeft", "ArrowRight", "Home", "End", " ", "b", "x", "n", "[", "]", "+", "-", "0", "?",
    "Escape", "Tab", "Enter", "/", "f", "Shift+ArrowLeft", "PageDown", "q",
)  # fmt: skip


def lstm_recording(T=3, D=3, H=4, N=2):
    rng = np.random.default_rng(1)
    net = tl.through_time(tl.CELLS["lstm_by_gate"](D, H), T)
    arrays = [rng.normal(size=(N, D)) for _ in range(T)] + [rng.normal(size=(N, H))] * 2
    seeds = [None] * (T - 1) + [np.ones((N, H)), None, None]
    return tl.record(net, *arrays, seeds=seeds)


def nasty_recording():
    x, w = tl.Input(NASTY, 2), tl.Parameter(np.ones(2), name=NASTY)
    y = tl.tanh(x * w)
    y.name = NASTY
    loss = y.sum()
    return tl.record(tl.Graph([x], [loss], name=NASTY), np.ones(2))


@pytest.fixture(scope="module")
def recording():
    return lstm_recording()


@pytest.fixture(scope="module")
def saved(recording, tmp_path_factory):
    path = tmp_path_factory.mktemp("page") / "bptt.html"
    recording.save(path)
    return path


@pytest.fixture
def opened(browser):
    """Opens a file; whatever is said on the console or asked of the network fails the test."""
    pages, trouble = [], []

    def open_page(path, link="", width=1280, scheme="light"):
        view = {"width": width, "height": 900}
        page = browser.new_page(viewport=view, color_scheme=scheme, reduced_motion="reduce")
        page.on("console", lambda message: trouble.append(message.text))
        page.on("pageerror", lambda error: trouble.append(str(error)))
        page.on("dialog", lambda dialog: trouble.append("dialog"))
        page.on("request", lambda r: trouble.append(r.url) if r.url.startswith("http") else None)
        page.goto(path.as_uri() + link)
        assert page.evaluate("Boolean(window.stepper)")
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.close()
    assert trouble == []


def at(page):
    return page.evaluate("stepper.at")


def current_node_is_in_view(page):
    return page.evaluate(
        """() => {
          const view = document.getElementById("drawing").getBoundingClientRect();
          const node = document.querySelector("#drawing .now").getBoundingClientRect();
          return node.left >= view.left - 1 && node.right <= view.right + 1 &&
                 node.top >= view.top - 1 && node.bottom <= view.bottom + 1;
        }"""
    )


def test_the_page_names_nothing_outside_itself(recording):
    page = recording.page()
    assert re.findall(r"""(?:src|href|action)=["'](?:https?:)?//[^"']*""", page) == []
    assert "default-src 'none'" in page
    assert "@import" not in page
    assert not re.search(r"^(import|export) ", page, re.MULTILINE)


def test_no_name_breaks_out_of_the_page():
    page = nasty_recording().page()
    assert "<img src=x" not in page
    data = re.search(r'<script type="application/json" id="recording">(.*?)</script>', page, re.S)
    assert data is not None
    assert not set("<>&\u2028") & set(data[1])
    names = [node["name"] for node in json.loads(data[1])["nodes"]]
    assert any("onerror" in name for name in names)


def test_a_notebook_shows_the_page_in_a_frame_of_its_own(recording):
    shown = recording._repr_html_()
    assert shown.startswith("<iframe srcdoc=")
    assert 'sandbox="allow-scripts"' in shown
    assert "<script" not in shown


def test_save_refuses_what_is_no_page_and_leaves_the_old_file(recording, tmp_path):
    path = tmp_path / "bptt.png"
    path.write_text("old")
    with pytest.raises(ArgumentError, match=r"bptt\.png ends in neither \.html nor \.htm"):
        recording.save(path)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["bptt.png"]


def test_two_pages_of_one_run_are_the_same(recording):
    assert recording.page() == recording.page()


def test_the_widget_says_what_to_install(recording):
    try:
        import anywidget  # noqa: F401
    except ImportError:
        with pytest.raises(BackendError, match="pip install anywidget"):
            recording.widget()
    else:
        assert recording.widget().step == 0


def test_nodes_of_one_role_share_a_scale_over_time_and_others_do_not_fade_beside_them(recording):
    data = page_data(recording)
    of = {(n["name"], n["scope"]): n["kind"] for n in data["nodes"]}
    assert of["f_1", "t=1"] == of["f_3", "t=3"] == "value of f"
    assert of["x_1", ""] == of["x_2", ""] == "value of x"
    assert data["scales"]["value of f"] <= 1 < data["scales"]["value of x"]


def test_twenty_steps_of_thirty_two_units_stay_below_two_megabytes():
    assert len(lstm_recording(T=20, D=32, H=32, N=1).page().encode()) < 2_000_000


@pytest.mark.browser
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_page_fits_its_window(opened, saved, width, scheme):
    page = opened(saved, "#step=70", width, scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator(".katex").count() > 3
    assert page.locator(".katex-error").count() == 0
    ink, paper = page.evaluate(
        "[getComputedStyle(document.body).color, getComputedStyle(document.body).backgroundColor]"
    )
    levels = [sum(map(int, re.findall(r"\d+", color)[:3])) for color in (ink, paper)]
    assert abs(levels[0] - levels[1]) > 450


@pytest.mark.browser
def test_hostile_names_stay_text(opened, tmp_path):
    nasty_recording().save(tmp_path / "nasty.html")
    page = opened(tmp_path / "nasty.html")
    for _ in range(8):
        page.keyboard.press("ArrowRight")
    assert page.locator("img").count() == 0
    assert "onerror=alert" in page.locator("h1").inner_text()


@pytest.mark.browser
def test_a_thousand_random_keys_cause_no_error(opened, saved):
    page, draw = opened(saved), random.Random(7)
    for _ in range(1000):
        page.keyboard.press(draw.choice(KEYS))
    assert 0 <= at(page) < page.evaluate("stepper.steps.length")


@pytest.mark.browser
def test_the_keyboard_alone_leads_everywhere(opened, saved, recording):
    page = opened(saved)
    forward = sum(step.phase == "forward" for step in recording.steps)
    for key, where in (
        ("ArrowRight", 1), ("ArrowRight", 2), ("ArrowLeft", 1), ("b", forward), ("End", 125),
        ("ArrowRight", 125), ("Home", 0), ("ArrowLeft", 0), ("]", 21), ("x", 104), ("x", 21),
    ):  # fmt: skip
        page.keyboard.press(key)
        assert at(page) == where, key
    page.keyboard.press("?")
    assert page.locator("#help").is_visible()
    page.keyboard.press("Escape")
    assert not page.locator("#help").is_visible()
    page.keyboard.press("/")
    page.keyboard.type("h_2")
    page.keyboard.press("Enter")
    assert recording.steps[at(page)].name == "h_2"


@pytest.mark.browser
def test_every_button_can_be_reached_and_has_a_name(opened, saved):
    page, reached = opened(saved), set()
    for _ in range(40):
        page.keyboard.press("Tab")
        reached.add(page.evaluate("document.activeElement.id"))
    assert {"first", "previous", "play", "next", "last", "slider", "forward", "backward"} <= reached
    assert {"speed", "time", "search", "ask", "in", "out", "fit", "scale"} <= reached
    nameless = page.evaluate(
        "[...document.querySelectorAll('button')].filter(b => !b.ariaLabel && !b.textContent.trim()"
        " && !b.title).length"
    )
    assert nameless == 0


@pytest.mark.browser
def test_a_link_opens_its_step_and_the_address_follows(opened, saved, recording):
    page = opened(saved, "#step=57")
    assert at(page) == 57
    assert page.locator("#sentence").inner_text() == recording.steps[57].sentence
    page.keyboard.press("ArrowRight")
    page.wait_for_timeout(400)
    assert page.evaluate("location.hash") == "#step=58"
    page.evaluate("location.hash = '#step=3'")
    page.wait_for_timeout(100)
    assert at(page) == 3


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 390])
def test_the_camera_keeps_the_current_node_in_view(opened, saved, recording, width):
    page = opened(saved, "", width)
    for k in [*range(0, len(recording.steps), 5), 0, len(recording.steps) - 1, 40]:
        page.evaluate(f"stepper.go({k}, false)")
        assert current_node_is_in_view(page), k


@pytest.mark.browser
def test_the_strip_fills_forward_and_then_backward(opened, saved, recording):
    page = opened(saved)
    filled = (
        "phase => [...document.querySelectorAll(`#strip .bar.${phase}`)]"
        ".map(bar => Math.round(parseFloat(bar.style.width || 0)))"
    )
    last_of_t1 = max(s.number for s in recording.steps if s.t == 1 and s.phase == "forward")
    page.evaluate(f"stepper.go({last_of_t1})")
    assert page.evaluate(filled, "forward") == [100, 0, 0]
    last_of_t3 = max(s.number for s in recording.steps if s.t == 3 and s.phase == "backward")
    page.evaluate(f"stepper.go({last_of_t3})")
    assert page.evaluate(filled, "forward") == [100, 100, 100]
    assert page.evaluate(filled, "backward") == [0, 0, 100]
    page.evaluate("stepper.go(0)")
    assert page.evaluate(filled, "backward") == [0, 0, 0]


@pytest.mark.browser
def test_the_ledger_fills_from_the_last_timestep_to_the_first(opened, saved, recording):
    page = opened(saved)
    empty = "[...document.querySelectorAll('.part')].map(p => p.classList.contains('empty'))"
    name = page.evaluate("stepper.recording.nodes[stepper.ledger.weight].name")
    weight = recording.graph.parameters[name]
    arrived = [
        s.number for s in recording.steps for c in s.contributions if c.parent is weight
    ]  # fmt: skip
    for count, k in enumerate(arrived, start=1):
        page.evaluate(f"stepper.go({k})")
        assert page.evaluate(empty) == [True] * (3 - count) + [False] * count
    total = page.evaluate("[...stepper.recording.total(stepper.ledger.weight, stepper.at).data]")
    np.testing.assert_allclose(np.reshape(total, weight.shape), weight.grad, rtol=1e-5, atol=1e-7)


@pytest.mark.browser
def test_edges_and_nodes_show_what_is_done(opened, saved, recording):
    page = opened(saved)
    marked = "name => document.querySelectorAll(`#drawing .node.${name}`).length"
    page.keyboard.press("End")
    assert page.evaluate(marked, "bwd") > 60
    assert page.locator("#drawing path.travelling").count() > 0
    page.keyboard.press("Home")
    assert page.evaluate(marked, "bwd") == 0
    assert page.locator("#drawing .now").count() == 1


@pytest.mark.browser
def test_the_page_works_inside_the_frame_of_a_notebook(browser, recording, tmp_path):
    path = tmp_path / "cell.html"
    path.write_text(f"<!doctype html><body>{recording._repr_html_()}", encoding="utf-8")
    page, trouble = browser.new_page(viewport={"width": 1000, "height": 900}), []
    page.on("console", lambda message: trouble.append(message.text))
    page.on("pageerror", lambda error: trouble.append(str(error)))
    page.goto(path.as_uri())
    frame = page.frame_locator("iframe")
    frame.locator("#next").click()
    assert frame.locator("#sentence").inner_text() == recording.steps[1].sentence
    page.wait_for_timeout(300)
    page.close()
    assert trouble == []


@pytest.mark.browser
def test_katex_sets_every_formula(opened, saved):
    deep = tl.stack([tl.CELLS["lstm"](3, 2), tl.CELLS["gru"](2, 2)])
    cells = [*(make(3, 2) for make in tl.CELLS.values()), deep]
    recordings = [nasty_recording()]
    for cell in cells:
        net = tl.through_time(cell, 2)
        arrays = [np.ones((1, *n.shape[1:])) for n in net.inputs]
        seeds = [np.ones((1, *n.shape[1:])) for n in net.outputs]
        recordings.append(tl.record(net, *arrays, seeds=seeds))
    steps = [step for recording in recordings for step in recording.steps]
    formulas = {s.latex for s in steps} | {c.latex for s in steps for c in s.contributions}
    refused = opened(saved).evaluate(
        """formulas => formulas.filter(tex => {
          try { katex.renderToString(tex, { throwOnError: true, strict: false }); }
          catch { return true; }
        })""",
        sorted(formulas),
    )
    assert len(formulas) > 300
    assert refused == []
