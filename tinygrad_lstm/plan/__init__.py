"""The fast path: compile the same graph into a list of array calls."""

from .compile import compile
from .passes import PASSES, Pass
from .plan import Plan

__all__ = ["PASSES", "Pass", "Plan", "compile"]
