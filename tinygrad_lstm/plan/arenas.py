"""The arrays of a plan by name, for its source: memory, scratch and constants."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backend import to_numpy
from .belonging import root
from .names import PIECE, Names, adjoined, identifier
from .terms import Term
from .views import Scope, number, spelled

if TYPE_CHECKING:
    from .device import Device
    from .emit import Call
    from .memory import Memory

NUMBERS = {0: "zero", 0.5: "halve", 1: "one", 2: "two"}
TAKEN = {
    "np",
    "inputs",
    "seeds",
    "weights",
    "leaves",
    "step",
    "outputs",
    "grads",
    "t",
    "lo",
    "hi",
    "k",
    "begin",
    "end",
    "given",
}


class Arenas:
    """Finds the array that a view belongs to, and how Python writes the view."""

    def __init__(self, device: Device, calls: Iterable[Call]) -> None:
        self._device = device
        self._arrays: dict[Any, tuple[str, Any]] = {}
        self._lines: list[str] = []
        self._constants: dict[Any, str] = {}
        self._taken = set(TAKEN)
        self._alike: Counter[str] = Counter()
        self._written = _written(device, calls)

    def hold(self, memory: Memory, names: Names) -> None:
        """Enter all arrays of a program."""
        held: dict[Any, list[Term]] = {}
        for x, (buffer, _) in sorted(memory.storage.place.items(), key=lambda pair: pair[0].born):
            held.setdefault(buffer.memory or buffer, []).append(x)
        for buffer, terms in held.items():
            if buffer in memory.arrays:
                self.add(memory.arrays[buffer], *_called(terms, names))
        for array in memory.extra:
            self.add(array, "scratch")

    def lines(self) -> list[str]:
        """The arrays as they are made."""
        return self._lines

    def add(self, array: Any, name: str, holds: str = "") -> str:
        """Enter an array; returns what it is called, for the name may be taken."""
        title = self._named(name)
        self._arrays[self._device.root(array)] = (title, array)
        dtype = _type(array.dtype)
        if holds:
            self._lines.append(f"# {holds}" if len(holds) < 97 else f"# {holds[:93]} ...")
        self._lines.append(f"{title} = np.zeros({array.shape}, {dtype})")
        return title

    def _named(self, name: str) -> str:
        """The name, with a number if it is taken."""
        title = name
        while title in self._taken:
            self._alike[name] += 1
            title = f"{name}_{self._alike[name] + 1}"
        self._taken.add(title)
        return title

    def spelled(self, views: Sequence[Any], scope: Scope) -> str | None:
        """The views of each iteration of a loop as one expression."""
        nothing, *others = {(view.shape, view.dtype) for view in views}
        if not others and not views[0].size:  # where nothing lies, nobody can tell whose it is
            return f"np.zeros({nothing[0]}, {_type(nothing[1])})"
        roots = [self._device.root(view) for view in views]
        whose = roots[0]
        if all(r not in self._arrays and r not in self._written for r in roots):
            return self._constants_of(views, scope)
        if any(other != whose for other in roots):
            return None
        if whose not in self._arrays:
            self.add(root(views[0]), "scratch")
        name, whole = self._arrays[whose]
        start = self._device.pointer(whole)
        offsets = [self._device.pointer(view) - start for view in views]
        return spelled(name, whole, views, offsets, scope)

    def _constants_of(self, views: Sequence[Any], scope: Scope) -> str | None:
        """One array for all of them, or, where a chunk of time is shorter, the first part of it."""
        longest = max(views, key=lambda v: v.shape[:1])
        if all(v is longest or _equal(v, longest) for v in views):
            return self._constant(longest)
        if not all(v.ndim and _equal(v, longest[: len(v)]) for v in views):
            return None
        stop = number([len(v) for v in views], scope)
        return None if stop is None else f"{self._constant(longest)}[:{stop}]"

    def _constant(self, array: Any) -> str:
        """A number, or an array that is only read, made before."""
        array = to_numpy(array)
        if array.ndim == 0:
            return f"{_type(array.dtype)}({literal(array.item())})"
        key = (array.shape, array.dtype, array.tobytes())
        dtype = _type(array.dtype)
        if key not in self._constants:
            values = array.reshape(-1)
            edges = np.flatnonzero(np.r_[True, values[1:] != values[:-1]]) if len(values) else []
            if len(edges) == 1:
                text = f"np.full({array.shape}, {literal(values[0].item())}, {dtype})"
            elif np.array_equal(values, np.arange(len(values))):
                text = f"np.arange({len(values)}, dtype={dtype}).reshape({array.shape})"
            else:
                counts = np.diff(np.r_[edges, len(values)]).tolist()
                numbers = f"np.array({values[edges].tolist()}, {dtype})"
                text = f"np.repeat({numbers}, {counts}).reshape({array.shape})"
            one = len(edges) == 1
            name = NUMBERS.get(values[0].item(), "constant") + "s" if one else "constants"
            self._constants[key] = self._named(name)
            self._lines.append(f"{self._constants[key]} = {text}")
        return self._constants[key]


def _called(terms: Sequence[Term], names: Names) -> tuple[str, str]:
    """A name for the array in which these lie, and all of theirs."""
    own = [name for name in map(names.own, terms) if name is not None]
    nodes = [n for n in own if not n.startswith("dL/d") and not PIECE.fullmatch(n)] or own
    if not nodes:
        return identifier(names.describe(terms[-1])), ""
    words = Counter(name.rsplit("_", 1)[-1] for name in dict.fromkeys(nodes) if "_" in name)
    word, count = words.most_common(1)[0] if words else ("", 0)
    several = len(set(nodes)) > 2 and count > 1 and count * 2 >= len(set(nodes))
    pair = dict.fromkeys(nodes) if len(set(nodes)) == 2 else nodes[:1]
    title = f"{word}s" if several else "_and_".join(map(identifier, pair))
    return title, ", ".join(adjoined(own)) if len(set(own)) > 1 else ""


def literal(value: Any) -> str:
    """A number, or a tuple of such, as Python reads it again."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    return repr(value)


def _equal(a: Any, b: Any) -> bool:
    a, b = to_numpy(a), to_numpy(b)
    return a.shape == b.shape and a.dtype == b.dtype and a.tobytes() == b.tobytes()


def _type(dtype: np.dtype) -> str:
    return "np.bool_" if dtype.kind == "b" else f"np.{dtype}"


def _written(device: Device, calls: Iterable[Call]) -> set[Any]:
    """The memory that some call writes to."""
    first = {device.copy: 0, device.fill: 0, device.call: 1, device.draw: 1}
    found = set()
    for f, args in calls:
        out = args[first.get(f, -1)]
        if isinstance(out, device.array):
            found.add(device.root(out))
    return found
