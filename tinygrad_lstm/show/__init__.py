"""Pictures and equations of a graph: readings of its nodes, for people."""

from .equations import Equations, equations

__all__ = ["Equations", "equations"]
