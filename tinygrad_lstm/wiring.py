"""What a graph may be made of and fed with: its checks, and the messages in which they teach."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from .backend import asarray, namespace
from .checks import blamed, is_real, is_whole, whole_beside_floats
from .errors import ArgumentError, DtypeError, GraphError, ShapeError
from .tensor import Input, Tensor
from .where import ANY, shape_text

Tensors = tuple[Tensor, ...]


def as_tensors(nodes: Sequence[Tensor], role: str) -> Tensors:
    """The inputs or outputs of a graph; ArgumentError for anything but tensors."""
    if isinstance(nodes, Tensor):
        raise ArgumentError(f"Graph: {role} is a list of tensors: write [{nodes.name or 'x'}]")
    for node in nodes:
        if not isinstance(node, Tensor):
            raise ArgumentError(
                f"Graph: {role} holds {node!r}, not a tensor. "
                "Did you forget the second call: layer(x)?"
            )
    return tuple(nodes)


def check_inputs(nodes: Sequence[Tensor], inputs: Tensors) -> None:
    """Every Input is fed, and none twice."""
    seen: set[Tensor] = set()
    for node in inputs:
        if node in seen:
            raise blamed(node, f"Graph: {node.title} is given twice among the inputs")
        seen.add(node)
    hungry = [n for n in nodes if isinstance(n, Input) and n not in seen]
    if hungry:
        names = [n.name for n in hungry]
        raise blamed(
            hungry[0], f"Graph: {names} are read but never fed; add them to Graph(inputs=...)"
        )


def check_reach(nodes: Sequence[Tensor], inputs: Tensors, outputs: Tensors) -> None:
    """Every input is read, and every output depends on an input."""
    fed = set(inputs)
    reached, read = set(fed), set(outputs)
    for node in nodes:
        if node not in fed:
            read.update(node.parents)
            if any(p in reached for p in node.parents):
                reached.add(node)
    for node in outputs:
        if fed and node not in reached:
            raise blamed(node, f"Graph: no input reaches the output {node.title}")
    for node in inputs:
        if node not in read:
            raise blamed(node, f"Graph: the input {node.title} is never read; leave it out")


def asked_about(wrt: Any, call: str) -> Tensors:
    """The nodes that `wrt` lists; ArgumentError for a single one, for names, or a dict of them."""
    nodes: tuple[Any, ...] = (None,) if isinstance(wrt, Tensor | Mapping) else tuple(wrt)
    if not all(isinstance(node, Tensor) for node in nodes):
        raise ArgumentError(
            f"{call}: wrt is a list of tensors, such as [x] or graph.parameters.values()"
        )
    return nodes


def leading_to(leaves: Iterable[Tensor], nodes: Sequence[Tensor]) -> set[Tensor]:
    """The nodes through which gradients must pass to reach these leaves."""
    wanted = set(leaves)
    for node in nodes:
        if any(parent in wanted for parent in node.parents):
            wanted.add(node)
    return wanted


def check_count(inputs: Tensors, given: Sequence[Any], call: str) -> None:
    """As many values as inputs."""
    if len(given) != len(inputs):
        names = ", ".join(node.title for node in inputs)
        raise GraphError(f"{call}: {len(given)} values for {len(inputs)} inputs: {names}")


def unify(node: Tensor, shape: tuple, letters: dict[str, Any], call: str) -> None:
    """Let the letters of an input's declared shape stand for the sizes that arrived."""
    declared = node.axes
    if ANY in (declared, shape):
        return
    fits = len(declared) == len(shape)
    for want, got in zip(declared, shape):
        want = letters.setdefault(want, got) if isinstance(want, str) else want
        fits = fits and want == got
    if not fits:
        known = ", ".join(f"{k} = {v}" for k, v in letters.items() if k in declared and k != v)
        known = f", where {known}" if known else ""
        raise blamed(
            node,
            f"{call}: {node.name or 'input'} takes {shape_text(declared)}{known}; "
            f"it got {shape_text(shape)}",
            ShapeError,
        )


def checked_late(inputs: Tensors, program: Iterable[tuple]) -> bool:
    """Whether the shape rules must be asked once more when data arrive.

    They must above an input of any shape, and for slices along an axis whose size is a letter.
    """
    return any(n.declared == ANY for n in inputs) or any(
        op.kind == "slice" and any(letters_of(p) - letters_of(node) for p in node.parents)
        for node, op, _ in program
    )


def letters_of(node: Tensor) -> set[str]:
    """The letters among a node's axes, which stand for sizes that wait for data."""
    return {n for n in node.axes if isinstance(n, str)}


@contextlib.contextmanager
def as_written(nodes: Sequence[Tensor]):
    """Inside, nodes with letters in their shapes hold no data, so that letters stay letters."""
    kept = [(node, node.data) for node in nodes if letters_of(node)]
    for node, _ in kept:
        node.data = None
    try:
        yield
    finally:
        for node, data in kept:
            node.data = data


def check_shapes(program: Iterable[tuple]) -> None:
    """Ask the shape rules that were put off until data arrive."""
    shapes: dict[Tensor, Any] = {}
    for node, op, *_ in program:
        try:
            shapes[node] = op.shape(*[shapes.get(p, p.shape) for p in node.parents])
        except ShapeError as error:
            raise node.explained(error, op) from None


def as_argument(value: Any, beside: Any, calculated: Any, graph: str) -> Tensor:
    """What a graph is applied to, as a tensor; plain numbers take the precision of `beside`."""
    if isinstance(value, Tensor):
        if calculated and beside is not None and value.data is not None and is_whole(value.data):
            raise whole_beside_floats(value)
        return value
    if hasattr(value, "is_layer") or isinstance(value, type | tuple) or hasattr(value, "outputs"):
        raise ArgumentError(
            f"{graph}(...) got {value!r}, not a tensor. "
            "Graphs return a tuple of tensors: unpack it, as in c, h = cell(x, c, h)"
        )
    return Tensor(converted(value, beside, calculated))


def converted(value: Any, beside: Any, calculated: Any = False) -> Any:
    """What comes in from outside takes the precision of the parameters.

    Whole numbers do so only where ops calculate with them: row and class numbers stay whole.
    """
    array = value.data if isinstance(value, Tensor) else asarray(value)
    if beside is None or array.dtype == beside.dtype:
        return array
    if is_real(array) or (calculated and is_whole(array)):
        return namespace(array).astype(array, beside.dtype)
    return array


def calculated_with(program: Iterable[tuple]) -> set[Tensor]:
    """The nodes that ops read as real numbers, not as numbers of rows or classes."""
    return {
        parent
        for node, op, *_ in program
        if op.kind not in ("slice", "flow")
        for k, parent in enumerate(node.parents)
        if k not in op.whole
    }


def refuse_integers(nodes: Sequence[Tensor]) -> None:
    """Only what can move a little has a derivative."""
    for node in nodes:
        if node.data is not None and not is_real(node.data):
            raise DtypeError(
                f"differentiate: {node.title} is {node.dtype}; only floats have gradients"
            )
