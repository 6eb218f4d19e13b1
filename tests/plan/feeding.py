"""The inputs of a network through time, and the numbers that they are fed."""

import numpy as np

import tinygrad_lstm as tl
from tests.plan.comparing import Case
from tests.plan.programs import draws
from tinygrad_lstm.steps import below

D, H = 3, 4


class Inputs:
    """The inputs of one network, made when they are first asked for, and what they are fed."""

    def __init__(self, spec):
        self.spec, self.nodes, self.arrays = spec, {}, {}
        self.N = "N" if spec.lettered else spec.rows

    def input(self, name, *shape):
        """A real input."""
        numbers = draws([self.spec.seed, len(self.nodes)], *self._sizes(shape))
        return self._add(name, shape, numbers)

    def whole(self, name, count, *shape):
        """An input of row or class numbers, some of them several times."""
        numbers = np.arange(np.prod(self._sizes(shape), dtype=int)).reshape(self._sizes(shape))
        return self._add(name, shape, (numbers * 3 + numbers // 2) % count)

    def _add(self, name, shape, numbers):
        self.nodes[name] = tl.Input(name, *shape)
        self.arrays[name] = numbers
        return self.nodes[name]

    def _sizes(self, shape):
        return [self.spec.rows if n == "N" else n for n in shape]

    def sequence(self, bank):
        """x_1 ... x_T; "previous" has one x, for the loop itself makes the others."""
        T, N, feed = self.spec.T, self.N, self.spec.feed
        if feed == "apart":
            return [self.input(f"x_{t}", N, D) for t in range(1, T + 1)]
        if feed == "slices":
            X = self.input("X", T, N, D)
            return [X[t] for t in range(T)]
        if feed == "columns":
            X = self.input("X", N, T, D)
            return [X[:, t] for t in range(T)]
        if feed == "rows":
            ids, table = self.whole("ids", 4, T, N), bank.parameter("table", 4, D)
            return [tl.lookup(table, ids[t]) for t in range(T)]
        return [self.input("x", N, D)] * T

    def start(self, name, bank):
        """The states before the first step."""
        how, shape = self.spec.start, (self.N, H)
        if how == "given":
            return [self.input(f"{name}{k}", *shape) for k in range(self.spec.states)]
        row = bank.parameter("start", 1, H) if how == "learned" else tl.Tensor(np.zeros((1, H)))
        return [tl.Expand(shape)(row) for _ in range(self.spec.states)]

    def case(self, outputs):
        """The graph of those outputs that read an input, with its arrays and seeds."""
        fed = set(self.nodes.values())
        outputs = [y for y in outputs if not fed.isdisjoint(below([y]))]
        read = set(below(outputs))
        names = [name for name, node in self.nodes.items() if node in read]
        graph = tl.Graph([self.nodes[name] for name in names], outputs)
        arrays = [self.arrays[name] for name in names]
        if len(outputs) == 1 and outputs[0].shape == ():
            return Case(graph, arrays).about_everything()
        values = graph.forward(*arrays)
        seeds = [draws([self.spec.seed, 50 + k], *y.shape) for k, y in enumerate(values)]
        if self.spec.ask == "some":
            seeds[1::2] = [None] * len(seeds[1::2])
        return Case(graph, arrays, seeds).about_everything()
