"""Whose calls are whose: in a plan that is one program, or one of several in segments of time."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from .schedule import Unit

if TYPE_CHECKING:
    from .emit import Call
    from .variant import Variant


def owners(variant: Variant) -> list[Unit | None]:
    """For each call its unit; None for what passes between segments."""
    if len(variant.parts) == 1:
        return list(variant.parts[0].emitter.owners)
    known: dict[int, Unit] = {}
    for part in variant.parts:
        gather = part.emitter.device.gather
        for unit, (f, args) in zip(part.emitter.owners, part.emitter.calls):
            known[id(args)] = unit
            if f == gather:  # each segment gathers other arrays to the same place
                known[id(args[-1])] = unit
    return [known.get(id(args)) or known.get(id(args[-1])) for _, args in variant.calls]


def calls_of(variant: Variant) -> dict[Unit | None, list[Call]]:
    """The calls of each unit, as often as they are made in a step."""
    found: dict[Unit | None, list[Call]] = {}
    for unit, call in zip(owners(variant), variant.calls):
        found.setdefault(unit, []).append(call)
    return found


def handed_over(variant: Variant) -> list[Any]:
    """The arrays, outside of the memory of every part, by which segments hand values over."""
    inside = {
        id(array)
        for part in variant.parts
        for array in (*part.emitter.memory.arrays.values(), *part.emitter.memory.extra)
    }
    found: dict[int, Any] = {}
    for _, args in calls_of(variant).get(None, []):
        for a in args:
            array = root(a) if hasattr(a, "nbytes") else None
            if array is not None and id(array) not in inside:
                found[id(array)] = array
    return list(found.values())


def root(array: Any) -> Any:
    """The array whose memory it is."""
    while getattr(array, "base", None) is not None:
        array = array.base
    return array
