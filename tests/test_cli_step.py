"""The terminal stepper, driven through a pipe and through a terminal."""

import io
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import tinygrad_lstm as tl
from tinygrad_lstm.explain.terminal import Stepper, recorded_cell

ROOT = str(Path(tl.__file__).parent.parent)
BY_GATE = ("--cell", "lstm_by_gate")


def piped(commands, *options):
    """Run the command with lines on its standard input: status, output, errors."""
    done = subprocess.run(
        [sys.executable, "-m", "tinygrad_lstm", "step", *options],
        input=commands,
        capture_output=True,
        env=dict(os.environ, PYTHONPATH=ROOT),
    )
    return done.returncode, done.stdout.decode(), done.stderr.decode()


def told(*commands, cell="lstm_by_gate", T=3):
    """What the stepper says to the commands, without a process of its own."""
    tl.seed(0)
    out = io.StringIO()
    recording = recorded_cell(tl.CELLS[cell](3, 2), T, 0)
    stepper = Stepper(recording, io.StringIO("".join(f"{c}\n" for c in commands)), out)
    stepper.cmdloop()
    return out.getvalue(), stepper


def numbers(text):
    return np.array([float(x) for x in re.findall(r"-?\d+(?:\.\d+)?(?:e-?\d+)?", text)])


def test_a_pipe_is_walked_through_without_prompts_and_ends_with_status_0():
    status, out, err = piped(b"n\n\nback\nwhere\nquit\nn\n")
    assert (status, err) == (0, "")
    shown = re.findall(r"^\[(\d+)\]", out, re.M)
    assert shown == ["0", "1", "2", "1"]
    assert out.endswith("written at lstm.py:17\n") and "step 1 of 119, forward, t = 1" in out
    assert "(forward" not in out


@pytest.mark.parametrize("commands", [b"", b"n\n", b"n", b"print W_h"])
def test_the_end_of_the_input_ends_it_with_status_0(commands):
    status, out, err = piped(commands, "--T", "2")
    assert (status, err) == (0, "") and "L is the sum of all h_t" in out


def test_bytes_that_are_no_text_are_an_unknown_command():
    status, out, err = piped(b"\xff\xfe\nn\n", "--T", "1")
    assert (status, err) == (0, "")
    assert "there is no command" in out and "[1]" in out


def test_a_reader_that_has_enough_ends_it_quietly():
    run = subprocess.Popen(
        [sys.executable, "-m", "tinygrad_lstm", "step", "--T", "30"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=dict(os.environ, PYTHONPATH=ROOT),
    )
    assert run.stdout is not None and run.stdin is not None and run.stderr is not None
    run.stdout.close()
    run.stdin.write(b"list\n" * 500)
    run.stdin.close()
    assert run.stderr.read() == b"" and run.wait() == 0
    run.stderr.close()


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--cell", "lstn"), "no cell 'lstn'"),
        (("--T", "0"), "--T"),
        (("--hidden", "x"), "--hidden"),
    ],
)
def test_options_that_make_no_sense_are_refused(options, message):
    status, out, err = piped(b"", *options)
    assert status == 2 and out == "" and message in err


def test_the_same_seed_gives_the_same_text():
    commands = b"goto end\nprint W_hf\n"
    assert piped(commands, *BY_GATE, "--seed", "3") == piped(commands, *BY_GATE, "--seed", "3")
    assert piped(commands, *BY_GATE) != piped(commands, *BY_GATE, "--seed", "3")


@pytest.mark.parametrize("cell", sorted(tl.CELLS))
def test_every_cell_can_be_walked_through_to_its_end(cell):
    out, stepper = told("n 10000", "n", cell=cell)
    assert stepper.number == len(stepper.recording) - 1
    assert "this is the last step" in out


def test_steps_forward_and_back_stop_at_the_ends():
    out, stepper = told("b", "n 3", "b 2", "next 2", "back 99")
    assert re.findall(r"^\[(\d+)\]", out, re.M) == ["0", "3", "1", "3", "0"]
    assert stepper.number == 0 and "this is the first step" in out


def test_goto_knows_numbers_times_nodes_phases_and_the_end():
    _, s = told("goto 7")
    assert s.number == 7
    _, s = told("goto t=3")
    assert (s.step.t, s.step.phase) == (3, "forward")
    _, s = told("goto backward", "goto t = 2")
    assert (s.step.t, s.step.phase) == (2, "backward")
    _, s = told("goto f_3")
    assert (s.step.name, s.step.phase) == ("f_3", "forward")
    _, s = told("goto end", "goto start")
    assert s.number == 0


