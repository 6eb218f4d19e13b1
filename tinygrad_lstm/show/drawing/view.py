"""One reading of `graph.nodes`: which boxes and arrows a drawing at a given level has."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...graph import as_graph
from ...steps import below
from ...tensor import Input, Parameter, Tensor
from . import labels
from .style import LINE, MARGIN, SIZE, text_width


@dataclass(eq=False)
class Box:
    """One box of a drawing, standing for one node, or for all nodes of one layer call."""

    id: str
    node: Any
    kind: str
    made: str
    step: int | None = None
    depth: int = 0
    role: str = ""  # "input", "weight" or "" for what an op made
    output: bool = False
    fault: bool = False
    colour: str = ""  # of its lane, for a weight that is drawn once
    ghost: bool = False  # one of several pictures of the same weight
    lines: list[str] = field(default_factory=list)
    notes: Mapping[str, str] = field(default_factory=dict)
    named: bool = False
    weights: tuple = ()
    into: list[Edge] = field(default_factory=list)
    out: list[Edge] = field(default_factory=list)
    w: float = 0.0
    h: float = 0.0

    @property
    def tooltip(self) -> str:
        if self.role == "weight":
            return "\n\n".join(labels.tooltip(p, labels.leaf_text(p)) for p in self.weights)
        return labels.tooltip(self.node, self.made)


@dataclass(eq=False)
class Edge:
    """One arrow: the head's op reads the tail as its input number `place`."""

    tail: Box
    head: Box
    place: int


@dataclass
class Reading:
    """Some nodes as they are, unchecked: what `draw` makes of tensors that are no Graph yet."""

    outputs: tuple
    name: str = ""

    def __post_init__(self) -> None:
        self.nodes = below(self.outputs)
        self.inputs = tuple(n for n in self.nodes if isinstance(n, Input))


@dataclass
class View:
    """The boxes, eldest first, of one drawing."""

    boxes: list[Box]
    steps: list[int]
    name: str

    def edges(self) -> Iterable[Edge]:
        return (edge for box in self.boxes for edge in box.into)


@dataclass(frozen=True)
class Wanted:
    """What to draw, as asked of `draw`."""

    level: str = "layer"
    weights: str | None = None
    values: bool = False
    gradients: bool = False
    shapes: bool = False
    norms: bool = False
    highlight: Any = None
    notes: Mapping[Any, Mapping[str, str]] = field(default_factory=dict)


def reading(graph: Any) -> Any:
    """A Graph as it is; a tensor, or several, with everything that they depend on."""
    if isinstance(graph, Tensor):
        return Reading((graph,))
    if isinstance(graph, list | tuple):
        return Reading(tuple(graph))
    return graph if hasattr(graph, "nodes") else as_graph(graph, "draw")


def place(scope: str | None) -> tuple[int | None, int]:
    """Timestep and layer of a scope: "t=3/layer=2" is (3, 2)."""
    step, depth = None, 0
    for part in (scope or "").split("/"):
        key, _, number = part.partition("=")
        if number.isdecimal() and len(number) < 10:
            step = int(number) if key == "t" and step is None else step
            depth = int(number) if key == "layer" and not depth else depth
    return step, depth


def view(graph: Any, wanted: Wanted) -> View:
    """Read the graph once, eldest node first."""
    graph = reading(graph)
    boxes, box_of = _boxes(graph, wanted)
    _connect(graph.nodes, box_of, wanted)
    found = list(dict.fromkeys(box_of.values()))
    steps = sorted({box.step for box in found if box.step is not None})
    mode = wanted.weights or ("ghost" if steps else "shared" if wanted.level == "op" else "none")
    if mode != "none":
        boxes = _with_weights(graph, boxes, mode, wanted.level)
    return View(boxes, steps, labels.clean(getattr(graph, "name", ""), 200))


def describe(boxes: Iterable[Box], wanted: Wanted) -> None:
    """Write the text of each box, and with it fix the size; only for boxes that will be drawn."""
    for box in boxes:
        if box.role == "weight":
            box.lines, box.named = [_weight_names(box)], False
        else:
            box.lines = [labels.clean(box.node.name)] if box.node.name else []
            box.named = bool(box.lines)
            box.lines += [labels.clean(t) for k, t in box.notes.items() if k == "description"]
            if not box.named or box.role != "input":
                box.lines.append(labels.clean(box.made))
            if not box.named and box.weights and not any(e.tail.role == "weight" for e in box.into):
                box.lines.append(_weight_names(box))  # else eight Linear(3, 2) look alike
        if box.role != "weight" or len(box.weights) == 1:
            box.lines += labels.extras(
                box.node, shapes=wanted.shapes, values=wanted.values,
                gradients=wanted.gradients, norms=wanted.norms,
            )  # fmt: skip
        widths = [text_width(s, SIZE if k == 0 else SIZE - 1) for k, s in enumerate(box.lines)]
        box.w = max(40.0, round(max(widths) + 2 * MARGIN))
        box.h = LINE * len(box.lines) + 9


