"""What compiling did to a graph, pass by pass, in words and numbers."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from ..blas import blas_facts, one_blas_thread
from ..settings import LOCAL, Setting
from .names import Names
from .outline import Part, outline
from .program import cores
from .stages import Stage, stages, time_by_unit
from .telling import html_of, text_of

if TYPE_CHECKING:
    from .plan import Plan
    from .variant import Variant


@dataclass(frozen=True)
class Explanation:
    """What `plan.explain()` found; printed in a terminal, a page of tables in a notebook.

    Attributes:
        title: what the plan is for.
        passes: their names.
        stages: the plan with no pass, with the first one, ... with all of them.
        loops: what repeats itself in the graph, in words.
        parts: when what is computed.
        runs_on: what products run on, and what makes the other calls.
    """

    title: str
    passes: Sequence[str]
    stages: Sequence[Stage] = ()
    loops: Sequence[str] = ()
    parts: Sequence[Part] = ()
    runs_on: str = ""

    def __str__(self) -> str:
        return text_of(self)

    __repr__ = __str__

    @property
    def html(self) -> str:
        """The same as tables for a page."""
        return html_of(self)

    def _repr_html_(self) -> str:
        return self.html


def explanation(plan: Plan, variant: Variant | None, measure: bool) -> Explanation:
    """Compile again pass by pass, and put together what can be said."""
    passes = plan.options.passes
    if variant is None:
        return Explanation(f"{title_of(plan, None)}.", passes)
    names = Names(plan.graph, variant)
    with _measuring(variant) if measure else nullcontext():
        seconds = time_by_unit(variant, *variant.arrived) if measure and variant.arrived else None
        found = list(stages(plan.graph, plan.wrt, plan.options, variant, measure))
        runs_on = _runs_on(variant)
    return Explanation(
        title_of(plan, variant),
        passes,
        found,
        _loops(variant, names),
        outline(plan.graph, variant, seconds),
        f"{'Times were measured' if measure else 'Products run'} on {runs_on}."
        f"{_by(variant)}{_tried(variant)}",
    )


def _tried(variant: Variant) -> str:
    if not variant.tried:
        return ""
    times = ", ".join(f"{name} {1e3 * s:.3g} ms" for name, s in variant.tried.items())
    best = min(variant.tried, key=variant.tried.__getitem__)
    return f" Arrangements of the products, measured: {times}; {best} was the fastest."


@contextmanager
def _measuring(variant: Variant) -> Iterator[None]:
    """One BLAS thread; random streams and what the last step gave are afterwards as before."""
    kept = [(a, a.copy()) for a in (*variant.outputs, *variant.grads.values())]
    with one_blas_thread(), Setting(streams=copy.deepcopy(LOCAL.streams)):
        yield
    for array, before in kept:
        array[...] = before


def title_of(plan: Plan, variant: Variant | None) -> str:
    """What the plan is of, for which arrays, and how many calls it makes."""
    if variant is None:
        return f"Plan of {_graph(plan)}: its shapes are not known yet"
    calls = f"{len(variant.calls):,} calls of array functions for a step"
    return f"Plan of {_graph(plan)} for {_arrays(plan, variant)}: {calls}"


def _graph(plan: Plan) -> str:
    made = sum(node.op is not None for node in plan.graph.nodes)
    return f"{plan.graph.name or 'a graph'} ({made:,} nodes)"


def _arrays(plan: Plan, variant: Variant) -> str:
    """The inputs with their shapes; of many that are alike the first and the last."""
    found = [
        (node.name or "an input", a)
        for node, a in zip(plan.graph.inputs, variant.of_these_shapes())
    ]
    groups: list[list] = []
    for name, a in found:
        if groups and groups[-1][1] == (a.shape, a.dtype):
            groups[-1][0].append(name)
        else:
            groups.append([[name], (a.shape, a.dtype)])
    told = []
    for names, (shape, dtype) in groups:
        title = ", ".join(names) if len(names) < 4 else f"{names[0]} ... {names[-1]}"
        told.append(f"{title} {shape} {dtype}")
    return ", ".join(told) or "no inputs"


def _loops(variant: Variant, names: Names) -> list[str]:
    """Each loop: how many steps of how many nodes, and what a step hands to the next."""
    told = []
    for block in variant.built.blocks:
        if block.T > 1:
            told.append(
                f"{block.T} steps of {block.period} node{'s' * (block.period > 1)} each, "
                f"nodes {block.first + 1} ... {block.first + block.T * block.period}"
            )
    for core in cores(variant.program):
        carried = dict.fromkeys(names[c] for c in core.carries)
        way = "forward" if core.carries[0].how > 0 else "backward"
        told.append(f"carried from step to step, {way}: {', '.join(carried)}")
    return told


def _by(variant: Variant) -> str:
    return f"  A step is {variant.replay}." if variant.replay is not None else ""


def _runs_on(variant: Variant) -> str:
    device = variant.emitter.device
    if device.xp is not np:
        return "cuBLAS in TF32" if device.tf32 else "cuBLAS"
    facts = blas_facts()
    version = f" {facts['version']}" if facts["version"] else ""
    kernels = f", kernels for {facts['core']}" if facts["core"] else ""
    threads = facts["threads"]
    count = "" if threads is None else f", {threads} thread{'s' * (threads != 1)}"
    return f"{facts['library']}{version}{kernels}{count}"
