"""Random graphs without time: a few inputs, a random program, some of its values as outputs."""

from __future__ import annotations

import random
from dataclasses import dataclass

import numpy as np
from hypothesis import strategies as st

import tinygrad_lstm as tl
from tests.plan.comparing import Case
from tests.plan.programs import RECENT, Bank, drawn, draws, run
from tinygrad_lstm.steps import below

LOSSES = ("none", "squares", "cross entropy", "yes or no", "sum")
CLASSES = 5


@dataclass(frozen=True)
class Straight:
    """A random graph without time.

    Attributes:
        program: its first half comes before the dropout (if there is any), its second after.
        rows: the batch size that is fed; `lettered` says whether it is a letter in the graph.
        reads: how far back from the youngest value each output stands.
        silent: the output whose seed is None, if there are several.
        table: whether rows of a table, some of them several times, are among the inputs.
    """

    program: tuple
    rows: int = 3
    lettered: bool = True
    reads: tuple = (0,)
    silent: int | None = None
    loss: str = "none"
    table: bool = False
    dropout: bool = False
    seed: int = 0

    def case(self):
        """The graph, all its leaves asked about."""
        inputs, values, bank = self._inputs(), [], Bank(self.seed)
        values = [inputs["x"], inputs["v"]]
        if self.table:
            values.append(tl.lookup(bank.parameter("table", 4, 6), inputs["ids"]))
        half = len(self.program) // 2
        values = run(self.program[:half], bank, values)
        if self.dropout:
            values.append(tl.Dropout(0.4)(values[-1]))
        values = run(self.program[half:], bank, values)
        outputs = [values[-1 - n % len(values)] for n in self.reads]
        if self.loss != "none":
            outputs.append(loss(self.loss, values[-1], inputs, bank))
        return self._fed(inputs, outputs or values[-1:])

    def _inputs(self):
        N = "N" if self.lettered else self.rows
        return {
            "x": tl.Input("x", N, 4),
            "v": tl.Input("v", N, 6),
            "ids": tl.Input("ids", N),
            "classes": tl.Input("classes", N),
            "target": tl.Input("target", N, CLASSES),
        }

    def _fed(self, inputs, outputs):
        read = set(below(outputs))
        graph = tl.Graph([n for n in inputs.values() if n in read], outputs)
        arrays = [ARRAYS[n.name](self.seed, self.rows) for n in graph.inputs]
        seeds = [draws([self.seed, 50 + k], *y.shape) for k, y in enumerate(graph.forward(*arrays))]
        if len(seeds) == 1 and seeds[0].shape == ():
            return Case(graph, arrays).about_everything()
        if self.silent is not None and len(seeds) > 1:
            seeds[self.silent % len(seeds)] = None
        return Case(graph, arrays, seeds).about_everything()


ARRAYS = {
    "x": lambda seed, N: draws([seed, 1], N, 4),
    "v": lambda seed, N: draws([seed, 2], N, 6),
    "ids": lambda seed, N: np.arange(N) % 2 + 1,
    "classes": lambda seed, N: np.where(np.arange(N) == 1, -100, np.arange(N) * 3 % CLASSES),
    "target": lambda seed, N: np.abs(draws([seed, 3], N, CLASSES)),
}


def loss(kind, y, inputs, bank):
    """A number; class numbers may say that a row does not count."""
    if kind == "sum":
        return (y * y).sum() * 0.3
    z = bank.linear(y, CLASSES)
    if kind == "squares":
        return tl.mse(z, inputs["target"])
    if kind == "yes or no":
        return tl.bce_with_logits(z, inputs["target"])
    return tl.CrossEntropy()(z, inputs["classes"])


def straight(choose):
    """A `Straight` graph; `choose` takes one of a sequence."""
    kind = choose(LOSSES)
    return Straight(
        program=drawn(choose, range(1, 15)),
        rows=choose((3, 1, 2)),
        lettered=choose((True, False)),
        reads=tuple(choose(RECENT) for _ in range(choose(range(4)))),
        silent=choose((None, 0, 1, 2)),
        loss=kind,
        table=choose((False, True)),
        dropout=choose((False, False, True)),
    )


@st.composite
def straight_graphs(draw):
    """Strategy for `Straight`."""
    return straight(lambda options: draw(st.sampled_from(options)))


def straight_graph(number):
    """The number-th `Straight` graph, without Hypothesis."""
    return straight(random.Random(number).choice)
