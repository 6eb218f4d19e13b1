"""How drawings look: one colour family for each kind of op, and the sizes of text and boxes."""

from __future__ import annotations

import unicodedata
from typing import Any

INK = "#1b1f24"
FAINT = "#57606a"
PAPER = "#ffffff"

KINDS: dict[str, tuple[str, str]] = {  # kind -> (fill, border)
    "linear": ("#cfe4f7", "#0b5fa5"),
    "gate": ("#fde7b8", "#946200"),
    "slice": ("#e4e7eb", "#5c6670"),
    "elementwise": ("#d2efe2", "#00724f"),
    "reduce": ("#e8ddf5", "#6b3fa0"),
    "loss": ("#fbd9cc", "#a83c00"),
    "flow": ("#f3f4f6", "#5c6670"),
    "input": ("#ffffff", "#1b1f24"),
    "data": ("#ffffff", "#5c6670"),
    "weight": ("#ffffff", "#0b5fa5"),
}
"""The hues (blue, amber, green, purple, vermilion) are told apart by colour-blind readers too, and
the text says the same once more: nothing depends on seeing colour."""

FAULT = ("#b3001b", "#5c000e", "#ffffff")
"""Fill, border and text of the node that `highlight` marks."""

WEIGHTS = ("#0b5fa5", "#a83c00", "#00724f", "#8a3f9e", "#7a5c00", "#a3194f", "#006d77", "#4a4a9c")
"""The lines of shared weights take these in turn."""

FONT = "Helvetica, Arial, sans-serif"
SIZE = 12.0
LINE = 15.0
MARGIN = 8.0


def colours(kind: str) -> tuple[str, str]:
    """Fill and border of a kind; kinds that a new op invents look like `flow`."""
    return KINDS.get(kind, KINDS["flow"])


def paint(box: Any) -> tuple[str, str, str]:
    """Fill, border and text colour of a box: its kind's, or what `notes` say; red for the fault."""
    if box.fault:
        return FAULT
    fill, border = colours(box.kind)
    own = box.notes
    return own.get("fillcolor", fill), own.get("color", border), own.get("fontcolor", INK)


def text_width(text: str, size: float = SIZE) -> float:
    """A width in which the text fits in any common font, from the number of characters alone."""
    wide = sum(unicodedata.east_asian_width(c) in "WF" for c in text) if not text.isascii() else 0
    return size * (0.58 * len(text) + 0.45 * wide)
