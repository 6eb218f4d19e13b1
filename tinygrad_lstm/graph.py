"""A Graph is some nodes between inputs and outputs: run it, step it, differentiate it, apply it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from .backend import keep_freed_memory, namespace
from .checks import blamed, check_kin, check_seeds, is_real
from .errors import ArgumentError
from .listing import listing, parameter_names
from .ops.flow import Filled
from .settings import LOCAL
from .steps import (
    Step,
    backward_program,
    backward_steps,
    below,
    called,
    forward_steps,
    miscounted,
    value,
)
from .tensor import Input, Parameter, Tensor
from .wiring import (
    Tensors,
    as_argument,
    as_tensors,
    as_written,
    asked_about,
    calculated_with,
    check_count,
    check_inputs,
    check_reach,
    check_shapes,
    checked_late,
    converted,
    leading_to,
    letters_of,
    refuse_integers,
    unify,
)

VIEW: dict[str, Callable[[Any], dict[str, str]]] = {}
"""How a notebook shows a graph; `show` fills it in, which is why floor 4 need not know it."""


class Graph:
    """The nodes between `inputs` and `outputs`, eldest first.

    Args:
        inputs: nodes to be fed, in the order in which `forward` and a call take them.
        outputs: nodes whose values are wanted; one node may be several outputs.
        names: usually `locals()`: every tensor in it without a name gets its variable's name.
        name: what drawings and messages call the graph.

    Raises:
        GraphError: an input given twice, never fed or never read; an output no input reaches.
    """

    def __init__(
        self,
        inputs: Sequence[Tensor],
        outputs: Sequence[Tensor],
        names: Mapping[str, Any] | None = None,
        name: str = "",
    ) -> None:
        self.inputs: Tensors = as_tensors(inputs, "inputs")
        self.outputs: Tensors = as_tensors(outputs, "outputs")
        self.name = name
        self.nodes: list[Tensor] = below((*self.outputs, *self.inputs), stop=self.inputs)
        for variable, node in (names or {}).items():
            if isinstance(node, Tensor) and not node.name and not variable.startswith("_"):
                node.name = variable
        check_inputs(self.nodes, self.inputs)
        self._check_reach()
        fed = set(self.inputs)
        made = [n for n in self.nodes if n.op is not None and n not in fed]
        self._program: list[tuple[Tensor, Any, Step]] = [
            (n, n.op, Step("forward", n)) for n in made
        ]
        self._waiting = any(op.waits() for _, op, _ in self._program)
        self._leaves = [n for n in self.nodes if n.op is None and n not in fed]
        self._dated = any(n.data is not None for n in self.inputs if letters_of(n))
        self._open = self._dated or checked_late(self.inputs, self._program)
        self._seen: list[Any] = []
        self._calculated = calculated_with(self._program)
        self._backward_programs: dict[Any, list[tuple]] = {}

    @property
    def parameters(self) -> dict[str, Parameter]:
        """Every parameter once, by name, in the order in which they were made."""
        return parameter_names(self.nodes)

    def __call__(self, *args: Any, scope: str | None = None) -> Tensors:
        """Apply every op once more, to new inputs.

        Parameters are leaves, so the new nodes read the same ones.  That is all weight sharing is.

        Args:
            args: one tensor (or array) for each input.
            scope: where the new nodes stand, such as "t=3"; their own scope follows after "/".

        Returns:
            The new outputs.  The shapes inside were checked when the graph was built, so that only
            those of the arguments need checking now.
        """
        image, letters = self._match(args)
        ready = (
            LOCAL.recording and not self._open and all(n.data is not None for n in image.values())
        )
        xp = namespace(self._any_array(image.values())) if ready else None
        for node, op, _ in self._program:
            parents = tuple([image.get(p, p) for p in node.parents])
            if op.lettered:
                op = op.bind(letters)
            if ready:
                copy = node.again(op, parents, None, _joined(scope, node.scope))
                copy.data = value(op, xp, parents, copy)
            else:
                copy = op(*parents)
                copy.name, copy.where, copy.layer = node.name, node.where, node.layer
                copy.scope = _joined(scope, node.scope)
            image[node] = copy
        return tuple([image.get(node, node) for node in self.outputs])

    def forward(self, *arrays: Any) -> tuple[Any, ...]:
        """Feed the inputs, run every node, return the outputs' arrays.

        Values are kept in `node.data`: the next run overwrites them.
        """
        for _ in self.forward_steps(*arrays):  # to run is to step without looking
            pass
        return tuple(node.data for node in self.outputs)

    def forward_steps(self, *arrays: Any) -> Iterator[Step]:
        """Feed the inputs, then run one node at a time, eldest first.

        Raises:
            GraphError: for a wrong number of arrays.
            ShapeError: for an array that does not fit its input; nothing is changed then.
        """
        letters = self._feed(arrays)
        program = self._program
        if self._waiting:
            program = [(node, op.bind(letters), step) for node, op, step in program]
        self._check_late_shapes(program)
        return forward_steps(program, namespace(self._any_array(self.inputs)))

    def backward(
        self, *seeds: Any, wrt: Iterable[Tensor] | None = None, accumulate: bool = False
    ) -> tuple[Any, ...]:
        """Fill `.grad` of every node with dL/d(node), where dL/d(output) are the seeds.

        Args:
            seeds: one array for each output, in its shape; None counts as zeros.  A single scalar
                output needs none.
            wrt: the leaves whose gradients are wanted, by default all; training wants only
                `graph.parameters.values()` and saves the products that lead elsewhere.
            accumulate: add to the gradients that leaves already have, instead of starting fresh.

        Returns:
            The gradients of the inputs; None for one that no gradient reaches.
        """
        for _ in self.backward_steps(*seeds, wrt=wrt, accumulate=accumulate):
            pass
        return tuple(node.grad for node in self.inputs)

    def backward_steps(
        self, *seeds: Any, wrt: Iterable[Tensor] | None = None, accumulate: bool = False
    ) -> Iterator[Step]:
        """Differentiate one node at a time, youngest first: see `steps.backward_steps`."""
        keep_freed_memory()
        if not seeds and len(self.outputs) == 1:
            seeds = (None,)
        arrays = check_seeds(self.outputs, seeds, "backward")
        leaves = None if wrt is None else frozenset(asked_about(wrt, "backward"))
        program = self._backward_program(leaves)
        return backward_steps(self.nodes, program, zip(self.outputs, arrays), accumulate)

    def differentiate(self, wrt: Sequence[Tensor] | None = None) -> Graph:
        """The backward pass as a Graph of its own, by the same rules on tensors instead of arrays.

        Its inputs are this graph's inputs, then one seed for each output (none for a single
        scalar).  Its outputs are the gradients of `wrt`, named "..._bar".

        Args:
            wrt: the nodes asked about; by default the inputs, then the parameters.
        """
        asked = (*self.inputs, *self.parameters.values())
        if wrt is not None:
            asked = asked_about(wrt, "differentiate")
            refuse_integers(asked)
        with as_written([] if self._dated else self.nodes):
            scalar = len(self.outputs) == 1 and self.outputs[0].shape == ()
            seeds = [] if scalar else [_seed_for(y, k) for k, y in enumerate(self.outputs)]
            adjoint = self._adjoints(seeds or [Filled(1.0)(self.outputs[0])], asked)
            outputs = [adjoint[n] if n in adjoint else Filled(0.0)(n) for n in asked]
            name = f"{self.name} backward".strip()
            derived = _Unchecked((*self.inputs, *seeds), outputs, name=name)
        for node, g in adjoint.items():
            if node.name and not g.name:
                g.name, g.scope = f"{node.name}_bar", node.scope
        return derived

    def _adjoints(self, seeds: Sequence[Tensor], asked: Iterable[Tensor]) -> dict[Tensor, Tensor]:
        """For every node between the outputs and those asked about, the node of its gradient."""
        adjoint: dict[Tensor, Tensor] = {}
        for y, seed in zip(self.outputs, seeds):
            adjoint[y] = seed if y not in adjoint else adjoint[y] + seed
        wanted = leading_to(asked, self.nodes)
        for node, op, _ in reversed(self._program):
            g = adjoint.get(node)
            if g is None:
                continue
            contributions = op.vjp(g, node, *node.parents)
            if type(contributions) is not tuple or len(contributions) != len(node.parents):
                raise miscounted(node, op, contributions)
            for parent, sent in zip(node.parents, contributions):
                if sent is not None and parent in wanted:
                    sent = called(sent)
                    adjoint[parent] = adjoint[parent] + sent if parent in adjoint else sent
        return adjoint

    def __str__(self) -> str:
        return listing(self)

    def __repr__(self) -> str:
        inputs = ", ".join(node.title for node in self.inputs)
        outputs = ", ".join(node.title for node in self.outputs)
        return f"Graph({self.name or 'unnamed'}: {inputs} -> {outputs}; {len(self.nodes)} nodes)"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return VIEW["graph"](self) if "graph" in VIEW else {"text/plain": repr(self)}

    def _check_reach(self) -> None:
        check_reach(self.nodes, self.inputs, self.outputs)

    def _backward_program(self, wrt: frozenset[Tensor] | None) -> list[tuple]:
        if wrt not in self._backward_programs:
            for stranger in (wrt or set()).difference(self.nodes):
                raise blamed(stranger, f"backward: wrt names {stranger.title}, not in this graph")
            wanted = None if wrt is None else leading_to(wrt, self.nodes)
            self._backward_programs[wrt] = backward_program(self.nodes, self.inputs, wanted)
        return self._backward_programs[wrt]

    def _any_array(self, fed: Iterable[Tensor]) -> Any:
        return next(n.data for n in (*fed, *self._leaves) if n.data is not None)

    def _match(self, args: Sequence[Any]) -> tuple[dict[Tensor, Tensor], dict[str, Any]]:
        """Which node stands for which input, and which size (or letter) for which letter."""
        check_count(self.inputs, args, f"{self.name or 'graph'}(...)")
        beside = self._real_leaf()
        args = [
            as_argument(a, beside, node in self._calculated, self.name or "graph")
            for node, a in zip(self.inputs, args)
        ]
        letters: dict[str, Any] = {}
        for node, a in zip(self.inputs, args):
            unify(node, a.shape, letters, f"{self.name or 'graph'}(...)")
        check_kin([n for n in (*args, *self._leaves) if n.data is not None and is_real(n.data)])
        return dict(zip(self.inputs, args)), letters

    def _feed(self, arrays: Sequence[Any]) -> dict[str, Any]:
        check_count(self.inputs, arrays, "forward")
        ours = self._real_leaf()
        given = [converted(a, ours, n in self._calculated) for n, a in zip(self.inputs, arrays)]
        letters: dict[str, Any] = {}
        for node, array in zip(self.inputs, given):
            unify(node, tuple(array.shape), letters, "forward")
        before = [node.data for node in self.inputs]
        for node, array in zip(self.inputs, given):
            node.data = array
        try:
            check_kin((*self.inputs, *self._leaves))
        except Exception:
            for node, data in zip(self.inputs, before):
                node.data = data
            raise
        return letters

    def _check_late_shapes(self, program: list[tuple]) -> None:
        if self._open and (arrived := [node.shape for node in self.inputs]) != self._seen:
            check_shapes(program)
            self._seen = arrived

    def _real_leaf(self) -> Any:
        for node in self._leaves:
            if node.data is not None and is_real(node.data):
                return node.data
        return None


class _Unchecked(Graph):
    """A derived graph: the derivative of a sum reads no input, and that is no mistake."""

    def _check_reach(self) -> None:
        pass


def as_graph(value: Any, call: str) -> Graph:
    """The value itself if it is a Graph; ArgumentError for a cell without sizes, or a tensor.

    Args:
        call: what was called with it, for the message.
    """
    if isinstance(value, Graph):
        return value
    cure = "a tensor becomes one by Graph([], [tensor])"
    if callable(value):
        name = getattr(value, "__name__", "cell")
        cure = f"make it by its sizes first, {name}(input_size, hidden_size)"
        value = name
    raise ArgumentError(f"{call} takes a Graph, not {value!r}; {cure}")


def _joined(outer: str | None, inner: str | None) -> str | None:
    return f"{outer}/{inner}" if outer and inner else outer or inner


def _seed_for(y: Tensor, k: int) -> Tensor:
    seed = Input(f"{y.name or f'output_{k}'}_seed", *y.shape)
    seed.scope = y.scope
    return seed
