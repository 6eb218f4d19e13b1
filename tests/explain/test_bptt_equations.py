"""The derived recurrences are those of the books, and KaTeX typesets every one of them."""

import re
from importlib.resources import files

import pytest

import tinygrad_lstm as tl
from tests.explain.odd_cells import ODD

HOSTILE = ["a b", r"\frac{", "$x$", "%", "x_y_z", "#&~^", '"><script>', "长短期", "a_prev_bar"]


def lines_of(cell):
    return [line.replace(" &= ", " = ") for line in tl.bptt_equations(cell).lines]


def stacked():
    return tl.stack([tl.CELLS["lstm_by_gate"](3, 2), tl.CELLS["gru"](2, 2)])


def of_hostile_names():
    x, h_prev = tl.Input("x", "N", 2), tl.Input(HOSTILE[0], "N", 2)
    inner = x
    for name in HOSTILE[1:]:
        inner = tl.tanh(inner * tl.Parameter([1.0, 2.0], name=name) + h_prev)
        inner.name = name
    return tl.Graph([x, h_prev], [inner])


def test_the_recurrences_of_the_lstm_are_those_of_the_textbook():
    lines = lines_of(tl.CELLS["lstm_by_gate"](3, 2))
    start = next(k for k, line in enumerate(lines) if line.startswith(r"\bar{h}_t"))
    assert lines[start : start + 11] == [
        r"\bar{h}_t = \frac{\partial L_t}{\partial h_t} + W_{hi}^\top \bar{a}_{i,t+1}"
        r" + W_{hf}^\top \bar{a}_{f,t+1} + W_{ho}^\top \bar{a}_{o,t+1}"
        r" + W_{hg}^\top \bar{a}_{g,t+1}",
        r"\bar{o}_t = \bar{h}_t \odot \tanh(c_t)",
        r"\bar{c}_t = \bar{h}_t \odot o_t \odot (1 - \tanh^2(c_t)) + \bar{c}_{t+1} \odot f_{t+1}",
        r"\bar{i}_t = \bar{c}_t \odot g_t",
        r"\bar{g}_t = \bar{c}_t \odot i_t",
        r"\bar{f}_t = \bar{c}_t \odot c_{t-1}",
        r"\bar{a}_{g,t} = \bar{g}_t \odot (1 - g_t^2)",
        r"\bar{a}_{o,t} = \bar{o}_t \odot o_t \odot (1 - o_t)",
        r"\bar{a}_{f,t} = \bar{f}_t \odot f_t \odot (1 - f_t)",
        r"\bar{a}_{i,t} = \bar{i}_t \odot i_t \odot (1 - i_t)",
        r"\bar{x}_t = W_{xi}^\top \bar{a}_{i,t} + W_{xf}^\top \bar{a}_{f,t}"
        r" + W_{xo}^\top \bar{a}_{o,t} + W_{xg}^\top \bar{a}_{g,t}",
    ]


def test_the_gradient_of_a_shared_weight_is_a_sum_over_timesteps():
    lines = lines_of(tl.CELLS["lstm_by_gate"](3, 2))
    assert r"\bar{W}_{xi} = \sum_{t=1}^{T} \bar{a}_{i,t} x_t^\top" in lines
    assert r"\bar{W}_{hf} = \sum_{t=1}^{T} \bar{a}_{f,t} h_{t-1}^\top" in lines
    assert r"\bar{b}_{xg} = \sum_{t=1}^{T} \bar{a}_{g,t}" in lines
    assert r"\bar{c}_{0} = \bar{c}_{1} \odot f_{1}" in lines


def test_the_recurrences_of_the_simple_cell():
    assert [line for line in lines_of(tl.CELLS["rnn"](3, 2)) if line.startswith(r"\bar")] == [
        r"\bar{h}_t = \frac{\partial L_t}{\partial h_t} + W_{h}^\top \bar{a}_{h,t+1}",
        r"\bar{a}_{h,t} = \bar{h}_t \odot (1 - h_t^2)",
        r"\bar{x}_t = W_{x}^\top \bar{a}_{h,t}",
        r"\bar{W}_{x} = \sum_{t=1}^{T} \bar{a}_{h,t} x_t^\top",
        r"\bar{b}_{x} = \sum_{t=1}^{T} \bar{a}_{h,t}",
        r"\bar{W}_{h} = \sum_{t=1}^{T} \bar{a}_{h,t} h_{t-1}^\top",
        r"\bar{h}_{0} = W_{h}^\top \bar{a}_{h,1}",
    ]


def test_a_common_factor_is_written_once():
    assert r"\bar{z}_t = \bar{h}_t \odot (h_{t-1} - n_t)" in lines_of(tl.CELLS["gru"](3, 2))
    assert r"\bar{f}_t = \bar{c}_t \odot (c_{t-1} - g_t)" in lines_of(tl.CELLS["cifg"](3, 2))


