"""Lanes below the steps: shared weights, losses over all steps, whatever is no state."""

from __future__ import annotations

from dataclasses import dataclass, field

from .rails import Unrolled
from .style import INK, WEIGHTS
from .view import Box, Edge, View

LANE = 28.0


@dataclass
class Lane:
    """A horizontal line below the steps, from where something is made to all who read it."""

    key: Box
    colour: str
    y: float = 0.0
    x: list[float] = field(default_factory=list)


def lane_of(edge: Edge, net: Unrolled) -> Box:
    """The lane of an arrow between tiles: its source's, or, into what comes after, its reader's."""
    return edge.head if edge.tail in net.home and edge.head not in net.home else edge.tail


def lanes(view: View, net: Unrolled) -> dict[Box, Lane]:
    """One lane below the other; a weight's has a colour of its own, which its box takes too."""
    used = dict.fromkeys(lane_of(e, net) for e in view.edges() if _takes_a_lane(e, net))
    weights = [key for key in used if key.role == "weight"]
    made = {key: Lane(key, INK, 20 + LANE * k) for k, key in enumerate(used)}
    for k, weight in enumerate(weights):
        weight.colour = made[weight].colour = WEIGHTS[k % len(WEIGHTS)]
    return made


def _takes_a_lane(edge: Edge, net: Unrolled) -> bool:
    if edge in net.carried:
        return False
    inside = net.home.get(edge.tail), net.home.get(edge.head)
    if inside == (None, None):
        return (edge.tail in net.before) != (edge.head in net.before)
    return inside[0] != inside[1]
