"""Networks of several loops: layers, both ways, encoders and decoders, attention; also random."""

from __future__ import annotations

import random
from dataclasses import dataclass

from hypothesis import strategies as st

import tinygrad_lstm as tl
from tests.plan.comparing import Case
from tests.plan.programs import draws
from tinygrad_lstm.steps import below

H = 4
CELLS = ("rnn", "gru", "lstm")
LENGTHS = (9, 4, 2, 12, 3)


@dataclass(frozen=True)
class SeveralLoops:
    """A network of loops one after another.

    Attributes:
        loops: for each (what it does, a cell's name, over how many steps if it chooses that).
        T: how many steps the first one takes.
        ask: which outputs there are.
        seeded: which of them have a seed.
    """

    loops: tuple
    T: int = 9
    ask: str = "all"
    seeded: str = "all"
    rows: int = 2
    seed: int = 0

    def case(self):
        """The graph, all its leaves asked about."""
        numbers = iter(range(10_000))

        def fed(name, *sizes):
            node = tl.Input(name, "N", *sizes)
            arrays[node] = draws([self.seed, next(numbers)], self.rows, *sizes)
            return node

        arrays = {}
        xs = [fed(f"x_{t}", H) for t in range(1, self.T + 1)]
        found = [(xs, [fed("start", H)])]
        for kind, name, steps in self.loops:
            found.append(LOOPS[kind](*found[-1], made(name, self.seed, next(numbers)), steps))
        outputs = asked(self.ask, found)
        read = below(outputs)
        inputs = [node for node in arrays if node in read]
        case = Case(tl.Graph(inputs, outputs), [arrays[x] for x in inputs], self._seeds(outputs))
        return case.about_everything()

    def _seeds(self, outputs):
        if self.ask == "loss":
            return None
        wanted = {"all": 0, "last": len(outputs) - 1}
        first, step = wanted.get(self.seeded, 0), 1 if self.seeded != "some" else 3
        chosen = range(first, len(outputs), step)
        shapes = [(self.rows, y.shape[-1]) for y in outputs]
        return [draws([7, k], *s) if k in chosen else None for k, s in enumerate(shapes)]


def made(name, *seeds):
    """A registered cell in float64 whose weights are drawn."""
    with tl.default_dtype("float64"):
        cell = tl.CELLS[name](H, H)
    for k, p in enumerate(cell.parameters.values()):
        p.data = draws([*seeds, k], *p.shape) / 2
    return cell


def states_for(cell, states):
    """As many states as the cell has, from those of another one."""
    count = len(cell.inputs) - 1
    return [*states, *[states[-1]] * count][:count]


def layer(xs, states, cell, steps):
    """One loop that reads the results of another."""
    ys, _ = tl.unroll(cell, xs, states_for(cell, states[:1]))
    return ys, states


def chained(xs, states, cell, steps):
    """It reads the results of another, and begins with its last states."""
    return tl.unroll(cell, xs, states_for(cell, states))


def backwards(xs, states, cell, steps):
    """From the last step to the first."""
    ys, ends = tl.unroll(cell, xs[::-1], states_for(cell, states))
    return ys[::-1], ends


def both_ways(xs, states, cell, steps):
    """One cell in both directions; what it comes to is added up."""
    ahead, ends = tl.unroll(cell, xs, states_for(cell, states))
    back, _ = tl.unroll(cell, xs[::-1], states_for(cell, states))
    return [a + b * 0.5 for a, b in zip(ahead, back[::-1])], ends


def adding(xs, states, cell, steps):
    """What it reads at a step is a summand of the state, and nothing else."""
    ys, states = [], states_for(cell, states)
    for x in xs:
        _, states = tl.unroll(cell, [states[0]], states)
        states = [x + 0.5 * states[0], *states[1:]]
        ys.append(states[0])
    return ys, states


def decoder(xs, states, cell, steps):
    """It is given nothing but the last states of another loop."""
    return tl.unroll(cell, [tl.tanh(xs[-1])] * steps, states_for(cell, states))


def echo(xs, states, cell, steps):
    """It reads what it has come to itself."""
    ys, states = [xs[-1]], states_for(cell, states)
    for _ in range(steps):
        (y,), states = tl.unroll(cell, [tl.tanh(ys[-1])], states)
        ys.append(y)
    return ys[1:], states


def attending(xs, states, cell, steps):
    """Each step looks at all results of another loop."""
    memory, ys, states = tl.stacked(xs, axis=1), [], states_for(cell, states)
    for _ in range(steps):
        share = tl.softmax((memory * states[-1].reshape("N", 1, H)).sum(axis=2))
        context = (memory * share.reshape("N", len(xs), 1)).sum(axis=1)
        (y,), states = tl.unroll(cell, [context], states)
        ys.append(y)
    return ys, states


ALL = (layer, chained, backwards, both_ways, adding, decoder, echo, attending)
LOOPS = {f.__name__: f for f in ALL}


def asked(ask, found):
    """All results of the last loop, its last, its states, all loops' results, or one loss."""
    ys, states = found[-1]
    if ask == "every loop":
        return [y for ys, _ in found[1:] for y in ys]
    if ask == "loss":
        return [(tl.stacked(ys) ** 2.0).mean()]
    return {"all": [*ys, *states], "last": ys[-1:], "states": [*states]}[ask]


def several(choose):
    """`SeveralLoops`; `choose` takes one of a sequence."""
    return SeveralLoops(
        loops=tuple(
            (choose(tuple(LOOPS)), choose(CELLS), choose(LENGTHS)) for _ in range(choose((2, 1, 3)))
        ),
        T=choose(LENGTHS),
        ask=choose(("all", "last", "states", "every loop", "loss")),
        seeded=choose(("all", "last", "some")),
        rows=choose((2, 1)),
    )


@st.composite
def several_loops(draw):
    """Strategy for `SeveralLoops`."""
    return several(lambda options: draw(st.sampled_from(options)))


def several_loops_by(number):
    """The number-th `SeveralLoops`, without Hypothesis."""
    return several(random.Random(number).choice)
