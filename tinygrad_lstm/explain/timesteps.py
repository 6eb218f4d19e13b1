"""Where a node stands in time, and what is carried from one timestep to the next."""

from __future__ import annotations

import collections
from dataclasses import dataclass
from typing import Any

from ..checks import blamed
from ..errors import GraphError
from ..graph import Graph
from ..tensor import Parameter, Tensor


def timestep(node: Tensor) -> int | None:
    """3 for a node whose scope is "t=3/layer=2"; None for a node outside of time."""
    for part in (node.scope or "").split("/"):
        key, _, number = part.partition("=")
        if key == "t" and number.isdecimal():
            return int(number)
    return None


def reached(node: Tensor) -> set[int]:
    """The timestep of a node; outside of time, the timesteps that it reads from."""
    seen: set[Tensor] = set()
    steps: set[int] = set()
    waiting = [node]
    while waiting:
        node = waiting.pop()
        if node not in seen:
            seen.add(node)
            t = timestep(node)
            if t is None:
                waiting.extend(node.parents)
            else:
                steps.add(t)
    return steps


def last_step(graph: Graph) -> int:
    """T, or 0 for a graph outside of time."""
    return max((timestep(node) or 0 for node in graph.nodes), default=0)


def check_run(graph: Graph, call: str) -> None:
    """Raise GraphError unless the graph was run forward."""
    for node in graph.outputs:
        if node.data is None:
            raise blamed(
                node, f"{call}: {node.title} has no value yet; run graph.forward(...) first"
            )


@dataclass(frozen=True)
class Carried:
    """A state: the values that each timestep hands to the next.

    Attributes:
        name: such as "c", after the input that it starts from.
        nodes: s_1 ... s_T.
        start: s_0, if it comes from outside.
    """

    name: str
    nodes: tuple[Tensor, ...]
    start: Tensor | None


def carried(graph: Graph) -> dict[str, Carried]:
    """The states of an unrolled graph, found by which nodes are read in another timestep.

    Raises:
        GraphError: nothing is carried: the graph has less than two timesteps.
    """
    role = _roles(graph)
    slots = _slots(role)
    if not slots:
        raise GraphError(
            f"{graph.name or 'the graph'} carries nothing from timestep to timestep; "
            "unroll a cell over two steps or more: through_time(cell, T)"
        )
    starts = _starts(role, slots)
    states: dict[str, Carried] = {}
    for state in dict.fromkeys(slots.values()):
        steps = sorted((n for n, r in role.items() if r == state), key=lambda n: timestep(n) or 0)
        name = _title(starts.get(state), steps[0], len(states))
        while name in states:
            name += "'"
        states[name] = Carried(name, tuple(steps), starts.get(state))
    order: dict[Any, int] = {node: k for k, node in enumerate(graph.inputs)}
    return dict(sorted(states.items(), key=lambda item: order.get(item[1].start, len(order))))


def _slots(role: dict[Tensor, tuple]) -> dict[tuple, tuple]:
    """(role of the reader, which input) -> role of what it reads in another timestep."""
    slots: dict[tuple, tuple] = {}
    for node, mine in role.items():
        for place, parent in enumerate(node.parents):
            if parent in role and timestep(parent) != timestep(node):
                slots[mine, place] = role[parent]
    return slots


def _roles(graph: Graph) -> dict[Tensor, tuple]:
    """What a node is in its step: nodes with one role are the same line of the cell."""
    count: collections.Counter = collections.Counter()
    roles: dict[Tensor, tuple] = {}
    for node in graph.nodes:
        t = timestep(node)
        if t is None or node.op is None:
            continue
        depth = (node.scope or "").partition("/")[2]
        role = (depth, node.name, type(node.op).__name__)
        count[t, role] += 1
        roles[node] = (*role, count[t, role])
    return roles


def _starts(role: dict[Tensor, tuple], slots: dict[tuple, tuple]) -> dict[tuple, Tensor]:
    """The nodes outside of time that stand where later steps read a state."""
    starts: dict[tuple, Tensor] = {}
    for node, mine in role.items():
        for place, parent in enumerate(node.parents):
            if (mine, place) in slots and parent not in role and not isinstance(parent, Parameter):
                starts.setdefault(slots[mine, place], parent)
    return starts


def _title(start: Any, node: Tensor, k: int) -> str:
    """c for a state that starts from c_0 or c_prev, else what its own line is called."""
    name = (start.name if start is not None else None) or node.name or f"state{k + 1}"
    return name.removesuffix("_0").removesuffix("_prev").removeprefix("next_")
