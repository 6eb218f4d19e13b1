"""The benchmarks measure the same thing for everybody, and say who is not there."""

from __future__ import annotations

import json
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest

import tinygrad_lstm as tl
from benchmarks import (
    __main__,
    cells,
    floor,
    picture,
    race,
    regimes,
    report,
    torch_layers,
    twins,
    worker,
)
from benchmarks.by_hand import through_time
from benchmarks.implementations import FLOOR, FLOORS, IMPLEMENTATIONS, PLAN
from benchmarks.machine import openblas_settings

from .oracles import numeric_vjp

NONE = {("torch.nn", "tide")}
TINY = regimes.Sizes(N=2, D=3, H=4, T=5)
TIMED = {
    name: it.cells or cells.NAMED for name, it in IMPLEMENTATIONS.items() if name not in FLOORS
}
PAIRS = [(name, cell) for name, had in TIMED.items() for cell in had if (name, cell) not in NONE]


@pytest.fixture(autouse=True, scope="module")
def registry_is_left_as_it_was():
    """The cells of the benchmark are a user's; other tests go through the package's."""
    before = dict(tl.CELLS)
    yield
    sys.modules.pop("benchmarks.users_cells", None)
    tl.CELLS.clear()
    tl.CELLS.update(before)


def gradients(name, cell, dtype, sizes=TINY):
    try:
        step, found = IMPLEMENTATIONS[name].build(regimes.problem(cell, sizes, dtype))
    except ImportError as error:
        pytest.skip(f"{error.name} is not installed")
    step()
    step()  # whoever accumulates instead of starting afresh shows it now
    return found()


@pytest.fixture(scope="module")
def expected():
    """The gradients by complex steps through the cells written by hand."""
    return {cell: complex_steps(regimes.problem(cell, TINY, "float64")) for cell in cells.NAMED}


BLOCKS = {
    **{"lstm": (4, 4), "gru": (3, 3), "tide": (3, 2), "rnn": (1, 1), "cifg": (3, 3)},
    **{"lstm_by_gate": (4, 4), "peephole": (4, 4), "gru_of_cho": (3, 3), "rnn*2": (1, 3)},
}
"""How many blocks (H, D) and (H, H) a step multiplies with; h of a lower layer is one of h."""


def complex_steps(p):
    lib = SimpleNamespace(sigmoid=lambda x: 1 / (1 + np.exp(-x)), tanh=np.tanh)

    def hs(*weights):
        return through_time(lib, p.cell, dict(zip(p.weights, weights)), p.xs, p.state)

    found = numeric_vjp(hs, list(p.weights.values()), p.gs, range(len(p.weights)))
    return dict(zip(p.weights, found))


@pytest.mark.parametrize("name, cell", PAIRS)
def test_every_implementation_computes_the_same_gradients(name, cell, expected):
    assert race.worst(gradients(name, cell, "float64"), expected[cell]) < 1e-12


OTHERS = ["rnn", "cifg", "peephole", "lstm_by_gate", "gru_of_cho", "lstm*2", "gru*3", "rnn*2"]
WITH_LAYER = {cell for cell in OTHERS if cells.split(cell)[0] in torch_layers.LAYERS}
EDGES = [TINY, regimes.Sizes(1, 1, 1, 1), regimes.Sizes(3, 5, 2, 1), regimes.Sizes(2, 1, 3, 4)]


@pytest.mark.parametrize("name", ["torch.nn", "torch eager", "jax scan", "plan"])
@pytest.mark.parametrize("cell", OTHERS)
def test_any_cell_has_the_gradients_of_its_graph_everywhere(cell, name):
    if name == "torch.nn" and cell not in WITH_LAYER:
        pytest.importorskip("torch")
        with pytest.raises(torch_layers.NoSuchLayer, match="no such layer"):
            gradients(name, cell, "float64")
        return
    for sizes in EDGES:
        expected = gradients("graph eager", cell, "float64", sizes)
        assert race.worst(gradients(name, cell, "float64", sizes), expected) < 1e-12, sizes


@pytest.mark.parametrize("cell", sorted(WITH_LAYER))
def test_every_row_of_a_weight_has_one_place_in_pytorch_s_layer(cell):
    p = regimes.problem(cell, TINY)
    rows = {name: [0] * len(w) for name, w in p.weights.items()}
    theirs = set()
    for parameter, there, ours, here in torch_layers.places(p):
        rows[ours][here] = [n + 1 for n in rows[ours][here]]
        theirs.add((parameter, there.start))
    assert {n for counted in rows.values() for n in counted} == {1}
    assert len(theirs) == len(list(torch_layers.places(p)))


