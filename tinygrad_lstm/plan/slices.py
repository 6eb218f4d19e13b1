"""Which nodes only cut something out of what stands outside of a loop."""

from __future__ import annotations

from ..op import Op
from ..ops.shape import Narrow, Select
from ..tensor import Tensor


def slices(ops: dict[Tensor, Op], sequences: bool) -> set[Tensor]:
    """The nodes that only cut something out of what stands outside, such as x[t] of a sequence.

    They differ from step to step, and are none of the roles.  What is computed counts as a sequence
    where at least three different rows are taken of it.
    """
    cutting = [n for n in ops if isinstance(n.op, Select | Narrow)]
    of: dict[Tensor, set[Op]] = {}
    for node in cutting:
        of.setdefault(node.parents[0], set()).add(ops[node])
    found: set[Tensor] = set()
    for node in cutting:
        (base,) = node.parents
        row = sequences and isinstance(node.op, Select) and len(of[base]) > 2
        if base not in ops or base in found or row:
            found.add(node)
    return found


def source(node: Tensor) -> Tensor:
    """What a slice, or a slice of a slice, is taken of."""
    while isinstance(node.op, Select | Narrow):
        (node,) = node.parents
    return node
