"""Explanations as text and as HTML: the same tables, told twice."""

from __future__ import annotations

import html
import itertools
import re
import textwrap
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .passes import PASSES

if TYPE_CHECKING:
    from .explain import Explanation
    from .outline import Row
    from .stages import Stage

WIDTH = 100
Table = tuple[Sequence[str], list[list[str]]]
"""Heads, and rows; the first column is text, the others are numbers."""

SIGNS = {
    r"\frac12": "½", r"\frac x2": "x/2", r"^\top": "ᵀ", r"\sigma": "σ", r"\sum": "Σ",
    r"\odot": "⊙", r"\mid": "|", r"\tanh": "tanh", r"\,": " ", r"\ ": " ", "{": "", "}": "",
    "\\": "", "$": "",
}  # fmt: skip


def text_of(e: Explanation) -> str:
    """For a terminal."""
    if not e.stages:
        return "\n".join([*wrapped(e.title), "", *_advice(e)])
    lines = [*wrapped(e.title), "", *text_table(stage_table(e.stages)), ""]
    for before, after in zip(e.stages, e.stages[1:]):
        lines += wrapped(f"{after.name}: {changes(before, after)}")
        lines += [line for words in law(after.name) for line in wrapped(words, "    ")]
    lines += ["", "Loops", *(f"  {words}" for words in e.loops or ["none"])]
    for part in e.parts:
        lines += ["", part.when[:1].upper() + part.when[1:], *text_table(row_table(part.rows, e))]
    return "\n".join([*lines, "", *wrapped(e.runs_on)])


def html_of(e: Explanation) -> str:
    """For a page: no scripts, no styles of its own but the alignment of numbers."""
    if not e.stages:
        return "".join(f"<p>{html.escape(line)}</p>" for line in [e.title, *_advice(e)])
    parts = [f"<p>{html.escape(e.title)}</p>", _html_table(stage_table(e.stages))]
    laws = [
        f"<dt>{after.name}: {html.escape(changes(before, after))}</dt>"
        + "".join(f"<dd>{html.escape(words)}</dd>" for words in law(after.name))
        for before, after in zip(e.stages, e.stages[1:])
    ]
    parts.append(f"<dl>{''.join(laws)}</dl>")
    parts += [f"<p>{html.escape(words)}</p>" for words in e.loops]
    for part in e.parts:
        title = html.escape(part.when[:1].upper() + part.when[1:])
        parts += [f"<h4>{title}</h4>", _html_table(row_table(part.rows, e))]
    parts.append(f"<p>{html.escape(e.runs_on)}</p>")
    return f'<div class="plan">{"".join(parts)}</div>'


def _advice(e: Explanation) -> list[str]:
    return [
        "Call plan.step(*arrays) or plan.prepare(*arrays), then plan.explain() again.",
        f"Passes that will be done: {', '.join(e.passes) or 'none'}.",
    ]


def stage_table(stages: Sequence[Stage]) -> Table:
    """One row for each pass, with what the plan costs from there on."""
    heads = ["after pass", "terms", "calls", "memory", "products", "read, written"]
    timed = stages[-1].seconds is not None
    rows = []
    for s in stages:
        numbers = [f"{s.terms:,}", f"{s.cost.calls:,}", amount(s.memory, "B")]
        numbers += [amount(s.cost.flops, "FLOP"), amount(s.cost.moved, "B")]
        time = [amount(s.seconds, "s")] if s.seconds is not None else []
        rows.append([s.name or "(none)", *numbers, *time])
    return [*heads, *(["time"] if timed else [])], rows


def row_table(rows: Sequence[Row], e: Explanation) -> Table:
    """What is computed, and by what."""
    every = [row for part in e.parts for row in part.rows]
    total = sum(row.seconds or 0.0 for row in every)
    timed = bool(every) and every[0].seconds is not None
    heads = ["values: functions", "calls", "products", "read, written"]
    table = []
    for row in rows:
        title = f"{row.names}: {', '.join(counted(row.functions))}"
        numbers = [
            f"{row.cost.calls:,}",
            amount(row.cost.flops, "FLOP"),
            amount(row.cost.moved, "B"),
        ]
        share = [f"{(row.seconds or 0.0) / total:.1%}"] if timed and total else []
        table.append([title, *numbers, *share])
    return [*heads, *(["of the time"] if timed else [])], table