@pytest.mark.parametrize("cell", OTHERS)
def test_a_twin_gives_the_values_of_the_graph(cell):
    lib = SimpleNamespace(**vars(np), sigmoid=lambda x: 1 / (1 + np.exp(-x)))
    p = regimes.problem(cell, TINY, "float64")
    graph = cells.build(cell, TINY.D, TINY.H)
    for name, weight in p.weights.items():
        graph.parameters[name].data = weight
    through = tl.through_time(graph, TINY.T)
    expected = through.forward(*p.xs, *p.state)[: TINY.T]
    found = twins.through_time(twins.twin(lib, p), p.weights, p.xs, p.state)
    np.testing.assert_allclose(found, expected, rtol=1e-12)


ODD = """
from tinygrad_lstm.nn import Graph, Input, Linear, tanh
import tinygrad_lstm as tl

def odd(input_size, hidden_size):
    D, H = input_size, hidden_size
    x, h_prev = Input("x", "N", D), Input("h_prev", "N", H)
    a = Linear(D, 2 * H, "x")(x) + Linear(H, 2 * H, "h")(h_prev)
    kept = tl.where(a[:, :H] > h_prev, a[:, :H], tl.maximum(h_prev.detach(), a[:, H:]))
    pushed = tl.relu(a[:, :1] * [[0.5]]) / (1 + tl.sqrt(a[:, :H] ** 2 + 1))
    h = tanh(kept * tl.softmax(a[:, H:]) + pushed)
    return Graph([x, h_prev], [h], names=locals())

def dropping(input_size, hidden_size):
    x, h_prev = Input("x", "N", input_size), Input("h_prev", "N", hidden_size)
    h = tanh(tl.Dropout(0.5)(Linear(input_size, hidden_size, "x")(x)) + h_prev)
    return Graph([x, h_prev], [h], names=locals())
"""


@pytest.fixture
def odd(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)  # takes back what finding a cell adds to the path
    (tmp_path / "odd.py").write_text(ODD)
    return str(tmp_path / "odd.py")


@pytest.mark.parametrize("name", ["torch eager", "jax scan", "plan"])
def test_a_users_cell_is_run_op_by_op_by_the_others(name, odd):
    expected = gradients("graph eager", f"{odd}:odd", "float64")
    assert race.worst(gradients(name, f"{odd}:odd", "float64"), expected) < 1e-12


@pytest.mark.parametrize("name", ["torch eager", "jax scan"])
def test_what_draws_at_random_is_not_compared(name, odd):
    with pytest.raises(NotImplementedError, match="KeepMask draws at random"):
        gradients(name, f"{odd}:dropping", "float64")


def test_the_weights_of_a_single_step_from_zero_have_no_gradient_to_be_relative_to():
    assert race.worst({"W_h": np.full(3, 2e-16)}, {"W_h": np.zeros(3)}) == 2e-16


def test_any_cells_and_sizes_can_be_asked_for():
    asked = __main__.parse("--cells rnn gru --shapes 7,13,17,11 1,1,1,1 --layers 2".split())
    assert asked.cells == ["rnn*2", "gru*2"] and not asked.curves
    assert asked.sizes == [(7, 13, 17, 11), (1, 1, 1, 1)]
    assert report.title("rnn*2") == "rnn, 2 layers"
    both = __main__.parse("--shapes 1,2,3,4 --regimes b --curves".split())
    assert both.sizes == [regimes.REGIMES["b"], (1, 2, 3, 4)] and both.curves
    whole = __main__.parse([])
    assert (whole.cells, len(whole.sizes), whole.curves) == (list(cells.NAMED), 5, True)


