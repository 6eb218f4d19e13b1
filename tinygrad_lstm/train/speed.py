"""How training was made fast: what the plan did to the network, and what that gained."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from ..errors import RenderError
from ..plan import PASSES, compile
from ..unroll import through_time
from .loop import Recipe
from .model import CharModel
from .text import Text, Window, lanes_for, windows
from .ways import Eager, Planned, Way

TURNS = 8
"""How often each way is measured, and in at most so many `SECONDS` for all together."""
SECONDS = 4.0
ROOM = 1e9
"""Bytes that the plans of all passes may take together; else only the whole one is measured."""
GRAPH = "node by node"
PICTURED = (
    "What becomes of the cell: each dashed box says whether it is computed once, for many steps at "
    "once, or step after step; dashed arrows lead into the next step."
)


@dataclass(frozen=True)
class Speed:
    """What the plan of a run has to say for itself.

    Attributes:
        explanation: of the plan, as `plan.explain` gives it.
        picture: the plan of the cell alone, over as many timesteps; empty without Graphviz.
        shape: of a window: how many timesteps, and how many lanes.
        seconds: of processor time for a window: of the graph, of the plan without passes, and with
            each pass after those before it; empty where the page states no times.
    """

    explanation: Any
    picture: str
    shape: tuple[int, int]
    seconds: dict[str, float] = field(default_factory=dict)


def measure_speed(model: CharModel, text: Text, recipe: Recipe) -> Speed | None:
    """Explain the plan and, unless the run can be repeated to the byte, time it; None if eager."""
    if recipe.eager:
        return None
    lanes = lanes_for(len(text.training), recipe.N, recipe.T)
    window, network = next(windows(text.training, lanes, recipe.T)), model.network(recipe.T)
    state, whole = model.start(lanes), Planned(network)
    whole.learn(window, state)
    found, picture = whole.plan.explain(), drawn(model, window)
    if recipe.steps:
        return Speed(found, picture, window.ids.shape)
    together = sum(stage.memory for stage in found.stages) < ROOM
    ways: dict[str, Way] = {GRAPH: Eager(network)}
    for k, stage in enumerate(found.stages):
        if together or stage is found.stages[-1]:
            ways[stage.name] = Planned(network, found.passes[:k])
    return Speed(found, picture, window.ids.shape, race(ways, window, state))


def drawn(model: CharModel, window: Window) -> str:
    """The plan of the cell over the timesteps of a window, a gradient arriving at every h."""
    (T, N), cell = window.ids.shape, model.cell
    network = through_time(cell, T)
    x, h = (np.zeros((N, node.axes[-1]), "float32") for node in (cell.inputs[0], cell.outputs[-1]))
    state = model.start(N)
    plan = compile(network).prepare(*[x] * T, *state, seeds=[h] * T + [None] * len(state))
    try:
        return plan.draw().svg
    except RenderError:
        return ""


def race(ways: Mapping[str, Way], window: Window, state: list[np.ndarray]) -> dict[str, float]:
    """The median seconds of processor time for a window, each way; they take turns."""
    taken: dict[str, list[float]] = {name: [] for name in ways}
    for way in ways.values():
        way.learn(window, state)
    begun = time.process_time()
    for _ in range(TURNS):
        for name, way in ways.items():
            before = time.process_time()
            way.learn(window, state)
            taken[name].append(time.process_time() - before)
        if time.process_time() - begun > SECONDS:
            break
    return {name: float(np.median(seconds)) for name, seconds in taken.items()}


def compared(speed: Speed | None) -> str:
    """Plan against graph in one sentence, whichever way it came out."""
    if speed is None:
        return (
            "In this run the plan was switched off (--eager): every window went through the graph."
        )
    if not speed.seconds:
        return "This run can be repeated to the byte, so its page states no times."
    T, N = speed.shape
    graph, plan = speed.seconds[GRAPH], list(speed.seconds.values())[-1]
    ratio = graph / max(plan, 1e-9)
    verdict = f"{ratio:.1f} times as long" if ratio >= 1.05 else "so the plan gained nothing here"
    return (
        f"Forward and backward through a window of {T} characters in {N} places takes the plan "
        f"{1000 * plan:.1f} ms, and the graph, node by node, {1000 * graph:.1f} ms: {verdict} "
        "(processor time, measured after training, in turns)."
    )


def plan_told(speed: Speed | None, figure: str) -> str:
    """The passes as a table, the picture, and the explanation to unfold; empty without a plan."""
    if speed is None:
        return ""
    shown = f"<p>{PICTURED}</p>\n{figure}" if figure else ""
    return f"""<p>The list is made in passes. What a pass does is right for any graph, so gradients
differ by rounding only; none knows what an LSTM is. A line says what a window costs when the pass
is added to those above it; some passes only prepare the next.</p>
<div class="passes" tabindex="0"><table>{pass_table(speed)}</table></div>
{shown}
<details><summary>Everything that is computed, and when</summary>
<div class="plan" tabindex="0">{speed.explanation.html}</div></details>"""


def pass_table(speed: Speed) -> str:
    """A row for each pass: its law, and what the plan costs from there on."""
    heads = ["pass", "calls", "memory", *["time"] * bool(speed.seconds)]
    rows = ["".join(f"<th>{head}</th>" for head in heads)]
    for stage in speed.explanation.stages:
        cells = [law(stage.name), f"{stage.cost.calls:,}", f"{stage.memory / 1e6:.1f} MB"]
        if stage.name in speed.seconds:
            cells.append(f"{1000 * speed.seconds[stage.name]:.1f} ms")
        rows.append("".join(f"<td>{cell}</td>" for cell in cells))
    return "\n".join(f"<tr>{row}</tr>" for row in rows)


def law(name: str) -> str:
    """The pass, what it says about itself first, and the first equation that it gives."""
    if not name:
        return "<b>none</b>: the graph as it is written, every result in a place of its own"
    sentence, _, more = PASSES[name].algebra.partition("\n")
    equations = [] if "$" in sentence else EQUATION.findall(more)[:1]
    words = " ".join([sentence, *(f"${latex}$" for latex in equations)])
    return f"<b>{name}</b>: " + FORMULA.sub(r'<span class="math">\1</span>', html.escape(words))


EQUATION = re.compile(r"\$([^$]*=[^$]*)\$")
FORMULA = re.compile(r"\$([^$]+)\$")
