"""A plan: the same graph as a list of array calls into memory that is there already."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from ..backend import backend_name
from ..checks import check_kin, check_seeds, is_real, listed_seeds
from ..errors import DtypeError, GraphError
from ..graph import Graph
from ..tensor import Tensor
from ..wiring import calculated_with, check_count, converted, unify
from .tune import fastest
from .variant import Variant

if TYPE_CHECKING:
    from .accounts import MemoryReport
    from .explain import Explanation
    from .pictures import PlanDrawing
    from .source import Source

KEPT = 8
"""For how many combinations of shapes a plan keeps its program."""


@dataclass(frozen=True)
class Options:
    """How a plan is made."""

    passes: tuple[str, ...]
    tf32: bool = False
    kernels: str | None = None
    checkpoint: str | None = None
    autotune: bool = False
    side_by_side: bool = False


class Plan:
    """Runs forward and backward of a graph by a list of calls; made by `compile`.

    Attributes:
        grads: the gradient of everything in `wrt` by name, as views of the plan's memory:
            optimisers may use and even change them in place, and the next `step` overwrites them.
    """

    def __init__(self, graph: Graph, wrt: Mapping[str, Tensor], options: Options) -> None:
        self.graph, self.wrt, self.options = graph, dict(wrt), options
        self._variants: OrderedDict[Any, Variant] = OrderedDict()
        self._now: Variant | None = None
        program = [(n, n.op) for n in graph.nodes if n.op is not None]
        self._calculated = calculated_with(program)
        leaves = (n.data for n in graph.nodes if n.op is None and n.data is not None)
        self._beside = next((a for a in leaves if is_real(a)), None)

    def __repr__(self) -> str:
        from .explain import title_of

        return f"<{title_of(self, self._now)}>"

    def __getstate__(self) -> dict[str, Any]:
        """What a copy is made of: not the programs, whose arrays are views of each other."""
        return {**self.__dict__, "_variants": OrderedDict(), "_now": None}

    @property
    def grads(self) -> dict[str, np.ndarray]:
        """The gradients of the last step."""
        return {} if self._now is None else self._now.grads

    @property
    def tried(self) -> Mapping[str, float]:
        """With autotune, what each arrangement took for the shapes of the last step, in seconds."""
        return {} if self._now is None else self._now.tried

    def step(self, *arrays: Any, seeds: Any = None) -> tuple[Any, ...]:
        """One training step: forward, and backward from the seeds.

        Args:
            arrays: one for each input of the graph, as for `graph.forward`.
            seeds: dL/d(output) for each output, None where it is zero.  That of a single output may
                stand alone, and a scalar needs none.

        Returns:
            The outputs, views of the plan's memory: the next step overwrites them.

        Raises:
            GraphError, ShapeError: for wrong numbers or shapes of arrays or seeds.
        """
        now = self._now
        if seeds is not None and not isinstance(seeds, list | tuple):
            seeds = listed_seeds(self.graph.outputs, seeds, "step")
        if now is not None and now.fits(arrays, seeds):
            return now.run(arrays, seeds)
        now, checked, asked = self._checked(arrays, seeds)
        now.check(arrays)
        return now.run(checked, asked)

    def prepare(self, *arrays: Any, seeds: Any = None) -> Plan:
        """Make the program for arrays like these, without running it.

        Without seeds it is made for a gradient at every output (a single scalar needs none).
        """
        if seeds is None and len(self.graph.outputs) > 1 and self.wrt:
            self._now = self._variant(self._converted(arrays), (True,) * len(self.graph.outputs))
        else:
            self._checked(arrays, seeds)
        return self

    def explain(self, measure: bool = False) -> Explanation:
        """What every pass did to this graph, for the shapes of the last step.

        What the plan would be with fewer passes is counted; with `measure` it is compiled with one
        pass more each time, and with `checkpoint` or kernels as well: seconds for a graph of tens
        of thousands of nodes.

        Args:
            measure: whether to repeat the last step some times with a clock, too; on one BLAS
                thread, unless a number was chosen.

        Raises:
            GraphError: if there was no step that could be repeated.
        """
        from .explain import explanation

        if measure and (self._now is None or self._now.arrived is None):
            raise GraphError("explain(measure=True) repeats a step: call plan.step(*arrays) first")
        return explanation(self, self._now, measure)

    def memory(self) -> MemoryReport:
        """Every array of the plan for the shapes of the last step: what lies in it, and when.

        Raises:
            GraphError: if no shapes are known yet.
        """
        from .bookkeeping import memory_report

        return memory_report(self.graph, self._known("memory"))

    def source(self) -> Source:
        """The plan as Python source, for the shapes of the last step.

        Executed, the text defines `step(inputs, seeds, weights)`, which returns the outputs and the
        gradients: the same calls in the same order, rolled back into loops.

        Raises:
            GraphError: if no shapes are known yet.
        """
        from .explain import title_of
        from .source import source_of

        now = self._known("source")
        return source_of(self.graph, now, title_of(self, now))

    def draw(self, which: str = "after") -> PlanDrawing:
        """The plan after all passes: what is computed once, for all steps, and step after step.

        Args:
            which: "after" the passes, or "before": one step of the graph as it is written, whatever
                passes there are.

        Raises:
            GraphError: if no shapes are known yet.
        """
        from .pictures import drawing
        from .stages import without_passes

        now = self._known("draw")
        if which == "before":
            now = without_passes(self.graph, self.wrt, self.options, now)
        return drawing(self.graph, now, which)

    def _known(self, caller: str) -> Variant:
        if self._now is None:
            raise GraphError(
                f"{caller}: no shapes are known yet; call plan.prepare(*arrays) or "
                "plan.step(*arrays) first"
            )
        return self._now

    def _checked(
        self, arrays: Sequence[Any], seeds: Any
    ) -> tuple[Variant, Sequence[Any], list[Any]]:
        """The program for these arrays and seeds, and both as the program takes them."""
        arrays = self._converted(arrays)
        outputs = self.graph.outputs
        if seeds is None and self.wrt and len(outputs) != 1:
            check_seeds(outputs, (), "step")  # says how many are needed
        given = [None] * len(outputs) if seeds is None else listed_seeds(outputs, seeds, "step")
        asked = tuple(s is not None for s in given)
        now = self._variant(arrays, asked)
        checked = check_seeds(now.stand_ins, given, "step") if self.wrt else given
        self._now = now
        return now, arrays, [s if a else None for s, a in zip(checked, asked)]

    def _converted(self, arrays: Sequence[Any]) -> Sequence[Any]:
        inputs = self.graph.inputs
        check_count(inputs, arrays, "step")
        arrays = [converted(a, self._beside, n in self._calculated) for n, a in zip(inputs, arrays)]
        letters: dict[str, Any] = {}
        for node, array in zip(inputs, arrays):
            unify(node, tuple(array.shape), letters, "step")
        self._check_kin(arrays)
        return arrays

    def _variant(self, arrays: Sequence[Any], asked: tuple[bool, ...]) -> Variant:
        data = [n.data for n in self.graph.nodes if n.op is None and n.data is not None]
        key = (
            tuple((tuple(a.shape), str(a.dtype), backend_name(a)) for a in (*arrays, *data)),
            asked,
        )
        if key not in self._variants:
            self._variants[key] = self._made(arrays, asked)
            while len(self._variants) > KEPT:
                self._variants.popitem(last=False)
        self._variants.move_to_end(key)
        return self._variants[key]

    def _made(self, arrays: Sequence[Any], asked: tuple[bool, ...]) -> Variant:
        def make(options: Options) -> Variant:
            return Variant(self.graph, self.wrt, options, arrays, asked)

        if self.options.autotune:
            return fastest(make, self.options, arrays, asked)
        return make(self.options)

    def _check_kin(self, arrays: Sequence[Any]) -> None:
        """One precision and one backend; gradients only of what can move a little."""
        fed = {n: Tensor(a, name=n.name) for n, a in zip(self.graph.inputs, arrays)}
        leaves = [n for n in self.graph.nodes if n.op is None and n not in fed]
        check_kin((*fed.values(), *leaves))
        for node in self.wrt.values():
            data = fed.get(node, node).data
            if data is not None and not is_real(data):
                raise DtypeError(
                    f"compile: {node.title} is {data.dtype}; only floats have gradients"
                )
