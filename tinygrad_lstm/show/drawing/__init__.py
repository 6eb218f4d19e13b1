"""Drawings: a reading of the nodes (view), a place for every box (layout, tiles), a text (svg, dot)."""

from .draw import Drawing, RenderWarning, draw

__all__ = ["Drawing", "RenderWarning", "draw"]
