"""The results as one picture: ratios by regime above, growth with T, N and H below."""

from __future__ import annotations

import textwrap

from .implementations import FLOOR, TILES
from .regimes import REGIMES
from .report import METHOD, conditions, title

LOOKS = {  # colour, marker, line: what is ours stands out, what is a bound is dashed
    "torch.nn": ("#111111", "s", "-"),
    "torch eager": ("#888888", "s", "-"),
    "jax scan": ("#7a5195", "^", "-"),
    "HIPS autograd": ("#b58900", "v", "-"),
    "MyGrad": ("#a0522d", "D", "-"),
    "graph eager": ("#6baed6", "o", "-"),
    "plan": ("#08519c", "o", "-"),
    "plan numba": ("#2ca02c", "o", "-"),
    FLOOR: ("#d62728", "_", ":"),
    TILES: ("#e377c2", "_", ":"),
}


def save(file, found):
    """One PNG; needs matplotlib."""
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    rows = [
        (ratios, _by(found["tables"], "cell")),
        (growth, _by(found["curves"], "letter")),
    ]
    rows = [(draw, groups) for draw, groups in rows if groups]
    width = 4.3 * max([3, *(len(groups) for _, groups in rows)])
    figure = pyplot.figure(figsize=(width, 4.6 * len(rows) + 1.4), layout="constrained")
    strips = figure.subfigures(max(1, len(rows)), 1, squeeze=False)[:, 0]
    for strip, (draw, groups) in zip(strips, rows):
        panels = strip.subplots(1, len(groups), squeeze=False)[0]
        for axes, (key, races) in zip(panels, groups.items()):
            draw(axes, key, races)
    _legend(figure)
    words = f"{found.get('method', METHOD)} {conditions(found)}"
    small_print = textwrap.wrap(words, round(16 * width))
    figure.supxlabel("\n".join(small_print), fontsize=8, ha="left", x=0.01)
    figure.savefig(file, dpi=110)
    pyplot.close(figure)


def _by(races, field):
    """Races with the same value of a field together, in order."""
    return {key: [r for r in races if r[field] == key] for key in {r[field]: 0 for r in races}}


def ratios(axes, cell, tables):
    """Median and quartiles of the ratio, a column for each regime."""
    for place, table in enumerate(tables):
        there = [name for name, row in table["rows"].items() if name in LOOKS and "ms" in row]
        for k, name in enumerate(there):
            row, (colour, marker, _) = table["rows"][name], LOOKS[name]
            x = place + 0.6 * (k / max(1, len(there) - 1) - 0.5)
            axes.vlines(x, *row["quartiles"], color=colour, alpha=0.5, linewidth=3)
            axes.plot(x, row["ratio"], color=colour, marker=marker, markersize=6)
    axes.axhline(1, color="#111111", linewidth=0.8)
    axes.set(yscale="log", title=title(cell)[-36:], ylabel=f"time : time of {_references(tables)}")
    axes.set_xticks(range(len(tables)), [_tick(table["sizes"]) for table in tables], fontsize=8)
    plain_numbers(axes.yaxis)
    axes.grid(axis="y", which="both", alpha=0.2)


def growth(axes, letter, points):
    """CPU milliseconds per step over one size, with quartiles as a band."""
    for name, (colour, marker, line) in LOOKS.items():
        there = [p for p in points if "ms" in p["rows"].get(name, {})]
        if there:
            values, rows = [p["value"] for p in there], [p["rows"][name] for p in there]
            low, high = zip(*(row["ms quartiles"] for row in rows))
            axes.fill_between(values, low, high, color=colour, alpha=0.2, linewidth=0)
            middle = [row["ms"] for row in rows]
            axes.plot(values, middle, color=colour, marker=marker, linestyle=line, markersize=4)
    others = " ".join(f"{k}{n}" for k, n in points[0]["sizes"].items() if k != letter)
    axes.set(
        xscale="log", yscale="log", xlabel=letter, title=f"LSTM, growth with {letter}; {others}"
    )
    axes.set_xticks([p["value"] for p in points], [str(p["value"]) for p in points])
    axes.minorticks_off()
    axes.set_ylabel("CPU ms per step")
    plain_numbers(axes.yaxis)
    axes.grid(alpha=0.2)


def plain_numbers(axis):
    """0.1, 1, 10 and not powers of ten; those between only where there are few of these."""
    from matplotlib.ticker import FuncFormatter, LogFormatter

    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(LogFormatter())


def _references(tables):
    return " or ".join(dict.fromkeys(str(table["reference"]) for table in tables))


def _tick(sizes):
    letter = next((k for k, s in REGIMES.items() if s._asdict() == sizes), "")
    N, D, H, T = sizes.values()
    return f"{letter}\nN{N} D{D}\nH{H} T{T}".strip()


def _legend(figure):
    from matplotlib.lines import Line2D

    lines = [
        Line2D([], [], color=colour, marker=marker, linestyle=line, label=name)
        for name, (colour, marker, line) in LOOKS.items()
    ]
    figure.legend(handles=lines, loc="outside upper center", ncols=len(lines), fontsize=8)
