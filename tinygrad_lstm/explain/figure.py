"""Matplotlib when there is a plot to make, and advice when it is not there."""

from __future__ import annotations

from typing import Any

from ..errors import RenderError


def axes(ax: Any = None, *, title: str, x_label: str, y_label: str) -> Any:
    """The axes to plot on: those given, or new ones, with title and labels.

    Raises:
        RenderError: matplotlib is not there.
    """
    if ax is None:
        try:
            from matplotlib import pyplot
        except ImportError:
            raise RenderError("plot: this needs matplotlib: pip install matplotlib") from None
        ax = pyplot.subplots(figsize=(7, 4), layout="constrained")[1]
    ax.set(title=title, xlabel=x_label, ylabel=y_label)
    return ax


def finish(ax: Any, whole: bool = True) -> Any:
    """The legend beside the lines, and ticks at whole numbers only, for timesteps are whole."""
    ax.legend(loc="center left", bbox_to_anchor=(1, 0.5))
    if whole:
        ax.xaxis.get_major_locator().set_params(integer=True)
    return ax


def time_map(ax: Any, values: Any, label: str) -> None:
    """A matrix over (t, k), both counted from 1, as colours on an axis of powers of ten."""
    import numpy as np
    from matplotlib.colors import LogNorm

    shown = np.ma.masked_less_equal(np.asarray(values, float), 0)
    rows, columns = shown.shape
    scale = LogNorm(*_range(shown))
    image = ax.imshow(
        shown, norm=scale, aspect="auto", origin="lower",
        extent=(0.5, columns + 0.5, 0.5, rows + 0.5), interpolation="nearest",
    )  # fmt: skip
    ax.figure.colorbar(image, ax=ax, label=label)
    ax.xaxis.get_major_locator().set_params(integer=True)
    ax.yaxis.get_major_locator().set_params(integer=True)


def _range(shown: Any) -> tuple[float, float]:
    if not shown.count():
        return 0.1, 1.0
    low, high = float(shown.min()), float(shown.max())
    return low, high if high > low else 10 * low
