"""The pictures of the report, each as SVG text under its file name."""

from __future__ import annotations

import numpy as np

from ..show import draw
from ..show.plots import Band, Level, heatmap, largest, line_chart
from ..unroll import through_time
from .evidence import Evidence, Run
from .loop import History
from .probe import Probe, gates

ROWS = 36
"""How many rows a heatmap has at most, all its bands together (but at least 4 in a band)."""


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
        "gradients-map.svg": seen.flow.svg_map(list(seen.flow.norms)[-1], read),
        "weight.svg": seen.split.svg(seen.short.sentence.characters),
        "ledger.svg": seen.split.svg_gates(seen.short.sentence.characters),
        "paths.svg": seen.ways.svg(next(iter(seen.ways.states))),
        "jacobians.svg": seen.slopes.svg(),
        "truncation.svg": seen.cuts.svg(),
        "saliency.svg": seen.heard.svg(),
        **({"plan.svg": seen.speed.picture} if seen.speed and seen.speed.picture else {}),
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
        units = present(units_for(probe, name), values)
        bands.append(Band(name, values[:, units].T, unit_names(units), 1.0))
    return heatmap(bands, probe.sentence.characters, title="Gates, character by character")


def state_heatmap(probe: Probe) -> str:
    """Every state over the sentence; states of one letter, such as c1 and c2, in one scale."""
    whole = {name: state_values(probe, name) for name in probe.states}
    units = {name: present(units_for(probe, name), whole[name]) for name in whole}
    values = {name: whole[name][:, units[name]] for name in units}
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
    widest = max(values.shape[1] for values in mine)
    spread = np.mean([v.std(axis=0) for v in mine if v.shape[1] == widest], axis=0)
    return np.sort(np.argsort(-spread, kind="stable")[: max(4, ROWS // max(len(found), 1))])


def present(units: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Those of the units that the values (T, H) have, for a cell's states may differ in size."""
    return units[units < values.shape[1]] if units.min() < values.shape[1] else np.array([0])


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
