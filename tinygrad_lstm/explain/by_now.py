"""A recording as it stands after one of its steps: what is computed, and summed up, by now."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from ..tensor import Tensor
from .recording import Recording


def received(recording: Recording, number: int, watched: dict[str, Tensor]) -> Iterator[str]:
    """What a step adds to the gradients that are watched."""
    step = recording.steps[number]
    for name, node in watched.items():
        for c in step.contributions:
            if c.parent is node and c.sent is not None:
                time = f", t = {step.t}" if step.t is not None else ""
                yield f"  {name} receives {c.number} of {c.of}{time}: {shown(c.sent)}"
                yield f"  {name}, running sum: {shown(c.after)}"


def value_by_now(recording: Recording, number: int, node: Tensor) -> str:
    """A node's value, if it is computed by this step."""
    made = any(s.node is node for s in recording.steps[: number + 1])
    return shown(recording.values[node]) if node.op is None or made else "not computed yet"


def gradient_by_now(recording: Recording, number: int, node: Tensor) -> str:
    """The running sum as it stands after this step."""
    if recording.steps[number].phase == "forward":
        return "not computed yet"
    total, count, of = recording.planted.get(node), 0, 0
    for step in recording.steps[: number + 1]:
        for c in step.contributions:
            if c.parent is node and c.sent is not None:
                total, count, of = c.after, c.number, c.of
    if total is None:
        return "not computed yet"
    return shown(total) + (f"  ({count} of {of} contributions)" if count < of else "")


def shown(array: Any) -> str:
    """The numbers, as many as fit."""
    if not isinstance(array, np.ndarray | np.generic):
        return (
            f"shape {array.shape}, norm {array.norm:.4g}, from {array.min:.4g} to {array.max:.4g}"
        )
    text = np.array2string(
        np.asarray(array), threshold=40, edgeitems=3, formatter={"float_kind": "{:9.4g}".format}
    )
    return "".join(f"\n        {row}" for row in text.split("\n")) if "\n" in text else text