@pytest.mark.parametrize(
    ("command", "answer"),
    [
        ("goto 9999", "there is no step 9999"),
        ("goto t=9", "t goes from 1 to 3"),
        ("goto", "goto where?"),
        ("goto t=x", "goto where?"),
        ("goto fff", "there is no such step"),
        ("n x", "'x' is no number of steps"),
        ("frobnicate", "there is no command 'frobnicate'"),
        ("print", "print what?"),
        ("print W_fh", "nothing is called 'W_fh'; near to it are W_"),
        ("watch W_fh", "nothing is called 'W_fh'"),
        ("unwatch W_hf", "W_hf is not watched"),
        ("watch", "watching nothing"),
    ],
)
def test_what_cannot_be_done_is_one_line_and_moves_nothing(command, answer):
    out, stepper = told("n 4", command)
    last = out.rstrip("\n").split("\n")[-1]
    assert answer in last and stepper.number == 4


def test_print_shows_a_value_only_once_it_is_computed():
    out, stepper = told("print f_2", "goto f_2", "print f", "goto end", "print f_2")
    node = stepper.recording.at(t=2, node="f").node
    before, then, after = (
        re.findall(r"^f_2 = ([^(]*?)$", out, re.M)[:1] + re.findall(r"^f_2 = (.*)$", out, re.M)[-2:]
    )
    assert before == "not computed yet"
    np.testing.assert_allclose(numbers(then), node.numpy()[0], rtol=1e-3)
    assert after == then
    gradients = re.findall(r"^dL/df_2 = (.*)$", out, re.M)
    assert gradients[:2] == ["not computed yet"] * 2
    np.testing.assert_allclose(numbers(gradients[2]), node.grad[0], atol=1e-4)


def test_the_gradient_of_a_node_is_shown_as_far_as_it_is_summed_up():
    out, _ = told("watch W_hf", "goto backward", "goto t=2", "print W_hf")
    assert "(1 of 3 contributions)" in out


def test_watch_prints_every_contribution_and_the_running_sum():
    out, stepper = told("watch W_hf", "goto end")
    blocks = re.findall(r"W_hf receives (\d) of 3, t = (\d):(.*?)W_hf, running sum:"
                        r"(.*?)(?=^  W_hf receives|^\[\d)", out, re.M | re.S)  # fmt: skip
    assert [(k, t) for k, t, _, _ in blocks] == [("1", "3"), ("2", "2"), ("3", "1")]
    sums = np.cumsum([numbers(sent) for _, _, sent, _ in blocks], axis=0)
    for (_, _, _, total), expected in zip(blocks, sums):
        np.testing.assert_allclose(numbers(total), expected, rtol=2e-3, atol=1e-6)
    W = stepper.recording.graph.parameters["W_hf"]
    np.testing.assert_allclose(sums[-1], W.grad.ravel(), rtol=2e-3, atol=1e-6)


def test_watching_late_tells_what_has_come_already_and_unwatching_ends_it():
    out, _ = told("goto end", "watch W_hf", "unwatch W_hf", "watch")
    assert out.count("W_hf receives") == 3
    assert out.rstrip().endswith("watching nothing")


def test_list_marks_the_step_where_we_are():
    out, _ = told("goto 7", "l")
    (marked,) = re.findall(r"^->\s+(\d+)", out, re.M)
    assert marked == "7" and len(re.findall(r"^(?:->|  )\s+\d+  forward", out, re.M)) == 11


def test_help_names_every_command():
    out, _ = told("help")
    for word in ("next", "back", "goto", "print", "watch", "unwatch", "where", "list", "quit"):
        assert re.search(rf"^{word}\b", out, re.M), word


def test_names_are_completed():
    _, stepper = told()
    assert stepper.completenames("wa") == ["watch"]
    assert stepper.completedefault("W_hf") == ["W_hf"]
    assert stepper.completedefault("f_") == ["f_1", "f_2", "f_3"]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals on Windows")
def test_a_terminal_gets_a_prompt_and_ends_with_control_d():
    import pty

    ours, theirs = pty.openpty()
    run = subprocess.Popen(
        [sys.executable, "-m", "tinygrad_lstm", "step", "--T", "1"],
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=dict(os.environ, PYTHONPATH=ROOT, TERM="dumb"),
        close_fds=True,
    )
    os.close(theirs)
    os.write(ours, b"n\n")
    seen = b""
    while b"(forward 1) " not in seen:
        seen += os.read(ours, 4096)
    os.write(ours, b"\x04")
    assert run.wait(timeout=30) == 0
    os.close(ours)
    assert b"(forward 0) " in seen and b"[1] t = 1, forward" in seen
