"""Find the loops in an unrolled graph: timesteps are applications of one piece of graph.

The program of a graph unrolled over T steps is a list of nodes that repeats itself with some period
L.  Node j of every repetition plays the same *role*.  Found once, the role stands for its T nodes,
and everything that follows costs as much as one timestep, however many there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..tensor import Parameter, Tensor

TRIES = 6
"""How many periods are tried at each place."""
FARTHEST = 4
"""How many steps back a step may read and still be one of a loop."""


@dataclass
class Operand:
    """What a role reads: role `role` of this step, or of `back` steps before, or `outer` nodes.

    With back > 0, `outer` is what the first `back` steps read instead; with role None it is what
    each step reads, or a single node that all steps read.
    """

    role: int | None
    back: int = 0
    outer: list[Tensor] = field(default_factory=list)


@dataclass
class Block:
    """Nodes that are run T times: `nodes` are those of the first step, `operands` what they read.

    `first` and `period` say where they stand in the program: node j of step t at
    first + t * period + j.  A block without repetition has T = 1 and no operands.
    """

    first: int
    period: int
    T: int
    nodes: list[Tensor]
    operands: list[list[Operand]] = field(default_factory=list)


def find_blocks(program: Sequence[tuple[Tensor, Any]], loops: bool = True) -> list[Block]:
    """The program, (node, op) eldest first, as loops and what stands between them."""
    codes = _codes(program)
    place = {node: k for k, (node, _) in enumerate(program)}
    blocks: list[Block] = []
    plain_from = at = 0
    repeats = _next_of_its_kind(codes) if loops else {}
    while at < len(program):
        loop = _loop_at(at, codes, program, place, repeats) if loops else None
        if loop is None:
            at += 1
            continue
        if plain_from < at:
            blocks.append(_plain(program, plain_from, at))
        blocks.append(loop)
        plain_from = at = at + loop.T * loop.period
    if plain_from < len(program):
        blocks.append(_plain(program, plain_from, len(program)))
    return blocks


def _plain(program: Sequence[tuple[Tensor, Any]], start: int, stop: int) -> Block:
    return Block(start, stop - start, 1, [node for node, _ in program[start:stop]])


def _codes(program: Sequence[tuple[Tensor, Any]]) -> np.ndarray:
    """A number for every node: equal where the op and the parameters that it reads are."""
    of_op: dict[int, int] = {}
    equal_ops: dict[Any, int] = {}
    numbers: dict[Any, int] = {}
    result = np.empty(len(program), np.int64)
    for k, (node, op) in enumerate(program):
        code = of_op.get(id(op))
        if code is None:
            code = of_op[id(op)] = equal_ops.setdefault(op, len(equal_ops))
        weights = tuple([p if isinstance(p, Parameter) else 0 for p in node.parents])
        result[k] = numbers.setdefault(
            (code, weights, tuple([p.shape for p in node.parents])), len(numbers)
        )
    return result


def _next_of_its_kind(codes: np.ndarray) -> dict[int, list[int]]:
    """For each code the places where it stands."""
    places: dict[int, list[int]] = {}
    for k, code in enumerate(codes.tolist()):
        places.setdefault(code, []).append(k)
    return places


def _loop_at(
    at: int, codes: np.ndarray, program: Any, place: dict[Tensor, int], repeats: dict
) -> Block | None:
    """The loop that covers most of the program from here on; None if nothing repeats itself."""
    there = repeats[int(codes[at])]
    here = int(np.searchsorted(there, at))
    best: Block | None = None
    for later in there[here + 1 : here + 1 + TRIES]:
        period = later - at
        T = 1 + _run(codes, at, period) // period
        if T < 2 or (best is not None and T * period <= best.T * best.period):
            continue
        block = _verified(Block(at, period, T, [n for n, _ in program[at:later]]), program, place)
        if block is not None and (best is None or block.T * period > best.T * best.period):
            best = block
    return best


def _run(codes: np.ndarray, at: int, period: int) -> int:
    """For how many nodes from here the one a period later has the same code."""
    size = period
    while True:  # in growing pieces, for most runs end soon
        same = codes[at : at + size][: len(codes) - at - period] == codes[at + period :][:size]
        if not same.all():
            return int(np.argmin(same))
        if len(same) < size:
            return len(same)
        size *= 8


def _verified(block: Block, program: Any, place: dict[Tensor, int]) -> Block | None:
    """The block with its operands, and as many steps as really play the same roles."""
    operands = []
    for j, node in enumerate(block.nodes):
        operands.append([_operand(block, j, k, program, place) for k in range(len(node.parents))])
        if block.T < 2:
            return None
    T = block.T
    for row in operands:
        for k, o in enumerate(row):
            row[k] = Operand(None, 0, o.outer[:T]) if o.role is None or o.back >= T else o
    block.operands = operands
    carried = any(o.back for row in operands for o in row)
    return block if carried or T > 2 else None


def _operand(block: Block, j: int, k: int, program: Any, place: dict[Tensor, int]) -> Operand:
    """What input k of role j is; cuts the block where it stops being so."""
    first, L = block.first, block.period
    outer: list[Tensor] = []
    role, back = None, 0
    for t in range(block.T):
        parent = program[first + t * L + j][0].parents[k]
        at = place.get(parent, -1)
        if at < first:
            if role is not None:  # outside again, after having been inside
                block.T = t
                break
            outer.append(parent)
            continue
        here = (at - first) % L, t - (at - first) // L
        if role is None and len(outer) == t == here[1] and t <= FARTHEST:
            role, back = here
        if (role, back) != here:
            block.T = t
            break
    return Operand(role, back, outer)
