"""The gradient-check doctor: a hand-written backward pass examined, and its bug named."""

from .doctor import doctor
from .verdict import Deviation, Verdict

__all__ = ["Deviation", "Verdict", "doctor"]
