"""The page as a notebook widget, whose step Python can read and set."""

from __future__ import annotations

from importlib.resources import files
from typing import Any

from ...errors import BackendError
from .build import embedded


def widget(recording: Any, height: int = 860) -> Any:
    """An anywidget with the traits `step` (both ways) and `page`.

    Raises:
        BackendError: if anywidget is not installed.
    """
    try:
        import anywidget
        import traitlets
    except ImportError as error:
        raise BackendError(
            "widget: anywidget is not installed: pip install anywidget\n"
            "  without it, the recording itself as the last line of a cell shows the same page"
        ) from error
    page = recording.page()

    class Stepper(anywidget.AnyWidget):
        _esm = (files("tinygrad_lstm.show") / "page" / "widget.js").read_text(encoding="utf-8")
        frame = traitlets.Unicode().tag(sync=True)
        step = traitlets.Int(0).tag(sync=True)

    return Stepper(frame=embedded(page, height))
