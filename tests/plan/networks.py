"""Registered cells through time as cases: what is asked of them, and the numbers they get."""

from __future__ import annotations

import numpy as np

import tinygrad_lstm as tl
from tests.cells.networks import built, cotangents, draws, feed
from tests.plan.comparing import Case

T = 4
PATTERNS = ("all h", "last h", "first state", "some")
WAYS = ({}, {"passes": ()}, {"checkpoint": "sqrt"}, {"checkpoint": "keep-state"})
"""Options of `compile` under which everything must hold."""


def network(name, steps=T, rows=3, pattern="all h", dtype="float64"):
    """A registered cell over `steps` steps, all leaves asked about.

    "all h" seeds every output, "last h" and "first state" one alone, "some" every other.
    """
    cell = built(name, dtype=dtype)
    graph = tl.through_time(cell, steps)
    arrays = [a.astype(dtype) for a in feed(cell, steps, rows)]
    seeds = [s.astype(dtype) for s in cotangents(graph, rows)]
    wanted = {
        "all h": range(len(seeds)),
        "last h": [steps - 1],
        "first state": [steps],
        "some": range(0, len(seeds), 2),
    }[pattern]
    seeds = [seed if k in wanted else None for k, seed in enumerate(seeds)]
    return Case(graph, arrays, seeds).about_everything()


def tagger(name, steps=T, rows=3, layers=2, dtype="float64"):
    """Stacked cells read rows of a table; a head guesses a class at every step; one loss."""
    with tl.default_dtype(dtype):
        cell = tl.stack([tl.CELLS[name](4, 5), *(tl.CELLS[name](5, 5) for _ in range(layers - 1))])
        embed, head = tl.Embedding(7, 4), tl.Linear(5, 7, "y")
        ids, classes = tl.Input("ids", steps, "N"), tl.Input("classes", steps, "N")
        start = [tl.Input(f"start{k}", "N", 5) for k in range(len(cell.inputs) - 1)]
        hs, end = tl.unroll(cell, [embed(ids[t]) for t in range(steps)], start)
        loss = tl.cross_entropy(head(tl.stacked(hs)), classes)
    for k, p in enumerate([*cell.parameters.values(), embed.W, head.W, head.b]):
        p.data = (draws(k, *p.shape) / 2).astype(dtype)
    graph = tl.Graph([ids, classes, *start], [loss, *end])
    numbers = np.arange(steps * rows).reshape(steps, rows) * 3 % 7
    states = [draws(90 + k, rows, 5).astype(dtype) for k in range(len(start))]
    seeds = [np.ones((), dtype), *[None] * len(end)]
    return Case(graph, [numbers, numbers[::-1] % 5, *states], seeds).about_everything()


def scaled(case, factor):
    """The same graph with other real numbers in its arrays."""
    arrays = [a * factor if a.dtype.kind == "f" else a[::-1].copy() for a in case.arrays]
    return Case(case.graph, arrays, case.seeds, case.wrt)
