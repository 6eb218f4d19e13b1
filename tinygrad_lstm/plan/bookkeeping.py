"""Reads the storage of a plan: which arrays there are, what lies in them, and what they are for."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from .accounts import GIVEN, HANDED, KEPT, OTHERS, OUTPUTS, PASSING, WEIGHTS, Account, MemoryReport
from .belonging import handed_over, root
from .names import PIECE, Names, adjoined, memory_of
from .schedule import Region, Schedule
from .segments import times_of
from .terms import Term

if TYPE_CHECKING:
    from ..graph import Graph
    from .buffers import Buffer
    from .lower import Lowered
    from .program import Program
    from .variant import Variant

GIVEN_BY = ("input", "inputs", "seed", "seeds", "leaf", "draw", "given")


def memory_report(graph: Graph, variant: Variant) -> MemoryReport:
    """Read the storage of a plan, part by part."""
    times = times_of(variant.program) if len(variant.parts) > 1 else []
    T = max(times, default=0)
    accounts: list[Account] = []
    loops: list[tuple[int, int, str]] = []
    at = 0
    for part in variant.parts:
        there, places = _loops(part.emitter.plan, at)
        names = Names(graph, variant, part)
        accounts += _accounts(part, names, at, places, T)
        loops += there
        at += places
    accounts += _handed_over(variant, at, times)
    carries = (c for c in variant.program.terms() if c.fn == "carry")
    state = max(carries, key=_size, default=None)
    return MemoryReport(
        sorted(accounts, key=lambda a: -a.bytes),
        loops,
        at,
        _size(state) if state is not None else 0,
        Names(graph, variant)[state] if state is not None else "",
        sum(a.nbytes for part in variant.parts for a in part.emitter.memory.extra),
    )


def _handed_over(variant: Variant, places: int, times: list[int]) -> Iterable[Account]:
    """What segments hand to each other: values of all timesteps, and everything else together."""
    asked = Counter[int]()
    for a in variant.outputs:
        asked[id(root(a))] += a.nbytes
    rest = []
    for array in handed_over(variant):
        T = array.shape[0] - 1 if array.ndim else 0
        if T not in times and id(array) not in asked:
            rest.append(array.nbytes)
            continue
        role = OUTPUTS if 2 * asked[id(array)] > array.nbytes else HANDED
        words = f"{'outputs' if role is OUTPUTS else 'values'} of all steps"
        slot, life = array.nbytes / (T if T in times else times[0]), ((0, places - 1),)
        yield Account(words, role, "full", array.shape, array.nbytes, slot, life)
    if rest:
        words = f"{len(rest)} arrays: states at the borders, sums so far, streams of one segment"
        yield Account(
            words, HANDED, "once", (), sum(rest), sum(rest) / times[0], ((0, places - 1),)
        )


def _accounts(part: Lowered, names: Names, at: int, places: int, T: int) -> Iterable[Account]:
    """The arrays of a part, whose places begin at `at`; of T timesteps in segments."""
    memory, storage = part.emitter.memory, part.emitter.memory.storage
    within: dict[Buffer, list[Term]] = {}
    sharing: dict[Buffer, list[Buffer]] = {}
    for x, (buffer, _) in storage.place.items():
        within.setdefault(buffer, []).append(x)
    for buffer in sorted(within, key=lambda b: b.born):
        sharing.setdefault(buffer.memory or buffer, []).append(buffer)
    roles = _Roles(part.program, whole=not T)
    for base, buffers in sharing.items():
        array = memory.arrays.get(base)
        if array is None:  # an input that is put down where a carry starts
            continue
        terms = sorted((x for b in buffers for x in within[b]), key=lambda x: x.born)
        lives = (_life(b, within[b], roles.roots, places) for b in buffers)
        whole = Account(
            _contents(terms, names),
            roles.of(base, terms),
            base.kind,
            array.shape,
            array.nbytes,
            array.nbytes / (T or _slots(base)) if base.kind == "full" else 0,
            tuple((first + at, last + at) for first, last in lives),
        )
        yield from _in_columns(whole, base, roles, names) if base.columns else (whole,)


def _in_columns(whole: Account, buffer: Buffer, roles: _Roles, names: Names) -> Iterable[Account]:
    """What lies side by side in the rows of one array, each for itself; what is left are ones."""

    def share(name: str, role: str, width: int, beside: Iterable[str]) -> Account:
        return replace(
            whole,
            names=f"{name}, beside {', '.join(beside)}",
            role=role,
            shape=(*whole.shape[:-1], width),
            bytes=whole.bytes * width // whole.shape[-1],
            slot=whole.slot * width / whole.shape[-1],
        )

    parts = {x: at for x, at in buffer.columns.items() if x is not buffer.term}
    called = {x: _contents([x], names) for x in parts}
    for x, (start, stop, _) in parts.items():
        others = [name for y, name in called.items() if y is not x]
        yield share(called[x], roles.of(buffer, [x]), stop - start, others or ["1"])
    ones = whole.shape[-1] - sum(stop - start for start, stop, _ in parts.values())
    if ones:
        yield share("1", KEPT, ones, called.values())


def _contents(terms: Sequence[Term], names: Names) -> str:
    """The named values among the terms; if there is none, what the last of them is."""
    named = [name for name in map(names.own, terms) if name is not None]
    named.sort(key=lambda name: PIECE.fullmatch(name) is not None)  # nodes before parts of nodes
    return ", ".join(adjoined(named) if named else [names.describe(terms[-1])])


def _slots(buffer: Buffer) -> int:
    return buffer.term.steps + buffer.before + buffer.after


def _life(buffer: Buffer, terms: Iterable[Term], roots: set[Term], places: int) -> tuple[int, int]:
    """What is wanted from outside lives until the end, what is given from the beginning."""
    last = places - 1 if roots.intersection(terms) else max(buffer.born, buffer.dies)
    return max(buffer.born, 0), last


def _is_given(x: Term) -> bool:
    source = memory_of(x.args[0]) if x.fn == "copy" else x
    return source.fn in GIVEN_BY


def _size(x: Term) -> int:
    return x.size * x.dtype.itemsize


class _Roles:
    """What the arrays are for."""

    def __init__(self, program: Program, whole: bool) -> None:
        asked = Counter[Term]()
        for x, _ in program.outputs:
            asked[memory_of(x)] += x.size
        every = (x for x, size in asked.items() if size >= x.size * max(x.steps, 1))
        self.outputs = set(every if whole else ())
        self.gradients = {memory_of(x) for x, _ in program.grads.values()}
        self.roots = {*asked, *self.gradients}
        self.changing: set[Term] = set()
        for x in program.terms():
            if x.fn in GIVEN_BY or any(a in self.changing for a in x.args):
                self.changing.add(x)

    def of(self, buffer: Buffer, terms: Iterable[Term]) -> str:
        terms = set(terms)
        if all(map(_is_given, terms)):
            return GIVEN
        if buffer.kind in ("chunk", "step", "ring"):
            return PASSING
        if terms & self.outputs:
            return OUTPUTS
        if buffer.kind == "full":
            return KEPT
        return OTHERS if (terms - self.gradients) & self.changing else WEIGHTS


def _loops(plan: Schedule, first: int) -> tuple[list[tuple[int, int, str]], int]:
    """Where the loops stand among the places of the schedule, and how many places there are."""
    found, at = [], first
    for item in plan.items:
        if isinstance(item, Region):
            size = len(item.chunked) + len(item.steps)
            way = f"t = 1 ... {item.T}" if item.direction > 0 else f"t = {item.T} ... 1"
            found.append((at, at + size - 1, way))
            at += size
        else:
            at += 1
    return found, at - first
