"""A long sequence in segments: values are kept at their borders, and computed again inside."""

from .driver import Segmented
from .ranks import segments_of, times_of

__all__ = ["Segmented", "segments_of", "times_of"]
