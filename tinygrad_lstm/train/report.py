"""The report: what a run has learned, as one page that opens anywhere."""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Mapping
from importlib.resources import files
from pathlib import Path
from string import Template

from ..explain import bptt_equations, record
from ..show import equations
from ..show.canvas import escaped
from ..show.page import embedded
from .evidence import Evidence, Run, measure
from .pictures import pictures
from .probe import Probe
from .sample import generate
from .speed import plan_told
from .words import facts, scores, sentences

PAGE = "index.html"

CAPTIONS = {
    "loss.svg": "Solid: the model. Dashed: what counting achieves on the held-out text, which may "
    "be easier or harder than the training text.",
    "cell.svg": "The cell, module by module.",
    "unrolled.svg": "Four timesteps; every weight is drawn once. Scroll sideways to see them all.",
    "gates.svg": "White is 0. All rows share one colour scale.",
    "states.svg": "White is 0. Each kind of state has a scale of its own.",
    "gradients-last.svg": "L is the loss of the last character of the sentence.",
    "gradients-mean.svg": "L is the mean loss of all characters of the sentence.",
    "gradients-map.svg": "Colours are on an axis of powers of ten. White: nothing arrives, or less "
    "than a millionth of the largest value.",
    "weight.svg": "White is 0. The last matrix is the sum of the others.",
    "ledger.svg": "Norms: the lengths of the matrices above, all rows of a gate taken together.",
    "paths.svg": "Shares are vectors that add up to the whole; their lengths need not.",
    "jacobians.svg": "Where a gate decides how much of a state is kept, its product over the steps "
    "is drawn as well.",
    "truncation.svg": "A cosine of 1 and an error of 0 mean: nothing is lost. The curves are not "
    "smooth, for it matters which characters a cut falls between.",
    "saliency.svg": "Colours are on an axis of powers of ten.",
    "plan.svg": "The plan of the cell alone, forward and backward, by the names of its nodes; "
    "dL/d is the gradient of the loss. By itself:",
}
BUDGET = 8_000_000
"""How many bytes of arrays the step-through page may show whole, however large the model is."""
HEIGHT = 900
"""Of the step-through page, in pixels."""
ON_WHITE = ("cell.svg", "unrolled.svg", "plan.svg")
"""Drawings whose colours are made for a white page."""


def write_report(run: Run, folder: Path) -> None:
    """Write the page and its pictures into a folder."""
    seen = measure(run)
    drawn = pictures(run, seen)
    page = fill(run, seen, drawn)
    for name, text in {**drawn, PAGE: page}.items():
        (folder / name).write_text(text, encoding="utf-8", newline="\n")


def fill(run: Run, seen: Evidence, drawn: Mapping[str, str]) -> str:
    """The template with its places filled, all text from outside escaped."""
    katex, typeset = _vendored("katex.min.js"), _own("report.js")
    stepper = stepper_page(seen.short)
    figures = {_place(name): figure(svg, name) for name, svg in drawn.items()}
    beginning = seen.probe.sentence.characters[:12]
    return Template(_own("report.html")).substitute(
        {name: escaped(words) for name, words in sentences(run, seen).items()},
        katex_js=katex,
        katex_css=_vendored("katex.min.css"),
        typeset_js=typeset,
        script_hashes=" ".join([_hash(katex), _hash(typeset), *hashes_of(stepper)]),
        stepper=embedded(stepper, HEIGHT),
        beginning=escaped(beginning),
        sample=escaped(generate(run.model, run.text, beginning, 600)),
        equations=escaped(equations(run.model.cell)),
        bptt=escaped(bptt_equations(run.model.cell)),
        plan=plan_told(seen.speed, figures.get("plan_figure", "")),
        scores=_rows(scores(run), "td"),
        facts=_rows(list(facts(run).items()), "th"),
        **figures,
    )


def stepper_page(short: Probe) -> str:
    """The page that steps through the last characters of the sentence."""
    graph = short.training
    return record(graph, *(node.data for node in graph.inputs), budget=BUDGET).page()


def hashes_of(page: str) -> list[str]:
    """The scripts that a page lets run: a page within a page needs the outer one's leave too."""
    return sorted(set(re.findall(r"'sha256-[\w+/]+=*'", page[: page.index("<title>")])))


def figure(svg: str, name: str) -> str:
    """A picture in a box that scrolls where the page is narrow, its caption, and its file."""
    paper = f"wide{' white' * (name in ON_WHITE)} {name.removesuffix('.svg')}"
    return (
        f'<figure><div class="{paper}" tabindex="0">{svg[svg.index("<svg") :]}</div>'
        f'<figcaption>{CAPTIONS[name]} <a href="{name}">{name}</a></figcaption></figure>'
    )


def _place(name: str) -> str:
    """The place of a picture in the template: gradients_last for "gradients-last.svg"."""
    return name.removesuffix(".svg").replace("-", "_") + "_figure"


def _rows(table: list[tuple[str, ...]], head: str) -> str:
    rows = (
        f"<tr><{head}>{escaped(first)}</{head}>"
        + "".join(f"<td>{escaped(value)}</td>" for value in rest)
        + "</tr>"
        for first, *rest in table
    )
    return "\n".join(rows)


def _own(name: str) -> str:
    return (files("tinygrad_lstm.train") / name).read_text(encoding="utf-8")


def _vendored(name: str) -> str:
    place = files("tinygrad_lstm.show") / "vendor" / "katex" / name
    return place.read_text(encoding="utf-8")


def _hash(script: str) -> str:
    """How the page's security policy names the one script text that may run."""
    return f"'sha256-{base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()}'"
