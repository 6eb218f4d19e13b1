"""What can go wrong: every error of ours, under one base class."""

from __future__ import annotations

from typing import Any


class TinygradError(Exception):
    """The base of every error that this package raises.

    `error.node` is the node at fault, so that `draw(graph, highlight=error.node)` can mark it red.
    """

    node: Any = None


class ShapeError(TinygradError, ValueError):
    """Shapes that do not fit each other."""


class GraphError(TinygradError, ValueError):
    """A graph that is not one: an input never fed, an output never reached, a wrong count."""


class ArgumentError(TinygradError, TypeError):
    """Something that is no tensor where a tensor is meant."""


class DtypeError(TinygradError, TypeError):
    """Numbers of the wrong kind: mixed precision, or integers asked for gradients."""


class RangeError(TinygradError, IndexError):
    """A class or row number outside the vocabulary."""


class BackendError(TinygradError, RuntimeError):
    """Arrays on two devices, or a device that is not there."""


class RenderError(TinygradError, RuntimeError):
    """A picture in a format that needs an engine that is not there."""


class TextError(TinygradError, ValueError):
    """A text that cannot be read or trained on."""


class GradientError(TinygradError, AssertionError):
    """A gradient that differs from what differences say."""
