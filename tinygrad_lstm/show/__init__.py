"""Pictures and equations of a graph: readings of its nodes, for people."""

from typing import TYPE_CHECKING, Any

from ..graph import VIEW
from .equations import Equations, Operand, equations, typeset
from .symbols import Symbols

if TYPE_CHECKING:
    from .drawing import Drawing, RenderWarning, draw

__all__ = [
    "Drawing",
    "Equations",
    "Operand",
    "RenderWarning",
    "Symbols",
    "draw",
    "equations",
    "typeset",
]


def __getattr__(name: str) -> Any:
    """Drawing is imported when first used: it costs as much time as a third of NumPy."""
    if name in ("Drawing", "RenderWarning", "draw"):
        from . import drawing

        return getattr(drawing, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def _in_notebook(graph: Any) -> dict[str, str]:
    from .drawing import draw

    return draw(graph)._repr_mimebundle_()


VIEW["graph"] = _in_notebook
