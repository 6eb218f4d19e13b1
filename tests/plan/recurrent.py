"""Random recurrent networks: a random body, a way of looping, of feeding and of asking."""

from __future__ import annotations

import random
from dataclasses import dataclass, replace

import numpy as np
from hypothesis import strategies as st

import tinygrad_lstm as tl
from tests.plan.feeding import D, H, Inputs
from tests.plan.programs import Bank, drawn, run

CLASSES = 5
LOOPS = ("python", "call", "unroll", "through_time")
FEEDS = ("apart", "slices", "columns", "constant", "rows", "previous")
STARTS = ("given", "zero", "learned")
ASKS = ("all", "last", "few", "state", "some", "heads", "stacked", "mean", "weighted")
SECONDS = (None, "deeper", "backwards", "backwards alike", "decoder", "attention")


@dataclass(frozen=True)
class Recurrent:
    """A random network through time.

    Attributes:
        states: how many; none makes every step independent of the others.
        swap: by how many places the states move round at every step.
        mix: how each new state takes in the old one.
        late: whether state 0 is read two steps after it was made.
        skip: whether state 0 is renewed at every second step only.
        varied: whether a constant in the step depends on t.
        cut: after how many steps the states are detached; 0 for never.
        second: what another loop does with the results of the first.
    """

    program: tuple
    T: int = 3
    rows: int = 3
    lettered: bool = True
    states: int = 2
    swap: int = 0
    mix: tuple = (0, 1, 2)
    loop: str = "python"
    feed: str = "apart"
    start: str = "given"
    ask: str = "all"
    second: str | None = None
    late: bool = False
    skip: bool = False
    varied: bool = False
    cut: int = 0
    dropout: bool = False
    seed: int = 0

    def case(self):
        """The graph, all its leaves asked about."""
        inputs = Inputs(self)
        first = Loop(self, Bank(self.seed))
        xs = inputs.sequence(first.bank)
        ys, states = first.over(xs, inputs.start("s", first.bank))
        if self.second is not None:
            ys, states = second_loop(self, first, inputs, xs, ys, states)
        return inputs.case(asked(self, first.bank, inputs, ys, states))


class Loop:
    """One body with its parameters, applied at every timestep."""

    def __init__(self, spec, bank):
        self.spec, self.bank, self.cell = spec, bank, None

    def over(self, xs, states):
        """The outputs y_1 ... y_T and the states after the last step."""
        spec = self.spec
        if spec.states and spec.loop in ("unroll", "through_time"):
            return self._by_the_library(xs, states)
        ys, states, older = [], list(states), list(states)
        for t, x in enumerate(xs):
            if spec.feed == "previous" and ys:
                x = self.bank.linear(ys[-1], D)
            read = [older[0], *states[1:]] if spec.late and states else states
            y, *new = self._step(x, read, t)
            if spec.skip and new and t % 2:
                new[0] = states[0]
            if spec.cut and (t + 1) % spec.cut == 0:
                new = [tl.Detach()(s) for s in new]
            older, states = states, new
            ys.append(y)
        return ys, states

    def _by_the_library(self, xs, states):
        cell = self._cell(xs[0], states)
        if self.spec.loop == "unroll":
            return tl.unroll(cell, xs, states)
        both = tl.through_time(cell, len(xs))(*xs, *states)
        return list(both[: len(xs)]), both[len(xs) :]

    def _step(self, x, states, t):
        if self.spec.loop == "python":
            return self.body(x, states, t)
        return self._cell(x, states)(x, *states)

    def _cell(self, x, states):
        """The body as a graph, built once; for the library its last state is its output."""
        if self.cell is None:
            read = [tl.Input("x", "N", x.shape[-1])]
            read += [tl.Input(f"s{k}", "N", H) for k in range(len(states))]
            y, *new = self.body(read[0], read[1:], 0)
            outputs = new if self.spec.loop in ("unroll", "through_time") and new else [y, *new]
            self.cell = tl.Graph(read, outputs)
        return self.cell

    def body(self, x, states, t):
        """y and the new states; x and every state are read."""
        spec, bank = self.spec, self.bank
        values = run(spec.program, bank, [*states, x])
        y = bank.fitted(values[-1], tl.Tensor(np.zeros((1, H)))) + bank.linear(x, H)
        y = tl.Dropout(0.3)(y) if spec.dropout else y
        y = y * (1 - t / 16) if spec.varied else y
        new = []
        for k in range(len(states)):
            s = states[(k + spec.swap) % len(states)]
            last = k == len(states) - 1
            v = y if last else bank.fitted(values[-1 - k % len(values)], s)
            new.append(mixed(spec.mix[k], s, v))
        return [tl.tanh(y), *new]


