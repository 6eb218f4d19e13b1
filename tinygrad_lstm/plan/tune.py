"""Which arrangement of the products is the fastest here: measured, not guessed.

The same sum of products can be one product for each step with state and input beside each other, or
the input's share can be hoisted; the blocks of the gates can lie one after another or side by side;
and the weights can be cut into tiles or not.  Which wins depends on the sizes, and on the BLAS.
"""

from __future__ import annotations

import copy
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..settings import LOCAL, Setting
from .passes.tiles import Tiles

if TYPE_CHECKING:
    from .plan import Options
    from .variant import Variant

ROUNDS = 5
LEAST = 2e-3
"""Seconds that a turn takes at least, so that the clock can tell."""


def arrangements(options: Options) -> dict[str, Options]:
    """The ways in question by name, first the one that is taken without measuring."""
    hoisted = replace(options, passes=tuple(p for p in options.passes if p != "beside"))
    ways = {"beside": options, "hoisted": hoisted} if hoisted != options else {"hoisted": options}
    aside = {f"{name}, side by side": replace(o, side_by_side=True) for name, o in ways.items()}
    return ways | aside


def fastest(
    make: Callable[[Options], Variant], options: Options, arrays: Sequence[Any], asked: Sequence
) -> Variant:
    """The variant that took least CPU time for steps with these arrays, in turns.

    Its `tried` says what each way took, in seconds.  Random streams are as before.
    """
    ways = {name: make(way) for name, way in arrangements(options).items()}
    for name in [name for name, variant in ways.items() if _has_tiles(variant)]:
        way = arrangements(options)[name]
        whole = replace(way, passes=tuple(p for p in way.passes if p != "tiles"))
        ways[f"{name}, weights whole"] = make(whole)
    times: dict[str, list[float]] = {name: [] for name in ways}
    with Setting(streams=copy.deepcopy(LOCAL.streams)), np.errstate(all="ignore"):
        counts = {name: _steps(variant, arrays, asked) for name, variant in ways.items()}
        for _ in range(ROUNDS):
            for name, variant in ways.items():
                times[name].append(_time(variant, arrays, asked, counts[name]))
    tried = {name: statistics.median(rounds) for name, rounds in times.items()}
    best = ways[min(tried, key=tried.__getitem__)]
    best.tried = tried
    return best


def _has_tiles(variant: Variant) -> bool:
    return any(isinstance(unit, Tiles) for part in variant.parts for unit in part.emitter.owners)


def _steps(variant: Variant, arrays: Sequence[Any], asked: Sequence[bool]) -> int:
    """How many steps take long enough to be measured."""
    _time(variant, arrays, asked, 1)
    return max(1, int(LEAST / max(_time(variant, arrays, asked, 1), 1e-6)))


def _time(variant: Variant, arrays: Sequence[Any], asked: Sequence[bool], count: int) -> float:
    seeds = [y if wanted else None for y, wanted in zip(variant.outputs, asked)]
    seeds = [None if y is None else y.copy() for y in seeds]
    start = time.process_time()
    for _ in range(count):
        variant.run(arrays, seeds)
    return (time.process_time() - start) / count
