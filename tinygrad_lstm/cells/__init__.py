"""One small file per cell; importing this package registers them all in CELLS."""

from .cifg import cifg
from .gru import gru
from .lstm import lstm
from .lstm_by_gate import lstm_by_gate
from .peephole import peephole
from .rnn import rnn

__all__ = ["cifg", "gru", "lstm", "lstm_by_gate", "peephole", "rnn"]
