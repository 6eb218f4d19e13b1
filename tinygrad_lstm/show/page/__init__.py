"""The step-through page: a recording as one HTML file, in a notebook cell, and as a widget."""

from .build import embedded, stepper_page, write_page
from .widget import widget

__all__ = ["embedded", "stepper_page", "widget", "write_page"]
