"""The house: which file may import which, read from the sources themselves."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import tinygrad_lstm

ROOT = Path(tinygrad_lstm.__file__).parent
FLOORS = [
    {"errors"},
    {"settings", "where", "backend", "blas", "checks", "steps", "staging"},
    {"tensor", "op"},
    {"ops"},
    {"listing", "wiring", "graph"},
    {"layers", "registry", "unroll"},
    {"nn"},
    {"cells"},
    {"nngraph", "show", "explain", "plan", "train", "exchange"},
    {"cli"},
    {"__init__", "__main__"},
]
FLOOR = {part: height for height, parts in enumerate(FLOORS) for part in parts}
READERS = FLOORS[8]
FILES = sorted(ROOT.rglob("*.py"))
ARRAY_LIBRARIES = {"cupy", "cupyx", "torch", "jax", "array_api_strict", "array_api_compat"}
HEAVY = "matplotlib graphviz pygraphviz cupy onnx torch tqdm IPython".split()


def dotted(path):
    """The module's parts below the package: show/drawing/svg.py is ("show", "drawing", "svg")."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return parts if parts[-1] != "__init__" or len(parts) == 1 else parts[:-1]


def runtime_nodes(tree):
    """Every node but those that only type checkers read."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.If) and getattr(node.test, "id", "") == "TYPE_CHECKING":
            continue
        yield node
        waiting.extend(ast.iter_child_nodes(node))


def imports(path):
    """(own, foreign): tuples of parts of our modules, and names of other packages."""
    package = list(path.relative_to(ROOT).parent.parts)
    own, foreign = set(), set()
    for node in runtime_nodes(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            foreign |= {alias.name.split(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and not node.level:
            foreign.add(node.module.split(".")[0])
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            module = [*base, *(node.module.split(".") if node.module else [])]
            own |= {tuple(module) or part_of_root(alias.name) for alias in node.names}
    return own, foreign


def private_imports(path):
    """Names with a leading underscore that come from another of our modules."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level:
            yield from (alias.name for alias in node.names if alias.name.startswith("_"))


def part_of_root(name):
    """`from . import backend` means a file, `from . import Graph` one of the public names."""
    return (name,) if name in FLOOR else ("__init__",)


@pytest.mark.parametrize("path", FILES, ids=lambda p: "/".join(dotted(p)))
def test_imports_point_downwards(path):
    me = dotted(path)[0]
    assert me in FLOOR, f"{me} has no floor: enter it in FLOORS and in the design"
    for target in imports(path)[0]:
        there = target[0]
        if there == me or me in FLOORS[-1]:
            continue
        if there == "__init__":
            assert FLOOR[me] >= FLOOR["show"], "only readers may use the public names"
            continue
        assert FLOOR[there] <= FLOOR[me], f"{me} is below {there} and may not import it"
        if me in READERS and there in READERS:
            assert len(target) <= 2, f"{me} reaches deep into {there}: {'.'.join(target)}"


def test_readers_do_not_read_each_other_in_circles():
    pairs = {(dotted(p)[0], target[0]) for p in FILES for target in imports(p)[0]}
    pairs = {(a, b) for a, b in pairs if {a, b} <= READERS and a != b}
    assert not [(a, b) for a, b in pairs if (b, a) in pairs]


@pytest.mark.parametrize("path", FILES, ids=lambda p: "/".join(dotted(p)))
def test_no_file_imports_what_another_keeps_to_itself(path):
    private = [name for name in private_imports(path) if name != "__version__"]
    assert private == []


@pytest.mark.parametrize("path", FILES, ids=lambda p: "/".join(dotted(p)))
def test_only_the_backend_knows_array_libraries(path):
    allowed = {"cupy", "cupyx"} if dotted(path) == ("backend",) else set()
    assert imports(path)[1] & ARRAY_LIBRARIES <= allowed


@pytest.mark.parametrize("path", sorted((ROOT / "ops").glob("*.py")), ids=lambda p: p.stem)
def test_ops_compute_with_the_namespace_they_are_handed(path):
    # infix recognises NumPy's numbers, which a user may write beside a tensor
    assert "numpy" not in imports(path)[1] or path.stem == "infix"


@pytest.mark.parametrize("path", sorted((ROOT / "cells").glob("[a-z]*.py")), ids=lambda p: p.stem)
def test_a_cell_needs_one_import_line(path):
    assert imports(path) == ({("nn",)}, set())


def test_importing_the_package_imports_nothing_heavy():
    program = f"import sys, tinygrad_lstm; print([m for m in {HEAVY} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.returncode, done.stdout.strip()) == (0, "[]"), done.stderr
