"""Explanations of a run: every step of it recorded, in the words of its author."""

from .recording import Contribution, RecordedStep, Recording, Summary, record

__all__ = ["Contribution", "RecordedStep", "Recording", "Summary", "record"]
