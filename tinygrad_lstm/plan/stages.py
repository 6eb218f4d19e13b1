"""The plan as it becomes, pass by pass: counted, or compiled, with one more pass each time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from time import perf_counter
from typing import TYPE_CHECKING, Any

import numpy as np

from ..graph import Graph
from ..tensor import Tensor
from .belonging import handed_over, owners
from .costs import Cost, cost, memory_of
from .counting import counted, may_count, terms_of
from .schedule import Unit
from .variant import Variant

if TYPE_CHECKING:
    from .plan import Options

ROUNDS, ENOUGH = range(5, 100), 0.2
"""How many steps are measured, in so many seconds if it can be; the quickest counts, for the others
were only disturbed."""


@dataclass(frozen=True)
class Stage:
    """The plan with all passes up to this one.

    Attributes:
        name: of the last pass; empty for the graph as it is written.
        terms: array functions that are written down, those for all timesteps of a loop once.
        memory: bytes of all arrays.
        seconds: of one step, if it was measured.
    """

    name: str
    terms: int
    cost: Cost
    memory: int
    seconds: float | None = None

    @property
    def numbers(self) -> tuple:
        """What is equal if a pass found nothing to do."""
        return self.terms, self.cost, self.memory


def stage_of(name: str, variant: Variant) -> Stage:
    """The numbers of one variant."""
    terms = sum(terms_of(part.program) for part in variant.parts)
    memory = sum(memory_of(part.emitter.memory) for part in variant.parts)
    memory += sum(a.nbytes for a in handed_over(variant))
    return Stage(name, terms, cost(variant.calls, variant.emitter.device), memory)


def stages(
    graph: Graph, wrt: Mapping[str, Tensor], options: Options, variant: Variant, measure: bool
) -> Iterator[Stage]:
    """From no pass to all of them; the last one is `variant` itself."""
    passes = options.passes
    given = variant.arrived if measure else None
    before: Stage | None = None
    for k in range(len(passes) + 1):
        fewer, name = replace(options, passes=passes[:k]), passes[k - 1] if k else ""
        if given is None and k < len(passes) and may_count(fewer, variant):
            yield Stage(name, *counted(graph, wrt, fewer, variant))
            continue
        here = variant
        if k < len(passes):
            here = Variant(graph, wrt, fewer, variant.of_these_shapes(), variant.seeded)
        stage = stage_of(name, here)
        if given is not None:
            same = before if before and before.numbers == stage.numbers else None
            stage = replace(stage, seconds=same.seconds if same else time_of(here, *given))
        yield stage
        before = stage


def without_passes(
    graph: Graph, wrt: Mapping[str, Tensor], options: Options, variant: Variant
) -> Variant:
    """The plan as the graph is written; of a loop still one step stands for all."""
    fewer = replace(options, passes=("roles",))
    return Variant(graph, wrt, fewer, variant.of_these_shapes(), variant.seeded)


def time_of(variant: Variant, arrays: Sequence[Any], seeds: Sequence[Any]) -> float:
    """Seconds of a step: the quickest of some."""
    taken: list[float] = []
    while _is_short(taken):
        start = perf_counter()
        variant.run(arrays, seeds)
        variant.emitter.device.wait()
        taken.append(perf_counter() - start)
    return min(taken)


def time_by_unit(
    variant: Variant, arrays: Sequence[Any], seeds: Sequence[Any]
) -> dict[Unit | None, float]:
    """Seconds of each unit's calls in a step, made one by one with a clock between them."""
    rounds: list[float] = []
    quickest = np.full(len(variant.calls), np.inf)
    now = np.empty(len(variant.calls))
    wait = variant.emitter.device.wait
    while _is_short(rounds):
        variant.load(arrays, seeds)
        start = before = perf_counter()
        for k, (f, args) in enumerate(variant.calls):
            f(*args)
            wait()
            after = perf_counter()
            now[k] = after - before
            before = after
        rounds.append(before - start)
        np.minimum(quickest, now, out=quickest)
    found: dict[Unit | None, float] = {}
    for unit, seconds in zip(owners(variant), quickest.tolist()):
        found[unit] = found.get(unit, 0.0) + seconds
    return found


def _is_short(taken: Sequence[float]) -> bool:
    """Whether to measure once more."""
    return len(taken) < ROUNDS.start or (sum(taken) < ENOUGH and len(taken) < ROUNDS.stop)