def mixed(how, s, v):
    """A new state of bounded size from the old one and a value."""
    if how == 0:
        return tl.tanh(v + s)
    return 0.6 * s + 0.4 * tl.tanh(v) if how == 1 else tl.sigmoid(v) * s + 0.1 * tl.sin(v)


def second_loop(spec, first, inputs, xs, ys, states):
    """A second layer, the sequence backwards, or a decoder that may attend to the first loop."""
    alike = spec.second == "backwards alike"
    loop = Loop(replace(spec, feed="apart"), first.bank if alike else Bank(spec.seed + 1))
    if spec.second == "deeper":
        return loop.over(ys, inputs.start("r", loop.bank))
    if spec.second.startswith("backwards"):
        back, ends = loop.over(xs[::-1], inputs.start("r", loop.bank))
        return [tl.concat([y, z], axis=1) for y, z in zip(ys, back[::-1])], [*states, *ends]
    if spec.second == "decoder":
        return loop.over([ys[-1]] * 2, states)
    memory, outputs = tl.stacked(ys, axis=1), []
    for _ in range(2):
        query = (outputs or ys)[-1]
        scores = (memory * query.reshape(inputs.N, 1, H)).sum(axis=2)
        share = tl.softmax(scores).reshape(inputs.N, len(ys), 1)
        more, states = loop.over([(memory * share).sum(axis=1)], states)
        outputs += more
    return outputs, states


def asked(spec, bank, inputs, ys, states):
    """The outputs: steps, states, or one loss over some steps."""
    few = {"last": ys[-1:], "few": ys[::3], "state": [ys[-1], *states[:1]]}
    if spec.ask in few:
        return few[spec.ask]
    if spec.ask in ("all", "some"):
        return [*ys, *states]
    if spec.ask == "mean":
        return [(tl.stacked(ys).mean(axis=0) ** 2.0).mean()]
    if spec.ask == "weighted":
        return [sum(((y * y).sum() * (0.5 + t / 8) for t, y in enumerate(ys)), start=0.0)]
    classes = inputs.whole("classes", CLASSES, len(ys), inputs.N)
    if spec.ask == "stacked":
        return [tl.cross_entropy(bank.linear(tl.stacked(ys), CLASSES), classes)]
    losses = [tl.cross_entropy(bank.linear(y, CLASSES), classes[t]) for t, y in enumerate(ys)]
    return [sum(losses[1:], start=losses[0]) / len(ys), ys[0]]


def recurrent(choose):
    """A `Recurrent` network; `choose` takes one of a sequence."""
    return Recurrent(
        program=drawn(choose, range(7)),
        T=choose((3, 1, 2, 7)),
        rows=choose((3, 1)),
        lettered=choose((True, False)),
        states=choose((1, 2, 3, 0)),
        swap=choose((0, 0, 1, 2)),
        mix=tuple(choose((0, 1, 2)) for _ in range(3)),
        loop=choose(LOOPS),
        feed=choose(FEEDS),
        start=choose(STARTS),
        ask=choose(ASKS),
        second=choose((None, *SECONDS)),
        late=choose((False, False, True)),
        skip=choose((False, False, True)),
        varied=choose((False, False, True)),
        cut=choose((0, 0, 2, 3)),
        dropout=choose((False, False, False, True)),
    )


@st.composite
def recurrent_graphs(draw):
    """Strategy for `Recurrent`."""
    return recurrent(lambda options: draw(st.sampled_from(options)))


def recurrent_graph(number):
    """The number-th `Recurrent` network, without Hypothesis."""
    return recurrent(random.Random(number).choice)
