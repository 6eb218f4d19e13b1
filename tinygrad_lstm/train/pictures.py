"""The pictures of the report, each as SVG text under its file name."""

from __future__ import annotations

import numpy as np

from ..explain import GradientFlow, Ledger
from ..show import draw
from ..show.canvas import visible
from ..show.maps import time_map
from ..show.plots import Band, Level, Panel, heatmap, largest, line_chart, small_multiples
from ..unroll import through_time
from .evidence import Evidence, Run
from .loop import History
from .probe import Probe, gates

ROWS = 36
"""How many rows a heatmap has at most, all its bands together (but at least 4 in a band)."""

SIDE = 24
"""How many rows and columns of a weight are shown."""


def pictures(run: Run, seen: Evidence) -> dict[str, str]:
    """File name -> SVG of every picture of the report."""
    read = seen.probe.sentence.characters
    return {
        "loss.svg": loss_curve(run.history, run.baselines),
        "cell.svg": draw(run.model.cell, level="layer").svg,
        "unrolled.svg": draw(through_time(run.model.cell, 4), weights="shared").svg,
        "gates.svg": gate_heatmap(seen.probe),
        "states.svg": state_heatmap(seen.probe),
        "gradients-last.svg": norm_chart(seen.last, read, "Gradient of the last character's loss"),
        "gradients-mean.svg": norm_chart(seen.mean, read, "Gradient of the mean loss"),
        "gradients-map.svg": gradient_map(seen.flow, read),
        "weight.svg": weight_panels(seen.split, seen.short.sentence.characters),
        "ledger.svg": gate_chart(seen.split, seen.short.sentence.characters),
    }


def loss_curve(history: History, levels: dict[str, float]) -> str:
    """Bits per character against steps; training averaged over a fiftieth of the run."""
    groups = np.array_split(np.arange(len(history.steps)), min(50, len(history.steps)))
    training = [float(np.mean(np.take(history.training, g))) for g in groups]
    middles = [float(np.mean(np.take(history.steps, g))) for g in groups]
    return line_chart(
        {"training": (middles, training), "held-out": (history.looks, history.held_out)},
        title="Bits per character while training",
        x_label="training steps",
        y_label="bits per character",
        levels=[Level(name, bits) for name, bits in levels.items()],
    )


def gate_heatmap(probe: Probe) -> str:
    """Every gate over the sentence; the same units in every gate of a layer."""
    bands = []
    for name, values in gates(probe).items():
        units = units_for(probe, name)
        bands.append(Band(name, values[:, units].T, unit_names(units), 1.0))
    return heatmap(bands, probe.sentence.characters, title="Gates, character by character")


def state_heatmap(probe: Probe) -> str:
    """Every state over the sentence; states of one letter, such as c1 and c2, in one scale."""
    units = {name: units_for(probe, name) for name in probe.states}
    values = {name: state_values(probe, name)[:, units[name]] for name in units}
    limits = {n: largest([v for m, v in values.items() if m[0] == n[0]]) for n in units}
    bands = [Band(n, values[n].T, unit_names(units[n]), limits[n]) for n in units]
    return heatmap(bands, probe.sentence.characters, title="State after each character")


def state_values(probe: Probe, name: str) -> np.ndarray:
    """A state over time: (T, H)."""
    return np.stack([node.numpy()[0] for node in probe.states[name]])


def units_for(probe: Probe, name: str) -> np.ndarray:
    """The units whose gates vary most, on average over the gates of that layer, in order."""
    found = gates(probe)
    layer = "".join(c for c in name.partition("(")[2] or name if c.isdigit())
    mine = [v for gate, v in found.items() if gate.endswith(f"layer {layer})") or not layer]
    mine = mine or [state_values(probe, next(reversed(probe.states)))]
    spread = np.mean([values.std(axis=0) for values in mine], axis=0)
    return np.sort(np.argsort(-spread, kind="stable")[: max(4, ROWS // max(len(found), 1))])


def unit_names(units: np.ndarray) -> list[str]:
    """How the rows of a heatmap are called."""
    return [f"unit {k}" for k in units]


def norm_chart(norms: dict[str, np.ndarray], characters: str, title: str) -> str:
    """Norms over t on an axis of powers of ten."""
    steps = range(1, len(next(iter(norms.values()))) + 1)
    return line_chart(
        {f"dL/d{name}_t": (steps, values.tolist()) for name, values in norms.items()},
        title=title,
        x_label=f"timestep t = 1 ... {len(characters)}, and the character it reads",
        y_label="norm of the gradient",
        log=True,
        characters=characters,
    )


def gradient_map(flow: GradientFlow, characters: str) -> str:
    """Every character's loss against the output h of every timestep."""
    state = list(flow.norms)[-1]
    return time_map(
        flow.norms[state],
        title=f"How strongly the loss at t depends on {state} at k",
        row_label="loss at t",
        column_label=f"{state} at k = 1 ... {len(characters)}, and the character read there",
        characters=characters,
    )


def gate_chart(split: Ledger, characters: str) -> str:
    """The norm of each timestep's contribution to the rows of each gate."""
    steps = range(1, len(split.parts) + 1)
    return line_chart(
        {gate: (steps, norms.tolist()) for gate, norms in split.norms.items()},
        title=f"What each timestep adds to the gradient of {split.title}, gate by gate",
        x_label=f"timestep t = 1 ... {len(split.parts)}, and the character it reads",
        y_label="norm of the contribution",
        characters=characters,
    )


def weight_panels(split: Ledger, characters: str) -> str:
    """One panel for each timestep, and their sum, in one scale."""
    block = strongest_block(split.grad)
    panels = [
        Panel(f"t = {t}, reads {visible(c)}", part[block], f"norm {np.linalg.norm(part):.2g}")
        for t, (part, c) in enumerate(zip(split.parts, characters), start=1)
    ]
    total = np.sum(split.parts, axis=0)
    panels.append(Panel("sum over t", total[block], f"norm {np.linalg.norm(total):.2g}"))
    limit = largest([panel.values for panel in panels])
    return small_multiples(
        panels, title=f"The gradient of {split.title}, timestep by timestep", limit=limit, across=5
    )


def strongest_block(matrix: np.ndarray) -> tuple:
    """The rows and columns with the largest sums of magnitudes, in ascending order."""
    strength = np.abs(matrix)
    rows = np.sort(np.argsort(-strength.sum(axis=1), kind="stable")[:SIDE])
    columns = np.sort(np.argsort(-strength.sum(axis=0), kind="stable")[:SIDE])
    return np.ix_(rows, columns)
