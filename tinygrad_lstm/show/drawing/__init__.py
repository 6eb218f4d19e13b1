"""Drawings: what there is (view), where it stands (layout, tiles), what is written (svg, dot)."""

from .draw import Drawing, RenderWarning, draw
from .engine import render
from .style import colours

__all__ = ["Drawing", "RenderWarning", "colours", "draw", "render"]
