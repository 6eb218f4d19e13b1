"""setDebug: when a run fails, the graph is drawn with the failing node in red."""

from __future__ import annotations

import contextlib
import warnings
from pathlib import Path
from typing import Any

from .graph import dot

_DEBUG = {"on": False}


def setDebug(on: bool = True) -> None:
    """Whether a failing run of a gModule writes NAME.dot and NAME.svg with the culprit in red.

    NAME is the module's name, or `nngraph_<n>in_<m>out`; a file that exists is not overwritten,
    NAME gets a number.  The error is raised as before.
    """
    _DEBUG["on"] = bool(on)


@contextlib.contextmanager
def drawn_if_it_fails(module: Any):
    """Draw the module's graph if what runs inside fails and `setDebug(True)` was said."""
    try:
        yield
    except Exception as error:
        node = getattr(error, "node", None)
        if _DEBUG["on"] and node is not None:
            graph = module.fg
            name = graph.name or f"nngraph_{len(graph.inputs)}in_{len(graph.outputs)}out"
            try:
                dot(module, f"{name}: {type(error).__name__}", _free(name), highlight=node)
            except Exception as failure:  # whatever becomes of the picture, the error is told
                warnings.warn(f"setDebug: there is no picture: {failure}", stacklevel=2)
        raise


def _free(name: str) -> str:
    name, k, free = name.replace("/", "_"), 1, name.replace("/", "_")
    while Path(f"{free}.svg").exists():
        k += 1
        free = f"{name}_{k}"
    return free
