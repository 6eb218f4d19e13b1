"""A debugger for backpropagation through time: the steps of a recording, one command at a time."""

from __future__ import annotations

import cmd
import difflib
from typing import Any, TextIO

import numpy as np

from ..errors import TinygradError
from ..graph import Graph
from ..tensor import Tensor
from ..unroll import through_time, zero_state
from .by_now import gradient_by_now, received, shown, value_by_now
from .recording import RecordedStep, Recording, record

HELP = """\
next [COUNT], n, Enter   one step on (or COUNT)
back [COUNT], b          one step back
goto N | t=3 | f_3 | backward | end
                         to a step, by number, timestep, node or phase
print NAME, p            a value, and its gradient as far as it is summed up: f_3, W_h; f is f at
                         this timestep
watch NAME, w            print every contribution to the gradient of NAME, and the running sum
unwatch NAME             no longer
where                    timestep, phase, formula and the line that wrote the node
list, l                  the steps around this one
quit, q                  leave"""


class Stepper(cmd.Cmd):
    """Walks through the steps of a recording, as told by lines of text.

    Args:
        stdin: where commands come from; prompts are shown only if it is a terminal.
        stdout: where everything is printed.
        about: what to say first, such as what L is.
    """

    def __init__(
        self, recording: Recording, stdin: TextIO, stdout: TextIO, about: str = ""
    ) -> None:
        super().__init__(stdin=stdin, stdout=stdout)
        self.use_rawinput = stdin.isatty()
        self.recording, self.number, self.about = recording, 0, about
        self.watched: dict[str, Tensor] = {}
        self.prompt = self._prompt()

    @property
    def step(self) -> RecordedStep:
        """Where we are."""
        return self.recording.steps[self.number]

    def preloop(self) -> None:
        """Say what is stepped through, and show the first step."""
        forward = sum(step.phase == "forward" for step in self.recording.steps)
        counts = f"{forward} steps forward, {len(self.recording) - forward} backward"
        self.say(f"{self.about}{counts}; `help` lists the commands")
        self._show()

    def postcmd(self, stop: bool, line: str) -> bool:
        """A prompt says where we are."""
        self.prompt = self._prompt()
        return stop

    def onecmd(self, line: str) -> bool:
        """What cannot be done is said in one line, and nothing has moved."""
        try:
            return bool(super().onecmd(line))
        except TinygradError as error:
            self.say(str(error).partition("\n")[0])
            return False

    def emptyline(self) -> bool:
        """Enter goes on."""
        self.do_next("")
        return False

    def default(self, line: str) -> None:
        self.say(f"there is no command {line.split()[0]!r}; `help` lists them")

    def do_next(self, argument: str) -> None:
        """One step on, or several."""
        count = self._count(argument)
        if count is None:
            return
        if self.number == len(self.recording.steps) - 1:
            self.say("this is the last step; b goes back, q leaves")
        else:
            self._go(self.number + count)

    def do_back(self, argument: str) -> None:
        """One step back, or several."""
        count = self._count(argument)
        if count is not None and self.number == 0:
            self.say("this is the first step")
        elif count is not None:
            self._go(self.number - count)

    def do_goto(self, argument: str) -> None:
        """To a step by its number, a timestep, a node or a phase."""
        if (target := self._target(argument.strip())) is not None:
            self._go(target)

    def do_print(self, argument: str) -> None:
        """A node's value, and its gradient so far."""
        if not (name := argument.strip()):
            self.say("print what? A name such as f_3 or W_h")
        elif (node := self._node(name)) is not None:
            title, value = (
                self.recording.wording.name(node),
                value_by_now(self.recording, self.number, node),
            )
            self.say(f"{title} = {value}")
            self.say(f"dL/d{title} = {gradient_by_now(self.recording, self.number, node)}")

    def do_watch(self, argument: str) -> None:
        """Print contributions as they come."""
        name = argument.strip()
        if not name:
            self.say(f"watching {', '.join(self.watched) or 'nothing'}")
        elif (node := self._node(name)) is not None:
            self.watched[name] = node
            told = [
                text
                for k in range(self.number + 1)
                for text in received(self.recording, k, {name: node})
            ]
            self.say("\n".join(told) or f"watching {name}; its gradient is not computed yet")

    def do_unwatch(self, argument: str) -> None:
        """Stop printing them."""
        if self.watched.pop(argument.strip(), None) is None:
            self.say(f"{argument.strip() or 'nothing'} is not watched")

    def do_where(self, argument: str) -> None:
        """Where in time, in the run and in the source."""
        step, steps = self.step, self.recording.steps
        place = f"t = {step.t}" if step.t is not None else "outside time"
        self.say(f"step {self.number} of {len(steps) - 1}, {step.phase}, {place}")
        self.say(f"  {step.plain}")
        if step.node.where:
            self.say(f"  written at {step.node.where}")

    def do_list(self, argument: str) -> None:
        """The steps around."""
        start = max(0, self.number - 5)
        for step in self.recording.steps[start : self.number + 6]:
            mark = "->" if step.number == self.number else "  "
            time = f"t={step.t}" if step.t is not None else ""
            self.say(f"{mark} {step.number:4d}  {step.phase:8}  {time:5}  {step.plain}")

    def do_help(self, arg: str) -> None:
        """All commands."""
        self.say(HELP)

    def do_quit(self, argument: str) -> bool:
        """Leave."""
        return True

    def do_EOF(self, argument: str) -> bool:
        """The end of the input is a way to leave."""
        if self.use_rawinput:
            self.say("")
        return True

    do_n, do_b, do_g, do_p, do_w, do_l, do_q = (
        do_next, do_back, do_goto, do_print, do_watch, do_list, do_quit,
    )  # fmt: skip

    def completenames(self, text: str, *ignored: Any) -> list[str]:
        """Whole words only; their letters need no completing."""
        words = (
            "next",
            "back",
            "goto",
            "print",
            "watch",
            "unwatch",
            "where",
            "list",
            "help",
            "quit",
        )
        return [word for word in words if word.startswith(text)]

    def completedefault(self, text: str, *ignored: Any) -> list[str]:
        """Names of nodes and parameters."""
        names = {self.recording.wording.name(node) for node in self.recording.values}
        return sorted(name for name in names if name.startswith(text) and " " not in name)

    def say(self, text: str) -> None:
        """A line of output."""
        self.stdout.write(text.replace(" \n", "\n") + "\n")

    def _go(self, number: int) -> None:
        """Move, tell what was watched on the way, show where we have come."""
        before, last = self.number, len(self.recording.steps) - 1
        self.number = min(max(number, 0), last)
        self._tell(range(before + 1, self.number), self.watched)
        self._show()
        self._tell(range(max(before + 1, self.number), self.number + 1), self.watched)

    def _tell(self, steps: range, watched: dict[str, Tensor]) -> bool:
        """Print what these steps added to gradients that are watched; whether there was any."""
        told = [text for k in steps for text in received(self.recording, k, watched)]
        for text in told:
            self.say(text)
        return bool(told)

    def _show(self) -> None:
        step = self.step
        self.say(f"[{step.number}] {step.sentence}")
        if step.phase == "forward":
            self.say(f"    {step.name} = {shown(step.value)}")
            return
        self.say(f"    arriving: {shown(step.arriving)}")
        for c in step.contributions:
            if c.sent is None:
                continue
            name = self.recording.wording.name(c.parent)
            self.say(f"    -> {name}: {shown(c.sent)}")
            if c.of > 1:
                self.say(f"       sum so far ({c.number} of {c.of}): {shown(c.after)}")

    def _node(self, name: str) -> Tensor | None:
        """The node of this name; a name without a time means the one at this timestep."""
        titles = {self.recording.wording.name(node): node for node in self.recording.values}
        t = self.step.t if self.step.t is not None else 1
        for title in (name, f"{name}_{t}"):
            if title in titles:
                return titles[title]
        if name in self.recording.graph.parameters:
            return self.recording.graph.parameters[name]
        near = difflib.get_close_matches(name, titles, 4, 0.3)
        self.say(f"nothing is called {name!r}; near to it are {', '.join(near) or 'no names'}")
        return None

    def _target(self, text: str) -> int | None:
        last = len(self.recording.steps) - 1
        if text in ("start", "end"):
            return 0 if text == "start" else last
        if text in ("forward", "backward"):
            return self.recording.at(phase=text).number
        if text.isdecimal():
            if int(text) <= last:
                return int(text)
            self.say(f"there is no step {text}; the last is {last}")
            return None
        if text.replace(" ", "").startswith("t="):
            t = text.replace(" ", "")[2:]
            if t.isdecimal():
                return self.recording.at(t=int(t), phase=self.step.phase).number
        if not text or "=" in text:
            self.say("goto where? A number, t=3, a node such as f_3, backward, start or end")
            return None
        return self.recording.at(node=text, phase=self.step.phase).number

    def _count(self, argument: str) -> int | None:
        text = argument.strip() or "1"
        if text.isdecimal():
            return int(text)
        self.say(f"{text!r} is no number of steps")
        return None

    def _prompt(self) -> str:
        return f"({self.step.phase} {self.number}) " if self.use_rawinput else ""


def recorded_cell(cell: Graph, T: int, seed: int) -> Recording:
    """One example through the cell over T steps, L the sum of all h_t."""
    draw = np.random.default_rng(seed)
    graph = through_time(cell, T)
    xs = draw.standard_normal((T, 1, *cell.inputs[0].shape[1:]))
    start = [s.data for s in zero_state(cell, 1)]
    graph.forward(*xs, *start)
    ones = [np.ones(h.shape) for h in graph.outputs[:T]]
    return record(graph, *xs, *start, seeds=[*ones, *[None] * len(start)])
