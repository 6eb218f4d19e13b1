"""The first steps of an unrolled graph as a graph of their own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ..graph import Graph
from ..tensor import Tensor
from .roles import Block

if TYPE_CHECKING:
    from .variant import Variant

LAST = 4
"""So many steps at the end are taken over as they are; all before them must be alike."""


def only_loop(
    graph: Graph, wrt: Mapping[str, Tensor], variant: Variant, least: int
) -> OnlyLoop | None:
    """The loop that the graph is, if it is nothing else, has more steps than `least`, all alike.

    Alike is what is asked of them (outputs, seeds, gradients), and the kind of their inputs.
    """
    fed = dict(zip(graph.inputs, variant.of_these_shapes()))
    nodes = [node for node in graph.nodes if node.op is not None and node not in fed]
    block = next((b for b in variant.built.blocks if b.T * b.period == len(nodes)), None)
    if block is None or block.T <= least:
        return None
    loop = OnlyLoop(graph, wrt, variant.seeded, block, nodes, fed)
    return loop if loop.alike(least - LAST - 2) else None


class OnlyLoop:
    """An unrolled graph whose nodes are those of T steps, one step after another."""

    def __init__(
        self,
        graph: Graph,
        wrt: Mapping[str, Tensor],
        seeded: Sequence[bool],
        block: Block,
        nodes: list[Tensor],
        arrays: Mapping[Tensor, Any],
    ) -> None:
        self.graph, self.wrt, self.nodes, self.arrays = graph, wrt, nodes, arrays
        self.T, self.period = block.T, block.period
        self.outputs = list(zip(graph.outputs, seeded))
        self.place = {node: divmod(k, block.period) for k, node in enumerate(nodes)}
        self.read = [o.outer for row in block.operands for o in row if o.role is None]

    def alike(self, start: int) -> bool:
        """Whether the steps from `start` to the last few do not differ."""
        wanted: dict[int, list] = {t: [] for t in range(start, self.T - LAST)}
        for node, given in self.outputs:
            t, role = self.place.get(node, (-1, 0))
            if t in wanted:
                wanted[t].append((role, given))
        same = all(found == wanted[start] for found in wanted.values())
        return same and all(map(self._of_one_kind, self.read))

    def _of_one_kind(self, nodes: Sequence[Tensor]) -> bool:
        """Whether these are one leaf, or an input for each step."""
        asked, given = set(self.wrt.values()), self.arrays
        kinds = {(n in asked, given[n].shape, given[n].dtype) if n in given else n for n in nodes}
        return len(kinds) == 1 and len(set(nodes)) in (1, self.T)

    def first(self, steps: int) -> tuple[Graph, dict[str, Tensor], list[Any], list[bool]]:
        """The graph of the first steps, whose last ones stand for the last of all.

        Returns:
            It, what of `wrt` is in it, arrays for its inputs, and which of its outputs have seeds.
        """
        outputs, seeded = [], []
        for node, given in self.outputs:
            t, role = self.place.get(node, (0, None))
            if steps - LAST <= t < self.T - LAST:
                continue
            t -= self.T - steps if t >= self.T - LAST else 0
            outputs.append(node if role is None else self.nodes[t * self.period + role])
            seeded.append(given)
        kept = self.nodes[: steps * self.period]
        there = {parent for node in kept for parent in node.parents} | set(outputs)
        inputs = [node for node in self.graph.inputs if node in there]
        wrt = {name: node for name, node in self.wrt.items() if node in there}
        return Graph(inputs, outputs), wrt, [self.arrays[n] for n in inputs], seeded
