"""Weights in tiles: the products are the same, wherever a weight is cut.

Cells of a test are too small for tiles, and not every BLAS wants them: here everything is cut.
"""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.cells.networks import NAMES
from tests.plan.comparing import assert_plan_equals_graph
from tests.plan.graphs import straight_graph
from tests.plan.networks import WAYS, network, tagger
from tests.plan.places import ODD, odd_case
from tests.plan.recurrent import recurrent_graph
from tests.plan.test_counting import assert_counted_as_compiled
from tests.plan.test_source import assert_source_is_plan
from tinygrad_lstm.plan import PASSES, matrices
from tinygrad_lstm.plan.device import Device
from tinygrad_lstm.plan.passes.tiles import SMALL, Tiled, tile
from tinygrad_lstm.plan.spread import Spread


def cuts(n):
    return [k for k in range(1, n + 1) if n % k == 0]


@pytest.fixture(params=[0, 1 << 20], ids=["one by one", "stacked"])
def cut(monkeypatch, request):
    """Every product of a step is cut, in ways that depend on its sizes; the tiles of each."""
    made = []
    monkeypatch.setattr(matrices, "STACKED", request.param)

    def anywhere(rows, depth, width, itemsize):
        found = cuts(depth)[rows % len(cuts(depth))], cuts(width)[depth % len(cuts(width))]
        made.append(found)
        return found

    monkeypatch.setattr(Device, "in_tiles", lambda self: True)
    monkeypatch.setattr(matrices, "tile", anywhere)
    monkeypatch.setattr(matrices, "OFTEN", 0)
    return made


@pytest.mark.parametrize("rows", [1, 2, 3])
@pytest.mark.parametrize("steps", [1, 2, 7])
@pytest.mark.parametrize("name", NAMES)
def test_a_cell_whose_weights_are_cut_equals_its_graph(cut, name, steps, rows):
    assert_plan_equals_graph(network(name, steps, rows))
    assert cut or steps == 1


@pytest.mark.parametrize("without", ["beside", "pack", "blocks", "hoist", "products", "liveness"])
@pytest.mark.parametrize("name", ["lstm", "gru"])
def test_so_does_one_without_another_pass(cut, name, without):
    passes = [other for other in PASSES if other != without]
    assert_plan_equals_graph(network(name, rows=2), passes=passes)
    assert cut


@pytest.mark.parametrize("options", WAYS, ids=str)
def test_so_do_layers_between_a_table_and_a_head(cut, options):
    assert_plan_equals_graph(tagger("lstm"), **options)
    assert bool(cut) == (options != {"passes": ()})


@pytest.mark.parametrize("rows", [3, 1])
@pytest.mark.parametrize("name", ODD)
def test_so_does_an_odd_network(cut, name, rows):
    assert_plan_equals_graph(odd_case(name, rows))


@pytest.mark.parametrize("number", range(30))
@pytest.mark.parametrize("random_graph", [straight_graph, recurrent_graph])
def test_so_do_random_graphs(cut, random_graph, number):
    assert_plan_equals_graph(random_graph(number).case())


def test_some_random_graphs_have_weights_that_are_cut(cut):
    for number in range(30):
        assert_plan_equals_graph(recurrent_graph(number).case())
    assert len(cut) > 30


@pytest.mark.parametrize("name", ["lstm", "gru", "peephole"])
def test_the_source_of_a_plan_with_tiles_gives_its_gradients(cut, name):
    assert_source_is_plan(network(name))
    assert cut


@pytest.mark.parametrize("name", ["lstm", "gru", "rnn"])
def test_explain_counts_what_is_put_into_tiles_once(cut, name):
    assert_counted_as_compiled(network(name, 15))
    assert cut


@given(
    rows=st.integers(1, 200),
    depth=st.integers(0, 1200),
    width=st.integers(0, 1200),
    itemsize=st.sampled_from([4, 8]),
)
def test_a_tile_divides_the_weight_and_makes_a_small_product(rows, depth, width, itemsize):
    found = tile(rows, depth, width, itemsize)
    if found is not None:
        assert depth and width
        k, w = found
        assert depth % k == 0 and width % w == 0 and (k, w) != (depth, width)
        assert rows * k * w <= SMALL


@pytest.mark.parametrize(
    ("product", "expected"),
    [
        ((50, 128, 128, 4), (128, 64)),
        ((64, 512, 512, 4), (128, 64)),
        ((50, 128, 128, 8), (128, 32)),
        ((128, 128, 128, 4), (128, 32)),
        ((20, 240, 240, 4), (240, 80)),
        ((32, 64, 64, 4), None),
        ((1, 512, 512, 4), None),
        ((64, 0, 512, 4), None),
        ((64, 512, 0, 4), None),
        ((512, 1024, 1024, 4), None),
    ],
)
def test_a_tile_is_256_bytes_wide_where_that_divides_the_weight(product, expected):
    assert tile(*product) == expected


@pytest.mark.parametrize("shape", [(6, 4), (2, 4), (3, 1), (1, 2)])
@pytest.mark.parametrize("blocks", [(), (3,)])
def test_the_products_by_all_tiles_are_the_product(shape, blocks):
    rng = np.random.default_rng(0)
    a, B = rng.standard_normal((5, 7, 6)), rng.standard_normal((*blocks, 6, 4))
    tiled = Tiled(Device(), B, shape)
    tiled.right[...] = tiled.source
    stack = np.empty((5, tiled.parts, *blocks, 7, 4))
    left, out = tiled.left(Spread(a, "full")), tiled.out(Spread(stack, "full"))
    for t in range(5):
        np.matmul(left.array[t], tiled.right, out.array[t])
        np.testing.assert_allclose(stack[t].sum(0), np.matmul(a[t], B), rtol=0, atol=1e-12)
