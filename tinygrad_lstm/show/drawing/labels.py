"""What a box says: the author's name, the op, and on demand shapes, values and gradients."""

from __future__ import annotations

from typing import Any

import numpy as np

from ...tensor import Input, Parameter
from ...where import shape_text

LONGEST_LABEL = 32
LONGEST_TOOLTIP = 2000
FEW = 6
"""Arrays of at most so many numbers are shown as numbers, larger ones as shape and norm."""


def clean(text: Any, longest: int = LONGEST_LABEL) -> str:
    """One line that harms no format: no control characters, no lone surrogates, not endless."""
    text = str(text)
    if len(text) > longest:
        text = text[: longest - 1] + "…"
    if text.isascii() and text.isprintable():
        return text
    return "".join(c if _harmless(c) else " " if c in "\n\r\t" else "\ufffd" for c in text)


def _harmless(c: str) -> bool:
    return c.isprintable() or (ord(c) > 0xA0 and not 0xD800 <= ord(c) <= 0xF8FF and ord(c) < 0xFFF0)


def op_text(op: Any) -> str:
    """The op as the post writes it; `Narrow(axis=1, start=0, length=6)` is short: Narrow [0:6]."""
    name = type(op).__name__
    if name in _SHORT:
        return f"{name} {_SHORT[name](op)}".strip()
    return repr(op).removesuffix("()").replace("'", "")


_SHORT = {
    "Affine": lambda op: "",
    "Narrow": lambda op: op.latex.removeprefix("{0:9}"),
    "Embed": lambda op: f"[{op.start}:] of {op.size}",
    "Expand": lambda op: shape_text(op.to),
    "Permute": lambda op: " ".join(map(str, op.axes)),
    "Reshape": lambda op: shape_text(op.to),
    "Scale": lambda op: _line(op.alpha, op.beta),
    "Select": lambda op: f"[{op.index}]",
}


def _line(alpha: float, beta: float) -> str:
    """alpha x + beta, as one writes it: "1 - x", "2x", "x + 3"."""
    slope = {1.0: "x", -1.0: "-x"}.get(alpha, f"{alpha:.4g}x")
    if not beta:
        return slope
    if alpha < 0:
        return f"{beta:.4g} - {slope[1:]}"
    return f"{slope} {'-' if beta < 0 else '+'} {abs(beta):.4g}"


def layer_text(label: str) -> str:
    """Whether a layer has a bias is told by its weights, and by the tooltip."""
    return label.replace(", bias=False", "")


def leaf_text(node: Any) -> str:
    kind = (
        "Input"
        if isinstance(node, Input)
        else "Parameter"
        if isinstance(node, Parameter)
        else "Tensor"
    )
    return f"{kind} {shape_text(node.shape)}"


def tooltip(node: Any, made: str) -> str:
    """Name, op, shape, place in time and the line that wrote the node."""
    lines = [clean(node.name, 200)] if node.name else []
    lines += [clean(made, 300), f"shape {clean(shape_text(node.shape), 200)}"]
    lines += [clean(node.scope, 200)] if node.scope else []
    lines += [f"written at {clean(node.where, 300)}"] if node.where else []
    return "\n".join(lines)[:LONGEST_TOOLTIP]


def extras(node: Any, *, shapes: bool, values: bool, gradients: bool, norms: bool) -> list[str]:
    """The lines that were asked for, and a flag for numbers that are none, asked for or not."""
    lines = [clean(shape_text(node.shape))] if shapes else []
    value = None if node.data is None else node.numpy()
    if values:
        lines.append(f"= {array_text(value)}" if value is not None else "no value yet")
    if norms and value is not None:
        lines.append(f"|y| = {norm(value):.3g}")
    grad = node.grad
    if gradients:
        lines.append("grad: not computed" if grad is None else f"grad {array_text(_host(grad))}")
    elif norms and grad is not None:
        lines.append(f"|grad| = {norm(_host(grad)):.3g}")
    for what, array in (("", value), ("grad ", None if grad is None else _host(grad))):
        flag = "" if array is None else odd(array)
        lines += [f"{what}has {flag}"] if flag else []
    return lines


def _host(grad: Any) -> np.ndarray:
    from ...backend import to_numpy

    return to_numpy(grad)


def array_text(array: np.ndarray) -> str:
    """Small arrays as numbers, larger ones as shape and norm."""
    if array.size > FEW:
        return f"{shape_text(array.shape)} |.| {norm(array):.3g}"
    flat = ", ".join(f"{x:.3g}" for x in array.ravel().tolist())
    return flat if array.ndim == 0 else f"[{flat}]"


def norm(array: np.ndarray) -> float:
    with np.errstate(all="ignore"):
        return float(np.sqrt(np.sum(np.abs(array.astype(np.float64)) ** 2)))


def odd(array: np.ndarray) -> str:
    """NaN, inf and -inf, whichever occur."""
    if array.dtype.kind != "f" or np.isfinite(array).all():
        return ""
    found = {"NaN": np.isnan(array), "inf": np.isposinf(array), "-inf": np.isneginf(array)}
    return ", ".join(name for name, where in found.items() if where.any())
