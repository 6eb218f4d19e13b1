r"""The derivative table, part 5: ops that move numbers and change none.

They come in pairs, each the other's derivative: Narrow and Embed, Concat and Narrow,
Stack and Select, Expand and Sum.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, ClassVar, SupportsIndex

from ..backend import zeros
from ..errors import ShapeError
from ..op import Op
from ..where import both, shape_text


def axis_of(axis: int, shape: tuple) -> int:
    """The axis counted from 0; ShapeError if there is no such axis."""
    if not isinstance(axis, SupportsIndex) or not -len(shape) <= axis < len(shape):
        raise ShapeError(f"axis {axis!r} does not exist in {{0}}: it has {len(shape)} axes")
    return int(axis) % len(shape)


@lru_cache(maxsize=4096)
def window(axis: int, ndim: int, start: int, length: int, step: int = 1) -> tuple:
    """The index that takes start, start + step, ... along one axis, all along the others."""
    stop = start + length * step
    axis %= ndim
    taken = slice(start, stop if stop >= 0 else None, step) if length else slice(0, 0)
    return (slice(None),) * axis + (taken,) + (slice(None),) * (ndim - axis - 1)


@dataclass(frozen=True, eq=False, repr=False)
class Narrow(Op):
    r"""$y = x_{[s : s+n]}$ along one axis, so $\bar x$ is $\bar y$ in a field of zeros.

    Counts from 0, as `torch.narrow`.  With a step it takes every step-th entry; a negative step
    goes backwards from `start`.
    """

    axis: int
    start: int
    length: int
    step: int = 1
    kind: ClassVar = "slice"

    @property
    def latex(self) -> str:  # type: ignore[override]
        by = f":{self.step}" if self.step != 1 else ""
        last = self.start + self.length * self.step
        return f"{{0:9}}[{self.start}:{last if last >= 0 else ''}{by}]"

    @property
    def numpy(self) -> str:  # type: ignore[override]
        lead = ":, " * self.axis if self.axis >= 0 else "..., "
        tail = ", :" * (-self.axis - 1)
        taken = self.latex.removeprefix("{0:9}[").removesuffix("]")
        return f"{{0}}[{lead}{taken}{tail}]"

    def forward(self, xp, x):
        return x[window(self.axis, x.ndim, self.start, self.length, self.step)]

    def vjp(self, g, y, x):
        return (lambda: _embed(self.axis, self.start, x.shape[self.axis], self.step)(g),)

    def add_vjp(self, total, g):
        # Without the field of zeros: T slices of one sequence cost T, not T squared.
        part = total[window(self.axis, total.ndim, self.start, self.length, self.step)]
        part += g

    def shape(self, x):
        axis = axis_of(self.axis, x)
        if self.length < 0:
            raise ShapeError(f"length {self.length} is negative; Narrow(axis, start, length)")
        last = self.start + (self.length - 1) * self.step
        size = x[axis]
        low, high = min(self.start, last), max(self.start, last) + 1
        if self.length and (low < 0 or (isinstance(size, int) and high > size)):
            unit = "columns" if len(x) == 2 and axis == 1 else f"entries of axis {axis},"
            raise ShapeError(
                f"{unit} {low}..{high} of {{0}} do not exist"
                "\n  did the layer before it make as many as you slice?"
            )
        return (*x[:axis], self.length, *x[axis + 1 :])


@dataclass(frozen=True, eq=False, repr=False)
class Embed(Op):
    r"""$y$ is $x$ in a field of zeros: the derivative of `Narrow`, as `Narrow` is its own."""

    axis: int
    start: int
    size: Any
    step: int = 1
    kind: ClassVar = "slice"
    numpy: ClassVar = (
        "np.moveaxis(np.moveaxis({0}, {axis}, -1) @ np.eye({op.size})"
        "[{op.start} :: {op.step}][:{length}], -1, {axis})"
    )
    lettered: ClassVar = ("size",)

    @property
    def latex(self) -> str:  # type: ignore[override]
        return f"\\operatorname{{{{embed}}}}_{{{{{self.start}}}}}({{0}})"

    def forward(self, xp, x):
        shape = list(x.shape)
        length, shape[self.axis] = shape[self.axis], self.size
        y = zeros(xp, tuple(shape), x)
        start = self.start if self.start >= 0 else self.start + self.size
        y[window(self.axis, x.ndim, start, length, self.step)] = x
        return y

    def vjp(self, g, y, x):
        if self.start < 0:  # from the end, as only a Select does
            return (Reshape(x.shape)(Select(self.axis, self.start)(g)),)
        return (Narrow(self.axis, self.start, x.shape[self.axis], self.step)(g),)

    def shape(self, x):
        axis = axis_of(self.axis, x)
        return (*x[:axis], self.size, *x[axis + 1 :])


_embed = lru_cache(maxsize=4096)(Embed)  # every timestep asks for the same few


@dataclass(frozen=True, eq=False, repr=False)
class Select(Op):
    r"""$y = x_k$ along one axis, which is gone; $\bar x$ is $\bar y$ at $k$ in a field of zeros."""

    axis: int
    index: int
    kind: ClassVar = "slice"
    numpy: ClassVar = "np.take({0}, {op.index}, axis={op.axis})"

    @property
    def latex(self) -> str:  # type: ignore[override]
        return f"{{0:9}}[{self.index}]"

    def forward(self, xp, x):
        return x[self._at(x)]

    def vjp(self, g, y, x):
        axis, size = self.axis % x.ndim, x.shape[self.axis]
        start = self.index + size if self.index < 0 and isinstance(size, int) else self.index
        kept = Reshape((*x.shape[:axis], 1, *x.shape[axis + 1 :]))
        return (lambda: Embed(axis, start, size)(kept(g)),)

    def add_vjp(self, total, g):
        part = total[(*self._at(total), ...)]  # as in Narrow; "..." keeps a 0-d part a view
        part += g

    def _at(self, x) -> tuple:
        axis = self.axis % x.ndim
        return (
            (slice(None),) * axis
            + (self.index % x.shape[axis],)
            + (slice(None),) * (x.ndim - axis - 1)
        )

    def shape(self, x):
        axis = axis_of(self.axis, x)
        if isinstance(x[axis], int) and not -x[axis] <= self.index < x[axis]:
            raise ShapeError(f"entry {self.index} of axis {axis} of {{0}} does not exist")
        return (*x[:axis], *x[axis + 1 :])


@dataclass(frozen=True, eq=False, repr=False)
class Concat(Op):
    r"""$y = [x_1 \mid x_2 \mid \dots]$ along one axis; each $\bar x_k$ is its part of $\bar y$."""

    axis: int = -1
    kind: ClassVar = "slice"
    numpy: ClassVar = "np.concatenate([{all:, }], axis={op.axis})"

    @property
    def latex(self) -> str:  # type: ignore[override]
        return "[{all: ; }]"

    def forward(self, xp, *xs):
        return xp.concat(xs, axis=self.axis)

    def vjp(self, g, y, *xs):
        parts, start = [], 0
        for x in xs:
            size = x.shape[self.axis]
            if not isinstance(size, int):
                raise ShapeError(
                    f"Concat: axis {self.axis} of {x.title} waits for data, so nobody knows yet "
                    "where its part begins; give its Input a number there"
                )
            parts.append(Narrow(self.axis, start, size)(g))
            start += size
        return tuple(parts)

    def shape(self, *xs):
        axis = axis_of(self.axis, xs[0])
        rest = {(*x[:axis], *x[axis + 1 :]) for x in xs}
        if len(rest) > 1 or len({len(x) for x in xs}) > 1:
            raise ShapeError(f"the inputs may differ in axis {axis} only, got {both(xs)}")
        sizes = [x[axis] for x in xs]
        whole = sum(sizes) if all(isinstance(n, int) for n in sizes) else "+".join(map(str, sizes))
        return (*xs[0][:axis], whole, *xs[0][axis + 1 :])


@dataclass(frozen=True, eq=False, repr=False)
class Stack(Op):
    r"""$y_k = x_k$ along a new axis; $\bar x_k$ is entry $k$ of $\bar y$."""

    axis: int = 0
    kind: ClassVar = "slice"
    numpy: ClassVar = "np.stack([{all:, }], axis={op.axis})"

    @property
    def latex(self) -> str:  # type: ignore[override]
        return r"\operatorname{{stack}}({all:, })"

    def forward(self, xp, *xs):
        return xp.stack(xs, axis=self.axis)

    def vjp(self, g, y, *xs):
        axis = self.axis % len(g.shape)
        return tuple(Select(axis, k)(g) for k in range(len(xs)))

    def shape(self, *xs):
        shape = super().shape(*xs)
        axis = axis_of(self.axis, (*shape, len(xs)))
        return (*shape[:axis], len(xs), *shape[axis:])


@dataclass(frozen=True, eq=False, repr=False)
class Reshape(Op):
    r"""The same numbers in another shape, $\bar x$ is $\bar y$ in the old one; a size may be -1."""

    to: tuple
    kind: ClassVar = "slice"
    latex: ClassVar = r"\operatorname{{reshape}}({0})"
    numpy: ClassVar = "np.reshape({0}, {op.to})"
    lettered: ClassVar = ("to",)

    def __post_init__(self) -> None:
        object.__setattr__(self, "to", tuple(self.to))

    def forward(self, xp, x):
        return xp.reshape(x, self.to)

    def vjp(self, g, y, x):
        return (Reshape(x.shape)(g),)

    def shape(self, x):
        if self.to.count(-1) > 1:
            raise ShapeError(f"only one size may be -1, got {shape_text(self.to)}")
        have, want = _volume(x), _volume(n for n in self.to if n != -1)
        if -1 not in self.to:
            if have != want:
                raise ShapeError(f"{{0}} has {_product(have)} entries, not {_product(want)}")
            return self.to
        if have[0] % want[0] if want[0] else have[0]:
            raise ShapeError(f"{{0}} has {_product(have)} entries, no multiple of {want[0]}")
        letters = list(have[1])
        for n in want[1]:
            if n not in letters:
                raise ShapeError(f"{n} is no axis of {{0}}")
            letters.remove(n)
        count = have[0] // want[0] if want[0] else 0
        missing = count if not letters else _product((count, tuple(letters)))
        return tuple(missing if n == -1 else n for n in self.to)


@dataclass(frozen=True, eq=False, repr=False)
class Permute(Op):
    r"""The axes of x in another order, so $\bar x$ is $\bar y$ with the order undone."""

    axes: tuple
    kind: ClassVar = "slice"
    latex: ClassVar = r"{0:base}^\top"
    numpy: ClassVar = "np.transpose({0}, {op.axes})"
    binds: ClassVar = 8

    def __post_init__(self) -> None:
        object.__setattr__(self, "axes", tuple(self.axes))

    def forward(self, xp, x):
        return xp.permute_dims(x, self._positive())

    def vjp(self, g, y, x):
        axes = self._positive()
        return (Permute(tuple(axes.index(k) for k in range(len(axes))))(g),)

    def shape(self, x):
        axes = tuple(axis_of(axis, x) for axis in self.axes)
        if sorted(axes) != list(range(len(x))):
            raise ShapeError(f"axes {self.axes} name not every axis of {{0}} once")
        return tuple(x[axis] for axis in axes)

    def _positive(self) -> tuple:
        return tuple(axis % len(self.axes) for axis in self.axes)


def _volume(shape) -> tuple[int, tuple]:
    """The product of the known sizes, and the letters that remain."""
    n, letters = 1, []
    for side in shape:
        if isinstance(side, str) and "+" not in side:
            factors = side.split("*")
            letters += [f for f in factors if not f.isdigit()]
            n *= math.prod(int(f) for f in factors if f.isdigit())
        elif isinstance(side, str):
            letters.append(side)
        else:
            n *= side
    return n, tuple(sorted(letters))


def _product(volume) -> Any:
    """(8, ("N",)) as 8*N, (1, ("N",)) as N, (8, ()) as 8."""
    n, letters = volume
    return "*".join([str(n)] * (n != 1) + list(letters)) if letters else n