def counted(words: Sequence[str]) -> list[str]:
    """Words that repeat themselves once, with their number."""
    return [
        word if number == 1 else f"{number} x {word}"
        for word, group in itertools.groupby(words)
        for number in [len(list(group))]
    ]


def changes(before: Stage, after: Stage) -> str:
    """What a pass changed, as numbers before and after."""
    pairs = [
        ("terms", before.terms, after.terms, ""),
        ("calls", before.cost.calls, after.cost.calls, ""),
        ("memory", before.memory, after.memory, "B"),
        ("products", before.cost.flops, after.cost.flops, "FLOP"),
        ("read and written", before.cost.moved, after.cost.moved, "B"),
    ]
    told = [
        f"{what} {_count(a, unit)} → {_count(b, unit)}"
        for what, a, b, unit in pairs
        if abs(a - b) > 0.005 * max(a, b)
    ]
    if told and before.seconds is not None and after.seconds is not None:
        told.append(f"time {amount(before.seconds, 's')} → {amount(after.seconds, 's')}")
    return ", ".join(told) or "nothing to do in this graph"


def law(name: str) -> list[str]:
    """The first sentence of a pass's docstring, and its first formula."""
    algebra = PASSES[name].algebra
    formulas = re.findall(r"\$([^$]*=[^$]*)\$", algebra.replace("\n", " "))
    sentence = re.sub(r":? *\$[^$]*\$", "", algebra.split("\n", 1)[0])
    return [sentence, *(plain(f) for f in formulas[:1])]


def plain(latex: str) -> str:
    """A formula in letters that every terminal has."""
    for sign, shown in SIGNS.items():
        latex = latex.replace(sign, shown)
    return re.sub(" +", " ", latex).strip()


def amount(x: float, unit: str) -> str:
    """Three digits with k, M or G: 1.23 MB."""
    if not x:
        return "0"
    powers = ((1e9, "G"), (1e6, "M"), (1e3, "k"), (1, ""), (1e-3, "m"), (1e-6, "µ"))
    power, letter = next((pair for pair in powers if x >= pair[0]), powers[-1])
    return f"{x / power:.3g} {letter}{unit}"


def _count(x: int, unit: str) -> str:
    return amount(x, unit) if unit else f"{x:,}"


def wrapped(words: str, margin: str = "") -> list[str]:
    return textwrap.wrap(words, WIDTH, initial_indent=margin, subsequent_indent=margin)


def text_table(table: Table) -> list[str]:
    heads, rows = table
    columns = list(zip(*[heads, *rows]))
    widths = [max(map(len, column)) + 2 for column in columns[1:]]
    first = min(max(map(len, columns[0])), WIDTH - sum(widths) - 2)
    lines = []
    for title, *numbers in [list(heads), *rows]:
        wrapped = textwrap.wrap(title, first, subsequent_indent="  ") or [""]
        cells = "".join(number.rjust(width) for number, width in zip(numbers, widths))
        lines.append(f"  {wrapped[0].ljust(first)}{cells}")
        lines += [f"  {more}" for more in wrapped[1:]]
    return lines


def _html_table(table: Table) -> str:
    heads, rows = table
    head = "".join(f"<th{_side(k)}>{html.escape(text)}</th>" for k, text in enumerate(heads))
    body = "".join(f"<tr>{_cells(row)}</tr>" for row in rows)
    whole = f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"
    return f'<div style="overflow-x:auto">{whole}</div>'


def _cells(row: Iterable[str]) -> str:
    return "".join(f"<td{_side(k)}>{html.escape(text)}</td>" for k, text in enumerate(row))


def _side(column: int) -> str:
    look = "text-align:right;white-space:nowrap" if column else "text-align:left"
    return f' style="{look};padding:0 .6em"'
