"""What is kept of one step of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from ..tensor import Tensor
from .keeping import Kept


class Contribution(NamedTuple):
    """What one step of the backward pass sent to one parent.

    Attributes:
        parent: the node that receives it.
        sent: the contribution, in the parent's shape; None where no gradient flows.
        before: the running total at the parent before this step; None if it was the first.
        after: the running total with it.
        local: the local derivative, where the contribution is `arriving * local` entry by entry.
        number, of: this is the `number`-th of `of` contributions from readers of the parent.
        plain, latex: the formula of the contribution.
    """

    parent: Tensor
    sent: Kept | None
    before: Kept | None
    after: Kept | None
    local: Kept | None
    number: int
    of: int
    plain: str
    latex: str


@dataclass(frozen=True)
class RecordedStep:
    """One node run, or one node differentiated, with all the numbers that took part.

    Attributes:
        number: its place in `Recording.steps`.
        phase: "forward" or "backward".
        node, name: whose turn it was, and what the sentence calls it, such as "f_3".
        scope, t, layer: where the node stands in time and depth; None outside.
        inputs, value: the values of `node.parents`, and of the node.
        arriving: backward: dL/d(node), complete; None in the forward phase.
        contributions: backward: one for each parent.
        plain, latex: the formula of the node, "f_3 = sigmoid(z_3)".
        sentence: what happens, in words.
    """

    number: int
    phase: str
    node: Tensor
    name: str
    scope: str | None
    t: int | None
    layer: int | None
    inputs: tuple[Kept | None, ...]
    value: Kept
    arriving: Kept | None
    contributions: tuple[Contribution, ...]
    plain: str
    latex: str
    sentence: str
