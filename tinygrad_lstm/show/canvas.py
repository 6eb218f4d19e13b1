"""A sheet to put lines, words and squares on, written out as SVG."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Mapping, Sequence

STYLE = (
    ".tgl{color:#1f2937;font:12px system-ui,sans-serif}"
    ".tgl .mono{font-family:ui-monospace,monospace}"
    "@media screen and (prefers-color-scheme:dark){.tgl{color:#e5e7eb}}"
)
FORBIDDEN = re.compile(
    "[^\\t\\n\\r\\x20-\\x7e\\x85\\xa0-\\ud7ff\\ue000-\\ufffd\\U00010000-\\U0010ffff]"
)
"""What XML 1.0 does not let stand in a document, nor should."""
NAMES = {" ": "␣", "\n": "↵", "\t": "⇥"}


def visible(text: str) -> str:
    """The text with a sign for every character that would not be seen, or that XML forbids."""
    hidden = ("Cc", "Cf", "Cs", "Cn", "Co", "Zl", "Zp")
    plain = ("\ufffd" if unicodedata.category(c) in hidden else c for c in text)
    return "".join(NAMES.get(c, p) for c, p in zip(text, plain))


def escaped(text: str) -> str:
    """Any text as the content of an element or of a quoted attribute."""
    return html.escape(FORBIDDEN.sub("\ufffd", text))


class Canvas:
    """An SVG picture of a fixed size that grows by what is put on it."""

    def __init__(self, width: float, height: float, title: str) -> None:
        self.size, self.title = (round(width), round(height)), title
        self.parts: list[str] = []
        self.text(8, 16, title, bold=True, size=14)

    def text(
        self, x: float, y: float, words: str, anchor: str = "start", *,
        ink: str = "currentColor", size: float = 12, bold: bool = False, mono: bool = False,
    ) -> None:  # fmt: skip
        """Words on one line, anchored at x."""
        more = f' text-anchor="{anchor}"' if anchor != "start" else ""
        more += ' font-weight="600"' if bold else ""
        more += ' class="mono"' if mono else ""
        more += f' font-size="{size:g}"' if size != 12 else ""
        self.parts.append(
            f'<text x="{x:.1f}" y="{y:.1f}" fill="{ink}"{more}>{escaped(words)}</text>'
        )

    def line(
        self, points: Sequence[tuple[float, float]], ink: str, *,
        dashed: bool = False, faint: bool = False,
    ) -> None:  # fmt: skip
        """A line through the points."""
        more = ' stroke-dasharray="6 4"' if dashed else ""
        more += ' stroke-opacity=".18"' if faint else ""
        width = 1 if dashed or faint else 2
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in points)
        self.parts.append(
            f'<polyline points="{path}" fill="none" stroke="{ink}" stroke-width="{width}"{more}/>'
        )

    def cells(self, runs: Mapping[str, Sequence[str]], corner: tuple, unit: float) -> None:
        """Rectangles in units of one cell, by colour."""
        paths = "".join(f'<path fill="{ink}" d="{"".join(d)}"/>' for ink, d in runs.items())
        x, y = corner
        self.parts.append(
            f'<g transform="translate({x:g} {y:g}) scale({unit:g})" '
            f'shape-rendering="crispEdges">{paths}</g>'
        )

    def frame(self, x: float, y: float, width: float, height: float) -> None:
        """A thin rectangle."""
        self.parts.append(
            f'<rect x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" '
            'fill="none" stroke="#6b7280" stroke-width=".7"/>'
        )

    def svg(self) -> str:
        """The picture as a file's content."""
        width, height = self.size
        body = "\n".join(self.parts)
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" class="tgl" role="img" '
            f'width="{width}" height="{height}" viewBox="0 0 {width} {height}">'
            f"<title>{escaped(self.title)}</title><style>{STYLE}</style>\n{body}\n</svg>\n"
        )
