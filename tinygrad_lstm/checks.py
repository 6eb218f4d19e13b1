"""Checks of what meets what, and the words in which their errors teach."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .backend import backend_name, namespace
from .errors import BackendError, DtypeError, GraphError, ShapeError, TinygradError
from .where import ANY, shape_text


def check_kin(nodes: Sequence[Any], whole: Sequence[int] = ANY) -> None:
    """All on one backend and, as far as they are real numbers, of one precision.

    Args:
        whole: the positions at which whole numbers may stand beside floats, by default all.
    """
    first: Any = None
    stray = None
    for k, node in enumerate(nodes):
        array = node.data
        if array is None:
            continue
        if first is not None and _apart(array, first.data):
            raise BackendError(
                f"{node.title} is on {backend_name(array)}, {first.title} on "
                f'{backend_name(first.data)}. Move one with .to("cupy") or .to("numpy")'
            )
        if is_real(array):
            if first is not None and is_real(first.data) and array.dtype != first.data.dtype:
                raise DtypeError(
                    f"{node.title} is {array.dtype}, {first.title} is {first.data.dtype}. "
                    "Convert one: Tensor(data, dtype=...); layers are built in default_dtype(...)"
                )
            first = node
            continue
        if first is None:
            first = node
        if whole is not ANY and k not in whole and is_whole(array):
            stray = node
    if stray is not None and is_real(first.data):
        raise whole_beside_floats(stray)


def whole_beside_floats(node: Any) -> DtypeError:
    """The error about whole numbers that would make NumPy calculate in float64."""
    return DtypeError(
        f"{node.title} is {node.dtype}; to calculate with it beside floats, make it "
        "Tensor(data, dtype='float32')"
    )


def _apart(a: Any, b: Any) -> bool:
    """Whether two arrays are on different backends."""
    return type(a) is not type(b) and namespace(a) is not namespace(b)


def is_real(array: Any) -> bool:
    """Whether the array holds real floating-point numbers."""
    dtype = array.dtype
    return (dtype.kind == "f") if hasattr(dtype, "kind") else "float" in str(dtype)


def is_complex(array: Any) -> bool:
    """Whether the array holds complex numbers, as a derivative by complex step does."""
    return "complex" in str(array.dtype)


def is_whole(array: Any) -> bool:
    """Whether the array holds whole numbers, such as class numbers."""
    return "int" in str(array.dtype)


def can_have_gradient(array: Any) -> bool:
    """Whether the array holds numbers that can move a little: reals or complex numbers."""
    dtype = array.dtype
    if hasattr(dtype, "kind"):
        return dtype.kind in "fc"
    return "float" in str(dtype) or "complex" in str(dtype)


def blamed(node: Any, text: str, kind: type[TinygradError] = GraphError) -> TinygradError:
    """An error about a node: where it was written, and `.node` set."""
    error = kind(f"{text}\n  written at {node.where}" if node.where else text)
    error.node = node
    return error


def check_gradient(node: Any, call: str) -> None:
    """Only numbers that can move a little have a gradient."""
    if not can_have_gradient(node.data):
        raise blamed(
            node,
            f"{call}: {node.title} is {node.data.dtype}; only floats have gradients. "
            f"Write 3.0 instead of 3, or convert with dtype='float32'",
            DtypeError,
        )


def check_shape(node: Any, gradient: Any) -> None:
    """A gradient has the shape of its node; it has not where a rule of somebody's own is wrong."""
    if tuple(gradient.shape) != node.shape:
        raise blamed(
            node,
            f"backward: {node.title} was sent a gradient of shape {shape_text(gradient.shape)}; "
            "the vjp of an op between it and the outputs is wrong",
            ShapeError,
        )


