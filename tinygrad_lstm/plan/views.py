"""Views as Python writes them: which part of an array another is, also when it moves in a loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

Scope = Mapping[str, Sequence[int]]
"""The variables of a loop with their values, iteration by iteration."""


@dataclass(frozen=True)
class Run:
    """One axis of a view: axes first ... last of the array, every step-th entry of the first.

    If there are several axes, all of the later ones are taken, and they are joined into one.
    """

    first: int
    last: int
    step: int


@dataclass(frozen=True)
class Cut:
    """A view taken apart: where it starts along each axis of the array, and how long it is there.

    Attributes:
        runs: for each axis of the view its run; None for one of size 1, or that repeats itself.
        lengths: of the runs, along their first axes.
    """

    starts: tuple[int, ...]
    runs: tuple[Run | None, ...]
    lengths: tuple[int, ...]


def cut_of(whole: Any, view: Any, offset: int) -> Cut | None:
    """How `view`, `offset` bytes behind the start of `whole`, is cut out; None if by no index."""
    starts = tuple(offset // s % n if n > 1 else 0 for n, s in zip(whole.shape, whole.strides))
    if sum(k * s for k, s in zip(starts, whole.strides)) != offset:
        return None
    runs: list[Run | None] = []
    lengths = []
    for n, stride in zip(view.shape, view.strides):
        if n == 1 or stride == 0:
            runs.append(None)
            lengths.append(1)
            continue
        found = _run(whole, n, stride)
        if found is None or any(starts[found[0].first + 1 : found[0].last + 1]):
            return None
        run, length = found
        end = starts[run.first] + run.step * (length - 1)
        if not 0 <= end < whole.shape[run.first]:
            return None
        runs.append(run)
        lengths.append(length)
    taken = [axis for run in runs if run for axis in range(run.first, run.last + 1)]
    return Cut(starts, tuple(runs), tuple(lengths)) if len(set(taken)) == len(taken) else None


def _run(whole: Any, n: int, stride: int) -> tuple[Run, int] | None:
    """Along which axes n entries lie that are `stride` bytes apart."""
    fitting = (k for k, s in enumerate(whole.strides) if whole.shape[k] > 1 and stride % s == 0)
    last = next(fitting, None)
    if last is None:
        return None
    step = stride // whole.strides[last]
    if abs(step) * (n - 1) < whole.shape[last]:
        return Run(last, last, step), n
    first, inner = last, whole.shape[last]
    while step == 1 and first > 0 and n % inner == 0:
        first -= 1
        if n // inner <= whole.shape[first]:
            return Run(first, last, 1), n // inner
        inner *= whole.shape[first]
    return None


def number(values: Sequence[int], scope: Scope) -> str | None:
    """The values as a term in the variables of a loop: 3, t, t + 1, 9 - t, t % 2, t - lo."""
    first = values[0]
    if all(v == first for v in values):
        return str(first)
    for name, at in scope.items():
        if all(v - a == first - at[0] for v, a in zip(values, at)):
            return _plus(name, first - at[0])
        if all(v + a == first + at[0] for v, a in zip(values, at)):
            return f"{first + at[0]} - {name}"
        shift = (first - at[0]) % 2
        if all(v == (a + shift) % 2 for v, a in zip(values, at)):
            return f"({name} + 1) % 2" if shift else f"{name} % 2"
    for name, at in scope.items():
        for other, by in scope.items():
            for sign, joined in ((1, f"{name} - {other}"), (-1, f"{name} + {other}")):
                constant = first - at[0] + sign * by[0]
                if all(v - a + sign * b == constant for v, a, b in zip(values, at, by)):
                    return _plus(joined, constant)
    return None


def _plus(name: str, constant: int) -> str:
    return name if not constant else f"{name} {'+' if constant > 0 else '-'} {abs(constant)}"


def spelled(
    name: str, whole: Any, views: Sequence[Any], offsets: Sequence[int], scope: Scope
) -> str | None:
    """The views of one array, one for each iteration of a loop, as one expression."""
    text = _spelled(name, whole, views, offsets, scope)
    if text is None:
        shape = _finer(whole, views[0])
        if shape != whole.shape:
            finer = whole.reshape(shape)
            head = f"{name}.reshape({', '.join(map(str, shape))})"
            text = _spelled(head, finer, views, offsets, scope)
    if text is None and len(set(offsets)) == 1 and len({v.shape for v in views}) == 1:
        view, start = views[0], f"{name}.reshape(-1)[{offsets[0] // whole.itemsize}:]"
        text = f"np.lib.stride_tricks.as_strided({start}, {view.shape}, {view.strides})"
    return text


def _finer(whole: Any, view: Any) -> tuple[int, ...]:
    """The shape of the array with axes split where the view steps over several entries."""
    shape: list[int] = []
    for n, stride in zip(whole.shape, whole.strides):
        steps = {s // stride for s in view.strides if s > 0 and s % stride == 0}
        size = max((q for q in steps if 1 < q < n and n % q == 0), default=1)
        shape += [n // size, size] if size > 1 else [n]
    return tuple(shape)


def _spelled(
    name: str, whole: Any, views: Sequence[Any], offsets: Sequence[int], scope: Scope
) -> str | None:
    found = [cut_of(whole, view, offset) for view, offset in zip(views, offsets)]
    cuts = _alike([cut for cut in found if cut is not None])
    if len(cuts) < len(views):
        return None
    first = cuts[0]
    if any(cut.runs != first.runs for cut in cuts):
        return None
    index = _index(whole, cuts, scope)
    if index is None:
        return None
    text = name + (f"[{', '.join(index)}]" if index else "")
    return _shaped(text, whole, views, first)


def _alike(cuts: Sequence[Cut]) -> list[Cut]:
    """The cuts, with one entry along an axis as a run where that of another cut has several."""
    longest = max(cuts, key=lambda cut: sum(cut.lengths), default=None)
    if longest is None:
        return []

    def runs(cut: Cut) -> tuple[Run | None, ...]:
        pairs = zip(cut.runs, longest.runs)
        return tuple(there if one is None and _is_single(there) else one for one, there in pairs)

    return [replace(cut, runs=runs(cut)) for cut in cuts]


def _is_single(run: Run | None) -> bool:
    return run is not None and run.first == run.last


def _index(whole: Any, cuts: Sequence[Cut], scope: Scope) -> list[str] | None:
    runs = {run.first: k for k, run in enumerate(cuts[0].runs) if run}
    inner = {a for run in cuts[0].runs if run for a in range(run.first + 1, run.last + 1)}
    index: list[str | None] = []
    for axis, size in enumerate(whole.shape):
        starts = [cut.starts[axis] for cut in cuts]
        if axis in inner:
            index.append(":")
        elif axis not in runs:
            index.append(number(starts, scope))
        else:
            k = runs[axis]
            step = cuts[0].runs[k].step  # type: ignore[union-attr]
            index.append(_slice(starts, [cut.lengths[k] for cut in cuts], step, size, scope))
    if any(part is None for part in index):
        return None
    whole_numbers = index and not runs
    while index and index[-1] == ":":
        index.pop()
    return [*index, "..."] if whole_numbers else index  # type: ignore[return-value]


def _slice(
    starts: Sequence[int], lengths: Sequence[int], step: int, size: int, scope: Scope
) -> str | None:
    stops = [start + length * step for start, length in zip(starts, lengths)]
    if step == 1 and not any(starts) and all(stop == size for stop in stops):
        return ":"
    start = number(starts, scope)
    stop = "" if all(s < 0 for s in stops) else number(stops, scope)
    if start is None or stop is None:
        return None
    start = "" if start == "0" and step > 0 else start
    stop = "" if stop == str(size) else stop
    return f"{start}:{stop}" + (f":{step}" if step != 1 else "")


def _shaped(text: str, whole: Any, views: Sequence[Any], cut: Cut) -> str | None:
    """The indexed array with joined axes, in the order of the view's axes, and repeated."""
    view = views[0]
    there = [k for k, run in enumerate(cut.runs) if run]
    order = sorted(there, key=lambda k: cut.runs[k].first)  # type: ignore[union-attr]
    varies = [len({v.shape[k] for v in views}) > 1 for k in range(view.ndim)]
    joined = any(run and run.last > run.first for run in cut.runs)
    sizes = [
        "-1" if varies[k] else str(view.shape[k] if cut.runs[k] else 1) for k in range(view.ndim)
    ]
    if order == there:
        if joined or len(there) < view.ndim:
            text += f".reshape({', '.join(sizes)})"
    else:
        if joined:
            text += f".reshape({', '.join(sizes[k] for k in order)})"
        places = [order.index(k) for k in there]
        text += ".T" if places == [1, 0] else f".transpose({', '.join(map(str, places))})"
        if len(there) < view.ndim:
            text += f".reshape({', '.join(sizes)})"
    if all(cut.runs[k] or n == 1 for k, n in enumerate(view.shape)):
        return text
    return None if any(varies) else f"np.broadcast_to({text}, {view.shape})"
