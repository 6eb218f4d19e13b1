"""A Graph is some nodes between inputs and outputs: run it, step it, differentiate it, apply it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

from .backend import asarray, keep_freed_memory, namespace
from .checks import check_kin, check_seeds, is_real
from .errors import ArgumentError, DtypeError, GraphError, ShapeError
from .listing import listing, parameter_names
from .ops.flow import Filled
from .settings import LOCAL
from .steps import Step, backward_program, backward_steps, below, called, forward_steps, value
from .tensor import Input, Parameter, Tensor
from .where import ANY, shape_text

Tensors = tuple[Tensor, ...]

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
        self.inputs: Tensors = _tensors(inputs, "inputs")
        self.outputs: Tensors = _tensors(outputs, "outputs")
        self.name = name
        self.nodes: list[Tensor] = below((*self.outputs, *self.inputs), stop=self.inputs)
        for variable, value in (names or {}).items():
            if isinstance(value, Tensor) and not value.name and not variable.startswith("_"):
                value.name = variable
        self._check()
        fed = set(self.inputs)
        made = [n for n in self.nodes if n.op is not None and n not in fed]
        self._program = [(n, n.op, Step("forward", n)) for n in made]
        self._waiting = any(n.op.waits() for n in made)
        self._leaves = [n for n in self.nodes if n.op is None and n not in fed]
        self._open = any(n.declared == ANY for n in self.inputs)
        self._seen: list[Any] = []
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
        self._check_shapes()
        program = self._program
        if self._waiting:
            program = [(node, op.bind(letters), step) for node, op, step in program]
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
        program = self._backward_program(None if wrt is None else frozenset(wrt))
        return backward_steps(self.nodes, program, zip(self.outputs, arrays), accumulate)

    def differentiate(self, wrt: Sequence[Tensor] | None = None) -> Graph:
        """The backward pass as a Graph of its own, by the same rules on tensors instead of arrays.

        Its inputs are this graph's inputs, then one seed for each output (none for a single
        scalar).  Its outputs are the gradients of `wrt`, named "..._bar".

        Args:
            wrt: the nodes asked about; by default the inputs, then the parameters.
        """
        asked = (*self.inputs, *self.parameters.values()) if wrt is None else tuple(wrt)
        _refuse_integers(asked if wrt is not None else ())
        scalar = len(self.outputs) == 1 and self.outputs[0].shape == ()
        seeds = [] if scalar else [_seed_for(y, k) for k, y in enumerate(self.outputs)]
        adjoint: dict[Tensor, Tensor] = {}
        for y, seed in zip(self.outputs, seeds or [Filled(1.0)(self.outputs[0])]):
            adjoint[y] = seed if y not in adjoint else adjoint[y] + seed
        wanted = self._leading_to(asked)
        for node, op, _ in reversed(self._program):
            g = adjoint.get(node)
            if g is None:
                continue
            for parent, sent in zip(node.parents, op.vjp(g, node, *node.parents)):
                if sent is not None and parent in wanted:
                    sent = called(sent)
                    adjoint[parent] = adjoint[parent] + sent if parent in adjoint else sent
        for node, g in adjoint.items():
            if node.name and not g.name:
                g.name, g.scope = f"{node.name}_bar", node.scope
        outputs = [adjoint[n] if n in adjoint else Filled(0.0)(n) for n in asked]
        return _Unchecked((*self.inputs, *seeds), outputs, name=f"{self.name} backward".strip())

    def __str__(self) -> str:
        return listing(self)

    def __repr__(self) -> str:
        inputs = ", ".join(node.title for node in self.inputs)
        outputs = ", ".join(node.title for node in self.outputs)
        return f"Graph({self.name or 'unnamed'}: {inputs} -> {outputs}; {len(self.nodes)} nodes)"

    def _repr_mimebundle_(self, include: Any = None, exclude: Any = None) -> dict[str, str]:
        return VIEW["graph"](self) if "graph" in VIEW else {"text/plain": repr(self)}

    def _check(self) -> None:
        seen: set[Tensor] = set()
        for node in self.inputs:
            if node in seen:
                raise _at(node, f"Graph: {node.title} is given twice among the inputs")
            seen.add(node)
        hungry = [n for n in self.nodes if isinstance(n, Input) and n not in seen]
        if hungry:
            names = [n.name for n in hungry]
            raise _at(
                hungry[0], f"Graph: {names} are read but never fed; add them to Graph(inputs=...)"
            )
        self._check_reach(seen)

    def _check_reach(self, fed: set[Tensor]) -> None:
        reached, read = set(fed), set(self.outputs)
        for node in self.nodes:
            if node not in fed:
                read.update(node.parents)
                if any(p in reached for p in node.parents):
                    reached.add(node)
        for node in self.outputs:
            if fed and node not in reached:
                raise _at(node, f"Graph: no input reaches the output {node.title}")
        for node in self.inputs:
            if node not in read:
                raise _at(node, f"Graph: the input {node.title} is never read; leave it out")

    def _leading_to(self, leaves: Iterable[Tensor]) -> set[Tensor]:
        """The nodes through which gradients must pass to reach these leaves."""
        wanted = set(leaves)
        for node in self.nodes:
            if any(parent in wanted for parent in node.parents):
                wanted.add(node)
        return wanted

    def _backward_program(self, wrt: frozenset[Tensor] | None) -> list[tuple]:
        if wrt not in self._backward_programs:
            wanted = None if wrt is None else self._leading_to(wrt)
            self._backward_programs[wrt] = backward_program(self.nodes, self.inputs, wanted)
        return self._backward_programs[wrt]

    def _any_array(self, fed: Iterable[Tensor]) -> Any:
        return next(n.data for n in (*fed, *self._leaves) if n.data is not None)

    def _match(self, args: Sequence[Any]) -> tuple[dict[Tensor, Tensor], dict[str, Any]]:
        """Which node stands for which input, and which size (or letter) for which letter."""
        _check_count(self.inputs, args, f"{self.name or 'graph'}(...)")
        args = [self._as_argument(a) for a in args]
        letters: dict[str, Any] = {}
        for node, a in zip(self.inputs, args):
            _unify(node, a.shape, letters)
        check_kin([n for n in (*args, *self._leaves) if n.data is not None and is_real(n.data)])
        return dict(zip(self.inputs, args)), letters

    def _as_argument(self, value: Any) -> Tensor:
        if isinstance(value, Tensor):
            return value
        if hasattr(value, "is_layer") or isinstance(value, type | Graph | tuple):
            raise ArgumentError(
                f"{self.name or 'graph'}(...) got {value!r}, not a tensor. "
                "Graphs return a tuple of tensors: unpack it, as in c, h = cell(x, c, h)"
            )
        return Tensor(_converted(value, self._real_leaf()))

    def _feed(self, arrays: Sequence[Any]) -> dict[str, Any]:
        _check_count(self.inputs, arrays, "forward")
        ours = self._real_leaf()
        given = [_converted(a, ours) for a in arrays]
        letters: dict[str, Any] = {}
        for node, array in zip(self.inputs, given):
            _unify(node, tuple(array.shape), letters)
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

    def _check_shapes(self) -> None:
        """Ask the shape rules that an input of any shape has put off, once for every new shape."""
        arrived = [node.shape for node in self.inputs]
        if not self._open or arrived == self._seen:
            return
        shapes: dict[Tensor, Any] = {}
        for node, op, *_ in self._program:
            try:
                shapes[node] = op.shape(*[shapes.get(p, p.shape) for p in node.parents])
            except ShapeError as error:
                raise node.explained(error, op) from None
        self._seen = arrived

    def _real_leaf(self) -> Any:
        for node in self._leaves:
            if node.data is not None and is_real(node.data):
                return node.data
        return None


def _converted(value: Any, ours: Any) -> Any:
    """What comes in from outside takes the precision of the parameters."""
    array = value.data if isinstance(value, Tensor) else asarray(value)
    if ours is None or array.dtype == ours.dtype or not is_real(array):
        return array
    return namespace(array).astype(array, ours.dtype)


class _Unchecked(Graph):
    """A derived graph: the derivative of a sum reads no input, and that is no mistake."""

    def _check_reach(self, fed: set[Tensor]) -> None:
        pass


def _tensors(nodes: Sequence[Tensor], role: str) -> Tensors:
    if isinstance(nodes, Tensor):
        raise ArgumentError(f"Graph: {role} is a list of tensors: write [{nodes.name or 'x'}]")
    for node in nodes:
        if not isinstance(node, Tensor):
            raise ArgumentError(
                f"Graph: {role} holds {node!r}, not a tensor. "
                "Did you forget the second call: layer(x)?"
            )
    return tuple(nodes)


def _joined(outer: str | None, inner: str | None) -> str | None:
    return f"{outer}/{inner}" if outer and inner else outer or inner


def _check_count(inputs: Tensors, given: Sequence[Any], call: str) -> None:
    if len(given) != len(inputs):
        names = ", ".join(node.title for node in inputs)
        raise GraphError(f"{call}: {len(given)} values for {len(inputs)} inputs: {names}")


def _unify(node: Tensor, shape: tuple, letters: dict[str, Any]) -> None:
    """Let the letters of an input's declared shape stand for the sizes that arrived."""
    declared = node.declared or node.shape
    if ANY in (declared, shape):
        return
    fits = len(declared) == len(shape)
    for want, got in zip(declared, shape):
        want = letters.setdefault(want, got) if isinstance(want, str) else want
        fits = fits and want == got
    if not fits:
        known = "".join(f", where {k} = {v}" for k, v in letters.items() if k in declared)
        raise _at(
            node,
            f"{node.name or 'input'} takes {shape_text(declared)}{known}; it got {shape_text(shape)}",
            ShapeError,
        )


def _refuse_integers(nodes: Sequence[Tensor]) -> None:
    for node in nodes:
        if node.data is not None and not is_real(node.data):
            raise DtypeError(
                f"differentiate: {node.title} is {node.dtype}; only floats have gradients"
            )


def _seed_for(y: Tensor, k: int) -> Tensor:
    seed = Input(f"{y.name or f'output_{k}'}_seed", *y.shape)
    seed.scope = y.scope
    return seed


def _at(node: Tensor, text: str, kind: type = GraphError) -> Exception:
    error = kind(f"{text}\n  written at {node.where}" if node.where else text)
    error.node = node
    return error