def listed_seeds(outputs: Sequence[Any], seeds: Any, call: str) -> Sequence[Any]:
    """The seeds as a list of as many as there are outputs; a single one may stand alone."""
    alone = _is_one(seeds)
    if not isinstance(seeds, list | tuple):
        seeds = [seeds] if alone else list(seeds)
    inside, count = seeds[0] if len(seeds) == 1 else None, len(outputs)
    if isinstance(inside, list | tuple) and any(hasattr(s, "shape") for s in inside):
        raise GraphError(
            f"{call}: a list stands where one seed should; write {_with_seeds(call, '*seeds')}"
        )
    if len(seeds) != count:
        names = ", ".join(node.title for node in outputs[:6]) + ", ..." * (count > 6)
        given = "one array" if alone else f"{len(seeds)} seed{'s' * (len(seeds) != 1)}"
        form = ", ".join(["g", *["None"] * (count - 1)][:4]) + ", ..." * (count > 4)
        raise GraphError(
            f"{call}: {given} for {count} output{'s' * (count != 1)}: {names}\n"
            "  a seed is dL/d(output), in its shape; None counts as zeros: "
            f"write {_with_seeds(call, form)}"
        )
    if isinstance(inside, str | Mapping):
        raise GraphError(
            f"{call}: a seed is an array, not {type(inside).__name__}; "
            f"write {_with_seeds(call, 'g')}"
        )
    return seeds


def _is_one(seed: Any) -> bool:
    return hasattr(seed, "shape") or isinstance(seed, int | float | complex | str | Mapping)


def _with_seeds(call: str, seeds: str) -> str:
    """How the call is written with these seeds."""
    if call in ("step", "record"):
        return f"seeds=[{seeds}]"
    return f"{call}({seeds})" if call == "backward" else f"{call}(graph, {seeds})"


def check_seeds(outputs: Sequence[Any], seeds: Any, call: str) -> list[Any]:
    """The seeds as arrays in the shape, dtype and backend of their outputs."""
    seeds = listed_seeds(outputs, seeds, call)
    return [_check_seed(node, seed, call, len(outputs)) for node, seed in zip(outputs, seeds)]


def _check_seed(node: Any, seed: Any, call: str, count: int) -> Any:
    if node.data is None:
        raise blamed(node, f"{call}: {node.title} has no value yet; run forward first")
    if type(seed) is np.ndarray and seed.shape == node.shape and seed.dtype == node.data.dtype:
        if seed.dtype.kind == "f":
            return seed
    check_gradient(node, call)
    xp = namespace(node.data)
    if seed is None:
        if count > 1:
            return None
        if node.shape != ():
            raise blamed(
                node,
                f"{call}: {node.title} is no scalar, so it needs a seed of shape "
                f"{shape_text(node.shape)}: dL/d({node.name or 'output'})",
                ShapeError,
            )
        return xp.ones_like(node.data)
    seed = seed.data if hasattr(seed, "op") else seed
    if isinstance(node.data, np.ndarray):
        seed = np.asarray(seed, dtype=None if np.iscomplexobj(seed) else node.data.dtype)
    if tuple(seed.shape) != node.shape:
        raise blamed(
            node,
            f"{call}: the seed of {node.title} has shape {shape_text(tuple(seed.shape))}; "
            f"it is dL/d({node.name or 'output'}) and needs the same shape",
            ShapeError,
        )
    return seed


def explained(error: Exception, op: Any, parents: Sequence[Any], where: Any, node: Any):
    """The error with op, inputs and line added to its text, and `.node` set."""
    titles = [p.title for p in parents]
    kind = type(error) if isinstance(error, TinygradError) else TinygradError
    text = str(error)
    for k, title in enumerate(titles):
        text = text.replace(f"{{{k}}}", title)
    text = re.sub(r"\{\d\}", "an input", text)  # of a rule that another op has borrowed
    lines = [f"{op!r}: {text}", f"  inputs: {', '.join(titles)}"]
    new = kind("\n".join(lines + ([f"  written at {where}"] if where else [])))
    new.node = node
    return new
