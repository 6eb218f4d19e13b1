"""Drawings: what there is (view), where it stands (layout, tiles), what is written (svg, dot)."""

from .draw import Drawing, RenderWarning, draw

__all__ = ["Drawing", "RenderWarning", "draw"]
