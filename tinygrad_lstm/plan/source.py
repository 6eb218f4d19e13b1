"""A plan as Python source: its calls rolled back into loops, its memory as named arrays."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterable, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np

from .arenas import Arenas
from .belonging import root
from .cupy_source import CupyStatements, in_cupy
from .names import Names, identifier
from .rolled import Rolled
from .statements import WIDTH, Statements
from .turns import OUTSIDE, Turns

if TYPE_CHECKING:
    from ..graph import Graph
    from .emit import Call
    from .rounds import Stage
    from .variant import Variant


class Source(str):
    """Source text that defines `step(inputs, seeds, weights, leaves=())`.

    Attributes:
        given: what the text needs to be there when it is executed: {} or ops that only a graph has.
    """

    given: dict[str, Any]


def source_of(graph: Graph, variant: Variant, title: str) -> Source:
    """Write the calls of a plan down, in NumPy or in CuPy."""
    writer = _Writer(graph, variant)
    body = writer.body()
    first, *more = textwrap.wrap(title, WIDTH - 4)
    memory = [*writer.arenas.lines(), *writer.starts()]
    lines = [f'"""{first}', *more, '"""', "", "import numpy as np", *writer.write.helpers(), "", ""]
    lines += ["# The arrays: of what changes with time, slot after slot.", *memory, "", "", *body]
    text = "\n".join([*lines, ""])
    source = Source(text if variant.device.xp is np else in_cupy(text))
    source.given = {"given": writer.write.given} if writer.write.given else {}
    return source


class _Writer:
    def __init__(self, graph: Graph, variant: Variant) -> None:
        self.variant, device = variant, variant.device
        self.names = Names(graph, variant)
        self.arenas = Arenas(device, variant.calls)
        self.programs = [Names(graph, variant, part) for part in variant.parts]
        for part, names in zip(variant.parts, self.programs):
            self.arenas.hold(part.emitter.memory, names)
        for array, x, use in variant.between:
            self.arenas.add(array, f"{identifier(self.names[x])}_{use}")
        statements = Statements if device.xp is np else CupyStatements
        self.write = statements(device, variant.emitter.arrived, self.arenas)

    def body(self) -> list[str]:
        """The function that makes all calls."""
        lines = [
            "def step(inputs, seeds, weights, leaves=()):",
            '    """The outputs, and the gradients by name."""',
            *self._loads(),
        ]
        names = iter(self.programs)
        for stage in self.variant.stages:
            lines += self._stage(stage, next(names)) if stage.made else self._plain(stage)
        return [*lines, "", *self._results()]

    def _stage(self, stage: Stage, names: Names) -> list[str]:
        """A program, in rounds."""
        rolled = Rolled(stage, names, self.write)
        lines = rolled.lines()
        return [*self._listing(rolled.starts()), *rolled.alike, *rolled.turns.head(), *lines]

    def _plain(self, stage: Stage) -> list[str]:
        """Calls that are no program's."""
        turns = Turns(stage, self.write)
        rounds = turns.each([one.calls for one in stage.rounds])
        return [*self._listing(stage.first), *turns.head(), *rounds]

    def _listing(self, calls: Iterable[Call]) -> list[str]:
        return [row for call in calls for row in self.write.of([call], {}, OUTSIDE)]

    def starts(self) -> list[str]:
        """What lies there from the beginning and stays: starts of carries, the 1 of a bias."""
        return [
            f"{self.write.operand([array], {})}[...] = {value!r}"
            for part in self.variant.parts
            for array, value in part.emitter.filled
            if value
        ]

    def _loads(self) -> list[str]:
        sources = {"input": "inputs", "seed": "seeds", "leaf": "leaves"}
        lines = []
        for fn, k, array in (load for part in self.variant.parts for load in part.loads):
            key = k if fn in sources else json.dumps(self.names.weight(k))
            given = f"{sources.get(fn, 'weights')}[{key}]"
            lines.append(f"    {self.write.put}({self.write.operand([array], {})}, {given})")
        return lines

    def _results(self) -> list[str]:
        outputs = [*self._listed(self.variant.outputs)]
        lines = [f"    outputs = [{', '.join(outputs)}]"]
        if len(lines[0]) > WIDTH:
            lines = ["    outputs = [", *(f"        {text}," for text in outputs), "    ]"]
        lines.append("    grads = {")
        for name, array in self.variant.grads.items():
            lines.append(f"        {json.dumps(name)}: {self.write.operand([array], {})},")
        return [*lines, "    }", "    return outputs, grads"]

    def _listed(self, arrays: Sequence[Any]) -> Iterable[str]:
        """Arrays one by one; those of successive steps as one expression."""
        k = 0
        while k < len(arrays):
            size = _together(arrays[k:])
            while size > 2:
                run = arrays[k : k + size]
                text = self.write.operand(run, {"t": range(size)})
                if text is not None:
                    yield f"*({text} for t in range({size}))"
                    break
                size -= 1
            else:
                size = 1
                yield str(self.write.operand([arrays[k]], {}))
            k += size


def _together(arrays: Sequence[Any]) -> int:
    """How many of the arrays, from the first on, lie in one and the same memory."""
    whose = root(arrays[0])
    return sum(1 for _ in takewhile(lambda a: root(a) is whose, arrays))