@pytest.mark.parametrize(
    "arguments, message",
    [
        ("--cells lstn", "there is no cell 'lstn'"),
        ("--cells none.py:mine", "none.py: No such file"),
        ("--cells rnn*x", "--cells rnn*x"),
        ("--shapes 7,13,17", "7,13,17 is not N,D,H,T, four whole numbers from 1"),
        ("--shapes 7,13,17,0", "7,13,17,0 is not N,D,H,T, four whole numbers from 1"),
        ("--shapes a,b,c,d", "a,b,c,d is not N,D,H,T"),
        ("--layers 0", "--layers"),
        ("--regimes az", "letters out of abcde"),
    ],
)
def test_what_cannot_be_measured_is_said_at_once(arguments, message, capsys):
    with pytest.raises(SystemExit) as left:
        __main__.parse(arguments.split())
    assert left.value.code == 2 and message in capsys.readouterr().err


@pytest.mark.parametrize("name", TIMED)
def test_what_is_timed_computes_in_float32(name, expected):
    cell = TIMED[name][0]
    found = gradients(name, cell, "float32")
    assert {g.dtype for g in found.values()} == {np.dtype("float32")}
    assert race.worst(found, expected[cell]) < 1e-5


@pytest.mark.parametrize("products", [floor.products, floor.products_in_tiles])
@pytest.mark.parametrize("cell", BLOCKS)
def test_the_floor_multiplies_as_often_as_the_cell_must(cell, products, monkeypatch):
    counted = []
    monkeypatch.setattr(floor, "WIDTHS", (2, 4))

    def counting(product):
        def counted_product(a, b, out):
            counted.append(out.size * a.shape[-1])
            return product(a, b, out)

        return counted_product

    monkeypatch.setattr(np, "dot", counting(np.dot))
    monkeypatch.setattr(np, "matmul", counting(np.matmul))
    step, _ = products(regimes.problem(cell, TINY))
    counted.clear()
    step()
    N, D, H, T = TINY
    of_x, of_h = BLOCKS[cell]
    assert sum(counted) == T * N * H * (2 * of_x * D + 3 * of_h * H)


def test_the_products_by_all_tiles_are_the_product(monkeypatch):
    monkeypatch.setattr(floor, "WIDTHS", (2, 4))
    monkeypatch.setattr(floor, "SMALL", 24)
    x = np.arange(5 * 3 * 6.0).reshape(5, 3, 6)
    found = floor._tiles(x, 4)
    assert [len(calls[0][1]) for _, calls in found] == [2, 3]
    for step, calls in found:
        for t, (lefts, tiles, part, out) in enumerate(calls):
            step(lefts, tiles, part, out)
            assert (out == x[t].sum(1)[:, None]).all()  # the right side is all ones


def test_only_what_waits_for_an_earlier_timestep_is_multiplied_step_by_step():
    found = cells.products(cells.build("rnn*2", 3, 4))
    assert [(p.outputs, p.columns, p.waits, p.wanted) for p in found] == [
        (4, 3, False, False),  # x of the lower layer
        (4, 4, True, True),
        (4, 4, False, True),  # its h, all of which is there before the upper one begins
        (4, 4, True, True),
    ]


def test_the_short_check_keeps_all_sizes_but_the_length():
    assert regimes.short("lstm", regimes.REGIMES["a"]) == regimes.REGIMES["a"]
    long = regimes.REGIMES["d"]
    assert regimes.short("lstm", long)._replace(T=long.T) == long
    assert 2 <= regimes.short("lstm", long).T < long.T
    assert regimes.short("lstm", long, budget=0).T == 2
    one = TINY._replace(T=1)
    assert regimes.short("lstm", one, budget=0) == one


def test_a_ratio_compares_times_of_one_round():
    times = {"first": [1.0, 2.0, 4.0], "second": [3.0, 6.0, 12.0]}
    found = race.with_times({"first": {}, "second": {}}, times)
    assert found["reference"] == "first"
    assert found["rows"]["second"]["ratio"] == 3.0
    assert found["rows"]["second"]["quartiles"] == [3.0, 3.0]
    assert found["rows"]["second"]["ms"] == 6000.0


class FakeWorker:
    """Answers with the gradients it was given."""

    def __init__(self, gradients):
        self.gradients, self.absent = gradients, None

    def ask(self, **request):
        np.savez(request["gradients"], W=self.gradients)
        return {"first": 0.1, "gradients": True, "blas": None}


def test_whose_gradients_differ_is_not_timed():
    crew = {"right": FakeWorker(np.ones(3)), "wrong": FakeWorker(np.array([1, 1, 1.1]))}
    rows = race.checked(crew, "lstm", TINY)
    assert rows["right"]["error float64"] == 0
    assert "off by 1.0e-01" in rows["wrong"]["absent"]
    crew["right"].ask = lambda **request: {"seconds": 1.0}
    assert list(race.rounds(crew, seconds=0, least=2)) == ["right"]


