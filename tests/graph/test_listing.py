"""print(graph): golden text, the same at every run."""

import os
import subprocess
import sys

import tinygrad_lstm as tl

LSTM = """\
%1   x               (N, 3)   Input
%2   c_prev          (N, 2)   Input
%3   h_prev          (N, 2)   Input
%4   W_x             (8, 3)   Parameter
%5   b_x             (8,)     Parameter
%6   i2h             (N, 8)   Affine() %1 %4 %5
%7   W_h             (8, 2)   Parameter
%8   b_h             (8,)     Parameter
%9   h2h             (N, 8)   Affine() %3 %7 %8
%10  preactivations  (N, 8)   CAdd() %6 %9
%11                  (N, 6)   Narrow(axis=1, start=0, length=6) %10
%12  all_gates       (N, 6)   Sigmoid() %11
%13                  (N, 2)   Narrow(axis=1, start=6, length=2) %10
%14  in_transform    (N, 2)   Tanh() %13
%15  in_gate         (N, 2)   Narrow(axis=1, start=0, length=2) %12
%16  forget_gate     (N, 2)   Narrow(axis=1, start=2, length=2) %12
%17  out_gate        (N, 2)   Narrow(axis=1, start=4, length=2) %12
%18  c_forget        (N, 2)   CMul() %16 %2
%19  c_input         (N, 2)   CMul() %15 %14
%20  next_c          (N, 2)   CAdd() %18 %19
%21                  (N, 2)   Tanh() %20
%22  next_h          (N, 2)   CMul() %17 %21
-> %20 %22"""

PROGRAM = """
import tinygrad_lstm as tl
tl.seed(1)
graph = tl.through_time(tl.stack([tl.cells.lstm(2, 3), tl.cells.gru(3, 2)]), 2)
print(graph, graph.differentiate(), list(graph.parameters))
print([float(p.data.sum()) for p in graph.parameters.values()])
"""


def squeezed(text):
    """Without the widths of the columns."""
    return [" ".join(line.split()) for line in text.splitlines()]


def test_the_posts_cell_is_listed_with_its_authors_names():
    assert squeezed(str(tl.cells.lstm(3, 2))) == squeezed(LSTM)


def test_the_columns_of_a_listing_stand_below_each_other():
    lines = str(tl.cells.lstm(3, 2)).splitlines()[:-1]
    shapes = {line.index("(") for line in lines}
    assert len(shapes) == 1


def test_scopes_are_part_of_the_listed_names():
    listing = str(tl.through_time(tl.cells.rnn(1, 1), 2))
    assert "h @ t=1" in listing and "h @ t=2" in listing


def test_listings_are_the_same_whatever_the_hash_seed():
    texts = set()
    for hash_seed in ("0", "1", "77"):
        environment = {**os.environ, "PYTHONHASHSEED": hash_seed}
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stderr
        texts.add(done.stdout)
    assert len(texts) == 1 and "CMul" in texts.pop()