def _weight_names(box: Box) -> str:
    return ", ".join(labels.clean(p.name or "parameter") for p in box.weights)


def _boxes(graph: Any, wanted: Wanted) -> tuple[list[Box], dict[Any, Box]]:
    inputs, outputs = set(graph.inputs), set(graph.outputs)
    boxes: list[Box] = []
    box_of: dict[Any, Box] = {}
    kept = outputs | inputs | {wanted.highlight}
    for k, node in enumerate(graph.nodes):
        if isinstance(node, Parameter) and node not in kept:
            continue
        if wanted.level == "layer" and node not in kept and _only_fans_out(node):
            continue
        leaf = node.op is None or node in inputs
        box = None if leaf or wanted.level == "op" else _call_so_far(node, box_of)
        if box is None:
            kind = ("input" if node in inputs else "data") if leaf else node.op.kind  # type: ignore
            box = Box("", node, kind, "", *place(node.scope), role="input" if leaf else "")
            boxes.append(box)
        box.id, box.node, box.made = f"n{k}", node, _made(node, leaf, wanted.level)
        if node.layer and wanted.level == "layer" and not leaf:
            box.kind = node.op.kind  # type: ignore
            box.weights = tuple(p for p in (*box.weights, *_parameters(node)))
        said = wanted.notes.get(node, {}).items()
        box.notes = {k: labels.clean(v, 200) for k, v in said} or box.notes
        box.output, box.fault = box.output or node in outputs, box.fault or node is wanted.highlight
        box_of[node] = box
    return boxes, box_of


def _made(node: Any, leaf: bool, level: str) -> str:
    if leaf:
        return labels.leaf_text(node)
    if node.layer and level == "layer":
        return labels.layer_text(node.layer[0])
    return labels.op_text(node.op)


def _only_fans_out(node: Any) -> bool:
    """An `Expand` that broadcasting put in: level "layer" draws its arrow straight through."""
    return type(node.op).__name__ == "Expand" and not node.name and not node.layer


def _parameters(node: Any) -> list[Any]:
    return [p for p in node.parents if isinstance(p, Parameter)]


def _call_so_far(node: Any, box_of: dict[Any, Box]) -> Box | None:
    """The box of the layer call to which a node belongs, if the call's eldest nodes made one.

    All uses of a layer in an unrolled graph carry the same number, so nodes of one call are those
    that hang together; a parameter that is read a second time begins a second call.
    """
    if node.layer is None:
        return None
    kin = [
        p for p in node.parents if p.layer == node.layer and p.scope == node.scope and p in box_of
    ]
    if not kin:
        return None
    box = box_of[max(kin, key=lambda p: p.born)]
    return None if set(_parameters(node)) & set(box.weights) else box


def _connect(nodes: Sequence[Any], box_of: dict[Any, Box], wanted: Wanted) -> None:
    """Arrows for what each box reads; parameters are noted, to be drawn as the reader asked."""
    through: dict[Any, Any] = {}
    for node in nodes:
        box = box_of.get(node)
        if box is None:
            if node.op is not None:
                through[node] = through.get(node.parents[0], node.parents[0])
            continue
        if box.role == "input":
            continue
        for parent in node.parents:
            source = through.get(parent, parent)
            tail = box_of.get(source)
            if tail is None:
                box.weights += () if source in box.weights else (source,)
            elif tail is not box:
                edge = Edge(tail, box, len(box.into))
                box.into.append(edge)
                tail.out.append(edge)


def _with_weights(graph: Any, boxes: list[Box], mode: str, level: str) -> list[Box]:
    """A box for each weight (one for the weights of a layer call): once, or once in each step."""
    number = {node: k for k, node in enumerate(graph.nodes) if isinstance(node, Parameter)}
    made: dict[Any, Box] = {}
    result: list[Box] = []
    for box in boxes:
        groups = [box.weights] if level == "layer" else [(p,) for p in box.weights]
        for group in groups if box.role != "weight" else ():
            if not group:
                continue
            key = (
                (group, (box.step, box.depth, box.step is None and box))
                if mode == "ghost"
                else group
            )
            weight = made.get(key)
            if weight is None:
                id = f"n{number[group[0]]}" + (f"-{box.id}" if mode == "ghost" else "")
                step = box.step if mode == "ghost" else None
                weight = Box(id, group[0], "weight", "", step, box.depth, "weight", weights=group)
                weight.ghost = mode == "ghost"
                made[key] = weight
                result.append(weight)
            edge = Edge(weight, box, len(box.into))
            box.into.append(edge)
            weight.out.append(edge)
        result.append(box)
    return result