def test_who_is_not_installed_says_so(monkeypatch, tmp_path):
    monkeypatch.setitem(sys.modules, "mygrad", None)
    request = {"do": "prepare", "cell": "lstm", "sizes": TINY, "dtype": "float32"}
    file = str(tmp_path / "gradients.npz")
    assert list(worker.answers("MyGrad", [{**request, "gradients": file}])) == [
        {"absent": "not installed (mygrad)"}
    ]


def test_a_process_that_dies_is_one_row_and_not_the_end():
    crew = {"graph eager": race.Worker("graph eager")}
    crew["graph eager"].process.kill()
    rows = race.checked(crew, "lstm", TINY)
    crew["graph eager"].stop()
    assert "its process ended with -9" in rows["graph eager"]["absent"]
    assert race.with_times(rows, race.rounds(crew, 0, 1))["reference"] is None


@pytest.fixture(scope="module")
def written(tmp_path_factory):
    """The files of one short run with processes."""
    folder = tmp_path_factory.mktemp("speed")
    options = "--cells tide --regimes a --no-curves --as-set --seconds 0 --rounds 2 --only".split()
    __main__.main([*options, "graph eager", FLOOR, "--into", str(folder)])
    return folder


def test_the_json_names_machine_versions_kernels_and_spread(written):
    found = json.loads((written / "speed.json").read_text())
    assert {"cpu", "python", "numpy", "torch", "blas", "load"} <= set(found["machine"])
    (table,) = found["tables"]
    assert table["reference"] == "graph eager"
    assert list(table["rows"]) == ["graph eager", FLOOR]
    for row in table["rows"].values():
        low, high = row["quartiles"]
        assert low <= row["ratio"] <= high and row["ms"] > 0 and row["rounds"] == 2
        assert row["blas"]


def test_each_library_chooses_its_kernels_unless_told_to_heed_the_environment(monkeypatch):
    monkeypatch.setattr(os, "environ", {"OPENBLAS_CORETYPE": "Haswell", "HOME": "/"})
    assert openblas_settings(keep=True) == "OPENBLAS_CORETYPE=Haswell"
    assert openblas_settings(keep=False) == "OPENBLAS_CORETYPE=Haswell not passed on"
    assert os.environ == {"HOME": "/"}
    assert openblas_settings(keep=False) == "none"


def test_the_table_of_the_documentation_has_a_row_for_each(written):
    text = (written / "speed.md").read_text()
    assert "| graph eager | 1 (" in text
    assert f"| {FLOOR} | " in text
    assert "OpenBLAS kernels: " in text


def test_a_missing_implementation_has_a_row_in_the_table():
    rows = {"graph eager": {"absent": "not installed (mygrad)"}}
    table = {"cell": "lstm", "sizes": TINY._asdict(), "reference": None, "rows": rows}
    found = {"machine": {"cpu": "x", "cpus": 1}, "tables": [table], "curves": []}
    assert "not installed (mygrad)" in report.text(table)
    assert "| graph eager | not installed (mygrad) |" in report.markdown(found)


def test_the_picture_shows_tables_and_curves(written, tmp_path):
    pytest.importorskip("matplotlib")
    found = json.loads((written / "speed.json").read_text())
    (table,) = found["tables"]
    found["curves"] = [{**table, "letter": "T", "value": value} for value in (5, 10)]
    picture.save(tmp_path / "both.png", found)
    picture.save(tmp_path / "tables.png", {**found, "curves": []})
    both, tables = (tmp_path / f"{name}.png" for name in ("both", "tables"))
    assert both.stat().st_size > tables.stat().st_size > 1000


def test_the_looks_are_those_of_the_implementations():
    assert set(picture.LOOKS) == set(IMPLEMENTATIONS)
    assert PLAN in IMPLEMENTATIONS


@pytest.mark.parametrize("part", ["", "avx2"])
def test_the_published_table_is_that_of_the_published_measurement(part):
    folder = __main__.ROOT / "docs" / "_static" / "speed" / part
    found = json.loads((folder / "speed.json").read_text(encoding="utf-8"))
    assert (folder / "speed.md").read_text(encoding="utf-8") == report.markdown(found)