def test_peepholes_bring_the_next_steps_gates_into_the_state():
    assert (
        r"\bar{c}_t = \bar{h}_t \odot o_t \odot (1 - \tanh^2(c_t)) + \bar{a}_{o,t} \odot w_{co}"
        r" + \bar{c}_{t+1} \odot f_{t+1} + \bar{a}_{i,t+1} \odot w_{ci}"
        r" + \bar{a}_{f,t+1} \odot w_{cf}"
    ) in lines_of(tl.CELLS["peephole"](3, 2))


def test_slices_of_one_product_are_joined_again():
    lines = lines_of(tl.CELLS["lstm"](3, 2))
    gates = [rf"\overline{{\mathrm{{{k}\_gate}}}}_t" for k in ("in", "forget", "out")]
    assert rf"\overline{{\mathrm{{all\_gates}}}}_t = [{' ; '.join(gates)}]" in lines


def test_a_lower_layer_hears_from_the_layer_above_and_from_the_next_step():
    (line,) = [line for line in lines_of(stacked()) if line.startswith(r"\bar{h}^{(1)}_t =")]
    assert r"W_{xr}^\top \bar{a}^{(2)}_{r,t} + " in line
    assert r"W_{hi}^\top \bar{a}^{(1)}_{i,t+1} + " in line
    assert r"\partial" not in line


@pytest.mark.parametrize("name", tl.CELLS)
def test_nothing_is_left_that_a_reader_would_strike_out(name):
    text = str(tl.bptt_equations(tl.CELLS[name](3, 2)))
    assert not re.search(r"(?<![\d_{,])1 \\odot|\\odot 1(?!\d)|\+ 0(?!\.)|\+ -|--", text)
    assert "seed" not in text and "prev" not in text and "embed" not in text


def test_a_cell_with_one_state_under_any_name():
    lines = lines_of(ODD[0](3, 2))
    assert any(line.startswith(r"\bar{y}_t = \frac{\partial L_t}{\partial y_t}") for line in lines)
    assert r"\bar{x}_t = W_{x}^\top \, \overline{\mathrm{inner}}_t" in lines


def test_nothing_is_missing_within_no_grad():
    cell = ODD[0](3, 2)
    with tl.no_grad():
        silent = lines_of(cell)
    assert silent == lines_of(cell)


def test_products_written_with_at_are_read_in_columns():
    lines = lines_of(ODD[3](3, 2))
    assert r"u_{1,t} = \tanh(A^\top x_t + B s_{t-1} + \lambda)" in lines
    assert r"\bar{B} = \sum_{t=1}^{T} (\bar{s}_t \odot (1 - u_{1,t}^2)) s_{t-1}^\top" in lines


def test_a_batch_of_a_fixed_size_reads_as_any_batch():
    def fixed(*batch):
        x, h_prev = tl.Input("x", *batch, 3), tl.Input("h_prev", *batch, 4)
        h = tl.tanh(tl.Linear(3, 4, "x")(x) + tl.Linear(4, 4, "h", bias=False)(h_prev))
        return lines_of(tl.Graph([x, h_prev], [h], names={"h": h}))

    assert fixed("N") == fixed(4) == fixed(1) == fixed()


def test_a_notebook_shows_them_typeset():
    shown = tl.bptt_equations(tl.CELLS["rnn"](3, 2))
    assert isinstance(shown, tl.Equations)
    assert shown._repr_latex_().startswith("$$\n\\begin{aligned}")


@pytest.fixture(scope="module")
def katex(browser):
    """render(latex): what KaTeX has to say against it, nothing if it typesets it."""
    script = (files("tinygrad_lstm.show") / "vendor" / "katex" / "katex.min.js").read_text("utf-8")
    typeset = """latex => {
        const options = {displayMode: true, throwOnError: true, strict: "ignore"}
        try { katex.renderToString(latex, options) } catch (error) { return String(error) }
        return "" }"""
    page = browser.new_page()
    page.set_content("<!doctype html><title>KaTeX</title>")
    page.add_script_tag(content=script)
    return lambda latex: page.evaluate(typeset, str(latex))


@pytest.mark.browser
@pytest.mark.parametrize("name", tl.CELLS)
def test_katex_typesets_every_cell(katex, name):
    cell = tl.CELLS[name](3, 2)
    for graph in (cell, cell.differentiate(), tl.stack([cell, tl.CELLS[name](2, 2)])):
        assert katex(tl.equations(graph)) == ""
    assert katex(tl.bptt_equations(cell)) == ""
    assert katex(tl.bptt_equations(tl.stack([cell, tl.CELLS[name](2, 2)]))) == ""


@pytest.mark.browser
@pytest.mark.parametrize("build", ODD)
def test_katex_typesets_odd_cells(katex, build):
    assert katex(tl.bptt_equations(build(3, 2))) == ""


@pytest.mark.browser
def test_katex_typesets_hostile_names(katex):
    assert katex(tl.bptt_equations(of_hostile_names())) == ""


@pytest.mark.browser
def test_katex_is_asked_seriously(katex):
    assert "ParseError" in katex(r"\frac{a")
