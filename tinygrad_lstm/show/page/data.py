"""A recording as plain data for the page: names, formulas, steps, and arrays packed small."""

from __future__ import annotations

import base64
import math
from typing import Any

import numpy as np

from ...tensor import Input, Parameter
from ...where import shape_text

EXACT = 256
"""Arrays of at most so many numbers travel as float32, larger ones as scaled float16."""


def page_data(recording: Any) -> dict[str, Any]:
    """Everything that the page shows, as JSON takes it."""
    pool = _Pool()
    number = {node: k for k, node in enumerate(recording.graph.nodes)}
    nodes = [_node(recording, n, number, pool) for n in recording.graph.nodes]
    steps = [_step(step, number, pool) for step in recording.steps]
    return {
        "note": recording.note,
        "nodes": nodes,
        "steps": steps,
        "arrays": pool.packed,
        "scales": pool.scales,
    }


def _node(recording: Any, node: Any, number: dict[Any, int], pool: _Pool) -> dict[str, Any]:
    name = recording.wording.names[node]
    weight = isinstance(node, Parameter)
    kind = "weight" if weight else f"value of {_role(node)}"
    return {
        "name": name.plain.text,
        "tex": name.latex.text,
        "op": "" if node.op is None else repr(node.op),
        "is": "weight" if weight else "input" if isinstance(node, Input) else "",
        "shape": shape_text(node.shape),
        "scope": node.scope or "",
        "parents": [number[p] for p in node.parents],
        "kind": kind,
        "value": pool.put(recording.values.get(node), kind),
        "seed": pool.put(recording.planted.get(node), "gradient"),
        "where": str(node.where or ""),
    }


def _role(node: Any) -> str:
    """What a node is in every timestep: those of one role share a scale of colours."""
    return (node.name or repr(node.op)).rstrip("0123456789").rstrip("_")


def _step(step: Any, number: dict[Any, int], pool: _Pool) -> dict[str, Any]:
    row: dict[str, Any] = {
        "phase": step.phase,
        "node": number[step.node],
        "t": step.t,
        "said": step.sentence,
        "tex": step.latex,
    }
    if step.phase == "backward":
        row["arriving"] = pool.put(step.arriving, "gradient")
        row["sent"] = [_contribution(c, number, pool) for c in step.contributions]
    return row


def _contribution(c: Any, number: dict[Any, int], pool: _Pool) -> dict[str, Any]:
    kind = "weight gradient" if isinstance(c.parent, Parameter) else "gradient"
    whole = isinstance(c.sent, np.ndarray)
    return {
        "to": number[c.parent],
        "g": pool.put(c.sent, kind),
        "local": pool.put(c.local, "local"),
        "after": -1 if whole else pool.put(c.after, kind),
        "k": c.number,
        "of": c.of,
        "tex": c.latex,
    }


class _Pool:
    """Arrays by number, each once, and the largest magnitude of each kind."""

    def __init__(self) -> None:
        self.packed: list[dict[str, Any]] = []
        self.scales: dict[str, float] = {}
        self._number: dict[int, int] = {}

    def put(self, array: Any, kind: str) -> int:
        if array is None:
            return -1
        if id(array) not in self._number:  # the recording holds it, and equal ones but once
            self._number[id(array)] = len(self.packed)
            self.packed.append(_packed(array))
        if isinstance(array, np.ndarray) and array.dtype.kind == "f" and array.size:
            most = float(np.max(np.abs(np.where(np.isfinite(array), array, 0))))
            self.scales[kind] = max(self.scales.get(kind, 0.0), most)
        return self._number[id(array)]


def _packed(array: Any) -> dict[str, Any]:
    if not isinstance(array, np.ndarray):
        told = dict(zip("nabe", (array.norm, array.min, array.max, array.mean)))
        finite = {k: v if math.isfinite(v) else str(v) for k, v in told.items()}
        return {"s": list(array.shape), **finite}
    small = np.ascontiguousarray(array, dtype="<f4")
    most = float(np.max(np.abs(small))) if small.size else 0.0
    if array.size <= EXACT or not math.isfinite(most) or most == 0.0:
        return {"s": list(array.shape), "d": _text(small)}
    return {"s": list(array.shape), "d": _text((small / most).astype("<f2")), "m": most}


def _text(array: np.ndarray) -> str:
    return base64.b64encode(array.tobytes()).decode("ascii")
