"""Plots by matplotlib, where it is there, and advice where it is not."""

import io
import sys

import numpy as np
import pytest

import tinygrad_lstm as tl
from tests.cells.networks import built, draws
from tests.explain.naive import D, H, network, seeds_of


def reports():
    """Every report whose plot has axes of its own, by what is asked of it."""
    net, _ = network()
    seeds = seeds_of(net)
    cell = built("lstm", (D, H))
    flow, ways = tl.gradient_flow(net, *seeds), tl.paths(net, *seeds)
    few = draws(1, 2, 1, D), [np.zeros((1, H))] * 2, np.ones((2, 1, H))
    return {
        "ledger": tl.ledger(net, "W_h", *seeds).plot,
        "flow": flow.plot,
        "map": lambda ax=None: flow.plot_map("h", ax),
        "truncation": tl.truncation(net, "W_h", *seeds).plot,
        "jacobians": tl.jacobians(cell, draws(1, 4, D)).plot,
        "paths": lambda ax=None: ways.plot("c", ax),
        "ways": tl.three_ways(cell, "b_x", *few).plot,
        "saliency": tl.saliency(net, *seeds, text="abcde").plot,
    }


def test_every_plot_goes_on_the_axes_that_it_is_given():
    pytest.importorskip("matplotlib")
    from matplotlib.figure import Figure

    for name, plot in reports().items():
        ax = Figure(layout="constrained").add_subplot()
        assert plot(ax) is ax
        assert ax.get_xlabel() and ax.get_ylabel() and ax.get_title(), name
        assert ax.lines or ax.images, name
        with np.errstate(all="ignore"):
            ax.figure.savefig(io.BytesIO(), format="png")


def test_without_matplotlib_a_plot_says_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    for plot in reports().values():
        with pytest.raises(tl.RenderError, match="pip install matplotlib"):
            plot()
