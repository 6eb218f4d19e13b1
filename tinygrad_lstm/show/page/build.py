"""The page put together: template, style, script, drawing and numbers in one HTML text."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from html import escape
from importlib.resources import files
from pathlib import Path
from string import Template
from typing import Any

from ...errors import ArgumentError
from ...staging import staged
from ..canvas import escaped
from ..drawing import draw
from .data import page_data

SCRIPTS = ("arrays.js", "drawing.js", "ledger.js", "panel.js", "strip.js", "stepper.js")
UNUSED_FONTS = "AMS|Caligraphic|Fraktur|SansSerif|Script|Typewriter"


def stepper_page(recording: Any) -> str:
    """One HTML text that holds everything: no server, no network, opens from disk."""
    katex, script = _vendored("katex.min.js"), bundle()
    title = recording.graph.name or "a graph"
    drawing = draw(
        recording.graph, "op", steps="all", title="", notes=_names(recording)
    ).svg_with_prefix("d-")
    return Template(_own("stepper.html")).substitute(
        title=escaped(title),
        script_hashes=f"{_hash(katex)} {_hash(script)}",
        katex_css=_fonts_in_use(_vendored("katex.min.css")),
        css=_own("stepper.css"),
        drawing=drawing[drawing.index("<svg") :],
        note=escaped(recording.note),
        data=as_script_data(page_data(recording)),
        katex_js=katex,
        stepper_js=script,
    )


def _names(recording: Any) -> dict[Any, dict[str, str]]:
    """What the sentences call the nodes that have no name of their own."""
    anonymous = (n for n in recording.graph.nodes if not n.name and n.op is not None)
    return {n: {"description": recording.wording.name(n)} for n in anonymous}


def write_page(page: str, path: str | os.PathLike) -> None:
    """Write the page so that an older file survives whatever goes wrong."""
    place = Path(path)
    if place.suffix.lower() not in (".html", ".htm"):
        raise ArgumentError(f"save: {place} ends in neither .html nor .htm")
    with staged(place.parent, place.name) as folder:
        (folder / place.name).write_text(page, encoding="utf-8", newline="\n")


def embedded(page: str, height: int = 860) -> str:
    """The page within a page: a frame of its own, so that neither's style meets the other."""
    return (
        f'<iframe srcdoc="{escape(page)}" title="step through the recording" '
        f'sandbox="allow-scripts" loading="lazy" '
        f'style="width:100%;height:{height}px;border:1px solid #8884;border-radius:6px"></iframe>'
    )


def bundle() -> str:
    """The modules of the page as one, eldest first; what they import from each other is there."""
    joined = "\n".join(_own(name) for name in SCRIPTS)
    joined = re.sub(r"^import .*?;\n", "", joined, flags=re.MULTILINE | re.DOTALL)
    return re.sub(r"^export ", "", joined, flags=re.MULTILINE)


def as_script_data(data: Any) -> str:
    """JSON that no text in it can break out of: <, > and & are escapes, and all is ASCII."""
    text = json.dumps(data, separators=(",", ":"), allow_nan=False)
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def _fonts_in_use(css: str) -> str:
    unused = rf"@font-face\{{[^{{}}]*?font-family:\"?KaTeX_(?:{UNUSED_FONTS})\"?;[^{{}}]*\}}"
    return re.sub(unused, "", css)


def _own(name: str) -> str:
    return (files("tinygrad_lstm.show") / "page" / name).read_text(encoding="utf-8")


def _vendored(name: str) -> str:
    place = files("tinygrad_lstm.show") / "vendor" / "katex" / name
    return place.read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """How the page's security policy names a script text that may run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
