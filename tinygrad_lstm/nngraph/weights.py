"""What a tree of modules has in common: weights and their gradients, modes, clones."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import numpy as np

from ..backend import namespace
from ..errors import GraphError
from ..tensor import Parameter


class Weight(Parameter):
    """A parameter whose gradients add up in `total` until `zeroGradParameters()`."""

    __slots__ = ("total",)

    def __init__(self, data: Any, name: str, total: Any = None) -> None:
        super().__init__(data, name=name)
        self.total = self.data * 0 if total is None else total

    def cloned(self, name: str, shared: Sequence[str]) -> Weight:
        """This weight with memory of its own, but for what is shared: `name`, `gradName`."""
        gradient = gradient_name(name) in shared
        if name in shared and gradient:
            return self
        data = self.data if name in shared else self.data * 1
        return Weight(data, self.name or name, self.total if gradient else self.total * 1)


def gradient_name(name: str) -> str:
    """'weight' -> 'gradWeight'"""
    return f"grad{name[0].upper()}{name[1:]}"


class Owner:
    """A tree of modules and what it owns.

    Attributes:
        modules: those inside, in forward order.
        train: whether Dropout drops; that of the module which is run holds for all inside.
    """

    weights: tuple[str, ...] = ()
    """The attributes that hold a `Weight`, or None."""

    def __init__(self) -> None:
        self.modules: list[Any] = []
        self.train = True
        self._forget()

    def _forget(self) -> None:
        """Drop what a changed module can no longer use: its graph, and the last run."""
        self._fg: Any = None
        self.output: Any = None
        self.gradInput: Any = None
        self._walked = False

    def __getattr__(self, name: str) -> Any:
        """`gradWeight` and `gradBias`: the gradients that have accumulated."""
        for weight in type(self).weights:
            if name == gradient_name(weight):
                return getattr(getattr(self, weight), "total", None)
        raise AttributeError(f"{type(self).__name__} has no attribute {name!r}")

    def each_weight(self) -> list[Weight]:
        """Every weight once, in forward order."""
        return list(dict.fromkeys(self._all_weights()))

    def _all_weights(self) -> Iterator[Weight]:
        yield from (w for name in self.weights if (w := getattr(self, name)) is not None)
        for module in self.modules:
            yield from module._all_weights()

    def name_weights(self, name: str | None) -> None:
        """W and b of a node named "i2h" become W_i2h and b_i2h."""
        for attribute in self.weights:
            w = getattr(self, attribute)
            if name and w is not None and len(w.name) == 1:
                w.name = f"{w.name}_{name}"

    def precision(self) -> Any:
        """That of the weights; None if there are none."""
        return next((w.data.dtype for w in self._all_weights()), None)

    def parameters(self) -> tuple[list[Any], list[Any]]:
        """The arrays of all weights, and of their accumulated gradients; a shared one once."""
        kept = {id(w.data): w for w in self.each_weight()}.values()
        return [w.data for w in kept], [w.total for w in kept]

    def getParameters(self) -> tuple[Any, Any]:
        """All weights as one flat array and all gradients as another; the modules keep views."""
        return self._flattened("data"), self._flattened("total")

    def _flattened(self, role: str) -> Any:
        arrays = {id(a): a for w in self.each_weight() for a in [getattr(w, role)]}
        if not arrays:
            return np.zeros(0)
        xp = namespace(next(iter(arrays.values())))
        flat = xp.concat([xp.reshape(a, (-1,)) for a in arrays.values()])
        views, start = {}, 0
        for key, a in arrays.items():
            views[key] = flat[start : start + a.size].reshape(a.shape)
            start += a.size
        for w in self.each_weight():
            setattr(w, role, views[id(getattr(w, role))])
        return flat

    def zeroGradParameters(self) -> None:
        for w in self.each_weight():
            w.total[...] = 0

    def updateParameters(self, learningRate: float) -> None:
        """One step of gradient descent, w - learningRate * gradW, in place: clones see it too."""
        for w in self.each_weight():
            w.data -= learningRate * w.total

    def training(self) -> Any:
        return self._switched(True)

    def evaluate(self) -> Any:
        return self._switched(False)

    def _switched(self, train: bool) -> Any:
        self.train = train
        for module in self.modules:
            module._switched(train)
        return self

    def clone(self, *shared: str) -> Any:
        """A copy that shares the tensors named: 'weight', 'bias', 'gradWeight', 'gradBias'."""
        return self.copied({}, shared)

    def copied(self, memo: dict[Any, Any], shared: Sequence[str]) -> Any:
        """This module's clone; modules and weights that occur twice are cloned once."""
        if self not in memo:
            twin = memo[self] = copy.copy(self)
            twin._forget()
            twin.modules = [m.copied(memo, shared) for m in self.modules]
            for name in self.weights:
                w = getattr(self, name)
                if w is not None and w not in memo:
                    memo[w] = w.cloned(name, shared)
                setattr(twin, name, memo.get(w))
        return memo[self]

    def replace(self, change: Callable[[Any], Any]) -> Any:
        """Put change(module) in the place of every module, the innermost first."""
        self.modules = [m.replace(change) for m in self.modules]
        self._forget()
        return change(self)

    def map(self, other: Any, visit: Callable[[Any, Any], Any]) -> None:
        """visit(mine, theirs) for every pair of modules of two nets of equal structure."""
        if len(self.modules) != len(other.modules):
            counts = f"{len(self.modules)} and {len(other.modules)} modules"
            raise GraphError(f"map: the two nets differ in structure: {counts}")
        visit(self, other)
        for mine, theirs in zip(self.modules, other.modules):
            mine.map(theirs, visit)
