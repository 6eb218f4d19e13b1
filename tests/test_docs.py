"""README and documentation: the code runs, the links lead somewhere, nothing public is left out."""

from __future__ import annotations

import importlib.util
import re
from pathlib import Path

import pytest

import tinygrad_lstm as tl

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"
PAGES = sorted((ROOT / "docs").glob("*.md"))
CODE = re.compile(r"^```(?:\{code-cell\}|python)\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://)([^)#]+)\)")
TOCTREE = re.compile(r"^```\{toctree\}\n(.*?)^```", re.MULTILINE | re.DOTALL)


def text_of(path):
    return path.read_text(encoding="utf-8")


@pytest.fixture
def generate():
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def own_registries(monkeypatch):
    """What a page registers is forgotten after it."""
    for registry in (tl.OPS, tl.CELLS):
        for name in ("Softsign", "mgu"):
            monkeypatch.delitem(registry, name, raising=False)
    yield
    tl.OPS.pop("Softsign", None)
    tl.CELLS.pop("mgu", None)


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda page: page.stem)
def test_the_code_of_the_page_runs(page, own_registries, tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    names = {"__name__": "page"}
    with tl.default_dtype("float32"):
        for number, block in enumerate(CODE.findall(text_of(page)), start=1):
            exec(compile(block, f"{page.name}, block {number}", "exec"), names)
    if page == README:
        assert (tmp_path / "unrolled.svg").read_text(encoding="utf-8").startswith("<svg")


@pytest.mark.parametrize("page", [README, *PAGES], ids=lambda page: page.stem)
def test_every_link_leads_to_a_file(page):
    for target in LINK.findall(CODE.sub("", text_of(page))):
        assert exists(page.parent, target), target


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_entry_of_a_table_of_contents_is_a_page(page):
    for tree in TOCTREE.findall(text_of(page)):
        for entry in filter(None, tree.split("\n")):
            assert entry.startswith(":") or any(
                exists(page.parent, entry + suffix) for suffix in (".md", ".ipynb", ".rst")
            ), entry


def exists(folder, target):
    """Whether there is such a file, or one that the build of the docs will generate."""
    made = {"cells.md", "ops.md", "api.rst", *(p.name for p in ROOT.glob("notebooks/*.ipynb"))}
    generated = target.startswith("generated/") and target.removeprefix("generated/") in made
    return generated or (folder / target).exists()


def test_every_page_is_in_the_table_of_contents():
    listed = "\n".join(TOCTREE.findall(text_of(ROOT / "docs" / "index.md")))
    assert [p.stem for p in PAGES if p.stem != "index" and f"\n{p.stem}\n" not in listed] == []


def test_the_reference_shows_every_public_name(generate):
    api = generate.api_page()
    for name in ("Tensor", "Graph", "unroll", "draw", "equations", "cell", "seed", "sigmoid"):
        assert f":: tinygrad_lstm.{name}\n" in api


def test_the_table_of_ops_shows_every_op(generate):
    page = generate.ops_page()
    ops = [op for op in tl.OPS.values() if op.__module__.startswith("tinygrad_lstm.ops")]
    final = [op.__name__ for op in ops if not op.__subclasses__()]
    assert [name for name in final if f"* - `{name}`" not in page] == []


def test_the_cells_page_shows_every_cell_with_equations_drawing_and_source(generate):
    parts = {part.split("`")[1]: part for part in generate.cells_page().split("\n## ")[1:]}
    assert set(tl.cells.__all__) <= set(parts)
    for part in parts.values():
        assert all(piece in part for piece in (r"\begin{aligned}", "<svg", "@cell\ndef "))


def test_the_readme_stays_short():
    assert len(text_of(README).splitlines()) < 80
